"""Several ranked lists made into one.

Lists are joined by reciprocal rank, which needs nothing of their scores but the order; the shares of ``ranking`` then
decide among pages that every list proposes. Weights were fitted on real alert texts of three projects and measured on
the fourth, each in turn, and rounded: they are no optimum of any one of them (``tests/bench/retrieval.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from opstui.adapters.knowledge.ranking import Match
from opstui.core.frozen import dataclass

P = TypeVar("P")

CONSTANT = 60
"""Of reciprocal rank fusion, as its authors have it (Cormack, Clarke, Büttcher: SIGIR 2009): with it the first place
of one list is worth no more than good places in two."""
ABSENT = 100
"""The place of a page that a list does not have: it may only have been cut off."""
WORDS, TRIGRAMS, MEANING = 0.5, 0.7, 0.7
"""Weights of the lists."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A list of page ids, the best first, and what its order is worth."""

    pages: Sequence[int]
    weight: float


def fused(lists: Iterable[Ranked]) -> dict[int, float]:
    """Page → the sum over all lists of ``weight × CONSTANT ÷ (CONSTANT + rank)``, ranks counted from 1."""
    kept = tuple(lists)
    places = [{page: rank for rank, page in reversed(tuple(enumerate(one.pages, start=1)))} for one in kept]
    pages = dict.fromkeys(page for one in kept for page in one.pages)
    return {
        page: sum(
            one.weight * CONSTANT / (CONSTANT + ranks.get(page, ABSENT))
            for one, ranks in zip(kept, places, strict=True)
        )
        for page in pages
    }


def score(of_lists: float, found: Match) -> float:
    """How good a page is: its places in the lists, and what it has of the query."""
    return of_lists + 0.4 * found.titled + found.known_together + 0.65 * found.named


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page that was found, with all that its place depends on."""

    id: int
    doc: str
    score: float
    found: Match
    is_guidance: bool


def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first. One that is no guidance comes behind every guidance that answers as well; its score says so."""
    moved = []
    for one in candidates:
        ahead = [] if one.is_guidance else [two.score for two in candidates if is_better_guidance(two, one)]
        lowest = min((one.score, *ahead))
        moved.append((-lowest, bool(ahead), one.doc, one, lowest))
    moved.sort(key=lambda entry: entry[:3])
    return [
        Candidate(one.id, one.doc, lowest, one.found, one.is_guidance) if lowest != one.score else one
        for *_, one, lowest in moved
    ]


def is_better_guidance(other: Candidate, one: Candidate) -> bool:
    """Whether ``one`` is no guidance and ``other`` is, and says as much."""
    return not one.is_guidance and other.is_guidance and other.found.answers_as_well_as(one.found)
