"""The shape of ``cache.db``, and tickets as its rows. All of it can be fetched again.

Lists read ``tickets`` only, which is narrow; the body and the timeline lie in ``contents``. Times are microseconds
since 1970 in UTC; what sorts last has a rank that is larger than any other.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
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
    # Tickets whose lists hold less than they do, who polls a queue, and what was there when the operator looked.
    """
    ALTER TABLE tickets ADD COLUMN row_hash BLOB;
    ALTER TABLE tickets ADD COLUMN list_hash BLOB;
    ALTER TABLE tickets ADD COLUMN complete INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE tickets ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE tickets ADD COLUMN hinted INTEGER;
    ALTER TABLE tickets ADD COLUMN seen_updated INTEGER NOT NULL DEFAULT 0;
    UPDATE tickets SET seen_updated = updated;
    CREATE INDEX tickets_unread ON tickets(system, severity_rank, due_rank, updated) WHERE unread > 0;

    ALTER TABLE contents ADD COLUMN read INTEGER;
    ALTER TABLE contents ADD COLUMN base TEXT;
    UPDATE contents SET read = fetched;

    ALTER TABLE queues ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE queues ADD COLUMN asked INTEGER;
    ALTER TABLE queues ADD COLUMN holder TEXT;
    ALTER TABLE queues ADD COLUMN held_until INTEGER;
    UPDATE queues SET filled = 1 WHERE cursor IS NOT NULL AND syncing = 0;

    CREATE TABLE accounts(system TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
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
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TEXT = "\x1d"
_TIMES = struct.Struct("<3d").pack
_DIGITS = re.compile(r"\d+")
_SEARCHED = 20_000
"""Code points of a body that go into the word index."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A ticket made ready to be stored, off the writer's thread."""

    ticket: Ticket
    values: tuple[Any, ...]
    """``ROW_COLUMNS`` and the four ranks."""
    row_hash: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What a whole ticket has beyond its row, made ready to be stored."""

    text: str
    hash: bytes
    """Of everything, row and version included; empty for a ticket as lists have it, which equals no whole one."""
    words: bytes
    """Of what is searched."""
    body: str
    """As much of it as is searched."""


def stored_time(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_of(stored: int) -> datetime:
    """The time that was stored."""
    return _EPOCH + timedelta(microseconds=stored)


@lru_cache(maxsize=1)
def _hasher() -> Callable[..., Any]:
    from hashlib import blake2b  # loads OpenSSL, 3 ms, which the first screen does not need

    return blake2b


def row_hash(ticket: Ticket) -> bytes:
    """Of the row but its version: lists and whole tickets may call the same state differently. Takes 2 µs."""
    due = ticket.due_at
    row = "\x1f".join(  # no text that was cleaned holds these separators
        (
            ticket.ref.system,
            ticket.ref.key,
            ticket.title,
            ticket.status.raw,
            ticket.status.category._value_,
            *(_NO_TEXT if text is None else text for text in (ticket.severity, ticket.priority, ticket.team)),
            *ticket.assignees,
            "\x1e",
            *ticket.services,
            "\x1e",
            *ticket.tags,
        )
    )
    times = _TIMES(ticket.created_at.timestamp(), ticket.updated_at.timestamp(), due.timestamp() if due else -LAST)
    return bytes(_hasher()(row.encode() + times, digest_size=16).digest())


def prepare(ticket: Ticket) -> Prepared:
    """The row of a ticket: some 15 µs."""
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
    return Prepared(ticket, values, row_hash(ticket))


def content_of(ticket: Ticket, had: str | None = None) -> Content:
    """The content of a ticket: about 15 µs for a short one; ``core.codec`` takes ten times that.

    A ticket as lists have it keeps what it ``had``: timeline and files, and the body, link and fields that the list
    does not tell.
    """
    blake2b = _hasher()
    fields: Mapping[str, str] = dict(ticket.fields)
    body, url = str(ticket.body), ticket.url
    timeline: list[Any] = [
        (entry.id, stored_time(entry.at), entry.author, entry.kind, entry.visibility, entry.text, entry.op_id)
        for entry in ticket.timeline
    ]
    files: list[Any] = [(file.name, file.size, file.sha256) for file in ticket.attachments]
    if not ticket.complete and had is not None:
        had_body, had_fields, had_url, timeline, files = json.loads(had)
        body, fields, url = body or had_body, {**had_fields, **fields}, url or had_url
    text = _json([body, fields, url, timeline, files])
    searched = body[:_SEARCHED]
    whole = b""
    if ticket.complete:
        whole = blake2b(f"{ticket.version}\x1f{text}".encode(), digest_size=16, key=row_hash(ticket)).digest()
    return Content(text, whole, blake2b(f"{ticket.title}\n{searched}".encode(), digest_size=16).digest(), searched)


@lru_cache(maxsize=256)
def _status(raw: str, category: int) -> Status:
    return Status(SafeText(raw), CATEGORIES[category])


@lru_cache(maxsize=4096)
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


def ticket_of(values: tuple[Any, ...], content: str, *, complete: bool = True) -> Ticket:
    """A whole ticket from ``ROW_COLUMNS`` and its content; ``complete`` off where that is older than the row."""
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
        complete=complete,
    )


def _json(value: object) -> str:
    # json.dumps with options makes an encoder each time, which takes longer than these short values.
    return _ENCODER.encode(value)
