"""The words of publishing: what can be seen of an update on its way, and what can be done next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from opstui.core.approval import Approved
from opstui.core.drafts import PushRecord
from opstui.core.frozen import dataclass
from opstui.core.ports import Capabilities
from opstui.core.tickets import Ticket, TimelineEntry

# --- what was seen ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """The row as it lies in the store, seen by who holds the lock: at start-up, or when a wait is over."""


@dataclass(frozen=True, slots=True)
class TicketRead:
    """The ticket as it is; after ``FindOp`` and ``ReadBack`` also what ``find`` answered, *before* the ticket was read.

    Where the ticket itself tells, or nothing was found, it may have been read first.
    """

    ticket: Ticket
    asked_at: datetime
    """When the first of the questions left: an answer knows nothing of what came later."""
    found: str | None = None
    """Id of the timeline entry that carries the step's op id, as the timeline has it."""


@dataclass(frozen=True, slots=True)
class SentOk:
    """The system said yes, which is not believed yet."""

    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRefused:
    """The system's own condition failed: nothing was applied."""


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The system said no to a read or a write; nothing was applied."""

    reason: str
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """No answer, or none that tells: a time-out, a cut connection, 500, 502, 504.

    ``maybe_applied`` only matters for a write: False when it failed before the first byte, and for 429 and 503.
    """

    reason: str
    maybe_applied: bool
    retry_after: float | None = None


Observation = Look | TicketRead | SentOk | VersionRefused | RequestRefused | RequestFailed

# --- what to do -------------------------------------------------------------------------------------------------------


class WaitFor(StrEnum):
    """Why nothing is done for a while."""

    SETTLE = "settle"
    """It is not known whether the step arrived, and can't be found out yet."""
    RETRY = "retry"
    """Nothing of the step was applied; the system asked for a pause, or is not reachable."""
    CREDENTIALS = "credentials"
    """It does not take ours."""
    TURN = "turn"
    """An earlier update of the same ticket comes first."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read the ticket."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the row's step, on this version, without the operations in ``done``. The row says ``sending`` by now."""

    expected_version: str
    done: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadBack:
    """``find`` the step's op id, then read the ticket. It may be too early for absence to mean anything."""


@dataclass(frozen=True, slots=True)
class FindOp:
    """The same, after settling: absence counts now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Free the lock, and ``Look`` again at ``until`` (which the row holds as ``not_before``)."""

    until: datetime
    why: WaitFor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """All of it is on the ticket."""

    remote_id: str | None
    overlaps: tuple[TimelineEntry, ...]
    done: tuple[str, ...] = ()
    """Paths that somebody else had set to the same value."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """Nothing of the update is on the ticket: these paths changed there."""

    paths: tuple[str, ...]
    theirs: tuple[Any, ...]
    """Their values now, in the same order."""


@dataclass(frozen=True, slots=True)
class NeedsHuman:
    """A person must look; the program can't know, or was refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """Not applied, and the approval has lapsed: to be confirmed again."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The row is finished already."""


Final = Verified | Conflicted | NeedsHuman | Expired | Nothing
Step = Read | Send | ReadBack | FindOp | Wait | Final


@dataclass(frozen=True, slots=True)
class Decision:
    """What to keep, and then what to do."""

    push: PushRecord
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What does not change while an update is on its way."""

    approved: Approved
    """Out of ``PushRecord.payload``."""
    capabilities: Capabilities
    own: tuple[str, ...] = ()
    """Our accounts on that system, whose entries are nobody else's."""
