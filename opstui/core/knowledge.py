"""Runbook pages and what a search in them answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from opstui.core.frozen import dataclass
from opstui.core.text import SafeText


@dataclass(frozen=True, slots=True)
class Page:
    """One approved page, cleaned. Its id is ``<source>/<path without .md>``; lines count from 1."""

    doc: str
    title: SafeText
    text: SafeText
    content_hash: str
    """SHA-256 of the bytes it was read from."""
    changed_at: datetime | None = None
    """Last change as far as the source knows. Aware, UTC."""
    problem: SafeText | None = None
    """What was wrong with it (not UTF-8, cut), for doctor and the log."""


class Strength(StrEnum):
    """How well a page answers; weak hits are shown as such and never cited as guidance."""

    STRONG = "strong"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that may answer, and the lines that made it a hit."""

    doc: str
    title: SafeText
    score: float
    """Larger is better; only comparable within one answer."""
    line_start: int
    line_end: int
    """At most 12 lines."""
    text: SafeText
    """The lines themselves."""
    strength: Strength
    coverage: float = 0.0
    """Share of the query's weight (idf) that stands on the page, 0 to 1."""
    changed_at: datetime | None = None
