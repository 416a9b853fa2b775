"""The whole job by the command line alone, on the demo's world, in JSON."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Done

Run = Callable[..., Done]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")
MONEY = re.compile(r"\d+\.\d{2,6}\Z")


@pytest.fixture
def demo(opstui: Run) -> Run:
    """The same, on the demo's data."""
    return lambda *arguments, **more: opstui("--demo", *arguments, **more)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item))]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def test_from_the_queue_to_the_comment_on_the_ticket(demo: Run, tmp_path: Path) -> None:
    queues = demo("queue", "list", "--json").json
    assert queues
    for queue in queues:
        assert {"name", "system", "state", "open", "fetched_at", "error"} <= set(queue)
        assert queue["state"] == "live"
        assert RFC3339.match(queue["fetched_at"])
    tickets = demo("queue", "show", queues[0]["name"], "--limit", "3", "--json").json
    assert len(tickets) == 3
    ref = tickets[0]["ref"]

    ticket = demo("ticket", "show", ref, "--json").json
    assert ticket["status"]["category"] in ("new", "open", "waiting", "resolved", "closed")
    assert [entry["id"] for entry in ticket["timeline"]] == [
        f"{ref.partition(':')[2]}#{n}" for n in range(1, len(ticket["timeline"]) + 1)
    ]

    ran = demo("run", "incident-summary", ref, "--events")
    assert ran.code == 0
    events = ran.lines
    assert events[0]["type"] == "session.started"
    assert events[0]["session"]["status"] == "starting"
    assert events[-1]["type"] == "session.ended"
    assert [event["type"] for event in events].count("session.ended") == 1
    assert {"text", "tool.call", "tool.result", "usage", "status", "document", "draft"} <= {e["type"] for e in events}
    assert all(RFC3339.match(event["at"]) for event in events)
    session = events[-1]["session"]
    assert session["status"] == "ended"
    assert session["document"] == next(event["document"] for event in events if event["type"] == "document")
    assert MONEY.match(session["cost"]["estimate"])
    assert demo("session", "show", session["id"], "--json").json == session

    draft = demo("draft", "show", session["draft"], "--json").json
    assert draft["state"] == "proposed"
    [op] = draft["ops"]
    assert (op["op"], op["path"], op["origin"], op["visibility"]) == ("comment", "/comment", "agent", "internal")

    (tmp_path / "note.txt").write_text("Grüße: restarted ✓\n=1+1\n", "utf-8")
    edited = demo("draft", "edit", draft["id"], "--comment-file", tmp_path / "note.txt", "--json").json
    assert edited["state"] == "edited"
    assert edited["ops"][0]["origin"] == "agent_edited"
    assert edited["fingerprint"] != draft["fingerprint"]

    for wrong in (draft["fingerprint"], edited["fingerprint"][:16], "", "0" * 64):
        refused = demo("draft", "approve", draft["id"], "--fingerprint", wrong, "--json")
        assert refused.code == 1
        assert refused.out == ""
    assert demo("draft", "show", draft["id"], "--json").json == edited
    approved = demo("draft", "approve", draft["id"], "--fingerprint", edited["fingerprint"], "--json")
    assert approved.code == 0
    assert approved.json["state"] == "approved"

    pushed = demo("push", "--json")
    assert pushed.code == 0
    [push] = pushed.json
    assert (push["draft"], push["ticket"], push["state"], push["error"]) == (draft["id"], ref, "pushed", None)
    assert demo("push", "--json").json == []
    again = demo("draft", "approve", draft["id"], "--fingerprint", edited["fingerprint"])
    assert again.code == 1

    after = demo("ticket", "show", ref, "--json").json
    mine = next(entry for entry in after["timeline"] if entry["id"] == push["remote_id"])
    assert mine["text"] == "Grüße: restarted ✓\n=1+1"
    assert mine["visibility"] == "internal"
    assert demo("audit", "verify", "--json").json["ok"] is True
    actions = [row["action"] for row in demo("audit", "show", "--json").json]
    assert {"session.start", "draft.approve", "push.send", "push.verified"} <= set(actions)
    rows = demo("audit", "export").lines
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_a_changed_ticket_is_answered_with_exit_code_5(demo: Run) -> None:
    ref = demo("ticket", "list", "-status:closed", "--limit", "1", "--json").json[0]["ref"]
    first = demo("draft", "new", ref, "--set", "/severity=3", "--json").json
    second = demo("draft", "new", ref, "--set", "/severity=4", "--json").json
    for draft in (first, second):
        assert demo("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]).code == 0
    pushed = demo("push", "--json")
    assert pushed.code == 5
    assert sorted(push["state"] for push in pushed.json) == ["conflict", "pushed"]
    shown = demo("draft", "show", second["id"], "--json").json
    if shown["state"] == "pushed":
        first, second = second, first
    shown = demo("draft", "show", second["id"], "--json").json
    assert shown["fingerprint"] is None
    assert shown["conflicts"] == ["/severity"]
    assert demo("draft", "approve", second["id"], "--fingerprint", second["fingerprint"]).code in (1, 5)

    mine = demo("draft", "edit", second["id"], "--mine", "/severity", "--json").json
    assert mine["state"] == "edited"
    assert demo("draft", "approve", second["id"], "--fingerprint", mine["fingerprint"]).code == 0
    assert demo("push").code == 0
    assert demo("ticket", "show", ref, "--json").json["severity"] == mine["ops"][0]["to"]


def test_a_package_is_attached_with_its_size_and_hash(demo: Run, tmp_path: Path) -> None:
    ref = demo("ticket", "list", "-status:closed", "--limit", "1", "--json").json[0]["ref"]
    session = demo("run", "escalation-package", ref, "--runtime", "offline", "--budget", "0.50", "--json").json
    assert session["cost"]["budget"] == "0.50"
    draft = demo("draft", "show", session["draft"], "--json").json
    attach = next(op for op in draft["ops"] if op["op"] == "attach")
    assert set(attach["to"]) == {"name", "size", "sha256"}
    assert demo("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]).code == 0
    assert demo("push").code == 0
    files = demo("ticket", "show", ref, "--json").json["attachments"]
    assert attach["to"]["sha256"] in [file["sha256"] for file in files]


def test_a_discarded_draft_comes_back(demo: Run) -> None:
    ref = demo("ticket", "list", "--limit", "1", "--json").json[0]["ref"]
    draft = demo("draft", "new", ref, "--comment-file", "-", "--json", given=b"a word").json
    assert demo("draft", "discard", draft["id"], "--json").json["state"] == "discarded"
    assert demo("draft", "list", "--open", "--json").json == []
    assert demo("draft", "restore", draft["id"], "--json").json["state"] in ("proposed", "edited")


def test_no_string_of_any_answer_holds_a_control_character(demo: Run) -> None:
    ref = demo("ticket", "list", "--limit", "1", "--json").json[0]["ref"]
    answers = [
        demo("ticket", "list", "--json"),
        demo("run", "incident-summary", ref, "--json"),
        demo("draft", "list", "--json"),
        demo("session", "list", "--json"),
        demo("audit", "show", "--json"),
        demo("cost", "--json"),
        demo("doctor", "--json", USER="al\x1bex"),
        demo("config", "show", "--json"),
        demo("knowledge", "search", "dns", "--json"),
    ]
    for answer in answers:
        assert answer.code == 0, answer.err
        for text in strings(answer.json):
            assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]


def test_knowledge_answers_a_line_for_a_line(demo: Run) -> None:
    done = demo("knowledge", "search", "--stdin", "--limit", "2", given=b"dns timeouts\n\n\"' OR *\nzzzqqq\n")
    assert done.code == 0
    first, empty, odd, nothing = done.lines
    assert 1 <= len(first) <= 2
    assert {"doc", "title", "score", "line_start", "line_end", "text", "strength"} == set(first[0])
    assert empty == []
    assert isinstance(odd, list)
    assert [hit for hit in nothing if hit["strength"] == "strong"] == []


def test_the_index_says_how_many_pages_changed(opstui: Run, environ: dict[str, str], tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for name in ("one", "two"):
        (pages / f"{name}.md").write_text(f"# {name}\n\nRestart it.\n")
    home = Path(environ["OPSTUI_HOME"])
    home.mkdir()
    (home / "config.toml").write_text(f'[knowledge.mine]\nkind = "folder"\npath = "{pages}"\n')
    assert opstui("knowledge", "index", "--json").json == {"changed": 2, "errors": {}}
    assert opstui("knowledge", "index", "--json").json == {"changed": 0, "errors": {}}
    (pages / "two.md").unlink()
    assert opstui("knowledge", "index", "--json").json == {"changed": 1, "errors": {}}


def test_an_import_names_its_bad_lines_and_keeps_the_good_ones(opstui: Run, tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl"
    good = {
        "key": "A-1",
        "title": "One",
        "body": "b",
        "status": "Weird",
        "severity": "1",
        "created_at": "2026-01-02T03:04:05Z",
    }
    file.write_text(json.dumps(good) + "\nnot json\n" + json.dumps({"body": "no title"}) + "\n")
    done = opstui("ticket", "import", file, "--json")
    assert done.code == 1
    assert done.json["imported"] == 1
    assert [problem["line"] for problem in done.json["errors"]] == [2, 3]
    ticket = opstui("ticket", "show", "local:A-1", "--json").json
    assert ticket["status"] == {"raw": "Weird", "category": "open"}
    assert ticket["created_at"] == "2026-01-02T03:04:05Z"
    file.write_text(json.dumps(good) + "\n")
    assert opstui("ticket", "import", file, "--json").json == {"imported": 0, "skipped": 1, "errors": []}
    file.write_text(json.dumps(good | {"title": "Two"}) + "\n")
    assert opstui("ticket", "import", file).code == 1
    assert opstui("ticket", "import", file, "--update").code == 0


def test_read_only_refuses_every_write(demo: Run, opstui: Run) -> None:
    ref = demo("ticket", "list", "--limit", "1", "--json").json[0]["ref"]
    draft = demo("draft", "new", ref, "--set", "/severity=4", "--json").json
    for words in (
        ("run", "incident-summary", ref),
        ("draft", "new", ref),
        ("draft", "edit", draft["id"], "--set", "/severity=1"),
        ("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"]),
        ("draft", "discard", draft["id"]),
        ("push",),
    ):
        done = opstui("--demo", "--read-only", *words)
        assert (done.code, done.out) == (1, ""), words
        assert "read-only" in done.err
    assert opstui("--demo", "--read-only", "draft", "show", draft["id"], "--json").json == draft
    assert demo("session", "list", "--json").json == []


def test_the_demo_keeps_out_of_your_own_data(demo: Run, opstui: Run, environ: dict[str, str]) -> None:
    assert demo("ticket", "list", "--limit", "1").out
    home = Path(environ["OPSTUI_HOME"])
    assert not (home / "data").exists()
    assert opstui("ticket", "list", "--json").json == []
    shutil.rmtree(home / "demo")


def test_hostile_tickets_come_out_harmless(opstui: Run, tmp_path: Path, shared_data: Path) -> None:
    file = tmp_path / "hostile.jsonl"
    with gzip.open(shared_data / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    texts = [record["text"] for record in records if "text" in record]
    tickets = [
        {"key": f"H-{n}", "title": text[:400] or "-", "body": text, "tags": [text[:40] or "-"]}
        for n, text in enumerate(texts)
    ]
    file.write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets))
    assert opstui("ticket", "import", file, "--json").json["imported"] == len(tickets)
    listed = opstui("ticket", "list", "--json")
    assert len(listed.json) == len(tickets)
    for out in (listed.out, opstui("ticket", "list").out, opstui("ticket", "show", "local:H-5").out):
        assert not [c for c in out if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) <= 0x9F]
    for text in strings(listed.json):
        assert not [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]
