"""Runbook pages and what a search in them answers."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from opstui.core.frozen import dataclass
from opstui.core.text import SafeText


class PageState(StrEnum):
    """Where a page stands in its life. What a source does not say is ``current``: whoever approved the source did."""

    CURRENT = "current"
    UNVALIDATED = "unvalidated"
    """Published, but nobody has confirmed that it works."""
    DRAFT = "draft"
    SUPERSEDED = "superseded"
    ARCHIVED = "archived"

    @property
    def is_guidance(self) -> bool:
        """Whether an operator may be told to follow it; the others are shown, rank lower, and say so."""
        return self in (PageState.CURRENT, PageState.UNVALIDATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A source as the registry of approved sources (the config) has it."""

    name: str
    """First part of its pages' ids."""
    kind: str
    """``folder``, ``mediawiki`` or ``confluence``."""
    where: SafeText
    """Path or address."""
    owner: SafeText | None = None
    """Who answers for its pages where a page names nobody."""
    review_by: date | None = None
    """When the approval has to be looked at again."""
    poll_seconds: float | None = None
    """None: it is on this machine and looked at each time."""
    writable: bool = False
    """Pages that a person accepted can be written there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What a page says about itself, in its front matter and headings, or what its source knows of it."""

    state: PageState = PageState.CURRENT
    superseded_by: SafeText | None = None
    """The page that took its place, as written."""
    owner: SafeText | None = None
    """Team or person; the source's owner where the page names none."""
    services: tuple[SafeText, ...] = ()
    codes: tuple[SafeText, ...] = ()
    """Error codes and alert names that it is about."""
    tags: tuple[SafeText, ...] = ()
    author: SafeText | None = None
    """Who changed it last."""
    revision: SafeText | None = None
    """Commit or version number of that change."""
    review_by: date | None = None
    """When it has to be looked at again; the source's date where the page names none."""
    url: SafeText | None = None
    """Where people read it."""


def standing(facts: PageFacts) -> SafeText:
    """The state in words: ``superseded by runbooks/B``, ``draft``, ``not confirmed yet``."""
    if facts.state is PageState.SUPERSEDED and facts.superseded_by:
        return SafeText(f"superseded by {facts.superseded_by}")
    return SafeText("not confirmed yet" if facts.state is PageState.UNVALIDATED else facts.state.value)


@dataclass(frozen=True, slots=True)
class Page:
    """One approved page, cleaned. Its id is ``<source>/<path without .md>``; lines count from 1."""

    doc: str
    title: SafeText
    text: SafeText
    content_hash: str
    """SHA-256 of the bytes it was read from, and of whatever else makes its facts."""
    changed_at: datetime | None = None
    """Last change as far as the source knows. Aware, UTC."""
    problem: SafeText | None = None
    """What was wrong with it (not UTF-8, cut), for doctor and the log."""
    facts: PageFacts = PageFacts()


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
    section: SafeText = SafeText("")
    """Heading of the section that the lines stand in; empty for a page without one."""
    facts: PageFacts = PageFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """A page in a list: all but its text."""

    doc: str
    title: SafeText
    source: str
    content_hash: str
    changed_at: datetime | None
    facts: PageFacts
    problem: SafeText | None = None
