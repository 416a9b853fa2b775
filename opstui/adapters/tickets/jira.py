"""Jira Cloud, with the comments of Jira Service Management. Jira Data Center has another interface and is refused.

Nothing there can be made to depend on a version. A comment carries the op id as a property, which nobody sees. Its
search lags behind (``/search/jql`` does not promise to find what was just written), so lists overlap and tickets are
never looked for by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.tickets.jira_fields import NOISE, SLA, TEAM
from opstui.adapters.tickets.jira_jql import listing
from opstui.adapters.tickets.jira_reading import (
    Known,
    Site,
    newest,
    of_kind,
    person,
    read_issue,
    read_whole,
    transitions_of,
    updated,
)
from opstui.adapters.tickets.jira_writing import API, JiraWriter
from opstui.adapters.tickets.polling import Page, poll
from opstui.adapters.tickets.refusals import absence_refused
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import answer_of, list_of, raw, record, records
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.frozen import dataclass
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

PAGE = 100
ENTRY_PAGES = 200
"""Of one issue's comments or changes. A longer history is refused: an update could not be found in a part of it."""
OVERLAP = timedelta(minutes=2)
"""How long the search may lag."""
TICK = timedelta(minutes=1)
"""JQL's own forms of a moment are no finer."""
READS = 3
"""Of an issue that changes all the time, before its entries are taken as they are."""
COMMENT_LIMIT = 32_767
"""Letters of a text field, unless an administrator changed it."""
ATTACHMENT_LIMIT = 20 * 1024 * 1024
"""Ours; the site's own may be another."""
GATEWAY = "api.atlassian.com"
"""Where tokens with scopes are taken; people look at tickets elsewhere."""

_KEY = re.compile(r"(?:[A-Za-z][A-Za-z0-9_]{0,63}-[1-9]\d{0,18}|[1-9]\d{0,18})\Z")


def connect(connection: Connection) -> JiraTickets:
    """The site at the connection's ``url``, as its ``user`` (an e-mail address) with an API token. Asks no network.

    Options: ``severity_field`` and ``team_field``, the names of the fields that hold these; without the first, severity
    is Jira's priority.
    """
    return JiraTickets(connection)


@dataclass(frozen=True, slots=True)
class _Met:
    """What the site said of us and of itself."""

    me: SafeText
    site: Site
    missing: tuple[str, ...] = ()
    """Options that name a field which is not there."""


