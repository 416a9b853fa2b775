"""The main job with the keyboard alone, from the queue to the ticket, checked through the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.job import TICKET_ROW, on_the_comment, push, selected_key, to_the_comment
from tests.pty.terminal import Terminal

SIZES = [(80, 24), (160, 45)]
ADDED = "Checked by hand. "


def to_review(terminal: Terminal, workflow_key: str) -> str:
    """From the queue: start a session on the ticket under the cursor and go to its draft; the ticket's key."""
    terminal.wait_text(TICKET_ROW)
    key = selected_key(terminal)
    terminal.press("enter")
    terminal.wait_text(key)
    terminal.press(workflow_key)
    terminal.wait_text("ended|draft", seconds=30)
    terminal.wait_quiet(0.5)
    terminal.press("d")
    terminal.wait_text("REVIEW")
    return key


def edit_the_comment(terminal: Terminal, text: str) -> None:
    """On Review: put ``text`` at the start of the comment, go on to Confirm."""
    to_the_comment(terminal)
    terminal.press("enter")
    terminal.wait_quiet(0.3)
    terminal.press("home")
    for letter in text:
        terminal.press(letter)
    terminal.wait_text(text.strip())
    terminal.press("ctrl+t")


def test_writing_an_update_begins_on_the_comment(start: StartTerminal) -> None:
    terminal = start("demo")
    terminal.wait_text(TICKET_ROW)
    terminal.press("e")
    terminal.wait_text("REVIEW")
    terminal.wait(on_the_comment, what="the cursor on the comment")


def pushed_draft(answer: Callable[..., Any], key: str) -> dict[str, Any]:
    found = [d for d in answer("--demo", "draft", "list") if d["ticket"] == f"local:{key}" and d["state"] == "pushed"]
    assert len(found) == 1
    return dict(found[0])


def op(draft: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(dict(one) for one in draft["ops"] if one["op"] == kind)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_summary_goes_from_the_queue_onto_the_ticket(
    start: StartTerminal, answer: Callable[..., Any], columns: int, rows: int
) -> None:
    terminal = start("demo", columns=columns, rows=rows)
    key = to_review(terminal, "s")
    edit_the_comment(terminal, ADDED)
    push(terminal)
    terminal.wait_text("on the ticket", seconds=30)
    confirmed = op(pushed_draft(answer, key), "comment")["to"]
    assert ADDED.strip() in confirmed
    ticket = answer("--demo", "ticket", "show", f"local:{key}")
    assert [entry["text"] for entry in ticket["timeline"]].count(confirmed) == 1
    assert answer("--demo", "audit", "verify")["ok"] is True
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_an_escalation_arrives_with_its_package(
    start: StartTerminal, answer: Callable[..., Any], columns: int, rows: int
) -> None:
    terminal = start("demo", columns=columns, rows=rows)
    key = to_review(terminal, "x")
    edit_the_comment(terminal, ADDED)
    push(terminal)
    terminal.wait_text("on the ticket", seconds=30)
    draft = pushed_draft(answer, key)
    package = op(draft, "attach")["to"]
    ticket = answer("--demo", "ticket", "show", f"local:{key}")
    attached = [entry["text"] for entry in ticket["timeline"] if entry["kind"] == "attach"]
    assert [text for text in attached if package["name"] in text]
    assert ADDED.strip() in op(draft, "comment")["to"]
    assert answer("--demo", "audit", "verify")["ok"] is True
