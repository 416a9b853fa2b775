"""Uses the program once from outside, in a folder of its own: ``smoke.py wheel PROGRAM`` or ``smoke.py command LINE``.

``wheel`` starts the demo in a pty until a ticket row is on screen, quits it, and asks the command line for the queues.
``command`` runs a line of the README in this folder, with a terminal, until it shows a ticket row.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.pty.terminal import Terminal, environment, no_workers_left

TICKET_ROW = r"[▲◆●○]\s+[A-Z][A-Z0-9]*-\d+"
INSTALLING = 600
"""Seconds that a package index may take."""


def show_a_ticket_and_quit(terminal: Terminal, seconds: float) -> None:
    row = terminal.wait_text(TICKET_ROW, seconds=seconds)
    print(f"ticket row after {terminal.chunks[-1].at - terminal.started:.2f} s: {row.group()}")
    terminal.press("ctrl+q")
    status = terminal.wait_end()
    if status:
        sys.exit(f"quitting ended with {status}:\n{terminal.text()}")


def wheel(program: str, folder: Path) -> None:
    env = environment(folder, PYTHONPATH="")
    with Terminal([program, "demo"], env=env, cwd=folder) as terminal:
        show_a_ticket_and_quit(terminal, 60)
    listed = subprocess.run(
        [program, "--demo", "queue", "list", "--json"], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    if listed.returncode or not any(queue["open"] for queue in json.loads(listed.stdout)):
        sys.exit(f"queue list ended with {listed.returncode}:\n{listed.stdout}{listed.stderr}")
    print(f"queue list: {', '.join(queue['name'] for queue in json.loads(listed.stdout))}")
    where = subprocess.run(
        [Path(program).parent / "python", "-c", "import opstui; print(opstui.__file__)"],
        env=env, cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if not re.search(r"site-packages", where):
        sys.exit(f"this was not the wheel but {where}")


def command(line: str, folder: Path) -> None:
    if not line:
        sys.exit("README.md has no such command")
    env = {**os.environ, **environment(folder, PYTHONPATH="", HOME=os.environ.get("HOME", str(folder)))}
    with Terminal(["bash", "-c", line], env=env, columns=120, rows=36) as terminal:
        show_a_ticket_and_quit(terminal, INSTALLING)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        with no_workers_left(home):
            {"wheel": wheel, "command": command}[sys.argv[1]](sys.argv[2], home)
