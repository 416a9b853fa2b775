"""What tests do to a real Request Tracker beside the connector: its plain REST2 calls, as alice, bob or root."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import httpx2

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.tickets.rt import RTTickets, connect
from opstui.core.connections import Connection
from opstui.core.queues import Queue

OP_FIELD = "PushKey"


class RTLab:
    """An RT that ``up.py`` made; every ticket has a word in its subject that no other test uses."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.url = env["RT_URL"]
        self.word = f"t{secrets.token_hex(6)}"
        self.queue = Queue("mine", "rt", f"Queue = 'Incidents' AND Subject LIKE '{self.word}'")
        self._http = httpx2.Client(base_url=f"{self.url}/REST/2.0", trust_env=False, timeout=120)

    def close(self) -> None:
        self._http.close()

    def token_of(self, who: str) -> str:
        return self.env["RT_TOKEN" if who == "root" else f"RT_TOKEN_{who.upper()}"]

    def ask(self, method: str, path: str, who: str = "bob", **more: Any) -> httpx2.Response:
        """One call, whatever it answers."""
        headers = {"Authorization": f"token {self.token_of(who)}", **more.pop("headers", {})}
        return self._http.request(method, path, headers=headers, **more)

    def get(self, path: str, who: str = "bob", **params: Any) -> Any:
        answer = self.ask("GET", path, who, params=params)
        answer.raise_for_status()
        return answer.json()

    def new(self, title: str = "checkout is slow", **fields: Any) -> str:
        """A new ticket of bob's; its number."""
        given = {
            "Queue": "Incidents", "Subject": f"{title} {self.word}", "Content": "first words",
            "ContentType": "text/plain", "CustomFields": {"Severity": "sev3", "Service": "shop"},
        } | fields  # fmt: skip
        answer = self.ask("POST", "/ticket", json=given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def say(self, key: str, text: str = "me too", who: str = "bob", kind: str = "comment", **more: Any) -> Any:
        """Comment; RT's sentences."""
        given = {"Content": text, "ContentType": "text/plain"} | more
        answer = self.ask("POST", f"/ticket/{key}/{kind}", who, json=given)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def put(self, key: str, who: str = "bob", **fields: Any) -> Any:
        """Change a ticket; RT's sentences, which alone tell whether it did."""
        answer = self.ask("PUT", f"/ticket/{key}", who, json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def values(self, key: str, name: str) -> list[str]:
        """What a custom field holds."""
        fields = self.get(f"/ticket/{key}")["CustomFields"]
        return next(sorted(one["values"]) for one in fields if one["name"] == name)

    def types(self, key: str) -> list[str]:
        """The kinds of a ticket's transactions."""
        rows = self.get(f"/ticket/{key}/history", per_page=100, fields="Type", orderby="id")["items"]
        return [one["Type"] for one in rows]

    def system(self, who: str = "alice", *, op_field: str = OP_FIELD, **changes: Any) -> RTTickets:
        """The connector, on this server."""
        given: dict[str, Any] = {
            "name": "rt", "kind": "rt", "url": self.url, "secret": lambda: self.token_of(who),
            "op_field": op_field, "clock": SystemClock(), "randomness": SystemRandomness(),
        }  # fmt: skip
        return connect(Connection(**given | changes))
