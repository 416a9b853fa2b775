"""What the services need from outside, as protocols in the core's words.

Each sentence of a docstring here is a promise; ``opstui.testing`` turns them into the contract suites that every
adapter of a kind passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from opstui.core.frozen import dataclass
from opstui.core.stores import (
    Bell as Bell,
    Editing as Editing,
    LedgerRow as LedgerRow,
    LimitRaise as LimitRaise,
    Paper as Paper,
    RecordReader as RecordReader,
    RecordStore as RecordStore,
    RecordWriter as RecordWriter,
    Request as Request,
    Ring as Ring,
    TicketCache as TicketCache,
)
from opstui.core.tickets import Ticket, TicketRef

if TYPE_CHECKING:
    import asyncio

    from opstui.core.documents import Document
    from opstui.core.errors import OpstuiError
    from opstui.core.knowledge import Hit, Page, PageRow, SourceEntry
    from opstui.core.queues import Queue
    from opstui.core.redaction import Span
    from opstui.core.sessions import AgentState, RuntimeEvent, RuntimeNotice, ToolResult, ToolSpec, Usage
    from opstui.core.taxonomy import Taxonomy
    from opstui.core.workflows import Workflow


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
    """Asking whether it ``stirred`` costs microseconds, so it is asked ten times a second."""
    internal_comments: bool = True
    public_comments: bool = True
    transitions_listed: bool = True
    """``transitions`` knows which statuses a ticket can take."""
    conditional_write: bool = False
    """A write can be made to fail when the version is not the expected one."""
    marker_findable: bool = False
    """An op id that was sent can be found again whatever was sent with it, so its absence means: not applied."""
    marker_in_comment: bool = False
    """The same, but only for what is sent together with a comment, whose last line (or property) carries it."""
    settle_seconds: float = 60.0
    """Longest time that a request can be in flight, plus the read lag."""
    atomic: bool = False
    """Fields, comment and attachments arrive all or not at all."""
    steps: tuple[tuple[str, ...], ...] = (("*",),)
    """What one ``send`` can carry, in the order it is sent: groups of ``/attachments``, ``/comment``, field paths,
    ``/fields/*``, ``*`` for all the rest. An update is sent as one step for each group that it has something of, and a
    step is read back before the next. Of each path the first group that names it counts."""
    fields: tuple[str, ...] = ("/status", "/severity", "/assignee", "/team", "/tags")
    """Paths that can be written; ``/fields/*`` for all custom fields."""
    single_assignee: bool = False
    """At most one person has a ticket."""
    attachments: bool = True
    comment_limit: int | None = None
    """Code points; longer comments are refused when the draft is made."""
    attachment_limit: int | None = None
    """Bytes of one file."""
    comment_note: str = ""
    """Who reads a comment there, where the two words do not say it: ``every customer of the request``; or a part for
    each: ``internal: who may see private notes; public: everybody who sees the ticket``."""
    cant: Mapping[str, str] = field(default_factory=dict)
    """Why something can't be done: a path of ``fields``, ``attachments``, ``internal`` or ``public`` → part of a
    sentence that follows a colon (``its API takes no files``)."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where polling of a queue stands; opaque outside its adapter."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed in a queue."""

    tickets: tuple[Ticket, ...]
    """Oldest change first. A system whose lists hold no timeline answers tickets with ``complete`` off."""
    left: tuple[str, ...] = ()
    """Keys that are no longer in the queue."""
    """Those that it never had are ignored."""
    cursor: Cursor
    complete: bool = True
    """False: ask again at once with the cursor, there is more."""
    anew: bool = False
    """The cursor was of no use, so this is the first part of everything; who is not in the whole of it has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An approved update, as the publisher hands it to a system. Built from the approved bytes, nothing else."""

    op_id: str
    """Of this step: the approved one for the first, one counted on from it for a later one."""
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
    step: int = 0
    """Which of the steps of ``Capabilities.steps`` this is, counted from 0 over those that the update has."""
    steps: int = 1
    """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a system said to an update. A success here is never believed before it was read back."""

    remote_id: str | None = None


class TicketSystem(Protocol):
    """A place where tickets live."""

    name: str
    """Its name in the config, the prefix of its tickets."""
    origin: str
    """What an approval names beside the system: its address with host, port and path, or ``local:`` and the desk's id.
    An update is never sent to another one of the same name."""
    capabilities: Capabilities

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """Tickets of ``queue`` that changed after ``cursor``, oldest first, and keys that left it.

        Overlap is allowed, gaps are not: a ticket that changed while this ran is in this answer or the next. One
        call asks for about a page; ``complete`` off says that there is more. A ticket that leaves the queue is told
        within minutes at the latest. Raises Unreachable, Refused, RateLimited.
        """

    def stirred(self) -> bool:
        """Whether anything may have changed since the last call; costs microseconds. True where that can't be told."""

    async def ticket(self, key: str) -> Ticket:
        """The ticket as it is now, complete, with its whole timeline. Raises NotFound, Unreachable, Refused.

        What is told is one state: ``version`` is read first or belongs to the same answer, so that whatever changed
        while this ran differs from it.
        """

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Raw statuses that the ticket can take now, its own excluded. Empty where the system can't tell."""

    async def send(self, update: Update) -> Sent:
        """Apply ``update``, which holds one step. Whatever this answers, the ticket is read back afterwards.

        Makes one request that could not be repeated without harm, and does not repeat it; files that nothing names
        yet and fields that are set to the same value again do no harm. It need not notice that it had the same step
        of an op id before: the program never sends one again without looking first. Raises Conflict when the version
        is not the expected one (nothing was applied), Refused (nothing was applied), RateLimited (nothing was
        applied), Unreachable with ``was_anything_sent``.
        """

    async def find(self, key: str, op_id: str) -> str | None:
        """Id of the entry that carries ``op_id``, from the ticket's own list and no search index; None if absent."""

    def me(self) -> str:
        """The account behind the token, as assignees and authors name it; for the local system the operator.

        Asks nobody: empty until the system answered something for the first time (every ``ticket`` finds it out).
        """

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it: whether it answers, as whom, what is configured wrongly. May ask the network."""

    def close(self) -> None:
        """Let go of files; what it has open in a network was let go by ``disconnect``."""


@runtime_checkable
class Connected(Protocol):
    """A system with connections that belong to the loop they were made on."""

    async def disconnect(self) -> None:
        """Close them, at once and without an error."""


# --- runtimes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBrief:
    """What a session starts with."""

    session_id: str
    workflow: Workflow
    ticket: TicketRef
    operator: str
    shift: str
    budget_micros: int
    """Micro-dollars, whole cents. The managed service enforces it there; for ``messages`` our meter does."""
    started_at: datetime
    remote_id: str | None = None
    """Set when a session is taken up again."""
    maybe_started: bool = False
    """A process before this one was killed while it started it: it may exist over there though no id was kept."""
    operator_team: str | None = None
    """The team that the operator works in, where the config says."""
    message: str = ""
    """The first user message: the task and the ticket, redacted and delimited. Empty where the runtime needs none."""
    tools: tuple[ToolSpec, ...] = ()
    """What ``RuntimeToolCall`` may name."""
    counted: Mapping[str, Usage] = field(default_factory=dict)
    """Of a session that is taken up again: what the record counted of it, by remote id. The next correction fits it."""
    tell: Callable[[RuntimeNotice], None] | None = None
    """What ``start`` has to say while it waits: a pause that is asked for, a try that comes to nothing."""
    stopping: asyncio.Event | None = None
    """Set when somebody wants it stopped before it began: ``start`` ends its waits at once and raises Refused."""
    patience: float | None = None
    """Seconds without contact after which ``events`` raises Unreachable though the session goes on; None: never."""
    taxonomy: Taxonomy | None = None
    """The values that the document may use, where its kind uses any."""
    page: str = ""
    """The page that the operator wants changed; the message names it too."""


class AgentSession(Protocol):
    """One open session of a runtime."""

    remote_id: str | None
    """Known when ``start`` returns."""

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Everything that happens, until the session is over or idle; the last one is that status.

        Tool calls wait for ``answer``; several may be open, and other events may come in between. Of a session that
        is taken up again everything since its beginning is told again under the same ids (previews excepted), a tool
        call only if it was never answered. With nothing to wait for (idle, no message sent, none pending) it ends
        with the idle status. A lost connection is a notice and a new try; what ends here raises Unreachable (with
        ``remote_id`` set the session itself goes on), RateLimited, CredentialsRefused, Refused.
        """

    async def answer(self, call_id: str, result: ToolResult) -> None:
        """Answer a tool call. A second answer to the same call is ignored. Raises Unreachable, Refused."""

    async def send(self, text: str) -> None:
        """A message from the operator, delivered once. Raises Refused where the runtime takes none, Unreachable."""

    async def interrupt(self, reason: str = "interrupted") -> None:
        """Stop as soon as possible, with ``reason`` (of ``core.stops``) as the stop reason. More than once too.

        Also ends any wait at once. Raises Unreachable where it could not be delivered.
        """

    async def raise_budget(self, budget_micros: int) -> None:
        """Let it cost this much in all; a session that stands at its budget goes on. Raises Refused, Unreachable."""

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
        """Open a session, or take ``brief.remote_id`` up again (which asks nobody yet).

        Never makes a second one: an answer that was lost is looked for first. Raises Unreachable (within about 15
        seconds), RateLimited, CredentialsRefused, Refused.
        """

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it: whether the key can be had and is taken, without printing it."""


@runtime_checkable
class RemoteSessions(Protocol):
    """A runtime whose sessions lie elsewhere until somebody puts them away."""

    async def log(self, remote_id: str) -> bytes:
        """Every event as the service keeps it, JSON Lines. Raises NotFound, Unreachable, CredentialsRefused."""

    async def put_away(self, remote_id: str, *, delete: bool) -> None:
        """Archive or delete it; one that is put away already is none. Raises Unreachable, Refused."""


@runtime_checkable
class RemoteAgents(Protocol):
    """A runtime that keeps an agent per workflow."""

    async def agents(self, workflows: Sequence[AgentWork], *, sync: bool) -> list[AgentState]:
        """How each workflow's agent stands; with ``sync`` made or updated where that is wanted.

        Raises Unreachable, CredentialsRefused, Refused.
        """


@dataclass(frozen=True, slots=True)
class AgentWork:
    """What an agent is made from."""

    workflow: Workflow
    tools: tuple[ToolSpec, ...]


# --- what must not leave this machine ---------------------------------------------------------------------------------


class Redactor(Protocol):
    """Finds what must not leave this machine."""

    def spans(self, text: str) -> tuple[Span, ...]:
        """Where secrets and personal data stand, in order, not overlapping; linear time.

        Raises NotRedacted where it broke or took too long: nothing may be sent then.
        """


# --- knowledge --------------------------------------------------------------------------------------------------------


class KnowledgeSource(Protocol):
    """Approved pages."""

    name: str

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        """Pages whose content differs from ``known`` (doc → content hash), and docs that are gone.

        One bad file never stops the others: it comes as a page with a ``problem``, or not at all with a log line.
        Raises Unreachable, Refused, RateLimited, CredentialsRefused where a source elsewhere can't be asked: what is
        indexed of it is kept then. May be called again and again: a source elsewhere answers at most a bounded part
        at a time, and is asked again as long as it ``has_more``.
        """

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of it."""


@runtime_checkable
class RegisteredSource(Protocol):
    """A source that says how the registry has it."""

    entry: SourceEntry


@runtime_checkable
class PolledSource(Protocol):
    """A source elsewhere, which is not asked each time that somebody looks at the folders."""

    poll_seconds: float
    """How long an answer is good for; a person's ``knowledge index`` asks all the same."""
    has_more: bool
    """The last answer was a part: ask again at once."""


@runtime_checkable
class WritableSource(Protocol):
    """A source that can take a page which a person accepted."""

    owner: str
    """Who answers for its pages where a page names nobody; empty where the config does not say."""
    writable: bool
    """The operator lets pages be written there."""

    def place(self, doc: str) -> str:
        """Where ``write`` would put the page, in words: ``the file …`` or ``a commit on a branch of its own in …``."""

    def written(self, doc: str, text: str) -> str | None:
        """Where the page says just this already, in the file or on a branch that ``write`` made; None: nowhere.

        For who does not know whether an earlier ``write`` arrived. Raises Refused where it can't be looked up.
        """

    def write(self, doc: str, text: str, *, expected_hash: str | None, message: str, author: str) -> str:
        """Write a page, only if it is still as ``expected_hash`` says (None: only if there is none); where it went,
        in words. A file, or a commit on a branch of its own where the folder is a git repository.

        Raises Conflict (it changed meanwhile, nothing was written), Refused.
        """


class KnowledgeIndex(Protocol):
    """Full-text search over the approved pages."""

    def refresh(self, *, due: bool = False) -> int:
        """Bring the index up to date with its sources; how many pages changed.

        ``due``: sources elsewhere only where their last answer is older than their ``poll_seconds``. A source that
        can't be asked never stops the others; what is indexed of it is kept, and ``faults`` says why.
        """

    def refresh_here(self) -> int:
        """The same for what is on this machine alone: nobody who waits for a page waits for a network."""

    def faults(self) -> Mapping[str, OpstuiError]:
        """Source → why its last question was not answered; those that answered are left out."""

    def answered(self) -> Mapping[str, datetime]:
        """Source → when its last question was answered, whichever process asked; left out: never, as far as is known.

        Of folders only what this process saw. Aware, UTC.
        """

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """Best first; empty where no page has a word of it. Any string is a query; none is an error.

        Strong hits answer it; where all are weak, no page does. Superseded, archived and draft pages come behind
        those that answer as well and are no such page, and are never strong beside one.
        """

    def page(self, doc: str) -> Page | None:
        """The page as indexed."""

    def pages(self, source: str | None = None) -> list[PageRow]:
        """Every page (of a source), without its text, by id."""

    def sources(self) -> tuple[KnowledgeSource, ...]:
        """Every source, in the order of the config."""

    def source_of(self, doc: str) -> KnowledgeSource | None:
        """The source that a page of this id belongs to."""

    def count(self) -> int:
        """How many pages there are."""

    def probe(self) -> list[Probe]:
        """What ``doctor`` says of the sources on this machine, and of pages; sources elsewhere are asked by doctor."""


# --- documents without a model ----------------------------------------------------------------------------------------


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
    taxonomy: Taxonomy | None = None
    boards: tuple[Ticket, ...] = ()
    """What code observed and put together as tickets of their own, to be cited: the shift's board."""
    page: str = ""
    """The page that the operator wants changed; empty: whatever the search finds."""


Extractor = Callable[[ExtractInput], "Document"]
"""The rules of one kind of document; ``core.extract.registry`` has them all."""
