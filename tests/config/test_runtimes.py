"""What the config says of runtimes, their keys and their prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.config.references import secret_refs
from opstui.config.settings import Settings
from opstui.core.errors import ConfigError
from opstui.core.secrets import SecretRef
from opstui.wiring import take_secrets

MANAGED = '[runtimes.managed]\nkind = "managed-agents"\nmodel = "claude-sonnet-5-5"\n'


def read(folder: Path, text: str) -> Settings:
    (folder / "config.toml").write_text(text, "utf-8")
    return load(Paths.find({"OPSTUI_HOME": str(folder)}), environ={"USER": "sam"}).settings


def test_a_managed_runtime_has_an_address_and_puts_its_sessions_into_the_archive(tmp_path: Path) -> None:
    runtime = read(tmp_path, MANAGED).runtimes["managed"]
    assert (runtime.base_url, runtime.after_shift, runtime.parallel) == ("https://api.anthropic.com", "archive", 4)


def test_what_the_config_says_of_them_holds(tmp_path: Path) -> None:
    text = MANAGED + 'after_shift = "delete"\nbase_url = "http://127.0.0.1:8080"\neffort = "xhigh"\n'
    runtime = read(tmp_path, text).runtimes["managed"]
    assert (runtime.base_url, runtime.after_shift, runtime.effort) == ("http://127.0.0.1:8080", "delete", "xhigh")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MANAGED + 'after_shift = "burn"\n', "wants one of archive, delete, keep"),
        (MANAGED + 'base_url = "http://api.example.com"\n', "must be https"),
        (MANAGED + 'base_url = "https://me:pass@api.example.com"\n', "must not stand in an address"),
        (MANAGED + 'api_key = "sk-ant-canary"\n', "a secret must not stand in this file"),
        (MANAGED + 'api_key = { keyring = "opstui/" }\n', "service/name"),
        (MANAGED + 'api_key = { env = "A", file = "b" }\n', "exactly one of"),
        ('[runtimes.desk]\nkind = "messages"\nmodel = "x"\n', "base_url is missing"),
        ('[runtimes.managed]\nkind = "managed-agents"\n', "model is missing"),
        ('[runtimes.plain]\nkind = "extractive"\nmodel = "x"\n', "has neither"),
        (MANAGED + '[workflows.triage]\nruntime = "managed"\nbudget = "0.00"\n', "at least a cent"),
        ('[workflows.triage]\nfallback = "nobody"\n', "no runtime 'nobody'"),
    ],
)
def test_what_can_not_be_is_refused_with_its_line_and_never_its_secret(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "config.toml:" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_every_reference_to_a_secret_is_known_by_its_key(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        MANAGED
        + 'api_key = { keyring = "opstui/anthropic" }\n'
        + '[tickets.rt]\nkind = "rt"\nurl = "https://rt.example.com"\ntoken = { env = "RT_TOKEN" }\n'
        + '[store]\npassword = { cmd = ["op", "read", "op://ops/db"] }\n',
    )
    assert secret_refs(settings) == {
        "tickets.rt.token": SecretRef("env", ("RT_TOKEN",)),
        "runtimes.managed.api_key": SecretRef("keyring", ("opstui/anthropic",)),
        "store.password": SecretRef("cmd", ("op", "read", "op://ops/db")),
    }
    assert secret_refs(Settings()) == {}


def test_variables_that_hold_a_secret_are_taken_out_of_the_environment(tmp_path: Path) -> None:
    settings = read(tmp_path, MANAGED + 'api_key = { env = "MY_KEY" }\n')
    environ = {"MY_KEY": "sk-1234567", "ANTHROPIC_AUTH_TOKEN": "token-1234", "PATH": "/bin"}
    assert take_secrets(settings, environ) == {"MY_KEY": "sk-1234567", "ANTHROPIC_AUTH_TOKEN": "token-1234"}
    assert environ == {"PATH": "/bin"}
