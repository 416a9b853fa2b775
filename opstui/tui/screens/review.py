"""Review: a draft as a list of rows. Nothing is a text field until ``enter`` on it, and nothing typed is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import ClassVar

from opstui.core.desk import (
    DiscardDraft,
    Drafts,
    EditDraft,
    RestoreDraft,
    Review,
    SessionDetail,
    SessionHidden,
)
from opstui.core.draft_limits import only_public, takes_comments, who_reads, why_not
from opstui.core.drafts import COMMENT_PATH, Draft, DraftState
from opstui.core.errors import NotFound
from opstui.core.keys import of
from opstui.core.ports import Capabilities
from opstui.core.redaction import PLACEHOLDER
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row, between, line, wrap
from opstui.tui.push_words import STATE_WORDS
from opstui.tui.review_rows import COMMENT, Shown, review_rows
from opstui.tui.screens.base import screen_bindings
from opstui.tui.screens.review_acts import ActsOnRows
from opstui.tui.session_figures import UNEVALUATED, engine_words
from opstui.tui.times import clock
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.words import called, shape, zone

MOVES = tuple(key.id for key in of(("move",)))
"""The list's own keys: it binds them itself."""


class ReviewScreen(ActsOnRows):
    """One draft, row by row."""

    LABEL = "Review"
    KIND = "review"
    HINTS = ("review.confirm", "review.edit", "review.source", "review.editor", "review.next", "review.undo")
    BINDINGS: ClassVar = [*screen_bindings("review", *MOVES), *only("text.editor", "text.confirm")]
    DEFAULT_CSS = """
    ReviewScreen #review-head { height: auto; }
    ReviewScreen #review-body { layout: vertical; height: 1fr; }
    ReviewScreen #review-body.-wide { layout: horizontal; }
    ReviewScreen #review-main { layout: vertical; height: 1fr; width: 1fr; }
    ReviewScreen #comment { display: none; }
    ReviewScreen.-editing #comment { display: block; }
    """

    _author = ""
    """The runtime and the model that wrote it; empty where no model did."""
    _hidden: tuple[str, ...] | None = None
    """What stands for the values that were kept from that model; None while that is not known."""

    _asked_author = False

    def _ask_author(self, session_id: str) -> None:
        """Once: who wrote it does not change."""
        self._asked_author = True
        try:
            session = self.desk.ask(SessionDetail(session_id))
        except NotFound:
            return
        if session.runtime_kind != "extractive":
            self._author = engine_words(session, rehearsal=self.facts.rehearsal)
            self.desk_app.ask_slowly(SessionHidden(session_id), self._found_hidden, failed=lambda error: None)

    def _found_hidden(self, values: Mapping[str, str]) -> None:
        self._hidden = tuple(values)
        if self.is_there:
            self.draw()

    def draw(self) -> None:
        """Heading and rows."""
        if self._gone or not self.query("#rows"):
            return
        session_id = self.review.draft.session if self.review is not None else None
        if session_id is not None and not self._asked_author:
            self._ask_author(session_id)
        self.query_one("#review-head", Spans).show(self.heading)
        self.query_one("#rows", RowList).show(self._rows)

    def heading(self, width: int) -> list[Line]:
        """Which ticket, whose draft, where it stands, and whether all of it is kept."""
        if self.review is None:
            return [line(" ", ("REVIEW", "strong"), "  ", (self.missing, "warn")), ()]
        review, draft = self.review, self.review.draft
        tz = zone(self.facts.timezone)
        right: Line = ()
        if self.problem():
            right = line(("NOT KEPT ", "bad"))
        elif self.keeping is not None and self.keeping.busy:
            right = line(("keeping … ", "dim"))
        elif self.keeping is not None and self.keeping.kept_at is not None:
            right = line((f"kept {clock(self.keeping.kept_at, tz)} ", "good"))
        elif draft.state in (DraftState.PROPOSED, DraftState.EDITED):
            right = line((f"kept {clock(draft.updated_at, tz)} ", "dim"))
        role = f"severity{self._severity}" if self._severity else "dim"
        first = line(
            " ",
            ("REVIEW", "strong"),
            "  ",
            (shape(self._severity), role),
            " ",
            (called(draft.ticket), "accent"),
            "  ",
            self._title,
        )
        made = f"made on {review.base_version}"
        if review.now_version != review.base_version:
            made += f", now {review.now_version}"
        parts = [draft.workflow or "your own update", made]
        second = between(line(" ", (" · ".join(parts), "dim")), stand_line(review), width)
        return [
            between(first, right, width),
            second,
            *written_line(self._written(), draft, width),
            *author_lines(self._author, self._hidden, width),
            *note_lines(draft, width),
        ]

    def _written(self) -> str:
        """Which engine wrote it, and that its workflow's version was never evaluated."""
        draft = self.review.draft if self.review is not None else None
        if draft is None or not draft.engine:
            return ""
        flow = next((flow for flow in self.facts.workflows if flow.id == draft.workflow), None)
        evaluated = flow is not None and flow.version == draft.workflow_version and flow.evaluated
        return ("" if evaluated else f"{UNEVALUATED} · ") + f"written by the {draft.engine} engine"

    def _rows(self, width: int) -> list[Row]:
        if self.review is None:
            return []
        shown = Shown(
            review=self.review,
            now=self.desk_app.now(),
            tz=zone(self.facts.timezone),
            settle_seconds=self._settle_seconds(),
            aside=self.aside,
            unsaved=self.keeping.dirty.get(COMMENT_PATH) if self.keeping is not None else None,
            can_add=self.editable() and self.can_add(),
            with_files=self.capabilities.attachments,
            silent=self.capabilities.native_filters,
            parts=self.parts(),
            comment_words=comment_words(self.capabilities),
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
        return super().hints()

    def action_review_undo(self) -> None:
        """``u``: take the last change back."""
        if self.review is None or self.keeping is None:
            return
        if self.review.draft.state is DraftState.DISCARDED:
            self.desk_app.do(RestoreDraft(self.draft_id), self._restored)
            return
        if not self.undone:
            self.desk_app.say("nothing to undo", "dim")
            return
        if not self.may_edit():
            return
        kind, what = self.undone.pop()
        if kind == "aside":
            key, text = what
            self.aside[key] = text
            self.draw()
            return
        keeping = self.keeping

        def give() -> None:
            def done(after: Draft) -> None:
                keeping.newer(after)
                keeping.kept_at = self.desk_app.now()
                self.look()
                self.desk_app.say("undone")

            command = EditDraft(id=self.draft_id, rev=keeping.draft.rev, changes=what)
            self.desk_app.do(command, done, failed=self.refused)

        keeping.flush(give)

    def _restored(self, draft: Draft) -> None:
        if self.keeping is not None:
            self.keeping.newer(draft)
        self.look()
        self.desk_app.say("brought back")

    def action_review_discard(self) -> None:
        """``D``: put it away; undo brings it back."""
        if self.review is None or self.keeping is None or self.facts.read_only:
            self.may_edit()
            return

        def gone(draft: Draft) -> None:
            if self.keeping is not None:
                self.keeping.newer(draft)
            self.look()
            self.desk_app.say("discarded; u brings it back")

        self.keeping.flush(lambda: self.desk_app.do(DiscardDraft(self.draft_id), gone))

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
        if self.keeping is not None and self.keeping.busy:
            self.keeping.flush(lambda: self._go_to(target))
        else:
            self._go_to(target)

    def _go_to(self, draft_id: str) -> None:
        self.app.switch_screen(ReviewScreen(draft_id))

    def go_back(self) -> None:
        """What is open inside closes first; text stays as it is."""
        pane = self.query_one("#source", SourcePane)
        if self._close_ask():
            return
        if self.editing:
            self.leave_comment()
        elif pane.is_open:
            pane.close()
            self._shown_source = None
        elif self.keeping is not None and self.keeping.busy and not self.problem():
            self.keeping.flush(super().go_back)
        elif self.problem():
            self.desk_app.ask(self.unsaved() + " Leave?", super().go_back)
        else:
            super().go_back()


def written_line(written: str, draft: Draft, width: int) -> list[Line]:
    """Who wrote it; of an escalation at the right how much of what tier 2 asks is answered."""
    if not written:
        return []
    flight = (draft.document or {}).get("preflight")
    right: Line = ()
    if isinstance(flight, Mapping):
        missing = len(flight.get("missing") or ())
        said = f"preflight {flight.get('score')} of 100{f', {missing} open' if missing else ''} "
        right = line((said, "warn" if missing else "good"))
    return [between(line(" ", (written, "dim")), right, width)]


def author_lines(author: str, hidden: Iterable[str] | None, width: int) -> list[Line]:
    """The model that wrote it, how many values it was not shown, and of which kinds."""
    if not author:
        return []
    kinds = Counter(
        found[1].lower().replace("_", " ") for text in hidden or () if (found := PLACEHOLDER.fullmatch(text))
    )
    total = sum(kinds.values())
    named = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.most_common(5))
    kept = "" if hidden is None else f"{total or 'nothing'} hidden from it{f': {named}' if named else ''}"
    return [between(line(" ", (author, "")), line((f"{kept} " if kept else "", "dim")), width)]


def note_lines(draft: Draft, width: int) -> list[Line]:
    """Why it stands where it stands; above the rows, so that it is never scrolled away."""
    said_below = draft.state in (DraftState.CONFLICT, DraftState.NEEDS_HUMAN)
    parts = wrap(draft.note, width - 4)[:3] if draft.note and not said_below else []
    return [line(" ", ("!" if at == 0 else " ", "warn"), " ", (part, "warn")) for at, part in enumerate(parts)]


def comment_words(capabilities: Capabilities) -> str:
    """What to know before a comment is written: that all are public, or that there are none."""
    if not takes_comments(capabilities):
        why = why_not(COMMENT_PATH, capabilities)
        return f"this system takes none{f': {why}' if why else ''}"
    if only_public(capabilities):
        return f"every comment here is PUBLIC: {who_reads(capabilities, public=True)}"
    return ""


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
