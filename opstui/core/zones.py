"""Time zones by their IANA names."""

from __future__ import annotations

from datetime import UTC, tzinfo

from opstui.core.errors import UsageError


def time_zone(name: str) -> tzinfo:
    """The zone. Raises UsageError for a name that is not known on this machine."""
    if name == "UTC":
        return UTC
    # Here, because it costs 4 ms, and many servers run in UTC.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"{name!r} is not a time zone: write one like Europe/Berlin") from None
