"""What waits for a person beside drafts and sessions: proposals for pages, and handovers that nobody read back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from opstui.core.desk import Waiting
from opstui.core.errors import UsageError
from opstui.core.tickets import BOARD_SYSTEM, TicketRef

if TYPE_CHECKING:
    from opstui.core.ports import Paper
    from opstui.services.setup import Setup

MOST = 50
OLD = timedelta(hours=24)
"""A handover that nobody read back for this long is history: its shift, and the next one, are over."""
OPEN = {"proposal": ("open",), "handover": ("open", "walked")}
"""Kind of paper → its states that want somebody."""


class WaitingPapers:
    """Looked up when a paper changed: each holds a whole page or handover."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._stamp = -1
        self._found: tuple[Waiting, ...] = ()

    def waiting(self) -> tuple[Waiting, ...]:
        """Oldest first, handovers before proposals."""
        record, now = self._setup.record, self._setup.clock.now()
        stamp = record.bell.last()
        if stamp != self._stamp:
            rang = {ring.kind for ring in record.bell.rings(self._stamp)} if self._stamp >= 0 else {"reset"}
            if rang & {*OPEN, "reset"}:
                kinds = ("handover", "proposal")
                papers = [one for kind in kinds for one in reversed(record.papers(kind, states=OPEN[kind], limit=MOST))]
                self._found = tuple(_waiting(paper) for paper in papers)
            self._stamp = stamp
        return tuple(one for one in self._found if one.kind != "handover" or now - one.at < OLD)


def _waiting(paper: Paper) -> Waiting:
    text = {"open": "handover to walk through", "walked": "handover waits for its read-back"}[paper.state]
    if paper.kind == "proposal":
        page = str(paper.content.get("title") or paper.subject)
        text = f"proposal for a page: {page}"
    return Waiting(kind=paper.kind, ticket=_ticket(paper), subject=paper.id, text=text, at=paper.created_at)


def _ticket(paper: Paper) -> TicketRef:
    try:
        return TicketRef.parse(str(paper.content.get("ticket", "")))
    except UsageError:
        return TicketRef(BOARD_SYSTEM, "unknown")
