"""Who acts in a session: turn after turn, a script first if there is one; and what each step of a script does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from opstui.rehearsal import steps as s
from opstui.rehearsal.clock import stamp
from opstui.rehearsal.http import frame
from opstui.rehearsal.prices import Tokens
from opstui.rehearsal.session import Session
from opstui.rehearsal.stage import Stage, delta

log = logging.getLogger("opstui.rehearsal")

Turn = Callable[[Stage], Awaitable[None]]
"""What the agent does with the messages that are queued, to the idle at its end."""


class Performance:
    """The acting in one session. A turn begins when there is something to act on and none is under way."""

    def __init__(self, session: Session, turn: Turn, script: Sequence[s.Step] | None = None) -> None:
        self.session = session
        self.stage = Stage(session)
        self._turn = turn
        self._script = script
        self._playing: Script | None = None
        self._task: asyncio.Task[None] | None = None
        self._interrupted = False

    @property
    def is_acting(self) -> bool:
        """Whether a turn is under way, be it waiting for an answer."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Something was queued."""
        if not self.is_acting and self.session.inbox:
            self._interrupted = False
            self._task = asyncio.get_running_loop().create_task(self._turns())
            self._task.add_done_callback(self._ended)

    def interrupt(self) -> None:
        """End the turn that is under way, wherever it stands."""
        if self.is_acting and not (self._playing and self._playing.awaits_interrupt):
            self._interrupted = True
            if self._task is not None:
                self._task.cancel()

    def stop(self) -> None:
        """No more acting at all."""
        if self._task is not None:
            self._task.cancel()

    async def play(self, steps: Sequence[s.Step]) -> None:
        """Steps out of turn, beside whatever is under way."""
        await Script(self.stage, steps).play()

    async def _turns(self) -> None:
        session = self.session
        while session.inbox and session.status != "terminated" and not session.deleted:
            try:
                if self._script is not None:
                    self._playing = Script(self.stage, self._script)
                    self._script = None
                    session.take_messages()
                    await self._playing.play()
                else:
                    await self._turn(self.stage)
            except asyncio.CancelledError:
                if not self._interrupted:
                    raise
                self._settle()
            finally:
                self._playing = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A turn that broke (a step's own function, a rule) ends its session, so that nobody waits for it."""
        broken = None if task.cancelled() else task.exception()
        if broken is not None:
            log.error("session %s broke", self.session.id, exc_info=broken)
            self.stage.break_off()
            error = {"type": "unknown_error", "message": "The rehearsal broke.", "retry_status": {"type": "terminal"}}
            self.session.emit({"type": "session.error", "error": error})
            self.session.terminate()

    def _settle(self) -> None:
        """What the service tells after an interrupt: open things are closed, the turn has ended."""
        self._interrupted = False
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self.stage.break_off()
        self.session.pending.clear()
        if self.session.status not in ("terminated",) and not self.session.deleted:
            self.session.idle({"type": "end_turn"})


class Script:
    """Steps being played."""

    def __init__(self, stage: Stage, steps: Sequence[s.Step]) -> None:
        self.awaits_interrupt = False
        self._stage = stage
        self._session = stage.session
        self._steps = steps
        self._seen = len(stage.session.received)

    async def play(self) -> None:
        """All steps, one after the other."""
        for step in self._steps:
            await self._do(step)

    async def _do(self, step: s.Step) -> None:
        session = self._session
        match step:
            case s.Emit(event, keep, live, without):
                session.emit(event, keep=keep, live=live, without=without)
            case s.Say():
                await self._stage.say(step)
            case s.Think():
                await self._think(step)
            case s.Call(calls, wait):
                self._stage.call(calls)
                if wait:
                    await self._stage.answers()
            case s.Await():
                await self._stage.answers()
            case s.Evaluate():
                self._stage.evaluate(step)
            case s.WaitFor(kind, count):
                await self._wait_for(kind, count)
            case s.Sleep(seconds):
                await asyncio.sleep(seconds)
            case s.Flood():
                await self._flood(step)
            case s.Drip():
                await self._drip(step)
            case s.Burst(messages, text):
                self._stage.ensure_running()
                for number in range(messages):
                    content = [{"type": "text", "text": f"{text} {number + 1}"}]
                    session.emit({"type": "agent.message", "content": content})
            case _:
                if not self._change(step):
                    self._spoil(step)

    def _change(self, step: s.Step) -> bool:
        """Steps that change what the session is; whether this is one."""
        session = self._session
        match step:
            case s.Running():
                session.running()
            case s.ReportUsage(cents, absent):
                if absent:
                    session.cost_told = False
                usage = session.usage()
                if cents is not None:
                    usage["list_cost"] = {"amount": str(cents), "currency": "USD"}
                session.emit({"type": "session.usage", "usage": usage, "budget": session.told_budget()})
            case s.Idle():
                self._idle(step)
            case s.Fail(kind, status, message, more):
                error = {"type": kind, "message": message, "retry_status": {"type": status}, **more}
                session.emit({"type": "session.error", "error": error})
                if status == "exhausted":
                    session.inbox.clear()
            case s.Reschedule():
                session.rescheduled()
            case s.Terminate():
                session.terminate()
            case s.Delete():
                session.delete()
            case s.AnswerElsewhere(text):
                for call in list(session.pending):
                    content = [{"type": "text", "text": text}]
                    event = {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": content}
                    session.answers[call] = session.emit(event)
                    session.pending.pop(call)
                session.stir()
            case s.Pass(seconds):
                session.ahead += timedelta(seconds=seconds)
            case s.Skew(seconds):
                session.skew = timedelta(seconds=seconds)
            case s.Do(action):
                action()
            case _:
                return False
        return True

    def _spoil(self, step: s.Step) -> None:
        """Steps that harm what goes over the wire."""
        session = self._session
        match step:
            case s.Raw(data):
                session.send(data)
            case s.Cut(event, reset):
                if event is not None:
                    whole = self._unheard(event)
                    session.send(whole[: len(whole) // 2])
                for stream in self._leaving():
                    stream.cut(reset=reset)
            case s.Eof(event):
                if event is not None:
                    session.send(self._unheard(event).removesuffix(b"\n"))
                for stream in self._leaving():
                    stream.finish()
            case s.Silence():
                for stream in self._leaving():
                    stream.silent = True
            case s.ErrorFrame(kind, message, ends):
                session.send(frame("error", {"type": "error", "error": {"type": kind, "message": message}}))
                if ends:
                    for stream in self._leaving():
                        stream.finish()
            case s.DataOnly(event):
                session.send(self._unheard(event).partition(b"\n")[2])
            case s.Again(count):
                for event in session.events[-count:]:
                    session.emit(event, keep=False)
            case s.Swapped(events):
                now = session.now()
                for back, event in enumerate(events):
                    session.emit({"processed_at": stamp(now - timedelta(seconds=back)), **event})
            case s.Ping(comment):
                session.send(b": still here\n\n" if comment else frame("ping", {"type": "ping"}))

    async def _think(self, step: s.Think) -> None:
        async def within() -> None:
            for inner in step.within:
                await self._do(inner)

        tokens = Tokens(
            input=step.input,
            output=step.output,
            read=step.read,
            write=step.write,
            write_long=step.write_long,
            searches=step.searches,
        )
        await self._stage.think(
            tokens,
            within,
            seconds=step.seconds,
            thinking=step.thinking and step.span,
            span=step.span,
            is_error=step.is_error,
            model=step.model,
        )

    def _idle(self, step: s.Idle) -> None:
        session = self._session
        reason: dict[str, Any] = {"type": step.reason} if isinstance(step.reason, str) else dict(step.reason)
        if reason["type"] == "requires_action":
            reason.setdefault("event_ids", list(session.pending))
        if step.lag is not None:
            session.status_lag, lag = step.lag, session.status_lag
            session.idle(reason, details=step.details, usage=step.usage)
            session.status_lag = lag
        else:
            session.idle(reason, details=step.details, usage=step.usage)

    async def _wait_for(self, kind: str, count: int) -> None:
        session = self._session
        if kind in ("stream", "list"):
            while (session.streams_opened if kind == "stream" else session.listings) < count:
                await session.moved()
            return
        self.awaits_interrupt = kind == "user.interrupt"
        left = count
        while True:
            while self._seen < len(session.received):
                event = session.received[self._seen]
                self._seen += 1
                left -= event["type"] == kind
                if left == 0:
                    break
            if left == 0:
                break
            await session.moved()
        self.awaits_interrupt = False
        if kind in ("user.message", "user.define_outcome"):
            session.take_messages()

    async def _flood(self, step: s.Flood) -> None:
        self._stage.ensure_running()
        session = self._session
        event_id = session.new_id()
        session.emit({"type": "event_start", "event": {"type": "agent.message", "id": event_id}})
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(step.deltas):
            session.emit(delta(event_id, step.piece))
            if step.per_second and number % 50 == 49:
                await asyncio.sleep(max(0.0, started + (number + 1) / step.per_second - loop.time()))
            elif number % 200 == 199:
                await asyncio.sleep(0)
        content = [{"type": "text", "text": step.piece * step.deltas}]
        session.emit({"type": "agent.message", "id": event_id, "content": content})

    async def _drip(self, step: s.Drip) -> None:
        data = self._unheard(step.event)
        for at in range(0, len(data), step.size):
            self._session.send(data[at : at + step.size])
            await asyncio.sleep(step.pause)

    def _unheard(self, event: Mapping[str, Any]) -> bytes:
        """The frame of an event that only the history gets; what streams get of it is the step's own business."""
        told = self._session.emit(event, live=False)
        return frame(str(told.get("type", "message")), told)

    def _leaving(self) -> list[Any]:
        """The open streams, which hear nothing of what follows."""
        streams, self._session.streams = self._session.streams, []
        return streams
