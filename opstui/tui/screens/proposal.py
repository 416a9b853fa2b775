"""Proposal: what a session would change on a runbook page, for a person to read, edit, accept or reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from opstui.core.desk import ProposalDetail, ProposalView, RebaseProposal, RejectProposal, Source, SourceView
from opstui.core.drafts import OverrideReason
from opstui.core.errors import OpstuiError
from opstui.core.keys import of
from opstui.core.pages.proposal import ANSWERABLE, Proposal, ProposalState
from opstui.core.tickets import TicketRef
from opstui.tui.keymap import only
from opstui.tui.lines import Line, Row
from opstui.tui.proposal_rows import head_lines, proposal_rows
from opstui.tui.screens.base import Topic, ViewState, screen_bindings
from opstui.tui.screens.proposal_edit import EditsPage
from opstui.tui.widgets.ask import Ask
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.source_pane import SourcePane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.text_field import CommentField

WIDE = 100
"""From this width a source stands beside the rows, below it under them."""
MOVES = tuple(key.id for key in of(("move",)))
"""The list's own keys: it binds them itself."""
REASONS: Mapping[OverrideReason, str] = {
    OverrideReason.WRONG_FACT: "something in it is not so",
    OverrideReason.MISSING_FACT: "what matters is missing",
    OverrideReason.WRONG_ACTION: "the page should not be changed like this",
    OverrideReason.TONE: "it is only about how it is said",
    OverrideReason.STALE: "it is out of date already",
    OverrideReason.POLICY: "our policy says so",
    OverrideReason.OTHER: "something else",
}
"""Why a proposal is rejected."""
ANSWERS: Mapping[OverrideReason, str] = {
    OverrideReason.WRONG_FACT: "the check has a fact wrong",
    OverrideReason.MISSING_FACT: "it lacks a fact that I know",
    OverrideReason.WRONG_ACTION: "it asks for the wrong thing",
    OverrideReason.TONE: "it is about tone only",
    OverrideReason.STALE: "it looks at something out of date",
    OverrideReason.POLICY: "our policy allows it",
    OverrideReason.OTHER: "something else",
}
"""Why a page is written in spite of a check."""


