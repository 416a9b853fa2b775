"""A list of rows of any height, drawn line by line, with a cursor that belongs to a row's key and not to its place."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from opstui.tui.keymap import bindings
from opstui.tui.lines import Line, Row, Span, line, strip_of, styles_of, text_of
from opstui.tui.themes import Palette
from opstui.tui.words import plain

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp

Make = Callable[[int], Sequence[Row]]
"""Rows for a width in cells."""


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws what :meth:`show` was given; the first cell of each line is the cursor's."""

    DEFAULT_CSS = """
    RowList {
        height: 1fr; width: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-color: $rule; scrollbar-color-hover: $rule; scrollbar-color-active: $rule;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """
    BINDINGS = bindings("move")

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: RowList, key: str | None) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    def __init__(self, *, id: str | None = None, cursor: bool = True) -> None:  # noqa: A002 - the library's word
        super().__init__(id=id)
        self._make: Make = lambda width: ()
        self._rows: Sequence[Row] = ()
        self._starts: list[int] = [0]
        self._made_for = -1
        self._with_cursor = cursor
        self._cursor: str | None = None
        self._index = 0
        self._styles: tuple[Palette, dict[str, Style]] | None = None
        self.follow = False
        """Stay at the end when rows are added."""

    # --- what is shown

    def show(self, make: Make) -> None:
        """Draw the rows that ``make`` gives for the list's width, now and after each resize."""
        self._make = make
        self._made_for = -1
        self._lay()

    @property
    def rows(self) -> Sequence[Row]:
        """The rows as drawn."""
        return self._rows

    @property
    def lines(self) -> list[str]:
        """All that the list says, without styles."""
        return [text_of(drawn) for row in self._rows for drawn in row.lines]

    def _lay(self) -> None:
        width, height = self._room()
        if width <= 0:
            return
        self._rows = tuple(self._make(width))
        if sum(len(row.lines) for row in self._rows) > height > 0:
            # The scroll bar takes a column, and the library tells nobody when it comes.
            width -= self.styles.scrollbar_size_vertical
            self._rows = tuple(self._make(width))
        self._made_for = width
        self._starts = [0]
        for row in self._rows:
            self._starts.append(self._starts[-1] + len(row.lines))
        self._settle_cursor()
        self.virtual_size = Size(width, self._starts[-1])
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        self.refresh()

    def _room(self) -> tuple[int, int]:
        """Cells and lines with no scroll bar."""
        inner = self.region.shrink(self.styles.gutter)
        return inner.width, inner.height

    def _settle_cursor(self) -> None:
        """Keep the cursor on its key; if that is gone, on the row nearest to where it stood."""
        stops = [index for index, row in enumerate(self._rows) if row.stops]
        if not stops:
            self._cursor, self._index = None, 0
            return
        for index in stops:
            if self._rows[index].key == self._cursor:
                self._index = index
                return
        # A list that is not filled yet must not make a wanted row forgotten.
        self._index = min(stops, key=lambda index: abs(index - self._index))
        self._cursor = self._rows[self._index].key

    def on_resize(self, event: events.Resize) -> None:
        """Rows depend on the width."""
        self._lay()
        # How far can be scrolled is known after the layout that this resize belongs to.
        self.call_after_refresh(self.reveal)

    def on_click(self, event: events.Click) -> None:
        """The cursor follows the mouse, where there is one."""
        at = event.y + self.scroll_offset.y
        if self._with_cursor and at < self._starts[-1]:
            index = bisect_right(self._starts, at) - 1
            if self._rows[index].stops:
                self._stand(index)

    # --- the cursor

    @property
    def cursor(self) -> str | None:
        """Key of the row the cursor stands on."""
        return self._cursor

    @cursor.setter
    def cursor(self, key: str | None) -> None:
        for index, row in enumerate(self._rows):
            if row.key == key and row.stops:
                self._stand(index)
                return
        if not self._rows:
            self._cursor = key

    def to_top(self) -> None:
        """Forget where the cursor stood: the next rows begin with it on the first of them."""
        self._cursor, self._index = None, 0
        self.scroll_to(y=0, animate=False, immediate=True, force=True)

    def _stand(self, index: int) -> None:
        if index != self._index or self._cursor != self._rows[index].key:
            self._index = index
            self._cursor = self._rows[index].key
            self.refresh()
            self.post_message(self.Moved(self, self._cursor))
        self.reveal()

    def reveal(self) -> None:
        """Scroll so that the cursor's row shows, its beginning before its end."""
        if not self._rows or not self._with_cursor:
            return
        top, bottom = self._starts[self._index], self._starts[self._index + 1]
        height = self.scrollable_content_region.height
        # Headings above the first row that stops would otherwise never come back into sight.
        if not any(row.stops for row in self._rows[: self._index]):
            top = 0
        here = self.scroll_offset.y
        if top < here or bottom - top > height:
            self.scroll_to(y=min(top, self.max_scroll_y), animate=False, immediate=True, force=True)
        elif bottom > here + height:
            self.scroll_to(y=bottom - height, animate=False, immediate=True, force=True)

    def _step(self, by: int) -> None:
        if not self._with_cursor or not self._rows:
            self.scroll_relative(y=by, animate=False, immediate=True, force=True)
            return
        top, bottom = self._starts[self._index], self._starts[self._index + 1]
        here, height = self.scroll_offset.y, self.scrollable_content_region.height
        # A row taller than the screen is read to its end before the cursor leaves it.
        if by > 0 and bottom > here + height and bottom - top > height:
            self.scroll_to(y=min(here + max(1, height - 2), bottom - height), animate=False, immediate=True, force=True)
            return
        if by < 0 and top < here and bottom - top > height:
            self.scroll_to(y=max(here - max(1, height - 2), top), animate=False, immediate=True, force=True)
            return
        index = self._index + by
        while 0 <= index < len(self._rows):
            if self._rows[index].stops:
                self._stand(index)
                return
            index += by
        self.scroll_to(y=0 if by < 0 else self.max_scroll_y, animate=False, immediate=True, force=True)

    def _leap(self, by: int) -> None:
        if not self._with_cursor or not self._rows:
            self.scroll_relative(y=by, animate=False, immediate=True, force=True)
            return
        wanted = max(0, min(self._starts[-1] - 1, self._starts[self._index] + by))
        index = max(0, min(len(self._rows) - 1, bisect_right(self._starts, wanted) - 1))
        stops = [at for at, row in enumerate(self._rows) if row.stops]
        if stops:
            self._stand(min(stops, key=lambda at: abs(at - index)))

    def action_move_down(self) -> None:
        """To the next row."""
        self._step(1)

    def action_move_up(self) -> None:
        """To the row before."""
        self.follow = False
        self._step(-1)

    def action_move_first(self) -> None:
        """To the first row."""
        self.follow = False
        self._leap(-self._starts[-1])

    def action_move_last(self) -> None:
        """To the last row."""
        self._leap(self._starts[-1])

    def action_move_half_down(self) -> None:
        """Half a page on."""
        self._leap(max(1, self.scrollable_content_region.height // 2))

    def action_move_half_up(self) -> None:
        """Half a page back."""
        self.follow = False
        self._leap(-max(1, self.scrollable_content_region.height // 2))

    def action_move_page_down(self) -> None:
        """A page on."""
        self._leap(max(1, self.scrollable_content_region.height - 1))

    def action_move_page_up(self) -> None:
        """A page back."""
        self.follow = False
        self._leap(-max(1, self.scrollable_content_region.height - 1))

    # --- drawing

    def _theme(self) -> tuple[Palette, dict[str, Style]]:
        app = cast("OpstuiApp", self.app)
        palette = app.look.palette
        if self._styles is None or self._styles[0] is not palette:
            self._styles = (palette, styles_of(palette))
        return self._styles

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width = self.scrollable_content_region.width
        palette, styles = self._theme()
        base = palette.background + palette.text
        at = y + self.scroll_offset.y
        if at >= self._starts[-1]:
            return Strip.blank(width, base)
        index = bisect_right(self._starts, at) - 1
        row = self._rows[index]
        drawn = row.lines[at - self._starts[index]]
        if self._with_cursor and index == self._index and row.stops:
            base = base + palette.cursor
            drawn = marked(drawn)
        if cast("OpstuiApp", self.app).ascii:
            drawn = tuple(Span(plain(span.text), span.style) for span in drawn)
        return strip_of(drawn, width, styles, base)


def marked(drawn: Line) -> Line:
    """The line with the cursor's bar in its first cell, which rows leave empty."""
    if drawn and drawn[0].text[:1] == " ":
        return (Span("▌", "accent"), Span(drawn[0].text[1:], drawn[0].style), *drawn[1:])
    return drawn or line(("▌", "accent"))
