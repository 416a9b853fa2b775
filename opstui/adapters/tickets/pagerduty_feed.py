"""Polling PagerDuty, which has no list of what was updated since.

The incidents of a queue are listed whole: at each poll where they fit one page, otherwise now and then (a sweep). What
the account's log says since the last poll tells the rest: notes, which leave an incident's own fields as they are, and
what was resolved, which is in no list of open incidents any more.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from opstui import __version__
from opstui.adapters.tickets.pagerduty_reading import OPEN, oldest_first, read_incident
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import line, moment, moment_or_none, raw, record, records, stamp
from opstui.core.canonical import canonical, fingerprint
from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket

PAGE = 100
"""The most that PagerDuty lists at once."""
LIST_LIMIT = 10_000
"""The last incident that can be reached by paging (developer.pagerduty.com/docs/pagination)."""
SHARED = 10
"""Rows that a page has in common with the one before: where none of them is there again, rows went missing between."""
RESTARTS = 3
"""Sweeps that begin again because rows moved too fast; the next sweep is believed as it is."""
LOG_PAGES = 5
"""Pages of the log that are read at one poll; where there is more, a sweep is cheaper."""
LOG_OVERLAP = timedelta(seconds=60)
"""How long after its time a log entry may become visible."""
LOG_REACH = timedelta(hours=12)
"""A log that was not asked for longer is not caught up with: a sweep tells more."""
REMEMBERED = 100
"""Incidents whose newest log entry a cursor keeps."""
SECONDS_EACH_PAGE = 6
PATIENCE = 20
LONGEST_PAUSE = timedelta(minutes=10)
"""Sweeps of n pages are made at most every n × 6 s and every 20 × what the last one took, but at least every 10 min."""
SWEEP_LIMIT = timedelta(hours=1)

_OURS = ("limit", "offset", "total", "sort_by", "date_range", "include[]", "time_zone")
_THEIRS = ("statuses[]", "service_ids[]", "team_ids[]", "user_ids[]", "urgencies[]", "incident_key", "since", "until")

Ask = Callable[[str, Sequence[tuple[str, str]]], Awaitable[Mapping[str, Any]]]
"""(path, parameters) → the answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A queue's query, as parameters of ``GET /incidents``."""

    params: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, queue: Queue) -> Question:
        """The query string of the config. Raises Refused for what opstui sets itself, and for what does not exist."""
        given = parse_qsl(queue.query.strip().removeprefix("?"), keep_blank_values=True)
        for name, _ in given:
            if name in _OURS:
                raise Refused(f"{queue.system}: the query of {queue.name} sets {name}, which opstui does itself")
            if name not in _THEIRS:
                known = ", ".join(_THEIRS)
                told = clean_line(name, limit=60)
                raise Refused(f"{queue.system}: the query of {queue.name} has {told!r}; there are: {known}")
        if not any(name == "statuses[]" for name, _ in given):
            given += [("statuses[]", status) for status in OPEN]
        return cls(tuple(given))

    def listing(self, offset: int) -> list[tuple[str, str]]:
        """The parameters for a page, oldest incident first, so that new ones come after what was read.

        Without dates PagerDuty lists a month. Open incidents are wanted however old they are; of resolved ones a month
        is what the vendor, and hardly anybody, means.
        """
        names = [name for name, _ in self.params]
        ever = "since" not in names and "until" not in names and "resolved" not in self._of("statuses[]")
        mine = [("limit", str(PAGE)), ("offset", str(offset)), ("sort_by", "created_at:asc")]
        return [*self.params, *([("date_range", "all")] if ever else []), *mine]

    def log(self, since: datetime, offset: int) -> list[tuple[str, str]]:
        """The parameters for a page of the account's log."""
        teams = [item for item in self.params if item[0] == "team_ids[]"]
        mine = [("since", stamp(since)), ("include[]", "incidents"), ("limit", str(PAGE)), ("offset", str(offset))]
        return [*teams, *mine]

    def fits(self, incident: Mapping[str, Any]) -> bool:
        """Whether the incident, as it is now, would be listed."""
        service = raw(record(incident.get("service")).get("id"))
        teams = {raw(team.get("id")) for team in records(incident.get("teams"))}
        people = {
            raw(record(item.get("assignee")).get("id")) for item in records(incident.get("assignments"))
        }  # fmt: skip
        has = {
            "statuses[]": {raw(incident.get("status"))},
            "urgencies[]": {raw(incident.get("urgency"))},
            "incident_key": {raw(incident.get("incident_key"))},
            "service_ids[]": {service},
            "team_ids[]": teams,
            "user_ids[]": people,
        }
        created = moment(incident.get("created_at"))
        since, until = (moment_or_none(next(iter(self._of(name)), None)) for name in ("since", "until"))
        in_time = (since is None or created >= since) and (until is None or created <= until)
        return in_time and all(not self._of(name) or self._of(name) & there for name, there in has.items())

    def _of(self, name: str) -> set[str]:
        return {value for key, value in self.params if key == name}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweep:
    """A listing that is not over."""

    started: datetime
    offset: int = 0
    tail: tuple[str, ...] = ()
    """Keys of the last rows that were read."""
    pages: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """What a cursor says."""

    mark: datetime | None = None
    """The newest moment that was seen, by PagerDuty's clock."""
    newest: tuple[tuple[str, str], ...] = ()
    """Incident and its newest log entry, the latest incident last."""
    keys: tuple[str, ...] | None = None
    """All keys of a small queue."""
    swept_at: datetime | None = None
    pause: timedelta = field(default_factory=timedelta)
    sweep: _Sweep | None = None


