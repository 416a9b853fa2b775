"""Polling a queue of a system whose list can be asked for what was updated since a moment.

A **walk** reads the list in the order of updates: each page asks for what was updated since the newest update that was
seen, so that rows that change on the way only move to the end of what is still to be read. Where one moment has more
rows than a page, its pages are read by position, again and again until two passes agree: a row that moves on lets the
ones behind it slip to the page before, and then the passes differ.

A **sweep** walks everything and so finds out who left. A queue that is no larger than a page is swept at each poll, a
larger one now and then, with walks over what changed in between. Where the system can also be asked what changed
anywhere, whatever did and is not in the queue has left it, which saves most sweeps.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opstui import __version__
from opstui.core.canonical import canonical, fingerprint
from opstui.core.errors import CredentialsRefused, Refused, UsageError
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket

SECONDS_EACH_PAGE = 6
"""A sweep of n pages is made at most every n × this, so that sweeps never cost more than ten requests a minute…"""
PATIENCE = 20
"""… and at most every so many times what the last one took, …"""
LONGEST_PAUSE = timedelta(minutes=10)
"""… but every so often in any case: until then nobody hears of a ticket that left a large queue. Where leaving is told
by a change, this is the shortest pause instead, as a sweep finds only what was deleted or hidden, …"""
LONGEST_TOLD_PAUSE = timedelta(hours=1)
"""… and this the longest."""
GLANCE = timedelta(seconds=10)
"""How often a long sweep stops to look at what changed meanwhile."""
TOUCHED_PAGES = 20
"""Of what changed anywhere; who left by a change beyond them is found out by the next sweep."""
PASSES = 5
"""Over one crowded moment; after them it is left, and read again at the next poll."""
WALK_LIMIT = timedelta(hours=1)
"""A walk that was interrupted for longer begins again."""
PAGES = 1000
"""Of one walk; a list that has more goes on for ever, or would take for ever."""
FUTURE_LIMIT = timedelta(days=1)
"""Updates that are said to be further ahead of this machine's clock do not move the watermark: it would hide all that
comes before them."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list, oldest update first."""

    tickets: tuple[Ticket, ...]
    next: str | None = None
    """Where to go on with the same question; None at the end."""
    total: int | None = None
    """How many the question has in all, where the system says so."""


Lister = Callable[[Queue, datetime | None, str | None], Awaitable[Page]]
"""(queue, updated since, position) → a page of it, ordered by update. What was updated in the tick of ``since`` (or,
where the system's times are coarser, before it) belongs to the answer; None asks for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """A walk that is not over."""

    started: datetime
    sweep: bool = False
    since: datetime | None = None
    position: str | None = None
    newest: datetime | None = None
    pages: int = 0
    seen: tuple[str, ...] | None = ()
    """Keys that a sweep met; None once they are too many to be kept."""
    missing: tuple[str, ...] = ()
    """Keys that were or may have been in the queue and that this walk has not met."""
    tally: int = 0
    """Sum of the rows of the crowded moment in this pass…"""
    before: int | None = None
    """… and in the last one."""
    passes: int = 0
    doubt: datetime | None = None
    """A moment that may not have been read whole."""
    rows: str = ""
    """Fingerprint of the page before, of the same question."""
    glanced: datetime | None = None
    """When a sweep last looked at what changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """What a cursor says."""

    mark: datetime | None = None
    """The newest update that was seen, by the system's clock."""
    marked_at: datetime | None = None
    """When it was seen first, by ours."""
    settled: bool = False
    """Whether the mark was asked for once more after everything as old as it must have become visible."""
    keys: tuple[str, ...] | None = None
    """All keys of a small queue."""
    swept_at: datetime | None = None
    pause: timedelta = field(default_factory=timedelta)
    """How long after the last sweep the next one is due."""
    walk: _Walk | None = None


