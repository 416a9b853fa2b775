"""A claim that nearly quotes a sentence, laid beside it: which words were put in the place of which."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

_TOKEN = re.compile(r"[^\s\"'`()\[\]{}<>,;=|]+")
_PIECES = re.compile(r"[.!?;](?:\s|\Z)|\n|\", \"")
_LEAD = re.compile(
    r"\A(?:according to [^,]{1,40}, |it is (?:reported|said|stated) that |(?:the )?[\w -]{2,24}?"
    r" (?:states?|says?|said|shows?|reports?|reported|writes?|wrote)(?: that |: ))",
    re.IGNORECASE,
)
"""Who says it: no part of the sentence that is laid beside another."""
_ALIKE = 0.6
"""Share of a claim's words that a piece of the source has to hold."""
_TOKENS = 90
"""Longer pieces are cut: laying two texts beside each other takes the product of their lengths."""


@lru_cache(maxsize=512)
def swapped(claim: str, span: str) -> tuple[tuple[str, str], ...]:
    """Words of the source and words of the claim, where these stand in the place of those, and all else is alike.

    At most four words against four, a space between them. Empty where no piece of the source is nearly what the claim
    says.
    """
    ours = tokens(_LEAD.sub("", claim))
    if len(ours) < 4:
        return ()
    theirs = _nearest(frozenset(ours), span)
    if not theirs:
        return ()
    found: list[tuple[str, str]] = []
    for op, a, b, c, d in SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes():
        if op != "replace":
            continue
        if b - a == d - c <= 4:
            found += zip(theirs[a:b], ours[c:d], strict=True)
        elif max(b - a, d - c) <= 4:
            found.append((" ".join(theirs[a:b]), " ".join(ours[c:d])))
    return tuple(found)


def tokens(text: str) -> list[str]:
    """The words of a text as written, marks at their ends left out."""
    return [token for token in (match.group().strip(".,:!?*_") for match in _TOKEN.finditer(text)) if token]


def _nearest(wanted: frozenset[str], span: str) -> list[str]:
    best: list[str] = []
    most = _ALIKE * len(wanted)
    for piece in _PIECES.split(span):
        if len(piece) < 8:
            continue
        there = tokens(piece)[:_TOKENS]
        shared = len(wanted.intersection(there))
        if shared > most:
            best, most = there, shared
    return best
