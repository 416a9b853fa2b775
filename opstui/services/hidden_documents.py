"""Documents that hold placeholders: their words, turned one way or the other, and quotes cut to what may be seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from opstui.core.claims import Citation
from opstui.core.documents import DocumentHead
from opstui.core.redaction import PLACEHOLDER

D = TypeVar("D")
_NAMING = frozenset(("doc_id", "doc"))
"""Fields that name a page, whatever its name looks like."""
_NAMING_TARGET = _NAMING | {"target", "base_hash"}
_LOOKALIKE = re.compile(r"⟦\\*S:")
"""What was made harmless, or forged: neither stands in the source as it is here."""


def mapped(document: D, words: Callable[[str], str], quotes: Callable[[str], str] | None = None) -> D:
    """``document`` with ``words`` over every text of it; over quotes with ``quotes``, where that is given.

    What names something (refs, enumerations, the head that code wrote) stays as it is.
    """
    found: D = _mapped(document, words, quotes)
    return found


def _mapped(value: Any, words: Callable[[str], str], quotes: Callable[[str], str] | None) -> Any:
    if isinstance(value, (Enum, DocumentHead)):
        return value
    if isinstance(value, str):
        return words(value)
    if isinstance(value, tuple):
        return tuple(_mapped(item, words, quotes) for item in value)
    if isinstance(value, dict):
        return {key: _mapped(item, words, quotes) for key, item in value.items()}
    if isinstance(value, Citation):
        return replace(value, quote=(quotes or words)(value.quote))
    if is_dataclass(value) and not isinstance(value, type):
        names = _NAMING_TARGET if hasattr(value, "base_hash") else _NAMING
        made = {
            item.name: _mapped(getattr(value, item.name), words, quotes)
            for item in fields(value)
            if item.name not in names
        }
        return replace(value, **made)
    return value


def hidden_words(document: Any) -> Iterator[str]:
    """Every text of a document, or of what an agent handed in as one."""
    if isinstance(document, Enum):
        return
    if isinstance(document, str):
        yield document
    elif isinstance(document, (tuple, list)):
        for item in document:
            yield from hidden_words(item)
    elif isinstance(document, Mapping):
        for item in document.values():
            yield from hidden_words(item)
    elif is_dataclass(document) and not isinstance(document, type):
        for field in fields(document):
            yield from hidden_words(getattr(document, field.name))


def quote_without(quote: str) -> str:
    """The longest stretch of a quote in which nothing was hidden: still a part of its span, and nothing else's."""
    stretches = [piece.strip() for part in PLACEHOLDER.split(quote)[::3] for piece in _LOOKALIKE.split(part)]
    return max(stretches, key=len, default="")
