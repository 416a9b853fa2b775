"""Evaluations: the operator's workflows and runtimes over recorded cases, each on a scratch desk of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.runtimes.extractive import ExtractiveRuntime
from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.tickets.recorded import RecordedTickets
from opstui.config.taxonomy import load_taxonomy
from opstui.core.canonical import fingerprint
from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.ports import AgentRuntime, RecordWriter
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, Ticket
from opstui.services.desk import DeskService

if TYPE_CHECKING:
    from opstui.config.paths import Paths
    from opstui.config.settings import Settings
    from opstui.core.desk import Desk
    from opstui.core.evaluation import Change, Evaluation, Told
    from opstui.core.ids import Clock
    from opstui.services.evaluation_cases import Case
    from opstui.services.setup import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A run over a folder of cases, held against an earlier one."""

    found: Evaluation
    changes: tuple[Change, ...]
    """Empty where there is no earlier one."""
    cases: int
    """How many there were to run; fewer were where the budget was reached."""

    @property
    def is_worse(self) -> bool:
        """Whether a case got worse."""
        return any(change.worse for change in self.changes)


def evaluate_folder(
    folder: Path,
    settings: Settings,
    paths: Paths,
    *,
    configured: bool,
    demo: bool,
    secrets: Mapping[str, str],
    runtime: str,
    workflows: Collection[str],
    before: Mapping[str, Told] | None,
    budget: int | None,
    runs: int,
    tell: Callable[[Told], object],
) -> Compared:
    """Run the cases in a folder, of ``workflows`` only if any are named, and compare them with ``before``.

    ``budget`` in micro-dollars. Versions that got no worse are kept as evaluated on this desk. Raises ConfigError for
    a case, workflow or runtime that is wrong, UsageError where there is no case.
    """
    from opstui.core.evaluation import changes
    from opstui.services.evaluating import acceptance, evaluate, keep
    from opstui.services.evaluation_cases import read_cases
    from opstui.wiring import open_setup

    cases = [case for case in read_cases(folder) if not workflows or case.workflow in workflows]
    if not cases:
        raise UsageError(f"no case of {', '.join(workflows)} in {clean_line(str(folder), limit=120)}")
    setup = open_setup(settings, paths, demo=demo, configured=configured, secrets=secrets)
    try:
        with scratch_desks(setup) as scratch:
            found = evaluate(
                cases,
                scratch,
                runtime=runtime,
                by=setup.operator,
                clock=setup.clock,
                runs=runs,
                budget=budget,
                tell=tell,
            )
        accepted = {name: acceptance(setup, setup.workflows[name]) for name in found.versions}
        found = replace(found, acceptance=accepted)
        compared = Compared(
            found=found, changes=tuple(changes(found.told, before)) if before is not None else (), cases=len(cases)
        )
        if not compared.is_worse and not found.reached_budget:
            keep(setup, found)
        return compared
    finally:
        for close in setup.closers:
            close()


class StandingClock:
    """The moment of a case; intervals pass as everywhere."""

    def __init__(self, moment: datetime, clock: Clock) -> None:
        self._moment = moment
        self._clock = clock

    def now(self) -> datetime:
        """Always the same."""
        return self._moment

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self._clock.monotonic()


@contextmanager
def scratch_desks(own: Setup) -> Iterator[Callable[[Case], AbstractContextManager[tuple[Setup, Desk]]]]:
    """Makes a desk for a case out of ``own``, whose stores, tickets and runbooks stay untouched.

    Everything that is written lies in a folder that is removed in the end.
    """
    with TemporaryDirectory(prefix="opstui-eval-") as place:
        count = 0

        @contextmanager
        def scratch(case: Case) -> Iterator[tuple[Setup, Desk]]:
            nonlocal count
            count += 1
            folder = Path(place, str(count))
            folder.mkdir(mode=0o700)
            setup = _setup(own, case, folder)
            desk = DeskService(setup)
            try:
                yield setup, desk
            finally:
                desk.close()

        yield scratch


def _setup(own: Setup, case: Case, folder: Path) -> Setup:
    cache_file = Database(folder / "cache.db", full_sync=False)
    cache = SqliteCache(cache_file)
    record = SqliteRecord(folder / "record.db", clock=own.clock)
    tickets = [ticket for ticket in (case.ticket, *case.others) if ticket.ref.system != BOARD_SYSTEM]
    by_system: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        by_system.setdefault(ticket.ref.system, []).append(ticket)
        cache.keep(ticket, now=case.at)
    setup = replace(
        own,
        record=record,
        cache=cache,
        systems={name: RecordedTickets(name, held) for name, held in by_system.items()},
        open_systems=tuple,
        poll_seconds={},
        queues=(),
        views=(),
        knowledge=SqliteKnowledge(cache_file, _shelves(case)),
        runtimes=_runtimes(own, case.at),
        taxonomy=own.taxonomy if case.taxonomy is None else partial(load_taxonomy, case.taxonomy),
        policies={},
        shift_budget=None,
        shift_ceiling=None,
        as_of=case.at,
        locks=folder / "locks",
        previews=folder / "previews",
        logs_folder=folder / "logs",
        after_shift={},
        read_only=False,
        spawn_worker=lambda: False,
        import_tickets=None,
        add_entries=None,
        on_live=(),
        closers=(record.close, cache_file.close),
    )
    for name in ("locks", "logs"):
        (folder / name).mkdir(mode=0o700)
    if case.ticket.ref.system == BOARD_SYSTEM:
        _keep_board(setup, case.ticket)
    setup.knowledge.refresh()
    return setup


def _shelves(case: Case) -> list[FolderSource]:
    """A source for each folder of pages; pages that lie in none are those of ``runbooks``."""
    if case.pages is None:
        return []
    if any(case.pages.glob("*.md")):
        return [FolderSource("runbooks", case.pages, writable=False)]
    return [FolderSource(place.name, place, writable=False) for place in sorted(case.pages.iterdir()) if place.is_dir()]


def _runtimes(own: Setup, moment: datetime) -> Mapping[str, AgentRuntime]:
    """The operator's; those without a model take the case's moment for now."""
    clock = StandingClock(moment, own.clock)
    return _Runtimes(own.runtimes, lambda name: ExtractiveRuntime(name, clock))


class _Runtimes(Mapping[str, AgentRuntime]):
    def __init__(self, own: Mapping[str, AgentRuntime], standing: Callable[[str], ExtractiveRuntime]) -> None:
        self._own = own
        self._standing = standing

    def __getitem__(self, name: str) -> AgentRuntime:
        found = self._own[name]
        return self._standing(name) if found.kind == "extractive" else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


def _keep_board(setup: Setup, board: Ticket) -> None:
    """A shift's board is read as it was kept for an earlier session."""
    from opstui.core.ids import new_id
    from opstui.core.sessions import Cost, Session, SessionStatus
    from opstui.services.board import content_of, keep

    board = replace(board, version=fingerprint(content_of(board)))
    session = Session(
        id=new_id(setup.clock, setup.randomness),
        workflow="shift-handover",
        workflow_version="",
        ticket=board.ref,
        ticket_version=board.version,
        runtime="offline",
        runtime_kind="extractive",
        model=None,
        status=SessionStatus.ENDED,
        operator=setup.operator,
        shift=board.ref.key,
        created_at=setup.clock.now(),
        cost=Cost(budget=None),
    )

    def save(record: RecordWriter) -> None:
        keep(record, board)
        record.put_session(session)

    setup.record.write(save)
