"""The one place that joins settings, adapters and services into a desk."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import opstui
from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.runtimes.extractive import ExtractiveRuntime
from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.tickets.local import LocalTickets
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.errors import ConfigError, Refused
from opstui.core.ids import Clock, Randomness
from opstui.core.knowledge import Hit, Page
from opstui.core.ports import AgentRuntime, KnowledgeIndex, KnowledgeSource, Probe, TicketSystem
from opstui.core.queues import Queue, View
from opstui.core.shifts import Schedule
from opstui.core.text import clean_line
from opstui.services.desk import DeskService
from opstui.services.setup import Setup, WorkflowPolicy

if TYPE_CHECKING:
    from opstui.core.desk import Desk, ImportReport
    from opstui.core.rates import RateCard
    from opstui.core.workflows import Workflow

EVERYTHING_OPEN = "-status:closed"


def open_desk(
    settings: Settings,
    paths: Paths,
    *,
    demo: bool = False,
    read_only: bool = False,
    configured: bool = True,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> Desk:
    """A desk over the files in ``paths``. Raises ConfigError, StoreDamaged, StoreFull."""
    return DeskService(
        open_setup(
            settings, paths, demo=demo, read_only=read_only, configured=configured, clock=clock, randomness=randomness
        )
    )


def open_setup(
    settings: Settings,
    paths: Paths,
    *,
    demo: bool = False,
    read_only: bool = False,
    configured: bool = True,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> Setup:
    """Everything a desk works with, opened. Raises as ``open_desk``."""
    check_available(settings)
    try:
        paths.make()
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: can't be made ({error.strerror}). Nothing was changed; OPSTUI_HOME names another folder"
        ) from None
    clock, randomness = clock or SystemClock(), randomness or SystemRandomness()
    operator = settings.operator.name or _login()
    cache_file = Database(paths.cache_db, full_sync=False)
    record = SqliteRecord(paths.record_db, clock=clock, read_only=read_only)
    local = LocalTickets(paths.desk_db, name="local", operator=operator, clock=clock, randomness=randomness)
    systems: dict[str, TicketSystem] = {"local": local}
    runtimes: dict[str, AgentRuntime] = {name: ExtractiveRuntime(name, clock) for name in settings.runtimes}
    queues, views = _queues(settings, systems, demo=demo)
    if demo:
        _settle_world(local, paths, clock)

    def spawn_worker() -> bool:
        # Imported here: the worker's module imports this one.
        from opstui.worker import spawn

        return not read_only and spawn(settings, paths, demo=demo)

    def import_tickets(file: str, update: bool) -> ImportReport:
        from opstui.adapters.tickets.local_import import import_file

        return import_file(local, str(Path(file).expanduser()), update=update)

    return Setup(
        clock=clock,
        randomness=randomness,
        record=record,
        cache=SqliteCache(cache_file),
        systems=systems,
        poll_seconds={name: float(tickets.poll_seconds) for name, tickets in settings.tickets.items()},
        queues=queues,
        views=views,
        knowledge=LateKnowledge(lambda: _knowledge(settings, cache_file, demo=demo)),
        runtimes=runtimes,
        workflows=LateWorkflows(lambda: _workflows(paths)),
        policies={
            name: WorkflowPolicy(runtime=item.runtime, budget_micros=item.budget)
            for name, item in settings.workflows.items()
        },
        rates=_rates,
        operator=operator,
        team=settings.operator.team,
        timezone=_zone(settings),
        schedule=Schedule(timezone=_zone(settings), starts=settings.shift.starts),
        shift_budget=settings.shift.budget,
        locks=paths.locks,
        log_file=paths.log_file,
        crash_folder=paths.crash,
        read_only=read_only,
        demo=demo,
        configured=configured,
        theme=settings.ui.theme,
        mouse=settings.ui.mouse,
        keys=settings.ui.keys,
        settle_seconds=_settle_seconds(os.environ.get("OPSTUI_SETTLE_SECONDS")),
        spawn_worker=spawn_worker,
        store_notice=lambda: " · ".join(text for text in (record.problem, cache_file.problem, local.problem) if text),
        probes=(_config_probe(paths, configured=configured, demo=demo),),
        import_tickets=import_tickets,
        keep_days=settings.store.keep_days,
        on_live=(lambda: _play_world(local, paths, clock),) if demo and not read_only else (),
        closers=(record.close, cache_file.close, *(system.close for system in systems.values())),
    )


def check_available(settings: Settings) -> None:
    """Raises ConfigError for what a sound config asks for and this version does not have, before anything is opened."""
    mend = "remove the table, or put a # before its lines, and the rest works"
    for name, tickets in settings.tickets.items():
        if tickets.kind != "local":
            raise ConfigError(f"tickets.{name}: this version has no connector for {tickets.kind} yet; {mend}")
    for name, runtime in settings.runtimes.items():
        if runtime.kind != "extractive":
            raise ConfigError(f"runtimes.{name}: this version runs no {runtime.kind} sessions yet; {mend}")
    if settings.store.url != "sqlite":
        raise ConfigError("store.url: this version keeps everything in SQLite files and opened none; put a # before it")


def _queues(
    settings: Settings, systems: dict[str, TicketSystem], *, demo: bool
) -> tuple[tuple[Queue, ...], tuple[View, ...]]:
    views = tuple(View(name=view.name, filter=view.filter, queue=view.queue) for view in settings.views)
    if demo and not settings.queues:
        from opstui.demo.world import demo_queues, demo_views

        return demo_queues(), (*demo_views(), *views)
    queues = [Queue(name=queue.name, system=queue.system, query=queue.query) for queue in settings.queues]
    for queue in queues:
        if queue.system not in systems:
            raise ConfigError(f"queues: {queue.name} names the system {queue.system}, and there is none of that name")
    if not queues:
        queues = [Queue(name=name, system=name, query=EVERYTHING_OPEN) for name in systems]
    return tuple(queues), views


class LateWorkflows(Mapping[str, "Workflow"]):
    """The workflows by id, read when one is first asked for: six files, and a TOML and a hash module behind them."""

    def __init__(self, read: Callable[[], Mapping[str, Workflow]]) -> None:
        self._read = read

    @cached_property
    def _items(self) -> Mapping[str, Workflow]:
        return self._read()

    def __getitem__(self, name: str) -> Workflow:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def _settle_seconds(text: str | None) -> float | None:
    """``OPSTUI_SETTLE_SECONDS``, for tests; None where it is not set. Raises ConfigError for what is no time."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigError(f"OPSTUI_SETTLE_SECONDS: {clean_line(text, limit=40)!r} is no number of seconds")
    return seconds


