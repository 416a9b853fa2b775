"""Request Tracker 5 by its REST2 interface. What is said of it here was seen on a real 5.0.3."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opstui.adapters.http import WHOLE_SECONDS, HttpClient, secret_of
from opstui.adapters.tickets import polling
from opstui.adapters.tickets.markers import marked
from opstui.adapters.tickets.refusals import but_for
from opstui.adapters.tickets.rt_asking import PAGE, Asking, Found, together
from opstui.adapters.tickets.rt_history import body_of as body_told, entries_of, files_of, texts_of
from opstui.adapters.tickets.rt_reading import FIELDS, NAMED, Reading, custom_fields, named, statuses, ticket_of
from opstui.adapters.tickets.rt_writing import Choices, body_of, message_of, missed, parts_of, severity_field
from opstui.adapters.tickets.wire import list_of, raw, record
from opstui.core.connections import Connection
from opstui.core.errors import Conflict, OpstuiError, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket, TimelineEntry

log = logging.getLogger("opstui.rt")

EVERYTHING = "Status = '__Active__'"
"""The query of a queue without one."""
SMALL = 30
"""A queue of so many tickets is listed whole at each poll; RT takes about 8 ms for each."""
ON_ITS_WAY = timedelta(seconds=WHOLE_SECONDS + 5)
"""How long a question can be on its way, as RT counts an age back from when it answers."""
API = "/REST/2.0"
"""Below the address that people read tickets at."""
_PUT_ONLY = ("Owner", "Queue", "Priority")
"""RT 5.0.3 passes over these in a comment's POST without a word."""
_DONE = re.compile(r" changed (from|to) |added|no longer a value|deleted|(Owner|Status) (set|changed)")
"""RT's sentences about what it did, in English; others are looked into."""


def connect(connection: Connection) -> RTTickets:
    """The system of a ``[tickets.NAME]`` with ``kind = "rt"``. Raises ConfigError."""
    return RTTickets(connection)


