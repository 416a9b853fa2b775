"""What tests do to a real MediaWiki beside the source: edits, moves and deletions through its API."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import httpx2

from opstui.adapters.knowledge.mediawiki import MediaWiki
from opstui.adapters.knowledge.wiki import WikiSource
from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.core.connections import Connection


class WikiLab:
    """A wiki that ``up.py`` made; a test's pages are in a category that no other test uses."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.url = env["MEDIAWIKI_URL"]
        self.word = f"T{secrets.token_hex(6)}"
        self._http = httpx2.Client(base_url=self.url, trust_env=False, timeout=60)
        token = self.ask(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        told = self.post(
            action="login", lgname=env["MEDIAWIKI_USER"], lgpassword=env["MEDIAWIKI_PASSWORD"], lgtoken=token
        )
        assert told["login"]["result"] == "Success", told
        self._token = self.ask(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]

    def close(self) -> None:
        self._http.close()

    def ask(self, **params: str) -> Any:
        answer = self._http.get("/api.php", params={"format": "json", "formatversion": "2", **params})
        answer.raise_for_status()
        return answer.json()

    def post(self, **params: str) -> Any:
        answer = self._http.post("/api.php", data={"format": "json", "formatversion": "2", **params})
        answer.raise_for_status()
        return answer.json()

    def write(self, title: str, text: str, *, marked: bool = True) -> str:
        """Make or change a page; its whole title. ``marked``: in the test's own category."""
        whole = f"{self.word} {title}" if ":" not in title else title.replace(":", f":{self.word} ", 1)
        text = f"{text}\n[[Category:{self.word}]]" if marked else text
        told = self.post(action="edit", title=whole, text=text, token=self._token, summary="x", bot="1")
        assert told["edit"]["result"] == "Success", told
        return whole

    def move(self, old: str, new: str, *, redirect: bool = False) -> str:
        whole = f"{self.word} {new}"
        more = {} if redirect else {"noredirect": "1"}
        told = self.post(action="move", **{"from": old}, to=whole, token=self._token, **more)
        assert "move" in told, told
        return whole

    def delete(self, title: str) -> None:
        told = self.post(action="delete", title=title, token=self._token)
        assert "delete" in told, told

    def doc(self, title: str) -> str:
        return f"wiki/{title.replace(' ', '_')}"

    def source(
        self, *, user: bool = True, password: str | None = None, url: str = "", anywhere: bool = False, **more: Any
    ) -> WikiSource:
        """The source, on this wiki: the test's own category, or everything."""
        connection = Connection(
            name="wiki", kind="mediawiki", url=url or self.url, table="knowledge",
            user=self.env["MEDIAWIKI_USER"] if user else "",
            secret=lambda: (password or self.env["MEDIAWIKI_PASSWORD"]) if user else None,
            clock=SystemClock(), randomness=SystemRandomness(),
        )  # fmt: skip
        given = {"namespaces": ("Main", "Help")} | more
        if not anywhere:
            given.setdefault("categories", (self.word,))
        return WikiSource("wiki", MediaWiki(connection, **given), kind="mediawiki")
