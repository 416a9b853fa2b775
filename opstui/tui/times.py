"""Moments and sizes as the screens of a draft spell them, beside :mod:`opstui.tui.words`."""

from __future__ import annotations

from datetime import datetime, tzinfo

from opstui.tui.words import age


def clock(moment: datetime, tz: tzinfo) -> str:
    """``03:14:09``: to the second, where a person waits for what comes next."""
    return moment.astimezone(tz).strftime("%H:%M:%S")


def day_clock(moment: datetime, tz: tzinfo) -> str:
    """``20 Nov 03:14:09``."""
    local = moment.astimezone(tz)
    return f"{local.day:2d} {local:%b %H:%M:%S}"


def ago(moment: datetime, now: datetime) -> str:
    """``now``, ``4m``, ``2h``, ``3d``."""
    short = age(moment, now)
    return "now" if short == "0m" else short


def size(count: int) -> str:
    """``412 B``, ``3.1 kB``, ``2.0 MB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
