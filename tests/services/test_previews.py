"""Pipes that show what an agent is just saying, and drop what nobody reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.services.previews import EVERY, LOOK, PreviewBoard, PreviewReader, PreviewSender


class Stopwatch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def sender(tmp_path: Path, watch: Stopwatch) -> Iterator[PreviewSender]:
    made = PreviewSender(tmp_path, "s1", watch)
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[PreviewReader]:
    made = PreviewReader(tmp_path, "s1", "face")
    yield made
    made.close()


def test_a_reader_sees_all_of_a_text_so_far(sender: PreviewSender, reader: PreviewReader, watch: Stopwatch) -> None:
    sender.show("text:1", "DNS lookups")
    assert reader.texts() == {"text:1": "DNS lookups"}
    watch.now += 2 * EVERY
    sender.show("text:1", "DNS lookups fail since 09:08.\nA restart")
    assert reader.texts() == {"text:1": "DNS lookups fail since 09:08.\nA restart"}


def test_an_empty_text_takes_the_preview_away(sender: PreviewSender, reader: PreviewReader) -> None:
    sender.show("text:1", "half a thought")
    sender.show("text:1", "")
    assert reader.texts() == {}


def test_frames_come_at_most_so_often(sender: PreviewSender, reader: PreviewReader, watch: Stopwatch) -> None:
    sender.show("text:1", "a")
    sender.show("text:1", "ab")
    assert reader.texts() == {"text:1": "a"}
    watch.now += 2 * EVERY
    sender.show("text:1", "abc")
    assert reader.texts() == {"text:1": "abc"}


def test_every_reader_has_its_own_pipe_and_one_that_comes_late_sees_the_whole(
    tmp_path: Path, sender: PreviewSender, reader: PreviewReader, watch: Stopwatch
) -> None:
    sender.show("text:1", "first")
    late = PreviewReader(tmp_path, "s1", "other-face")
    watch.now += LOOK
    sender.show("text:1", "first and second")
    assert late.texts() == reader.texts() == {"text:1": "first and second"}
    late.close()


def test_a_pipe_that_nobody_empties_never_stops_the_sender_and_ends_with_whole_frames(
    sender: PreviewSender, reader: PreviewReader, watch: Stopwatch
) -> None:
    for number in range(2000):
        watch.now += 2 * EVERY
        sender.show("text:1", f"{number} " + "x" * 5000)
    seen = reader.texts()["text:1"]
    assert seen.partition(" ")[0].isdigit()
    assert len(seen) > 5000
    # Once it is empty again, the next frames are whole and in time.
    for number in (3000, 3001):
        watch.now += 2 * EVERY
        sender.show("text:1", f"{number} end")
        reader.texts()
    assert reader.texts()["text:1"] == "3001 end"


def test_the_pipe_of_a_dead_reader_is_cleared_away(tmp_path: Path, sender: PreviewSender) -> None:
    os.mkfifo(tmp_path / "s1.dead")
    sender.show("text:1", "anybody?")
    assert not (tmp_path / "s1.dead").exists()


def test_a_reader_that_goes_away_is_no_trouble(
    tmp_path: Path, sender: PreviewSender, reader: PreviewReader, watch: Stopwatch
) -> None:
    sender.show("text:1", "one")
    other = PreviewReader(tmp_path, "s1", "short-lived")
    watch.now += LOOK
    sender.show("text:1", "two")
    other.close()
    for text in ("three", "four"):
        watch.now += 2 * EVERY
        sender.show("text:1", text)
    assert reader.texts() == {"text:1": "four"}


def test_control_characters_never_come_out_of_a_pipe(sender: PreviewSender, reader: PreviewReader) -> None:
    sender.show("text:1", "a\x1b]52;c;evil\x07b")
    assert "\x1b" not in reader.texts()["text:1"]


def test_of_a_long_preview_the_end_is_shown(sender: PreviewSender, reader: PreviewReader) -> None:
    sender.show("text:1", "a" * 100_000 + "the end")
    shown = reader.texts()["text:1"]
    assert shown.startswith("…")
    assert shown.endswith("the end")
    assert len(shown) < 40_000


def test_a_board_reads_only_what_is_asked_about(tmp_path: Path, watch: Stopwatch) -> None:
    board = PreviewBoard(tmp_path, "face", watch)
    sender = PreviewSender(tmp_path, "s1", watch)
    assert board.texts("s1") == ()
    sender.show("text:1", "hello")
    assert board.texts("s1") == (("text:1", "hello"),)
    watch.now += 60
    board.texts("s2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s2.face"]
    board.close()
    sender.close()
    assert list(tmp_path.iterdir()) == []


def test_where_no_pipe_can_be_made_there_are_no_previews(tmp_path: Path, watch: Stopwatch) -> None:
    (tmp_path / "file").write_text("")
    board = PreviewBoard(tmp_path / "file", "face", watch)
    assert board.texts("s1") == ()
    board.close()


def test_a_sender_that_was_closed_opens_nothing_again(
    sender: PreviewSender, reader: PreviewReader, watch: Stopwatch
) -> None:
    sender.show("text:1", "the last words")
    sender.close()
    before = len(os.listdir("/dev/fd"))
    watch.now += 2 * LOOK
    sender.show("text:1", "")
    assert len(os.listdir("/dev/fd")) == before
    assert reader.texts() == {"text:1": "the last words"}
