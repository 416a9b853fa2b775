"""Zendesk Support: tickets of its API, version 2.

The one service of ours that takes an update on a version only (``safe_update``) and keeps the op id of every update
where nobody but a program sees it: in the metadata of the audit.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.tickets.refusals import absence_refused, called, unsent
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.sweeping import poll
from opstui.adapters.tickets.wire import answer_of, line, list_of, raw, record, texts, written
from opstui.adapters.tickets.zendesk_feed import Feed
from opstui.adapters.tickets.zendesk_reading import (
    Names,
    Settings,
    complete,
    oldest_first,
    op_id_of,
    read_settings,
    read_ticket,
    read_timeline,
)
from opstui.adapters.tickets.zendesk_writing import CAPABILITIES, check, stamp_of, ticket_of, transitions
from opstui.core.connections import Connection
from opstui.core.errors import Conflict, CredentialsRefused, NotFound, OpstuiError, Refused, Unreachable
from opstui.core.ports import Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

PAGE = 100
AUDIT_PAGES = 300
SETTINGS_SECONDS = 600.0
"""How long the account's fields and statuses are believed."""
KEY_LIMIT = 15
ALONGSIDE = ("include", "users,groups")


def connect(connection: Connection) -> ZendeskTickets:
    """The account at the connection's ``url``, as its ``user`` (an agent's e-mail address) with an API token.

    Asks no network. The option ``service_field`` is the title of the field that holds the service (``Service``).
    """
    return ZendeskTickets(connection)


