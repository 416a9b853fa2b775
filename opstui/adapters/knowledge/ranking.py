"""How much of a query stands on a page, and in which lines: the pure part of the search.

FTS5 proposes pages; four shares of the query's weight (idf) then tell more about each: how much of it stands anywhere
on the page, how much together within twelve lines, how much in the title, and how much of the title the query names.
``fusion`` orders the pages by them. They also tell an answer from the least bad page, where bm25's score, which
depends on the query's length, does not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from opstui.adapters.knowledge.frontmatter import headings
from opstui.core.frozen import dataclass
from opstui.core.pages.shape import front_end
from opstui.core.text import SafeText

SPAN_LIMIT = 12
"""Lines of a hit; citations take no more."""
TERM_LIMIT = 24
"""Words of a query that are searched for: its rarest."""
WEAK_SHARE = 0.3
"""Of a word's weight, where it stands only in the name of an instance."""

STRONG = 0.56
"""Of ``confidence``."""
COVERED = 0.3
"""Of ``coverage``. Both must be reached by an answer: 4 % of 134 alert texts that no page answers get there, and 96 %
of the right pages for 494 others; with half of the pages, 2 % and 94 %."""
SHOWN = 0.25
"""Of ``confidence``: a page below it has a word of the query and nothing to say to it."""

_BESIDE = 0.75
"""Of the best page's confidence: a page far behind it is no second answer."""
_SHORT = 4
"""A span with fewer lines takes in what follows in its section: a heading alone tells nobody what to do."""


@dataclass(frozen=True)
class Terms:
    """A query's stems with their weight (idf)."""

    known: Mapping[str, float]
    """Those that some page has: at most ``TERM_LIMIT``, the rarest."""
    unknown: float
    """The weight of those that no page has; it lowers every page's share."""
    instead: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Known stem → stems that stand for it, where the word itself is on no page: it was not typed to its end."""

    @cached_property
    def total(self) -> float:
        """What a page with all of it would weigh."""
        return sum(self.known.values()) + self.unknown

    @cached_property
    def asked(self) -> frozenset[str]:
        """All stems that count as one of the known."""
        return frozenset(spelling for stem in self.known for spelling in self.spellings(stem))

    def spellings(self, stem: str) -> Sequence[str]:
        """The stems that count as this one."""
        return self.instead.get(stem) or (stem,)


@dataclass(frozen=True, slots=True)
class Words:
    """A page as stems: where each of them stands."""

    title: frozenset[str]
    names: frozenset[str]
    """The title's, and those of what its facts say that it is about."""
    places: Mapping[str, Sequence[int]]
    """Stem → indices of the lines that hold it, ascending."""
    written: Sequence[bool]
    """For each line whether it has a word."""
    headings: Mapping[int, SafeText]
    """Indices of lines that begin a section → its name."""
    body_start: int
    """Index of the first line after the front matter."""
    is_cut: bool = False
    """There is more of the page that was not looked at."""

    def section(self, line: int) -> SafeText:
        """The name of the section that a line (counted from 1) stands in."""
        above = [index for index in self.headings if index < line]
        return self.headings[max(above)] if above else SafeText("")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines ``start … end`` (counted from 1, both included) and the weight of the query's words in them."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Match:
    """What a page has of a query. Shares are 0 to 1."""

    coverage: float
    """Share of the query's weight on the page."""
    together: float
    """The same within the span."""
    known_together: float
    """The same of the query's known words only: an unknown one must not level the pages."""
    named: float
    """Share of the known words' weight in the page's title and error codes."""
    titled: float
    """Share of the title's weight that the query names."""
    terms: int
    """Different words of the query on the page."""
    span: Span

    @property
    def confidence(self) -> float:
        """0 to 1.5."""
        return 0.5 * (self.coverage + self.together + self.titled)

    def is_strong(self, terms: Terms, best: float) -> bool:
        """Whether the page may be shown as an answer, beside one with the confidence ``best``.

        One word of several never makes an answer.
        """
        enough = self.terms >= 2 or (len(terms.known) == 1 and not terms.unknown and self.titled > 0)
        return enough and self.coverage >= COVERED and self.confidence >= max(STRONG, _BESIDE * best)

    def answers_as_well_as(self, other: Match) -> bool:
        """Whether it is not far behind the other."""
        return self.confidence >= _BESIDE * other.confidence


def weigh(
    stems: Sequence[str],
    pages_with: Mapping[str, int],
    page_count: int,
    *,
    weak: Collection[str] = (),
    instead: Mapping[str, Sequence[str]] | None = None,
) -> Terms:
    """The terms of a query; ``pages_with`` says how many of ``page_count`` pages have a stem (0: leave out).

    ``weak`` stems count for little, and not at all where no page has them.
    """
    known = {
        stem: idf(pages_with[stem], page_count) * (WEAK_SHARE if stem in weak else 1.0)
        for stem in stems
        if pages_with.get(stem)
    }
    if len(known) > TERM_LIMIT:
        known = dict(sorted(known.items(), key=lambda item: (-item[1], item[0]))[:TERM_LIMIT])
    # A number that no page has (a value, a port, a part of a host's name) says nothing about what the query is about.
    strange = [
        stem for stem in dict.fromkeys(stems) if not pages_with.get(stem) and stem not in weak and not stem.isdigit()
    ]
    return Terms(known, len(strange[:TERM_LIMIT]) * idf(0, page_count), instead or {})


