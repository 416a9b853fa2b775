"""Polling PagerDuty, which has no list of what was updated since.

Its list of incidents is swept; the news are what the account's log says: notes, which may leave an incident's own
fields as they are, and what was resolved, which is in no list of open incidents any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from opstui.adapters.tickets.pagerduty_reading import OPEN, oldest_first, read_incident
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.sweeping import News, Part
from opstui.adapters.tickets.wire import line, list_of, moment, moment_or_none, raw, record, records, stamp
from opstui.core.errors import CredentialsRefused, NotFound, Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket

PAGE = 100
"""The most that PagerDuty lists at once."""
LIST_LIMIT = 10_000
"""The last incident that can be reached by paging (developer.pagerduty.com/docs/pagination)."""
SHARED = 10
"""Rows that a page has in common with the one before; where none of them is there, rows slipped away between."""
LOG_PAGES = 5
"""Pages of the log that are read at one poll; where there is more, a sweep is cheaper."""
READS = 20
"""Incidents that the log only names and that are read one by one; the same."""
LOG_OVERLAP = timedelta(seconds=60)
"""How long after its time a log entry may become visible."""
LOG_REACH = timedelta(hours=12)
"""A log that was not asked for longer is not caught up with: a sweep tells more."""
REMEMBERED = 100
"""Incidents whose newest log entry a cursor keeps."""

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
        is enough for who does not say otherwise.
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


class Feed:
    """The two questions of ``sweeping.poll``. A mark is ``[moment, [[incident, its newest log entry], …]]``."""

    def __init__(self, name: str, ask: Ask, severities: Severities, clock: Clock) -> None:
        self._name = name
        self._ask = ask
        self._severities = severities
        self._clock = clock

    async def news(self, queue: Queue, mark: Any) -> News:
        """What the account's log says since then: incidents as they are now."""
        question = Question.read(queue)
        since, newest = _marked(mark)
        if since is None or not -LOG_REACH <= self._clock.now() - since <= LOG_REACH:
            return News(mark=None, whole=False)
        try:
            entries, more = await self._log(question, since - LOG_OVERLAP)
        except CredentialsRefused:
            raise
        except Refused:
            return News(mark=mark)  # a token that may see incidents and no log: sweeps tell what there is to tell
        fresh: dict[str, Mapping[str, Any]] = {}
        for key, entry_id, incident in _newest_of(oldest_first(entries)):
            if newest.get(key) != entry_id:
                newest.pop(key, None)
                newest[key] = entry_id
                fresh[key] = incident
        newest = dict(list(newest.items())[-REMEMBERED:])
        now = max([since, *(moment(entry.get("created_at")) for entry in entries)])
        mark = [now.isoformat(), [[key, entry_id] for key, entry_id in newest.items()]]
        if more or sum(not _is_told(incident) for incident in fresh.values()) > READS:
            return News(mark=mark, whole=False)
        told = [one for key, incident in fresh.items() if (one := await self._whole(key, incident))]
        return News(
            mark=mark,
            tickets=tuple(self._row(one, newest) for one in told if question.fits(one)),
            gone=tuple(self._row(one, newest) for one in told if not question.fits(one)),
        )

    async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
        """A page of the list; a position is an offset and the last incidents before it."""
        question = Question.read(queue)
        number, *tail = (position or "0").split(" ")
        offset = int(number)
        if offset + PAGE > LIST_LIMIT:
            raise Refused(
                f"{self._name}: more than {LIST_LIMIT} incidents fit the query of {queue.name}, and PagerDuty lists no "
                "more; narrow it. What was cached stays"
            )
        answer = await self._ask("/incidents", question.listing(offset))
        rows = [one for one in list_of(self._name, answer, "incidents") if line(one.get("id"))]
        keys = [line(one.get("id")) for one in rows]
        since, newest = _marked(mark)
        if since is None and rows:
            mark = [max(map(_touched, rows)).isoformat(), []]
        after = None
        if tail and not set(tail) & set(keys):
            # More of those before were resolved than the pages share: what is missing slipped to the page before.
            after = " ".join([str(offset - PAGE), *tail]) if offset > PAGE else "0"
        elif answer.get("more") is True and rows:
            after = " ".join([str(offset + max(1, len(rows) - SHARED)), *keys[-SHARED:]])
        return Part(tickets=tuple(self._row(one, newest) for one in rows), mark=mark, next=after)

    async def _log(self, question: Question, since: datetime) -> tuple[list[Mapping[str, Any]], bool]:
        """The account's log since then, the newest entries first, and whether there is more than was read."""
        entries: list[Mapping[str, Any]] = []
        for page in range(LOG_PAGES):
            answer = await self._ask("/log_entries", question.log(since, page * PAGE))
            entries += list_of(self._name, answer, "log_entries")
            if answer.get("more") is not True:
                return entries, False
        return entries, True

    async def _whole(self, key: str, incident: Mapping[str, Any]) -> Mapping[str, Any]:
        """The incident that a log entry names; asked for where it is only named, and empty where it is gone since."""
        if _is_told(incident):
            return incident
        try:
            told = record((await self._ask(f"/incidents/{key}", ())).get("incident"))
        except NotFound:
            return {}
        return told if line(told.get("id")) else {}

    def _row(self, incident: Mapping[str, Any], newest: Mapping[str, str]) -> Ticket:
        """The incident as a list has it; a log entry that came makes another version of it."""
        ticket = read_incident(incident, self._name, self._severities)
        entry_id = newest.get(ticket.ref.key)
        return ticket if entry_id is None else replace(ticket, version=f"{ticket.version}/{entry_id}")


def _marked(mark: Any) -> tuple[datetime | None, dict[str, str]]:
    """Moment and newest log entries that a mark says."""
    if not isinstance(mark, list) or len(mark) != 2 or not isinstance(mark[1], list):
        return None, {}
    pairs = [pair for pair in mark[1] if isinstance(pair, list) and len(pair) == 2]
    return moment_or_none(mark[0]), {str(key): str(entry_id) for key, entry_id in pairs}


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


def _is_told(incident: Mapping[str, Any]) -> bool:
    """Whether it is more than the name of an incident."""
    return "status" in incident and "assignments" in incident


def _touched(incident: Mapping[str, Any]) -> datetime:
    return moment(incident.get("updated_at"), incident.get("last_status_change_at"), incident.get("created_at"))
