"""One session on the managed service, followed from here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opstui.adapters.runtimes.managed_delivery import Delivery, raise_budget
from opstui.adapters.runtimes.managed_events import TOLD_OF, Telling
from opstui.adapters.runtimes.managed_fields import event_id, hash_of, kind_of, text_of
from opstui.adapters.runtimes.managed_stream import Feed
from opstui.adapters.runtimes.managed_wire import Pace, Trying, Wire, insist, make_once
from opstui.core import stops
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.sessions import RuntimeEvent, RuntimeNotice, RuntimeStatus, RuntimeUsage, SessionStatus, ToolResult

if TYPE_CHECKING:
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import SessionBrief

ANSWER_TRIES = 3
"""How often an answer is sent that the service refuses though it waits for it."""


class ManagedSession:
    """See ``AgentSession``. All that is known of the session is in what it told; this asks, waits and delivers."""

    def __init__(
        self,
        wire: Wire,
        remote_id: str,
        brief: SessionBrief,
        *,
        clock: Clock,
        randomness: Randomness,
        pace: Pace,
    ) -> None:
        self.remote_id: str | None = remote_id
        self._id = remote_id
        self._wire = wire
        self._patience = brief.patience
        self._clock = clock
        self._randomness = randomness
        self._pace = pace
        self._prefix = f"here-{randomness.bytes(4).hex()}"
        self._notices = 0
        self._telling = Telling(brief.counted)
        self._out: deque[RuntimeEvent] = deque()
        self._news = asyncio.Event()
        self._feed: Feed | None = None
        self._caught_up = False
        self._error: OpstuiError | None = None
        self._delivered: set[str] = set()
        self._sending = asyncio.Lock()
        self._under_way = 0
        self._raised_at: datetime | None = None
        """When its budget was last raised."""
        self._delivery = Delivery(
            wire, remote_id, clock=clock, randomness=randomness, tell=self.notice, name=self._name
        )
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what happens

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        """See ``AgentSession.events``. May be asked again after it ended; then it tells what is new."""
        telling, out = self._telling, self._out
        self._caught_up = False
        self._error = None
        if telling.state == "over" and telling.end is not None and not out:
            yield telling.end
            return
        feed = self._feed = Feed(
            self._wire,
            self._id,
            self,
            pace=self._pace,
            clock=self._clock,
            randomness=self._randomness,
            patience=self._patience,
            prefix=self._prefix,
        )
        feed.start()
        try:
            while not self._closed:
                self._news.clear()
                while out:
                    yield out.popleft()
                for preview in telling.previews.due(self._clock.monotonic()):
                    yield preview
                if out:
                    continue
                end = self._ending()
                if end is not None:
                    for step in await self._last_figures(end):
                        yield step
                    yield end
                    return
                if self._error is not None:
                    raise self._error
                await self._until_news()
        finally:
            self._feed = None
            await feed.stop()
            # A session that stands still may do so for hours; what is sent to it then opens a connection of its own.
            await self._wire.rest()

    async def _until_news(self) -> None:
        due = self._telling.previews.next_due()
        if due is None:
            await self._news.wait()
            return
        try:
            await asyncio.wait_for(self._news.wait(), max(0.001, due - self._clock.monotonic()))
        except TimeoutError:
            return

    async def _last_figures(self, end: RuntimeStatus) -> list[RuntimeUsage]:
        """What the session cost, asked for where the service let it stand still without telling."""
        tally = self._telling.tally
        if tally.is_settled or self._telling.state == "over":
            return []
        try:
            async with asyncio.timeout(self._pace.glance):
                raw = await self._wire.session(self._id)
        except (OpstuiError, TimeoutError):
            return []  # it stays an estimate, and is shown as one
        return tally.asked(f"{end.remote_id}:asked", raw, end.at)

    def _ending(self) -> RuntimeStatus | None:
        """The status that :meth:`events` ends with; None while there is something to wait for."""
        telling = self._telling
        end = telling.end
        if end is None or telling.state == "over":
            return end
        if not self._caught_up:
            return None
        if self._under_way or telling.queued or self._is_to_go_on(end):
            self._out.extend(telling.stand_by())
            if self._out:
                self._news.set()
            return None
        return end

    def _is_to_go_on(self, end: RuntimeStatus) -> bool:
        """Whether the budget that it stands at was raised since."""
        if self._raised_at is None or end.stop_reason != stops.BUDGET_REACHED:
            return False
        return end.at is None or end.at <= self._raised_at

    # --- what the feed tells

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""
        return self._telling.state == "over" or self._error is not None

    @property
    def expects(self) -> bool:
        """Whether an event should come: not while tools are at work here, or a session stands still."""
        telling = self._telling
        if telling.unseen:
            return True
        if telling.state == "waiting":
            return not telling.open
        if telling.state == "idle":
            return self._caught_up
        return True

    def take(self, raw: Mapping[str, Any]) -> bool:
        """An event of the stream."""
        kind = kind_of(raw)
        if kind == "event_delta":
            if self._telling.previews.delta(raw):
                self._news.set()
            return True
        before = self._telling.known
        told = self._telling.take(raw)
        self._tell(told)
        # What is not understood is a sign of life too.
        return bool(told) or self._telling.known > before or kind not in TOLD_OF

    def history(self, events: Sequence[Mapping[str, Any]]) -> bool:
        """All events so far."""
        before = self._telling.known
        self._tell(self._telling.history(events))
        self._caught_up = True
        self._news.set()
        return self._telling.known > before

    def notice(self, notice: RuntimeNotice) -> None:
        """Something a person should read."""
        self._tell([notice])

    def broken(self) -> None:
        """Previews are not taken up by the next stream."""
        self._tell(self._telling.previews.clear())

    def gone(self) -> None:
        """The service does not know the session any more."""
        self._tell(self._telling.gone())
        self._news.set()

    def settled(self) -> None:
        """It stands still over there, and nothing told so."""
        telling = self._telling
        telling.queued.clear()
        telling.unseen.clear()
        self._raised_at = None
        if telling.end is None:
            self._tell(telling.previews.clear())
            telling.state = "idle"
            self._notices += 1
            word = telling.reason if telling.was_interrupted else stops.END_TURN
            telling.end = RuntimeStatus(f"{self._prefix}-idle-{self._notices}", SessionStatus.IDLE, word)
        self._news.set()

    def failed(self, error: OpstuiError) -> None:
        """It can't go on."""
        self._error = error
        self._news.set()

    def _tell(self, events: Sequence[RuntimeEvent]) -> None:
        if events:
            self._out.extend(events)
            self._news.set()
        telling = self._telling
        if telling.end is not None:
            self._news.set()
        while telling.forbidden:
            call = telling.forbidden.pop()
            task = asyncio.create_task(self._deny(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # --- what is sent

    async def answer(self, call_id: str, result: ToolResult) -> None:
        """See ``AgentSession.answer``. Tried until it is delivered; a second one does no harm over there either."""
        telling = self._telling
        if call_id in self._delivered or self._closed or telling.state == "over":
            return
        self._delivered.add(call_id)
        remote = telling.open.get(call_id)
        if remote is None:
            # Answered by somebody else, or the turn was interrupted: nobody waits for it any more.
            return
        event = {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": remote,
            "content": [{"type": "text", "text": result.text}],
            "is_error": result.is_error,
        }
        try:
            for left in reversed(range(ANSWER_TRIES)):
                try:
                    await self._delivery.post([event], "the answer to the agent", self._patience)
                    break
                except CredentialsRefused:
                    raise
                except Refused as error:
                    if not await self._is_wanted(call_id):
                        # Somebody else answered, or the turn was interrupted (managed-agents.md 7.3, 28).
                        self.notice(RuntimeNotice(f"{call_id}:late", f"an answer came too late: {error.message}"))
                        break
                    if not left:
                        raise
                    await asyncio.sleep(self._pace.once_more / 5)
            telling.answered(call_id)
        except NotFound:
            self._look_again()
        except Refused as error:
            self.failed(error)
            raise

    async def _is_wanted(self, call_id: str) -> bool:
        """Whether the service still waits for the answer to a call, as its history says."""
        there = Telling()
        there.history(await insist(lambda: self._wire.history(self._id), self._trying()))
        return call_id in there.open

    async def send(self, text: str) -> None:
        """See ``AgentSession.send``."""
        telling = self._telling
        if telling.state == "over":
            raise Refused("the session is over and takes no more messages")
        end = telling.end
        if end is not None and end.stop_reason == stops.BUDGET_REACHED and not self._is_to_go_on(end):
            raise Refused("the session stands at its budget and takes no messages: raise the budget first")
        self._under_way += 1
        try:
            async with self._sending:
                await self._send_once(text)
        finally:
            self._under_way -= 1
            self._news.set()

    async def _send_once(self, text: str) -> None:
        trying = self._trying()
        mark = hash_of(text)
        if not self._caught_up:
            await insist(self._learn_messages, trying)
        before = set(self._telling.messages)
        event = {"type": "user.message", "content": [{"type": "text", "text": text}]}

        async def post() -> Mapping[str, Any]:
            echoes = await self._wire.send(self._id, [event])
            return echoes[0] if echoes else {"type": "user.message", **event, "processed_at": None}

        async def find() -> Mapping[str, Any] | None:
            sent = await self._wire.messages(self._id)
            return next(
                (raw for raw in sent if event_id(raw) not in before and hash_of(text_of(raw.get("content"))) == mark),
                None,
            )

        self._telling.reason = stops.INTERRUPTED
        try:
            raw = await make_once(post, find, trying)
        except NotFound:
            self._look_again()
            raise
        if raw.get("id"):
            self._telling.sent(raw)

    async def _learn_messages(self) -> None:
        for raw in await self._wire.messages(self._id):
            self._telling.messages.setdefault(event_id(raw), hash_of(text_of(raw.get("content"))))

    async def interrupt(self, reason: str = "interrupted") -> None:
        """See ``AgentSession.interrupt``."""
        telling = self._telling
        if telling.state == "over" or self._closed:
            return
        if self._caught_up and telling.end is not None and not telling.queued and not self._under_way:
            return
        telling.reason, telling.was_interrupted = reason, True
        self._wake()
        try:
            await self._delivery.post([{"type": "user.interrupt"}], "the interrupt", self._pace.start)
        except NotFound:
            self._look_again()
        except CredentialsRefused:
            raise
        except Refused:
            # There is nothing to interrupt.
            self._look_again()

    async def raise_budget(self, budget_micros: int) -> None:
        """See ``AgentSession.raise_budget``."""
        raised = await raise_budget(self._wire, self._id, budget_micros, self._trying())
        self._raised_at = raised or self._clock.now()

    async def close(self) -> None:
        """See ``AgentSession.close``."""
        self._closed = True
        self._news.set()
        self._delivery.close()
        if self._feed is not None:
            await self._feed.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wire.close()

    # --- delivering

    async def _deny(self, call: str) -> None:
        event = {
            "type": "user.tool_confirmation",
            "tool_use_id": call,
            "result": "deny",
            "deny_message": "Only the tools that were announced may be used.",
        }
        try:
            await self._delivery.post([event], "a refusal", self._patience)
        except OpstuiError as error:
            self.notice(RuntimeNotice(f"{self._prefix}-deny-{call[-24:]}", error.message, error=True))

    def _trying(self) -> Trying:
        return Trying(self._clock, self._randomness, self._pace, self.notice)

    def _wake(self) -> None:
        self._delivery.wake()
        if self._feed is not None:
            self._feed.wake()

    def _look_again(self) -> None:
        if self._feed is not None:
            self._feed.attach_again()

    def _name(self, kind: str) -> str:
        self._notices += 1
        return f"{self._prefix}-{kind}-{self._notices}"
