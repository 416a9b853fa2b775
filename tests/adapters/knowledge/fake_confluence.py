"""Confluences that remember, after the vendor's public reference: Cloud (REST v2, searches of v1) and Data Center (v1).

Paths, parameters, names of members and the form of ``next`` links are those of developer.atlassian.com: v2 answers
cursors in a link that begins with ``/wiki``, v1 of Data Center counts from ``start``; both list at most so many at
once, whatever is asked for. A parameter that the reference does not name is answered with 400 and fails the test.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route

SPACE, OTHER = "OPS", "HR"
USER = "alex@example.com"
ANA = "5b10ac8d82e05b22cc7d4ef5"


@dataclass
class Content:
    """A page."""

    id: str
    title: str
    body: str
    at: datetime
    space: str = SPACE
    status: str = "current"
    number: int = 1
    labels: list[str] = field(default_factory=list)


class FakeConfluence(StandIn):
    """One site with two spaces; its clock moves a second with every change."""

    most = 250
    """Pages of one list."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Content] = {}
        self._last = 65_535

    # --- what people do there

    def put(self, title: str, body: str, *, space: str = SPACE, labels: Collection[str] = ()) -> str:
        """Make or change a page; its id."""
        with self.lock:
            self.tick()
            for page in self.pages.values():
                if (page.title, page.space, page.status) == (title, space, "current"):
                    page.body, page.number, page.at = body, page.number + 1, self.at
                    return page.id
            self._last += 1
            self.pages[str(self._last)] = Content(str(self._last), title, body, self.at, space, labels=list(labels))
            return str(self._last)

    def rename(self, old: str, new: str) -> None:
        page = self.titled(old)
        page.title, page.number, page.at = new, page.number + 1, self.tick()

    def trash(self, title: str) -> None:
        self.titled(title).status = "trashed"

    def purge(self, title: str) -> None:
        del self.pages[self.titled(title).id]

    def titled(self, title: str) -> Content:
        return next(page for page in self.pages.values() if page.title == title and page.status == "current")

    # --- what both dialects share

    def only(self, request: Recorded, *names: str) -> None:
        """Raises Answered for a parameter that the reference does not name."""
        for name, _ in request.query:
            if name not in names:
                self.wrong(f"{request.raw_path}: no parameter {name}")
                raise Answered(Reply.of({"message": f"no parameter {name}"}, 400))

    def current(self, space: str) -> list[Content]:
        return [page for page in self.pages.values() if page.space == space and page.status == "current"]

    def found(self, number: str) -> Content:
        page = self.pages.get(number)
        if page is None:
            raise Answered(Reply.of({"statusCode": 404, "message": f"No content found with id: {number}"}, 404))
        return page


class FakeCloud(FakeConfluence):
    """``https://SITE.atlassian.net/wiki``."""

    @property
    def base(self) -> str:
        return f"{self.url}/wiki"

    def allowed(self, request: Recorded) -> Reply | None:
        """Basic, with an e-mail address and an API token."""
        if request.basic() != (USER, SECRET):
            return Reply.of({"code": 401, "message": "Unauthorized; scope does not match"}, 401)
        return None

    @route("GET", "/wiki/api/v2/spaces")
    def spaces(self, request: Recorded) -> Any:
        self.only(request, "keys", "ids", "limit", "cursor")
        known = {SPACE: "98305", OTHER: "98306"}
        keys = [key for key in request.param("keys").split(",") if key in known]
        return {"results": [{"id": known[key], "key": key, "name": f"Space {key}"} for key in keys], "_links": {}}

    @route("GET", "/wiki/api/v2/spaces/{number}/pages")
    def of_space(self, request: Recorded, number: str) -> Any:
        self.only(request, "depth", "sort", "status", "title", "body-format", "cursor", "limit")
        pages = self.current({"98305": SPACE, "98306": OTHER}[number])
        after = json.loads(base64.b64decode(request.param("cursor") or base64.b64encode(b"0")))
        left = sorted((page for page in pages if int(page.id) > after), key=lambda page: int(page.id))
        part = left[: min(int(request.param("limit", "25")), self.most)]
        links = {}
        if len(left) > len(part):
            cursor = base64.b64encode(json.dumps(int(part[-1].id)).encode()).decode().replace("=", "%3D")
            links["next"] = self.next(f"/wiki/api/v2/spaces/{number}/pages?limit={len(part)}&cursor={cursor}")
        return {"results": [self._v2(page) for page in part], "_links": links | {"base": self.base}}

    @route("GET", "/wiki/api/v2/pages/{number}")
    def page(self, request: Recorded, number: str) -> Any:
        self.only(request, "body-format", "get-draft", "version", "include-labels")
        page = self.found(number)
        told = self._v2(page)
        if request.param("body-format") == "storage":
            told["body"] = {"storage": {"representation": "storage", "value": page.body}}
        if request.param("include-labels") == "true":
            told["labels"] = {"results": [{"id": "1", "name": name, "prefix": "global"} for name in page.labels[:50]]}
        return told

    def _v2(self, page: Content) -> dict[str, Any]:
        return {
            "id": page.id, "status": page.status, "title": page.title, "authorId": ANA,
            "spaceId": {SPACE: "98305", OTHER: "98306"}[page.space], "createdAt": "2026-01-01T00:00:00.000Z",
            "version": {
                "number": page.number, "createdAt": f"{page.at:%Y-%m-%dT%H:%M:%S}.000Z", "authorId": ANA,
                "message": "", "minorEdit": False,
            },
            "_links": {"webui": f"/spaces/{page.space}/pages/{page.id}/x", "tinyui": "/x/AwAG"},
        }  # fmt: skip

    @route("GET", "/wiki/rest/api/user")
    def user(self, request: Recorded) -> Any:
        self.only(request, "accountId", "expand")
        if request.param("accountId") != ANA:
            raise Answered(Reply.of({"message": "no such user"}, 404))
        return {"type": "known", "accountId": ANA, "publicName": "Ana \x1b[31mPetrova", "displayName": "Ana Petrova"}

    @route("GET", "/wiki/rest/api/content/search")
    def search(self, request: Recorded) -> Any:
        self.only(request, "cql", "limit", "expand", "cursor")
        asked = re.fullmatch(r'space = "(\w+)" and type = page and label in \((.*)\)', request.param("cql"))
        assert asked is not None, request.param("cql")
        labels = set(re.findall(r'"([^"]+)"', asked[2]))
        pages = [page for page in self.current(asked[1]) if labels & set(page.labels)]
        start = int(request.param("cursor", "_f_0").rpartition("_")[2])
        part = pages[start : start + min(int(request.param("limit", "25")), self.most)]
        links = {"base": self.base, "context": "/wiki"}
        if start + len(part) < len(pages):
            links["next"] = f"/rest/api/content/search?next=true&cursor=_f_{start + len(part)}&limit=100"
        results = [
            {"id": page.id, "type": "page", "title": page.title, "metadata": {"labels": {"results": [
                {"prefix": "global", "name": name, "label": name} for name in page.labels
            ]}}}
            for page in part
        ]  # fmt: skip
        return {"results": results, "start": start, "limit": 100, "size": len(part), "_links": links}


