"""The line drops, somebody kills it, it crashes: what was typed is there, and no secret comes out."""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.job import TICKET_ROW, to_the_comment
from tests.pty.terminal import Terminal, environment

TYPED = "half a sentence about the pool"


def typing_in_a_draft(start: StartTerminal) -> Terminal:
    """The demo, with a sentence typed into a new draft's comment and not yet left."""
    terminal = start("demo")
    terminal.wait_text(TICKET_ROW)
    terminal.press("e")
    terminal.wait_text("REVIEW")
    to_the_comment(terminal)
    terminal.press("enter")
    terminal.wait_quiet()
    for letter in TYPED:
        terminal.press(letter)
    terminal.wait_text(TYPED)
    return terminal


def comments(answer: Callable[..., Any]) -> list[str]:
    listed = answer("--demo", "draft", "list")
    return [op["to"] for draft in listed for op in draft["ops"] if op["path"] == "/comment"]


def test_a_dropped_line_keeps_the_draft_and_ends_with_129(start: StartTerminal, answer: Callable[..., Any]) -> None:
    terminal = typing_in_a_draft(start)
    terminal.hang_up()
    assert terminal.wait_end(10) == 129
    assert any(TYPED in comment for comment in comments(answer))


def test_sigterm_keeps_the_draft_and_ends_with_143(start: StartTerminal, answer: Callable[..., Any]) -> None:
    terminal = typing_in_a_draft(start)
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_end(10) == 143
    assert any(TYPED in comment for comment in comments(answer))


def test_kill_9_loses_at_most_the_last_second_of_typing(start: StartTerminal, answer: Callable[..., Any]) -> None:
    terminal = typing_in_a_draft(start)
    terminal.wait_text(r"kept \d\d:\d\d")
    terminal.wait_quiet(1.2)
    terminal.signal(signal.SIGKILL)
    assert terminal.wait_end(10) == -signal.SIGKILL
    assert any(TYPED in comment for comment in comments(answer))


def test_the_next_start_is_where_the_last_one_stopped(start: StartTerminal) -> None:
    terminal = typing_in_a_draft(start)
    terminal.wait_quiet(1.2)
    terminal.signal(signal.SIGKILL)
    terminal.wait_end(10)
    again = start("demo")
    again.wait_text(TYPED)


CRASHES = textwrap.dedent("""
    import os, sys
    from opstui.config.load import load
    from opstui.config.paths import Paths
    from opstui.tui.app import run_app
    from opstui.wiring import open_desk

    class Crashing:
        '''A desk that fails on one screen, with a secret in a local variable.'''

        def __init__(self, desk):
            self._desk = desk

        def ask(self, question):
            if type(question).__name__ == "AuditWindow":
                api_token = "SECRET-TOKEN-123"
                headers = {"Authorization": f"Bearer {api_token}"}
                raise RuntimeError(f"no luck with {headers}")
            return self._desk.ask(question)

        def __getattr__(self, name):
            return getattr(self._desk, name)

    paths = Paths.find(os.environ)
    paths.make()
    sys.exit(run_app(Crashing(open_desk(load(paths, environ=os.environ).settings, paths))))
""")


def test_a_crash_exits_70_and_says_no_secret(home: Path) -> None:
    with Terminal([sys.executable, "-c", CRASHES], env=environment(home), columns=100, rows=30) as terminal:
        terminal.wait_quiet(1.0)
        terminal.press(":")
        terminal.wait_quiet()
        terminal.send(b"audit")
        terminal.wait_quiet()
        terminal.press("enter")
        assert terminal.wait_end() == 70
        assert b"SECRET-TOKEN" not in terminal.raw
        assert b"no luck with" not in terminal.raw
        assert b"crash" in terminal.raw
    written = [path for path in (home / "state" / "crash").rglob("*") if path.is_file()]
    assert written
    assert all(b"SECRET-TOKEN" not in path.read_bytes() for path in written)


BREAKS_WHILE_SAVING = textwrap.dedent("""
    import os, sys
    from opstui.config.load import load
    from opstui.config.paths import Paths
    from opstui.tui.app import run_app
    from opstui.wiring import open_desk

    class Breaking:
        '''A desk that breaks at every save.'''

        def __init__(self, desk):
            self._desk = desk

        def do(self, command):
            if type(command).__name__ == "EditDraft":
                raise RuntimeError("no luck")
            return self._desk.do(command)

        def __getattr__(self, name):
            return getattr(self._desk, name)

    paths = Paths.find(os.environ)
    paths.make()
    try:
        sys.exit(run_app(Breaking(open_desk(load(paths, environ=os.environ).settings, paths))))
    except RuntimeError:
        sys.exit(70)
""")


def test_what_is_typed_outlives_a_crash_in_its_own_save(home: Path, run: Callable[..., Any]) -> None:
    (home / "t.jsonl").write_text('{"key": "OPS-1", "title": "Disk full", "body": "b"}', encoding="utf-8")
    assert run("ticket", "import", str(home / "t.jsonl")).returncode == 0
    with Terminal([sys.executable, "-c", BREAKS_WHILE_SAVING], env=environment(home)) as terminal:
        terminal.wait_text("OPS-1")
        terminal.wait_quiet()
        terminal.press("e")
        terminal.wait_text("REVIEW")
        to_the_comment(terminal)
        terminal.press("enter")
        terminal.wait_quiet()
        terminal.send(TYPED.encode())
        assert terminal.wait_end() == 70
    (file,) = (home / "state" / "recovered").iterdir()
    assert file.read_text(encoding="utf-8").startswith(TYPED[:4])


@pytest.mark.parametrize("key", ["ctrl+q"])
def test_quitting_is_not_a_crash(start: StartTerminal, key: str) -> None:
    terminal = start("demo")
    terminal.wait_text(TICKET_ROW)
    terminal.press(key)
    assert terminal.wait_end() == 0
    assert b"Traceback" not in terminal.raw
