"""A terminal that nobody reads, as behind a dead ssh link, stops the screen and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.job import ARMED, TICKET_ROW, letters, selected_key
from tests.pty.terminal import Terminal

UNREAD = 8.0
"""Seconds, at least: a screen is stuck after two. ``tests/bench/unread_pty.py`` does a minute."""
PATIENCE = 20.0


def flood(terminal: Terminal) -> None:
    """Keys that each draw the whole screen, more than the pty holds: from here on the program is stuck in a write."""
    for _ in range(40):
        terminal.press("ctrl+l")


def to_a_ticket_of_nobody(terminal: Terminal) -> str:
    """Put the cursor on a ticket without an owner, and answer its key."""
    for _ in range(20):
        row = next((line for line in terminal.lines() if re.search(r"▌.*[A-Z]+-\d+", line)), "")
        if " – " in row:
            return selected_key(terminal)
        terminal.press("j")
        terminal.wait_quiet(0.2)
    raise AssertionError(f"every ticket has an owner:\n{terminal.text()}")


def until(holds: Callable[[], Any], seconds: float) -> tuple[Any, float]:
    """The first true answer and how long it took."""
    begun = time.monotonic()
    while True:
        found = holds()
        if found or time.monotonic() - begun > seconds:
            return found, time.monotonic() - begun
        time.sleep(0.25)


@pytest.mark.timeout(180)
def test_sessions_and_pushes_go_on_while_nobody_reads(
    start: StartTerminal, answer: Callable[..., Any], home: Path
) -> None:
    terminal = start("demo", columns=120, rows=36)
    terminal.wait_text(TICKET_ROW)
    terminal.pause_reading()
    begun = time.monotonic()
    terminal.press("s")
    flood(terminal)
    ended, _ = until(lambda: [one for one in answer("--demo", "session", "list") if one["ended_at"]], PATIENCE)
    assert [one["status"] for one in ended] == ["ended"]
    assert ended[0]["draft"]
    length = datetime.fromisoformat(ended[0]["ended_at"]) - datetime.fromisoformat(ended[0]["started_at"])
    assert length.total_seconds() < 25
    # Its worker lingers, and sends what is approved elsewhere.
    text = home / "comment.md"
    text.write_text("approved while nobody read", encoding="utf-8")
    draft = answer("--demo", "draft", "new", "local:INC-1045", "--comment-file", str(text))
    answer("--demo", "draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"])
    sent, took = until(lambda: answer("--demo", "draft", "show", draft["id"])["state"] == "pushed", PATIENCE)
    assert sent
    assert took < 30
    time.sleep(max(0.0, UNREAD - (time.monotonic() - begun)))
    terminal.go_on_reading()
    terminal.press("?")
    terminal.wait_text("HELP")
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0


@pytest.mark.timeout(180)
def test_a_push_that_nobody_sees_is_finished(start: StartTerminal, answer: Callable[..., Any]) -> None:
    terminal = start("demo", columns=120, rows=36)
    terminal.wait_text(TICKET_ROW)
    key = to_a_ticket_of_nobody(terminal)
    terminal.press("a")
    letters(terminal)
    terminal.wait_quiet(ARMED)
    typed = letters(terminal)
    terminal.pause_reading()
    terminal.press(*typed)
    flood(terminal)

    def pushed() -> Any:
        drafts = [draft for draft in answer("--demo", "draft", "list") if draft["ticket"] == f"local:{key}"]
        return [draft for draft in drafts if draft["state"] == "pushed"]

    found, took = until(pushed, PATIENCE)
    assert found, answer("--demo", "draft", "list")
    assert took < 30
