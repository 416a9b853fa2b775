"""Finding a command by part of its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def rank(query: str, text: str) -> int | None:
    """How well ``text`` answers ``query``, smaller is better; None: not at all. Case means nothing.

    The whole name, then how it starts, then the start of one of its words, then any part, then all words somewhere,
    then the first letters of its words.
    """
    wanted, have = " ".join(query.casefold().split()), text.casefold()
    if not wanted:
        return 50
    if have == wanted:
        return 0
    if have.startswith(wanted):
        return 10
    at = have.find(wanted)
    if at > 0:
        return 20 if not have[at - 1].isalnum() else 30
    if all(word in have for word in wanted.split()):
        return 40
    initials = "".join(word[0] for word in have.split())
    return 60 if len(wanted) > 1 and initials.startswith(wanted) else None


def best(query: str, items: Iterable[tuple[str, T]]) -> list[T]:
    """The items whose text answers ``query``, best first, otherwise in their order."""
    ranked = [(found, at, item) for at, (text, item) in enumerate(items) if (found := rank(query, text)) is not None]
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]
