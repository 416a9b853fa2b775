"""A wiki as a source of approved pages: every poll compares what is listed there with what is indexed here.

There is no log of changes to follow and no place in it to lose. A poll lists all pages with their versions (some
hundred to a request), reads those whose version is another, and drops those that are not listed any more. What changes
while this runs has another version at the next poll. Work is done in bounded parts; what a part brought in is kept even
if the next one fails.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from opstui.adapters.knowledge.facts import EDITION, page_facts, with_source
from opstui.core.errors import CredentialsRefused, OpstuiError, Refused
from opstui.core.frozen import dataclass, replace
from opstui.core.knowledge import Page, SourceEntry
from opstui.core.ports import Probe
from opstui.core.text import clean, clean_line

LISTS = 10
"""Requests for lists in one part."""
READS = 50
"""Pages read in one part."""
DOUBTS = 50
"""Pages in one part of which the wiki is asked whether they are really gone."""
PAGE_LIMIT = 50_000
"""Pages of one source; a wiki that lists more is cut there, which doctor says."""
LETTERS = 1_000_000
"""Of one page."""

_ODD = re.compile(r"[^\w.,()&+:'=@!~;%-]+")
"""What stands as ``_`` in a page's id: blanks, and letters that mean something in references."""

R = TypeVar("R")
log = logging.getLogger("opstui.knowledge")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page in a list."""

    id: str
    """The wiki's own, which stays when it is renamed."""
    title: str
    version: str
    """Another one whenever the page, or what the list says of it, is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A page as read. All text is as it came, not clean."""

    id: str
    title: str
    version: str
    """Of what was read, spelled as in a list."""
    text: str
    changed_at: datetime | None = None
    author: str = ""
    revision: str = ""
    url: str = ""
    labels: tuple[str, ...] = ()
    stated: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problem: str = ""


