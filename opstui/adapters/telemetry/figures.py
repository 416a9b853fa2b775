"""Numbers and times as files write them. A number keeps the text it was written with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from opstui.core.errors import UsageError
from opstui.core.observations import Point
from opstui.core.text import clean_line

FIGURE_LIMIT = 40
"""Characters of a number; a longer one is none."""

_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z")
_NOTHING = frozenset(("", "nan", "null", "none", "na", "n/a", "-", "–", "+inf", "-inf", "inf", "infinity", "-infinity"))
_WITH_UNIT = re.compile(r"([+-]?[\d.,]+(?:[eE][+-]?\d+)?)\s*([%°µa-zA-Z][%°µa-zA-Z/]{0,9})\Z")
_ISO = re.compile(
    r"\d{4}([-/])\d\d\1\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?\s*(?:Z|UTC|GMT|[+-]\d\d:?\d\d)?(?: UTC)?\Z"
)
_EPOCHS = ((1e8, 1e11, 1.0), (1e11, 1e14, 1e3), (1e14, 1e17, 1e6), (1e17, 1e20, 1e9))
"""From, to, and how many of them make a second: seconds (from 1973 on), milli-, micro- and nanoseconds."""
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


class Figure(str):
    """A number of a JSON file, as it is written there."""

    __slots__ = ()


class BadTelemetry(UsageError):
    """A file that can't be read as telemetry; the message names file and line or field."""


def number_of(value: Any) -> float | None:
    """The number behind a value; None where it is none, or stands for none. Not always finite."""
    if isinstance(value, bool) or not isinstance(value, str):
        return None
    text = value.strip()
    if len(text) > FIGURE_LIMIT or not _NUMBER.match(text):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def is_nothing(value: Any) -> bool:
    """Whether a value says that there is no data: null, NaN, an empty cell. Infinite is none either."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _NOTHING)


def point_of(at: datetime, value: Any) -> Point:
    """A point; without a number where the value is none."""
    number = number_of(value)
    text = str(clean_line(str(value).strip(), limit=FIGURE_LIMIT)) if number is not None else "no data"
    return Point(at, text, number)


def with_unit(cell: str) -> tuple[str, str]:
    """``12 ms`` as number and unit; the unit is empty where there is none."""
    match = _WITH_UNIT.match(cell.strip())
    return (match[1], match[2]) if match is not None and number_of(match[1]) is not None else (cell.strip(), "")


def moment_of(value: Any) -> datetime | None:
    """A time: RFC 3339, or seconds, milli-, micro- or nanoseconds since 1970. Naive where it names no zone."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    number = number_of(text)
    if number is not None:
        for low, high, parts in _EPOCHS:
            if low <= number < high:
                return _BEGIN + timedelta(seconds=number / parts)
        return None
    if not _ISO.match(text):
        return None
    text = text.removesuffix(" UTC").removesuffix("GMT").strip()
    text = text[:-3].strip() + "+00:00" if text.endswith("UTC") else text
    try:
        return datetime.fromisoformat(text.replace(",", ".").replace("/", "-"))
    except ValueError:
        return None


def in_utc(at: datetime) -> datetime:
    """Aware, UTC; a time without a zone is taken as UTC. Raises OverflowError at the ends of time."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


UNITS = {
    "seconds": "s", "second": "s", "milliseconds": "ms", "millisecond": "ms", "microseconds": "µs", "percent": "%",
    "bytes": "bytes", "byte": "bytes", "count": "", "none": "", "short": "", "bytes/second": "bytes/s",
    "count/second": "/s", "percentunit": "",
}  # fmt: skip
"""Words for units → what stands behind a number."""


def unit_of(word: str) -> str:
    """A unit as it is written behind a number."""
    text = str(clean_line(word, limit=16)).strip()
    return UNITS.get(text.casefold(), text)
