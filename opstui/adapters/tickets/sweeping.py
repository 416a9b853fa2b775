"""Polling a queue of a system that has no list in the order of updates: its list is read whole, page by page.

Reading all of it is a **sweep**, and tells who left. A queue that fits one page is swept at each poll, a larger one now
and then; what happened in between is what the system has for **news**: a log, or a search that may lag.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from opstui import __version__
from opstui.adapters.tickets.polling import LONGEST_PAUSE as LONGEST_PAUSE, rest_after
from opstui.core.canonical import canonical, fingerprint
from opstui.core.errors import CredentialsRefused, Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket

RESTARTS = 3
"""How often a sweep begins again because its position lapsed."""
PAGES = 1000
"""Of one sweep; where rows slip away faster than they can be read, it ends all the same."""
SWEEP_LIMIT = timedelta(hours=1)
"""A sweep that was interrupted for longer begins again; positions lapse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened since a mark."""

    mark: Any
    """Where the next news begin: anything that JSON can say, by the system's clock and not by ours."""
    tickets: tuple[Ticket, ...] = ()
    """Those of the queue that changed, as they are now."""
    gone: tuple[Ticket, ...] = ()
    """Changed tickets that are not in the queue now; whether they were is not known."""
    whole: bool = True
    """Off: this may not be everything, so the list has to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A page of the list."""

    tickets: tuple[Ticket, ...]
    mark: Any
    """The mark that was given, or the first one."""
    next: str | None = None
    """Where to go on; None at the end. Where rows slipped away between the page before and this one, further back."""


class Source(Protocol):
    """A system's two questions. Each raises what ``TicketSystem.changed_since`` does."""

    async def news(self, queue: Queue, mark: Any) -> News:
        """What happened since ``mark``, which is an earlier answer's, or None."""

    async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
        """The page of the list at ``position``, in an order in which rows only ever move forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweep:
    """A sweep that is not over."""

    started: datetime
    position: str | None = None
    pages: int = 0
    restarts: int = 0
    rows: str = ""
    """Fingerprint of the page before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """What a cursor says."""

    mark: Any = None
    keys: tuple[str, ...] | None = None
    """All keys of a small queue."""
    swept_at: datetime | None = None
    pause: timedelta = field(default_factory=timedelta)
    """How long after the last sweep the next one is due."""
    sweep: _Sweep | None = None


async def poll(source: Source, queue: Queue, cursor: Cursor | None, clock: Clock, *, scope: str) -> Changes:
    """One page of what changed in ``queue`` after ``cursor``: what ``TicketSystem.changed_since`` promises.

    A cursor that is damaged, or of another program version, query or ``scope`` (the origin), counts as none. Raises
    what ``source`` raises.
    """
    label = fingerprint(canonical([__version__, scope, queue.system, queue.query]))[:16]
    stand = _read(cursor.value, label) if cursor is not None else _Stand()
    now = clock.now()
    gone: dict[str, Ticket] = {}
    if stand.sweep is not None and not timedelta() <= now - stand.sweep.started <= SWEEP_LIMIT:
        stand = replace(stand, sweep=None, swept_at=None)
    if stand.sweep is None:
        news = await source.news(queue, stand.mark)
        stand = replace(stand, mark=news.mark)
        gone = {ticket.ref.key: ticket for ticket in news.gone}
        rested = stand.swept_at is not None and timedelta() <= now - stand.swept_at < stand.pause
        if news.whole and rested:
            return _changes(news.tickets, tuple(gone), stand, label)
        stand = replace(stand, sweep=_Sweep(started=now))
    assert stand.sweep is not None
    return await _swept(source, queue, stand, stand.sweep, gone, clock, label)


