"""Updates to Jira: files, a comment, and fields together with the transition that a status takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from opstui.adapters.tickets.adf import to_adf
from opstui.adapters.tickets.jira_fields import TEAM, set_to, word
from opstui.adapters.tickets.jira_reading import INTERNAL, PROPERTY, Known, person, transitions_of
from opstui.adapters.tickets.refusals import but_for, called
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import raw, record, records, written
from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from opstui.adapters.http import HttpClient
    from opstui.core.ports import Update

API = "/rest/api/3"
Get = Callable[..., Awaitable[Any]]
"""(path, params) → the answer's JSON."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A transition that leads to the wanted status."""

    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of its screen: id → what the field is."""


class JiraWriter:
    """Sends the steps of an update. Whatever can be told to be wrong is refused before anything is sent."""

    def __init__(self, name: str, http: HttpClient, get: Get, severities: Severities) -> None:
        self._name = name
        self._http = http
        self._get = get
        self._severities = severities

    # --- files and comments

    async def attach(self, issue: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Add the files, in one request."""
        import mimetypes

        parts = [
            ("file", (name, content, mimetypes.guess_type(name)[0] or "application/octet-stream"))
            for name, content in files
        ]
        # Without this header Jira takes a form for one that a foreign page made the browser send.
        await self._http.request("POST", f"{issue}/attachments", files=parts, headers={"X-Atlassian-Token": "no-check"})

    async def comment(self, issue: str, update: Update) -> str | None:
        """Add the comment; its id.

        The op id and whether it is for customers travel with it as properties, so that no moment exists in which an
        internal one is public. Where there are no customers, the second one means nothing to anybody.
        """
        body = {
            "body": to_adf(update.comment or ""),
            "properties": [
                {"key": PROPERTY, "value": {"op": update.op_id}},
                {"key": INTERNAL, "value": {"internal": not update.public}},
            ],
        }
        return raw(written(await self._http.request("POST", f"{issue}/comment", json=body)).get("id")) or None

    # --- fields and status

    async def change(self, issue: str, key: str, update: Update, known: Known) -> None:
        """Set fields and tags, then take the transition; what stands on the transition's screen goes along with it."""
        wanted = {path: value for path, value in update.fields.items() if path != "/status"}
        editable: Mapping[str, Any] = {}
        if wanted or update.add_tags or update.remove_tags:
            editable = record(record(await self._get(f"{issue}/editmeta")).get("fields"))
        choices = await self._moves(issue, update.fields["/status"]) if "/status" in update.fields else ()
        move = await self._chosen(issue, choices, wanted, known)
        screen = move.fields if move else {}
        set_here: dict[str, Any] = {}
        set_on_the_way: dict[str, Any] = {}
        assign: dict[str, Any] = {}
        for path, value in wanted.items():
            name = self._id(path, {**editable, **screen}, known)
            if path == "/assignee" and name not in editable and name not in screen:
                # It has an address of its own, which needs no screen, but takes no null (by the description).
                assign = await self._assignee(key, value) or {}
                if not assign:
                    raise Refused(f"{self._name}: this ticket can't be left to nobody. Nothing was sent")
                continue
            meta = record(screen.get(name) or editable.get(name))
            if not meta:
                raise Refused(f"{self._name}: {_called(path)} can't be set on this ticket. Nothing was sent")
            (set_on_the_way if name in screen else set_here)[name] = await self._value(path, value, meta, key)
        body: dict[str, Any] = {"fields": set_here} if set_here else {}
        if labels := self._labels(update, editable):
            body["update"] = {"labels": labels}
        sent = "the fields that were sent before it"
        if body:
            await self._http.request("PUT", issue, json=body)
        if assign:
            with but_for(sent if body else ""):
                await self._http.request("PUT", f"{issue}/assignee", json=assign)
        if move is not None:
            taken = {"transition": {"id": move.id}} | ({"fields": set_on_the_way} if set_on_the_way else {})
            with but_for(sent if body or assign else ""):
                await self._http.request("POST", f"{issue}/transitions", json=taken)

    async def _now(self, issue: str, *fields: str) -> Mapping[str, Any]:
        """Values of these fields."""
        return record(record(await self._get(issue, {"fields": ",".join(fields)})).get("fields"))

    async def _moves(self, issue: str, status: Any) -> Sequence[Mapping[str, Any]] | None:
        """Transitions that lead there; None where the issue is there already. Raises Refused where none does."""
        now = record((await self._now(issue, "status")).get("status"))
        if clean_line(raw(now.get("name"))) == status:
            return None
        there = list(transitions_of(await self._get(f"{issue}/transitions", {"expand": "transitions.fields"})))
        found = [one for one in there if clean_line(raw(record(one.get("to")).get("name"))) == status]
        if not found:
            listed = ", ".join(dict.fromkeys(clean_line(raw(record(one.get("to")).get("name"))) for one in there))
            raise Refused(
                f"{self._name}: the ticket can't become {clean_line(str(status), limit=60)!r} now; it can become "
                f"{listed or 'nothing else'}. Nothing was sent"
            )
        return found

    async def _chosen(
        self, issue: str, choices: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], known: Known
    ) -> _Move | None:
        """The first transition that lacks nothing. Raises Refused naming what the first one lacks."""
        lacking: list[tuple[str, Mapping[str, Any]]] = []
        for choice in choices or ():
            screen = record(choice.get("fields"))
            given = {self._id(path, screen, known) for path in wanted}
            needed = [
                name for name, meta in screen.items()
                if name not in given and record(meta).get("required") and not record(meta).get("hasDefaultValue")
            ]  # fmt: skip
            if needed:
                now = await self._now(issue, *needed)
                needed = [name for name in needed if now.get(name) in (None, "", [])]
            if not needed:
                return _Move(raw(choice.get("id")), screen)
            lacking = lacking or [(name, record(screen[name])) for name in needed]
        if not lacking:
            return None
        words = "; ".join(self._lack(name, meta) for name, meta in lacking)
        raise Refused(f"{self._name}: this status also needs {words}. Nothing was sent", reason=words)

    @staticmethod
    def _lack(name: str, meta: Mapping[str, Any]) -> str:
        told = clean_line(raw(meta.get("name")) or name, limit=60)
        choices = ", ".join(clean_line(word(one), limit=40) for one in records(meta.get("allowedValues"))[:12])
        return f"/fields/{told}" + (f" (one of {choices})" if choices else "")

    def _id(self, path: str, there: Mapping[str, Any], known: Known) -> str:
        """The field that a path means among ``there``. Raises Refused for a name that several have."""
        fixed = {"/severity": known.severity, "/assignee": "assignee", "/team": known.team or ""}
        if path in fixed:
            return fixed[path]
        wanted = path.removeprefix("/fields/")
        named = {name: clean_line(raw(record(meta).get("name")) or name) for name, meta in there.items()}
        found = [
            name for name, called in named.items() if wanted in (name, f"{called} ({clean_line(name, limit=40)})")
        ] or [name for name, called in named.items() if called == wanted]
        if len(found) > 1:
            ids = ", ".join(f"{wanted} ({name})" for name in found)
            raise Refused(f"{self._name}: several fields have this name: {clean_line(ids)}. Nothing was sent")
        return found[0] if found else wanted

    async def _value(self, path: str, value: Any, meta: Mapping[str, Any], key: str) -> Any:
        where = f"{self._name}: nothing was sent: {_called(path)}"
        if path == "/severity" and value not in (None, ""):
            choices = records(meta.get("allowedValues"))
            meant = self._severities.word(str(value), [word(one) for one in choices])
            if meant is None:
                there = ", ".join(clean_line(word(one), limit=40) for one in choices[:12])
                raise Refused(
                    f"{self._name}: none of {there or 'its words'} means severity {clean_line(str(value))}. Nothing "
                    f"was sent; say which in [tickets.{self._name}.severity] of the config"
                )
            value = meant
        if path == "/assignee":
            return await self._assignee(key, value)
        if path == "/team" and raw(record(meta.get("schema")).get("custom")).endswith(TEAM):
            raise Refused(f"{where} is Atlassian's own field, which is set by an id that can't be asked for by name")
        return await set_to(meta, value, where=where, find_user=lambda name: self._account(key, name))

    async def _assignee(self, key: str, value: Any) -> dict[str, Any] | None:
        people = [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)] if value else []
        if len(people) > 1:
            raise Refused(f"{self._name}: a ticket has one assignee there, not {len(people)}. Nothing was sent")
        return {"accountId": await self._account(key, people[0])} if people else None

    async def _account(self, key: str, name: str) -> str:
        """The account of somebody who can be assigned, by the name that tickets show. Raises Refused."""
        params = {"issueKey": key, "query": name, "maxResults": "50"}
        people = records(await self._get(f"{API}/user/assignable/search", params))
        there = [{"name": person(one), "email": one.get("emailAddress"), "id": one.get("accountId")} for one in people]
        return raw(called(self._name, "person who can have it", name, there)["id"])

    def _labels(self, update: Update, editable: Mapping[str, Any]) -> list[dict[str, str]]:
        if not (update.add_tags or update.remove_tags):
            return []
        if "labels" not in editable:
            raise Refused(f"{self._name}: this ticket takes no labels. Nothing was sent")
        for tag in update.add_tags:
            if not tag or tag.split() != [tag] or len(tag) > 255:
                told = clean_line(tag, limit=60)
                raise Refused(f"{self._name}: a label has up to 255 letters, no blanks: {told!r}. Nothing was sent")
        return [{"add": tag} for tag in update.add_tags] + [{"remove": tag} for tag in update.remove_tags]


def _called(path: str) -> str:
    return clean_line(path.removeprefix("/fields/").lstrip("/"), limit=80)
