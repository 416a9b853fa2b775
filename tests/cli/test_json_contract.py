"""The published JSON, key by key: what another program may rely on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.root import run_commands

Fits = Callable[[Any], bool]
Ask = Callable[..., Any]


def matches(pattern: str) -> Fits:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def one_of(words: str) -> Fits:
    return lambda value: isinstance(value, str) and value in words.split()


def maybe(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def many(fits: Fits) -> Fits:
    return lambda value: isinstance(value, list) and all(fits(item) for item in value)


def text(value: Any) -> bool:
    return isinstance(value, str)


def count(value: Any) -> bool:
    return type(value) is int and value >= 0


def anything(value: Any) -> bool:
    return True


def shaped(shape: Mapping[str, Fits]) -> Fits:
    def fits(value: Any) -> bool:
        wrong = [key for key, inner in shape.items() if key not in value or not inner(value[key])]
        assert not wrong, {key: value.get(key, "missing") for key in wrong}
        return True

    return fits


time = matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z")
money = matches(r"\d+\.\d{2,6}")
ref = matches(r"[A-Za-z0-9][\w-]*:\S+")
sha256 = matches(r"[0-9a-f]{64}")
severity = maybe(one_of("1 2 3 4"))

ENTRY = shaped({
    "id": matches(r"\S+#\d+"), "at": time, "author": text, "text": text,
    "kind": one_of("comment reply status field assign attach link alert system"),
    "visibility": one_of("public internal unknown"),
})  # fmt: skip
QUEUE = shaped({
    "name": text, "system": text, "state": one_of("live stale offline error"), "open": count,
    "fetched_at": maybe(time), "error": maybe(text),
})  # fmt: skip
TICKET = shaped({
    "ref": ref, "title": text, "body": text,
    "status": shaped({"raw": text, "category": one_of("new open waiting resolved closed")}),
    "severity": severity, "priority": maybe(text), "assignees": many(text), "team": maybe(text),
    "services": many(text), "tags": many(text), "fields": lambda value: isinstance(value, dict),
    "created_at": time, "updated_at": time, "due_at": maybe(time), "url": maybe(text), "version": text,
    "state": one_of("live stale offline error"), "error": maybe(text), "fetched_at": time, "timeline": many(ENTRY),
})  # fmt: skip
COST = shaped({
    "estimate": money, "reported": maybe(money), "input_tokens": count, "output_tokens": count,
    "cache_read_tokens": count, "cache_write_tokens": count, "budget": maybe(money),
    "running_seconds": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
})  # fmt: skip
SESSION = shaped({
    "id": text, "workflow": text, "ticket": ref, "runtime": text, "model": maybe(text),
    "status": one_of("queued starting running waiting idle ended failed"), "stop_reason": maybe(text),
    "started_at": time, "ended_at": maybe(time), "operator": text, "cost": COST,
    "document": maybe(lambda value: isinstance(value, dict)), "draft": maybe(text), "remote_id": maybe(text),
})  # fmt: skip
CHECK = shaped({"id": text, "level": one_of("block warn"), "text": text})
FILE = shaped({"name": text, "size": count, "sha256": sha256})
DRAFT = shaped({
    "id": text, "ticket": ref, "rev": count, "base_version": text, "checks": many(CHECK),
    "state": one_of("proposed edited approved pushing pushed conflict needs_human discarded"),
    "ops": many(lambda value: operation(value)), "fingerprint": maybe(sha256),
})  # fmt: skip
PUSH = shaped({
    "draft": text, "ticket": ref, "attempts": count, "remote_id": maybe(text), "overlaps": many(ENTRY),
    "error": maybe(text), "state": one_of("approved pushing pushed conflict needs_human edited"),
})  # fmt: skip
HIT = shaped({
    "doc": matches(r"[^/]+/.+(?<!\.md)"), "title": text, "score": lambda value: isinstance(value, float),
    "line_start": count, "line_end": count, "text": text, "strength": one_of("strong weak"),
})  # fmt: skip
EVENTS: Mapping[str, Fits] = {
    "session.started": shaped({"session": SESSION}),
    "session.ended": shaped({"session": SESSION}),
    "text": shaped({"text": text}),
    "tool.call": shaped({"id": text, "name": text, "input": lambda value: isinstance(value, dict)}),
    "tool.result": shaped({"id": text, "is_error": lambda value: isinstance(value, bool)}),
    "usage": shaped({"cost": COST}),
    "status": shaped({"status": text, "stop_reason": maybe(text)}),
    "notice": shaped({"text": text}),
    "error": shaped({"text": text}),
    "document": shaped({"document": lambda value: isinstance(value, dict)}),
    "draft": shaped({"draft": text}),
}


def operation(op: Mapping[str, Any]) -> bool:
    """An operation; ``visibility`` is a comment's alone."""
    assert {"op", "path", "from", "to", "origin"} <= set(op)
    assert op["origin"] in ("agent", "operator", "agent_edited")
    match op["op"]:
        case "comment":
            assert op["path"] == "/comment"
            assert text(op["to"])
            assert op["visibility"] in ("public", "internal")
        case "attach":
            assert FILE(op["to"])
        case "add" | "remove":
            assert op["path"] == "/tags"
            assert text(op["to"])
        case kind:
            assert kind == "set"
            assert op["path"] in ("/status", "/severity", "/assignee", "/team") or op["path"].startswith("/fields/")
    assert ("visibility" in op) == (op["op"] == "comment")
    return True


