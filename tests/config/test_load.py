"""Settings are read strictly, from several places, and each value knows where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opstui.config.load import Loaded, load, machine_zone
from opstui.config.paths import Paths
from opstui.config.settings import SecretRef
from opstui.core.errors import ConfigError

WHOLE = """\
[operator]
name = "alex"

[tickets.rt]
kind = "rt"
url = "https://rt.example.com/"
token = { env = "RT_TOKEN" }
[tickets.rt.severity]
urgent = "1"

[[queues]]
name = "Incidents"
system = "rt"
query = "Queue = 'Incidents'"

[[views]]
name = "Mine"
filter = "assignee:me"

[knowledge.runbooks]
path = "pages"

[runtimes.desk]
kind = "messages"
base_url = "http://127.0.0.1:11434"
model = "qwen3:32b"
rates = { hour = "0.35" }

[workflows.incident-summary]
runtime = "desk"
fallback = "offline"
budget = "0.50"

[shift]
timezone = "Europe/Berlin"
starts = ["06:00", 14:00:00, "22:00"]
budget = "25.00"

[ui]
theme = "opstui-light"
[ui.keys]
"session.interrupt" = "I"

[profiles.night.ui]
theme = "opstui-dark"
"""


def read(
    folder: Path, text: str | bytes, *, environ: Mapping[str, str] | None = None, site: str | None = None, **more: Any
) -> Loaded:
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    paths = Paths.find({"OPSTUI_HOME": str(folder)})
    if site is not None:
        from dataclasses import replace

        (folder / "site.toml").write_text(site)
        paths = replace(paths, site_file=folder / "site.toml")
    return load(paths, environ={"USER": "sam", **(environ or {})}, **more)


def error(folder: Path, text: str | bytes, **more: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **more)
    return caught.value


def test_a_whole_config_is_read_into_typed_settings(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE).settings
    assert settings.operator.name == "alex"
    assert settings.tickets["rt"].url == "https://rt.example.com"
    assert settings.tickets["rt"].token == SecretRef("env", ("RT_TOKEN",))
    assert settings.tickets["rt"].severity == {"urgent": "1"}
    assert settings.queues[0].query == "Queue = 'Incidents'"
    assert settings.knowledge["runbooks"].path == tmp_path / "pages"
    assert settings.runtimes["desk"].rates is not None
    assert settings.runtimes["desk"].rates.hour == Decimal("0.35")
    assert settings.workflows["incident-summary"].budget == 500_000
    assert settings.shift.starts == (time(6), time(14), time(22))
    assert settings.ui.keys == {"session.interrupt": "I"}


def test_the_embedded_system_and_the_offline_runtime_are_always_there(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE).settings
    assert settings.tickets["local"].kind == "local"
    assert settings.runtimes["offline"].kind == "extractive"


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load(Paths.find({"OPSTUI_HOME": str(tmp_path)}), environ={"USER": "sam"})
    assert not loaded.file_exists
    assert loaded.settings.operator.name == "sam"
    assert list(loaded.settings.tickets) == ["local"]
    assert loaded.sources == {}


def test_flags_win_over_variables_over_profile_over_user_over_site(tmp_path: Path) -> None:
    site = '[ui]\ntheme = "a"\nmouse = "off"\n[store]\nkeep_days = 7\n[network]\nca_file = "/x"\n'
    text = '[ui]\ntheme = "b"\nmouse = "on"\n[store]\nkeep_days = 8\n[operator]\nname = "u"\n'
    text += '[profiles.n.ui]\ntheme = "c"\n'
    environ = {"OPSTUI_UI_THEME": "d", "OPSTUI_STORE_KEEP_DAYS": "9"}
    assert read(tmp_path, text, site=site).settings.ui.theme == "b"
    assert read(tmp_path, text, site=site, profile="n").settings.ui.theme == "c"
    assert read(tmp_path, text, site=site, profile="n", environ=environ).settings.ui.theme == "d"
    loaded = read(tmp_path, text, site=site, profile="n", environ=environ, flags={"ui.theme": "e", "ui.mouse": None})
    assert loaded.settings.ui.theme == "e"
    assert loaded.settings.store.keep_days == 9
    assert loaded.sources["ui.theme"] == "command line"
    assert loaded.sources["store.keep_days"] == "OPSTUI_STORE_KEEP_DAYS"
    assert loaded.sources["ui.mouse"] == "user file, line 3"
    assert loaded.sources["network.ca_file"] == "site file, line 7"


def test_the_current_folder_is_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "config.toml").write_text("[nonsense]\n")
    monkeypatch.chdir(tmp_path / "here")
    loaded = load(Paths.find({"OPSTUI_HOME": str(tmp_path / "home")}), environ={})
    assert not loaded.file_exists


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('\n[ui]\nthem = "x"\n', 3, "ui.them", "did you mean 'theme'"),
        ("[uii]\n", 1, "uii", "did you mean 'ui'"),
        ("[ui]\ntheme = 3\n", 2, "ui.theme", "wants a string, this is a number"),
        ('[ui]\nmouse = "yes"\n', 2, "ui.mouse", "auto, on, off"),
        ("[store]\nkeep_days = true\n", 2, "store.keep_days", "whole number"),
        ("[store]\nkeep_days = 0\n", 2, "store.keep_days", "from 1"),
        ('[tickets.rt]\nkind = "rtt"\nurl = "https://x.example"\n', 2, "tickets.rt.kind", "did you mean 'rt'"),
        ('[tickets.rt]\nkind = "nonsense"\nurl = "https://x.example"\n', 2, "tickets.rt.kind", "no installed package"),
        ('[tickets.rt]\nkind = "rt"\n', 1, "tickets.rt", "needs its url"),
        ('[tickets.j]\nkind = "jira"\n', 1, "tickets.j", "needs its url and its user"),
        ('[tickets.s]\nkind = "servicenow"\nurl = "https://x.example"\n', 1, "tickets.s", "needs its user"),
        ('[tickets.z]\nkind = "zendesk"\nurl = "https://x.example"\n', 1, "tickets.z", "needs its user"),
        ('[tickets.am]\nkind = "alertmanager"\n', 1, "tickets.am", "needs its url"),
        ('[tickets.gh]\nkind = "github"\n', 1, "tickets.gh", "repo:"),
        ('[tickets.gh]\nkind = "github"\n[[queues]]\nname = "a"\nsystem = "gh"\nquery = "is:open"\n', 6,
         "queues[1].query", "exactly one repo:"),
        ('[tickets.gh]\nkind = "github"\n[[queues]]\nname = "a"\nsystem = "gh"\nquery = "repo:a/b repo:a/c"\n', 6,
         "queues[1].query", "exactly one repo:"),
        ('[tickets.pd]\nkind = "pagerduty"\nuser = "a@x.example"\nop_field = "X"\n', 4, "tickets.pd.op_field",
         "leave this key out"),
        ('[tickets.rt]\nkind = "rt"\nurl = "https://x.example/?next=1"\n', 3, "tickets.rt.url", "without ? and #"),
        ('[tickets.local]\nkind = "local"\n[tickets.local.options]\na = "b"\n', 1, "tickets.local", "nor options"),
        ('[tickets.rt]\nkind = "rt"\nurl = "https://x.example"\n[tickets.rt.options]\na = 3\n', 5,
         "tickets.rt.options.a", "wants a string"),
        ('[tickets.rt]\nkind = "rt"\nurl = "https://x.example"\n[tickets.rt.options]\na = "x"\n', 5,
         "tickets.rt.options.a", "rt knows none"),
        ('[tickets.z]\nkind = "zendesk"\nurl = "https://x.org"\nuser = "a"\n[tickets.z.options]\nservicefield = ""\n',
         6, "tickets.z.options.servicefield", "did you mean 'service_field'"),
        ('[tickets.rt]\nkind = "rt"\nurl = "https://x.example"\n[tickets.rt.severity]\nurgent = "5"\n', 5,
         "tickets.rt.severity.urgent", "wants one of 1, 2, 3, 4"),
        ('[tickets.rt]\nkind = "rt"\nurl = "http://x.example"\n', 3, "tickets.rt.url", "https"),
        ('[tickets."a b"]\nkind = "rt"\nurl = "https://x.example"\n', 1, 'tickets."a b"', "a name is"),
        ('[tickets.local]\nkind = "rt"\nurl = "https://x.example"\n', 1, "tickets.local", "another name"),
        ('[ui]\ntheme = "x"\n[tickets.desk]\nkind = "local"\n', 3, "tickets.desk", "one embedded system"),
        ('[tickets.shift]\nkind = "rt"\nurl = "https://rt.example.com"\n', 1, "tickets.shift", "the shift's own board"),
        ('[[queues]]\nname = "a"\nsystem = "local"\n[[queues]]\nname = "b"\nsystem = "rt"\n', 6, "queues[2].system",
         "there are: local"),
        ('[[queues]]\nname = "a"\nsystem = "local"\n[[queues]]\nsystem = "local"\n', 4, "queues[2]", "name is missing"),
        ('[[views]]\nname = "a"\n[[views]]\nname = "a"\n', 4, "views[2].name", "another one"),
        ("queues = 3\n", 1, "queues", "[[queues]]"),
        ("[shift]\nbudget = 0.5\n", 2, "shift.budget", "in quotes"),
        ('[shift]\nbudget = "0.505"\n', 2, "shift.budget", "whole cents"),
        ('[shift]\nbudget = "NaN"\n', 2, "shift.budget", "dollars"),
        ('[shift]\nbudget = "5"\nceiling = "1"\n', 3, "shift.ceiling", "below the budget"),
        ('[shift]\ntimezone = "Mars/Olympus"\n', 2, "shift.timezone", "IANA"),
        ('[shift]\nstarts = ["25:00"]\n', 2, "shift.starts", "times of day"),
        ('[workflows.x]\nruntime = "ofline"\n', 2, "workflows.x.runtime", "did you mean 'offline'"),
        ('[ui.keys]\nsession.interrupt = "i"\n', 2, "ui.keys.session", "quotes"),
        ('[ui.keys]\n"session.interupt" = "i"\n', 2, 'ui.keys."session.interupt"', "opstui keys"),
        ('[profiles.n.ui]\nthem = "x"\n', 2, "ui.them", "theme"),
        ('[ui]\ntheme = "\\u001b[31m"\n', 2, "ui.theme", "control"),
        ("x =\n", 1, None, "not TOML"),
        ('[ui]\ntheme = "unclosed\n', 2, None, "not TOML"),
        (b"\n\n\xff\n", 3, None, "UTF-8"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_key(
    tmp_path: Path, text: str | bytes, line: int, key: str | None, words: str
) -> None:
    found = error(tmp_path, text)
    assert words in str(found)
    assert (found.line, found.key) == (line, key)
    assert str(found).startswith(f"{tmp_path / 'config.toml'}:{line}: ")
    assert found.exit_code == 2


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a" * 1_000_001, "\x00", "[ui]\n" + "[ui.x]\n" * 2],
    ids=["deep", "a huge number", "long", "a zero byte", "a table twice"],
)
def test_a_file_that_is_no_config_at_all_is_a_config_error(tmp_path: Path, text: str) -> None:
    assert error(tmp_path, text).file == str(tmp_path / "config.toml")


@pytest.mark.parametrize(
    "line",
    [
        'token = "hunter2"',
        'token = { env = "hunter2", file = "x" }',
        'token = { env = "hunter2 hunter2" }',
        'token = { password = "hunter2" }',
        'url = "https://alex:hunter2@rt.example.com"',
        'password = "hunter2"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(tmp_path: Path, line: str) -> None:
    text = f'[tickets.rt]\nkind = "rt"\n{line}\n' + (
        "" if line.startswith("url") else 'url = "https://rt.example.com"\n'
    )
    assert "hunter2" not in str(error(tmp_path, text))


def test_the_four_ways_to_refer_to_a_secret(tmp_path: Path) -> None:
    refs = {
        '{ env = "A" }': SecretRef("env", ("A",)),
        '{ keyring = "opstui/rt" }': SecretRef("keyring", ("opstui/rt",)),
        '{ cmd = ["op", "read", "op://x"] }': SecretRef("cmd", ("op", "read", "op://x")),
        '{ file = "secrets/rt" }': SecretRef("file", (str(tmp_path / "secrets/rt"),)),
    }
    for text, wanted in refs.items():
        settings = read(tmp_path, f'[tickets.rt]\nkind = "rt"\nurl = "https://x.example"\ntoken = {text}\n').settings
        assert settings.tickets["rt"].token == wanted


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "rt.localhost"])
def test_plain_http_goes_to_this_machine_only(tmp_path: Path, host: str) -> None:
    read(tmp_path, f'[tickets.rt]\nkind = "rt"\nurl = "http://{host}:8080/rt"\n')
    error(tmp_path, '[tickets.rt]\nkind = "rt"\nurl = "http://localhost.example.com"\n')


def test_systems_that_stand_in_one_place_need_no_address(tmp_path: Path) -> None:
    text = '[tickets.pd]\nkind = "pagerduty"\nuser = "a@x.example"\n[tickets.gh]\nkind = "github"\n'
    text += '[tickets.eu]\nkind = "pagerduty"\nuser = "a@x.example"\nurl = "https://api.eu.pagerduty.com"\n'
    text += '[[queues]]\nname = "a"\nsystem = "gh"\nquery = "repo:acme/ops is:open"\n'
    tickets = read(tmp_path, text).settings.tickets
    assert tickets["pd"].url == "https://api.pagerduty.com"
    assert tickets["eu"].url == "https://api.eu.pagerduty.com"
    assert tickets["gh"].url == "https://api.github.com"


def test_a_file_that_somebody_named_must_exist(tmp_path: Path) -> None:
    paths = Paths.find({"OPSTUI_HOME": str(tmp_path), "OPSTUI_CONFIG": str(tmp_path / "no.toml")})
    with pytest.raises(ConfigError, match="no such file"):
        load(paths, environ={})


def test_a_folder_in_place_of_the_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(Paths.find({"OPSTUI_HOME": str(tmp_path)}).with_config(tmp_path), environ={})


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    assert "night" in str(error(tmp_path, WHOLE, profile="nigth"))


def test_a_variable_is_checked_like_the_file(tmp_path: Path) -> None:
    found = error(tmp_path, "", environ={"OPSTUI_SHIFT_BUDGET": "0.555"})
    assert str(found).startswith("OPSTUI_SHIFT_BUDGET: shift.budget")


def test_the_machines_zone_comes_from_tz_where_it_names_one() -> None:
    assert machine_zone({"TZ": ":Europe/Berlin"}) == "Europe/Berlin"
    assert machine_zone({"TZ": "nonsense/zone"}) != "nonsense/zone"
