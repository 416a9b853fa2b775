"""The machine's clock and its source of chance."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


class SystemClock:
    """The clock on the wall and the one that never goes back."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()


class SystemRandomness:
    """The kernel's randomness."""

    def bytes(self, count: int) -> bytes:
        """``count`` bytes that nobody can guess."""
        return os.urandom(count)

    def choice(self, letters: str) -> str:
        """One of ``letters``, evenly."""
        import secrets  # 2 ms, which only Confirm pays

        return secrets.choice(letters)
