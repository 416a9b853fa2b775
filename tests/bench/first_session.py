"""Key → frame in the running app while its first session starts: ``python -m tests.bench.first_session [--runs N]``.

What starts is all of it: the worker, its interpreter, the SDK, the first request, the agent's words. Each run measures
the same keys on the same screen at rest first, and the ratio is taken within each run, because machines are noisy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Idle, Say, Think, WaitFor
from tests.bench.desks import KEY, VARIABLE, runtime_table
from tests.bench.figures import answer, bring_in, made_up_tickets
from tests.pty.job import TICKET_ROW
from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left

KEYS = ("j", "k")
GAP = 0.01
"""Seconds between a frame and the next key: somebody who holds a key down."""


def serve() -> None:
    """The stand-in's process: elsewhere, as the service is, so that it is not measured."""
    spoken = Say("I read the ticket and what is known of it. " * 8, pieces=40, pause=0.03)
    with Rehearsal(key=KEY) as service:
        service.script((WaitFor("stream", 1), Think(input=900, output=90, within=(spoken,)), Idle()), times=1_000)
        print(service.url, flush=True)
        sys.stdin.read()


def answers(terminal: Terminal, seconds: float) -> list[float]:
    """Milliseconds from key to frame, key after key."""
    found: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found.append(1000 * terminal.answer_time(KEYS[len(found) % 2]))
        time.sleep(GAP)
    return found


def once(home: Path, seconds: float) -> tuple[list[float], list[float]]:
    """At rest, and while the first session starts."""
    env = environment(home, OPSTUI_DEBUG_KEYS="1", **{VARIABLE: KEY})
    with no_workers_left(home), Terminal([*OPSTUI], env=env, cwd=home, columns=120, rows=36) as terminal:
        terminal.wait_text(TICKET_ROW)
        terminal.press("enter")
        # Garbage collection begins when the app is three seconds old.
        time.sleep(4.0)
        answers(terminal, 1.0)
        rest = answers(terminal, seconds)
        terminal.press("s")
        terminal.press("escape")
        starting = answers(terminal, seconds)
        terminal.press("ctrl+q")
        terminal.wait_end()
    return rest, starting


def p99(values: list[float]) -> float:
    """99 of a hundred are below it."""
    return quantiles(values, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        serve()
        return
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.first_session", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        ratios = []
        for number in range(wanted.runs):
            with tempfile.TemporaryDirectory() as made:
                home = Path(made)
                table = runtime_table("managed", "managed-agents", url, "claude-sonnet-5-5")
                (home / "config.toml").write_text(
                    f'{table}[workflows.incident-summary]\nruntime = "managed"\n', encoding="utf-8"
                )
                bring_in(home, made_up_tickets(1_000, seed=number))
                rest, starting = once(home, wanted.seconds)
                [session] = answer(home, "session", "list")
            ratios.append(p99(starting) / p99(rest))
            print(
                f"at rest: p50 {median(rest):.1f} ms, p99 {p99(rest):.1f} ms (n={len(rest)}); while it starts: p50 "
                f"{median(starting):.1f} ms, p99 {p99(starting):.1f} ms (n={len(starting)}); p99 × {ratios[-1]:.2f}; "
                f"the session is {session['status']}, {'known over there' if session['remote_id'] else 'nowhere'}",
                flush=True,
            )
        child.communicate()
    print(f"p99 × {median(ratios):.2f} (median of {len(ratios)} runs, {min(ratios):.2f}–{max(ratios):.2f})")


if __name__ == "__main__":
    main()
