"""``ticket observe`` and the exports of a session's document, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opstui.core.desk import RunSession, StartSession
from tests.cli.shell import Shell

LAG = "time,lag (s)\n2026-11-20T02:01:00Z,15\n2026-11-20T02:21:00Z,1248\n"
SENTENCE = "lag rose from 15 s to 1248 s between 02:01 and 02:21 UTC on 2026-11-20."


@pytest.fixture
def lag(tmp_path: Path) -> str:
    file = tmp_path / "lag.csv"
    file.write_text(LAG, "utf-8")
    return str(file)


def test_observe_tells_entries_and_as_json_what_carries_them(shell: Shell, lag: str) -> None:
    ref = str(shell.place.ticket("Orders fail"))
    assert shell("ticket", "observe", ref, lag, "--dry-run") == 0
    assert shell.out == f"{SENTENCE}\n"
    made = shell.json("ticket", "observe", ref, lag)
    assert made == {
        "observations": [
            {
                "text": SENTENCE,
                "start": "2026-11-20T02:01:00Z",
                "end": "2026-11-20T02:21:00Z",
                "lines": ["2026-11-20T02:01:00Z 15 s", "2026-11-20T02:21:00Z 1248 s"],
            }
        ],
        "entries": ["INC-1001#1"],
        "draft": None,
        "known": 0,
        "left_out": 0,
        "notes": [],
    }
    assert shell("ticket", "observe", ref, lag) == 0
    assert (shell.out, shell.err) == ("", "opstui: 1 stood on the ticket already\n")


def test_a_file_that_can_not_be_read_is_exit_2_with_its_line(shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"values": [\n', "utf-8")
    assert shell("ticket", "observe", str(shell.place.ticket()), str(bad)) == 2


def finished(shell: Shell, workflow: str) -> str:
    desk = shell.place.desk
    ref = shell.place.ticket("Orders fail <b>now</b>", "Customers cannot order.")
    run = desk.do(StartSession(ticket=ref, workflow=workflow, here=True)).unwrap()
    return desk.do(RunSession(run.id)).unwrap().id


@pytest.mark.parametrize("workflow", ["incident-summary", "escalation-package", "reply", "closure"])
def test_a_document_is_exported_in_every_format(shell: Shell, workflow: str) -> None:
    run = finished(shell, workflow)
    assert shell("session", "export", run, "--format", "html") == 0
    assert shell.out.startswith("<!doctype html>")
    assert "<b>now</b>" not in shell.out
    assert shell("session", "export", run, "--format", "txt") == 0
    text = shell.out
    assert "Sources\n[1] INC-1001#0" in text
    assert shell("session", "export", run, "--format", "md", "--document") == 0
    assert shell.out.startswith("# ")
    assert "## What happened in" not in shell.out
    assert shell("session", "export", run, "--document") == 0
    assert json.loads(shell.out)["head"]["ticket_id"] == "local:INC-1001"


def test_without_document_the_whole_session_is_exported_as_before(shell: Shell) -> None:
    run = finished(shell, "escalation-package")
    assert shell("session", "export", run) == 0
    whole = json.loads(shell.out)
    assert whole["id"] == run
    assert {"session.started", "document", "session.ended"} <= {event["type"] for event in whole["events"]}
    assert shell("session", "export", run, "--format", "markdown") == 0
    assert "## What happened\n" in shell.out
    same = shell.out
    assert shell("session", "export", run, "--format", "md") == 0
    assert shell.out == same


def test_a_session_without_a_document_is_said_and_exit_1(shell: Shell) -> None:
    desk = shell.place.desk
    run = desk.do(StartSession(ticket=shell.place.ticket(), workflow="reply", here=True)).unwrap()
    assert shell("session", "export", run.id, "--format", "html") == 1
    assert shell.err == f"opstui: session {run.id} has no document\n"
