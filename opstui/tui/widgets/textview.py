"""A long text to read: paragraphs wrapped as they come into view, with a cursor line and targets to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from textual.strip import Strip

from opstui.core.frozen import dataclass
from opstui.tui.draw import Piece, cells, spread, strip, wrap
from opstui.tui.widgets.scroller import Scroller

if TYPE_CHECKING:
    from opstui.core.marking import Marker

Bit = tuple[str, str]
"""Text and the role it is drawn in."""

NARROW = 26
"""Cells below which a text is not squeezed for what stands beside it."""
LONGEST = 4000
"""Characters of a line that are wrapped at once: a body may be one line of two million."""


@dataclass(frozen=True, slots=True)
class Para:
    """A line of the text before wrapping."""

    text: str = ""
    role: str = "text"
    lead: tuple[Bit, ...] = ()
    """Drawn before the first line; the following ones are indented by ``indent``."""
    indent: int = 0
    tail: tuple[Bit, ...] = ()
    """At the right of the first line."""
    bits: tuple[Bit, ...] = ()
    """In place of ``text``: one line, never wrapped."""
    rule: bool = False
    target: object = None
    """What enter opens on this line."""
    mark: str = ""
    """A name to jump to: an entry's id."""
    lit: bool = False
    """Shown as the cited line."""
    marker: Marker | None = None
    """Words of the text that are marked: those that were searched for."""


@dataclass(frozen=True, slots=True)
class _Line:
    para: int
    text: str
    first: bool


