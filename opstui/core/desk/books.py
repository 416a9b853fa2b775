"""Questions about what was spent, done and logged, and the import of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk.verbs import Command, Question
from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from opstui.core.audit import AuditRecord
    from opstui.core.ports import LimitRaise, Probe
    from opstui.core.sessions import Session
    from opstui.core.shifts import Shift
    from opstui.core.text import SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """A sum over sessions. Money in micro-dollars."""

    label: str
    sessions: int
    running_ms: int
    tokens: int
    estimate: int
    reported: int | None
    difference: int | None = None
    """Estimate less reported, over those of its sessions that have both."""


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
    ceiling: int | None = None
    """As far as ``RaiseShiftBudget`` can raise ``limit``."""
    by: Mapping[str, tuple[LedgerLine, ...]]
    """``workflow``, ``ticket``, ``operator``, ``runtime``, ``hour``."""
    sessions: tuple[Session, ...]
    verdicts: Mapping[str, str]
    """Session id → ``accepted``, ``accepted, 2 edits``, ``rejected``, ``waits``, ``–``."""
    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    spent: int = 0
    """What counts against ``limit``: the estimate, but for sessions that the runtime says were clearly dearer."""
    raised: LimitRaise | None = None
    """Who raised it, how far and why."""
    compared: int = 0
    """How many of the sessions have an estimate and a reported cost; those without a model left out."""
    error_percent: Decimal | None = None
    """How far the estimates of those were off when the report came, in percent; positive: too high."""
    per_accepted: int | None = None
    """What the sessions cost, over the drafts that were accepted, edited or not; None while there are none."""
    rates_dated: date | None = None
    """The day of the rate card that prices come from."""
    unknown_models: tuple[str, ...] = ()
    """Models that ran and that the card has no price for: their tokens are in no estimate."""


@dataclass(frozen=True, slots=True)
class ShiftTotals(Question["ShiftView"]):
    """``back`` 0 is the running shift, 1 the one before."""

    back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWindow(Question["tuple[AuditRecord, ...]"]):
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


@dataclass(frozen=True, slots=True)
class LogTail(Question["tuple[SafeText, ...]"]):
    """The newest lines of the program's own log, oldest first."""

    count: int = 500


@dataclass(frozen=True, slots=True)
class Doctor(Question["tuple[Probe, ...]"]):
    """What is configured and reachable. May take seconds: from a thread."""

    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Something that the config or the taxonomy names and that is not there, or the other way round."""

    check: str
    """``workflow``, ``page``, ``system``, ``field``, ``team`` or ``value``."""
    subject: str
    """What it is about: a page's id, a field's name, a value."""
    text: str
    count: int = 1
    """How many open tickets have it, for a value."""


@dataclass(frozen=True, slots=True)
class ConfigDrift(Question["tuple[Drift, ...]"]):
    """Looks at the index and at every open ticket in the cache, up to a second: from a thread. Raises ConfigError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    imported: int
    skipped: int
    errors: tuple[tuple[int, str], ...]
    """Line number and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTickets(Command["ImportReport"]):
    """JSON Lines into the local system."""

    file: str
    update: bool = False
