"""Homes, terminals and commands for tests that use the program from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left

StartTerminal = Callable[..., Terminal]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A fresh ``OPSTUI_HOME``, whose workers end with the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    with no_workers_left(folder):
        yield folder


@pytest.fixture
def start(home: Path) -> Iterator[StartTerminal]:
    """Starts ``opstui …`` in a pty of its own: ``start("demo", columns=160, rows=45)``."""
    open_ones: list[Terminal] = []

    def start_one(*arguments: str, env: dict[str, str] | None = None, **size: Any) -> Terminal:
        terminal = Terminal([*OPSTUI, *arguments], env=environment(home, **(env or {})), cwd=home, **size)
        open_ones.append(terminal)
        return terminal

    yield start_one
    for terminal in open_ones:
        terminal.close()


@pytest.fixture
def run(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``opstui …`` to its end, without a terminal."""

    def run_one(*arguments: str, text: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*OPSTUI, *arguments], input=text, capture_output=True, text=True, check=False, timeout=60,
            env=environment(home, **changes), cwd=home,
        )  # fmt: skip

    return run_one


@pytest.fixture
def answer(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """The JSON that a command prints; it must succeed."""

    def ask(*arguments: str) -> Any:
        done = run(*arguments, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    return ask
