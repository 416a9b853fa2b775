"""Taking answers of ticket systems into ``cache.db``: what is as it was is found by reading, what differs is written.

A full answer about 10,000 tickets of which 100 changed costs a look at 10,000 small rows on the caller's own thread and
some writes. Both happen in pieces: whoever paints in the same process waits for the interpreter's lock no longer than
a piece takes, and another process for the file no longer than a batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_keeping import keep
from opstui.adapters.stores.cache_schema import Prepared, content_of, prepare, row_hash, stored_time
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
            "UPDATE queues SET cursor = ?, syncing = ?, filled = ? WHERE id = ?",
            (changes.cursor.value, int(feed.syncing and not whole), int(feed.filled or whole), feed.id),
        )
        if changes.complete:
            connection.execute(
                "UPDATE queues SET health = ?, error = NULL, fetched = ? WHERE id = ?",
                (Health.LIVE.value, stored_time(self._now), feed.id),
            )
        if len(self._changed) <= RINGS_EACH:
            for ref in self._changed:
                self._database.ring(connection, "ticket", str(ref), stamp)
        is_well_again = changes.complete and not feed.healthy
        if self._moved or len(self._changed) > RINGS_EACH or is_well_again:
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
