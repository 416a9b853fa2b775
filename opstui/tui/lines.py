"""Lines of styled text as plain values: what screens are drawn from, and what their tests compare.

A span names its style by a role of the theme, ``struck`` (dim and crossed out), ``found`` (what was searched for) or
``prompt``; any other word is drawn plain. Nothing here parses markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from opstui.tui.draw import over
from opstui.tui.themes import ROLES, Palette


class Span(NamedTuple):
    """A run of text in one style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
"""One screen line."""


class Row(NamedTuple):
    """Lines that belong together under one key; the cursor stands on rows that ``stops``."""

    key: str
    lines: tuple[Line, ...]
    stops: bool = True


def line(*parts: str | Span | tuple[str, str]) -> Line:
    """A line of parts; a bare string is plain."""
    return tuple(Span(part) if isinstance(part, str) else Span(*part) for part in parts)


def text_of(drawn: Line) -> str:
    """What a line says, without styles and trailing blanks."""
    return "".join(span.text for span in drawn).rstrip()


def width_of(drawn: Line) -> int:
    """Cells of a line."""
    return sum(cell_len(span.text) for span in drawn)


WIDENS = "\ufe0f"
"""Draws the character before it as an emoji, two cells wide."""


def _sizes(text: str) -> Iterator[int]:
    """Cells that each character adds. Joined emoji count more than they take, so nothing is ever too wide."""
    before = 0
    for char in text:
        size = 1 if char == WIDENS and before == 1 else get_character_cell_size(char)
        before = size
        yield size


def cut(text: str, cells: int) -> str:
    """``text`` in at most ``cells`` cells; an ellipsis stands for what does not fit."""
    text = flat(text)
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    used = 0
    for index, size in enumerate(_sizes(text)):
        used += size
        if used > cells - 1:
            # A selector that widens the character before it is not left without it.
            return text[: index - 1 if text[index] == WIDENS else index] + "…"
    return text


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """``text`` cut or filled to exactly ``cells`` cells, at the left unless ``right``."""
    text = cut(text, cells)
    fill = " " * (cells - cell_len(text))
    return fill + text if right else text + fill


def flat(text: str) -> str:
    """``text`` on one line: a newline is shown, a tab is a blank."""
    return text.replace("\n", "⏎").replace("\t", " ") if "\n" in text or "\t" in text else text


def between(left: Line, right: Line, cells: int) -> Line:
    """``left`` and ``right`` at the two ends of a line; ``left`` gives way where both do not fit."""
    room = cells - width_of(right)
    if room <= 1:
        return fit(left, cells)
    left = fit(left, room - 1)
    return (*left, Span(" " * (room - width_of(left))), *right)


def fit(drawn: Line, cells: int) -> Line:
    """The line in at most ``cells`` cells."""
    if width_of(drawn) <= cells:
        return drawn
    kept: list[Span] = []
    for span in drawn:
        room = cells - width_of(tuple(kept))
        size = cell_len(span.text)
        if size < room:
            kept.append(span)
            continue
        # One more cell than there is, so that the ellipsis shows that something follows.
        kept.append(Span(cut(span.text if size > room else span.text + " ", room), span.style))
        break
    return tuple(kept)


_WORDS = re.compile(r"\S+[^\S\n]*|[^\S\n]+")


def wrap(text: str, cells: int) -> list[str]:
    """``text`` in lines of at most ``cells`` cells, broken at blanks where there are some.

    Nothing is dropped: joined again, with the newlines, the lines are ``text`` with each tab as four blanks. Blanks at
    a break may stand past ``cells``; they are cut when drawn.
    """
    cells = max(1, cells)
    out: list[str] = []
    for source in text.replace("\t", "    ").split("\n"):
        current, used = "", 0
        for word in _WORDS.findall(source):
            size = cell_len(word.rstrip())
            if used + size > cells and current:
                out.append(current)
                current, used = "", 0
            if size > cells:
                *whole, word = _pieces(word, cells - used, cells)
                for piece in whole:
                    out.append(current + piece)
                    current, used = "", 0
            current += word
            used += cell_len(word)
        out.append(current)
    return out


def _pieces(word: str, room: int, cells: int) -> list[str]:
    """A word in pieces: the first in ``room`` cells, the others in ``cells``, each at least one character."""
    pieces: list[str] = []
    start = used = 0
    for index, size in enumerate(_sizes(word.rstrip())):
        if used + size > room and index > start:
            # A selector goes with the character before it.
            end = index - 1 if word[index] == WIDENS and index - 1 > start else index
            pieces.append(word[start:end])
            start, used, room = end, sum(_sizes(word[end:index])), cells
        used += size
    return [*pieces, word[start:]]


def styles_of(palette: Palette) -> dict[str, Style]:
    """The styles of the words that spans use, without a background of their own."""
    words = {role: palette.role(role) for role in ROLES}
    return {
        **words,
        "struck": palette.dim + Style(strike=True),
        "found": palette.strong + Style(underline=True),
        "prompt": palette.accent + Style(bold=True, reverse=True),
    }


def strip_of(drawn: Line, cells: int, styles: Mapping[str, Style], base: Style) -> Strip:
    """The line as ``cells`` cells for the screen, ``base`` beneath every style."""
    segments = [Segment(span.text, over(base, styles[span.style]) if span.style in styles else base) for span in drawn]
    return Strip(segments).adjust_cell_length(cells, base)


def rows_text(rows: Sequence[Row]) -> str:
    """All that rows say, one line a line: for goldens."""
    return "\n".join(text_of(drawn) for row in rows for drawn in row.lines)
