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


class FileLock:
    """An ``flock`` on a small file that says who holds it. Not re-entrant, one per holder."""

    def __init__(self, path: Path, label: str) -> None:
        self.path = path
        self.label = label
        self._fd: int | None = None

    def take(self) -> bool:
        """Take it if it is free; whether it is ours now. Raises ReadOnly where no lock file can be made."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ReadOnly(
                f"{clean_line(str(self.path))} can't be opened ({error.strerror}): nothing was begun"
            ) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        # Who holds it is a courtesy to those who wait; the lock itself needs no room on the disk.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()} {self.label}\n".encode())
        self._fd = fd
        return True

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._fd is not None:
            # Closing frees the lock. The file stays: removing it would let two holders lock two files of one name.
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
        if self.take():
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
