"""A Zendesk that remembers: tickets, audits, agents, groups, fields, uploads, and a search that lags behind.

The description at hand is a third party's split of the vendor's, with stubs for most answers and the ticket update
written by hand, so this stands for Zendesk's public reference more than for the description.
"""

from __future__ import annotations

import copy
import functools
import itertools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route
from tests.adapters.tickets.vendor import Spec, described

ANA, BO = "Ana Petrova", "Bo Chen"
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
_QUERY = {
    "/api/v2/search": ("page", "per_page"),
    "/api/v2/search/export": ("page",),
    "/api/v2/tickets/show_many": ("ids", "include"),
    "/api/v2/tickets/{ticket_id}": ("include",),
    "/api/v2/tickets/{ticket_id}/audits": ("page", "include"),
    "/api/v2/uploads": ("filename",),
}


@functools.cache
def mended() -> Spec:
    """The description with parameters that it leaves out, by Zendesk's reference.

    ``page`` and ``per_page`` of offset and ``page[size]`` and ``page[after]`` of cursor pagination (its paths' texts
    point to "Pagination"), ``include`` of "Side-Loading", ``ids`` of "Show Multiple Tickets", ``filename`` of "Upload
    Files" (named in that path's text); and that an upload has a body.
    """
    document = copy.deepcopy(Spec.load("zendesk-support")._document)
    for path, names in _QUERY.items():
        for method in set(document["paths"][path]) & {"get", "post"}:
            given = document["paths"][path][method].setdefault("parameters", [])
            given += [{"in": "query", "name": name, "schema": {"type": "string"}} for name in names]
    document["paths"]["/api/v2/uploads"]["post"]["requestBody"] = {"content": {"*/*": {"schema": {}}}}
    return Spec(document)


