"""Talking to the managed service: the SDK's calls, their answers as plain JSON, and tries that never do a thing twice.

The SDK's own parsing is passed by: it makes a wrong class of what it does not know, and a web page becomes a ``str``
(managed-agents.md 0.3, 0.8). Everything raised here is one of ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from opstui.adapters.runtimes.anthropic_client import (
    LONGEST_WAIT,
    Endpoint,
    open_client,
    pause,
    stream_limits,
    waiting,
)
from opstui.adapters.runtimes.anthropic_errors import asked_pause, passes, translated
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.frozen import dataclass
from opstui.core.sessions import RuntimeNotice
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock, Randomness

ASK_SECONDS = 20.0
"""Longest time of one ordinary request."""
OPEN_SECONDS = 10.0
"""Until a stream has begun."""
PAGE = 100
EVENTS_PAGE = 1000
"""The service's own default and limit (managed-agents.md 1.1)."""
MOST_PAGES = 1000

T = TypeVar("T")
Call = Callable[["AsyncAnthropic"], Awaitable[Any]]
"""A call of ``with_raw_response``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things may take, in seconds. Tests hurry."""

    quiet: float = 75.0
    """A stream without a byte, not even a keep-alive, is taken for dead. How often the service sends those is not
    documented (managed-agents.md 7.4)."""
    watch: float = 20.0
    """Without an event where one should come, the service is asked how the session stands."""
    glance: float = 5.0
    """Until that question is answered: who does not answer it soon is as far away as the stream."""
    once_more: float = 5.0
    """Until it is asked again, when it says that nothing runs and its history does not say so."""
    start: float = 15.0
    """How long a start, a message, an interrupt or a new budget is tried."""
    looks: tuple[float, ...] = (0.3, 0.7, 1.5)
    """Before each look for what may have been made though its answer was lost."""
    tick: float = 1.0
    """Between two looks at the clock."""
    jump: float = 30.0
    """The clock jumped as far: the machine slept, and the connection is dead though nobody noticed."""