async def poll(
    lister: Lister,
    queue: Queue,
    cursor: Cursor | None,
    clock: Clock,
    *,
    overlap: timedelta,
    whole: int = 100,
    tick: timedelta = timedelta(seconds=1),
    scope: str = "",
    anywhere: Lister | None = None,
) -> Changes:
    """One page of what changed in ``queue`` after ``cursor``: what ``TicketSystem.changed_since`` promises.

    ``overlap`` is how long after its time a change can become visible (the system's read lag); ``tick`` what the system
    rounds times down to when it compares them; a queue of at most ``whole`` tickets is listed whole each time. A cursor
    that is damaged, of another program version, query or ``scope`` (say, the origin) counts as none. Raises what
    ``lister`` raises.
    """
    label = fingerprint(canonical([__version__, scope, queue.system, queue.query]))
    stand = _read(cursor.value, label) if cursor is not None else _Stand()
    now = clock.now()
    walk = stand.walk
    if walk is not None and not timedelta() <= now - walk.started <= WALK_LIMIT:
        walk = None
    fresh = walk is None
    if walk is None:
        walk = _begin(stand, now, overlap, tick)
    # The members of a small queue are known, so it need not begin anew to find out who left.
    anew = fresh and walk.sweep and stand.keys is None
    if fresh and not walk.sweep and anywhere is not None:
        # Asked before the queue is: what was touched and is still a member is then met in the queue.
        walk = await _touched(anywhere, queue, walk, now)
    if walk.sweep and not fresh and stand.mark is not None and now - (walk.glanced or walk.started) >= GLANCE:
        page = await lister(queue, _floor(stand.mark - overlap, tick), None)
        glanced = replace(stand, walk=replace(walk, glanced=now))
        return Changes(tickets=_oldest_first(page), cursor=_write(glanced, label), complete=False)
    try:
        page = await lister(queue, walk.since, walk.position)
    except CredentialsRefused:
        raise
    except Refused:
        if walk.position is None:
            raise
        # A position may have lapsed meanwhile; the same question without it tells.
        again = replace(walk, position=None, tally=0, before=None)
        return Changes(tickets=(), cursor=_write(replace(stand, walk=again), label), complete=False)
    walk = _ending(queue, walk, page)
    walk = _met(walk, page, clock.now(), whole)
    walk, over = _onwards(walk, page, tick)
    told = anywhere is not None
    stand = _over(stand, walk, clock.now(), overlap, tick, told=told) if over else replace(stand, walk=walk)
    return Changes(
        tickets=_oldest_first(page),
        left=walk.missing if over and walk.doubt is None else (),
        cursor=_write(stand, label),
        complete=over,
        anew=anew,
    )


def _begin(stand: _Stand, now: datetime, overlap: timedelta, tick: timedelta) -> _Walk:
    due = stand.swept_at is None or not timedelta() <= now - stand.swept_at < stand.pause
    if stand.mark is None or due:
        return _Walk(started=now, sweep=True, missing=stand.keys or ())
    # What is as old as a settled mark was told; thousands of rows of one moment need not be read at each poll.
    since = stand.mark + tick if stand.settled else stand.mark - overlap
    return _Walk(started=now, since=_floor(since, tick))


async def _touched(anywhere: Lister, queue: Queue, walk: _Walk, now: datetime) -> _Walk:
    """The walk with what changed anywhere since its beginning as what it has to meet in the queue."""
    position, keys = None, set[str]()
    for _ in range(TOUCHED_PAGES):
        page = await anywhere(queue, walk.since, position)
        keys |= {ticket.ref.key for ticket in page.tickets}
        walk = _met(walk, page, now, 0)
        position = page.next
        if position is None:
            break
    return replace(walk, missing=tuple(sorted(keys)), pages=0)


def _oldest_first(page: Page) -> tuple[Ticket, ...]:
    return tuple(sorted(page.tickets, key=lambda ticket: ticket.updated_at))


def _ending(queue: Queue, walk: _Walk, page: Page) -> _Walk:
    """The walk with what its next page is compared with. Raises Refused for a list that does not end.

    A page may be empty where an account may not see its rows, and what follows it is not.
    """
    rows = fingerprint(canonical([[one.ref.key, one.updated_at.isoformat()] for one in page.tickets]))
    repeated = walk.position is not None and page.tickets and rows == walk.rows
    if page.next is not None and (repeated or walk.pages >= PAGES):
        what = "its pages repeat" if repeated else f"it has more than {PAGES} pages; narrow its query"
        raise Refused(f"{queue.system}: the list of {queue.name} does not end: {what}. What was cached stays")
    return replace(walk, rows=rows)


def _met(walk: _Walk, page: Page, now: datetime, whole: int) -> _Walk:
    """The walk after the rows of ``page``, wherever it goes from there."""
    keys = {ticket.ref.key for ticket in page.tickets}
    seen = None if walk.seen is None or not walk.sweep else tuple(sorted({*walk.seen, *keys}))
    times = [ticket.updated_at for ticket in page.tickets if ticket.updated_at <= now + FUTURE_LIMIT]
    return replace(
        walk,
        pages=walk.pages + 1,
        newest=max((*times, walk.newest) if walk.newest is not None else times, default=None),
        seen=None if seen is None or len(seen) > whole else seen,
        missing=tuple(key for key in walk.missing if key not in keys),
    )


