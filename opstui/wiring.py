"""The one place that joins settings, adapters and services into a desk."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from functools import partial
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
from opstui.core.ports import AgentRuntime, KnowledgeSource, Probe, Redactor, TicketSystem
from opstui.core.queues import Queue, View
from opstui.core.shifts import Schedule
from opstui.core.text import clean_line
from opstui.services.desk import DeskService
from opstui.services.setup import Setup, WorkflowPolicy
from opstui.wired.late import LateKnowledge, LateMapping, LateRedactor, LateWorkflows, Once

if TYPE_CHECKING:
    from datetime import datetime

    from opstui.adapters.knowledge.index import SqliteKnowledge
    from opstui.adapters.secrets.store import SecretStore
    from opstui.core.desk import Desk, ImportReport
    from opstui.core.observations import Readings
    from opstui.core.rates import RateCard
    from opstui.core.secrets import SecretRef
    from opstui.core.taxonomy import Taxonomy
    from opstui.core.workflows import Workflow

EVERYTHING_OPEN = "-status:closed"
TELEMETRY = "telemetry"
"""The author of entries that code observed."""


def open_desk(
    settings: Settings,
    paths: Paths,
    *,
    demo: bool = False,
    read_only: bool = False,
    configured: bool = True,
    secrets: Mapping[str, str] | None = None,
) -> Desk:
    """A desk over the files in ``paths``. Raises ConfigError, StoreDamaged, StoreFull.

    ``secrets``: what :func:`take_secrets` took out of the environment.
    """
    return DeskService(
        open_setup(settings, paths, demo=demo, read_only=read_only, configured=configured, secrets=secrets)
    )


def take_secrets(settings: Settings, environ: MutableMapping[str, str]) -> Mapping[str, str]:
    """Secret variables out of the environment, into memory: an editor or any other child inherits what stands there."""
    from opstui.adapters.secrets.variables import SDK_VARIABLES

    names = [ref.value[0] for ref in _secret_refs(settings).values() if ref.kind == "env"]
    return {name: environ.pop(name) for name in (*names, *SDK_VARIABLES) if environ.get(name)}


def open_setup(
    settings: Settings,
    paths: Paths,
    *,
    demo: bool = False,
    read_only: bool = False,
    configured: bool = True,
    secrets: Mapping[str, str] | None = None,
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
    store = Once(partial(open_secrets, settings, dict(secrets or {})))

    def make_system(name: str) -> TicketSystem:
        if name == "local":
            return local  # closed with the stores
        from opstui.wired.tickets import make_system as made

        return made(name, settings, store=store, clock=clock, randomness=randomness)

    systems = LateMapping(("local", *(name for name in settings.tickets if name != "local")), make_system)
    rehearsal = demo and any(runtime.kind != "extractive" for runtime in settings.runtimes.values())

    def make_runtime(name: str) -> AgentRuntime:
        if settings.runtimes[name].kind == "extractive":
            return ExtractiveRuntime(name, clock)
        from opstui.wired import remote

        return remote.make_runtime(
            name, settings, paths, store=store, clock=clock, randomness=randomness, rehearsal=rehearsal
        )

    def make_sources() -> list[KnowledgeSource]:
        from opstui.wired.knowledge import make_sources as made

        shelf = _shelf(paths) if demo else None
        return made(settings, store=store, clock=clock, randomness=randomness, shelf=shelf)

    queues, views = _queues(settings, systems, demo=demo)
    if demo:
        _settle_world(local, paths, clock)

    def spawn_worker() -> bool:
        # Imported here: the worker's module imports this one.
        from opstui.worker import spawn

        return not read_only and spawn(settings, paths, demo=demo, secrets=secrets or {})

    def import_tickets(file: str, update: bool) -> ImportReport:
        from opstui.adapters.tickets.local_import import import_file

        return import_file(local, str(Path(file).expanduser()), update=update)

    def add_entries(key: str, noted: Sequence[tuple[datetime, str]]) -> tuple[str, ...]:
        return local.together(
            lambda desk: tuple(desk.comment(key, TELEMETRY, text, kind="system", at=at) for at, text in noted)
        )

    return Setup(
        clock=clock,
        randomness=randomness,
        record=record,
        cache=SqliteCache(cache_file),
        systems=systems,
        open_systems=systems.made,
        poll_seconds={name: float(tickets.poll_seconds) for name, tickets in settings.tickets.items()},
        queues=queues,
        views=views,
        knowledge=LateKnowledge(
            lambda: _knowledge(cache_file, make_sources, semantic=settings.knowledge_search.semantic)
        ),
        runtimes=LateMapping(settings.runtimes, make_runtime),
        workflows=LateWorkflows(lambda: _workflows(paths)),
        policies={
            name: WorkflowPolicy(runtime=item.runtime, budget_micros=item.budget, fallback=item.fallback or "offline")
            for name, item in settings.workflows.items()
        },
        rates=_rates(settings, clock),
        redactor=LateRedactor(partial(_redactor, store)),
        hiding_key=_hiding_key(paths.data),
        previews=paths.state / "previews",
        logs_folder=paths.data / "sessions",
        after_shift={
            name: runtime.after_shift for name, runtime in settings.runtimes.items() if runtime.kind == "managed-agents"
        },
        rehearsal=rehearsal
        and any(settings.runtimes[item.runtime].kind != "extractive" for item in settings.workflows.values()),
        operator=operator,
        team=settings.operator.team,
        timezone=_zone(settings),
        schedule=Schedule(timezone=_zone(settings), starts=settings.shift.starts),
        shift_budget=settings.shift.budget,
        shift_ceiling=settings.shift.ceiling,
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
        probes=(_config_probe(paths, configured=configured, demo=demo), partial(_network_probe, settings)),
        secrets=store,
        secret_refs=partial(_secret_refs, settings),
        import_tickets=import_tickets,
        read_telemetry=_read_telemetry,
        add_entries=add_entries,
        taxonomy=Once(partial(_taxonomy, settings, paths, demo=demo)),
        keep_days=settings.store.keep_days,
        on_live=(lambda: _play_world(local, paths, clock),) if demo and not read_only else (),
        closers=(record.close, cache_file.close, local.close, lambda: _close(systems)),
    )


def check_available(settings: Settings) -> None:
    """Raises ConfigError for what a sound config asks for and this version does not have, before anything is opened."""
    if settings.store.url != "sqlite":
        raise ConfigError("store.url: this version keeps everything in SQLite files and opened none; put a # before it")


def _queues(settings: Settings, systems: Collection[str], *, demo: bool) -> tuple[tuple[Queue, ...], tuple[View, ...]]:
    views = tuple(View(name=view.name, filter=view.filter, queue=view.queue) for view in settings.views)
    if demo and not settings.queues:
        from opstui.demo.world import demo_queues, demo_views

        return demo_queues(), (*demo_views(), *views)
    queues = [Queue(name=queue.name, system=queue.system, query=queue.query) for queue in settings.queues]
    for queue in queues:
        if queue.system not in systems:
            raise ConfigError(f"queues: {queue.name} names the system {queue.system}, and there is none of that name")
    if not queues:
        queues = [Queue(name=name, system=name, query=EVERYTHING_OPEN if name == "local" else "") for name in systems]
    return tuple(queues), views


def _close(systems: LateMapping[TicketSystem]) -> None:
    for system in systems.made():
        if system.name != "local":
            system.close()


def _read_telemetry(file: str) -> Readings:
    from opstui.adapters.telemetry.reading import read_telemetry

    return read_telemetry(str(Path(file).expanduser()))


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


def _taxonomy(settings: Settings, paths: Paths, *, demo: bool) -> Taxonomy:
    from opstui.config.taxonomy import load_taxonomy, taxonomy_file

    file = taxonomy_file(settings, paths)
    return load_taxonomy(file if file.exists() or not demo else _bundled("demo") / file.name)


def _workflows(paths: Paths) -> Mapping[str, Workflow]:
    from opstui.services.workflows import load_workflows

    return load_workflows(_bundled("workflows"), paths.user_workflows)


def _knowledge(
    cache_file: Database, sources: Callable[[], Sequence[KnowledgeSource]], *, semantic: bool
) -> SqliteKnowledge:
    from opstui.adapters.knowledge.index import SqliteKnowledge

    return SqliteKnowledge(cache_file, sources(), semantic=semantic)


def _rates(settings: Settings, clock: Clock) -> Callable[[], RateCard]:
    """The list prices of today, and the config's own over them, read when a session is first metered."""

    def make() -> Callable[[], RateCard]:
        from opstui.wired.prices import card_of

        return card_of(_bundled("rates"), settings, clock)

    card = Once(make)
    return lambda: card()()


