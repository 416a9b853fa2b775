"""A reply to customers: what is known, in their words, and when they hear more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import DocumentKind, Said
from opstui.core.document_kinds.parts import DocumentHead, RunbookRef, SeverityNote, Sla, SummaryStatus, Tristate
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One public comment, made of claims; the words around them are the program's."""

    head: DocumentHead
    status: SummaryStatus
    status_citation: Citation | None
    severity: SeverityNote
    sla: Sla
    answered: Citation | None
    """The message of the customer that this answers, or the ticket's own text; None where nobody asked."""
    impact: tuple[Claim, ...]
    """What customers notice."""
    sentences: tuple[Claim, ...]
    """What is known and what was done, as far as it is theirs to know."""
    workaround: Claim | None
    steps: tuple[Claim, ...]
    """What the customer can do themselves, from an approved page or the ticket."""
    asks: tuple[str, ...]
    """Questions to the customer."""
    data_loss: Tristate
    data_loss_citation: Citation | None
    false_alarm: Citation | None = None
    """The line that says that nothing was wrong, on a ticket that ended so. Set by code."""
    next_update: datetime | None
    """When they hear again; None once it is over. Set by code: 20 minutes ahead in an incident's first two hours."""
    runbooks: tuple[RunbookRef, ...]
    no_runbook_reason: str | None
    open_questions: tuple[str, ...]
    """For the operator, never in the text."""
    not_included: tuple[str, ...]


def _told(reply: Reply) -> Iterator[str]:
    yield from (claim.text for claim in (*reply.impact, *reply.sentences, *reply.steps))
    if reply.workaround is not None:
        yield reply.workaround.text
    yield from (f"Asked: {text}" for text in reply.asks)


def _lines(reply: Reply) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in reply.open_questions)
    yield from (("asks", text) for text in reply.asks)


def _said(reply: Reply) -> Iterator[Said]:
    for number, text in enumerate(reply.asks, start=1):
        yield Said(f"ask-{number}", text)


def _outward(reply: Reply) -> str:
    from opstui.core.render.reply import reply_text  # which is made from documents

    return reply_text(reply)


KIND = DocumentKind(
    document=Reply,
    holders=frozenset((Reply,)),
    limits={"impact": 2, "sentences": 5, "steps": 5, "asks": 3, "runbooks": 3, "open_questions": 5},
    by_code=("severity", "sla", "next_update", "false_alarm"),
    defaults={
        "status_citation": None,
        "answered": None,
        "impact": [],
        "sentences": [],
        "workaround": None,
        "steps": [],
        "asks": [],
        "data_loss": "unknown",
        "data_loss_citation": None,
        "runbooks": [],
        "no_runbook_reason": None,
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    said=_said,
    state=lambda reply: (reply.status, reply.status_citation),
    outward=_outward,
    moments=lambda reply: (reply.next_update,) if reply.next_update is not None else (),
)
