"""``cache.db``: tickets as last seen, so that a screen has something to show before any network has answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_order import Orders
from opstui.adapters.stores.cache_schema import ROW_COLUMNS, STEPS, prepare, row_of, stored_time, ticket_of, time_of
from opstui.adapters.stores.cache_similar import Similar
from opstui.core.ports import Bell, Changes, Cursor
from opstui.core.queues import Health, Queue, QueueState, SortBy
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket, TicketRef, TicketRow

if TYPE_CHECKING:
    from opstui.adapters.stores.cache_polls import Polls

_T_COLUMNS = ", ".join(f"t.{name}" for name in ROW_COLUMNS.split(", "))


class SqliteCache:
    """The ticket cache of one machine (``ports.TicketCache``). Safe to use from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.bell: Bell = database.bell
        database.migrate("tickets", STEPS, backup=False)
        self._orders = Orders(database)
        self._similar = Similar(database)
        self._counts: tuple[int, dict[Queue, tuple[int, int]]] = (-1, {})

    @cached_property
    def _polls(self) -> Polls:
        # What takes in is loaded by the first answer; the first paint only asks.
        from opstui.adapters.stores.cache_polls import Polls

        return Polls(self._database)

    # --- taking in ----------------------------------------------------------------------------------------------------

    def store(
        self,
        queue: Queue,
        changes: Changes,
        *,
        now: datetime,
        me: str,
        breathe: Callable[[], object] = lambda: None,
    ) -> list[TicketRef]:
        """Take ``changes`` in and remember the cursor; refs whose content really differs.

        What came with the first answer of a queue counts as seen, and so does what ``me`` did last.
        """
        from opstui.adapters.stores.cache_intake import Intake

        return Intake(self._database, queue, changes, now=now, me=me).store(breathe)

    def keep(self, ticket: Ticket, *, now: datetime, me: str = "", notice: bool = False) -> bool:
        """Take one freshly read ticket in; whether it differs from what was there."""
        from opstui.adapters.stores.cache_intake import next_stamp
        from opstui.adapters.stores.cache_keeping import keep

        prepared, account = prepare(ticket), me or self.account(ticket.ref.system)

        def work(connection: apsw.Connection) -> bool:
            stamp = next_stamp(connection)
            _, differs = keep(connection, prepared, stamp=stamp, now=now, me=account, notice=notice)
            if differs:
                self._database.ring(connection, "ticket", str(ticket.ref), stamp)
            return differs

        return self._database.write(work)

    def failed(self, queue: Queue, health: Health, error: str, *, now: datetime) -> None:
        """The queue could not be asked: what is cached stays, its health is kept."""
        self._polls.failed(queue, health, error)

    def claim(self, queue: Queue, who: str, *, now: datetime, until: datetime, unless_since: datetime | None) -> bool:
        """Whether ``who`` is the one that asks the queue now, for all processes; held until it is released."""
        return self._polls.claim(queue, who, now=now, until=until, unless_since=unless_since)

    def release(self, queue: Queue, who: str, *, now: datetime) -> None:
        """``who`` has asked; nothing where another took over."""
        self._polls.release(queue, who, now=now)

    def keep_account(self, system: str, account: str) -> None:
        """Remember who the operator is on ``system``."""
        if self.account(system) != account:
            self._polls.keep_account(system, account)

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

    def account(self, system: str) -> str:
        """Who the operator was on ``system`` when it last answered; empty before."""
        rows = self._database.read("SELECT account FROM accounts WHERE system = ?", (system,))
        return str(rows[0][0]) if rows else ""

    def ticket(self, ref: TicketRef) -> tuple[Ticket, datetime] | None:
        """As last seen, and when it was fetched."""
        rows = self._database.read(
            f"SELECT {_T_COLUMNS}, t.complete, c.fetched, c.content FROM tickets t JOIN contents c ON c.ticket = t.id "
            "WHERE t.system = ? AND t.key = ?",
            (ref.system, ref.key),
        )
        if not rows:
            return None
        *values, complete, fetched, content = rows[0]
        return ticket_of(tuple(values), content, complete=bool(complete)), time_of(fetched)

    def unread(self, system: str, limit: int) -> list[TicketRef]:
        """Listed tickets that came or changed since they were read whole, the most urgent first."""
        rows = self._database.read(
            "SELECT key FROM tickets WHERE system = ? AND unread > 0 AND listed > 0 "
            "ORDER BY severity_rank, due_rank, updated DESC LIMIT ?",
            (system, limit),
        )
        return [TicketRef(system, str(key)) for (key,) in rows]

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

    def window(self, ids: Sequence[int]) -> list[tuple[TicketRow, bool, bool]]:
        """Rows of these internal ids in their order, with whether each is unseen, and if so whether it was known.

        Ids that are gone are left out.
        """
        found = {
            values[0]: (row_of(values[3:]), bool(values[1]), bool(values[2]))
            for values in self._database.read(
                f"SELECT id, noticed > seen, noticed > seen AND seen >= 0, {ROW_COLUMNS} FROM tickets "
                "WHERE id IN (SELECT value FROM json_each(?))",
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
            "SELECT 1 FROM tickets t JOIN contents c ON c.ticket = t.id WHERE t.system = ? AND t.key = ? "
            "AND noticed <= seen AND entries = seen_entries AND seen_updated = updated AND base IS NULL",
            (ref.system, ref.key),
        )
        if looked:
            return

        def work(connection: apsw.Connection) -> None:
            for row in connection.execute(
                "UPDATE tickets SET seen = max(noticed, 0), seen_entries = entries, seen_updated = updated, "
                "hinted = NULL WHERE system = ? AND key = ? RETURNING id",
                (ref.system, ref.key),
            ).fetchall():
                connection.execute("UPDATE contents SET base = NULL WHERE ticket = ?", row)
                self._database.ring(connection, "ticket", str(ref), 0)

        self._database.write(work)

    def seen_entries(self, ref: TicketRef) -> int:
        """How many timeline entries the ticket had when the operator last looked (or when it first came)."""
        rows = self._database.read(
            "SELECT seen_entries FROM tickets WHERE system = ? AND key = ?", (ref.system, ref.key)
        )
        return int(rows[0][0]) if rows else 0

    def seen_fields(self, ref: TicketRef) -> Mapping[str, Any] | None:
        """The ticket's fields as they were when the operator last looked; None while none of them differs."""
        rows = self._database.read(
            "SELECT c.base FROM tickets t JOIN contents c ON c.ticket = t.id WHERE t.system = ? AND t.key = ?",
            (ref.system, ref.key),
        )
        found = json.loads(rows[0][0]) if rows and rows[0][0] else None
        return found if isinstance(found, dict) else None

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
        """Tickets with rare words in common, best first with a score of 0 to 1, never the ticket itself."""
        return self._similar.to(ticket, limit)

    def tickets_with(self, words: Sequence[str]) -> tuple[Mapping[str, int], int]:
        """How many tickets have each of these words in title or body, and of how many."""
        return self._similar.counts(words)

    def close(self) -> None:
        """Nothing of its own: the database belongs to who opened it."""
