"""The demo's incidents as data: what the files under ``opstui/demo`` say, read and with their times put in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opstui.core.frozen import dataclass

HERE = Path(__file__).parent
RUNBOOKS = HERE / "runbooks"
"""The demo's approved pages."""

_SPAN = re.compile(r"(?P<sign>[+-]?)(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?\Z")
_SLOT = re.compile(r"\{(me|value|(?:at|day|stamp):[^}]+)\}")
_PATHS = {"status": "/status", "severity": "/severity", "assignee": "/assignee", "team": "/team", "tags": "/tags"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that somebody does to a ticket: writes, sets fields, attaches a file, or several of these."""

    at: timedelta
    """From the moment that the story is told from; negative is before."""
    by: str
    text: str | None = None
    kind: str = "comment"
    public: bool = False
    sets: Mapping[str, Any] = field(default_factory=dict)
    """Path → value."""
    due: timedelta | None = None
    """The ticket is due this long after the entry."""
    attach: str | None = None
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A ticket before it exists."""

    key: str | None
    title: str
    body: str
    severity: str
    team: str
    services: tuple[str, ...]
    tags: tuple[str, ...]
    fields: Mapping[str, str]
    created: timedelta
    due: timedelta | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens while the demo runs."""

    after: float
    """Seconds since the step before."""
    ticket: str
    """Its key."""
    entry: Entry | None = None
    arrives: Incident | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A small alert that comes, is looked at and goes, again and again with other values."""

    title: str
    body: str
    again: str
    found: str
    done: str
    severity: str
    team: str
    service: str
    owner: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """Puts times and names into a text."""

    moment: datetime
    """What ``{at:-5m}`` counts from. Aware, UTC."""
    me: str
    """The operator."""
    value: str = ""

    def say(self, text: str) -> str:
        """``{at:-5m}`` is a clock, ``{day:-2d}`` a date, ``{stamp:-5m}`` both, ``{me}`` the operator."""
        return _SLOT.sub(self._slot, text.strip("\n"))

    def names(self, values: Any) -> Any:
        """The same for the value of a field."""
        if isinstance(values, str):
            return self.say(values)
        return [self.say(value) for value in values]

    def _slot(self, match: re.Match[str]) -> str:
        name, _, span = match.group(1).partition(":")
        if name == "me":
            return self.me
        if name == "value":
            return self.value
        moment = self.moment + read_span(span)
        shape = {"at": "%H:%M", "day": "%Y-%m-%d", "stamp": "%Y-%m-%dT%H:%M:00Z"}[name]
        return moment.strftime(shape)


def read_span(text: str) -> timedelta:
    """``-2d3h``, ``+15m``, ``40s``. Raises ValueError."""
    match = _SPAN.match(text)
    if match is None or not any(match.group(unit) for unit in "dhms"):
        raise ValueError(f"{text!r} is not a span of time")
    days, hours, minutes, seconds = (int(match.group(unit) or 0) for unit in "dhms")
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -span if match.group("sign") == "-" else span


def incidents() -> tuple[Incident, ...]:
    """The incidents that are there when the world is born, oldest first."""
    found = [_incident(path.stem, _read(path)) for path in sorted((HERE / "incidents").glob("*.toml"))]
    return tuple(sorted(found, key=lambda incident: (incident.created, incident.key or "")))


def script() -> tuple[Step, ...]:
    """What happens first, in order."""
    return tuple(_step(row) for row in _read(HERE / "script.toml")["step"])


def routines() -> tuple[Routine, ...]:
    """What happens from then on, in turn."""
    return tuple(Routine(values=tuple(row.pop("values")), **row) for row in _read(HERE / "routine.toml")["routine"])


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _incident(key: str | None, row: Mapping[str, Any]) -> Incident:
    return Incident(
        key=key,
        title=row["title"],
        body=row["body"],
        severity=row["severity"],
        team=row["team"],
        services=tuple(row["services"]),
        tags=tuple(row["tags"]),
        fields=row.get("fields", {}),
        created=read_span(row["created"]),
        due=read_span(row["due"]) if "due" in row else None,
        entries=_entries(row.get("entry", [])),
    )


def _entries(rows: Sequence[Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(_entry(row, read_span(row["at"])) for row in rows)


def _entry(row: Mapping[str, Any], at: timedelta) -> Entry:
    return Entry(
        at=at,
        by=row["by"],
        text=row.get("text"),
        kind=row.get("kind", "comment"),
        public=row.get("public", False),
        sets={_PATHS[name]: value for name, value in row.get("set", {}).items()},
        due=read_span(row["due"]) if "due" in row else None,
        attach=row.get("attach"),
        content=row.get("content", ""),
    )


def _step(row: Mapping[str, Any]) -> Step:
    arrives = row.get("new")
    return Step(
        after=float(row["after"]),
        ticket=row["ticket"],
        entry=_entry(row, timedelta()) if "by" in row else None,
        arrives=_incident(row["ticket"], {"created": "0s", **arrives}) if arrives is not None else None,
    )