class RTTickets:
    """A ``TicketSystem``, and ``Connected``.

    A comment goes in one POST with files, status and custom fields, everything else in one PUT, which RT takes only on
    the version that is named. With an ``op_field`` (a custom field of many values) every write leaves its op id there.
    """

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self._connection = connection
        self._http = HttpClient(connection, f"{connection.url}{API}", self._opened)
        self.origin = self._http.place.removesuffix(API)
        self._asking = Asking(connection, self._http)
        self._reading = Reading(
            system=connection.name, web=connection.url, op_field=connection.op_field, own=connection.severity
        )
        self._read: dict[str, Found] = {}
        """The last answer of each ticket, so that a write on that version need not ask again."""
        self._unkept: dict[str, str] = {}
        """Op id → transaction, where RT took a comment and not the op id that came with it."""
        self.capabilities = Capabilities(
            conditional_write=True,
            marker_findable=bool(connection.op_field),
            marker_in_comment=not connection.op_field,
            settle_seconds=60.0,
            steps=(("/comment", "/attachments", "/status", "/severity", "/tags", "/fields/*"), ("*",)),
            fields=("/status", "/severity", "/assignee", "/team", "/tags", "/fields/*"),
            single_assignee=True,
            attachment_limit=10_000_000,
            comment_note="public: a reply, mailed to the requestors",
        )

    def _opened(self) -> Mapping[str, str]:
        return {"Authorization": f"token {secret_of(self._connection)}"}

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``: by what was updated, with a look at the whole now and then.

        Not by transactions, although their numbers only grow: RT leaves those that we may not see out of a page
        without saying that there are more pages.
        """
        changes, _ = await together(
            polling.poll(
                self._page, queue, cursor, self._connection.clock,
                overlap=timedelta(seconds=5), whole=SMALL, scope=self.origin,
            ),
            self._asking.know_me(),
        )  # fmt: skip
        assert isinstance(changes, Changes)
        return changes

    async def _page(self, queue: Queue, since: datetime | None, position: str | None) -> polling.Page:
        page = int(position) if position and position.isdecimal() else 1
        params = [
            ("query", await self._query(queue, since)), ("fields", FIELDS), *NAMED.items(), ("per_page", PAGE),
            ("page", page), ("orderby", "LastUpdated"), ("order", "ASC"), ("orderby", "id"), ("order", "ASC"),
        ]  # fmt: skip
        answer = await self._asking.get("tickets", params)
        data = record(answer.json())
        rows = list_of(self.name, data, "items")
        tickets = [ticket_of(one, self._reading) for one in rows if raw(one.get("id")).isdecimal()]
        total = data.get("total")
        # ``next_page`` names RT's own idea of its address, so it is only a yes. Without a total there is none either.
        more = bool(data.get("next_page")) if total is not None else len(rows) > 0
        return polling.Page(
            tickets=tuple(one for one in tickets if since is None or one.updated_at >= since),
            next=str(page + 1) if more else None,
            total=total if isinstance(total, int) else None,
        )

    async def _query(self, queue: Queue, since: datetime | None) -> str:
        """TicketSQL for a queue. What the config says stands in brackets, and nothing else in it was ever typed."""
        query = queue.query.strip() or EVERYTHING
        if not is_balanced(query):
            name = clean_line(queue.name, limit=60)
            raise Refused(f"{self.name}: brackets or quotes in the query of {name} do not match. Nothing was asked")
        if since is None:
            return f"({query})"
        # A moment would be read in the time zone of the token's user; an age means the same everywhere.
        age = await self._asking.ago(since) + ON_ITS_WAY
        return f"({query}) AND LastUpdated >= '{spelled(age)}'"

    def stirred(self) -> bool:
        """Always: only asking tells."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """See ``TicketSystem``. Three questions at once, and one for texts that were not read before."""
        found, timeline, parts, transactions, texts = await self._whole(key)
        self._keep(key, found)
        return ticket_of(
            found.data,
            self._reading,
            version=found.version,
            body=body_told(transactions, texts),
            timeline=timeline,
            attachments=files_of(transactions, parts),
        )

    async def _whole(self, key: str) -> tuple[Any, ...]:
        (found, transactions, parts), _ = await together(self._asking.whole(key), self._asking.know_me())
        if found.version.isdecimal():
            # What came while this ran belongs to the next version.
            transactions = [one for one in transactions if int(raw(one.get("id"))) <= int(found.version)]
        contents, known = await together(
            self._asking.texts(transactions, parts), self._asking.known(found.data, transactions)
        )
        texts = texts_of(parts, contents)
        return found, entries_of(key, transactions, parts, texts, known), parts, transactions, texts

    async def transitions(self, key: str) -> tuple[str, ...]:
        """What RT offers for it, and what the lifecycle that it comes with allows besides."""
        data = (await self._asking.found(key)).data
        return statuses(data, await self._asking.lifecycle(raw(record(data.get("Queue")).get("id"))))

    async def find(self, key: str, op_id: str) -> str | None:
        """See ``TicketSystem``: among the ticket's transactions, as a field of many values may have lost it."""
        if not self._connection.op_field:
            entries: tuple[TimelineEntry, ...] = (await self._whole(key))[1]
            return next((one.id for one in entries if one.op_id == op_id), None)
        lost = self._unkept.get(op_id)
        for at, one in enumerate(await self._asking.transactions(key), start=1):
            kept = one.get("Type") == "CustomField" and one.get("NewValue") == op_id
            if kept or (lost is not None and raw(one.get("id")) == lost):
                return f"{key}#{at}"
        return None

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """See ``TicketSystem``.

        A POST has no condition (with ``If-Match`` it is a 412, right or wrong), so the version is compared right
        before it; RT's own comparison in a PUT is no closer, as it is not made in one piece with the write.
        """
        key = self._asking.number(update.ticket.key)
        message = update.comment is not None or bool(update.attachments)
        found = await self._current(key, update.expected_version, fresh=message)
        body = await self._body(update, found)
        if not message:
            return await self._put(key, update, found, body)
        text = update.comment
        if text is not None and not self._connection.op_field:
            text = marked(text, update.op_id)
        first = {name: body.pop(name) for name in _PUT_ONLY if name in body}
        if first:
            # Set before the comment is made: that is what can't be done twice.
            await self._put(key, update, found, first)
        with but_for("the fields that were sent before it" if first else ""):
            return await self._post(key, update, {**body, **message_of(text)})

    async def _current(self, key: str, version: str, *, fresh: bool) -> Found:
        """The ticket in the version that is expected. Raises Conflict."""
        found = self._read.get(key)
        if fresh or found is None or found.version != version:
            found = await self._asking.found(key)
            self._keep(key, found)
        if found.version != version:
            raise Conflict(f"{self.name}:{key} changed meanwhile. Nothing was applied", ticket=f"{self.name}:{key}")
        return found

    async def _body(self, update: Update, found: Found) -> dict[str, Any]:
        field = severity_field(update, found.data)
        words = await self._asking.words_of(field) if field is not None else ()
        choices = Choices(own=self._connection.severity, words=words)
        return body_of(update, found.data, op_field=self._connection.op_field, choices=choices)

    async def _put(self, key: str, update: Update, found: Found, body: Mapping[str, Any]) -> Sent:
        """Set fields. Raises Refused where RT's answer, a 200 whatever happened, turns out to have done nothing."""
        answer = await self._http.request(
            "PUT", f"ticket/{key}", json=body, headers={"If-Match": f'"{found.version}"'}
        )  # fmt: skip
        self._read.pop(key, None)
        results = _results(answer.content)
        if not results or all(_DONE.search(one) for one in results):
            return Sent()
        try:
            after = await self._asking.found(key)
        except OpstuiError:
            return Sent()  # what was applied will be seen when it is read back
        said = clean_line("; ".join(one for one in results if not _DONE.search(one)), limit=200)
        log.warning("%s: a write was not done as a whole", self.name)
        if missed(update, body, found.data, after.data):
            raise Refused(f"{self.name}: refused ({said}). Nothing was applied", reason=said)
        return Sent()

    async def _post(self, key: str, update: Update, body: Mapping[str, Any]) -> Sent:
        kind = "correspond" if update.public else "comment"
        files = parts_of(body, update.attachments, self.name) if update.attachments else None
        answer = await self._http.request("POST", f"ticket/{key}/{kind}", json=None if files else body, files=files)
        self._read.pop(key, None)
        transaction = answer.headers.get("location", "").rpartition("/")[2]
        # In whatever language: each sentence about a value names it.
        if self._connection.op_field and not any(update.op_id in one for one in _results(answer.content)):
            log.warning("%s: the op id was not taken with a comment", self.name)
            self._unkept[update.op_id] = transaction
        return Sent(remote_id=transaction or None)

    def _keep(self, key: str, found: Found) -> None:
        if len(self._read) >= PAGE:
            self._read.clear()
        self._read[key] = found

    # --- who and how --------------------------------------------------------------------------------------------------

    def me(self) -> str:
        """The user that the token is of."""
        return self._asking.me

    def probe(self) -> list[Probe]:
        """Whether it answers, as whom, and whether tickets have the field for op ids. Asks the network."""
        check = f"tickets {self.name}"
        try:
            return self._http.alone(lambda: self._probe(check))
        except OpstuiError as error:
            return [Probe(check, "fail", clean_line(str(error)), f"see tickets.{self.name} in the config")]

    async def _probe(self, check: str) -> list[Probe]:
        version = clean_line(raw(record((await self._asking.get("rt")).json()).get("Version")), limit=40)
        await self._asking.know_me()
        told = [Probe(check, "pass", f"RT {version} at {self._http.host}, as {self.me() or 'somebody'}")]
        op_field, fix = self._connection.op_field, f"tickets.{self.name}.op_field: a custom field of many values"
        if not op_field:
            return [*told, Probe(check, "warn", "no op_field: op ids go into the comments' last lines", fix)]
        params = {"query": "id > 0", "fields": "CustomFields", "per_page": 1, "orderby": "LastUpdated", "order": "DESC"}
        rows = list_of(self.name, (await self._asking.get("tickets", params)).json(), "items")
        if rows and named(custom_fields(rows[0]), op_field.casefold()) is None:
            newest = clean_line(raw(rows[0].get("id")), limit=20)
            what = f"ticket {newest} has no custom field {clean_line(op_field, limit=60)}; updates of such are refused"
            return [*told, Probe(check, "warn", what, fix)]
        return told

    async def disconnect(self) -> None:
        """Close the running loop's connections."""
        await self._http.disconnect()

    def close(self) -> None:
        """There is nothing to let go of."""


def spelled(age: timedelta) -> str:
    """An age for TicketSQL, rounded up to a number of at most three digits.

    RT's parser takes every number of four digits for a year: ``2100 seconds ago`` found nothing on a real 5.0.3.
    """
    for unit, seconds in (("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86400)):
        number = max(1, math.ceil(age.total_seconds() / seconds))
        if number < 1000:
            return f"{number} {unit} ago"
    return f"{min(number // 7 + 1, 999)} weeks ago"


def is_balanced(query: str) -> bool:
    """Whether a TicketSQL condition can stand in brackets: none of its own closes what it did not open."""
    depth, at = 0, 0
    while at < len(query):
        letter = query[at]
        if letter in "'\"":
            end = re.compile(rf"(?:[^\\{letter}]|\\.)*{letter}", re.DOTALL).match(query, at + 1)
            if end is None:
                return False
            at = end.end()
            continue
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return False
        at += 1
    return depth == 0


def _results(content: bytes) -> list[str]:
    """RT's sentences about what it did; none where the answer can't be read, as the ticket is read back anyway."""
    import json

    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
