"""What the services need from outside, as protocols in the core's words.

Each sentence of a docstring here is a promise; ``opstui.testing`` turns them into the contract suites that every
adapter of a kind passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from opstui.core.frozen import dataclass
from opstui.core.sessions import Usage
from opstui.core.tickets import Ticket, TicketRef

if TYPE_CHECKING:
    from opstui.core.audit import AuditEntry, AuditRecord
    from opstui.core.documents import Document
    from opstui.core.drafts import Draft, DraftState, PushRecord
    from opstui.core.knowledge import Hit, Page
    from opstui.core.queues import Health, Queue, QueueState, SortBy
    from opstui.core.sessions import RuntimeEvent, Session, SessionEvent, SessionStatus, ToolResult
    from opstui.core.tickets import TicketRow
    from opstui.core.workflows import Workflow

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Probe:
    """One line of ``doctor``."""

    check: str
    state: str
    """``pass``, ``warn`` or ``fail``."""
    text: str
    fix: str = ""


# --- ticket systems ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a ticket system can do; the screens offer nothing else."""

    native_filters: bool = False
    """Its queues are opstui filters, evaluated over the cache (the local system)."""
    instant: bool = False
    """Asking for changes costs nothing, so it is asked every 250 ms."""
    internal_comments: bool = True
    public_comments: bool = True
    transitions_listed: bool = True
    """``transitions`` knows which statuses a ticket can take."""
    conditional_write: bool = False
    """A write can be made to fail when the version is not the expected one."""
    marker_findable: bool = False
    """An op id that was sent can be found again, so its absence means that it was not applied."""
    settle_seconds: float = 60.0
    """Longest time that a request can be in flight, plus the read lag."""
    atomic: bool = False
    """Fields, comment and attachments arrive all or not at all."""
    fields: tuple[str, ...] = ("/status", "/severity", "/assignee", "/team", "/tags")
    """Paths that can be written."""
    attachments: bool = True


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where polling of a queue stands; opaque outside its adapter."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed in a queue."""

    tickets: tuple[Ticket, ...]
    """Each complete, oldest change first."""
    left: tuple[str, ...] = ()
    """Keys that are no longer in the queue."""
    cursor: Cursor
    complete: bool = True
    """False: ask again at once with the cursor, there is more."""
    anew: bool = False
    """The cursor was of no use, so this is the first part of everything; who is not in the whole of it has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An approved update, as the publisher hands it to a system. Built from the approved bytes, nothing else."""

    op_id: str
    ticket: TicketRef
    expected_version: str
    """The version read just before; a system with ``conditional_write`` refuses any other."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Path → new value, for ``/status``, ``/severity``, ``/assignee`` (list), ``/team``, ``/fields/<name>``."""
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    comment: str | None = None
    public: bool = False
    attachments: tuple[tuple[str, bytes], ...] = ()
    """Name and content."""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a system said to an update. A success here is never believed before it was read back."""

    remote_id: str | None = None


class TicketSystem(Protocol):
    """A place where tickets live."""

    name: str
    """Its name in the config, the prefix of its tickets."""
    origin: str
    """What an approval names beside the system: scheme, host and port, or ``local:`` and the desk's own id."""
    capabilities: Capabilities

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """Tickets of ``queue`` that changed after ``cursor``, oldest first, each complete.

        Overlap is allowed, gaps are not: a ticket that changed while this ran is in this answer or the next.
        Raises Unreachable, Refused, RateLimited.
        """

    def stirred(self) -> bool:
        """Whether anything may have changed since the last call; costs microseconds. True where that can't be told."""

    async def ticket(self, key: str) -> Ticket:
        """The ticket as it is now, with its timeline. Raises NotFound, Unreachable, Refused."""

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Raw statuses that the ticket can take now, its own excluded. Empty where the system can't tell."""

    async def send(self, update: Update) -> Sent:
        """Apply ``update``. Whatever this answers, the ticket is read back afterwards.

        Applying the same op id again changes nothing where ``marker_findable``. Raises Conflict when the version is
        not the expected one (nothing was applied), Refused (nothing was applied), Unreachable with
        ``was_anything_sent``.
        """

    async def find(self, key: str, op_id: str) -> str | None:
        """Id of the entry that carries ``op_id``, from the ticket's own list and no search index; None if absent."""

    def me(self) -> str:
        """The account behind the token; for the local system the operator."""

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it."""

    def close(self) -> None:
        """Let go of files and connections."""


# --- runtimes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBrief:
    """What a session starts with."""

    session_id: str
    workflow: Workflow
    ticket: Ticket
    """Redacted, if the runtime is not on this machine."""
    operator: str
    shift: str
    budget_micros: int
    started_at: datetime
    remote_id: str | None = None
    """Set when a session is taken up again."""
    operator_team: str | None = None
    """The team that the operator works in, where the config says."""


class AgentSession(Protocol):
    """One open session of a runtime."""

    remote_id: str | None

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Everything that happens, until the session is over or idle. Tool calls wait for ``answer``."""

    async def answer(self, call_id: str, result: ToolResult) -> None:
        """Answer a tool call. A second answer to the same call is ignored."""

    async def send(self, text: str) -> None:
        """A message from the operator. Raises Refused where the runtime takes none."""

    async def interrupt(self) -> None:
        """Stop as soon as possible. Always works, more than once too."""

    async def close(self) -> None:
        """Let go. The session itself is not ended by this where it lives elsewhere."""