def _workflows(paths: Paths) -> Mapping[str, Workflow]:
    from opstui.services.workflows import load_workflows

    return load_workflows(_bundled("workflows"), paths.user_workflows)


class LateKnowledge:
    """The runbook index, made when it is first asked for something: its parts cost the first screen 20 ms."""

    def __init__(self, make: Callable[[], KnowledgeIndex]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._made: KnowledgeIndex | None = None
        self._changed = 0
        """Pages that the first refresh brought in and that nobody was told of."""

    def _index(self) -> KnowledgeIndex:
        with self._guard:
            if self._made is None:
                self._made = self._make()
                # A command that lives for a moment has nobody who keeps the index up to date for it.
                self._changed = self._made.refresh()
            return self._made

    def refresh(self) -> int:
        """See ``KnowledgeIndex``."""
        changed = self._index().refresh()
        with self._guard:
            changed, self._changed = changed + self._changed, 0
        return changed

    def search(self, query: str, limit: int = 8) -> list[Hit]:
        """See ``KnowledgeIndex``."""
        return self._index().search(query, limit)

    def page(self, doc: str) -> Page | None:
        """See ``KnowledgeIndex``."""
        return self._index().page(doc)

    def count(self) -> int:
        """See ``KnowledgeIndex``."""
        return self._index().count()

    def probe(self) -> list[Probe]:
        """See ``KnowledgeIndex``."""
        return self._index().probe()


def _knowledge(settings: Settings, cache_file: Database, *, demo: bool) -> KnowledgeIndex:
    from opstui.adapters.knowledge.index import SqliteKnowledge

    return SqliteKnowledge(cache_file, _sources(settings, demo=demo))


def _rates() -> RateCard:
    """The list prices. None yet: the one runtime of this version costs nothing."""
    from datetime import date

    from opstui.core.rates import RateCard

    return RateCard(dated=date(2026, 11, 20))


def _sources(settings: Settings, *, demo: bool) -> list[KnowledgeSource]:
    from opstui.adapters.knowledge.folder import FolderSource

    sources: list[KnowledgeSource] = [
        FolderSource(name, Path(item.path).expanduser()) for name, item in settings.knowledge.items()
    ]
    if demo and "runbooks" not in settings.knowledge:
        sources.append(FolderSource("runbooks", _bundled("demo") / "runbooks"))
    return sources


def _settle_world(local: LocalTickets, paths: Paths, clock: Clock) -> None:
    """Make the demo's world in an empty desk, once, also when two processes start at the same moment."""
    if local.count():
        return
    from opstui.demo.world import seed
    from opstui.services.locks import FileLock, held

    with held(FileLock(paths.locks / "world", "world"), wait=30.0):
        if not local.count():
            seed(local, clock)


def _play_world(local: LocalTickets, paths: Paths, clock: Clock) -> None:
    """Let things happen in the demo's world while a face is open."""
    from opstui.demo.player import Player

    Player(local, paths.state, clock).play()


def set_demo_aside(paths: Paths) -> Path | None:
    """Rename the demo's folder so that the next start makes a new world; where it went, None if there was none.

    Raises Busy while another process plays it, Refused where it can't be renamed.
    """
    from opstui.demo.world import set_aside

    try:
        return set_aside(paths.demo_folder)
    except OSError as error:
        raise Refused(f"the old demo could not be set aside: {error.strerror}. It is still there") from None


def _bundled(room: str) -> Path:
    """A folder of data inside the package. Wheels are unpacked when installed, so it is a real folder."""
    return Path(opstui.__file__).parent / room


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid{os.getuid()}"


def _zone(settings: Settings) -> str:
    return settings.shift.timezone or "UTC"


def _config_probe(paths: Paths, *, configured: bool, demo: bool) -> Callable[[], list[Probe]]:
    def probe() -> list[Probe]:
        if demo:
            return [Probe("config", "pass", "the demo's own")]
        if configured:
            return [Probe("config", "pass", f"{paths.config_file}: read without errors")]
        return [Probe("config", "warn", "no config file: the embedded system only", "opstui config init")]

    return probe
