"""Review: a draft as a list of rows. Nothing is a text field until ``enter`` on it, and nothing typed is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import TextArea

from opstui.core.desk import (
    CloseDraft,
    DiscardDraft,
    DraftReview,
    Drafts,
    EditDraft,
    OpenDraft,
    RestoreDraft,
    Review,
    ReviewRow,
    SettleDraft,
    SortedTickets,
    Source,
    SourceView,
    Transitions,
)
from opstui.core.documents import Citation, CitationKind, Finding
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftState, OverrideReason
from opstui.core.errors import NotFound, OpstuiError, StaleRevision
from opstui.core.keys import of
from opstui.core.ports import Editing
from opstui.core.text import clean
from opstui.core.tickets import TicketRef
from opstui.tui.arming import ARM_SECONDS
from opstui.tui.drafting import as_typed, comment_text, dropping, inverse, is_public, may_be_public
from opstui.tui.keeping import Keeping
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, line
from opstui.tui.push_words import STATE_WORDS
from opstui.tui.review_rows import COMMENT, Shown, field_name, review_rows, row_key, value_text
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.terminal.editor import EditorPort, TerminalEditor
from opstui.tui.times import clock
from opstui.tui.widgets.ask import Ask
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import COMMENT_LIMIT, CommentField
from opstui.tui.words import shape, zone

MOVES = tuple(key.id for key in of(("move",)))
"""The list's own keys: it binds them itself."""
WIDE = 100
"""From this width a source stands beside the rows, below it under them."""


