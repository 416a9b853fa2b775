"""Prometheus Alertmanager, API v2: a ticket for each alert group, and silences as the one thing that can be done.

Everything is told by two or three lists, so each poll reads them whole. Alertmanager keeps no user, no version and no
comment but a silence's; that comment carries the op id, and updating an active silence in place keeps its id (0.25.0,
as long as matchers and start stay the same).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.http import Answer, HttpClient, secret_of
from opstui.adapters.tickets.alertmanager_reading import (
    FOR,
    RESOLVED,
    SILENCED,
    Group,
    Reader,
    groups_of,
    is_active,
    is_of,
    matchers_for,
    op_ids,
    spelled,
)
from opstui.adapters.tickets.markers import marked
from opstui.adapters.tickets.polling import Page, poll
from opstui.adapters.tickets.wire import date_of, line, raw, record, records, stamp
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, Conflict, CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket

WHOLE = 5000
"""Groups up to which their keys are kept between polls, so that who left is told at once."""
USUAL = "2h"
"""How long a silence is where nobody says."""
LONGEST = timedelta(days=365)
ENDING = timedelta(seconds=3)
"""How long a silence that is being ended lives on, should we die before it is deleted. Longer than the second by which
the server's ``Date`` may be behind."""

_LENGTH = re.compile(r"(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?")


def connect(connection: Connection) -> AlertmanagerTickets:
    """The Alertmanager that the connection names. Asks no network. Raises ConfigError."""
    return AlertmanagerTickets(connection)


