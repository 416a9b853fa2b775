"""Lines made of styled pieces, measured in terminal cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Piece = tuple[str, Style]
"""Text and its style. Never markup; foreign text is drawn as it is."""


def fit(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells, cut with ``…`` where it is too long. Wide characters count two."""
    if width <= 0:
        return ""
    if text.isascii():
        if len(text) <= width:
            return text.rjust(width) if right else text.ljust(width)
        return text[: width - 1] + "…"
    # Only as much as could be visible is measured: a title may be long.
    length = cell_len(text[: width * 4])
    if length <= width and len(text) <= width * 4:
        return " " * (width - length) + text if right else text + " " * (width - length)
    return set_cell_size(text[: width * 4], width - 1) + "…"


def cells(text: str) -> int:
    """How many cells ``text`` takes."""
    return len(text) if text.isascii() else cell_len(text)


def over(base: Style, style: Style) -> Style:
    """``style`` on the ground ``base``. On a reversed ground its colour would be a block, so only bold remains."""
    if base.reverse:
        return base + Style(bold=style.bold)
    return base + style


def strip(pieces: Iterable[Piece], width: int, base: Style | None = None) -> Strip:
    """A line of exactly ``width`` cells; ``base`` lies under every piece and fills the rest."""
    segments: list[Segment] = []
    used = 0
    for text, style in pieces:
        if not text:
            continue
        room = width - used
        if room <= 0:
            break
        size = cells(text)
        if size > room:
            text, size = fit(text, room), room
        segments.append(Segment(text, over(base, style) if base is not None else style))
        used += size
    if used < width:
        segments.append(Segment(" " * (width - used), base))
    return Strip(segments, width)


def spread(left: Sequence[Piece], right: Sequence[Piece], width: int, base: Style | None = None) -> Strip:
    """A line with ``left`` at its start and ``right`` at its end; where both don't fit, the left part is cut."""
    tail = sum(cells(text) for text, _ in right)
    if tail >= width:
        return strip(left, width, base)
    room = width - tail
    kept: list[Piece] = []
    used = 0
    for text, style in left:
        size = cells(text)
        if used + size > room:
            kept.append((fit(text, room - used), style))
            used = room
            break
        kept.append((text, style))
        used += size
    kept.append((" " * (room - used), Style.null()))
    return strip([*kept, *right], width, base)


LONG = 8
"""A word of more characters to a cell than this is not measured whole; hardly any of its characters can be seen."""


def wrap(text: str, width: int) -> list[str]:
    """``text`` (one line) in lines of at most ``width`` cells, broken at spaces where there are any."""
    width = max(1, width)
    if (len(text) if text.isascii() else cell_len(text)) <= width:
        return [text]
    lines: list[str] = []
    current, used = "", 0
    for word in _words(text):
        size = cells(word)
        bare = word.rstrip(" ")
        if used + cells(bare) <= width:
            current, used = current + word, used + size
            continue
        if current.strip():
            lines.append(current.rstrip(" "))
            current, used = "", 0
        # Measured only where it may fit: measuring a long word again for each of its lines takes seconds.
        while len(bare) > LONG * width or cells(bare) > width:
            start = head(bare, width)
            lines.append(start)
            bare = bare[len(start) :]
            word = word[len(start) :]
        current, used = word, cells(word)
    if current.strip() or not lines:
        lines.append(current.rstrip(" "))
    return lines


_WORD = re.compile(r"\A +|[^ ]+ *")
"""A word and the blanks behind it; blanks at the start are one of their own."""


def _words(text: str) -> list[str]:
    return _WORD.findall(text) or [text]


def head(text: str, width: int) -> str:
    """The longest start of ``text`` that fits, at least one character."""
    if text.isascii():
        return text[: max(1, width)]
    used = before = 0
    for at, char in enumerate(text):
        # The selector that makes an emoji of a narrow character widens it by a cell.
        size = 1 if char == "\ufe0f" and before == 1 else cell_len(char)
        used, before = used + size, size
        if used > width and at:
            return text[: at - 1] if char == "\ufe0f" and at > 1 else text[:at]
    return text
