"""What the parts of Review share: one draft, read, kept, changed and taken back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from opstui.core.claims import Finding
from opstui.core.codec import decode
from opstui.core.desk import (
    CloseDraft,
    DraftReview,
    EditDraft,
    OpenDraft,
    Review,
    ReviewRow,
    SortedTickets,
)
from opstui.core.documents import DOCUMENTS
from opstui.core.draft_limits import only_public
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftState
from opstui.core.errors import NotFound, OpstuiError, StaleRevision
from opstui.core.ports import Capabilities, Editing
from opstui.core.text import clean
from opstui.tui.arming import ARM_SECONDS
from opstui.tui.drafting import comment_text, inverse
from opstui.tui.keeping import Keeping
from opstui.tui.lines import Line
from opstui.tui.push_words import STATE_WORDS
from opstui.tui.review_document import Part, parts_of
from opstui.tui.review_rows import COMMENT, finding_key, row_key
from opstui.tui.screens.base import DeskScreen, Topic, ViewState
from opstui.tui.terminal.recovery import Unkept
from opstui.tui.widgets.ask import Ask
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import CommentField
from opstui.tui.words import called, zone

NOT_KEPT = "not kept: "
WIDE = 100
"""From this width a source stands beside the rows, below it under them."""


class DraftScreen(DeskScreen):
    """A screen over one draft. It reads it again at every change, and keeps what is typed into it."""

    def __init__(self, draft_id: str, row: str | None = None) -> None:
        super().__init__()
        self.draft_id = draft_id
        self.review: Review | None = None
        self.missing = ""
        self._start_row = COMMENT if row == "comment" else row
        self.keeping: Keeping | None = None
        self._title = ""
        self._severity: str | None = None
        self.undone: list[tuple[str, Any]] = []
        self.aside: dict[str, str] = {}
        self._before_editing: Draft | None = None
        self._caret: tuple[int, int] | None = None
        self._in_field = ""
        """What stood in the comment's field when it was looked at last."""
        self._scroll = 0
        self._reopen = False
        self._deaf_until = 0.0
        self._gone = False
        self._said_open = 0.0
        self._shown_source: tuple[str, int] | None = None
        self._settle_timer: Any = None
        self._parts: tuple[int, tuple[Part, ...]] | None = None
        """The draft's revision, and what its document says."""

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
        self.aside = {**self.desk_app.asides.get(self.draft_id, {}), **self.aside}
        self.query_one("#review-head", Spans).show(self.heading)
        self._layout_for(self.app.size.width)
        rows = self.query_one("#rows", RowList)
        rows.cursor = self._start_row
        self.look()
        if self._start_row is None:
            rows.cursor = self._first_row()
        rows.focus()
        self._presence()
        if self._scroll:
            self.call_after_refresh(lambda: rows.scroll_to(y=self._scroll, animate=False, immediate=True, force=True))
        if self._reopen and self.editable():
            self.call_after_refresh(self.edit_comment)

    def _first_row(self) -> str:
        """Where there is something to do: a conflict, a check that blocks, else the first field, else the comment."""
        if self.review is None:
            return COMMENT
        if self.review.draft.state is DraftState.NEEDS_HUMAN:
            return "push"
        for row in self.review.rows:
            if row.conflict:
                return row_key(row)
        for index, finding in enumerate(self.review.findings):
            if finding.blocks:
                return finding_key(finding, index)
        fields = [row for row in self.review.rows if row.path.startswith("/") and row_key(row) != COMMENT]
        return row_key(fields[0]) if fields else COMMENT

    def on_unmount(self) -> None:
        """This terminal no longer has the draft open; timers end here, so nothing may wait for one."""
        self._gone = True
        self.saving()
        self._keep_asides()
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
        if self.is_there:
            rows = self.query_one("#rows", RowList)
            state |= {"row": rows.cursor, "scroll": rows.scroll_offset.y}
            if self.editing:
                field = self.query_one("#comment", CommentField)
                state["caret"] = list(field.cursor_location)
        unsaved = (
            {f"op:{path}": text for path, text in self.keeping.dirty.items()} if self.problem() and self.keeping else {}
        )
        if self.aside or unsaved:
            state["aside"] = {**self.aside, **unsaved}
        return state

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        row, caret, scroll, aside = kept.get("row"), kept.get("caret"), kept.get("scroll"), kept.get("aside")
        self._start_row = row if isinstance(row, str) else self._start_row
        self._scroll = scroll if isinstance(scroll, int) else 0
        if isinstance(caret, list | tuple) and len(caret) == 2 and all(isinstance(part, int) for part in caret):
            self._caret, self._reopen = (caret[0], caret[1]), True
        if isinstance(aside, Mapping):
            self.aside = {str(key): str(clean(str(text))) for key, text in aside.items()}

    def _keep_asides(self) -> None:
        if self.aside:
            self.desk_app.asides[self.draft_id] = dict(self.aside)
        else:
            self.desk_app.asides.pop(self.draft_id, None)

    def saving(self) -> None:
        """The terminal hangs up, or this screen closes: what can't be stored stays with the app."""
        self.take_typed()
        if self.keeping is not None:
            # Noted before the save too: when the program breaks in it, the text is not lost.
            self._note_left(self.keeping)
            self.keeping.flush_now()
            self._note_left(self.keeping)

    def _note_left(self, keeping: Keeping) -> None:
        self.desk_app.unkept[self.draft_id] = tuple(
            Unkept(self.draft_id, self.ref_key(), path, text) for path, text in keeping.left().items()
        )

    def take_typed(self) -> None:
        """Know every letter that stands in the field: the library tells of the last ones a moment later."""

    def unsaved(self) -> str:
        """What could not be written."""
        return f"What you typed in {self.ref_key()} is not in the store." if self.problem() else ""

    def view_state(self) -> ViewState:
        """This draft, and its ticket: a field that changes there may be in conflict here."""
        ref = str(self.review.draft.ticket) if self.review is not None else None
        return ViewState(ticket=ref, drafts=frozenset({self.draft_id}))

    def ask_again(self, state: ViewState) -> None:
        """The draft, its push or its ticket changed."""
        if Topic.DRAFT in state.stale and self.is_there:
            self.look()

    def minute_passed(self) -> None:
        """Ages."""
        self.draw()

    def look(self) -> None:
        """Read the draft again. What is being typed stays."""
        if self._gone or not self.query("#rows"):
            return
        try:
            review = self.desk.ask(DraftReview(self.draft_id))
        except NotFound as error:
            self.missing = error.message
            self.draw()
            return
        first, self.review, self.missing = self.review is None, review, ""
        if self.keeping is None:
            self.keeping = Keeping(
                self.desk_app,
                self.set_timer,
                review.draft,
                saved=self._was_saved,
                lost=self._was_lost,
                failed=self._not_saved,
                public=only_public(self.capabilities),
            )
            for left in self.desk_app.unkept.pop(self.draft_id, ()):
                self.keeping.typed(left.path, left.text)
        if first or not self._title:
            for found in self.desk.ask(SortedTickets(refs=(review.draft.ticket,))):
                self._title, self._severity = str(found.ticket.title), found.ticket.severity
        self.take_typed()
        if not self.keeping.busy:
            ours, theirs = comment_text(self.keeping.draft), comment_text(review.draft)
            if self.editing and review.draft.rev > self.keeping.draft.rev and ours != theirs:
                self.query_one("#comment", CommentField).renew(theirs)
                self._in_field = self.query_one("#comment", CommentField).text
                self.desk_app.say("the comment was changed elsewhere; this is how it reads now", "warn")
            self.keeping.newer(review.draft)
        if self.editing and not self.editable():
            self.leave_comment()
            self.desk_app.say(f"the draft is {STATE_WORDS[review.draft.state]}; it takes no more text", "warn")
        self._tick_while_unknown()
        self.draw()

    def _tick_while_unknown(self) -> None:
        waits = (
            self.review is not None and self.review.push is not None and self.review.draft.state is DraftState.PUSHING
        )
        if waits and self._settle_timer is None:
            self._settle_timer = self.set_interval(1.0, self.draw)
        elif not waits and self._settle_timer is not None:
            self._settle_timer.stop()
            self._settle_timer = None

    def ref_key(self) -> str:
        """The ticket's key, for questions that name what they act on."""
        return called(self.review.draft.ticket) if self.review is not None else "the draft"

    def problem(self) -> str:
        """Why what was typed is not in the store; empty: it is, or will be within a second."""
        problem = self.keeping.problem if self.keeping is not None else None
        return problem.message if problem is not None and self.keeping is not None and self.keeping.busy else ""

    @property
    def system(self) -> str:
        """The name of the ticket's system."""
        return self.review.draft.ticket.system if self.review is not None else ""

    @property
    def capabilities(self) -> Capabilities:
        """What the ticket's system can do."""
        return self.facts.capabilities.get(self.system) or Capabilities()

    def _settle_seconds(self) -> float:
        return self.capabilities.settle_seconds

    def on_key(self, event: events.Key) -> None:
        """Swallow keys while deaf; otherwise say that this terminal has the draft open."""
        if self.monotonic() < self._deaf_until:
            event.stop()
            event.prevent_default()
            return
        self._presence()

    def be_deaf(self) -> None:
        """Ignore keys for half a second: the ones meant for a prompt that just closed."""
        self._deaf_until = self.monotonic() + ARM_SECONDS

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def _presence(self, take_over: bool = False) -> None:
        moment = self.monotonic()
        if self.facts.read_only or self.review is None or (moment - self._said_open < 1.0 and not take_over):
            return
        self._said_open = moment
        self.desk_app.do(
            OpenDraft(id=self.draft_id, where=here(), take_over=take_over), self._others, failed=lambda error: None
        )

    def _others(self, other: Editing | None) -> None:
        if self.review is not None and other != self.review.editing and self.is_there:
            self.look()

    def _was_saved(self, draft: Draft) -> None:
        shown = self.desk_app.notice_shown
        if shown is not None and shown[0].startswith(NOT_KEPT):
            self.desk_app.unsay()
        self.look()

    def _was_lost(self, path: str, text: str, error: OpstuiError | None = None) -> None:
        asked = self.query(Ask)
        if asked and error is not None and not isinstance(error, StaleRevision) and path != COMMENT_PATH:
            # It is still being typed, and may yet become something that the system takes.
            asked.last().say(error.message)
            return
        if self.editing and path == COMMENT_PATH:
            # Letters that came since belong to the text that lost, not to a save over somebody else's.
            text = self._in_field = self.query_one("#comment", CommentField).text
            self.leave_comment()
        self.aside[f"op:{path}"] = text
        self._close_ask()
        self.look()
        self.query_one("#rows", RowList).cursor = f"aside:op:{path}"
        why = "saved elsewhere meanwhile" if error is None or isinstance(error, StaleRevision) else error.message
        self.desk_app.say(f"{why}: yours is kept aside", "warn")

    def _not_saved(self, error: OpstuiError) -> None:
        asked = self.query(Ask)
        if asked:
            asked.last().say(error.message)
        else:
            self.desk_app.say(f"{NOT_KEPT}{error.message}", "bad")
        self.draw()

    def change(self, changes: DraftChanges, said: str = "", then: Callable[[], None] | None = None) -> None:
        """Change the draft, and remember how to take it back."""
        if self.review is None or self.keeping is None:
            return
        keeping = self.keeping

        def give() -> None:
            before = keeping.draft

            def done(after: Draft) -> None:
                keeping.newer(after)
                keeping.kept_at = self.desk_app.now()
                self.undone.append(("changes", inverse(before, after)))
                self.look()
                if said:
                    self.desk_app.say(said)
                if then is not None:
                    then()

            command = EditDraft(id=self.draft_id, rev=before.rev, changes=changes)
            self.desk_app.do(command, done, saying="the draft's save", failed=self.refused)

        keeping.flush(give)

    def refused(self, error: OpstuiError) -> None:
        """Say why a change was not made, and show the draft as it is."""
        self.look()
        if isinstance(error, StaleRevision):
            self.desk_app.say("the draft was saved elsewhere; look at it and try again", "warn")
        else:
            self.desk_app.say(error.message, "bad")

    def editable(self) -> bool:
        """Whether the draft takes changes."""
        return (
            self.review is not None
            and not self.facts.read_only
            and self.review.draft.state
            in (DraftState.PROPOSED, DraftState.EDITED, DraftState.CONFLICT, DraftState.APPROVED)
        )

    def may_edit(self) -> bool:
        """Whether the draft takes changes; if not, it is said why."""
        if self.editable():
            return True
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is changed here", "warn")
        elif self.review is not None:
            self.desk_app.say(f"the draft is {STATE_WORDS[self.review.draft.state]}", "warn")
        return False

    @property
    def editing(self) -> bool:
        """Whether the comment is a text field now."""
        return self.has_class("-editing")

    def row(self) -> str:
        """Key of the cursor's row."""
        return self.query_one("#rows", RowList).cursor or ""

    def field(self, key: str) -> ReviewRow | None:
        """The field of a row, if it is one."""
        if self.review is None:
            return None
        return next((row for row in self.review.rows if row_key(row) == key), None)

    def finding(self, key: str) -> Finding | None:
        """The check of a row, if it is one."""
        if self.review is None or not key.startswith("finding:"):
            return None
        index = int(key.rpartition(":")[2])
        return self.review.findings[index] if index < len(self.review.findings) else None

    def ask(self, title: str, then: Callable[[str], None], **more: Any) -> Ask:
        """Put a question at the foot of the screen."""
        self._close_ask()
        question = Ask(title, then, closed=self._asked, **more)
        self.mount(question, before="#over-hints")
        self.call_after_refresh(self.show_frame)
        return question

    def _asked(self) -> None:
        self.query_one("#rows", RowList).focus()
        self.call_after_refresh(self.show_frame)

    def _close_ask(self) -> bool:
        asked = list(self.query(Ask))
        for ask in asked:
            ask.close()
        return bool(asked)

    # --- on to Confirm ------------------------------------------------------------------------------------------------

    def action_review_confirm(self) -> None:
        """``p``: to Confirm, once everything typed is in the store."""
        if self.review is None or self.keeping is None:
            return
        if self.facts.read_only:
            self.desk_app.say("read-only: nothing is pushed", "warn")
            return
        self.keeping.flush(self._confirm)

    def _confirm(self) -> None:
        from opstui.tui.screens.confirm import ConfirmScreen

        ConfirmScreen.open(self.desk_app, self.draft_id)

    def parts(self) -> tuple[Part, ...]:
        """What the draft's document says beside its comment."""
        draft = self.review.draft if self.review is not None else None
        if self.review is None or draft is None or draft.document is None:
            return ()
        if self._parts is None or self._parts[0] != draft.rev:
            kind = DOCUMENTS.get(str((draft.document.get("head") or {}).get("document", "")))
            document = decode(kind, draft.document) if kind is not None else None
            self._parts = (
                draft.rev,
                parts_of(document, self.review.claims, self.review.titles, zone(self.facts.timezone)),
            )
        return self._parts[1]

    # --- what the parts of Review add ---------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw what was read last."""

    def heading(self, width: int) -> list[Line]:
        """The two lines above the rows."""
        return []

    def edit_comment(self) -> None:
        """Make the comment a text field."""

    def leave_comment(self) -> None:
        """Make it rows again; the text stays."""


def here() -> str:
    """This terminal, as other operators know it: ``pts/3``."""
    for handle in (0, 1, 2):
        try:
            return os.ttyname(handle).removeprefix("/dev/")
        except OSError:
            continue
    return f"process {os.getpid()}"
