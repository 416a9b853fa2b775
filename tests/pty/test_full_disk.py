"""The disk fills up while somebody types: it is said, the text stays, and at the end it is in a file or printed."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.terminal import Terminal
from tests.pty.test_bad_luck import TYPED, comments, typing_in_a_draft

MORE = " while nothing could be written"


def fill_the_disk(terminal: Terminal, room: int) -> None:
    """From now on no file of the program grows past ``room`` bytes, which SQLite can't tell from a full disk."""
    resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))


def typed_on_a_full_disk(start: StartTerminal, room: int) -> Terminal:
    terminal = typing_in_a_draft(start)
    terminal.wait_text(r"kept \d\d:\d\d")
    fill_the_disk(terminal, room)
    for letter in MORE:
        terminal.press(letter)
    terminal.wait_text(r"(?i)not kept")
    terminal.wait_text(r"disk is full")
    assert MORE.strip() in " ".join(terminal.text().split())
    return terminal


@pytest.mark.timeout(60)
def test_what_a_full_disk_refused_is_in_a_recovery_file_after_quitting(
    start: StartTerminal, home: Path, answer: Callable[..., Any], run: Callable[..., Any]
) -> None:
    terminal = typed_on_a_full_disk(start, 1000)
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0
    terminal.wait_quiet(0.2)
    told = terminal.raw.decode(errors="replace")
    found = re.search(r"draft edit (\S+) --comment-file (\S+\.txt)", told)
    assert found is not None, told[-2000:]
    assert TYPED + MORE in Path(found[2]).read_text(encoding="utf-8")
    done = run("--demo", "draft", "edit", found[1], "--comment-file", found[2])
    assert done.returncode == 0, done.stderr
    assert any(TYPED + MORE in comment for comment in comments(answer))


@pytest.mark.timeout(60)
def test_where_no_file_can_be_written_the_text_is_printed(start: StartTerminal) -> None:
    terminal = typed_on_a_full_disk(start, 0)
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0
    terminal.wait_quiet(0.2)
    assert (TYPED + MORE).encode() in terminal.raw[terminal.raw.rindex(b"could not be stored") :]


@pytest.mark.timeout(60)
def test_room_made_again_keeps_the_text_without_a_restart(start: StartTerminal, answer: Callable[..., Any]) -> None:
    terminal = typed_on_a_full_disk(start, 0)
    fill_the_disk(terminal, resource.RLIM_INFINITY)
    terminal.wait_gone(r"(?i)not kept")
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0
    assert any(TYPED + MORE in comment for comment in comments(answer))
    assert b"could not be stored" not in terminal.raw
