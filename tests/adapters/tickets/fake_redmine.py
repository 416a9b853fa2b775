"""A Redmine 5 as far as its settings make it say no in silence: rights, read-only fields, a closed interface.

What a Redmine in its usual settings does is tested on a real one (``tests/servers``); this has what that one can't be
told by its interface.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Recorded, Reply, StandIn, route

STATUSES = {1: "Neu", 2: "In Arbeit", 3: "Gelöst", 5: "Geschlossen"}
PRIORITIES = {1: "Low", 2: "Normal", 3: "High", 4: "Urgent", 5: "Immediate"}


class FakeRedmine(StandIn):
    """Issue 7 in project 1; its account is ``Ana Lima`` (5), with role 4 there."""

    def __init__(self) -> None:
        super().__init__()
        self.rights = ["edit_issues", "add_issue_notes", "view_private_notes", "set_notes_private"]
        self.read_only: set[int] = set()
        """Custom fields that a workflow keeps this account from writing."""
        self.rest = True
        self.admin = False
        self.roles_told = True
        self.members: list[tuple[int, str]] = [(5, "Ana Lima"), (6, "Bo Berg")]
        self.severities = ["P1", "P2", "P3"]
        self.fields: dict[int, tuple[str, Any]] = {1: ("Severity", None), 3: ("Push key", None), 4: ("Areas", ["a"])}
        self.status, self.priority, self.notes = 1, 2, "none"
        self.journals: list[dict[str, Any]] = []
        self.uploads: list[tuple[str, bytes]] = []
        self.lists_transitions = True
        """Redmine does so from 5.0 on."""
        self.conflicts = 0
        """How many saves meet another one at the same moment."""

    def allowed(self, request: Recorded) -> Reply | None:
        if not self.rest:
            return Reply(403)
        return None if request.headers.get("x-redmine-api-key") == SECRET else Reply(401)

    @route("GET", "/users/current.json")
    def me(self, request: Recorded) -> Any:
        memberships = [{"project": {"id": 1, "name": "Shop"}, "roles": [{"id": 4, "name": "Operator"}]}]
        return {
            "user": {
                "id": 5, "firstname": "Ana", "lastname": "Lima", "admin": self.admin, "memberships": memberships,
            }
        }  # fmt: skip

    @route("GET", "/issue_statuses.json")
    def statuses(self, request: Recorded) -> Any:
        return {"issue_statuses": [{"id": i, "name": name, "is_closed": i == 5} for i, name in STATUSES.items()]}

    @route("GET", "/enumerations/issue_priorities.json")
    def priorities(self, request: Recorded) -> Any:
        return {"issue_priorities": [{"id": number, "name": name} for number, name in PRIORITIES.items()]}

    @route("GET", "/trackers.json")
    def trackers(self, request: Recorded) -> Any:
        return {"trackers": [{"id": 1, "name": "Vorfall", "default_status": {"id": 1, "name": "Neu"}}]}

    @route("GET", "/custom_fields.json")
    def custom_fields(self, request: Recorded) -> Any:
        if not self.admin:
            return Reply(403)
        choices = [{"value": word, "label": word} for word in self.severities]
        return {"custom_fields": [{"id": 1, "name": "Severity", "possible_values": choices}]}

    @route("GET", "/roles/{number}.json")
    def role(self, request: Recorded, number: str) -> Any:
        return {"role": {"id": 4, "permissions": self.rights}} if self.roles_told else Reply(403)

    @route("GET", "/projects/1/memberships.json")
    def memberships(self, request: Recorded) -> Any:
        start = int(request.param("offset", "0"))
        there = self.members[start : start + int(request.param("limit", "25"))]
        return {"memberships": [{"user": {"id": number, "name": name}} for number, name in there]}

    @route("GET", "/issues.json")
    def list_issues(self, request: Recorded) -> Any:
        return {"issues": [self._issue()], "total_count": 1, "offset": 0, "limit": 100}

    @route("GET", "/issues/7.json")
    def issue(self, request: Recorded) -> Any:
        return {"issue": self._issue()}

    @route("POST", "/uploads.json")
    def upload(self, request: Recorded) -> Any:
        self.uploads.append((request.param("filename"), request.body))
        return Reply.of({"upload": {"token": str(len(self.uploads))}}, 201)

    @route("PUT", "/issues/7.json")
    def put(self, request: Recorded) -> Reply:
        if self.conflicts:
            self.conflicts -= 1
            return Reply.of({"errors": []}, 422)
        given = request.json["issue"]
        for one in given.get("custom_fields", []):
            if self.fields.get(one["id"], ("", None))[0] == "Severity" and one["value"] not in self.severities:
                return Reply.of({"errors": ["Severity ist kein gültiger Wert"]}, 422)
        details = [one for one in map(self._custom, given.get("custom_fields", [])) if one]
        if given.get("status_id") in STATUSES:
            details.append(_detail("attr", "status_id", self.status, given["status_id"]))
            self.status = given["status_id"]
        if given.get("priority_id") in PRIORITIES:
            details.append(_detail("attr", "priority_id", self.priority, given["priority_id"]))
            self.priority = given["priority_id"]
        private = given.get("private_notes") is True and "set_notes_private" in self.rights
        self.tick()
        if private and given.get("notes") and details:
            self._save(details, "", private=False)
            details = []
        if details or given.get("notes"):
            self._save(details, given.get("notes", ""), private=private)
        return Reply(204)

    def _custom(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        number = given["id"]
        if number not in self.fields or number in self.read_only:
            return None
        name, before = self.fields[number]
        self.fields[number] = (name, given["value"])
        return _detail("cf", str(number), before, json.dumps(given["value"]).strip('"'))

    def _save(self, details: list[dict[str, Any]], notes: str, *, private: bool) -> None:
        self.journals.append(
            {
                "id": len(self.journals) + 1, "user": {"id": 5, "name": "Ana Lima"}, "notes": notes or None,
                "created_on": self.now().isoformat(), "private_notes": private, "details": details,
            }
        )  # fmt: skip

    def _issue(self) -> dict[str, Any]:
        allowed = [{"id": number, "name": name} for number, name in STATUSES.items()]
        return {
            "id": 7, "project": {"id": 1, "name": "Shop"}, "tracker": {"id": 1, "name": "Vorfall"},
            "status": {"id": self.status, "name": STATUSES[self.status], "is_closed": self.status == 5},
            "priority": {"id": self.priority, "name": PRIORITIES[self.priority]},
            "author": {"id": 5, "name": "Ana Lima"}, "subject": "checkout is slow", "description": "since noon",
            "custom_fields": [
                {"id": number, "name": name, "value": value, **({"multiple": True} if isinstance(value, list) else {})}
                for number, (name, value) in self.fields.items()
            ],
            "created_on": "2026-11-20T08:00:00Z", "updated_on": self.now().isoformat(),
            "journals": self.journals, "attachments": [],
            **({"allowed_statuses": allowed} if self.lists_transitions else {}),
        }  # fmt: skip


def _detail(kind: str, name: str, old: Any, new: Any) -> dict[str, Any]:
    return {"property": kind, "name": name, "old_value": None if old is None else str(old), "new_value": str(new)}
