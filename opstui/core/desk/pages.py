"""Questions and commands about proposals for runbook pages: read, edited, accepted or rejected by a person."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opstui.core.claims import Citation, Finding
    from opstui.core.pages.proposal import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals(Question["tuple[Proposal, ...]"]):
    """Newest first."""

    states: tuple[str, ...] | None = None
    """``open``, ``accepted``, ``rejected``; None: all."""
    doc: str | None = None
    """Only those for this page."""
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """Everything that the proposal's screen and ``knowledge proposal ID`` need."""

    proposal: Proposal
    diff: tuple[str, ...]
    """Unified, line by line: from the page as it was read to what would be written."""
    theirs: tuple[str, ...]
    """What others changed on the page since, in the same way; empty while nobody did."""
    findings: tuple[Finding, ...]
    """What speaks against writing it, checks that block first."""
    place: str
    """Where it would be written, in words; why nowhere, if it can't be."""
    can_write: bool
    """There is a place, and this desk may write."""
    now: str | None
    """The page as it is; None where there is none."""
    text_hash: str
    """SHA-256 of what would be written."""
    sources: tuple[tuple[str, Citation], ...]
    """Each sentence of the document, in order, and where it is from."""


@dataclass(frozen=True, slots=True)
class ProposalDetail(Question["ProposalView"]):
    """Reads the page as it is now: from a thread. Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditProposal(Command["Proposal"]):
    """Set the page's text, compare-and-set on ``rev`` (None: whatever it is).

    Errors: StaleRevision, Refused, NotFound.
    """

    id: str
    rev: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseProposal(Command["Proposal"]):
    """Bring it onto the page as it is now. Where both changed the same lines, both stand between marks."""

    id: str
    rev: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptProposal(Command["Proposal"]):
    """Write the page, once, only if it is still as it was read.

    Takes as long as the disk and git do: from a thread. Errors: Conflict (the page or the proposal changed meanwhile,
    nothing was written), Refused (a check blocks; there is no place; it can't be written), Busy, NotFound, ReadOnly.
    """

    id: str
    rev: int | None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Blocking check → reason code; kept only if it is accepted."""
    text_hash: str | None = None
    """Only if this is what would be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectProposal(Command["Proposal"]):
    """Put it away with a reason code. Errors: StaleRevision, UsageError (no such reason), Refused, NotFound."""

    id: str
    rev: int | None
    reason: str
