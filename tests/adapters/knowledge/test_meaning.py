"""The third list. What needs the model is skipped where ``opstui[semantic]`` is not installed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.knowledge import minilm, vectors
from opstui.adapters.knowledge.chunks import SIZE, chunks
from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.knowledge.wordpiece import WordPiece
from opstui.adapters.sqlite import Database
from opstui.core.knowledge import Strength

is_installed = minilm.folder() is not None
needs_model = pytest.mark.skipif(not is_installed, reason="the extra `semantic` is not installed")

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "crash", "##loop", "##ing", "the", "disk", "u", "##ber", ".", "北"]


def pieces(text: str, limit: int = 20) -> list[str]:
    return [VOCABULARY[number] for number in WordPiece(VOCABULARY).ids(text, limit)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the Disk.", "the disk ."),
        ("CrashLooping", "crash ##loop ##ing"),
        ("Über", "u ##ber"),
        ("the qqq disk", "the [UNK] disk"),
        ("北disk", "北 disk"),
        ("di\u200bsk\x00", "disk"),
        ("a" * 200, "[UNK]"),
        ("", ""),
    ],
)
def test_words_are_cut_into_the_longest_pieces_of_the_vocabulary(text: str, found: str) -> None:
    assert pieces(text) == ["[CLS]", *found.split(), "[SEP]"]


@given(st.text(), st.integers(2, 12))
def test_any_text_fits_the_limit_between_its_marks(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert len(found) <= limit
    assert (found[0], found[-1]) == ("[CLS]", "[SEP]")


def test_a_page_is_read_in_pieces_each_under_its_title() -> None:
    text = "## One\n" + "word " * 120 + "\n## Two\n" + "more " * 120
    assert chunks("DiskFull", text) == [
        "Disk Full",
        "Disk Full\n## One\n" + "word " * 120,
        "Disk Full\n## Two\n" + "more " * 120,
    ]
    assert chunks("Empty", "\n\n") == ["Empty"]


@given(st.text())
def test_pieces_are_short_enough_for_the_model(text: str) -> None:
    assert all(len(piece) <= 2 * SIZE + 20 for piece in chunks("T", text))


@pytest.mark.skipif(is_installed, reason="the extra `semantic` is installed")
def test_without_the_extra_pages_are_found_by_words_and_doctor_says_what_is_missing(
    folder: Path, database: Database
) -> None:
    index = SqliteKnowledge(database, [FolderSource("kb", folder)], semantic=True)
    assert index.refresh() == 4
    assert index.search("host disk full")[0].doc == "kb/disk/HostDiskFull"
    told = [probe for probe in index.probe() if probe.state == "warn"]
    assert [probe.check for probe in told] == ["knowledge search"]
    assert "opstui[semantic]" in told[0].fix


def test_nobody_who_did_not_ask_for_it_hears_of_it(index: SqliteKnowledge) -> None:
    assert all(probe.check != "knowledge search" for probe in index.probe())


@pytest.fixture(scope="module")
def model() -> minilm.MiniLM:
    place = minilm.folder()
    if place is None:
        pytest.skip("the extra `semantic` is not installed")
    return minilm.MiniLM(place)


@pytest.fixture
def semantic(folder: Path, database: Database, model: minilm.MiniLM) -> SqliteKnowledge:
    """The four pages with their vectors."""
    index = SqliteKnowledge(database, [FolderSource("kb", folder)], semantic=True)
    index.refresh_here()
    vectors.make_all(database, model)
    index.refresh()
    return index


def test_vectors_are_those_that_the_models_authors_publish(model: minilm.MiniLM) -> None:
    # The first numbers of the example on the model's page.
    found = model.vectors(["This is an example sentence", "Each sentence is converted"])
    assert [round(float(number), 4) for number in found[0][:3]] == [0.0677, 0.0635, 0.0487]
    assert [round(float(number), 4) for number in found[1][:3]] == [0.0864, 0.1028, 0.0054]


def test_a_text_means_the_same_alone_and_among_others(model: minilm.MiniLM) -> None:
    alone = model.vectors(["the disk is full"])[0]
    among = model.vectors(["the disk is full", "a much longer text about something else " * 20])[0]
    assert abs(alone - among).max() < 1e-5


def test_a_page_is_found_by_what_it_means_and_is_no_answer_for_that_alone(
    semantic: SqliteKnowledge, index: SqliteKnowledge
) -> None:
    asked = "a server has no storage space left, look"
    assert not [hit for hit in index.search(asked) if hit.doc == "kb/disk/HostDiskFull"]
    found = [hit for hit in semantic.search(asked) if hit.doc == "kb/disk/HostDiskFull"]
    assert [hit.strength for hit in found] == [Strength.WEAK]


def test_vectors_are_made_once_for_each_content(
    semantic: SqliteKnowledge, folder: Path, database: Database, model: minilm.MiniLM
) -> None:
    assert vectors.make_all(database, model) == 0
    (folder / "New.md").write_text("# Quokkas")
    (folder / "MailQueueGrowing.md").unlink()
    semantic.refresh_here()
    assert vectors.make_all(database, model) == 1
    assert database.read("SELECT count(*) FROM knowledge_vectors") == [(4,)]


@needs_model
def test_a_process_of_its_own_makes_them_and_ends(folder: Path, database: Database) -> None:
    index = SqliteKnowledge(database, [FolderSource("kb", folder)], semantic=True)
    index.refresh()
    deadline = time.monotonic() + 30
    while vectors.is_any_missing(database):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    index.refresh()
    assert [probe.text for probe in index.probe() if probe.check == "knowledge search"] == [
        f"4 pages by words and by meaning ({minilm.NAME})"
    ]


@needs_model
def test_the_model_is_the_one_that_was_published() -> None:
    place = minilm.folder()
    assert place is not None
    assert minilm.is_genuine(place)
    assert "torch" not in sys.modules
