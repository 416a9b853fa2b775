"""Questions and commands about shift handovers: walked through section by section, closed by a read-back."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opstui.core.claims import Citation
    from opstui.core.documents import ReadBack, ShiftHandover
    from opstui.core.handovers import Settled
    from opstui.core.tickets import TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRow:
    """A handover in a list."""

    id: str
    """Its session's id."""
    shift: str
    """The shift's id."""
    ticket: TicketRef
    """The session's ticket: the board, or a handover ticket."""
    state: str
    """``open``, ``walked`` (every section is settled) or ``read_back``."""
    rev: int
    created_at: datetime
    outgoing: str
    incoming: str | None
    settled: int
    sections: int
    misunderstandings: int
    """Corrections of the read-back."""
    contact_until: datetime | None
    """Until when who went is the contact; None before the read-back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverItem:
    """A line of a section."""

    id: str
    """``open-1``."""
    text: str
    citations: tuple[Citation, ...]
    mark: str
    """``done``, ``dropped``, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverSection:
    """A section of the walk."""

    name: str
    title: str
    items: tuple[HandoverItem, ...]
    empty: str
    """What is said where there are no items."""
    settled: Settled | None

    @property
    def text(self) -> str:
        """What it says now, one item a line: as somebody revised it, or as it was written."""
        if self.settled is not None and self.settled.text is not None:
            return self.settled.text
        return "\n".join(item.text for item in self.items) or self.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverView:
    """A handover with all that people made of it."""

    row: HandoverRow
    title: str
    headline: str
    sections: tuple[HandoverSection, ...]
    read_back: ReadBack | None
    document: ShiftHandover
    engine: str
    markdown: str
    """The whole of it with revisions and read-back, to be exported."""
    plain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers(Question["tuple[HandoverRow, ...]"]):
    """Newest first."""

    shift: str | None = None
    """A shift's id."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class HandoverDetail(Question["HandoverView"]):
    """Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSection(Command["HandoverView"]):
    """Approve a section as it is written (``text`` None) or say it in other words; mark some of its items.

    Raises StaleRevision, NotFound, UsageError, Refused once the handover is closed.
    """

    id: str
    rev: int
    section: str
    text: str | None = None
    note: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Item → ``done``, ``dropped`` or ``open``; those of before stay."""
    settles: bool = True
    """Off: only its items are marked, and the section is settled or not as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBackHandover(Command["HandoverView"]):
    """The receiver says in their own words what they understood, with what had to be corrected; closes the handover.

    Refused while a section is not settled. Raises StaleRevision.
    """

    id: str
    rev: int
    by: str
    text: str
    corrections: tuple[str, ...] = ()
