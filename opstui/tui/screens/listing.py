"""What Shift, Audit, Log and Doctor have in common: a heading of two lines over a list of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult

from opstui.core.errors import OpstuiError
from opstui.tui.lines import Line, Row
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans


class ListScreen(DeskScreen):
    """A subclass answers ``head`` and ``rows``, asks the desk in ``look``, and opens a row in ``open_row``."""

    FOLLOWS: ClassVar[bool] = False
    """Stay at the newest line."""
    DEFAULT_CSS = "ListScreen #list-head { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._row_wanted: str | None = None
        self._there = False

    def compose_body(self) -> ComposeResult:
        """Heading and list."""
        yield Spans(id="list-head")
        yield RowList(id="list")

    def on_mount(self) -> None:
        """Ask, then draw."""
        # ``is_mounted`` is not true yet while this runs.
        self._there = True
        self.row_list.follow = self.FOLLOWS
        self.row_list.cursor = self._row_wanted
        self.look()
        self.draw()
        self.row_list.focus()

    @property
    def row_list(self) -> RowList:
        """The list."""
        return self.query_one("#list", RowList)

    def look(self) -> None:
        """Ask the desk for what is shown."""

    def head(self, width: int) -> list[Line]:
        """The two lines above the list."""
        return []

    def rows(self, width: int) -> list[Row]:
        """The list's rows."""
        return []

    def open_row(self, key: str) -> None:
        """``enter`` on a row."""

    def draw(self) -> None:
        """Draw again what was answered last."""
        if self._there and self.query("#list"):
            self.query_one("#list-head", Spans).show(self.head)
            self.row_list.show(self.rows)

    def again(self) -> None:
        """Ask and draw; a refusal is said and what was there stays."""
        if not self._there or not self.query("#list"):
            return
        try:
            self.look()
        except OpstuiError as error:
            self.desk_app.say(error.message, "bad")
        self.draw()

    def action_list_open(self) -> None:
        """``enter``."""
        if self.row_list.cursor is not None:
            self.open_row(self.row_list.cursor)

    def action_list_refresh(self) -> None:
        """``r``."""
        self.again()

    def action_list_copy(self) -> None:
        """``y``: the row as it reads."""
        row = next((row for row in self.row_list.rows if row.key == self.row_list.cursor), None)
        if row is not None:
            text = "\n".join("".join(span.text for span in drawn).strip() for drawn in row.lines)
            self.desk_app.copy(text, "the row")

    def kept(self) -> Mapping[str, Any]:
        """The row."""
        return {"row": self.row_list.cursor if self._there and self.query("#list") else self._row_wanted}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """The row again."""
        row = kept.get("row")
        self._row_wanted = row if isinstance(row, str) else None
