"""A connector that another package brings: it works like ours, and when it does not, everything else does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import PROJECT, Done

CANARY = "canary-0c7f41"
CONFIG = """\
[tickets.acme]
kind = "acme"
url = "https://acme.example"
token = {{ env = "ACME_TOKEN" }}
[tickets.acme.options]
file = "{file}"
break = "{trouble}"

[[queues]]
name = "Acme"
system = "acme"
[[queues]]
name = "Here"
system = "local"
"""


class Elsewhere:
    """A folder of packages that pip might have made, and a config that names what is in it."""

    def __init__(self, opstui: Callable[..., Done], folder: Path) -> None:
        self._opstui = opstui
        self.packages = folder / "site-packages"
        self.config = folder / "c.toml"
        self.file = folder / "acme.json"
        self.file.write_text(
            json.dumps({
                "A-1": {"title": "checkout \x1b[31mis slow", "status": "open", "entries": []},
                "A-2": {"title": "disk full", "status": "open", "entries": [{"author": "bo", "text": "me\x07 too"}]},
            })
        )  # fmt: skip
        self.configure()

    def configure(self, trouble: str = "") -> None:
        self.config.write_text(CONFIG.format(file=self.file, trouble=trouble))

    def install(self, code: str, kind: str = "acme") -> None:
        (self.packages / "acme_tickets").mkdir(parents=True, exist_ok=True)
        (self.packages / "acme_tickets" / "__init__.py").write_text(code)
        told = self.packages / "acme_opstui-1.0.dist-info"
        told.mkdir(exist_ok=True)
        (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-opstui\nVersion: 1.0\n")
        (told / "entry_points.txt").write_text(f"[opstui.tickets]\n{kind} = acme_tickets:connect\n")

    def __call__(self, *words: str) -> Done:
        done = self._opstui("--config", self.config, *words, PYTHONPATH=f"{PROJECT}:{self.packages}", ACME_TOKEN=CANARY)
        assert CANARY not in done.out + done.err
        assert "\x1b" not in done.out + done.err
        assert "Traceback" not in done.err
        return done

    def health(self, code: int = 0) -> dict[str, tuple[str, str | None]]:
        done = self("queue", "list", "--json")
        assert done.code == code
        return {queue["name"]: (queue["state"], queue["error"]) for queue in done.json}


@pytest.fixture
def elsewhere(opstui: Callable[..., Done], tmp_path: Path) -> Elsewhere:
    return Elsewhere(opstui, tmp_path)


WORKING = (Path(__file__).parent / "acme_tickets.py").read_text()


def test_it_is_read_and_written_like_one_of_ours(elsewhere: Elsewhere) -> None:
    elsewhere.install(WORKING)
    assert elsewhere.health() == {"Acme": ("live", None), "Here": ("live", None)}
    found = {ticket["ref"]: ticket["title"] for ticket in elsewhere("ticket", "list", "--json").json}
    assert found == {"acme:A-1": "checkout ␛[31mis slow", "acme:A-2": "disk full"}
    assert elsewhere("ticket", "show", "acme:A-2", "--json").json["timeline"][0]["text"] == "me␇ too"

    note = elsewhere.file.with_name("note.md")
    note.write_text("restarted it")
    draft = elsewhere(
        "draft", "new", "acme:A-1", "--set", "/status=done", "--comment-file", str(note), "--json"
    ).json  # fmt: skip
    assert elsewhere("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]).code == 0
    [sent] = elsewhere("push", "--json").json
    assert (sent["state"], sent["error"]) == ("pushed", None)
    there = json.loads(elsewhere.file.read_text())["A-1"]
    assert (there["status"], [entry["text"] for entry in there["entries"]]) == ("done", ["restarted it"])


def test_what_it_cannot_do_is_refused_with_its_reason(elsewhere: Elsewhere) -> None:
    elsewhere.install(WORKING)
    done = elsewhere("draft", "new", "acme:A-1", "--attach", str(elsewhere.config), "--json")
    assert done.code == 1
    assert "Acme takes no files" in done.err


BROKEN = {
    "a module that is not there": "import no_such_module_here\n",
    "a module with a mistake": "def connect(connection:\n",
    "no connect": "x = 1\n",
    "a connect that raises": "def connect(connection):\n    return {}['url']\n",
    "a connect that makes nothing": "def connect(connection):\n    return None\n",
    "a connect that ends the program": "def connect(connection):\n    raise ValueError('\\x1b[31m' * 99)\n",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_load_is_a_warning_and_everything_else_works(elsewhere: Elsewhere, code: str) -> None:
    elsewhere.install(code)
    health = elsewhere.health(code=1)
    assert health["Here"] == ("live", None)
    state, error = health["Acme"]
    assert state == "error"
    assert error is not None
    assert "the connector acme of acme-opstui does not load" in error
    done = elsewhere("doctor", "--json")
    told = [probe for probe in done.json if "acme" in probe["check"] and "secret" not in probe["check"]]
    assert [probe["state"] for probe in told] == ["warn"]
    assert "does not load" in told[0]["text"]
    assert told[0]["fix"]
    assert elsewhere("ticket", "show", "acme:A-1").code == 1


@pytest.mark.parametrize("kind", ["other", "acm"])
def test_one_that_is_not_installed_is_a_mistake_in_the_config(elsewhere: Elsewhere, kind: str) -> None:
    elsewhere.install(WORKING, kind=kind)
    for words in (("queue", "list"), ("config", "check")):
        done = elsewhere(*words)
        assert (done.code, done.out) == (2, "")
        assert f"{elsewhere.config}:2: tickets.acme.kind: " in done.err
    assert ("did you mean 'acm'" in done.err) == (kind == "acm")


def test_one_that_fails_later_is_an_error_of_its_queue(elsewhere: Elsewhere) -> None:
    elsewhere.install(WORKING)
    elsewhere.health()
    elsewhere.configure("poll,probe")
    elsewhere.config.write_text(
        elsewhere.config.read_text().replace("[tickets.acme.options]", "poll_seconds = 1\n[tickets.acme.options]")
    )
    health = _until_asked_again(elsewhere)
    assert health["Here"] == ("live", None)
    assert health["Acme"][0] == "error"
    assert "acme: its connector failed (KeyError in __init__.py, line" in str(health["Acme"][1])
    done = elsewhere("ticket", "list", "--json")
    assert done.code == 1
    assert len(done.json) == 2  # what was cached
    done = elsewhere("doctor", "--json")
    assert [probe["state"] for probe in done.json if probe["check"] == "tickets acme"] == ["fail"]


def _until_asked_again(elsewhere: Elsewhere) -> dict[str, tuple[str, str | None]]:
    """Once what is cached is older than ``poll_seconds``."""
    for _ in range(30):
        done = elsewhere("queue", "list", "--json")
        if done.code:
            return {queue["name"]: (queue["state"], queue["error"]) for queue in done.json}
    raise AssertionError("never asked again")


def test_a_failure_while_it_sends_is_settled_by_looking(elsewhere: Elsewhere) -> None:
    elsewhere.install(WORKING)
    elsewhere.configure("send")
    draft = elsewhere("draft", "new", "acme:A-1", "--set", "/status=done", "--json").json
    elsewhere("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"])
    [sent] = elsewhere("push", "--json").json
    assert (sent["state"], sent["attempts"]) == ("pushed", 1)
    assert len(json.loads(elsewhere.file.read_text())["A-1"]["entries"]) == 1


SUITE = """\
import json
import pytest
from acme_tickets import connect
from opstui.core.connections import Connection
from opstui.core.queues import Queue
from opstui.testing.builders import OwnClock, OwnRandomness
from opstui.testing.tickets import TicketSystemContract

