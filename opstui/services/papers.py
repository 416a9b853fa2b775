"""What else is kept when a session's document is accepted: the paper that a person then decides about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opstui.core.documents import Document
    from opstui.core.ports import Paper, RecordReader, RecordWriter
    from opstui.core.sessions import Session
    from opstui.core.workflows import Workflow
    from opstui.services.setup import Setup

OPEN = "open"
"""The state of a paper that waits for a person."""

KINDS = ("handover", "proposal")
"""Papers that sessions write."""
DECIDED = ("read_back", "written", "rejected", "accepted", "settled")
"""States in which nobody has to do anything more about one."""

Maker = Callable[["Session", "Workflow", Any, "Setup"], "Paper | None"]


def _handover(session: Session, workflow: Workflow, document: Any, setup: Setup) -> Paper:
    from opstui.services.handovers import paper

    return paper(session, workflow, document, setup)


def _proposal(session: Session, workflow: Workflow, document: Any, setup: Setup) -> Paper | None:
    from opstui.services.proposal_papers import paper

    return paper(session, workflow, document, setup)


_MAKERS: Mapping[str, Maker] = {"KBProposal": _proposal, "ShiftHandover": _handover}
"""Document schema, by class name → the paper that its documents become."""


def paper_of(session: Session, workflow: Workflow, document: Document, setup: Setup) -> Paper | None:
    """The paper of a document, with the session's id as its own; None where there is nothing to decide about."""
    make = _MAKERS.get(type(document).__name__)
    return make(session, workflow, document, setup) if make is not None else None


def nothing_to_decide(paper: Paper | None, document: Document) -> str:
    """What is said where a document of a kind that becomes a paper comes to none; empty otherwise."""
    if paper is not None or type(document).__name__ != "KBProposal":
        return ""
    return f"nothing would change on {document.target or 'any page'}, so nothing is proposed"  # type: ignore[union-attr]


def waits(record: RecordReader, session_id: str) -> bool:
    """Whether a paper of the session is still to be decided about."""
    papers = (record.paper(kind, session_id) for kind in KINDS)
    return any(paper is not None and paper.state not in DECIDED for paper in papers)


def keep(record: RecordWriter, paper: Paper) -> None:
    """Store it, in place of an earlier one of the same session unless a person has edited that or decided about it."""
    older = record.paper(paper.kind, paper.id)
    if older is None:
        record.put_paper(paper, expected_rev=None)
    elif older.state == OPEN and not (older.content.get("edited_by") or older.content.get("begun")):
        record.put_paper(replace(paper, created_at=older.created_at), expected_rev=older.rev)