class AlertmanagerTickets:
    """A ``TicketSystem`` on Alertmanager."""

    capabilities = Capabilities(
        public_comments=False,
        marker_findable=True,
        atomic=True,
        fields=("/status", f"/fields/{FOR}"),
        attachments=False,
        settle_seconds=60.0,
        cant={
            "public": "Alertmanager keeps a comment with a silence only, for those who can see silences",
            "attachments": "Alertmanager takes no files",
            "/severity": "severity is a label that the alerting rule sets",
            "/assignee": "Alertmanager has no assignees",
            "/team": "the team is a label that the alerting rule sets",
            "/tags": "labels are set by the alerting rule",
        },
        comment_note="kept with the silence",
    )

    def __init__(self, connection: Connection) -> None:
        if not connection.url:
            key = f"tickets.{connection.name}.url"
            raise ConfigError(f"{key}: say where Alertmanager is, for example https://alerts.example.com", key=key)
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(connection, connection.url, self._authorize)
        self.origin = self._http.place
        self._reader = Reader(connection.name, connection.url, connection.severity)

    def _authorize(self) -> Mapping[str, str]:
        """Alertmanager itself asks nobody; a proxy before it may want a name and a password, or a token."""
        if self._connection.secret() is None:
            return {}
        token = secret_of(self._connection)
        if self._connection.user:
            return {"Authorization": f"Basic {base64.b64encode(f'{self._connection.user}:{token}'.encode()).decode()}"}
        return {"Authorization": f"Bearer {token}"}

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is matchers, as for ``amtool alert query``: a group is in the queue when one
        of its alerts fits them all."""
        clock = self._connection.clock
        return await poll(
            self._page, queue, cursor, clock, overlap=timedelta(seconds=30), whole=WHOLE, scope=self.origin
        )  # fmt: skip

    async def _page(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        filters = matchers_in(queue.query)
        wanted = set(groups_of(await self._groups(filters))) if filters else None
        groups = groups_of(await self._groups())
        silences = (await self._silences())[0]
        tickets = [
            self._reader.ticket(group, silences) for key, group in groups.items() if wanted is None or key in wanted
        ]
        return Page(tuple(sorted(tickets, key=lambda one: one.updated_at)), None, len(tickets))

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The group as it is now; one that is gone as it was last seen by this process. Raises NotFound."""
        groups = groups_of(await self._groups())
        group = groups.get(key)
        if group is None:
            gone = self._gone(key)
            if gone is None:
                raise NotFound(f"there is no alert group {self.name}:{clean_line(key, limit=80)}; it may be resolved")
            return gone
        return self._reader.ticket(group, (await self._silences())[0])

    async def transitions(self, key: str) -> tuple[str, ...]:
        """``silenced``, or ``active`` where a silence of exactly this group can be ended."""
        ticket = await self.ticket(key)
        if ticket.status == RESOLVED:
            return ()
        if ticket.status != SILENCED:
            return (str(SILENCED.raw),)
        return ("active",) if FOR in ticket.fields else ()

    async def find(self, key: str, op_id: str) -> str | None:
        """The entry of the silence whose comment carries ``op_id``; ended ones stay listed for days."""
        silences, _ = await self._silences()
        carrying = [one for one in silences if op_id in op_ids(one)]
        group = groups_of(await self._groups()).get(key)
        if group is not None:
            carrying = [one for one in carrying if is_of(one, group)]
        if not carrying:
            return None
        ticket = self._reader.ticket(group, silences) if group is not None else self._gone(key)
        entries = [entry.id for entry in ticket.timeline if entry.op_id == op_id] if ticket is not None else []
        return entries[-1] if entries else f"{key}#0"

    def _gone(self, key: str) -> Ticket | None:
        """A group that is no longer there, as this process last saw it."""
        return self._reader.resolved(key, self._connection.clock.now())

    def me(self) -> str:
        """Whom a proxy knows us as; Alertmanager itself knows nobody."""
        return clean_line(self._connection.user) or clean_line(self.name)

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """Silence the group, or end its silence: one ``POST`` whose comment carries the op id."""
        key = update.ticket.key
        said = f"{self.name}:{key}"
        status, length = _wanted(update, said)
        groups = groups_of(await self._groups())
        silences, server_now = await self._silences()
        group = groups.get(key)
        if group is None:
            raise Refused(f"{said}: is resolved, there is nothing to silence. Nothing was sent")
        if any(update.op_id in op_ids(one) and is_of(one, group) for one in silences):
            return Sent()
        ticket = self._reader.ticket(group, silences)
        if update.expected_version and ticket.version != update.expected_version:
            raise Conflict(f"{said} changed meanwhile. Nothing was sent", ticket=str(update.ticket))
        own = [one for one in silences if is_active(one) and is_of(one, group)]
        if status == "active":
            others = {one for name, other in groups.items() if name != key for one in other.silenced_by()}
            narrow = [one for one in own if raw(one.get("id")) not in others]
            return await self._end(update, narrow, ticket, server_now)
        return await self._silence(update, groups, group, own, length, server_now)

    async def _silence(
        self, update: Update, groups: Mapping[str, Group], group: Group, own: Sequence[Mapping[str, Any]],
        length: timedelta, server_now: datetime,
    ) -> Sent:  # fmt: skip
        matchers = matchers_for(group, {name for one in groups.values() for name in one.labels})
        if not any(one["value"] for one in matchers):
            raise Refused(
                f"{update.ticket}: its alerts have no label in common, so a silence would hold every alert. Nothing "
                "was sent"
            )
        comment = update.comment or f"silenced for {spelled(int(length.total_seconds()) // 60)}"
        # What begins in the past begins when it arrives, so that no difference between two clocks delays it.
        silence: dict[str, Any] = {
            "matchers": matchers,
            "startsAt": stamp(server_now),
            "endsAt": stamp(server_now + length),
            "createdBy": update.author or self.me(),
            "comment": marked(comment, update.op_id),
        }
        if own:
            # A longer or shorter one: the same silence with the same start, or Alertmanager makes a second one.
            kept = own[0]
            text = f"{raw(kept.get('comment'))}\n\n{comment}"
            silence |= {name: kept.get(name) for name in ("id", "matchers", "startsAt", "createdBy")}
            silence["comment"] = marked(text, update.op_id)
        return await self._post(silence)

    async def _end(
        self, update: Update, own: Sequence[Mapping[str, Any]], ticket: Ticket, server_now: datetime
    ) -> Sent:
        if not own:
            wide = "held by a silence that is wider than this group; end it where it was made"
            why = wide if ticket.status == SILENCED else "not silenced"
            raise Refused(f"{update.ticket}: is {why}. Nothing was sent")
        who = clean_line(update.author or self.me(), limit=80)
        text = f"{who} ended it: {update.comment}" if update.comment else f"{who} ended it"
        for silence in reversed(own):
            # The comment first, with an end so near that it ends in any case; then at once. The op id comes with the
            # last one: where it is found, all of them end.
            given = {name: silence.get(name) for name in ("id", "matchers", "startsAt", "createdBy")}
            comment = raw(silence.get("comment"))
            if silence is own[0]:
                comment = marked(f"{comment}\n\n{text}", update.op_id)
            await self._post({**given, "endsAt": stamp(server_now + ENDING), "comment": comment})
        for silence in own:
            try:
                await self._http.request("DELETE", f"api/v2/silence/{raw(silence.get('id'))}", also=(404,))
            except OpstuiError:
                break  # it ends by itself in a moment, and is read back
        return Sent(remote_id=raw(own[0].get("id")))

    async def _post(self, silence: Mapping[str, Any]) -> Sent:
        answer = await self._http.request("POST", "api/v2/silences", json=dict(silence))
        return Sent(remote_id=raw(record(answer.json()).get("silenceID")) or None)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, and which version it is."""
        check = f"tickets {self.name}"
        try:
            version = self._http.alone(self._version)
        except CredentialsRefused as error:
            return [Probe(check, "fail", str(error), f"set user and token of tickets.{self.name}")]
        except OpstuiError as error:
            return [Probe(check, "fail", str(error), f"see tickets.{self.name}.url")]
        return [Probe(check, "pass", f"Alertmanager {version} at {self._http.host} answers")]

    async def _version(self) -> str:
        answer = (await self._http.request("GET", "api/v2/status")).json()
        info = record(record(answer).get("versionInfo"))
        if not info:
            raise Refused(f"{self.name}: what answers at {self._http.host} is no Alertmanager; see its url")
        return line(info.get("version"))

    async def disconnect(self) -> None:
        """Close the running loop's connections."""
        await self._http.disconnect()

    def close(self) -> None:
        """Nothing is open beside the connections."""

    async def _groups(self, filters: Sequence[str] = ()) -> Any:
        params: list[tuple[str, Any]] = [("filter", one) for one in filters]
        answer = await self._http.request("GET", "api/v2/alerts/groups", params=params)
        return self._list(answer)

    async def _silences(self) -> tuple[list[Mapping[str, Any]], datetime]:
        """Every silence, and the server's time when it said so."""
        answer = await self._http.request("GET", "api/v2/silences")
        return records(self._list(answer)), date_of(answer) or self._connection.clock.now()

    def _list(self, answer: Answer) -> list[Any]:
        found = answer.json()
        if not isinstance(found, list):
            raise Refused(f"{self.name}: the answer is no list. What was cached stays; see its url in the config")
        return found


