"""Questions and commands about sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.sessions import Session, SessionEvent, SessionStatus
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
