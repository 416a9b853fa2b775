"""Taking answers of ticket systems into ``cache.db``: what is as it was is found by reading, what differs is written.

A full answer about 10,000 tickets of which 100 changed costs a look at 10,000 small rows on the caller's own thread and
some writes. Both happen in pieces: whoever paints in the same process waits for the interpreter's lock no longer than
a piece takes, and another process for the file no longer than a batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_schema import (
    ROW_COLUMNS,
    Content,
    Prepared,
    content_of,
    prepare,
    row_hash,
    stored_time,
    ticket_of,
)
from opstui.core.frozen import dataclass
from opstui.core.ports import Changes
from opstui.core.queues import Health, Queue
from opstui.core.tickets import Ticket, TicketRef

RINGS_EACH = 200
"""When more tickets than this change at once, one ring for the queue stands for all."""
PIECE = 50
"""Tickets that are made ready or compared in one go, about a millisecond's work."""
BATCH = 100
"""Tickets that are written in one transaction, some ten milliseconds' work."""
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
class Feed:
    """A queue's row, as far as taking in needs it."""

    id: int
    generation: int
    syncing: bool
    """An answer about everything is still coming."""
    filled: bool
    """Such an answer came before, for this very query: what is new or changed from then on is news."""
    healthy: bool


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


class Intake:
    """One answer about a queue on its way into the cache."""

    def __init__(self, database: Database, queue: Queue, changes: Changes, *, now: datetime, me: str) -> None:
        self._database = database
        self._queue = queue
        self._changes = changes
        self._now = now
        self._me = me
        self._changed: list[TicketRef] = []
        self._moved = False
        self._told: list[int] = []
        """Numbers of the tickets that the answer names."""
        self._alone = changes.anew and changes.complete
        """The answer is a whole one by itself: who left is found without a mark on each member."""

    def store(self, breathe: Callable[[], object]) -> list[TicketRef]:
        """Take it in; refs whose content really differs. ``breathe`` is called between pieces of the work."""
        different: list[Prepared] = []
        joining: list[int] = []
        told = [*{ticket.ref: ticket for ticket in self._changes.tickets}.values()]
        for at in range(0, len(told), PIECE):
            self._compare(told[at : at + PIECE], different, joining)
            breathe()
        batches = [different[at : at + BATCH] for at in range(0, len(different), BATCH)] or [[]]
        for number, batch in enumerate(batches, 1):
            last = number == len(batches)
            anew = number == 1 and self._changes.anew and not self._alone
            self._database.write(partial(self._write, batch, joining if last else (), anew=anew, last=last))
            breathe()
        return self._changed

    def _compare(self, tickets: Sequence[Ticket], different: list[Prepared], joining: list[int]) -> None:
        """Sort ``tickets`` into those that differ from what is stored and those that only may have to be members."""
        queue = self._queue
        rows = self._database.read(
            "SELECT t.key, t.id, t.hash, t.row_hash, t.list_hash, m.generation = q.generation AND NOT q.syncing "
            "FROM tickets t LEFT JOIN queues q ON q.system = ?1 AND q.name = ?2 AND q.query = ?3 AND q.cursor NOTNULL "
            "LEFT JOIN members m ON m.ticket = t.id AND m.queue = q.id "
            "WHERE t.system = ?1 AND t.key IN (SELECT value FROM json_each(?4))",
            (queue.system, queue.name, queue.query, json.dumps([ticket.ref.key for ticket in tickets])),
        )
        known = {row[0]: row[1:] for row in rows}
        begins = self._changes.anew and not self._alone
        for ticket in tickets:
            found = known.get(ticket.ref.key)
            if found is None or ticket.ref.system != queue.system:
                different.append(prepare(ticket))
                continue
            number, whole, row, listed_row, is_member = found
            if ticket.complete:
                is_known = whole == content_of(ticket).hash
            else:
                is_known = row_hash(ticket) in (row, listed_row)
            if not is_known:
                different.append(prepare(ticket))
                continue
            self._told.append(number)
            if begins or not is_member:
                joining.append(number)

    def _write(
        self, batch: Iterable[Prepared], joining: Sequence[int], connection: apsw.Connection, *, anew: bool, last: bool
    ) -> None:
        changes, queue = self._changes, self._queue
        feed = feed_of(connection, queue, anew=anew)
        stamp = next_stamp(connection)
        numbers = list(joining)
        for prepared in batch:
            number, differs = keep(
                connection, prepared, stamp=stamp, now=self._now, me=self._me, notice=feed.filled, listed=True
            )
            numbers.append(number)
            self._told.append(number)
            if differs:
                self._changed.append(prepared.ticket.ref)
        self._moved |= _join(connection, feed, numbers)
        if not last:
            return
        self._moved |= _leave(connection, feed, queue.system, changes.left)
        whole = self._alone or (feed.syncing and changes.complete)
        if whole:
            # The whole answer: members it did not name (of another query, of a desk that was replaced) have left.
            self._moved |= _leave_behind(connection, feed, self._told if self._alone else None)
        connection.execute(
            "UPDATE queues SET cursor = ?, health = ?, error = NULL, fetched = ?, syncing = ?, filled = ? WHERE id = ?",
            (
                changes.cursor.value,
                Health.LIVE.value,
                stored_time(self._now),
                int(feed.syncing and not whole),
                int(feed.filled or whole),
                feed.id,
            ),
        )
        if len(self._changed) <= RINGS_EACH:
            for ref in self._changed:
                self._database.ring(connection, "ticket", str(ref), stamp)
        if self._moved or len(self._changed) > RINGS_EACH or not feed.healthy:
            self._database.ring(connection, "queue", queue.name, stamp)


