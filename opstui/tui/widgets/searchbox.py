"""The filter line: what is typed filters at each key, and a mistake is pointed at."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from opstui.core.errors import FilterError
from opstui.tui.widgets.lines import OneLine
from opstui.tui.widgets.text_field import LineField


class FilterBox(Vertical):
    """A field and, below it, where the filter is wrong. ``enter`` keeps the filter, ``escape`` takes it back."""

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox > #filter-line { height: 1; }
    FilterBox > #filter-wrong { display: none; }
    FilterBox.-wrong > #filter-wrong { display: block; }
    """

    def __init__(self, value: str, typed: Callable[[str], None], done: Callable[[str], None]) -> None:
        super().__init__(id="filter")
        self._value = value
        self._typed = typed
        self._done = done

    def compose(self) -> ComposeResult:
        """The field, and the line for what is wrong."""
        yield LineField(
            self._value,
            placeholder='filter: a word, or severity<=2 assignee:me age>30m svc:pay -status:closed "text"',
            id="filter-line",
        )
        yield OneLine(id="filter-wrong")

    def on_mount(self) -> None:
        """Take the keys."""
        field = self.query_one("#filter-line", LineField)
        field.cursor_position = len(self._value)
        field.focus()

    def right(self) -> None:
        """The filter can be read."""
        self.remove_class("-wrong")

    def wrong(self, error: FilterError) -> None:
        """Point at the word that can't be read; the list stays as it was."""
        line = self.query_one("#filter-wrong", OneLine)
        palette = line.palette
        carets = " " * (error.position + 1) + "^" * max(1, error.length)
        line.show([(carets + "  ", palette.bad), (error.message, palette.warn)])
        self.add_class("-wrong")

    def on_input_changed(self, event: Input.Changed) -> None:
        """At each key."""
        event.stop()
        if event.value != self._value:
            self._value = event.value
            self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep it."""
        event.stop()
        self._done(event.value)
