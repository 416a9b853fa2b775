"""A few lines of spans that depend on the width: headings, prompts, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from opstui.tui.lines import Line, strip_of, styles_of, text_of
from opstui.tui.widgets.lines import Lines

Make = Callable[[int], Sequence[Line]]
"""Lines for a width in cells."""


class Spans(Lines):
    """Draws what :meth:`show` was given, as high as its style says; with ``height: auto`` as high as the lines."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's word
        super().__init__(id=id)
        self._make: Make = lambda width: ()
        self._drawn: tuple[int, Sequence[Line]] = (-1, ())
        self._styles: dict[str, Style] | None = None

    def show(self, make: Make) -> None:
        """Draw these lines; a layout only if their number differs."""
        before = len(self._drawn[1])
        self._make = make
        self._drawn = (-1, ())
        width = self.size.width
        if width:
            after = len(self._at(width))
            self.refresh(layout=after != before)

    @property
    def lines(self) -> list[str]:
        """What is drawn, without styles."""
        return [text_of(drawn) for drawn in self._at(self.size.width)]

    def _at(self, width: int) -> Sequence[Line]:
        if self._drawn[0] != width:
            self._drawn = (width, tuple(self._make(width)) if width > 0 else ())
        return self._drawn[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are at this width."""
        return len(self._at(width))

    def look_changed(self) -> None:
        """Another theme."""
        self._styles = None
        super().look_changed()

    def line(self, y: int) -> Strip:
        """One of them."""
        palette = self.palette
        if self._styles is None:
            self._styles = styles_of(palette)
        lines = self._at(self.size.width)
        return strip_of(
            lines[y] if y < len(lines) else (), self.size.width, self._styles, palette.background + palette.text
        )
