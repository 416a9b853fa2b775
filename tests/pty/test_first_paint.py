"""What the program has loaded when its first ticket row is on the screen."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.pty.job import TICKET_ROW
from tests.pty.terminal import OPSTUI, PACKAGE_HOME, Terminal, environment

# Stands first among the finders of every interpreter that starts with it, and finds nothing itself.
WATCH = textwrap.dedent("""
    import os, sys, time

    class Watch:
        heavy = {"anthropic", "httpx2", "keyring", "pydantic", "sqlalchemy"}

        def find_spec(self, name, path=None, target=None):
            if name in self.heavy:
                with open(os.environ["WATCHED"], "a") as file:
                    print(os.getpid(), name, time.monotonic(), file=file)

    sys.meta_path.insert(0, Watch())
""")


def test_nothing_heavy_is_imported_before_the_first_paint(home: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = tmp_path / "watched"
    watched.touch()
    env = environment(home, PYTHONPATH=f"{site}:{PACKAGE_HOME}", WATCHED=str(watched))
    with Terminal([*OPSTUI, "demo"], env=env, cwd=home) as terminal:
        terminal.wait_text(TICKET_ROW)
        painted = terminal.chunks[-1].at
        lines = [line.split() for line in watched.read_text().splitlines()]
    early = [name for process, name, at in lines if int(process) == terminal.process.pid and float(at) < painted]
    assert early == []
