"""Real servers, where they run: ``OPSTUI_SERVERS`` names the folder that ``up.py start`` wrote.

Each test makes tickets of its own and leaves the server as it is. Without a server it skips, which ``.ci/run`` takes
for a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.behaviours.program import Warm

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.servers)
            # Longer than one command may take: it is what says which one it was.
            item.add_marker(pytest.mark.timeout(300))


def server(name: str) -> Mapping[str, str]:
    """What ``NAME.env`` says; skips where there is none."""
    folder = os.environ.get("OPSTUI_SERVERS")
    file = Path(folder) / f"{name}.env" if folder else None
    if file is None or not file.is_file():
        pytest.skip(f"no {name} here: python3 tests/servers/up.py start FOLDER, OPSTUI_SERVERS=FOLDER")
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


@pytest.fixture
def rt_env() -> Mapping[str, str]:
    """RT_URL, RT_TOKEN (root), RT_TOKEN_ALICE, RT_TOKEN_BOB."""
    return server("rt")


@pytest.fixture
def redmine_env() -> Mapping[str, str]:
    """REDMINE_URL, REDMINE_KEY (admin), REDMINE_KEY_ALICE, REDMINE_KEY_BOB."""
    return server("redmine")


@pytest.fixture
def alertmanager_env() -> Mapping[str, str]:
    """AM_URL."""
    return server("alertmanager")


@pytest.fixture
def mediawiki_env() -> Mapping[str, str]:
    """MEDIAWIKI_URL, MEDIAWIKI_USER, MEDIAWIKI_PASSWORD (of a bot password that may write)."""
    return server("mediawiki")


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """One process that everything is imported in, for the many command lines."""
    made = Warm()
    yield made
    made.close()
