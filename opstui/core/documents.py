"""Claims, citations and the documents made of them.

A document is what a session hands in. It holds claims, each backed by citations of line spans, and enumerations, ids,
numbers and times; nothing else. Limits are those of the field's incident documents; the lower bounds hold only as far
as the sources reach: what is missing goes to ``open_questions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from opstui.core.claims import (
    CITATION_LINES as CITATION_LINES,
    CLAIM_LIMIT as CLAIM_LIMIT,
    QUOTE_LIMIT as QUOTE_LIMIT,
    Citation as Citation,
    CitationKind as CitationKind,
    Claim as Claim,
    ClaimStatus as ClaimStatus,
    Confidence as Confidence,
    Engine as Engine,
    Finding as Finding,
)
from opstui.core.document_kinds import closure, escalation, handover, knowledge, reply, summary, triage
from opstui.core.document_kinds.closure import ResolutionCode as ResolutionCode, ResolutionNotes as ResolutionNotes
from opstui.core.document_kinds.escalation import (
    Ask as Ask,
    Change as Change,
    Communications as Communications,
    Contacts as Contacts,
    Contingency as Contingency,
    Environment as Environment,
    EscalationImpact as EscalationImpact,
    EscalationPackage as EscalationPackage,
    EscalationType as EscalationType,
    Link as Link,
    Preflight as Preflight,
    ReasonCode as ReasonCode,
    Reproduction as Reproduction,
)
from opstui.core.document_kinds.handover import (
    HandedShift as HandedShift,
    OpenTicket as OpenTicket,
    Promise as Promise,
    ShiftHandover as ShiftHandover,
    ShiftStats as ShiftStats,
    Silence as Silence,
)
from opstui.core.document_kinds.kind import DocumentKind as DocumentKind, Said as Said
from opstui.core.document_kinds.knowledge import (
    KBProposal as KBProposal,
    NearestPage as NearestPage,
    PageConfidence as PageConfidence,
    PageStep as PageStep,
    PrivateSpan as PrivateSpan,
    ProposalKind as ProposalKind,
)
from opstui.core.document_kinds.parts import (
    Actor as Actor,
    ActorType as ActorType,
    CheckedStep as CheckedStep,
    DocumentHead as DocumentHead,
    Hypothesis as Hypothesis,
    Impact as Impact,
    NextStep as NextStep,
    ReadBack as ReadBack,
    RelatedTicket as RelatedTicket,
    RunbookRef as RunbookRef,
    SeverityNote as SeverityNote,
    Sla as Sla,
    SlaState as SlaState,
    StepResult as StepResult,
    SummaryStatus as SummaryStatus,
    TimelineKind as TimelineKind,
    TimelineRow as TimelineRow,
    Tristate as Tristate,
)
from opstui.core.document_kinds.reply import Reply as Reply
from opstui.core.document_kinds.summary import IncidentSummary as IncidentSummary
from opstui.core.document_kinds.triage import Choice as Choice, Triage as Triage

Document = IncidentSummary | EscalationPackage | Triage | Reply | ResolutionNotes | KBProposal | ShiftHandover
"""Every kind of document there is."""
KINDS: Mapping[str, DocumentKind] = {
    module.KIND.document.__name__: module.KIND
    for module in (summary, escalation, triage, reply, closure, knowledge, handover)
}
"""The kinds by the name that a workflow, a head and a schema call them."""
DOCUMENTS: Mapping[str, type[Document]] = {name: kind.document for name, kind in KINDS.items()}


def kind_of(document: Document) -> DocumentKind:
    """What is to be known of the document's kind."""
    return KINDS[type(document).__name__]


def claims_of(document: object) -> list[Claim]:
    """Every claim inside a document (or any part of one), in order, each once by id."""
    found: dict[str, Claim] = {}
    _walk(document, Claim, lambda claim: found.setdefault(claim.id, claim))
    return list(found.values())


def citations_of(document: object) -> list[Citation]:
    """Every citation inside a document, those of claims included, in order."""
    found: list[Citation] = []
    _walk(document, Citation, found.append)
    return found


def _walk(value: Any, kind: type, visit: Callable[[Any], object]) -> None:
    if isinstance(value, kind):
        visit(value)
    if isinstance(value, (tuple, list)):
        for part in value:
            _walk(part, kind, visit)
        return
    for name in _parts(type(value)):
        _walk(getattr(value, name), kind, visit)


def _parts(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; none of anything else. Documents are walked at every check."""
    known = _PARTS.get(kind)
    if known is None:
        known = _PARTS[kind] = tuple(item.name for item in fields(kind)) if is_dataclass(kind) else ()
    return known


_PARTS: dict[type, tuple[str, ...]] = {}
