"""The ticket table: a window on a view of any length. The cursor belongs to a ticket, never to a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.style import Style
from textual.strip import Strip

from opstui.core.desk import Desk, SortedTickets, TicketPosition, TicketsWindow
from opstui.core.frozen import dataclass
from opstui.core.queues import SortBy, TableRow, View
from opstui.core.tickets import TicketRef
from opstui.tui.draw import Piece, cells, strip, wrap
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.table_rows import WIDE, heading_pieces, row_pieces

BLOCK = 128
"""Rows asked for at once; a question costs about a millisecond whatever the view's length."""
BLOCKS = 32
NEWS = 20
"""Tickets that came at once whose places are looked up; each costs about a millisecond."""
CACHE = 2000
"""Drawn lines kept."""


class TicketTable(Scroller):
    """A view's tickets.

    Live changes redraw rows in place; order and membership change only when no key came for two seconds, and then
    the cursor's ticket keeps its line on screen. If that ticket leaves the view, its row stays, dim, until the cursor
    moves.
    """

    def __init__(
        self,
        desk: Desk,
        now: Callable[[], datetime],
        me: Callable[[str], str],
        *,
        with_system: bool,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self.desk = desk
        self.now = now
        self.me = me
        self.with_system = with_system
        self.view = View("")
        self.search = ""
        self.sort = SortBy.URGENCY
        self.empty: tuple[str, ...] = ()
        """What stands in place of rows while there are none: why, and what to do."""
        self.marks: set[TicketRef] = set()
        self.news: dict[TicketRef, int] = {}
        """Tickets that came in outside what is visible, and where they are."""
        self.more_news = False
        """More came at once than were looked up."""
        self.ghost: tuple[int, TableRow] | None = None
        """Where a ticket stood that left the view while the cursor was on it, and its last row."""
        self._total = 0
        self._stamp = ""
        self._blocks: dict[int, list[TableRow]] = {}
        self._drawn: dict[TicketRef, tuple[object, Strip]] = {}
        self._ref_width = 8
        self._minute = 0

    # --- what it shows ------------------------------------------------------------------------------------------------

    def show(self, view: View, search: str = "", sort: SortBy = SortBy.URGENCY, at: TicketRef | None = None) -> None:
        """Show another view, or the same with another filter or order. Raises FilterError and changes nothing."""
        window = self._ask(view, search, sort, 0)
        same = view == self.view
        keep = at or (self.current_ref() if same else None)
        self.view, self.search, self.sort = view, search, sort
        self.ghost = None
        self.news.clear()
        if not same:
            self.marks.clear()
            self._ref_width = 8
        self._take(window.total, window.stamp, 0, list(window.rows))
        where = None
        if keep is not None:
            where = self.desk.ask(TicketPosition(view=view, ref=keep, search=search, sort=sort))
        self.cursor = min(where or 0, max(0, self._total - 1))
        self.top = max(0, min(self.top, self._total - self.rows))
        self.keep_visible()
        self.refresh()
        if self.moved is not None:
            self.moved()

    def _ask(self, view: View, search: str, sort: SortBy, block: int) -> _Window:
        window = self.desk.ask(TicketsWindow(view=view, search=search, sort=sort, first=block * BLOCK, count=BLOCK))
        return _Window(window.total, window.stamp, window.rows)

    def _take(self, total: int, stamp: str, block: int, rows: list[TableRow]) -> None:
        self._blocks = {block: rows}
        self._total, self._stamp = total, stamp
        self._measure(rows)

    def _measure(self, rows: list[TableRow]) -> None:
        widest = max(
            (cells(str(row.ticket.ref) if self.with_system else row.ticket.ref.key) for row in rows), default=0
        )
        if widest > self._ref_width:
            # It only grows, so that columns do not jump while scrolling.
            self._ref_width = min(18, widest)
            self._drawn.clear()
            self.refresh()

    def total(self) -> int:
        """Rows, the one that stayed included."""
        return self._total + (1 if self.ghost is not None else 0)

    def row(self, at: int) -> TableRow | None:
        """The row on line ``at``; asks for its block if it is not here yet."""
        if self.ghost is not None:
            if at == self.ghost[0]:
                return self.ghost[1]
            at -= at > self.ghost[0]
        if not 0 <= at < self._total:
            return None
        block, offset = divmod(at, BLOCK)
        rows = self._blocks.get(block)
        if rows is None:
            window = self._ask(self.view, self.search, self.sort, block)
            if window.stamp != self._stamp:
                # The order changed since; what is drawn now may be off by a row until the next look, 250 ms away.
                self._total = window.total
            rows = list(window.rows)
            while len(self._blocks) >= BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[block] = rows
            self._measure(rows)
        return rows[offset] if offset < len(rows) else None

    def current(self) -> TableRow | None:
        """The row under the cursor."""
        return self.row(self.cursor)

    def current_ref(self) -> TicketRef | None:
        """The ticket under the cursor."""
        row = self.current() if self._total or self.ghost else None
        return row.ticket.ref if row is not None else None

    def is_gone(self) -> bool:
        """Whether the ticket under the cursor has left the view."""
        return self.ghost is not None and self.ghost[0] == self.cursor

    # --- live ---------------------------------------------------------------------------------------------------------

    def update_rows(self, changed: frozenset[str]) -> None:
        """Take the newest content of rows that are here, without moving any."""
        here = {
            row.ticket.ref: (block, offset)
            for block, rows in self._blocks.items()
            for offset, row in enumerate(rows)
            if str(row.ticket.ref) in changed
        }
        if not here:
            return
        for row in self.desk.ask(SortedTickets(refs=tuple(here))):
            block, offset = here[row.ticket.ref]
            if self._blocks[block][offset] != row:
                self._blocks[block][offset] = row
                at = block * BLOCK + offset
                self.repaint_line(at + (self.ghost is not None and at >= self.ghost[0]))

    def reload(self, changed: frozenset[str] = frozenset()) -> None:
        """Take the newest order and content. The cursor's ticket keeps its line on screen."""
        known = {row.ticket.ref for rows in self._blocks.values() for row in rows}
        ref, before = self.current_ref(), self.current()
        old_top, line, old_total = self.top, self.cursor - self.top, self._total
        visible = [self.row(at) for at in range(self.top, min(self.top + self.rows, self.total()))]
        was_gone = self.is_gone()
        block = max(0, self.cursor - (self.ghost is not None and self.cursor > self.ghost[0])) // BLOCK
        window = self._ask(self.view, self.search, self.sort, block)
        self._take(window.total, window.stamp, block, list(window.rows))
        self.ghost = None
        where = None
        if ref is not None:
            where = self.desk.ask(TicketPosition(view=self.view, ref=ref, search=self.search, sort=self.sort))
        if where is not None:
            self.cursor = where
        elif before is not None:
            # Also a row that was gone already stays until the cursor moves.
            self.cursor = min(self.cursor, self._total)
            self.ghost = (self.cursor, before)
        self.cursor = max(0, min(self.cursor, self.total() - 1))
        # At the top of the list what comes in above is seen; further down the cursor's line stays where it is.
        self.top = 0 if old_top == 0 else max(0, min(self.cursor - line, self.total() - self.rows))
        self.keep_visible()
        self._count_news(changed, known, old_total)
        now_visible = [self.row(at) for at in range(self.top, min(self.top + self.rows, self.total()))]
        if (
            now_visible != visible
            or self.top != old_top
            or was_gone != self.is_gone()
            or self.cursor - self.top != line
        ):
            self.refresh()
        if self.moved is not None and ref != self.current_ref():
            self.moved()

    def _count_news(self, changed: frozenset[str], known: set[TicketRef], old_total: int) -> None:
        if self._total > old_total:
            fresh = sorted({TicketRef.parse(subject) for subject in changed} - known)
            self.more_news = len(fresh) > NEWS
            for ref in fresh[:NEWS]:
                at = self.desk.ask(TicketPosition(view=self.view, ref=ref, search=self.search, sort=self.sort))
                if at is not None:
                    self.news[ref] = at
        self._forget_news()

    def _forget_news(self) -> None:
        if self.news:
            seen = {row.ticket.ref for at in range(self.top, self.top + self.rows) if (row := self.row(at)) is not None}
            self.news = {ref: at for ref, at in self.news.items() if ref not in seen}

    def minute_passed(self) -> None:
        """Ages read differently: draw the rows whose text changed."""
        for at in range(self.top, min(self.top + self.rows, self.total())):
            row = self.row(at)
            if row is None:
                continue
            drawn = self._drawn.get(row.ticket.ref)
            if drawn is not None and self._draw_new(row, at, at == self.cursor).text != drawn[1].text:
                self._drawn.pop(row.ticket.ref, None)
                self.repaint_line(at)
        self._minute += 1

    def look_changed(self) -> None:
        """The theme is another one."""
        self._drawn.clear()
        self.refresh()

    # --- moving and marking -------------------------------------------------------------------------------------------

    def go(self, at: int) -> None:
        """Move; a row that stayed for the cursor goes as the cursor leaves it."""
        if self.ghost is not None and at != self.cursor:
            stood = self.ghost[0]
            self.ghost = None
            self.cursor = min(stood, max(0, self._total - 1))
            at -= at > stood
            self.refresh()
            self.top = max(0, min(self.top, self._total - self.rows))
            self.cursor = -1
        super().go(at)

    def keep_visible(self) -> bool:
        """Scroll as little as makes the cursor visible; what is new and now in view is no longer new."""
        scrolled = super().keep_visible()
        if scrolled:
            self._forget_news()
        return scrolled

    def toggle_mark(self) -> None:
        """Mark or unmark the ticket under the cursor, and go on to the next."""
        ref = self.current_ref()
        if ref is not None:
            self.marks ^= {ref}
            self.repaint_line(self.cursor)
            self.move(1)

    def mark_all(self) -> None:
        """Mark all that are shown, or none if they all are."""
        shown = {row.ticket.ref for at in range(self._total) if at < 10_000 and (row := self.row(at)) is not None}
        self.marks = set() if shown <= self.marks else self.marks | shown
        self.refresh()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def heading(self) -> int:
        """The column names, where there is room."""
        return 1 if self.size.width >= WIDE and self.size.height >= 10 else 0

    def draw_heading(self, y: int) -> Strip:
        """The column names."""
        return strip(heading_pieces(self.size.width, self._ref_width, self.palette), self.size.width)

    def line(self, y: int) -> Strip:
        """A heading, a row; in an empty table why it is empty."""
        if y >= (heading := self.heading()) and self.empty and not self.total():
            at = y - heading - 1
            drawn = wrapped(self.empty, self.size.width - 4)
            if 0 <= at < len(drawn):
                return strip([("  ", self.palette.dim), (drawn[at], self.palette.dim)], self.size.width)
        return super().line(y)

    def say_empty(self, *lines: str) -> None:
        """Say this where there are no rows."""
        if lines != self.empty:
            self.empty = lines
            if not self.total():
                self.refresh()

    def draw(self, y: int, under_cursor: bool) -> Strip:
        """A row, from the cache if it is drawn already."""
        row = self.row(y)
        if row is None:
            return Strip.blank(self.size.width)
        ref = row.ticket.ref
        gone = self.ghost is not None and y == self.ghost[0]
        me = self.me(ref.system)
        key = (row, under_cursor, self.active, ref in self.marks, self.size.width, self._minute, gone, me)
        cached = self._drawn.get(ref)
        if cached is not None and cached[0] == key:
            return cached[1]
        if len(self._drawn) >= CACHE:
            self._drawn.clear()
        drawn = self._draw_new(row, y, under_cursor)
        self._drawn[ref] = (key, drawn)
        return drawn

    def _draw_new(self, row: TableRow, y: int, under_cursor: bool) -> Strip:
        palette, width = self.palette, self.size.width
        base: Style | None = palette.cursor if under_cursor and self.active else None
        marked = row.ticket.ref in self.marks
        margin: list[Piece] = [
            ("▌" if under_cursor else " ", palette.accent if self.active else palette.faint),
            ("•" if marked else " ", palette.accent),
        ]
        pieces = row_pieces(
            row,
            width=width,
            ref_width=self._ref_width,
            palette=palette,
            now=self.now(),
            me=self.me(row.ticket.ref.system),
            with_system=self.with_system,
            gone=self.ghost is not None and y == self.ghost[0],
        )
        return strip([*margin, *pieces], width, base)


def wrapped(texts: tuple[str, ...], width: int) -> list[str]:
    """Texts as lines of ``width`` cells."""
    return [part for text in texts for part in wrap(text, max(8, width))]


@dataclass(frozen=True, slots=True)
class _Window:
    total: int
    stamp: str
    rows: tuple[TableRow, ...]
