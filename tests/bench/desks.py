"""A desk in this process, in front of a stand-in of the service: for scripts here that run many sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.core.desk import RefreshTicket, RunSession, StartSession
from opstui.core.ids import Clock
from opstui.core.sessions import Session
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.services.setup import Setup
from opstui.wiring import open_setup

KEY = "sk-ant-api03-bWFkZS11cC1mb3ItbWVhc3VyaW5nLW9ubHk"
"""Made up; what the stand-ins here take."""
VARIABLE = "OPSTUI_BENCH_KEY"


def runtime_table(name: str, kind: str, url: str, model: str) -> str:
    """A runtime's table of the config."""
    return (
        f'[runtimes.{name}]\nkind = "{kind}"\nbase_url = "{url}"\n'
        f'api_key = {{ env = "{VARIABLE}" }}\nmodel = "{model}"\n\n'
    )


@contextmanager
def opened(home: Path, tables: Sequence[str], clock: Clock | None = None) -> Iterator[tuple[Setup, DeskService]]:
    """The desk of ``home`` with these tables in its config."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text('[operator]\nname = "alex"\n\n' + "".join(tables), encoding="utf-8")
    paths = Paths.find({"OPSTUI_HOME": str(home)})
    os.environ.pop(VARIABLE, None)
    settings = load(paths, environ={}).settings
    setup = open_setup(settings, paths, secrets={VARIABLE: KEY}, clock=clock)
    desk = DeskService(setup)
    try:
        yield setup, desk
    finally:
        desk.close()


def new_ticket(setup: Setup, desk: DeskService, fields: Mapping[str, str]) -> TicketRef:
    """A ticket of the local system."""
    ref = TicketRef("local", setup.systems["local"].create(**fields))  # type: ignore[attr-defined]
    desk.do(RefreshTicket(ref)).unwrap()
    return ref


def run_session(
    desk: DeskService, ref: TicketRef, runtime: str, *, workflow: str = "incident-summary", budget: int = 10_000_000
) -> Session:
    """One session, from its start until it is over or stands still. ``budget``: micro-dollars."""
    started = desk.do(
        StartSession(ticket=ref, workflow=workflow, runtime=runtime, budget_micros=budget, again=True, here=True)
    ).unwrap()
    return desk.do(RunSession(started.id)).unwrap()
