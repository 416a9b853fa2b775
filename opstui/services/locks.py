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

    def take(self, *, tries: int = 5) -> bool:
        """Take it if it is free (or ours already); whether it is ours now. Raises ReadOnly where none can be made.

        Tried a few times within 20 ms: somebody who only asks whether it is held has it for some microseconds.
        """
        if self._fd is not None:
            return True
        while not self._try():
            tries -= 1
            if tries <= 0:
                return False
            time.sleep(0.005)
        return True

    def _try(self) -> bool:
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
        if self.take(tries=1):
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
