"""What is kept, as protocols in the core's words: the record, the cache of tickets, and the bell of both.

``core.ports`` names all of it too, so that an adapter finds every port in one place. Each sentence is a promise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from opstui.core.frozen import dataclass
from opstui.core.sessions import Usage
from opstui.core.tickets import Ticket, TicketRef

if TYPE_CHECKING:
    from opstui.core.audit import AuditEntry, AuditRecord
    from opstui.core.drafts import Draft, DraftState, PushRecord
    from opstui.core.ports import Changes, Cursor
    from opstui.core.queues import Health, Queue, QueueState, SortBy
    from opstui.core.sessions import Session, SessionEvent, SessionStatus
    from opstui.core.tickets import TicketRow

R = TypeVar("R")


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

    def draft(self, draft_id: str) -> Draft | None:
        """As last saved, discarded ones too."""

    def drafts(
        self, *, ticket: TicketRef | None = None, states: Sequence[DraftState] | None = None, limit: int = 500
    ) -> list[Draft]:
        """Newest first."""

    def file(self, sha256: str) -> bytes | None:
        """The content of an attached file."""

    def push(self, push_id: str) -> PushRecord | None:
        """A row of the outbox, finished ones too."""

    def pushes(
        self,
        *,
        draft: str | None = None,
        ticket: TicketRef | None = None,
        unfinished: bool = False,
        limit: int = 500,
    ) -> list[PushRecord]:
        """Oldest first."""

    def session(self, session_id: str) -> Session | None:
        """As last saved, ended ones too."""

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

    def audit(self, *, after: int = 0, limit: int = 500, newest_first: bool = False) -> list[AuditRecord]:
        """Rows with a ``seq`` above ``after``, in order of it or turned round."""

    def audit_head(self) -> tuple[int, str]:
        """Sequence and hash of the newest row; ``(0, GENESIS)`` for an empty chain."""

    def ledger(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """Usage in ``[since, until)``, one row per usage event, oldest first."""

    def ledger_sums(self, since: datetime, until: datetime) -> list[LedgerRow]:
        """The same added up per session, model and quarter of an hour, oldest first: cheap for any number of events."""

    def usage_of(self, session_id: str) -> list[LedgerRow]:
        """The ledger's rows of one session, oldest first."""

    def limit_raise(self, shift: str) -> LimitRaise | None:
        """How far a person raised this shift's budget."""

    def requests(self, session_id: str | None = None) -> list[Request]:
        """Unanswered requests of other processes, oldest first."""

    def editing(self, draft_id: str) -> Editing | None:
        """Who has the draft open."""

    def paper(self, kind: str, paper_id: str) -> Paper | None:
        """As last saved."""

    def papers(
        self, kind: str, *, subject: str | None = None, states: Sequence[str] | None = None, limit: int = 500
    ) -> list[Paper]:
        """Newest first."""


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

    def add_request(self, request: Request) -> None:
        """Keep it until it is answered."""

    def answer_request(self, request_id: str) -> None:
        """It was done, or there is nothing left to do; an unknown id is none."""

    def put_limit_raise(self, raised: LimitRaise) -> None:
        """Keep it in place of an earlier one of the same shift."""

    def set_editing(self, editing: Editing | None, draft_id: str) -> None:
        """Who has the draft open now; None: nobody any more."""

    def put_paper(self, paper: Paper, *, expected_rev: int | None) -> Paper:
        """Save; the stored one has ``rev`` one higher. ``expected_rev`` None: it must be new. Raises StaleRevision.

        Rings the bell with the paper's kind and id.
        """


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

    def close(self) -> None:
        """Finish what is being written and let go of the file."""


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
    """``interrupt``, ``message`` or ``budget`` (``text``: micro-dollars from now on, and before)."""
    text: str = ""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRaise:
    """A person let a shift cost more. Money in micro-dollars."""

    shift: str
    """The shift's id."""
    limit: int
    operator: str
    reason: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What people decide about beside drafts, one row each: a proposal for a page, a shift handover, an answer to a
    similar ticket, a labelled case, an evaluation. The service of its kind knows what ``content`` holds."""

    kind: str
    """``proposal``, ``handover``, ``similar``, ``case``, ``evaluation``."""
    id: str
    """Unique among its kind."""
    subject: str
    """What it is about, to look it up by: a ticket's ref, a page's id, a shift's id."""
    state: str
    rev: int = 0
    created_at: datetime
    content: Mapping[str, Any]
    """JSON values only."""


