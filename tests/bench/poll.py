"""A full listing of 10,000 tickets of which 1 % changed, against a blind re-insert: ``python -m tests.bench.poll``.

Both in turn on the same file, with the same schema, indexes and word index: what ``cache.store`` does with the listing,
and deleting and inserting every row in one transaction without looking. The ratio is taken within each round.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.cache_intake import feed_of, next_stamp
from opstui.adapters.stores.cache_schema import ROW_COLUMNS, content_of, prepare, stored_time
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Status, StatusCategory, Ticket, TicketRef
from tests.bench.figures import made_up_tickets

QUEUE = Queue("Incidents", "rt", "Queue = 'Incidents'")
START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def listing(count: int, *, complete: bool) -> list[Ticket]:
    """Tickets as a list tells them, or whole ones."""
    return [
        Ticket(
            ref=TicketRef("rt", row["key"]),
            title=SafeText(row["title"]),
            body=SafeText(row["body"] if complete else ""),
            status=Status(SafeText(row["status"]), StatusCategory(row["status"])),
            severity=row["severity"],
            assignees=(SafeText("ana"),),
            services=(SafeText("checkout"),),
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            version="1",
            complete=complete,
        )
        for row in made_up_tickets(count)
    ]


def changed(tickets: Sequence[Ticket], round_: int, every: int) -> list[Ticket]:
    """The same listing with one ticket in ``every`` changed; other ones in each round."""
    later = START + timedelta(minutes=round_)
    return [
        dataclasses.replace(ticket, title=SafeText(f"{ticket.title} {round_}"), updated_at=later, version=f"v{round_}")
        if at % every == round_ % every
        else ticket
        for at, ticket in enumerate(tickets)
    ]


def blind(database: Database, tickets: Sequence[Ticket]) -> None:
    """Delete all rows and insert them again, in one transaction, in bulk and without a look at what was there."""
    rows, contents, words = [], [], []
    for number, ticket in enumerate(tickets, 1):
        prepared = prepare(ticket)
        content = content_of(ticket)
        moment = stored_time(START)
        state = (
            content.hash,
            content.words,
            prepared.row_hash,
            prepared.row_hash,
            ticket.complete,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
        )
        rows.append((number, *prepared.values, *state, 1))
        contents.append((number, moment, content.text, moment))
        words.append((number, ticket.title, content.body))

    def work(connection: apsw.Connection) -> None:
        for table in ("members", "contents", "search", "tickets"):
            connection.execute(f"DELETE FROM {table}")
        feed, stamp = feed_of(connection, QUEUE), next_stamp(connection)
        connection.executemany(
            f"INSERT INTO tickets(id, {ROW_COLUMNS}, severity_rank, due_rank, owner_rank, key_rank, hash, words, "
            "row_hash, list_hash, complete, unread, entries, stamp, noticed, seen, seen_entries, seen_updated, listed) "
            f"VALUES ({', '.join('?' * len(rows[0]))})",
            rows,
        )
        connection.executemany("INSERT INTO contents(ticket, fetched, content, read) VALUES (?, ?, ?, ?)", contents)
        connection.executemany("INSERT INTO search(rowid, title, body) VALUES (?, ?, ?)", words)
        connection.executemany(
            "INSERT INTO members VALUES (?, ?, ?)", [(feed.id, number, feed.generation) for number, *_ in words]
        )
        database.ring(connection, "queue", QUEUE.name, stamp)

    database.write(work)


def measure(folder: Path, *, count: int, every: int, rounds: int, complete: bool) -> list[tuple[float, float]]:
    """Seconds of processor time of this process for (a store, a blind re-insert), round by round."""
    database = Database(folder / f"cache-{complete}.db", full_sync=False)
    cache = SqliteCache(database)
    tickets = listing(count, complete=complete)
    took: list[tuple[float, float]] = []
    try:
        cache.store(QUEUE, Changes(tickets=tuple(tickets), cursor=Cursor("0"), anew=True), now=START, me="ana")
        for round_ in range(1, rounds + 1):
            tickets = changed(tickets, round_, every)
            answer = Changes(tickets=tuple(tickets), cursor=Cursor(str(round_)), anew=True)
            begun = time.process_time()
            told = cache.store(QUEUE, answer, now=START + timedelta(minutes=round_), me="ana")
            stored = time.process_time()
            assert len(told) == count // every
            blind(database, tickets)
            took.append((stored - begun, time.process_time() - stored))
    finally:
        database.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        for complete in (False, True):
            took = measure(
                Path(made), count=wanted.tickets, every=wanted.every, rounds=wanted.rounds, complete=complete
            )
            ratios = [store / again for store, again in took]
            print(
                json.dumps(
                    {
                        "tickets": "whole" if complete else "as lists have them",
                        "store_ms": round(1000 * median(store for store, _ in took)),
                        "blind_ms": round(1000 * median(again for _, again in took)),
                        "ratio": round(median(ratios), 3),
                        "range": [round(min(ratios), 3), round(max(ratios), 3)],
                    }
                )
            )


if __name__ == "__main__":
    main()