def next_stamp(connection: apsw.Connection) -> int:
    """A number larger than that of every earlier change: the next ring's."""
    for (last,) in connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchall():
        return int(str(last)) + 1
    return 1


def feed_of(connection: apsw.Connection, queue: Queue, *, anew: bool = False) -> Feed:
    """The queue's row, made if there is none. ``anew``, or without a cursor, a whole answer begins."""
    found: Any = connection.execute(
        "SELECT id, query, generation, syncing, filled, health, cursor FROM queues WHERE system = ? AND name = ?",
        (queue.system, queue.name),
    ).fetchone()
    if found is None:
        connection.execute(
            "INSERT INTO queues(system, name, query, health) VALUES (?, ?, ?, ?)",
            (queue.system, queue.name, queue.query, Health.STALE.value),
        )
        found = (connection.last_insert_rowid(), queue.query, 0, 0, 0, Health.STALE.value, None)
    number, query, generation, syncing, filled, health, cursor = found
    if query != queue.query:
        cursor, filled, syncing = None, 0, 0
    if anew or (cursor is None and not syncing):
        generation, syncing = generation + 1, 1
        connection.execute(
            "UPDATE queues SET query = ?, cursor = NULL, generation = ?, syncing = 1, filled = ? WHERE id = ?",
            (queue.query, generation, filled, number),
        )
    return Feed(number, generation, bool(syncing), bool(filled), health == Health.LIVE.value)


def _join(connection: apsw.Connection, feed: Feed, tickets: Sequence[int]) -> bool:
    """Make them members; whether any was none before."""
    if not tickets:
        return False
    chosen = json.dumps(tickets)
    connection.execute(
        "UPDATE tickets SET listed = listed + 1 WHERE id IN (SELECT value FROM json_each(?)) "
        "AND id NOT IN (SELECT ticket FROM members WHERE queue = ?)",
        (chosen, feed.id),
    )
    moved = connection.changes() > 0
    connection.execute(
        "INSERT INTO members SELECT ?, id, ? FROM tickets WHERE id IN (SELECT value FROM json_each(?)) "
        "ON CONFLICT DO UPDATE SET generation = excluded.generation WHERE generation != excluded.generation",
        (feed.id, feed.generation, chosen),
    )
    return moved


def _leave(connection: apsw.Connection, feed: Feed, system: str, keys: Sequence[str]) -> bool:
    moved = False
    for key in keys:
        gone = connection.execute(
            "DELETE FROM members WHERE queue = ? AND ticket = (SELECT id FROM tickets WHERE system = ? AND key = ?) "
            "RETURNING ticket",
            (feed.id, system, key),
        ).fetchall()
        for row in gone:
            connection.execute("UPDATE tickets SET listed = listed - 1 WHERE id = ?", row)
        moved |= bool(gone)
    return moved


def _leave_behind(connection: apsw.Connection, feed: Feed, told: Sequence[int] | None) -> bool:
    """Members that ``told`` does not name are none any more; None: those of an earlier generation."""
    which, mark = "generation < ?", feed.generation if told is None else json.dumps(told)
    if told is not None:
        which = "ticket NOT IN (SELECT value FROM json_each(?))"
    gone = connection.execute(
        f"DELETE FROM members WHERE queue = ? AND {which} RETURNING ticket", (feed.id, mark)
    ).fetchall()
    if gone:
        connection.execute(
            "UPDATE tickets SET listed = listed - 1 WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([ticket for (ticket,) in gone]),),
        )
    return bool(gone)


# --- one ticket -------------------------------------------------------------------------------------------------------


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