class TicketCache(Protocol):
    """``cache.db``: tickets as last seen. Safe to use from any thread; may be deleted at any time."""

    bell: Bell

    def store(
        self,
        queue: Queue,
        changes: Changes,
        *,
        now: datetime,
        me: str,
        breathe: Callable[[], object] = lambda: None,
    ) -> list[TicketRef]:
        """Take ``changes`` in and remember the cursor; refs whose content really differs.

        A ticket that is not ``complete`` brings its row: of what was known the timeline and files stay, and so do
        body, link and fields where it has none; from then on the ticket reads back with ``complete`` off. Where its row
        (but for the version) is the one that is known, or the one that a list told last, it changes nothing, and
        neither does one that is older than what was read whole some moments ago. What differs is marked as unseen,
        but not in the first whole answer of a queue, and not what ``me`` did alone.

        A queue is live, and was fetched, when an answer was told to its end. ``breathe`` is called again and again,
        after a millisecond's work or one short transaction; the cursor is written with the last of these.
        """

    def keep(self, ticket: Ticket, *, now: datetime, me: str = "", notice: bool = False) -> bool:
        """Take one freshly read ticket in; whether it differs from what was there.

        With ``notice`` what differs is marked as unseen. A mark that a list made goes when all that happened since
        was done by ``me``, or by the account that is kept of its system.
        """

    def failed(self, queue: Queue, health: Health, error: str, *, now: datetime) -> None:
        """The queue could not be asked: what is cached stays, its health is kept."""

    def claim(self, queue: Queue, who: str, *, now: datetime, until: datetime, unless_since: datetime | None) -> bool:
        """Whether ``who`` (a process) is the one that asks the queue now; others may not before ``release``, ``until``.

        False while another one asks, and where the queue was asked after ``unless_since``.
        """

    def release(self, queue: Queue, who: str, *, now: datetime) -> None:
        """``who`` has asked, whatever came of it; nothing where another one took over."""

    def account(self, system: str) -> str:
        """Who the operator was on ``system`` when it last answered any process; empty before."""

    def keep_account(self, system: str, account: str) -> None:
        """Remember it."""

    def cursor(self, queue: Queue) -> Cursor | None:
        """How far the queue was read, if that was with the same query; else None: from the beginning."""

    def ticket(self, ref: TicketRef) -> tuple[Ticket, datetime] | None:
        """As last seen, and when it was fetched. ``complete`` is off where the row is newer than the content."""

    def unread(self, system: str, limit: int) -> list[TicketRef]:
        """Listed tickets that came or changed since they were read whole, the most urgent first.

        Not those of a queue's first whole answer: whoever looks at one of them reads it.
        """

    def rows(self, refs: Sequence[TicketRef]) -> list[TicketRow]:
        """Rows of these tickets in their order; what is not cached is left out."""

    def order(
        self, *, queue: Queue | None, filter_text: str, sort: SortBy, me: Mapping[str, str], now: datetime
    ) -> Sequence[int]:
        """Internal ids of the tickets of a view in order; ``me`` maps system → account.

        ``queue`` None: all systems. Raises FilterError. 10,000 tickets with a filter take well under 50 ms.
        """

    def counts(self, *, queue: Queue | None, filter_text: str, me: Mapping[str, str], now: datetime) -> tuple[int, int]:
        """How many tickets ``order`` would answer, and how many of them are unseen."""

    def window(self, ids: Sequence[int]) -> list[tuple[TicketRow, bool, bool]]:
        """Rows of these internal ids in their order, with whether each is unseen, and if so whether it was known.

        Ids that are gone are left out.
        """

    def id_of(self, ref: TicketRef) -> int | None:
        """The internal id that ``order`` and ``window`` speak of."""

    def worst(self) -> TicketRow | None:
        """The worst open severity-1 ticket: the one due first, then the oldest."""

    def queue_state(self, queue: Queue, *, me: Mapping[str, str], now: datetime, counted: bool = True) -> QueueState:
        """Counts and health as stored (``live`` means that the last question was answered).

        Without ``counted`` the counts may be 0: for who asks for the health alone.
        """

    def mark_seen(self, ref: TicketRef, *, now: datetime) -> None:
        """The operator looked at it as it is cached."""

    def seen_entries(self, ref: TicketRef) -> int:
        """How many timeline entries the ticket had when the operator last looked, or when it first came."""

    def seen_fields(self, ref: TicketRef) -> Mapping[str, Any] | None:
        """The fields as ``core.merge.snapshot`` has them, when the operator last looked; None while none differs.

        Without ``/fields/…`` where the ticket had not been read whole.
        """

    def prune(self, before: datetime) -> int:
        """Drop tickets that are in no queue and were fetched before ``before``; how many."""

    def view_state(self, name: str) -> Mapping[str, Any] | None:
        """What a screen left behind: cursor, caret, scroll."""

    def keep_view_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep it under ``name``, in place of what was there."""

    def similar(self, ticket: Ticket, limit: int) -> list[tuple[TicketRow, float]]:
        """Tickets with rare words in common, best first, never the ticket itself.

        With how alike each is, 0 to 1 (``core.likeness``). 100,000 tickets take well under 40 ms.
        """

    def tickets_with(self, words: Sequence[str]) -> tuple[Mapping[str, int], int]:
        """How many tickets have each of these words (lower case, letters and digits) in title or body, and of how many.

        What none has is left out; what many have may be counted as of some time ago.
        """

    def close(self) -> None:
        """Finish what is being written and let go of the file."""
