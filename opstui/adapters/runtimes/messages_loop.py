"""The loop of a session that runs here: ask, listen, answer tools, and again, until the agent is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opstui.adapters.runtimes.anthropic_client import (
    LONGEST_WAIT,
    SAID_FROM,
    Endpoint,
    asked_pause,
    passes,
    pause,
    translated,
    waiting,
)
from opstui.adapters.runtimes.messages_response import CUT_CALL, Hearing, Manner, OddAnswer, Response, respond
from opstui.adapters.runtimes.messages_talk import Talk
from opstui.core import stops
from opstui.core.errors import CredentialsRefused, OpstuiError, RateLimited, Unreachable
from opstui.core.frozen import dataclass
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    ToolResult,
    Usage,
)
from opstui.core.text import clean, clean_line

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock, Randomness

START_SECONDS = 15.0
"""How long a first response is tried for, while nothing runs yet."""
PATIENCE = 300.0
"""How long a later one is, unless the brief says."""
TRIES = 12
"""Of one response. One that breaks midway is paid for each time."""
ODD_TRIES = 3
"""Of one whose answers can't be read."""
RESPONSES = 80
"""Of one session: an agent that has not come to an end by then goes round in circles."""
CUTS = 3
"""Responses in a row that may be cut at their length limit."""
LEAST_RUN = 100
"""Milliseconds of running that are counted apart from a response."""
SUBMIT = "submit_document"
REMINDER = (
    "You ended your turn without a document that was accepted. Hand it in with submit_document now; put what you could "
    "not find out into its open_questions."
)
GO_ON = "Your answer was cut at its length limit. Go on where it stopped, and be brief."
CALL_AGAIN = "Your answer was cut at its length limit, within a tool call, which was not carried out. Make it shorter."


@dataclass(frozen=True, slots=True)
class End:
    """How a session ends, or stands still."""

    status: SessionStatus
    reason: str
    detail: str = ""