def open_secrets(settings: Settings, taken: Mapping[str, str]) -> SecretStore:
    """Who resolves the references of the settings; ``taken`` is what :func:`take_secrets` answered."""
    from opstui.wired.remote import secret_store

    return secret_store(settings, os.environ, taken)


def _secret_refs(settings: Settings) -> Mapping[str, SecretRef]:
    from opstui.config.references import secret_refs

    return secret_refs(settings)


def _network_probe(settings: Settings) -> list[Probe]:
    from opstui.config.network import probe

    return probe(settings.network)


def _redactor(store: Callable[[], SecretStore]) -> Redactor:
    from opstui.wired.remote import redactor

    return redactor(store)


def _hiding_key(folder: Path) -> Callable[[str], bytes]:
    def key(session_id: str) -> bytes:
        from opstui.services.hiding_key import hiding_key

        return hiding_key(folder)(session_id)

    return key


def _shelf(paths: Paths) -> Path:
    """Where the demo's runbooks lie."""
    return paths.data / "runbooks"


def _settle_world(local: LocalTickets, paths: Paths, clock: Clock) -> None:
    """Make the demo's world in an empty desk, once, also when two processes start at the same moment."""
    shelf = _shelf(paths)
    if local.count() and shelf.is_dir():
        return
    from opstui.demo.shelf import stock
    from opstui.demo.world import seed
    from opstui.services.locks import FileLock, held

    with held(FileLock(paths.locks / "world", "world"), wait=30.0):
        if not shelf.is_dir():
            stock(shelf, clock.now())
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
