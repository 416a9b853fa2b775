"""Shifts: who is on duty when, and to which shift a moment belongs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True, slots=True)
class Schedule:
    """When shifts start, in which zone. One start means a shift of a day."""

    timezone: str = "UTC"
    """An IANA name."""
    starts: tuple[time, ...] = (time(8), time(20))


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of duty. Half-open: ``start`` belongs to it, ``end`` to the next one."""

    start: datetime
    """Aware, UTC."""
    end: datetime
    """Aware, UTC. 11 or 13 hours may lie between eight and eight where clocks change."""
    name: str
    """``Day`` or ``Night``, or the hour it starts."""

    @property
    def id(self) -> str:
        """Its start, RFC 3339."""
        return self.start.strftime("%Y-%m-%dT%H:%M:%SZ")
