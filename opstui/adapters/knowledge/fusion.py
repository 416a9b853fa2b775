"""Several ranked lists made into one.

Lists are joined by reciprocal rank, which needs nothing of their scores but the order; the shares of ``ranking`` then
decide among pages that every list proposes. Weights were fitted on real alert texts of three projects and measured on
the fourth, each in turn, and rounded: they are no optimum of any one of them (``tests/bench/retrieval.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from opstui.adapters.knowledge.ranking import Match
from opstui.core.frozen import dataclass

CONSTANT = 60
"""Of reciprocal rank fusion, as its authors have it (Cormack, Clarke, Büttcher: SIGIR 2009): with it the first place
of one list is worth no more than good places in two."""
ABSENT = 100
"""The place of a page that a list does not have: it may only have been cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each part of the evidence is worth."""

    words: float = 0.5
    trigrams: float = 0.7
    meaning: float = 0.7
    titled: float = 0.4
    together: float = 1.0
    named: float = 0.65


WEIGHTS = Weights()


def places(lists: Sequence[Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Page → its place in each list, from 1; ``ABSENT`` where a list does not have it."""
    ranks = [{page: rank for rank, page in reversed(tuple(enumerate(one, start=1)))} for one in lists]
    pages = dict.fromkeys(page for one in lists for page in one)
    return {page: tuple(rank.get(page, ABSENT) for rank in ranks) for page in pages}


def score(ranks: Sequence[int], found: Match, weights: Weights = WEIGHTS) -> float:
    """How good a page is: its places in the lists (words, trigrams, meaning if there is one), and its shares."""
    shares = weights.titled * found.titled + weights.together * found.known_together + weights.named * found.named
    return fused(ranks, weights) + shares


def fused(ranks: Sequence[int], weights: Weights = WEIGHTS) -> float:
    """The sum over the lists of ``weight × CONSTANT ÷ (CONSTANT + rank)``."""
    of_lists = (weights.words, weights.trigrams, weights.meaning)
    return sum(weight * CONSTANT / (CONSTANT + rank) for weight, rank in zip(of_lists, ranks, strict=False))


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
