"""Questions and commands about queues, tickets, and what waits: what the first screen needs."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass
from opstui.core.queues import SortBy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from opstui.core.drafts import Draft
    from opstui.core.ports import Capabilities
    from opstui.core.queues import Queue, QueueState, TableRow, TicketWindow, View
    from opstui.core.sessions import Session
    from opstui.core.shifts import Shift
    from opstui.core.text import SafeText
    from opstui.core.tickets import Ticket, TicketRef
    from opstui.core.workflows import Workflow


class Plan(NamedTuple):
    """How the config wants a workflow to run."""

    runtime: str = "offline"
    budget_micros: int | None = None
    """None: the workflow's own."""
    fallback: str = "offline"


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
    workflows: Sequence[Workflow]
    """Read from disk when they are first looked at."""
    runtimes: tuple[str, ...]
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """Workflow → how it runs; one that is not in it runs as ``Plan()`` says."""
    theme: str
    mouse: str
    keys: Mapping[str, str]
    """Binding id → keys, from the config."""
    log_file: str
    crash_folder: str
    rehearsal: bool = False
    """The managed runtime talks to a stand-in on this machine; nothing is spent."""
    notice: str = ""
    """A line for the first screen: no config yet, or what ``store`` says."""
    store: str = ""
    """What is wrong with the stores: restored, set aside, newer than the program, full. Empty while nothing is."""


@dataclass(frozen=True, slots=True)
class DeskFacts(Question["Facts"]):
    """What does not change while the program runs."""


@dataclass(frozen=True, slots=True)
class Queues(Question["tuple[QueueState, ...]"]):
    """Every queue with counts, age and health, in the config's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketsWindow(Question["TicketWindow"]):
    """Rows of a view. ``search`` is a further filter as typed. Raises FilterError, NotFound (no such queue)."""

    view: View
    search: str = ""
    sort: SortBy = SortBy.URGENCY
    first: int = 0
    count: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPosition(Question["int | None"]):
    """Where in the view a ticket stands now; None if it left."""

    view: View
    ref: TicketRef
    search: str = ""
    sort: SortBy = SortBy.URGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedTickets(Question["tuple[TableRow, ...]"]):
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
    changed_fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Path → (as it was when the operator looked, as it is), as ``core.merge.changed`` gives them."""


@dataclass(frozen=True, slots=True)
class TicketDetail(Question["TicketView"]):
    """Raises NotFound."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for the operator, the most urgent first."""

    kind: str
    """``sev1``, ``question``, ``budget``, ``failed``, ``needs_human``, ``conflict``, ``draft``, ``handover``,
    ``proposal``."""
    ticket: TicketRef
    subject: str
    """Session or draft id (of a handover and a proposal the session's); the ticket's ref for ``sev1``."""
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WaitingForYou(Question["tuple[Waiting, ...]"]):
    """What waits for the operator, most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status line. Money in micro-dollars."""

    shift: Shift
    running: int
    waiting: int
    estimate: int
    """Of the shift, computed here."""
    limit: int | None
    """The shift's budget, as far as a person raised it."""
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
    accounts: Mapping[str, str] = field(default_factory=dict)
    """System → the account that the operator is there; empty while it has not answered yet."""


@dataclass(frozen=True, slots=True)
class StatusLine(Question["Status"]):
    """The status line and the sev-1 lane."""


@dataclass(frozen=True, slots=True)
class ViewState(Question["Mapping[str, Any] | None"]):
    """What a screen left behind."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTickets(Command["int"]):
    """Ask the systems now; how many tickets changed. Health and errors are kept per queue."""

    system: str | None = None
    older_than_poll: bool = False
    """Only queues whose cache is older than ``poll_seconds``."""


@dataclass(frozen=True, slots=True)
class RefreshTicket(Command["Ticket"]):
    """Read one ticket now. Errors: NotFound, Unreachable, Refused."""

    ref: TicketRef


@dataclass(frozen=True, slots=True)
class Watch(Command["None"]):
    """Whether the operator has the program in front, as far as the terminal tells. Returns at once.

    Hidden, remote queues are asked a fifth as often and nothing is read ahead; visible again, those older than a poll
    are asked at once.
    """

    visible: bool


@dataclass(frozen=True, slots=True)
class MarkSeen(Command["None"]):
    """The operator looked at the ticket."""

    ref: TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepViewState(Command["None"]):
    """Remember where a screen stands."""

    name: str
    state: Mapping[str, Any]
