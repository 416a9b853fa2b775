"""The desk: what an operator can do, and the words for it.

Faces hold a :class:`Desk` and nothing else. A **question** reads a window, a row or a sum: bounded, no network, about
a millisecond (the two that may take longer say so). A **command** changes something and answers with an
:class:`Outcome`. Every change, also one's own, is learnt in one way: ``changes`` says which ids changed, and the
screen asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from opstui.core.audit import AuditRecord
from opstui.core.documents import Citation, Claim, Finding
from opstui.core.drafts import Draft, DraftChanges, DraftOp, DraftState, PushRecord
from opstui.core.errors import OpstuiError
from opstui.core.knowledge import Hit
from opstui.core.ports import Capabilities, Editing, Probe
from opstui.core.queues import Queue, QueueState, SortBy, TableRow, TicketWindow, View
from opstui.core.sessions import Session, SessionEvent, SessionStatus
from opstui.core.shifts import Shift
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket, TicketRef, TimelineEntry
from opstui.core.workflows import Workflow

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Question(Generic[A_co]):
    """Base of all questions; the parameter is the answer's type."""

    __slots__ = ()


class Command(Generic[A_co]):
    """Base of all commands; the parameter is what a success carries."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[A]):
    """What came of a command: a value, or an error of the tree and never both."""

    value: A | None = None
    error: OpstuiError | None = None
    notice: str = ""
    """Something worth telling even though it went well."""

    def unwrap(self) -> A:
        """The value. Raises the error."""
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return self.value


class Mark(NamedTuple):
    """How far a listener has heard the bells."""

    record: int
    cache: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed: its kind, its id and its revision, never the thing itself.

    Kinds: ``ticket`` (SYSTEM:KEY), ``queue`` (name), ``session`` (id), ``events`` (session id, rev = newest seq),
    ``draft`` (id), ``push`` (id), ``audit``, ``ledger``, ``request``, ``editing`` (draft id), ``knowledge``, ``reset``
    (look at everything again).
    """

    kind: str
    subject: str
    rev: int


class Desk(Protocol):
    """The program, without a face. Safe to call from any thread."""

    def ask(self, question: Question[A]) -> A:
        """Answer. Raises NotFound, FilterError, UsageError."""

    def do(self, command: Command[A]) -> Outcome[A]:
        """Do. Never raises an OpstuiError: it is in the outcome. May take as long as a commit, some as a request."""

    def changes(self, after: Mark | None) -> tuple[tuple[Event, ...], Mark]:
        """What changed after ``after``; with None nothing and where the bells stand now. Cheap, for every 250 ms."""

    def live(self) -> None:
        """Start keeping queues live and, if something is unfinished, a worker. For faces that stay."""

    def close(self) -> None:
        """Stop, and let go of all files."""


# --- questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What does not change while the program runs."""

    operator: str
    timezone: str
    """IANA name for clocks on screen."""
    read_only: bool
    demo: bool
    configured: bool
    """Whether there is a config file (or this is the demo)."""
    systems: tuple[str, ...]
    capabilities: Mapping[str, Capabilities]
    queues: tuple[Queue, ...]
    views: tuple[View, ...]
    """Keys 1–9: every queue first, then the config's views."""
    workflows: tuple[Workflow, ...]
    runtimes: tuple[str, ...]
    theme: str
    mouse: str
    keys: Mapping[str, str]
    """Binding id → keys, from the config."""
    log_file: str
    crash_folder: str
    notice: str = ""
    """A line for the first screen: no config yet, a store was restored, the file is newer."""


@dataclass(frozen=True, slots=True)
class DeskFacts(Question[Facts]):
    """What does not change while the program runs."""


@dataclass(frozen=True, slots=True)
class Queues(Question[tuple[QueueState, ...]]):
    """Every queue with counts, age and health, in the config's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketsWindow(Question[TicketWindow]):
    """Rows of a view. ``search`` is a further filter as typed. Raises FilterError, NotFound (no such queue)."""

    view: View
    search: str = ""
    sort: SortBy = SortBy.URGENCY
    first: int = 0
    count: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPosition(Question[int | None]):
    """Where in the view a ticket stands now; None if it left."""

    view: View
    ref: TicketRef
    search: str = ""
    sort: SortBy = SortBy.URGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedTickets(Question[tuple[TableRow, ...]]):
    """Rows of these tickets, in their order; unknown ones are left out."""

    refs: tuple[TicketRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """A ticket with all that belongs to it here."""

    ticket: Ticket
    state: str
    """live, stale, offline or error."""
    error: SafeText | None
    fetched_at: datetime
    sessions: tuple[Session, ...]
    drafts: tuple[Draft, ...]
    """Open ones first, then the pushed and discarded ones."""
    capabilities: Capabilities
    changed_since_seen: tuple[str, ...] = ()
    """Entry ids that came since the operator looked."""


@dataclass(frozen=True, slots=True)
class TicketDetail(Question[TicketView]):
    """Raises NotFound."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLookView:
    """The extractive summary at once: claims to show, matching pages, related tickets."""

    version: str
    claims: tuple[Claim, ...]
    hits: tuple[Hit, ...]
    related: tuple[tuple[TicketRef, SafeText, tuple[str, ...]], ...]
    """Ref, title, shared identifiers."""
    took_ms: int


