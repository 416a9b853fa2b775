"""The stand-in's own clock, for where nobody hands it one: it runs as a process of its own and knows only the core."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class MachineClock:
    """The clock on the wall and the one that never goes back."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always six digits of them, as the service writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
