"""exec → first ticket row at 10,000 tickets against a bare Textual app: ``python -m tests.bench.start [--runs N]``.

Runs alternate and the ratio is taken within each pair, because machines are noisy.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import textwrap
from pathlib import Path

from tests.bench.figures import bring_in, cpu_seconds, made_up_tickets, peak_mib, spread
from tests.pty.job import TICKET_ROW
from tests.pty.terminal import OPSTUI, Terminal, environment, no_workers_left

BARE = textwrap.dedent("""
    from textual.app import App
    from textual.widgets import Static

    class Bare(App):
        def compose(self):
            yield Static("○ OPS-1 a line of text")

    Bare().run()
""")


def once(argv: list[str], home: Path) -> tuple[float, float, float]:
    """Seconds to the first row, CPU seconds until then, peak MiB."""
    with Terminal(argv, env=environment(home), columns=120, rows=36, cwd=home) as terminal:
        terminal.wait_text(TICKET_ROW, seconds=60)
        # wait_text emulates as it goes: the time is that of the read which completed the row.
        took = terminal.chunks[-1].at - terminal.started
        process = terminal.process.pid
        return took, cpu_seconds(process), peak_mib(process)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--tickets", type=int, default=10_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, no_workers_left(Path(made)):
        home = Path(made)
        print(bring_in(home, made_up_tickets(wanted.tickets)))
        bare = home / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        pairs = []
        for number in range(wanted.runs + 1):
            pair = once([*OPSTUI], home), once([sys.executable, str(bare)], home)
            if number:  # the first pair warms the caches and fills the ticket cache
                pairs.append(pair)
    for name, index in (("opstui", 0), ("bare Textual", 1)):
        print(f"{name}: first row {spread([pair[index][0] for pair in pairs])}")
        print(f"  CPU until then {spread([pair[index][1] for pair in pairs])}")
        print(f"  peak {statistics.median(pair[index][2] for pair in pairs):.0f} MiB")
    for what, index in (("wall", 0), ("CPU", 1), ("peak memory", 2)):
        print(f"ratio {what}: {statistics.median(ours[index] / max(floor[index], 1e-9) for ours, floor in pairs):.2f}")


if __name__ == "__main__":
    main()
