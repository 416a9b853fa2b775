"""Staying attached to a managed session: the stream first, then its whole history, then what comes; and again.

The service replays nothing to a stream that comes back (managed-agents.md 0.5), so after every break the history is
listed, and whoever listens takes each event once by its id.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from opstui.adapters.runtimes.anthropic_client import LONGEST_WAIT, SAID_EVERY, SAID_FROM, pause
from opstui.core.errors import NotFound, OpstuiError, Unreachable
from opstui.core.sessions import RuntimeNotice

if TYPE_CHECKING:
    from opstui.adapters.runtimes.managed_wire import Pace, Wire
    from opstui.core.ids import Clock, Randomness


class Listener(Protocol):
    """Who is told what comes."""

    def take(self, raw: Mapping[str, Any]) -> bool:
        """An event of the stream, previews too; whether it was a new one."""

    def history(self, events: Sequence[Mapping[str, Any]]) -> bool:
        """All events so far, in order; whether there were new ones."""

    def notice(self, notice: RuntimeNotice) -> None:
        """Something a person should read."""

    def broken(self) -> None:
        """The stream is gone: previews end here."""

    def gone(self) -> None:
        """The service does not know the session."""

    def settled(self) -> None:
        """The service says that the session stands still though it never told so."""

    def failed(self, error: OpstuiError) -> None:
        """It can't go on."""

    @property
    def is_over(self) -> bool:
        """Nothing more will come."""

    @property
    def expects(self) -> bool:
        """The agent should be at work, so an event should come."""


