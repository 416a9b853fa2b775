"""Shift handover: walked through section by section, each approved or said anew, and closed by its read-back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from opstui.core.boards import shift_ref
from opstui.core.claims import Citation
from opstui.core.desk import Handovers, HandoverSection, HandoverView, SettleSection, Source, SourceView
from opstui.core.handovers import DONE, DROPPED, KEPT
from opstui.core.keys import of
from opstui.tui.handover_rows import READ_BACK, section_key, section_of
from opstui.tui.keymap import only
from opstui.tui.screens.base import Topic, ViewState, screen_bindings
from opstui.tui.screens.handover_base import WIDE
from opstui.tui.screens.handover_closing import ReadsBack
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane

MOVES = tuple(key.id for key in of(("move",)))


class HandoverScreen(ReadsBack):
    """One handover; without an id the newest there is."""

    LABEL = "Shift handover"
    KIND = "handover"
    HINTS = (
        "handover.next",
        "handover.edit",
        "handover.done",
        "handover.source",
        "handover.read_back",
        "handover.write",
    )
    BINDINGS: ClassVar = [*screen_bindings("handover", *MOVES), *only("text.editor", "text.confirm")]
    DEFAULT_CSS = """
    HandoverScreen #handover-head { height: auto; }
    HandoverScreen #handover-body { layout: vertical; height: 1fr; }
    HandoverScreen #handover-body.-wide { layout: horizontal; }
    HandoverScreen #handover-main { layout: vertical; height: 1fr; width: 1fr; }
    HandoverScreen #words { display: none; }
    HandoverScreen.-editing #words { display: block; }
    HandoverScreen.-editing #rows { height: 40%; }
    """

    def on_mount(self) -> None:
        """Read it, and stand on the first section that nobody settled."""
        super().on_mount()
        self.layout_for(self.app.size.width)
        self.look()
        rows = self.query_one("#rows", RowList)
        self._stand_on(self.row_wanted or self._first())
        rows.focus()

    def _first(self) -> str:
        left = [] if self.view is None else [one for one in self.view.sections if one.settled is None]
        return section_key(left[0].name) if left else READ_BACK

    def _stand_on(self, key: str) -> None:
        self.at = section_of(key)
        self.draw()
        self.rows.cursor = key

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """The section under the cursor is open."""
        event.stop()
        self.cited = None
        name = section_of(event.key or "")
        if event.rows.id == "rows" and name != self.at:
            self.at = name
            self.draw()
            self.call_after_refresh(self.rows.reveal)

    # --- walking ------------------------------------------------------------------------------------------------------

    def action_handover_next(self) -> None:
        """``n``: settle this section as it stands, and on to the next one that is not."""
        section = self.section()
        if section is None or not self.may_change():
            return
        text = self.typed.get(section.name)
        if text is not None and text.strip() == section.text.strip():
            self.forget(section.name)
            text = None
        if section.settled is not None and text is None:
            self._onward(section.name)
        else:
            self.settle(section, text, lambda: self._onward(section.name))

    def settle(self, section: HandoverSection, text: str | None, then: Any = None, **more: Any) -> None:
        """Approve a section, or say it in other words; what was typed stays until it is in the record."""
        assert self.view is not None
        command = SettleSection(id=self.handover_id, rev=self.view.row.rev, section=section.name, text=text, **more)

        def done(view: HandoverView) -> None:
            self.view = view
            if command.settles and self.typed.get(section.name) == text:
                self.forget(section.name)
            if self.is_there:
                self.draw()
                if then is not None:
                    then()

        self.desk_app.do(command, done, saying="settling the section", failed=self.refused)

    def _onward(self, name: str) -> None:
        assert self.view is not None
        names = [one.name for one in self.view.sections]
        at = names.index(name)
        order = [*self.view.sections[at + 1 :], *self.view.sections[:at]]
        following = next((one for one in order if one.settled is None or one.name in self.typed), None)
        self._stand_on(section_key(following.name) if following is not None else READ_BACK)

    def action_handover_done(self) -> None:
        """``space``."""
        self._mark(DONE)

    def action_handover_drop(self) -> None:
        """``delete``."""
        self._mark(DROPPED)

    def _mark(self, state: str) -> None:
        section, key = self.section(), self.rows.cursor or ""
        item = next((one for one in section.items if f"item:{one.id}" == key), None) if section is not None else None
        if section is None or item is None:
            self.desk_app.say("the cursor stands on no item", "dim")
        elif self.may_change():
            wanted = KEPT if item.mark == state else state
            self.settle(section, None, marks={item.id: wanted}, settles=False)

    def action_handover_undo(self) -> None:
        """``u``: what was typed goes; else what was said in other words reads again as it was written."""
        section = self.section()
        if section is None or not self.may_change():
            return
        if section.name in self.typed:
            self.forget(section.name)
            self.draw()
            self.desk_app.say("what was typed is taken back")
        elif section.settled is not None and section.settled.text is not None:
            self.settle(section, None)
        else:
            self.desk_app.say("nothing to undo", "dim")

    def action_handover_earlier(self) -> None:
        """``[``."""
        self._go(1)

    def action_handover_later(self) -> None:
        """``]``."""
        self._go(-1)

    def _go(self, by: int) -> None:
        ids = [one.id for one in self.desk.ask(Handovers())]
        at = ids.index(self.handover_id) + by if self.handover_id in ids else -1
        if 0 <= at < len(ids):
            self.app.switch_screen(HandoverScreen(ids[at]))
        else:
            self.desk_app.say("there is no other one", "dim")

    def action_handover_write(self) -> None:
        """``O``: a new one about the shift that runs."""
        from opstui.tui.screens.starting import start

        start(self, shift_ref(self.desk_app.status.shift.id), "shift-handover")

    def action_handover_copy(self) -> None:
        """``y``: the whole of it as plain text."""
        if self.view is not None:
            self.desk_app.copy(self.view.plain, "the handover")

    # --- sources ------------------------------------------------------------------------------------------------------

    def action_handover_source(self) -> None:
        """``c``: the cited lines of the board; again, those of the next citation, and after the last none."""
        pane, cited, key = self.query_one("#source", SourcePane), self._citations(), self.rows.cursor or ""
        at = self.cited[1] + 1 if self.cited is not None and self.cited[0] == key and pane.is_open else 0
        if not cited or at >= len(cited):
            pane.close()
            self.cited = None
            if not cited:
                self.desk_app.say("this row cites nothing", "dim")
            return
        self.cited = (key, at)
        assert self.view is not None
        place = f"{at + 1} of {len(cited)}" if len(cited) > 1 else ""

        def show(source: SourceView) -> None:
            if self.is_there:
                pane.open(source, place, beside=self.size.width >= WIDE)
                self.call_after_refresh(self.rows.reveal)

        self.desk_app.ask_slowly(Source(citation=cited[at], ticket=self.view.row.ticket), show, saying="the source")

    def _citations(self) -> list[Citation]:
        section, key = self.section(), self.rows.cursor or ""
        if section is None:
            return []
        own = [item for item in section.items if f"item:{item.id}" == key]
        return list(dict.fromkeys(cited for item in own or section.items for cited in item.citations))

    # --- frame --------------------------------------------------------------------------------------------------------

    def hints(self) -> list[tuple[str, str]]:
        """What makes sense now."""
        shown = self.desk_app.keymap.shown
        if self.is_editing:
            word = "go on" if self.writing == READ_BACK else "settle it"
            keys = [(shown("text.confirm"), word), (shown("text.editor"), "$EDITOR"), (shown("text.undo"), "undo")]
            return [*keys, (shown("app.back"), "leave it, kept")]
        found = super().hints()
        if self.asks or self.view is None:
            return found
        state = self.view.row.state
        gone = {"open": ["handover.read_back"], "walked": [], "read_back": ["handover.read_back", "handover.next",
                "handover.edit", "handover.done"]}[state]  # fmt: skip
        return [hint for hint in found if hint[0] not in [shown(key) for key in gone]]

    def on_resize(self) -> None:
        """One pane or two; all sections or one."""
        super().on_resize()
        self.layout_for(self.size.width)
        self.draw()

    def minute_passed(self) -> None:
        """The first quarter of an hour after the read-back ends."""
        if self.view is not None and self.view.row.contact_until is not None:
            self.draw()

    def ask_again(self, state: ViewState) -> None:
        """Somebody settled something."""
        if self.is_there and Topic.PAPERS in state.stale:
            self.look()

    def unsaved(self) -> str:
        """Typed text is written down as it is typed."""
        return ""

    def kept(self) -> Mapping[str, Any]:
        """The handover and the row."""
        return {"id": self.handover_id, "row": self.rows.cursor if self.is_there else self.row_wanted}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """The row again."""
        row = kept.get("row")
        self.row_wanted = row if isinstance(row, str) else None

    def go_back(self) -> None:
        """What is open inside closes first; text stays as it is."""
        pane = self.query_one("#source", SourcePane)
        if self.asks:
            self.drop_question()
        elif self.is_editing:
            self.leave_field()
        elif pane.is_open:
            pane.close()
            self.cited = None
        else:
            super().go_back()
