"""Which words of a line a query means, for marking them where a person reads: the search itself has rules of its own.

``disk fills`` means *disk* and *filling*, and the ``DNS`` in ``CoreDNSErrorsHigh``. Words that say nothing are not
marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
"""A word, or a part of one that is written in camel case."""
_ENDINGS = ("ing", "ies", "ed", "es", "s")
_LITTLE = frozenset(
    """a an and are as at be but by can do does for from had has have how i if in is it its me my no not of on or our
    so that the then there this to was we were what when where which who why will with you your""".split()
)
LONGEST = 2_000
"""Characters of a line that are looked at: no more fit on any screen."""


class Marker:
    """The words of one query."""

    def __init__(self, query: str) -> None:
        words = [found[0].casefold() for found in _PART.finditer(query[:LONGEST])]
        self._stems = tuple(dict.fromkeys(_stem(word) for word in words if word not in _LITTLE))

    def __bool__(self) -> bool:
        return bool(self._stems)

    def spans(self, line: str) -> Sequence[tuple[int, int]]:
        """Where its words stand in ``line``: start and end, in order, none within another."""
        if not self._stems:
            return ()
        found: list[tuple[int, int]] = []
        for part in _PART.finditer(line[:LONGEST]):
            length = self._meant(part[0].casefold())
            if length:
                # Where words are written without blanks, what follows is another word.
                end = part.end() if part[0].isascii() else part.start() + length
                found.append((part.start(), end))
        return found

    def _meant(self, word: str) -> int:
        """How much of ``word`` the query names; 0: nothing."""
        for stem in self._stems:
            # What is short or a number is meant as it is: ``5`` is no start of ``50``, ``db`` none of ``dbus``.
            if word == stem or (len(stem) > 2 and not stem.isdigit() and word.startswith(stem)):
                return len(stem)
        return 0


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word[: -len(ending)]
    return word
