"""A session's transcript: finished blocks are drawn once, what grows is drawn again, and that twelve times a second.

A changed width costs nothing until a block comes into view: heights are kept as they were and mended as they are seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import field, replace

from textual.strip import Strip
from textual.timer import Timer

from opstui.core.frozen import dataclass
from opstui.tui.draw import Piece, cells, spread, strip
from opstui.tui.prose import Bit, blocks, prose
from opstui.tui.session_text import Block
from opstui.tui.widgets.scroller import Scroller

MEASURE = 100
"""Cells of a line of prose; longer ones are hard to read."""
FLUSH = 1 / 12
"""Seconds between two drawings of what grows."""


@dataclass(slots=True)
class _Part:
    """A part of a block that is drawn as one: a paragraph, a tool call."""

    block: int
    text: str
    lines: list[list[Bit]] | None = None
    """None: not wrapped at this width yet."""
    height: int = 1
    """As last wrapped, or a guess."""
    strips: dict[int, Strip] = field(default_factory=dict)


class TranscriptView(Scroller):
    """Blocks of a transcript, the newest at the end. While it follows, the end stays in view."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self.follow = True
        self._blocks: list[Block] = []
        self._parts: list[_Part] = []
        self._starts: list[int] = [0]
        """First line of each part, and one more for the end; valid up to ``_valid`` parts."""
        self._valid = 0
        self._width = 0
        self._pending: tuple[Sequence[Block], int] | None = None
        self._flush: Timer | None = None
        self._first_part: list[int] = []
        """Index of each block's first part."""
        self.draws = 0
        """How often blocks were taken in, for tests and measurements."""

    # --- content ------------------------------------------------------------------------------------------------------

    def show(self, found: Sequence[Block], first: int = 0) -> None:
        """Take ``found`` in, of which those from ``first`` on may differ; at most twelve times a second."""
        if self._pending is not None:
            first = min(first, self._pending[1])
        self._pending = (found, first)
        if self._flush is None:
            self._take_pending()
            if self.is_mounted:
                self._flush = self.set_timer(FLUSH, self._flushed)

    def _flushed(self) -> None:
        self._flush = None
        if self._pending is not None:
            self._take_pending()
            self._flush = self.set_timer(FLUSH, self._flushed)

    def _take_pending(self) -> None:
        if self._pending is None:
            return
        found, first = self._pending
        self._pending = None
        self.draws += 1
        old_cursor_part = None if self.follow else self._part_of(self.cursor)
        while first < len(self._blocks) and first < len(found) and self._blocks[first] == found[first]:
            first += 1
        opened = {block.id for block in self._blocks if block.open and block.kind == "tool"}
        keep = self._first_part[first] if first < len(self._first_part) else len(self._parts)
        reusable = {(part.block, part.text): part for part in self._parts[keep:]}
        del self._parts[keep:]
        del self._blocks[first:]
        del self._first_part[first:]
        self._valid = min(self._valid, keep)
        for index in range(first, len(found)):
            block = found[index]
            if block.kind == "tool" and block.id in opened:
                block = replace(block, open=True)
            self._blocks.append(block)
            self._first_part.append(len(self._parts))
            for text in self._texts(index, block):
                part = reusable.get((index, text)) if block.kind == "text" else None
                self._parts.append(part or _Part(index, text, height=self._guess(text)))
        if self.follow:
            self._to_end()
        elif old_cursor_part is not None:
            self.cursor = min(self.cursor, max(0, self.total() - 1))
        self.refresh()

    @staticmethod
    def _texts(index: int, block: Block) -> list[str]:
        if block.kind != "text":
            return [block.text]
        # A text that is whole ends like one: its last line will not grow.
        done, rest = blocks(block.text if block.open else block.text.rstrip())
        return [text for text in [*done, rest] if text.strip()] or [""]

    def _guess(self, text: str) -> int:
        width = max(20, (self._width or 80) - 3)
        return 1 + text.count("\n") + len(text) // width

    def toggle(self) -> bool:
        """Open or fold the tool call under the cursor; whether there was one."""
        index = self._part_of(self.cursor)
        if index is None:
            return False
        part = self._parts[index]
        block = self._blocks[part.block]
        if block.kind != "tool" or not block.detail:
            return False
        self._blocks[part.block] = replace(block, open=not block.open)
        part.lines = None
        part.strips.clear()
        self._valid = min(self._valid, index)
        self.cursor = self._start(index)
        self.follow = False
        self.refresh()
        return True

    # --- where lines are ----------------------------------------------------------------------------------------------

    def _start(self, index: int) -> int:
        """The first line of part ``index``."""
        if self._valid < index:
            starts = self._starts
            del starts[self._valid + 1 :]
            for at in range(self._valid, index):
                starts.append(starts[at] + self._parts[at].height)
            self._valid = index
        return self._starts[index]

    def total(self) -> int:
        """Lines, as well as they are known."""
        if self.size.width != self._width:
            self._rewrap()
        return self._start(len(self._parts))

    def _rewrap(self) -> None:
        self._width = self.size.width
        for part in self._parts:
            part.lines = None
            part.strips.clear()
        if self.follow and self._parts:
            self._to_end()

    def _wrapped(self, index: int) -> list[list[Bit]]:
        part = self._parts[index]
        if part.lines is None:
            part.lines = self._lines(part)
            part.strips.clear()
            if len(part.lines) != part.height:
                part.height = len(part.lines)
                self._valid = min(self._valid, index)
        return part.lines

    def _lines(self, part: _Part) -> list[list[Bit]]:
        block = self._blocks[part.block]
        width = max(8, self._width - 3)
        after_tool = part.block > 0 and self._blocks[part.block - 1].kind == "tool"
        starts = self._parts[self._first_part[part.block]] is part
        gap: list[list[Bit]] = [[]] if starts and after_tool and block.kind != "tool" else []
        if block.kind == "tool":
            return self._tool_lines(block, width)
        if block.kind == "text":
            lines = prose(part.text, min(width, MEASURE))
            before: list[list[Bit]] = (
                [[]] if starts and part.block > 0 and self._blocks[part.block - 1].kind == "text" and not gap else []
            )
            return [*gap, *before, *lines] or [[]]
        role = {"error": "bad", "end": "accent", "good": "good"}.get(block.kind, "warn")
        mark = {"error": "✗ ", "end": "■ ", "good": "✓ "}.get(block.kind, "! ")
        gap = [[]] if starts and part.block > 0 and self._blocks[part.block - 1].kind in ("tool", "text") else []
        body = prose(block.text, width - 2) or [[]]
        return [
            *gap,
            *(
                [
                    (mark if number == 0 else "  ", role),
                    *((text, role if kind == "text" else kind) for text, kind in line),
                ]
                for number, line in enumerate(body)
            ),
        ]

    @staticmethod
    def _tool_lines(block: Block, width: int) -> list[list[Bit]]:
        mark = "▾ " if block.open else "▸ "
        lines: list[list[Bit]] = [
            [(mark, "faint"), (block.name, "text"), (f"  {block.text}" if block.text else "", "dim")]
        ]
        if block.open:
            for line in block.detail.split("\n")[:200]:
                lines += prose(f"    {line}", width)
        return lines

    def _part_of(self, at: int) -> int | None:
        if not self._parts:
            return None
        self._start(len(self._parts))
        return max(0, min(bisect_right(self._starts, at, 0, len(self._parts)) - 1, len(self._parts) - 1))

    def _settle(self, at: int) -> tuple[int, int] | None:
        """Part and line inside it of line ``at``, once everything from the top of the screen to it is wrapped."""
        index = self._part_of(at)
        if index is None:
            return None
        for _ in range(8):
            self._wrapped(index)
            again = self._part_of(at)
            if again == index or again is None:
                break
            index = again
        offset = at - self._start(index)
        return (index, offset) if 0 <= offset < len(self._wrapped(index)) else None

    def _to_end(self) -> None:
        """Wrap the last parts, as many as are visible, and stand at the end."""
        need = max(1, self.rows)
        for index in range(len(self._parts) - 1, -1, -1):
            need -= len(self._wrapped(index))
            if need <= 0:
                break
        total = self._start(len(self._parts))
        self.cursor = max(0, total - 1)
        self.top = max(0, total - self.rows)

    def on_resize(self) -> None:
        """Another width: what is in view is wrapped again, the rest when it comes into view."""
        self.total()
        if self.follow:
            self._to_end()
        self.keep_visible()
        self.refresh()

    # --- moving -------------------------------------------------------------------------------------------------------

    def go(self, at: int) -> None:
        """Move; the end is followed again when it is reached, and no longer when it is left."""
        if at < self.cursor:
            self.follow = False
        before = self.top
        self.total()
        place = self._settle(self.cursor)
        by = at - self.cursor
        if place is not None and abs(by) <= 4 * self.rows:
            # What lies on the way gets its true height first, and the way starts where the cursor's line is then.
            index, offset = place
            self._wrap_around(index, abs(by) + self.rows)
            now = self._start(index) + offset
            self.top += now - self.cursor
            self.cursor = now
            at = now + by
        elif at <= 0:
            self._wrap_around(0, self.rows)
        super().go(at)
        if self.cursor >= self.total() - 1 and at >= self.cursor:
            self.follow = True
        if self.top != before:
            self.refresh()

    def _wrap_around(self, index: int, lines: int) -> None:
        for step in (-1, 1):
            need, at = lines, index
            while need > 0 and 0 <= at < len(self._parts):
                need -= len(self._wrapped(at))
                at += step

    def last(self) -> None:
        """To the end, and follow it."""
        self.follow = True
        self._to_end()
        self.refresh()

    def set_follow(self, follow: bool) -> None:
        """Follow the end, or stay."""
        self.follow = follow
        if follow:
            self._to_end()
        self.refresh()

    def here(self) -> str:
        """The text of the cursor's line."""
        place = self._settle(self.cursor)
        return "".join(text for text, _ in self._wrapped(place[0])[place[1]]).strip() if place else ""

    def look_changed(self) -> None:
        """The theme is another one."""
        for part in self._parts:
            part.strips.clear()
        self.refresh()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self, y: int, under_cursor: bool) -> Strip:
        """A line, from its part's cache if it is drawn already."""
        place = self._settle(y)
        width = self.size.width
        if place is None:
            return Strip.blank(width)
        index, offset = place
        part = self._parts[index]
        mark = under_cursor and not self.follow
        if not mark and (drawn := part.strips.get(offset)) is not None:
            return drawn
        drawn = self._draw_new(part, offset, mark)
        if not mark:
            part.strips[offset] = drawn
        return drawn

    def _draw_new(self, part: _Part, offset: int, mark: bool) -> Strip:
        palette, width = self.palette, self.size.width
        assert part.lines is not None
        left: list[Piece] = [
            ("▌" if mark else " ", palette.accent),
            *((text, palette.role(role)) for text, role in part.lines[offset]),
        ]
        block = self._blocks[part.block]
        if block.kind == "tool" and offset == 0:
            right: list[Piece] = []
            if block.failed:
                right.append(("refused  ", palette.bad))
            if block.took_ms is not None:
                right.append((f"{block.took_ms / 1000:.1f}s ", palette.faint))
            elif not block.failed:
                right.append(("… ", palette.accent))
            if sum(cells(text) for text, _ in right) < width // 2:
                return spread(left, right, width)
        return strip(left, width)
