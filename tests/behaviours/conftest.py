"""A stand-in of the service, a home full of tickets, and the whole program between them, for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opstui.rehearsal.service import Rehearsal
from tests.behaviours.checks import nothing_broke, the_key_went_nowhere
from tests.behaviours.program import KEY, Program, Warm
from tests.behaviours.tickets import TICKETS
from tests.pty.terminal import no_workers_left


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """One process for the whole run that everything is imported in."""
    made = Warm()
    yield made
    made.close()


@pytest.fixture(scope="session")
def furnished(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with tickets in it, to be copied."""
    folder = tmp_path_factory.mktemp("furnished")
    file = folder / "tickets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in TICKETS), encoding="utf-8")
    with Program(folder, warm) as program:
        report = program.ask("ticket", "import", str(file))
        assert report["imported"] == len(TICKETS), report
        program.ask("ticket", "list")
    return folder


@pytest.fixture(scope="session")
def document(warm: Warm, furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A summary of INC-1 that passes the checks, as an agent would hand it in."""
    folder = tmp_path_factory.mktemp("written") / "home"
    shutil.copytree(furnished, folder)
    with Program(folder, warm) as program:
        done = program.do("run", "incident-summary", "local:INC-1", "--runtime", "offline", "--json")
        assert done.code == 0, done.err
        return dict(done.json["document"])


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    """The service, which takes one key."""
    with Rehearsal(key=KEY, ping_every=0.5) as made:
        yield made


@pytest.fixture
def program(tmp_path: Path, furnished: Path, warm: Warm, service: Rehearsal) -> Iterator[Program]:
    """The program with a home and a config of its own. Afterwards nothing broke and the key is nowhere."""
    home = tmp_path / "home"
    shutil.copytree(furnished, home)
    with no_workers_left(home), Program(home, warm) as made:
        made.configure(service.url)
        yield made
    nothing_broke(made)
    the_key_went_nowhere(made, service)
