"""Pauses that a system asks for."""

from __future__ import annotations

from datetime import UTC, datetime

RETRY_AFTER_LIMIT = 300.0
"""Seconds; a system that asks for more is asked again after this."""


def retry_after(value: str | float | None, now: datetime) -> float | None:
    """Seconds from a ``Retry-After``: a number or an HTTP date, clamped to 0–300; None for what is neither."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit():
            seconds = float(text[:12])
        else:
            from email.utils import parsedate_to_datetime  # takes 10 ms, and hardly any system sends a date

            try:
                moment = parsedate_to_datetime(text)
            except (ValueError, TypeError, IndexError, OverflowError):
                return None
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            seconds = (moment - now).total_seconds()
    else:
        seconds = float(value)
        if seconds != seconds or seconds < 0:
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT)