class ReviewScreen(DeskScreen):
    """One draft, row by row."""

    LABEL = "Review"
    KIND = "review"
    HINTS = ("review.confirm", "review.edit", "review.source", "review.editor", "review.next", "review.undo")
    BINDINGS: ClassVar = [*screen_bindings("review", *MOVES), *only("text.editor", "text.confirm")]
    DEFAULT_CSS = """
    ReviewScreen #review-head { height: 2; }
    ReviewScreen #review-body { layout: vertical; height: 1fr; }
    ReviewScreen #review-body.-wide { layout: horizontal; }
    ReviewScreen #review-main { layout: vertical; height: 1fr; width: 1fr; }
    ReviewScreen #comment { display: none; }
    ReviewScreen.-editing #comment { display: block; }
    """
    editor: ClassVar[EditorPort | None] = None
    """In place of the terminal's editor, for those who have no terminal."""

    def __init__(self, draft_id: str, row: str | None = None) -> None:
        super().__init__()
        self.draft_id = draft_id
        self.review: Review | None = None
        self.missing = ""
        self._start_row = row
        self._keeping: Keeping | None = None
        self._title = ""
        self._severity: str | None = None
        self._undo: list[tuple[str, Any]] = []
        self._aside: dict[str, str] = {}
        self._before_editing: Draft | None = None
        self._caret: tuple[int, int] | None = None
        self._scroll = 0
        self._reopen = False
        self._deaf_until = 0.0
        self._gone = False
        self._said_open = 0.0
        self._shown_source: tuple[str, int] | None = None
        self._settle_timer: Any = None

    # --- making and remembering ---------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        """Heading, rows, the comment's field, the source."""
        yield Spans(id="review-head")
        with Container(id="review-body"):
            with Container(id="review-main"):
                yield RowList(id="rows")
                yield CommentField(id="comment")
            yield SourcePane(id="source")

    def on_mount(self) -> None:
        """Read the draft, and stand where the last run stood."""
        self.query_one("#review-head", Spans).show(self._head)
        self._layout_for(self.app.size.width)
        rows = self.query_one("#rows", RowList)
        rows.cursor = self._start_row
        self._look()
        rows.focus()
        self._presence()
        if self._scroll:
            self.call_after_refresh(lambda: rows.scroll_to(y=self._scroll, animate=False, immediate=True))
        if self._reopen and self._editable():
            self.call_after_refresh(self._edit_comment)

    def on_unmount(self) -> None:
        """This terminal no longer has the draft open; timers end here, so nothing may wait for one."""
        self._gone = True
        self.saving()
        if not self.facts.read_only and self.review is not None:
            self.desk_app.do(CloseDraft(self.draft_id), failed=lambda error: None)

    def on_resize(self) -> None:
        """One pane or two."""
        self._layout_for(self.size.width)

    def _layout_for(self, width: int) -> None:
        self.query_one("#review-body").set_class(width >= WIDE, "-wide")

    def kept(self) -> Mapping[str, Any]:
        """The draft, the row, the caret, and texts that lost a save or could not be saved."""
        state: dict[str, Any] = {"draft": self.draft_id, "row": self._start_row}
        if self.is_mounted:
            rows = self.query_one("#rows", RowList)
            state |= {"row": rows.cursor, "scroll": rows.scroll_offset.y}
            if self.editing:
                field = self.query_one("#comment", CommentField)
                state["caret"] = list(field.cursor_location)
        unsaved = (
            {f"op:{path}": text for path, text in self._keeping.dirty.items()}
            if self._problem() and self._keeping
            else {}
        )
        if self._aside or unsaved:
            state["aside"] = {**self._aside, **unsaved}
        return state

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        row, caret, scroll, aside = kept.get("row"), kept.get("caret"), kept.get("scroll"), kept.get("aside")
        self._start_row = row if isinstance(row, str) else self._start_row
        self._scroll = scroll if isinstance(scroll, int) else 0
        if isinstance(caret, list | tuple) and len(caret) == 2 and all(isinstance(part, int) for part in caret):
            self._caret, self._reopen = (caret[0], caret[1]), True
        if isinstance(aside, Mapping):
            self._aside = {str(key): str(clean(str(text))) for key, text in aside.items()}

    def saving(self) -> None:
        """The terminal hangs up."""
        if self._keeping is not None:
            self._keeping.flush_now()

    def unsaved(self) -> str:
        """What could not be written."""
        return f"What you typed in {self._ref_key()} is not in the store." if self._problem() else ""

    # --- reading ------------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """This draft, and its ticket: a field that changes there may be in conflict here."""
        ref = str(self.review.draft.ticket) if self.review is not None else None
        return ViewState(ticket=ref, drafts=frozenset({self.draft_id}))

    def ask_again(self, state: ViewState) -> None:
        """The draft, its push or its ticket changed."""
        if Topic.DRAFT in state.stale and self.is_mounted:
            self._look()

    def minute_passed(self) -> None:
        """Ages."""
        self._draw()

    def _look(self) -> None:
        if self._gone:
            return
        try:
            review = self.desk.ask(DraftReview(self.draft_id))
        except NotFound as error:
            self.missing = error.message
            self._draw()
            return
        first, self.review, self.missing = self.review is None, review, ""
        if self._keeping is None:
            self._keeping = Keeping(
                self.desk_app,
                self.set_timer,
                review.draft,
                saved=self._was_saved,
                lost=self._was_lost,
                failed=self._not_saved,
            )
        if first or not self._title:
            for found in self.desk.ask(SortedTickets(refs=(review.draft.ticket,))):
                self._title, self._severity = str(found.ticket.title), found.ticket.severity
        if not self._keeping.busy:
            ours, theirs = comment_text(self._keeping.draft), comment_text(review.draft)
            if self.editing and review.draft.rev > self._keeping.draft.rev and ours != theirs:
                self.query_one("#comment", CommentField).fill(theirs)
                self.desk_app.say("the comment was changed elsewhere; this is how it reads now", "warn")
            self._keeping.newer(review.draft)
        if self.editing and not self._editable():
            self._leave_comment()
            self.desk_app.say(f"the draft is {STATE_WORDS[review.draft.state]}; it takes no more text", "warn")
        self._tick_while_unknown()
        self._draw()

    def _tick_while_unknown(self) -> None:
        waits = (
            self.review is not None and self.review.push is not None and self.review.draft.state is DraftState.PUSHING
        )
        if waits and self._settle_timer is None:
            self._settle_timer = self.set_interval(1.0, self._draw)
        elif not waits and self._settle_timer is not None:
            self._settle_timer.stop()
            self._settle_timer = None

    def _ref_key(self) -> str:
        return self.review.draft.ticket.key if self.review is not None else "the draft"

    def _problem(self) -> str:
        problem = self._keeping.problem if self._keeping is not None else None
        return problem.message if problem is not None and self._keeping is not None and self._keeping.busy else ""

    # --- drawing ------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._gone:
            return
        self.query_one("#review-head", Spans).show(self._head)
        self.query_one("#rows", RowList).show(self._rows)

    def _head(self, width: int) -> list[Line]:
        if self.review is None:
            return [line(" ", ("REVIEW", "strong"), "  ", (self.missing, "warn")), ()]
        review, draft = self.review, self.review.draft
        tz = zone(self.facts.timezone)
        right: Line = ()
        if self._problem():
            right = line(("NOT KEPT ", "bad"))
        elif self._keeping is not None and self._keeping.busy:
            right = line(("keeping … ", "dim"))
        elif self._keeping is not None and self._keeping.kept_at is not None:
            right = line((f"kept {clock(self._keeping.kept_at, tz)} ", "good"))
        elif draft.state in (DraftState.PROPOSED, DraftState.EDITED):
            right = line((f"kept {clock(draft.updated_at, tz)} ", "dim"))
        role = f"severity{self._severity}" if self._severity else "dim"
        first = line(
            " ",
            ("REVIEW", "strong"),
            "  ",
            (shape(self._severity), role),
            " ",
            (draft.ticket.key, "accent"),
            "  ",
            self._title,
        )
        made = f"made on {review.base_version}"
        if review.now_version != review.base_version:
            made += f", now {review.now_version}"
        parts = [draft.workflow or "your own update", *([draft.engine] if draft.engine else []), made]
        return [between(first, right, width), between(line(" ", (" · ".join(parts), "dim")), stand_line(review), width)]

    def _rows(self, width: int) -> list[Row]:
        if self.review is None:
            return []
        shown = Shown(
            review=self.review,
            now=self.desk_app.now(),
            tz=zone(self.facts.timezone),
            settle_seconds=self._settle_seconds(),
            aside=self._aside,
            unsaved=self._keeping.dirty.get(COMMENT_PATH) if self._keeping is not None else None,
            can_add=self._editable() and bool(self._free_fields()),
        )
        rows = review_rows(shown, width)
        if not self.editing:
            return rows
        # While the comment is written its field stands where its lines stood, and what follows it waits below.
        upto = next(index for index, row in enumerate(rows) if row.key == COMMENT)
        rows = [*rows[:upto], Row(COMMENT, rows[upto].lines[:1])]
        self._make_room(sum(len(row.lines) for row in rows))
        return rows

    def _make_room(self, lines: int) -> None:
        rows = self.query_one("#rows", RowList)
        height = max(1, min(lines, self.size.height // 3))
        if rows.styles.height is None or rows.styles.height.value != height or not rows.styles.height.is_cells:
            rows.styles.height = height

    def _settle_seconds(self) -> float:
        assert self.review is not None
        capabilities = self.facts.capabilities.get(self.review.draft.ticket.system)
        return capabilities.settle_seconds if capabilities is not None else 60.0

    def hints(self) -> list[tuple[str, str]]:
        """While text is edited, its own keys."""
        keymap = self.desk_app.keymap
        if self.editing:
            shown = keymap.shown
            return [
                (shown("text.confirm"), "confirm"),
                (shown("text.editor"), "$EDITOR"),
                (shown("text.undo"), "undo"),
                (shown("app.back"), "leave it, kept"),
            ]
        if self.query(Ask):
            return [(keymap.shown("list.open"), "take it"), (keymap.shown("app.back"), "cancel")]
        return super().hints()

    # --- keys that nobody may hear ------------------------------------------------------------------------------------

    def be_deaf(self) -> None:
        """Ignore keys for half a second: the ones meant for a prompt that just closed."""
        self._deaf_until = self.monotonic() + ARM_SECONDS

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def on_key(self, event: events.Key) -> None:
        """Swallow keys while deaf; otherwise say that this terminal has the draft open."""
        if self.monotonic() < self._deaf_until:
            event.stop()
            event.prevent_default()
            return
        self._presence()

    def _presence(self, take_over: bool = False) -> None:
        moment = self.monotonic()
        if self.facts.read_only or self.review is None or (moment - self._said_open < 1.0 and not take_over):
            return
        self._said_open = moment
        self.desk_app.do(
            OpenDraft(id=self.draft_id, where=here(), take_over=take_over), self._others, failed=lambda error: None
        )

    def _others(self, other: Editing | None) -> None:
        if self.review is not None and other != self.review.editing and self.is_mounted:
            self._look()

    # --- saving -------------------------------------------------------------------------------------------------------

    def _was_saved(self, draft: Draft) -> None:
        self._look()

    def _was_lost(self, path: str, text: str) -> None:
        self._aside[f"op:{path}"] = text
        if self.editing and path == COMMENT_PATH:
            self._leave_comment()
        self._close_ask()
        self._look()
        self.query_one("#rows", RowList).cursor = f"aside:op:{path}"
        self.desk_app.say("saved elsewhere meanwhile: yours is kept aside", "warn")

    def _not_saved(self, error: OpstuiError) -> None:
        asked = self.query(Ask)
        if asked:
            asked.last().say(error.message)
        else:
            self.desk_app.say(f"not kept: {error.message}", "bad")
        self._draw()

    def change(self, changes: DraftChanges, said: str = "", then: Callable[[], None] | None = None) -> None:
        """Change the draft, and remember how to take it back."""
        if self.review is None or self._keeping is None:
            return
        keeping = self._keeping

        def give() -> None:
            before = keeping.draft

            def done(after: Draft) -> None:
                keeping.newer(after)
                keeping.kept_at = self.desk_app.now()
                self._undo.append(("changes", inverse(before, after)))
                self._look()
                if said:
                    self.desk_app.say(said)
                if then is not None:
                    then()

            command = EditDraft(id=self.draft_id, rev=before.rev, changes=changes)
            self.desk_app.do(command, done, saying="the draft's save", failed=self._refused)

        keeping.flush(give)

    def _refused(self, error: OpstuiError) -> None:
        self._look()
        if isinstance(error, StaleRevision):
            self.desk_app.say("the draft was saved elsewhere; look at it and try again", "warn")
        else:
            self.desk_app.say(error.message, "bad")

    def _editable(self) -> bool:
        return (
            self.review is not None
            and not self.facts.read_only
            and self.review.draft.state
            in (DraftState.PROPOSED, DraftState.EDITED, DraftState.CONFLICT, DraftState.APPROVED)
        )

    def _may_edit(self) -> bool:
        if self._editable():
            return True
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is changed here", "warn")
        elif self.review is not None:
            self.desk_app.say(f"the draft is {STATE_WORDS[self.review.draft.state]}", "warn")
        return False

    # --- the comment --------------------------------------------------------------------------------------------------

    @property
    def editing(self) -> bool:
        """Whether the comment is a text field now."""
        return self.has_class("-editing")

    def _edit_comment(self) -> None:
        if self._keeping is None or not self._may_edit():
            return
        field = self.query_one("#comment", CommentField)
        rows = self.query_one("#rows", RowList)
        self._before_editing = self._keeping.draft
        field.fill(self._keeping.dirty.get(COMMENT_PATH, comment_text(self._keeping.draft)))
        self.add_class("-editing")
        rows.cursor = COMMENT
        self._draw()
        caret, self._caret, self._reopen = self._caret, None, False
        field.move_cursor(caret if caret is not None else field.document.end)
        field.focus()
        self.show_frame()

    def _leave_comment(self) -> None:
        before, self._before_editing = self._before_editing, None
        self._caret = self.query_one("#comment", CommentField).cursor_location
        self.remove_class("-editing")
        rows = self.query_one("#rows", RowList)
        rows.styles.height = "1fr"
        rows.focus()
        if self._keeping is not None:

            def remember() -> None:
                assert self._keeping is not None
                if before is not None and comment_text(before) != comment_text(self._keeping.draft):
                    self._undo.append(("changes", inverse(before, self._keeping.draft)))

            self._keeping.flush(remember)
        self._draw()
        self.call_after_refresh(rows.reveal)
        self.show_frame()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Kept as it is typed."""
        event.stop()
        if self.editing and self._keeping is not None:
            self._keeping.typed(COMMENT_PATH, event.text_area.text)
            self.query_one("#review-head", Spans).show(self._head)

    def on_comment_field_full(self, event: CommentField.Full) -> None:
        """Too much for a comment."""
        event.stop()
        self.desk_app.say(f"a comment holds {COMMENT_LIMIT // 1024} kB; that was not taken", "warn")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The text's own keys only while there is text being edited."""
        return self.editing if action in ("text_editor", "text_confirm") else True

    def action_text_confirm(self) -> None:
        """``ctrl+t``: leave the field, then Confirm."""
        self._leave_comment()
        self.action_review_confirm()

    def action_text_editor(self) -> None:
        """``ctrl+o``: leave the field, then the editor."""
        self._leave_comment()
        self.action_review_editor()

    def action_review_editor(self) -> None:
        """The comment in ``$EDITOR``."""
        if self._keeping is None or not self._may_edit():
            return
        self._keeping.flush(self._in_editor)

    def _in_editor(self) -> None:
        assert self._keeping is not None
        port = type(self).editor or TerminalEditor(self.app.suspend, self.desk_app.environ)
        before = comment_text(self._keeping.draft)
        edited = port.edit(before, name=f"{self._ref_key()}.md")
        self.refresh(layout=True)
        if edited.text is None:
            self.desk_app.say(edited.problem, "bad")
            return
        text = str(clean(edited.text))
        if len(text.encode("utf-8", "replace")) > COMMENT_LIMIT:
            self._was_lost(COMMENT_PATH, text)
            self.desk_app.say(f"a comment holds {COMMENT_LIMIT // 1024} kB; yours is kept aside", "warn")
        elif text != before:
            self._keep_whole(text)
        else:
            self.desk_app.say("nothing was changed", "dim")

    def _keep_whole(self, text: str) -> None:
        """A whole comment at once: compare-and-set like any other, and aside if somebody else was faster."""
        assert self._keeping is not None
        before = self._keeping.draft
        self._keeping.typed(COMMENT_PATH, text)

        def kept() -> None:
            assert self._keeping is not None
            self._undo.append(("changes", inverse(before, self._keeping.draft)))
            self._aside.pop(COMMENT, None)
            self._look()
            self.query_one("#rows", RowList).cursor = COMMENT

        self._keeping.flush(kept)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _row(self) -> str:
        return self.query_one("#rows", RowList).cursor or ""

    def _field(self, key: str) -> ReviewRow | None:
        if self.review is None:
            return None
        return next((row for row in self.review.rows if row_key(row) == key), None)

    def _finding(self, key: str) -> Finding | None:
        if self.review is None or not key.startswith("finding:"):
            return None
        index = int(key.rpartition(":")[2])
        return self.review.findings[index] if index < len(self.review.findings) else None

    def action_review_edit(self) -> None:
        """``enter``: what the row is for."""
        key = self._row()
        finding, field = self._finding(key), self._field(key)
        if key == COMMENT:
            self._edit_comment()
        elif field is not None:
            self._edit_field(field.path)
        elif key == "add":
            self._add_field()
        elif key == "editing":
            self.action_review_take_over()
        elif key == "push":
            self._settle()
        elif finding is not None and finding.blocks:
            self.action_review_override()
        elif key.startswith(("claim:", "overlap:")) or finding is not None:
            self.action_review_source()
        elif key.startswith("aside:"):
            self.desk_app.say("m takes it, t drops it")

    def _ask(self, title: str, then: Callable[[str], None], **more: Any) -> None:
        self._close_ask()
        self.mount(Ask(title, then, closed=self._asked, **more), before="#hints")
        self.call_after_refresh(self.show_frame)

    def _asked(self) -> None:
        self.query_one("#rows", RowList).focus()
        self.call_after_refresh(self.show_frame)

    def _close_ask(self) -> bool:
        asked = list(self.query(Ask))
        for ask in asked:
            ask.close()
        return bool(asked)

    def _current(self, path: str) -> str:
        """What the draft would make of a field: its own value, else the ticket's when it was drafted."""
        assert self.review is not None
        op = next((op for op in self.review.draft.ops if op.path == path and path != "/tags"), None)
        if op is not None:
            return as_typed(op.to)
        if path == "/tags":
            from opstui.tui.drafting import tag_ops, tags_with

            return ", ".join(tags_with(self.review.draft.base, tag_ops(self.review.draft)))
        return as_typed(self.review.draft.base.get(path))

    def _edit_field(self, path: str) -> None:
        if self.review is None or self._keeping is None or not self._may_edit():
            return
        ref, current = self.review.draft.ticket, self._current(path)
        title = f"{ref.key}: {field_name(path)}"
        if path == "/status":
            self.desk_app.ask_slowly(
                Transitions(ref),
                lambda found: self._choose_status(title, found, current),
                saying=f"{ref.system}'s statuses",
            )
        elif path == "/severity":
            choices = [(level, value_text(path, level), word) for level, word in _SEVERITIES]
            self._ask(
                title, lambda value: self.change(DraftChanges(set={path: value})), choices=choices, chosen=current
            )
        else:
            before = self._keeping.draft
            note = "names, with commas" if path in ("/assignee", "/tags") else ""
            keeping = self._keeping

            def done(value: str) -> None:
                if path in keeping.dirty or value != current:
                    keeping.typed(path, value)
                keeping.flush(lambda: self._remember(before))

            self._ask(title, done, value=current, note=note, typed=lambda value: keeping.typed(path, value))

    def _remember(self, before: Draft) -> None:
        assert self._keeping is not None
        if before.ops != self._keeping.draft.ops:
            self._undo.append(("changes", inverse(before, self._keeping.draft)))

    def _choose_status(self, title: str, found: tuple[str, ...], current: str) -> None:
        if not self.is_current:
            return
        if not found:
            self._ask(
                title,
                lambda value: self.change(DraftChanges(set={"/status": value})),
                value=current,
                note="this system does not list its statuses",
            )
            return
        base = as_typed(self.review.draft.base.get("/status")) if self.review is not None else ""
        names = list(dict.fromkeys([*found, *([base] if base else [])]))
        choices = [(name, name, "as it is" if name == base else "") for name in names]
        self._ask(
            title, lambda value: self.change(DraftChanges(set={"/status": value})), choices=choices, chosen=current
        )

    def _free_fields(self) -> list[str]:
        if self.review is None:
            return []
        capabilities = self.facts.capabilities.get(self.review.draft.ticket.system)
        paths = [path for path in (capabilities.fields if capabilities is not None else ()) if not path.endswith("*")]
        return [path for path in paths if all(op.path != path for op in self.review.draft.ops)]

    def _add_field(self) -> None:
        if self.review is None or not self._may_edit():
            return
        base = self.review.draft.base
        choices = [(path, field_name(path), value_text(path, base.get(path))) for path in self._free_fields()]
        self._ask(f"{self._ref_key()}: which field?", self._edit_field, choices=choices)

    # --- what rows can do ---------------------------------------------------------------------------------------------

    def action_review_theirs(self) -> None:
        """``t``."""
        key, field = self._row(), self._field(self._row())
        if key.startswith("aside:"):
            inner = key.removeprefix("aside:")
            self._undo.append(("aside", (inner, self._aside.pop(inner, ""))))
            self._draw()
            self.desk_app.say("dropped; u brings it back")
        elif field is not None and field.conflict and self._may_edit():
            self.change(DraftChanges(theirs=(field.path,)), f"{field_name(field.path)}: theirs stays")
        else:
            self.desk_app.say("nothing is in conflict on this row", "dim")

    def action_review_mine(self) -> None:
        """``m``."""
        key, field = self._row(), self._field(self._row())
        if key.startswith("aside:") and self._may_edit():
            inner = key.removeprefix("aside:")
            text = self._aside.get(inner, "")
            if inner == COMMENT:
                self._keep_whole(text)
            else:
                self._aside.pop(inner, None)
                self.change(DraftChanges(set={inner.removeprefix("op:"): text}))
        elif field is not None and field.conflict and self._may_edit():
            self.change(
                DraftChanges(mine=(field.path,)),
                f"{field_name(field.path)}: yours replaces {value_text(field.path, field.now)}",
            )
        elif not key.startswith("aside:"):
            self.desk_app.say("nothing is in conflict on this row", "dim")

    def action_review_drop(self) -> None:
        """``delete``: the row's operation leaves the draft."""
        if self.review is None or not self._may_edit():
            return
        key, draft = self._row(), self.review.draft
        field = self._field(key)
        if field is not None:
            self.change(dropping(draft, field.op), f"{field_name(field.path)} left out; u brings it back")
        elif key == COMMENT and draft.comment() is not None:
            self.change(DraftChanges(unset=(COMMENT_PATH,)), "comment left out; u brings it back")
        elif key.startswith("file:"):
            sha256 = key.removeprefix("file:")
            name = next((name for name, _, known in self.review.files if known == sha256), "the file")
            self.desk_app.ask(
                f"Leave {name} out? It can't be brought back here.",
                lambda: self.change(DraftChanges(detach=(sha256,)), f"{name} left out"),
            )
        else:
            self.desk_app.say("this row is not part of the update", "dim")

    def action_review_visibility(self) -> None:
        """``v``: who can read the comment."""
        if self.review is None or not self._may_edit():
            return
        draft = self.review.draft
        capabilities = self.facts.capabilities.get(draft.ticket.system)
        public = not is_public(draft)
        workflow = next((item for item in self.facts.workflows if item.id == draft.workflow), None)
        if draft.comment() is None:
            self.desk_app.say("there is no comment", "dim")
        elif public and not may_be_public(draft, workflow_says=workflow is None or workflow.public_comment):
            self.desk_app.say(f"a comment of {draft.workflow} may not be public", "warn")
        elif capabilities is not None and not (
            capabilities.public_comments if public else capabilities.internal_comments
        ):
            self.desk_app.say(f"{draft.ticket.system} has no {'public' if public else 'internal'} comments", "warn")
        else:
            self.change(
                DraftChanges(public=public), "the comment is PUBLIC now" if public else "the comment is internal now"
            )

    def action_review_override(self) -> None:
        """``o``: a reason to push in spite of a check."""
        key = self._row()
        finding = self._finding(key)
        if finding is None and self.review is not None and key.startswith("claim:"):
            about = [item for item in self.review.findings if item.claim == key.removeprefix("claim:")]
            finding = next((item for item in about if item.blocks), about[0] if about else None)
        if finding is None or finding.level != "block":
            self.desk_app.say("no check blocks on this row", "dim")
            return
        if not self._may_edit():
            return
        check = finding.id
        choices = [(reason.value, reason.value.replace("_", " "), _REASONS[reason]) for reason in OverrideReason]
        if finding.overridden is not None:
            choices.append(("", "take the answer back", ""))
        self._ask(
            f"{check}: {finding.text}",
            lambda reason: self.change(
                DraftChanges(overrides={check: reason}),
                f"{check} answered: {reason.replace('_', ' ')}" if reason else f"{check} blocks again",
            ),
            choices=choices,
            note="Push in spite of this check? The reason is kept with the update.",
        )

    def action_review_take_over(self) -> None:
        """``T``: the draft is this terminal's from now on."""
        if self.review is not None and self.review.editing is not None and self._may_edit():
            self._presence(take_over=True)
            self.desk_app.say(f"taken over from {self.review.editing.where}")
        else:
            self.desk_app.say("it is open nowhere else", "dim")

    def _settle(self) -> None:
        if self.review is None or self.review.draft.state is not DraftState.NEEDS_HUMAN or self.facts.read_only:
            return
        choices = [
            ("applied", "it is on the ticket", "the draft is done"),
            ("not", "it is not on the ticket", "the draft can be confirmed again"),
        ]
        self._ask(f"{self._ref_key()}: look at the ticket. Did the update arrive?", self._settle_why, choices=choices)

    def _settle_why(self, answer: str) -> None:
        self._ask(
            f"{self._ref_key()}: it {'is' if answer == 'applied' else 'is not'} on the ticket. How do you know?",
            lambda reason: self.desk_app.do(
                SettleDraft(
                    id=self.draft_id, applied=answer == "applied", reason=reason.strip() or "seen by the operator"
                ),
                lambda draft: self._look(),
            ),
            value="",
        )

    # --- undo, discard, next, confirm ---------------------------------------------------------------------------------

    def action_review_undo(self) -> None:
        """``u``: take the last change back."""
        if self.review is None or self._keeping is None:
            return
        if self.review.draft.state is DraftState.DISCARDED:
            self.desk_app.do(RestoreDraft(self.draft_id), self._restored)
            return
        if not self._undo:
            self.desk_app.say("nothing to undo", "dim")
            return
        if not self._may_edit():
            return
        kind, what = self._undo.pop()
        if kind == "aside":
            key, text = what
            self._aside[key] = text
            self._draw()
            return
        keeping = self._keeping

        def give() -> None:
            def done(after: Draft) -> None:
                keeping.newer(after)
                keeping.kept_at = self.desk_app.now()
                self._look()
                self.desk_app.say("undone")

            command = EditDraft(id=self.draft_id, rev=keeping.draft.rev, changes=what)
            self.desk_app.do(command, done, failed=self._refused)

        keeping.flush(give)

    def _restored(self, draft: Draft) -> None:
        if self._keeping is not None:
            self._keeping.newer(draft)
        self._look()
        self.desk_app.say("brought back")

    def action_review_discard(self) -> None:
        """``D``: put it away; undo brings it back."""
        if self.review is None or self._keeping is None or self.facts.read_only:
            self._may_edit()
            return

        def gone(draft: Draft) -> None:
            if self._keeping is not None:
                self._keeping.newer(draft)
            self._look()
            self.desk_app.say("discarded; u brings it back")

        self._keeping.flush(lambda: self.desk_app.do(DiscardDraft(self.draft_id), gone))

    def action_review_next(self) -> None:
        """``n``: the next open draft."""
        states = tuple(state for state in DraftState if state.is_open)
        ids = [draft.id for draft in self.desk.ask(Drafts(states=states))]
        others = [draft for draft in ids if draft != self.draft_id]
        if not others:
            self.desk_app.say("no other draft waits", "dim")
            return
        following = ids[ids.index(self.draft_id) + 1 :] if self.draft_id in ids else []
        target = (following or others)[0]
        if self._keeping is not None and self._keeping.busy:
            self._keeping.flush(lambda: self._go_to(target))
        else:
            self._go_to(target)

    def _go_to(self, draft_id: str) -> None:
        self.app.switch_screen(ReviewScreen(draft_id))

    def action_review_confirm(self) -> None:
        """``p``: to Confirm, once everything typed is in the store."""
        if self.review is None or self._keeping is None:
            return
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is pushed", "warn")
            return
        self._keeping.flush(self._confirm)

    def _confirm(self) -> None:
        from opstui.tui.screens.confirm import ConfirmScreen

        ConfirmScreen.open(self.desk_app, self.draft_id)

    # --- sources ------------------------------------------------------------------------------------------------------

    def _citations(self) -> list[Citation]:
        if self.review is None:
            return []
        key = self._row()
        finding = self._finding(key)
        if finding is not None:
            about = [claim for claim in self.review.claims if claim.id == finding.claim]
            return [finding.citation] if finding.citation else [cited for claim in about for cited in claim.citations]
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
        row = self._row()
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
            if self.is_mounted:
                self.query_one("#source", SourcePane).open(source, place)
                self.call_after_refresh(self.query_one("#rows", RowList).reveal)

        self.desk_app.ask_slowly(Source(citation=citation, ticket=ticket), show, saying="the source")

    # --- back ---------------------------------------------------------------------------------------------------------

    def go_back(self) -> None:
        """What is open inside closes first; text stays as it is."""
        pane = self.query_one("#source", SourcePane)
        if self._close_ask():
            return
        if self.editing:
            self._leave_comment()
        elif pane.is_open:
            pane.close()
            self._shown_source = None
        elif self._keeping is not None and self._keeping.busy and not self._problem():
            self._keeping.flush(super().go_back)
        elif self._problem():
            self.desk_app.ask(self.unsaved() + " Leave?", super().go_back)
        else:
            super().go_back()


def stand_line(review: Review) -> Line:
    """Where the draft stands, in a few words: what stops it, or that nothing does."""
    state = review.draft.state
    word = STATE_WORDS[state]
    if state not in (DraftState.PROPOSED, DraftState.EDITED, DraftState.CONFLICT):
        return line((word + " ", "bad" if state is DraftState.NEEDS_HUMAN else "dim"))
    open_rows = len({row.path for row in review.rows if row.conflict} | set(review.draft.conflicts))
    blocking = sum(1 for finding in review.findings if finding.blocks)
    if open_rows:
        return line((f"! {open_rows} to settle ", "bad"))
    if blocking:
        return line((f"✗ {blocking} check{'s block' if blocking > 1 else ' blocks'} ", "bad"))
    return line((word, "dim"), ("  ✓ ready ", "good"))


_SEVERITIES = (("1", "worst"), ("2", "high"), ("3", "medium"), ("4", "low"))
_REASONS: Mapping[OverrideReason, str] = {
    OverrideReason.WRONG_FACT: "the check has a fact wrong",
    OverrideReason.MISSING_FACT: "the source lacks a fact that I know",
    OverrideReason.WRONG_ACTION: "the check asks for the wrong thing",
    OverrideReason.TONE: "it is about tone only",
    OverrideReason.STALE: "the source is older than what I know",
    OverrideReason.POLICY: "our policy allows it",
    OverrideReason.OTHER: "something else",
}


def here() -> str:
    """This terminal, as other operators know it: ``pts/3``."""
    for handle in (0, 1, 2):
        try:
            return os.ttyname(handle).removeprefix("/dev/")
        except OSError:
            continue
    return f"process {os.getpid()}"