class TextView(Scroller):
    """Paragraphs. Lines are wrapped only as far as they were looked at, so a huge text opens as fast as a short one."""

    def __init__(self, *, id: str | None = None, cursor: bool = True) -> None:  # noqa: A002
        super().__init__(id=id)
        self.paras: Sequence[Para] = ()
        self._lines: list[_Line] = []
        self._next = 0
        """The first paragraph that is not wrapped yet."""
        self._width = 0
        self._strips: dict[tuple[int, bool], Strip] = {}
        self._cursor_shown = cursor
        self.search = ""

    def show(self, paras: Sequence[Para], *, stay: bool = True) -> None:
        """Another text; else than with ``stay`` it starts at the top.

        ``stay``: a newer version of the same text. The line under the cursor keeps its place on the screen, also when
        lines came or went above it; where it is gone itself, the nearest one above it that is still there does.
        """
        if stay and list(paras) == list(self.paras):
            return
        place = self._place(paras) if stay and (self.cursor or self.top) else None
        self.paras = paras
        self._forget()
        if not stay:
            self.cursor = self.top = 0
        if place is not None:
            self._stand_at(*place)
        self._ensure(max(self.cursor, self.top + self.rows) + 1)
        self.cursor = max(0, min(self.cursor, len(self._lines) - 1))
        self.top = max(0, min(self.top, len(self._lines) - max(1, self.rows)))
        self.refresh()

    def _place(self, paras: Sequence[Para]) -> tuple[int, int, int, int] | None:
        """The paragraph of ``paras`` to hold on to, how far into it and how far below it the cursor is, and its row."""
        if not 0 <= self.cursor < len(self._lines):
            return None
        here = self._lines[self.cursor].para
        first = self.cursor
        while first > 0 and self._lines[first - 1].para == here:
            first -= 1
        for old in range(here, -1, -1):
            new = _found(self.paras[old], paras, old)
            if new is not None:
                into = self.cursor - first if old == here else 0
                return new, into, here - old, self.cursor - self.top
        return None

    def _stand_at(self, para: int, into: int, below: int, row: int) -> None:
        self._ensure_para(min(para + below, len(self.paras) - 1))
        wanted = min(para + below, len(self.paras) - 1)
        at = next((index for index, line in enumerate(self._lines) if line.para == wanted), None)
        if at is not None:
            last = at
            while last + 1 < len(self._lines) and self._lines[last + 1].para == wanted:
                last += 1
            self.cursor = min(at + into, last)
            self.top = max(0, self.cursor - row)

    def renew(self, paras: Sequence[Para]) -> None:
        """The same text with other figures: lines of one line each that differ are drawn again, and no others."""
        before = self.paras
        if len(before) != len(paras) or any(
            not (old.bits and new.bits) for old, new in zip(before, paras, strict=True) if old != new
        ):
            self.show(paras)
            return
        changed = {index for index, (old, new) in enumerate(zip(before, paras, strict=True)) if old != new}
        self.paras = paras
        for at in range(self.top, min(self.top + self.rows, len(self._lines))):
            if self._lines[at].para in changed:
                self.repaint_line(at)
        for at, mark in list(self._strips):
            if at >= len(self._lines) or self._lines[at].para in changed:
                del self._strips[(at, mark)]

    def _forget(self) -> None:
        self._lines.clear()
        self._next = 0
        self._strips.clear()
        self._width = self.size.width

    def _ensure(self, count: int) -> None:
        """Wrap until there are ``count`` lines, if there are so many."""
        width = self._width
        if width <= 0:
            return
        while len(self._lines) < count and self._next < len(self.paras):
            para = self.paras[self._next]
            if para.bits or para.rule:
                self._lines.append(_Line(self._next, "", True))
            else:
                tail = self._tail(para)
                room = width - 2 - self._lead(para) - (sum(cells(text) for text, _ in tail) + 1 if tail else 0)
                first = True
                for start in range(0, max(1, len(para.text)), LONGEST):
                    for text in wrap(para.text[start : start + LONGEST].expandtabs(4), max(8, room)):
                        self._lines.append(_Line(self._next, text, first))
                        first = False
            self._next += 1

    @staticmethod
    def _lead(para: Para) -> int:
        return max(sum(cells(text) for text, _ in para.lead), para.indent)

    def _tail(self, para: Para) -> tuple[Bit, ...]:
        """What stands at the right, where it leaves the text room to be read."""
        taken = self._lead(para) + sum(cells(text) for text, _ in para.tail)
        return para.tail if self._width - taken >= NARROW else ()

    def total(self) -> int:
        """Lines as far as they are known; a screenful more than was looked at."""
        if self._width != self.size.width:
            para = self.para_at(self.cursor) if self._lines else None
            self._forget()
            if para is not None:
                self._seek_para(para)
        self._ensure(self.top + 2 * self.rows + 1)
        return len(self._lines)

    def para_at(self, at: int) -> int | None:
        """The paragraph of line ``at``."""
        self._ensure(at + 1)
        return self._lines[at].para if 0 <= at < len(self._lines) else None

    def _seek_para(self, para: int) -> None:
        self._ensure_para(para)
        at = next((index for index, line in enumerate(self._lines) if line.para == para), 0)
        offset = self.cursor - self.top
        self.cursor = at
        self.top = max(0, at - offset)

    def last(self) -> None:
        """To the end: the whole text is wrapped for it."""
        self.total()
        self._ensure(1 << 60)
        self.go(len(self._lines) - 1)

    def go(self, at: int) -> None:
        """Move, wrapping as much as the way needs."""
        self.total()
        self._ensure(at + self.rows + 1)
        super().go(at)

    def jump(self, mark: str) -> bool:
        """To the paragraph with this mark, a little below the top; whether there is one. What begins so stays so."""
        for index, para in enumerate(self.paras):
            if para.mark == mark:
                self.total()
                self._seek_para(index)
                self.top = max(0, self.cursor - min(3, self.rows // 3))
                if self.cursor < self.rows - 4:
                    self.top = 0
                self._ensure(self.top + 2 * self.rows)
                self.top = max(0, min(self.top, len(self._lines) - self.rows))
                self.refresh()
                return True
        return False

    def stand_on(self, mark: str) -> None:
        """Put the cursor on the paragraph with this mark without moving it on screen; where there is none, stay."""
        for index, para in enumerate(self.paras):
            if para.mark == mark:
                if self.para_at(self.cursor) != index:
                    self.total()
                    self._seek_para(index)
                    self._ensure(self.top + 2 * self.rows)
                    self.top = max(0, min(self.top, len(self._lines) - self.rows))
                    self.refresh()
                return

    def target(self) -> object:
        """What the cursor's line opens."""
        para = self.para_at(self.cursor)
        return self.paras[para].target if para is not None else None

    def next_target(self, by: int) -> None:
        """To the next (or the one before) line that opens something."""
        here = self.para_at(self.cursor) or 0
        order = range(here + 1, len(self.paras)) if by > 0 else range(here - 1, -1, -1)
        for index in order:
            if self.paras[index].target is not None and (
                index == 0 or self.paras[index].target != self.paras[here].target
            ):
                self._go_para(index)
                return

    def find(self, text: str, by: int = 1, *, here: bool = False) -> bool:
        """To the next paragraph with ``text`` in it, in either case, around the end; whether there is one."""
        self.search = text
        wanted = text.casefold()
        count = len(self.paras)
        start = self.para_at(self.cursor) or 0
        for step in range(0 if here else 1, count + 1):
            index = (start + by * step) % count if count else 0
            para = self.paras[index] if count else Para()
            if wanted in (para.text or "".join(bit for bit, _ in para.bits)).casefold():
                self._go_para(index)
                return True
        return False

    def _go_para(self, index: int) -> None:
        self.total()
        self._ensure_para(index)
        at = next((at for at, line in enumerate(self._lines) if line.para == index), None)
        if at is not None:
            self.go(at)

    def _ensure_para(self, index: int) -> None:
        # Before the first layout there is no width to wrap to, and nothing to go to.
        while self._width > 0 and self._next <= index and self._next < len(self.paras):
            self._ensure(len(self._lines) + 1)

    def here(self) -> str:
        """The text of the cursor's line, for copying."""
        para = self.para_at(self.cursor)
        if para is None:
            return ""
        found = self.paras[para]
        return found.text or "".join(bit for bit, _ in found.bits).strip()

    def mark_here(self) -> str:
        """The mark of the cursor's line."""
        para = self.para_at(self.cursor)
        return self.paras[para].mark if para is not None else ""

    def look_changed(self) -> None:
        """The theme is another one."""
        self._strips.clear()
        self.refresh()

    def draw(self, y: int, under_cursor: bool) -> Strip:
        """A line, from the cache if it is drawn already."""
        self._ensure(y + 1)
        if y >= len(self._lines):
            return Strip.blank(self.size.width)
        mark = under_cursor and self._cursor_shown and self.active
        drawn = self._strips.get((y, mark))
        if drawn is None:
            if len(self._strips) > 4000:
                self._strips.clear()
            drawn = self._strips[(y, mark)] = self._draw_new(self._lines[y], mark)
        return drawn

    def _draw_new(self, line: _Line, mark: bool) -> Strip:
        palette, width = self.palette, self.size.width
        para = self.paras[line.para]
        if para.rule:
            return strip([("─" * width, palette.rule)], width)
        base = palette.cursor if mark and para.target is not None else palette.selection if para.lit else None
        margin: Piece = ("▌" if mark else " ", palette.accent)
        if para.bits:
            left: list[Piece] = [margin, *((text, palette.role(role)) for text, role in para.bits)]
        elif line.first:
            lead = [(text, palette.role(role)) for text, role in para.lead]
            pad = para.indent - sum(cells(text) for text, _ in para.lead)
            left = [margin, *lead, (" " * max(0, pad), palette.text), *self._words(para, line.text)]
        else:
            indent = max(para.indent, sum(cells(text) for text, _ in para.lead))
            left = [margin, (" " * indent, palette.text), *self._words(para, line.text)]
        tail = [(text, palette.role(role)) for text, role in self._tail(para)] if line.first else []
        return spread(left, [*tail, (" ", palette.text)] if tail else [], width, base)

    def _words(self, para: Para, text: str) -> list[Piece]:
        """The text in pieces, the words that were searched for underlined."""
        role = self.palette.role(para.role)
        if para.marker is None:
            return [(text, role)]
        pieces: list[Piece] = []
        at = 0
        for start, end in para.marker.spans(text):
            pieces += [(text[at:start], role), (text[start:end], self.palette.strong + Style(underline=True))]
            at = end
        return [*pieces, (text[at:], role)]


def _found(para: Para, paras: Sequence[Para], near: int) -> int | None:
    """Where the same paragraph stands in ``paras``, the nearest one to ``near``; blank ones are no place to know."""
    if not (para.mark or para.text or para.bits):
        return None

    def is_it(index: int) -> bool:
        other = paras[index]
        if para.mark or other.mark:
            return para.mark == other.mark
        return para.text == other.text and para.bits == other.bits

    count = len(paras)
    for away in range(max(near, count - near) + 1):
        for index in (near - away, near + away):
            if 0 <= index < count and is_it(index):
                return index
    return None
