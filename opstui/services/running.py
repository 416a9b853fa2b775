"""Running one session: from a brief to a draft, everything on disk before it is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opstui.core import stops
from opstui.core.boards import BOARD_SYSTEM, shift_ref
from opstui.core.codec import encode, timestamp
from opstui.core.documents import Engine
from opstui.core.errors import NotRedacted, OpstuiError, Refused, StoreFull, Unreachable
from opstui.core.ports import AgentRuntime, AgentSession, RecordWriter, RemoteSessions, Request, SessionBrief
from opstui.core.sessions import (
    Cost,
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    Session,
    SessionStatus,
    ToolSpec,
)
from opstui.core.text import clean, clean_line
from opstui.services.ending import Audit, Ending, reason_of
from opstui.services.metering import Meter
from opstui.services.previews import PreviewSender
from opstui.services.recording import Recorder, answered_calls, shown_input
from opstui.services.similar import is_apart
from opstui.services.taxonomies import taxonomy_of
from opstui.services.tooldesk import ToolDesk

if TYPE_CHECKING:
    from opstui.core.tickets import Ticket
    from opstui.core.workflows import Workflow
    from opstui.services.drafting import Drafting
    from opstui.services.hiding import Hiding
    from opstui.services.refresh import Refresher
    from opstui.services.setup import Setup

log = logging.getLogger("opstui.sessions")

LOOK_SECONDS = 0.1
"""How long a wish of another process waits at most to be seen by the session's owner."""
PREVIEW_GONE = 0.5
"""Seconds that a preview stays after its whole text came: by then every screen has read the stored one."""


