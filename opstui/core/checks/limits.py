"""The shape of a document: how long a claim, how many rows, in which order. Blocks what a reader could not take in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opstui.core.document_kinds.kind import LINE_LIMIT
from opstui.core.documents import CLAIM_LIMIT, Claim, ClaimStatus, Document, Finding, TimelineRow, kind_of


def check(document: Document, claims: Sequence[Claim]) -> Iterator[Finding]:
    """Findings about length, number and order."""
    kind = kind_of(document)
    seen: dict[str, Claim] = {}
    for claim in claims:
        if len(claim.text) > CLAIM_LIMIT or not claim.text.strip() or "\n" in claim.text:
            text = f"a claim is one line of 1 to {CLAIM_LIMIT} characters"
            yield Finding(id=f"limits:{claim.id}", level="block", text=text, claim=claim.id)
        if seen.setdefault(claim.id, claim) != claim:
            text = "two different claims have this id"
            yield Finding(id=f"limits:{claim.id}", level="block", text=text, claim=claim.id)
    for name, text in kind.faults(document):
        yield Finding(id=f"limits:{name}", level="block", text=text)
    for name, most in kind.limits.items():
        if len(getattr(document, name)) > most:
            yield Finding(id=f"limits:{name}", level="block", text=f"{name} has more than {most} items")
    for name, text in kind.lines(document):
        # One line each, so that nothing hides in what stands beside the claims.
        if len(text) > LINE_LIMIT or "\n" in text:
            fault = f"{name}: one line of at most {LINE_LIMIT} characters"
            yield Finding(id=f"limits:{name}", level="block", text=fault)
    yield from _order(getattr(document, "timeline", ()))
    for guess in kind.guesses(document):
        if guess.claim.status is ClaimStatus.FACT:
            text = "a hypothesis is never a fact"
            yield Finding(id=f"limits:{guess.claim.id}", level="block", text=text, claim=guess.claim.id)


def _order(rows: Sequence[TimelineRow]) -> Iterator[Finding]:
    if any(rows[index].when > rows[index + 1].when for index in range(len(rows) - 1)):
        yield Finding(id="limits:timeline", level="block", text="the timeline is not in the order of time")
