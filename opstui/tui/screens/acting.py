"""What the keys ``s x w a e`` do to a ticket, on whatever screen it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from opstui.core.desk import NewDraft, TicketDetail, TicketView, Transitions
from opstui.core.drafts import Draft, DraftChanges, DraftState
from opstui.core.tickets import StatusCategory, TicketRef
from opstui.tui.drafting import as_typed
from opstui.tui.ticket_text import workflow_word

if TYPE_CHECKING:
    from opstui.tui.screens.base import DeskScreen

TAKEN = ("investigating", "acknowledged", "in progress", "in_progress", "open", "started", "active", "assigned")
"""Statuses that say that somebody works on it, the plainest first."""
SNOOZED = ("waiting", "stalled", "on hold", "on_hold", "pending", "hold", "monitoring")
RESOLVED = ("resolved", "solved", "fixed", "done", "closed")


def pick(transitions: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    """The status among ``transitions`` that says what ``wanted`` says, best first; None if there is none."""
    by_word = {status.casefold(): status for status in transitions}
    return next((by_word[word] for word in wanted if word in by_word), None)


def acknowledging(view: TicketView, transitions: tuple[str, ...]) -> DraftChanges:
    """Assigned to the operator, and out of ``new`` if it still is and the ticket can."""
    fields: dict[str, str | None] = {"/assignee": "me"}
    if view.ticket.status.category is StatusCategory.NEW:
        status = pick(transitions, TAKEN)
        if status is not None:
            fields["/status"] = status
    return DraftChanges(set=fields)


def says_just(draft: Draft, changes: DraftChanges, operator: str) -> bool:
    """Whether an operator's open draft sets these fields and nothing else; ``me`` is ``operator``."""

    def named(value: str) -> str:
        return operator if value == "me" else value

    wanted = {path: named(value or "") for path, value in changes.set.items()}
    return draft.state is DraftState.EDITED and {op.path: named(as_typed(op.to)) for op in draft.ops} == wanted


