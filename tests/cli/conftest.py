"""The program as others run it: a process, a folder of its own, an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.pty.terminal import rehearsals_of
from tests.services.building import Place

PROJECT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its JSON values, a line each."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def nothing_left_running(tmp_path: Path) -> Iterator[None]:
    """The stand-in service that a demo asks for outlives the command, and must not outlive the test."""
    yield
    for process in rehearsals_of(tmp_path):
        os.kill(process, signal.SIGTERM)


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    """Commands on a desk in this process, whose clock and tickets are the test's."""
    place = Place(tmp_path)
    yield Shell(place, capsysbinary)
    place.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A quiet environment over a folder of its own."""
    return {
        "OPSTUI_HOME": str(tmp_path / "home"),
        "OPSTUI_SETTLE_SECONDS": "0.2",
        "PYTHONPATH": str(PROJECT),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "USER": "alex",
    }


@pytest.fixture
def opstui(environ: dict[str, str], tmp_path: Path) -> Callable[..., Done]:
    """Run a command line to its end, from a folder that is not the project's."""

    def run(*arguments: str | Path, given: bytes = b"", **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "opstui.cli.main", *map(str, arguments)],
            input=given,
            capture_output=True,
            env=environ | more,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
