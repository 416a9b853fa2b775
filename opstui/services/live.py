"""Keeping queues live while a face stays open: one thread that looks who is to be asked, and asks on the loop.

It waits for nobody: what is asked runs on the loop thread, each feed by itself, and is looked after when it is done.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

from opstui.core.errors import OpstuiError, Refused, Unreachable
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket
from opstui.services.asking import Asking, told
from opstui.services.loop import LoopThread
from opstui.services.pace import asked_pause, jittered, pause
from opstui.services.reading import Readings
from opstui.services.setup import Setup

log = logging.getLogger("opstui.refresh")

LOOK_SECONDS = 0.1
"""How often it is looked who is due: some microseconds each time."""
LOOKED_SECONDS = 600.0
"""For how long a sign of life counts as somebody looking, on a terminal that does not tell of focus."""
SHARED = 0.9
"""Part of a pause after which what another process was told is too old for us."""
LONG_AGO = float("-inf")

Outcome = int | OpstuiError | None
"""How many tickets changed, None where another process asked, or what went wrong."""


class _Feed:
    """How it stands with one feed."""

    __slots__ = ("asked", "begun", "factor", "failures", "quiet", "refused", "running", "urgent")

    def __init__(self) -> None:
        self.asked = LONG_AGO
        self.begun: datetime | None = None
        self.factor = 1.0
        self.quiet = 0
        self.failures = 0
        self.refused = False
        self.urgent = False
        self.running: Future[int | None] | None = None


class Live:
    """The far feeds of a desk while it is open, and whatever else is to be looked at ten times a second."""

    def __init__(
        self,
        setup: Setup,
        loop: LoopThread,
        asking: Asking,
        *,
        far: Sequence[Queue],
        near: Callable[[], None],
        failed: Callable[[Queue, OpstuiError], None],
    ) -> None:
        self._setup = setup
        self._loop = loop
        self._asking = asking
        self._near = near
        self._failed = failed
        self._feeds = {feed: _Feed() for feed in far}
        self._holds: dict[str, tuple[float, datetime]] = {}
        """System → until when it asked to be left alone, in both times."""
        self._held_at: dict[str, datetime] = {}
        """System → when it asked for that."""
        self._visible: bool | None = None
        """None on a terminal that has told nothing."""
        self._looked = setup.clock.monotonic()
        self._heard = setup.record.bell.last()
        self._readings = Readings(setup, loop, asking)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opstui-refresh", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ask nobody any more. Waits at most so long."""
        self._stop.set()
        self._thread.join(timeout=seconds)

    # --- what faces tell ----------------------------------------------------------------------------------------------

    def watch(self, visible: bool) -> None:
        """Whether the operator has the program in front. What is older than a poll then is asked at the next look."""
        self._visible = visible
        if visible:
            self.looked()

    def looked(self) -> None:
        """Somebody is there."""
        self._looked = self._setup.clock.monotonic()

    def hurry(self, system: str) -> None:
        """Something happened there of which its lists will tell: ask now."""
        for feed, state in self._feeds.items():
            if feed.system == system:
                state.urgent, state.quiet = True, 0

    def was_read(self, ticket: Ticket) -> None:
        """Somebody read it whole."""
        self._readings.was_read(ticket)

    # --- what it tells ------------------------------------------------------------------------------------------------

    def pause(self, feed: Queue) -> float:
        """Seconds from one question to the next, as things are."""
        state = self._feeds.get(feed) or _Feed()
        return pause(
            self._setup.poll_seconds.get(feed.system, 15.0),
            quiet=state.quiet,
            looked=self._is_looked_at(),
            hidden=self._visible is False,
            refused=state.refused,
            failures=state.failures,
        )

    def asking_since(self, feed: Queue) -> datetime | None:
        """Since when the feed is being asked from here; None while it is not."""
        state = self._feeds.get(feed)
        return state.begun if state is not None else None

    def again_at(self, system: str) -> datetime | None:
        """When a system is asked again that asked for a pause; None for the others."""
        until, moment = self._holds.get(system, (LONG_AGO, None))
        return moment if until > self._setup.clock.monotonic() else None

    def settled(self, feed: Queue, outcome: Outcome, *, begun: datetime | None = None) -> None:
        """A feed was asked, here or by hand; ``begun`` is when, where that may be older than what others were told."""
        state, setup = self._feeds.get(feed) or _Feed(), self._setup
        state.asked = setup.clock.monotonic()
        state.factor = jittered(1.0, int.from_bytes(setup.randomness.bytes(2), "big") / 65536)
        if not isinstance(outcome, OpstuiError):
            state.failures, state.refused = 0, False
            if outcome is not None:
                # Where another one asked, or was told to wait since, a pause that was asked for still holds.
                told_at = self._held_at.get(feed.system)
                if begun is None or told_at is None or told_at <= begun:
                    self._holds.pop(feed.system, None)
                state.quiet = 0 if outcome else state.quiet + 1
            return
        state.failures += 1
        state.refused = isinstance(outcome, Refused)
        asked = asked_pause(outcome.retry_after) if isinstance(outcome, Unreachable) else None
        if asked is not None:
            self._held_at[feed.system] = moment = setup.clock.now()
            self._holds[feed.system] = (state.asked + asked, moment + timedelta(seconds=asked))

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look_around()
            except OpstuiError as error:
                # A store that can't be read for a moment: the next look tries again.
                log.warning("refresh: %s", error.__class__.__name__)
            self._stop.wait(LOOK_SECONDS)

    def _look_around(self) -> None:
        self._near()
        self._hear()
        for feed, state in self._feeds.items():
            self._look_after(feed, state)
        if self._feeds and self._visible is not False:
            self._readings.go_on(self._calm_systems())

    def _look_after(self, feed: Queue, state: _Feed) -> None:
        if state.running is not None:
            if not state.running.done():
                return
            self._take(feed, state.running)
            state.running = state.begun = None
        setup, now = self._setup, self._setup.clock.monotonic()
        if not self._is_due(feed, state, now):
            return
        since = None if state.urgent else setup.clock.now() - timedelta(seconds=SHARED * self.pause(feed))
        state.urgent, state.begun = False, setup.clock.now()
        asked = self._asking.queue(feed, unless_since=since, wait=False)
        state.running = asyncio.run_coroutine_threadsafe(asked, self._loop.loop)

    def _take(self, feed: Queue, future: Future[int | None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.settled(feed, future.result(), begun=self._feeds[feed].begun)
            return
        error = told(feed.system, error)
        self.settled(feed, error)
        self._failed(feed, error)

    def _is_due(self, feed: Queue, state: _Feed, now: float) -> bool:
        if self._holds.get(feed.system, (LONG_AGO,))[0] > now:
            return False
        return state.urgent or state.asked + self.pause(feed) * state.factor <= now

    def _is_looked_at(self) -> bool:
        return self._visible is True or self._setup.clock.monotonic() - self._looked < LOOKED_SECONDS

    def _calm_systems(self) -> Iterable[str]:
        """Those that answer and did not ask for a pause."""
        now = self._setup.clock.monotonic()
        troubled = {feed.system for feed, state in self._feeds.items() if state.failures}
        troubled |= {system for system, (until, _) in self._holds.items() if until > now}
        return dict.fromkeys(feed.system for feed in self._feeds if feed.system not in troubled)

    def _hear(self) -> None:
        """An update that arrived, from whichever process: its queue tells of it at once."""
        record = self._setup.record
        if not record.bell.changed():
            return
        for ring in record.bell.rings(self._heard):
            self._heard = ring.seq
            push = record.push(ring.subject) if ring.kind == "push" else None
            if push is not None and push.done:
                self.hurry(push.system)
