"""Keeping the cache true: asking ticket systems what changed, on demand and while a face stays open.

What is cached stays whatever happens; a failed question only changes the queue's health.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from opstui.core.errors import NotFound, OpstuiError, RateLimited, Unreachable, UsageError
from opstui.core.ports import Changes, TicketSystem
from opstui.core.queues import Health, Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.loop import LoopThread
from opstui.services.setup import Setup

if TYPE_CHECKING:
    from opstui.services.asking import Asking
    from opstui.services.live import Live

R = TypeVar("R")

log = logging.getLogger("opstui.refresh")

QUIET_SECONDS = 5.0
"""How long an instant system that did not stir is believed before it is asked in full all the same."""
BREATH_SECONDS = 0.002
"""A pause in a long piece of work, so that a key is drawn meanwhile."""
STOP_SECONDS = 0.5
"""How long the end waits for what is being asked, and for connections to close."""


def feeds(setup: Setup, system: str | None = None) -> list[Queue]:
    """What is polled: each queue, or one feed of everything where queues are filters of our own."""
    found: list[Queue] = []
    for name, tickets in setup.systems.items():
        if system is not None and name != system:
            continue
        if tickets.capabilities.native_filters:
            found.append(Queue(name="*", system=name))
        else:
            found.extend(queue for queue in setup.queues if queue.system == name)
    return found


def feed_of(setup: Setup, queue: Queue) -> Queue:
    """The feed that brings a queue's tickets."""
    if setup.systems[queue.system].capabilities.native_filters:
        return Queue(name="*", system=queue.system)
    return queue