class Stopwatch:
    """Running time, in stretches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def start(self) -> None:
        """It runs from now on."""
        self._since = self._clock.monotonic()

    def stop(self) -> None:
        """It runs no more."""
        self._since = None

    def passed(self) -> int:
        """Milliseconds of running since this was last asked, or since it started."""
        if self._since is None:
            return 0
        now = self._clock.monotonic()
        passed, self._since = now - self._since, now
        return max(0, round(passed * 1000))


class Loop:
    """Works a conversation off. What happens goes to ``put``, when it is on disk."""

    def __init__(
        self,
        talk: Talk,
        manner: Manner,
        client: AsyncAnthropic,
        endpoint: Endpoint,
        *,
        known: frozenset[str],
        patience: float | None,
        put: Callable[[RuntimeEvent], None],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.running = Stopwatch(clock)
        self.hearing: Hearing | None = None
        """The response that is listened to just now."""
        self._talk = talk
        self._manner = manner
        self._client = client
        self._endpoint = endpoint
        self._known = known
        self._patience = patience or PATIENCE
        self._put = put
        self._clock = clock
        self._randomness = randomness
        self._open: dict[str, asyncio.Future[None]] = {}
        self._is_blind = False
        """It was said that the endpoint tells no token counts."""
        self._streams = True
        """Off for a server whose streams can't be read: its answers in one piece may be."""

    async def run(self) -> End:
        """Until it ends. What was stored says whose turn it is, so it begins anywhere.

        Raises as ``AgentSession.events``. Cancelled, it counts and clears what was under way.
        """
        talk = self._talk
        while True:
            if talk.is_our_turn:
                end = self._ended()
                if end is not None:
                    return end
                if talk.uses():
                    await self._serve()
            if talk.turns >= RESPONSES:
                return End(SessionStatus.ENDED, stops.END_TURN, f"stopped after {RESPONSES} responses")
            if talk.is_our_turn or talk.to_say:
                talk.say_waiting()
            talk.save()
            self._take(*await self._ask())

    def answer(self, call_id: str, result: ToolResult) -> None:
        """Keep a tool's answer; a second one is ignored. Raises StoreFull."""
        talk = self._talk
        name = next((block["name"] for known, block in talk.uses() if known == call_id), "")
        if not talk.answer(call_id, result):
            return
        talk.submitted = talk.submitted or (name == SUBMIT and not result.is_error)
        future = self._open.get(call_id)
        if future is not None and not future.done():
            # Before it is kept: should that fail, the loop fails at its next step instead of waiting for ever.
            future.set_result(None)
        talk.save()

    def has_more(self, end: End) -> bool:
        """Whether somebody spoke just as the agent came to its end, so that it is none."""
        talk = self._talk
        return bool(talk.to_say) and talk.turns < RESPONSES and end.reason in (stops.DONE, stops.END_TURN)

    def ran(self) -> RuntimeUsage | None:
        """The running time since it was last counted, kept; None where it is not worth a row of its own."""
        passed = self.running.passed()
        if passed < LEAST_RUN:
            return None
        ran = RuntimeUsage(self._talk.next_id("usage"), Usage(running_ms=passed), at=self._clock.now())
        self._talk.tell(ran)
        self._talk.save()
        return ran

    def status(self, status: SessionStatus, reason: str | None = None) -> RuntimeStatus:
        """A status of now."""
        return RuntimeStatus(self._talk.next_id("status"), status, reason, at=self._clock.now())

    def notice(self, text: str) -> RuntimeNotice:
        """Something to be read."""
        return RuntimeNotice(self._talk.next_id("notice"), text, at=self._clock.now())

    # --- whose turn it is

    def _ended(self) -> End | None:
        """How it ends now that the agent has spoken; None while there is something to answer or to say."""
        talk, limit = self._talk, self._manner.max_tokens
        match talk.stop:
            case "refusal":
                return End(SessionStatus.ENDED, stops.REFUSED, talk.explanation)
            case "model_context_window_exceeded":
                return End(SessionStatus.ENDED, stops.TERMINATED, "the conversation no longer fits into the model")
            case "pause_turn":
                return None
        if talk.uses() or talk.to_say:
            return None
        if talk.cuts:
            return End(SessionStatus.ENDED, stops.END_TURN, f"{talk.cuts} answers were cut at {limit} tokens")
        if talk.submitted:
            return End(SessionStatus.ENDED, stops.DONE)
        if talk.reminded or SUBMIT not in self._known:
            return End(SessionStatus.ENDED, stops.END_TURN)
        talk.reminded = True
        talk.to_say.append(REMINDER)
        return None

    # --- asking

    async def _ask(self) -> tuple[Response, Hearing]:
        """The next response, as often as it takes. Raises as ``AgentSession.events``."""
        import anthropic
        import httpx2

        failed_since: float | None = None
        odd = tries = 0
        while True:
            hearing = self.hearing = Hearing(self._talk.text_id, self._put, self._clock)
            try:
                heard = await respond(self._client, self._manner, self._talk.messages, hearing, stream=self._streams)
                return heard, hearing
            except asyncio.CancelledError:
                self._broke(hearing)
                raise
            except (OddAnswer, anthropic.AnthropicError, httpx2.HTTPError, OSError, TypeError) as error:
                self._broke(hearing)
                tries += 1
                if isinstance(error, OddAnswer):
                    odd += 1
                    self._streams = self._streams and (error.was_cut or odd < ODD_TRIES - 1)
                failed_since = self._clock.monotonic() if failed_since is None else failed_since
                ours, seconds = self._judged(error, tries)
            finally:
                self.hearing = None
            # Somebody waits in front of a session that has not begun; one that has can take its time.
            is_new = self._talk.turns == 0 and not isinstance(ours, RateLimited)
            waited = self._clock.monotonic() + seconds - failed_since
            if waited > (START_SECONDS if is_new else self._patience) or tries >= TRIES or odd >= ODD_TRIES:
                raise ours
            await self._pause(seconds, ours)

    def _judged(self, error: BaseException, tries: int) -> tuple[OpstuiError, float]:
        """``error`` in our words, and the seconds until another try. Raises it where none can help."""
        name = self._endpoint.name
        ours: OpstuiError
        if isinstance(error, OddAnswer):
            ours = Unreachable(f"{name}: {error} ({self._endpoint.host})", system=name, was_anything_sent=True)
            return ours, pause(error, tries, self._randomness)
        ours = translated(error, self._endpoint)
        if isinstance(error, TypeError) and not isinstance(ours, CredentialsRefused):
            # The SDK says so where it finds no key; any other one is a mistake of ours.
            raise error
        if not passes(error):
            raise ours from None
        asked = asked_pause(error)
        if asked is not None and asked > LONGEST_WAIT:
            raise RateLimited(
                f"{ours.message}. It wants to be left alone for {round(asked)} s; resumed later, the session goes on "
                f"where it was",
                system=name,
                retry_after=asked,
            ) from None
        return ours, pause(error, tries, self._randomness)

    async def _pause(self, seconds: float, error: OpstuiError) -> None:
        """Wait before another try. A wait that is said is none of the running time."""
        notice_id = self._talk.next_id("notice")
        if seconds <= SAID_FROM:
            self._put(RuntimeNotice(notice_id, f"{error.message}; trying again", at=self._clock.now()))
            await asyncio.sleep(seconds)
            return
        ran = self.ran()
        if ran is not None:
            self._put(ran)
        self.running.stop()
        self._put(self.status(SessionStatus.WAITING))
        async for notice in waiting(seconds, error.message, notice_id, self._clock, asyncio.Event()):
            self._put(notice)
        self.running.start()
        self._put(self.status(SessionStatus.RUNNING))

    def _take(self, response: Response, hearing: Hearing) -> None:
        """A whole response: on disk, then shown."""
        talk, now = self._talk, self._clock.now()
        hearing.leave([index for index, _ in response.texts])
        told: list[RuntimeText | RuntimeUsage] = [
            RuntimeText(talk.text_id(index), text, at=now) for index, text in response.texts
        ]
        told.append(self._usage(hearing))
        talk.hear(response.content, response.stop, response.explanation)
        cut = {"max_tokens": GO_ON, CUT_CALL: CALL_AGAIN}.get(response.stop or "")
        talk.cuts = talk.cuts + 1 if cut else 0
        if cut and talk.cuts < CUTS:
            talk.to_say.append(cut)
        for event in told:
            talk.tell(event)
        talk.save()
        for event in told:
            self._put(event)
        if not self._is_blind and response.content and not hearing.tells_tokens:
            self._is_blind = True
            self._put(self.notice(f"{self._endpoint.name} tells no token counts: what they cost is not in the figure"))
        if cut:
            self._put(self.notice(f"an answer was cut at {self._manner.max_tokens} tokens"))

    def _broke(self, hearing: Hearing) -> None:
        """A response came to nothing: what it used is counted, and what was shown of it is cleared."""
        hearing.leave(())
        if hearing.began:
            usage = self._usage(hearing)
            self._talk.tell(usage)
            self._talk.save()
            self._put(usage)

    def _usage(self, hearing: Hearing) -> RuntimeUsage:
        usage = hearing.usage + Usage(running_ms=self.running.passed())
        now = self._clock.now()
        return RuntimeUsage(self._talk.next_id("usage"), usage, at=now, multipliers=hearing.multipliers)

    # --- tools

    async def _serve(self) -> None:
        """Ask for all open calls at once, wait for all answers, and hand them in together."""
        talk = self._talk
        for call_id, block in talk.uses():
            if call_id in talk.answers:
                continue
            name, given = block["name"], block["input"]
            if name not in self._known:
                said = f"There is no tool {clean_line(name, limit=60)!r}. Tools: {', '.join(sorted(self._known))}."
                talk.answer(call_id, ToolResult(said, is_error=True))
            elif not isinstance(given, Mapping):
                talk.answer(call_id, ToolResult("A tool's input is an object.", is_error=True))
            else:
                self._open[call_id] = asyncio.get_running_loop().create_future()
                self._put(RuntimeToolCall(call_id, name, harmless(given), at=self._clock.now()))
        try:
            await asyncio.gather(*self._open.values())
        finally:
            self._open.clear()
        talk.hand_in_answers()


def harmless(value: Any) -> Any:
    """A tool's input with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {str(clean(str(key))): harmless(item) for key, item in value.items()}
    return [harmless(item) for item in value] if isinstance(value, list) else value
