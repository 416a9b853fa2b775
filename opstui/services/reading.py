"""Reading changed tickets whole in the background, the most urgent first and no more than so many a minute.

Lists tell that a ticket changed, not what was said. A ticket that somebody opens is read at once by ``RefreshTicket``;
here is what nobody asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future

from opstui.core.errors import NotFound, Refused
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.asking import Asking, told
from opstui.services.loop import LoopThread
from opstui.services.setup import Setup

PER_MINUTE = 20
"""Tickets of one system; a ticket can take several requests."""
AHEAD = 50
AGAIN_SECONDS = 3.0
"""After which a ticket is read again that may have changed within the second of its reading."""
BARRED_SECONDS = 600.0
"""For how long a ticket is left alone that its system lists and does not tell."""
FAILED_SECONDS = 30.0


class Readings:
    """What is to be read, and what is being read. Used by one thread, but for ``was_read``."""

    def __init__(self, setup: Setup, loop: LoopThread, asking: Asking) -> None:
        self._setup = setup
        self._loop = loop
        self._asking = asking
        self._waiting: dict[str, list[TicketRef]] = {}
        self._again: dict[TicketRef, float] = {}
        self._barred: dict[TicketRef, float] = {}
        self._begun: dict[str, deque[float]] = {}
        self._running: dict[str, tuple[TicketRef, bool, Future[Ticket]]] = {}

    def go_on(self, systems: Iterable[str]) -> None:
        """Take in what was read, and begin the next ticket of each system that has room."""
        now = self._setup.clock.monotonic()
        for system in [name for name, (_, _, future) in self._running.items() if future.done()]:
            self._take(*self._running.pop(system), now)
        if self._setup.cache.bell.changed():
            self._waiting.clear()
        for system in systems:
            if system not in self._running and self._has_room(system, now):
                self._begin(system, now)

    def was_read(self, ticket: Ticket) -> None:
        """Somebody read it whole: once more, if it may have changed in that same second."""
        clock = self._setup.clock
        if self._asking.is_fresh(ticket, clock.now()):
            self._again[ticket.ref] = clock.monotonic() + AGAIN_SECONDS

    def _begin(self, system: str, now: float) -> None:
        found = self._next(system, now)
        if found is None:
            return
        ref, again = found
        self._begun[system].append(now)
        reading = asyncio.run_coroutine_threadsafe(self._asking.ticket(ref, notice=True), self._loop.loop)
        self._running[system] = (ref, again, reading)

    def _next(self, system: str, now: float) -> tuple[TicketRef, bool] | None:
        if system not in self._waiting:
            self._waiting[system] = self._setup.cache.unread(system, AHEAD)
        waiting = self._waiting[system]
        while waiting:
            ref = waiting.pop(0)
            if self._barred.get(ref, 0.0) <= now:
                self._barred.pop(ref, None)
                return ref, False
        for ref, due in tuple(self._again.items()):
            if ref.system == system and due <= now:
                del self._again[ref]
                if self._barred.get(ref, 0.0) <= now:
                    return ref, True
        return None

    def _take(self, ref: TicketRef, again: bool, future: Future[Ticket], now: float) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            if not again:
                self.was_read(future.result())
            return
        error = told(ref.system, error)
        self._barred[ref] = now + (BARRED_SECONDS if isinstance(error, (NotFound, Refused)) else FAILED_SECONDS)
        self._waiting.clear()  # looked up again, this one left out

    def _has_room(self, system: str, now: float) -> bool:
        begun = self._begun.setdefault(system, deque())
        while begun and begun[0] <= now - 60:
            begun.popleft()
        return len(begun) < PER_MINUTE
