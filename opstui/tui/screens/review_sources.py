"""The lines that a row of Review cites."""

from __future__ import annotations

from opstui.core.claims import Citation, CitationKind
from opstui.core.desk import (
    Source,
    SourceView,
)
from opstui.core.tickets import TicketRef
from opstui.tui.review_rows import COMMENT
from opstui.tui.screens.review_base import WIDE, DraftScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane


class ShowsSources(DraftScreen):
    """The part of Review that shows where a claim comes from."""

    def _citations(self) -> list[Citation]:
        if self.review is None:
            return []
        key = self.row()
        finding = self.finding(key)
        if finding is not None:
            about = [claim for claim in self.review.claims if claim.id == finding.claim]
            return [finding.citation] if finding.citation else [cited for claim in about for cited in claim.citations]
        part = next((part for part in self.parts() if part.key == key), None)
        if part is not None:
            return list(part.citations)
        if key.startswith("claim:"):
            found = next((claim for claim in self.review.claims if claim.id == key.removeprefix("claim:")), None)
            return list(found.citations) if found is not None else []
        if key.startswith("overlap:"):
            entry = next((item for item in self.review.overlaps if item.id == key.removeprefix("overlap:")), None)
            if entry is not None:
                last = max(1, entry.text.count("\n") + 1)
                return [Citation(CitationKind.ENTRY, entry.id, 1, last)]
        if key == COMMENT:
            return list(dict.fromkeys(cited for claim in self.review.claims for cited in claim.citations))
        return []

    def action_review_source(self) -> None:
        """``c``: the cited lines; again, those of the next citation, and after the last none."""
        pane = self.query_one("#source", SourcePane)
        cited = self._citations()
        if not cited:
            pane.close()
            self._shown_source = None
            self.desk_app.say("this row cites nothing", "dim")
            return
        assert self.review is not None
        row = self.row()
        at = (
            self._shown_source[1] + 1
            if self._shown_source is not None and self._shown_source[0] == row and pane.is_open
            else 0
        )
        if at >= len(cited):
            pane.close()
            self._shown_source = None
            return
        self._shown_source = (row, at)
        place = f"{at + 1} of {len(cited)}" if len(cited) > 1 else ""
        self._show_source(cited[at], self.review.draft.ticket, place)

    def _show_source(self, citation: Citation, ticket: TicketRef, place: str) -> None:
        def show(source: SourceView) -> None:
            if self.is_there:
                self.query_one("#source", SourcePane).open(source, place, beside=self.size.width >= WIDE)
                self.call_after_refresh(self.query_one("#rows", RowList).reveal)

        self.desk_app.ask_slowly(Source(citation=citation, ticket=ticket), show, saying="the source")