def _onwards(walk: _Walk, page: Page, tick: timedelta) -> tuple[_Walk, bool]:
    """Where the walk goes after ``page``, and whether it is over."""
    last = max((_floor(ticket.updated_at, tick) for ticket in page.tickets), default=walk.since)
    beyond = last is not None and (walk.since is None or last > walk.since)
    tally = walk.tally + sum(_worth(ticket) for ticket in page.tickets if _floor(ticket.updated_at, tick) == walk.since)
    if page.next is not None and not beyond:
        return replace(walk, position=page.next, tally=tally), False
    if walk.position is not None and tally != walk.before:
        if walk.passes < PASSES:
            return replace(walk, position=None, tally=0, before=tally, passes=walk.passes + 1), False
        walk = replace(walk, doubt=walk.doubt or walk.since)
    if page.next is None:
        return walk, True
    return replace(walk, since=last, position=None, tally=0, before=None, passes=0), False


def _over(
    stand: _Stand, walk: _Walk, now: datetime, overlap: timedelta, tick: timedelta, *, told: bool
) -> _Stand:  # fmt: skip
    """Where polling stands after a walk; ``told``: leaving is told by changes."""
    newest = max((moment for moment in (stand.mark, walk.newest) if moment is not None), default=None)
    if walk.doubt is not None and newest is not None:
        newest = min(newest, walk.doubt)
    if walk.sweep and walk.seen is not None:
        # Nothing that a clock says is kept of it, so that the cursor of a quiet queue stays as it is.
        return _Stand(mark=newest, keys=walk.seen)
    if newest != stand.mark or stand.marked_at is None:
        marked_at, settled = now, False
    else:
        marked_at = stand.marked_at
        settled = stand.settled or (walk.doubt is None and walk.started >= marked_at + overlap + tick)
    ended = _Stand(
        mark=newest, marked_at=marked_at, settled=settled, swept_at=stand.swept_at, pause=stand.pause
    )  # fmt: skip
    if not walk.sweep:
        return ended
    rest = rest_after(now - walk.started, walk.pages)
    pause = min(max(rest, LONGEST_PAUSE), LONGEST_TOLD_PAUSE) if told else min(rest, LONGEST_PAUSE)
    return replace(ended, swept_at=now, pause=pause)


def rest_after(took: timedelta, pages: int) -> timedelta:
    """How long after a sweep of so many pages, which took so long, the next one is due, if nothing bounds it."""
    return max(PATIENCE * took, timedelta(seconds=SECONDS_EACH_PAGE * pages))


def _floor(moment: datetime, tick: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % tick


def _worth(ticket: Ticket) -> int:
    """A number that another row, or another update of this one, most probably does not have."""
    return int(fingerprint(f"{ticket.ref.key} {ticket.updated_at.isoformat()}".encode())[:16], 16)


# --- cursors ----------------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _write(stand: _Stand, label: str) -> Cursor:
    given = _plain(stand)
    return Cursor(canonical({"seal": _seal(given, label), "stand": given}).decode())


def _seal(given: Any, label: str) -> str:
    return fingerprint(canonical([label, given]))[:24]


def _plain(value: _Stand | _Walk) -> dict[str, Any]:
    """All of it but what is None, in JSON's own types."""
    found: dict[str, Any] = {}
    for name in value.__slots__:
        item = getattr(value, name)
        if isinstance(item, datetime):
            item = item.isoformat()
        elif isinstance(item, timedelta):
            item = item // timedelta(milliseconds=1)
        elif isinstance(item, _Walk):
            item = _plain(item)
        found[name] = item
    return {name: item for name, item in found.items() if item is not None or name == "seen"}


_MOMENTS = ("mark", "marked_at", "swept_at", "started", "since", "newest", "doubt", "glanced")
_KEYS = ("keys", "seen", "missing")


def _read(text: str, label: str) -> _Stand:
    """What the cursor says; nothing where its seal does not hold: damaged, or written for something else."""
    try:
        given = json.loads(text)
        stand = given["stand"]
        if given["seal"] != _seal(stand, label):
            return _Stand()
    except (ValueError, TypeError, KeyError, RecursionError, UsageError):
        return _Stand()
    walk = _Walk(**_typed(stand.pop("walk"))) if "walk" in stand else None
    return _Stand(**_typed(stand), walk=walk)


def _typed(given: dict[str, Any]) -> dict[str, Any]:
    """The opposite of :func:`_plain`."""
    found = dict(given)
    for name, item in given.items():
        if name in _MOMENTS:
            found[name] = datetime.fromisoformat(item)
        elif name in _KEYS and item is not None:
            found[name] = tuple(item)
        elif name == "pause":
            found[name] = timedelta(milliseconds=item)
    return found
