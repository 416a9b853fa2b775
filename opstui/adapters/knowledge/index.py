"""Full-text search over approved pages, in ``cache.db``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from opstui.adapters.knowledge.frequencies import Frequencies
from opstui.adapters.knowledge.fusion import (
    Candidate,
    fused,
    is_better_guidance,
    ordered,
    places,
    score,
)
from opstui.adapters.knowledge.guesses import guesses
from opstui.adapters.knowledge.pagewords import PageWords, Stems
from opstui.adapters.knowledge.query import Query, read_query
from opstui.adapters.knowledge.ranking import SHOWN, Match, Terms, Words, idf, match, weigh
from opstui.adapters.knowledge.schema import STEPS, facts_from, moment
from opstui.adapters.knowledge.upkeep import Upkeep, marks
from opstui.adapters.sqlite import Database
from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Hit, Page, PageFacts, PageRow, Strength
from opstui.core.ports import KnowledgeSource, PolledSource, Probe
from opstui.core.text import SafeText, clean_line, lines

if TYPE_CHECKING:
    from opstui.adapters.knowledge.meaning import Meaning

_CANDIDATES = 30
"""Pages that each list proposes; more change no figure on the benchmark and cost time."""
_LOOKED_AT = 30
"""Pages, by their places in all lists, that are looked into."""
_PARTS = 6
"""Words that parts of words are looked for of: the rarest."""
_OFTEN = 0.25
_RARE = 3
"""Words on more pages than this share are left out there, but the rarest few never are."""


_NEAR = 0.5
"""Cosine from which on a page is shown for what it means, even where it has hardly a word of the query: 80 % of alert
texts that no page answers have none so near, and 90 % of those with a page have theirs."""


class Row(NamedTuple):
    """A page without its text."""

    id: int
    doc: str
    title: str
    hash: str
    changed_at: int | None
    facts: PageFacts


class Seen(NamedTuple):
    """A page that a list proposed, and what speaks for it."""

    row: Row
    words: Words
    ranks: tuple[int, ...]
    """Its places in the lists of words, of parts of words, and of meaning if there is one."""
    found: Match
    is_near: bool
    """It is shown for what it means, whatever words it has."""


class SqliteKnowledge:
    """A :class:`~opstui.core.ports.KnowledgeIndex`. Safe to use from any thread.

    Only pages of the ``sources`` given are ever found, whatever else the file holds.
    """

    def __init__(
        self,
        database: Database,
        sources: Sequence[KnowledgeSource],
        *,
        now: Callable[[], float] = time.time,
        semantic: bool = False,
    ) -> None:
        database.migrate("knowledge", STEPS, backup=False)
        self._database = database
        self._sources = {source.name: source for source in sources}
        self._names = tuple(self._sources)
        self._upkeep = Upkeep(database, sources, now=now)
        self._stems = Stems()
        self._meaning = _meaning(database, self._names) if semantic else None
        self._frequencies = Frequencies(database, self._names)
        self._pages = PageWords(self._stems)

    # --- keeping it up to date ----------------------------------------------------------------------------------------

    def refresh(self, *, due: bool = False) -> int:
        """See ``KnowledgeIndex``."""
        changed = self._upkeep.refresh(due=due)
        if self._meaning is not None:
            self._meaning.keep_up()
        return changed

    def refresh_here(self) -> int:
        """Bring in what is on this machine, without asking anything elsewhere; how many pages changed."""
        return self._upkeep.refresh_here()

    def faults(self) -> Mapping[str, OpstuiError]:
        """See ``KnowledgeIndex``."""
        return self._upkeep.faults()

    def answered(self) -> Mapping[str, datetime]:
        """See ``KnowledgeIndex``."""
        return self._upkeep.answered()

    # --- asking -------------------------------------------------------------------------------------------------------

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """See ``KnowledgeIndex``.

        585 pages: 4 ms at the median, 9 ms at the 95th percentile; the first searches of a process up to 50 ms.
        """
        terms, seen = self.considered(query, limit)
        if limit < 1:
            return []
        candidates = [
            Candidate(one.row.id, one.row.doc, score(one.ranks, one.found), one.found, one.row.facts.state.is_guidance)
            for one in seen
            if one.found.confidence >= SHOWN or one.words.is_cut or one.is_near
        ]
        return self._hits(ordered(candidates)[:limit], candidates, terms, {one.row.id: one for one in seen})

    def considered(self, query: str, limit: int = 8) -> tuple[Terms, list[Seen]]:
        """The terms of a query, and every page that a list proposes with what speaks for it, in no order."""
        asked = read_query(query, self._stems)
        nothing = Terms({}, 0.0)
        if not asked.words or not self._names:
            return nothing, []
        page_count = self._frequencies.settle()
        counts = self._frequencies.of(asked.words)
        instead = self._guessed(asked, counts)
        counts.update({stem: max(counts.get(one, 1) for one in ones) for stem, ones in instead.items()})
        terms = weigh(list(asked.words), counts, page_count, weak=asked.weak, instead=instead)
        if not terms.known:
            return nothing, []
        count = max(_CANDIDATES, limit)
        lists = self._lists(asked, terms, counts, often=page_count * _OFTEN, count=count)
        alike = self._meaning.nearest(query, count) if self._meaning is not None else {}
        if self._meaning is not None:
            lists.append(list(alike))
        ranks = places(lists)
        first = sorted(ranks, key=lambda page: (-fused(ranks[page]), page))[: max(_LOOKED_AT, limit)]
        pages = [
            (row, page)
            for row in self._rows(first)
            if (page := self._pages.of(row.hash, row.title, row.facts, partial(self._text, row.id)))
        ]
        counts = self._frequencies.of(frozenset[str]().union(*(page.title for _, page in pages)))
        weights = {stem: idf(count, page_count) for stem, count in counts.items()}
        nowhere = idf(0, page_count)
        return terms, [
            Seen(
                row,
                page,
                ranks[row.id],
                match(page, terms, {stem: weights.get(stem, nowhere) for stem in page.title}),
                alike.get(row.id, 0.0) >= _NEAR,
            )
            for row, page in pages
        ]

    def _guessed(self, asked: Query, counts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
        """Unknown stem of what a person types → stems that it may stand for."""
        if not asked.is_typed:
            return {}
        instead = {}
        for stem, word in asked.words.items():
            if stem not in counts and stem not in asked.weak:
                found = guesses(self._database, word, stem, is_last=word == asked.open_word)
                if found:
                    instead[stem] = found
        return instead

    def _lists(
        self, asked: Query, terms: Terms, counts: Mapping[str, int], *, often: float, count: int
    ) -> list[list[int]]:
        telling_stems = [stem for stem in terms.known if stem not in asked.weak] or list(terms.known)
        # A stem may be stemmed further by the tokenizer, so a word of the query stands for it in the expression.
        spelled = [word for stem in telling_stems for word in (terms.instead.get(stem) or (asked.words[stem],))]
        # A long list of places is what makes trigrams slow, and a word that many pages have says little in any case.
        parts = sorted(
            (counts.get(stem, 0), word)
            for stem, word in asked.words.items()
            if len(word) >= 3 and (stem not in asked.weak or stem in telling_stems)
        )
        rare = [word for at, (pages, word) in enumerate(parts) if at < _RARE or pages <= often][:_PARTS]
        return [
            self._ranked("knowledge_words", spelled, count),
            self._ranked("knowledge_trigrams", rare, count),
        ]

    def _ranked(self, table: str, words: Sequence[str], count: int) -> list[int]:
        """Pages with one of the words, the best by bm25 first."""
        if not words:
            return []
        # Words hold letters and digits only, so between quotes nothing of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in words)
        rows = self._database.read(
            f"SELECT p.id FROM {table} w JOIN knowledge_page p ON p.id = w.rowid"
            f" WHERE w.{table} MATCH ? AND p.source IN ({marks(self._names)}) ORDER BY w.rank, p.doc LIMIT ?",
            (expression, *self._names, count),
        )
        return [row[0] for row in rows]

    def _rows(self, ids: Collection[int]) -> list[Row]:
        rows = self._database.read(
            f"SELECT id, doc, title, hash, changed_at, facts FROM knowledge_page WHERE id IN ({marks(ids)})",
            tuple(ids),
        )
        return [Row(page, doc, title, content, at, facts_from(kept)) for page, doc, title, content, at, kept in rows]

    def _hits(
        self,
        chosen: Sequence[Candidate],
        candidates: Sequence[Candidate],
        terms: Terms,
        pages: Mapping[int, Seen],
    ) -> list[Hit]:
        surest = max((one.found.confidence for one in candidates), default=0.0)
        hits = []
        for one in chosen:
            row, page = pages[one.id].row, pages[one.id].words
            text = self._text(row.id)
            if text is None:
                continue
            start, end = one.found.span.start, one.found.span.end
            beside = any(is_better_guidance(other, one) for other in candidates)
            hits.append(
                Hit(
                    doc=row.doc,
                    title=SafeText(row.title),
                    score=round(one.score, 6),
                    line_start=start,
                    line_end=end,
                    text=SafeText("\n".join(lines(text)[start - 1 : end])),
                    strength=Strength.STRONG if one.found.is_strong(terms, surest) and not beside else Strength.WEAK,
                    coverage=round(min(1.0, one.found.coverage), 4),
                    changed_at=moment(row.changed_at),
                    section=page.section(start),
                    facts=row.facts,
                )
            )
        return hits

    def _text(self, page_id: int) -> str | None:
        """The page's text; None if it went or changed meanwhile."""
        rows = self._database.read("SELECT text FROM knowledge_page WHERE id = ?", (page_id,))
        return str(rows[0][0]) if rows else None

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

    def sources(self) -> tuple[KnowledgeSource, ...]:
        """See ``KnowledgeIndex``."""
        return tuple(self._sources.values())

    def source_of(self, doc: str) -> KnowledgeSource | None:
        """See ``KnowledgeIndex``."""
        return self._sources.get(doc.partition("/")[0])

    def count(self) -> int:
        """How many pages there are."""
        where = f"source IN ({marks(self._names)})"
        return int(self._database.read(f"SELECT count(*) FROM knowledge_page WHERE {where}", self._names)[0][0])

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of sources on this machine, and of pages that could not be read as they are."""
        probes: list[Probe] = []
        faults = self.faults()
        for name, source in self._sources.items():
            if isinstance(source, PolledSource):
                continue  # doctor asks those side by side
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
        if self._meaning is not None:
            probes += self._meaning.probe()
        return probes


def _meaning(database: Database, names: Sequence[str]) -> Meaning:
    from opstui.adapters.knowledge.meaning import Meaning

    return Meaning(database, names)