class Acme(TicketSystemContract):
    trouble = "clean"

    @pytest.fixture
    def file(self, tmp_path):
        file = tmp_path / "acme.json"
        file.write_text(json.dumps({"A-1": {"title": "checkout is slow", "status": "open", "entries": []}}))
        return file

    @pytest.fixture
    def system(self, file):
        return connect(Connection(
            name="acme", kind="acme", url="https://acme.example", secret=lambda: "x",
            options={"file": str(file), "break": self.trouble}, clock=OwnClock(), randomness=OwnRandomness(),
        ))

    @pytest.fixture
    def key(self):
        return "A-1"

    @pytest.fixture
    def queue(self):
        return Queue("all", "acme")

    @pytest.fixture
    def foreign_comment(self, file):
        async def comment(key, text):
            found = json.loads(file.read_text())
            found[key]["entries"].append({"author": "bo", "text": text})
            file.write_text(json.dumps(found))
        return comment

    @pytest.fixture
    def foreign_change(self, foreign_comment, file):
        async def change(key):
            await foreign_comment(key, f"me too, for the {file.stat().st_size}th time")
        return change
"""
SABOTAGE = {
    "Sound": ("clean", ""),
    "Unclean": ("", "hostile_text"),
    "Deaf": ("clean,deaf", "what_was_sent_reads_back"),
    "Backwards": ("clean,newest first", "entries_keep_their_numbers"),
    "Frozen": ("clean,one version", "any_change_gives_a_ticket_another_version"),
    "Restless": ("clean,restless", "a_quiet_queue"),
    "Loud": ("clean,loud", "what_was_sent_reads_back"),
    "Generous": ("clean,any key", "a_key_reaches_nothing_but_tickets"),
}
"""Class → what its connector does wrong, and the promise that this breaks."""


def test_its_author_can_run_our_suite_and_the_suite_notices_what_is_wrong(
    elsewhere: Elsewhere, environ: dict[str, str], tmp_path: Path
) -> None:
    elsewhere.install(WORKING)
    project = tmp_path / "acme"
    project.mkdir()
    classes = [f'class Test{name}(Acme):\n    trouble = "{trouble}"\n' for name, (trouble, _) in SABOTAGE.items()]
    (project / "test_acme.py").write_text("\n\n".join([SUITE, *classes]))
    (project / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"],
        cwd=project, env=environ | {"PYTHONPATH": f"{PROJECT}:{elsewhere.packages}"}, capture_output=True, text=True,
        check=False, timeout=100,
    )  # fmt: skip
    failed: dict[str, set[str]] = {name: set() for name in SABOTAGE}
    cases = list(ET.parse(project / "report.xml").iter("testcase"))
    assert len(cases) > 20 * len(SABOTAGE), done.stdout
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed[str(case.get("classname")).rpartition("Test")[2]].add(str(case.get("name")))
    assert failed.pop("Sound") == set(), done.stdout
    for name, names in failed.items():
        assert any(SABOTAGE[name][1] in one for one in names), f"{name}: {sorted(names)}"