class SessionRun:
    """One run of a session by the process that owns it. Used once."""

    def __init__(
        self,
        setup: Setup,
        refresher: Refresher,
        drafting: Drafting,
        session: Session,
        workflow: Workflow,
        audit: Audit,
        *,
        patience: float | None,
    ) -> None:
        self.session = session
        self._setup = setup
        self._refresher = refresher
        self._workflow = workflow
        self._ending = Ending(setup, drafting, workflow, audit)
        self._patience = patience
        self._recorder = Recorder(setup, session)
        self._previews = PreviewSender(setup.previews, session.id, setup.clock.monotonic)
        self._answering: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None
        """What broke a part, and so the whole."""
        self._stopped_by_meter = False
        self._told: dict[str, int] = {}
        """How often each wait was told."""
        self._hiding: Hiding | None = None
        """None for the extractive runtime, which is on this machine."""

    async def go(self) -> Session:
        """Run it until it is over or stands still. Raises as ``AgentSession.events``; the row says so too."""
        try:
            return await self._go()
        except OpstuiError as error:
            if isinstance(error, StoreFull):
                # Whoever takes it up is told that again; what little room there is has to do for the end of it.
                self._recorder.take()
            # What is recorded names the exception's own sentence, which holds no secret by the house's rule.
            self._recorder.add("error", f"failed-{self.session.rev}", {"text": str(error)})
            await self._recorder.flush()
            if self._goes_on_elsewhere(error):
                await asyncio.to_thread(self._let_be)
            else:
                await self._ended(SessionStatus.FAILED, reason_of(error))
            raise
        finally:
            self._previews.close()
            await self._recorder.close()

    def _goes_on_elsewhere(self, error: OpstuiError) -> bool:
        """Whether the session itself lives on though this process lost it: then its row stays as it was."""
        runtime: object = self._setup.runtimes.get(self.session.runtime)
        return (
            isinstance(error, Unreachable)
            and self.session.remote_id is not None
            and isinstance(runtime, RemoteSessions)
        )

    async def _go(self) -> Session:
        setup, session = self._setup, self.session
        runtime = setup.runtimes.get(session.runtime)
        if runtime is None:
            raise Refused(f"the runtime {session.runtime} is no longer configured")
        ticket, board = await asyncio.to_thread(self._about)
        if board is not None and not self._recorder.knows("notice", "board"):
            told_of = {"text": f"the board of the shift is read: {board.title}", "board": board.version}
            self._recorder.add("notice", "board", told_of)
        here = runtime.kind == "extractive"
        fresh = here or session.remote_id is None
        maybe_started = session.status is SessionStatus.STARTING and not here
        told = [] if fresh else await asyncio.to_thread(self._recorder.remember)
        if fresh:
            self.session = session = replace(
                session,
                status=SessionStatus.STARTING,
                started_at=session.started_at or setup.clock.now(),
                # A session that starts over replaces its own events and ledger rows, so its sum starts over too.
                cost=Cost(budget=session.cost.budget) if here else session.cost,
            )
            self._recorder.add("session.started", "started", {})
        # It goes on: an end that was told before is not its end any more.
        await self._save(ended_at=None, stop_reason=None)
        session = self.session
        await asyncio.to_thread(setup.knowledge.refresh, due=True)
        if not here:
            self._hiding = await asyncio.to_thread(self._new_hiding)
        tools = ToolDesk(
            ticket=ticket,
            workflow=self._workflow,
            session_id=session.id,
            knowledge=setup.knowledge,
            cache=setup.cache,
            randomness=setup.randomness,
            operator=setup.operator,
            team=setup.team,
            now=setup.moment,
            engine=Engine(runtime.engine),
            taxonomy=await asyncio.to_thread(taxonomy_of, setup, self._workflow),
            hiding=self._hiding,
            board=board,
            is_apart=partial(is_apart, setup, ticket.ref),
            redactor=setup.redactor,
            page=session.page,
        )
        if told:
            await asyncio.to_thread(tools.replay, answered_calls(told))
        meter = await asyncio.to_thread(Meter, setup, session)
        # A price that is not known is said before money is spent.
        for number, warning in enumerate(await asyncio.to_thread(meter.warnings, session)):
            self._recorder.add("notice", f"price-{number}", {"text": warning})
        brief = await asyncio.to_thread(self._brief, runtime, ticket, tools, maybe_started)
        opened = await self._start(runtime, brief)
        if opened is None:
            return await self._ended(SessionStatus.ENDED, stops.INTERRUPTED)
        try:
            await self._follow(opened, tools, meter)
        finally:
            await opened.close()
        return await asyncio.to_thread(self._ending.finish, self.session, ticket, tools, self._recorder.take())

    async def _save(self, **changes: Any) -> None:
        """Change the session and commit it. Changed at once, so that of several parts none saves over another."""
        self.session = replace(self.session, **changes)
        stored = await self._recorder.save(self.session)
        self.session = replace(self.session, rev=stored.rev)

    def _about(self) -> tuple[Ticket, Ticket | None]:
        """What the session is about: its ticket, and for a handover that is written on another one the shift's board.

        A board is read once: the numbers of its entries are what the document cites, so they must not move.
        """
        session, setup = self.session, self._setup
        if not self._workflow.is_about_the_shift:
            return self._refresher.fresh_or_cached(session.ticket), None
        from opstui.services import board

        given = board.given_to(setup, session)
        if session.ticket.system == BOARD_SYSTEM:
            return given or board.board(setup, session.ticket), None
        ticket = self._refresher.fresh_or_cached(session.ticket)
        if given is None:
            made = given = board.board(setup, shift_ref(session.shift))
            setup.record.write(lambda record: board.keep(record, made))
        return ticket, given

    def _new_hiding(self) -> Hiding:
        from opstui.services.hiding import Hiding

        return Hiding(self._setup.redactor, self._setup.hiding_key(self.session.id))

    def _brief(self, runtime: AgentRuntime, ticket: Ticket, tools: ToolDesk, maybe_started: bool) -> SessionBrief:
        setup, session = self._setup, self.session
        message: str = ""
        specs: tuple[ToolSpec, ...] = ()
        if runtime.kind != "extractive":
            from opstui.services import briefing

            read = tools.call("get_ticket", {})
            if read.is_error:
                raise NotRedacted(read.text)
            page = briefing.page_line(session.page, setup.knowledge)
            message = briefing.opening(self._workflow, read.text, page=page)
            specs = briefing.specs(self._workflow, tools.taxonomy)
        return SessionBrief(
            session_id=session.id,
            workflow=self._workflow,
            ticket=ticket.ref,
            operator=session.operator,
            operator_team=setup.team,
            taxonomy=tools.taxonomy,
            shift=session.shift,
            budget_micros=session.cost.budget or 0,
            started_at=session.started_at or setup.clock.now(),
            remote_id=session.remote_id,
            maybe_started=maybe_started,
            message=message,
            tools=specs,
            counted={row.key.removeprefix(f"{session.id}:"): row.usage for row in setup.record.usage_of(session.id)},
            patience=self._patience,
            page=session.page,
        )

    async def _start(self, runtime: AgentRuntime, brief: SessionBrief) -> AgentSession | None:
        """The session, opened; None where it was interrupted before there was one."""
        stopping = asyncio.Event()
        brief = replace(brief, tell=self._tell, stopping=stopping)
        starting = asyncio.ensure_future(runtime.start(brief))
        try:
            while not (await asyncio.wait({starting}, timeout=LOOK_SECONDS))[0]:
                wishes = await asyncio.to_thread(self._setup.record.requests, self.session.id)
                if any(wish.kind == "interrupt" for wish in wishes):
                    stopping.set()
            return starting.result()
        except Refused:
            if not stopping.is_set():
                raise
            await asyncio.to_thread(self._setup.record.write, self._answer_all)
            return None
        finally:
            starting.cancel()

    def _answer_all(self, record: RecordWriter) -> None:
        for wish in record.requests(self.session.id):
            record.answer_request(wish.id)

    def _tell(self, notice: RuntimeNotice) -> None:
        """A notice; one that is told again, with less time left, is told as another one."""
        kind, name = "error" if notice.error else "notice", notice.remote_id
        ends = {}
        if notice.until is not None:
            self._told[name] = self._told.get(name, 0) + 1
            name, ends = f"{name}.{self._told[name]}", {"until": timestamp(notice.until)}
        elif self._recorder.knows(kind, name):
            return
        self._recorder.add(kind, name, {"text": str(clean(notice.text)), **ends}, notice.at)

    # --- while it runs

    async def _follow(self, opened: AgentSession, tools: ToolDesk, meter: Meter) -> None:
        if opened.remote_id is not None and opened.remote_id != self.session.remote_id:
            await self._save(remote_id=opened.remote_id)
        # What was asked of it while nobody ran it comes first, or a session that is idle would end as idle again.
        for request in await asyncio.to_thread(self._setup.record.requests, self.session.id):
            await self._carry_out(request, opened)
        errands = asyncio.create_task(self._errands(opened, meter))
        watch = self._recorder.watch = self._watch(asyncio.current_task())
        errands.add_done_callback(watch)
        try:
            async for event in opened.events():
                self._take(event, opened, tools, meter)
        except asyncio.CancelledError:
            broken = self._broken
            if broken is not None:
                raise broken from None
            raise
        finally:
            self._recorder.watch = None
            errands.cancel()
            for task in self._answering:
                task.cancel()
            await asyncio.gather(errands, *self._answering, return_exceptions=True)

    def _watch(self, main: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
        """A part that breaks breaks the whole: a session that waits for it would wait for ever."""

        def done(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None and self._broken is None and main is not None:
                self._broken = error
                main.cancel()

        return done

    def _take(self, event: RuntimeEvent, opened: AgentSession, tools: ToolDesk, meter: Meter) -> None:
        recorder = self._recorder
        match event:
            case RuntimeText(remote_id, text, partial, at):
                if partial:
                    self._previews.show(f"text:{remote_id}", text)
                elif not recorder.knows("text", remote_id):
                    recorder.add("text", remote_id, {"text": str(clean(text))}, at)
                    asyncio.get_running_loop().call_later(PREVIEW_GONE, self._previews.show, f"text:{remote_id}", "")
            case RuntimeToolCall():
                task = asyncio.create_task(self._answer(event, opened, tools))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
                task.add_done_callback(self._watch(asyncio.current_task()))
            case RuntimeUsage(remote_id, _, _, at):
                self.session, row = meter.take(self.session, event)
                if row is not None:
                    recorder.add("usage", remote_id, {"cost": encode(self.session.cost)}, at)
                    recorder.usage(row)
                    for warning in meter.warnings(self.session):
                        recorder.add("notice", f"{remote_id}:{warning[:24]}", {"text": warning})
                    recorder.later(self.session)
                    if self._is_for_the_meter(meter):
                        # At once: a quick tool's answer would be off to the model before anybody looks again.
                        stopping = asyncio.create_task(self._stop_at_budget(opened))
                        self._answering.add(stopping)
                        stopping.add_done_callback(self._answering.discard)
            case RuntimeStatus():
                self._take_status(event, meter)
            case RuntimeNotice():
                self._tell(event)

    def _take_status(self, event: RuntimeStatus, meter: Meter) -> None:
        recorder, status = self._recorder, event.status
        stands = status.is_over or status is SessionStatus.IDLE
        known = recorder.knows("status", event.remote_id)
        session = meter.status(self.session, event, self._setup.clock.now())
        self.session = replace(session, status=status, stop_reason=event.stop_reason)
        if event.detail and not known:
            recorder.add("notice", f"{event.remote_id}:detail", {"text": str(clean_line(event.detail))}, event.at)
        if stands or known:
            # The last word is written together with the document, in one commit; history is written already.
            return
        data = {"status": status.value, "stop_reason": event.stop_reason}
        recorder.add("status", event.remote_id, data, event.at)
        recorder.later(self.session)

    async def _answer(self, call: RuntimeToolCall, opened: AgentSession, tools: ToolDesk) -> None:
        recorder = self._recorder
        shown = {key: value for key, value in call.input.items() if key != "document"}
        recorder.add("tool.call", call.id, {"id": call.id, "name": call.name, "input": shown_input(shown)}, call.at)
        await recorder.flush()
        before = tools.accepted
        result = await asyncio.to_thread(tools.call, call.name, call.input)
        recorder.add("tool.result", f"{call.id}:result", {"id": call.id, "is_error": result.is_error})
        if tools.accepted is not None and tools.accepted is not before:
            # Kept before the agent hears of it: from then on it would not hand it in again.
            await self._save(document=encode(tools.accepted))
        # On disk before it is delivered: an answered call is never told again, and a resumed session has to know it.
        if self._hiding is not None:
            await recorder.flush()
        try:
            await opened.answer(call.id, result)
        except OpstuiError as error:
            recorder.add("notice", f"{call.id}:unanswered", {"text": f"{call.name} could not be answered: {error}"})

    async def _errands(self, opened: AgentSession, meter: Meter) -> None:
        """Do what other processes ask of this session's owner, and stop it at its budget where nobody else does."""
        record = self._setup.record
        while True:
            for request in await asyncio.to_thread(record.requests, self.session.id):
                await self._carry_out(request, opened)
            if self._is_for_the_meter(meter):
                await self._stop_at_budget(opened)
            await asyncio.sleep(LOOK_SECONDS)

    def _is_for_the_meter(self, meter: Meter) -> bool:
        """Whether it is at its budget, and nobody but the meter stops it there."""
        by_meter = self.session.runtime_kind == "messages" and not self._stopped_by_meter
        return by_meter and meter.over(self.session, self._setup.clock.now())

    async def _stop_at_budget(self, opened: AgentSession) -> None:
        self._stopped_by_meter = True
        await opened.interrupt(stops.BUDGET_REACHED)

    def _hidden(self, text: str) -> str:
        return text if self._hiding is None else self._hiding.hide_words(text, {}, scan=True)

    async def _carry_out(self, request: Request, opened: AgentSession) -> None:
        words = {"interrupt": "the interrupt", "message": "the message", "budget": "the new budget"}
        try:
            if request.kind == "interrupt":
                await opened.interrupt()
            elif request.kind == "message":
                # What the operator types goes the way of everything else: hidden where it holds something.
                text = await asyncio.to_thread(self._hidden, request.text)
                await opened.send(text)
                self._recorder.add("notice", f"message-{request.id}", {"text": f"you: {clean(text)}"})
            elif request.kind == "budget":
                amount = int(request.text.split()[0])
                await opened.raise_budget(amount)
                self._stopped_by_meter = False
                await self._save(cost=replace(self.session.cost, budget=amount))
        except OpstuiError as error:
            said = f"{words.get(request.kind, request.kind)} was not delivered: {error}"
            if request.kind == "budget":
                # The row had it already, so that nobody else gets the money.
                await self._save(cost=replace(self.session.cost, budget=int(request.text.split()[-1])))
            elif request.kind == "message":
                said += f". You wrote: {clean(await asyncio.to_thread(self._hidden, request.text))}"
            self._recorder.add("error", f"request-{request.id}", {"text": said})
        await asyncio.to_thread(self._setup.record.write, lambda record: record.answer_request(request.id))

    # --- the end of it, or of this stretch

    async def _ended(self, status: SessionStatus, reason: str) -> Session:
        return await asyncio.to_thread(self._ending.end, self.session, status, reason, self._recorder.take())

    def _let_be(self) -> None:
        """Nobody here follows it any more; it goes on over there, and the next process takes it up."""
        running = replace(self.session.cost, running_since=None)
        session = replace(self.session, cost=running)
        if session.status is SessionStatus.IDLE:
            session = replace(session, status=SessionStatus.RUNNING)
        self._setup.record.write(lambda record: record.put_session(session))
