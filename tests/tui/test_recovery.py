"""What could not be stored is in a file at the end, wherever there is room, or on the screen."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

from opstui.tui.terminal.recovery import Unkept, asides_in, folders, write

NOW = datetime(2026, 11, 20, 3, 14, tzinfo=UTC)
TYPED = Unkept("01J", "INC-1042", "/comment", "half a sentence\nabout the pool")


def test_a_text_is_written_whole_for_its_owner_only_and_the_way_back_is_told(tmp_path: Path) -> None:
    lines = write([TYPED], [tmp_path / "recovered"], NOW, command="opstui --demo")
    (file,) = (tmp_path / "recovered").iterdir()
    assert file.read_text(encoding="utf-8") == TYPED.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "INC-1042" in lines[0]
    assert any(f"opstui --demo draft edit 01J --comment-file {file}" in line for line in lines)


def test_a_folder_that_takes_nothing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way", encoding="utf-8")
    lines = write([TYPED], [tmp_path / "a file", tmp_path / "room"], NOW)
    (file,) = (tmp_path / "room").iterdir()
    assert str(file) in lines[1]


def test_where_nothing_can_be_written_the_text_itself_is_told_without_its_control_characters(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way", encoding="utf-8")
    lines = write([Unkept("01J", "INC-1042", "/comment", "typed\x1b[31m")], [tmp_path / "a file"], NOW)
    assert "typed" in lines[-1]
    assert "\x1b" not in "".join(lines)


def test_a_name_that_no_file_may_have_is_made_plain(tmp_path: Path) -> None:
    write([Unkept("01J", "../../etc/x", "/fields/a b", "text")], [tmp_path], NOW)
    (file,) = tmp_path.iterdir()
    assert ".." not in file.name
    assert " " not in file.name


def test_other_disks_are_tried_after_our_own(tmp_path: Path) -> None:
    places = folders(tmp_path / "state", {"HOME": str(tmp_path)})
    assert places[0] == tmp_path / "state" / "recovered"
    assert places[1] == tmp_path
    assert len(places) > 3


def test_texts_kept_aside_are_read_from_a_view_state_however_wrong_it_is() -> None:
    assert asides_in({"01J": {"op:/comment": "mine\x1b"}}) == {"01J": {"op:/comment": "mine␛"}}
    for wrong in (None, 5, [], {"01J": 5}, {"01J": {}}):
        assert asides_in(wrong) == {}


def test_nothing_is_written_or_told_where_nothing_was_left(tmp_path: Path) -> None:
    assert write([], [tmp_path], NOW) == ()
    assert list(tmp_path.iterdir()) == []
