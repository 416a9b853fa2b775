"""What a measured series shows, in sentences that code can stand for: every number and time in them is a point's own.

Nothing is rounded, averaged or computed into a sentence, so that each can be checked against the points that carry it,
which stand on the lines below it. The same points give the same sentences, in whatever order they come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from opstui.core.frozen import dataclass

NAME_LIMIT = 120
"""Code points of a series' name with its labels."""
CARRIED = 10
"""Most points below one sentence; a citation reaches twelve lines."""
STEADY = 0.1
"""A series whose values differ by less than this share of the largest is steady."""
EDGE = 0.25
"""Share of the range, from either end, that counts as low or high."""
NEAR = 0.05
"""Share of the range within which a point is as good as the end of a rise or fall."""
TURNS = 5
"""Most changes between low and high that are told one by one; with more the series just varies."""
CLOSE = 3
"""Points."""
GAP = 3.0
"""A pause this many times as long as usual is one without data."""
GAPS_TOLD = 2


@dataclass(frozen=True, slots=True)
class Point:
    """A value as it stands in the source, and when it was measured."""

    at: datetime
    """Aware."""
    text: str
    """As written: ``1248``, ``0.30000000000000004``, ``NaN``."""
    value: float | None
    """None where the text is no number, or none that is finite: a point without data."""


