"""A desk on which sessions are metered, and the events that they are metered by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opstui.config.settings import Budget, Settings, ShiftSettings
from opstui.core.ports import LedgerRow
from opstui.core.rates import RateCard, parse_card
from opstui.core.sessions import Cost, RuntimeStatus, RuntimeUsage, Session, SessionStatus, Usage
from opstui.core.shifts import shift_at
from opstui.services.metering import Meter
from opstui.services.setup import Setup
from opstui.testing import builders as make
from tests.services.building import Place

CARD = parse_card(
    {
        "dated": "2026-11-20",
        "hour": "0.08",
        "search": "0.01",
        "multipliers": {"us": "1.1"},
        "models": {
            "sonnet": {"input": "2", "output": "10", "cache_write": "2.5", "cache_read": "0.1"},
            "haiku": {
                "input": "0.1", "output": "0.5", "cache_write": "0.125", "cache_read": "0.01",
                "tiers": [{"above": 100_000, "input": "0.5", "output": "2.5", "cache_read": "0.05"}],
            },
        },
    }
)  # fmt: skip
SHIFT_BUDGET = 10_000_000


class World:
    """A desk, and sessions that are metered on it."""

    def __init__(self, home: Path, *, ceiling: int | None = None) -> None:
        shift = ShiftSettings(budget=Budget(SHIFT_BUDGET), ceiling=None if ceiling is None else Budget(ceiling))
        self.place = Place(home, settings=Settings(shift=shift))
        self.setup: Setup = replace(self.place.setup, rates=lambda: self.card)
        self.card: RateCard = CARD
        self.record = self.setup.record
        self.now = self.place.clock.now()
        self._made = 0

    def session(self, **changes: Any) -> Session:
        self._made += 1
        given: dict[str, Any] = {
            "runtime": "managed", "runtime_kind": "managed-agents", "model": "sonnet",
            "created_at": self.now - timedelta(hours=24), "cost": Cost(budget=1_000_000), "shift": self.shift_id,
        }  # fmt: skip
        return make.session(f"s{self._made}", **given | changes)

    @property
    def shift_id(self) -> str:
        return shift_at(self.now, self.setup.schedule).id

    def run(
        self, session: Session, events: Sequence[RuntimeUsage | RuntimeStatus], meter: Meter | None = None
    ) -> Session:
        """Take events as a session's owner does: rows and session are stored after each."""
        meter = meter or Meter(self.setup, session)
        for event in events:
            if isinstance(event, RuntimeStatus):
                session = meter.status(session, event, self.place.clock.now())
                continue
            session, row = meter.take(session, event)
            self.keep(row)
        return session

    def keep(self, row: LedgerRow | None) -> None:
        if row is not None:
            self.record.write(lambda writer: writer.add_usage(row))

    def ago(self, **span: float) -> datetime:
        return self.now - timedelta(**span)

    def rows(self, session: Session) -> list[LedgerRow]:
        return sorted(self.record.usage_of(session.id), key=lambda row: row.key)


def step(remote_id: str, at: datetime | None = None, reported: int | None = None, **usage: int) -> RuntimeUsage:
    return RuntimeUsage(remote_id, Usage(**usage), reported, at)


def status(word: str, at: datetime | None = None, number: int = 0) -> RuntimeStatus:
    return RuntimeStatus(f"{word}-{number}", SessionStatus(word), at=at)
