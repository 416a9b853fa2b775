"""Shift handover: walked through section by section, each approved or said anew, and closed by its read-back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import TextArea

from opstui.core.boards import shift_ref
from opstui.core.claims import Citation
from opstui.core.desk import (
    HandoverDetail,
    Handovers,
    HandoverSection,
    HandoverView,
    KeepViewState,
    SettleSection,
    Source,
    SourceView,
    ViewState as KeptState,
)
from opstui.core.errors import OpstuiError
from opstui.core.handovers import DONE, DROPPED, KEPT, TEXT_LIMIT
from opstui.core.keys import of
from opstui.tui.handover_rows import READ_BACK, Shown, handover_head, handover_rows, section_key, section_of
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, line
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.screens.handover_closing import ReadsBack
from opstui.tui.terminal.editor import EditorPort, TerminalEditor
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import CommentField
from opstui.tui.words import zone

AFTER = 0.4
"""Seconds from a key until what is typed is kept."""
WIDE = 100
WHOLE = 40
"""Lines of a screen from which on every section is open."""
MOVES = tuple(key.id for key in of(("move",)))


class HandoverScreen(ReadsBack, DeskScreen):
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
    editor: ClassVar[EditorPort | None] = None
    """In place of the terminal's editor, for those who have no terminal."""

    def __init__(self, id: str = "") -> None:  # noqa: A002 - a handover's id
        super().__init__()
        self.handover_id = id
        self.view: HandoverView | None = None
        self.missing = ""
        self.typed: dict[str, str] = {}
        """Section, or ``read_back`` → text that was typed and is not settled."""
        self._at = ""
        self._row: str | None = None
        self._in_field = ""
        self._timer: Any = None
        self._cited: tuple[str, int] | None = None

    def compose_body(self) -> ComposeResult:
        """Heading, sections, the field for a section's text, the source."""
        yield Spans(id="handover-head")
        with Container(id="handover-body"):
            with Container(id="handover-main"):
                yield RowList(id="rows")
                yield CommentField(id="words")
            yield SourcePane(id="source")

    def on_mount(self) -> None:
        """Read it, and stand on the first section that nobody settled."""
        super().on_mount()
        self._layout_for(self.app.size.width)
        self.look()
        rows = self.query_one("#rows", RowList)
        self._stand_on(self._row or self._first())
        rows.focus()

    def on_unmount(self) -> None:
        """Nothing typed is lost."""
        self.saving()

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
            at=self._at,
            whole=self.size.height >= WHOLE,
            typed=self.typed,
            read_back_key=read_back,
        )
        return handover_rows(shown, width)

    def _first(self) -> str:
        left = [] if self.view is None else [one for one in self.view.sections if one.settled is None]
        return section_key(left[0].name) if left else READ_BACK

    def _stand_on(self, key: str) -> None:
        self._at = section_of(key)
        self.draw()
        self.rows.cursor = key

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """The section under the cursor is open."""
        event.stop()
        self._cited = None
        name = section_of(event.key or "")
        if event.rows.id == "rows" and name != self._at:
            self._at = name
            self.draw()
            self.call_after_refresh(self.rows.reveal)

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

    # --- walking ------------------------------------------------------------------------------------------------------

    def action_handover_next(self) -> None:
        """``n``: settle this section as it stands, and on to the next one that is not."""
        section = self.section()
        if section is None or not self.may_change():
            return
        text = self.typed.get(section.name)
        if text is not None and text.strip() == section.text.strip():
            self._forget(section.name)
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
                self._forget(section.name)
            if self.is_there:
                self.draw()
                if then is not None:
                    then()

        self.desk_app.do(command, done, saying="settling the section", failed=self.refused)

    def refused(self, error: OpstuiError) -> None:
        """It was not taken: say why, and read it again."""
        self.desk_app.say(error.message, "bad")
        if self.is_there:
            self.look()

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
            self._forget(section.name)
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

    # --- text ---------------------------------------------------------------------------------------------------------

    def action_handover_edit(self) -> None:
        """``enter``: the section's text as a field; on the last row the read-back."""
        if self.rows.cursor == READ_BACK:
            self.action_handover_read_back()
            return
        section = self.section()
        if section is not None and self.may_change():
            self.write(section.name, self.typed.get(section.name, section.text if section.items else ""))

    def write(self, name: str, text: str) -> None:
        """Open the field on a section's text, or on the read-back."""
        field = self.query_one("#words", CommentField)
        field.most = TEXT_LIMIT
        field.fill(text)
        self._in_field = field.text
        self.writing = name
        self.add_class("-editing")
        field.move_cursor(field.document.end)
        field.focus()
        self.call_after_refresh(self.rows.reveal)
        self.show_frame()

    def leave_field(self) -> None:
        """Make it rows again; what was typed stays."""
        self._take_typed()
        self.remove_class("-editing")
        self.writing = ""
        self.rows.focus()
        self.draw()
        self.show_frame()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Kept as it is typed."""
        event.stop()
        self._take_typed()

    def on_comment_field_full(self, event: CommentField.Full) -> None:
        """Too much."""
        event.stop()
        self.desk_app.say(f"at most {TEXT_LIMIT:,} characters; that was not taken", "warn")

    def _take_typed(self) -> None:
        if not self.is_editing or not self.query("#words"):
            return
        text = self.query_one("#words", CommentField).text
        if text != self._in_field:
            self._in_field = text
            self.keep_text(self.writing, text)

    def keep_text(self, name: str, text: str) -> None:
        """What is typed under a name, to be written down within a moment."""
        self.typed[name] = text
        if self._timer is None:
            self._timer = self.set_timer(AFTER, self._keep)

    def _forget(self, name: str) -> None:
        self.typed.pop(name, None)
        self._keep()

    def forget(self, *names: str) -> None:
        """What was typed under these names is settled."""
        for name in names:
            self.typed.pop(name, None)
        self._keep()

    def _place(self) -> str:
        return f"handover:{self.handover_id}"

    def _keep(self) -> None:
        self._timer = None
        if self.handover_id:
            self.desk_app.do(KeepViewState(name=self._place(), state={"texts": dict(self.typed)}), failed=lambda error: None)

    def saving(self) -> None:
        """The terminal hangs up: write it down in this thread."""
        self._take_typed()
        if self.typed and self.handover_id:
            self.desk.do(KeepViewState(name=self._place(), state={"texts": dict(self.typed)}))

    def action_text_confirm(self) -> None:
        """``ctrl+t``: what was typed is settled; of the read-back, on to its end."""
        name = self.writing
        self.leave_field()
        if name == READ_BACK:
            self.read_back_written()
        else:
            self.action_handover_next()

    def action_text_editor(self) -> None:
        """``ctrl+o``: go on in the editor."""
        name, text = self.writing, self.query_one("#words", CommentField).text
        self.leave_field()
        self._in_editor(name, text)

    def action_handover_editor(self) -> None:
        """``E``: the section's text in ``$EDITOR``."""
        section = self.section()
        if section is not None and self.may_change():
            self._in_editor(section.name, self.typed.get(section.name, section.text if section.items else ""))

    def _in_editor(self, name: str, text: str) -> None:
        port = type(self).editor or TerminalEditor(self.app.suspend, self.desk_app.environ)
        edited = port.edit(text, name=f"handover-{name}.txt")
        if edited.problem:
            self.desk_app.say(edited.problem, "warn")
        elif edited.text is not None and edited.text != text:
            self.keep_text(name, edited.text[:TEXT_LIMIT])
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text's own keys only while text is edited, and then none of the others."""
        if action in ("text_editor", "text_confirm"):
            return self.is_editing
        if self.is_editing and action.startswith("handover_"):
            return False
        return super().check_action(action, parameters)

    # --- sources ------------------------------------------------------------------------------------------------------

    def action_handover_source(self) -> None:
        """``c``: the cited lines of the board; again, those of the next citation, and after the last none."""
        pane, cited, key = self.query_one("#source", SourcePane), self._citations(), self.rows.cursor or ""
        at = self._cited[1] + 1 if self._cited is not None and self._cited[0] == key and pane.is_open else 0
        if not cited or at >= len(cited):
            pane.close()
            self._cited = None
            if not cited:
                self.desk_app.say("this row cites nothing", "dim")
            return
        self._cited = (key, at)
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

    def _layout_for(self, width: int) -> None:
        self.query_one("#handover-body").set_class(width >= WIDE, "-wide")

    def on_resize(self) -> None:
        """One pane or two; all sections or one."""
        super().on_resize()
        self._layout_for(self.size.width)
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
        return {"id": self.handover_id, "row": self.rows.cursor if self.is_there else self._row}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """The row again."""
        row = kept.get("row")
        self._row = row if isinstance(row, str) else None

    def go_back(self) -> None:
        """What is open inside closes first; text stays as it is."""
        pane = self.query_one("#source", SourcePane)
        if self.asks:
            self.drop_question()
        elif self.is_editing:
            self.leave_field()
        elif pane.is_open:
            pane.close()
            self._cited = None
        else:
            super().go_back()
