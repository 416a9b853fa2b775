"""PagerDuty: incidents of its REST API, version 2.

Its log is the timeline, its notes are the comments; a note's last line carries the op id. Nothing there can be made to
depend on a version, and writes need the e-mail address of a user of the account beside the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.tickets.pagerduty_feed import PAGE, Feed
from opstui.adapters.tickets.pagerduty_reading import (
    POLICY,
    STATUSES,
    complete,
    marked_note,
    oldest_first,
    read_incident,
    read_timeline,
)
from opstui.adapters.tickets.pagerduty_writing import (
    capabilities,
    check,
    custom_names,
    custom_there,
    custom_values,
    incident_of,
    note_of,
    priority_id,
)
from opstui.adapters.tickets.refusals import absence_refused, but_for, called
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.sweeping import poll
from opstui.adapters.tickets.wire import answer_of, line, list_of, raw, record, written
from opstui.core.connections import Connection
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.ports import Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

ADDRESS = "https://api.pagerduty.com"
"""Accounts in Europe have https://api.eu.pagerduty.com."""
LIST_PAGES = 100
"""Of one incident's log, and of a list of names: PagerDuty's own limit is 10,000 entries."""
KEY_LIMIT = 32


def connect(connection: Connection) -> PagerDutyTickets:
    """The account that the connection's token opens. Asks no network."""
    return PagerDutyTickets(connection)