class Wire:
    """A client of the service, opened at the first call. Not shared between event loops."""

    def __init__(self, endpoint: Endpoint, *, within: Callable[[], float] | None = None) -> None:
        self.endpoint = endpoint
        self.within = within
        """How many seconds a request may take now; None: as long as any."""
        self._asking = 0
        self._client: AsyncAnthropic | None = None
        self._opening = asyncio.Lock()

    async def client(self) -> AsyncAnthropic:
        """The open client. Raises CredentialsRefused, ConfigError."""
        async with self._opening:
            if self._client is None:
                # In a thread: the import takes a second, and a key may come from a command or a locked keyring.
                self._client = await asyncio.to_thread(open_client, self.endpoint)
            return self._client

    async def close(self) -> None:
        """Let go of the connections; the next call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def rest(self) -> None:
        """:meth:`close`, unless somebody waits for an answer just now."""
        if not self._asking:
            await self.close()

    async def ask(self, call: Call) -> dict[str, Any]:
        """The JSON object that ``call`` answers. Raises as :func:`translated`."""
        client = await self.client()
        name = self.endpoint.name
        seconds = ASK_SECONDS if self.within is None else max(0.5, min(ASK_SECONDS, self.within()))
        self._asking += 1
        try:
            async with asyncio.timeout(seconds) as limit:
                response = await call(client)
                answer = json.loads(await response.read())
        except _faults() as error:
            if limit.expired():
                raise Unreachable(
                    f"{name}: no answer in time ({self.endpoint.host})", system=name, was_anything_sent=True
                ) from None
            raise self._ours(error) from None
        except RecursionError:
            answer = None
        finally:
            self._asking -= 1
        if not isinstance(answer, dict):
            raise self._odd()
        return answer

    async def pages(
        self, page: Callable[[AsyncAnthropic, Mapping[str, Any]], Awaitable[Any]], size: int = PAGE
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Page after page of a list. Ends where the service leads in a circle, which the SDK follows for ever."""
        cursor: str | None = None
        cursors: set[str] = set()
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            given: dict[str, Any] = {"limit": size} if cursor is None else {"limit": size, "page": cursor}
            answer = await self.ask(lambda client, given=given: page(client, given))  # type: ignore[misc]
            data = answer.get("data")
            items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
            names = [item.get("id") for item in items]
            if items and all(isinstance(one, str) and one in seen for one in names):
                return
            seen.update(one for one in names if isinstance(one, str) and one)
            yield items
            following = answer.get("next_page")
            if not isinstance(following, str) or not following or following in cursors:
                return
            cursor = following
            cursors.add(following)

    # --- sessions

    async def history(self, session: str) -> list[dict[str, Any]]:
        """Every event of a session, oldest first; all of them or an error."""
        found: list[dict[str, Any]] = []
        async for page in self.pages(
            lambda client, given: client.beta.sessions.events.with_raw_response.list(session, order="asc", **given),
            EVENTS_PAGE,
        ):
            found += page
        return found

    async def messages(self, session: str) -> list[dict[str, Any]]:
        """The user messages of a session, oldest first."""
        found: list[dict[str, Any]] = []
        async for page in self.pages(
            lambda client, given: client.beta.sessions.events.with_raw_response.list(
                session, types=["user.message"], **given
            ),
            EVENTS_PAGE,
        ):
            found += [event for event in page if event.get("type") == "user.message"]
        return found

    async def send(self, session: str, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send events once; their echoes."""
        given: Any = list(events)
        answer = await self.ask(
            lambda client: client.beta.sessions.events.with_raw_response.send(session, events=given)
        )
        data = answer.get("data")
        return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []

    async def session(self, session: str) -> dict[str, Any]:
        """The session as the service knows it. Raises NotFound."""
        found = await self.ask(lambda client: client.beta.sessions.with_raw_response.retrieve(session))
        if not isinstance(found.get("status"), str):
            raise self._odd()
        return found

    @asynccontextmanager
    async def stream(self, session: str, quiet: float) -> AsyncIterator[AsyncIterator[Any]]:
        """A session's events from now on, previews among them, each a JSON value; it breaks after ``quiet`` seconds
        without a byte.

        The SDK decodes the frames and closes the connection; what they hold is read here. None stands for a
        keep-alive.
        """
        client = await self.client()
        name = self.endpoint.name
        opening = client.beta.sessions.events.with_streaming_response.stream(
            session, event_deltas=["agent.message", "agent.thinking"], timeout=stream_limits(quiet)
        )
        try:
            async with asyncio.timeout(OPEN_SECONDS) as limit:
                response = await opening.__aenter__()
        except _faults() as error:
            if limit.expired():
                raise Unreachable(f"{name}: no answer in time ({self.endpoint.host})", system=name) from None
            raise self._ours(error) from None
        try:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise self._odd()
            yield self._frames(response.http_response)
        finally:
            await opening.__aexit__(None, None, None)

    async def _frames(self, response: Any) -> AsyncIterator[Any]:
        from anthropic import AsyncStream

        loads = json.loads
        frames = AsyncStream.raw_events(response)
        try:
            async for frame in frames:
                if frame.event == "ping":
                    yield None
                elif frame.event == "error":
                    raise self._broken(frame.data)
                elif frame.data:
                    yield loads(frame.data)
        except RecursionError:
            raise Unreachable(f"{self.endpoint.name}: the answer can't be read", system=self.endpoint.name) from None
        except _faults() as error:
            raise self._ours(error) from None
        finally:
            await frames.aclose()  # type: ignore[attr-defined]

    def _odd(self) -> Unreachable:
        name = self.endpoint.name
        return Unreachable(f"{name}: {self.endpoint.host} does not answer as the service does", system=name)

    def _ours(self, error: BaseException) -> OpstuiError:
        found = translated(error, self.endpoint)
        if (getattr(error, "status_code", None) or 0) >= 500 and not passes(error):
            return NoUse(found.message, system=self.endpoint.name, was_anything_sent=True)
        return found

    def _broken(self, data: str) -> OpstuiError:
        """An ``event: error`` frame, which is a failure that the answer's status, 200, does not tell."""
        name = self.endpoint.name
        try:
            given = json.loads(data)
        except (ValueError, RecursionError):
            given = None
        error = given.get("error") if isinstance(given, Mapping) else None
        found = error if isinstance(error, Mapping) else {}
        kind, said = str(found.get("type") or ""), clean_line(str(found.get("message") or "no reason given"), limit=240)
        if kind in ("authentication_error", "permission_error"):
            return CredentialsRefused(f"{name}: the key was refused: {said}. opstui doctor tests it")
        if kind == "not_found_error":
            return NotFound(f"{name}: the service does not know that: {said}")
        return Unreachable(f"{name}: the service broke off: {said}", system=name, was_anything_sent=True)


class NoUse(Unreachable):
    """The service failed and says that another try is no use (``x-should-retry: false``)."""


def _faults() -> tuple[type[BaseException], ...]:
    """All that a request or a stream fails with. A TypeError is the SDK's word for no credentials."""
    import httpx2
    from anthropic import AnthropicError

    return (AnthropicError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError, TypeError)


class Trying:
    """The patience of one undertaking: how often something is tried again, and when it is given up."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        pace: Pace,
        tell: Callable[[RuntimeNotice], None] | None = None,
        *,
        waits_out: bool = False,
        stopping: asyncio.Event | None = None,
    ) -> None:
        self.looks = pace.looks
        self._tell = tell
        self._waits_out = waits_out
        self._stopping = stopping or asyncio.Event()
        self._clock = clock
        self._randomness = randomness
        self._until = clock.monotonic() + pace.start
        self._attempt = 0

    def left(self) -> float:
        """Seconds."""
        return self._until - self._clock.monotonic()

    async def again(self, error: Unreachable) -> None:
        """Wait until another try makes sense; raises ``error`` where none does any more.

        With ``waits_out`` what the service itself asks to wait, up to a minute, is not counted as trying.
        """
        self._attempt += 1
        asked = asked_pause(error)
        if isinstance(error, NoUse) or (asked is not None and asked > LONGEST_WAIT):
            raise error
        seconds = pause(error, self._attempt, self._randomness)
        if asked is not None and self._waits_out and self._attempt <= 3:
            self._until += seconds
        elif seconds >= self.left():
            raise error
        name = f"wait-{self._randomness.bytes(4).hex()}"
        async for notice in waiting(seconds, error.message, name, self._clock, self._stopping):
            if self._tell is not None:
                self._tell(notice)
        if self._stopping.is_set():
            raise Refused(f"stopped before it began: {error.message}", reason="interrupted")


async def insist(do: Callable[[], Awaitable[T]], trying: Trying) -> T:
    """Do what may be done twice until it works. Raises Unreachable when the time is over, Refused at once."""
    while True:
        try:
            return await do()
        except Unreachable as error:
            await trying.again(error)


async def make_once(
    make: Callable[[], Awaitable[T]],
    find: Callable[[], Awaitable[T | None]],
    trying: Trying,
    *,
    look_first: bool = False,
) -> T:
    """Make something that there must be only one of.

    When the answer is lost it may have been made all the same, so it is looked for, a few times, before it is made
    again. Nothing is made as long as nobody could look. Raises Unreachable when the time is over, Refused at once.
    """
    maybe_there = look_first
    looks: tuple[float, ...] = ()
    while True:
        try:
            if maybe_there:
                found = await find()
                if found is not None:
                    return found
                if looks:
                    await asyncio.sleep(looks[0])
                    looks = looks[1:]
                    continue
            maybe_there = False
            return await make()
        except RateLimited as error:
            # A request over the limit is not carried out.
            await trying.again(error)
        except Unreachable as error:
            if not maybe_there:
                maybe_there, looks = True, trying.looks
            await trying.again(error)
