"""Redmine 5: issues by its REST API, with what was measured on 5.0.4.

Nothing there can be made to depend on a version (``lock_version`` is enforced but not told), so the version is compared
just before writing, and whoever sends reads back. An update is one ``PUT``; the op id goes into a custom field, whose
earlier values stay in the journals, or else into the note's last line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from opstui.adapters.http import HttpClient, secret_of
from opstui.adapters.tickets.polling import Page, poll
from opstui.adapters.tickets.redmine_names import Names
from opstui.adapters.tickets.redmine_reading import Reading, field_of, read_issue, read_journals, version_of
from opstui.adapters.tickets.redmine_writing import body_of
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import answer_of, line, list_of, number as as_number, raw, record, stamp
from opstui.core.connections import Connection
from opstui.core.errors import ConfigError, Conflict, CredentialsRefused, NotFound, OpstuiError, Refused
from opstui.core.ports import Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import EntryKind, Ticket

PAGE = 100
"""The most that Redmine lists at once."""
OVERLAP = timedelta(seconds=30)
"""How long after its time a change may become visible: ``updated_on`` is taken before the save is committed."""
KEY_LIMIT = 12
OURS = ("updated_on", "sort", "limit", "offset", "page", "per_page", "include", "format", "key", "nometa")
"""Parameters that are not the query's business."""


def connect(connection: Connection) -> RedmineTickets:
    """The Redmine that the connection names. Asks no network. Raises ConfigError."""
    return RedmineTickets(connection)