class AgentRuntime(Protocol):
    """What executes sessions."""

    name: str
    kind: str
    """``extractive``, ``managed-agents`` or ``messages``."""
    engine: str
    """``extractive``, ``managed`` or ``local``, as documents name it."""
    model: str | None
    takes_messages: bool
    parallel: int

    async def start(self, brief: SessionBrief) -> AgentSession:
        """Open a session, or take ``brief.remote_id`` up again. Raises Unreachable, CredentialsRefused, Refused."""

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it."""


# --- knowledge --------------------------------------------------------------------------------------------------------


class KnowledgeSource(Protocol):
    """Approved pages."""

    name: str

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        """Pages whose content differs from ``known`` (doc → content hash), and docs that are gone.

        One bad file never stops the others: it comes as a page with a ``problem``, or not at all with a log line.
        """

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it."""


class KnowledgeIndex(Protocol):
    """Full-text search over the approved pages."""

    def refresh(self) -> int:
        """Bring the index up to date with its sources; how many pages changed."""

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """Best first; empty where no page has a word of it. Any string is a query; none is an error."""

    def page(self, doc: str) -> Page | None:
        """The page as indexed."""

    def count(self) -> int:
        """How many pages there are."""

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of the sources."""


# --- stores -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ring:
    """A journal row: something changed."""

    seq: int
    kind: str
    subject: str
    rev: int


class Bell(Protocol):
    """How one process learns of every change, its own and others'."""

    def changed(self) -> bool:
        """Whether anything may have changed since the last call. Cheap enough for every 250 ms."""

    def rings(self, after: int) -> tuple[Ring, ...]:
        """Journal rows after ``after``, in order. If rows were pruned in between, the first has kind ``reset``."""

    def last(self) -> int:
        """The newest sequence number."""


