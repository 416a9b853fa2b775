"""``python -m opstui.rehearsal``: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from opstui.rehearsal.process import FILE, PACE, announce, hold
from opstui.rehearsal.service import Rehearsal

LINGER_SECONDS = 15 * 60.0
"""Without a request, a stream or a running session, it ends after this long."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer until told to end, or (with a folder) until nobody has wanted anything for a while."""
    parser = argparse.ArgumentParser(prog="python -m opstui.rehearsal", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1 (default: any free port)")
    parser.add_argument("--folder", type=Path, help="announce it there, and end after a while without requests")
    parser.add_argument(
        "--pace", type=float, default=_pace(), help="1 takes a model's time, 0 none (default: %(default)s)"
    )
    parser.add_argument("--linger", type=float, default=LINGER_SECONDS, help="seconds without requests until it ends")
    given = parser.parse_args(arguments)
    os.umask(0o077)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if given.folder is None:
        with Rehearsal(port=given.port, pace=given.pace) as service:
            sys.stdout.write(f"{service.url}\n")
            sys.stdout.flush()
            ended.wait()
        return 0
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    held = hold(given.folder)
    if held is None:
        sys.stderr.write("another rehearsal holds this folder\n")
        return 0
    with Rehearsal(port=given.port, pace=given.pace, keep_requests=False) as service:
        announce(given.folder, service.url)
        while not ended.wait(min(1.0, given.linger)):
            if not service.is_busy() and time.monotonic() - service.last_contact > given.linger:
                break
        (given.folder / FILE).unlink(missing_ok=True)
    os.close(held)
    return 0


def _pace() -> float:
    try:
        return max(0.0, float(os.environ.get(PACE, "1")))
    except ValueError:
        return 1.0


if __name__ == "__main__":
    sys.exit(main())
