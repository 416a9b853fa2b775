"""Shifts: who is on duty when, and to which shift a moment belongs."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.zones import time_zone

RATE_AFTER = timedelta(minutes=5)
"""No forecast is made from less."""
_TICK = timedelta(microseconds=1)


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
    """``Day`` and ``Night``; of three ``Early``, ``Late`` and ``Night``; else when it starts, ``06:00``."""

    @property
    def id(self) -> str:
        """Its start, RFC 3339."""
        return self.start.strftime("%Y-%m-%dT%H:%M:%SZ")


def shift_at(moment: datetime, schedule: Schedule) -> Shift:
    """The shift that ``moment`` (aware) falls into; every moment falls into exactly one.

    Raises UsageError for a zone that this machine does not know, or a schedule without a start.
    """
    moment = moment.astimezone(UTC)
    edges = _edges(moment, schedule)
    at = bisect_right(edges, moment, key=lambda edge: edge[0]) - 1
    start, begins = edges[at]
    return Shift(start, edges[at + 1][0], _name(begins, schedule))


def shift_before(shift: Shift, schedule: Schedule) -> Shift:
    """The one that ended when ``shift`` began."""
    return shift_at(shift.start - timedelta(microseconds=1), schedule)


def forecast(estimate: int, shift: Shift, now: datetime) -> int | None:
    """Micro-dollars at the end of the shift if it goes on at this rate; None in the first five minutes."""
    elapsed = min(now, shift.end) - shift.start
    if elapsed < RATE_AFTER:
        return None
    whole, part = shift.end - shift.start, elapsed
    return round(Fraction(estimate) * Fraction(whole // _TICK, part // _TICK))


def _edges(moment: datetime, schedule: Schedule) -> list[tuple[datetime, time]]:
    """When shifts start around ``moment``, in order, each instant once.

    Sorted as instants: where a clock change skips an hour, two starts within it can trade places, or fall together.
    """
    if not schedule.starts:
        raise UsageError("a shift schedule needs at least one start, for example 08:00")
    zone = time_zone(schedule.timezone)
    day = moment.astimezone(zone).date()
    edges: dict[datetime, time] = {}
    for days in (-2, -1, 0, 1, 2):
        for begins in schedule.starts:
            local = datetime.combine(day + timedelta(days=days), begins.replace(tzinfo=None, fold=0), zone)
            edges.setdefault(local.astimezone(UTC), begins)
    return sorted(edges.items(), key=lambda edge: edge[0])


def _name(begins: time, schedule: Schedule) -> str:
    names = {start: _word(start, len(schedule.starts)) for start in schedule.starts}
    name = names[begins]
    return name if list(names.values()).count(name) == 1 else f"{begins:%H:%M}"


def _word(begins: time, count: int) -> str:
    if count < 3:
        return "Day" if count == 1 or 4 <= begins.hour < 16 else "Night"
    return "Early" if 4 <= begins.hour < 11 else "Late" if 11 <= begins.hour < 19 else "Night"
