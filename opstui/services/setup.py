"""What a desk is made of: ports, policies and places, handed over by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from opstui.core.ids import Clock, Randomness
    from opstui.core.observations import Readings
    from opstui.core.ports import AgentRuntime, KnowledgeIndex, Probe, RecordStore, Redactor, TicketCache, TicketSystem
    from opstui.core.queues import Queue, View
    from opstui.core.rates import RateCard
    from opstui.core.secrets import SecretRef, Secrets
    from opstui.core.shifts import Schedule
    from opstui.core.taxonomy import Taxonomy
    from opstui.core.workflows import Workflow


def _nothing_known() -> Taxonomy:
    from opstui.core.taxonomy import Taxonomy

    return Taxonomy()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowPolicy:
    """What the config says of a workflow."""

    runtime: str = "offline"
    budget_micros: int | None = None
    """Instead of the workflow's own."""
    fallback: str = "offline"
    """The runtime that is offered when that one can't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything a desk works with."""

    clock: Clock
    randomness: Randomness
    record: RecordStore
    cache: TicketCache
    systems: Mapping[str, TicketSystem]
    open_systems: Callable[[], Sequence[TicketSystem]] = tuple
    """Those that were used so far, for who lets go of them."""
    poll_seconds: Mapping[str, float]
    queues: tuple[Queue, ...]
    views: tuple[View, ...]
    knowledge: KnowledgeIndex
    runtimes: Mapping[str, AgentRuntime]
    workflows: Mapping[str, Workflow]
    policies: Mapping[str, WorkflowPolicy]
    rates: Callable[[], RateCard]
    """The card, read when a session is metered."""
    operator: str
    team: str | None = None
    timezone: str
    schedule: Schedule
    shift_budget: int | None = None
    """Micro-dollars."""
    locks: Path
    log_file: Path
    crash_folder: Path
    read_only: bool = False
    demo: bool = False
    configured: bool = True
    theme: str = "opstui-dark"
    mouse: str = "auto"
    keys: Mapping[str, str] = field(default_factory=dict)
    redactor: Redactor
    """Everything that goes to a runtime passes it, but for the extractive one, which is on this machine."""
    hiding_key: Callable[[str], bytes]
    """Session id → the key of its placeholders; the same after a restart, never sent anywhere."""
    previews: Path
    """Where the pipes of previews are."""
    shift_ceiling: int | None = None
    """Micro-dollars, as far as one key and a reason can raise ``shift_budget``."""
    after_shift: Mapping[str, str] = field(default_factory=dict)
    """Runtime → ``archive``, ``delete`` or ``keep`` its sessions when their shift is over."""
    logs_folder: Path
    """Where the log of a remote session is kept when it is put away."""
    rehearsal: bool = False
    """Workflows run on the stand-in on this machine: to be said wherever a figure or a word of it is shown."""
    secrets: Callable[[], Secrets] | None = None
    """Who resolves references to secrets; asked for late."""
    secret_refs: Callable[[], Mapping[str, SecretRef]] = dict
    """Key of the config → where its secret is found."""
    settle_seconds: float | None = None
    """Instead of every system's own, for tests."""
    spawn_worker: Callable[[], bool]
    """Start a worker process unless one runs; whether one was started. Returns at once."""
    store_notice: Callable[[], str]
    """What is wrong with the stores, in words; empty while nothing is."""
    probes: tuple[Callable[[], list[Probe]], ...] = ()
    """What ``doctor`` asks beside the ports."""
    taxonomy: Callable[[], Taxonomy] = _nothing_known
    """The values that documents may use, read when one is first asked for. Raises ConfigError."""
    import_tickets: Callable[[str, bool], object] | None = None
    """File, update → ImportReport, into the local system."""
    read_telemetry: Callable[[str], Readings] | None = None
    """What a file of telemetry holds. Raises UsageError naming file and line or field."""
    add_entries: Callable[[str, Sequence[tuple[datetime, str]]], tuple[str, ...]] | None = None
    """Key, and time and text of each → ids of the entries: what code observed, onto a ticket of the local system."""
    as_of: datetime | None = None
    """The moment at which a recorded case plays: what documents take for now. None: the clock's."""
    keep_days: int = 90
    on_live: tuple[Callable[[], None], ...] = ()
    """What starts when a face stays: the demo's player."""
    closers: tuple[Callable[[], None], ...] = ()

    def moment(self) -> datetime:
        """What documents take for now."""
        return self.as_of or self.clock.now()
