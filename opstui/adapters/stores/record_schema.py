"""The shape of ``record.db``: numbered steps that are only ever added to.

Times are microseconds since 1970 in UTC, so that they sort and compare as numbers; money is micro-dollars. What no
question asks for by itself lies in ``content``, the JSON of ``core/codec.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opstui.adapters.sqlite import Step

STEPS: tuple[Step, ...] = (
    """
    CREATE TABLE drafts(
        id TEXT PRIMARY KEY, ticket TEXT NOT NULL, state TEXT NOT NULL, rev INTEGER NOT NULL,
        created INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX drafts_by_ticket ON drafts(ticket, created DESC);
    CREATE INDEX drafts_by_state ON drafts(state, created DESC);

    CREATE TABLE files(sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);

    CREATE TABLE outbox(
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, draft TEXT NOT NULL, system TEXT NOT NULL,
        step TEXT NOT NULL, done INTEGER NOT NULL, content TEXT NOT NULL);
    CREATE INDEX outbox_by_draft ON outbox(draft, number);
    CREATE INDEX outbox_unfinished ON outbox(number) WHERE done = 0;

    CREATE TABLE sessions(
        id TEXT PRIMARY KEY, ticket TEXT NOT NULL, status TEXT NOT NULL, shift TEXT NOT NULL, rev INTEGER NOT NULL,
        created INTEGER NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX sessions_by_time ON sessions(created DESC, id DESC);
    CREATE INDEX sessions_by_ticket ON sessions(ticket, created DESC);
    CREATE INDEX sessions_by_status ON sessions(status, created DESC);
    CREATE INDEX sessions_by_shift ON sessions(shift, created DESC);

    CREATE TABLE events(
        session TEXT NOT NULL, seq INTEGER NOT NULL, remote_id TEXT NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,
        data TEXT NOT NULL, PRIMARY KEY (session, seq), UNIQUE (session, remote_id)) WITHOUT ROWID;
    CREATE INDEX events_by_time ON events(at);
    CREATE TABLE event_heads(session TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

    CREATE TABLE ledger(
        number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, session TEXT NOT NULL, at INTEGER NOT NULL,
        operator TEXT NOT NULL, workflow TEXT NOT NULL, ticket TEXT NOT NULL, runtime TEXT NOT NULL, model TEXT,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL, running_ms INTEGER NOT NULL, searches INTEGER NOT NULL,
        estimate INTEGER NOT NULL, reported INTEGER);
    CREATE INDEX ledger_by_time ON ledger(at);

    CREATE TABLE ledger_sums(
        quarter INTEGER NOT NULL, session TEXT NOT NULL, operator TEXT NOT NULL, workflow TEXT NOT NULL,
        ticket TEXT NOT NULL, runtime TEXT NOT NULL, model TEXT NOT NULL, events INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL, running_ms INTEGER NOT NULL, searches INTEGER NOT NULL,
        estimate INTEGER NOT NULL, reported INTEGER NOT NULL, reported_events INTEGER NOT NULL,
        PRIMARY KEY (quarter, session, operator, workflow, ticket, runtime, model)) WITHOUT ROWID;

    CREATE TABLE audit(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash TEXT NOT NULL, content TEXT NOT NULL);
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT raise(ABORT, 'audit rows are never changed'); END;
    CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
        BEGIN SELECT raise(ABORT, 'audit rows are never deleted'); END;

    CREATE TABLE requests(
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, session TEXT NOT NULL, answered INTEGER NOT NULL,
        content TEXT NOT NULL);
    CREATE INDEX requests_open ON requests(session, number) WHERE answered = 0;

    CREATE TABLE editing(draft TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE ledger ADD COLUMN cache_write_long_tokens INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX ledger_by_session ON ledger(session, number);

    CREATE TABLE limit_raises(shift TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
    """,
    # An outbox row may be in the middle of several steps from here on. A program that knows nothing of them would send
    # all of it again; that the file is newer keeps it from that.
    """
    ALTER TABLE outbox ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
    UPDATE outbox SET ticket = coalesce(json_extract(content, '$.ticket'), '') WHERE json_valid(content);
    CREATE INDEX outbox_unfinished_by_ticket ON outbox(ticket, number) WHERE done = 0;
    """,
    """
    CREATE TABLE papers(
        kind TEXT NOT NULL, id TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, rev INTEGER NOT NULL,
        created INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
    CREATE INDEX papers_by_subject ON papers(kind, subject, created DESC, id DESC);
    CREATE INDEX papers_by_state ON papers(kind, state, created DESC, id DESC);
    """,
)

QUARTER = 15 * 60 * 1_000_000
"""Microseconds of the stretch that ledger sums are kept for."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros_since_epoch(moment: datetime) -> int:
    """The stored form of a time."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(stored: int) -> datetime:
    """The time that was stored."""
    return _EPOCH + timedelta(microseconds=stored)
