"""Full-text search over approved pages, in ``cache.db``."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import apsw

from opstui.adapters.knowledge.pagewords import TOKENIZER, PageWords, Stems
from opstui.adapters.knowledge.ranking import Match, idf, match, weigh
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
_BATCH = 1_000_000
"""Code points of pages in one transaction: about 0.2 s."""
_QUERY_LIMIT = 20_000
"""Code points of a query that are looked at."""


@runtime_checkable
class Stamping(Protocol):
    """A source that can tell an unchanged page without reading it, if what it stamped is kept for it."""

    stamps: dict[str, tuple[str, str]]
    """Doc → stamp and content hash."""


class _Candidate(NamedTuple):
    id: int
    doc: str
    title: str
    hash: str
    changed_at: int | None
    rank: float
    """bm25: the smaller, the better."""


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

        def clear(connection: apsw.Connection) -> None:
            for doc in gone:
                _remove(connection, "doc = ? AND source = ?", (doc, source.name))
            connection.executemany("UPDATE knowledge_page SET stamp = ? WHERE doc = ?", restamped)
            if gone:
                self._database.ring(connection, "knowledge", source.name, len(gone))

        if gone or restamped:
            self._database.write(clear)
        for batch in _batches(pages):

            def store(connection: apsw.Connection, batch: Sequence[Page] = batch) -> None:
                for page in batch:
                    stamp, content = fresh.get(page.doc, (None, ""))
                    _put(connection, source.name, page, stamp if content == page.content_hash else None)
                self._database.ring(connection, "knowledge", source.name, len(batch))

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
        pages = [
            (row, page) for row in rows if (page := self._pages.of(row.hash, row.title, partial(self._text, row.id)))
        ]
        if not pages:
            return []
        counts = self._pages_with(frozenset[str]().union(*(page.title for _, page in pages)))
        best = min(row.rank for row, _ in pages) or -1.0
        found = [
            (row, match(page, terms, {stem: idf(counts.get(stem, 0), page_count) for stem in page.title}))
            for row, page in pages
        ]
        surest = max(one.confidence for _, one in found)
        scored = [(row.rank / best + one.bonus, row, one) for row, one in found]
        scored.sort(key=lambda entry: (-entry[0], entry[1].doc))
        hits = (self._hit(row, one, score, one.is_strong(terms, surest)) for score, row, one in scored[:limit])
        return [hit for hit in hits if hit is not None]

    def _hit(self, row: _Candidate, found: Match, score: float, strong: bool) -> Hit | None:
        text = self._text(row.id)
        if text is None:
            return None
        start, end = found.span.start, found.span.end
        return Hit(
            doc=row.doc,
            title=SafeText(row.title),
            score=round(score, 6),
            line_start=start,
            line_end=end,
            text=SafeText("\n".join(lines(text)[start - 1 : end])),
            strength=Strength.STRONG if strong else Strength.WEAK,
            coverage=round(min(1.0, found.coverage), 4),
            changed_at=_moment(row.changed_at),
        )

    def _candidates(self, asked: Sequence[str], count: int) -> list[_Candidate]:
        # Words hold letters and digits only, so between quotes nothing of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in asked)
        rows = self._database.read(
            "SELECT p.id, p.doc, p.title, p.hash, p.changed_at, w.rank FROM knowledge_words w"
            " JOIN knowledge_page p ON p.id = w.rowid"
            f" WHERE w.knowledge_words MATCH ? AND p.source IN ({_marks(self._names)}) ORDER BY w.rank LIMIT ?",
            (expression, *self._names, count),
        )
        return [_Candidate(*row) for row in rows]

    def _text(self, page_id: int) -> str | None:
        """The page's text; None if it went or changed meanwhile."""
        rows = self._database.read("SELECT text FROM knowledge_page WHERE id = ?", (page_id,))
        return str(rows[0][0]) if rows else None

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


def _batches(pages: Sequence[Page]) -> Iterator[list[Page]]:
    """Parts that are written one after the other, so that nobody else waits long for the file."""
    batch: list[Page] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.text)
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


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
