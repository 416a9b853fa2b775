"""Questions about what stands behind a ticket: the first look, runbooks, cited lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.claims import Citation, Claim
    from opstui.core.knowledge import Hit
    from opstui.core.text import SafeText
    from opstui.core.tickets import TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLookView:
    """The extractive summary at once: claims to show, matching pages, related tickets."""

    version: str
    claims: tuple[Claim, ...]
    hits: tuple[Hit, ...]
    related: tuple[tuple[TicketRef, SafeText, tuple[str, ...]], ...]
    """Ref, title, shared identifiers."""
    took_ms: int


@dataclass(frozen=True, slots=True)
class FirstLook(Question["FirstLookView"]):
    """Takes up to 300 ms: ask it from a thread. Raises NotFound."""

    ref: TicketRef


@dataclass(frozen=True, slots=True)
class Transitions(Question["tuple[str, ...]"]):
    """Statuses the ticket can take. May ask the system: from a thread."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """A source with the cited lines."""

    ref: str
    title: SafeText
    note: str
    """Author and time of an entry, path and freshness of a page."""
    lines: tuple[SafeText, ...]
    line_start: int
    line_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Question["SourceView"]):
    """What a citation points at. Raises NotFound."""

    citation: Citation
    ticket: TicketRef
    """The session's own ticket: refs without a system are its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSearch(Question["tuple[Hit, ...]"]):
    """Runbook search; any text is a query."""

    query: str
    limit: int = 8


@dataclass(frozen=True, slots=True)
class IndexKnowledge(Command["int"]):
    """Bring the runbook index up to date; how many pages changed."""
