"""A GitHub that remembers: issues, timelines, labels, milestones, people; a list with ETags, a search that lags."""

from __future__ import annotations

import copy
import functools
import hashlib
import itertools
import json
import re
from typing import Any

from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route
from tests.adapters.tickets.vendor import Spec

ANA, BO = "ana", "bo"
REPO = "acme/ops"


@functools.cache
def mended() -> Spec:
    """The vendor's description, whose ``milestone`` is nullable without a type, which OpenAPI 3.0 takes for nothing."""
    document = copy.deepcopy(Spec.load("github-issues")._document)
    body = document["paths"]["/repos/{owner}/{repo}/issues/{issue_number}"]["patch"]["requestBody"]
    fields = body["content"]["application/json"]["schema"]["properties"]
    assert fields["milestone"]["nullable"] is True
    fields["milestone"] = {"type": "integer", "nullable": True}
    return Spec(document)


class FakeGitHub(StandIn):
    """One repository, ``acme/ops``. Its clock moves a second with every change, as its times have whole seconds."""

    specs = ("github-issues",)

    def __init__(self) -> None:
        super().__init__()
        self._specs = (mended(),)
        self._count = itertools.count(1)
        self.me = ANA
        self.assignable = [ANA, BO]
        self.labels = ["bug", "sev1", "sev2", "Severity: 3", "dns"]
        self.milestones = [{"number": 1, "title": "Q4", "due_on": "2026-12-31T08:00:00Z", "state": "open"}]
        self.issues: dict[int, dict[str, Any]] = {}
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.indexed: dict[int, dict[str, Any]] = {}
        """What the search knows, where ``lag`` is on."""
        self.lag = False
        self.incomplete = False

    # --- what happens without us --------------------------------------------------------------------------------------

    def add_issue(self, title: str = "Checkout answers 5xx", body: str = "It does.", **more: Any) -> str:
        """A new one; its key."""
        self.tick()
        number = len(self.issues) + 1
        self.issues[number] = {
            "id": 9000 + number, "number": number, "title": title, "body": body, "state": "open", "state_reason": None,
            "user": {"login": "carol"}, "labels": [{"name": "bug"}], "assignees": [{"login": BO}], "milestone": None,
            "html_url": f"https://github.com/{REPO}/issues/{number}",
            "created_at": self._time(), "updated_at": self._time(),
        } | more  # fmt: skip
        self.events[number] = []
        return f"{REPO}#{number}"

    def comment(self, key: str, by: str, text: str) -> dict[str, Any]:
        """Somebody comments."""
        return self._event(key, "commented", by, user={"login": by}, body=text, updated_at=self._soon())

    def label(self, key: str, by: str, name: str) -> None:
        """Somebody adds a label."""
        self._issue(key)["labels"].append({"name": name})
        self._event(key, "labeled", by, label={"name": name})

    def close(self, key: str, by: str = BO, reason: str | None = "completed") -> None:
        """Somebody closes it."""
        self._issue(key).update(state="closed", state_reason=reason)
        self._event(key, "closed", by, state_reason=reason)

    def index(self) -> None:
        """The search catches up."""
        self.indexed = copy.deepcopy(self.issues)

    # --- routes -------------------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return Reply.of({"message": "Bad credentials"}, 401)
        if request.headers.get("x-github-api-version") != "2022-11-28":
            self.wrong("no version was asked for")
        return None

    @route("GET", "/user")
    def user(self, request: Recorded) -> Any:
        return {"login": self.me}

    @route("GET", "/repos/{owner}/{repo}/issues")
    def list_issues(self, request: Recorded, owner: str, repo: str) -> Reply:
        self._repo(owner, repo)
        assert (request.param("sort"), request.param("direction")) == ("updated", "asc")
        state, since = request.param("state", "open"), request.param("since")
        labels = [label for label in request.param("labels").split(",") if label]
        assignee, creator = request.param("assignee"), request.param("creator")
        found = [
            one for one in self.issues.values()
            if state in ("all", one["state"])
            and one["updated_at"] >= since
            and all({"name": label} in one["labels"] for label in labels)
            and (not assignee or assignee in ([who["login"] for who in one["assignees"]] or ["none"]))
            and (not creator or one["user"]["login"] == creator)
        ]  # fmt: skip
        found.sort(key=lambda one: (one["updated_at"], one["number"]))
        return self._page(request, found)

    @route("GET", "/search/issues")
    def search(self, request: Recorded) -> Reply:
        rows = list((self.indexed if self.lag else self.issues).values())
        for word in re.findall(r'(?:[^\s"]|"[^"]*")+', request.param("q")):
            name, _, value = word.partition(":")
            value = value.replace('"', "")
            if name == "updated":
                rows = [one for one in rows if one["updated_at"] >= value.removeprefix(">=")]
            elif name == "is" and value in ("open", "closed"):
                rows = [one for one in rows if one["state"] == value]
            elif name == "is":
                rows = [one for one in rows if "pull_request" not in one]
            elif name == "-label":
                rows = [one for one in rows if {"name": value} not in one["labels"]]
        order = {"created": "number", "updated": "updated_at"}[request.param("sort")]
        rows.sort(key=lambda one: one[order])
        size, page = int(request.param("per_page")), int(request.param("page", "1"))
        if page * size > 1000:
            raise Answered(Reply.of({"message": "Only the first 1000 search results are available"}, 422))
        part = rows[(page - 1) * size : page * size]
        link = self._link(request, page) if page * size < len(rows) else {}
        told = {"total_count": len(rows), "incomplete_results": self.incomplete, "items": part}
        return Reply.of(told, headers=link)

    @route("GET", "/repos/{owner}/{repo}/issues/{number}")
    def show(self, request: Recorded, owner: str, repo: str, number: str) -> Any:
        return self._found(owner, repo, number)

    @route("PATCH", "/repos/{owner}/{repo}/issues/{number}")
    def patch(self, request: Recorded, owner: str, repo: str, number: str) -> Any:
        issue, given, key = self._found(owner, repo, number), request.json, f"{REPO}#{number}"
        if "milestone" in given:
            wanted = given["milestone"]
            issue["milestone"] = next((one for one in self.milestones if one["number"] == wanted), None)
            self._event(key, "milestoned" if wanted else "demilestoned", self.me, milestone={"title": "Q4"})
        if given.get("state", issue["state"]) != issue["state"]:
            issue.update(state=given["state"], state_reason=given.get("state_reason"))
            event = "closed" if given["state"] == "closed" else "reopened"
            self._event(key, event, self.me, state_reason=given.get("state_reason"))
        return issue

    @route("GET", "/repos/{owner}/{repo}/issues/{number}/timeline")
    def timeline(self, request: Recorded, owner: str, repo: str, number: str) -> Reply:
        return self._page(request, self.events[self._found(owner, repo, number)["number"]])

    @route("POST", "/repos/{owner}/{repo}/issues/{number}/comments")
    def post_comment(self, request: Recorded, owner: str, repo: str, number: str) -> Reply:
        text = request.json["body"]
        if not text.strip() or len(text) > 65_536:
            raise Answered(Reply.of({"message": "Validation Failed", "errors": [{"message": "body is too long"}]}, 422))
        self._found(owner, repo, number)
        return Reply.of(self.comment(f"{REPO}#{number}", self.me, text), 201)

    @route("POST", "/repos/{owner}/{repo}/issues/{number}/labels")
    def add_labels(self, request: Recorded, owner: str, repo: str, number: str) -> Any:
        issue = self._found(owner, repo, number)
        for name in request.json["labels"]:
            if {"name": name} not in issue["labels"]:
                self.label(f"{REPO}#{number}", self.me, name)
        return issue["labels"]

    @route("DELETE", "/repos/{owner}/{repo}/issues/{number}/labels/{name}")
    def remove_label(self, request: Recorded, owner: str, repo: str, number: str, name: str) -> Any:
        issue = self._found(owner, repo, number)
        if {"name": name} not in issue["labels"]:
            raise Answered(Reply.of({"message": "Label does not exist"}, 404))
        issue["labels"].remove({"name": name})
        self._event(f"{REPO}#{number}", "unlabeled", self.me, label={"name": name})
        return issue["labels"]

    @route("GET", "/repos/{owner}/{repo}/issues/{number}/assignees/{login}")
    def can_have(self, request: Recorded, owner: str, repo: str, number: str, login: str) -> Reply:
        self._found(owner, repo, number)
        return Reply(204) if login in self.assignable else Reply.of({"message": "Not Found"}, 404)

    @route("POST", "/repos/{owner}/{repo}/issues/{number}/assignees")
    def assign(self, request: Recorded, owner: str, repo: str, number: str) -> Reply:
        issue = self._found(owner, repo, number)
        for login in request.json["assignees"]:
            if login in self.assignable and {"login": login} not in issue["assignees"]:
                issue["assignees"].append({"login": login})
                self._event(f"{REPO}#{number}", "assigned", self.me, assignee={"login": login})
        return Reply.of(issue, 201)

    @route("DELETE", "/repos/{owner}/{repo}/issues/{number}/assignees")
    def unassign(self, request: Recorded, owner: str, repo: str, number: str) -> Any:
        issue = self._found(owner, repo, number)
        for login in request.json["assignees"]:
            issue["assignees"].remove({"login": login})
            self._event(f"{REPO}#{number}", "unassigned", self.me, assignee={"login": login})
        return issue

    @route("GET", "/repos/{owner}/{repo}/labels")
    def list_labels(self, request: Recorded, owner: str, repo: str) -> Reply:
        return self._page(request, [{"name": name} for name in self.labels])

    @route("GET", "/repos/{owner}/{repo}/milestones")
    def list_milestones(self, request: Recorded, owner: str, repo: str) -> Reply:
        return self._page(request, self.milestones)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _page(self, request: Recorded, rows: list[Any]) -> Reply:
        size, page = int(request.param("per_page", "30")), int(request.param("page", "1"))
        part = rows[(page - 1) * size : page * size]
        etag = f'W/"{hashlib.sha256(json.dumps(part).encode()).hexdigest()[:16]}"'
        link = self._link(request, page) if page * size < len(rows) else {}
        if request.headers.get("if-none-match") == etag:
            return Reply(304, headers={"ETag": etag} | link)
        return Reply.of(part, headers={"ETag": etag} | link)

    def _link(self, request: Recorded, page: int) -> dict[str, str]:
        rest = "&".join(part for part in request.raw_path.partition("?")[2].split("&") if not part.startswith("page="))
        address = self.next(f"{self.url}{request.path}?{rest}&page={page + 1}")
        return {"Link": f'<{self.url}/first>; rel="first", <{address}>; rel="next"'}

    def _event(self, key: str, event: str, by: str, **more: Any) -> dict[str, Any]:
        issue = self._issue(key)
        issue["updated_at"] = self.tick().strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {"id": next(self._count), "event": event, "actor": {"login": by}, "created_at": self._time()} | more
        self.events[issue["number"]].append(made)
        return made

    def _issue(self, key: str) -> dict[str, Any]:
        return self.issues[int(key.rpartition("#")[2])]

    def _found(self, owner: str, repo: str, number: str) -> dict[str, Any]:
        self._repo(owner, repo)
        found = self.issues.get(int(number))
        if found is None:
            raise Answered(Reply.of({"message": "Not Found"}, 404))
        return found

    def _repo(self, owner: str, repo: str) -> None:
        if f"{owner}/{repo}" != REPO:
            raise Answered(Reply.of({"message": "Not Found"}, 404))

    def _soon(self) -> str:
        """The time of the event that is about to be made."""
        from datetime import timedelta

        return (self.at + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _time(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")
