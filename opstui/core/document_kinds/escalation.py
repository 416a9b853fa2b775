"""The escalation package: what the next team needs to take a ticket over without asking back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import DocumentKind, Said, said_of_steps
from opstui.core.document_kinds.parts import (
    CheckedStep,
    DocumentHead,
    Hypothesis,
    ReadBack,
    RelatedTicket,
    RunbookRef,
    SeverityNote,
    Sla,
    SummaryStatus,
    TimelineRow,
    Tristate,
)
from opstui.core.frozen import dataclass


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


VERBS = ("investigate", "fix", "decide", "approve", "access")
"""What can be asked of the receiver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of the receiver."""

    verb: str
    """One of ``VERBS``."""
    text: str
    deadline: datetime | None = None
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


def _told(package: EscalationPackage) -> Iterator[str]:
    yield package.bottom_line.text
    yield from (f"Asked: {ask.text}" for ask in package.ask)
    yield from (claim.text for claim in package.impact.claims)
    yield from (step.what for step in package.checked)
    yield from (f"Suspected: {guess.claim.text}" for guess in package.hypotheses)
    yield f"Preflight {package.preflight.score} of 100."


def _lines(package: EscalationPackage) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in package.open_questions)
    yield from (("checked", step.what) for step in package.checked)
    yield from (("ask", ask.text) for ask in package.ask)


def _said(package: EscalationPackage) -> Iterator[Said]:
    yield from said_of_steps(package.checked)
    for number, case in enumerate(package.contingency, start=1):
        yield Said(f"if-{number}", f"{case.when}, {case.then}", (case.citation,) if case.citation else ())
    for number, ask in enumerate(package.ask, start=1):
        yield Said(f"ask-{number}", ask.text)


def _faults(package: EscalationPackage) -> Iterator[tuple[str, str]]:
    if len(package.bottom_line.text) > 200:
        yield "bottom_line", "the bottom line is longer than 200 characters"
    if not package.ask:
        yield "ask", "nothing is asked of the receiver"
    for number, ask in enumerate(package.ask, start=1):
        if ask.verb not in VERBS:
            yield "ask", f"ask {number}: the verb is one of {', '.join(VERBS)}"
    if not package.checked and not package.nothing_checked_reason:
        yield "checked", "nothing checked: nothing_checked_reason has to say why"


KIND = DocumentKind(
    document=EscalationPackage,
    holders=frozenset(
        (
            EscalationPackage,
            EscalationImpact,
            CheckedStep,
            Hypothesis,
            TimelineRow,
            Change,
            Communications,
            Reproduction,
        )
    ),
    limits={
        "ask": 3,
        "checked": 12,
        "hypotheses": 4,
        "timeline": 25,
        "related": 5,
        "contingency": 3,
        "runbooks": 3,
        "open_questions": 5,
    },
    by_code=("sla", "severity", "preflight", "contacts", "from_team", "read_back"),
    defaults={
        "status_citation": None,
        "to_team": None,
        "escalation_type": "functional",
        "reason_code": None,
        "hypotheses": [],
        "nothing_checked_reason": None,
        "reproduction": None,
        "changes": None,
        "related": [],
        "links": [],
        "comms": {},
        "contingency": [],
        "runbooks": [],
        "no_runbook_reason": None,
        "open_questions": [],
        "environment": {},
    },
    told=_told,
    lines=_lines,
    said=_said,
    faults=_faults,
    guesses=lambda package: package.hypotheses,
    state=lambda package: (package.status, package.status_citation),
)
