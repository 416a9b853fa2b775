"""What is sent to ServiceNow, in which request, and what is said when it goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opstui.adapters.tickets.servicenow import ServiceNowTickets, connect
from opstui.core.errors import Conflict, CredentialsRefused, RateLimited, Refused, Unreachable
from opstui.core.ports import Update
from opstui.core.tickets import Ticket, TicketRef
from tests.adapters.tickets.fake_servicenow import USER, FakeServiceNow, refusal, sys_id
from tests.adapters.tickets.stand_in import SECRET, FixedClock, Reply, connection_to

OP_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
OTHERS = ["01JABCDEFGHJKMNPQRSTVWXYZ1", "01JABCDEFGHJKMNPQRSTVWXYZ2", "01JABCDEFGHJKMNPQRSTVWXYZ3"]


@pytest.fixture
def now() -> Iterator[FakeServiceNow]:
    with FakeServiceNow() as instance:
        yield instance


@pytest.fixture
def key(now: FakeServiceNow) -> str:
    return now.add_incident()


@asynccontextmanager
async def opened(instance: FakeServiceNow, **parts: Any) -> AsyncIterator[ServiceNowTickets]:
    system = connect(connection_to(instance, name="sn", kind="servicenow", **{"user": USER} | parts))
    try:
        yield system
    finally:
        await system.disconnect()


async def send(system: ServiceNowTickets, key: str, fields: dict[str, Any] | None = None, **parts: Any) -> Ticket:
    """The ticket after the update was sent."""
    given: dict[str, Any] = {"op_id": OP_ID, "expected_version": ""}
    await system.send(Update(**given | parts, ticket=TicketRef("sn", key), fields=fields or {}))
    return await system.ticket(key)


def patched(instance: FakeServiceNow) -> list[dict[str, Any]]:
    """Bodies of the patches that were applied."""
    return [one.json for one in instance.applied if one.method == "PATCH"]


# --- comments


@pytest.mark.parametrize(("public", "column"), [(True, "comments"), (False, "work_notes")])
async def test_who_reads_a_comment_is_its_column(now: FakeServiceNow, key: str, public: bool, column: str) -> None:
    async with opened(now) as system:
        ticket = await send(system, key, {"/status": "In Progress"}, comment="on it", public=public)
    assert patched(now) == [{"state": "2", column: f"on it\n\n[opstui:{OP_ID}]"}]
    last = ticket.timeline[-1]
    assert (last.text, last.visibility.value, last.op_id, ticket.status.raw) == (
        "on it", "public" if public else "internal", OP_ID, "In Progress",
    )  # fmt: skip


@pytest.mark.parametrize("applied", [True, False])
async def test_after_a_cut_line_the_op_id_tells_whether_it_arrived(
    now: FakeServiceNow, key: str, applied: bool
) -> None:
    async with opened(now) as system:
        await system.ticket(key)
        now.cut("PATCH *", applied=applied)
        with pytest.raises(Unreachable) as caught:
            await send(system, key, comment="on it")
        assert caught.value.was_anything_sent
        assert await system.find(key, OP_ID) == (f"{key}#1" if applied else None)


async def test_a_page_in_answer_to_a_write_is_no_proof_of_anything(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        now.answer("PATCH *", Reply.html())
        assert (await send(system, key, comment="on it")).timeline == ()


# --- the op field


async def test_an_update_without_a_comment_is_found_by_its_field(now: FakeServiceNow, key: str) -> None:
    async with opened(now, op_field="correlation_id") as system:
        assert await system.find(key, OP_ID) is None
        await send(system, key, {"/fields/u_service": "Mail"})
        assert await system.find(key, OP_ID) == f"{key}#0"


async def test_the_field_keeps_the_op_ids_of_others(now: FakeServiceNow, key: str) -> None:
    async with opened(now, op_field="correlation_id") as system:
        for op_id in (*OTHERS, OP_ID):
            await send(system, key, {"/fields/u_service": "Mail"}, op_id=op_id)
        assert [await system.find(key, one) is not None for one in (*OTHERS, OP_ID)] == [False, True, True, True]
    assert len(now.tables["incident"][0]["correlation_id"]) <= 100


@pytest.mark.parametrize(("field", "value"), [("correlation_id", "PRB-1 of the other tool"), ("u_not_there", "")])
async def test_a_field_that_is_not_ours_is_left_alone(now: FakeServiceNow, field: str, value: str) -> None:
    key = now.add_incident(correlation_id=value)
    async with opened(now, op_field=field) as system:
        with pytest.raises(Refused, match="op_field"):
            await send(system, key, {"/status": "In Progress"})
    assert patched(now) == []


# --- state


async def test_closing_says_what_else_it_needs_before_anything_is_sent(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        with pytest.raises(Refused, match="/fields/close_code and /fields/close_notes"):
            await send(system, key, {"/status": "Resolved"}, comment="done")
        with pytest.raises(Refused, match="needs /fields/close_notes"):
            await send(system, key, {"/status": "Resolved", "/fields/close_code": "Solved"})
    assert patched(now) == []


async def test_closing_with_what_it_needs_is_done(now: FakeServiceNow, key: str) -> None:
    fields = {
        "/status": "Resolved",
        "/fields/close_code": "Solved (Permanently)",
        "/fields/close_notes": "grew the disk",
    }
    async with opened(now) as system:
        ticket = await send(system, key, fields, comment="done")
    assert (ticket.status.raw, ticket.fields["close_code"], ticket.fields["close_notes"]) == (
        "Resolved", "Solved (Permanently)", "grew the disk",
    )  # fmt: skip
    assert [set(one) for one in patched(now)] == [{"close_code", "close_notes"}, {"state", "work_notes"}]


async def test_a_state_that_does_not_exist_is_refused_with_those_that_do(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        with pytest.raises(Refused, match="there are New, In Progress, On Hold"):
            await send(system, key, {"/status": "Done"})


async def test_a_policy_of_the_instance_is_told_in_its_words(now: FakeServiceNow, key: str) -> None:
    now.answer("PATCH *", refusal("Operation Failed", "Data Policy Exception: Hold reason is mandatory", 403))
    async with opened(now) as system:
        with pytest.raises(Refused, match="Hold reason is mandatory"):
            await send(system, key, {"/status": "On Hold"})


async def test_a_no_after_fields_were_set_says_so(now: FakeServiceNow, key: str) -> None:
    now.answer("PATCH *", refusal("Operation Failed", "not now", 403), skip=1)
    async with opened(now) as system:
        with pytest.raises(Refused, match=r"not now.*but for the fields"):
            await send(system, key, {"/fields/u_service": "Mail"}, comment="x")
        assert (await system.ticket(key)).fields["u_service"] == "Mail"


# --- severity


@pytest.mark.parametrize(
    ("impact", "severity", "columns"),
    [
        ("3", "1", {"impact": "1", "urgency": "1"}), ("3", "2", {"impact": "2", "urgency": "1"}),
        ("2", "2", {"impact": "2", "urgency": "1"}), ("1", "3", {"impact": "1", "urgency": "3"}),
        ("3", "3", {"impact": "3", "urgency": "1"}), ("1", "4", {"impact": "2", "urgency": "3"}),
        ("3", "4", {"impact": "3", "urgency": "2"}), ("", "3", {"impact": "2", "urgency": "2"}),
    ],
)  # fmt: skip
async def test_severity_is_set_by_impact_and_urgency(
    now: FakeServiceNow, impact: str, severity: str, columns: dict[str, str]
) -> None:
    key = now.add_incident(impact=impact)
    async with opened(now) as system:
        assert (await send(system, key, {"/severity": severity})).severity == severity
    assert patched(now) == [columns]


async def test_severity_is_set_in_a_column_of_its_own_where_there_is_one(now: FakeServiceNow, key: str) -> None:
    async with opened(now, options={"severity_field": "severity"}, severity={"3 - low": "4"}) as system:
        assert (await send(system, key, {"/severity": "2"})).severity == "2"
        assert (await send(system, key, {"/severity": "4"})).severity == "4"
    assert patched(now) == [{"severity": "2"}, {"severity": "3"}]


async def test_severity_is_told_and_set_in_every_language(now: FakeServiceNow, key: str) -> None:
    now.tables["sys_choice"] = [one for one in now.tables["sys_choice"] if one["element"] != "priority"]
    for value, label in {"1": "1 - Kritisch", "2": "2 - Hoch", "3": "3 - Mittel", "5": "5 - Planung"}.items():
        now.add_choice("priority", value, label, language="de")
    async with opened(now) as system:
        assert (await system.ticket(key)).severity == "4"
        ticket = await send(system, key, {"/severity": "2"})
    assert (ticket.severity, ticket.priority) == ("2", "2 - Hoch")


async def test_a_severity_that_no_word_means_is_refused(now: FakeServiceNow, key: str) -> None:
    now.tables["sys_choice"] = [one for one in now.tables["sys_choice"] if one["element"] != "priority"]
    now.add_choice("priority", "17", "Bad")
    async with opened(now) as system:
        with pytest.raises(Refused, match="none of Bad means severity 1"):
            await send(system, key, {"/severity": "1"})


# --- other columns


@pytest.mark.parametrize(
    ("column", "shown", "kept"),
    [
        ("u_service", "Mail", "mail"),
        ("u_reviewer", "Bo", sys_id("bo")),
        ("u_started", "11/20/2026 01:00:00 AM", "2026-11-20 09:00:00"),
        ("category", "network", "network"),
    ],
)
async def test_a_column_is_set_to_what_people_see(
    now: FakeServiceNow, key: str, column: str, shown: str, kept: str
) -> None:
    async with opened(now) as system:
        assert (await send(system, key, {f"/fields/{column}": shown})).fields[column] == shown
        assert now.tables["incident"][0][column] == kept
        assert column not in (await send(system, key, {f"/fields/{column}": None})).fields


@pytest.mark.parametrize("name", ["u_not_there", "sys_mod_count", "", "u_service&x=1", "Service"])
async def test_a_column_that_the_instance_would_ignore_is_refused(now: FakeServiceNow, key: str, name: str) -> None:
    async with opened(now) as system:
        with pytest.raises(Refused, match="there is no field"):
            await send(system, key, {f"/fields/{name}": "x"})


async def test_who_has_it_is_found_by_the_name_that_tickets_show(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        assert (await send(system, key, {"/assignee": ["Bo"]})).assignees == ("Bo",)
        assert (await send(system, key, {"/assignee": []})).assignees == ()
        for name in ("BO", "bo@example.com", "sam1"):
            with pytest.raises(Refused, match=r"as it is shown there: (Bo|Sam Lee)"):
                await send(system, key, {"/assignee": [name]})
        assert (await send(system, key, {"/team": "dba"})).team == "dba"
        assert (await send(system, key, {"/team": None})).team is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"/assignee": ["Sam Lee"]}, "more than one user"),
        ({"/assignee": ["Zoe"]}, "no user 'Zoe'"),
        ({"/assignee": ["Bo^ORname=Ana"]}, "can't be looked for"),
        ({"/assignee": ["javascript:gs.getUserID()"]}, "can't be looked for"),
        ({"/assignee": ["Ana", "Bo"]}, "one assignee"),
        ({"/team": "nobody's"}, "no group"),
        ({"/fields/u_service": "mail"}, "it can be Name service, Mail"),
    ],
)
async def test_whoever_is_not_to_be_found_is_refused_before_anything_is_sent(
    now: FakeServiceNow, key: str, fields: dict[str, Any], words: str
) -> None:
    async with opened(now) as system:
        with pytest.raises(Refused, match=words) as caught:
            await send(system, key, fields, comment="x")
    assert "othing was sent" in str(caught.value)
    assert patched(now) == []


# --- others, files, limits


async def test_a_change_since_the_last_look_is_a_conflict(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        version = (await system.ticket(key)).version
        now.comment(key, "me too")
        with pytest.raises(Conflict):
            await send(system, key, comment="on it", expected_version=version)
        assert patched(now) == []
        version = (await system.ticket(key)).version
        await send(system, key, comment="on it", expected_version=version)
        assert len(patched(now)) == 1


async def test_files_are_sent_one_by_one_with_their_bytes_and_names(now: FakeServiceNow, key: str) -> None:
    files = (("größe & 日本.txt", b"\x00\r\n--x\r\n"), ("a.md", b"# one"))
    async with opened(now) as system:
        before = (await system.ticket(key)).version
        ticket = await send(system, key, attachments=files)
    assert [(one.name, one.size) for one in ticket.attachments] == [("größe & 日本.txt", 8), ("a.md", 5)]
    assert list(now.files.values()) == [content for _, content in files]
    assert ticket.version != before


async def test_a_no_after_a_file_was_sent_says_so(now: FakeServiceNow, key: str) -> None:
    now.answer("POST */file", refusal("Operation Failed", "too large", 403), skip=1)
    async with opened(now) as system:
        with pytest.raises(Refused, match=r"too large.*but for the files"):
            await send(system, key, attachments=(("a", b"1"), ("b", b"2")))
        assert [one.name for one in (await system.ticket(key)).attachments] == ["a"]


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("PATCH *", {"comment": "x"}),
    ("POST */file", {"attachments": (("a", b"b"),)}),
]


@pytest.mark.parametrize(("on", "parts"), STEPS)
async def test_a_rate_limit_is_told_with_its_pause(
    now: FakeServiceNow, key: str, on: str, parts: dict[str, Any]
) -> None:
    clock = FixedClock()
    async with opened(now, clock=clock) as system:
        now.limit(on, retry_after="7", X_RateLimit_Limit="100", X_RateLimit_Rule=sys_id("rule"))
        with pytest.raises(RateLimited) as caught:
            await send(system, key, **parts)
        assert (caught.value.retry_after, caught.value.was_anything_sent) == (7, False)
        assert not now.files
        clock.forward(8)
        ticket = await send(system, key, **parts)
        assert len(ticket.timeline) + len(ticket.attachments) == 1


@pytest.mark.parametrize(("on", "parts"), STEPS)
@pytest.mark.parametrize(("status", "sent"), [(500, True), (502, True), (504, True), (503, False)])
async def test_an_instance_in_trouble_leaves_open_what_it_did(
    now: FakeServiceNow, key: str, on: str, parts: dict[str, Any], status: int, sent: bool
) -> None:
    async with opened(now) as system:
        now.answer(on, Reply(status))
        with pytest.raises(Unreachable) as caught:
            await send(system, key, **parts)
        assert caught.value.was_anything_sent is sent


@pytest.mark.parametrize(("on", "parts"), STEPS)
@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialsRefused), (403, Refused), (404, Refused), (400, Refused)]
)
async def test_a_no_is_told_as_what_it_is(
    now: FakeServiceNow, key: str, on: str, parts: dict[str, Any], status: int, error: type[Exception]
) -> None:
    async with opened(now) as system:
        now.answer(on, refusal("no", f"\x1b[31m{SECRET}", status))
        with pytest.raises(error) as caught:
            await send(system, key, **parts)
        assert str(caught.value).startswith("sn: ")
        assert SECRET not in str(caught.value)
        assert "\x1b" not in str(caught.value)
