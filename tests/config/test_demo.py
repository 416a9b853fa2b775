"""The demo's settings reach nothing of the operator's."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.cli.globals import DEMO_RUNTIMES, app_only
from opstui.config.demo import RUNTIMES, WORKFLOWS, demo_settings
from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.config.references import secret_refs
from opstui.config.settings import Settings

OWN = """
[operator]
name = "sam"
[tickets.rt]
kind = "rt"
url = "https://rt.example.com"
token = { env = "RT_TOKEN" }
[runtimes.managed]
kind = "managed-agents"
model = "claude-sonnet-5-5"
api_key = { env = "KEY" }
[workflows.incident-summary]
runtime = "managed"
[network]
proxy = "http://proxy.example.com:3128"
"""


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    (tmp_path / "config.toml").write_text(OWN)
    return load(Paths.find({"OPSTUI_HOME": str(tmp_path)}), environ={}).settings


def test_nothing_that_reaches_out_is_taken_over(own: Settings) -> None:
    demo = demo_settings(own, "managed")
    assert demo.operator.name == "sam"
    assert set(demo.tickets) == {"local"}
    assert demo.network.proxy is None
    assert secret_refs(demo) == {}
    assert [runtime.base_url for runtime in demo.runtimes.values()] == [None, None, None]


@pytest.mark.parametrize(
    ("flag", "runtime"), [(None, "offline"), ("offline", "offline"), ("managed", "managed"), ("messages", "messages")]
)
def test_the_flag_says_what_runs_the_workflows(own: Settings, flag: str | None, runtime: str) -> None:
    demo = demo_settings(own, flag)
    assert {name: item.runtime for name, item in demo.workflows.items()} == dict.fromkeys(WORKFLOWS, runtime)
    assert set(RUNTIMES.values()) == set(demo.runtimes)


def test_the_flag_is_read_without_click() -> None:
    options = app_only(["demo", "--runtime", "managed", "--fresh"])
    assert options is not None
    assert (options.demo, options.runtime, options.fresh) == (True, "managed", True)
    assert app_only(["demo", "--runtime", "nobody"]) is None
    assert app_only(["demo", "--runtime"]) is None
    assert set(DEMO_RUNTIMES) == set(RUNTIMES)
