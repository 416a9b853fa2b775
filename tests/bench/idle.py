"""What the program writes and burns while nothing happens: ``python -m tests.bench.idle [--seconds N]``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.bench.figures import bring_in, cpu_seconds, made_up_tickets
from tests.pty.job import TICKET_ROW
from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--tickets", type=int, default=10_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, no_workers_left(Path(made)):
        home = Path(made)
        bring_in(home, made_up_tickets(wanted.tickets))
        with Terminal([*OPSTUI], env=environment(home), columns=120, rows=36, cwd=home) as terminal:
            terminal.wait_text(TICKET_ROW)
            terminal.wait_quiet(2)
            size, cpu, count = len(terminal.raw), cpu_seconds(terminal.process.pid), len(terminal.chunks)
            time.sleep(wanted.seconds)
            burnt = cpu_seconds(terminal.process.pid) - cpu
            print(
                f"{len(terminal.raw) - size} bytes in {len(terminal.chunks) - count} writes in {wanted.seconds:.0f} s"
            )
            print(f"CPU {100 * burnt / wanted.seconds:.2f} %")


if __name__ == "__main__":
    main()
