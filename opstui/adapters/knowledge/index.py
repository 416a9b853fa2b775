"""Full-text search over approved pages, in ``cache.db``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import apsw

from opstui.adapters.knowledge.ranking import Words, idf, match, section_starts, weigh
from opstui.adapters.knowledge.words import expand, telling, words
from opstui.adapters.sqlite import Database, Step
from opstui.core.knowledge import Hit, Page, Strength
from opstui.core.ports import KnowledgeSource, Probe
from opstui.core.text import SafeText, clean_line, lines

_STEPS: tuple[Step, ...] = (
    """
    CREATE TABLE knowledge_page(
        id INTEGER PRIMARY KEY, doc TEXT NOT NULL UNIQUE, source TEXT NOT NULL, title TEXT NOT NULL,
        text TEXT NOT NULL, hash TEXT NOT NULL, stamp TEXT, changed_at INTEGER, problem TEXT);
    CREATE INDEX knowledge_page_source ON knowledge_page(source, doc, hash, stamp);
    CREATE VIRTUAL TABLE knowledge_words USING fts5(
        title, body, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2');
    INSERT INTO knowledge_words(knowledge_words, rank) VALUES ('rank', 'bm25(8.0, 1.0)');
    CREATE VIRTUAL TABLE knowledge_vocabulary USING fts5vocab(knowledge_words, row);
    """,
)
_TOKENIZER = ("porter", ["unicode61", "remove_diacritics", "2"])

_CANDIDATES = 20
"""Pages that bm25 proposes; more change no figure on the benchmark and cost time."""
_QUERY_LIMIT = 20_000
"""Code points of a query that are looked at."""
_STEMS_KEPT = 50_000
_PAGES_KEPT = 4_000_000
"""Code points of pages whose word sets stay in memory: making them is most of a search's time."""


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
        self._stems = _Stems()
        self._pages = _PageWords(self._stems)

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


class _Stems:
    """Words → stems, by the very tokenizer that the index uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # apsw hands a tokenizer out per connection, and a connection serves one thread at a time: hence our own.
        self._connection = apsw.Connection(":memory:")
        self._tokenize = self._connection.fts5_tokenizer(*_TOKENIZER)
        self._known: dict[str, str] = {}

    def of(self, found: Iterable[str]) -> list[str]:
        known = self._known
        return [known[word] if word in known else self._learn(word) for word in found]

    def _learn(self, word: str) -> str:
        with self._lock:
            if len(self._known) >= _STEMS_KEPT:
                self._known = {}
            tokens = self._tokenize(word.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False)
            first = next(iter(tokens), None)
            stem = str(first[0]) if isinstance(first, tuple) else word
            self._known[word] = stem
            return stem


class _PageWords:
    """Word sets of the pages that were looked at last."""

    def __init__(self, stems: _Stems) -> None:
        self._stems = stems
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], tuple[Words, int]] = OrderedDict()
        self._size = 0

    def of(self, page_id: int, content: str, title: str, text: str) -> Words:
        key = (page_id, content)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        made = self._make(title, text)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (made, len(text))
                self._size += len(text)
                while self._size > _PAGES_KEPT and len(self._kept) > 1:
                    self._size -= self._kept.popitem(last=False)[1][1]
        return made

    def _make(self, title: str, text: str) -> Words:
        page_lines = lines(text)
        headings, body_start = section_starts(page_lines)
        places: dict[str, list[int]] = {}
        written = []
        for index, line in enumerate(page_lines):
            stems = self._stems.of(words(line))
            written.append(bool(stems))
            for stem in dict.fromkeys(stems):
                places.setdefault(stem, []).append(index)
        return Words(
            title=frozenset(self._stems.of(telling(words(title)))),
            places=places,
            written=written,
            headings=headings,
            body_start=body_start,
        )


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
