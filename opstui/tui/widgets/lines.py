"""The base of everything that draws: a widget that answers for single lines, at its own speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opstui.tui.draw import Piece, spread, strip
from opstui.tui.themes import Palette

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp


class Lines(Widget):
    """A widget of lines. Subclasses answer :meth:`line`; changes repaint, they never lay out."""

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; }"

    @property
    def desk_app(self) -> OpstuiApp:
        """The app, by its own type."""
        return cast("OpstuiApp", self.app)

    @property
    def palette(self) -> Palette:
        """The styles of the theme that is on."""
        return self.desk_app.look.palette

    def line(self, y: int) -> Strip:
        """Line ``y`` of the widget, exactly as wide as the widget."""
        return Strip.blank(self.size.width)

    def render_line(self, y: int) -> Strip:
        """What the library asks for."""
        # The library lays a background under its own widgets' lines, not under these. The strip keeps the result.
        drawn = self.line(y).apply_style(self.palette.background)
        if self.desk_app.ascii:
            from opstui.tui.words import plain

            drawn = Strip([segment._replace(text=plain(segment.text)) for segment in drawn], drawn.cell_length)
        return drawn

    def repaint(self, y: int, count: int = 1) -> None:
        """Draw ``count`` lines from ``y`` again, and no others."""
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, count))

    def look_changed(self) -> None:
        """The theme is another one: forget what was drawn with the old one."""
        self.refresh()


class OneLine(Lines):
    """A single line with a left and a right part; drawn again only when it differs."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self._left: tuple[Piece, ...] = ()
        self._right: tuple[Piece, ...] = ()

    def show(self, left: list[Piece], right: list[Piece] | None = None) -> None:
        """Draw these pieces, if they are not what is drawn already."""
        new = (tuple(left), tuple(right or ()))
        if new != (self._left, self._right):
            self._left, self._right = new
            self.refresh()

    def line(self, y: int) -> Strip:
        """The line."""
        return spread(self._left, self._right, self.size.width) if y == 0 else Strip.blank(self.size.width)


class Rule(Lines):
    """A thin rule."""

    def line(self, y: int) -> Strip:
        """The rule."""
        width = self.size.width
        return strip([("─" * width, self.palette.rule)], width)
