"""A long list of lines with a cursor line: draws what is visible, moves without laying anything out."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.strip import Strip

from opstui.tui.widgets.lines import Lines


class Scroller(Lines):
    """Lines ``0 … total()-1``, of which as many are drawn as fit; the cursor's line is always among them.

    Its own offset in place of the library's scrolling: a changed virtual size there is a layout of the whole screen.
    """

    DEFAULT_CSS = "Scroller { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self.cursor = 0
        self.top = 0
        self.active = True
        """Whether keys move this one; the cursor is drawn fainter where they don't."""
        self.moved: Callable[[], None] | None = None
        """Called after the cursor moved."""
        self.opened: Callable[[], None] | None = None
        """Called when a line is opened with the mouse."""

    # --- for subclasses -----------------------------------------------------------------------------------------------

    def total(self) -> int:
        """How many lines there are."""
        return 0

    def draw(self, y: int, under_cursor: bool) -> Strip:
        """Line ``y`` of all lines, as wide as the widget."""
        return Strip.blank(self.size.width)

    def heading(self) -> int:
        """Lines at the top that don't scroll."""
        return 0

    def draw_heading(self, y: int) -> Strip:
        """One of them."""
        return Strip.blank(self.size.width)

    # --- drawing ------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """How many lines are visible."""
        return max(0, self.size.height - self.heading())

    def line(self, y: int) -> Strip:
        """A heading, a line, or nothing below the last one."""
        heading = self.heading()
        if y < heading:
            return self.draw_heading(y)
        at = self.top + y - heading
        return self.draw(at, at == self.cursor) if at < self.total() else Strip.blank(self.size.width)

    def repaint_line(self, at: int) -> None:
        """Draw line ``at`` again, if it is visible."""
        if self.top <= at < self.top + self.rows:
            self.repaint(at - self.top + self.heading())

    def set_active(self, active: bool) -> None:
        """Take or give up the keys."""
        if active != self.active:
            self.active = active
            self.repaint_line(self.cursor)

    # --- moving -------------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Move the cursor by lines."""
        self.go(self.cursor + by)

    def page(self, by: float) -> None:
        """Move by pages, a line less than one, so that the eye finds its place."""
        self.go(self.cursor + int(by * max(1, self.rows - 1)))

    def first(self) -> None:
        """To the first line."""
        self.go(0)

    def last(self) -> None:
        """To the last line."""
        self.go(self.total() - 1)

    def go(self, at: int) -> None:
        """Put the cursor on line ``at``, and scroll as little as makes it visible."""
        old = self.cursor
        self.cursor = max(0, min(at, self.total() - 1))
        if not self.keep_visible():
            self.repaint_line(old)
            self.repaint_line(self.cursor)
        if self.cursor != old and self.moved is not None:
            self.moved()

    def keep_visible(self) -> bool:
        """Scroll so that the cursor's line is visible; whether anything scrolled."""
        rows = self.rows
        if rows <= 0:
            return False
        top = self.top
        if self.cursor < top:
            top = self.cursor
        elif self.cursor >= top + rows:
            top = self.cursor - rows + 1
        top = max(0, min(top, self.total() - rows))
        if top == self.top:
            return False
        self.top = top
        self.refresh()
        return True

    def on_resize(self) -> None:
        """Another size: the cursor stays visible."""
        self.keep_visible()

    # --- mouse --------------------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll; the cursor comes along only at the edge."""
        event.stop()
        self._wheel(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self._wheel(-3)

    def _wheel(self, by: int) -> None:
        rows = self.rows
        top = max(0, min(self.top + by, self.total() - rows))
        if top != self.top:
            self.top = top
            inside = max(top, min(self.cursor, top + rows - 1))
            self.refresh()
            if inside != self.cursor:
                self.go(inside)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there; a second one opens."""
        event.stop()
        at = self.top + event.y - self.heading()
        if self.heading() <= event.y and at < self.total():
            again = at == self.cursor and event.chain > 1
            self.go(at)
            if again and self.opened is not None:
                self.opened()
