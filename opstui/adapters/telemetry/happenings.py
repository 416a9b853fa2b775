"""Events, log lines and states of exported files as observations: what was recorded, how often, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from opstui.adapters.telemetry.figures import in_utc, moment_of
from opstui.core.observations import Observation, between
from opstui.core.text import clean_line

TEXT_LIMIT = 170
LINE_LIMIT = 1_000
_FIRST = ("first_time", "firsttimestamp", "first_timestamp", "first_seen", "firstseen")
_LAST = ("last_time", "lasttimestamp", "last_timestamp", "last_seen", "lastseen")
_MESSAGES = ("message", "msg", "log", "line")
LOG_LINES_READ = 2_000
STATE_FIELDS = 11
_STAMPED = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?\s+(\S.*)")
_CALLED = ("name", "id", "title", "pod", "node", "deployment", "host")
_WHO = ("involved_object", "service", "host", "source", "source_identifier", "component")


def event_of(row: Mapping[str, Any]) -> Observation | None:
    """An event that was seen from one time to another (of Kubernetes, for one); None for what is none."""
    low = {str(key).casefold(): value for key, value in row.items()}
    first, last = _moment(low, _FIRST), _moment(low, _LAST)
    message = _message(low)
    if first is None or last is None or not message:
        return None
    start, end = sorted((first, last))
    reason = clean_line(str(low.get("reason") or "event"), limit=60)
    times = f" {low['count']} times" if isinstance(low.get("count"), str) and str(low["count"]) != "1" else ""
    text = f"{reason}{_who(low)} was recorded{times} {between(start, end)}: {message}"
    return Observation(text, start, end, _lines(row), 1.0)


def log_of(row: Mapping[str, Any]) -> Observation | None:
    """A line of a log; None for what is none."""
    low = {str(key).casefold(): value for key, value in row.items()}
    at = _moment(low, ("timestamp", "time", "ts", "@timestamp", "date", "at"))
    message = _message(low)
    if at is None or not message:
        return None
    level = low.get("status", low.get("level"))
    kind = f"Log line ({clean_line(level, limit=20)})" if isinstance(level, str) else "Log line"
    return Observation(f"{kind}{_who(low)} {between(at, at)}: {message}", at, at, _lines(row), 0.8)


def log_lines(text: str, who: str) -> Iterator[Observation]:
    """The lines of a log that begin with their time."""
    for line in text.split("\n", LOG_LINES_READ)[:LOG_LINES_READ]:
        match = _STAMPED.match(line.strip())
        at = _moment({"time": match[1]}, ("time",)) if match is not None else None
        if match is not None and at is not None:
            of = f" of {clean_line(who, limit=80)}" if who else ""
            said = clean_line(match[2], limit=TEXT_LIMIT)
            yield Observation(
                f"Log line{of} {between(at, at)}: {said}", at, at, (str(clean_line(line, limit=LINE_LIMIT)),), 0.8
            )


def state_of(row: Any, kind: str) -> Observation | None:
    """What a record without times says of something that has a name: the state that it was exported in."""
    if not isinstance(row, Mapping):
        return None
    leaves = list(_leaves(row, ""))[:60]
    name = next((value for key in _CALLED for path, value in leaves if path == key), "")
    rest = [(path, value) for path, value in leaves if value and value != name]
    if not name or not rest:
        return None
    text = f"{clean_line(kind or 'record', limit=40)} {clean_line(name, limit=80)}: "
    for number, (path, value) in enumerate(rest):
        part = f"{', ' if number else ''}{path.rpartition('.')[2]} {value}"
        if len(text) + len(part) > 270:
            break
        text += part
    lines = tuple(f"{path}: {value}" for path, value in leaves[:STATE_FIELDS])
    return Observation(text, None, None, lines, 0.6)


def _leaves(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping) and depth < 6:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{clean_line(str(key), limit=40)}".lstrip("."), depth + 1)
    elif isinstance(node, list) and depth < 6:
        for value in node[:8]:
            yield from _leaves(value, path, depth + 1)
    elif isinstance(node, bool):
        yield path, str(node).casefold()
    elif isinstance(node, str):
        yield path, str(clean_line(node, limit=160))


def _moment(low: Mapping[str, Any], keys: tuple[str, ...]) -> datetime | None:
    found = next((moment_of(low[key]) for key in keys if key in low), None)
    try:
        return in_utc(found) if found is not None else None
    except OverflowError:
        return None


def _message(low: Mapping[str, Any]) -> str:
    found = next((low[key] for key in _MESSAGES if isinstance(low.get(key), str)), "")
    return str(clean_line(found, limit=TEXT_LIMIT))


def _who(low: Mapping[str, Any]) -> str:
    found = next((low[key] for key in _WHO if isinstance(low.get(key), str) and low[key].strip()), "")
    return f" of {clean_line(found, limit=80)}" if found else ""


def _lines(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The record's own fields, as far as they are words or numbers."""
    return tuple(
        f"{clean_line(str(key), limit=40)}: {clean_line(value, limit=LINE_LIMIT)}"
        for key, value in list(row.items())[:11]
        if isinstance(value, str) and value.strip()
    )
