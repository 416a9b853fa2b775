"""A proposal for a runbook page: new, amended or deprecated, on the evidence of tickets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from opstui.core.claims import Citation, Claim
from opstui.core.document_kinds.kind import DocumentKind, Said
from opstui.core.document_kinds.parts import DocumentHead
from opstui.core.frozen import dataclass

STEP_LIMIT = 240
"""Characters of a step."""
TITLE_LIMIT = 90


class ProposalKind(StrEnum):
    """What is to happen to the page."""

    NEW = "new"
    AMEND = "amend"
    DEPRECATE = "deprecate"


class PageConfidence(StrEnum):
    """How far a page is confirmed (KCS). A program never says validated."""

    WIP = "wip"
    NOT_VALIDATED = "not_validated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStep:
    """A step of the resolution as the page will tell it."""

    text: str
    """At most 240 characters."""
    citation: Citation | None = None
    command: str | None = None
    """As it stands in the source, never composed."""
    verify: str | None = None
    """How to see that it worked."""
    rollback: str | None = None
    outcome: Citation | None = None
    """Where it is said that it worked, if that is elsewhere than in ``citation``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestPage:
    """The page that is most like the proposed one."""

    doc: str
    title: str
    score: float
    """Share of the proposal's telling words that stand there, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateSpan:
    """Something personal or secret in the page that would be written."""

    kind: str
    line: int
    """Of the page, from 1."""
    published: bool = False
    """It stands on the page already, and is not brought there by the proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KBProposal:
    """What a page should say from now on. A person accepts it, or nothing is written."""

    head: DocumentHead
    kind: ProposalKind
    target: str | None
    """The page that is amended or deprecated; for a new one where it should go, set by code."""
    base_hash: str | None
    """Content hash of the target when it was read; None for a new page. Set by code."""
    title: str
    """At most 90 characters."""
    issue: tuple[Claim, ...]
    """The problem in the requester's words."""
    environment: tuple[Claim, ...]
    cause: Claim | None
    resolution: tuple[PageStep, ...]
    confidence: PageConfidence
    evidence: tuple[str, ...]
    """Refs of the tickets it rests on; two for an amendment of a validated page."""
    page: str
    """The whole page as it would be. Set by code from the parts above."""
    diff: str
    """Unified, against the page as it was read. Set by code."""
    private: tuple[PrivateSpan, ...]
    """What the scan for personal data and secrets found in ``page``. Set by code."""
    nearest: NearestPage | None
    """Set by code."""
    reviewer: str | None
    """Owner of the page or of its source. Set by code."""
    review_by: date | None
    """At most 180 days ahead. Set by code."""
    open_questions: tuple[str, ...]
    not_included: tuple[str, ...]


def _told(proposal: KBProposal) -> Iterator[str]:
    yield f"{proposal.kind.value}: {proposal.title}"
    yield from (claim.text for claim in proposal.issue)
    if proposal.cause is not None:
        yield f"Cause: {proposal.cause.text}"
    yield from (f"Step: {step.text}" for step in proposal.resolution)


def _lines(proposal: KBProposal) -> Iterator[tuple[str, str]]:
    yield from (("open_questions", text) for text in proposal.open_questions)


def _said(proposal: KBProposal) -> Iterator[Said]:
    for number, step in enumerate(proposal.resolution, start=1):
        text = " ".join(filter(None, (step.text, step.command, step.verify, step.rollback)))
        yield Said(f"step-{number}", text, tuple(cited for cited in (step.citation, step.outcome) if cited))


def _faults(proposal: KBProposal) -> Iterator[tuple[str, str]]:
    if not 1 <= len(proposal.title) <= TITLE_LIMIT or "\n" in proposal.title:
        yield "title", f"the title is one line of 1 to {TITLE_LIMIT} characters"
    if not proposal.issue:
        yield "issue", "a page says what it is about: the issue has no claim"
    if proposal.kind is not ProposalKind.NEW and proposal.target is None:
        yield "target", f"to {proposal.kind.value} a page, target has to name it"
    if not proposal.evidence:
        yield "evidence", "a page rests on at least one ticket: evidence names none"
    for number, step in enumerate(proposal.resolution, start=1):
        if not step.text.strip() or len(step.text) > STEP_LIMIT or "\n" in step.text:
            yield "resolution", f"step {number} is one line of 1 to {STEP_LIMIT} characters"
        if step.citation is None:
            yield "resolution", f"step {number} has no source: a page tells only what somebody did"


KIND = DocumentKind(
    document=KBProposal,
    holders=frozenset((KBProposal,)),
    limits={"issue": 5, "environment": 8, "resolution": 15, "evidence": 10, "open_questions": 5},
    by_code=("base_hash", "page", "diff", "private", "nearest", "reviewer", "review_by"),
    defaults={
        "target": None,
        "environment": [],
        "cause": None,
        "resolution": [],
        "confidence": "wip",
        "open_questions": [],
    },
    told=_told,
    lines=_lines,
    said=_said,
    faults=_faults,
    coverage=lambda proposal: 1.0,
    lengths={"title": TITLE_LIMIT},
)
