"""The shape of ``cache.db``, and tickets as its rows. All of it can be fetched again.

Lists read ``tickets`` only, which is narrow; the body and the timeline lie in ``contents``. Times are microseconds
since 1970 in UTC; what sorts last has a rank that is larger than any other.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from opstui.adapters.sqlite import Step
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketAttachment,
    TicketRef,
    TicketRow,
    TimelineEntry,
    Visibility,
)

STEPS: tuple[Step, ...] = (
    """
    CREATE TABLE queues(
        id INTEGER PRIMARY KEY, system TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL, cursor TEXT,
        generation INTEGER NOT NULL DEFAULT 0, syncing INTEGER NOT NULL DEFAULT 0, health TEXT NOT NULL,
        error TEXT, fetched INTEGER, UNIQUE (system, name));

    CREATE TABLE tickets(
        id INTEGER PRIMARY KEY, system TEXT NOT NULL, key TEXT NOT NULL, title TEXT NOT NULL, status TEXT NOT NULL,
        category INTEGER NOT NULL, severity TEXT, priority TEXT, assignees TEXT NOT NULL, team TEXT,
        services TEXT NOT NULL, tags TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, due INTEGER,
        version TEXT NOT NULL, severity_rank INTEGER NOT NULL, due_rank INTEGER NOT NULL, owner_rank TEXT NOT NULL,
        key_rank TEXT NOT NULL, hash BLOB NOT NULL, words BLOB NOT NULL, stamp INTEGER NOT NULL,
        noticed INTEGER NOT NULL, seen INTEGER NOT NULL, entries INTEGER NOT NULL, seen_entries INTEGER NOT NULL,
        listed INTEGER NOT NULL, UNIQUE (system, key));
    CREATE INDEX tickets_by_urgency ON tickets(severity_rank, due_rank, created, id, category) WHERE listed > 0;
    CREATE INDEX tickets_worst ON tickets(severity_rank, due_rank, created) WHERE listed > 0 AND category < 3;
    CREATE INDEX tickets_by_status ON tickets(status, category);
    CREATE INDEX tickets_unseen ON tickets(id) WHERE noticed > seen;
    CREATE INDEX tickets_by_stamp ON tickets(stamp);

    CREATE TABLE contents(
        ticket INTEGER PRIMARY KEY REFERENCES tickets(id), fetched INTEGER NOT NULL, content TEXT NOT NULL);

    CREATE TABLE members(
        queue INTEGER NOT NULL REFERENCES queues(id), ticket INTEGER NOT NULL REFERENCES tickets(id),
        generation INTEGER NOT NULL, PRIMARY KEY (queue, ticket)) WITHOUT ROWID;
    CREATE INDEX members_by_ticket ON members(ticket);

    CREATE VIRTUAL TABLE search USING fts5(title, body, content='', contentless_delete=1, tokenize='unicode61');
    CREATE VIRTUAL TABLE search_words USING fts5vocab(search, 'row');

    CREATE TABLE views(name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
    """,
)

ROW_COLUMNS = (
    "system, key, title, status, category, severity, priority, assignees, team, services, tags, created, updated, due, "
    "version"
)
"""What :func:`row_of` reads, in order."""

CATEGORIES = tuple(StatusCategory)
"""A category is stored as its place here; those before ``RESOLVED`` are open."""
LAST = 1 << 62
"""The rank of a due time that is not there."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"\d+")
_SEARCHED = 20_000
"""Code points of a body that go into the word index."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A ticket made ready to be stored, off the writer's thread."""

    ref: TicketRef
    values: tuple[Any, ...]
    """``ROW_COLUMNS`` and the four ranks."""
    content: str
    hash: bytes
    """Of everything."""
    words: bytes
    """Of what is searched."""
    title: str
    body: str
    entries: int
    last_author: str


def stored_time(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_of(stored: int) -> datetime:
    """The time that was stored."""
    return _EPOCH + timedelta(microseconds=stored)


def prepare(ticket: Ticket) -> Prepared:
    """The rows of a ticket. About 20 µs for a short one; ``core.codec`` takes ten times that."""
    import hashlib  # loads OpenSSL, 3 ms, which the first screen does not need

    content = _json(
        [
            ticket.body,
            dict(ticket.fields),
            ticket.url,
            [
                (entry.id, stored_time(entry.at), entry.author, entry.kind, entry.visibility, entry.text, entry.op_id)
                for entry in ticket.timeline
            ],
            [(file.name, file.size, file.sha256) for file in ticket.attachments],
        ]
    )
    due = None if ticket.due_at is None else stored_time(ticket.due_at)
    values = (
        ticket.ref.system,
        ticket.ref.key,
        ticket.title,
        ticket.status.raw,
        CATEGORIES.index(ticket.status.category),
        ticket.severity,
        ticket.priority,
        _json(ticket.assignees),
        ticket.team,
        _json(ticket.services),
        _json(ticket.tags),
        stored_time(ticket.created_at),
        stored_time(ticket.updated_at),
        due,
        ticket.version,
        int(ticket.severity) if ticket.severity else 9,
        LAST if due is None else due,
        ticket.assignees[0].casefold() if ticket.assignees else "\U0010ffff",
        _DIGITS.sub(lambda digits: digits.group().zfill(12), ticket.ref.key),
    )
    whole = hashlib.blake2b(content.encode(), digest_size=16)
    whole.update(_json(values).encode())
    body = ticket.body[:_SEARCHED]
    return Prepared(
        ref=ticket.ref,
        values=values,
        content=content,
        hash=whole.digest(),
        words=hashlib.blake2b(f"{ticket.title}\n{body}".encode(), digest_size=16).digest(),
        title=ticket.title,
        body=body,
        entries=len(ticket.timeline),
        last_author=ticket.timeline[-1].author if ticket.timeline else "",
    )


@lru_cache(maxsize=256)
def _status(raw: str, category: int) -> Status:
    return Status(SafeText(raw), CATEGORIES[category])


def _texts(stored: str) -> tuple[SafeText, ...]:
    return tuple(map(SafeText, json.loads(stored))) if stored != "[]" else ()


def row_of(values: tuple[Any, ...]) -> TicketRow:
    """A row from ``ROW_COLUMNS``."""
    (
        system, key, title, status, category, severity, priority, assignees, team, services, tags, created, updated,
        due, version,
    ) = values  # fmt: skip
    return TicketRow(
        ref=TicketRef(system, key),
        title=SafeText(title),
        status=_status(status, category),
        severity=severity,
        priority=None if priority is None else SafeText(priority),
        assignees=_texts(assignees),
        team=None if team is None else SafeText(team),
        services=_texts(services),
        tags=_texts(tags),
        created_at=time_of(created),
        updated_at=time_of(updated),
        due_at=None if due is None else time_of(due),
        version=version,
    )


def ticket_of(values: tuple[Any, ...], content: str) -> Ticket:
    """A whole ticket from ``ROW_COLUMNS`` and its content."""
    row = row_of(values)
    body, fields, url, timeline, files = json.loads(content)
    return Ticket(
        ref=row.ref,
        title=row.title,
        status=row.status,
        severity=row.severity,
        priority=row.priority,
        assignees=row.assignees,
        team=row.team,
        services=row.services,
        tags=row.tags,
        created_at=row.created_at,
        updated_at=row.updated_at,
        due_at=row.due_at,
        version=row.version,
        body=SafeText(body),
        fields={name: SafeText(value) for name, value in fields.items()},
        url=None if url is None else SafeText(url),
        timeline=tuple(
            TimelineEntry(
                entry, time_of(at), SafeText(author), EntryKind(kind), Visibility(visibility), SafeText(text), op_id
            )
            for entry, at, author, kind, visibility, text, op_id in timeline
        ),
        attachments=tuple(TicketAttachment(SafeText(name), size, sha256) for name, size, sha256 in files),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
