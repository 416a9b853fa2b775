"""Asking remote systems: queues page by page and tickets whole, each system by itself, none of them for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from opstui.core.errors import OpstuiError, Refused, Unreachable
from opstui.core.ports import Changes, Connected, Cursor, TicketSystem
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.setup import Setup

T = TypeVar("T")

log = logging.getLogger("opstui.refresh")

PATIENCE = 45.0
"""Seconds that one answer may take: a page of a queue, a ticket with its timeline."""
HOLD = timedelta(seconds=60)
"""How long a queue is this process' own; renewed from page to page."""
TURN_SECONDS = 10.0
"""How long a person's refresh waits for another process that asks the same queue; then it asks as well."""
LOOK_SECONDS = 0.1
THREADS = 2
FRESH = timedelta(seconds=3)
"""A ticket that changed no longer than this before it was read may have changed again within the same second."""
OLD = timedelta(minutes=10)
"""Clocks are not further apart than this, so a change that seems older is."""


class Asking:
    """Runs on the loop thread. ``breathe`` is called on other threads while much is written to the cache."""

    def __init__(
        self, setup: Setup, *, patience: float = PATIENCE, breathe: Callable[[], object] = lambda: None
    ) -> None:
        self._setup = setup
        self._patience = patience
        self._breathe = breathe
        self._who = ""
        self._turns: dict[Queue, asyncio.Lock] = {}
        self._since: dict[Queue, datetime] = {}
        self._reads: dict[TicketRef, asyncio.Task[Ticket]] = {}
        self._asks: set[asyncio.Task[int | None]] = set()
        # Few threads: each has a connection to the cache of its own, with some megabytes of pages.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="opstui-cache")
        self._lags: dict[str, timedelta] = {}
        """System → the shortest time that was seen between a change, by its clock, and its reading, by ours."""

    def asking_since(self, feed: Queue) -> datetime | None:
        """Since when the feed is being asked; None while it is not."""
        return self._since.get(feed)

    # --- queues -------------------------------------------------------------------------------------------------------

    async def queue(self, feed: Queue, *, unless_since: datetime | None = None, wait: bool = True) -> int | None:
        """Ask a feed for all that changed; how many tickets did.

        None where another process of this machine asks it, or has asked it after ``unless_since``; with ``wait`` such
        a one is waited for, and then it is asked all the same. Raises Unreachable, Refused, StoreFull, …
        """
        task = asyncio.ensure_future(self._queue(feed, unless_since, wait=wait))
        self._asks.add(task)
        task.add_done_callback(self._asks.discard)
        try:
            return await task
        finally:
            task.cancel()

    async def _queue(self, feed: Queue, unless_since: datetime | None, *, wait: bool) -> int | None:
        self._who = self._who or self._setup.randomness.bytes(8).hex()
        async with self._turns.setdefault(feed, asyncio.Lock()):
            if not await self._claim(feed, unless_since, wait=wait):
                return None
            self._since[feed] = self._setup.clock.now()
            try:
                return await self._pages(feed)
            finally:
                del self._since[feed]
                with contextlib.suppress(OpstuiError):  # a cache that can't be written has said so already
                    await self._aside(self._setup.cache.release, feed, self._who, now=self._setup.clock.now())

    async def _claim(self, feed: Queue, unless_since: datetime | None, *, wait: bool) -> bool:
        cache, clock = self._setup.cache, self._setup.clock
        until = asyncio.get_running_loop().time() + TURN_SECONDS
        while True:
            now = clock.now()
            try:
                if await self._aside(
                    cache.claim, feed, self._who, now=now, until=now + HOLD, unless_since=unless_since
                ):  # fmt: skip
                    return True
            except OpstuiError:
                return True  # whoever can't write the cache has it alone
            if not wait:
                return False
            if asyncio.get_running_loop().time() > until:
                return True
            await asyncio.sleep(LOOK_SECONDS)

    async def _pages(self, feed: Queue) -> int:
        setup, system = self._setup, self._setup.systems[feed.system]
        count, held = 0, setup.clock.now()
        while True:
            cursor = await self._aside(setup.cache.cursor, feed)
            changes = await self._page(system, feed, cursor)
            now = setup.clock.now()
            changed = await self._aside(
                setup.cache.store, feed, changes, now=now, me=self.account(feed.system), breathe=self._breathe
            )
            count += len(changed)
            if system.me():
                await self._aside(setup.cache.keep_account, feed.system, system.me())
            # The same place twice would be told for ever.
            if changes.complete or changes.cursor == cursor:
                return count
            if now - held > HOLD / 2:
                held = now
                await self._aside(setup.cache.claim, feed, self._who, now=now, until=now + HOLD, unless_since=None)

    async def _page(self, system: TicketSystem, feed: Queue, cursor: Cursor | None) -> Changes:
        return await within(system.changed_since(feed, cursor), self._patience, feed.system)

    def account(self, system: str) -> str:
        """Who the operator is there: as it says itself, else as it said the last time."""
        return self._setup.systems[system].me() or self._setup.cache.account(system)

    # --- tickets ------------------------------------------------------------------------------------------------------

    async def ticket(self, ref: TicketRef, *, notice: bool = False) -> Ticket:
        """Read a ticket whole and keep it. Who wants one that is being read shares that reading.

        ``notice``: what differs is news to the operator. Raises NotFound, Unreachable, Refused.
        """
        task = self._reads.get(ref)
        if task is None:
            task = self._reads[ref] = asyncio.ensure_future(self._read(ref, notice=notice))
            task.add_done_callback(partial(self._done, ref))
        return await asyncio.shield(task)

    def _done(self, ref: TicketRef, task: asyncio.Task[Ticket]) -> None:
        del self._reads[ref]
        if not task.cancelled():
            task.exception()  # whoever still waits has it; nobody else wants it

    async def _read(self, ref: TicketRef, *, notice: bool) -> Ticket:
        setup, system = self._setup, self._setup.systems[ref.system]
        ticket = await within(system.ticket(ref.key), self._patience, ref.system)
        await self._aside(
            setup.cache.keep, ticket, now=setup.clock.now(), me=self.account(ref.system), notice=notice
        )  # fmt: skip
        return ticket

    def is_fresh(self, ticket: Ticket, read_at: datetime) -> bool:
        """Whether it may change again without a later ``updated_at``, as far as two clocks that differ can tell."""
        age = read_at - ticket.updated_at
        if ticket.updated_at.microsecond or abs(age) > OLD:
            return False
        least = self._lags[ticket.ref.system] = min(age, self._lags.get(ticket.ref.system, age))
        return age - least < FRESH

    # --- the end ------------------------------------------------------------------------------------------------------

    async def stop(self, seconds: float) -> None:
        """Give up whatever is being asked; waits for that at most so long."""
        tasks = (*self._reads.values(), *self._asks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        self._threads.shutdown(wait=False)

    async def _aside(self, work: Callable[..., T], *arguments: object, **named: object) -> T:
        """Run what reads or writes a file on a thread: the loop carries every system."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *arguments, **named))


def told(system: str, error: BaseException) -> OpstuiError:
    """``error`` as a person is told of it. A connector that breaks is no reason to leave the other systems unasked."""
    if isinstance(error, OpstuiError):
        return error
    if isinstance(error, asyncio.CancelledError):
        return Unreachable(f"{system}: not asked to the end", system=system)
    log.error("the connector of %s broke", system, exc_info=error)
    return Refused(f"{system}: its connector broke ({error.__class__.__name__}); the log says where")


async def ask_all(asking: Asking, feeds: Sequence[Queue]) -> list[int | OpstuiError | None]:
    """Ask feeds side by side: for each how many tickets changed, or what went wrong."""
    outcomes = await asyncio.gather(*(asking.queue(feed) for feed in feeds), return_exceptions=True)
    return [
        told(feed.system, outcome) if isinstance(outcome, BaseException) else outcome
        for feed, outcome in zip(feeds, outcomes, strict=True)
    ]


async def let_go(systems: Iterable[TicketSystem], seconds: float) -> None:
    """Close the connections of ``systems``; one that takes longer than this is left to the end of the process."""
    tasks = [asyncio.ensure_future(system.disconnect()) for system in systems if isinstance(system, Connected)]
    if tasks:
        done, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        for task in done:
            if task.exception() is not None:
                log.warning("a connection did not close: %s", task.exception().__class__.__name__)


async def within(work: Awaitable[T], seconds: float, system: str) -> T:
    """What ``work`` answers. Raises Unreachable after ``seconds``, also where it does not let itself be cancelled."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise Unreachable(
            f"{system}: no answer within {seconds:.0f} s. What is cached stays, and it is asked again", system=system
        )
    return task.result()
