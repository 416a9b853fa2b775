"""A proposal for a page as people decide about it: what would be written, what speaks against it, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum

from opstui.core.checks.m1 import stems
from opstui.core.claims import Finding
from opstui.core.document_kinds.knowledge import NearestPage, PrivateSpan, ProposalKind
from opstui.core.frozen import dataclass
from opstui.core.pages.changes import is_unsettled
from opstui.core.pages.shape import says_validated
from opstui.core.redaction import PERSONAL

NEARLY_THE_SAME = 0.75
"""Share of a new page's telling words on another page, from which on it is a question whether it is wanted at all."""
EVIDENCE = 2
"""Tickets that a change of a validated page rests on."""
PAGE_LIMIT = 500_000
"""Characters of a page as it is edited here."""

PRIVATE, DUPLICATE, FEW, CHANGED, SAME, MARKS = "private", "duplicate", "evidence", "changed", "same", "marks"
"""Ids of the checks."""
ANSWERABLE = frozenset((PRIVATE, DUPLICATE, FEW))
"""Those that a person may answer with a reason; the others are mended or they stay."""


class ProposalState(StrEnum):
    """What came of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A write that was begun: kept before it, so that nobody writes twice after a crash."""

    by: str
    at: datetime
    text_hash: str
    """SHA-256 of the text that was to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One of them. Nothing is written before a person accepts it."""

    id: str
    """That of its session."""
    doc: str
    """The page: ``<source>/<path>``; empty for a new one that no source takes."""
    kind: ProposalKind
    title: str
    state: ProposalState = ProposalState.OPEN
    rev: int = 0
    created_at: datetime
    text: str
    """The whole page as it would be written, as last edited."""
    drafted: str
    """The same as the session left it."""
    base: str | None
    """The page as it was read; None for a new one."""
    evidence: tuple[str, ...]
    """Tickets that it rests on."""
    private: tuple[PrivateSpan, ...] = ()
    """Personal data and secrets in ``text``."""
    nearest: NearestPage | None = None
    reviewer: str | None = None
    review_by: date | None = None
    questions: tuple[str, ...] = ()
    """What the session left open."""
    ticket: str
    workflow: str
    workflow_version: str
    engine: str
    operator: str
    """Who started the session."""
    edited_by: str | None = None
    begun: Begun | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    """Why it was rejected: a code."""
    overridden: Mapping[str, str] = field(default_factory=dict)
    """Check → reason code, of what was accepted in spite of a check."""
    where: str | None = None
    """Where the accepted page went."""

    @property
    def session(self) -> str:
        """The session that made it."""
        return self.id

    @property
    def is_edited(self) -> bool:
        """Whether a person changed what the session drafted."""
        return self.text != self.drafted


def findings(proposal: Proposal, *, now: str | None, overrides: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """What speaks against writing it: checks that block first. ``now``: the page as it is; None where there is none."""
    found: list[Finding] = []

    def add(name: str, text: str, *, block: bool) -> None:
        answer = (overrides or {}).get(name) if block and name in ANSWERABLE else None
        found.append(Finding(id=name, level="block" if block else "warn", text=text, overridden=answer))

    if is_unsettled(proposal.text):
        add(MARKS, "marks of two changes stand in it: edit the page and keep what is right", block=True)
    if now != proposal.base:
        said = "the page is gone" if now is None else "there is such a page by now" if proposal.base is None else ""
        add(CHANGED, f"{said or 'the page changed'} since this was made: rebase it and look at it again", block=True)
    elif proposal.text == proposal.base:
        add(SAME, "nothing would change: the page says this already", block=True)
    secrets = [span for span in proposal.private if span.kind not in PERSONAL]
    personal = [span for span in proposal.private if span.kind in PERSONAL]
    fresh = [*secrets, *(span for span in personal if not span.published)]
    if fresh:
        add(PRIVATE, f"it would publish {_named(fresh)}", block=True)
    elif personal:
        add(PRIVATE, f"it keeps what stands there already: {_named(personal)}", block=False)
    near = proposal.nearest
    if near is not None and proposal.kind is ProposalKind.NEW:
        if is_title(near.title, proposal.title):
            add(DUPLICATE, f"{near.doc} has the same title: should that page be amended?", block=True)
        elif near.score >= NEARLY_THE_SAME:
            add(DUPLICATE, f"{near.doc} has {near.score:.0%} of its words: should that page be amended?", block=True)
    if proposal.kind is ProposalKind.AMEND and len(proposal.evidence) < EVIDENCE:
        count = f"it rests on {len(proposal.evidence)} ticket"
        if proposal.base is not None and says_validated(proposal.base):
            add(FEW, f"{count}, and a validated page takes {EVIDENCE}", block=True)
        else:
            add(FEW, f"{count}; two that agree are more", block=False)
    return tuple(sorted(found, key=lambda finding: finding.level != "block"))


def is_title(one: str, other: str) -> bool:
    """Whether two titles say the same in the same words, in whatever order, case and form."""
    words = stems(one)
    return bool(words) and words == stems(other)


def _named(spans: list[PrivateSpan]) -> str:
    kinds: dict[str, list[int]] = {}
    for span in spans:
        kinds.setdefault(span.kind, []).append(span.line)
    parts = []
    for kind, numbers in kinds.items():
        lines = list(dict.fromkeys(numbers))
        shown = ", ".join(map(str, lines[:4])) + (" …" if len(lines) > 4 else "")
        parts.append(f"{kind.lower().replace('_', ' ')} in line{'' if len(lines) == 1 else 's'} {shown}")
    return "; ".join(parts)
