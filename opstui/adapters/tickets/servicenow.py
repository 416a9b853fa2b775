"""ServiceNow: incidents of its Table API, as an account that may work on them.

Nothing there can be made to depend on a version; what was changed since the last look is noticed just before a write.
Work notes are internal, comments are read by the caller. The op id is a comment's last line, and also in the
``op_field`` where the config names one (``correlation_id``, or a column made for it). An instance ignores parts of a
query and columns that it does not have, so a queue's query should be copied from a list of the instance itself.

https://github.com/ServiceNow/ServiceNowDocs, ``markdown/api-reference/rest-apis``
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.tickets.polling import Page, poll
from opstui.adapters.tickets.refusals import absence_refused, but_for
from opstui.adapters.tickets.servicenow_lists import ALL, FILES, PAGE, TABLES, Lists
from opstui.adapters.tickets.servicenow_query import listing
from opstui.adapters.tickets.servicenow_reading import (
    JOURNALS,
    LISTED,
    SEVERITY_WORDS,
    Entry,
    Place,
    Row,
    audit_entry,
    journal_entry,
    newest,
    op_ids,
    printed_entries,
    read_row,
    read_whole,
)
from opstui.adapters.tickets.servicenow_writing import check_version, patches
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import moment
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

INCIDENTS = f"{TABLES}/incident"
READS = 3
"""Of an incident that changes all the time, before its entries are taken as they are."""
OVERLAP = timedelta(seconds=30)
"""How long a read replica may lag."""
ATTACHMENT_LIMIT = 20 * 1024 * 1024
"""Ours; the instance's own is 1 GB as delivered."""

_KEY = re.compile(r"[A-Za-z]{0,16}[0-9]{1,20}\Z")
_OPTIONS = ("audit", "severity_field")


def connect(connection: Connection) -> ServiceNowTickets:
    """The instance at the connection's ``url``, as its ``user`` with a password. Asks no network.

    Options: ``audit = "yes"`` reads every change out of ``sys_audit`` (needs a role, and large instances are slow at
    it); ``severity_field`` names the column that severity is read from and written to, instead of priority, which
    follows from impact and urgency.
    """
    return ServiceNowTickets(connection)


