"""Keeping the cache true: asking ticket systems what changed, on demand and while a face stays open.

What is cached stays whatever happens; a failed question only changes the queue's health.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, Refused, Unreachable, UsageError
from opstui.core.ports import Changes, TicketSystem
from opstui.core.queues import Health, Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.loop import LoopThread
from opstui.services.setup import Setup

log = logging.getLogger("opstui.refresh")

LOOK_SECONDS = 0.1
"""How often an ``instant`` system is asked whether it stirred, while a face is open: a few microseconds each."""
QUIET_SECONDS = 5.0
"""How long one that did not stir is believed before it is asked in full all the same."""


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
    """Asks, and tells the cache."""

    def __init__(self, setup: Setup, loop: LoopThread) -> None:
        self._setup = setup
        self._loop = loop
        self._answered: dict[Queue, datetime] = {}
        """Last good answer in this process; an unchanged instant system is not written down each time."""
        self._next: dict[Queue, float] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._one_at_a_time = threading.Lock()

    def answered(self, feed: Queue) -> datetime | None:
        """When the feed last answered this process."""
        return self._answered.get(feed)

    def refresh(self, wanted: Iterable[Queue]) -> tuple[int, list[OpstuiError]]:
        """Ask these feeds now; how many tickets changed, and what went wrong, in the feeds' order."""
        changed, errors = 0, []
        with self._one_at_a_time:
            for feed in wanted:
                try:
                    changed += self._ask(feed)
                except OpstuiError as error:
                    self._failed(feed, error)
                    errors.append(error)
        return changed, errors

    def system(self, ref: TicketRef) -> TicketSystem:
        """The system that a ticket is of. Raises UsageError with the names of those there are."""
        found = self._setup.systems.get(ref.system)
        if found is None:
            raise UsageError(f"{ref.system}: no such ticket system; there are: {', '.join(self._setup.systems)}")
        return found

    def ticket(self, ref: TicketRef) -> Ticket:
        """Read one ticket from its system and keep it. Raises UsageError, NotFound, Unreachable, Refused."""
        ticket = self._loop.run(self.system(ref).ticket(ref.key))
        if not self._setup.read_only or self._setup.cache.ticket(ref) is None:
            self._setup.cache.keep(ticket, now=self._setup.clock.now())
        return ticket

    def fresh_or_cached(self, ref: TicketRef) -> Ticket:
        """The ticket as it is now, or as last seen where its system does not answer. Raises UsageError, NotFound."""
        try:
            return self.ticket(ref)
        except (NotFound, UsageError):
            raise
        except OpstuiError:
            cached = self._setup.cache.ticket(ref)
            if cached is None:
                raise
            return cached[0]

    def cached_or_read(self, ref: TicketRef) -> Ticket:
        """The ticket as last seen, read from its system only where it never was. Raises as ``fresh_or_cached``."""
        cached = self._setup.cache.ticket(ref)
        return cached[0] if cached is not None else self.fresh_or_cached(ref)

    def transitions(self, ref: TicketRef) -> tuple[str, ...]:
        """Raw statuses the ticket can take now. Raises UsageError, NotFound, Unreachable, Refused."""
        return self._loop.run(self.system(ref).transitions(ref.key))

    def is_older_than_poll(self, feed: Queue, fetched_at: datetime | None) -> bool:
        """Whether the cache is older than the system's ``poll_seconds``; an instant system always is."""
        if fetched_at is None or self._setup.systems[feed.system].capabilities.instant:
            return True
        age = self._setup.clock.now() - fetched_at
        return age > timedelta(seconds=self._setup.poll_seconds.get(feed.system, 15.0))

    def start(self) -> None:
        """Keep all feeds live from now on, in a thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="opstui-refresh", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop; waits for a running question at most two seconds."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _live(self) -> None:
        clock = self._setup.clock
        wanted = feeds(self._setup)
        while not self._stop.is_set():
            now = clock.monotonic()
            due = [feed for feed in wanted if self._is_due(feed, now)]
            for feed in due:
                _, errors = self.refresh([feed])
                self._next[feed] = clock.monotonic() + self._pause(feed, errors)
            self._stop.wait(LOOK_SECONDS)

    def _is_due(self, feed: Queue, now: float) -> bool:
        system = self._setup.systems[feed.system]
        if self._next.get(feed, 0.0) <= now:
            return True
        return system.capabilities.instant and feed in self._answered and system.stirred()

    def _pause(self, feed: Queue, errors: list[OpstuiError]) -> float:
        poll = self._setup.poll_seconds.get(feed.system, 15.0)
        if not errors:
            return QUIET_SECONDS if self._setup.systems[feed.system].capabilities.instant else poll
        asked = errors[0].retry_after if isinstance(errors[0], Unreachable) else None
        return max(1.0, min(300.0, asked if asked is not None else poll))

    def _ask(self, feed: Queue) -> int:
        setup, system = self._setup, self._setup.systems[feed.system]
        count = 0
        while True:
            changes = self._loop.run(self._changes(system, feed))
            now = setup.clock.now()
            instant_and_quiet = system.capabilities.instant and not changes.tickets and not changes.left
            if not (instant_and_quiet and feed in self._answered):
                count += len(setup.cache.store(feed, changes, now=now, me=system.me()))
            self._answered[feed] = now
            if changes.complete:
                return count

    async def _changes(self, system: TicketSystem, feed: Queue) -> Changes:
        return await system.changed_since(feed, self._setup.cache.cursor(feed))

    def _failed(self, feed: Queue, error: OpstuiError) -> None:
        health = Health.ERROR if isinstance(error, (CredentialsRefused, Refused)) else Health.OFFLINE
        if not isinstance(error, (Unreachable, Refused)):
            health = Health.ERROR
        log.warning("%s: %s", feed.system, error.__class__.__name__)
        self._answered.pop(feed, None)
        try:
            self._setup.cache.failed(feed, health, clean_line(str(error)), now=self._setup.clock.now())
        except OpstuiError as full:
            log.warning("the cache can't be written: %s", full.__class__.__name__)


def health_of(stored: Health, answered: datetime | None, now: datetime, poll: float) -> Health:
    """``live`` only while the last good answer is younger than three polls (and half a minute)."""
    if stored in (Health.ERROR, Health.OFFLINE):
        return stored
    if answered is None or now - answered > timedelta(seconds=max(30.0, 3 * poll)):
        return Health.STALE
    return Health.LIVE
