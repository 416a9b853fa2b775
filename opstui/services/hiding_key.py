"""The key of a session's placeholders, made from one that this machine keeps."""

from __future__ import annotations

import fcntl
import hmac
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from opstui.core.errors import ReadOnly
from opstui.core.text import clean_line

KEY_BYTES = 32


def hiding_key(folder: Path, chance: Callable[[int], bytes] = os.urandom) -> Callable[[str], bytes]:
    """Session id → 32 bytes that nobody else has and that are the same after a restart.

    Made from this machine's key, a 0600 file in ``folder`` that is written once, whoever of several processes comes
    first. Raises ReadOnly where it can be neither read nor made.
    """

    def key(session: str) -> bytes:
        return hmac.new(_machine_key(folder, chance), f"session\0{session}".encode(), sha256).digest()

    return key


def _machine_key(folder: Path, chance: Callable[[int], bytes]) -> bytes:
    path = folder / "hiding.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ReadOnly(
            f"{clean_line(str(path))} can't be opened ({error.strerror}): without it nothing can be sent to a runtime"
        ) from None
    try:
        # Whoever made the file holds the lock until the key is in it; everybody else waits those microseconds.
        fcntl.flock(fd, fcntl.LOCK_EX)
        found = os.read(fd, KEY_BYTES + 1)
        if len(found) == KEY_BYTES:
            return found
        found = chance(KEY_BYTES)
        os.ftruncate(fd, 0)
        os.pwrite(fd, found, 0)
        os.fsync(fd)
        return found
    except OSError as error:
        raise ReadOnly(
            f"{clean_line(str(path))} can't be written ({error.strerror}): without it nothing can be sent to a runtime"
        ) from None
    finally:
        os.close(fd)
