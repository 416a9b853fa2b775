"""Claims, citations and the documents made of them.

A document is what a session hands in. It holds claims, each backed by citations of line spans, and enumerations, ids,
numbers and times; nothing else. Limits are those of the field's incident documents; the lower bounds hold only as far
as the sources reach: what is missing goes to ``open_questions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
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
from opstui.core.frozen import dataclass


class SummaryStatus(StrEnum):
    """The state word of a summary."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MITIGATING = "mitigating"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class StepResult(StrEnum):
    """What came of something that was checked or done. Negative results count."""

    FOUND = "found"
    RULED_OUT = "ruled_out"
    NO_FINDING = "no_finding"
    COULD_NOT_CHECK = "could_not_check"
    MADE_WORSE = "made_worse"
    UNKNOWN = "unknown"
    """The source does not say what came of it."""


class SlaState(StrEnum):
    """Where the clock stands."""

    OK = "ok"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    PAUSED = "paused"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """The clock, computed from the ticket, never generated."""

    state: SlaState
    target: str | None = None
    started_at: datetime | None = None
    deadline: datetime | None = None
    remaining_s: int | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityNote:
    """The severity, since when, and who set it; None where the ticket does not say."""

    value: str | None
    since: datetime | None = None
    set_by: str | None = None
    citation: Citation | None = None


class ActorType(StrEnum):
    """Who did something."""

    HUMAN = "human"
    AGENT = "agent"
    AUTOMATION = "automation"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, by the name the ticket uses."""

    id: str
    type: ActorType = ActorType.HUMAN
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStep:
    """Something that was checked or done, with what came of it."""

    what: str
    """At most 160 characters, quoted from the source."""
    by: Actor
    at: datetime
    method: str
    """Command, runbook step or observation."""
    result: StepResult
    detail: Claim
    evidence: tuple[Citation, ...] = ()
    runbook_step: Citation | None = None
    reversible: bool | None = None
    rollback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A suspected cause that somebody wrote down; never one that only the program thought of."""

    claim: Claim
    evidence_for: tuple[Citation, ...] = ()
    evidence_against: tuple[Citation, ...] = ()
    next_test: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What to do next, by whom, until when, and where that is from."""

    text: str
    citation: Citation | None = None
    owner: str | None = None
    due: datetime | None = None


class TimelineKind(StrEnum):
    """What a row of a document's timeline is."""

    DETECT = "detect"
    ACK = "ack"
    CHANGE = "change"
    FINDING = "finding"
    ACTION = "action"
    COMMS = "comms"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """A moment, in UTC, and what happened then."""

    when: datetime
    claim: Claim
    kind: TimelineKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRef:
    """A page that may help, with the lines that say why."""

    doc_id: str
    title: str
    span: Citation
    score: float
    coverage: float
    why: str
    last_changed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Who is hurt and how. Numbers only where a source has them."""

    claims: tuple[Claim, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHead:
    """What every document begins with. Set by code."""

    schema_version: str
    document: str
    """The workflow's document schema: ``IncidentSummary``, ``EscalationPackage``."""
    ticket_id: str
    """``SYSTEM:KEY``."""
    base_revision: str
    engine: Engine
    generated_at: datetime
    request_id: str
    """The session's id."""
    workflow_version: str = ""


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


class EscalationType(StrEnum):
    """To people who know more, or to people who may decide more."""

    FUNCTIONAL = "functional"
    HIERARCHIC = "hierarchic"


class ReasonCode(StrEnum):
    """Why a ticket is escalated; None where the ticket gives no ground for one."""

    NO_RUNBOOK = "no_runbook"
    RUNBOOK_FAILED = "runbook_failed"
    ACCESS = "access"
    SKILL = "skill"
    SLA = "sla"
    IMPACT = "impact"
    SECURITY = "security"


class Tristate(StrEnum):
    """Yes, no, or nobody has said."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of the receiver."""

    verb: str
    """investigate, fix, decide, approve or access."""
    text: str
    deadline: datetime | None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationImpact:
    """Impact as tier 2 asks for it. ``data_loss`` may not be left out."""

    claims: tuple[Claim, ...] = ()
    customers_count: int | None = None
    workflow: str | None = None
    data_loss: Tristate = Tristate.UNKNOWN
    data_loss_citation: Citation | None = None
    workaround: Claim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where it happens, as far as the sources name it; each value with its citation in ``citations``."""

    product: str | None = None
    version: str | None = None
    platform: str | None = None
    region: str | None = None
    config_ids: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change within 72 hours before the ticket was made or since."""

    claim: Claim
    when: datetime
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedTicket:
    """Another ticket that shares identifiers with this one."""

    ticket_id: str
    title: str
    relation: str
    """duplicate, similar, parent or caused_by; code only ever says similar."""
    score: float
    shared_atoms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that a source holds."""

    label: str
    url: str
    kind: str
    citation: Citation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Communications:
    """What the customer was last told and expects."""

    last_customer_message: Claim | None = None
    at: datetime | None = None
    promised_next_update: datetime | None = None
    reason: str | None = None
    """Why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """How to see it happen."""

    steps: tuple[Claim, ...] = ()
    expected: Claim | None = None
    actual: Claim | None = None
    rate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contingency:
    """If this, then that."""

    when: str
    then: str
    citation: Citation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Whom to ask back."""

    escalating_operator: str
    backup: str | None = None
    bridge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """How complete the package is, and which questions are still open."""

    score: int
    """0 to 100."""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """The receiver's own words of what they understood; closes a handoff."""

    by: str
    at: datetime
    text: str
    corrections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPackage:
    """What tier 2 needs to take a ticket over without asking back."""

    head: DocumentHead
    from_team: str | None
    to_team: str | None
    escalation_type: EscalationType
    reason_code: ReasonCode | None
    bottom_line: Claim
    ask: tuple[Ask, ...]
    status: SummaryStatus
    status_citation: Citation | None
    severity: SeverityNote
    sla: Sla
    impact: EscalationImpact
    environment: Environment
    checked: tuple[CheckedStep, ...]
    nothing_checked_reason: str | None
    hypotheses: tuple[Hypothesis, ...]
    timeline: tuple[TimelineRow, ...]
    reproduction: Reproduction | None
    changes: tuple[Change, ...] | None
    related: tuple[RelatedTicket, ...]
    links: tuple[Link, ...]
    comms: Communications
    contingency: tuple[Contingency, ...]
    contacts: Contacts
    runbooks: tuple[RunbookRef, ...]
    no_runbook_reason: str | None
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]
    preflight: Preflight
    read_back: ReadBack | None = None


Document = IncidentSummary | EscalationPackage
"""Every kind of document there is."""
DOCUMENTS: Mapping[str, type[Document]] = {kind.__name__: kind for kind in (IncidentSummary, EscalationPackage)}
"""The kinds by the name that a workflow, a head and a schema call them."""


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


def _walk(value: object, kind: type, visit: Callable[[Any], object]) -> None:
    if isinstance(value, kind):
        visit(value)
    if is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            _walk(getattr(value, item.name), kind, visit)
    elif isinstance(value, (tuple, list)):
        for part in value:
            _walk(part, kind, visit)