class ServiceNowTickets:
    """A ``TicketSystem`` on the incidents of a ServiceNow instance."""

    def __init__(self, connection: Connection) -> None:
        for option in connection.options:
            if option not in _OPTIONS:
                key = f"tickets.{connection.name}.options.{clean_line(option, limit=40)}"
                raise ConfigError(f"{key}: a servicenow has the options {' and '.join(_OPTIONS)}", key=key)
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(connection, connection.url, lambda: _authorization(connection))
        self.origin = self._http.place
        severity_field = connection.options.get("severity_field") or "priority"
        self._place = Place(
            self.name, connection.url, Severities(connection.severity, SEVERITY_WORDS), severity_field,
            connection.op_field,
        )  # fmt: skip
        self._audits = connection.options.get("audit", "").casefold() in ("yes", "true", "1", "on")
        self._journal = True
        """Whether we may read ``sys_journal_field``; found out by asking."""
        self._lists = Lists(self.name, self._http)
        self._me = SafeText("")
        self.capabilities = Capabilities(
            marker_findable=bool(connection.op_field),
            marker_in_comment=True,
            steps=(("/attachments",), ("*",)),
            fields=("/status", "/severity", "/assignee", "/team", "/fields/*"),
            single_assignee=True,
            attachment_limit=ATTACHMENT_LIMIT,
            comment_note="internal: a work note, for who works on the ticket; public: its caller reads it",
            cant={"/tags": "its tags are not part of a ticket"},
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is an encoded query on ``incident``, empty for all that is active."""
        await self._meet()
        return await poll(
            self._page, queue, cursor, self._connection.clock, overlap=OVERLAP, whole=PAGE, scope=self.origin
        )

    async def _page(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        start = int(position) if position and position.isdigit() else 0
        columns = dict.fromkeys((*LISTED, self._place.severity_field))
        found, more, total = await self._lists.page(
            INCIDENTS, listing(queue.query, since), start, {"sysparm_fields": ",".join(columns), **ALL}
        )
        read = tuple(read_row(row, self._place) for row in map(Row, found) if _KEY.match(row.line("number")))
        return Page(read, str(start + PAGE) if more else None, total)

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The incident with journals, files and, where asked for, audit. Raises NotFound, Unreachable, Refused."""
        row = await self._row(key)
        await self._meet()
        for _ in range(READS):
            entries = await self._entries(row)
            if newest(entries) <= moment(row.value("sys_updated_on")):
                break
            # An entry is newer than the record: it was changed while this ran.
            before, row = row, await self._row(key)
            if row.value("sys_mod_count") == before.value("sys_mod_count"):
                break
        of_this = f"table_name=incident^table_sys_id={row.value('sys_id')}^ORDERBYsys_created_on"
        files = await self._lists.whole(FILES, of_this)
        return read_whole(row, entries, files, self._place)

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Every state but its own: which of them rules of the instance refuse, it does not tell."""
        row = await self._row(key)
        return tuple(label for label in (await self._lists.states(row)).values() if label != row.line("state"))

    async def find(self, key: str, op_id: str) -> str | None:
        """The comment that ends with the op id; ``KEY#0`` where only the ``op_field`` has it."""
        ticket = await self.ticket(key)
        entry = next((entry.id for entry in ticket.timeline if entry.op_id == op_id), None)
        if entry is not None or not self._place.op_field:
            return entry
        kept = op_ids((await self._row(key)).value(self._place.op_field)) or ()
        return ticket.entry_id(0) if op_id in kept else None

    def me(self) -> str:
        """What the account is called; its user name where we may not read that."""
        return self._me

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """Files, or everything else: columns whose values people know, then the others and the comment.

        See ``TicketSystem``.
        """
        with absence_refused():
            await self._send(update)
        return Sent()

    async def _send(self, update: Update) -> None:
        row = await self._row(update.ticket.key)
        check_version(self.name, update, row)
        record_id, wanted = row.value("sys_id"), update.fields
        for number, (name, content) in enumerate(update.attachments):
            with but_for("the files that were sent before it" if number else ""):
                await self._attach(record_id, name, content)
        if update.comment is None and not wanted:
            return
        choices = {
            name: await self._lists.labels(name, row) for path in wanted if (name := _named(path)) in row.columns
        }
        planned = patches(
            self._place, update, row,
            states=await self._lists.states(row) if "/status" in wanted else {},
            people=await self._lists.ids("sys_user", wanted.get("/assignee"), "user_name", "email"),
            groups=await self._lists.ids("sys_user_group", wanted.get("/team")),
            levels=await self._lists.labels(self._place.severity_field, row) if "/severity" in wanted else {},
            choices=choices,
        )  # fmt: skip
        if planned.shown:
            await self._patch(record_id, planned.shown, sysparm_input_display_value="true")
        if planned.own:
            with but_for("the fields that were sent before it" if planned.shown else ""):
                await self._patch(record_id, planned.own)

    async def _patch(self, record_id: str, columns: Mapping[str, str], **params: str) -> None:
        await self._http.request(
            "PATCH", f"{INCIDENTS}/{record_id}", json=dict(columns), params={"sysparm_fields": "sys_id", **params}
        )

    async def _attach(self, record_id: str, name: str, content: bytes) -> None:
        import mimetypes

        await self._http.request(
            "POST",
            f"{FILES}/file",
            params={"table_name": "incident", "table_sys_id": record_id, "file_name": name},
            content=content,
            headers={"Content-Type": mimetypes.guess_type(name)[0] or "application/octet-stream"},
        )

    # --- doctor, and the end ------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, as whom, and what the account may not read."""
        check = f"tickets.{self.name}"
        try:
            return self._http.alone(lambda: self._probes(check))
        except OpstuiError as error:
            fix = f"set {check}.user and {check}.token in the config" if isinstance(error, CredentialsRefused) else ""
            return [Probe(check, "fail", error.message, fix)]

    async def _probes(self, check: str) -> list[Probe]:
        await self._meet(again=True)
        newest_one, _, _ = await self._lists.page(INCIDENTS, "ORDERBYDESCsys_updated_on", limit=1)
        found = [Probe(check, "pass", f"{self._http.host} answers, as {self._me}")]
        for row in map(Row, newest_one):
            for column in filter(None, (self._place.op_field, self._place.severity_field)):
                if column not in row.columns:
                    text = f"incidents have no column {clean_line(column, limit=60)!r} that this account can read"
                    found.append(Probe(check, "warn", text, f"mend {check} in the config"))
            await self._entries(row)
            if not self._journal:
                text = "the account may not read sys_journal_field, so comments are read as incidents print them"
                found.append(Probe(check, "warn", text, "ask for a role that may"))
        return found

    def close(self) -> None:
        """There is nothing but connections, which ``disconnect`` closes."""

    async def disconnect(self) -> None:
        """Close them."""
        await self._http.disconnect()

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _row(self, key: str) -> Row:
        """The record of this number, every column. Raises NotFound, before anything is asked for what can't be one."""
        if not _KEY.match(key):
            raise NotFound(f"{self.name}: there is no ticket {clean_line(key, limit=80)}; keys look like INC0010001")
        told, _, _ = await self._lists.page(INCIDENTS, f"number={key}", limit=2)
        # An instance that does not take the condition for one would answer with anything.
        found = [row for row in map(Row, told) if row.value("number").casefold() == key.casefold()]
        if not found:
            raise NotFound(f"{self.name}: there is no ticket {key}")
        if len(found) > 1:
            raise Refused(f"{self.name}: there are several incidents {key}. What was cached stays")
        return found[0]

    async def _entries(self, row: Row) -> list[Entry]:
        record_id, lists = row.value("sys_id"), self._lists
        printed = printed_entries(row)
        found: list[Mapping[str, Any]] = []
        if self._journal:
            query = f"element_id={record_id}^elementIN{','.join(JOURNALS)}^ORDERBYsys_created_on"
            columns = "sys_id,element,value,sys_created_on,sys_created_by"
            told = await lists.perhaps(f"{TABLES}/sys_journal_field", query, sysparm_fields=columns)
            self._journal, found = told is not None, told or []
        audits: list[Mapping[str, Any]] = []
        if self._audits:
            query = f"tablename=incident^documentkey={record_id}^ORDERBYsys_created_on"
            columns = "sys_id,fieldname,oldvalue,newvalue,sys_created_on,user"
            audits = await lists.perhaps(f"{TABLES}/sys_audit", query, sysparm_fields=columns) or []
            audits = [one for one in audits if one.get("fieldname") not in JOURNALS]
        await lists.call([*(one.get("sys_created_by") for one in found), *(one.get("user") for one in audits)])
        # Rows that an account may not read are left out without a word.
        entries = [journal_entry(one, lists.called) for one in found] or printed
        labels = await lists.states(row) if audits else {}
        return entries + [audit_entry(one, self._place, labels, lists.called) for one in audits]

    async def _meet(self, *, again: bool = False) -> None:
        """Find out what our own account is called."""
        if not self._me or again:
            user = self._connection.user
            await self._lists.call([user])
            self._me = clean_line(self._lists.called(user))


def _named(path: str) -> str:
    """The column of ``/fields/COLUMN``; empty for other paths."""
    return path.removeprefix("/fields/") if path.startswith("/fields/") else ""


def _authorization(connection: Connection) -> Mapping[str, str]:
    """Basic. Raises CredentialsRefused."""
    from base64 import b64encode

    if not connection.user:
        raise CredentialsRefused(
            f"{connection.name}: there is no user; nothing was sent. Set tickets.{connection.name}.user in the config"
        )
    pair = f"{connection.user}:{secret_of(connection)}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}
