"""A runbook page to read: numbered lines, at those that were found, and what speaks against following it on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult

from opstui.core.desk import KnowledgePage
from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Page
from opstui.core.marking import Marker
from opstui.tui.page_text import PageText, line_mark
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.terminal.links import first_link, own_host
from opstui.tui.widgets.lines import Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.textview import Para, TextView


class PageScreen(DeskScreen):
    """One page."""

    LABEL = "Page"
    KIND = "page"
    BINDINGS = screen_bindings("page")

    def __init__(self, doc: str, line: int = 0, end: int = 0, query: str = "") -> None:
        super().__init__()
        self.doc = doc
        self._lines = (line, max(line, end))
        self._query = query
        self._page: Page | None = None
        self._kept: Mapping[str, Any] = {}

    def compose_body(self) -> ComposeResult:
        """Its text."""
        yield Rule(classes="top")
        yield TextView(id="text")

    def on_mount(self) -> None:
        """Ask for it in a thread: a wiki's page may be long."""
        self._ask()

    @property
    def text(self) -> TextView:
        """The text."""
        return self.query_one("#text", TextView)

    def _ask(self) -> None:
        def failed(error: OpstuiError) -> None:
            if self.is_there and self._page is None:
                self.text.show([Para(error.message, "warn")], stay=False)

        self.desk_app.ask_slowly(KnowledgePage(self.doc), self._came, saying="the page", failed=failed)

    def _came(self, page: Page) -> None:
        if not self.is_there or (self._page is not None and self._page.content_hash == page.content_hash):
            return
        is_new, self._page = self._page is None, page
        place = self.text.mark_here()
        self._draw()
        if not is_new:
            self.text.jump(place)
            self.desk_app.say("the page was changed; this is how it reads now", "warn")
        elif isinstance(self._kept.get("at"), str):
            self.text.jump(self._kept["at"])
        elif self._lines[0]:
            self.text.jump(line_mark(self._lines[0]))

    def _draw(self) -> None:
        if self._page is not None:
            text = PageText(self._page, self.desk_app.now(), lines=self._lines, query=self._query)
            self.text.show(text, stay=False)

    def ask_again(self, state: ViewState) -> None:
        """Sources were read again."""
        if self.is_there and self._page is not None and Topic.KNOWLEDGE in state.stale:
            self._ask()

    def mover(self) -> Scroller | None:
        """The text."""
        return self.text

    def hints(self) -> list[tuple[str, str]]:
        """``/`` searches here."""
        if self.asks:
            return super().hints()
        shown = self.desk_app.keymap.shown
        found = [(shown("app.back"), "back"), (shown("list.filter"), "search")]
        if Marker(self._query) or self.text.search:
            found.append((shown("list.next_match"), "next match"))
        return [*found, (shown("list.copy"), "copy line"), (shown("list.link"), "link"), (shown("app.help"), "help")]

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_list_filter(self) -> None:
        """``/``: search in the page."""
        from opstui.tui.widgets.ask import Ask

        self.put_question(Ask("Search this page", self._found, value=self.text.search, typed=self._find))

    def _find(self, text: str) -> None:
        if text:
            self.text.find(text, here=True)

    def _found(self, text: str) -> None:
        if text and not self.text.find(text, here=True):
            self.desk_app.say(f"{text[:60]!r} is not here", "dim")

    def action_list_next_match(self) -> None:
        """``n``: the next match, or where nothing is searched here, the next line with a word that led here."""
        self._next(1)

    def action_list_previous_match(self) -> None:
        """``N``."""
        self._next(-1)

    def _next(self, by: int) -> None:
        text, marker = self.text, Marker(self._query)
        if text.search:
            text.find(text.search, by)
            return
        if self._page is None or not marker:
            self.desk_app.say("/ searches this page", "dim")
            return
        here = text.para_at(text.cursor) or 0
        order = range(here + 1, len(text.paras)) if by > 0 else range(here - 1, -1, -1)
        found = next(
            (text.paras[at] for at in order if text.paras[at].mark and marker.spans(text.paras[at].text)), None
        )
        if found is None:
            self.desk_app.say("no other line holds a word of the search", "dim")
        else:
            text.jump(found.mark)

    def action_list_copy(self) -> None:
        """``y``: the line."""
        text = self.text.here()
        if text:
            self.desk_app.copy(text, "line")

    def action_list_link(self) -> None:
        """``o``: the link on the line, else where people read the page."""
        app = self.desk_app
        own = str(self._page.facts.url or "") if self._page is not None else ""
        link = first_link(self.text.here() or "") or (own if own_host(own) is not None else None)
        host = own_host(link) if link is not None else None
        if link is None or host is None:
            app.say("there is no https link on this line, and the page names none", "dim")
        elif app.terminal.ssh:
            app.ask(f"Copy the link to {host}?", lambda: app.copy(link, "link"))
        else:
            app.ask(f"Open {host} in the browser?", lambda: app.open_url(link))

    def action_list_refresh(self) -> None:
        """``r``: as it is indexed now."""
        self._ask()

    def kept(self) -> Mapping[str, Any]:
        """The page and the line."""
        at = self.text.mark_here() if self.is_there else ""
        return {"doc": self.doc, "at": at} if at else {"doc": self.doc}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """At that line again."""
        self._kept = dict(kept)
