"""What a model hands to a tool: bounded before anything else looks at it, and its words turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opstui.core.text import clean_line

LONGEST = 400_000
"""Characters in one call. A document has a few thousand."""
VALUES = 20_000
DEPTH = 30
SEARCH_LIMIT = 8
"""Most hits of a search in one answer."""


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


def text_of(arguments: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The text of that name, as one line; and what is wrong where there is none."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        return "", f"{name} has to be a text"
    return clean_line(value), ""


def search_limit(arguments: Mapping[str, Any]) -> int:
    """How many hits are wanted, within bounds."""
    return min(SEARCH_LIMIT, max(1, whole_number(arguments.get("limit"), SEARCH_LIMIT)))


def whole_number(value: object, default: int) -> int:
    """A number as models write it, also in a string; ``default`` for everything else."""
    if isinstance(value, bool):
        return default
    if isinstance(value, (int, float)) and abs(value) < 10**9:
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdigit() and len(value) < 10:
        return int(value)
    return default
