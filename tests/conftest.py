"""What every test can rely on: a quiet environment, and where real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

PROJECT = Path(__file__).resolve().parent.parent

# Examples differ from run to run where somebody looks; a change is judged by the same ones each time. No example has a
# time limit: a busy machine is no mistake of the code.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("looking", deadline=None, suppress_health_check=_SLOW)
settings.register_profile("judging", deadline=None, suppress_health_check=_SLOW, derandomize=True)
settings.load_profile("judging" if os.environ.get("CI") else "looking")

# Any of these changes what a screen or a command prints, so none is taken over from whoever runs the tests.
_NOISY = ("COLORTERM", "EDITOR", "NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "TMUX", "VISUAL")


# Files whose tests wait for real programs and terminals. They begin first, the longest at the front, so that no worker
# goes on alone with them at the end.
_FIRST = ("tests/pty/test_hostile_bytes.py", "tests/tui/test_places.py", "tests/behaviours", "tests/pty", "tests/tui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of files; that of the tests within a file stays."""

    def place(item: pytest.Item) -> int:
        return next((at for at, name in enumerate(_FIRST) if item.path.is_relative_to(PROJECT / name)), len(_FIRST))

    items.sort(key=place)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors, at most four: half of a worker's time goes by in waits."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's terminal, Textual's or opstui's own settings reaches a test."""
    for name in list(os.environ):
        if name in _NOISY or name.startswith("TEXTUAL") or (name.startswith("OPSTUI_") and name not in _OURS):
            monkeypatch.delenv(name)


_OURS = (
    "OPSTUI_SERVERS", "OPSTUI_TEST_DATA", "OPSTUI_TEST_SPECS", "OPSTUI_WRITE_PICTURES", "OPSTUI_WRITE_README",
)  # fmt: skip


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that the project does not carry; skips where it is absent."""
    folder = Path(os.environ.get("OPSTUI_TEST_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set OPSTUI_TEST_DATA")
    return folder
