"""What doctor says of the network settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.config.network import IGNORED, probe
from opstui.config.settings import NetworkSettings, ProxyUrl


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IGNORED:
        monkeypatch.delenv(name, raising=False)


def test_what_is_used_is_named() -> None:
    [told] = probe(NetworkSettings())
    assert (told.state, told.text) == ("pass", "no proxy, the system's certificates")
    [told] = probe(NetworkSettings(proxy=ProxyUrl("http://proxy.example.com:3128")))
    assert "proxy http://proxy.example.com:3128" in told.text


def test_a_proxy_in_the_environment_is_said_not_to_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@proxy.example.com")
    told = probe(NetworkSettings())
    assert [line.state for line in told] == ["pass", "warn"]
    assert "HTTPS_PROXY" in told[1].text
    assert "canary" not in str(told)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_can_not_be_read_are_a_fail(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "company.pem"
    if content is not None:
        file.write_text(content)
    [told] = probe(NetworkSettings(ca_file=file))
    assert told.state == "fail"
    assert "company.pem" in told.text
