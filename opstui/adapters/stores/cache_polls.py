"""Who asks a queue in ``cache.db``, how that went, and who the operator is on each system.

Several processes of one machine poll the same queues into one file: one of them asks at a time, and what it was told is
everybody's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache_intake import feed_of
from opstui.adapters.stores.cache_schema import stored_time
from opstui.core.queues import Health, Queue
from opstui.core.text import clean_line

LONGEST = timedelta(minutes=10)
"""A hold that would last longer was written by a clock that was wrong."""


class Polls:
    """Writes the rows of ``queues`` and ``accounts``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def failed(self, queue: Queue, health: Health, error: str) -> None:
        """See ``TicketCache.failed``."""

        def work(connection: apsw.Connection) -> None:
            feed, text = feed_of(connection, queue), clean_line(error)
            connection.execute(
                "UPDATE queues SET health = ?, error = ? WHERE id = ? AND (health, error) IS NOT (?, ?)",
                (health.value, text, feed.id, health.value, text),
            )
            if connection.changes():
                self._database.ring(connection, "queue", queue.name, 0)

        self._database.write(work)

    def claim(self, queue: Queue, who: str, *, now: datetime, until: datetime, unless_since: datetime | None) -> bool:
        """See ``TicketCache.claim``."""
        moment, last = stored_time(now), stored_time(now + LONGEST)
        since = stored_time(unless_since) if unless_since is not None else None
        where = (queue.system, queue.name)
        free = (
            "(holder IS NULL OR holder = ? OR held_until < ? OR held_until > ?) "
            "AND (? IS NULL OR asked IS NULL OR asked < ? OR asked > ? OR query != ?)"
        )
        params = (who, moment, last, since, since, last, queue.query)
        known = self._database.read("SELECT 1 FROM queues WHERE system = ? AND name = ?", where)
        if known and not self._database.read(f"SELECT 1 FROM queues WHERE system = ? AND name = ? AND {free}",
                                             (*where, *params)):  # fmt: skip
            return False

        def work(connection: apsw.Connection) -> bool:
            connection.execute(
                "INSERT INTO queues(system, name, query, health) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*where, queue.query, Health.STALE.value),
            )
            connection.execute(
                f"UPDATE queues SET holder = ?, held_until = ? WHERE system = ? AND name = ? AND {free}",
                (who, stored_time(until), *where, *params),
            )
            return connection.changes() > 0

        return self._database.write(work)

    def release(self, queue: Queue, who: str, *, now: datetime) -> None:
        """See ``TicketCache.release``."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE queues SET holder = NULL, held_until = NULL, asked = ? "
                "WHERE system = ? AND name = ? AND holder = ?",
                (stored_time(now), queue.system, queue.name, who),
            )

        self._database.write(work)

    def keep_account(self, system: str, account: str) -> None:
        """See ``TicketCache.keep_account``."""

        def work(connection: apsw.Connection) -> None:
            row: tuple[Any, ...] = (system, account)
            connection.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?)", row)
            # "assignee:me" means somebody else now.
            self._database.ring(connection, "queue", system, 0)

        self._database.write(work)
