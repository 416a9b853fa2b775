"""Terminals that can do little, that say odd things, and that should be left alone."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.job import TICKET_ROW
from tests.pty.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def still_home(home: Path, run: Run) -> Path:
    """A home whose tickets are days old, so that nothing on the screen changes but on a minute's tick."""
    rows = [
        {"key": f"OPS-{n}", "title": f"Old ticket {n}", "body": "as it was", "created_at": "2026-01-02T03:04:05Z",
         "updated_at": "2026-01-02T03:04:05Z", "severity": str(n % 4 + 1), "status": "open"}
        for n in range(1, 41)
    ]  # fmt: skip
    file = home / "old.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    done = run("ticket", "import", str(file), "--json")
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.usefixtures("still_home")
def test_nothing_is_written_while_nothing_happens(start: StartTerminal) -> None:
    terminal = start(columns=120, rows=36)
    terminal.wait_text(TICKET_ROW)
    terminal.wait_quiet(1.5)
    # A minute's tick may repaint clocks: look at five seconds that hold none.
    time.sleep(max(0.0, 62 - time.time() % 60) if time.time() % 60 > 50 else 0.0)
    terminal.wait_quiet(1.0)
    before = len(terminal.raw)
    time.sleep(5)
    assert terminal.raw[before:] == b""


def test_no_color_means_no_colour(start: StartTerminal) -> None:
    terminal = start("demo", env={"NO_COLOR": "1"})
    terminal.wait_text(TICKET_ROW)
    terminal.press("j", "enter")
    terminal.wait_quiet()
    terminal.press("escape", "?")
    terminal.wait_quiet()
    assert not re.findall(rb"\x1b\[[0-9;:]*(?:[34]8[;:][25][;:]|(?<![0-9])(?:3|4|9|10)[0-7](?=[;m]))", terminal.raw)


def test_an_empty_no_color_asks_for_nothing(start: StartTerminal) -> None:
    terminal = start("demo", env={"NO_COLOR": ""})
    terminal.wait_text(TICKET_ROW)
    assert b"38;2;" in terminal.raw


def test_a_dumb_terminal_is_told_what_to_use_instead(start: StartTerminal) -> None:
    terminal = start("demo", env={"TERM": "dumb"})
    assert terminal.wait_end() == 2
    assert b"\x1b" not in terminal.raw
    assert b"--plain" in terminal.raw


def test_without_a_terminal_the_app_says_so_and_exits_2(run: Run) -> None:
    done = run("demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "terminal" in done.stderr


def x10_report(column: int, row: int) -> bytes:
    """A mouse click as terminals report it that fall back to X10: one byte a number, beyond 127 no UTF-8."""
    return b"\x1b[M" + bytes([32, 32 + column, 32 + row])


def test_mouse_reports_that_are_not_utf8_do_no_harm(start: StartTerminal) -> None:
    terminal = start("demo", columns=160, rows=45)
    terminal.wait_text(TICKET_ROW)
    for column in (95, 96, 120, 159, 200, 223):
        terminal.send(x10_report(column, 10))
    terminal.wait_quiet()
    terminal.press("?")
    terminal.wait_text("HELP")
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0


def test_a_program_in_tmux_or_over_ssh_asks_for_no_mouse(start: StartTerminal) -> None:
    for variable in ("TMUX", "SSH_TTY"):
        terminal = start("demo", env={variable: "/dev/pts/1"})
        terminal.wait_text(TICKET_ROW)
        assert b"\x1b[?1000h" not in terminal.raw


@pytest.mark.parametrize(("columns", "rows"), [(40, 20), (60, 20), (80, 24), (120, 40), (160, 45), (220, 60)])
def test_tickets_are_shown_at_any_size(start: StartTerminal, columns: int, rows: int) -> None:
    terminal: Terminal = start("demo", columns=columns, rows=rows)
    terminal.wait_text(TICKET_ROW)
    terminal.resize(40, 20)
    terminal.wait_quiet()
    terminal.resize(columns, rows)
    terminal.wait_quiet()
    terminal.wait_text(TICKET_ROW)
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0
