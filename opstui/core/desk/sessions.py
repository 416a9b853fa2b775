"""Questions and commands about sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opstui.core.redaction import Span
    from opstui.core.sessions import AgentState, Session, SessionEvent, SessionStatus
    from opstui.core.tickets import TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions(Question["tuple[Session, ...]"]):
    """Newest first."""

    ticket: TicketRef | None = None
    statuses: tuple[SessionStatus, ...] | None = None
    shift: str | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class SessionDetail(Question["Session"]):
    """Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvents(Question["tuple[SessionEvent, ...]"]):
    """Events after ``after``, in order."""

    id: str
    after: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class SessionPreview(Question["tuple[tuple[str, str], ...]"]):
    """What the agent is just saying: remote id (as the whole text's event will have) and text so far of each preview.

    Best effort and of this moment: previews are never stored, and where nobody asks they are dropped. Ask often.
    """

    id: str


@dataclass(frozen=True, slots=True)
class SessionHidden(Question["Mapping[str, str]"]):
    """What was kept from the runtime, placeholder → value: for the operator's own screen, on demand. From a thread."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be done about a session that stands still."""

    text: str
    """Why, in a sentence; empty while it runs."""
    choices: tuple[str, ...] = ()
    """Of ``core.stops.Stop.choices``, those that are possible here and now."""
    fallback: str = ""
    """The runtime that is offered instead."""
    least_budget: int = 0
    """Micro-dollars that a raised budget has to be at least."""


@dataclass(frozen=True, slots=True)
class SessionChoices(Question["Choices"]):
    """Raises NotFound."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession(Command["Session"]):
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
    page: str = ""
    """The page to change, for a workflow that is about pages: ``SOURCE/PATH``, one that is there or a new one."""


@dataclass(frozen=True, slots=True)
class InterruptSession(Command["Session"]):
    """Ask the session's owner to stop it. Works at any time, more than once too."""

    id: str


@dataclass(frozen=True, slots=True)
class MessageSession(Command["Session"]):
    """A message to the agent. Refused where the runtime takes none, or the session is over."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class StopAllSessions(Command["int"]):
    """Interrupt every session that runs; how many there were."""


@dataclass(frozen=True, slots=True)
class RunSession(Command["Session"]):
    """Run a queued (or unfinished) session to its end in this process. Errors as the runtime's."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseBudget(Command["Session"]):
    """Let a session cost more; one that stands at its budget goes on. Refused above what the shift has left."""

    id: str
    budget_micros: int
    reason: str
    here: bool = False
    """The caller runs the session; no worker is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseShiftBudget(Command["int"]):
    """Let this shift cost more, up to its ceiling, for a reason; the new limit in micro-dollars."""

    limit_micros: int
    reason: str


@dataclass(frozen=True, slots=True)
class FallBack(Command["Session"]):
    """Do the session's workflow again with its fallback runtime, now; the new session."""

    id: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class ResumeSession(Command["Session"]):
    """Take up a session that stands still or failed though it may go on over there."""

    id: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents(Command["tuple[AgentState, ...]"]):
    """The agents that remote runtimes keep for the workflows; with ``sync`` made and updated. From a thread."""

    sync: bool = False
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text as a model would be shown it."""

    text: str
    spans: tuple[Span, ...]
    """Where, in code points of the input."""


@dataclass(frozen=True, slots=True)
class Redact(Question["Redacted"]):
    """What a model would be shown of ``text``. Raises NotRedacted."""

    text: str
