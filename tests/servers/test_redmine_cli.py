"""The whole job on a real Redmine 5, from the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.servers.job import Job
from tests.servers.operating import Operator
from tests.servers.redmine_lab import OP_FIELD, RedmineLab

CONFIG = """\
[tickets.it]
kind = "redmine"
url = "{url}"
token = {{ env = "OPSTUI_TEST_TOKEN" }}
op_field = "{op_field}"
poll_seconds = 1

[[queues]]
name = "Mine"
system = "it"
query = "{query}"
"""


class RedmineSeat:
    """A Redmine in others' hands."""

    alice, bob = "Alice Oncall", "Bob Oncall"
    resolved, category, other = "Resolved", "resolved", "In Progress"

    def __init__(self, lab: RedmineLab) -> None:
        self.lab = lab
        self.url = lab.url
        self.token = lab.key_of("alice")

    def config(self, url: str) -> str:
        return CONFIG.format(url=url, op_field=OP_FIELD, query=self.lab.query.replace("status_id=*", "status_id=open"))

    def new(self, title: str) -> str:
        return self.lab.new(title)

    def comment(self, key: str, text: str, *, public: bool = False) -> None:
        assert self.lab.put(key, notes=text, private_notes=not public) == 204

    def set_status(self, key: str, status: str) -> None:
        assert self.lab.put(key, status_id=self._number("issue_statuses", status)) == 204
        assert self.status(key) == status

    def status(self, key: str) -> str:
        return str(self._issue(key)["status"]["name"])

    def assignee(self, key: str) -> str:
        return str(self._issue(key).get("assigned_to", {}).get("name", ""))

    def field(self, key: str, name: str) -> str:
        return next(str(one["value"]) for one in self._issue(key)["custom_fields"] if one["name"] == name)

    def comments(self, key: str) -> list[tuple[str, str, bool]]:
        return [
            (one["user"]["name"], one["notes"].replace("\r\n", "\n"), not one["private_notes"])
            for one in self.lab.journals(key)
            if one.get("notes")
        ]

    def files(self, key: str) -> dict[str, bytes]:
        found = self.lab.get(f"/issues/{key}.json", include="attachments")["issue"]["attachments"]
        return {one["filename"]: self.lab.ask("GET", f"/attachments/download/{one['id']}").content for one in found}

    def _issue(self, key: str) -> dict[str, Any]:
        return dict(self.lab.get(f"/issues/{key}.json")["issue"])

    def _number(self, kind: str, name: str) -> int:
        return next(one["id"] for one in self.lab.get(f"/{kind}.json")[kind] if one["name"] == name)


class TestRedmine(Job):
    """Request by request it is tested in ``test_redmine_connector``."""

    @pytest.fixture
    def desk(self, redmine_env: Mapping[str, str]) -> Iterator[RedmineSeat]:
        lab = RedmineLab(redmine_env)
        yield RedmineSeat(lab)
        lab.close()

    def test_a_status_that_redmine_ignores_with_a_204_is_caught(self, desk: RedmineSeat, operator: Operator) -> None:
        """An issue that another one blocks can't be closed; Redmine says yes and closes nothing."""
        key, blocker = desk.new("checkout answers 5xx"), desk.new("the database is down")
        made = operator.approved(f"it:{key}", "--set", "/status=Closed")
        blocks = {"relation": {"issue_to_id": key, "relation_type": "blocks"}}
        assert desk.lab.ask("POST", f"/issues/{blocker}/relations.json", "admin", json=blocks).status_code == 201
        [sent] = operator.ask("push", code=1)
        assert sent["state"] == "needs_human"
        assert "status" in sent["error"]
        assert desk.status(key) == "New"
        settled = operator.ask("draft", "settle", made["id"], "--not-applied", "--reason", "it is blocked")
        assert settled["state"] == "edited"