class ZendeskTickets:
    """A ``TicketSystem`` on Zendesk Support."""

    capabilities = CAPABILITIES

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(connection, connection.url, self._authorization)
        self.origin = self._http.place
        self._severities = Severities(connection.severity)
        self._feed = Feed(self._get, self._many)
        self._names = Names()
        self._settings = Settings()
        self._settings_until: float | None = None
        self._me = SafeText("")

    def _authorization(self) -> Mapping[str, str]:
        user = self._connection.user
        if not user:
            raise CredentialsRefused(
                f"{self.name}: there is no user beside the token; nothing was sent. Set tickets.{self.name}.user to "
                "the e-mail address of the agent whose token it is"
            )
        pair = f"{user}/token:{secret_of(self._connection)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is Zendesk's search syntax, empty for all that is not solved."""
        changes = await poll(self._feed, queue, cursor, self._connection.clock, scope=self.origin)
        await self._introduce()
        return changes

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The ticket with all its audits. Raises NotFound, Unreachable, Refused."""
        _check_key(self.name, key)
        settings = await self._fields()
        # The audits come first: what happens while this runs makes one that the version does not have.
        audits = await self._audits(key)
        told = await self._ticket(key)
        await self._introduce()
        return complete(self._listed(told, settings), audits, settings, self._names)

    async def transitions(self, key: str) -> tuple[str, ...]:
        """The account's statuses that an agent can set; none for a closed ticket."""
        _check_key(self.name, key)
        return transitions(await self._ticket(key), await self._fields())

    async def find(self, key: str, op_id: str) -> str | None:
        """The first entry of the audit that carries ``op_id``."""
        _check_key(self.name, key)
        audits = await self._audits(key)
        if all(op_id_of(audit) != op_id for audit in audits):
            return None
        timeline = read_timeline(key, audits, await self._fields(), self._names)
        return next((entry.id for entry in timeline if entry.op_id == op_id), None)

    def me(self) -> str:
        """The agent whose token it is, by name."""
        return self._me

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """Files first, which belong to nothing yet, then one request for everything. See ``TicketSystem``."""
        with absence_refused():
            return await self._send(update)

    async def _send(self, update: Update) -> Sent:
        key = update.ticket.key
        _check_key(self.name, key)
        check(self.name, update)
        parts: dict[str, Any] = {
            "tags": await self._tags(update),
            "settings": await self._fields(),
            "severities": self._severities,
            "people": {one: await self._id("user", one) for one in update.fields.get("/assignee") or ()},
            "groups": {one: await self._id("group", one) for one in [update.fields.get("/team")] if one},
        }
        # Made once without files: what can't be said is refused before they are there.
        ticket_of(self.name, update, **parts)
        uploads = [await self._upload(file, content) for file, content in update.attachments]
        body = ticket_of(self.name, update, **parts, uploads=uploads)
        answer = written(await self._http.request("PUT", f"/api/v2/tickets/{key}", json=body))
        return Sent(remote_id=raw(record(answer.get("audit")).get("id")) or None)

    async def _tags(self, update: Update) -> list[str]:
        """The ticket's tags on the expected version. Raises Conflict where it is another one by now."""
        if not (update.add_tags or update.remove_tags):
            return []
        told = await self._ticket(update.ticket.key)
        if raw(told.get("updated_at")) != stamp_of(update.expected_version):
            raise Conflict(f"{self.name}: it changed meanwhile. Nothing was applied", ticket=str(update.ticket))
        return texts(told.get("tags"))

    async def _upload(self, file: str, content: bytes) -> str:
        import mimetypes

        kind = mimetypes.guess_type(file)[0] or "application/binary"
        answer = await self._http.request(
            "POST", "/api/v2/uploads", params=[("filename", file)], content=content, headers={"Content-Type": kind},
            writes=False,
        )  # fmt: skip
        token = raw(answer_of(self.name, answer.json(), "upload").get("token"))
        if not token:
            raise Refused(f"{self.name}: the file {clean_line(file, limit=80)} was not taken. Nothing was sent")
        return token

    async def _id(self, kind: str, wanted: str) -> int:
        """The id of an agent or a group, found by the search (neither changes from minute to minute)."""
        found = [one for one in await self._search(kind, wanted) if raw(one.get("role")) != "end-user"]
        one = called(self.name, "agent" if kind == "user" else kind, wanted, found)
        number = raw(one.get("id"))
        if not number.isdigit():
            raise unsent(self.name, f"{clean_line(wanted, limit=80)} has no id there")
        return int(number)

    async def _search(self, kind: str, wanted: str) -> list[Mapping[str, Any]]:
        quoted = wanted.replace("\\", " ").replace('"', " ")
        answer = await self._get("/api/v2/search", [("query", f'type:{kind} "{quoted}"')])
        found = list_of(self.name, answer, "results")
        return [one for one in found if one.get("result_type") == kind]

    # --- doctor, and the end ------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, and as whom."""
        check, key = f"tickets {self.name}", f"tickets.{self.name}"
        try:
            return self._http.alone(lambda: self._probes(check, key))
        except OpstuiError as error:
            token = f"set {key}.user and {key}.token in the config" if isinstance(error, CredentialsRefused) else ""
            return [Probe(check, "fail", error.message, token)]

    async def _probes(self, check: str, key: str) -> list[Probe]:
        await self._fields()
        who = await self._whoami()
        if not who:
            told = f"{self._http.host} answers, but knows no agent {clean_line(self._connection.user, limit=80)}"
            return [Probe(check, "warn", told, f"set {key}.user to the e-mail address of an agent")]
        return [Probe(check, "pass", f"{self._http.host} answers, as {who}")]

    def close(self) -> None:
        """There is nothing but connections, which ``disconnect`` closes."""

    async def disconnect(self) -> None:
        """Close the connections of the running loop."""
        await self._http.disconnect()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Mapping[str, Any]:
        answer = record((await self._http.request("GET", path, params=list(params))).json())
        self._names.learn(answer)
        return answer

    async def _ticket(self, key: str) -> Mapping[str, Any]:
        try:
            return answer_of(self.name, await self._get(f"/api/v2/tickets/{key}", [ALONGSIDE]), "ticket")
        except NotFound:
            raise NotFound(f"{self.name}: there is no ticket {key}") from None

    async def _many(self, keys: Sequence[str]) -> list[Ticket]:
        """These tickets as they are now, without those that are gone."""
        wanted = [key for key in keys if key.isdigit()]
        if not wanted:
            return []
        answer = await self._get("/api/v2/tickets/show_many", [("ids", ",".join(wanted)), ALONGSIDE])
        settings = await self._fields()
        return [self._listed(one, settings) for one in list_of(self.name, answer, "tickets") if raw(one.get("id"))]

    def _listed(self, ticket: Mapping[str, Any], settings: Settings) -> Ticket:
        return read_ticket(
            ticket, self.name, settings=settings, names_of=self._names, severities=self._severities,
            site=self._http.origin, service_field=self._connection.options.get("service_field", "Service"),
        )  # fmt: skip

    async def _audits(self, key: str) -> list[Mapping[str, Any]]:
        """Every audit, oldest first. A ``next`` link is not followed: its cursor goes into an address of ours."""
        found: list[Mapping[str, Any]] = []
        after = ""
        for _ in range(AUDIT_PAGES):
            params = [ALONGSIDE, ("page[size]", str(PAGE)), *([("page[after]", after)] if after else [])]
            try:
                answer = await self._get(f"/api/v2/tickets/{key}/audits", params)
            except NotFound:
                raise NotFound(f"{self.name}: there is no ticket {key}") from None
            found += list_of(self.name, answer, "audits")
            meta = record(answer.get("meta"))
            after = raw(meta.get("after_cursor"))
            if meta.get("has_more") is not True or not after:
                return oldest_first(found)
        raise Refused(f"{self.name}: ticket {key} has more than {AUDIT_PAGES * PAGE} audits. What was cached stays")

    async def _fields(self) -> Settings:
        now = self._connection.clock.monotonic()
        if self._settings_until is None or now >= self._settings_until:
            told = list_of(self.name, await self._get("/api/v2/ticket_fields"), "ticket_fields")
            self._settings = read_settings(told)
            self._settings_until = now + SETTINGS_SECONDS
        return self._settings

    async def _introduce(self) -> None:
        """Find out who is asking, once; what goes wrong with it is tried again at the next question."""
        if self._me:
            return
        try:
            self._me = await self._whoami()
        except (Unreachable, Refused, NotFound):
            return

    async def _whoami(self) -> SafeText:
        user = self._connection.user.casefold()
        people = await self._search("user", self._connection.user)
        return next((line(one.get("name")) for one in people if raw(one.get("email")).casefold() == user), SafeText(""))


def _check_key(name: str, key: str) -> None:
    """Raises NotFound for what is no number, before it is part of an address."""
    if not (key.isascii() and key.isdigit() and len(key) <= KEY_LIMIT):
        raise NotFound(f"{name}: there is no ticket {clean_line(key, limit=60)}")
