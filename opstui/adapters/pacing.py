"""When a server may be asked: the breaker that stops asking one that is down, the gate that keeps its rate limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from opstui.core.ids import Clock
from opstui.core.pauses import RETRY_AFTER_LIMIT, retry_after

FAILURES = 5
"""Requests in a row without an answer, or with one that says that the server is broken, before it is left alone."""
OPEN_SECONDS = 30.0
RESERVE = 20
"""A twentieth of what a server allows is kept for writes."""

_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_LIMIT = ("ratelimit-limit", "x-ratelimit-limit", "x-rate-limit")
_RESET = ("ratelimit-reset", "x-ratelimit-reset")
_EPOCH_FROM = 1_000_000_000.0
"""A reset of this and above is a moment (seconds since 1970), below a span: vendors use both."""


class Breaker:
    """After five failures in a row: thirty seconds closed to everybody, then one may try. Safe from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False

    def enter(self) -> float | None:
        """None: ask, and tell :meth:`leave` how it went. Otherwise seconds until it is worth another look."""
        with self._guard:
            if self._open_until is None:
                return None
            left = self._open_until - self._clock.monotonic()
            if left > 0:
                return left
            if self._trying:
                return 1.0
            self._trying = True
            return None

    def leave(self, *, failed: bool | None) -> None:
        """How a request went; None where it was given up and tells nothing."""
        with self._guard:
            self._trying = False
            if failed is None:
                return
            if not failed:
                self._failures = 0
                self._open_until = None
                return
            self._failures += 1
            if self._failures >= FAILURES:
                self._open_until = self._clock.monotonic() + OPEN_SECONDS


class Gate:
    """What a server said of its rate limits, kept before it has to say no. Safe from any thread."""

    def __init__(self, clock: Clock, *, min_write_gap: float = 0.0) -> None:
        self._clock = clock
        self._gap = min_write_gap
        self._guard = threading.Lock()
        self._reads_from = 0.0
        self._writes_from = 0.0
        self._next_write = 0.0

    def wait(self, *, writes: bool) -> float:
        """Seconds until a request of this kind may leave; 0 for now."""
        with self._guard:
            return max(0.0, (self._writes_from if writes else self._reads_from) - self._clock.monotonic())

    def turn(self) -> float:
        """Take the next turn of writing: seconds until it comes."""
        with self._guard:
            now = self._clock.monotonic()
            at = max(now, self._next_write)
            self._next_write = at + self._gap
            return at - now

    def heard(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Take in what an answer says; the pause that it asks for in so many words (``Retry-After``), if it does."""
        now = self._clock.now()
        asked = retry_after(headers.get("retry-after"), now) if status in (403, 429, 503) else None
        remaining = _number(headers, _REMAINING)
        reset = _reset(headers, now)
        with self._guard:
            moment = self._clock.monotonic()
            if asked is not None:
                self._reads_from = max(self._reads_from, moment + asked)
                self._writes_from = max(self._writes_from, moment + asked)
            if remaining is not None and reset is not None:
                if remaining <= (_number(headers, _LIMIT) or 0) // RESERVE:
                    self._reads_from = max(self._reads_from, moment + reset)
                if remaining <= 0:
                    self._writes_from = max(self._writes_from, moment + reset)
        return reset if asked is None and (status == 429 or exhausted(headers)) else asked


def exhausted(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that nothing is left of what is allowed."""
    remaining = _number(headers, _REMAINING)
    return remaining is not None and remaining <= 0


def _number(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    for name in names:
        text = headers.get(name, "").strip()
        # Some add a window to it: ``100;w=60``.
        text = text.partition(";")[0].partition(",")[0].strip()
        if text.isascii() and text.isdigit() and len(text) < 12:
            return int(text)
    return None


def _reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the limit is reset, at most as long as any pause may be; None where nobody says, or in riddles."""
    for name in _RESET:
        text = headers.get(name, "").strip()
        if not text:
            continue
        if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20:
            seconds = float(text)
            if seconds >= _EPOCH_FROM:
                seconds -= now.timestamp()
            return min(max(seconds, 0.0), RETRY_AFTER_LIMIT)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return min(max((moment - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)
    return None