class ProposalScreen(EditsPage):
    """One proposal."""

    LABEL = "Proposal"
    KIND = "proposal"
    HINTS = (
        "proposal.accept",
        "proposal.edit",
        "proposal.editor",
        "proposal.source",
        "proposal.page",
        "proposal.reject",
    )
    BINDINGS: ClassVar = [*screen_bindings("proposal", *MOVES), *only("text.editor")]
    DEFAULT_CSS = """
    ProposalScreen #proposal-head { height: auto; max-height: 3; }
    ProposalScreen #proposal-body { layout: vertical; height: 1fr; }
    ProposalScreen #proposal-body.-wide { layout: horizontal; }
    ProposalScreen #proposal-main { layout: vertical; height: 1fr; width: 1fr; }
    ProposalScreen #page { display: none; }
    ProposalScreen.-editing #page { display: block; }
    ProposalScreen.-editing #rows { display: none; }
    """

    def __init__(self, id: str) -> None:  # noqa: A002 - a proposal's id
        super().__init__()
        self.proposal_id = id
        self.missing = ""
        self.answers: dict[str, str] = {}
        """Checks that block, answered here; they count when it is accepted."""
        self.whole = False
        self._asked = 0
        self._shown: str | None = None
        self._row: str | None = None

    def compose_body(self) -> ComposeResult:
        """Heading, rows or the page being edited, the source."""
        yield Spans(id="proposal-head")
        with Container(id="proposal-body"):
            with Container(id="proposal-main"):
                yield RowList(id="rows")
                yield CommentField(id="page")
            yield SourcePane(id="source")

    def on_mount(self) -> None:
        """Ask for it."""
        super().on_mount()
        self.query_one("#rows", RowList).focus()
        self.look()

    # --- asking -------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask again in a thread: the page it is about is read once more."""
        self._asked += 1
        number = self._asked

        def found(view: ProposalView) -> None:
            if number == self._asked and self.is_there:
                self.take(view)

        def failed(error: OpstuiError) -> None:
            self.missing = error.message
            self.draw()

        self.desk_app.ask_slowly(ProposalDetail(self.proposal_id), found, failed=failed, saying="the page")

    def take(self, view: ProposalView) -> None:
        """Show it."""
        self.view = view
        # An answer is to what a check said; once it says something else, it is asked again.
        said = {finding.id: finding for finding in view.findings if finding.blocks}
        self.answers = {name: reason for name, reason in self.answers.items() if name in said}
        self.draw()
        if self._row is not None:
            self.query_one("#rows", RowList).cursor = self._row
            self._row = None

    def ask_again(self, state: ViewState) -> None:
        """The proposal or a page changed."""
        if self.is_there and state.stale & {Topic.PAPERS, Topic.KNOWLEDGE}:
            self.look()

    # --- drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Heading and rows."""
        if self.is_there and self.query("#rows"):
            self.query_one("#proposal-body").set_class(self.size.width >= WIDE, "-wide")
            self.query_one("#proposal-head", Spans).show(self.heading)
            self.query_one("#rows", RowList).show(self._rows)
            self.show_frame()

    def heading(self, width: int) -> list[Line]:
        """Which page, where it stands, and whether all that was typed is kept."""
        return head_lines(self.view, self.missing, self.keeping_line(), width)

    def _rows(self, width: int) -> list[Row]:
        if self.view is None:
            return []
        return proposal_rows(self.view, self.answers, width, whole=self.whole, timezone=self.facts.timezone)

    def on_resize(self) -> None:
        """A source stands beside or below."""
        super().on_resize()
        self.draw()

    def label(self) -> str:
        """With the page's name."""
        name = self.view.proposal.doc.rpartition("/")[2] if self.view is not None else ""
        return f"Proposal {name}".strip()

    def mover(self) -> Scroller | None:
        """The rows move by themselves."""
        return None

    def kept(self) -> Mapping[str, Any]:
        """Which one, and the row."""
        row = self.query_one("#rows", RowList).cursor if self.is_there and self.query("#rows") else self._row
        return {"id": self.proposal_id, "row": row}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """The row again."""
        row = kept.get("row")
        self._row = row if isinstance(row, str) else None

    def view_state(self) -> ViewState:
        """Its ticket and its session."""
        if self.view is None:
            return ViewState()
        return ViewState(ticket=self.view.proposal.ticket, sessions=frozenset({self.proposal_id}))

    def hints(self) -> list[tuple[str, str]]:
        """While the page is edited, how to leave it; of a decided one only what can still be looked at."""
        keymap = self.desk_app.keymap
        if self.asks:
            return super().hints()
        if self.editing:
            return [(keymap.shown("app.back"), "leave the text, it is kept"), *keymap.hints(("text.editor",))]
        if self.view is not None and self.view.proposal.state is not ProposalState.OPEN:
            return keymap.hints(("proposal.source", "proposal.page", "app.back", "app.help"))
        more = ("proposal.rebase",) if self.view is not None and self.view.theirs else ()
        return keymap.hints((*more, *self.HINTS, "app.help"))

    # --- keys ---------------------------------------------------------------------------------------------------------

    @property
    def row(self) -> str:
        """The row under the cursor."""
        return self.query_one("#rows", RowList).cursor or ""

    def action_proposal_open(self) -> None:
        """``enter``."""
        if self.row.startswith("check:"):
            self.action_proposal_override()
        elif self.row.startswith("source:"):
            self.action_proposal_source()
        else:
            self.desk_app.say("enter answers a check or shows a source; e edits the page", "dim")

    def action_proposal_page(self) -> None:
        """``v``."""
        self.whole = not self.whole
        self.draw()
        self.desk_app.say("the whole page as it would be" if self.whole else "what would change", "dim")

    def action_proposal_source(self) -> None:
        """``c``: of the row, or else the next one."""
        pane, sources = self.query_one("#source", SourcePane), self.view.sources if self.view is not None else ()
        if not sources or self.view is None:
            self.desk_app.say("nothing is cited here", "dim")
            return
        keys = [f"source:{number}" for number in range(len(sources))]
        if self.row in keys and self.row != self._shown:
            wanted = self.row
        elif self._shown in keys and pane.is_open:
            following = keys.index(self._shown) + 1
            wanted = keys[following] if following < len(keys) and self.row not in keys else ""
        else:
            wanted = keys[0]
        if not wanted:
            pane.close()
            self._shown = None
            return
        self._shown = wanted
        number = keys.index(wanted)
        citation, ticket = sources[number][1], TicketRef.parse(self.view.proposal.ticket)

        def show(source: SourceView) -> None:
            if self.is_there:
                pane.open(source, f"{number + 1} of {len(sources)}", beside=self.size.width >= WIDE)

        self.desk_app.ask_slowly(Source(citation=citation, ticket=ticket), show, saying="the source")

    def action_proposal_override(self) -> None:
        """``o``: a reason to write in spite of the check on this row, or of the first that blocks."""
        if self.view is None or not self.may_decide():
            return
        blocking = [finding for finding in self.view.findings if finding.blocks]
        named = next((finding for finding in blocking if f"check:{finding.id}" == self.row), None)
        finding = named or next((one for one in blocking if one.id in ANSWERABLE), None)
        if finding is None:
            self.desk_app.say("no check blocks that a reason could answer", "dim")
            return
        if finding.id not in ANSWERABLE:
            self.desk_app.say(f"{finding.id} has no answer but a change: {finding.text}", "warn")
            return
        check = finding.id
        choices = [(reason.value, reason.value.replace("_", " "), ANSWERS[reason]) for reason in OverrideReason]
        if check in self.answers:
            choices.append(("", "take the answer back", ""))

        def answered(reason: str) -> None:
            self.answers.pop(check, None)
            if reason:
                self.answers[check] = reason
            self.draw()

        self.put_question(
            Ask(
                f"{check}: {finding.text}",
                answered,
                choices=choices,
                note="Write the page in spite of this? The reason is kept in the audit log.",
            )
        )

    def action_proposal_accept(self) -> None:
        """``p``: to the letters."""
        if self.view is None or not self.may_decide():
            return
        view = self.view
        if not view.can_write:
            self.desk_app.say(f"not here: {view.place}", "warn")
            return
        blocking = [finding for finding in view.findings if finding.blocks and finding.id not in self.answers]
        if blocking:
            self.query_one("#rows", RowList).cursor = f"check:{blocking[0].id}"
            self.desk_app.say(f"{blocking[0].id}: {blocking[0].text}", "warn")
            return
        from opstui.tui.screens.accept_page import AcceptScreen

        self.desk_app.push_screen(AcceptScreen(view, self.answers))

    def action_proposal_reject(self) -> None:
        """``D``: with a reason."""
        if self.view is None or not self.may_decide():
            return
        proposal = self.view.proposal

        def rejected(found: Proposal) -> None:
            self.desk_app.say("rejected; nothing was written", "good")
            self.look()

        def chosen(reason: str) -> None:
            self.desk_app.do(
                RejectProposal(id=proposal.id, rev=proposal.rev, reason=reason), rejected, saying="putting it away"
            )

        choices = [(reason.value, reason.value.replace("_", " "), REASONS[reason]) for reason in OverrideReason]
        self.put_question(Ask("Reject this proposal: why?", chosen, choices=choices, note="Nothing is written."))

    def action_proposal_rebase(self) -> None:
        """``R``."""
        if self.view is None or not self.may_decide():
            return
        if not self.view.theirs:
            self.desk_app.say("the page is as it was when this was made", "dim")
            return

        def rebased(found: Proposal) -> None:
            self.desk_app.say("it stands on the page as it is now; look at it again")
            self.look()

        proposal = self.view.proposal
        self.desk_app.do(RebaseProposal(id=proposal.id, rev=proposal.rev), rebased, saying="reading the page again")

    def go_back(self) -> None:
        """The text first, then the source, then the screen."""
        pane = self.query_one("#source", SourcePane)
        if self.asks or not (self.editing or pane.is_open):
            super().go_back()
        elif self.editing:
            self.leave_page()
        else:
            pane.close()
            self._shown = None