async def _swept(
    source: Source, queue: Queue, stand: _Stand, sweep: _Sweep, gone: dict[str, Ticket], clock: Clock, label: str
) -> Changes:
    """The next page of a sweep."""
    try:
        part = await source.part(queue, sweep.position, stand.mark)
    except CredentialsRefused:
        raise
    except Refused:
        if sweep.position is None or sweep.restarts >= RESTARTS:
            raise
        # The position may have lapsed meanwhile; the same question without it tells.
        again = _Sweep(started=sweep.started, restarts=sweep.restarts + 1)
        return _changes((), (), replace(stand, sweep=again), label, complete=False)
    rows = fingerprint(canonical([[one.ref.key, one.version] for one in part.tickets]))
    if part.next is not None and part.tickets and sweep.position is not None and rows == sweep.rows:
        raise Refused(f"{queue.system}: the list of {queue.name} does not end: its pages repeat. What was cached stays")
    stand = replace(stand, mark=part.mark)
    first = sweep.position is None
    anew = first and stand.keys is None
    if part.next is not None and sweep.pages < PAGES:
        onward = replace(sweep, position=part.next, pages=sweep.pages + 1, rows=rows)
        # A small queue that has grown is begun anew, which is how who left is found out from now on.
        onward = onward if stand.keys is None else _Sweep(started=sweep.started)
        return _changes(
            part.tickets, (), replace(stand, keys=None, sweep=onward), label, complete=False, anew=anew
        )  # fmt: skip
    if first:
        keys = {ticket.ref.key for ticket in part.tickets}
        left = tuple(key for key in stand.keys or () if key not in keys)
        last = tuple(gone[key] for key in left if key in gone)
        small = _Stand(mark=stand.mark, keys=tuple(sorted(keys)))
        return _changes((*last, *part.tickets), left, small, label, anew=anew)
    now = clock.now()
    rest = min(rest_after(now - sweep.started, sweep.pages + 1), LONGEST_PAUSE)
    swept = _Stand(mark=stand.mark, swept_at=now, pause=rest)
    return _changes(part.tickets, (), swept, label)


def _changes(
    tickets: Sequence[Ticket],
    left: tuple[str, ...],
    stand: _Stand,
    label: str,
    *,
    complete: bool = True,
    anew: bool = False,
) -> Changes:
    ordered = tuple(sorted(tickets, key=lambda ticket: ticket.updated_at))
    return Changes(tickets=ordered, left=left, cursor=_write(stand, label), complete=complete, anew=anew)


# --- cursors ----------------------------------------------------------------------------------------------------------


def _write(stand: _Stand, label: str) -> Cursor:
    sweep = stand.sweep
    told: dict[str, Any] = {"label": label, "mark": stand.mark, "keys": stand.keys}
    told["swept_at"] = None if stand.swept_at is None else stand.swept_at.isoformat()
    told["pause"] = stand.pause // timedelta(milliseconds=1)
    if sweep is not None:
        told["sweep"] = {
            "started": sweep.started.isoformat(), "position": sweep.position, "pages": sweep.pages,
            "restarts": sweep.restarts, "rows": sweep.rows,
        }  # fmt: skip
    return Cursor(canonical(told).decode())


def _read(text: str, label: str) -> _Stand:
    """What the cursor says; nothing where it is not one that this program wrote for this question."""
    try:
        given = json.loads(text)
        if given["label"] != label:
            return _Stand()
        sweep, swept_at, keys = given.get("sweep"), given["swept_at"], given["keys"]
        return _Stand(
            mark=given["mark"],
            keys=None if keys is None else tuple(map(str, keys)),
            swept_at=None if swept_at is None else datetime.fromisoformat(swept_at),
            pause=timedelta(milliseconds=int(given["pause"])),
            sweep=None if sweep is None else _Sweep(
                started=datetime.fromisoformat(sweep["started"]), pages=int(sweep["pages"]),
                position=None if sweep["position"] is None else str(sweep["position"]),
                restarts=int(sweep["restarts"]), rows=str(sweep["rows"]),
            ),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return _Stand()