class FakeCenter(FakeConfluence):
    """``https://host/confluence``, with a personal access token."""

    most = 200

    @property
    def base(self) -> str:
        return f"{self.url}/confluence"

    def allowed(self, request: Recorded) -> Reply | None:
        """Bearer."""
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return Reply.of({"message": "Basic Authentication Failure - Reason : AUTHENTICATED_FAILED"}, 401)
        return None

    @route("GET", "/confluence/rest/api/space/{key}")
    def space(self, request: Recorded, key: str) -> Any:
        self.only(request, "expand")
        if key not in (SPACE, OTHER):
            raise Answered(Reply.of({"statusCode": 404, "message": f"No space found with key : {key}"}, 404))
        return {"id": 98305, "key": key, "name": f"Space {key}", "type": "global", "_links": {}}

    @route("GET", "/confluence/rest/api/content")
    def contents(self, request: Recorded) -> Any:
        self.only(request, "type", "spaceKey", "title", "status", "postingDay", "expand", "start", "limit")
        pages = self.current(request.param("spaceKey"))
        start = int(request.param("start", "0"))
        part = pages[start : start + min(int(request.param("limit", "25")), self.most)]
        links = {"base": self.base, "context": "/confluence", "self": f"{self.base}/rest/api/content"}
        if start + len(part) < len(pages):
            links["next"] = self.next(f"/rest/api/content?spaceKey={SPACE}&limit={len(part)}&start={start + len(part)}")
        expand = request.param("expand")
        return {
            "results": [self._v1(page, expand) for page in part], "start": start, "limit": len(part),
            "size": len(part), "_links": links,
        }  # fmt: skip

    @route("GET", "/confluence/rest/api/content/{number}")
    def content(self, request: Recorded, number: str) -> Any:
        self.only(request, "status", "version", "expand")
        page = self.found(number)
        if page.status != "current":
            raise Answered(Reply.of({"statusCode": 404, "message": f"No content found with id: {number}"}, 404))
        return self._v1(page, request.param("expand"))

    def _v1(self, page: Content, expand: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": page.id, "type": "page", "status": page.status, "title": page.title,
            "_links": {"webui": f"/display/{page.space}/x", "self": f"{self.base}/rest/api/content/{page.id}"},
        }  # fmt: skip
        if "version" in expand:
            when = (page.at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000+01:00")
            by = {"type": "known", "username": "ana", "displayName": "Ana \x1b[31mPetrova"}
            told["version"] = {"by": by, "when": when, "message": "", "number": page.number, "minorEdit": False}
        if "metadata.labels" in expand:
            told["metadata"] = {"labels": {"results": [{"prefix": "global", "name": name} for name in page.labels]}}
        if "space" in expand:
            told["space"] = {"id": 98305, "key": page.space, "name": page.space}
        if "body.storage" in expand:
            told["body"] = {"storage": {"value": page.body, "representation": "storage"}}
        return told
