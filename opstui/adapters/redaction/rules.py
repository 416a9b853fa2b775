"""What a rule is: a linear-time pattern, the words without which it can't match, and a check of what it found."""

from __future__ import annotations

from collections.abc import Callable

from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule's pattern found, for the rule's check."""

    value: str
    """The stretch that would be hidden."""
    groups: tuple[str, ...]
    """All groups of the pattern, from 1; empty where one took no part."""
    before: str
    """Up to 80 characters of the same line in front of ``value``."""
    after: str
    """Up to 80 characters of the same line behind it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing to hide. Every text that ``pattern`` matches holds one of ``anchors``, in any case."""

    kind: str
    pattern: str
    """RE2 syntax, ``\\p{L}`` only within brackets. The last group that took part is hidden; without groups, all."""
    anchors: tuple[str, ...]
    """Lower case. Asking for them is a thousand times cheaper than matching."""
    check: Callable[[Hit], bool] | None = None
    """Whether it is to be hidden; None: always."""
    trim: Callable[[str], int] | None = None
    """How many characters of the value belong to it."""
