"""A session's transcript: what is drawn is kept, what grows is drawn again, and that twelve times a second.

A changed width costs nothing until a block comes into view: heights are kept as they were and mended as they are seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from textual.strip import Strip
from textual.timer import Timer

from opstui.core.frozen import dataclass
from opstui.tui.draw import Piece, cells, spread, strip
from opstui.tui.pieces import Pieces
from opstui.tui.prose import Bit
from opstui.tui.session_text import Block
from opstui.tui.transcript_lines import part_lines
from opstui.tui.widgets.scroller import Scroller

FLUSH = 1 / 12
"""Seconds between two drawings of what grows."""
FOLDS = ("tool", "document")
"""Kinds of blocks that unfold."""


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
    before: str = ""
    """The kind of the block before the one that this part begins; it decides about a blank line between them."""
    grows: bool = False
    """The end of a text that is being written."""


@dataclass(slots=True)
class _Held:
    """What was made of a block that may be shown again, with a longer text or at another place."""

    pieces: Pieces
    parts: list[_Part]


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
        self._pieces: dict[str, Pieces] = {}
        """How the texts that may still grow are cut, by their blocks' ids."""
        self._opened: set[str] = set()
        """Tool calls that are unfolded."""
        self._revealed: Mapping[str, str] = {}
        self._drawn: dict[int, Strip] = {}
        """What stands on each line of the widget."""
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
        while first < len(self._blocks) and first < len(found) and self._blocks[first] == self._as_shown(found[first]):
            first += 1
        if first == len(self._blocks) == len(found):
            return
        self.draws += 1
        held = self._let_go(first)
        for index in range(first, len(found)):
            self._add(index, self._as_shown(found[index]), held)
        top, cursor = self.top, self.cursor
        if self.follow:
            self._to_end()
        else:
            self.cursor = min(self.cursor, max(0, self.total() - 1))
        if self.top != top or self.cursor != cursor:
            self.refresh()
        else:
            self._repaint_changed()

    def _as_shown(self, block: Block) -> Block:
        return replace(block, open=True) if block.kind in FOLDS and block.id in self._opened else block

    def _let_go(self, first: int) -> dict[str, _Held]:
        """Forget the blocks from ``first`` on, but for what may be drawn again as it is."""
        held: dict[str, _Held] = {}
        for index in range(first, len(self._blocks)):
            block = self._blocks[index]
            end = self._first_part[index + 1] if index + 1 < len(self._blocks) else len(self._parts)
            pieces = self._pieces.pop(block.id, None) or Pieces()
            held[block.id] = _Held(pieces, self._parts[self._first_part[index] : end])
        if first < len(self._first_part):
            keep = self._first_part[first]
            del self._parts[keep:]
            self._valid = min(self._valid, keep)
        del self._blocks[first:]
        del self._first_part[first:]
        return held

    def _add(self, index: int, block: Block, held: Mapping[str, _Held]) -> None:
        before = self._blocks[-1].kind if self._blocks else ""
        old = held.get(block.id)
        self._blocks.append(block)
        self._first_part.append(len(self._parts))
        texts = [block.text]
        if block.kind == "text":
            pieces = old.pieces if old is not None else Pieces()
            # A text that is whole ends like one: its last line will not grow.
            texts = pieces.take(block.text, whole=not block.open)
            if block.open:
                self._pieces[block.id] = pieces
        reusable = {part.text: part for part in old.parts} if old is not None and block.kind == "text" else {}
        for number, text in enumerate(texts):
            grows = block.open and block.kind == "text" and number == len(texts) - 1
            kind = before if number == 0 else ""
            part = reusable.get(text)
            if part is None or (part.before, part.grows) != (kind, grows):
                part = _Part(index, text, height=self._guess(text), before=kind, grows=grows)
            part.block = index
            self._parts.append(part)

    def _guess(self, text: str) -> int:
        width = max(20, (self._width or 80) - 3)
        return 1 + text.count("\n") + len(text) // width

    def toggle(self) -> bool:
        """Open or fold the tool call or document under the cursor; whether there was one."""
        index = self._part_of(self.cursor)
        if index is None:
            return False
        part = self._parts[index]
        block = self._blocks[part.block]
        if block.kind not in FOLDS or not block.detail:
            return False
        self._opened ^= {block.id}
        self._blocks[part.block] = replace(block, open=not block.open)
        self._forget(part)
        self._valid = min(self._valid, index)
        self.cursor = self._start(index)
        self.follow = False
        if block.kind == "document" and not block.open:
            # It is read from its beginning.
            self._wrapped(index)
            self.top = max(0, min(self.cursor - 1, self.total() - self.rows))
        self.refresh()
        return True

    def reveal(self, values: Mapping[str, str]) -> None:
        """Draw these values in place of what stands for them; none of them any more where there are none."""
        self._revealed = values
        for part in self._parts:
            if "⟦" in part.text or self._blocks[part.block].kind in FOLDS:
                self._forget(part)
        if self.follow:
            self._to_end()
        self.refresh()

    @staticmethod
    def _forget(part: _Part) -> None:
        part.lines = None
        part.strips.clear()

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
            self._forget(part)
        if self.follow and self._parts:
            self._to_end()

    def _wrapped(self, index: int) -> list[list[Bit]]:
        part = self._parts[index]
        if part.lines is None:
            width = max(8, self._width - 3)
            block = self._blocks[part.block]
            part.lines = part_lines(block, part.text, part.before, width, self._revealed, grows=part.grows)
            part.strips.clear()
            if len(part.lines) != part.height:
                part.height = len(part.lines)
                self._valid = min(self._valid, index)
        return part.lines

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

    def line(self, y: int) -> Strip:
        """What the library draws; kept, so that what grows is drawn again and nothing else."""
        drawn = self._drawn[y] = super().line(y)
        return drawn

    def _repaint_changed(self) -> None:
        first = -1
        for y in range(self.size.height + 1):
            same = y >= self.size.height or self._is_drawn(y)
            if not same and first < 0:
                first = y
            elif same and first >= 0:
                self.repaint(first, y - first)
                first = -1

    def _is_drawn(self, y: int) -> bool:
        before, now = self._drawn.get(y), super().line(y)
        return now is before or now == before

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
        if block.kind == "tool" and part.lines[offset][:1] in ([("▸ ", "faint")], [("▾ ", "faint")]):
            right: list[Piece] = []
            if block.failed:
                right.append(("refused  ", palette.bad))
            if block.took_ms is not None:
                right.append((f"{block.took_ms / 1000:.1f}s ", palette.faint))
            elif block.state:
                right.append((f"{block.state} ", palette.accent if block.state.endswith("…") else palette.faint))
            if sum(cells(text) for text, _ in right) < width // 2:
                return spread(left, right, width)
        return strip(left, width)
