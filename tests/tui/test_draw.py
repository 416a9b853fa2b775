"""Lines of an exact width, whatever they are made of."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len
from rich.style import Style

from opstui.core.text import clean_line
from opstui.tui.draw import fit, spread, strip, wrap
from opstui.tui.pieces import Pieces
from opstui.tui.prose import prose

EMOJI = st.text(alphabet="a 🖨\ufe0f👩\u200d🚒☎漢", max_size=40)
TEXT = (st.text(max_size=60) | EMOJI).map(clean_line)
STYLE = Style()


@given(TEXT, st.integers(0, 40), st.booleans())
def test_a_fitted_text_has_exactly_that_many_cells(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(text, width, right=right)) == width


@given(st.lists(TEXT, max_size=5), st.integers(1, 60))
def test_a_strip_is_exactly_as_wide_as_asked(texts: list[str], width: int) -> None:
    drawn = strip([(text, STYLE) for text in texts], width)
    assert cell_len(drawn.text) == drawn.cell_length == width


@given(st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=3), st.integers(1, 60))
def test_a_spread_line_is_exactly_as_wide_as_asked(left: list[str], right: list[str], width: int) -> None:
    drawn = spread([(text, STYLE) for text in left], [(text, STYLE) for text in right], width)
    assert cell_len(drawn.text) == width


@given(TEXT, st.integers(2, 40))
def test_wrapping_keeps_every_word_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_wrapping_breaks_at_spaces() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("x" * 10, 4) == ["xxxx", "xxxx", "xx"]


@given(st.text(alphabet="ab *`#->[1]\n\t漢👩🖨\ufe0f", max_size=80), st.integers(8, 40))
def test_prose_takes_anything_and_no_line_is_too_long(text: str, width: int) -> None:
    for line in prose(text, width):
        assert sum(cell_len(part) for part, _ in line) <= width


def test_prose_knows_headings_lists_code_and_emphasis() -> None:
    lines = prose("# Head\n- one **two** `three`\n> said\n```\ncode *x*\n```\nplain [1]", 40)
    assert lines[0] == [("Head", "strong")]
    assert ("· ", "faint") in lines[1]
    assert ("two", "strong") in lines[1]
    assert ("three", "code") in lines[1]
    assert lines[2][0] == ("┃ ", "faint")
    assert lines[3] == [("  ", "code"), ("code ", "code"), ("*x*", "code")]
    assert lines[4][-1] == ("[1]", "accent")


def test_prose_makes_no_links() -> None:
    drawn = "".join(part for line in prose("see [here](https://example.com) <b>x</b>", 60) for part, _ in line)
    assert drawn == "see [here](https://example.com) <b>x</b>"


@given(st.text(alphabet="ab\n` ", max_size=200), st.integers(0, 200))
def test_a_finished_block_never_changes_when_more_comes(text: str, cut: int) -> None:
    pieces = Pieces()
    pieces.take(text[:cut])
    before = list(pieces.done)
    pieces.take(text)
    assert pieces.done[: len(before)] == before
    at_once = Pieces()
    at_once.take(text)
    assert (at_once.done, at_once.rest) == (pieces.done, pieces.rest)


def test_a_long_fence_is_cut_without_turning_code_into_prose() -> None:
    pieces = Pieces()
    pieces.take("```\n" + "x = 1\n" * 100 + "```\nend")
    assert all(piece.startswith("```") and piece.rstrip().endswith("```") for piece in pieces.done[:2])
    assert pieces.rest.endswith("end")


def test_a_text_that_turns_out_to_be_another_one_is_cut_anew() -> None:
    pieces = Pieces()
    pieces.take("one\n\ntwo\n\nthr")
    assert pieces.take("one\n\nand\n\nanother", whole=True) == ["one\n", "and\n", "another"]


@pytest.mark.parametrize("text", ["word " * 4_000_000, "x" * 20_000_000, "- a line of a list\n" * 1_000_000])
def test_twenty_megabytes_are_cut_into_pieces_that_can_be_drawn(text: str) -> None:
    pieces = Pieces().take(text, whole=True)
    assert max(map(len, pieces)) <= 16_010
    assert sum(map(len, pieces)) >= len(text.rstrip()) - 2 * len(pieces)


def test_a_reversed_ground_takes_no_colours() -> None:
    reversed_ground = Style(reverse=True)
    drawn = strip([("▲", Style(color="red", bold=True)), ("  ", Style(color="yellow"))], 6, reversed_ground)
    assert [segment.style for segment in drawn] == [Style(reverse=True, bold=True), reversed_ground, reversed_ground]
    plain_ground = Style(bgcolor="blue")
    assert next(iter(strip([("▲", Style(color="red"))], 1, plain_ground))).style == Style(color="red", bgcolor="blue")


@given(st.integers(8, 60))
def test_no_line_begins_with_the_full_stop_of_a_citation(width: int) -> None:
    drawn = prose("A restart of node-local-dns on agents-3 did not help [2]. Nothing else was tried (yet) [3].", width)
    lines = ["".join(text for text, _ in line) for line in drawn]
    assert not [line for line in lines if line.lstrip().startswith(".")]
    assert all(cell_len(line) <= width for line in lines)
