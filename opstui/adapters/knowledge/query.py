"""What was asked: the words of a query, and how each of them counts."""

from __future__ import annotations

from collections.abc import Mapping

from opstui.adapters.knowledge.guesses import TYPED_LIMIT
from opstui.adapters.knowledge.pagewords import Stems
from opstui.adapters.knowledge.words import instance_words, telling, words
from opstui.core.frozen import dataclass

_LIMIT = 20_000
"""Code points of a query that are looked at."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query's words."""

    words: Mapping[str, str]
    """Stem → the word of the query that it comes from, without the words of every sentence."""
    weak: frozenset[str]
    """Stems that stand only in names of instances."""
    is_typed: bool
    """It may be what a person is typing, and not a ticket's text."""
    open_word: str
    """Its last word, which may not be typed to its end yet; empty where something follows it."""


def read_query(text: str, stems: Stems) -> Query:
    """Any text is a query."""
    text = text[:_LIMIT]
    asked = telling(words(text))
    named = instance_words(text)
    plain = set(stems.of(word for word in asked if word not in named))
    # What is made of names only is asked about one of them.
    weak = frozenset(stems.of(word for word in asked if word in named)) - plain if plain else frozenset()
    return Query(
        words=dict(zip(stems.of(asked), asked, strict=True)),
        weak=weak,
        is_typed=len(text) <= TYPED_LIMIT and "\n" not in text,
        open_word=asked[-1] if asked and text[-1:].isalnum() else "",
    )
