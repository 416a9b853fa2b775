"""What a word stands for that is on no page because it was not typed to its end, or not typed right."""

from __future__ import annotations

from collections.abc import Sequence

from opstui.adapters.sqlite import Database

TYPED_LIMIT = 80
"""Code points of a query that a person types; a longer one is a ticket's text, and is taken as it stands."""
_ENDINGS = 6
"""Ways to go on that are looked for: the most frequent."""
_SHORTEST = 3
_SPELLED = 5
"""Letters from which on a word may have a slip: shorter ones are too near each other."""
_EXACTLY = "SELECT term FROM knowledge_vocabulary WHERE term = ?"


def guesses(database: Database, word: str, stem: str, *, is_last: bool) -> tuple[str, ...]:
    """Stems of the index that ``word``, whose ``stem`` is none of them, may stand for: what it begins or nearly is,
    where it is the last that was typed, else what it is one slip away from. None for numbers and what is too short."""
    if len(word) < _SHORTEST or word.isdigit():
        return ()
    if is_last:
        rows = database.read(
            "SELECT term FROM knowledge_vocabulary WHERE term >= ?1 AND term < ?1 || char(0x10FFFF)"
            " ORDER BY doc DESC, term LIMIT ?2",
            (word, _ENDINGS),
        )
        # "certificat" is beyond the stem of certificate, "certif".
        shorter = [word[:length] for length in range(len(word) - 1, max(_SPELLED, len(word) - 5) - 1, -1)]
        rows = rows or [row for begun in shorter for row in database.read(_EXACTLY, (begun,))][:1]
        if rows:
            return tuple(row[0] for row in rows)
    if len(word) < _SPELLED:
        return ()
    rows = database.read(
        "SELECT term, doc FROM knowledge_vocabulary WHERE term >= ?1 AND term < ?1 || char(0x10FFFF)", (word[:2],)
    )
    near = [(-int(doc), term) for term, doc in rows if is_one_slip(word, term) or is_one_slip(stem, term)]
    return (min(near)[1],) if near else ()


def is_one_slip(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether one letter more, less, another, or two that changed places make the one word of the other."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return False
    if len(left) > len(right):
        left, right = right, left
    at = next((index for index, letter in enumerate(left) if letter != right[index]), len(left))
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    swapped = left[at : at + 2] == right[at : at + 2][::-1] and left[at + 2 :] == right[at + 2 :]
    return left[at + 1 :] == right[at + 1 :] or swapped
