"""How well duplicates are found among real tickets, and how fast among 100,000: figures, nothing is asserted.

    python -m tests.bench.duplicates FOLDER [--command] [--tickets N]

FOLDER holds ``tickets.jsonl`` (id, created, title, body, priority, status), ``duplicates.jsonl`` (query, truth[]) and
``no_known_duplicate.jsonl`` (a list of ids or of objects with ``query``). Every ticket but the asked one is a
candidate. ``--command`` asks by ``opstui ticket similar`` on an imported local system; ``--tickets`` (100,000) is how
many are made up of these for the times: each has the title of a real one with a word of another in it, and halves of
two bodies.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Status, StatusCategory, Ticket, TicketRef
from tests.bench.figures import answer, bring_in

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
QUEUE = Queue("all", "local", "")
TOLD = 10
Ask = Callable[[str], Sequence[str]]
"""Id → ids of similar tickets, best first."""


def rows_of(file: Path) -> list[Any]:
    """A JSON Lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def ticket(key: str, title: str, body: str) -> Ticket:
    """As the local system would tell it."""
    return Ticket(
        ref=TicketRef("local", key),
        title=clean_line(title or "-"),
        body=clean(body or ""),
        status=Status(clean_line("open"), StatusCategory.OPEN),
        created_at=NOW,
        updated_at=NOW,
        version="1",
    )


def made_up(rows: Sequence[Mapping[str, Any]], count: int, chance: random.Random) -> Iterator[Ticket]:
    """So many tickets of an ordinary look, the same ones for the same seed."""
    for number in range(count):
        row, other = rows[number % len(rows)], chance.choice(rows)
        words = (row["title"] or "-").split()
        words[chance.randrange(len(words))] = chance.choice((other["title"] or "-").split())
        body, more = row["body"] or "", other["body"] or ""
        yield ticket(f"M-{number}", " ".join(words), f"{body[: len(body) // 2]}\n{more[len(more) // 2 :]}")


def filled(file: Path, tickets: Sequence[Ticket]) -> tuple[Database, SqliteCache]:
    """A cache with these tickets."""
    database = Database(file, full_sync=False)
    cache = SqliteCache(database)
    cache.store(QUEUE, Changes(tickets=tuple(tickets), cursor=Cursor("1"), anew=True), now=NOW, me="")
    return database, cache


def recall(wanted: Sequence[Mapping[str, Any]], ask: Ask) -> dict[str, float]:
    """R@1, R@5 and MRR@10; the same for each half of the queries, so that a figure fitted to one shows."""
    ranks = []
    for row in wanted:
        told = list(ask(row["query"]))
        ranks.append(next((rank for rank, key in enumerate(told, 1) if key in row["truth"]), None))

    def share(ranks: Sequence[int | None], most: int) -> float:
        return round(sum(rank is not None and rank <= most for rank in ranks) / len(ranks), 3)

    return {
        "queries": len(ranks),
        "R@1": share(ranks, 1),
        "R@5": share(ranks, 5),
        "MRR@10": round(sum(1 / rank for rank in ranks if rank) / len(ranks), 3),
        "R@1 even": share(ranks[::2], 1),
        "R@1 odd": share(ranks[1::2], 1),
    }


def times(cache: SqliteCache, asked: Sequence[Ticket]) -> dict[str, float]:
    """Milliseconds a question by the wall's clock, and of processor time where others share the machine."""
    wall, own = [], []
    for one in asked:
        begun, busy = time.perf_counter(), time.process_time()
        cache.similar(one, 3)
        wall.append(1000 * (time.perf_counter() - begun))
        own.append(1000 * (time.process_time() - busy))
    middle, late = len(wall) // 2, int(len(wall) * 0.95)
    return {
        "p50_ms": round(sorted(wall)[middle], 1),
        "p95_ms": round(sorted(wall)[late], 1),
        "cpu_p50_ms": round(sorted(own)[middle], 1),
        "cpu_p95_ms": round(sorted(own)[late], 1),
    }


def by_command(folder: Path, rows: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Through the command line, a process a question; and how many are told without ``--limit``."""
    report = bring_in(folder, ({"key": row["id"], "title": row["title"] or "-", "body": row["body"]} for row in rows))
    shown = {}

    def ask(key: str) -> Sequence[str]:
        shown[key] = len(answer(folder, "ticket", "similar", f"local:{key}"))
        told = answer(folder, "ticket", "similar", f"local:{key}", "--limit", str(TOLD))
        return [row["ref"].removeprefix("local:") for row in told]

    return {"imported": report["imported"], **recall(wanted, ask), "shown": round(sum(shown.values()) / len(shown), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--command", action="store_true")
    parser.add_argument("--tickets", type=int, default=100_000)
    given = parser.parse_args()
    rows, wanted = rows_of(given.folder / "tickets.jsonl"), rows_of(given.folder / "duplicates.jsonl")
    tickets = {row["id"]: ticket(row["id"], row["title"], row["body"]) for row in rows}
    with tempfile.TemporaryDirectory() as made:
        if given.command:
            print(json.dumps({"by": "command", **by_command(Path(made), rows, wanted)}))
            return
        database, cache = filled(Path(made) / "real.db", tuple(tickets.values()))
        found = recall(wanted, lambda key: [row.ref.key for row, _ in cache.similar(tickets[key], TOLD)])
        asked = [tickets[row["query"]] for row in wanted]
        print(json.dumps({"tickets": len(tickets), **found, **times(cache, asked)}))
        database.close()
        if given.tickets:
            many = [*tickets.values(), *made_up(rows, given.tickets - len(tickets), random.Random(5))]
            database, cache = filled(Path(made) / "many.db", many)
            others = random.Random(7).sample(many, 300)
            print(json.dumps({"tickets": len(many), **times(cache, [*asked, *others])}))
            database.close()


if __name__ == "__main__":
    main()