@pytest.fixture
def ask(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Ask:
    """What a command prints on the demo's data: one JSON value, or one a line."""

    def run(*words: str, lines: bool = False, code: int = 0) -> Any:
        invocation = Invocation(Globals(demo=True), {"OPSTUI_HOME": str(tmp_path), "USER": "alex"})
        assert run_commands([*words, *(() if lines else ("--json",))], invocation) == code
        out = capsysbinary.readouterr().out.decode()
        return [json.loads(line) for line in out.splitlines()] if lines else json.loads(out)

    return run


def test_queues_and_tickets(ask: Ask) -> None:
    queues, tickets = ask("queue", "list"), ask("ticket", "list")
    assert many(QUEUE)(queues)
    assert many(TICKET)(tickets)
    for queue in queues:
        rows = ask("queue", "show", queue["name"])
        assert queue["open"] == sum(row["status"]["category"] in ("new", "open", "waiting") for row in rows)
    for ticket in tickets[:3]:
        assert TICKET(ask("ticket", "show", ticket["ref"]))
    assert len(ask("ticket", "list", "--limit", "2")) == 2


def test_a_session_and_its_events(ask: Ask) -> None:
    ref = ask("ticket", "list", "--limit", "1")[0]["ref"]
    events = ask("run", "escalation-package", ref, "--events", lines=True)
    for event in events:
        assert time(event["at"])
        assert EVENTS[event["type"]](event)
    moments = [datetime.fromisoformat(event["at"]) for event in events]
    assert moments == sorted(moments)
    assert (events[0]["type"], events[-1]["type"]) == ("session.started", "session.ended")
    calls = [event["id"] for event in events if event["type"] == "tool.call"]
    assert calls == [event["id"] for event in events if event["type"] == "tool.result"]
    session = events[-1]["session"]
    assert ask("session", "show", session["id"]) == session
    assert ask("session", "list") == [session]
    assert ask("session", "resume", session["id"], "--events", lines=True) == events
    assert ask("session", "resume", session["id"]) == session


def test_a_draft_and_its_push(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word\n")
    tickets = ask("ticket", "list")
    ref = tickets[0]["ref"]
    made = ask(
        "draft", "new", ref, "--set", "/severity=4", "--set", "/tags=one,two", "--set", "/assignee=ana,bo",
        "--set", "/fields/region=eu", "--comment-file", str(tmp_path / "a.txt"), "--attach", str(tmp_path / "a.txt"),
    )  # fmt: skip
    assert DRAFT(made)
    assert {op["op"] for op in made["ops"]} == {"set", "add", "remove", "comment", "attach"}
    assert next(op["to"] for op in made["ops"] if op["path"] == "/assignee") == ["ana", "bo"]
    assert ask("draft", "list") == [made]
    assert DRAFT(ask("draft", "approve", made["id"], "--fingerprint", made["fingerprint"]))
    [push] = ask("push")
    assert PUSH(push)
    assert ask("push") == []
    after = ask("ticket", "show", ref)
    assert (after["severity"], after["assignees"], sorted(after["tags"])) == ("4", ["ana", "bo"], ["one", "two"])
    assert after["fields"]["region"] == "eu"
    assert FILE(after["attachments"][-1])


def test_knowledge_audit_and_doctor(ask: Ask) -> None:
    hits = ask("knowledge", "search", "checkout answers 5xx", "--limit", "3")
    assert 1 <= len(hits) <= 3
    assert many(HIT)(hits)
    assert ask("knowledge", "search", "zzzz qqqq") == []
    assert shaped({"ok": lambda v: v is True, "rows": count, "first_broken": lambda v: v is None})(
        ask("audit", "verify")
    )
    assert many(shaped({"check": text, "state": one_of("pass warn fail"), "text": text, "fix": text}))(ask("doctor"))
