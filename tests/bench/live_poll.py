"""Key → frame in the app while a remote queue of 10,000 is polled: ``python -m tests.bench.live_poll [--runs N]``.

The queue is a stand-in's, over HTTP, in a process of its own; one ticket in a hundred changes before each poll. Each
run measures the same keys at rest first (nothing changes, the app polls all the same), and the ratio is taken within a
run, because machines are noisy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median

from tests.bench.figures import cpu_seconds
from tests.bench.first_session import answers, p99
from tests.bench.many_issues import KEY, config
from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left

POLL = 5.0


def post(url: str, path: str) -> None:
    """Tell the stand-in something."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", method="POST", data=b"")) as answer:
        answer.read()


def once(home: Path, url: str, seconds: float) -> tuple[list[float], list[float], float]:
    """Milliseconds from key to frame at rest, and while 1 % changes every few seconds; CPU at idle in percent."""
    env = environment(home, OPSTUI_DEBUG_KEYS="1", BENCH_KEY=KEY)
    with no_workers_left(home), Terminal([*OPSTUI], env=env, cwd=home, columns=120, rows=36) as terminal:
        terminal.wait_text(r"[▲◆●○]\s+rm:\d+")
        # Garbage collection begins when the app is three seconds old; then the first poll is over as well.
        time.sleep(8.0)
        cpu = cpu_seconds(terminal.process.pid)
        time.sleep(seconds)
        idle = 100 * (cpu_seconds(terminal.process.pid) - cpu) / seconds
        answers(terminal, 1.0)
        rest = answers(terminal, seconds)
        over = threading.Event()

        def change() -> None:
            while not over.is_set():
                post(url, "change")
                over.wait(POLL / 2)

        thread = threading.Thread(target=change, daemon=True)
        thread.start()
        time.sleep(1.0)
        polled = answers(terminal, seconds)
        over.set()
        thread.join()
        terminal.press("ctrl+q")
        terminal.wait_end()
    return rest, polled, idle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--tickets", type=int, default=10_000)
    wanted = parser.parse_args()
    ratios = []
    for _ in range(wanted.runs):
        with (
            tempfile.TemporaryDirectory() as made,
            subprocess.Popen(
                [sys.executable, "-m", "tests.bench.many_issues", "--issues", str(wanted.tickets)],
                stdout=subprocess.PIPE, text=True,
            ) as child,
        ):  # fmt: skip
            try:
                assert child.stdout is not None
                url = child.stdout.readline().strip()
                home = Path(made)
                (home / "config.toml").write_text(config(url, poll_seconds=POLL), encoding="utf-8")
                filled = subprocess.run(
                    [*OPSTUI, "queue", "list"], env=environment(home, BENCH_KEY=KEY), cwd=home, check=True,
                    capture_output=True, text=True,
                )  # fmt: skip
                assert "Incidents" in filled.stdout, filled
                rest, polled, idle = once(home, url, wanted.seconds)
            finally:
                child.terminate()
        ratios.append(p99(polled) / p99(rest))
        late = [sum(one > 16 for one in values) for values in (rest, polled)]
        print(
            f"at rest: p50 {median(rest):.1f}, p99 {p99(rest):.1f}, max {max(rest):.1f} ms, {late[0]} of {len(rest)} "
            f"over 16; polled: p50 {median(polled):.1f}, p99 {p99(polled):.1f}, max {max(polled):.1f} ms, {late[1]} of "
            f"{len(polled)} over 16; p99 × {ratios[-1]:.2f}; idle with a poll every {POLL:.0f} s: {idle:.2f} % CPU",
            flush=True,
        )
    print(f"p99 × {median(ratios):.2f} (median of {len(ratios)} runs, {min(ratios):.2f}–{max(ratios):.2f})")


if __name__ == "__main__":
    main()
