"""A Request Tracker with the oddities that a real 5.0.3 was seen to have, behind a proxy under another address."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Recorded, Reply, StandIn, route

INSIDE = "http://rt.inside.example:8080"
"""What RT believes to be its address; nobody outside may be led there."""
USERS = {"1": "RT_System", "6": "Nobody", "32": "alice", "34": "bob"}
QUEUES = {"3": "Incidents", "4": "General"}
FIELDS = {"2": "PushKey", "3": "Service", "4": "Severity", "5": "Tags"}
SINGLE = ("3", "4")
LIFECYCLE = {"new": ("open", "resolved"), "open": ("stalled", "resolved"), "stalled": ("open",), "resolved": ("open",)}
TOKENS = {f"1-32-{SECRET}": "alice", f"1-34-{SECRET}": "bob"}


class FakeRT(StandIn):
    """Tickets, transactions and attachments in memory."""

    base = "/desk"
    """The path under which it is reached."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.tickets: dict[str, dict[str, Any]] = {}
        self.transactions: list[dict[str, Any]] = []
        self.parts: list[dict[str, Any]] = []
        self.hidden: set[str] = set()
        """Transactions that alice may not see, which leave their pages short."""
        self.keeps_op_ids = True

    # --- what tests do ------------------------------------------------------------------------------------------------

    def new(self, title: str = "checkout is slow", **fields: Any) -> str:
        """A ticket of bob's; its number."""
        key = str(len(self.tickets) + 1)
        self.tickets[key] = {
            "Subject": title, "Status": "new", "Priority": "50", "Owner": "Nobody", "Queue": "3",
            "Created": self._time(), "Due": "1970-01-01T00:00:00Z",
            "values": {"2": [], "3": ["shop"], "4": ["sev3"], "5": []},
        } | fields  # fmt: skip
        self.write(key, "bob", "Create", text="first words")
        return key

    def write(
        self, key: str, who: str, kind: str, field: str = "", old: str = "", new: str = "", text: str = ""
    ) -> str:
        """A transaction; its number."""
        number = str(60 + 2 * len(self.transactions))
        self.transactions.append(
            {"id": number, "ticket": key, "Type": kind, "Creator": {"id": who, "type": "user"}, "Created": self._time(),
             "Field": field, "OldValue": old, "NewValue": new, "Data": ""}
        )  # fmt: skip
        self.tickets[key]["LastUpdated"] = self._time()
        if text:
            self.attach(number, text.encode())
        return number

    def attach(self, transaction: str, content: bytes, kind: str = "text/plain", name: str = "") -> None:
        """A part of a transaction."""
        number = str(len(self.parts) + 1)
        self.parts.append(
            {"id": number, "TransactionId": transaction, "ContentType": kind, "Filename": name,
             "ContentLength": str(len(content)), "Content": content.decode("utf-8", "replace").replace("\r\n", "\n")}
        )  # fmt: skip

    def set_field(self, key: str, who: str, field: str, values: list[str]) -> None:
        """A custom field's values, with the transactions of their coming and going."""
        had = self.tickets[key]["values"][field]
        self.tickets[key]["values"][field] = list(dict.fromkeys(values))
        if field in SINGLE:
            self.write(key, who, "CustomField", field, "".join(had), "".join(values[:1]))
            return
        for one in [one for one in values if one not in had]:
            self.write(key, who, "CustomField", field, "", one)
        for one in [one for one in had if one not in values]:
            self.write(key, who, "CustomField", field, one, "")

    # --- routes -------------------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        """RT's own 401."""
        if not request.path.startswith(f"{self.base}/REST/2.0/"):
            return Reply.html(status=404)
        return None if self._who(request) else Reply.of({"message": "Unauthorized"}, 401)

    @route("GET", "/desk/REST/2.0/rt")
    def rt(self, request: Recorded) -> Any:
        return {"Version": "5.0.3", "Plugins": []}

    @route("GET", "/desk/REST/2.0/user/{number}")
    def user(self, request: Recorded, number: str) -> Any:
        return {"Name": USERS[number]} if number in USERS else _gone()

    @route("GET", "/desk/REST/2.0/queue/{number}")
    def queue(self, request: Recorded, number: str) -> Any:
        lifecycle = "default" if number == "4" else "incidents"
        return {"Name": QUEUES[number], "id": number, "Lifecycle": lifecycle}

    @route("GET", "/desk/REST/2.0/customfield/{number}")
    def field(self, request: Recorded, number: str) -> Any:
        return Reply.of({"message": "Forbidden"}, 403)

    @route("GET", "/desk/REST/2.0/tickets")
    def listed(self, request: Recorded) -> Any:
        query = request.param("query")
        if "Bogus" in query:
            return Reply.of({"message": "Unknown field: Bogus"}, 400)
        rows = [(ticket["LastUpdated"], int(key)) for key, ticket in self.tickets.items()]
        # RT takes every number of four digits for a year.
        age = re.search(r"LastUpdated >= '(\d{1,3}) (second|minute|hour|day|week)s ago'", query)
        if age:
            since = (datetime.now(UTC) - timedelta(**{f"{age[2]}s": int(age[1])})).timestamp()
            rows = [row for row in rows if datetime.fromisoformat(row[0]).timestamp() >= since]
        active = [row for row in sorted(rows) if "__Active__" not in query or self._is_active(str(row[1]))]
        return self._paged(request, [self._ticket(str(number), listed=True) for _, number in active], total=len(active))

    @route("GET", "/desk/REST/2.0/ticket/{key}")
    def ticket(self, request: Recorded, key: str) -> Any:
        if key not in self.tickets:
            return _gone()
        merged = self.tickets[key].get("merged", key)
        etag = max(int(one["id"]) for one in self._seen(merged))
        return Reply.of(self._ticket(merged), headers={"ETag": f'"{etag}"'})

    @route("GET", "/desk/REST/2.0/ticket/{key}/history")
    def history(self, request: Recorded, key: str) -> Any:
        mine = [one for one in self.transactions if one["ticket"] == key]
        return self._paged(request, mine, hidden=self.hidden)

    @route("GET", "/desk/REST/2.0/ticket/{key}/attachments")
    def attachments(self, request: Recorded, key: str) -> Any:
        if "Parent" in request.param("fields"):
            return Reply(500)
        mine = {one["id"] for one in self.transactions if one["ticket"] == key}
        parts = [one for one in self.parts if one["TransactionId"] in mine]
        unseen = {one["id"] for one in parts if one["TransactionId"] in self.hidden}
        wanted = request.param("fields").split(",")
        return self._paged(request, [{name: one[name] for name in ("id", *wanted)} for one in parts], hidden=unseen)

    @route("POST", "/desk/REST/2.0/attachments")
    def some_attachments(self, request: Recorded) -> Any:
        wanted = {one["value"] for one in request.json}
        found = [one for one in self.parts if one["id"] in wanted]
        return self._paged(request, [{"id": one["id"], "Content": one["Content"]} for one in found])

    @route("POST", "/desk/REST/2.0/ticket/{key}/comment")
    def comment(self, request: Recorded, key: str) -> Any:
        return self._say(request, key, "Comment")

    @route("POST", "/desk/REST/2.0/ticket/{key}/correspond")
    def correspond(self, request: Recorded, key: str) -> Any:
        return self._say(request, key, "Correspond")

    @route("PUT", "/desk/REST/2.0/ticket/{key}")
    def put(self, request: Recorded, key: str) -> Any:
        newest = max(int(one["id"]) for one in self._seen(key))
        if request.headers.get("if-match") != f'"{newest}"':
            return Reply(412)
        who, ticket, said = self._who(request), self.tickets[key], []
        for name, value in request.json.items():
            if name == "Owner":
                number = next((number for number, one in USERS.items() if one == value), None)
                if number is None:
                    said.append(f"Ticket {key}: User '{value}' could not be found.")
                    continue
                had = next(number for number, one in USERS.items() if one == ticket["Owner"])
                ticket["Owner"] = value
                self.write(key, who, "Set", "Owner", had, number)
                self.write(key, who, "SetWatcher", "Owner", had, number)
                said.append(f"Ticket {key}: Owner changed from {USERS[had]} to {value}")
            elif name == "Queue":
                number = next((number for number, one in QUEUES.items() if one == value), None)
                if number is None:
                    said.append(f"Ticket {key}: That queue does not exist")
                    continue
                self.write(key, who, "Set", "Queue", ticket["Queue"], number)
                ticket["Queue"] = number
                said.append(f"Ticket {key}: Queue changed from 'x' to '{value}'")
            elif name == "Priority":
                self.write(key, who, "Set", "Priority", ticket["Priority"], str(value))
                ticket["Priority"] = str(value)
                said.append(f"Ticket {key}: Priority changed from 'x' to '{value}'")
            elif name == "Status":
                said.append(self._set_status(key, who, value))
        said += self._set_fields(key, who, request.json.get("CustomFields") or {})
        return said

    # --- inside -------------------------------------------------------------------------------------------------------

    def _say(self, request: Recorded, key: str, kind: str) -> Any:
        if key not in self.tickets:
            return _gone()
        if "if-match" in request.headers:
            return Reply(412)
        files = request.files()
        given = json.loads(files[0][2]) if files else request.json
        if given.get("Content") and not given.get("ContentType"):
            return Reply.of({"message": "ContentType is a required field for application/json"}, 400)
        who = self._who(request)
        number = self.write(key, who, kind, text=given.get("Content") or "")
        for _, name, content in files[1:]:
            self.attach(number, content, "application/octet-stream", name)
        if kind == "Correspond" and self.tickets[key]["Status"] == "new":
            self._set_status(key, "RT_System", "open")
        said = [f"{kind} added", *self._set_fields(key, who, given.get("CustomFields") or {})]
        if given.get("Status"):
            said.append(self._set_status(key, who, given["Status"]))
        return Reply.of(said, 201, {"Location": f"{self.base}/REST/2.0/transaction/{number}"})

    def _set_status(self, key: str, who: str, status: str) -> str:
        had = self.tickets[key]["Status"]
        if status not in LIFECYCLE:
            return f"Status '{status}' isn't a valid status for this ticket."
        self.tickets[key]["Status"] = status
        self.write(key, who, "Status", "Status", had, status)
        return f"Status changed from '{had}' to '{status}'"

    def _set_fields(self, key: str, who: str, fields: Mapping[str, Any]) -> list[str]:
        said = []
        for number, value in fields.items():
            if number == "2" and not self.keeps_op_ids:
                said.append("Permission Denied")
                continue
            values = value if isinstance(value, list) else [] if value is None else [value]
            if number == "4" and values and values[0] not in ("sev1", "sev2", "sev3", "sev4"):
                said.append("Could not add a new value to custom field 'Severity': Invalid value")
                continue
            self.set_field(key, who, number, [str(one) for one in values])
            said += [f"{one} added as a value for {FIELDS[number]}" for one in values]
        return said

    def _ticket(self, key: str, *, listed: bool = False) -> dict[str, Any]:
        ticket = self.tickets[key]
        given = {name: ticket[name] for name in ("Subject", "Status", "Priority", "Created", "LastUpdated", "Due")}
        there = f"{INSIDE}/REST/2.0/ticket/{key}"
        links = [{"ref": "lifecycle", "from": ticket["Status"], "to": one, "_url": there} for one in
                 LIFECYCLE.get(ticket["Status"], ())]  # fmt: skip
        return given | {
            "id": key if listed else int(key), "_url": there, "Requestor": [],
            "Owner": {"id": ticket["Owner"], "Name": ticket["Owner"], "_url": f"{INSIDE}/REST/2.0/user/x"},
            "Queue": {"id": ticket["Queue"], "Name": QUEUES[ticket["Queue"]]},
            "CustomFields": [{"id": number, "name": FIELDS[number], "values": values}
                             for number, values in sorted(ticket["values"].items(), key=lambda one: one[1])],
            "_hyperlinks": [] if listed else links,
        }  # fmt: skip

    def _paged(
        self, request: Recorded, rows: list[dict[str, Any]], *, total: int | None = None, hidden: set[str] | None = None
    ) -> dict[str, Any]:
        size, page = min(100, int(request.param("per_page", "20"))), int(request.param("page", "1"))
        # Rows that nobody may see are taken out of the page, not out of the count of pages.
        shown = [row for row in rows[size * (page - 1) : size * page] if row["id"] not in (hidden or ())]
        answer = {"items": shown, "count": len(shown), "page": page, "per_page": size, "total": total, "pages": None}
        if total is not None and page < math.ceil(total / size):
            answer["next_page"] = self.next(f"{INSIDE}{request.path}?page={page + 1}")
        return answer

    def _seen(self, key: str) -> list[dict[str, Any]]:
        return [one for one in self.transactions if one["ticket"] == key and one["id"] not in self.hidden]

    def _is_active(self, key: str) -> bool:
        return self.tickets[key]["Status"] != "resolved"

    def _who(self, request: Recorded) -> str:
        return TOKENS.get(request.headers.get("authorization", "").removeprefix("token "), "")

    def _time(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _gone() -> Reply:
    return Reply.of({"message": "Not Found"}, 404)
