"""Triage: what a new ticket is about and who should have it, in the words of the taxonomy only."""

from __future__ import annotations

from collections.abc import Iterator

from opstui.core.claims import Claim, ClaimStatus
from opstui.core.document_kinds.kind import DocumentKind
from opstui.core.document_kinds.parts import DocumentHead, RelatedTicket, RunbookRef, SeverityNote, Sla
from opstui.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of the taxonomy, and what in the ticket speaks for it."""

    value: str | None
    """The taxonomy's id of it; None: the sources don't say, or say something that the taxonomy does not know."""
    why: Claim | None = None
    """None only where there is no value."""
    because: str = ""
    """How the claim leads to the value, in a few words: ``the ticket's own field``, ``looks after checkout-api``."""
    is_named: bool = True
    """Whether the cited lines or the ticket's title and fields name it or have a sign of it. Set by code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Where a ticket belongs. Never links or closes a duplicate."""

    head: DocumentHead
    headline: Claim
    category: Choice
    service: Choice
    severity: Choice
    team: Choice
    request_type: Choice
    now: SeverityNote
    """The severity that the ticket has."""
    sla: Sla
    duplicates: tuple[RelatedTicket, ...]
    """Tickets that may be about the same thing, with what they share; at most three."""
    runbooks: tuple[RunbookRef, ...]
    no_runbook_reason: str | None
    unknown_values: tuple[str, ...]
    """What the ticket or the document takes for a value and the taxonomy does not know, as :func:`unknown` words it.
    Set by code."""
    missing: tuple[str, ...]
    """Facts that whoever takes the ticket will ask for."""
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]

    @property
    def choices(self) -> tuple[tuple[str, Choice], ...]:
        """Kind of the taxonomy and choice, in the order they are shown."""
        return (
            ("category", self.category),
            ("service", self.service),
            ("severity", self.severity),
            ("team", self.team),
            ("request_type", self.request_type),
        )


def unknown(kind: str, value: str) -> str:
    """``service: legacy-app``."""
    return f"{kind.replace('_', ' ')}: {value}"


def _told(triage: Triage) -> Iterator[str]:
    yield triage.headline.text
    for name, choice in triage.choices:
        if choice.value is not None:
            yield f"{name.replace('_', ' ').capitalize()}: {choice.value}"
    yield from (f"May be the same as {other.ticket_id}: {other.title}" for other in triage.duplicates)
    yield from (f"Missing: {text}" for text in triage.missing)


def _lines(triage: Triage) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in triage.open_questions)
    yield from (("missing", text) for text in triage.missing)
    yield from ((name, choice.because) for name, choice in triage.choices)


def _faults(triage: Triage) -> Iterator[tuple[str, str]]:
    for name, choice in triage.choices:
        if choice.value is not None and choice.why is None:
            yield name, f"{name} has a value, but no claim says why"
        if choice.value is not None and choice.why is not None and choice.why.status is ClaimStatus.UNKNOWN:
            yield name, f"{name} has a value, but the claim that leads to it is unknown; take none and ask"
        if choice.value is not None and unknown(name, choice.value) in triage.unknown_values:
            text = "the taxonomy does not know it; take one of its values, or none and ask in open_questions"
            yield name, f"{name} {choice.value!r}: {text}"
    if any(other.relation != "similar" for other in triage.duplicates):
        yield "duplicates", "a program only ever says similar; a person says duplicate"


KIND = DocumentKind(
    document=Triage,
    holders=frozenset((Triage, Choice)),
    limits={"duplicates": 3, "runbooks": 3, "missing": 5, "open_questions": 5},
    by_code=("now", "sla", "unknown_values"),
    defaults={
        "category": {"value": None},
        "service": {"value": None},
        "severity": {"value": None},
        "team": {"value": None},
        "request_type": {"value": None},
        "duplicates": [],
        "runbooks": [],
        "no_runbook_reason": None,
        "missing": [],
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    faults=_faults,
)