class RedmineTickets:
    """A ``TicketSystem`` on Redmine."""

    def __init__(self, connection: Connection) -> None:
        if not connection.url:
            key = f"tickets.{connection.name}.url"
            raise ConfigError(f"{key}: say where Redmine is, for example https://redmine.example.com", key=key)
        self.name = connection.name
        self._clock = connection.clock
        self._http = HttpClient(
            connection, connection.url, lambda: {"X-Redmine-API-Key": secret_of(connection)}
        )  # fmt: skip
        self.origin = self._http.place
        self.capabilities = capabilities(connection.op_field)
        self._names = Names(connection.name, self._get, connection.clock)
        self._reading = Reading(
            system=connection.name,
            url=connection.url,
            names=self._names,
            severities=Severities(connection.severity),
            op_field=connection.op_field,
        )
        self._kept: set[tuple[str, ...]] = set()
        """Project, tracker and status in which the op field was seen to be kept."""

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is that of ``GET /issues.json``, empty for all that is open."""
        await self._names.load()
        return await poll(
            self._page, queue, cursor, self._clock, overlap=OVERLAP, whole=PAGE, scope=self.origin,
            anywhere=self._page_of_everything,
        )  # fmt: skip

    async def _page_of_everything(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        """Whatever the account sees changing: what leaves a queue does so by being saved."""
        return await self._page(Queue(queue.name, queue.system, "status_id=*"), since, position)

    async def _page(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        offset = int(position) if position and position.isdigit() else 0
        params = [*list_params(queue.query, since), ("limit", str(PAGE)), ("offset", str(offset))]
        try:
            answer = await self._get("issues.json", params)
        except NotFound as error:
            # 404 is what Redmine says to an unknown project or saved query.
            query = clean_line(queue.query, limit=120)
            why = f"the query of {clean_line(queue.name, limit=80)} names a project or saved query that is not there"
            raise Refused(f"{self.name}: {why} ({query}). What was cached stays", reason=str(error)) from None
        issues = [one for one in list_of(self.name, answer, "issues") if as_number(one.get("id"))]
        for issue in issues:
            self._names.learn(issue)
        total = record(answer).get("total_count")
        more = isinstance(total, int) and offset + len(issues) < total and bool(issues)
        tickets = tuple(read_issue(issue, self._reading, complete=False) for issue in issues)
        return Page(tickets, str(offset + len(issues)) if more else None, total if isinstance(total, int) else None)

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The issue with its journals and files, out of one answer. Raises NotFound, Unreachable, Refused."""
        issue = await self._issue(key)
        await self._names.complete(issue.get("journals"), raw(record(issue.get("project")).get("id")))
        return read_issue(issue, self._reading, complete=True)

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Statuses that the account may give the ticket now."""
        issue = await self._issue(key)
        own = raw(record(issue.get("status")).get("id"))
        allowed = issue.get("allowed_statuses")
        return tuple(
            line(one.get("name")) for one in map(record, allowed if isinstance(allowed, list) else [])
            if raw(one.get("id")) != own
        )  # fmt: skip

    async def find(self, key: str, op_id: str) -> str | None:
        """The entry of the save that the op id came with: its note, where it has one."""
        return self._found(await self._issue(key), op_id)

    def _found(self, issue: Mapping[str, Any], op_id: str) -> str | None:
        entries = [one for one in read_journals(issue, self._reading) if one.op_id == op_id]
        notes = [one for one in entries if one.kind is EntryKind.COMMENT]
        if entries:
            return (notes or entries)[0].id
        field = self._reading.op_field_of(issue)
        return f"{raw(issue.get('id'))}#0" if field is not None and raw(field.get("value")) == op_id else None

    def me(self) -> str:
        """The account behind the key, as Redmine shows its name."""
        return self._names.me()

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """Read the issue, and ``PUT`` what is to change. An op id that is there already changes nothing."""
        key = update.ticket.key
        issue = await self._issue(key)
        if self._found(issue, update.op_id) is not None:
            return Sent()
        if update.expected_version and version_of(issue) != update.expected_version:
            raise Conflict(f"{self.name}:{key} changed meanwhile. Nothing was sent", ticket=str(update.ticket))
        await body_of(update, issue, self._reading, ())  # what is refused is refused before files are sent
        # One after the other: of several at once a Redmine on SQLite answers some with 500 (“database is locked”).
        uploads = [await self._upload(name, content) for name, content in update.attachments]
        body = await body_of(update, issue, self._reading, uploads)
        tries = body.tries()
        for number, given in enumerate(tries, 1):
            words = await self._put(key, given)
            if words is None:
                await self._look(update, issue)
                return Sent()
            # All that differs between the tries is the word for the severity, and nothing of a refused one is applied.
            if number == len(tries) or not self._is_about(words, issue, body.severity_field):
                raise Refused(f"{self.name}:{key}: refused by Redmine ({words}). Nothing was applied", reason=words)
        raise Refused(f"{self.name}:{key}: there is nothing to send")

    async def _put(self, key: str, given: Mapping[str, Any]) -> str | None:
        """None for a yes, which is not believed yet; Redmine's words for a no. Raises Conflict."""
        answer = await self._http.request("PUT", f"issues/{key}.json", json={"issue": given}, also=(422,))
        if answer.status != 422:
            return None
        errors = record(answer.json()).get("errors")
        words = clean_line("; ".join(raw(one) for one in errors) if isinstance(errors, list) else "", limit=200)
        if not words:
            # An empty list of errors is what two saves at the same moment get (ActiveRecord::StaleObjectError).
            raise Conflict(f"{self.name}:{key} was changed at the same moment. Nothing was applied", ticket=key)
        return words

    @staticmethod
    def _is_about(words: str, issue: Mapping[str, Any], field: str) -> bool:
        """Whether the refusal names a field, as it does in every language."""
        fields = issue.get("custom_fields")
        named = [raw(one.get("name")) for one in map(record, fields if isinstance(fields, list) else [])
                 if raw(one.get("id")) == field]  # fmt: skip
        return any(name and name in words for name in named)

    async def _upload(self, name: str, content: bytes) -> Mapping[str, str]:
        """Store a file that nothing names yet."""
        answer = await self._http.request(
            "POST", "uploads.json", params={"filename": name}, content=content,
            headers={"Content-Type": "application/octet-stream"}, writes=False,
        )  # fmt: skip
        token = raw(answer_of(self.name, answer.json(), "upload").get("token"))
        return {"token": token, "filename": name}

    async def _look(self, update: Update, before: Mapping[str, Any]) -> None:
        """Whether the op id was kept: a workflow may make its field read-only, which Redmine passes over in silence,
        and what can't be found would be sent again. Raises Refused, the only word that stops that."""
        key = update.ticket.key
        place = tuple(raw(record(before.get(name)).get("id")) for name in ("project", "tracker", "status"))
        if not self._reading.op_field or place in self._kept:
            return
        try:
            after = await self._issue(key)
        except OpstuiError:
            return  # whoever sends reads back in any case
        if self._found(after, update.op_id) is None:
            raise Refused(
                f"{self.name}:{key}: Redmine took the update but did not keep the op id in "
                f"{clean_line(self._reading.op_field, limit=80)!r}. See on the ticket what arrived; the field must be "
                "writable for this account in every status"
            )
        self._kept.add(place)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, as whom, and whether the field for op ids is there."""
        check = f"tickets {self.name}"
        try:
            field = self._http.alone(self._sample)
        except CredentialsRefused as error:
            return [Probe(check, "fail", str(error), f"set tickets.{self.name}.token to the account's API access key")]
        except OpstuiError as error:
            return [Probe(check, "fail", str(error), f"see tickets.{self.name}.url")]
        found = [Probe(check, "pass", f"Redmine at {self._http.host} answers {self.me()}")]
        name = clean_line(self._reading.op_field, limit=80)
        if not name:
            fix = "make a text custom field for issues and name it in op_field"
            found.append(Probe(check, "warn", "updates without a comment can't be found again: no op_field", fix))
        elif field is False:
            fix = f"make a text custom field {name!r} for issues, for all projects and trackers"
            found.append(Probe(check, "fail", f"issues have no custom field {name!r}", fix))
        return found

    async def _sample(self) -> bool | None:
        """Whether issues have the op field; None where there is no issue to see it on."""
        await self._names.load()
        issues = list_of(self.name, await self._get("issues.json", {"limit": 1, "status_id": "*"}), "issues")
        if self._names.field_named(self._reading.op_field) is not None:
            return True
        return any(field_of(one, self._reading.op_field) is not None for one in issues) if issues else None

    async def disconnect(self) -> None:
        """Close the running loop's connections."""
        await self._http.disconnect()

    def close(self) -> None:
        """Nothing is open beside the connections."""

    async def _get(self, path: str, params: Any = None) -> Any:
        return (await self._http.request("GET", path, params=params)).json()

    async def _issue(self, key: str) -> Mapping[str, Any]:
        """The issue with all that is told of it. Raises NotFound."""
        missing = f"there is no ticket {self.name}:{clean_line(key, limit=80)}"
        if not (key.isascii() and key.isdigit() and len(key) <= KEY_LIMIT):
            raise NotFound(missing)
        await self._names.load()
        try:
            answer = await self._get(f"issues/{key}.json", {"include": "journals,attachments,allowed_statuses"})
        except NotFound:
            raise NotFound(missing) from None
        issue = answer_of(self.name, answer, "issue")
        if as_number(issue.get("id")) != int(key):
            raise Refused(
                f"{self.name}: the answer holds another issue. What was cached stays; see its url in the config"
            )
        self._names.learn(issue)
        return issue


