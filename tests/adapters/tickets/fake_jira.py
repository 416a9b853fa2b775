"""A Jira Cloud site: two projects, one of them a service desk, with workflow, changelog, comments and files."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.adapters.tickets.adf_rules import complain, letters
from tests.adapters.tickets.stand_in import SECRET, Answered, Recorded, Reply, StandIn, route

API = "/rest/api/3"
USER = "ana@example.com"
ADF_FIELDS = ("description", "customfield_10040")


def account(name: str, number: int) -> dict[str, Any]:
    return {
        "accountId": f"5b10a2844c20165700ede{number:03d}", "displayName": name, "active": True,
        "accountType": "atlassian", "emailAddress": f"{name.split()[0].lower()}@example.com",
        "timeZone": "Australia/Lord_Howe",
    }  # fmt: skip


PEOPLE = {
    one["accountId"]: one for one in (account("Ana", 1), account("Bo", 2), account("Sam Lee", 3), account("Sam Lee", 4))
}
ANA, BO, *_ = PEOPLE.values()


def category(key: str) -> dict[str, Any]:
    return {"id": {"new": 2, "indeterminate": 4, "done": 3}[key], "key": key, "name": key.title()}


STATUSES = {
    name: {"id": str(10_000 + number), "name": name, "statusCategory": category(key)}
    for number, (name, key) in enumerate(
        [("Waiting for support", "new"), ("In Progress", "indeterminate"), ("Waiting for customer", "indeterminate"),
         ("Resolved", "done"), ("Closed", "done")]
    )
}  # fmt: skip
PRIORITIES = [
    {"id": str(at), "name": name} for at, name in enumerate(["Highest", "High", "Medium", "Low", "Lowest"], 1)
]
RESOLUTIONS = [{"id": "10000", "name": "Done"}, {"id": "10001", "name": "Won't Do"}]
OPTIONS = [{"id": "501", "value": "dns"}, {"id": "502", "value": "mail"}]


def _field(name: str, kind: str, custom: str = "", *, items: str = "", allowed: Any = None) -> dict[str, Any]:
    schema = {"type": kind} | ({"items": items} if items else {})
    schema |= {"custom": f"com.atlassian.jira.plugin.system.customfieldtypes:{custom}"} if custom else {}
    return {"name": name, "schema": schema} | ({"allowedValues": allowed} if allowed else {})


FIELDS: dict[str, dict[str, Any]] = {
    "summary": _field("Summary", "string"),
    "status": _field("Status", "status"),
    "assignee": _field("Assignee", "user"),
    "labels": _field("Labels", "array", items="string"),
    "priority": _field("Priority", "priority", allowed=PRIORITIES),
    "resolution": _field("Resolution", "resolution", allowed=RESOLUTIONS),
    "description": {"name": "Description", "schema": {"type": "string", "system": "description"}},
    "components": _field("Components", "array", items="component", allowed=[{"id": "1", "name": "checkout"}]),
    "customfield_10010": _field("Service", "option", "select", allowed=OPTIONS),
    "customfield_10020": _field("Users hit", "number", "float"),
    "customfield_10030": _field("Regions", "array", "multiselect", items="option", allowed=OPTIONS),
    "customfield_10040": _field("Impact", "string", "textarea"),
    "customfield_10050": _field("Reviewer", "user", "userpicker"),
    "customfield_10060": _field("Started", "datetime", "datetime"),
    "customfield_10070": _field("Squad", "option", "select", allowed=[{"id": "601", "value": "dba"}]),
    "customfield_10080": _field("Team", "team", "atlassian-team"),
    "customfield_10090": _field("Place", "option-with-child", "cascadingselect", allowed=[
        {"id": "701", "value": "EU", "children": [{"id": "702", "value": "Berlin"}]}]),
    "customfield_10100": _field("Twice", "string", "textfield"),
    "customfield_10101": _field("Twice", "string", "textfield"),
    "customfield_10120": _field("Time to resolution", "sd-servicelevelagreement", "sd-sla-field"),
    "customfield_10130": _field("Rank", "any", "gh-lexo-rank"),
    "customfield_10140": _field("Request Type", "sd-customerrequesttype", "vp-origin-of-another-kind"),
    "customfield_10110": _field("How bad", "option", "select", allowed=[{"id": "801", "value": "page"},
                                                                       {"id": "802", "value": "meh"}]),
}  # fmt: skip
NOT_EDITABLE = ("status", "resolution")


class FakeJira(StandIn):
    """A site with Ana (whose token it is) and Bo. Projects: ``OPS``, a service desk, and ``DEV``, plain software."""

    specs = ("jira-cloud-v3",)

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.queries: dict[str, Callable[[Mapping[str, Any]], bool]] = {
            "statusCategory != Done": lambda issue: issue["fields"]["status"]["statusCategory"]["key"] != "done",
            "project = OPS": lambda issue: issue["key"].startswith("OPS-"),
            "project = OPS AND text ~ 'a) OR (b'": lambda issue: issue["key"].startswith("OPS-"),
        }
        self.page = 100
        """Most that one answer holds, whatever was asked for."""
        self.by_the_minute = True
        """Whether moments of the search are rounded down to minutes."""
        self.screen: set[str] = set(FIELDS) - set(NOT_EDITABLE)
        """Fields on the edit screen."""
        self.dead_properties = False
        self._ids = 10_000
        self._indexed: dict[str, list[dict[str, Any]]] = {}

    # --- what tests do ------------------------------------------------------------------------------------------------

    def add_issue(self, summary: str = "checkout is slow", *, project: str = "OPS", **fields: Any) -> str:
        """A new issue; its key."""
        with self.lock:
            number = 1 + sum(key.startswith(project) for key in self.issues)
            key = f"{project}-{number}"
            at = self._time(self.tick())
            kind = "service_desk" if project == "OPS" else "software"
            self.issues[key] = {
                "id": self._id(), "key": key, "changelog": [], "comments": [],
                "fields": {
                    **dict.fromkeys(FIELDS), "summary": summary, "status": STATUSES["Waiting for support"],
                    "priority": PRIORITIES[2], "labels": [], "components": [], "attachment": [], "created": at,
                    "updated": at, "duedate": None, "reporter": BO, "issuetype": {"id": "1", "name": "Incident"},
                    "project": {"id": "1", "key": project, "projectTypeKey": kind},
                    "description": said("Since 09:00."), **fields,
                },
            }  # fmt: skip
            self._index(self.issues[key])
            return key

    def comment(self, key: str, text: str, *, by: Mapping[str, Any] = BO, **parts: Any) -> str:
        """Somebody adds a comment; its id."""
        with self.lock:
            issue = self.issues[key]
            at = self._touch(issue)
            made = {"id": self._id(), "author": by, "body": said(text), "created": at, "updated": at, **parts}
            issue["comments"].append(made)
            self._index(issue)
            return str(made["id"])

    def change(self, key: str, field: str, value: Any, *, by: Mapping[str, Any] = BO) -> None:
        """Somebody sets a field."""
        with self.lock:
            self._set(self.issues[key], {field: value}, by)

    def forget_last(self, key: str) -> Callable[[], None]:
        """Let the search not know the newest change of an issue; what is answered makes it learn it."""
        newest = self._indexed[key].pop()
        return lambda: self._indexed[key].append(newest)

    # --- searching ----------------------------------------------------------------------------------------------------

    @route("POST", API + "/search/jql")
    def search(self, request: Recorded) -> Reply:
        asked = request.json
        jql = asked["jql"]
        ordered = re.fullmatch(r"(.*) ORDER BY updated ASC, key ASC", jql, re.DOTALL)
        assert ordered, jql
        timed = re.fullmatch(r"\((.*)\) AND updated >= (\d+)", ordered[1], re.DOTALL)
        where = timed[1] if timed else ordered[1]
        if where not in self.queries:
            return errors(f"Error in the JQL Query: {where!r} is not known.")
        since = int(timed[2]) if timed else 0
        since -= since % 60_000 if self.by_the_minute else 0
        found = [
            issue for issue in map(self._searchable, self.issues)
            if issue and self.queries[where](issue) and _millis(issue["fields"]["updated"]) >= since
        ]  # fmt: skip
        found.sort(key=lambda issue: (issue["fields"]["updated"], issue["key"]))
        start = 0
        if "nextPageToken" in asked:
            start, token_of = json.loads(asked["nextPageToken"])
            if token_of != jql:
                return errors("The nextPageToken is not of this query.")
        size = min(self.page, asked.get("maxResults", 50))
        rows = [self._shown(issue, asked.get("fields", ["id"])) for issue in found[start : start + size]]
        last = start + size >= len(found)
        more = {} if last else {"nextPageToken": json.dumps([start + size, jql])}
        return Reply.of({"issues": rows, "isLast": last, **more})

    # --- reading ------------------------------------------------------------------------------------------------------

    @route("GET", API + "/myself")
    def myself(self, request: Recorded) -> Any:
        return ANA

    @route("GET", API + "/serverInfo")
    def server_info(self, request: Recorded) -> Any:
        return {"deploymentType": "Cloud", "baseUrl": "https://acme.atlassian.net", "version": "1001.0.0-SNAPSHOT"}

    @route("GET", API + "/field")
    def field_list(self, request: Recorded) -> Any:
        return [
            {"id": name, "key": name, "custom": name.startswith("customfield_"), "name": one["name"],
             "schema": one["schema"]}
            for name, one in FIELDS.items()
        ]  # fmt: skip

    @route("GET", API + "/issue/{key}")
    def issue(self, request: Recorded, key: str) -> Any:
        issue = self._issue(key)
        found = self._shown(issue, request.param("fields", "*all").split(","))
        if "names" in request.param("expand"):
            found["names"] = {name: field["name"] for name, field in FIELDS.items()} | {
                "issuetype": "Issue Type", "reporter": "Reporter",
            }  # fmt: skip
        return found

    @route("GET", API + "/issue/{key}/changelog")
    def changelog(self, request: Recorded, key: str) -> Any:
        entries = self._issue(key)["changelog"]
        start, size = int(request.param("startAt", "0")), min(self.page, int(request.param("maxResults", "100")))
        last = start + size >= len(entries)
        address = f"{self.url}{API}/issue/{key}/changelog?startAt={start + size}"
        return {
            "self": f"{self.url}{request.raw_path}", "maxResults": size, "startAt": start, "total": len(entries),
            "isLast": last, "values": entries[start : start + size],
            **({} if last else {"nextPage": self.next(address)}),
        }  # fmt: skip

    @route("GET", API + "/issue/{key}/comment")
    def comments(self, request: Recorded, key: str) -> Any:
        issue = self._issue(key)
        start, size = int(request.param("startAt", "0")), min(self.page, int(request.param("maxResults", "50")))
        expanded = "properties" in request.param("expand").split(",") and not self.dead_properties
        shown = [
            {name: value for name, value in one.items() if name != "properties" or (expanded and value)}
            | {"jsdPublic": one.get("jsdPublic", True)}
            for one in issue["comments"][start : start + size]
        ]
        return {"startAt": start, "maxResults": size, "total": len(issue["comments"]), "comments": shown}

    @route("GET", API + "/issue/{key}/transitions")
    def transitions(self, request: Recorded, key: str) -> Any:
        issue = self._issue(key)
        found = [copy.deepcopy(one) for one in self._moves(issue)]
        if request.param("expand") != "transitions.fields":
            for one in found:
                del one["fields"]
        return {"expand": "transitions", "transitions": found}

    @route("GET", API + "/issue/{key}/editmeta")
    def edit_meta(self, request: Recorded, key: str) -> Any:
        self._issue(key)
        return {"fields": {name: _meta(name) for name in FIELDS if name in self.screen}}

    @route("GET", API + "/user/assignable/search")
    def assignable(self, request: Recorded) -> Any:
        self._issue(request.param("issueKey"))
        query = request.param("query").casefold()
        return [one for one in PEOPLE.values() if query in (one["displayName"] + " " + one["emailAddress"]).casefold()]

    # --- writing ------------------------------------------------------------------------------------------------------

    @route("PUT", API + "/issue/{key}")
    def edit(self, request: Recorded, key: str) -> None:
        issue, asked = self._issue(key), request.json
        fields, deltas = asked.get("fields", {}), asked.get("update", {})
        wrong = {
            name: "Not on the appropriate screen, or unknown."
            for name in {**fields, **deltas}
            if name not in self.screen
        }
        wrong |= {name: "In fields and update." for name in fields if name in deltas}
        values = {name: self._checked(name, value, wrong) for name, value in fields.items()}
        for name, steps in deltas.items():
            now = list(issue["fields"][name])
            for step in steps:
                if "add" in step and " " in step["add"]:
                    wrong[name] = f"The label '{step['add']}' contains spaces which is invalid."
                now += [step["add"]] if "add" in step and step["add"] not in now else []
                now = [one for one in now if one != step.get("remove")]
            values[name] = now
        if wrong:
            raise Answered(Reply.of({"errorMessages": [], "errors": wrong}, 400))
        self._set(issue, values, ANA)

    @route("PUT", API + "/issue/{key}/assignee")
    def assign(self, request: Recorded, key: str) -> None:
        wrong: dict[str, str] = {}
        value = self._checked("assignee", request.json, wrong)
        if wrong:
            raise Answered(Reply.of({"errorMessages": [], "errors": wrong}, 400))
        self._set(self._issue(key), {"assignee": value}, ANA)

    @route("POST", API + "/issue/{key}/transitions")
    def move(self, request: Recorded, key: str) -> None:
        issue, asked = self._issue(key), request.json
        chosen = next((one for one in self._moves(issue) if one["id"] == asked["transition"]["id"]), None)
        if chosen is None:
            raise Answered(errors("It seems that you have tried to perform an illegal workflow operation."))
        wrong: dict[str, str] = {}
        given = asked.get("fields", {})
        for name in given:
            if name not in chosen["fields"]:
                wrong[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        for name, meta in chosen["fields"].items():
            if meta["required"] and not given.get(name) and not issue["fields"].get(name):
                wrong[name] = f"{meta['name']} is required."
        values = {name: self._checked(name, value, wrong) for name, value in given.items()}
        if wrong:
            raise Answered(Reply.of({"errorMessages": [], "errors": wrong}, 400))
        self._set(issue, {**values, "status": chosen["to"]}, ANA)

    @route("POST", API + "/issue/{key}/comment")
    def add_comment(self, request: Recorded, key: str) -> Reply:
        issue, asked = self._issue(key), request.json
        try:
            complain(asked["body"])
        except (AssertionError, KeyError) as error:
            self.wrong(f"a comment that is no ADF: {error!r}")
            return errors("INVALID_INPUT")
        if letters(asked["body"]) > 32_767:
            return Reply.of({"errorMessages": [], "errors": {"comment": "CONTENT_LIMIT_EXCEEDED"}}, 400)
        given = {one["key"]: one["value"] for one in asked.get("properties", ())}
        public = not given.get("sd.public.comment", {}).get("internal", False)
        properties = [{"key": name, "value": value} for name, value in given.items()]
        made = self.comment(key, "", by=ANA, body=asked["body"], properties=properties, jsdPublic=public)
        return Reply.of(issue["comments"][-1] | {"self": f"{self.url}{API}/issue/{key}/comment/{made}"}, 201)

    @route("POST", API + "/issue/{key}/attachments")
    def attach(self, request: Recorded, key: str) -> Any:
        if request.headers.get("x-atlassian-token") != "no-check":
            raise Answered(Reply(403, b"XSRF check failed", {"Content-Type": "text/plain"}))
        issue = self._issue(key)
        made = []
        for part, name, content in request.files():
            if part != "file":
                self.wrong(f"a file in a part called {part!r}")
            number = self._id()
            self.files[number] = content
            made.append({"id": number, "filename": name, "size": len(content), "author": ANA, "mimeType": "text/plain"})
        self._set(issue, {"attachment": [*issue["fields"]["attachment"], *made]}, ANA)
        return made

    # --- inside -------------------------------------------------------------------------------------------------------

    def allowed(self, request: Recorded) -> Reply | None:
        if request.basic() != (USER, SECRET):
            return Reply(401, b"Client must be authenticated to access this resource.", {"Content-Type": "text/plain"})
        return None

    def _issue(self, key: str) -> dict[str, Any]:
        for issue in self.issues.values():
            if key.upper() in (issue["key"], issue["id"], issue.get("was")):
                return issue
        raise Answered(errors("Issue does not exist or you do not have permission to see it.", 404))

    def _moves(self, issue: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The workflow: from each status to each other one; resolving needs a resolution."""
        resolution = {"resolution": {**_meta("resolution"), "required": True, "hasDefaultValue": False}}
        return [
            {"id": str(10 * number), "name": f"go to {name}", "to": status, "isAvailable": True, "hasScreen": False,
             "fields": copy.deepcopy(resolution) if name in ("Resolved", "Closed") else {}}
            for number, (name, status) in enumerate(STATUSES.items(), 1)
            if status != issue["fields"]["status"]
        ]  # fmt: skip

    def _checked(self, name: str, value: Any, wrong: dict[str, str]) -> Any:
        """The value as it is kept; what is wrong with it goes into ``wrong``."""
        schema, allowed = FIELDS.get(name, {}).get("schema", {}), FIELDS.get(name, {}).get("allowedValues")
        if value is None:
            return None
        if schema.get("type") == "array" and isinstance(value, list):
            return [self._one(schema.get("items"), allowed, one, name, wrong) for one in value]
        return self._one(schema.get("type"), allowed, value, name, wrong)

    def _one(self, kind: Any, allowed: Any, value: Any, name: str, wrong: dict[str, str]) -> Any:
        if kind == "user":
            found = PEOPLE.get(value.get("accountId")) if isinstance(value, dict) else None
            if value == {"accountId": None}:
                return None
            if found is None:
                wrong[name] = f"User '{value}' cannot be assigned issues."
            return found
        if allowed:
            found = next((one for one in allowed if isinstance(value, dict) and one["id"] == value.get("id")), None)
            if found is None:
                wrong[name] = "Specify a valid 'id' or 'name'."
                return None
            kept = {part: one for part, one in found.items() if part != "children"}
            if "child" in value:
                kept["child"] = next(one for one in found["children"] if one["id"] == value["child"]["id"])
            return kept
        if kind == "number" and not isinstance(value, int | float):
            wrong[name] = "Operation value must be a number"
        elif name in ADF_FIELDS:
            try:
                complain(value)
            except (AssertionError, KeyError, TypeError):
                wrong[name] = "Operation value must be an Atlassian Document"
        elif kind in ("string", "date", "datetime") and not isinstance(value, str):
            wrong[name] = "Operation value must be a string"
        return float(value) if kind == "number" and not isinstance(value, str) else value

    def _set(self, issue: dict[str, Any], values: Mapping[str, Any], by: Mapping[str, Any]) -> None:
        items = [
            {"field": _called(name), "fieldId": name, "fieldtype": "jira", "toString": _words(value),
             "fromString": _words(issue["fields"].get(name))}
            for name, value in values.items() if issue["fields"].get(name) != value
        ]  # fmt: skip
        if not items:
            return
        at = self._touch(issue)
        issue["fields"].update(values)
        issue["changelog"].append({"id": self._id(), "author": by, "created": at, "items": items})
        self._index(issue)

    def _touch(self, issue: dict[str, Any]) -> str:
        at = self._time(self.tick())
        issue["fields"]["updated"] = at
        return at

    def _index(self, issue: dict[str, Any]) -> None:
        self._indexed.setdefault(issue["key"], []).append(copy.deepcopy(issue))

    def _searchable(self, key: str) -> dict[str, Any] | None:
        """The issue as the search knows it."""
        return next(iter(self._indexed.get(key, [])[-1:]), None)

    def _shown(self, issue: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
        known = issue["fields"]
        for name in fields:
            if name.lstrip("-") not in (*known, "*all", "comment", "worklog", "id"):
                self.wrong(f"there is no field {name!r}")
        all_of = "*all" in fields
        shown = {name: value for name, value in known.items() if all_of or name in fields}
        return {"id": issue["id"], "key": issue["key"], "fields": copy.deepcopy(shown)}

    def _id(self) -> str:
        self._ids += 1
        return str(self._ids)

    @staticmethod
    def _time(at: datetime) -> str:
        """In a zone that is no whole number of hours away, as Jira tells the account's own."""
        local = at + timedelta(hours=10, minutes=30)
        return local.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+1030"


def said(text: str) -> dict[str, Any]:
    """A document that says ``text``, as people type it."""
    lines: list[dict[str, Any]] = []
    for line in text.split("\n"):
        lines += [{"type": "hardBreak"}] if lines else []
        lines += [{"type": "text", "text": line}] if line else []
    return {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": lines}]}


def errors(text: str, status: int = 400) -> Reply:
    """As Jira complains."""
    return Reply.of({"errorMessages": [text], "errors": {}}, status)


def _called(name: str) -> str:
    """As the changelog names a field."""
    told = str(FIELDS.get(name, {"name": name.title()})["name"])
    return told if name.startswith("customfield_") or name == "attachment" else told.lower()


def _meta(name: str) -> dict[str, Any]:
    return {"required": False, "key": name, "operations": ["set"], **FIELDS[name]}


def _words(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return " ".join(str(_words(one)) for one in value)
    if isinstance(value, dict):
        return str(
            value.get("displayName") or value.get("value") or value.get("name") or value.get("filename") or "text"
        )
    return str(value)


def _millis(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)
