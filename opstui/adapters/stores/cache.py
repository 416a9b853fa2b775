"""``cache.db``: tickets as last seen, so that a screen has something to show before any network has answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_order import Orders
from opstui.adapters.stores.cache_schema import (
    ROW_COLUMNS,
    STEPS,
    Prepared,
    prepare,
    row_of,
    stored_time,
    ticket_of,
    time_of,
)
from opstui.adapters.stores.cache_similar import similar_tickets
from opstui.core.ports import Bell, Changes, Cursor
from opstui.core.queues import Health, Queue, QueueState, SortBy
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket, TicketRef, TicketRow

RINGS_EACH = 200
"""When more tickets than this change at once, one ring for the queue stands for all."""

_RANKS = "severity_rank, due_rank, owner_rank, key_rank"
_T_COLUMNS = ", ".join(f"t.{name}" for name in ROW_COLUMNS.split(", "))
_INSERT = (
    f"INSERT INTO tickets({ROW_COLUMNS}, {_RANKS}, hash, words, entries, stamp, noticed, seen, seen_entries, listed) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
)
_UPDATE = (
    "UPDATE tickets SET "
    + ", ".join(f"{name}=?" for name in f"{ROW_COLUMNS}, {_RANKS}, hash, words, entries, stamp, noticed".split(", "))
    + " WHERE id = ?"
)


class SqliteCache:
    """The ticket cache of one machine (``ports.TicketCache``). Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.bell: Bell = database.bell
        database.migrate("tickets", STEPS, backup=False)
        self._orders = Orders(database)
        self._counts: tuple[int, dict[Queue, tuple[int, int]]] = (-1, {})

    # --- taking in ----------------------------------------------------------------------------------------------------

    def store(self, queue: Queue, changes: Changes, *, now: datetime, me: str) -> list[TicketRef]:
        """Take ``changes`` in and remember the cursor, in one transaction; refs whose content really differs.

        What came with the first answer of a queue counts as seen, and so does what ``me`` did last.
        """
        tickets = [prepare(ticket) for ticket in {ticket.ref: ticket for ticket in changes.tickets}.values()]
        return self._database.write(lambda connection: self._store(connection, queue, changes, tickets, now, me))

    def _store(
        self,
        connection: apsw.Connection,
        queue: Queue,
        changes: Changes,
        tickets: Sequence[Prepared],
        now: datetime,
        me: str,
    ) -> list[TicketRef]:
        feed, generation, syncing, healthy = self._feed(connection, queue, anew=changes.anew)
        stamp = self._stamp(connection)
        changed: list[TicketRef] = []
        moved = False
        for ticket in tickets:
            number, differs = self._keep(connection, ticket, stamp=stamp, now=now, me=me, notice=not syncing)
            if differs:
                changed.append(ticket.ref)
            moved |= self._join(connection, feed, number, generation)
        for key in changes.left:
            moved |= self._leave(connection, feed, queue.system, key)
        if syncing and changes.complete:
            # The whole answer: members it did not name (of another query, of a desk that was replaced) have left.
            gone: Any = connection.execute(
                "SELECT t.key FROM members m JOIN tickets t ON t.id = m.ticket WHERE m.queue = ? AND m.generation < ?",
                (feed, generation),
            ).fetchall()
            for (key,) in gone:
                moved |= self._leave(connection, feed, queue.system, key)
        connection.execute(
            "UPDATE queues SET cursor = ?, health = ?, error = NULL, fetched = ?, syncing = ? WHERE id = ?",
            (
                changes.cursor.value,
                Health.LIVE.value,
                stored_time(now),
                int(bool(syncing) and not changes.complete),
                feed,
            ),
        )
        if len(changed) <= RINGS_EACH:
            for ref in changed:
                self._database.ring(connection, "ticket", str(ref), stamp)
        if moved or len(changed) > RINGS_EACH or not healthy:
            self._database.ring(connection, "queue", queue.name, stamp)
        return changed

    def keep(self, ticket: Ticket, *, now: datetime) -> bool:
        """Take one freshly read ticket in; whether it differs from what was there."""
        prepared = prepare(ticket)

        def work(connection: apsw.Connection) -> bool:
            stamp = self._stamp(connection)
            number, differs = self._keep(connection, prepared, stamp=stamp, now=now, me="", notice=False)
            if differs:
                self._database.ring(connection, "ticket", str(ticket.ref), stamp)
            else:
                connection.execute("UPDATE contents SET fetched = ? WHERE ticket = ?", (stored_time(now), number))
            return differs

        return self._database.write(work)

    def failed(self, queue: Queue, health: Health, error: str, *, now: datetime) -> None:
        """The queue could not be asked: what is cached stays, its health is kept."""

        def work(connection: apsw.Connection) -> None:
            feed, *_ = self._feed(connection, queue)
            text = clean_line(error)
            for _ in connection.execute(
                "UPDATE queues SET health = ?, error = ? WHERE id = ? AND (health, error) IS NOT (?, ?) RETURNING id",
                (health.value, text, feed, health.value, text),
            ).fetchall():
                self._database.ring(connection, "queue", queue.name, 0)

        self._database.write(work)

    def prune(self, before: datetime) -> int:
        """Drop tickets in no queue that were last fetched before ``before``; how many."""

        def work(connection: apsw.Connection) -> int:
            gone = connection.execute(
                "SELECT t.id FROM tickets t JOIN contents c ON c.ticket = t.id WHERE t.listed = 0 AND c.fetched < ?",
                (stored_time(before),),
            ).fetchall()
            for row in gone:
                connection.execute("DELETE FROM contents WHERE ticket = ?", row)
                connection.execute("DELETE FROM search WHERE rowid = ?", row)
                connection.execute("DELETE FROM tickets WHERE id = ?", row)
            return len(gone)

        return self._database.write(work)

    # --- asking -------------------------------------------------------------------------------------------------------

    def cursor(self, queue: Queue) -> Cursor | None:
        """Where polling stands; None before the first answer, and after the queue's query was changed."""
        rows = self._database.read(
            "SELECT cursor FROM queues WHERE system = ? AND name = ? AND query = ?",
            (queue.system, queue.name, queue.query),
        )
        return Cursor(rows[0][0]) if rows and rows[0][0] is not None else None

    def ticket(self, ref: TicketRef) -> tuple[Ticket, datetime] | None:
        """As last seen, and when it was fetched."""
        rows = self._database.read(
            f"SELECT {_T_COLUMNS}, c.fetched, c.content FROM tickets t JOIN contents c ON c.ticket = t.id "
            "WHERE t.system = ? AND t.key = ?",
            (ref.system, ref.key),
        )
        if not rows:
            return None
        *values, fetched, content = rows[0]
        return ticket_of(tuple(values), content), time_of(fetched)

    def rows(self, refs: Sequence[TicketRef]) -> list[TicketRow]:
        """Rows of these tickets, in their order; unknown ones are left out."""
        found: dict[TicketRef, TicketRow] = {}
        for ref in refs:
            for values in self._database.read(
                f"SELECT {ROW_COLUMNS} FROM tickets WHERE system = ? AND key = ?", (ref.system, ref.key)
            ):
                found[ref] = row_of(values)
        return [found[ref] for ref in refs if ref in found]

    def order(
        self, *, queue: Queue | None, filter_text: str, sort: SortBy, me: Mapping[str, str], now: datetime
    ) -> Sequence[int]:
        """Internal ids of the tickets of a view in order; ``me`` maps system → account.

        ``queue`` None: all systems. Raises FilterError.
        """
        return self._orders.order(queue=queue, filter_text=filter_text, sort=sort, me=me, now=now)

    def counts(self, *, queue: Queue | None, filter_text: str, me: Mapping[str, str], now: datetime) -> tuple[int, int]:
        """How many tickets ``order`` would answer, and how many of them are unseen; without sorting them."""
        return self._orders.counts(queue=queue, filter_text=filter_text, me=me, now=now)

    def window(self, ids: Sequence[int]) -> list[tuple[TicketRow, bool]]:
        """Rows of these internal ids in their order, with whether each is unseen; ids that are gone are left out."""
        found = {
            values[0]: (row_of(values[2:]), bool(values[1]))
            for values in self._database.read(
                f"SELECT id, noticed > seen, {ROW_COLUMNS} FROM tickets WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            )
        }
        return [found[number] for number in ids if number in found]

    def id_of(self, ref: TicketRef) -> int | None:
        """The ticket's internal id."""
        rows = self._database.read("SELECT id FROM tickets WHERE system = ? AND key = ?", (ref.system, ref.key))
        return int(rows[0][0]) if rows else None

    def worst(self) -> TicketRow | None:
        """The worst open severity-1 ticket: the one due first, then the oldest."""
        rows = self._database.read(
            f"SELECT {ROW_COLUMNS} FROM tickets WHERE listed > 0 AND category < 3 AND severity_rank = 1 "
            "ORDER BY due_rank, created LIMIT 1"
        )
        return row_of(rows[0]) if rows else None

    def queue_state(self, queue: Queue, *, me: Mapping[str, str], now: datetime, counted: bool = True) -> QueueState:
        """Counts and health as stored (``live`` means that the last question was answered)."""
        rows = self._database.read(
            "SELECT id, health, error, fetched FROM queues WHERE system = ? AND name = ?", (queue.system, queue.name)
        )
        if not rows:
            return QueueState(name=queue.name, system=queue.system, state=Health.STALE, open=0)
        feed, health, error, fetched = rows[0]
        last = self.bell.last()
        if self._counts[0] != last:
            self._counts = (last, {})
        counts = self._counts[1]
        if counted and queue not in counts:
            counts[queue] = tuple(
                self._database.read(
                    "SELECT count(*), coalesce(sum(t.noticed > t.seen), 0) FROM members m JOIN tickets t "
                    "ON t.id = m.ticket WHERE m.queue = ? AND t.category < 3",
                    (feed,),
                )[0]
            )
        open_tickets, unseen = counts.get(queue, (0, 0))
        return QueueState(
            name=queue.name,
            system=queue.system,
            state=Health(health),
            open=open_tickets,
            unseen=unseen,
            fetched_at=None if fetched is None else time_of(fetched),
            error=None if error is None else SafeText(error),
        )

    def mark_seen(self, ref: TicketRef, *, now: datetime) -> None:
        """The operator looked at the ticket; rings only if it was unseen."""
        looked = self._database.read(
            "SELECT 1 FROM tickets WHERE system = ? AND key = ? AND noticed <= seen AND entries = seen_entries",
            (ref.system, ref.key),
        )
        if looked:
            return

        def work(connection: apsw.Connection) -> None:
            for _ in connection.execute(
                "UPDATE tickets SET seen = noticed, seen_entries = entries WHERE system = ? AND key = ? RETURNING id",
                (ref.system, ref.key),
            ).fetchall():
                self._database.ring(connection, "ticket", str(ref), 0)

        self._database.write(work)

    def seen_entries(self, ref: TicketRef) -> int:
        """How many timeline entries the ticket had when the operator last looked (or when it first came)."""
        rows = self._database.read(
            "SELECT seen_entries FROM tickets WHERE system = ? AND key = ?", (ref.system, ref.key)
        )
        return int(rows[0][0]) if rows else 0

    def view_state(self, name: str) -> Mapping[str, Any] | None:
        """What a screen left behind: cursor, caret, scroll."""
        rows = self._database.read("SELECT state FROM views WHERE name = ?", (name,))
        state = json.loads(rows[0][0]) if rows else None
        return state if isinstance(state, dict) else None

    def keep_view_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Remember it; rings nothing."""
        text = json.dumps(dict(state), ensure_ascii=False)

        def work(connection: apsw.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO views VALUES (?, ?)", (name, text))

        self._database.write(work)

    def similar(self, ticket: Ticket, limit: int) -> list[tuple[TicketRow, float]]:
        """Tickets with rare words in common, best first, never the ticket itself."""
        return similar_tickets(self._database, ticket, limit)

    def close(self) -> None:
        """Nothing of its own: the database belongs to who opened it."""

    # --- inside a transaction -----------------------------------------------------------------------------------------

    def _stamp(self, connection: apsw.Connection) -> int:
        """A number larger than that of every earlier change: the next ring's."""
        for (last,) in connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchall():
            return int(str(last)) + 1
        return 1

    def _feed(self, connection: apsw.Connection, queue: Queue, *, anew: bool = False) -> tuple[int, int, int, bool]:
        """The queue's id, generation, whether its first whole answer is still coming, and whether it was live."""
        found: Any = connection.execute(
            "SELECT id, query, generation, syncing, health, cursor FROM queues WHERE system = ? AND name = ?",
            (queue.system, queue.name),
        ).fetchone()
        if found is None:
            connection.execute(
                "INSERT INTO queues(system, name, query, health) VALUES (?, ?, ?, ?)",
                (queue.system, queue.name, queue.query, Health.STALE.value),
            )
            found = (connection.last_insert_rowid(), queue.query, 0, 0, Health.STALE.value, None)
        number, query, generation, syncing, health, cursor = found
        if query != queue.query:
            cursor = None
        if anew or (cursor is None and not syncing):
            generation, syncing = generation + 1, 1
            connection.execute(
                "UPDATE queues SET query = ?, cursor = NULL, generation = ?, syncing = 1 WHERE id = ?",
                (queue.query, generation, number),
            )
        return number, generation, syncing, health == Health.LIVE.value

    def _keep(
        self, connection: apsw.Connection, ticket: Prepared, *, stamp: int, now: datetime, me: str, notice: bool
    ) -> tuple[int, bool]:
        """Insert or update what differs; the ticket's number and whether it differed."""
        found: Any = connection.execute(
            "SELECT id, hash, words, entries, noticed FROM tickets WHERE system = ? AND key = ?",
            (ticket.ref.system, ticket.ref.key),
        ).fetchone()
        if found is not None and bytes(found[1]) == ticket.hash:
            return int(found[0]), False
        if found is None:
            noticed = stamp if notice and ticket.last_author != me else 0
            seen_entries = 0 if noticed else ticket.entries
            connection.execute(
                _INSERT,
                (*ticket.values, ticket.hash, ticket.words, ticket.entries, stamp, noticed, 0, seen_entries),
            )
            number = connection.last_insert_rowid()
        else:
            number, _, words, entries, noticed = found
            mine = ticket.entries > entries and ticket.last_author == me
            if notice and not mine:
                noticed = stamp
            connection.execute(
                _UPDATE, (*ticket.values, ticket.hash, ticket.words, ticket.entries, stamp, noticed, number)
            )
        connection.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", (number, stored_time(now), ticket.content)
        )
        if found is None or bytes(words) != ticket.words:
            connection.execute(
                "INSERT OR REPLACE INTO search(rowid, title, body) VALUES (?, ?, ?)",
                (number, ticket.title, ticket.body),
            )
        return number, True

    def _join(self, connection: apsw.Connection, feed: int, ticket: int, generation: int) -> bool:
        found: Any = connection.execute(
            "SELECT generation FROM members WHERE queue = ? AND ticket = ?", (feed, ticket)
        ).fetchone()
        if found is None:
            connection.execute("INSERT INTO members VALUES (?, ?, ?)", (feed, ticket, generation))
            connection.execute("UPDATE tickets SET listed = listed + 1 WHERE id = ?", (ticket,))
            return True
        if found[0] != generation:
            connection.execute(
                "UPDATE members SET generation = ? WHERE queue = ? AND ticket = ?", (generation, feed, ticket)
            )
        return False

    def _leave(self, connection: apsw.Connection, feed: int, system: str, key: str) -> bool:
        gone = connection.execute(
            "DELETE FROM members WHERE queue = ? AND ticket = (SELECT id FROM tickets WHERE system = ? AND key = ?) "
            "RETURNING ticket",
            (feed, system, key),
        ).fetchall()
        for row in gone:
            connection.execute("UPDATE tickets SET listed = listed - 1 WHERE id = ?", row)
        return bool(gone)
