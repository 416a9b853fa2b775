"""How far a claim can be trusted, set by code and never by a model."""

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
from opstui.core.tickets import EntryKind

HIGH_SUPPORT = 0.6
LOW_SUPPORT = 0.35
LOW_COVERAGE = 0.5
"""Below it, the best runbook is too far from the question for claims that rest on it."""

_RECORDED = frozenset((EntryKind.ALERT, EntryKind.SYSTEM, EntryKind.STATUS, EntryKind.FIELD, EntryKind.ASSIGN))


def confidences(document: Document, spans: Spans, findings: Iterable[Finding]) -> Mapping[str, Confidence]:
    """Claim id → confidence.

    High: every blocking check passes, support of at least 0.6, and two independent citations or one that the ticket
    system itself recorded. Medium: passes with support of at least 0.35. Low otherwise; at most medium where evidence
    speaks against the claim, low for everything where sources were left out.
    """
    claims = claims_of(document)
    weights = word_weights(claims, spans)
    blocked = {finding.claim for finding in findings if finding.level == "block" and finding.claim}
    coverage = kind_of(document).coverage(document)
    contradicted = _contradicted(document)
    found: dict[str, Confidence] = {}
    for claim in claims:
        level = Confidence.LOW
        if claim.status is not ClaimStatus.UNKNOWN and claim.id not in blocked and not document.not_included:
            supported = support(claim, spans, weights)
            from_pages = any(citation.kind is CitationKind.DOC for citation in claim.citations)
            if from_pages and coverage < LOW_COVERAGE:
                level = Confidence.LOW
            elif supported >= HIGH_SUPPORT and _well_founded(claim, spans) and claim.status is not ClaimStatus.INFERRED:
                level = Confidence.HIGH
            elif supported >= LOW_SUPPORT:
                level = Confidence.MEDIUM
        if level is Confidence.HIGH and claim.id in contradicted:
            level = Confidence.MEDIUM
        found[claim.id] = level
    return found


def _well_founded(claim: Claim, spans: Spans) -> bool:
    if len({citation.ref for citation in claim.citations}) >= 2:
        return True
    sources = [spans.sources.find(citation.ref) for citation in claim.citations]
    return any(source is not None and source.entry_kind in _RECORDED for source in sources)


def _contradicted(document: Document) -> set[str]:
    return {guess.claim.id for guess in kind_of(document).guesses(document) if guess.evidence_against}
