"""The process that owns sessions and pushes.

Nothing that talks to a runtime or sends an update runs in the process that paints: a terminal that nobody reads stops
Textual's event loop within two seconds. A worker has no terminal, its own session, ignores hang-ups, and outlives the
screen until its sessions are over and its outbox is settled.
"""

from __future__ import annotations

import copyreg
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from opstui.services.locks import FileLock

if TYPE_CHECKING:
    from opstui.config.paths import Paths
    from opstui.config.settings import Settings

log = logging.getLogger("opstui.worker")


def _view_of(items: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(items)


# Settings hold read-only mappings, which pickle does not know by itself.
copyreg.pickle(MappingProxyType, lambda view: (_view_of, (dict(view),)))

LINGER_SECONDS = 45.0
"""How long a worker without work stays: the next session starts at once, without an interpreter's start."""


def worker_lock(locks: Path) -> FileLock:
    """One worker per data folder."""
    return FileLock(locks / "worker.lock", "worker")


def spawn(settings: Settings, paths: Paths, *, demo: bool, secrets: Mapping[str, str]) -> bool:
    """Start a worker unless one runs; whether one was started. Returns at once.

    The settings and the secrets that were in the environment go through a pipe: an argument list can be read by
    everyone on the machine, and an environment is inherited by every child.
    """
    if worker_lock(paths.locks).is_held():
        return False
    with _last_words(paths) as errors:
        child = subprocess.Popen(  # it outlives us on purpose
            [sys.executable, "-m", "opstui.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            cwd="/",
            close_fds=True,
        )
    assert child.stdin is not None
    try:
        child.stdin.write(pickle.dumps((settings, paths, demo, dict(secrets))))
        child.stdin.close()
    except BrokenPipeError:
        log.warning("the worker ended before it read its settings")
    # It may end before us, and somebody has to take note of that: a screen that is open for days would collect zombies.
    threading.Thread(target=child.wait, name="worker-end", daemon=True).start()
    return True


def _last_words(paths: Paths) -> IO[bytes]:
    """Where a worker says why it could not even start: beside the log, for the newest worker only."""
    file = paths.log_file.with_name("worker.err")
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError:
        handle = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return open(handle, "wb", buffering=0)


def main() -> int:
    """Run until nothing is left to do. Reads its settings from standard input."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settings, paths, demo, secrets = pickle.loads(sys.stdin.buffer.read())
    os.umask(0o077)
    # Loading the SDK takes a second of CPU, and an operator types meanwhile: the process that paints goes first.
    os.nice(5)
    _detach_from_input()
    lock = worker_lock(paths.locks)
    if not lock.take():
        return 0
    from opstui.config.logs import start_logging
    from opstui.wiring import open_setup

    start_logging(paths, process="worker")
    setup = open_setup(settings, paths, demo=demo, secrets=secrets)
    from opstui.services.working import Work

    work = Work(setup)
    stop = work.stop
    signal.signal(signal.SIGTERM, lambda *_: stop())
    signal.signal(signal.SIGINT, lambda *_: stop())
    log.info("worker started, pid %s", os.getpid())
    try:
        while True:
            work.run_until_idle(linger=LINGER_SECONDS)
            lock.release()
            # Work that arrived between the last look and the release would wait for the next worker otherwise.
            if work.stopped or not work.has_work() or not lock.take():
                break
    finally:
        lock.release()
        for close in setup.closers:
            close()
        log.info("worker ended")
    return 0


def _detach_from_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
