"""What the parts of the handover's screen share: one handover, read again at every change, and what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container

from opstui.core.desk import (
    HandoverDetail,
    Handovers,
    HandoverSection,
    HandoverView,
    KeepViewState,
    ViewState as KeptState,
)
from opstui.core.errors import OpstuiError
from opstui.tui.handover_rows import Shown, handover_head, handover_rows, section_of
from opstui.tui.lines import Line, Row, line
from opstui.tui.screens.base import DeskScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import CommentField
from opstui.tui.words import zone

AFTER = 0.4
"""Seconds from a key until what is typed is kept."""
WIDE = 100
"""From this width a source stands beside the rows, below it under them."""
WHOLE = 40
"""Lines of a screen from which on every section is open."""


class ShowsHandover(DeskScreen):
    """Reads and draws it, and keeps what is typed."""

    def __init__(self, id: str = "") -> None:  # noqa: A002 - a handover's id
        super().__init__()
        self.handover_id = id
        self.view: HandoverView | None = None
        self.missing = ""
        self.typed: dict[str, str] = {}
        """Section, or ``read_back`` → text that was typed and is not settled."""
        self.at = ""
        self.row_wanted: str | None = None
        self.in_field = ""
        self._timer: Any = None
        self.cited: tuple[str, int] | None = None

    def compose_body(self) -> ComposeResult:
        """Heading, sections, the field for a section's text, the source."""
        yield Spans(id="handover-head")
        with Container(id="handover-body"):
            with Container(id="handover-main"):
                yield RowList(id="rows")
                yield CommentField(id="words")
            yield SourcePane(id="source")

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> RowList:
        """The sections."""
        return self.query_one("#rows", RowList)

    @property
    def is_editing(self) -> bool:
        """Whether text is typed now."""
        return self.has_class("-editing")

    def look(self) -> None:
        """Read it again."""
        try:
            if not self.handover_id:
                newest = self.desk.ask(Handovers(limit=1))
                self.handover_id = newest[0].id if newest else ""
            self.view = self.desk.ask(HandoverDetail(self.handover_id)) if self.handover_id else None
            self.missing = "" if self.view is not None else "no handover was written yet"
        except OpstuiError as error:
            self.view, self.missing = None, error.message
        if self.view is not None and not self.typed:
            kept = self.desk.ask(KeptState(self._place())) or {}
            texts = kept.get("texts")
            self.typed = {str(name): str(text) for name, text in texts.items()} if isinstance(texts, Mapping) else {}
        self.draw()

    def draw(self) -> None:
        """Draw what was read last."""
        if self.query("#rows"):
            self.query_one("#handover-head", Spans).show(self._head)
            self.rows.show(self._rows)

    def _head(self, width: int) -> list[Line]:
        if self.view is not None:
            return handover_head(self.view, zone(self.facts.timezone), width)
        key = self.desk_app.keymap.shown("handover.write")
        more = "" if self.facts.read_only else f": {key} writes one about the shift that runs"
        return [line(" ", ("HANDOVER", "strong"), "  ", (f"{self.missing}{more}", "dim")), ()]

    def _rows(self, width: int) -> list[Row]:
        if self.view is None:
            return []
        read_back = "" if self.facts.read_only else self.desk_app.keymap.shown("handover.read_back")
        shown = Shown(
            view=self.view,
            now=self.desk_app.now(),
            tz=zone(self.facts.timezone),
            at=self.at,
            whole=self.size.height >= WHOLE,
            typed=self.typed,
            read_back_key=read_back,
        )
        return handover_rows(shown, width)

    def section(self) -> HandoverSection | None:
        """The section under the cursor."""
        name = section_of(self.rows.cursor or "")
        return next((one for one in self.view.sections if one.name == name), None) if self.view is not None else None

    def may_change(self) -> bool:
        """Whether anything may be changed now; says why not."""
        if self.view is None:
            return False
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is settled", "warn")
        elif self.view.read_back is not None:
            self.desk_app.say(f"read back by {self.view.read_back.by}: the handover is closed", "dim")
        else:
            return True
        return False

    def refused(self, error: OpstuiError) -> None:
        """It was not taken: say why, and read it again."""
        self.desk_app.say(error.message, "bad")
        if self.is_there:
            self.look()

    def layout_for(self, width: int) -> None:
        """One pane or two."""
        self.query_one("#handover-body").set_class(width >= WIDE, "-wide")

    # --- what is typed ------------------------------------------------------------------------------------------------

    def take_typed(self) -> None:
        """Know every letter that stands in a field."""

    def keep_text(self, name: str, text: str) -> None:
        """What is typed under a name, to be written down within a moment."""
        self.typed[name] = text
        if self._timer is None:
            self._timer = self.set_timer(AFTER, self._keep)

    def forget(self, *names: str) -> None:
        """What was typed under these names is settled."""
        for name in names:
            self.typed.pop(name, None)
        self._keep()

    def _place(self) -> str:
        return f"handover:{self.handover_id}"

    def _kept_texts(self) -> KeepViewState:
        return KeepViewState(name=self._place(), state={"texts": dict(self.typed)})

    def _keep(self) -> None:
        self._timer = None
        if self.handover_id:
            self.desk_app.do(self._kept_texts(), failed=lambda error: None)

    def saving(self) -> None:
        """The terminal hangs up: write it down in this thread."""
        self.take_typed()
        if self.typed and self.handover_id:
            self.desk.do(self._kept_texts())
