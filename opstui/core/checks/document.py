"""All checks over one document, in milliseconds, whatever produced it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import TypeVar

from opstui.core.checks import limits, m1, m2, m4
from opstui.core.checks.confidence import confidences
from opstui.core.checks.spans import Spans
from opstui.core.documents import Citation, Claim, Document, Finding, citations_of, claims_of
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket

T = TypeVar("T")


def check_document(document: Document, sources: SourceSet, ticket: Ticket) -> list[Finding]:
    """Everything that M1, M2, M4 and the limits have to say; empty for a document that holds."""
    spans = Spans(sources)
    claims = claims_of(document)
    in_claims = {id(citation) for claim in claims for citation in claim.citations}
    known = {citation for claim in claims for citation in claim.citations}
    others: dict[Citation, None] = {}
    for citation in citations_of(document):
        if id(citation) not in in_claims and citation not in known:
            others.setdefault(citation)
    return [
        *limits.check(document, claims),
        *m1.check(claims, list(others), spans),
        *m2.check(claims, spans),
        *m4.check(document, claims, spans, ticket),
    ]


def with_confidence(document: Document, sources: SourceSet, findings: list[Finding]) -> Document:
    """The document with each claim's confidence as the checks leave it."""
    levels = confidences(document, Spans(sources), findings)
    made: dict[str, Claim] = {}
    return _rewritten(document, levels, made)


def _rewritten(value: T, levels: object, made: dict[str, Claim]) -> T:
    if isinstance(value, Claim):
        if value.id not in made:
            made[value.id] = replace(value, confidence=levels[value.id])  # type: ignore[index]
        return made[value.id]  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(_rewritten(item, levels, made) for item in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type) and type(value) in _holders():
        changes = {}
        for item in fields(value):
            before = getattr(value, item.name)
            if before is not None and not isinstance(before, (str, int, float)):
                after = _rewritten(before, levels, made)
                if after is not before:
                    changes[item.name] = after
        return replace(value, **changes) if changes else value
    return value


@cache
def _holders() -> frozenset[type]:
    """The dataclasses that may hold a claim."""
    from opstui.core import documents

    return frozenset(
        getattr(documents, name)
        for name in (
            "IncidentSummary EscalationPackage Impact EscalationImpact CheckedStep Hypothesis TimelineRow Change"
            " Communications Reproduction"
        ).split()
    )
