"""The shape of ``desk.db``, and the rules of its statuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opstui.adapters.sqlite import Step
from opstui.core.tickets import StatusCategory

STEPS: tuple[Step, ...] = (
    """
    CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('change', 0);

    CREATE TABLE tickets(
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, title TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
        severity TEXT, priority TEXT, team TEXT, url TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
        due INTEGER, version INTEGER NOT NULL, change INTEGER NOT NULL UNIQUE, entries INTEGER NOT NULL,
        assignees TEXT NOT NULL, services TEXT NOT NULL, tags TEXT NOT NULL, fields TEXT NOT NULL, imported TEXT);
    CREATE INDEX tickets_by_import ON tickets(imported) WHERE imported IS NOT NULL;

    CREATE TABLE entries(
        ticket INTEGER NOT NULL REFERENCES tickets(id), number INTEGER NOT NULL, at INTEGER NOT NULL,
        author TEXT NOT NULL, kind TEXT NOT NULL, visibility TEXT NOT NULL, text TEXT NOT NULL, op_id TEXT,
        PRIMARY KEY (ticket, number)) WITHOUT ROWID;
    CREATE INDEX entries_by_op ON entries(op_id, ticket) WHERE op_id IS NOT NULL;

    CREATE TABLE blobs(sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);
    CREATE TABLE attachments(
        id INTEGER PRIMARY KEY, ticket INTEGER NOT NULL REFERENCES tickets(id), name TEXT NOT NULL,
        size INTEGER NOT NULL, sha256 TEXT NOT NULL REFERENCES blobs(sha256), entry INTEGER NOT NULL);
    CREATE INDEX attachments_by_ticket ON attachments(ticket, id);

    CREATE TABLE applied(
        op_id TEXT PRIMARY KEY, ticket INTEGER NOT NULL REFERENCES tickets(id), entry TEXT NOT NULL,
        at INTEGER NOT NULL) WITHOUT ROWID;
    """,
)

_CATEGORIES = {category.value: category for category in StatusCategory}
_MOVES = {
    "new": ("open", "waiting", "resolved", "closed"),
    "open": ("waiting", "resolved", "closed"),
    "waiting": ("open", "resolved", "closed"),
    "resolved": ("open", "closed"),
    "closed": ("open",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def category_of(raw: str) -> StatusCategory:
    """What a status means; a word that is not known (imported) counts as open."""
    return _CATEGORIES.get(raw.casefold(), StatusCategory.OPEN)


def moves_from(raw: str) -> tuple[str, ...]:
    """Statuses that a ticket in ``raw`` can take; an unknown one may become any known one."""
    return _MOVES.get(raw.casefold(), tuple(_CATEGORIES))


def stored_time(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_of(stored: int) -> datetime:
    """The time that was stored."""
    return _EPOCH + timedelta(microseconds=stored)