class Wiki(Protocol):
    """One wiki's API. Every method raises Unreachable, Refused, RateLimited, CredentialsRefused."""

    where: str
    """Its address, for people."""
    lists_are_whole: bool
    """A page that is in no list is gone, or was renamed meanwhile. Else the wiki is asked for each before it goes."""

    def alone(self, work: Callable[[], Awaitable[R]]) -> R:
        """``work()`` in a loop of its own, with the connections closed afterwards."""

    async def begin(self) -> str:
        """Make sure that it can be asked; what it is, in a few words."""

    async def listing(self, cursor: Any) -> tuple[list[Listed], Any]:
        """Some pages after ``cursor`` (None: the first), and the cursor of the next; None where there are no more."""

    async def read(self, wanted: Sequence[Listed]) -> list[Article]:
        """These pages, without those that are gone."""

    async def still_there(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of the pages, missing in a whole list, that are there all the same."""


@dataclass(slots=True)
class _Sweep:
    """One comparison of everything."""

    rows: dict[str, Listed] = field(default_factory=dict)
    """By the wiki's id: a page that is renamed while lists are read may be in two of them."""
    cursor: Any = None
    is_listed: bool = False
    is_cut: bool = False
    docs: dict[str, Listed] | None = None
    todo: list[tuple[str, Listed]] = field(default_factory=list)
    doubts: list[tuple[str, str]] = field(default_factory=list)
    """Doc and id of what is indexed and not listed, as long as the wiki was not asked for it."""


class WikiSource:
    """A ``KnowledgeSource`` and ``PolledSource`` over a :class:`Wiki`.

    A page's id is ``<name>/<Title_with_underscores>``. ``stamps`` (doc → id and version, content hash) may be given
    back by whoever keeps the pages, so that only what changed is read.
    """

    def __init__(
        self,
        name: str,
        wiki: Wiki,
        *,
        kind: str,
        poll_seconds: float = 300.0,
        owner: str = "",
        review_by: date | None = None,
    ) -> None:
        self.name = name
        self.entry = SourceEntry(
            name=name,
            kind=kind,
            where=clean_line(wiki.where),
            owner=clean_line(owner) or None,
            review_by=review_by,
            poll_seconds=poll_seconds,
        )
        self.poll_seconds = poll_seconds
        self.has_more = False
        self.stamps: dict[str, tuple[str, str]] = {}
        self._wiki = wiki
        self._owner = owner
        self._review_by = review_by
        registered = f"{EDITION}\0{wiki.where}\0{owner}\0{review_by or ''}"
        self._registered = hashlib.sha256(registered.encode()).hexdigest()[:16]
        self._sweep: _Sweep | None = None
        self._was_cut = False

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        """The next part: changed pages, and docs that are gone. See ``KnowledgeSource``."""
        try:
            return self._wiki.alone(lambda: self._part(known))
        except OpstuiError:
            self._sweep, self.has_more = None, False
            raise

    def probe(self) -> list[Probe]:
        """Whether it answers, as what, and whether it lists any page."""
        check = f"knowledge {self.name}"
        try:
            told, some = self._wiki.alone(self._sample)
        except CredentialsRefused as error:
            fix = f"see knowledge.{self.name}.token; `opstui config secret set knowledge.{self.name}.token` keeps one"
            return [Probe(check, "fail", str(error), fix)]
        except OpstuiError as error:
            fix = f"see knowledge.{self.name}.url and [network] in the config, then try again"
            return [Probe(check, "fail", str(error), fix)]
        probes = [Probe(check, "pass", f"{told} at {clean_line(self._wiki.where, limit=200)} answers", "")]
        if not some:
            fix = f"see [knowledge.{self.name}] in the config, and what its account may read"
            probes.append(Probe(check, "warn", "it lists no page that this source would take", fix))
        if self._was_cut:
            probes.append(Probe(check, "warn", f"more than {PAGE_LIMIT} pages: the rest is left out", ""))
        return probes

    async def _sample(self) -> tuple[str, bool]:
        told = await self._wiki.begin()
        cursor: Any = None
        for _ in range(LISTS):
            rows, cursor = await self._wiki.listing(cursor)
            if rows or cursor is None:
                return told, bool(rows)
        return told, False

    async def _part(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        sweep = self._sweep
        if sweep is None:
            await self._wiki.begin()
            sweep = self._sweep = _Sweep()
        await self._list(sweep)
        pages: list[Page] = []
        gone: list[str] = []
        if sweep.is_listed:
            if sweep.docs is None:
                sweep.docs = named(self.name, sweep.rows.values())
                sweep.todo = [(doc, row) for doc, row in sweep.docs.items() if not self._is_unchanged(doc, row, known)]
                gone = self._missing(sweep, known)
            doubts, sweep.doubts = sweep.doubts[:DOUBTS], sweep.doubts[DOUBTS:]
            if doubts:
                there = await self._wiki.still_there([number for _, number in doubts])
                gone += [doc for doc, number in doubts if number not in there]
            batch, sweep.todo = sweep.todo[:READS], sweep.todo[READS:]
            if batch:
                pages += await self._read(batch, known, gone)
        for doc in gone:
            self.stamps.pop(doc, None)
        self.has_more = not sweep.is_listed or bool(sweep.todo or sweep.doubts)
        if not self.has_more:
            self._sweep, self._was_cut = None, sweep.is_cut
        return pages, gone

    async def _list(self, sweep: _Sweep) -> None:
        for _ in range(LISTS):
            if sweep.is_listed:
                return
            rows, cursor = await self._wiki.listing(sweep.cursor)
            for row in rows:
                sweep.rows.pop(row.id, None)  # the later of two is the newer
                sweep.rows[row.id] = row
            if cursor is not None and cursor == sweep.cursor:
                raise Refused(f"{self.name}: its list of pages leads in a circle. What was indexed stays")
            sweep.cursor = cursor
            sweep.is_cut = len(sweep.rows) > PAGE_LIMIT
            sweep.is_listed = cursor is None or sweep.is_cut
        if sweep.is_cut:
            log.warning("knowledge %s: more than %d pages: the rest is left out", self.name, PAGE_LIMIT)

    def _is_unchanged(self, doc: str, row: Listed, known: Mapping[str, str]) -> bool:
        before = self.stamps.get(doc)
        return before is not None and before == (self._stamp(row), known.get(doc))

    def _stamp(self, row: Listed | Article) -> str:
        return f"{row.id} {row.version} {self._registered}"

    def _missing(self, sweep: _Sweep, known: Mapping[str, str]) -> list[str]:
        """What is indexed and not listed, and is gone for that; the rest is a doubt."""
        assert sweep.docs is not None
        gone: list[str] = []
        for doc in known:
            if doc not in sweep.docs:
                number = self.stamps[doc][0].partition(" ")[0] if doc in self.stamps else ""
                if self._wiki.lists_are_whole or not number or number in sweep.rows:
                    gone.append(doc)
                else:
                    sweep.doubts.append((doc, number))
        return gone

    async def _read(self, batch: Sequence[tuple[str, Listed]], known: Mapping[str, str], gone: list[str]) -> list[Page]:
        read = {article.id: article for article in await self._wiki.read([row for _, row in batch])}
        pages: list[Page] = []
        for doc, row in batch:
            article = read.get(row.id)
            if article is not None and article.title != row.title:
                continue  # renamed since it was listed: the next poll knows its new name, and that the old one is gone
            if article is None:
                if doc in known:
                    gone.append(doc)
                continue
            page = self._page(doc, article)
            self.stamps[doc] = (self._stamp(article), page.content_hash)
            if known.get(doc) != page.content_hash:
                pages.append(page)
        return pages

    def _page(self, doc: str, article: Article) -> Page:
        title = clean_line(article.title) or clean_line(doc.rpartition("/")[2])
        problems = [article.problem] if article.problem else []
        body = article.text
        if len(body) > LETTERS:
            body = body[:LETTERS].rpartition("\n")[0] or body[:LETTERS]
            problems.append(f"longer than {LETTERS:,} letters: cut")
        cleaned = clean(f"# {title}\n\n{body}".rstrip() + "\n")
        facts = page_facts(cleaned, title=title, labels=article.labels, stated=article.stated)
        url = article.url if article.url.startswith(("https://", "http://")) else ""
        facts = replace(
            with_source(facts, owner=self._owner, review_by=self._review_by),
            author=facts.author or clean_line(article.author, limit=120) or None,
            revision=clean_line(article.revision, limit=40) or None,
            url=clean_line(url) or facts.url,
        )
        beside = (self._registered, title, cleaned, repr(facts), str(article.changed_at), "; ".join(problems))
        return Page(
            doc=doc,
            title=title,
            text=cleaned,
            content_hash=hashlib.sha256("\0".join(beside).encode("utf-8", "surrogatepass")).hexdigest(),
            changed_at=article.changed_at,
            problem=clean_line("; ".join(problems)) if problems else None,
            facts=facts,
        )


def named(source: str, rows: Iterable[Listed]) -> dict[str, Listed]:
    """Doc → page, by title; of two that would have the same name, the younger one has its id at the end."""
    found: dict[str, Listed] = {}
    for row in sorted(rows, key=lambda row: (len(row.id), row.id)):
        parts = (_ODD.sub("_", clean_line(part, limit=200)).strip("_") for part in row.title.split("/"))
        name = "/".join(part for part in parts if part) or row.id
        doc = f"{source}/{name}"
        found[f"{doc}~{row.id}" if doc in found else doc] = row
    return dict(sorted(found.items()))
