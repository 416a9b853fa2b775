"""The command that puts telemetry onto a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.observations import Observation
    from opstui.core.tickets import TicketRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen in files of telemetry, and where it is now."""

    observations: tuple[Observation, ...]
    entries: tuple[str, ...] = ()
    """Ids of the timeline entries that were made, in the order of ``observations``."""
    draft: str | None = None
    """Of a system elsewhere: the internal comment that holds them, to be confirmed."""
    known: int = 0
    """How many stood on the ticket already, word for word."""
    left_out: int = 0
    """How many told less than those that were kept."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the files were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveTelemetry(Command["Observed"]):
    """Put what files of telemetry show onto a ticket, as observations that can be cited.

    On the local system each is a timeline entry at once; elsewhere all are one internal comment in a draft. Errors:
    UsageError naming file and line or field, NotFound, Refused (the system takes no internal comments).
    """

    ref: TicketRef
    files: tuple[str, ...]
    limit: int = 20
    """Most observations; those that tell most are kept."""
    dry_run: bool = False
    """Say what would be observed, and change nothing."""
