"""A desk over real parts in a temporary folder, with a clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from opstui.adapters.tickets.local import LocalTickets
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.desk import RefreshTickets
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.services.setup import Setup
from opstui.wiring import open_setup

MIDNIGHT = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)


class MovableClock:
    """Stands still until it is moved; its monotonic side moves with it."""

    def __init__(self, start: datetime = MIDNIGHT + timedelta(hours=3, minutes=14)) -> None:
        self._now = start
        self._guard = threading.Lock()

    def now(self) -> datetime:
        with self._guard:  # or a move would be lost between another thread's reading and writing
            self._now += timedelta(microseconds=1000)
            return self._now

    def monotonic(self) -> float:
        return (self._now - MIDNIGHT).total_seconds()

    def move(self, **span: float) -> None:
        with self._guard:
            self._now += timedelta(**span)


class SeededRandomness:
    """The same bytes in the same order."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def choice(self, letters: str) -> str:
        return self._random.choice(letters)


class Place:
    """One home folder, the desk on it, and somebody else's hands on its tickets."""

    def __init__(
        self, home: Path, *, settings: Settings | None = None, clock: MovableClock | None = None, **options: Any
    ) -> None:
        self.clock = clock or MovableClock()
        self.paths = Paths.find({"OPSTUI_HOME": str(home)})
        self.settings = settings or Settings()
        self.spawned = 0
        self.setup: Setup = open_setup(
            self.settings, self.paths, clock=self.clock, randomness=SeededRandomness(), **options
        )
        object.__setattr__(self.setup, "spawn_worker", self._spawn)
        self.desk = DeskService(self.setup)

    @property
    def local(self) -> LocalTickets:
        system = self.setup.systems["local"]
        assert isinstance(system, LocalTickets)
        return system

    def ticket(self, title: str = "Checkout answers 5xx", body: str = "", **fields: Any) -> TicketRef:
        key = self.local.create(title=title, body=body, **fields)
        self.desk.do(RefreshTickets()).unwrap()
        return TicketRef("local", key)

    def entries(self, ref: TicketRef) -> Sequence[Any]:
        from opstui.core.desk import RefreshTicket

        return self.desk.do(RefreshTicket(ref)).unwrap().timeline

    def _spawn(self) -> bool:
        self.spawned += 1
        return True

    def close(self) -> None:
        self.desk.close()
