"""Knowledge: runbook search as it is typed, with the lines that match; and without a query, what there is to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal

from opstui.core.desk import KnowledgeFaults, KnowledgePage, KnowledgePages, KnowledgeSearch, Proposals
from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Hit, Page, Strength
from opstui.tui.knowledge_rows import (
    MOST,
    SHOWN,
    Shelf,
    freshness,
    hit_rows,
    shelf_rows,
)
from opstui.tui.lines import Line, Row, between, fit, line
from opstui.tui.newest import Newest
from opstui.tui.page_text import PageText, line_mark
from opstui.tui.screens.base import Topic, ViewState
from opstui.tui.screens.find import FindScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import LineField
from opstui.tui.widgets.textview import Para, TextView

TWO = 100
"""Columns from which the page stands beside the list."""
KEPT = 16
"""Pages that were looked at last, kept for the next look."""


class KnowledgeScreen(FindScreen):
    """The approved pages."""

    LABEL = "Knowledge"
    KIND = "knowledge"
    PLACEHOLDER = "any words: an alert's name, an error, a service"
    DEFAULT_CSS = """
    KnowledgeScreen #knowledge { height: 1fr; }
    KnowledgeScreen #page { display: none; width: 1fr; border-left: solid $rule; }
    KnowledgeScreen #shelf { display: none; width: 44; border-left: solid $rule; }
    KnowledgeScreen.-two #page, KnowledgeScreen.-three #page { display: block; }
    KnowledgeScreen.-three.-searching #shelf { display: block; }
    """

    def __init__(self, query: str = "") -> None:
        super().__init__()
        self.query_typed = query
        self.hits: tuple[Hit, ...] = ()
        self.answered = ""
        """The text that ``hits`` answer."""
        self.problem = ""
        """Why the newest text could not be searched for."""
        self.shelf: Shelf | None = None
        """None until it was told."""
        self._source = ""
        self._row: str | None = None
        self._pages: dict[str, Page] = {}
        self._previewed: tuple[str, int] | None = None

    def compose_body(self) -> ComposeResult:
        """The line, the list, the page beside it, and what there is beside that."""
        yield LineField(self.query_typed, placeholder=self.PLACEHOLDER, id="find-line", enter=False)
        yield Spans(id="find-head")
        with Horizontal(id="knowledge"):
            yield RowList(id="list")
            yield TextView(id="page", cursor=False)
            shelf = RowList(id="shelf", cursor=False)
            shelf.can_focus = False
            yield shelf

    def begin(self) -> None:
        """Search at once for what it was opened with."""
        self._search = Newest(self.desk_app, "the runbooks", self._could_not)
        self._page = Newest(self.desk_app, "the page")
        field = self.query_one("#find-line", LineField)
        field.cursor_position = len(field.value)
        if self.query_typed:
            self.search()

    # --- asking -------------------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Ask in a thread; each key shows at once, and the list follows when the newest text is answered."""
        text = self.typed
        self._source = self.problem = ""
        if not text.strip():
            self._search.forget()
            self._take("", ())
        else:
            self._search.ask(KnowledgeSearch(query=text), lambda hits: self._take(text, hits))
            self.query_one("#find-head", Spans).show(self.head)

    def _could_not(self, error: OpstuiError) -> None:
        self.problem = error.message
        if self.is_there:
            self.draw()

    def _take(self, text: str, hits: tuple[Hit, ...]) -> None:
        if not self.is_there:
            return
        self.answered, self.hits = text, hits
        self.row_list.to_top()
        self.draw()

    def ask_again(self, state: ViewState) -> None:
        """Pages, sources or proposals are others."""
        if not self.is_there or not state.stale & {Topic.KNOWLEDGE}:
            return
        desk = self.desk

        def look() -> Shelf:
            return Shelf(
                pages=desk.ask(KnowledgePages()),
                faults=desk.ask(KnowledgeFaults()),
                proposals=desk.ask(Proposals(states=("open",))),
            )

        self._pages.clear()
        self.desk_app.work_slowly(look, self._told, saying="what runbooks there are")
        if self.typed.strip():
            text = self.typed
            self._search.ask(KnowledgeSearch(query=text), lambda hits: self._renew(text, hits))

    def _renew(self, text: str, hits: tuple[Hit, ...]) -> None:
        """The same search once more: the cursor stays where it is."""
        if self.is_there and (text, hits) != (self.answered, self.hits):
            self.answered, self.hits = text, hits
            self.draw()

    def _told(self, shelf: Shelf) -> None:
        if self.is_there:
            self.shelf = shelf
            self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """The list, and beside it what is under its cursor."""
        super().draw()
        if not self._there or not self.query("#shelf"):
            return
        if self._row is not None and self.row_list.rows:
            self.row_list.cursor, self._row = self._row, None
        # Without a query the list itself shows what there is.
        self.set_class(bool(self.typed.strip()), "-searching")
        self.query_one("#shelf", RowList).show(self._shelf_rows)
        self._preview()

    def head(self, width: int) -> list[Line]:
        """How many, and whether any answers."""
        if self.problem:
            return [fit(line(" ", ("KNOWLEDGE", "strong"), "  ", ("✗ ", "bad"), (self.problem, "bad")), width)]
        left = line(" ", ("KNOWLEDGE", "strong"), (f"  {self._said()}", "dim"))
        if self._search_waits():
            return [between(left, line(("searching … ", "dim")), width)]
        return [fit(left, width)]

    def _search_waits(self) -> bool:
        return self._there and bool(self.typed.strip()) and self.answered != self.typed

    def _said(self) -> str:
        if not self.typed.strip():
            count = len(self.shelf.pages) if self.shelf is not None else 0
            pages = f"{count} page{'' if count == 1 else 's'}" if self.shelf is not None else "looking …"
            return f"{self._source} · {pages}" if self._source else f"{pages} · type to search them"
        if not self.answered:
            return ""
        strong = sum(1 for hit in self.hits if hit.strength is Strength.STRONG)
        if not strong:
            return f"{len(self.hits)} weak" if self.hits else "nothing found"
        return f"{len(self.hits)} page{'s' if len(self.hits) > 1 else ''}, {strong} strong"

    def rows(self, width: int) -> list[Row]:
        """What answers; without a query what there is."""
        now = self.desk_app.now()
        if self.typed.strip():
            # What was found for the text before stays until there is something newer.
            return hit_rows(self.hits, self.answered, now, width, self._lines()) if self.answered else []
        return self._overview(width)

    def _lines(self) -> int:
        return SHOWN if self.size.height >= 22 else 2

    def _overview(self, width: int) -> list[Row]:
        if self.shelf is None:
            return []
        return shelf_rows(replace(self.shelf, source=self._source), self.desk_app.now(), width)

    def _shelf_rows(self, width: int) -> list[Row]:
        return shelf_rows(self.shelf, self.desk_app.now(), width) if self.shelf is not None else []

    def minute_passed(self) -> None:
        """Ages."""
        self.draw()

    # --- the page beside it -------------------------------------------------------------------------------------------

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """Another row: its page beside it."""
        event.stop()
        self._preview()

    def on_resize(self) -> None:
        """There may be room for a page now."""
        self.call_after_refresh(self._preview)

    def _under_cursor(self) -> tuple[str, int, int] | None:
        """Page, first and last line."""
        key = self.row_list.cursor or ""
        hit = next((hit for hit in self.hits if f"hit:{hit.doc}:{hit.line_start}" == key), None)
        if hit is not None:
            return hit.doc, hit.line_start, hit.line_end
        return (key.removeprefix("page:"), 0, 0) if key.startswith("page:") else None

    def _preview(self) -> None:
        if not self.is_there or not self._there or self.app.size.width < TWO:
            return
        view, here = self.query_one("#page", TextView), self._under_cursor()
        if here is None:
            self._previewed = None
            view.show(self._source_paras(), stay=False)
            return
        page = self._pages.get(here[0])
        if page is None:
            self._page.ask(KnowledgePage(here[0]), self._page_came)
        elif self._previewed != here[:2]:
            self._previewed = here[:2]
            query = self.answered if self.typed.strip() else ""
            view.show(PageText(page, self.desk_app.now(), lines=here[1:], query=query), stay=False)
            if here[1]:
                view.jump(line_mark(here[1]))

    def _source_paras(self) -> list[Para]:
        """The pages of the source under the cursor, the newest change first."""
        key = self.row_list.cursor or ""
        if self.shelf is None or not key.startswith("source:"):
            return []
        now = self.desk_app.now()
        pages = [page for page in self.shelf.pages if page.source == key.removeprefix("source:")]
        pages.sort(key=lambda page: page.changed_at or datetime.min.replace(tzinfo=UTC), reverse=True)
        return [
            Para(page.title, "text", tail=((freshness(page.changed_at, page.facts, now), "faint"),))
            for page in pages[:MOST]
        ]

    def _page_came(self, page: Page) -> None:
        while len(self._pages) >= KEPT:
            del self._pages[next(iter(self._pages))]
        self._pages[page.doc] = page
        self._previewed = None
        self._preview()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def open_row(self, key: str) -> None:
        """The page at the lines; a source's pages; a proposal's own screen."""
        if key.startswith("proposal:"):
            self.desk_app.open("proposal", id=key.removeprefix("proposal:"))
            return
        if key.startswith("source:"):
            self._source = key.removeprefix("source:")
            self.row_list.to_top()
            self.draw()
            return
        here = self._under_cursor()
        if here is not None:
            query = self.answered if self.typed.strip() else ""
            self.desk_app.open("page", doc=here[0], line=here[1], end=here[2], query=query)

    def go_back(self) -> None:
        """From a source's pages to all of them first."""
        if self._source and not self.typed.strip():
            self._source = ""
            self.row_list.to_top()
            self.draw()
        else:
            super().go_back()

    def kept(self) -> Mapping[str, Any]:
        """What was typed, and the row."""
        if not self._there or not self.query("#list"):
            return {"query": self.query_typed}
        return {"query": self.typed, "row": self.row_list.cursor}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """The same search, on the same row."""
        query, row = kept.get("query"), kept.get("row")
        self.query_typed = query[:200] if isinstance(query, str) else ""
        self._row = row if isinstance(row, str) else None