class ActsOnTickets:
    """Mixed into screens that show tickets; ``acting_on`` says which one the keys mean."""

    def acting_on(self) -> tuple[TicketRef, bool] | None:
        """The ticket, and whether it has left the list that is shown."""
        return None

    def marked(self) -> tuple[TicketRef, ...]:
        """The tickets that are marked, in the list's order."""
        return ()

    def unmark(self) -> None:
        """No ticket is marked any more."""

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_ticket_summary(self) -> None:
        """``s``."""
        if not self._start_marked("incident-summary"):
            self._on_ticket("start a summary on", lambda ref: self.start(ref, "incident-summary"))

    def action_ticket_escalation(self) -> None:
        """``x``."""
        if not self._start_marked("escalation-package"):
            self._on_ticket("start an escalation package on", lambda ref: self.start(ref, "escalation-package"))

    def action_ticket_acknowledge(self) -> None:
        """``a``: a draft of its own, and straight to Confirm."""
        self._on_ticket("acknowledge", lambda ref: self._with_transitions(ref, self._acknowledge))

    def action_ticket_update(self) -> None:
        """``e``: the open draft, or a new one, on its comment."""
        self._on_ticket("write an update of", self._update)

    def action_ticket_more(self) -> None:
        """``w``."""
        self._on_ticket("act on", lambda ref: self._with_transitions(ref, self._more))

    # --- what they do -------------------------------------------------------------------------------------------------

    @property
    def _screen(self) -> DeskScreen:
        return cast("DeskScreen", self)

    def _on_ticket(self, doing: str, work: Callable[[TicketRef], None]) -> None:
        here = self.acting_on()
        app = self._screen.desk_app
        if here is None:
            app.say("there is no ticket here", "dim")
            return
        ref, gone = here
        if gone:
            # The list changed under the cursor: the key may have been meant for another ticket.
            app.ask(f"{ref.key} has left this list: {doing} it?", lambda: work(ref))
        else:
            work(ref)

    def _start_marked(self, workflow: str) -> bool:
        """Ask once, naming the count, and start one session a marked ticket; whether any is marked."""
        refs, app = self.marked(), self._screen.desk_app
        if not refs:
            return False
        if app.facts.read_only:
            app.say("read-only: no session is started", "warn")
            return True

        def go() -> None:
            from opstui.tui.screens.starting import start_marked

            self.unmark()
            start_marked(self._screen, refs, workflow)

        count = "the marked ticket" if len(refs) == 1 else f"{len(refs)} marked tickets"
        app.ask(f"{workflow_word(workflow).capitalize()} for {count}?", go)
        return True

    def start(self, ref: TicketRef, workflow: str) -> None:
        """Start a session with the workflow's defaults, or open the one there is."""
        # Not at the head of the file: the first paint has no use for it.
        from opstui.tui.screens.starting import start

        start(self._screen, ref, workflow)

    def _with_transitions(self, ref: TicketRef, then: Callable[[TicketView, tuple[str, ...]], None]) -> None:
        app = self._screen.desk_app
        view = app.desk.ask(TicketDetail(ref))
        app.ask_slowly(
            Transitions(ref), lambda found: then(view, found), saying=f"asking {ref.system} what {ref.key} can become"
        )

    def _draft(self, ref: TicketRef, changes: DraftChanges, then: Callable[[Draft], None]) -> None:
        app = self._screen.desk_app
        if app.facts.read_only:
            app.say("read-only: no draft is kept", "warn")
            return
        app.do(NewDraft(ticket=ref, changes=changes), then, saying=f"drafting on {ref.key}")

    def _to_confirm(self, draft: Draft) -> None:
        self._screen.desk_app.open("confirm", draft=draft.id)

    def _acknowledge(self, view: TicketView, transitions: tuple[str, ...]) -> None:
        screen, ticket = self._screen, view.ticket
        me = screen.desk_app.me(ticket.ref.system)
        mine = me in ticket.assignees and not screen.facts.read_only
        if mine and ticket.status.category is not StatusCategory.NEW:
            screen.desk_app.say(f"{ticket.ref.key} is yours already", "dim")
            return
        changes = acknowledging(view, transitions)
        there = next((draft for draft in view.drafts if says_just(draft, changes, me)), None)
        if there is not None:
            # The key was pressed before, and its Confirm left again.
            self._to_confirm(there)
        else:
            self._draft(ticket.ref, changes, self._to_confirm)

    def _update(self, ref: TicketRef) -> None:
        app = self._screen.desk_app
        view = app.desk.ask(TicketDetail(ref))
        there = next((draft for draft in view.drafts if draft.state.is_open), None)
        if there is not None:
            app.open("review", draft=there.id, row="comment")
        else:
            self._draft(ref, DraftChanges(), lambda draft: app.open("review", draft=draft.id, row="comment"))

    def _more(self, view: TicketView, transitions: tuple[str, ...]) -> None:
        from opstui.tui.screens import starting
        from opstui.tui.widgets.ask import Ask

        ref = view.ticket.ref
        choices = starting.choices(self._screen.facts)
        snoozed, resolved = pick(transitions, SNOOZED), pick(transitions, RESOLVED)
        choices.append(("take", "Take it: assign to me", "to Confirm"))
        choices.append(("reassign", "Reassign …", "type a name"))
        if snoozed:
            choices.append((f"status {snoozed}", f"Snooze: status {snoozed}", "to Confirm"))
        if resolved:
            choices.append((f"status {resolved}", f"Resolve: status {resolved}", "to Confirm"))
        choices += [
            (f"status {status}", f"Status {status}", "to Confirm")
            for status in transitions
            if status not in (snoozed, resolved)
        ]

        def chosen(value: str) -> None:
            what, _, rest = value.partition(" ")
            if what == "run":
                self.start(ref, rest)
            elif what == "otherwise":
                starting.otherwise(self._screen, ref)
            elif what == "status":
                self._draft(ref, DraftChanges(set={"/status": rest}), self._to_confirm)
            elif what == "take":
                self._draft(ref, DraftChanges(set={"/assignee": "me"}), self._to_confirm)
            else:
                self._reassign(ref)

        self._screen.put_question(Ask(f"{ref.key}  {view.ticket.title}", chosen, choices=choices))

    def _reassign(self, ref: TicketRef) -> None:
        from opstui.tui.widgets.ask import Ask

        def named(name: str) -> None:
            if name.strip():
                self._draft(ref, DraftChanges(set={"/assignee": name}), self._to_confirm)

        self._screen.put_question(Ask(f"Assign {ref.key} to", named))
