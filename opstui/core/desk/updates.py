"""Questions and commands about drafts: review, confirm, approve, push."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from opstui.core.desk.verbs import Command, Question
from opstui.core.drafts import DraftChanges
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from opstui.core.claims import Claim, Finding
    from opstui.core.drafts import Draft, DraftOp, DraftState, PushRecord
    from opstui.core.ports import Editing
    from opstui.core.text import SafeText
    from opstui.core.tickets import TicketRef, TimelineEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts(Question["tuple[Draft, ...]"]):
    """Newest first."""

    ticket: TicketRef | None = None
    states: tuple[DraftState, ...] | None = None
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """A field of the draft with its three values."""

    path: str
    op: DraftOp
    when_drafted: Any
    now: Any
    yours: Any
    conflict: bool = False
    """The ticket changed this field, and differently."""
    done_already: bool = False
    """Somebody set the same value meanwhile."""
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything that Review and ``draft show`` need."""

    draft: Draft
    rows: tuple[ReviewRow, ...]
    findings: tuple[Finding, ...]
    """Checks that block and that warn, overridden ones included."""
    claims: tuple[Claim, ...]
    claims_ok: int
    """How many of them are cited and found."""
    base_version: str
    now_version: str
    overlaps: tuple[TimelineEntry, ...]
    """Other people's entries since the base."""
    audience: str
    """Who can read the comment: ``internal · 14 agents see it``, ``public: the requester sees it``."""
    tells: tuple[str, ...]
    """Who is notified."""
    fingerprint: str | None
    """None while a check blocks or a conflict is open."""
    files: tuple[tuple[str, int, str], ...]
    """Name, size and SHA-256 of what is attached."""
    push: PushRecord | None = None
    editing: Editing | None = None
    """Who else has it open."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What the taxonomy calls the values of a triage: ``team:net-core`` → ``Network``."""


@dataclass(frozen=True, slots=True)
class DraftReview(Question["Review"]):
    """Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What Confirm draws: the exact bytes, and what they say."""

    draft: str
    rev: int
    payload: bytes
    """Canonical JSON."""
    fingerprint: str
    system: str
    origin: str
    ticket: TicketRef
    title: SafeText
    severity: str | None
    operator: str
    rows: tuple[tuple[str, str, str], ...]
    """Field, from, to, as shown; read back out of ``payload``."""
    comment: str | None
    """Out of ``payload``; invisible characters are glyphs."""
    public: bool
    files: tuple[tuple[str, int, str], ...]
    tells: tuple[str, ...]
    overlaps: tuple[str, ...]
    """Lines about what else changed meanwhile."""
    overridden: tuple[str, ...]
    """Checks that a person answered, with the reason."""
    needs_key_suffix: bool
    """A public comment or a sev-1: the last four characters of the key are to be typed."""
    account: str = ""
    """As whom the system will know it: the account behind the token; empty while it has not said."""
    audience: str = ""
    """Who can read the comment, as ``Review.audience``."""
    steps: int = 1
    """How many requests it takes, each read back before the next."""


@dataclass(frozen=True, slots=True)
class Confirm(Question["Confirmation"]):
    """What would be sent. Raises NotFound, Refused (a check blocks), Conflict."""

    id: str


@dataclass(frozen=True, slots=True)
class Draw(Question["str"]):
    """One of ``letters``, evenly, out of the desk's randomness: for prompts that nobody can know before."""

    letters: str


@dataclass(frozen=True, slots=True)
class PushOf(Question["PushRecord | None"]):
    """The newest outbox row of a draft."""

    draft: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft(Command["Draft"]):
    """An operator's own update. Refused for what the system can't say or the ticket can't take."""

    ticket: TicketRef
    changes: DraftChanges = field(default_factory=DraftChanges)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDraft(Command["Draft"]):
    """Change a draft, compare-and-set on ``rev`` (None: whatever it is). Withdraws an approval that is still unsent.

    Errors: StaleRevision, Refused, NotFound.
    """

    id: str
    rev: int | None
    changes: DraftChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveDraft(Command["Draft"]):
    """Consent to send exactly these bytes. A worker sends them unless ``here``.

    Errors: Refused (wrong, shortened or used fingerprint; a check; a policy), Conflict (the ticket changed where the
    draft does), ReadOnly.
    """

    id: str
    fingerprint: str
    here: bool = False
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Blocking check → reason code; kept only if the approval is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDraft(Command["Draft"]):
    """A person's answer to ``needs_human``."""

    id: str
    applied: bool
    reason: str


@dataclass(frozen=True, slots=True)
class DiscardDraft(Command["Draft"]):
    """Put it away; ``RestoreDraft`` brings it back."""

    id: str


@dataclass(frozen=True, slots=True)
class RestoreDraft(Command["Draft"]):
    """Bring a discarded draft back."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDraft(Command["Draft"]):
    """Leave a note on a draft that Review shows: ``not pushed: wrong key``."""

    id: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft(Command["Editing | None"]):
    """Say that this terminal has the draft open (again at each key, at most once a second).

    Answers who else has it open; with ``take_over`` it is this terminal's from now on.
    """

    id: str
    where: str
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class CloseDraft(Command["None"]):
    """This terminal no longer has it open."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushApproved(Command["tuple[PushRecord, ...]"]):
    """Send what is approved, in this process, and settle what an earlier run left unknown, until all is known."""

    draft: str | None = None
