"""What tests do to a real Redmine beside the connector: its plain REST calls, as alice, bob or the administrator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import httpx2

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.tickets.redmine import RedmineTickets, connect
from opstui.core.connections import Connection

OP_FIELD = "Push key"


class RedmineLab:
    """A Redmine that ``up.py`` made; every ticket has a word in its title that no other test uses."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.url = env["REDMINE_URL"]
        self.word = f"t{secrets.token_hex(6)}"
        self.query = f"project_id=incidents&status_id=*&subject=~{self.word}"
        self._http = httpx2.Client(base_url=self.url, trust_env=False, timeout=60)

    def close(self) -> None:
        self._http.close()

    def key_of(self, who: str) -> str:
        return self.env["REDMINE_KEY" if who == "admin" else f"REDMINE_KEY_{who.upper()}"]

    def ask(self, method: str, path: str, who: str = "bob", **more: Any) -> httpx2.Response:
        """One call, whatever it answers."""
        return self._http.request(method, path, headers={"X-Redmine-API-Key": self.key_of(who)}, **more)

    def get(self, path: str, who: str = "bob", **params: str) -> Any:
        answer = self.ask("GET", path, who, params=params)
        answer.raise_for_status()
        return answer.json()

    def new(self, title: str = "checkout is slow", **fields: Any) -> str:
        """A new issue of bob's; its number."""
        given = {"project_id": "incidents", "tracker_id": 3, "subject": f"{title} {self.word}"} | fields
        answer = self.ask("POST", "/issues.json", json={"issue": given})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["issue"]["id"])

    def put(self, key: str, who: str = "bob", **fields: Any) -> int:
        """Change an issue; the status code."""
        return self.ask("PUT", f"/issues/{key}.json", who, json={"issue": fields}).status_code

    def journals(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/issues/{key}.json", include="journals")["issue"]["journals"]
        return found

    def field_id(self, name: str) -> int:
        key = self.new()
        issue = self.get(f"/issues/{key}.json")["issue"]
        return next(int(one["id"]) for one in issue["custom_fields"] if one["name"] == name)

    def system(self, who: str = "alice", *, op_field: str = OP_FIELD, **changes: Any) -> RedmineTickets:
        """The connector, on this server."""
        given: dict[str, Any] = {
            "name": "rm", "kind": "redmine", "url": self.url, "secret": lambda: self.key_of(who),
            "op_field": op_field, "clock": SystemClock(), "randomness": SystemRandomness(),
        }  # fmt: skip
        return connect(Connection(**given | changes))