@dataclass(frozen=True, slots=True)
class FirstLook(Question[FirstLookView]):
    """Takes up to 300 ms: ask it from a thread. Raises NotFound."""

    ref: TicketRef


@dataclass(frozen=True, slots=True)
class Transitions(Question[tuple[str, ...]]):
    """Statuses the ticket can take. May ask the system: from a thread."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """A source with the cited lines."""

    ref: str
    title: SafeText
    note: str
    """Author and time of an entry, path and freshness of a page."""
    lines: tuple[SafeText, ...]
    line_start: int
    line_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Question[SourceView]):
    """What a citation points at. Raises NotFound."""

    citation: Citation
    ticket: TicketRef
    """The session's own ticket: refs without a system are its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions(Question[tuple[Session, ...]]):
    """Newest first."""

    ticket: TicketRef | None = None
    statuses: tuple[SessionStatus, ...] | None = None
    shift: str | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class SessionDetail(Question[Session]):
    """Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvents(Question[tuple[SessionEvent, ...]]):
    """Events after ``after``, in order."""

    id: str
    after: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts(Question[tuple[Draft, ...]]):
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


@dataclass(frozen=True, slots=True)
class DraftReview(Question[Review]):
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


@dataclass(frozen=True, slots=True)
class Confirm(Question[Confirmation]):
    """What would be sent. Raises NotFound, Refused (a check blocks), Conflict."""

    id: str


@dataclass(frozen=True, slots=True)
class PushOf(Question[PushRecord | None]):
    """The newest outbox row of a draft."""

    draft: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for the operator, the most urgent first."""

    kind: str
    """``sev1``, ``question``, ``needs_human``, ``conflict``, ``draft``, ``failed``."""
    ticket: TicketRef
    subject: str
    """Session or draft id; the ticket's ref for ``sev1``."""
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WaitingForYou(Question[tuple[Waiting, ...]]):
    """What waits for the operator, most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status line. Money in micro-dollars."""

    shift: Shift
    running: int
    waiting: int
    estimate: int
    limit: int | None
    health: str
    """The worst of all queues."""
    read_only: bool
    sev_one: TableRow | None
    """The worst open severity-1 ticket, for its lane."""
    sev_one_note: str = ""
    """``summary ready``, ``draft waits``."""
    worker: str = ""
    """Empty, or why sessions and pushes do not move."""
    store: str = ""
    """Empty, or what is wrong with it (disk full, read-only)."""


@dataclass(frozen=True, slots=True)
class StatusLine(Question[Status]):
    """The status line and the sev-1 lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """A sum over sessions. Money in micro-dollars."""

    label: str
    sessions: int
    running_ms: int
    tokens: int
    estimate: int
    reported: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftView:
    """A shift's sessions and what they cost."""

    shift: Shift
    current: bool
    operators: tuple[str, ...]
    total: LedgerLine
    limit: int | None
    forecast: int | None
    """To the end of the shift, at this rate; None before there is a rate."""
    by: Mapping[str, tuple[LedgerLine, ...]]
    """``workflow``, ``ticket``, ``operator``, ``runtime``, ``hour``."""
    sessions: tuple[Session, ...]
    verdicts: Mapping[str, str]
    """Session id → ``accepted``, ``accepted, 2 edits``, ``rejected``, ``waits``, ``–``."""
    accepted: int = 0
    edited: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class ShiftTotals(Question[ShiftView]):
    """``back`` 0 is the running shift, 1 the one before."""

    back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWindow(Question[tuple[AuditRecord, ...]]):
    """Newest first, from before ``before`` (0: from the end)."""

    before: int = 0
    count: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHealth:
    """Whether the chain holds."""

    ok: bool
    rows: int
    first_broken: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VerifyAudit(Question[AuditHealth]):
    """Reads the whole chain: from a thread when it is long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSearch(Question[tuple[Hit, ...]]):
    """Runbook search; any text is a query."""

    query: str
    limit: int = 8


@dataclass(frozen=True, slots=True)
class ViewState(Question[Mapping[str, Any] | None]):
    """What a screen left behind."""

    name: str


@dataclass(frozen=True, slots=True)
class LogTail(Question[tuple[SafeText, ...]]):
    """The newest lines of the program's own log, oldest first."""

    count: int = 500