class PagerDutyTickets:
    """A ``TicketSystem`` on PagerDuty."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(
            connection,
            connection.url or ADDRESS,
            lambda: {"Authorization": f"Token token={secret_of(connection)}"},
            # The description asks for both on every request.
            headers={"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"},
        )
        self.origin = self._http.place
        self.capabilities = capabilities(connection.user)
        self._severities = Severities(connection.severity)
        self._feed = Feed(self.name, self._get, self._severities, connection.clock)
        self._me = SafeText("")

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is that of ``GET /incidents``, empty for all that is open."""
        changes = await poll(self._feed, queue, cursor, self._connection.clock, scope=self.origin)
        await self._introduce()
        return changes

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The incident of this id or number, with its whole log. Raises NotFound, Unreachable, Refused."""
        import asyncio

        key = await self._id(key)
        # The log comes first: what happens while this runs makes an entry that the version does not have.
        log = await self._log(key)
        incident, notes = await asyncio.gather(self._incident(key), self._notes(key))
        await self._introduce()
        listed = read_incident(incident, self.name, self._severities)
        ticket = complete(listed, log, notes, {})
        if not ticket.body and record(incident.get("alert_counts")).get("all"):
            ticket = complete(listed, log, notes, await self._first_alert(key))
        return ticket

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Every status but its own: a resolved incident is opened again by acknowledging or triggering it."""
        incident = await self._incident(await self._id(key))
        return tuple(status for status in STATUSES if status != incident.get("status"))

    async def find(self, key: str, op_id: str) -> str | None:
        """The entry of the note that carries ``op_id``; ``KEY#0`` while the log does not have it yet."""
        key = await self._id(key)
        notes = await self._notes(key)
        if marked_note(notes, op_id) is None:
            return None
        timeline = read_timeline(key, await self._log(key), notes)
        return next((entry.id for entry in timeline if entry.op_id == op_id), f"{key}#0")

    def me(self) -> str:
        """The user whose token it is, or, where the token is the account's, whose address writes are made with."""
        return self._me

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """A note, or everything else: custom fields first, then the incident's own. See ``TicketSystem``."""
        with absence_refused():
            return await self._send(update)

    async def _send(self, update: Update) -> Sent:
        if not self._connection.user:
            why = self.capabilities.cant["/status"]
            raise Refused(f"{self.name}: {why}. Nothing was sent", reason=why)
        check(self.name, update)
        key = await self._id(update.ticket.key)
        if update.comment is not None:
            answer = await self._write("POST", f"/incidents/{key}/notes", note_of(update))
            return Sent(remote_id=raw(record(answer.get("note")).get("id")) or None)
        custom = await self._custom_values(key, update)
        incident = incident_of(
            update,
            people={person: await self._user_id(person) for person in update.fields.get("/assignee", ())},
            policy=await self._policy_id(update),
            priority=await self._priority_id(update),
        )
        if custom is not None:
            await self._write("PUT", f"/incidents/{key}/custom_fields/values", custom)
        if incident is not None:
            with but_for("its custom fields, which are set" if custom is not None else ""):
                await self._write("PUT", f"/incidents/{key}", incident)
        return Sent()

    async def _write(self, method: str, path: str, body: Any) -> Mapping[str, Any]:
        return written(await self._http.request(method, path, json=body, headers={"From": self._connection.user}))

    async def _custom_values(self, key: str, update: Update) -> dict[str, Any] | None:
        wanted = custom_names(update)
        if not wanted:
            return None
        return custom_values(self.name, wanted, custom_there(await self._incident(key)))

    async def _user_id(self, person: str) -> str:
        people = await self._all("/users", "users", [("query", person)])
        return raw(called(self.name, "user", person, people).get("id"))

    async def _policy_id(self, update: Update) -> str | None:
        wanted = update.fields.get(f"/fields/{POLICY}")
        if wanted is None:
            return None
        policies = await self._all("/escalation_policies", "escalation_policies", [("query", str(wanted))])
        return raw(called(self.name, "escalation policy", str(wanted), policies).get("id"))

    async def _priority_id(self, update: Update) -> str | None:
        if "/severity" not in update.fields:
            return None
        priorities = await self._all("/priorities", "priorities")
        return priority_id(self.name, update.fields["/severity"], self._severities, priorities)

    # --- doctor, and the end ------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, as whom, and whether it can be written to."""
        check, key = f"tickets {self.name}", f"tickets.{self.name}"
        try:
            return self._http.alone(lambda: self._probes(check, key))
        except OpstuiError as error:
            token = f"set {key}.token in the config" if isinstance(error, CredentialsRefused) else ""
            return [Probe(check, "fail", error.message, token)]

    async def _probes(self, check: str, key: str) -> list[Probe]:
        await self._get("/priorities", [("limit", "1")], also=(402, 403, 404))
        user = self._connection.user
        if not user:
            fix = f"set {key}.user to the e-mail address of a user there"
            return [Probe(check, "warn", f"{self._http.host} answers; it can only be read: there is no user", fix)]
        who = await self._by_token() or await self._by_address()
        if not who:
            told = f"{self._http.host} answers, but knows no user {clean_line(user, limit=80)}; writes will be refused"
            return [Probe(check, "warn", told, f"set {key}.user to the e-mail address of a user there")]
        return [Probe(check, "pass", f"{self._http.host} answers, as {who}")]

    def close(self) -> None:
        """There is nothing but connections, which ``disconnect`` closes."""

    async def disconnect(self) -> None:
        """Close the connections of the running loop."""
        await self._http.disconnect()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _get(
        self, path: str, params: Sequence[tuple[str, str]] = (), *, also: Sequence[int] = ()
    ) -> Mapping[str, Any]:
        answer = await self._http.request("GET", path, params=list(params), also=also)
        return record(answer.json()) if answer.status < 300 else {}

    async def _id(self, key: str) -> str:
        """The incident's id, which alone is in its log's addresses, of an id or a number. Raises NotFound."""
        if not (key.isascii() and key.isalnum() and len(key) <= KEY_LIMIT):
            raise NotFound(f"{self.name}: there is no incident {clean_line(key, limit=60)}")
        return line((await self._incident(key)).get("id")) if key.isdigit() else key

    async def _incident(self, key: str) -> Mapping[str, Any]:
        try:
            answer = await self._get(f"/incidents/{key}", [("include[]", "custom_fields")])
        except NotFound:
            raise NotFound(f"{self.name}: there is no incident {key}") from None
        incident = answer_of(self.name, answer, "incident")
        if not line(incident.get("id")):
            raise Refused(f"{self.name}: the answer holds no incident. What was cached stays")
        return incident

    async def _log(self, key: str) -> list[Mapping[str, Any]]:
        """The incident's log, oldest entry first."""
        try:
            found = await self._all(
                f"/incidents/{key}/log_entries", "log_entries", [("is_overview", "false"), ("include[]", "channels")]
            )
        except NotFound:
            raise NotFound(f"{self.name}: there is no incident {key}") from None
        return oldest_first(found)

    async def _notes(self, key: str) -> list[Mapping[str, Any]]:
        return list_of(self.name, await self._get(f"/incidents/{key}/notes"), "notes")

    async def _first_alert(self, key: str) -> Mapping[str, Any]:
        """The alert that came first; empty where there is none, or none to be seen by this token."""
        params = [("limit", "1"), ("sort_by", "created_at:asc")]
        try:
            return next(iter(list_of(self.name, await self._get(f"/incidents/{key}/alerts", params), "alerts")), {})
        except (RateLimited, CredentialsRefused):
            raise
        except (Refused, NotFound):
            return {}

    async def _all(self, path: str, member: str, params: Sequence[tuple[str, str]] = ()) -> list[Mapping[str, Any]]:
        """Every object of a list, page by page."""
        found: list[Mapping[str, Any]] = []
        for page in range(LIST_PAGES):
            answer = await self._get(path, [*params, ("limit", str(PAGE)), ("offset", str(page * PAGE))])
            found += list_of(self.name, answer, member)
            if answer.get("more") is not True:
                break
        return found

    async def _introduce(self) -> None:
        """Find out who is asking, once; what goes wrong with it is tried again at the next question."""
        if self._me:
            return
        try:
            self._me = await self._by_token() or await self._by_address()
        except (Unreachable, Refused, NotFound):
            return

    async def _by_token(self) -> SafeText:
        """The user whose token it is; empty for a token of the account, which is answered 400."""
        answer = await self._get("/users/me", also=(400, 403, 404))
        return line(record(answer.get("user")).get("name"))

    async def _by_address(self) -> SafeText:
        """The user whose e-mail address the config names."""
        user = self._connection.user.casefold()
        if not user:
            return SafeText("")
        people = await self._all("/users", "users", [("query", self._connection.user)])
        return next((line(one.get("name")) for one in people if raw(one.get("email")).casefold() == user), SafeText(""))
