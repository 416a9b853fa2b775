"""Everything the stand-in holds: agents, environments, sessions, and the scripts that wait for one."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opstui.core.ids import Clock
from opstui.rehearsal.catalog import Catalog
from opstui.rehearsal.clock import stamp
from opstui.rehearsal.play import Performance, Turn
from opstui.rehearsal.refusals import Refusal
from opstui.rehearsal.session import Session
from opstui.rehearsal.steps import Step

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class State:
    """What outlives a request."""

    def __init__(self, clock: Clock, mind: Callable[[], Turn]) -> None:
        self.clock = clock
        self.started_at = stamp(clock.now())
        self.catalog = Catalog(self.new_id, lambda: stamp(clock.now()))
        self.sessions: dict[str, Session] = {}
        """By id; a deleted one stays, marked, so that tests can look at it."""
        self.scripts: deque[tuple[tuple[Step, ...], int]] = deque()
        """Steps, and how many sessions more play them."""
        self.paging = ""
        self.events_page = 1000
        self.late_answers = "ignored"
        self.status_lag = 0.0
        self._mind = mind
        self._seed = f"{self.started_at} {id(self)}"
        self._count = 0

    def new_id(self, prefix: str) -> str:
        """``prefix_01`` and 22 letters; no two alike, and not those of another run."""
        self._count += 1
        number = int.from_bytes(hashlib.sha256(f"{self._seed} {self._count}".encode()).digest(), "big")
        letters = []
        for _ in range(22):
            number, digit = divmod(number, 62)
            letters.append(_BASE62[digit])
        return f"{prefix}_01{''.join(letters)}"

    def session(self, session_id: str) -> Session:
        """Raises Refusal for one that is not there."""
        found = self.sessions.get(session_id)
        if found is None or found.deleted:
            raise Refusal(404, f"Session {session_id} was not found.")
        return found

    def open_session(
        self,
        *,
        agent: Mapping[str, Any],
        environment_id: str,
        title: str | None,
        metadata: Mapping[str, str],
        budget: int | None,
    ) -> Session:
        """A new session, with the next script if there is one and the mind if not."""
        session = Session(
            self.new_id("sesn"),
            agent=agent,
            environment_id=environment_id,
            clock=self.clock,
            new_id=self.new_id,
            title=title,
            metadata=metadata,
            budget=budget,
        )
        session.status_lag = self.status_lag
        session.performance = Performance(session, self._mind(), self._next_script())
        self.sessions[session.id] = session
        return session

    def _next_script(self) -> Sequence[Step] | None:
        if not self.scripts:
            return None
        steps, left = self.scripts.popleft()
        if left > 1:
            self.scripts.appendleft((steps, left - 1))
        return steps
