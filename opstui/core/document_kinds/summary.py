"""The incident summary: what is up, at a glance."""

from __future__ import annotations

from collections.abc import Iterator

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import DocumentKind, Said, said_of_plans, said_of_steps
from opstui.core.document_kinds.parts import (
    CheckedStep,
    DocumentHead,
    Hypothesis,
    Impact,
    NextStep,
    RunbookRef,
    SeverityNote,
    Sla,
    SummaryStatus,
    TimelineRow,
)
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSummary:
    """What is up, in at most 220 words once rendered; the first screen in 80."""

    head: DocumentHead
    headline: Claim
    status: SummaryStatus
    status_citation: Citation | None
    severity: SeverityNote
    sla: Sla
    impact: Impact
    what_happened: tuple[Claim, ...]
    actions_taken: tuple[CheckedStep, ...]
    current_hypotheses: tuple[Hypothesis, ...]
    next_steps: tuple[NextStep, ...]
    timeline: tuple[TimelineRow, ...]
    runbooks: tuple[RunbookRef, ...]
    no_runbook_reason: str | None
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]


def _told(summary: IncidentSummary) -> Iterator[str]:
    yield summary.headline.text
    yield from (claim.text for claim in summary.impact.claims)
    yield from (claim.text for claim in summary.what_happened)
    yield from (step.what for step in summary.actions_taken)
    yield from (f"Suspected: {guess.claim.text}" for guess in summary.current_hypotheses)
    yield from (f"Next: {step.text}" for step in summary.next_steps)


def _lines(summary: IncidentSummary) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in summary.open_questions)
    yield from (("actions_taken", step.what) for step in summary.actions_taken)
    yield from (("next_steps", step.text) for step in summary.next_steps)


def _said(summary: IncidentSummary) -> Iterator[Said]:
    yield from said_of_steps(summary.actions_taken)
    yield from said_of_plans("next", summary.next_steps)


def _faults(summary: IncidentSummary) -> Iterator[tuple[str, str]]:
    if len(summary.headline.text) > 90:
        yield "headline", "the headline is longer than 90 characters"
    if len(summary.impact.claims) > 4:
        yield "impact", "impact has more than 4 claims"
    if not summary.runbooks and not summary.no_runbook_reason:
        yield "runbooks", "without a runbook, no_runbook_reason has to say why"
    for number, plan in enumerate(summary.next_steps, start=1):
        if plan.citation is None:
            yield "next_steps", f"next step {number} needs the line of the ticket or of a runbook that it comes from"


KIND = DocumentKind(
    document=IncidentSummary,
    holders=frozenset((IncidentSummary, Impact, CheckedStep, Hypothesis, TimelineRow)),
    limits={
        "what_happened": 5,
        "actions_taken": 12,
        "current_hypotheses": 3,
        "next_steps": 5,
        "timeline": 20,
        "runbooks": 3,
        "open_questions": 5,
    },
    by_code=("sla", "severity"),
    defaults={
        "status_citation": None,
        "current_hypotheses": [],
        "runbooks": [],
        "no_runbook_reason": None,
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    said=_said,
    faults=_faults,
    guesses=lambda summary: summary.current_hypotheses,
    state=lambda summary: (summary.status, summary.status_citation),
)
