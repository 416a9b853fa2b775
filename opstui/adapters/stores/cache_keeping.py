"""One ticket on its way into ``cache.db``: what differs is written, and whether that is news to the operator.

A list tells a row alone. Whose doing a change was is known once the ticket is read whole: until then it counts as
somebody else's.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import apsw

from opstui.adapters.stores.cache_schema import (
    ROW_COLUMNS,
    Content,
    Prepared,
    content_of,
    stored_time,
    ticket_of,
)
from opstui.core.frozen import dataclass
from opstui.core.tickets import Ticket

LAG = timedelta(minutes=2)
"""How long a list may go on telling of a ticket what it was before it was read by itself."""
NEVER_SEEN = -1
"""``seen`` of a ticket that came after its queue was first filled and was not looked at yet."""

_RANKS = "severity_rank, due_rank, owner_rank, key_rank"
_STATE = (
    "hash, words, row_hash, list_hash, complete, unread, entries, stamp, noticed, seen, seen_entries, seen_updated, "
    "hinted"
)
_COLUMNS = f"{ROW_COLUMNS}, {_RANKS}, {_STATE}"
_INSERT = f"INSERT INTO tickets({_COLUMNS}, listed) VALUES ({', '.join('?' * (len(_COLUMNS.split(', ')) + 1))})"
_UPDATE = f"UPDATE tickets SET {', '.join(f'{name} = ?' for name in _COLUMNS.split(', '))} WHERE id = ?"
_T_COLUMNS = ", ".join(f"t.{name}" for name in f"{ROW_COLUMNS}, {_STATE}".split(", "))
_KNOWN = (
    f"SELECT t.id, {_T_COLUMNS}, c.content, c.fetched, c.read, c.base FROM tickets t JOIN contents c "
    "ON c.ticket = t.id WHERE t.system = ? AND t.key = ?"
)
_WIDTH = len(ROW_COLUMNS.split(", "))
_UPDATED = ROW_COLUMNS.split(", ").index("updated")


@dataclass(frozen=True, slots=True)
class _Known:
    """A ticket as it is stored."""

    id: int
    row: tuple[Any, ...]
    hash: bytes
    words: bytes
    row_hash: bytes | None
    list_hash: bytes | None
    complete: int
    unread: int
    entries: int
    stamp: int
    noticed: int
    seen: int
    seen_entries: int
    seen_updated: int
    hinted: int | None
    """``noticed`` before a list told of a change; set until the ticket is read whole or looked at."""
    content: str
    fetched: int
    read: int | None
    """When it was last read whole."""
    base: str | None

    @property
    def updated(self) -> int:
        return int(self.row[_UPDATED])


def keep(
    connection: apsw.Connection,
    prepared: Prepared,
    *,
    stamp: int,
    now: datetime,
    me: str,
    notice: bool,
    listed: bool = False,
) -> tuple[int, bool]:
    """Insert or update what differs; the ticket's number and whether it differed.

    ``notice``: what differs is news to the operator, unless ``me`` did all of it. ``listed``: a queue's answer told it.
    """
    found: Any = connection.execute(_KNOWN, (prepared.ticket.ref.system, prepared.ticket.ref.key)).fetchone()
    if found is None:
        return _insert(connection, prepared, stamp=stamp, now=now, me=me, notice=notice, listed=listed), True
    number, *values = found
    known = _Known(number, tuple(values[:_WIDTH]), *values[_WIDTH:])
    if not prepared.ticket.complete:
        lags = prepared.values[_UPDATED] < known.updated and stored_time(now - LAG) < (known.read or 0)
        if lags or prepared.row_hash in (known.row_hash, known.list_hash):
            return known.id, False
        content = content_of(prepared.ticket, known.content)
        after = _after_a_list(prepared, known, stamp=stamp, notice=notice)
    else:
        content = content_of(prepared.ticket)
        if content.hash == known.hash:
            _touch(connection, known, now)
            return known.id, False
        after = _after_a_read(prepared, known, stamp=stamp, me=me, notice=notice, listed=listed)
    state, base = after
    connection.execute(_UPDATE, (*prepared.values, content.hash, content.words, *state, known.id))
    connection.execute(
        "UPDATE contents SET fetched = ?1, content = ?2, read = CASE WHEN ?3 THEN ?1 ELSE read END, base = ?4 "
        "WHERE ticket = ?5",
        (stored_time(now), content.text, prepared.ticket.complete, base, known.id),
    )
    if known.words != content.words:
        _index(connection, known.id, prepared, content)
    return known.id, True


def _touch(connection: apsw.Connection, known: _Known, now: datetime) -> None:
    connection.execute("UPDATE contents SET fetched = ?1, read = ?1 WHERE ticket = ?2", (stored_time(now), known.id))


def _insert(
    connection: apsw.Connection, prepared: Prepared, *, stamp: int, now: datetime, me: str, notice: bool, listed: bool
) -> int:
    ticket, content = prepared.ticket, content_of(prepared.ticket)
    entries = len(ticket.timeline)
    is_news = notice and not (entries and ticket.timeline[-1].author == me)
    connection.execute(
        _INSERT,
        (
            *prepared.values,
            content.hash,
            content.words,
            prepared.row_hash,
            prepared.row_hash if listed else None,
            int(ticket.complete),
            int(notice and not ticket.complete),
            entries,
            stamp,
            stamp if is_news else 0,
            NEVER_SEEN if is_news else 0,
            0 if is_news else entries,
            stored_time(ticket.updated_at),
            0 if is_news and not ticket.complete else None,
            0,
        ),
    )
    number = connection.last_insert_rowid()
    moment = stored_time(now)
    connection.execute(
        "INSERT INTO contents(ticket, fetched, content, read) VALUES (?, ?, ?, ?)",
        (number, moment, content.text, moment if ticket.complete else None),
    )
    _index(connection, number, prepared, content)
    return number


def _index(connection: apsw.Connection, number: int, prepared: Prepared, content: Content) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO search(rowid, title, body) VALUES (?, ?, ?)",
        (number, prepared.ticket.title, content.body),
    )


_After = tuple[tuple[Any, ...], str | None]
"""The columns of ``_STATE`` behind the hash and the words, and the base."""


def _after_a_list(prepared: Prepared, known: _Known, *, stamp: int, notice: bool) -> _After:
    """A list shows another row: whose doing that was is known once the ticket is read whole."""
    hinted = known.hinted if known.hinted is not None or not notice else known.noticed
    state = (
        prepared.row_hash,
        prepared.row_hash,
        0,
        int(notice or known.unread),
        known.entries,
        stamp,
        stamp if notice else known.noticed,
        known.seen,
        known.seen_entries,
        known.seen_updated if notice else prepared.values[_UPDATED],
        hinted,
    )
    return state, (known.base or _snapshot(known)) if notice else known.base


def _after_a_read(prepared: Prepared, known: _Known, *, stamp: int, me: str, notice: bool, listed: bool) -> _After:
    """The whole ticket came: its entries say who changed it."""
    timeline = prepared.ticket.timeline
    seen_entries = known.seen_entries
    if known.read is None:
        # Never read whole before: what had happened when its row was looked at, or first came, is no news.
        seen_entries = 0 if known.seen == NEVER_SEEN else _until(prepared.ticket, known.seen_updated)
        fresh = timeline[seen_entries:]
        differs = bool(fresh) or known.row_hash != prepared.row_hash
    else:
        fresh = timeline[known.entries :]
        differs = True
    mine = bool(fresh) and bool(me) and all(entry.author == me for entry in fresh)
    noticed, seen, base, seen_updated = known.noticed, known.seen, known.base, known.seen_updated
    if mine:
        noticed = noticed if known.hinted is None else known.hinted
        if noticed <= max(seen, 0):
            seen, base, seen_entries, seen_updated = max(seen, 0), None, len(timeline), prepared.values[_UPDATED]
    elif differs:
        base = base or _snapshot(known)
        if notice and known.hinted is None:
            noticed = stamp
    state = (
        prepared.row_hash,
        prepared.row_hash if listed else known.list_hash,
        1,
        0,
        len(timeline),
        stamp,
        noticed,
        seen,
        seen_entries,
        seen_updated,
        None,
    )
    return state, base


def _until(ticket: Ticket, updated: int) -> int:
    """How many entries at the beginning of the timeline are not younger than ``updated``."""
    for number, entry in enumerate(ticket.timeline):
        if stored_time(entry.at) > updated:
            return number
    return len(ticket.timeline)


def _snapshot(known: _Known) -> str:
    """What an update may touch, as the ticket was; of one that was never read whole the row's part alone."""
    from opstui.core.merge import snapshot

    fields = snapshot(ticket_of(known.row, known.content))
    if known.read is None:
        fields = {path: value for path, value in fields.items() if not path.startswith("/fields/")}
    return json.dumps(fields, ensure_ascii=False)
