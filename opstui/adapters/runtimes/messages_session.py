"""One session whose loop runs here, as the session service sees it: events, answers, messages, and the ways to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.runtimes.messages_loop import End, Loop
from opstui.adapters.runtimes.messages_response import Manner
from opstui.adapters.runtimes.messages_talk import Talk
from opstui.core import stops
from opstui.core.errors import OpstuiError, Refused
from opstui.core.sessions import RuntimeEvent, RuntimeStatus, SessionStatus, ToolResult
from opstui.core.text import clean

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import SessionBrief

QUIET = 15.0
"""Seconds after which it is said that nothing is heard."""


class MessagesSession:
    """The conversation is on disk before anything of it is shown, so a killed session goes on from there.

    Running time is all of the time from the start to the end but for the waits after a failure: this machine holds
    the session, and a local server its model, also while a tool is asked. A response that broke midway counts with
    the usage that was told by then.
    """

    def __init__(
        self,
        *,
        brief: SessionBrief,
        talk: Talk,
        lost: bool,
        client: AsyncAnthropic,
        endpoint: Endpoint,
        manner: Manner,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.remote_id: str | None = f"messages-{brief.session_id}"
        self._talk = talk
        self._lost = lost
        self._client = client
        self._model = manner.model
        self._clock = clock
        self._queue: asyncio.Queue[RuntimeEvent | None] = asyncio.Queue()
        self._loop = Loop(
            talk,
            manner,
            client,
            endpoint,
            known=frozenset(tool.name for tool in brief.tools),
            patience=brief.patience,
            put=self._queue.put_nowait,
            clock=clock,
            randomness=randomness,
        )
        self._work: asyncio.Task[End] | None = None
        self._why: str | None = None
        """Of an interrupt that nothing has come of yet."""
        self._end: End | None = None
        self._quiet_for: float | None = None
        """How long the last silence that was said had lasted; None when something came since."""
        if brief.budget_micros > talk.budget:
            talk.stands = False
        talk.budget = brief.budget_micros

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        """See ``AgentSession.events``."""
        talk = self._talk
        for event in talk.events():
            yield event
        if self._lost:
            self._lost = False
            yield self._loop.notice("the conversation is not on this machine any more, so the agent starts over")
        while talk.over is None and (self._why is not None or not talk.stands):
            async with aclosing(self._stretch()) as stretch:
                async for event in stretch:
                    yield event
            if self._end is not None and not self._loop.has_more(self._end):
                self._settle(self._end)
        yield self._last_word()

    async def answer(self, call_id: str, result: ToolResult) -> None:
        """Kept at once; it goes out with the others. A second one is ignored. Raises StoreFull."""
        self._loop.answer(call_id, result)

    async def send(self, text: str) -> None:
        """Kept at once, and said when it is our turn. Raises Refused when it is over or stands at its budget."""
        if self._talk.over is not None:
            raise Refused("the session is over: start a new one to ask again")
        if self._talk.stands:
            raise Refused("the session stands at its budget: raise it first")
        self._talk.to_say.append(str(clean(text)))
        self._talk.save()

    async def raise_budget(self, budget_micros: int) -> None:
        """The meter holds it to the new budget; one that stands at the old one goes on. Raises Refused when over."""
        if self._talk.over is not None:
            raise Refused("the session is over: its budget plays no part any more")
        self._talk.budget = budget_micros
        self._talk.stands = False
        self._talk.save()
        if self._why == stops.BUDGET_REACHED:
            self._why = None

    async def interrupt(self, reason: str = stops.INTERRUPTED) -> None:
        """Stop at once. Of several reasons the first holds, but a person's before the meter's."""
        if self._why in (None, stops.BUDGET_REACHED):
            self._why = reason
        if self._work is not None:
            self._work.cancel()

    async def close(self) -> None:
        """Let go of the connection. The conversation stays, unless the session is over."""
        await self._drop_work()
        await self._client.close()

    async def _stretch(self) -> AsyncGenerator[RuntimeEvent, None]:
        """Run until something ends it; how is in ``_end``, None where that was taken back."""
        loop, self._end = self._loop, None
        loop.running.start()
        yield loop.status(SessionStatus.RUNNING)
        if self._why is not None:
            self._end = _stopped(self._why)
            return
        self._work = asyncio.create_task(loop.run())
        self._work.add_done_callback(lambda _: self._queue.put_nowait(None))
        error: OpstuiError | None = None
        try:
            while (event := await self._next()) is not None:
                yield event
            try:
                self._end = self._work.result()
            except asyncio.CancelledError:
                # A budget that was raised in the same moment takes the interrupt back, and on it goes.
                self._end = _stopped(self._why) if self._why is not None else None
            except OpstuiError as failed:
                error = failed
            ran = loop.ran()
            if ran is not None:
                yield ran
            if error is not None:
                raise error
        finally:
            loop.running.stop()
            await self._drop_work()

    async def _next(self) -> RuntimeEvent | None:
        """The next event, or a word after 15 seconds of silence, 30 more, 60 more; None at the end."""
        patience = QUIET if self._quiet_for is None else self._quiet_for * 2
        while True:
            try:
                event = await asyncio.wait_for(self._queue.get(), patience)
                self._quiet_for = None
                return event
            except TimeoutError:
                self._quiet_for = patience
                hearing = self._loop.hearing
                if hearing is not None:
                    quiet = round(self._clock.monotonic() - hearing.heard_at)
                    return self._loop.notice(f"nothing heard from {self._model} for {quiet} s; still listening")

    async def _drop_work(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait()

    def _settle(self, end: End) -> None:
        """Keep how it ended before it is told."""
        talk, self._why = self._talk, None
        if end.status is SessionStatus.IDLE:
            talk.stands = True
            talk.save()
        else:
            talk.end({"id": talk.next_id("status"), "reason": end.reason, "detail": end.detail})

    def _last_word(self) -> RuntimeStatus:
        over, now = self._talk.over, self._clock.now()
        if over is None:
            return self._loop.status(SessionStatus.IDLE, stops.BUDGET_REACHED)
        return RuntimeStatus(over["id"], SessionStatus.ENDED, over["reason"], at=now, detail=over["detail"])


def _stopped(why: str) -> End:
    return End(SessionStatus.IDLE if why == stops.BUDGET_REACHED else SessionStatus.ENDED, why)
