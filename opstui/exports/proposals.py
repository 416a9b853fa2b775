"""The JSON of proposals for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opstui.core.codec import timestamp

if TYPE_CHECKING:
    from opstui.core.desk import ProposalView
    from opstui.core.pages.proposal import Proposal


def proposal(found: Proposal) -> dict[str, Any]:
    """One in a list."""
    near = found.nearest
    return {
        "id": found.id,
        "kind": found.kind.value,
        "page": found.doc or None,
        "title": found.title,
        "state": found.state.value,
        "rev": found.rev,
        "created_at": timestamp(found.created_at),
        "ticket": found.ticket,
        "evidence": list(found.evidence),
        "workflow": found.workflow,
        "engine": found.engine,
        "operator": found.operator,
        "edited": found.is_edited,
        "reviewer": found.reviewer,
        "review_by": found.review_by.isoformat() if found.review_by is not None else None,
        "pii": [{"kind": span.kind, "line": span.line, "published": span.published} for span in found.private],
        "nearest": {"doc": near.doc, "title": near.title, "score": near.score} if near is not None else None,
        "questions": list(found.questions),
        "decided_by": found.decided_by,
        "decided_at": timestamp(found.decided_at) if found.decided_at is not None else None,
        "reason": found.reason,
        "overridden": dict(found.overridden),
        "where": found.where,
    }


def proposal_view(view: ProposalView) -> dict[str, Any]:
    """One with its text, its difference and what speaks against it."""
    return {
        **proposal(view.proposal),
        "place": view.place,
        "can_write": view.can_write,
        "checks": [{"id": found.id, "level": found.level, "text": found.text} for found in view.findings],
        "diff": "\n".join(view.diff),
        "theirs": "\n".join(view.theirs) or None,
        "text": view.proposal.text,
        "sha256": view.text_hash,
    }
