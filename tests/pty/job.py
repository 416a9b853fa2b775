"""What a person does with the keyboard, for tests that do the whole job: every step reads the screen first."""

from __future__ import annotations

import re

from tests.pty.terminal import Terminal

TICKET_ROW = r"[▲◆●○]\s+([A-Z][A-Z0-9]*-\d+)"
PROMPT = r"type  (?:(\S) (\S)|(\S{2,}))  to push"
ARMED = 0.7
"""Confirm takes letters half a second after it showed them."""


def letters(terminal: Terminal, *, seconds: float = 10) -> str:
    """What Confirm asks for, read from the screen."""
    two_a, two_b, suffix = terminal.wait_text(PROMPT, seconds=seconds).groups()
    return str(suffix) if suffix else f"{two_a}{two_b}"


def push(terminal: Terminal) -> None:
    """On Confirm: wait until it is armed, read its letters once more, type them."""
    letters(terminal)
    terminal.wait_quiet(ARMED)
    for letter in letters(terminal):
        terminal.press(letter)


def selected_key(terminal: Terminal) -> str:
    """The key of the ticket that the cursor is on."""
    return terminal.wait_text(r"^.?▌.*?([A-Z][A-Z0-9]*-\d+)").group(1)


def to_the_comment(terminal: Terminal) -> None:
    """On Review: move the cursor to the comment."""
    terminal.press("g")
    terminal.wait_quiet(0.3)
    for _ in range(20):
        if on_the_comment(terminal.text()):
            return
        terminal.press("j")
        terminal.wait_quiet(0.15)
    raise AssertionError(f"no comment row is to be reached:\n{terminal.text()}")


def on_the_comment(text: str) -> bool:
    """Whether Review's cursor stands on the comment."""
    return any(re.match(r"\W*▌\W*comment\b", line) for line in text.splitlines())
