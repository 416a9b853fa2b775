"""Full-text search over approved pages, in ``cache.db``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from opstui.adapters.knowledge.pagewords import PageWords, Stems
from opstui.adapters.knowledge.ranking import Match, idf, match, weigh
from opstui.adapters.knowledge.schema import STEPS, facts_from, moment
from opstui.adapters.knowledge.upkeep import Upkeep, marks
from opstui.adapters.knowledge.words import telling, words
from opstui.adapters.sqlite import Database
from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Hit, Page, PageRow, Strength
from opstui.core.ports import KnowledgeSource, Probe
from opstui.core.text import SafeText, clean_line, lines

_CANDIDATES = 20
"""Pages that bm25 proposes; more change no figure on the benchmark and cost time."""
_QUERY_LIMIT = 20_000
"""Code points of a query that are looked at."""


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

    def __init__(
        self, database: Database, sources: Sequence[KnowledgeSource], *, now: Callable[[], float] = time.time
    ) -> None:
        database.migrate("knowledge", STEPS, backup=False)
        self._database = database
        self._sources = {source.name: source for source in sources}
        self._names = tuple(self._sources)
        self._upkeep = Upkeep(database, sources, now=now)
        self._stems = Stems()
        self._pages = PageWords(self._stems)

    # --- keeping it up to date ----------------------------------------------------------------------------------------

    def refresh(self, *, due: bool = False) -> int:
        """See ``KnowledgeIndex``."""
        return self._upkeep.refresh(due=due)

    def refresh_here(self) -> int:
        """Bring in what is on this machine, without asking anything elsewhere; how many pages changed."""
        return self._upkeep.refresh_here()

    def faults(self) -> Mapping[str, OpstuiError]:
        """See ``KnowledgeIndex``."""
        return self._upkeep.faults()

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
            changed_at=moment(row.changed_at),
        )

    def _candidates(self, asked: Sequence[str], count: int) -> list[_Candidate]:
        # Words hold letters and digits only, so between quotes nothing of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in asked)
        rows = self._database.read(
            "SELECT p.id, p.doc, p.title, p.hash, p.changed_at, w.rank FROM knowledge_words w"
            " JOIN knowledge_page p ON p.id = w.rowid"
            f" WHERE w.knowledge_words MATCH ? AND p.source IN ({marks(self._names)}) ORDER BY w.rank LIMIT ?",
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
        sql = f"SELECT term, doc FROM knowledge_vocabulary WHERE term IN ({marks(stems)})"
        return {term: int(count) for term, count in self._database.read(sql, tuple(stems))}

    def page(self, doc: str) -> Page | None:
        """The page as indexed; None for one that is not there or not approved."""
        rows = self._database.read(
            "SELECT title, text, hash, changed_at, problem, facts FROM knowledge_page"
            f" WHERE doc = ? AND source IN ({marks(self._names)})",
            (doc.encode("utf-8", "replace").decode(), *self._names),
        )
        if not rows:
            return None
        title, text, content, changed_at, problem, facts = rows[0]
        return Page(
            doc=doc,
            title=SafeText(title),
            text=SafeText(text),
            content_hash=content,
            changed_at=moment(changed_at),
            problem=SafeText(problem) if problem is not None else None,
            facts=facts_from(facts),
        )

    def pages(self, source: str | None = None) -> list[PageRow]:
        """See ``KnowledgeIndex``."""
        names = self._names if source is None else tuple(name for name in self._names if name == source)
        rows = self._database.read(
            "SELECT doc, title, source, hash, changed_at, facts, problem FROM knowledge_page"
            f" WHERE source IN ({marks(names)}) ORDER BY doc",
            names,
        )
        return [
            PageRow(
                doc=doc,
                title=SafeText(title),
                source=name,
                content_hash=content,
                changed_at=moment(changed_at),
                facts=facts_from(facts),
                problem=SafeText(problem) if problem is not None else None,
            )
            for doc, title, name, content, changed_at, facts, problem in rows
        ]

    def source_of(self, doc: str) -> KnowledgeSource | None:
        """See ``KnowledgeIndex``."""
        return self._sources.get(doc.partition("/")[0])

    def count(self) -> int:
        """How many pages there are."""
        where = f"source IN ({marks(self._names)})"
        return int(self._database.read(f"SELECT count(*) FROM knowledge_page WHERE {where}", self._names)[0][0])

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of the sources, and of pages that could not be read as they are."""
        probes: list[Probe] = []
        faults = self.faults()
        for name, source in self._sources.items():
            said = list(source.probe())
            if name in faults and all(probe.state == "pass" for probe in said):
                text = clean_line(f"{faults[name]}; the pages indexed before are kept")
                said.append(Probe(f"knowledge {name}", "warn", text, ""))
            probes += said
        rows = self._database.read(
            f"SELECT doc, problem FROM knowledge_page WHERE problem IS NOT NULL AND source IN ({marks(self._names)})"
            " ORDER BY doc LIMIT 6",
            self._names,
        )
        for doc, problem in rows[:5]:
            probes.append(Probe(f"knowledge {doc.partition('/')[0]}", "warn", clean_line(f"{doc}: {problem}"), ""))
        if len(rows) > 5:
            probes.append(Probe("knowledge", "warn", "further pages are not as they should be", "see the log"))
        return probes
