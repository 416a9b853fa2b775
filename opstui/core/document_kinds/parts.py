"""What several kinds of documents are made of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from opstui.core.claims import Citation, Claim, Engine
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
    title: str = ""
    span: Citation
    score: float = 0.0
    coverage: float = 0.0
    why: str = ""
    """What it has in common with the ticket; set by code, as are title, score, coverage and date."""
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


class Tristate(StrEnum):
    """Yes, no, or nobody has said."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedTicket:
    """Another ticket that shares identifiers with this one."""

    ticket_id: str
    title: str = ""
    """Set by code, as is all but the id: an agent only names a ticket that a search of its session returned."""
    relation: str = "similar"
    """duplicate, similar, parent or caused_by; code only ever says similar."""
    score: float = 0.0
    shared_atoms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """The receiver's own words of what they understood; closes a handoff."""

    by: str
    at: datetime
    text: str
    corrections: tuple[str, ...] = ()
