"""The app on a remote queue whose system does not answer: what is cached is there at once, and nobody waits."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.many_issues import KEY, Issues, config, serving
from tests.pty.terminal import OPSTUI, Terminal, environment
from tests.services.remote import until

ROW = r"[▲◆●○]\s+rm:\d+"


@pytest.fixture
def remote(home: Path) -> Iterator[tuple[dict[str, str], Issues]]:
    """The environment of a desk whose queue was filled from a system that hangs from then on."""
    with serving(40) as (url, issues, hang):
        env = environment(home, BENCH_KEY=KEY)
        (home / "config.toml").write_text(config(url, poll_seconds=1), encoding="utf-8")
        filled = subprocess.run([*OPSTUI, "queue", "list"], env=env, cwd=home, capture_output=True, text=True)
        assert "Incidents" in filled.stdout, filled
        hang.set()
        yield env, issues


def test_a_system_that_hangs_delays_neither_the_first_paint_nor_a_key_nor_the_end(
    home: Path, remote: tuple[dict[str, str], Issues]
) -> None:
    env, issues = remote
    asked = issues.asked
    with Terminal([*OPSTUI], env=env | {"OPSTUI_DEBUG_KEYS": "1"}, cwd=home, columns=120) as terminal:
        terminal.wait_text(ROW)
        for number in range(1, 4):
            terminal.press("j")
            terminal.wait_text(f"K#0000{number}")
        until(lambda: issues.asked > asked, "the system is asked")
        terminal.press("r", "k")
        terminal.wait_text("K#00005")
        terminal.press("q")
        # The client waits 30 s for an answer, the desk 45.
        assert terminal.wait_end(20) == 0


def test_what_comes_while_the_app_is_open_is_on_the_screen_and_marked(home: Path) -> None:
    with serving(40) as (url, issues, _):
        env = environment(home, BENCH_KEY=KEY)
        (home / "config.toml").write_text(config(url, poll_seconds=1), encoding="utf-8")
        with Terminal([*OPSTUI], env=env, cwd=home, columns=120, rows=60) as terminal:
            terminal.wait_text(ROW)
            for _ in range(100):  # each changes one of the hundred that there could be
                issues.change()
            terminal.wait_text(r"~\d+.*\bnew\b|~\d+.*\bchanged\b|~\d+.*[•●*]")
            terminal.press("q")
            assert terminal.wait_end() == 0