class Feed:
    """What changed, queue by queue."""

    def __init__(self, name: str, origin: str, ask: Ask, severities: Severities, clock: Clock) -> None:
        self._name = name
        self._origin = origin
        self._ask = ask
        self._severities = severities
        self._clock = clock

    async def changes(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """One page of what changed in ``queue`` after ``cursor``. Raises Refused, Unreachable."""
        question = Question.read(queue)
        label = fingerprint(canonical([__version__, self._origin, queue.system, queue.query]))[:16]
        stand = _read(cursor.value, label) if cursor is not None else _Stand()
        now = self._clock.now()
        told: dict[str, Mapping[str, Any]] = {}
        if stand.sweep is not None and not timedelta() <= now - stand.sweep.started <= SWEEP_LIMIT:
            stand = replace(stand, sweep=None, swept_at=None)
        if stand.sweep is None:
            stand, told, all_told = await self._log(question, stand)
            swept = stand.swept_at is not None and timedelta() <= now - stand.swept_at < stand.pause
            if all_told and swept:
                fitting = [self._row(one, stand) for one in told.values() if question.fits(one)]
                left = tuple(key for key, one in told.items() if not question.fits(one))
                return _changes(fitting, left, stand, label)
            stand = replace(stand, sweep=_Sweep(started=now))
        return await self._page(queue, question, stand, told, label)

    async def _page(
        self, queue: Queue, question: Question, stand: _Stand, told: Mapping[str, Mapping[str, Any]], label: str
    ) -> Changes:
        """The next page of the sweep."""
        sweep = stand.sweep
        assert sweep is not None
        if sweep.offset + PAGE > LIST_LIMIT:
            raise Refused(
                f"{self._name}: more than {LIST_LIMIT} incidents fit the query of {queue.name}, and PagerDuty lists no "
                "more; narrow it. What was cached stays"
            )
        answer = await self._ask("/incidents", question.listing(sweep.offset))
        rows = records(answer.get("incidents"))
        keys = [line(one.get("id")) for one in rows]
        if sweep.tail and not set(sweep.tail) & set(keys) and sweep.restarts < RESTARTS:
            again = replace(stand, sweep=_Sweep(started=sweep.started, restarts=sweep.restarts + 1))
            return _changes([], (), again, label, complete=False)
        if stand.mark is None:
            stand = replace(stand, mark=max((_touched(one) for one in rows), default=None))
        tickets = {line(one.get("id")): self._row(one, stand) for one in rows}
        anew = sweep.offset == 0 and stand.keys is None
        if answer.get("more") is True and rows:
            onward = replace(
                sweep, offset=sweep.offset + max(1, len(rows) - SHARED), tail=tuple(keys[-SHARED:]),
                pages=sweep.pages + 1,
            )  # fmt: skip
            # A small queue that has grown: from now on who left is found out by beginning anew.
            grown = stand.keys is not None
            stand = replace(stand, sweep=_Sweep(started=sweep.started) if grown else onward, keys=None)
            return _changes(list(tickets.values()), (), stand, label, complete=False, anew=anew)
        if sweep.offset == 0:
            left = tuple(key for key in stand.keys or () if key not in tickets)
            gone = [self._row(told[key], stand) for key in left if key in told]
            stand = replace(stand, keys=tuple(sorted(tickets)), sweep=None, swept_at=None)
            return _changes([*gone, *tickets.values()], left, stand, label, anew=anew)
        now = self._clock.now()
        rest = max(PATIENCE * (now - sweep.started), timedelta(seconds=SECONDS_EACH_PAGE * (sweep.pages + 1)))
        stand = replace(stand, keys=None, sweep=None, swept_at=now, pause=min(rest, LONGEST_PAUSE))
        return _changes(list(tickets.values()), (), stand, label)

    async def _log(self, question: Question, stand: _Stand) -> tuple[_Stand, dict[str, Mapping[str, Any]], bool]:
        """What the log tells since the last poll: incidents as they are now, and whether that is all of them."""
        if stand.mark is None or not -LOG_REACH <= self._clock.now() - stand.mark <= LOG_REACH:
            return replace(stand, mark=None), {}, False
        entries: list[Mapping[str, Any]] = []
        more = True
        for page in range(LOG_PAGES):
            answer = await self._ask("/log_entries", question.log(stand.mark - LOG_OVERLAP, page * PAGE))
            entries += records(answer.get("log_entries"))
            more = answer.get("more") is True
            if not more:
                break
        newest = dict(stand.newest)
        fresh: dict[str, Mapping[str, Any]] = {}
        for key, entry_id, incident in _newest_of(oldest_first(entries)):
            if newest.get(key) != entry_id:
                newest.pop(key, None)
                newest[key] = entry_id
                fresh[key] = incident
        told = {key: await self._whole(key, incident) for key, incident in fresh.items() if not more}
        mark = max([stand.mark, *(moment(entry.get("created_at")) for entry in entries)])
        kept = tuple(newest.items())[-REMEMBERED:]
        return replace(stand, mark=mark, newest=kept), {key: one for key, one in told.items() if one}, not more

    async def _whole(self, key: str, incident: Mapping[str, Any]) -> Mapping[str, Any]:
        """The incident that a log entry names; asked for where it is only named."""
        if "status" in incident and "assignments" in incident:
            return incident
        return record((await self._ask(f"/incidents/{key}", ())).get("incident"))

    def _row(self, incident: Mapping[str, Any], stand: _Stand) -> Ticket:
        """The incident as a list has it; a log entry that came makes another version of it."""
        ticket = read_incident(incident, self._name, self._severities)
        newest = dict(stand.newest).get(ticket.ref.key)
        return ticket if newest is None else replace(ticket, version=f"{ticket.version}/{newest}")


def _newest_of(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Incident, its newest entry and what that says of the incident, in the order of the entries (oldest first)."""
    found: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for entry in entries:
        incident = record(entry.get("incident"))
        key = line(incident.get("id"))
        if key.isalnum():
            found.pop(key, None)
            found[key] = (key, raw(entry.get("id")), incident)
    return list(found.values())


def _touched(incident: Mapping[str, Any]) -> datetime:
    return moment(incident.get("updated_at"), incident.get("last_status_change_at"), incident.get("created_at"))


def _changes(
    tickets: list[Ticket],
    left: tuple[str, ...],
    stand: _Stand,
    label: str,
    *,
    complete: bool = True,
    anew: bool = False,
) -> Changes:
    tickets.sort(key=lambda ticket: ticket.updated_at)
    return Changes(tickets=tuple(tickets), left=left, cursor=_write(stand, label), complete=complete, anew=anew)


# --- cursors ----------------------------------------------------------------------------------------------------------


def _write(stand: _Stand, label: str) -> Cursor:
    sweep = stand.sweep
    told = {
        "label": label,
        "mark": _iso(stand.mark),
        "newest": stand.newest,
        "keys": stand.keys,
        "swept_at": _iso(stand.swept_at),
        "pause": stand.pause // timedelta(milliseconds=1),
        "sweep": None if sweep is None else {
            "started": _iso(sweep.started), "offset": sweep.offset, "tail": sweep.tail, "pages": sweep.pages,
            "restarts": sweep.restarts,
        },
    }  # fmt: skip
    return Cursor(canonical(told).decode())


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _read(text: str, label: str) -> _Stand:
    """What the cursor says; nothing where it is not one that this program wrote for this question."""
    try:
        given = json.loads(text)
        if given["label"] != label:
            return _Stand()
        sweep = given["sweep"]
        return _Stand(
            mark=moment_or_none(given["mark"]),
            newest=tuple((str(key), str(entry)) for key, entry in given["newest"]),
            keys=None if given["keys"] is None else tuple(map(str, given["keys"])),
            swept_at=moment_or_none(given["swept_at"]),
            pause=timedelta(milliseconds=int(given["pause"])),
            sweep=None if sweep is None else _Sweep(
                started=datetime.fromisoformat(sweep["started"]), offset=int(sweep["offset"]),
                tail=tuple(map(str, sweep["tail"])), pages=int(sweep["pages"]), restarts=int(sweep["restarts"]),
            ),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return _Stand()
