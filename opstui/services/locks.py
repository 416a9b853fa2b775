"""Locks that the kernel frees when their holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from opstui.core.errors import Busy, ReadOnly
from opstui.core.text import clean_line

ASKER_SECONDS = 2.0
"""How long somebody who only asks may take to let go; on a busy machine more than the microseconds it needs."""


class FileLock:
    """An ``flock`` on a small file that says who holds it. Not re-entrant, one per holder."""

    def __init__(self, path: Path, label: str) -> None:
        self.path = path
        self.label = label
        self._fd: int | None = None

    def take(self) -> bool:
        """Take it if it is free (or ours already); whether it is ours now. Raises ReadOnly where none can be made.

        Somebody who only asks whether it is held shares it for a moment; such a one is waited for, a holder never.
        """
        if self._fd is not None:
            return True
        deadline = time.monotonic() + ASKER_SECONDS
        while not self._try(fcntl.LOCK_EX):
            if not self._try(fcntl.LOCK_SH) or time.monotonic() >= deadline:
                self.release()
                return False
            self.release()
            time.sleep(0.001)
        self._sign()
        return True

    def _sign(self) -> None:
        """Who holds it is a courtesy to those who wait; the lock itself needs no room on the disk."""
        if self._fd is not None:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.write(self._fd, f"{os.getpid()} {self.label}\n".encode())

    def _try(self, kind: int) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ReadOnly(
                f"{clean_line(str(self.path))} can't be opened ({error.strerror}): nothing was begun"
            ) from None
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self, *, for_good: bool = False) -> None:
        """Give it back; harmless when it is not held. ``for_good``: nobody will ever want it again.

        Otherwise the file stays: removing it would let two holders lock two files of one name.
        """
        if self._fd is not None:
            if for_good:
                with suppress(OSError):
                    self.path.unlink()
            os.close(self._fd)
            self._fd = None

    def holder(self) -> str:
        """Who wrote their name last: ``pid label``."""
        try:
            return str(clean_line(self.path.read_bytes()[:200]))
        except OSError:
            return ""

    def is_held(self) -> bool:
        """Whether anybody holds it now."""
        if self._fd is not None:
            return True
        if not self.path.exists():
            return False
        if self._try(fcntl.LOCK_SH):
            self.release()
            return False
        return True


@contextmanager
def held(lock: FileLock, *, wait: float, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold ``lock``, waiting up to ``wait`` seconds for it. Raises Busy, naming the holder."""
    deadline = time.monotonic() + wait
    said = False
    while not lock.take():
        if time.monotonic() >= deadline:
            raise Busy(f"{lock.path.stem} is held by {lock.holder() or 'another process'}; try again in a moment")
        if say is not None and not said:
            said = True
            say(f"waiting for {lock.holder() or 'another process'}")
        time.sleep(0.02)
    try:
        yield
    finally:
        lock.release()
