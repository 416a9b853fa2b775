"""The JSON that other programs rely on: exactly these names, these kinds of value."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from opstui.core.approval import payload
from opstui.core.codec import encode
from opstui.core.desk import AuditHealth, ImportReport, LedgerLine, Review, ShiftView, TicketView
from opstui.core.documents import Finding
from opstui.core.drafts import Draft, DraftOp, DraftState, FileRef, OpKind, Origin, PushRecord, PushStep, StepState
from opstui.core.knowledge import Hit, Strength
from opstui.core.ports import Capabilities, Probe
from opstui.core.queues import Health, QueueState
from opstui.core.sessions import AgentState, Cost, Session, SessionEvent, SessionStatus, Usage
from opstui.core.shifts import Shift
from opstui.core.text import SafeText
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
    TimelineEntry,
    Visibility,
)
from opstui.exports import shapes
from opstui.exports.costs import HEADER, cost_csv
from opstui.exports.transcripts import fenced, transcript, transcript_markdown
from opstui.exports.writing import csv_text, json_line, json_text, printable

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REF = TicketRef("local", "A-1")


def session(**more: Any) -> Session:
    given: dict[str, Any] = {
        "id": "S",
        "workflow": "incident-summary",
        "workflow_version": "v",
        "ticket": REF,
        "ticket_version": "1",
        "runtime": "offline",
        "runtime_kind": "extractive",
        "operator": "alex",
        "shift": "x",
        "created_at": NOON,
    }
    return Session(**given | more)


def test_queue() -> None:
    state = QueueState(name="Q", system="rt", state=Health.OFFLINE, open=3, fetched_at=NOON, error=SafeText("gone"))
    shape = shapes.queue(state)
    assert shape["state"] == "offline"
    assert shape["fetched_at"] == "2026-11-20T12:00:00Z"
    assert {"name", "system", "state", "open", "fetched_at", "error"} <= set(shape)


def test_ticket() -> None:
    entry = TimelineEntry("A-1#1", NOON, SafeText("dana"), EntryKind.COMMENT, Visibility.INTERNAL, SafeText("text"))
    found = Ticket(
        ref=REF,
        title=SafeText("T"),
        status=Status(SafeText("investigating"), StatusCategory.OPEN),
        severity="1",
        created_at=NOON,
        updated_at=NOON,
        version="7",
        body=SafeText("b"),
        timeline=(entry,),
    )
    view = TicketView(
        ticket=found, state="live", error=None, fetched_at=NOON, sessions=(), drafts=(), capabilities=Capabilities()
    )
    shape = shapes.ticket(view)
    assert set(shape) >= {
        "ref",
        "title",
        "body",
        "status",
        "severity",
        "priority",
        "assignees",
        "team",
        "services",
        "tags",
        "fields",
        "created_at",
        "updated_at",
        "due_at",
        "url",
        "version",
        "state",
        "error",
        "fetched_at",
        "timeline",
    }
    assert shape["ref"] == "local:A-1"
    assert shape["status"] == {"raw": "investigating", "category": "open"}
    assert shape["timeline"] == [
        {
            "id": "A-1#1",
            "at": "2026-11-20T12:00:00Z",
            "author": "dana",
            "kind": "comment",
            "visibility": "internal",
            "text": "text",
        }
    ]


def test_cost_is_exact_decimal_strings() -> None:
    spent = Cost(estimate=86_600, reported=90_000, usage=Usage(input_tokens=5, running_ms=1250), budget=1_000_000)
    assert shapes.cost(spent) == {
        "estimate": "0.0866",
        "reported": "0.09",
        "shown": "0.1766",
        "input_tokens": 5,
        "output_tokens": 0,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "running_seconds": 1.25,
        "budget": "1.00",
        "unknown_model": False,
    }
    assert shapes.money(1) == "0.000001"
    assert shapes.money(None) is None


def test_a_stretch_of_running_that_is_open_is_in_the_cost_of_a_moment() -> None:
    spent = Cost(estimate=10_000, usage=Usage(running_ms=1_000), running_since=NOON, hour=80_000)
    at = NOON + timedelta(minutes=45)
    assert shapes.cost(spent)["running_seconds"] == 1.0
    shape = shapes.session(session(cost=spent), at)["cost"]
    assert (shape["estimate"], shape["shown"], shape["running_seconds"]) == ("0.07", "0.07", 2701.0)
    event = SessionEvent(session="S", seq=1, remote_id="1", at=at, type="usage", data={"cost": encode(spent)})
    assert shapes.event(event, session())["cost"]["estimate"] == "0.07"


def test_an_agent_is_told_with_its_version() -> None:
    state = AgentState(runtime="managed", workflow="triage", version="ab12", state="outdated", remote_version=3)
    assert shapes.agent(state) == {
        "runtime": "managed", "workflow": "triage", "version": "ab12", "state": "outdated", "remote_id": None,
        "remote_version": 3, "text": "",
    }  # fmt: skip


def test_a_session_that_only_waits_began_when_it_was_made() -> None:
    shape = shapes.session(session())
    assert shape["started_at"] == "2026-11-20T12:00:00Z"
    assert set(shape) >= {
        "id",
        "workflow",
        "ticket",
        "runtime",
        "model",
        "status",
        "stop_reason",
        "started_at",
        "ended_at",
        "operator",
        "cost",
        "document",
        "draft",
        "remote_id",
    }


def test_events_carry_their_own_keys_beside_type_and_time() -> None:
    def event(kind: str, **data: Any) -> dict[str, Any]:
        return shapes.event(SessionEvent(session="S", seq=1, remote_id="1", at=NOON, type=kind, data=data), run)

    run = session(status=SessionStatus.ENDED, draft="D", document={"a": 1}, ended_at=NOON)
    assert event("text", text="t") == {"type": "text", "at": "2026-11-20T12:00:00Z", "id": "1", "text": "t"}
    preview = shapes.preview("text:1", "t", NOON)
    assert preview == {"type": "text", "at": "2026-11-20T12:00:00Z", "id": "1", "text": "t", "partial": True}
    assert event("usage", cost=encode(Cost(estimate=1_000)))["cost"]["estimate"] == "0.001"
    started = event("session.started")["session"]
    assert (started["status"], started["document"], started["draft"]) == ("starting", None, None)
    assert event("session.ended")["session"]["draft"] == "D"


def review(draft: Draft, **more: Any) -> Review:
    given: dict[str, Any] = {
        "draft": draft,
        "rows": (),
        "findings": (),
        "claims": (),
        "claims_ok": 0,
        "base_version": "1",
        "now_version": "1",
        "overlaps": (),
        "audience": "",
        "tells": (),
        "fingerprint": "f" * 64,
        "files": (),
    }
    return Review(**given | more)


def draft(*ops: DraftOp, **more: Any) -> Draft:
    given: dict[str, Any] = {
        "id": "D",
        "ticket": REF,
        "state": DraftState.PROPOSED,
        "rev": 2,
        "base_version": "1",
        "base": {},
        "ops": ops,
        "op_id": "O",
        "operator": "alex",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Draft(**given | more)


def test_operations_of_a_draft() -> None:
    shape = shapes.draft(
        review(
            draft(
                DraftOp(op=OpKind.SET, path="/assignee", before=("dana",), to=("alex", "lena")),
                DraftOp(
                    op=OpKind.COMMENT, path="/comment", to="c", visibility=Visibility.PUBLIC, origin=Origin.AGENT_EDITED
                ),
                DraftOp(op=OpKind.ATTACH, path="/attachments", file=FileRef("f.txt", 3, "a" * 64)),
            ),
            findings=(Finding(id="M1:c2", level="block", text="no such line"),),
            fingerprint=None,
        )
    )
    assert shape["ops"] == [
        {"op": "set", "path": "/assignee", "from": ["dana"], "to": ["alex", "lena"], "origin": "operator"},
        {
            "op": "comment",
            "path": "/comment",
            "from": None,
            "to": "c",
            "origin": "agent_edited",
            "visibility": "public",
        },
        {
            "op": "attach",
            "path": "/attachments",
            "from": None,
            "origin": "operator",
            "to": {"name": "f.txt", "size": 3, "sha256": "a" * 64},
        },
    ]
    assert shape["checks"] == [{"id": "M1:c2", "level": "block", "text": "no such line", "overridden": None}]
    assert shape["fingerprint"] is None


def test_an_approved_draft_shows_the_fingerprint_that_was_approved() -> None:
    approved = draft(state=DraftState.APPROVED, fingerprint="a" * 64)
    assert shapes.draft(review(approved))["fingerprint"] == "a" * 64
    assert shapes.draft(review(draft(state=DraftState.EDITED, fingerprint="a" * 64)))["fingerprint"] == "f" * 64


def test_the_small_ones() -> None:
    hit = Hit("r/A", SafeText("A"), 1.23456, 1, 2, SafeText("x"), Strength.WEAK)
    assert shapes.hit(hit) == {
        "doc": "r/A",
        "title": "A",
        "score": 1.2346,
        "line_start": 1,
        "line_end": 2,
        "text": "x",
        "strength": "weak",
    }
    record = PushRecord(
        id="P",
        draft="D",
        system="local",
        ticket=REF,
        payload=b"",
        fingerprint="f",
        step=StepState.VERIFIED,
        attempts=2,
        approved_at=NOON,
        expires_at=NOON,
        remote_id="A-1#4",
        overlaps=({"id": "A-1#3"},),
        already=("/severity",),
    )
    assert shapes.push(record, draft(state=DraftState.PUSHED)) == {
        "draft": "D",
        "ticket": "local:A-1",
        "state": "pushed",
        "attempts": 2,
        "remote_id": "A-1#4",
        "overlaps": [{"id": "A-1#3"}],
        "already": ["/severity"],
        "notes": [],
        "steps": [],
        "error": None,
    }


def test_a_push_tells_its_steps_by_the_approved_bytes_and_not_by_the_draft_of_now() -> None:
    made = draft(
        state=DraftState.NEEDS_HUMAN,
        ops=(
            DraftOp(op=OpKind.SET, path="/status", before="open", to="resolved"),
            DraftOp(op=OpKind.COMMENT, path="/comment", to="done", visibility=Visibility.INTERNAL),
        ),
    )
    record = PushRecord(
        id="P", draft="D", system="local", ticket=REF, payload=payload(made, origin="local:x", files={}),
        fingerprint="f", step=StepState.UNKNOWN, at=1, attempts=3, approved_at=NOON, expires_at=NOON,
        steps=(
            PushStep(ops=(1,), op_id="P", attempts=1, remote_id="A-1#4"), PushStep(ops=(0,), op_id="P1", attempts=2),
        ),
    )  # fmt: skip
    assert shapes.push(record, replace(made, ops=()))["steps"] == [
        {"what": ["/comment"], "state": "verified", "attempts": 1, "remote_id": "A-1#4"},
        {"what": ["/status"], "state": "unknown", "attempts": 2, "remote_id": None},
    ]
    assert shapes.import_report(ImportReport(imported=1, skipped=2, errors=((3, "bad"),))) == {
        "imported": 1,
        "skipped": 2,
        "errors": [{"line": 3, "error": "bad"}],
    }
    health = shapes.audit_health(AuditHealth(ok=False, rows=4, first_broken=2, reason="changed"))
    assert (health["ok"], health["rows"], health["first_broken"]) == (False, 4, 2)
    assert shapes.probe(Probe("a", "warn", "b", "c")) == {"check": "a", "state": "warn", "text": "b", "fix": "c"}


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_goes_in_no_control_character_comes_out_escaped_or_not(value: Any) -> None:
    for written in (json_line(value), json_text(value)):
        text = written.decode("utf-8")
        assert not [c for c in text if (ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) <= 0x9F]

        def check(item: Any) -> None:
            if isinstance(item, str):
                assert not [c for c in item if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) <= 0x9F]
            elif isinstance(item, dict):
                for key, inner in item.items():
                    check(key)
                    check(inner)
            elif isinstance(item, list):
                for inner in item:
                    check(inner)

        check(json.loads(text))


def test_clean_text_is_written_as_it_is() -> None:
    assert json.loads(json_line({"a": "é ✓ \n\t 日本"})) == {"a": "é ✓ \n\t 日本"}
    assert printable(("a", {"b\x1b": 1})) == ["a", {"b␛": 1}]


def test_json_never_holds_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        json_line(float("nan"))


def test_csv_is_quoted_and_no_cell_is_a_formula() -> None:
    text = csv_text(("a", "b"), [('x,"y"\nz', "=1+1"), ("-5", "-SUM(A1)"), ("@x", None)]).decode()
    assert text == 'a,b\r\n"x,""y""\nz",\'=1+1\r\n-5,\'-SUM(A1)\r\n\'@x,\r\n'


def shift_view() -> ShiftView:
    line = LedgerLine(label="=cmd", sessions=1, running_ms=1500, tokens=9, estimate=86_600, reported=None)
    return ShiftView(
        shift=Shift(NOON, NOON.replace(hour=20), "Day"),
        current=True,
        operators=("alex",),
        total=line,
        limit=25_000_000,
        forecast=None,
        by={"workflow": (line,), "ticket": (line,)},
        sessions=(session(),),
        verdicts={"S": "accepted"},
    )


def test_costs_as_csv_have_a_header_a_currency_and_the_total_last() -> None:
    rows = [row.split(",") for row in cost_csv(shift_view(), "workflow").decode().split("\r\n")]
    assert rows[0] == list(HEADER)
    assert rows[1][2:] == ["workflow", "'=cmd", "1", "1.500", "9", "0.0866", "", "USD"]
    assert rows[2][2] == "total"
    assert len(rows) == 4


def test_costs_as_json_name_the_verdict_of_each_session() -> None:
    shape = shapes.shift_cost(shift_view())
    assert shape["limit"] == "25.00"
    assert shape["sessions"][0]["verdict"] == "accepted"
    assert set(shape["by"]) == {"workflow", "ticket"}


def test_a_transcript_keeps_foreign_text_inside_its_fence() -> None:
    text = "```\n# not a heading\n````"
    event = SessionEvent(session="S", seq=1, remote_id="1", at=NOON, type="text", data={"text": text})
    lines = transcript_markdown(session(), [event], None).splitlines()
    assert lines.count("`````") == 2
    assert fenced("a")[0] == "```"
    assert transcript(session(), [event])["events"][0]["text"] == text


def test_times_sort_as_text() -> None:
    written = [
        shapes.when(NOON + timedelta(microseconds=count)) for count in (0, 1, 570, 57_370, 57_371, 500_000, 999_999)
    ]
    assert written[:4] == [
        "2026-11-20T12:00:00Z", "2026-11-20T12:00:00.000001Z", "2026-11-20T12:00:00.000570Z",
        "2026-11-20T12:00:00.057370Z",
    ]  # fmt: skip
    assert written[5] == "2026-11-20T12:00:00.500000Z"
    assert written[1:] == sorted(str(text) for text in written[1:])