class JiraTickets:
    """A ``TicketSystem`` on Jira Cloud."""

    def __init__(self, connection: Connection) -> None:
        for option in connection.options:
            if option not in ("severity_field", "team_field"):
                key = f"tickets.{connection.name}.options.{clean_line(option, limit=40)}"
                raise ConfigError(f"{key}: a jira has the options severity_field and team_field", key=key)
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(connection, connection.url, lambda: _authorization(connection))
        self.origin = self._http.place
        self._severities = Severities(connection.severity)
        self._writer = JiraWriter(self.name, self._http, self._get, self._severities)
        self._met: _Met | None = None
        team = bool(connection.options.get("team_field"))
        self.capabilities = Capabilities(
            marker_in_comment=True,
            steps=(("/attachments",), ("/comment",), ("*",)),
            fields=("/status", "/severity", "/assignee", *(("/team",) if team else ()), "/tags", "/fields/*"),
            single_assignee=True,
            comment_limit=COMMENT_LIMIT,
            attachment_limit=ATTACHMENT_LIMIT,
            comment_note="in a project without a service desk, everybody who can see the ticket reads every comment",
            cant={}
            if team
            else {"/team": f"its field is not known; name it in tickets.{self.name}.options.team_field"},
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is JQL, empty for all that is open."""
        return await poll(
            self._page, queue, cursor, self._connection.clock, overlap=OVERLAP, whole=PAGE, tick=TICK, scope=self.origin
        )

    async def _page(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        site = (await self._meet()).site
        jql = listing(self.name, queue.query, since)
        body: dict[str, Any] = {"jql": jql, "fields": site.known.listed(), "maxResults": PAGE}
        if position is not None:
            body["nextPageToken"] = position
        answer = (await self._http.request("POST", f"{API}/search/jql", json=body, writes=False)).json()
        issues = [one for one in list_of(self.name, answer, "issues") if _KEY.match(raw(one.get("key")))]
        more = None if answer.get("isLast") is True else raw(answer.get("nextPageToken")) or None
        return Page(tuple(read_issue(one, site) for one in issues), more if more != position else None)

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The issue with its comments and its changelog. Raises NotFound, Unreachable, Refused."""
        issue = self._issue(key)
        site = (await self._meet()).site
        for _ in range(READS):
            found = await self._told(issue, {"fields": "*all,-comment,-worklog", "expand": "names"})
            histories = await self._entries(f"{issue}/changelog", "values")
            comments = await self._entries(f"{issue}/comment", "comments", orderBy="created", expand="properties")
            last = newest(histories, comments)
            if last is None or last <= updated(found):
                break
            # An entry is newer than the issue: either both clocks differ, or the issue changed while this ran.
            if updated(await self._told(issue, {"fields": "updated"})) == updated(found):
                break
        return read_whole(found, histories, comments, site, key=_written(key, found))

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Statuses that the workflow lets this account choose now."""
        issue = self._issue(key)
        found = record((await self._told(issue, {"fields": "status"})).get("fields"))
        now = raw(record(found.get("status")).get("name"))
        words = (
            raw(record(one.get("to")).get("name")) for one in transitions_of(await self._get(f"{issue}/transitions"))
        )
        return tuple(dict.fromkeys(clean_line(word) for word in words if word and word != now))

    async def find(self, key: str, op_id: str) -> str | None:
        """The comment with the op id among its properties; files and fields carry none."""
        return next((entry.id for entry in (await self.ticket(key)).timeline if entry.op_id == op_id), None)

    def me(self) -> str:
        """The display name of the account."""
        return self._met.me if self._met is not None else ""

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """Files, a comment, or fields and status: one of these at a time. See ``TicketSystem``."""
        with absence_refused():
            issue = self._issue(update.ticket.key)
            known = (await self._meet()).site.known
            if update.attachments:
                await self._writer.attach(issue, update.attachments)
            remote_id = await self._writer.comment(issue, update) if update.comment is not None else None
            if update.fields or update.add_tags or update.remove_tags:
                await self._writer.change(issue, update.ticket.key, update, known)
            return Sent(remote_id=remote_id)

    # --- doctor, and the end ------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, as whom, whether it is Jira Cloud, and whether the options name fields of it."""
        check = f"tickets.{self.name}"
        try:
            return self._http.alone(lambda: self._probes(check))
        except OpstuiError as error:
            fix = f"set {check}.user and {check}.token in the config" if isinstance(error, CredentialsRefused) else ""
            return [Probe(check, "fail", error.message, fix)]

    async def _probes(self, check: str) -> list[Probe]:
        met = await self._meet(again=True)
        server = record(await self._get(f"{API}/serverInfo"))
        if (kind := raw(server.get("deploymentType"))) not in ("", "Cloud"):
            return [Probe(check, "fail", f"{self._http.host} is a Jira {clean_line(kind, limit=40)}, not Jira Cloud")]
        found = [Probe(check, "pass", f"{self._http.host} answers, as {met.me}")]
        for option in met.missing:
            text = f"there is no field {clean_line(self._connection.options[option], limit=80)!r}"
            found.append(Probe(check, "warn", text, f"mend {check}.options.{option} in the config"))
        return found

    def close(self) -> None:
        """There is nothing but connections, which ``disconnect`` closes."""

    async def disconnect(self) -> None:
        """Close them."""
        await self._http.disconnect()

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return (await self._http.request("GET", path, params=params)).json()

    async def _told(self, issue: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        """An issue. Raises Refused for what is none: an empty ticket would take the cached one's place."""
        try:
            answer = record(await self._get(issue, params))
        except NotFound:
            key = issue.rpartition("/")[2]
            raise NotFound(f"{self.name}: there is no ticket {key}, or the account may not see it") from None
        answer_of(self.name, answer, "fields")
        return answer

    async def _entries(self, path: str, member: str, **params: str) -> list[Mapping[str, Any]]:
        """Every entry of a list that is paged by number. The addresses of next pages that it tells are not needed."""
        found: dict[str, Mapping[str, Any]] = {}
        start = 0
        for _ in range(ENTRY_PAGES):
            answer = await self._get(path, {"startAt": str(start), "maxResults": str(PAGE), **params})
            entries = list_of(self.name, answer, member)
            found |= {raw(one.get("id")): one for one in entries}
            start += len(entries)
            total = answer.get("total")
            if not entries or answer.get("isLast") is True or (isinstance(total, int) and start >= total):
                return list(found.values())
        raise Refused(f"{self.name}: the history of this ticket does not end. What was cached stays")

    def _issue(self, key: str) -> str:
        """The address of an issue. Raises NotFound for what can't be the key of one, before anything is asked."""
        if not _KEY.match(key):
            raise NotFound(f"{self.name}: there is no ticket {clean_line(key, limit=80)}; keys look like OPS-12")
        return f"{API}/issue/{key}"

    async def _meet(self, *, again: bool = False) -> _Met:
        """Who we are and which fields there are, asked once."""
        if self._met is None or again:
            me = record(await self._get(f"{API}/myself"))
            fields = records(await self._get(f"{API}/field"))
            url = self._connection.url
            if self._http.host == GATEWAY:
                url = raw(record(await self._get(f"{API}/serverInfo")).get("baseUrl")).rstrip("/") or url
            ids = {str(clean_line(raw(one.get("name")))): raw(one.get("id")) for one in reversed(fields)}
            options = self._connection.options
            wanted = {option: name for option, name in options.items() if name}
            known = Known(
                team=ids.get(wanted["team_field"])
                if "team_field" in wanted
                else next(iter(of_kind(fields, TEAM)), None),
                severity=ids.get(wanted.get("severity_field", ""), "priority"),
                goals=of_kind(fields, SLA),
                noise=frozenset(of_kind(fields, *NOISE)),
            )
            self._met = _Met(
                clean_line(person(me)),
                Site(self.name, url, self._severities, known),
                tuple(option for option, name in wanted.items() if name not in ids),
            )
        return self._met


def _written(key: str, issue: Mapping[str, Any]) -> str:
    """The key as Jira writes it, unless the issue has moved since: then it goes by the one that is asked for."""
    there = raw(issue.get("key"))
    by_id = key.isdigit() and raw(issue.get("id")) == key and _KEY.match(there)
    return there if by_id or there.casefold() == key.casefold() else key


def _authorization(connection: Connection) -> Mapping[str, str]:
    """Basic, with the account's e-mail address. Raises CredentialsRefused."""
    from base64 import b64encode

    if not connection.user:
        raise CredentialsRefused(
            f"{connection.name}: there is no user; nothing was sent. Set tickets.{connection.name}.user to the e-mail "
            "address of the token's account"
        )
    pair = f"{connection.user}:{secret_of(connection)}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}
