"""The operator's editor: the file it gets, and what comes back."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opstui.tui.terminal.editor import TerminalEditor

suspended: list[str] = []


@contextmanager
def suspend() -> Iterator[None]:
    suspended.append("in")
    yield
    suspended.append("out")


def editor(script: Path, **more: str) -> TerminalEditor:
    return TerminalEditor(suspend, {"PATH": os.environ["PATH"], "EDITOR": f"{sys.executable} {script}", **more})


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """An editor that tells where the file lay and how it was protected, and appends a line."""
    file = tmp_path / "my editor.py"
    file.write_text(
        "import os, sys, pathlib\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text("
        "f'{file}\\n{file.stat().st_mode:o}\\n{file.parent.stat().st_mode:o}\\n{file.read_text()}')\n"
        "file.write_text(file.read_text() + 'added\\n')\n"
        "sys.exit(int(os.environ.get('CODE', '0')))\n"
    )
    renamed = tmp_path / "editor.py"
    file.rename(renamed)
    return renamed


def test_the_file_is_private_and_gone_afterwards(script: Path) -> None:
    suspended.clear()
    edited = editor(script).edit("one\ntwo", name="NET-87.md")
    assert edited.text == "one\ntwo\nadded"
    place, mode, folder, text = (script.parent / "seen").read_text().split("\n", 3)
    assert Path(place).name == "NET-87.md"
    assert stat.S_IMODE(int(mode, 8)) == 0o600
    assert stat.S_IMODE(int(folder, 8)) == 0o700
    assert text == "one\ntwo\n"
    assert not Path(place).parent.exists()
    assert suspended == ["in", "out"]


def test_visual_goes_before_editor_and_quotes_are_read(script: Path) -> None:
    port = TerminalEditor(suspend, {"VISUAL": "'my editor' --wait", "EDITOR": "vi"})
    assert port.command() == ["my editor", "--wait"]
    assert TerminalEditor(suspend, {}).command() == ["vi"]


def test_an_editor_that_fails_changes_nothing_and_leaves_no_file(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "3")
    edited = editor(script).edit("one", name="x")
    assert edited.text is None
    assert "ended with 3; nothing was changed" in edited.problem
    place = (script.parent / "seen").read_text().split("\n")[0]
    assert not Path(place).parent.exists()


@pytest.mark.parametrize(("value", "said"), [("no-such-editor-here", "set $EDITOR"), ("'open", "can't be read")])
def test_an_editor_that_is_not_there_is_said(value: str, said: str) -> None:
    edited = TerminalEditor(suspend, {"EDITOR": value, "PATH": os.environ["PATH"]}).edit("one", name="x")
    assert edited.text is None
    assert said in edited.problem


def test_a_hostile_name_stays_in_its_folder(script: Path) -> None:
    editor(script).edit("one", name="../../etc/pass wd\x1b")
    place = Path((script.parent / "seen").read_text().split("\n")[0])
    assert place.name == "..-..-etc-pass-wd-"
    assert place.parent.name.startswith("opstui-")


def test_bytes_that_are_no_text_come_back_as_text(tmp_path: Path) -> None:
    file = tmp_path / "binary.py"
    file.write_text("import sys, pathlib\npathlib.Path(sys.argv[-1]).write_bytes(b'a\\xff\\nb\\n')\n")
    assert editor(file).edit("one", name="x").text == "a\ufffd\nb"
