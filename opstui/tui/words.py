"""How moments, spans, money and severities are written on screen."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from opstui.core.errors import UsageError
from opstui.core.money import cents, dollars
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.core.zones import time_zone

SHAPES = {"1": "▲", "2": "◆", "3": "●", "4": "○"}
_ASCII = {
    "▲": "1",
    "◆": "2",
    "●": "3",
    "○": "4",
    "│": "|",
    "─": "-",
    "┃": "|",
    "▌": ">",
    "◐": "*",
    "✎": "d",
    "≈": "~",
    "…": "~",
    "▸": ">",
    "▾": "v",
    "·": "-",
    "✓": "v",
    "–": "-",
    "▓": "#",
    "░": ".",
    "▒": "=",
    "▏": "|",
    "→": ">",
    "▐": "|",
    "⟦": "[",
    "⟧": "]",
    "›": ">",
    "✗": "x",
    "■": "#",
    "□": "o",
    "◑": "o",
    "◌": ".",
}


def called(ref: TicketRef) -> str:
    """What people call a ticket (``TicketRef.called``); a shift's board by when it began, ``shift 11-20 08:00Z``."""
    if ref.system == BOARD_SYSTEM:
        return f"shift {ref.key[5:10]} {ref.key[11:16]}Z"
    return ref.called


def utf8(encoding: str | None = None) -> bool:
    """Whether the terminal's encoding can show the shapes."""
    return (encoding or getattr(sys.__stdout__, "encoding", None) or "").lower().replace("-", "") in ("utf8", "")


def plain(text: str) -> str:
    """``text`` with our own shapes in ASCII, for terminals that can't show them."""
    return "".join(_ASCII.get(char, char) for char in text)


def shape(severity: str | None) -> str:
    """``▲`` for the worst; ``·`` where there is none. Meaning never rests on colour alone."""
    return SHAPES.get(severity or "", "·")


def span(seconds: float) -> str:
    """A short length of time in its largest whole unit: ``4m``, ``2h``, ``3d``; under a minute ``0m``."""
    minutes = int(abs(seconds) // 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h"
    days = minutes // 1440
    return f"{days}d" if days < 1000 else f"{days // 365}y"


def age(since: datetime, now: datetime) -> str:
    """How long ago, short; ``0m`` for what lies in the future."""
    return span(max(0.0, (now - since).total_seconds()))


def due(at: datetime | None, now: datetime) -> str:
    """Time left, ``-12m`` when it is over, ``–`` where nothing is due."""
    if at is None:
        return "–"
    left = (at - now).total_seconds()
    return span(left) if left >= 0 else "-" + span(left)


def left(until: datetime, now: datetime) -> str:
    """``3h12``: what is left of a shift."""
    minutes = max(0, int((until - now).total_seconds() // 60))
    return f"{minutes // 60}h{minutes % 60:02d}"


@lru_cache(8)
def zone(name: str) -> tzinfo:
    """The operator's time zone; UTC where the name is not known here."""
    try:
        return time_zone(name)
    except UsageError:
        return UTC


def clock(at: datetime, timezone: str, now: datetime | None = None) -> str:
    """``03:14`` in the operator's zone; with ``now`` on another day ``19 Nov 03:14``."""
    here = at.astimezone(zone(timezone))
    if now is not None and now.astimezone(zone(timezone)).date() != here.date():
        return f"{here.day:2d} {here:%b %H:%M}"
    return f"{here:%H:%M}"


def money(micros: int) -> str:
    """``$1.84``: two decimals."""
    return "$" + cents(micros)


def estimate(micros: int, *, fine: bool = False) -> str:
    """``≈ $1.84``, or with four decimals: an estimate never goes without its mark."""
    return f"≈ ${dollars(micros)}" if fine else f"≈ ${cents(micros)}"


def exact_money(micros: int) -> str:
    """``$0.0312``: always four decimals, so that a figure that ticks keeps its width."""
    text = dollars(micros)
    whole, _, part = text.partition(".")
    return f"${whole}.{part.ljust(4, '0')}"


def running(milliseconds: int) -> str:
    """``0:42``, ``1:02:05``: how long a session has been running."""
    seconds = milliseconds // 1000
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


def count(number: int) -> str:
    """``8.1k``: tokens and the like in four cells."""
    if number < 1000:
        return str(number)
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"
