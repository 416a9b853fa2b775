"""The shape of a document: how long a claim, how many rows, in which order. Blocks what a reader could not take in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opstui.core.documents import (
    CLAIM_LIMIT,
    Claim,
    ClaimStatus,
    Document,
    EscalationPackage,
    Finding,
    IncidentSummary,
    TimelineRow,
)

SUMMARY_LIMITS = {
    "what_happened": 5,
    "actions_taken": 12,
    "current_hypotheses": 3,
    "next_steps": 5,
    "timeline": 20,
    "runbooks": 3,
    "open_questions": 5,
}
"""Field → most items."""
TEXT_LIMIT = 160
ESCALATION_LIMITS = {
    "ask": 3,
    "checked": 12,
    "hypotheses": 4,
    "timeline": 25,
    "related": 5,
    "contingency": 3,
    "runbooks": 3,
    "open_questions": 5,
}


def check(document: Document, claims: Sequence[Claim]) -> Iterator[Finding]:
    """Findings about length, number and order."""
    seen: dict[str, Claim] = {}
    for claim in claims:
        if len(claim.text) > CLAIM_LIMIT or not claim.text.strip() or "\n" in claim.text:
            text = f"a claim is one line of 1 to {CLAIM_LIMIT} characters"
            yield Finding(id=f"limits:{claim.id}", level="block", text=text, claim=claim.id)
        if seen.setdefault(claim.id, claim) != claim:
            text = "two different claims have this id"
            yield Finding(id=f"limits:{claim.id}", level="block", text=text, claim=claim.id)
    if isinstance(document, IncidentSummary):
        if len(document.headline.text) > 90:
            yield Finding(id="limits:headline", level="block", text="the headline is longer than 90 characters")
        yield from _counts(document, SUMMARY_LIMITS)
        if len(document.impact.claims) > 4:
            yield Finding(id="limits:impact", level="block", text="impact has more than 4 claims")
        if not document.runbooks and not document.no_runbook_reason:
            yield Finding(
                id="limits:runbooks", level="block", text="without a runbook, no_runbook_reason has to say why"
            )
        guesses = document.current_hypotheses
    elif isinstance(document, EscalationPackage):
        if len(document.bottom_line.text) > 200:
            yield Finding(id="limits:bottom_line", level="block", text="the bottom line is longer than 200 characters")
        yield from _counts(document, ESCALATION_LIMITS)
        if not document.ask:
            yield Finding(id="limits:ask", level="block", text="nothing is asked of the receiver")
        if not document.checked and not document.nothing_checked_reason:
            yield Finding(
                id="limits:checked", level="block", text="nothing checked: nothing_checked_reason has to say why"
            )
        guesses = document.hypotheses
    yield from _lengths(document)
    yield from _order(document.timeline)
    for guess in guesses:
        if guess.claim.status is ClaimStatus.FACT:
            text = "a hypothesis is never a fact"
            yield Finding(id=f"limits:{guess.claim.id}", level="block", text=text, claim=guess.claim.id)


def _counts(document: Document, limits: dict[str, int]) -> Iterator[Finding]:
    for name, most in limits.items():
        if len(getattr(document, name)) > most:
            yield Finding(id=f"limits:{name}", level="block", text=f"{name} has more than {most} items")


def _lengths(document: Document) -> Iterator[Finding]:
    """Texts beside claims: one line of at most 160 characters each, so that nothing hides in them."""
    texts = [("open_questions", text) for text in document.open_questions]
    if isinstance(document, IncidentSummary):
        texts += [("actions_taken", step.what) for step in document.actions_taken]
        texts += [("next_steps", step.text) for step in document.next_steps]
    else:
        texts += [("checked", step.what) for step in document.checked]
        texts += [("ask", ask.text) for ask in document.ask]
    for name, text in texts:
        if len(text) > TEXT_LIMIT or "\n" in text:
            yield Finding(
                id=f"limits:{name}", level="block", text=f"{name}: one line of at most {TEXT_LIMIT} characters"
            )


def _order(rows: Sequence[TimelineRow]) -> Iterator[Finding]:
    if any(rows[index].when > rows[index + 1].when for index in range(len(rows) - 1)):
        yield Finding(id="limits:timeline", level="block", text="the timeline is not in the order of time")
