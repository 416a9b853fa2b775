"""What a model hands to a tool: bounded before anything else looks at it, and its words turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 400_000
"""Characters in one call. A document has a few thousand."""
VALUES = 20_000
DEPTH = 30


def too_much(given: object) -> str:
    """Why an input is not read at all: too long, too many values, nested too deep; empty where it is bounded.

    Looks at no more than the bounds allow, whatever was sent.
    """
    characters = values = 0
    level: list[object] = [given]
    for _ in range(DEPTH):
        deeper: list[object] = []
        for value in level:
            values += 1
            if isinstance(value, (str, bytes)):
                characters += len(value)
            elif isinstance(value, Mapping):
                values += len(value)
                characters += sum(len(key) for key in value if isinstance(key, str)) if len(value) <= VALUES else 0
                deeper.extend(value.values() if len(value) <= VALUES else ())
            elif isinstance(value, (list, tuple)):
                values += len(value)
                deeper.extend(value if len(value) <= VALUES else ())
            if characters > LONGEST or values > VALUES:
                return "That is too long; a few thousand characters are enough."
        if not deeper:
            return ""
        level = deeper
    return "That is nested too deep."


def words_of(given: Any, turn: Callable[[str], str], depth: int = 0) -> Any:
    """An input within its bounds with ``turn`` over every text of it."""
    if isinstance(given, str):
        return turn(given)
    if depth > DEPTH:
        return None
    if isinstance(given, Mapping):
        return {key: words_of(value, turn, depth + 1) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [words_of(value, turn, depth + 1) for value in given]
    return given


def parsed(document: object) -> object:
    """The object that some models send as JSON in a string; everything else as it is, None for what is no JSON."""
    if not isinstance(document, str):
        return document
    import json

    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        return None


def is_piece(name: str, value: str) -> bool:
    """Whether ``name`` is a part of ``value`` and not all of it, whatever the case."""
    return len(name) < len(value) and name.casefold() in value.casefold()