def capabilities(op_field: str) -> Capabilities:
    """What Redmine can do, with or without a field for op ids."""
    return Capabilities(
        marker_findable=bool(op_field),
        marker_in_comment=not op_field,
        fields=("/status", "/severity", "/assignee", "/fields/*"),
        single_assignee=True,
        cant={
            "/team": "a ticket's team is its project here, and moving it would drop its category and versions",
            "/tags": "Redmine has no tags",
        },
        comment_note="public: everybody who can see the ticket; internal: roles that may view private notes",
    )


def list_params(query: str, since: datetime | None) -> list[tuple[str, str]]:
    """Parameters of ``GET /issues.json``: the query's own, then ours, which it can't override or break.

    Redmine reads filters in two spellings and the short one (``status_id=open``) only where the long one (``f[]=…``,
    ``op[…]``, ``v[…][]``) is absent, so what is added speaks as the query does.
    """
    parts = [part for part in query.strip().removeprefix("?").split("&") if "=" in part]
    given = parse_qsl("&".join(parts), keep_blank_values=True)
    pairs = [(name, value) for name, value in given if _is_filter(name, value)]
    if not pairs:
        pairs = [("status_id", "open")]
    is_long = any(name in ("f[]", "fields[]") for name, _ in pairs)
    if since is not None and is_long:
        pairs += [("f[]", "updated_on"), ("op[updated_on]", ">="), ("v[updated_on][]", stamp(since))]
    elif since is not None:
        pairs.append(("updated_on", f">={stamp(since)}"))
    return [*pairs, ("sort", "updated_on:asc,id:asc")]


def _is_filter(name: str, value: str) -> bool:
    """Whether a pair of the query is a filter of its own. A name is letters, with one field in brackets at most."""
    field = name.partition("[")[2].partition("]")[0] if "[" in name else name
    is_plain = all(letter.isalnum() or letter in "_.[]" for letter in name) and name.isascii() and name != ""
    mine = field in OURS or name in OURS or (name in ("f[]", "fields[]") and value in OURS)
    return is_plain and value.isprintable() and not mine
