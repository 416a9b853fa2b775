"""GitHub Issues, of github.com or an Enterprise Server.

Comments are public as far as the repository is; a comment's last line, which nobody sees on the page, carries the op
id. Nothing there can be made to depend on a version. GitHub asks for a second between writes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from opstui.adapters.http import Answer, HttpClient, secret_of
from opstui.adapters.tickets.github_feed import PAGE, Feed, Told
from opstui.adapters.tickets.github_reading import IssueKey, complete, marked, read_issue, read_status, read_timeline
from opstui.adapters.tickets.github_writing import (
    CAPABILITIES,
    MILESTONE_PATH,
    STATUSES,
    check,
    requests_of,
)
from opstui.adapters.tickets.refusals import absence_refused, but_for, unsent
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import line, raw, record, records, written
from opstui.core.connections import Connection
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.ports import Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket

ADDRESS = "https://api.github.com"
VERSION = "2022-11-28"
WRITE_GAP = 1.0
"""Seconds between writes (docs.github.com, "Best practices for using the REST API")."""
SECONDARY_PAUSE = 60.0
"""Seconds to wait for a secondary rate limit that does not say how long."""
PAGES = 300
REMEMBERED = 8
"""Answers that are kept, to be asked for again only if they changed: GitHub does not count those that did not."""


def connect(connection: Connection) -> GitHubTickets:
    """Issues of the repositories that the token may see; ``url`` is an Enterprise Server's ``…/api/v3``.

    Asks no network.
    """
    return GitHubTickets(connection)


class GitHubTickets:
    """A ``TicketSystem`` on GitHub Issues. Keys are ``owner/repo#12``."""

    capabilities = CAPABILITIES

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self._http = HttpClient(
            connection,
            connection.url or ADDRESS,
            lambda: {"Authorization": f"Bearer {secret_of(connection)}"},
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION},
            min_write_gap=WRITE_GAP,
        )
        self.origin = self._http.place
        # Without the usual words: a label is any word, and only some of them speak of severity.
        self._severities = Severities(connection.severity, {})
        self._feed = Feed(self.name, self.origin, self._list, self._severities, connection.clock)
        self._kept: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], tuple[str, Told]] = OrderedDict()
        self._me = SafeText("")

    # --- reading ------------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``; the query is GitHub's search syntax with one ``repo:``."""
        try:
            changes = await self._feed.changes(queue, cursor)
        except NotFound:
            raise Refused(
                f"{self.name}: the repository of {queue.name} does not exist, or the token may not see it. What was "
                "cached stays"
            ) from None
        await self._introduce()
        return changes

    def stirred(self) -> bool:
        """It can't be told without asking."""
        return True

    async def ticket(self, key: str) -> Ticket:
        """The issue with its whole timeline. Raises NotFound, Unreachable, Refused."""
        parts = self._parts(key)
        # The timeline comes first: what happens while this runs makes an event that the version does not have.
        events = await self._timeline(parts)
        issue = await self._issue(parts)
        await self._introduce()
        return complete(read_issue(issue, f"{parts.owner}/{parts.repo}", self.name, self._severities), events)

    async def transitions(self, key: str) -> tuple[str, ...]:
        """From open to closed, for a reason; from closed to open only, as GitHub ignores a reason without a change."""
        status = read_status(await self._issue(self._parts(key))).raw
        states = {word: given["state"] for word, given in STATUSES.items()}
        now = "closed" if status.startswith("closed") else "open"
        return tuple(word for word, state in states.items() if state != now)

    async def find(self, key: str, op_id: str) -> str | None:
        """The comment that carries ``op_id``, in the issue's own timeline."""
        parts = self._parts(key)
        timeline = read_timeline(str(parts), await self._timeline(parts))
        return next((entry.id for entry in timeline if entry.op_id == op_id), None)

    def me(self) -> str:
        """The login of the token's owner."""
        return self._me

    # --- writing ------------------------------------------------------------------------------------------------------

    async def send(self, update: Update) -> Sent:
        """A comment, or everything else in several requests that all can be repeated. See ``TicketSystem``."""
        with absence_refused():
            return await self._send(update)

    async def _send(self, update: Update) -> Sent:
        check(self.name, update)
        key = self._parts(update.ticket.key)
        if update.comment is not None:
            body = {"body": marked(update.comment, update.op_id)}
            answer = written(await self._ask("POST", f"{key.path}/comments", json=body))
            return Sent(remote_id=raw(answer.get("id")) or None)
        issue = await self._issue(key)
        await self._check_people(update, key, issue)
        wanted = requests_of(
            self.name,
            update,
            key,
            issue,
            severities=self._severities,
            labels=await self._labels(update, key),
            milestones=await self._milestones(update, key),
        )
        done: list[str] = []
        for one in wanted:
            before = " and ".join(dict.fromkeys(done))
            with but_for(f"what came before: {before}" if before else ""):
                also = (404,) if one.gone_is_fine else ()
                await self._ask(one.method, one.path, json=one.body, also=also)
            done.append(one.what)
        return Sent()

    async def _check_people(self, update: Update, key: IssueKey, issue: Mapping[str, Any]) -> None:
        """GitHub ignores people in silence who can't be assigned. Raises Refused for them."""
        there = [line(item.get("login")) for item in records(issue.get("assignees"))]
        for person in update.fields.get("/assignee") or ():
            if person in there:
                continue
            answer = await self._ask("GET", f"{key.path}/assignees/{quote(person, safe='')}", also=(404,))
            if answer.status == 404:
                raise unsent(
                    self.name, f"{clean_line(person, limit=60)} can't be assigned to issues of that repository"
                )

    async def _labels(self, update: Update, key: IssueKey) -> list[str]:
        """The names of the repository's labels, where one of them has to be found."""
        if update.fields.get("/severity") is None:
            return []
        return [line(item.get("name")) for item in await self._all(f"/repos/{key.owner}/{key.repo}/labels")]

    async def _milestones(self, update: Update, key: IssueKey) -> list[Mapping[str, Any]]:
        if not update.fields.get(MILESTONE_PATH):
            return []
        return await self._all(f"/repos/{key.owner}/{key.repo}/milestones", [("state", "open")])

    # --- doctor, and the end ------------------------------------------------------------------------------------------

    def probe(self) -> list[Probe]:
        """Whether it answers, and as whom."""
        check, key = f"tickets {self.name}", f"tickets.{self.name}"
        try:
            who = self._http.alone(self._whoami)
        except OpstuiError as error:
            token = f"set {key}.token in the config" if isinstance(error, CredentialsRefused) else ""
            return [Probe(check, "fail", error.message, token)]
        return [Probe(check, "pass", f"{self._http.host} answers, as {who}")]

    def close(self) -> None:
        """There is nothing but connections, which ``disconnect`` closes."""

    async def disconnect(self) -> None:
        """Close the connections of the running loop."""
        await self._http.disconnect()

    # --- asking -------------------------------------------------------------------------------------------------------

    def _parts(self, key: str) -> IssueKey:
        parts = IssueKey.parse(key)
        if parts is None:
            raise NotFound(f"{self.name}: there is no issue {clean_line(key, limit=120)}; write owner/repo#12")
        return parts

    async def _ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request. A secondary rate limit is a 403 that may say so in words only."""
        try:
            return await self._http.request(method, path, **more)
        except CredentialsRefused:
            raise
        except Refused as error:
            if "secondary rate limit" not in error.reason.casefold():
                raise
            raise RateLimited(
                f"{self.name}: asks for fewer requests, asking again in {SECONDARY_PAUSE:.0f} s. Nothing was applied",
                system=self.name,
                retry_after=SECONDARY_PAUSE,
            ) from None

    async def _list(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Told:
        """A page of a list, or the one that is kept of it if GitHub says that nothing changed."""
        key = path, tuple(params)
        kept = self._kept.get(key)
        headers = {"If-None-Match": kept[0]} if kept is not None else None
        answer = await self._ask("GET", path, params=list(params), headers=headers, also=(304,))
        if answer.status == 304:
            if kept is None:
                raise Refused(f"{self.name}: says that nothing changed of what was never told. What was cached stays")
            self._kept.move_to_end(key)
            return kept[1]
        told = Told(answer.json(), 'rel="next"' in answer.headers.get("link", ""))
        etag = answer.headers.get("etag", "")
        # What was updated since a moment is hardly asked for twice.
        if etag and "since" not in dict(params):
            self._kept[key] = etag, told
            self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return told

    async def _issue(self, key: IssueKey) -> Mapping[str, Any]:
        try:
            issue = record((await self._ask("GET", key.path)).json())
        except NotFound:
            raise self._absent(key) from None
        if issue.get("pull_request") is not None:
            raise NotFound(f"{self.name}: {key} is a pull request, not an issue")
        if raw(issue.get("number")) != str(key.number):
            raise Refused(f"{self.name}: the answer holds no issue. What was cached stays; see its url in the config")
        return issue

    async def _timeline(self, key: IssueKey) -> list[Mapping[str, Any]]:
        try:
            return await self._all(f"{key.path}/timeline")
        except NotFound:
            raise self._absent(key) from None

    def _absent(self, key: IssueKey) -> NotFound:
        return NotFound(f"{self.name}: there is no issue {key}, or the token may not see it")

    async def _all(self, path: str, params: Sequence[tuple[str, str]] = ()) -> list[Mapping[str, Any]]:
        """Every object of a list, along the addresses of its next pages; one that leads elsewhere is refused."""
        found: list[Mapping[str, Any]] = []
        answer = await self._ask("GET", path, params=[*params, ("per_page", str(PAGE))])
        for _ in range(PAGES):
            page = answer.json()
            if not isinstance(page, list):
                raise Refused(f"{self.name}: the answer is no list. What was cached stays; see its url in the config")
            found += records(page)
            after = _next_link(answer.headers.get("link", ""))
            if not after:
                return found
            answer = await self._ask("GET", after)
        raise Refused(f"{self.name}: {clean_line(path, limit=120)} has more than {PAGES} pages. What was cached stays")

    async def _introduce(self) -> None:
        """Find out who is asking, once; what goes wrong with it is tried again at the next question."""
        if self._me:
            return
        try:
            self._me = await self._whoami()
        except (Unreachable, Refused, NotFound):
            return

    async def _whoami(self) -> SafeText:
        return line(record((await self._ask("GET", "/user")).json()).get("login"))


def _next_link(header: str) -> str:
    """The address of the next page in a ``Link`` header; empty for none."""
    for part in header.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest.replace(" ", "") and address.strip().startswith("<"):
            return address.strip().removeprefix("<").removesuffix(">")
    return ""
