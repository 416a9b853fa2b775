"""A PagerDuty that remembers: incidents, their logs, notes, alerts, people, priorities.

What it does beyond the description is general knowledge of the service: the log is told newest first, times have whole
seconds, ids are random letters, a note's text stands in its log entry's channel.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route
from tests.adapters.tickets.vendor import Spec, described

ANA, BO = "Ana Petrova", "Bo Chen"
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@functools.cache
def mended() -> Spec:
    """The vendor's description without two places that refuse the vendor's own examples.

    References are to be sent with an ``id`` that is marked read-only; the value of a custom field is to fit exactly
    one of six schemas that every plain value fits. ``test_pagerduty.py`` shows both.
    """
    document = copy.deepcopy(Spec.load("pagerduty-rest")._document)
    schemas = document["components"]["schemas"]
    for member in ("id", "type"):
        schemas["Tag"]["allOf"][0]["properties"][member].pop("readOnly", None)
    for choice in schemas["CustomFieldsEditableFieldValue"]["oneOf"]:
        (own,) = {"id", "name"} & set(choice["properties"])
        choice["properties"]["value"] = {
            "anyOf": [{"type": kind, "nullable": True} for kind in ("boolean", "number", "string")]
            + [{"type": "array", "items": {"type": "string"}}]
        }
        choice["required"] = [own, "value"]
    return Spec(document)


class FakePagerDuty(StandIn):
    """One account."""

    def __init__(self) -> None:
        super().__init__()
        self._specs = described(mended)
        self._count = itertools.count(1)
        self.users = [self._user(ANA, "ana@example.com"), self._user(BO, "bo@example.com")]
        self.priorities = [self._named("priority", f"P{n}") for n in (1, 2, 3, 4)]
        self.policies = [self._named("escalation_policy", name) for name in ("Default", "Database on call")]
        self.incidents: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.details: dict[str, Any] = {}
        self.me: str | None = "ana@example.com"
        """Whose token it is; None: the account's."""
        self.full_references = True
        """Off: the log names incidents without telling them."""
        self.bumps_notes = False
        """Whether a note changes ``updated_at``."""

    # --- what happens without us --------------------------------------------------------------------------------------

    def add_incident(self, title: str = "Checkout answers 5xx", *, urgency: str = "high", **more: Any) -> str:
        """A new one, triggered and assigned to Bo; its id."""
        key = self._id("Q")
        number = len(self.incidents) + 1
        self.incidents[key] = {
            "id": key, "type": "incident", "summary": f"[#{number}] {title}", "title": title, "incident_number": number,
            "html_url": f"https://acme.pagerduty.com/incidents/{key}", "status": "triggered", "urgency": urgency,
            "created_at": self._time(), "updated_at": self._time(), "priority": None,
            "service": {"id": "PSVC1", "type": "service_reference", "summary": "checkout"},
            "teams": [{"id": "PTEAM1", "type": "team_reference", "summary": "payments"}],
            "escalation_policy": self._reference(self.policies[0]),
            "assignments": [{"at": self._time(), "assignee": self._reference(self.users[1])}],
            "alert_counts": {"all": 0, "triggered": 0, "resolved": 0},
            "custom_fields": [
                {"id": "PFIELD1", "name": "environment", "display_name": "Environment", "data_type": "string",
                 "field_type": "single_value", "type": "field_value", "value": None},
                {"id": "PFIELD2", "name": "customers", "display_name": "Customers", "data_type": "integer",
                 "field_type": "single_value", "type": "field_value", "value": None},
            ],
        } | more  # fmt: skip
        self.logs[key], self.notes[key] = [], []
        self._log(key, "trigger", "Triggered through the API", channel={"type": "api", "details": self.details})
        return key

    def note(self, key: str, by: str, text: str) -> str:
        """Somebody writes a note; its id."""
        at, who = self._time(), self._person(by)
        note = {"id": self._id("P"), "content": text, "created_at": at, "updated_at": at, "user": self._reference(who)}
        self.notes[key].append(note)
        self._log(key, "annotate", f"Note added by {by}.", by, channel={"type": "note", "summary": text})
        if self.bumps_notes:
            self.incidents[key]["updated_at"] = at
        return str(note["id"])

    def change(self, key: str, by: str, **fields: Any) -> None:
        """Somebody changes fields."""
        kinds = {"status": {"resolved": "resolve", "acknowledged": "acknowledge", "triggered": "unacknowledge"}}
        for name, value in fields.items():
            kind = kinds.get(name, {}).get(str(value), {"assignments": "assign", "urgency": "urgency_change"}.get(name))
            old, self.incidents[key][name] = self.incidents[key][name], value
            entry = {"id": name, "name": name, "old_value": _told(old), "value": _told(value)}
            more = {} if kind else {"changeset": {"application_fields": [entry]}}
            self._log(key, kind or "field_value_change", f"{name} changed by {by}.", by, **more)
        self.incidents[key]["updated_at"] = self._time()

    # --- routes -------------------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        if request.headers.get("authorization") != f"Token token={SECRET}":
            return _error(401, "Unauthorized", 2006)
        if request.method != "GET":
            try:
                self._from(request)
            except Answered as refused:
                return refused.reply
        return None

    @route("GET", "/incidents")
    def list_incidents(self, request: Recorded) -> Any:
        wanted = {
            name: set(request.params(f"{name}[]")) for name in ("statuses", "urgencies", "service_ids", "team_ids")
        }
        people = set(request.params("user_ids[]"))
        month = None if request.param("date_range") == "all" else self.at.timestamp() - 31 * 86400
        found = [
            one for one in self.incidents.values()
            if (not wanted["statuses"] or one["status"] in wanted["statuses"])
            and (not wanted["urgencies"] or one["urgency"] in wanted["urgencies"])
            and (not wanted["service_ids"] or one["service"]["id"] in wanted["service_ids"])
            and (not wanted["team_ids"] or {team["id"] for team in one["teams"]} & wanted["team_ids"])
            and (not people or {item["assignee"]["id"] for item in one["assignments"]} & people)
            and (month is None or datetime.fromisoformat(one["created_at"]).timestamp() >= month)
        ]  # fmt: skip
        assert request.param("sort_by") == "created_at:asc"
        found.sort(key=lambda one: one["created_at"])
        return self._page(request, "incidents", [self._told(one) for one in found])

    @route("GET", "/incidents/{key}")
    def show(self, request: Recorded, key: str) -> Any:
        return {"incident": self._told(self._incident(key), fields="custom_fields" in request.params("include[]"))}

    @route("PUT", "/incidents/{key}")
    def put(self, request: Recorded, key: str) -> Any:
        incident, given = self._incident(key), dict(request.json["incident"])
        given.pop("type")
        by = self._from(request)
        if incident["status"] == "resolved" and "assignments" in given:
            raise Answered(_error(400, "Incident Already Resolved", 1001))
        if "priority" in given:
            given["priority"] = self._reference(self._by_id(self.priorities, given["priority"]["id"], "Priority"))
        if "escalation_policy" in given:
            policy = self._by_id(self.policies, given["escalation_policy"]["id"], "Escalation Policy")
            given["escalation_policy"] = self._reference(policy)
        if "assignments" in given:
            people = [self._by_id(self.users, item["assignee"]["id"], "Assignee") for item in given["assignments"]]
            given["assignments"] = [{"at": self._time(), "assignee": self._reference(one)} for one in people]
        self.change(incident["id"], by, **{name: value for name, value in given.items() if incident[name] != value})
        return {"incident": self._told(incident)}

    @route("GET", "/incidents/{key}/log_entries")
    def log(self, request: Recorded, key: str) -> Any:
        entries = [dict(one) for one in self.logs[self._incident(key)["id"]]]
        if "channels" not in request.params("include[]"):
            for entry in entries:
                entry["channel"] = {"type": entry["channel"]["type"]}
        return self._page(request, "log_entries", entries[::-1])

    @route("GET", "/log_entries")
    def whole_log(self, request: Recorded) -> Any:
        since = datetime.fromisoformat(request.param("since"))
        entries = [
            one for log in self.logs.values() for one in log if datetime.fromisoformat(one["created_at"]) >= since
        ]
        entries.sort(key=lambda one: (one["created_at"], one["order"]), reverse=True)
        if self.full_references and "incidents" in request.params("include[]"):
            entries = [one | {"incident": self._told(self.incidents[one["incident"]["id"]])} for one in entries]
        return self._page(request, "log_entries", entries)

    @route("GET", "/incidents/{key}/notes")
    def list_notes(self, request: Recorded, key: str) -> Any:
        return {"notes": self.notes[self._incident(key)["id"]][::-1]}

    @route("POST", "/incidents/{key}/notes")
    def add_note(self, request: Recorded, key: str) -> Any:
        text = request.json["note"]["content"]
        if not text.strip() or len(text) > 25_000:
            raise Answered(_error(400, "Invalid Input Provided", 2001, ["Content is too long"]))
        note_id = self.note(self._incident(key)["id"], self._from(request), text)
        return {"note": next(one for one in self.notes[key] if one["id"] == note_id)}

    @route("GET", "/incidents/{key}/alerts")
    def alerts(self, request: Recorded, key: str) -> Any:
        count = self._incident(key)["alert_counts"]["all"]
        found = [{"id": f"PA{n}", "type": "alert", "body": {"details": {"host": f"db{n}"}}} for n in range(count)]
        return self._page(request, "alerts", found)

    @route("PUT", "/incidents/{key}/custom_fields/values")
    def set_fields(self, request: Recorded, key: str) -> Any:
        incident = self._incident(key)
        for given in request.json["custom_fields"]:
            field = self._by_id(incident["custom_fields"], given["id"], "Field")
            field["value"] = given["value"]
        incident["updated_at"] = self._time()
        self._log(incident["id"], "custom_field_value_change", "Custom fields changed.", self._from(request))
        return Reply.of({"custom_fields": incident["custom_fields"]}, 201)

    @route("GET", "/users/me")
    def whoami(self, request: Recorded) -> Any:
        if self.me is None:
            raise Answered(_error(400, "Account-level tokens have no user", 2001))
        return {"user": next(one for one in self.users if one["email"] == self.me)}

    @route("GET", "/users")
    def list_users(self, request: Recorded) -> Any:
        wanted = request.param("query").casefold()
        found = [one for one in self.users if wanted in f"{one['name']} {one['email']}".casefold()]
        return self._page(request, "users", found)

    @route("GET", "/priorities")
    def list_priorities(self, request: Recorded) -> Any:
        return self._page(request, "priorities", self.priorities)

    @route("GET", "/escalation_policies")
    def list_policies(self, request: Recorded) -> Any:
        wanted = request.param("query").casefold()
        return self._page(
            request, "escalation_policies", [one for one in self.policies if wanted in one["name"].casefold()]
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _page(self, request: Recorded, member: str, rows: list[Any]) -> dict[str, Any]:
        limit, offset = int(request.param("limit", "25")), int(request.param("offset", "0"))
        if not 0 < limit <= 100 or offset + limit > 10_000:
            raise Answered(_error(400, "Invalid Input Provided", 2001, ["Offset + limit exceeds maximum"]))
        part = rows[offset : offset + limit]
        return {member: part, "limit": limit, "offset": offset, "more": offset + limit < len(rows), "total": None}

    def _told(self, incident: Mapping[str, Any], *, fields: bool = False) -> dict[str, Any]:
        return {name: value for name, value in incident.items() if fields or name != "custom_fields"}

    def _incident(self, key: str) -> dict[str, Any]:
        by_number = (one for one in self.incidents.values() if str(one["incident_number"]) == key)
        found = self.incidents.get(key) or next(by_number, None)
        if found is None:
            raise Answered(_error(404, "Not Found", 2100))
        return found

    def _log(self, key: str, kind: str, summary: str, by: str = "", **more: Any) -> None:
        agent = self._reference(self._person(by)) if by else self.incidents[key]["service"]
        order = next(self._count)
        self.logs[key].append(
            {"id": self._id("R"), "type": f"{kind}_log_entry", "summary": summary, "created_at": self._time(),
             "agent": agent, "incident": {"id": key, "type": "incident_reference"}, "channel": {"type": "api"},
             "order": order} | more
        )  # fmt: skip

    def _from(self, request: Recorded) -> str:
        found = next((one for one in self.users if one["email"] == request.headers.get("from")), None)
        if found is None:
            raise Answered(_error(400, "Invalid Input Provided", 2001, ["Requester User Not Found"]))
        return str(found["name"])

    def _by_id(self, rows: list[dict[str, Any]], wanted: str, what: str) -> dict[str, Any]:
        found = next((one for one in rows if one["id"] == wanted), None)
        if found is None:
            raise Answered(_error(400, "Invalid Input Provided", 2001, [f"{what} not found"]))
        return found

    def _person(self, name: str) -> dict[str, Any]:
        return next((one for one in self.users if one["name"] == name), None) or self._named("user", name)

    def _user(self, name: str, email: str) -> dict[str, Any]:
        return self._named("user", name) | {"email": email}

    def _named(self, kind: str, name: str) -> dict[str, Any]:
        return {"id": self._id("P"), "type": kind, "name": name, "summary": name}

    def _reference(self, one: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": one["id"], "type": f"{one['type']}_reference", "summary": one["summary"]}

    def _id(self, first: str) -> str:
        """Letters in no order that tells anything of time."""
        number, letters = next(self._count) * 7919 % 46656, ""
        for _ in range(3):
            number, rest = divmod(number, 36)
            letters += LETTERS[rest]
        return f"{first}{letters}{next(self._count):03d}"

    def _time(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _told(value: Any) -> Any:
    return value.get("summary") if isinstance(value, dict) else value if isinstance(value, str) else None


def _error(status: int, message: str, code: int, errors: list[str] | None = None) -> Reply:
    return Reply.of({"error": {"message": message, "code": code, "errors": errors or []}}, status)
