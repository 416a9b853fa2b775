"""How far a claim can be trusted and why, set by code and never by a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opstui.core.checks.m1 import support, word_weights
from opstui.core.checks.spans import Spans
from opstui.core.documents import (
    CitationKind,
    Claim,
    ClaimStatus,
    Confidence,
    Document,
    Finding,
    claims_of,
    kind_of,
)
from opstui.core.frozen import dataclass
from opstui.core.tickets import EntryKind

HIGH_SUPPORT = 0.6
LOW_SUPPORT = 0.35
LOW_COVERAGE = 0.5
"""Below it, the best runbook is too far from the question for claims that rest on it."""

_RECORDED = frozenset((EntryKind.ALERT, EntryKind.SYSTEM, EntryKind.STATUS, EntryKind.FIELD, EntryKind.ASSIGN))


@dataclass(frozen=True, slots=True)
class Level:
    """A confidence, and in words what made it no more and no less."""

    confidence: Confidence
    reason: str


def confidences(document: Document, spans: Spans, findings: Iterable[Finding]) -> Mapping[str, Level]:
    """Claim id → confidence and its reason.

    High: every blocking check passes, support of at least 0.6, and two independent citations or one that the ticket
    system itself recorded. Medium: passes with support of at least 0.35. Low otherwise; at most medium where evidence
    speaks against the claim, low for everything where sources were left out.
    """
    claims = claims_of(document)
    weights = word_weights(claims, spans)
    blocked = {finding.claim for finding in findings if finding.level == "block" and finding.claim}
    coverage = kind_of(document).coverage(document)
    against = _against(document)

    def level(claim: Claim) -> Level:
        if claim.status is ClaimStatus.UNKNOWN:
            return Level(Confidence.LOW, "said to be unknown")
        if claim.id in blocked:
            return Level(Confidence.LOW, "a check blocks it")
        if document.not_included:
            return Level(Confidence.LOW, "sources were left out")
        if coverage < LOW_COVERAGE and any(citation.kind is CitationKind.DOC for citation in claim.citations):
            return Level(Confidence.LOW, f"the best page covers {coverage:.2f} of the question")
        supported = support(claim, spans, weights)
        if supported < LOW_SUPPORT:
            return Level(Confidence.LOW, f"support {supported:.2f}")
        if claim.id in against:
            return Level(Confidence.MEDIUM, f"contradicted by {against[claim.id]}")
        if supported < HIGH_SUPPORT:
            return Level(Confidence.MEDIUM, f"support {supported:.2f}")
        if claim.status is ClaimStatus.INFERRED:
            return Level(Confidence.MEDIUM, "inferred")
        if _recorded(claim, spans):
            return Level(Confidence.HIGH, "recorded by the ticket system")
        if _voices(claim, spans) >= 2:
            return Level(Confidence.HIGH, "two sources")
        return Level(Confidence.MEDIUM, "one source")

    return {claim.id: level(claim) for claim in claims}


def _recorded(claim: Claim, spans: Spans) -> bool:
    sources = [spans.sources.find(citation.ref) for citation in claim.citations]
    return any(source is not None and source.entry_kind in _RECORDED for source in sources)


def _voices(claim: Claim, spans: Spans) -> int:
    """How many independent sources it has: two entries of one author are that author's word twice."""
    found = set()
    for citation in claim.citations:
        source = spans.sources.find(citation.ref)
        if source is not None:
            found.add(source.names[0] if source.entry_kind is not None and source.names else citation.ref)
    return len(found)


def _against(document: Document) -> Mapping[str, str]:
    """Claim id → the first source that speaks against it."""
    return {
        guess.claim.id: guess.evidence_against[0].ref
        for guess in kind_of(document).guesses(document)
        if guess.evidence_against
    }
