"""A terminal that nobody reads for a minute: ``python -m tests.bench.unread_pty [--seconds N]``.

The app is stuck in a write; meanwhile a session and a push that it started must go on, and others' work too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.bench.figures import answer, run
from tests.pty.job import ARMED, TICKET_ROW, letters
from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left
from tests.pty.test_nobody_reads import to_a_ticket_of_nobody


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, no_workers_left(Path(made)):
        home = Path(made)
        with Terminal([*OPSTUI, "demo"], env=environment(home), columns=120, rows=36, cwd=home) as terminal:
            terminal.wait_text(TICKET_ROW)
            key = to_a_ticket_of_nobody(terminal)
            terminal.press("s")
            terminal.wait_quiet(1)
            terminal.press("escape", "escape")
            terminal.wait_text(TICKET_ROW)
            terminal.press("a")
            letters(terminal)
            terminal.wait_quiet(ARMED)
            typed = letters(terminal)
            terminal.pause_reading()
            begun = time.monotonic()
            terminal.press(*typed, *["ctrl+l"] * 60)
            pushed = 0.0
            slowest = 0.0
            runs = 0
            while time.monotonic() - begun < wanted.seconds:
                started = time.monotonic()
                done = run(home, "--demo", "run", "incident-summary", f"local:{key}", "--runtime", "offline", "--json")
                slowest = max(slowest, time.monotonic() - started)
                runs += 1
                if done.returncode:
                    print(f"run ended with {done.returncode}: {done.stderr[:200]}")
                states = [one["state"] for one in answer(home, "--demo", "draft", "list")]
                if not pushed and "pushed" in states:
                    pushed = time.monotonic() - begun
                time.sleep(1)
            sessions = answer(home, "--demo", "session", "list")
            lengths = [
                (datetime.fromisoformat(one["ended_at"]) - datetime.fromisoformat(one["started_at"])).total_seconds()
                for one in sessions
                if one["ended_at"] and one["started_at"]
            ]
            print(f"the push was done after {pushed:.1f} s" if pushed else "the push was NOT done")
            print(f"{runs} sessions beside it, slowest {slowest:.1f} s as a process, {max(lengths):.2f} s as a session")
            terminal.go_on_reading()
            again = time.monotonic()
            terminal.press("ctrl+g")
            terminal.wait_text(r"summary.*escalation")
            print(f"read again after {wanted.seconds:.0f} s: a key is answered after {time.monotonic() - again:.2f} s")


if __name__ == "__main__":
    main()
