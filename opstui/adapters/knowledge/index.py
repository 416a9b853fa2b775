"""Full-text search over approved pages, in ``cache.db``."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import apsw

from opstui.adapters.knowledge.pagewords import TOKENIZER, PageWords, Stems
from opstui.adapters.knowledge.ranking import idf, match, weigh
from opstui.adapters.knowledge.words import expand, telling, words
from opstui.adapters.sqlite import Database, Step
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.ports import KnowledgeSource, Probe
from opstui.core.text import SafeText, clean_line, lines

_STEPS: tuple[Step, ...] = (
    f"""
    CREATE TABLE knowledge_page(
        id INTEGER PRIMARY KEY, doc TEXT NOT NULL UNIQUE, source TEXT NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, hash TEXT NOT NULL, stamp TEXT, changed_at INTEGER, problem TEXT);
    CREATE INDEX knowledge_page_source ON knowledge_page(source, doc, hash, stamp);
    CREATE VIRTUAL TABLE knowledge_words USING fts5(
        title, body, content='', contentless_delete=1, tokenize='{TOKENIZER}');
    INSERT INTO knowledge_words(knowledge_words, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
    CREATE VIRTUAL TABLE knowledge_vocabulary USING fts5vocab(knowledge_words, row);
    """,
)

_CANDIDATES = 20
"""Pages that bm25 proposes; more change no figure on the benchmark and cost time."""
_QUERY_LIMIT = 20_000
"""Code points of a query that are looked at."""


@runtime_checkable
class Stamping(Protocol):
    """A source that can tell an unchanged page without reading it, if what it stamped is kept for it."""

    stamps: dict[str, tuple[str, str]]
    """Doc → stamp and content hash."""


class SqliteKnowledge:
    """A :class:`~opstui.core.ports.KnowledgeIndex`. Safe to use from any thread.

    Only pages of the ``sources`` given are ever found, whatever else the file holds.
    """

    def __init__(self, database: Database, sources: Sequence[KnowledgeSource]) -> None:
        database.migrate("knowledge", _STEPS, backup=False)
        self._database = database
        self._sources = tuple(sources)
        self._names = tuple(source.name for source in sources)
        self._refreshing = threading.Lock()
        self._stems = Stems()
        self._pages = PageWords(self._stems)

    # --- keeping it up to date ----------------------------------------------------------------------------------------

    def refresh(self) -> int:
        """Bring the index up to date with its sources; how many pages changed or went."""
        with self._refreshing:
            return sum(self._refresh(source) for source in self._sources) + self._drop_other_sources()

    def _refresh(self, source: KnowledgeSource) -> int:
        rows = self._database.read("SELECT doc, hash, stamp FROM knowledge_page WHERE source = ?", (source.name,))
        stamped: dict[str, tuple[str, str]] = {}
        if isinstance(source, Stamping):
            stamped = {doc: (stamp, content) for doc, content, stamp in rows if stamp}
            source.stamps = dict(stamped)
        pages, gone = source.pages({doc: content for doc, content, _ in rows})
        fresh: dict[str, tuple[str, str]] = source.stamps if isinstance(source, Stamping) else {}
        changed = {page.doc for page in pages}
        restamped = [
            (fresh[doc][0] if doc in fresh else None, doc)
            for doc, _, stamp in rows
            if doc not in changed and (fresh[doc][0] if doc in fresh else None) != stamp
        ]
        if not pages and not gone and not restamped:
            return 0

        def store(connection: apsw.Connection) -> None:
            for doc in gone:
                _remove(connection, "doc = ? AND source = ?", (doc, source.name))
            for page in pages:
                stamp = fresh.get(page.doc)
                _put(connection, source.name, page, stamp[0] if stamp and stamp[1] == page.content_hash else None)
            connection.executemany("UPDATE knowledge_page SET stamp = ? WHERE doc = ?", restamped)
            if pages or gone:
                self._database.ring(connection, "knowledge", source.name, len(pages) + len(gone))

        self._database.write(store)
        return len(pages) + len(gone)

    def _drop_other_sources(self) -> int:
        """A source that is no longer in the config is no longer approved."""
        where = f"source NOT IN ({_marks(self._names)})"
        if not self._database.read(f"SELECT 1 FROM knowledge_page WHERE {where} LIMIT 1", self._names):
            return 0

        def drop(connection: apsw.Connection) -> int:
            count = _remove(connection, where, self._names)
            self._database.ring(connection, "knowledge", "", count)
            return count

        return self._database.write(drop)

    # --- asking -------------------------------------------------------------------------------------------------------

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """Best first; empty where no page has a word of it. Any string is a query; none is an error.

        585 pages: 2 ms at the median, 5 ms at the 95th percentile; the first searches of a process up to 50 ms.
        """
        asked = telling(words(query[:_QUERY_LIMIT]))
        # A stem may be stemmed further by the tokenizer, so a word of the query stands for it in the expression.
        spelled = dict(zip(self._stems.of(asked), asked, strict=True))
        stems = list(spelled)
        if not stems or limit < 1 or not self._names:
            return []
        page_count = self.count()
        terms = weigh(stems, self._pages_with(stems), page_count)
        if not terms.known:
            return []
        rows = self._candidates([spelled[stem] for stem in terms.known], max(_CANDIDATES, limit))
        if not rows:
            return []
        best = min(rank for *_, rank in rows) or -1.0
        pages = [self._pages.of(page_id, content, title, text) for page_id, _, title, text, content, *_ in rows]
        counts = self._pages_with(frozenset[str]().union(*(page.title for page in pages)))
        found = [
            match(page, terms, {stem: idf(counts.get(stem, 0), page_count) for stem in page.title}) for page in pages
        ]
        surest = max(one.confidence for one in found)
        hits = [
            Hit(
                doc=doc,
                title=SafeText(title),
                score=round(rank / best + one.bonus, 6),
                line_start=one.span.start,
                line_end=one.span.end,
                text=SafeText("\n".join(lines(text)[one.span.start - 1 : one.span.end])),
                strength=Strength.STRONG if one.is_strong(terms, surest) else Strength.WEAK,
                coverage=round(min(1.0, one.coverage), 4),
                changed_at=_moment(changed_at),
            )
            for one, (_, doc, title, text, _, changed_at, rank) in zip(found, rows, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.doc))[:limit]

    def _candidates(self, asked: Sequence[str], count: int) -> list[tuple[int, str, str, str, str, int | None, float]]:
        # Words hold letters and digits only, so between quotes nothing of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in asked)
        return self._database.read(
            "SELECT p.id, p.doc, p.title, p.text, p.hash, p.changed_at, w.rank FROM knowledge_words w"
            " JOIN knowledge_page p ON p.id = w.rowid"
            f" WHERE w.knowledge_words MATCH ? AND p.source IN ({_marks(self._names)}) ORDER BY w.rank LIMIT ?",
            (expression, *self._names, count),
        )

    def _pages_with(self, stems: Collection[str]) -> dict[str, int]:
        """In how many pages each of the stems stands; those in none are left out."""
        # One statement: a hundred of them took longer than the rest of the search.
        sql = f"SELECT term, doc FROM knowledge_vocabulary WHERE term IN ({_marks(stems)})"
        return {term: int(count) for term, count in self._database.read(sql, tuple(stems))}

    def page(self, doc: str) -> Page | None:
        """The page as indexed; None for one that is not there or not approved."""
        rows = self._database.read(
            "SELECT title, text, hash, changed_at, problem FROM knowledge_page"
            f" WHERE doc = ? AND source IN ({_marks(self._names)})",
            (doc.encode("utf-8", "replace").decode(), *self._names),
        )
        if not rows:
            return None
        title, text, content, changed_at, problem = rows[0]
        return Page(
            doc=doc,
            title=SafeText(title),
            text=SafeText(text),
            content_hash=content,
            changed_at=_moment(changed_at),
            problem=SafeText(problem) if problem is not None else None,
        )

    def count(self) -> int:
        """How many pages there are."""
        where = f"source IN ({_marks(self._names)})"
        return int(self._database.read(f"SELECT count(*) FROM knowledge_page WHERE {where}", self._names)[0][0])

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of the sources, and of pages that could not be read as they are."""
        probes = [probe for source in self._sources for probe in source.probe()]
        rows = self._database.read(
            f"SELECT doc, problem FROM knowledge_page WHERE problem IS NOT NULL AND source IN ({_marks(self._names)})"
            " ORDER BY doc LIMIT 6",
            self._names,
        )
        for doc, problem in rows[:5]:
            probes.append(Probe(f"knowledge {doc.partition('/')[0]}", "warn", clean_line(f"{doc}: {problem}"), ""))
        if len(rows) > 5:
            probes.append(Probe("knowledge", "warn", "further pages are not as they should be", "see the log"))
        return probes


def _put(connection: apsw.Connection, source: str, page: Page, stamp: str | None) -> None:
    _remove(connection, "doc = ?", (page.doc,))
    changed_at = int(page.changed_at.timestamp()) if page.changed_at else None
    connection.execute(
        "INSERT INTO knowledge_page(doc, source, title, text, hash, stamp, changed_at, problem)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (page.doc, source, page.title, page.text, page.content_hash, stamp, changed_at, page.problem),
    )
    connection.execute(
        "INSERT INTO knowledge_words(rowid, title, body) VALUES (?, ?, ?)",
        (connection.last_insert_rowid(), expand(page.title), expand(page.text)),
    )


def _remove(connection: apsw.Connection, where: str, values: Sequence[str]) -> int:
    connection.execute(
        f"DELETE FROM knowledge_words WHERE rowid IN (SELECT id FROM knowledge_page WHERE {where})", values
    )
    connection.execute(f"DELETE FROM knowledge_page WHERE {where}", values)
    return connection.changes()


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