class RecordReader(Protocol):
    """Reading what is precious: drafts, approvals, outbox, sessions, ledger, audit."""

    def draft(self, draft_id: str) -> Draft | None: ...
    def drafts(
        self, *, ticket: TicketRef | None = None, states: Sequence[DraftState] | None = None, limit: int = 500
    ) -> list[Draft]:
        """Newest first."""

    def file(self, sha256: str) -> bytes | None:
        """The content of an attached file."""

    def push(self, push_id: str) -> PushRecord | None: ...
    def pushes(self, *, draft: str | None = None, unfinished: bool = False, limit: int = 500) -> list[PushRecord]:
        """Oldest first."""

    def session(self, session_id: str) -> Session | None: ...
    def sessions(
        self,
        *,
        ticket: TicketRef | None = None,
        statuses: Sequence[SessionStatus] | None = None,
        shift: str | None = None,
        limit: int = 200,
    ) -> list[Session]:
        """Newest first."""

    def events(self, session_id: str, after: int = 0, limit: int = 1000) -> list[SessionEvent]:
        """In order of ``seq``."""

    def audit(self, *, after: int = 0, limit: int = 500, newest_first: bool = False) -> list[AuditRecord]: ...
    def audit_head(self) -> tuple[int, str]:
        """Sequence and hash of the newest row; ``(0, GENESIS)`` for an empty chain."""

    def ledger(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """Usage in ``[since, until)``, one row per usage event, oldest first."""

    def ledger_sums(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """The same added up per session, model and quarter of an hour, oldest first: cheap for any number of events."""

    def requests(self, session_id: str | None = None) -> list[Request]:
        """Unanswered requests of other processes, oldest first."""

    def editing(self, draft_id: str) -> Editing | None:
        """Who has the draft open."""


class RecordWriter(RecordReader, Protocol):
    """Inside one transaction: reads see its own writes; an exception undoes all of it."""

    def put_draft(self, draft: Draft, *, expected_rev: int | None) -> Draft:
        """Save; the stored one has ``rev`` one higher. ``expected_rev`` None: it must be new. Raises StaleRevision."""

    def put_file(self, content: bytes) -> str:
        """Keep an attached file; its SHA-256."""

    def put_push(self, push: PushRecord) -> None:
        """Insert or replace by id."""

    def put_session(self, session: Session) -> Session:
        """Insert or replace by id; rev one higher."""

    def add_events(self, events: Sequence[SessionEvent]) -> list[SessionEvent]:
        """Upsert by (session, remote id); the stored ones with their ``seq``."""

    def add_usage(self, row: LedgerRow) -> None:
        """Append to the ledger; a second row with the same key replaces the first."""

    def add_audit(self, entry: AuditEntry) -> AuditRecord:
        """Append to the chain."""

    def add_request(self, request: Request) -> None: ...
    def answer_request(self, request_id: str) -> None: ...
    def set_editing(self, editing: Editing | None, draft_id: str) -> None: ...


class RecordStore(RecordReader, Protocol):
    """``record.db``. Safe to use from any thread."""

    bell: Bell

    def write(self, work: Callable[[RecordWriter], R]) -> R:
        """Run ``work`` in one transaction on the writer thread and commit it with ``synchronous=FULL``.

        Returns when it is on disk. Raises StoreFull (nothing was written), ReadOnly, StoreDamaged, and whatever
        ``work`` raises. Every put rings the bell in the same transaction.
        """

    def prune(self, before: datetime) -> None:
        """Drop session events older than ``before``; ledger and audit stay."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What one usage event cost. Money in micro-dollars."""

    key: str
    """``session:remote id``; counted once."""
    session: str
    at: datetime
    operator: str
    workflow: str
    ticket: TicketRef
    runtime: str
    model: str | None
    usage: Usage
    estimate: int
    reported: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A wish of one process to the one that owns a session."""

    id: str
    session: str
    kind: str
    """``interrupt`` or ``message``."""
    text: str = ""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """Somebody has a draft open."""

    draft: str
    where: str
    """The terminal, ``pts/3``."""
    pid: int
    operator: str
    at: datetime
    """The last key."""


class TicketCache(Protocol):
    """``cache.db``: tickets as last seen. Safe to use from any thread; may be deleted at any time."""

    bell: Bell

    def store(self, queue: Queue, changes: Changes, *, now: datetime, me: str) -> list[TicketRef]:
        """Take ``changes`` in and remember the cursor, in one transaction; refs whose content really differs."""

    def keep(self, ticket: Ticket, *, now: datetime) -> bool:
        """Take one freshly read ticket in; whether it differs from what was there."""

    def failed(self, queue: Queue, health: Health, error: str, *, now: datetime) -> None:
        """The queue could not be asked: what is cached stays, its health is kept."""

    def cursor(self, queue: Queue) -> Cursor | None: ...
    def ticket(self, ref: TicketRef) -> tuple[Ticket, datetime] | None:
        """As last seen, and when it was fetched."""

    def rows(self, refs: Sequence[TicketRef]) -> list[TicketRow]: ...
    def order(
        self, *, queue: Queue | None, filter_text: str, sort: SortBy, me: Mapping[str, str], now: datetime
    ) -> Sequence[int]:
        """Internal ids of the tickets of a view in order; ``me`` maps system → account.

        ``queue`` None: all systems. Raises FilterError. 10,000 tickets with a filter take well under 50 ms.
        """

    def counts(self, *, queue: Queue | None, filter_text: str, me: Mapping[str, str], now: datetime) -> tuple[int, int]:
        """How many tickets ``order`` would answer, and how many of them are unseen."""

    def window(self, ids: Sequence[int]) -> list[tuple[TicketRow, bool]]:
        """Rows of these internal ids in their order, with whether each is unseen; ids that are gone are left out."""

    def id_of(self, ref: TicketRef) -> int | None: ...
    def worst(self) -> TicketRow | None:
        """The worst open severity-1 ticket: the one due first, then the oldest."""

    def queue_state(self, queue: Queue, *, me: Mapping[str, str], now: datetime, counted: bool = True) -> QueueState:
        """Counts and health as stored (``live`` means that the last question was answered).

        Without ``counted`` the counts may be 0: for who asks for the health alone.
        """

    def mark_seen(self, ref: TicketRef, *, now: datetime) -> None: ...
    def seen_entries(self, ref: TicketRef) -> int:
        """How many timeline entries the ticket had when the operator last looked, or when it first came."""

    def prune(self, before: datetime) -> int:
        """Drop tickets that are in no queue and were fetched before ``before``; how many."""

    def view_state(self, name: str) -> Mapping[str, Any] | None:
        """What a screen left behind: cursor, caret, scroll."""

    def keep_view_state(self, name: str, state: Mapping[str, Any]) -> None: ...
    def similar(self, ticket: Ticket, limit: int) -> list[tuple[TicketRow, float]]:
        """Tickets with rare words in common, best first, never the ticket itself."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractInput:
    """All that a document is made from without a model."""

    ticket: Ticket
    hits: tuple[Hit, ...]
    pages: Mapping[str, Page]
    related: tuple[tuple[Ticket, float], ...]
    operator: str
    operator_team: str | None
    now: datetime
    session_id: str
    workflow_version: str


Extractor = Callable[[ExtractInput], "Document"]
"""``core.extract.summary.incident_summary`` and ``core.extract.escalation.escalation_package``."""