@dataclass(frozen=True, slots=True)
class Series:
    """One measured quantity."""

    name: str
    points: tuple[Point, ...]
    unit: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """A sentence, and the points that carry it."""

    text: str
    start: datetime | None
    """Aware, UTC. Of what the sentence tells; None for a state that is told without a time."""
    end: datetime | None
    lines: tuple[str, ...] = ()
    """The points, one a line, with their whole time."""
    weight: float = 0.0
    """How much it tells beside others of the same file: a change more than a steady state."""

    @property
    def entry(self) -> str:
        """As the text of a timeline entry: the sentence first."""
        return "\n".join((self.text, *self.lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a file of telemetry holds."""

    series: tuple[Series, ...] = ()
    told: tuple[Observation, ...] = ()
    """Events, log lines and states, which are sentences already."""
    notes: tuple[str, ...] = ()
    """What a person should know of how it was read."""


def observe(series: Series) -> tuple[Observation, ...]:
    """What the series shows, in the order of time; empty for one without a single point."""
    every = _in_order(series.points)
    if not every:
        return ()
    known = [point for point in every if point.value is not None]
    name = called(series)
    if not known:
        text = f"{name} has no data {_between(every[0].at, every[-1].at)}."
        return (Observation(text, every[0].at, every[-1].at, weight=1.0),)
    found = [*_shape(name, series.unit, known), *_gaps(name, series.unit, every, known)]
    return tuple(sorted(found, key=lambda one: (one.start or every[0].at, one.end or every[0].at, one.text)))


def called(series: Series) -> str:
    """``ReplicaLag (instance=orders-2)``: name and labels, on one line, cut where they are too long."""
    labels = ", ".join(f"{key}={value}" for key, value in series.labels)
    name = " ".join(series.name.split()) or "the series"
    if not name[0].isalnum():
        name = f"series {name}"
    whole = " ".join((f"{name} ({labels})" if labels else name).split())
    return whole if len(whole) <= NAME_LIMIT else whole[: NAME_LIMIT - 1] + "…"


def _in_order(points: Sequence[Point]) -> list[Point]:
    """By time, in UTC; of several at the same moment one with a value, the largest, so that no order decides."""
    best: dict[datetime, Point] = {}
    for point in points:
        at = point.at.astimezone(UTC)
        moved = Point(at, point.text, point.value if _is_finite(point.value) else None)
        other = best.get(at)
        if other is None or _rank(moved) > _rank(other):
            best[at] = moved
    return [best[at] for at in sorted(best)]


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _rank(point: Point) -> tuple[bool, float, str]:
    return point.value is not None, point.value or 0.0, point.text


# --- the shape --------------------------------------------------------------------------------------------------------


def _shape(name: str, unit: str, points: Sequence[Point]) -> Iterator[Observation]:
    first, last = points[0], points[-1]
    if len(points) == 1:
        yield _said(f"{name} was {_value(first, unit)} at {_at(first.at)}.", unit, [first])
        return
    low, high = min(points, key=_number), max(points, key=_number)
    if _number(low) == _number(high):
        text = f"{name} stayed at {_value(first, unit)} {_between(first.at, last.at)}."
        yield _said(text, unit, [first, last], weight=0.3)
        return
    runs = _runs(points, _number(low), _number(high))
    if _number(high) - _number(low) < STEADY * max(abs(_number(low)), abs(_number(high))):
        verb, weight = "stayed", 0.4
    elif len(runs) - 1 > TURNS:
        verb, weight = "varied", 1.0
    else:
        yield from _turns(name, unit, points, runs)
        return
    text = f"{name} {verb} between {_value(low, unit)} and {_value(high, unit)} {_between(first.at, last.at)}."
    yield _said(text, unit, sorted({first, low, high, last}, key=lambda point: point.at), weight=weight)


def _runs(points: Sequence[Point], low: float, high: float) -> list[tuple[bool, int, int]]:
    """Stretches that are high or low: is it high, index of the first and of the last point; in between is neither."""
    whole = high - low
    found: list[tuple[bool, int, int]] = []
    for index, point in enumerate(points):
        share = (_number(point) - low) / whole if math.isfinite(whole) else float(_number(point) > 0)
        if EDGE < share < 1 - EDGE:
            continue
        is_high = share >= 1 - EDGE
        if found and found[-1][0] is is_high:
            found[-1] = (is_high, found[-1][1], index)
        else:
            found.append((is_high, index, index))
    return found


def _turns(
    name: str, unit: str, points: Sequence[Point], runs: Sequence[tuple[bool, int, int]]
) -> Iterator[Observation]:
    """Each rise and fall; a high or low of one point between two others is a spike or a drop, told at once."""
    told: set[int] = set()
    index = 1
    while index < len(runs):
        is_high, begin, end = runs[index]
        alone = begin == end and index + 1 < len(runs)
        if alone and runs[index - 1][2] == begin - 1 and runs[index + 1][1] == end + 1:
            before, at, after = points[begin - 1], points[begin], points[begin + 1]
            verb = "spiked" if is_high else "dropped"
            text = (
                f"{name} {verb} to {_value(at, unit)} at {_at(at.at)}, from {_value(before, unit)} at "
                f"{_at(before.at, day=False)}, and was {_value(after, unit)} at {_at(after.at, day=False)}."
            )
            yield _said(text, unit, [before, at, after], weight=3.0)
            told |= {begin - 1, begin, begin + 1}
            index += 2
            continue
        start, stop = _leaves(points, runs[index - 1]), _arrives(points, runs[index])
        verb = "rose" if is_high else "fell"
        begun, done = points[start], points[stop]
        text = f"{name} {verb} from {_value(begun, unit)} to {_value(done, unit)} {_between(begun.at, done.at)}."
        yield _said(text, unit, _carrying(points[start : stop + 1]), weight=3.0)
        told |= {start, stop}
        index += 1
    # The outermost value, where no sentence so far has named one that is as good.
    for verb, best in (("peaked", max), ("was lowest", min)):
        top = best(range(len(points)), key=lambda at: _number(points[at]))
        news = all(abs(_number(points[at]) - _number(points[top])) > NEAR * _range(points) for at in told)
        if news and (verb == "peaked" or not _rises(runs)):
            text = f"{name} {verb} at {_value(points[top], unit)} at {_at(points[top].at)}."
            yield _said(text, unit, [points[top]], weight=2.0)


def _rises(runs: Sequence[tuple[bool, int, int]]) -> bool:
    """Whether it begins low: its lowest value is then where it came from, and no news."""
    return not runs[0][0]


def _leaves(points: Sequence[Point], run: tuple[bool, int, int]) -> int:
    """Where a rise or fall begins: the last point of the stretch before it that is as good as its end.

    That is the end itself where it is only a few points away.
    """
    ends, near = _ends(points, run)
    return ends[-1] if near[-1] - ends[-1] <= CLOSE else near[-1]


def _arrives(points: Sequence[Point], run: tuple[bool, int, int]) -> int:
    """Where it is over: the first point of the stretch behind it that is as good as its end."""
    ends, near = _ends(points, run)
    return ends[0] if ends[0] - near[0] <= CLOSE else near[0]


def _ends(points: Sequence[Point], run: tuple[bool, int, int]) -> tuple[list[int], list[int]]:
    """The outermost points of a stretch, and those that are as good."""
    is_high, begin, end = run
    stretch = points[begin : end + 1]
    goal = max(map(_number, stretch)) if is_high else min(map(_number, stretch))
    slack = NEAR * _range(points)
    inside = range(begin, end + 1)
    near = [at for at in inside if abs(_number(points[at]) - goal) <= slack]
    return [at for at in near if _number(points[at]) == goal], near


def _range(points: Sequence[Point]) -> float:
    return max(map(_number, points)) - min(map(_number, points))


def _carrying(points: Sequence[Point]) -> list[Point]:
    """The first, the last, and what lies evenly between, as many as may stand below a sentence."""
    if len(points) <= CARRIED:
        return list(points)
    step = (len(points) - 1) / (CARRIED - 1)
    return [points[round(index * step)] for index in range(CARRIED)]


# --- what is not there ------------------------------------------------------------------------------------------------


def _gaps(name: str, unit: str, every: Sequence[Point], known: Sequence[Point]) -> Iterator[Observation]:
    """The longest stretches in which points are missing, or are there without a value."""
    pauses = sorted(later.at - sooner.at for sooner, later in pairwise(every))
    if not pauses or len(known) < 2:
        return
    usual = pauses[len(pauses) // 2]
    if usual <= timedelta():
        return
    gaps = [
        (later.at - sooner.at, sooner, later)
        for sooner, later in pairwise(known)
        if later.at - sooner.at >= GAP * usual
    ]
    gaps.sort(key=lambda gap: (-gap[0], gap[1].at))
    for _, sooner, later in gaps[:GAPS_TOLD]:
        text = f"{name} has no data between {_span(sooner.at, later.at)}."
        yield _said(text, unit, [sooner, later], weight=1.5)
    if every[-1].value is None and every[-1].at - known[-1].at >= GAP * usual:
        text = f"{name} has no data after {_at(known[-1].at)}."
        yield Observation(text, known[-1].at, every[-1].at, (_line(known[-1], unit),), 1.5)


# --- words ------------------------------------------------------------------------------------------------------------


def _said(text: str, unit: str, points: Sequence[Point], *, weight: float = 1.0) -> Observation:
    return Observation(text, points[0].at, points[-1].at, tuple(_line(point, unit) for point in points), weight)


def _line(point: Point, unit: str) -> str:
    """``2026-11-20T10:01:00Z 15 s``."""
    return f"{point.at.isoformat().replace('+00:00', 'Z')} {_value(point, unit)}"


def _value(point: Point, unit: str) -> str:
    return f"{point.text} {unit}".rstrip()


def _number(point: Point) -> float:
    assert point.value is not None
    return point.value


def between(start: datetime, end: datetime) -> str:
    """``between 10:01 and 10:21 UTC on 2026-11-20``, or ``at …`` where both are one. UTC."""
    return _between(start.astimezone(UTC), end.astimezone(UTC))


def _between(start: datetime, end: datetime) -> str:
    return f"at {_at(start)}" if start == end else f"between {_span(start, end)}"


def _span(start: datetime, end: datetime) -> str:
    """``10:01 and 10:21 UTC on 2026-11-20``; both dates where they differ."""
    if start.date() != end.date():
        return f"{start:%Y-%m-%d} {_clock(start, end)} and {end:%Y-%m-%d} {_clock(end, start)} UTC"
    return f"{_clock(start, end)} and {_clock(end, start)} UTC on {start:%Y-%m-%d}"


def _at(at: datetime, *, day: bool = True) -> str:
    return f"{_clock(at, at)} UTC on {at:%Y-%m-%d}" if day else _clock(at, at)


def _clock(at: datetime, other: datetime) -> str:
    """Seconds only where one of the two has some."""
    return at.strftime("%H:%M" if not at.second and not other.second else "%H:%M:%S")
