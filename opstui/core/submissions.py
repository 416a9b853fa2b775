"""What a document that an agent hands in belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.documents import Engine
    from opstui.core.knowledge import Hit
    from opstui.core.sources import SourceSet
    from opstui.core.taxonomy import Taxonomy
    from opstui.core.tickets import Ticket
    from opstui.core.workflows import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Another ticket that a search of the session returned."""

    ticket: Ticket
    score: float
    shared: tuple[str, ...] = ()
    """Identifiers that both tickets name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What code needs to complete and to check it."""

    workflow: Workflow
    ticket: Ticket
    sources: SourceSet
    engine: Engine
    operator: str
    team: str | None
    session_id: str
    now: datetime
    hits: tuple[Hit, ...] = ()
    """What the session's searches found, the newest answer of each page."""
    alike: tuple[Alike, ...] = ()
    """The tickets that its searches found, each once."""
    taxonomy: Taxonomy | None = None
    boards: tuple[Ticket, ...] = ()
    """The shift's board, where the session's own ticket is another one."""
