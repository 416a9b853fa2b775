"""Knowledge: runbook search as it is typed, with the lines that match; ``enter`` shows them on their page."""

from __future__ import annotations

from opstui.core.claims import Citation, CitationKind
from opstui.core.desk import KnowledgeSearch, Source, SourceView
from opstui.core.knowledge import Hit, Strength
from opstui.core.tickets import TicketRef
from opstui.tui.lines import Line, Row, between, line, wrap
from opstui.tui.screens.find import FindScreen
from opstui.tui.times import ago
from opstui.tui.widgets.source_pane import SourcePane

SHOWN = 4
"""Matched lines of a page in the list."""


class KnowledgeScreen(FindScreen):
    """The approved pages."""

    LABEL = "Knowledge"
    KIND = "knowledge"
    PLACEHOLDER = "any words: an alert's name, an error, a service"
    DEFAULT_CSS = "KnowledgeScreen SourcePane { height: 2fr; }"

    def __init__(self, query: str = "") -> None:
        super().__init__()
        self.query_typed = query
        self.hits: tuple[Hit, ...] = ()
        self._asked = 0

    def compose_body(self):  # type: ignore[no-untyped-def]
        """With a pane for a page's lines."""
        yield from super().compose_body()
        yield SourcePane(id="source")

    def begin(self) -> None:
        """Search at once for what it was opened with."""
        from opstui.tui.widgets.text_field import LineField

        if self.query_typed:
            self.query_one("#find-line", LineField).value = self.query_typed
            self.search()

    def search(self) -> None:
        """Ask in a thread; only the answer to the newest text is shown."""
        self._asked += 1
        number = self._asked
        text = self.typed

        def found(hits: tuple[Hit, ...]) -> None:
            if number == self._asked:
                self.hits = hits
                self.draw()

        if not text.strip():
            found(())
        else:
            self.desk_app.ask_slowly(KnowledgeSearch(query=text), found, saying="the runbooks")
        self.draw()

    def head(self, width: int) -> list[Line]:
        """How many, and whether any answers."""
        if not self.typed.strip():
            said = "type to search the approved pages"
        elif not self.hits:
            said = "no page answers this"
        else:
            strong = sum(1 for hit in self.hits if hit.strength is Strength.STRONG)
            said = f"{len(self.hits)} page{'s' if len(self.hits) > 1 else ''}, {strong or 'none'} strong"
        return [line(" ", ("KNOWLEDGE", "strong"), (f"  {said}", "dim"))]

    def rows(self, width: int) -> list[Row]:
        """Title, where and how fresh, and the matched lines with their numbers."""
        now = self.desk_app.now()
        rows = []
        for hit in self.hits:
            strong = hit.strength is Strength.STRONG
            fresh = f"changed {ago(hit.changed_at, now)} ago" if hit.changed_at is not None else "age unknown"
            right = line(("strong " if strong else "weak ", "good" if strong else "warn"))
            lines = [
                between(line("   ", (hit.title, "strong")), right, width),
                between(
                    line("   ", (f"{hit.doc}:{hit.line_start}-{hit.line_end}", "dim")),
                    line((fresh + " ", "dim")),
                    width,
                ),
            ]
            numbered = [(hit.line_start + at, text) for at, text in enumerate(hit.text.split("\n")) if text.strip()]
            for number, text in numbered[:SHOWN]:
                part = wrap(text, width - 11)[0]
                lines.append(line("   ", (f"{number:>4}", "faint"), "  ", part))
            rows.append(Row(f"hit:{hit.doc}:{hit.line_start}", tuple(lines)))
        return rows

    def open_row(self, key: str) -> None:
        """The page around the lines."""
        hit = next((hit for hit in self.hits if f"hit:{hit.doc}:{hit.line_start}" == key), None)
        if hit is None:
            return
        cited = Citation(CitationKind.DOC, hit.doc, hit.line_start, hit.line_end)
        anywhere = TicketRef("local", "-")

        def show(source: SourceView) -> None:
            self.query_one("#source", SourcePane).open(source, "")

        self.desk_app.ask_slowly(Source(citation=cited, ticket=anywhere), show, saying="the page")

    def go_back(self) -> None:
        """The page closes first."""
        pane = self.query_one("#source", SourcePane)
        if pane.is_open:
            pane.close()
        else:
            super().go_back()