class FakeZendesk(StandIn):
    """One account. Its clock moves a second with every change, as stamps have whole seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._specs = described(mended)
        self._count = itertools.count(1)
        self.user = "ana@example.com"
        self.users = {
            101: {"id": 101, "name": ANA, "email": "ana@example.com", "role": "admin"},
            102: {"id": 102, "name": BO, "email": "bo@example.com", "role": "agent"},
            103: {"id": 103, "name": "Carol Customer", "email": "carol@example.org", "role": "end-user"},
        }
        self.groups = {201: {"id": 201, "name": "Support"}, 202: {"id": 202, "name": "Database"}}
        self.fields: list[dict[str, Any]] = [
            {"id": 1, "type": "subject", "title": "Subject", "removable": False},
            {"id": 2, "type": "status", "title": "Status", "removable": False,
             "system_field_options": [{"name": one.title(), "value": one} for one in STATUSES[1:5]]},
            {"id": 3, "type": "priority", "title": "Priority", "removable": False},
            {"id": 31, "type": "text", "title": "Service", "removable": True, "active": True},
            {"id": 32, "type": "tagger", "title": "Product", "removable": True, "active": True,
             "custom_field_options": [{"name": "Web shop", "value": "web_shop"}, {"name": "App", "value": "app"}]},
            {"id": 33, "type": "checkbox", "title": "Outage", "removable": True, "active": True},
            {"id": 34, "type": "integer", "title": "Customers", "removable": True, "active": True},
        ]  # fmt: skip
        self.tickets: dict[int, dict[str, Any]] = {}
        self.audits: dict[int, list[dict[str, Any]]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.indexed: dict[int, dict[str, Any]] = {}
        """What the search knows; ``lag`` off: everything at once."""
        self.lag = False
        self.required: dict[str, str] = {}
        """Field title → what is said where it is empty and the ticket is solved."""
        self.trigger: Any = None
        """Called with the ticket after each update of ours, as Zendesk's triggers are."""

    # --- what happens without us --------------------------------------------------------------------------------------

    def add_ticket(self, subject: str = "Checkout answers 5xx", body: str = "It does.", **more: Any) -> str:
        """A new one, by a customer; its key."""
        number = next(self._count) + 1000
        self.tick()
        self.tickets[number] = {
            "id": number, "subject": subject, "description": body, "status": "open", "custom_status_id": None,
            "priority": None, "tags": ["checkout"], "assignee_id": 102, "group_id": 201, "requester_id": 103,
            "created_at": self._time(), "updated_at": self._time(), "due_at": None,
            "custom_fields": [{"id": one["id"], "value": None} for one in self.fields if one["removable"]],
        } | more  # fmt: skip
        self.audits[number] = []
        events = [self._comment(103, body, public=True), {"type": "Create", "field_name": "status", "value": "open"}]
        self._audit(number, 103, events)
        return str(number)

    def comment(self, key: str, author: int, text: str, *, public: bool = False) -> None:
        """Somebody comments."""
        self.tick()
        self._audit(int(key), author, [self._comment(author, text, public=public)])
        self._touch(int(key))

    def change(self, key: str, author: int, **fields: Any) -> None:
        """Somebody changes fields."""
        self.tick()
        self._audit(int(key), author, self._changed(int(key), fields))
        self._touch(int(key))

    def index(self) -> None:
        """The search catches up."""
        self.indexed = copy.deepcopy(self.tickets)

    def custom_statuses(self, **labels: str) -> None:
        """The account gets statuses of its own: label → category."""
        rows = [
            {"id": 900 + at, "agent_label": label.replace("_", " "), "status_category": category, "active": True}
            for at, (label, category) in enumerate(labels.items())
        ]
        self.fields.append(
            {"id": 4, "type": "custom_status", "title": "Status", "removable": False, "custom_statuses": rows}
        )

    # --- routes -------------------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        if request.basic() != (f"{self.user}/token", SECRET):
            return Reply.of({"error": "Couldn't authenticate you"}, 401)
        return None

    @route("GET", "/api/v2/ticket_fields")
    def list_fields(self, request: Recorded) -> Any:
        return {"ticket_fields": self.fields, "next_page": None, "count": len(self.fields)}

    @route("GET", "/api/v2/search/export")
    def export(self, request: Recorded) -> Any:
        query = request.param("query")
        if "type:" in query or request.param("filter[type]") != "ticket":
            raise Answered(Reply.of({"error": "invalid", "description": "type in the query"}, 422))
        rows = sorted(self._hits(query), key=lambda one: (one["created_at"], one["id"]))
        size = int(request.param("page[size]", "100"))
        start = int(request.param("page[after]", "at-0").removeprefix("at-"))
        more = start + size < len(rows)
        after = f"at-{start + size}"
        return {
            "results": [one | {"result_type": "ticket"} for one in rows[start : start + size]],
            "meta": {"has_more": more, "after_cursor": after if more else None, "before_cursor": None},
            "links": {"next": self.next(f"{self.url}{request.path}?page[after]={after}") if more else None},
        }

    @route("GET", "/api/v2/search")
    def search(self, request: Recorded) -> Any:
        query = request.param("query")
        kind = re.match(r"type:(\w+)", query)
        if kind and kind[1] in ("user", "group"):
            quoted = re.search(r'"([^"]*)"', query)
            words = quoted[1].casefold() if quoted else ""
            rows = list(self.users.values() if kind[1] == "user" else self.groups.values())
            found = [one for one in rows if words in f"{one['name']} {one.get('email', '')}".casefold()]
            return {"results": [one | {"result_type": kind[1]} for one in found], "next_page": None}
        assert (request.param("sort_by"), request.param("sort_order")) == ("updated_at", "asc")
        rows = sorted(self._hits(query), key=lambda one: one["updated_at"])
        page, size = int(request.param("page", "1")), int(request.param("per_page", "100"))
        if page * size > 1000:
            raise Answered(Reply.of({"error": "invalid", "description": "too deep"}, 422))
        more = page * size < len(rows)
        return {
            "results": [one | {"result_type": "ticket"} for one in rows[(page - 1) * size : page * size]],
            "count": len(rows), "next_page": self.next(f"{self.url}{request.path}?page={page + 1}") if more else None,
        }  # fmt: skip

    @route("GET", "/api/v2/tickets/show_many")
    def show_many(self, request: Recorded) -> Any:
        keys = [int(key) for key in request.param("ids").split(",")]
        assert len(keys) <= 100
        found = [self.tickets[key] for key in keys if key in self.tickets]
        return {"tickets": found} | self._alongside()

    @route("GET", "/api/v2/tickets/{key}")
    def show(self, request: Recorded, key: str) -> Any:
        return {"ticket": self._ticket(key)} | self._alongside()

    @route("PUT", "/api/v2/tickets/{key}")
    def put(self, request: Recorded, key: str) -> Any:
        ticket, given = self._ticket(key), dict(request.json["ticket"])
        if given.pop("safe_update", False) and given.pop("updated_stamp", None) != ticket["updated_at"]:
            raise Answered(
                Reply.of({"error": "UpdateConflict", "description": "Safe Update prevented the update"}, 409)
            )
        metadata, comment = given.pop("metadata", {}), given.pop("comment", None)
        author = next(one for one in self.users.values() if one["email"] == self.user)["id"]
        self._valid(ticket, given)
        self.tick()
        events = [] if comment is None else [self._posted(author, comment)]
        events += self._changed(ticket["id"], given)
        if not events:
            return {"ticket": ticket}
        audit = self._audit(ticket["id"], author, events, custom=metadata)
        self._touch(ticket["id"])
        if self.trigger is not None:
            self.trigger(str(ticket["id"]))
        return {"ticket": ticket, "audit": audit}

    @route("GET", "/api/v2/tickets/{key}/audits")
    def list_audits(self, request: Recorded, key: str) -> Any:
        rows = self.audits[self._ticket(key)["id"]]
        size = int(request.param("page[size]", "100"))
        start = int(request.param("page[after]", "at-0").removeprefix("at-"))
        more = start + size < len(rows)
        after = f"at-{start + size}" if more else None
        return {
            "audits": rows[start : start + size],
            "meta": {"has_more": more, "after_cursor": after},
            "links": {"next": self.next(f"{self.url}{request.path}?page[after]={after}") if more else None},
        } | self._alongside()

    @route("POST", "/api/v2/uploads")
    def upload(self, request: Recorded) -> Any:
        token = f"token{next(self._count)}"
        file = {"id": next(self._count), "file_name": request.param("filename"), "size": len(request.body)}
        self.uploads[token] = file | {"content_type": request.headers["content-type"]}
        return Reply.of({"upload": {"token": token, "attachment": file}}, 201)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _hits(self, query: str) -> list[dict[str, Any]]:
        """Tickets by the little of the search syntax that tests use, as the index has them."""
        rows = list((self.indexed if self.lag else self.tickets).values())
        for word in query.split():
            name, sign, value = re.match(r"(\w+)(:|>=|<)(.+)", word).groups()  # type: ignore[union-attr]
            if name == "updated":
                rows = [one for one in rows if one["updated_at"] >= value]
            elif name == "status" and sign == "<":
                rows = [one for one in rows if STATUSES.index(one["status"]) < STATUSES.index(value)]
            elif name != "type":
                rows = [
                    one for one in rows if str(one[name]) == value or value in (one["tags"] if name == "tags" else ())
                ]
        return rows

    def _valid(self, ticket: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        problems = {}
        if ticket["status"] == "closed":
            problems["status"] = "closed prevents ticket update"
        if given.get("status") == "solved":
            values = {one["id"]: one["value"] for one in (*ticket["custom_fields"], *given.get("custom_fields", ()))}
            for one in self.fields:
                if one["title"] in self.required and not values.get(one["id"]):
                    problems["base"] = self.required[one["title"]]
        if problems:
            details = {name: [{"description": words}] for name, words in problems.items()}
            error = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
            raise Answered(Reply.of(error, 422))

    def _posted(self, author: int, comment: Mapping[str, Any]) -> dict[str, Any]:
        if not comment.get("body"):
            raise Answered(Reply.of({"error": "RecordInvalid", "description": "Comment: can't be blank"}, 422))
        files = [self.uploads.pop(token) for token in comment.get("uploads", ())]
        return self._comment(author, comment["body"], public=comment.get("public", True)) | {"attachments": files}

    def _changed(self, number: int, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        ticket, events = self.tickets[number], []
        for name, value in fields.items():
            if name == "custom_fields":
                for given in value:
                    own = next(one for one in ticket["custom_fields"] if one["id"] == given["id"])
                    events.append(_change(str(given["id"]), own["value"], given["value"]))
                    own["value"] = given["value"]
                continue
            if ticket[name] != value:
                events.append(_change(name, ticket[name], value))
                ticket[name] = value
            if name == "custom_status_id":
                rows = next(one for one in self.fields if one["type"] == "custom_status")["custom_statuses"]
                ticket["status"] = next(one for one in rows if one["id"] == value)["status_category"]
        return events

    def _comment(self, author: int, text: str, *, public: bool) -> dict[str, Any]:
        return {"id": next(self._count), "type": "Comment", "author_id": author, "body": text, "public": public,
                "attachments": []}  # fmt: skip

    def _audit(
        self, number: int, author: int, events: list[dict[str, Any]], custom: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        notification = {"type": "Notification", "subject": "Your ticket has been updated", "body": "…"}
        audit = {
            "id": next(self._count), "ticket_id": number, "created_at": self._time(), "author_id": author,
            "metadata": {"system": {"ip_address": "192.0.2.1"}, "custom": dict(custom or {})},
            "events": [*events, notification],
        }  # fmt: skip
        self.audits[number].append(audit)
        return audit

    def _touch(self, number: int) -> None:
        self.tickets[number]["updated_at"] = self._time()

    def _ticket(self, key: str) -> dict[str, Any]:
        found = self.tickets.get(int(key)) if key.isdigit() else None
        if found is None:
            raise Answered(Reply.of({"error": "RecordNotFound", "description": "Not found"}, 404))
        return found

    def _alongside(self) -> dict[str, Any]:
        return {"users": list(self.users.values()), "groups": list(self.groups.values())}

    def _time(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def when(text: str) -> datetime:
        """A stamp as a moment."""
        return datetime.fromisoformat(text)


def _change(name: str, before: Any, after: Any) -> dict[str, Any]:
    return {"type": "Change", "field_name": name, "previous_value": before, "value": after}
