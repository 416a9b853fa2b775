"""How well runbooks are found, and how fast: figures on real alert texts that nobody here wrote.

    python -m tests.bench.retrieval FOLDER

FOLDER holds ``corpus/*.md``, ``manifest.jsonl``, ``queries.jsonl`` and ``noanswer.jsonl``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.sqlite import Database
from opstui.core.knowledge import Hit, Strength


def load(folder: Path) -> tuple[dict[str, str], list[dict[str, Any]], list[dict[str, Any]]]:
    """Doc as indexed → doc as the truth names it, queries with a page, queries without one."""

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    docs = {f"corpus/{row['file'].removesuffix('.md')}": row["doc_id"] for row in rows("manifest.jsonl")}
    return docs, rows("queries.jsonl"), rows("noanswer.jsonl")


def rank_of_truth(hits: Sequence[Hit], truth: Sequence[str], docs: dict[str, str]) -> int | None:
    """Where the first right page stands, from 1; None beyond ten."""
    return next((rank for rank, hit in enumerate(hits[:10], start=1) if docs[hit.doc] in truth), None)


def figures(ranks: Sequence[int | None]) -> dict[str, float]:
    """R@1, R@5 and MRR@10."""
    count = len(ranks)
    found = [rank for rank in ranks if rank is not None]
    return {
        "R@1": sum(rank == 1 for rank in found) / count,
        "R@5": sum(rank <= 5 for rank in found) / count,
        "MRR@10": sum(1 / rank for rank in found) / count,
    }


def measure(index: SqliteKnowledge, folder: Path) -> dict[str, dict[str, float]]:
    """Figures of all groups, by name."""
    docs, queries, unanswered = load(folder)
    groups: dict[str, Callable[[dict[str, Any]], bool]] = {
        "all but gitlab": lambda row: row["project"] != "gitlab",
        "gitlab": lambda row: row["project"] == "gitlab",
    }
    for kind in ("name", "summary", "description", "cross"):
        groups[kind] = lambda row, kind=kind: row["project"] != "gitlab" and row["kind"] == kind  # type: ignore[misc]
    took = []
    answers = {}
    for row in [*queries, *unanswered]:
        start = time.perf_counter()
        answers[row["id"]] = index.search(row["query"], 10)
        took.append((time.perf_counter() - start) * 1000)
    table = {
        name: figures([rank_of_truth(answers[row["id"]], row["truth"], docs) for row in queries if belongs(row)])
        for name, belongs in groups.items()
    }
    real = [row for row in queries if row["project"] != "gitlab"]
    strong = [row for row in real if answers[row["id"]] and answers[row["id"]][0].strength is Strength.STRONG]
    table["strength"] = {
        "strong, answered": len(strong) / len(real),
        "of these right": sum(docs[answers[row["id"]][0].doc] in row["truth"] for row in strong) / len(strong),
        "strong, unanswered": sum(
            any(hit.strength is Strength.STRONG for hit in answers[row["id"]]) for row in unanswered
        )
        / len(unanswered),
    }
    took.sort()
    table["ms per search"] = {"p50": took[len(took) // 2], "p95": took[int(len(took) * 0.95)], "max": took[-1]}
    return table


def timed(work: Callable[[], int]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main(folder: Path) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        database = Database(Path(home) / "cache.db", full_sync=False)
        index = SqliteKnowledge(database, [FolderSource("corpus", folder / "corpus")])
        refresh = {"first": timed(index.refresh), "again": timed(index.refresh), "and again": timed(index.refresh)}
        table = {**measure(index, folder), "ms per refresh": refresh}
        database.close()
    for group, values in table.items():
        print(f"{group:<16}" + "".join(f"  {name} {value:7.3f}" for name, value in values.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
