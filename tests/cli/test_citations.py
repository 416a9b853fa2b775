"""Every citation holds, seen from outside: ``run --json`` against ``ticket show --json`` and the runbooks' files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.root import run_commands
from tests.bench.real_tickets import converted
from tests.cli.citations import Shelf, examine

WORKFLOWS = ("incident-summary", "escalation-package")
EVERY = 120
"""Of the real tickets so many are left out for each that is read; all of them take a quarter of an hour."""
DEMO = Path(__file__).parent.parent.parent / "opstui" / "demo" / "runbooks"

Answer = Callable[..., Any]


@pytest.fixture
def answer(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Answer:
    """The JSON that a command prints, in a home of its own."""

    def ask(*words: str, demo: bool = False) -> Any:
        invocation = Invocation(Globals(demo=demo), {"OPSTUI_HOME": str(tmp_path), "USER": "alex"})
        assert run_commands([*words, "--json"], invocation) == 0
        return json.loads(capsysbinary.readouterr().out)

    return ask


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_citation_of_the_demo_holds(answer: Answer, workflow: str) -> None:
    tickets = {ticket["ref"]: ticket for ticket in answer("ticket", "list", demo=True)}
    assert len(tickets) > 10
    shelf = Shelf(tickets.get, {"runbooks": DEMO})
    citations = 0
    for ref in tickets:
        report = examine(answer("run", workflow, ref, demo=True), shelf)
        assert report.faults == [], ref
        citations += report.citations
    assert citations > 100


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_citation_of_real_tickets_holds(answer: Answer, tmp_path: Path, shared_data: Path, workflow: str) -> None:
    corpus = shared_data / "retrieval" / "corpus"
    (tmp_path / "config.toml").write_text(f'[knowledge.runbooks]\nkind = "folder"\npath = "{corpus}"\n', "utf-8")
    lines = (shared_data / "duplicates" / "tickets.jsonl").read_text("utf-8").splitlines()[::EVERY]
    file = tmp_path / "tickets.jsonl"
    file.write_text("".join(json.dumps(ticket) + "\n" for ticket in converted(lines)), "utf-8")
    assert answer("ticket", "import", str(file))["imported"] == len(lines)
    tickets = {ticket["ref"]: ticket for ticket in answer("ticket", "list")}
    shelf = Shelf(tickets.get, {"runbooks": corpus})
    for ref in tickets:
        assert examine(answer("run", workflow, ref), shelf).faults == [], ref


@pytest.mark.parametrize("key", ["acme/ops#12", "a:b", "local:Z-1", "x#0", "Ünï-1", "12"])
def test_a_key_may_look_like_a_citation(answer: Answer, tmp_path: Path, key: str) -> None:
    entry = {"at": "2026-11-20T03:14:09Z", "author": "bo", "kind": "comment", "text": "Restarted web-01.\nNo effect."}
    ticket = {"key": key, "title": "Checkout down", "body": "It fails since 10:22.", "timeline": [entry]}
    (tmp_path / "t.jsonl").write_text(json.dumps(ticket), "utf-8")
    answer("ticket", "import", str(tmp_path / "t.jsonl"))
    [shown] = answer("ticket", "list")
    assert shown["timeline"][0]["id"] == f"{key}#1"
    for workflow in WORKFLOWS:
        session = answer("run", workflow, f"local:{key}")
        report = examine(session, Shelf({shown["ref"]: shown}.get, {}))
        assert report.faults == []
        assert report.citations > 3
        assert answer("draft", "show", session["draft"])["fingerprint"]


def test_the_checker_finds_what_is_wrong() -> None:
    entry = {"id": "A-1#1", "at": "2026-11-20T03:14:09Z", "author": "bob", "text": "Disk full\non web-01"}
    ticket = {"ref": "local:A-1", "title": "Shop down", "body": "first\nsecond", "timeline": [entry]}
    sound = {"kind": "entry", "ref": "A-1#0", "line_start": 2, "line_end": 3, "quote": "second"}

    def faults(claim: dict[str, Any] | None = None, **citation: Any) -> list[str]:
        made = {"id": "c1", "text": "first", "status": "fact", "confidence": "high", "citations": [sound | citation]}
        session = {"ticket": "local:A-1", "document": {"headline": made | (claim or {})}}
        return examine(session, Shelf({"local:A-1": ticket}.get, {"r": DEMO})).faults

    assert faults() == []
    assert faults(ref="A-1#1", line_start=1, line_end=2, quote="on web") == []
    assert "no such source" in faults(ref="A-1#2")[0]
    assert "no such source" in faults(ref="local:A-1#0")[0]
    assert "no such source" in faults(ref="A-2#0")[0]
    assert "no such source" in faults(kind="doc", ref="r/nothing")[0]
    assert "lines 3 to 4 of 3" in faults(line_start=3, line_end=4)[0]
    assert "is not in lines" in faults(line_start=1, line_end=2)[0]
    assert "cites nothing" in faults({"citations": []})[0]
    assert faults({"citations": [], "status": "unknown"}) == []
    assert "says '04:15'" in faults({"text": "It began at 04:15."})[0]
    assert "says 'OPS-77'" in faults({"text": "See OPS-77."})[0]
    assert "sure, high" in faults({"status": "sure"})[0]