class Feed:
    """Keeps one session's events coming until it is stopped, is over, or can't."""

    def __init__(
        self,
        wire: Wire,
        session: str,
        listener: Listener,
        *,
        pace: Pace,
        clock: Clock,
        randomness: Randomness,
        patience: float | None,
        prefix: str,
    ) -> None:
        self._wire = wire
        self._session = session
        self._listener = listener
        self._pace = pace
        self._clock = clock
        self._randomness = randomness
        self._patience = patience
        self._prefix = prefix
        """Of the ids of its notices: unique to this process, as they are stored."""
        self._count = 0
        self._held: list[Any] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._woken = asyncio.Event()
        self._attempt = 0
        now = clock.monotonic()
        self._contact = now
        self._quiet_since = now
        self._look_at = now + pace.watch
        self._lost = ""
        """Id of the notice about a connection that is lost; empty while it is not, or nobody was told."""
        self._lost_at = now
        self._connected = True
        self._watched = ""
        self._doubted = False

    def start(self) -> None:
        """Begin, in tasks of its own."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """End, whatever it is doing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """End a wait between two tries at once."""
        self._woken.set()

    def attach_again(self) -> None:
        """Drop the stream and list everything anew."""
        if self._reader is not None:
            self._reader.cancel()
        self.wake()

    # --- the connection

    async def _keep(self) -> None:
        try:
            while True:
                dropped = False
                error: OpstuiError | None = None
                try:
                    dropped = await self._attached()
                except OpstuiError as broke:
                    error = broke
                self._listener.broken()
                if self._listener.is_over:
                    return
                if isinstance(error, NotFound):
                    self._listener.gone()
                    return
                if not dropped:
                    await self._before_next(error)
        except OpstuiError as error:
            self._listener.failed(error)

    async def _attached(self) -> bool:
        """One connection from its opening to its end; whether it was dropped on purpose."""
        async with self._wire.stream(self._session, self._pace.quiet) as frames:
            self._contact = self._clock.monotonic()
            # What the stream says while the history is listed is kept, so that nothing falls between the two.
            held: list[Any] = []
            self._held = held
            reader = self._reader = asyncio.create_task(self._read(frames))
            try:
                try:
                    events = await self._wire.history(self._session)
                except NotFound:
                    # Deleted meanwhile: what the stream told before that is all there is.
                    events = []
                    if not held:
                        raise
                self._contact = self._clock.monotonic()
                if self._listener.history(events):
                    self._came()
                self._held = None
                for raw in held:
                    self._take(raw)
                self._found_again()
                if self._listener.is_over:
                    return False
                await asyncio.wait({reader})
                if reader.cancelled():
                    return True
                reader.result()
                return False
            finally:
                self._reader = None
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, frames: AsyncIterator[Any]) -> None:
        monotonic = self._clock.monotonic
        async for raw in frames:
            self._contact = monotonic()
            if type(raw) is not dict:
                continue
            if self._held is not None:
                self._held.append(raw)
            elif self._take(raw):
                return

    def _take(self, raw: Mapping[str, Any]) -> bool:
        """Hand an event on; whether it was the last one."""
        if self._listener.take(raw):
            self._came()
        return self._listener.is_over

    def _came(self) -> None:
        self._quiet_since = self._clock.monotonic()
        self._look_at = self._quiet_since + self._pace.watch
        self._attempt = 0
        self._watched = ""
        self._doubted = False

    def _found_again(self) -> None:
        self._connected = True
        if self._lost:
            away = max(1, round(self._clock.monotonic() - self._lost_at))
            notice = RuntimeNotice(f"{self._lost}-over", f"connected again after {away} s", at=self._clock.now())
            self._listener.notice(notice)
            self._lost = ""

    async def _before_next(self, error: OpstuiError | None) -> None:
        """Wait before the next try. Raises ``error`` where another one can't help."""
        name = self._wire.endpoint.name
        reason = error or Unreachable(f"{name}: the service ended the stream", system=name)
        if not isinstance(reason, Unreachable) or (reason.retry_after or 0.0) > LONGEST_WAIT:
            raise reason
        now = self._clock.monotonic()
        if self._patience is not None and now - self._contact >= self._patience:
            raise Unreachable(
                f"{reason.message}. The session goes on over there: {self._session}",
                system=name,
                was_anything_sent=True,
            )
        if self._connected:
            self._connected, self._lost_at = False, now
        self._attempt += 1
        seconds = pause(reason, self._attempt, self._randomness)
        if self._patience is not None:
            seconds = min(seconds, max(0.1, self._contact + self._patience - now))
        await self._wait(seconds, reason.message)

    async def _wait(self, seconds: float, why: str) -> None:
        self._woken.clear()
        until = self._clock.now() + timedelta(seconds=seconds)
        left = seconds
        while left > 0:
            if self._clock.monotonic() - self._lost_at + left > SAID_FROM:
                self._lost = self._lost or self._name("lost")
                text = f"{why}; trying again in {math.ceil(left)} s"
                self._listener.notice(RuntimeNotice(self._lost, text, at=self._clock.now(), until=until))
            step = min(left, SAID_EVERY)
            try:
                await asyncio.wait_for(self._woken.wait(), step)
                return
            except TimeoutError:
                left -= step

    # --- the watch

    async def _watch(self) -> None:
        """Look after a session that says nothing, and after a clock that jumped."""
        pace, clock = self._pace, self._clock
        wall, steady = clock.now(), clock.monotonic()
        while not self._listener.is_over:
            await asyncio.sleep(pace.tick)
            passed = (clock.now() - wall).total_seconds()
            gone = clock.monotonic() - steady
            wall, steady = clock.now(), clock.monotonic()
            if max(passed, gone) > pace.tick + pace.jump:
                self._look_at = steady + pace.watch
                self.attach_again()
            elif not self._listener.expects:
                self._quiet_since, self._look_at = steady, steady + pace.watch
                self._watched = ""
            elif self._reader is not None and steady >= self._look_at:
                await self._look()

    async def _look(self) -> None:
        pace, clock = self._pace, self._clock
        self._look_at = clock.monotonic() + pace.watch
        try:
            async with asyncio.timeout(pace.glance):
                status = (await self._wire.session(self._session)).get("status")
        except NotFound:
            self._listener.gone()
            return
        except (Unreachable, TimeoutError):
            # The stream says nothing, and nobody answers: the connection is dead, and the next try says so.
            self.attach_again()
            return
        except OpstuiError as error:
            self._listener.failed(error)
            return
        if not self._listener.expects:
            return
        silent = round(clock.monotonic() - self._quiet_since)
        if status == "running":
            text = f"no word from the agent for {silent} s; the service says that it is at work"
        elif status == "rescheduling":
            text = f"no word from the agent for {silent} s; the service is moving it to another machine"
        elif self._doubted:
            self._listener.settled()
            return
        else:
            self._doubted = True
            self._look_at = clock.monotonic() + pace.once_more
            self.attach_again()
            return
        self._watched = self._watched or self._name("watch")
        again = clock.now() + timedelta(seconds=pace.watch)
        self._listener.notice(RuntimeNotice(self._watched, text, at=clock.now(), until=again))

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self._prefix}-{kind}-{self._count}"
