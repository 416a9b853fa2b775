"""The whole job on a real Request Tracker 5, from the command line."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.servers.job import Job
from tests.servers.operating import Operator
from tests.servers.rt_lab import OP_FIELD, RTLab

CONFIG = """\
[tickets.it]
kind = "rt"
url = "{url}"
token = {{ env = "OPSTUI_TEST_TOKEN" }}
op_field = "{op_field}"
poll_seconds = 1

[[queues]]
name = "Mine"
system = "it"
query = "{query} AND Status = '__Active__'"
"""


class RTSeat:
    """An RT in others' hands."""

    alice, bob = "alice", "bob"
    resolved, category, other = "resolved", "resolved", "open"

    def __init__(self, lab: RTLab) -> None:
        self.lab = lab
        self.url = lab.url
        self.token = lab.token_of("alice")

    def config(self, url: str) -> str:
        return CONFIG.format(url=url, op_field=OP_FIELD, query=self.lab.queue.query)

    def new(self, title: str) -> str:
        return self.lab.new(title)

    def comment(self, key: str, text: str, *, public: bool = False) -> None:
        self.lab.say(key, text, kind="correspond" if public else "comment")

    def set_status(self, key: str, status: str) -> None:
        self.lab.put(key, Status=status)
        assert self.status(key) == status

    def status(self, key: str) -> str:
        return str(self._ticket(key)["Status"])

    def assignee(self, key: str) -> str:
        return str(self._ticket(key)["Owner"]["id"])

    def field(self, key: str, name: str) -> str:
        return self.lab.values(key, name)[0]

    def comments(self, key: str) -> list[tuple[str, str, bool]]:
        rows = self._transactions(key)
        return [
            (row["Creator"]["id"], self._texts(key).get(str(row["id"]), ""), row["Type"] == "Correspond")
            for row in rows
            if row["Type"] in ("Comment", "Correspond")
        ]

    def files(self, key: str) -> dict[str, bytes]:
        found = {}
        for row in self._attachments(key):
            if row.get("Filename"):
                whole = self.lab.get(f"/attachment/{row['id']}")
                found[whole["Filename"]] = base64.b64decode(whole["Content"])
        return found

    def _ticket(self, key: str) -> dict[str, Any]:
        return dict(self.lab.get(f"/ticket/{key}"))

    def _transactions(self, key: str) -> list[dict[str, Any]]:
        return list(self.lab.get(f"/ticket/{key}/history", per_page=100, fields="Type,Creator", orderby="id")["items"])

    def _attachments(self, key: str) -> list[dict[str, Any]]:
        fields = "Filename,ContentType,TransactionId"
        return list(self.lab.get(f"/ticket/{key}/attachments", per_page=100, fields=fields)["items"])

    def _texts(self, key: str) -> dict[str, str]:
        """Transaction → its text."""
        found = {}
        for row in self._attachments(key):
            if row["ContentType"] == "text/plain" and not row.get("Filename"):
                whole = self.lab.get(f"/attachment/{row['id']}")
                found[str(row["TransactionId"])] = base64.b64decode(whole["Content"]).decode().rstrip("\n")
        return found


class TestRT(Job):
    """Request by request it is tested in ``test_rt_connector``."""

    @pytest.fixture
    def desk(self, rt_env: Mapping[str, str]) -> Iterator[RTSeat]:
        lab = RTLab(rt_env)
        yield RTSeat(lab)
        lab.close()

    @pytest.mark.parametrize("comment", [None, "it is over"], ids=["alone", "with a comment"])
    def test_a_status_that_rt_refuses_with_a_200_is_caught(
        self, desk: RTSeat, operator: Operator, comment: str | None
    ) -> None:
        """A ticket that depends on an open one can't be resolved; RT says 200, and no in a sentence."""
        key, needed = desk.new("checkout answers 5xx"), desk.new("the database is down")
        made = operator.approved(f"it:{key}", "--set", "/status=resolved", comment=comment)
        desk.lab.put(key, DependsOn=needed)
        [sent] = operator.ask("push", code=1)
        assert sent["state"] == "needs_human"
        assert sent["error"]
        assert desk.status(key) == "new"
        assert len(desk.comments(key)) == (1 if comment else 0)
        shown = operator.ask("draft", "show", made["id"])
        assert shown["state"] == "needs_human"
        settled = operator.ask("draft", "settle", made["id"], "--not-applied", "--reason", "it depends on another")
        assert settled["state"] == "edited"
        # What is on the ticket already is not offered again.
        assert [op["path"] for op in settled["ops"]] == ["/status"]

    def test_tags_are_added_and_removed_one_by_one(self, desk: RTSeat, operator: Operator) -> None:
        key = desk.lab.new(CustomFields={"Tags": ["seed", "old"]})
        operator.update(f"it:{key}", "--set", "/tags=seed,new")
        assert desk.lab.values(key, "Tags") == ["new", "seed"]
        shown = operator.until(lambda one: "new" in one["tags"], "ticket", "show", f"it:{key}")
        assert shown["tags"] == ["new", "seed"]
