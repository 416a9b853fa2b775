"""One stand-in process per home, shared by every process of it: found, or started, and noticed when it is dead."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opstui.core.errors import Unreachable
from opstui.core.text import clean_line

FILE = "service.json"
"""``{"url": …, "pid": …}`` of the process that runs, or of one that ran."""
STARTING = "starting.lock"
ALIVE = "alive.lock"
"""Held by the process for its whole life, so there is never a second one."""
LAST_WORDS = "service.err"
START_SECONDS = 20.0
HEALTH = "/rehearsal"
"""Answers without a key, with the process's id."""
PACE = "OPSTUI_REHEARSAL_PACE"
"""How believable its pace is: 1 (the default) takes a model's time, 0 none."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", PACE)


def ensure_running(folder: Path) -> str:
    """The address of the stand-in of ``folder``, without a slash at the end; starts one unless it runs.

    It outlives whoever started it and ends by itself. The folder is made, 0700. Raises Unreachable if it can't be
    started. Takes a millisecond where it runs, half a second where it does not.
    """
    url = address(folder)
    if url is not None:
        return url
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder / STARTING):
            return address(folder) or _start(folder)
    except OSError as error:
        raise Unreachable(f"the rehearsal could not be started ({error.strerror})", system="rehearsal") from None


def address(folder: Path) -> str | None:
    """Where the stand-in of ``folder`` answers; None if none does, whatever the file says."""
    try:
        told = json.loads((folder / FILE).read_bytes())
        url, pid = str(told["url"]), int(told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if _answers(url, pid) else None


def announce(folder: Path, url: str) -> None:
    """Write down where this process answers, readable by its owner only."""
    fresh = folder / f"{FILE}.{os.getpid()}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps({"url": url, "pid": os.getpid()}))
    os.replace(fresh, folder / FILE)


def hold(folder: Path) -> int | None:
    """Hold the place of the only process of ``folder``; None if another one has it. Freed with the process."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _start(folder: Path) -> str:
    errors = os.open(folder / LAST_WORDS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(  # it outlives us on purpose
            [sys.executable, "-m", "opstui.rehearsal", "--folder", str(folder.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            cwd="/",
            close_fds=True,
            # It needs nothing of ours, and a child's environment can be read by everything that runs as this user.
            env={key: os.environ[key] for key in os.environ if key in _PASSED_ON or key.startswith("PYTHON")},
        )
    finally:
        os.close(errors)
    threading.Thread(target=child.wait, name="rehearsal-end", daemon=True).start()
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        url = address(folder)
        if url is not None:
            return url
        if child.poll() is not None:
            break
        time.sleep(0.02)
    said = (folder / LAST_WORDS).read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    raise Unreachable(
        f"the rehearsal could not be started ({clean_line(said, limit=200) or 'no answer'})", system="rehearsal"
    )


def _answers(url: str, pid: int) -> bool:
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=2.0)
    try:
        connection.request("GET", HEALTH)
        told = json.loads(connection.getresponse().read())
        return isinstance(told, dict) and told.get("rehearsal") == pid
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it; freed with the process too."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
