"""Where ids, time and chance come from, and what an id looks like.

Time, ids and randomness are ports, so that a test or a simulation owns them.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Protocol

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STEPS_AT_MOST = 16
"""Steps of one update, those included that were parted because half of one had arrived."""


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


def step_id(op_id: str, step: int) -> str:
    """The op id of an update's step: the update's own for step 0, one counted on from it for a later one.

    Each step needs its own: the mark that an earlier step left says nothing of a later one.
    """
    letters, place = list(op_id), len(op_id)
    while step and place and letters[place - 1] in CROCKFORD:
        place -= 1
        step, left = divmod(CROCKFORD.index(letters[place]) + step, 32)
        letters[place] = CROCKFORD[left]
    return "".join(letters)


@lru_cache(maxsize=64)
def step_ids(op_id: str) -> frozenset[str]:
    """Every op id that an update's steps can have."""
    return frozenset(step_id(op_id, step) for step in range(STEPS_AT_MOST))