def _wanted(update: Update, said: str) -> tuple[str, timedelta]:
    """The status and how long. Raises Refused for all that Alertmanager can't do."""
    odd = [path for path in update.fields if path not in ("/status", f"/fields/{FOR}")]
    if update.attachments or update.add_tags or update.remove_tags or odd:
        raise Refused(f"{said}: Alertmanager takes silences and nothing else. Nothing was sent")
    length = silence_length(raw(update.fields.get(f"/fields/{FOR}")) or USUAL, said)
    status = raw(update.fields.get("/status")) or ("silenced" if f"/fields/{FOR}" in update.fields else "")
    if status not in ("silenced", "active"):
        what = f"can't be {clean_line(status, limit=40)!r}" if status else "takes a comment with a silence only"
        raise Refused(f"{said}: {what}; set /status to silenced or active. Nothing was sent")
    return status, length


def silence_length(text: str, said: str) -> timedelta:
    """``2h``, ``1d12h``. Raises Refused for what would read back as another word, so that nothing seems to differ."""
    found = _LENGTH.fullmatch(text)
    minutes = 0
    if found is not None:
        weeks, days, hours, rest = (int(part or 0) for part in found.groups())
        minutes = ((weeks * 7 + days) * 24 + hours) * 60 + rest
    length = timedelta(minutes=minutes)
    if not timedelta() < length <= LONGEST:
        shown = clean_line(text, limit=40)
        raise Refused(f"{said}: {FOR} is a time like 30m, 2h or 1d12h, not {shown!r}. Nothing was sent")
    if spelled(minutes) != text:
        raise Refused(f"{said}: write {FOR} as {spelled(minutes)}. Nothing was sent")
    return length


def matchers_in(query: str) -> list[str]:
    """The matchers of a query, one by one: ``severity=~"critical|warning", team=db``; commas and blanks in quotes are
    part of a value, and so is whatever a quoted value holds."""
    text = query.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    return [found.strip() for found in _MATCHER.findall(text) if found.strip()]


_MATCHER = re.compile(r'(?:"(?:\\.|[^"\\])*"?|[^",\n])+')
