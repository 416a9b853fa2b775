"""Where ids, time and chance come from, and what an id looks like.

Time, ids and randomness are ports, so that a test or a simulation owns them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Clock(Protocol):
    """Wall and monotonic time."""

    def now(self) -> datetime:
        """Aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; for intervals only."""


class Randomness(Protocol):
    """Bytes nobody can guess."""

    def bytes(self, count: int) -> bytes:
        """``count`` random bytes."""

    def choice(self, letters: str) -> str:
        """One of ``letters``, evenly."""


def ulid(moment: datetime, entropy: bytes) -> str:
    """A ULID: 48 bits of milliseconds and 80 of ``entropy`` (10 bytes) in 26 letters that sort by time."""
    number = (int(moment.timestamp() * 1000) << 80) | int.from_bytes(entropy[:10], "big")
    letters = []
    for _ in range(26):
        letters.append(CROCKFORD[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def new_id(clock: Clock, randomness: Randomness) -> str:
    """A fresh ULID."""
    return ulid(clock.now(), randomness.bytes(10))
