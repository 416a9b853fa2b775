"""Tickets of ``desk.db`` as values: what is stored, what is read back, and what a field may hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from opstui.adapters.tickets.local_schema import category_of, time_of
from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import (
    EntryKind,
    Status,
    Ticket,
    TicketAttachment,
    TicketRef,
    TimelineEntry,
    Visibility,
)

SEVERITIES = ("1", "2", "3", "4")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A timeline entry before it has a number."""

    at: datetime
    author: SafeText
    kind: EntryKind
    visibility: Visibility
    text: SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket before it has a version. Texts are clean."""

    key: str | None
    title: SafeText
    body: SafeText
    status: SafeText
    severity: str | None
    priority: SafeText | None
    assignees: tuple[SafeText, ...]
    team: SafeText | None
    services: tuple[SafeText, ...]
    tags: tuple[SafeText, ...]
    fields: Mapping[str, SafeText]
    url: SafeText | None
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    timeline: tuple[NewEntry, ...] = ()
    imported: str | None = None
    """Hash of the line it was imported from."""


def read_tickets(
    connection: apsw.Connection, system: str, where: str, params: Sequence[Any]
) -> list[tuple[int, Ticket]]:
    """Complete tickets with their change numbers, oldest change first; ``where`` is SQL on ``tickets``."""
    rows: list[Any] = connection.execute(
        "SELECT id, key, title, body, status, severity, priority, team, url, created, updated, due, version, change, "
        f"assignees, services, tags, fields FROM tickets WHERE {where}",
        params,
    ).fetchall()
    ids = dumped([row[0] for row in rows])
    entries: dict[int, list[TimelineEntry]] = {row[0]: [] for row in rows}
    files: dict[int, list[TicketAttachment]] = {row[0]: [] for row in rows}
    keys = {row[0]: row[1] for row in rows}
    one: Any
    for one in connection.execute(
        "SELECT ticket, number, at, author, kind, visibility, text, op_id FROM entries "
        "WHERE ticket IN (SELECT value FROM json_each(?)) ORDER BY ticket, number",
        (ids,),
    ):
        ticket, number, at, author, kind, visibility, text, op_id = one
        entries[ticket].append(
            TimelineEntry(
                f"{keys[ticket]}#{number}",
                time_of(at),
                SafeText(author),
                EntryKind(kind),
                Visibility(visibility),
                SafeText(text),
                op_id,
            )
        )
    for one in connection.execute(
        "SELECT ticket, name, size, sha256 FROM attachments WHERE ticket IN (SELECT value FROM json_each(?)) "
        "ORDER BY id",
        (ids,),
    ):
        files[one[0]].append(TicketAttachment(SafeText(one[1]), one[2], one[3]))
    return [
        (
            row[13],
            Ticket(
                ref=TicketRef(system, row[1]),
                title=SafeText(row[2]),
                body=SafeText(row[3]),
                status=Status(SafeText(row[4]), category_of(row[4])),
                severity=row[5],
                priority=_safe(row[6]),
                team=_safe(row[7]),
                url=_safe(row[8]),
                created_at=time_of(row[9]),
                updated_at=time_of(row[10]),
                due_at=None if row[11] is None else time_of(row[11]),
                version=str(row[12]),
                assignees=_safe_names(row[14]),
                services=_safe_names(row[15]),
                tags=_safe_names(row[16]),
                fields={name: SafeText(value) for name, value in json.loads(row[17]).items()},
                timeline=tuple(entries[row[0]]),
                attachments=tuple(files[row[0]]),
            ),
        )
        for row in rows
    ]


def difference(name: str, before: object, after: object) -> str:
    """What a history entry says of a change: ``new → open``, ``severity 3 → 2``, ``tags +dns −old``."""
    if name in ("tags", "services") and isinstance(before, list) and isinstance(after, list):
        words = [f"+{one}" for one in after if one not in before] + [f"−{one}" for one in before if one not in after]
        return f"{name} {' '.join(words)}" if words else f"{name} reordered"
    if name == "body":
        return "body edited"
    label = "" if name == "status" else f"{name} "
    return f"{label}{_shown(before)} → {_shown(after)}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "nobody"
    text = " ".join(str(value).split()) if value is not None else ""
    return (text if len(text) <= 200 else text[:199] + "…") or "–"


def severity_of(value: object) -> str | None:
    """The value as a severity. Raises Refused."""
    if value is None or value in SEVERITIES:
        return None if value is None else str(value)
    raise Refused("a severity is 1, 2, 3 or 4, or nothing", reason="severity")


def text_of(path: str, value: object) -> str:
    """The value as a text. Raises Refused."""
    if not isinstance(value, str):
        raise Refused(f"{path} takes a text", reason="type")
    return value


def text_or_none(path: str, value: object) -> str | None:
    """The value as a text or None. Raises Refused."""
    return None if value is None else text_of(path, value)


def list_of(path: str, value: object) -> list[str]:
    """The value as a list of names. Raises Refused."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise Refused(f"{path} takes a list of names", reason="type")
    return [str(item) for item in value]


def line_or_none(value: str | None) -> SafeText | None:
    """A clean line; None for an empty one."""
    return (clean_line(value) or None) if value is not None else None


def names_of(values: Iterable[str]) -> tuple[SafeText, ...]:
    """Clean names, each once, in order, without empty ones."""
    return tuple(dict.fromkeys(name for name in (clean_line(value, limit=200) for value in values) if name))


def _safe(value: str | None) -> SafeText | None:
    return None if value is None else SafeText(value)


def _safe_names(text: str) -> tuple[SafeText, ...]:
    return tuple(SafeText(name) for name in json.loads(text)) if text != "[]" else ()


def dumped(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
