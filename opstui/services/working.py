"""What a worker does: run queued sessions, take over orphaned ones, send what is approved, until nothing is left."""

from __future__ import annotations

import asyncio
import logging

from opstui.core import stops
from opstui.core.errors import CredentialsRefused, OpstuiError, Unreachable
from opstui.core.sessions import Session
from opstui.services.budgets import Budgets
from opstui.services.drafting import Drafting
from opstui.services.ledger import Ledger
from opstui.services.loop import LoopThread
from opstui.services.publisher import Publisher
from opstui.services.refresh import Refresher
from opstui.services.sessions import SessionService
from opstui.services.setup import Setup

log = logging.getLogger("opstui.working")

CRASHED_SECONDS = 5.0
"""Until publishing is tried again after it broke the program."""
LOST_SECONDS = 10.0
"""Until a session that this process lost contact with is taken up again, unless its service asks for longer."""
PUT_AWAY_SECONDS = 300.0
"""Between two tries to put away what a shift left behind."""
LOOK_SECONDS = 0.05
"""A key press is a row; this is how long it waits at most to be seen. One ``data_version`` costs a few µs."""


class Work:
    """One worker's work."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._loop = LoopThread()
        refresher = Refresher(setup, self._loop)
        drafting = Drafting(setup, refresher)
        self._sessions = SessionService(setup, Budgets(setup, Ledger(setup)), refresher, drafting)
        self._not_before: dict[str, float] = {}
        self._publisher = Publisher(setup, self._loop, refresher)
        self.stopped = False

    def stop(self) -> None:
        """End soon; what is unfinished is taken up by the next worker."""
        self.stopped = True

    def has_work(self) -> bool:
        """Whether a session or an update is unfinished and nobody works on it."""
        return bool(self._sessions.unowned()) or self._publisher.has_work()

    def run_until_idle(self, *, linger: float) -> None:
        """Work until there has been nothing to do for ``linger`` seconds, or ``stop``."""
        asyncio.run(self._run(linger))
        self._loop.close()
        self._loop = LoopThread()

    async def _run(self, linger: float) -> None:
        clock, bell = self._setup.clock, self._setup.record.bell
        running: dict[str, asyncio.Task[None]] = {}
        publishing: dict[str, asyncio.Task[None]] = {}
        tidying: asyncio.Task[None] | None = None
        tidy_again = 0.0
        idle_since = clock.monotonic()
        look_again = 0.0
        crashed: dict[str, float] = {}
        pending = lost = False
        while not self.stopped:
            now = clock.monotonic()
            if bell.changed() or now >= look_again:
                look_again = now + 1.0
                lost = False
                for session in self._sessions.unowned():
                    lost = lost or session.id in self._not_before
                    late = self._not_before.get(session.id, 0.0) <= now
                    if late and session.id not in running and self._has_room(session, running):
                        running[session.id] = asyncio.create_task(self._run_session(session.id))
                if tidying is not None and tidying.done() and tidying.exception() is not None:
                    log.error("putting away crashed", exc_info=tidying.exception())
                    tidying = None
                if now >= tidy_again and (tidying is None or tidying.done()):
                    tidy_again = now + PUT_AWAY_SECONDS
                    tidying = asyncio.create_task(self._put_away())
                pending = self._publisher.has_work()
                if pending:
                    # An update that waits for a system is looked at again soon, whatever else happens.
                    look_again = now + 0.2
                for system, task in list(publishing.items()):
                    if task.done():
                        del publishing[system]
                        if task.exception() is not None:
                            # Tried again, in case it was a file or a moment; but seldom, and never in silence.
                            log.error("publishing crashed", exc_info=task.exception())
                            crashed[system] = now + CRASHED_SECONDS
                # Systems apart: one that is slow to say that it is away holds up its own updates only.
                for system in self._publisher.due() if pending else ():
                    if system not in publishing and crashed.get(system, 0.0) <= now:
                        publishing[system] = asyncio.create_task(asyncio.to_thread(self._publish, system))
            finished = [session_id for session_id, task in running.items() if task.done()]
            for session_id in finished:
                self._note_crash(session_id, running.pop(session_id))
                look_again = 0.0
            doing = [task for task in (*publishing.values(), tidying) if task is not None and not task.done()]
            # A session that waits to be taken up again is work too, though nothing runs at this moment.
            busy = pending or bool(running) or bool(doing) or lost
            if busy or finished:
                idle_since = clock.monotonic()
            elif clock.monotonic() - idle_since > linger:
                break
            await asyncio.sleep(LOOK_SECONDS)
        ending = [*running.values(), *([tidying] if tidying is not None else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.gather(*publishing.values(), return_exceptions=True)

    def _note_crash(self, session_id: str, task: asyncio.Task[None]) -> None:
        """A session that broke the program is failed, not tried again for ever."""
        crash = None if task.cancelled() else task.exception()
        if crash is not None:
            log.error("session %s crashed", session_id, exc_info=crash)
            self._sessions.fail(session_id, stops.INTERNAL_ERROR)

    def _has_room(self, session: Session, running: dict[str, asyncio.Task[None]]) -> bool:
        runtime = self._setup.runtimes.get(session.runtime)
        limit = runtime.parallel if runtime is not None else 1
        beside = 0
        for other in running:
            found = self._setup.record.session(other)
            beside += found is not None and found.runtime == session.runtime
        return beside < max(1, limit)

    async def _run_session(self, session_id: str) -> None:
        try:
            await self._sessions.run(session_id)
            self._not_before.pop(session_id, None)
        except OpstuiError as error:
            # The session's own row and events say what went wrong; this is for the log.
            log.warning("session %s: %s", session_id, error.__class__.__name__)
            asked = error.retry_after if isinstance(error, Unreachable) else None
            self._not_before[session_id] = self._setup.clock.monotonic() + max(LOST_SECONDS, asked or 0.0)

    async def _put_away(self) -> None:
        """Archive or delete, elsewhere, what belongs to shifts that are over."""
        away: set[str] = set()
        for session in await asyncio.to_thread(self._sessions.to_put_away):
            if session.runtime in away:
                continue
            try:
                await self._sessions.put_away(session)
            except (OpstuiError, OSError) as error:
                log.warning("putting away session %s: %s", session.id, error.__class__.__name__)
                if isinstance(error, (Unreachable, CredentialsRefused, OSError)):
                    # Each try takes its time, and the next ones of this runtime would fail as this one did.
                    away.add(session.runtime)

    def _publish(self, system: str) -> None:
        try:
            self._publisher.run_due(system)
        except OpstuiError as error:
            log.warning("publishing to %s: %s", system, error.__class__.__name__)