def idf(pages_with: int, page_count: int) -> float:
    """The weight of a word that ``pages_with`` of ``page_count`` pages have; never below zero."""
    return max(0.0, math.log((page_count + 1) / (pages_with + 0.5)))


def match(words: Words, terms: Terms, title_weights: Mapping[str, float]) -> Match:
    """What a page has of the query. ``title_weights`` holds the weight of each stem of the title."""
    have = named = 0.0
    count = 0
    for stem, weight in terms.known.items():
        spellings = terms.spellings(stem)
        is_named = not words.names.isdisjoint(spellings)
        if (
            is_named
            or stem in words.places
            or (stem in terms.instead and not words.places.keys().isdisjoint(spellings))
        ):
            have += weight
            count += 1
            named += weight if is_named else 0.0
    total = terms.total or 1.0
    known = sum(terms.known.values()) or 1.0
    span = best_span(words, terms)
    titled = sum(weight for stem, weight in title_weights.items() if stem in terms.asked)
    return Match(
        coverage=have / total,
        together=span.weight / total,
        known_together=span.weight / known,
        named=named / known,
        titled=titled / (sum(title_weights.values()) or 1.0),
        terms=count,
        span=span,
    )


def best_span(words: Words, terms: Terms) -> Span:
    """The lines, at most ``SPAN_LIMIT``, that hold most of the query's weight; the earliest of equals.

    A span starts at a line with a word of the query, takes its section's heading in if it is near, and ends at the
    last line with a new word, or with what follows it in its section where that would be too little to read. A page
    that matches by its title only answers with its first lines.
    """
    hits: dict[int, list[str]] = {}
    for stem in terms.known:
        for spelling in terms.spellings(stem):
            for index in words.places.get(spelling, ()):
                if index >= words.body_start:
                    hits.setdefault(index, []).append(stem)
    first = _best_start(hits, terms.known)
    if first is None:
        return _first_lines(words)
    seen: set[str] = set()
    weight, end = 0.0, first
    for index in sorted(index for index in hits if first <= index < first + SPAN_LIMIT):
        new = set(hits[index]) - seen
        gain = sum(terms.known[stem] for stem in new)
        seen |= new
        weight += gain
        # A word that nearly every page has is no reason to stretch a span.
        if gain > 0.5:
            end = index
    best = Span(first + 1, end + 1, weight)
    start = best.start
    for index in range(best.start - 1, max(best.end - SPAN_LIMIT, words.body_start) - 1, -1):
        if index in words.headings:
            start = index + 1
            break
    return Span(start, _read_on(words, start, best.end), best.weight)


def _best_start(hits: Mapping[int, Sequence[str]], weights: Mapping[str, float]) -> int | None:
    """The line from which on ``SPAN_LIMIT`` lines hold most; None if there is no hit, or none that weighs anything."""
    ordered = sorted(hits)
    inside: dict[str, int] = {}
    weight, most, best, entering = 0.0, 0.0, None, 0
    for first in ordered:
        while entering < len(ordered) and ordered[entering] < first + SPAN_LIMIT:
            for stem in hits[ordered[entering]]:
                if not inside.get(stem):
                    weight += weights[stem]
                inside[stem] = inside.get(stem, 0) + 1
            entering += 1
        if weight > most + 1e-9:
            most, best = weight, first
        for stem in hits[first]:
            inside[stem] -= 1
            if not inside[stem]:
                weight -= weights[stem]
    return best


def _read_on(words: Words, start: int, end: int) -> int:
    """The last line of a span that is long enough to be read. All counted from 1."""
    written = sum(words.written[start - 1 : end])
    last = end
    for index in range(end, min(start - 1 + SPAN_LIMIT, len(words.written))):
        if written >= _SHORT or (index in words.headings and written > 1):
            break
        if words.written[index]:
            written += 1
            last = index + 1
    return last


def _first_lines(words: Words) -> Span:
    written = [index for index, has_words in enumerate(words.written) if has_words and index >= words.body_start]
    if not written:
        return Span(1, max(1, min(len(words.written), SPAN_LIMIT)), 0.0)
    last = max(index for index in written if index < written[0] + SPAN_LIMIT)
    return Span(written[0] + 1, last + 1, 0.0)


def sections(lines: Sequence[str]) -> tuple[dict[int, SafeText], int]:
    """Indices of heading lines outside of code with their text, and the index of the first line after the front
    matter."""
    return {index: name for index, _, name in headings(lines)}, front_end(lines)
