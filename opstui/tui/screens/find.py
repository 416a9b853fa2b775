"""What Help, the palette and Knowledge have in common: a line to type in, and a list that follows it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input

from opstui.tui.keymap import bindings
from opstui.tui.lines import Line, Row
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import LineField


class FindScreen(DeskScreen):
    """A subclass answers ``head`` and ``rows``, and does what a row stands for in ``open_row``."""

    PLACEHOLDER: ClassVar[str] = ""
    HINTS = ("find.open",)
    BINDINGS = bindings("find")
    DEFAULT_CSS = "FindScreen #find-head { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._there = False

    def compose_body(self) -> ComposeResult:
        """The line, a heading, the list."""
        yield LineField(placeholder=self.PLACEHOLDER, id="find-line", enter=False)
        yield Spans(id="find-head")
        yield RowList(id="list")

    def on_mount(self) -> None:
        """Begin with everything."""
        self._there = True
        self.begin()
        self.draw()
        self.query_one("#find-line", LineField).focus()

    def begin(self) -> None:
        """Before the first drawing."""

    @property
    def row_list(self) -> RowList:
        """The list."""
        return self.query_one("#list", RowList)

    @property
    def typed(self) -> str:
        """What is searched for."""
        return self.query_one("#find-line", LineField).value

    def head(self, width: int) -> list[Line]:
        """The line above the list."""
        return []

    def rows(self, width: int) -> list[Row]:
        """The list's rows."""
        return []

    def open_row(self, key: str) -> None:
        """``enter`` on a row."""

    def draw(self) -> None:
        """Draw for what is typed."""
        if self._there and self.query("#list"):
            self.query_one("#find-head", Spans).show(self.head)
            self.row_list.show(self.rows)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text: the best answer is under the cursor again."""
        event.stop()
        self.row_list.to_top()
        self.search()

    def search(self) -> None:
        """Answer what is typed."""
        self.draw()

    def action_find_open(self) -> None:
        """``enter``."""
        if self.row_list.cursor is not None:
            self.open_row(self.row_list.cursor)

    def action_find_up(self) -> None:
        """A row up."""
        self.row_list.action_move_up()

    def action_find_down(self) -> None:
        """A row down."""
        self.row_list.action_move_down()

    def action_find_page_up(self) -> None:
        """A page up."""
        self.row_list.action_move_page_up()

    def action_find_page_down(self) -> None:
        """A page down."""
        self.row_list.action_move_page_down()
