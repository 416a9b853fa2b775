"""What a claim says the other way round: ``not`` put in or left out, up for down, enabled for disabled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from opstui.core.checks.alignment import swapped
from opstui.core.checks.m1 import stem, stems
from opstui.core.frozen import dataclass

_NOT = re.compile(
    r"(?:not|no|never|without|cannot|none|neither|nor|nobody|nothing|zero|0)\Z|.*n't\Z|.*n’t\Z", re.IGNORECASE
)
_TOKEN = re.compile(r"[^\W_]+(?:['’][a-z]+)?(?:[-_./:][^\W_]+)*")
_REACH = 3
"""Words after a negation that it covers."""
_LIGHT = frozenset(
    "the a an any is are was were be been being do does did has have had can could will would should may"
    " might must to of in on at for by and or but it its this that there with from as more further longer yet"
    " only very so if then than able they them their we us our you your he him his she her i me my who which".split()
)
_CLAUSES = re.compile(
    r"[.!?;\n](?:\s|\Z)|, |: |\s[-–—]\s|[()]|\b(?:but|whether|although|though|because|while|whereas)\b"
)
"""Where the reach of a negation ends."""
_TROUBLE = frozenset(
    stem(word)
    for word in "fault faulty problem issue error wrong unusual abnormal anomaly trouble failure finding blame odd"
    " suspicious defect sign indication evidence irregular noteworthy remarkable".split()
)
"""Words that a negation is spent on: ``nothing unusual on the disk`` denies no disk."""
_SENTENCES = re.compile(r"[.!?;\n](?:\s|\Z)")
_STILL = re.compile(r"\b(?:still|not|again|open|broken|failing|down|pending|unresolved)\b")
_ALIKE = 0.6
"""Share of a claim's telling words that a sentence has which is held against it alone."""

_PAIRS = tuple(
    tuple(frozenset(side.split()) for side in pair.split("|"))
    for pair in (
        "up|down",
        "healthy green fine|unhealthy broken faulty",
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
        near = alike(part, span)
        if near:
            found = polarity_fault(part, near) or _other_side(part, near)
            if found is not None:
                return found
    return None


def doubtful(claim: str, span: str) -> str | None:
    """A word of the claim of which the span has the opposite, in whatever sentence or part: worth a look, no more.

    A word further behind a negation may be what it is about, and may not: ``don't see the orders`` denies no orders.
    """
    return _other_side(claim, span, also_relative=True) or _denials_fault(claim, span, whole=True)


def polarity_fault(claim: str, span: str) -> str | None:
    """A word that the claim denies and the span affirms, or the other way round; None where they agree.

    A negation denies the first telling word behind it, or the trouble that it speaks of. A word that stands both ways
    in the span is no ground, and neither is one behind a negation where both deny something in common.
    """
    return _denials_fault(claim, span, whole=False)


def _denials_fault(claim: str, span: str, *, whole: bool) -> str | None:
    """``whole``: look at every word that a negation reaches, not at its first alone."""
    ours, theirs = _polarity(claim), _polarity(span)
    settled = frozenset[str]().union(
        *(one.words | other.words for one in ours.denials for other in theirs.denials if one.words & other.words)
    )
    for denial in ours.denials:
        for word in denial.told if whole else denial.told[:1]:
            if word in theirs.affirmed and word not in theirs.denied | settled:
                return ours.shown[word]
    for denial in theirs.denials:
        for word in denial.told if whole else denial.told[:1]:
            if word in ours.affirmed and word not in theirs.affirmed.keys() | ours.denied | settled:
                return ours.shown[word]
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


def alike(claim: str, span: str, share: float = _ALIKE) -> str:
    """The sentences of the span that say most of what the claim says, one a line; empty where none says that much."""
    parts = _SENTENCES.split(span)
    wanted = stems(claim)
    if not wanted:
        return ""
    shares = [len(wanted & stems(part)) / len(wanted) for part in parts]
    best = max(shares)
    if best < share:
        return ""
    return "\n".join(part for part, held in zip(parts, shares, strict=True) if held >= 0.8 * best)


def _words(text: str) -> Sequence[str]:
    return _TOKEN.findall(text.casefold())


@lru_cache(maxsize=1024)
def _sides(text: str) -> frozenset[tuple[int, int]]:
    return frozenset[tuple[int, int]]().union(*(_SIDES.get(word, frozenset()) for word in _words(text)))


@dataclass(frozen=True, slots=True)
class _Denial:
    """What one negation reaches, as stems."""

    told: tuple[str, ...]
    """What it may deny, the likeliest first."""
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Polarity:
    """What a text denies and what it affirms, as stems."""

    denials: tuple[_Denial, ...]
    denied: frozenset[str]
    affirmed: Mapping[str, None]
    shown: Mapping[str, str]
    """Stem → word."""


@lru_cache(maxsize=2048)
def _polarity(text: str) -> _Polarity:
    reaches: list[list[str]] = []
    affirmed: dict[str, None] = {}
    shown: dict[str, str] = {}
    for clause in _CLAUSES.split(text):
        reach = 0
        for token in _TOKEN.findall(clause.casefold()):
            if _NOT.match(token):
                if not (token == "nor" and reaches):
                    reaches.append([])  # what stands behind "nor" belongs to its "neither"
                reach = _REACH
                continue
            if token in _LIGHT or any(char.isdigit() for char in token):
                continue  # a date or a number is neither denied nor affirmed
            word = stem(token)
            shown.setdefault(word, token)
            if reach:
                reaches[-1].append(word)
                reach -= not token.endswith("ly")
            else:
                affirmed.setdefault(word)
    denials = tuple(_denial(words, shown) for words in reaches if words)
    return _Polarity(denials, frozenset[str]().union(*(one.told for one in denials)), affirmed, shown)


def _denial(words: Sequence[str], shown: Mapping[str, str]) -> _Denial:
    trouble = tuple(word for word in words if word in _TROUBLE)
    told = trouble or tuple(sorted(dict.fromkeys(words), key=lambda word: shown[word].endswith("ly")))
    return _Denial(told, frozenset(words))
