"""What a claim says the other way round: ``not`` put in or left out, up for down, enabled for disabled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from opstui.core.checks.alignment import swapped
from opstui.core.checks.m1 import stem, stems

_NOT = re.compile(
    r"(?:not|no|never|without|cannot|none|neither|nor|nobody|nothing|zero|0)\Z|.*n't\Z|.*n’t\Z", re.IGNORECASE
)
_TOKEN = re.compile(r"[^\W_]+(?:['’][a-z]+)?(?:[-_./:][^\W_]+)*")
_REACH = 3
"""Words after a negation that it covers."""
_LIGHT = frozenset(
    "the a an any is are was were be been being do does did has have had can could will would should may"
    " might must to of in on at for by and or but it its this that there with from as more further longer yet"
    " only very so if then than".split()
)
_SENTENCES = re.compile(r"[.!?;\n](?:\s|\Z)")
_STILL = re.compile(r"\b(?:still|not|again|open|broken|failing|down|pending|unresolved)\b")
_ALIKE = 0.6
"""Share of a claim's telling words that a sentence has which is held against it alone."""

_PAIRS = tuple(
    tuple(frozenset(side.split()) for side in pair.split("|"))
    for pair in (
        "up|down",
        "healthy green|unhealthy",
        "available|unavailable",
        "reachable|unreachable",
        "rose rises rising increased increases grew growing|fell falls falling decreased decreases dropped drops",
        "enabled enables|disabled disables",
        "started starts begins began|stopped stops ended ends",
        "succeeded succeeds passed passes successful successfully|failed fails failing failure",
        "opened reopened open|closed",
        "connected|disconnected",
        "above|below",
        "before|after",
        "slow slower|fast faster",
        "high higher|low lower",
        "full|empty",
        "ready|notready not-ready",
        "locked|unlocked",
        "granted allowed permitted accepted|denied blocked forbidden rejected refused",
        "added|removed deleted",
        "mounted|unmounted",
        "scaled-up|scaled-down",
        "running|pending terminated stopped crashed waiting",
        "valid|invalid expired",
        "first|last",
        "oldest|newest",
        "maximum max|minimum min",
        "true|false",
        "all every|none no",
        "always|never",
        "old older|new newer",
        "primary master leader|replica standby secondary follower",
    )
)


def _sides_of_words() -> dict[str, frozenset[tuple[int, int]]]:
    found: dict[str, frozenset[tuple[int, int]]] = {}
    for number, pair in enumerate(_PAIRS):
        for side, words in enumerate(pair):
            for word in words:
                found[word] = found.get(word, frozenset()) | {(number, side)}
    return found


_SIDES = _sides_of_words()
"""Word → the pairs it is in, and on which side of each."""
_RELATIVE = frozenset(
    place
    for word in "before above first oldest maximum all always old primary true high full open started running".split()
    for number, _ in _SIDES[word]
    for place in ((number, 0), (number, 1))
)
"""Pairs that a true sentence may turn round: ``not before the deploy`` for ``after the deploy``. They block only where
one stands in the other's place."""
_ENDS = frozenset("fixed resolved recovered restored solved closed".split())


def opposite(claim: str, span: str) -> str | None:
    """A word of the claim that the span says the other way round; None where they agree."""
    for theirs, ours in swapped(claim, span):
        one, other = theirs.casefold(), ours.casefold()
        if any((number, 1 - side) in _SIDES.get(other, ()) for number, side in _SIDES.get(one, ())):
            return ours
        if _ENDS.intersection(one.split()) and not _ENDS.intersection(other.split()) and _STILL.search(other):
            return ours
    found = polarity_fault(claim, span)
    if found is not None:
        return found
    for part in _SENTENCES.split(claim):
        near = _alike(part, span)
        if near:
            found = polarity_fault(part, near) or _other_side(part, near)
            if found is not None:
                return found
    return None


def doubtful(claim: str, span: str) -> str | None:
    """A word of the claim of which the span has the opposite alone, in whatever sentence: worth a look, no more."""
    return _other_side(claim, span, also_relative=True)


def polarity_fault(claim: str, span: str) -> str | None:
    """A word that the claim denies and the span affirms, or the other way round; None where they agree.

    A negation covers the next three telling words. A word that stands both ways in the span is no ground.
    """
    denied, affirmed = _polarity(claim)
    span_denied, span_affirmed = _polarity(span)
    for word, shown in denied.items():
        if word in span_affirmed and word not in span_denied:
            return shown
    for word, shown in affirmed.items():
        if word in span_denied and word not in span_affirmed and word not in denied:
            return shown
    return None


def _other_side(claim: str, span: str, *, also_relative: bool = False) -> str | None:
    """A word whose opposite alone stands in the span."""
    there, here = _sides(span), _sides(claim)
    for word in _words(claim):
        places = _SIDES.get(word, frozenset())
        if not also_relative:
            places -= _RELATIVE
        if not places or places & there:
            continue
        if any((number, 1 - side) in there - here for number, side in places):
            return word
    return None


def _alike(claim: str, span: str) -> str:
    """The sentences of the span that say most of what the claim says; empty where none does."""
    parts = _SENTENCES.split(span)
    wanted = stems(claim)
    if not wanted:
        return ""
    shares = [len(wanted & stems(part)) / len(wanted) for part in parts]
    best = max(shares)
    if best < _ALIKE:
        return ""
    return "\n".join(part for part, share in zip(parts, shares, strict=True) if share >= 0.8 * best)


def _words(text: str) -> Sequence[str]:
    return _TOKEN.findall(text.casefold())


@lru_cache(maxsize=1024)
def _sides(text: str) -> frozenset[tuple[int, int]]:
    return frozenset[tuple[int, int]]().union(*(_SIDES.get(word, frozenset()) for word in _words(text)))


@lru_cache(maxsize=2048)
def _polarity(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Stem → word, for what a text denies and what it affirms."""
    denied: dict[str, str] = {}
    affirmed: dict[str, str] = {}
    for sentence in re.split(r"[.!?;\n](?:\s|\Z)|\bbut\b|, ", text):
        reach = 0
        for token in _TOKEN.findall(sentence.casefold()):
            if _NOT.match(token):
                reach = _REACH
                continue
            if token in _LIGHT or any(char.isdigit() for char in token):
                continue  # a date or a number is neither denied nor affirmed
            (denied if reach else affirmed).setdefault(stem(token), token)
            reach = max(0, reach - 1)
    return denied, affirmed
