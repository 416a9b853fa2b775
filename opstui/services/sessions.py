"""Sessions: started by an operator, run by whoever owns them, recorded before they are shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opstui.core.audit import AuditEntry
from opstui.core.canonical import canonical, fingerprint
from opstui.core.codec import encode
from opstui.core.desk import InterruptSession, MessageSession, Outcome, StartSession, StopAllSessions
from opstui.core.documents import Engine
from opstui.core.errors import BudgetReached, Busy, NotFound, OpstuiError, ReadOnly, Refused, UsageError
from opstui.core.ids import new_id
from opstui.core.money import cents
from opstui.core.ports import AgentSession, RecordWriter, Request, SessionBrief
from opstui.core.sessions import (
    Cost,
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    Session,
    SessionEvent,
    SessionStatus,
)
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Ticket
from opstui.core.workflows import Workflow
from opstui.services.drafting import Drafting
from opstui.services.ledger import Ledger, metered
from opstui.services.locks import FileLock
from opstui.services.recording import Recorder, session_event
from opstui.services.refresh import Refresher
from opstui.services.setup import Setup
from opstui.services.tickets import LIVE_SESSIONS, OPEN_DRAFTS
from opstui.services.tooldesk import ToolDesk

log = logging.getLogger("opstui.sessions")


class SessionService:
    """What an operator can do with sessions, and how one is run."""

    def __init__(self, setup: Setup, ledger: Ledger, refresher: Refresher, drafting: Drafting) -> None:
        self._setup = setup
        self._ledger = ledger
        self._refresher = refresher
        self._drafting = drafting

    # --- commands

    def start(self, command: StartSession) -> Outcome[Session]:
        """See ``StartSession``."""
        setup = self._setup
        if setup.read_only:
            raise ReadOnly("opened read-only: no session is started")
        workflow = self._workflow(command.workflow)
        policy = setup.policies.get(workflow.id)
        name = command.runtime or (policy.runtime if policy else "offline")
        runtime = setup.runtimes.get(name)
        if runtime is None:
            raise UsageError(f"{clean_line(name)}: no such runtime; there are: {', '.join(setup.runtimes)}")
        ticket = self._refresher.fresh_or_cached(command.ticket)
        if not command.again:
            existing = self._existing(ticket, workflow)
            if existing is not None:
                return Outcome(existing, notice=f"{workflow.title} of {ticket.ref} is there already")
        own = policy.budget_micros if policy and policy.budget_micros is not None else workflow.budget_micros
        budget = command.budget_micros if command.budget_micros is not None else own
        shift = self._ledger.shift()
        if runtime.kind != "extractive":
            self._reserve(budget)
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
            shift=shift.id,
            created_at=setup.clock.now(),
            cost=Cost(budget=budget),
        )

        def save(record: RecordWriter) -> Session:
            record.add_audit(self._audit(session, "session.start", "operator", detail=f"{workflow.id} on {name}"))
            return record.put_session(session)

        stored = setup.record.write(save)
        if not command.here:
            setup.spawn_worker()
        return Outcome(stored)

    def interrupt(self, command: InterruptSession) -> Outcome[Session]:
        """See ``InterruptSession``. A session that nobody runs is ended here and now."""
        setup, session = self._setup, self.session(command.id)
        if session.status.is_over:
            return Outcome(session, notice="it is over already")
        lock = self.lock(session.id)
        if lock.take():
            try:
                ended = self._end(session, SessionStatus.ENDED, "interrupted", [])
            finally:
                lock.release()
            return Outcome(ended)
        self._request(session.id, "interrupt", "")
        return Outcome(setup.record.session(session.id) or session, notice="interrupt sent")

    def message(self, command: MessageSession) -> Outcome[Session]:
        """See ``MessageSession``."""
        session = self.session(command.id)
        runtime = self._setup.runtimes.get(session.runtime)
        if session.status.is_over:
            raise Refused("the session is over: start a new one to ask again")
        if runtime is None or not runtime.takes_messages:
            raise Refused(f"{session.runtime} takes no messages: it works without a model")
        self._request(session.id, "message", str(clean(command.text, limit=20_000)))
        return Outcome(session, notice="message sent")

    def stop_all(self, command: StopAllSessions) -> Outcome[int]:
        """See ``StopAllSessions``."""
        live = self._setup.record.sessions(statuses=(*LIVE_SESSIONS, SessionStatus.IDLE))
        for session in live:
            self.interrupt(InterruptSession(session.id))
        return Outcome(len(live))

    def fail(self, session_id: str, reason: str) -> Session:
        """Give a session up for a reason of the program's own."""
        return self._end(self.session(session_id), SessionStatus.FAILED, reason, [])

    def session(self, session_id: str) -> Session:
        """Raises NotFound."""
        found = self._setup.record.session(session_id)
        if found is None:
            raise NotFound(f"{clean_line(session_id, limit=60)}: no such session; `opstui session list` shows them")
        return found

    def lock(self, session_id: str) -> FileLock:
        """Who holds it owns the session."""
        return FileLock(self._setup.locks / f"session-{session_id}", "session")

    def unowned(self) -> list[Session]:
        """Sessions that somebody should be running and nobody does, oldest first."""
        live = self._setup.record.sessions(statuses=LIVE_SESSIONS)
        return [session for session in reversed(live) if not self.lock(session.id).is_held()]

    # --- running

    async def run(self, session_id: str) -> Session:
        """Run a session to its end and record all of it. Raises Busy if somebody else does, and as the runtime."""
        lock = self.lock(session_id)
        if not lock.take():
            raise Busy(f"session {session_id} is run by {lock.holder() or 'another process'}")
        over = False
        try:
            session = self.session(session_id)
            if not session.status.is_over:
                session = await self._run(session)
            over = session.status.is_over
            return session
        finally:
            lock.release(for_good=over)

    async def _run(self, session: Session) -> Session:
        setup = self._setup
        workflow = self._workflow(session.workflow)
        runtime = setup.runtimes.get(session.runtime)
        recorder = Recorder(setup, session)
        try:
            if runtime is None:
                raise Refused(f"the runtime {session.runtime} is no longer configured")
            ticket = await asyncio.to_thread(self._refresher.fresh_or_cached, session.ticket)
            fresh = session.remote_id is None or runtime.kind == "extractive"
            session = replace(
                session,
                status=SessionStatus.STARTING,
                started_at=session.started_at or setup.clock.now(),
                # A session that starts over replaces its own events and ledger rows, so its sum starts over too.
                cost=Cost(budget=session.cost.budget) if fresh else session.cost,
            )
            recorder.add("session.started", "started", {})
            session = await recorder.save(session)
            await asyncio.to_thread(setup.knowledge.refresh)
            tools = ToolDesk(
                ticket=ticket,
                workflow=workflow,
                session_id=session.id,
                knowledge=setup.knowledge,
                cache=setup.cache,
                randomness=setup.randomness,
                operator=setup.operator,
                team=setup.team,
                now=setup.clock.now,
                engine=Engine(runtime.engine),
            )
            opened = await runtime.start(
                SessionBrief(
                    session_id=session.id,
                    workflow=workflow,
                    ticket=ticket.ref,
                    operator=session.operator,
                    operator_team=setup.team,
                    shift=session.shift,
                    budget_micros=session.cost.budget or 0,
                    started_at=session.started_at or setup.clock.now(),
                    remote_id=session.remote_id,
                )
            )
            session = await self._follow(session, opened, tools, recorder)
            return await asyncio.to_thread(self._finish, session, ticket, workflow, tools, recorder)
        except OpstuiError as error:
            recorder.add("error", "failed", {"text": str(error)})
            await asyncio.to_thread(self._end, session, SessionStatus.FAILED, type(error).__name__, recorder.take())
            raise
        finally:
            await recorder.close()

    async def _follow(self, session: Session, opened: AgentSession, tools: ToolDesk, recorder: Recorder) -> Session:
        if opened.remote_id is not None and opened.remote_id != session.remote_id:
            session = await recorder.save(replace(session, remote_id=opened.remote_id))
        errands = asyncio.create_task(self._errands(session.id, opened))
        try:
            async for event in opened.events():
                session = await self._take(session, event, opened, tools, recorder)
        finally:
            errands.cancel()
            await asyncio.gather(errands, return_exceptions=True)
            await opened.close()
        return session

    async def _take(
        self, session: Session, event: RuntimeEvent, opened: AgentSession, tools: ToolDesk, recorder: Recorder
    ) -> Session:
        match event:
            case RuntimeText(remote_id, text, partial):
                if not partial:
                    recorder.add("text", remote_id, {"text": str(clean(text))})
            case RuntimeToolCall(call, name, given):
                shown = {key: value for key, value in given.items() if key != "document"}
                recorder.add("tool.call", call, {"id": call, "name": name, "input": _shown(shown)})
                await recorder.flush()
                result = await asyncio.to_thread(tools.call, name, given)
                recorder.add("tool.result", f"{call}:result", {"id": call, "is_error": result.is_error})
                await opened.answer(call, result)
            case RuntimeUsage():
                session, row = metered(self._setup, session, event)
                recorder.add("usage", event.remote_id, {"cost": encode(session.cost)})
                recorder.ledger.append(row)
                session = await recorder.save(session)
            case RuntimeStatus(remote_id, status, reason):
                if status.is_over or status is SessionStatus.IDLE:
                    # The last word is written together with the document, in one commit.
                    return replace(session, status=status, stop_reason=reason)
                recorder.add("status", remote_id, {"status": status.value, "stop_reason": reason})
                session = await recorder.save(replace(session, status=status, stop_reason=reason))
            case RuntimeNotice(remote_id, text, error):
                recorder.add("error" if error else "notice", remote_id, {"text": str(clean(text))})
        return session

    async def _errands(self, session_id: str, opened: AgentSession) -> None:
        """Do what other processes ask of this session's owner."""
        record = self._setup.record
        while True:
            for request in await asyncio.to_thread(record.requests, session_id):
                if request.kind == "interrupt":
                    await opened.interrupt()
                elif request.kind == "message":
                    await opened.send(request.text)
                await asyncio.to_thread(record.write, _answered(request.id))
            await asyncio.sleep(0.1)

    def _finish(
        self, session: Session, ticket: Ticket, workflow: Workflow, tools: ToolDesk, recorder: Recorder
    ) -> Session:
        setup = self._setup
        document = tools.accepted
        if document is None:
            status = session.status if session.status.is_over else SessionStatus.ENDED
            return self._end(session, status, session.stop_reason or "no_document", recorder.take())
        body: Mapping[str, Any] = encode(document)
        draft, files = self._drafting.proposed(session, workflow, document, body, ticket)
        now = setup.clock.now()
        events = [
            *recorder.take(),
            session_event(session.id, "document", "document", now, {"document": body}),
            session_event(session.id, "draft", "draft", now, {"draft": draft.id}),
        ]

        def save(record: RecordWriter) -> Session:
            for content in files:
                record.put_file(content)
            record.put_draft(draft, expected_rev=None)
            record.add_audit(
                replace(
                    self._audit(session, "session.document", "agent"),
                    draft=draft.id,
                    documents=tuple(tools.retrieved),
                    content_hash=fingerprint(canonical(_without_floats(body))),
                    confidence=tools.confidence,
                )
            )
            return self._put_end(
                record,
                replace(session, document=body, draft=draft.id),
                SessionStatus.ENDED,
                session.stop_reason,
                events,
            )

        return setup.record.write(save)

    def _end(self, session: Session, status: SessionStatus, reason: str | None, events: list[SessionEvent]) -> Session:
        return self._setup.record.write(lambda record: self._put_end(record, session, status, reason, events))

    def _put_end(
        self,
        record: RecordWriter,
        session: Session,
        status: SessionStatus,
        reason: str | None,
        events: list[SessionEvent],
    ) -> Session:
        now = self._setup.clock.now()
        last = [
            session_event(session.id, "status", "ended:status", now, {"status": status.value, "stop_reason": reason}),
            session_event(session.id, "session.ended", "ended", now, {}),
        ]
        record.add_events([*events, *last])
        record.add_audit(self._audit(session, "session.end", "program", detail=f"{status.value}: {reason or 'done'}"))
        return record.put_session(replace(session, status=status, stop_reason=reason, ended_at=now))

    # --- parts

    def _existing(self, ticket: Ticket, workflow: Workflow) -> Session | None:
        record = self._setup.record
        for session in record.sessions(ticket=ticket.ref):
            if session.workflow != workflow.id or session.ticket_version != ticket.version:
                continue
            if session.status.is_live:
                return session
            draft = record.draft(session.draft) if session.draft else None
            if draft is not None and draft.state in OPEN_DRAFTS:
                return session
        return None

    def _reserve(self, budget: int) -> None:
        """Raises BudgetReached if the shift's budget does not cover this session beside those that run."""
        limit = self._setup.shift_budget
        if limit is None:
            return
        live = self._setup.record.sessions(statuses=LIVE_SESSIONS)
        open_budgets = sum(
            max(0, (session.cost.budget or 0) - session.cost.estimate)
            for session in live
            if session.runtime_kind != "extractive"
        )
        spent = self._ledger.spent(self._ledger.shift()) + open_budgets
        if spent + budget > limit:
            raise BudgetReached(
                f"${cents(spent)} of this shift's ${cents(limit)} are spent or reserved; ${cents(budget)} do not fit. "
                "Nothing was started: the offline runtime costs nothing",
                spent=spent,
                limit=limit,
            )

    def _workflow(self, workflow_id: str) -> Workflow:
        found = self._setup.workflows.get(workflow_id)
        if found is None:
            raise UsageError(
                f"{clean_line(workflow_id)}: no such workflow; there are: {', '.join(self._setup.workflows)}"
            )
        return found

    def _request(self, session_id: str, kind: str, text: str) -> None:
        setup = self._setup
        request = Request(
            id=new_id(setup.clock, setup.randomness), session=session_id, kind=kind, text=text, at=setup.clock.now()
        )
        setup.record.write(lambda record: record.add_request(request))

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


def _answered(request_id: str) -> Callable[[RecordWriter], None]:
    return lambda record: record.answer_request(request_id)


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's input as events show it: cleaned, and short."""
    return {
        str(clean_line(str(key))): clean_line(value, limit=400) if isinstance(value, str) else value
        for key, value in encode(given).items()
    }


def _without_floats(value: Any) -> Any:
    """Scores become strings: canonical JSON knows no floats."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_floats(item) for item in value]
    return value
