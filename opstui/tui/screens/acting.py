"""What the keys ``s x w a e`` do to a ticket, on whatever screen it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from opstui.core.desk import NewDraft, TicketDetail, TicketView, Transitions
from opstui.core.draft_limits import can_set
from opstui.core.drafts import COMMENT_PATH, Draft, DraftChanges, DraftState
from opstui.core.errors import OpstuiError
from opstui.core.tickets import StatusCategory, TicketRef
from opstui.tui.drafting import as_typed
from opstui.tui.offers import SILENCE_FOR, SILENCED, acknowledging, needs_statuses, offers, silencing
from opstui.tui.ticket_text import workflow_word
from opstui.tui.words import called

if TYPE_CHECKING:
    from opstui.core.sessions import Session
    from opstui.tui.screens.base import DeskScreen


def says_just(draft: Draft, changes: DraftChanges, operator: str) -> bool:
    """Whether an operator's open draft says this and nothing else; ``me`` is ``operator``."""

    def named(value: str) -> str:
        return operator if value == "me" else value

    wanted = {path: named(value or "") for path, value in changes.set.items()}
    if changes.comment is not None:
        wanted[COMMENT_PATH] = changes.comment
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
        self._on_ticket("acknowledge", self._acknowledge)

    def action_ticket_update(self) -> None:
        """``e``: the open draft, or a new one, on its comment."""
        self._on_ticket("write an update of", self._update)

    def action_ticket_more(self) -> None:
        """``w``."""
        self._on_ticket("act on", self._more)

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
            app.ask(f"{called(ref)} has left this list: {doing} it?", lambda: work(ref))
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

    def _draft(self, ref: TicketRef, changes: DraftChanges, then: Callable[[Draft], None]) -> None:
        """A new draft, and ``then``; once for however many keys, and only while the operator still stands there."""
        screen, app = self._screen, self._screen.desk_app
        if app.facts.read_only:
            app.say("read-only: no draft is kept", "warn")
            return
        if ref in app.drafting:
            app.say(f"{ref} is being read for your draft …", "dim")
            return
        app.drafting.add(ref)

        def made(draft: Draft) -> None:
            app.drafting.discard(ref)
            here = self.acting_on()
            if app.screen is screen and here is not None and here[0] == ref and not screen.asks:
                then(draft)
            else:
                app.say(f"the draft on {called(ref)} is ready: {app.keymap.shown('app.waiting')} goes to what waits")

        def failed(error: OpstuiError) -> None:
            app.drafting.discard(ref)
            app.say(error.message, "bad")

        app.do(NewDraft(ticket=ref, changes=changes), made, saying=f"reading {ref} for your draft", failed=failed)

    def _to_confirm(self, draft: Draft) -> None:
        self._screen.desk_app.open("confirm", draft=draft.id)

    def _statuses(
        self, view: TicketView, then: Callable[[tuple[str, ...]], None], failed: Callable[[OpstuiError], None]
    ) -> None:
        ref = view.ticket.ref
        self._screen.desk_app.ask_slowly(
            Transitions(ref), then, saying=f"asking {ref.system} what {called(ref)} can become", failed=failed
        )

    def _acknowledge(self, ref: TicketRef) -> None:
        screen, app = self._screen, self._screen.desk_app
        view = app.desk.ask(TicketDetail(ref))
        me = app.me(ref.system)
        mine = bool(me) and me in view.ticket.assignees and not screen.facts.read_only
        if mine and view.ticket.status.category is not StatusCategory.NEW:
            app.say(f"{called(ref)} is yours already", "dim")
        elif needs_statuses(view):
            self._statuses(
                view,
                lambda found: self._acknowledge_as(view, found),
                lambda error: app.say(error.message, "bad"),
            )
        else:
            self._acknowledge_as(view, ())

    def _acknowledge_as(self, view: TicketView, statuses: tuple[str, ...]) -> None:
        app, ref = self._screen.desk_app, view.ticket.ref
        changes, why = acknowledging(view, statuses, app.facts.operator)
        if changes is None:
            app.say(why, "warn")
            return
        there = next((draft for draft in view.drafts if says_just(draft, changes, app.me(ref.system))), None)
        if there is not None:
            # The key was pressed before, and its Confirm left again.
            self._to_confirm(there)
        else:
            self._draft(ref, changes, self._to_confirm)

    def _update(self, ref: TicketRef) -> None:
        app = self._screen.desk_app
        view = app.desk.ask(TicketDetail(ref))
        there = next((draft for draft in view.drafts if draft.state.is_open), None)
        if there is not None:
            app.open("review", draft=there.id, row="comment")
        else:
            self._draft(ref, DraftChanges(), lambda draft: app.open("review", draft=draft.id, row="comment"))

    def _more(self, ref: TicketRef) -> None:
        """What can be done at once; the statuses follow when the system has told them."""
        from opstui.tui.screens import starting
        from opstui.tui.widgets.ask import Ask
        from opstui.tui.workflow_choices import usual_cost, workflow_choices

        screen, app = self._screen, self._screen.desk_app
        view = app.desk.ask(TicketDetail(ref))
        runs = workflow_choices(screen.facts, view)
        me = app.me(ref.system)
        asked = offers(view, None, "", me)

        def chosen(value: str) -> None:
            what, _, rest = value.partition(" ")
            if what == "run":
                self.start(ref, rest)
            elif what == "otherwise":
                starting.otherwise(screen, ref)
            elif what == "status":
                self._draft(ref, DraftChanges(set={"/status": rest}), self._to_confirm)
            elif what == "take":
                self._draft(ref, DraftChanges(set={"/assignee": "me"}), self._to_confirm)
            elif what == "silence":
                self._silence(view)
            elif what == "type":
                self._put_field(ref, "/status", f"Status of {called(ref)}")
            else:
                self._put_field(ref, "/assignee", f"Assign {called(ref)} to")

        question = Ask(
            f"{called(ref)}  {view.ticket.title}",
            chosen,
            choices=(*runs.choices, *asked.choices),
            unable=(*runs.unable, *asked.unable),
            details=runs.details,
        )
        screen.put_question(question)

        def renew() -> None:
            question.renew((*runs.choices, *asked.choices), (*runs.unable, *asked.unable))

        def told(statuses: tuple[str, ...] | None, problem: str = "") -> None:
            nonlocal asked
            asked = offers(view, statuses, problem, me)
            renew()

        def cost(sessions: tuple[Session, ...]) -> None:
            nonlocal runs
            runs = workflow_choices(screen.facts, view, usual_cost(sessions))
            renew()

        if any(plan.runtime != "offline" for plan in screen.facts.plans.values()):
            from opstui.core.desk import Sessions

            app.ask_slowly(Sessions(limit=100), cost, failed=lambda error: None)

        if can_set("/status", view.capabilities):
            app.ask_slowly(Transitions(ref), told, failed=lambda error: told(None, error.message))

    def _put_field(self, ref: TicketRef, path: str, title: str) -> None:
        from opstui.tui.widgets.ask import Ask

        def named(name: str) -> None:
            if name.strip():
                self._draft(ref, DraftChanges(set={path: name}), self._to_confirm)

        self._screen.put_question(Ask(title, named))

    def _silence(self, view: TicketView) -> None:
        """How long, then why; both stand in the silence, and on Confirm."""
        from opstui.tui.widgets.ask import Ask

        screen, ref = self._screen, view.ticket.ref

        def why(span: str) -> None:
            if not span.strip():
                return

            def given(reason: str) -> None:
                if reason.strip():
                    changes = silencing(view, SILENCED, span.strip(), reason.strip())
                    self._draft(ref, changes, self._to_confirm)

            screen.put_question(
                Ask(
                    f"Silence {called(ref)} for {span.strip()}: why?",
                    given,
                    value=f"{screen.facts.operator} looks into it",
                )
            )

        screen.put_question(Ask(f"Silence {called(ref)} for how long?", why, value=SILENCE_FOR, note="30m, 2h, 1d"))
