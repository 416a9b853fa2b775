"""The dialogue over the real desk: the whole job line by line, in a pipe."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opstui.core.approval import LETTERS
from opstui.plain.dialogue import Dialogue

PROJECT = Path(__file__).parent.parent.parent


class Talk:
    """A running ``opstui --demo --plain`` that is spoken to and listened to."""

    def __init__(self, folder: Path) -> None:
        environ = {
            "OPSTUI_HOME": str(folder / "home"),
            "PYTHONPATH": str(PROJECT),
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "USER": "alex",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "opstui.cli.main", "--demo", "--plain"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            cwd=folder,
            text=True,
            encoding="utf-8",
        )
        self.heard = ""

    def until(self, prompt: str = "> ") -> str:
        """Everything that is said up to the next prompt."""
        assert self.process.stdout is not None
        said = ""
        while not said.endswith(prompt):
            char = self.process.stdout.read(1)
            assert char, f"it ended after: {said[-300:]}"
            said += char
        self.heard += said
        return said

    def say(self, line: str, prompt: str = "> ") -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.until(prompt)


def test_from_the_queue_to_the_comment_on_the_ticket(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    with talk.process:
        talk.until()
        listed = talk.say("find -status:closed severity>=2")
        ref = re.search(r"1\. severity 2, (local:\S+),", listed)
        assert ref is not None
        assert ref[1] in talk.say("1")
        assert "[" in talk.say("look")
        assert "draft is ready" in talk.say("summary")
        assert "claims are cited and found" in talk.say("draft")
        talk.say("comment", "as it was.\n")
        assert "Kept" in talk.say("said aloud\n.")

        shown = talk.say("confirm", "goes back: ")
        assert "said aloud" in shown
        assert "Not pushed" in talk.say("no")

        shown = talk.say("confirm", "goes back: ")
        letters = re.search(r"type  (\S+ \S+)  to push", shown)
        assert letters is not None
        assert "It is on the ticket." in talk.say(letters[1])
        assert "said aloud" in talk.say(f"ticket {ref[1]}")
        assert talk.say("nonsense").startswith("There is no command")
        assert "Not done" in talk.say("ticket local:NOPE")
        assert "^^^" in talk.say("find severty:1")
        talk.say("quit", "Bye.\n")
        assert talk.process.wait(timeout=20) == 0
    assert "\x1b" not in talk.heard


def test_the_end_of_the_input_is_the_end_of_the_talk(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    with talk.process:
        assert talk.process.stdin is not None
        talk.process.stdin.close()
        assert talk.process.wait(timeout=20) == 0


def test_the_letters_are_drawn_and_never_the_same_twice() -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    drawn: list[str] = []

    def draw(letters: str) -> str:
        drawn.append(letters)
        return letters[0]

    dialogue = Dialogue(cast(Any, None), io.StringIO(), io.StringIO(), draw=draw)
    shown = cast(Any, SimpleNamespace(needs_key_suffix=False))
    assert dialogue._to_type(shown) == LETTERS[:2]
    assert LETTERS[0] not in drawn[1]


@pytest.mark.parametrize(("key", "wanted"), [("INC-1042", "1042"), ("12", "12")])
def test_what_must_not_go_out_by_habit_asks_for_the_end_of_the_key(key: str, wanted: str) -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    dialogue = Dialogue(cast(Any, None), io.StringIO(), io.StringIO())
    shown = cast(Any, SimpleNamespace(needs_key_suffix=True, ticket=SimpleNamespace(key=key)))
    assert dialogue._to_type(shown) == wanted
