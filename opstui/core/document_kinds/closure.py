"""Resolution notes: how it ended, why it happened as far as anybody knows, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import DocumentKind, Said, said_of_plans, said_of_steps
from opstui.core.document_kinds.parts import (
    CheckedStep,
    DocumentHead,
    Impact,
    NextStep,
    RelatedTicket,
    RunbookRef,
    SeverityNote,
    Sla,
    SummaryStatus,
    TimelineRow,
    Tristate,
)
from opstui.core.frozen import dataclass


class ResolutionCode(StrEnum):
    """How a ticket ended."""

    FIXED = "fixed"
    WORKAROUND = "workaround"
    RECOVERED = "recovered"
    """It went away by itself."""
    NO_FAULT = "no_fault"
    """A false alarm, or nothing was wrong."""
    DUPLICATE = "duplicate"
    """Only where somebody wrote the other ticket's ref down."""
    DECLINED = "declined"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionNotes:
    """What closes a ticket."""

    head: DocumentHead
    headline: Claim
    status: SummaryStatus
    status_citation: Citation | None
    severity: SeverityNote
    sla: Sla
    code: ResolutionCode
    code_citation: Citation | None
    """The line that says so; there is one unless the code is unknown."""
    duplicate_of: RelatedTicket | None
    cause: Claim
    """A fact or a report with its line, or ``unknown``."""
    impact: Impact
    data_loss: Tristate
    data_loss_citation: Citation | None
    resolution: tuple[Claim, ...]
    """What ended it."""
    verified: Claim | None
    """Who or what confirmed that it is over."""
    actions_taken: tuple[CheckedStep, ...]
    timeline: tuple[TimelineRow, ...]
    follow_ups: tuple[NextStep, ...]
    runbooks: tuple[RunbookRef, ...]
    no_runbook_reason: str | None
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]


def _told(notes: ResolutionNotes) -> Iterator[str]:
    yield notes.headline.text
    yield f"Cause: {notes.cause.text}"
    yield from (claim.text for claim in notes.resolution)
    if notes.verified is not None:
        yield notes.verified.text
    yield from (f"Left to do: {step.text}" for step in notes.follow_ups)


def _lines(notes: ResolutionNotes) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in notes.open_questions)
    yield from (("actions_taken", step.what) for step in notes.actions_taken)
    yield from (("follow_ups", step.text) for step in notes.follow_ups)


def _said(notes: ResolutionNotes) -> Iterator[Said]:
    yield from said_of_steps(notes.actions_taken)
    yield from said_of_plans("follow-up", notes.follow_ups)


def _faults(notes: ResolutionNotes) -> Iterator[tuple[str, str]]:
    if notes.code is not ResolutionCode.UNKNOWN and notes.code_citation is None:
        yield "code", f"{notes.code.value} needs the line that says so; unknown needs none"
    for number, plan in enumerate(notes.follow_ups, start=1):
        if plan.citation is None:
            yield "follow_ups", f"follow-up {number} needs the line in which somebody wrote it down"
    if notes.code is ResolutionCode.DUPLICATE and notes.duplicate_of is None:
        yield "duplicate_of", "a duplicate needs the other ticket"


KIND = DocumentKind(
    document=ResolutionNotes,
    holders=frozenset((ResolutionNotes, Impact, CheckedStep, TimelineRow)),
    limits={
        "resolution": 5,
        "actions_taken": 12,
        "timeline": 20,
        "follow_ups": 5,
        "runbooks": 3,
        "open_questions": 5,
    },
    by_code=("severity", "sla"),
    defaults={
        "status_citation": None,
        "code": "unknown",
        "code_citation": None,
        "duplicate_of": None,
        "data_loss": "unknown",
        "data_loss_citation": None,
        "resolution": [],
        "verified": None,
        "follow_ups": [],
        "runbooks": [],
        "no_runbook_reason": None,
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    said=_said,
    faults=_faults,
    state=lambda notes: (notes.status, notes.status_citation),
)