@dataclass(frozen=True, slots=True)
class Doctor(Question[tuple[Probe, ...]]):
    """What is configured and reachable. May take seconds: from a thread."""

    offline: bool = False


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession(Command[Session]):
    """Queue a session and ring for a worker.

    A session of the workflow that runs, or whose draft waits to be reviewed, on this version of the ticket is
    answered instead, unless ``again``.
    """

    ticket: TicketRef
    workflow: str
    runtime: str | None = None
    budget_micros: int | None = None
    again: bool = False
    here: bool = False
    """Run by the caller (``RunSession``), not by a worker."""


@dataclass(frozen=True, slots=True)
class InterruptSession(Command[Session]):
    """Ask the session's owner to stop it. Works at any time, more than once too."""

    id: str


@dataclass(frozen=True, slots=True)
class MessageSession(Command[Session]):
    """A message to the agent. Refused where the runtime takes none, or the session is over."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class StopAllSessions(Command[int]):
    """Interrupt every session that runs; how many there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft(Command[Draft]):
    """An operator's own update. Refused for what the system can't say or the ticket can't take."""

    ticket: TicketRef
    changes: DraftChanges = field(default_factory=DraftChanges)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDraft(Command[Draft]):
    """Change a draft, compare-and-set on ``rev`` (None: whatever it is). Withdraws an approval that is still unsent.

    Errors: StaleRevision, Refused, NotFound.
    """

    id: str
    rev: int | None
    changes: DraftChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveDraft(Command[Draft]):
    """Consent to send exactly these bytes. A worker sends them unless ``here``.

    Errors: Refused (wrong, shortened or used fingerprint; a check; a policy), Conflict (the ticket changed where the
    draft does), ReadOnly.
    """

    id: str
    fingerprint: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDraft(Command[Draft]):
    """A person's answer to ``needs_human``."""

    id: str
    applied: bool
    reason: str


@dataclass(frozen=True, slots=True)
class DiscardDraft(Command[Draft]):
    """Put it away; ``RestoreDraft`` brings it back."""

    id: str


@dataclass(frozen=True, slots=True)
class RestoreDraft(Command[Draft]):
    """Bring a discarded draft back."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDraft(Command[Draft]):
    """Leave a note on a draft that Review shows: ``not pushed: wrong key``."""

    id: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft(Command[Editing | None]):
    """Say that this terminal has the draft open (again at each key, at most once a second).

    Answers who else has it open; with ``take_over`` it is this terminal's from now on.
    """

    id: str
    where: str
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class CloseDraft(Command[None]):
    """This terminal no longer has it open."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushApproved(Command[tuple[PushRecord, ...]]):
    """Send what is approved, in this process, and settle what an earlier run left unknown, until all is known."""

    draft: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTickets(Command[int]):
    """Ask the systems now; how many tickets changed. Health and errors are kept per queue."""

    system: str | None = None
    older_than_poll: bool = False
    """Only queues whose cache is older than ``poll_seconds``."""


@dataclass(frozen=True, slots=True)
class RefreshTicket(Command[Ticket]):
    """Read one ticket now. Errors: NotFound, Unreachable, Refused."""

    ref: TicketRef


@dataclass(frozen=True, slots=True)
class MarkSeen(Command[None]):
    """The operator looked at the ticket."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepViewState(Command[None]):
    """Remember where a screen stands."""

    name: str
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    imported: int
    skipped: int
    errors: tuple[tuple[int, str], ...]
    """Line number and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTickets(Command[ImportReport]):
    """JSON Lines into the local system."""

    file: str
    update: bool = False


@dataclass(frozen=True, slots=True)
class IndexKnowledge(Command[int]):
    """Bring the runbook index up to date; how many pages changed."""


@dataclass(frozen=True, slots=True)
class RunSession(Command[Session]):
    """Run a queued (or unfinished) session to its end in this process. Errors as the runtime's."""

    id: str
