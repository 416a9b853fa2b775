"""Sessions: started, steered, stopped and paid for by an operator, run by whoever owns them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opstui.core import stops
from opstui.core.audit import AuditEntry
from opstui.core.desk import (
    Choices,
    FallBack,
    InterruptSession,
    MessageSession,
    Outcome,
    RaiseBudget,
    ResumeSession,
    SessionChoices,
    StartSession,
    StopAllSessions,
)
from opstui.core.errors import Busy, NotFound, ReadOnly, Refused, UsageError
from opstui.core.ids import new_id
from opstui.core.money import CENT, cents
from opstui.core.ports import AgentRuntime, RecordWriter, Request
from opstui.core.sessions import Cost, Session, SessionStatus
from opstui.core.text import clean, clean_line
from opstui.core.tickets import BOARD_SYSTEM
from opstui.services.budgets import open_budget
from opstui.services.choices import choices, fallback_of, least_budget, may_live
from opstui.services.locks import FileLock
from opstui.services.papers import waits
from opstui.services.spending import running_shift
from opstui.services.taxonomies import taxonomy_of
from opstui.services.tickets import LIVE_SESSIONS, OPEN_DRAFTS

if TYPE_CHECKING:
    from opstui.core.tickets import Ticket, TicketRef
    from opstui.core.workflows import Workflow
    from opstui.services.budgets import Budgets
    from opstui.services.drafting import Drafting
    from opstui.services.refresh import Refresher
    from opstui.services.setup import Setup


class SessionService:
    """What an operator can do with sessions."""

    def __init__(self, setup: Setup, budgets: Budgets, refresher: Refresher, drafting: Drafting) -> None:
        self._setup = setup
        self._budgets = budgets
        self._refresher = refresher
        self._drafting = drafting
        self._kept: dict[str, FileLock] = {}
        """Sessions that this process is about to run."""

    # --- commands

    def start(self, command: StartSession) -> Outcome[Session]:
        """See ``StartSession``."""
        setup = self._setup
        if setup.read_only:
            raise ReadOnly("opened read-only: no session is started")
        workflow = self._workflow(command.workflow)
        policy = setup.policies.get(workflow.id)
        name = command.runtime or (policy.runtime if policy else "offline")
        runtime = self._runtime(name)
        ticket = self._ticket(command.ticket, workflow)
        taxonomy_of(setup, workflow)  # one that can't be read is told before anything begins
        page = self._page(command.page, workflow)
        if not command.again:
            existing = self._existing(ticket, workflow, page)
            if existing is not None:
                return Outcome(existing, notice=f"{workflow.title} of {ticket.ref} is there already")
        own = policy.budget_micros if policy and policy.budget_micros is not None else workflow.budget_micros
        budget = command.budget_micros if command.budget_micros is not None else own
        session = Session(
            id=new_id(setup.clock, setup.randomness),
            workflow=workflow.id,
            workflow_version=workflow.version,
            ticket=ticket.ref,
            ticket_version=ticket.version,
            runtime=name,
            runtime_kind=runtime.kind,
            model=runtime.model,
            operator=setup.operator,
            shift=running_shift(setup).id,
            created_at=setup.clock.now(),
            cost=Cost(budget=budget),
            page=page,
        )

        began = self._audit(session, "session.start", "operator", detail=f"{workflow.id} on {name}")

        def also(record: RecordWriter) -> None:
            record.add_audit(began)
            if ticket.ref.system == BOARD_SYSTEM:
                from opstui.services.board import keep

                keep(record, ticket)

        if command.here:
            # Ours before anybody can see it: a worker that is awake would take it within 50 ms.
            self._keep(session.id)
        stored = self._budgets.reserving(session, also)
        if not command.here:
            setup.spawn_worker()
        return Outcome(stored)

    def interrupt(self, command: InterruptSession) -> Outcome[Session]:
        """See ``InterruptSession``. A session that nobody runs, and that is nowhere else, is ended here and now."""
        setup, session = self._setup, self.session(command.id)
        if session.status.is_over:
            return Outcome(session, notice="it is over already")
        if session.status is SessionStatus.IDLE:
            return Outcome(session, notice="it stands still already: nothing runs and nothing is spent")
        elsewhere = session.runtime_kind == "managed-agents" and session.status is not SessionStatus.QUEUED
        lock = self._kept.pop(session.id, None) or self.lock(session.id)
        if not elsewhere and lock.take():
            try:
                ended = self._end(session, SessionStatus.ENDED, stops.INTERRUPTED)
            finally:
                lock.release()
            return Outcome(ended)
        self._request(session.id, "interrupt", "")
        if elsewhere:
            # Its owner may be gone; somebody has to tell the service.
            setup.spawn_worker()
        return Outcome(setup.record.session(session.id) or session, notice="interrupt sent")

    def message(self, command: MessageSession) -> Outcome[Session]:
        """See ``MessageSession``."""
        session = self.session(command.id)
        runtime = self._setup.runtimes.get(session.runtime)
        if session.status.is_over:
            raise Refused("the session is over: start a new one to ask again")
        if runtime is None or not runtime.takes_messages:
            raise Refused(f"{session.runtime} takes no messages: it works without a model")
        if session.stop_reason == stops.BUDGET_REACHED:
            raise Refused("the session stands at its budget and takes no message: raise the budget first")
        text = str(clean(command.text, limit=20_000)).strip()
        if not text:
            raise UsageError("an empty message says nothing; nothing was sent")
        wish = self._wish(session.id, "message", text)

        def ask(record: RecordWriter) -> None:
            if session.status is SessionStatus.IDLE:
                # Nothing was kept for it while it stood still; from now on it spends again.
                self._budgets.reserve(open_budget(session), record, but=session.id)
            record.add_request(wish)

        self._setup.record.write(ask)
        self._setup.spawn_worker()
        return Outcome(session, notice="the message is on its way")

    def raise_budget(self, command: RaiseBudget) -> Outcome[Session]:
        """See ``RaiseBudget``."""
        setup, session = self._setup, self.session(command.id)
        if session.status.is_over:
            raise Refused("the session is over: its budget plays no part any more")
        if session.runtime_kind == "extractive":
            raise Refused("a session without a model costs nothing, so it has no budget")
        reason = clean_line(command.reason, limit=200).strip()
        if not reason:
            raise UsageError("raising a budget wants a reason; nothing was changed")
        least = least_budget(session)
        if command.budget_micros % CENT or command.budget_micros < least:
            raise UsageError(f"a budget is whole cents and here at least ${cents(least)}; nothing was changed")

        def save(record: RecordWriter) -> Session:
            current = record.session(session.id) or session
            self._budgets.reserve(command.budget_micros - current.cost.shown, record, but=session.id)
            record.add_audit(
                self._audit(
                    current,
                    "session.raise",
                    "operator",
                    detail=f"from ${cents(current.cost.budget or 0)} to ${cents(command.budget_micros)}: {reason}",
                )
            )
            before = current.cost.budget or command.budget_micros
            record.add_request(self._wish(session.id, "budget", f"{command.budget_micros} {before}"))
            # Counted from now on, though its owner has yet to tell the service.
            return record.put_session(replace(current, cost=replace(current.cost, budget=command.budget_micros)))

        stored = setup.record.write(save)
        if not command.here:
            setup.spawn_worker()
        return Outcome(stored, notice=f"may cost ${cents(command.budget_micros)} now")

    def fall_back(self, command: FallBack) -> Outcome[Session]:
        """See ``FallBack``."""
        session = self.session(command.id)
        name = fallback_of(self._setup, session)
        if not name:
            raise Refused(f"{session.runtime} has no other runtime to fall back to")
        return self.start(
            StartSession(
                ticket=session.ticket,
                workflow=session.workflow,
                runtime=name,
                again=True,
                here=command.here,
                page=session.page,
            )
        )

    def resume(self, command: ResumeSession) -> Outcome[Session]:
        """See ``ResumeSession``."""
        setup, session = self._setup, self.session(command.id)
        if session.status is SessionStatus.FAILED and may_live(self._setup, session):
            again = replace(session, status=SessionStatus.RUNNING, stop_reason=None, ended_at=None)
            session = setup.record.write(lambda record: record.put_session(again))
        if session.status.is_over:
            return Outcome(session, notice=f"it is over ({session.status.value}); start another one")
        if not command.here:
            setup.spawn_worker()
        return Outcome(session)

    def stop_all(self, command: StopAllSessions) -> Outcome[int]:
        """See ``StopAllSessions``."""
        live = self._setup.record.sessions(statuses=LIVE_SESSIONS)
        for session in live:
            self.interrupt(InterruptSession(session.id))
        return Outcome(len(live))

    def fail(self, session_id: str, reason: str) -> Session:
        """Give a session up for a reason of the program's own."""
        return self._end(self.session(session_id), SessionStatus.FAILED, reason)

    # --- questions

    def session(self, session_id: str) -> Session:
        """Raises NotFound."""
        found = self._setup.record.session(session_id)
        if found is None:
            raise NotFound(f"{clean_line(session_id, limit=60)}: no such session; `opstui session list` shows them")
        return found

    def choices(self, question: SessionChoices) -> Choices:
        """See ``SessionChoices``."""
        return choices(self._setup, self.session(question.id))

    def lock(self, session_id: str) -> FileLock:
        """Who holds it owns the session."""
        return FileLock(self._setup.locks / f"session-{session_id}", "session")

    def unowned(self) -> list[Session]:
        """Sessions that somebody should be running and nobody does, oldest first.

        Those that stand still are among them while something is asked of them.
        """
        record = self._setup.record
        live = list(record.sessions(statuses=LIVE_SESSIONS))
        for wish in record.requests():
            asked = record.session(wish.session)
            if asked is not None and asked.status is SessionStatus.IDLE and asked not in live:
                live.append(asked)
        live.sort(key=lambda session: session.created_at)
        return [session for session in live if not self.lock(session.id).is_held()]

    def to_put_away(self) -> list[Session]:
        """Sessions elsewhere that their shift left behind."""
        from opstui.services.putting_away import to_put_away

        return to_put_away(self._setup)

    # --- running

    async def run(self, session_id: str, *, patience: float | None = None) -> Session:
        """Run a session until it is over or stands still, and record all of it.

        ``patience``: seconds without contact after which this gives up though the session goes on elsewhere. Raises
        Busy if somebody else runs it, and as the runtime.
        """
        from opstui.services.running import SessionRun

        lock = self._kept.pop(session_id, None) or self.lock(session_id)
        if not lock.take():
            raise Busy(f"session {session_id} is run by {lock.holder() or 'another process'}")
        over = False
        try:
            session = self.session(session_id)
            if not session.status.is_over:
                self._see_that_it_can_run(session)
                workflow = self._workflow(session.workflow)
                session = await SessionRun(
                    self._setup,
                    self._refresher,
                    self._drafting,
                    session,
                    workflow,
                    self._audit,
                    patience=patience,
                ).go()
            over = session.status.is_over
            return session
        finally:
            lock.release(for_good=over)

    async def put_away(self, session: Session) -> None:
        """Keep a session's log here, archive or delete it over there, and end it. Raises as the runtime."""
        from opstui.services.putting_away import put_away

        await put_away(self._setup, session, self.lock(session.id), self._end)

    # --- parts

    def _see_that_it_can_run(self, session: Session) -> None:
        """Give up what the config has no place for any more; once it has, ``resume`` goes on. Raises Refused."""
        if session.runtime not in self._setup.runtimes:
            what = f"runtime {session.runtime}"
        elif session.workflow not in self._setup.workflows:
            what = f"workflow {session.workflow}"
        else:
            return
        self._end(session, SessionStatus.FAILED, stops.NOT_CONFIGURED)
        raise Refused(f"the {what} is no longer configured; once it is again, the session can be resumed")

    def _keep(self, session_id: str) -> None:
        lock = self.lock(session_id)
        if lock.take():
            self._kept[session_id] = lock

    def _ticket(self, ref: TicketRef, workflow: Workflow) -> Ticket:
        """What a session is to be about; a shift's board for a workflow that hands a shift over. Raises UsageError."""
        if ref.system != BOARD_SYSTEM:
            return self._refresher.fresh_or_cached(ref)
        if not workflow.is_about_the_shift:
            raise UsageError(f"{ref} is the board of a shift; {workflow.title.casefold()} is written about a ticket")
        from opstui.services.board import board

        return board(self._setup, ref)

    def _page(self, named: str, workflow: Workflow) -> str:
        """The page that was named, as the index calls it. Raises UsageError, Refused."""
        if not named:
            return ""
        if not workflow.changes_a_page:
            raise UsageError(f"{workflow.id} changes no page; leave the page out")
        from opstui.services.page_proposals import wanted_page

        return wanted_page(self._setup.knowledge, named)

    def _existing(self, ticket: Ticket, workflow: Workflow, page: str) -> Session | None:
        record = self._setup.record
        for session in record.sessions(ticket=ticket.ref):
            if session.workflow != workflow.id or session.ticket_version != ticket.version or session.page != page:
                continue
            at_budget = session.status is SessionStatus.IDLE and session.stop_reason == stops.BUDGET_REACHED
            if session.status.is_live or at_budget:
                return session
            draft = record.draft(session.draft) if session.draft else None
            if draft is not None and draft.state in OPEN_DRAFTS:
                return session
            if session.document is not None and waits(record, session.id):
                return session
        return None

    def _runtime(self, name: str) -> AgentRuntime:
        found = self._setup.runtimes.get(name)
        if found is None:
            raise UsageError(f"{clean_line(name)}: no such runtime; there are: {', '.join(self._setup.runtimes)}")
        return found

    def _workflow(self, workflow_id: str) -> Workflow:
        found = self._setup.workflows.get(workflow_id)
        if found is None:
            raise UsageError(
                f"{clean_line(workflow_id)}: no such workflow; there are: {', '.join(self._setup.workflows)}"
            )
        return found

    def _request(self, session_id: str, kind: str, text: str) -> None:
        wish = self._wish(session_id, kind, text)
        self._setup.record.write(lambda record: record.add_request(wish))

    def _wish(self, session_id: str, kind: str, text: str) -> Request:
        setup = self._setup
        return Request(
            id=new_id(setup.clock, setup.randomness), session=session_id, kind=kind, text=text, at=setup.clock.now()
        )

    def _end(self, session: Session, status: SessionStatus, reason: str | None) -> Session:
        from opstui.services.ending import put_end
        from opstui.services.recording import Pending

        now, pending = self._setup.clock.now(), Pending([], [])
        return self._setup.record.write(
            lambda record: put_end(record, session, status, reason, pending, now, self._audit)
        )

    def _audit(self, session: Session, action: str, actor: str, detail: str | None = None) -> AuditEntry:
        return AuditEntry(
            at=self._setup.clock.now(),
            operator=session.operator,
            actor=actor,
            action=action,
            ticket=str(session.ticket),
            session=session.id,
            workflow_version=session.workflow_version,
            detail=detail,
        )