class Refresher:
    """Asks, and tells the cache. Instant systems are asked here, remote ones by ``Asking`` on the loop."""

    def __init__(self, setup: Setup, loop: LoopThread) -> None:
        self._setup = setup
        self._loop = loop
        self._answered: dict[Queue, datetime] = {}
        """Last good answer in this process; an unchanged instant system is not written down each time."""
        self._next: dict[Queue, float] = {}
        self._stop = threading.Event()
        self._live: Live | None = None
        self._one_at_a_time = threading.Lock()
        self._asker: Asking | None = None
        self._guard = threading.Lock()
        self._accounts: dict[str, str] = {}

    @property
    def _asking(self) -> Asking:
        # Whoever only looks at what is cached never needs it.
        from opstui.services.asking import Asking

        with self._guard:
            if self._asker is None:
                self._asker = Asking(self._setup, breathe=self._breathe)
            return self._asker

    # --- what is known ------------------------------------------------------------------------------------------------

    def answered(self, feed: Queue) -> datetime | None:
        """When the feed last answered this process; of a remote one the cache knows."""
        return self._answered.get(feed)

    def asking_since(self, feed: Queue) -> datetime | None:
        """Since when the feed is being asked by this process; None while it is not."""
        since = self._live.asking_since(feed) if self._live is not None else None
        return since or (self._asker.asking_since(feed) if self._asker is not None else None)

    def again_at(self, feed: Queue) -> datetime | None:
        """When it is asked again, where its system asked for a pause."""
        return self._live.again_at(feed.system) if self._live is not None else None

    def pause(self, feed: Queue) -> float:
        """Seconds from one question to the next, as things are."""
        if self._live is not None and not self._is_instant(feed):
            return self._live.pause(feed)
        return self._setup.poll_seconds.get(feed.system, 15.0)

    def account(self, system: str) -> str:
        """Who the operator is there: as it says, else as it said the last time; empty where it never did."""
        said = self._setup.systems[system].me() or self._accounts.get(system, "")
        if not said:
            said = self._setup.cache.account(system)
        self._accounts[system] = said
        return said

    def is_older_than_poll(self, feed: Queue, fetched_at: datetime | None) -> bool:
        """Whether the cache is older than the system's ``poll_seconds``; an instant system always is."""
        if fetched_at is None or self._is_instant(feed):
            return True
        age = self._setup.clock.now() - fetched_at
        return age > timedelta(seconds=self._setup.poll_seconds.get(feed.system, 15.0))

    # --- queues -------------------------------------------------------------------------------------------------------

    def refresh(self, wanted: Iterable[Queue]) -> tuple[int, list[OpstuiError]]:
        """Ask these feeds now, remote ones side by side; how many tickets changed, and what went wrong, in their order.

        Each is stored as soon as it answered.
        """
        wanted = tuple(wanted)
        far = [feed for feed in wanted if not self._is_instant(feed)]
        outcomes = {feed: self._ask_near(feed) for feed in wanted if feed not in far}
        if far:
            outcomes |= self._ask_far(far)
        changed, errors = 0, []
        for feed in wanted:
            outcome = outcomes[feed]
            if isinstance(outcome, OpstuiError):
                errors.append(outcome)
            else:
                changed += outcome
        return changed, errors

    def _ask_near(self, feed: Queue) -> int | OpstuiError:
        with self._one_at_a_time:
            try:
                return self._ask(feed)
            except OpstuiError as error:
                self._failed(feed, error)
                return error

    def _ask_far(self, wanted: Sequence[Queue]) -> dict[Queue, int | OpstuiError]:
        from opstui.services.asking import ask_all

        found: dict[Queue, int | OpstuiError] = {}
        for feed, outcome in zip(wanted, self._wait_for(ask_all(self._asking, wanted)), strict=True):
            if self._live is not None:
                self._live.looked()
                self._live.settled(feed, outcome)
            if isinstance(outcome, OpstuiError):
                self._failed(feed, outcome)
            found[feed] = outcome if outcome is not None else 0
        return found

    # --- tickets ------------------------------------------------------------------------------------------------------

    def system(self, ref: TicketRef) -> TicketSystem:
        """The system that a ticket is of. Raises UsageError with the names of those there are."""
        found = self._setup.systems.get(ref.system)
        if found is None:
            raise UsageError(f"{ref.system}: no such ticket system; there are: {', '.join(self._setup.systems)}")
        return found

    def ticket(self, ref: TicketRef) -> Ticket:
        """Read one ticket from its system and keep it. Raises UsageError, NotFound, Unreachable, Refused."""
        self.system(ref)
        ticket = self._wait_for(self._asking.ticket(ref))
        if self._live is not None and not self._setup.systems[ref.system].capabilities.instant:
            self._live.looked()
            self._live.was_read(ticket)
        return ticket

    def fresh_or_cached(self, ref: TicketRef) -> Ticket:
        """The ticket as it is now, or as last seen whole where its system does not answer.

        Raises UsageError, NotFound, and what went wrong where it was never read whole, or not since it changed:
        nothing may begin on a ticket without its timeline.
        """
        try:
            return self.ticket(ref)
        except (NotFound, UsageError):
            raise
        except OpstuiError:
            cached = self._setup.cache.ticket(ref)
            if cached is None or not cached[0].complete:
                raise
            return cached[0]

    def cached_or_read(self, ref: TicketRef) -> Ticket:
        """The ticket as last seen, read from its system only where it never was. Raises as ``fresh_or_cached``."""
        cached = self._setup.cache.ticket(ref)
        return cached[0] if cached is not None else self.fresh_or_cached(ref)

    def transitions(self, ref: TicketRef) -> tuple[str, ...]:
        """Raw statuses the ticket can take now. Raises UsageError, NotFound, Unreachable, Refused."""
        return self._wait_for(self.system(ref).transitions(ref.key))

    # --- while a face stays -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Keep all feeds live from now on."""
        if self._live is None:
            from opstui.services.live import Live

            wanted = feeds(self._setup)
            near = [feed for feed in wanted if self._is_instant(feed)]
            self._live = Live(
                self._setup,
                self._loop,
                self._asking,
                far=[feed for feed in wanted if feed not in near],
                near=partial(self._look_near, near),
                failed=self._failed,
            )
            self._live.start()

    def watch(self, visible: bool) -> None:
        """Whether the operator has the program in front; nothing where nothing is kept live."""
        if self._live is not None:
            self._live.watch(visible)

    def stop(self) -> None:
        """Stop, and let go of connections; what is being asked is given up. Waits for that a short while."""
        self._stop.set()
        if self._live is not None:
            self._live.stop(STOP_SECONDS)
        if not self._loop.is_running:
            return
        from opstui.services.asking import let_go

        with suppress(TimeoutError):
            if self._asker is not None:
                self._loop.run(self._asker.stop(STOP_SECONDS), 2 * STOP_SECONDS)
            self._loop.run(let_go(self._setup.open_systems(), STOP_SECONDS), 2 * STOP_SECONDS)

    def _look_near(self, near: Sequence[Queue]) -> None:
        clock = self._setup.clock
        for feed in near:
            if self._is_due(feed, clock.monotonic()):
                _, errors = self.refresh([feed])
                self._next[feed] = clock.monotonic() + (QUIET_SECONDS if not errors else self.pause(feed))

    def _is_due(self, feed: Queue, now: float) -> bool:
        if self._next.get(feed, 0.0) <= now:
            return True
        return feed in self._answered and self._setup.systems[feed.system].stirred()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _is_instant(self, feed: Queue) -> bool:
        return self._setup.systems[feed.system].capabilities.instant

    def _ask(self, feed: Queue) -> int:
        setup, system = self._setup, self._setup.systems[feed.system]
        count = 0
        while True:
            changes = self._loop.run(self._changes(system, feed))
            now = setup.clock.now()
            is_quiet = not changes.tickets and not changes.left
            if not (is_quiet and feed in self._answered):
                count += len(setup.cache.store(feed, changes, now=now, me=system.me(), breathe=self._breathe))
            self._answered[feed] = now
            if changes.complete:
                return count

    async def _changes(self, system: TicketSystem, feed: Queue) -> Changes:
        return await system.changed_since(feed, self._setup.cache.cursor(feed))

    def _wait_for(self, work: Coroutine[Any, Any, R]) -> R:
        """What ``work`` answers on the loop. Raises Unreachable where the program ends meanwhile."""
        from concurrent.futures import CancelledError

        try:
            return self._loop.run(work)
        except CancelledError:
            raise Unreachable("the program ends: not asked to the end") from None

    def _breathe(self) -> None:
        """Let whoever paints have the interpreter; a command has nobody to wait for."""
        if self._live is not None:
            self._stop.wait(BREATH_SECONDS)

    def _failed(self, feed: Queue, error: OpstuiError) -> None:
        health = Health.OFFLINE if isinstance(error, Unreachable) else Health.ERROR
        if isinstance(error, RateLimited):
            health = Health.STALE  # it answers, and wants to be left alone for a while
        log.warning("%s: %s", feed.system, error.__class__.__name__)
        self._answered.pop(feed, None)
        try:
            self._setup.cache.failed(feed, health, clean_line(str(error)), now=self._setup.clock.now())
        except OpstuiError as full:
            log.warning("the cache can't be written: %s", full.__class__.__name__)


def health_of(stored: Health, answered: datetime | None, now: datetime, poll: float, pause: float = 0.0) -> Health:
    """What is stored, but ``live`` only while the last good answer is younger than three polls (and half a minute).

    ``pause``: seconds to the next question, where they are more than a poll; they are no sign of trouble.
    """
    if stored is not Health.LIVE:
        return stored
    if answered is None or now - answered > timedelta(seconds=max(30.0, 3 * poll, 1.25 * pause + poll)):
        return Health.STALE
    return Health.LIVE
