"""Questions about what stands behind a ticket: the first look, runbooks, cited lines, tickets like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opstui.core.claims import Citation, Claim
    from opstui.core.knowledge import Hit, Page, PageRow, SourceEntry
    from opstui.core.text import SafeText
    from opstui.core.tickets import Status, TicketRef


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
    """Bring the runbook index up to date; how many pages changed.

    ``due``: sources elsewhere only where it is time to ask them, as in the background.
    """

    due: bool = False


@dataclass(frozen=True, slots=True)
class KnowledgePages(Question["tuple[PageRow, ...]"]):
    """Every runbook page (of a source), by id. 5,000 take some 20 ms: ask it from a thread."""

    source: str | None = None


@dataclass(frozen=True, slots=True)
class KnowledgePage(Question["Page"]):
    """A runbook page as indexed. Raises NotFound."""

    doc: str


@dataclass(frozen=True, slots=True)
class KnowledgeFaults(Question["Mapping[str, str]"]):
    """Source → why it did not answer when it was last asked; what is indexed of it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStanding:
    """A source of runbooks: how the registry has it, and how it stands."""

    entry: SourceEntry
    pages: int
    is_overdue: bool
    """Its review date is past."""
    overdue_pages: int
    """Pages whose own review date is past."""
    answered_at: datetime | None
    """When it last answered in whole; None: never, as far as is known."""
    fault: str | None
    """Why it did not answer when it was last asked by this process; its pages are kept."""
    fault_code: int | None = None
    """The exit code that such an error means."""


@dataclass(frozen=True, slots=True)
class KnowledgeSources(Question["tuple[SourceStanding, ...]"]):
    """The registry of approved sources. Asks none of them; 5,000 pages take some 20 ms: from a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarTicket:
    """A ticket that may be about the same, and what a person said to that."""

    ref: TicketRef
    title: SafeText
    status: Status
    score: float
    """Larger is more alike; comparable within one answer."""
    shared: tuple[str, ...]
    """Identifiers that both name: ids, error codes, hosts, versions; the rarest first."""
    strong: bool
    """It shares an identifier, or nearly says the same: worth a look without being asked for."""
    reason: str
    """Why it is told, in a few words: ``both name ORA-00600, db-3``."""
    verdict: str | None = None
    """``yes`` or ``no`` of a person; nothing is ever linked or closed by it."""
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SimilarTickets(Question["tuple[SimilarTicket, ...]"]):
    """At most ``limit``: who was said to be the same first, then the most alike; what was said not to be comes last.

    Takes up to 50 ms for 100,000 tickets: ask it from a thread. Raises NotFound.
    """

    ref: TicketRef
    limit: int = 3
    weak: bool = False
    """Also those that share no identifier and are not strongly alike."""


@dataclass(frozen=True, slots=True)
class JudgeSimilar(Command["None"]):
    """A person says whether two tickets are about the same; None takes it back. Changes neither of them."""

    ref: TicketRef
    other: TicketRef
    same: bool | None
