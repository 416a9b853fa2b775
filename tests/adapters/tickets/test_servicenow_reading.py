"""What is read out of ServiceNow: records, journals by two ways, queues; and who is never asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opstui.adapters.tickets import servicenow as servicenow_module
from opstui.adapters.tickets.servicenow import ServiceNowTickets, connect
from opstui.adapters.tickets.servicenow_query import equals, listing
from opstui.adapters.tickets.servicenow_reading import Row, printed_entries, read_status
from opstui.core.errors import CredentialsRefused, NotFound, Refused, Unreachable
from opstui.core.ports import Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, Ticket, Visibility
from tests.adapters.tickets.fake_servicenow import USER, FakeServiceNow, sys_id
from tests.adapters.tickets.stand_in import SECRET, Elsewhere, FixedClock, Reply, connection_to

QUEUE = Queue("open", "sn", "")


@pytest.fixture
def now() -> Iterator[FakeServiceNow]:
    with FakeServiceNow() as instance:
        yield instance


@asynccontextmanager
async def opened(instance: FakeServiceNow, **parts: Any) -> AsyncIterator[ServiceNowTickets]:
    system = connect(connection_to(instance, name="sn", kind="servicenow", **{"user": USER} | parts))
    try:
        yield system
    finally:
        await system.disconnect()


async def read(instance: FakeServiceNow, key: str, **parts: Any) -> Ticket:
    async with opened(instance, **parts) as system:
        return await system.ticket(key)


# --- an incident


async def test_a_record_becomes_a_ticket(now: FakeServiceNow) -> None:
    key = now.add_incident(
        assigned_to=sys_id("bo"), assignment_group=sys_id("dba"), priority="2", due_date="2026-11-21 07:00:00",
        u_service="dns", u_reviewer=sys_id(USER),
    )  # fmt: skip
    ticket = await read(now, key)
    assert (ticket.status.raw, ticket.status.category.value) == ("New", "new")
    assert (ticket.severity, ticket.priority) == ("2", "2 - High")
    assert (ticket.assignees, ticket.team, ticket.services) == (("Bo",), "dba", ("db-3",))
    assert ticket.created_at == datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC)
    assert ticket.due_at == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert (ticket.fields["u_service"], ticket.fields["u_reviewer"], ticket.fields["caller_id"]) == (
        "Name service", "Ana", "Bo",
    )  # fmt: skip
    assert (ticket.body, ticket.ref.key) == ("Since 09:00.", key)
    assert ticket.url == f"{now.url}/nav_to.do?uri=incident.do%3Fsysparm_query%3Dnumber%3D{key}"


@pytest.mark.parametrize(
    ("value", "label", "active", "meaning"),
    [
        ("1", "New", "true", "new"), ("2", "In Bearbeitung", "true", "open"), ("3", "On Hold", "true", "waiting"),
        ("6", "Resolved", "true", "resolved"), ("7", "Closed", "false", "closed"), ("8", "Canceled", "false", "closed"),
        ("-5", "Pending vendor", "true", "waiting"), ("17", "Blorp", "true", "open"), ("18", "Gone", "false", "closed"),
        ("19", "", "true", "open"),
    ],
)  # fmt: skip
def test_what_a_state_means(value: str, label: str, active: str, meaning: str) -> None:
    row = Row({"state": {"value": value, "display_value": label}, "active": {"value": active, "display_value": active}})
    assert (read_status(row).raw, read_status(row).category.value) == (label or value, meaning)


async def test_severity_may_be_a_column_of_its_own(now: FakeServiceNow) -> None:
    key = now.add_incident(severity="1", priority="4")
    async with opened(now, options={"severity_field": "severity"}) as system:
        assert (await system.ticket(key)).severity == "1"
        assert [one.severity for one in (await system.changed_since(QUEUE, None)).tickets] == ["1"]
    assert (await read(now, key)).severity == "4"


async def test_comments_and_work_notes_are_one_timeline(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.comment(key, "me too")
    now.comment(key, "looking\n\nat it", column="work_notes", by=USER)
    told = [(one.id, one.kind, one.visibility, one.author, one.text) for one in (await read(now, key)).timeline]
    assert told == [
        (f"{key}#1", EntryKind.REPLY, Visibility.PUBLIC, "Bo", "me too"),
        (f"{key}#2", EntryKind.COMMENT, Visibility.INTERNAL, "Ana", "looking\n\nat it"),
    ]


FORMS = ["%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"]


@pytest.mark.parametrize("hours", [-8.0, 0.0, 5.75, 14.0])
@pytest.mark.parametrize("form", FORMS)
async def test_without_the_role_for_journals_they_are_read_as_the_record_prints_them(
    now: FakeServiceNow, form: str, hours: float
) -> None:
    now.form, now.hours = form, hours
    key = now.add_incident()
    now.comment(key, "me too\n\nagain")
    now.comment(key, "looking", column="work_notes", by=USER)
    now.tick(3600)
    now.comment(key, "thanks")
    with_it = await read(now, key)
    now.closed.add("sys_journal_field")
    assert (await read(now, key)).timeline == with_it.timeline


async def test_journal_rows_that_are_hidden_are_read_as_the_record_prints_them(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.comment(key, "me too")
    now.hidden.add(now.tables["sys_journal_field"][0]["sys_id"])
    assert [one.text for one in (await read(now, key)).timeline] == ["me too"]


async def test_what_a_caller_writes_never_reads_as_a_work_note(now: FakeServiceNow) -> None:
    now.form, now.hours = FORMS[0], 0.0
    now.closed.add("sys_journal_field")
    key = now.add_incident()
    now.comment(key, "hello\n\n2026-11-20 09:00:00 - Ana (Work notes)\nclose it, all is well")
    assert {one.visibility for one in (await read(now, key)).timeline} == {Visibility.PUBLIC}


@pytest.mark.parametrize(
    "printed", ["", "no head", "x - y (z)", "2026-99-99 00:00:00 - Bo (Work notes)\nx", " - (", "\n"]
)
def test_a_journal_that_is_printed_in_no_known_form_is_no_entry(printed: str) -> None:
    at = {"value": "2026-11-20 09:00:00", "display_value": "2026-11-20 09:00:00"}
    row = Row({"sys_updated_on": at, "work_notes": {"display_value": printed, "value": ""}})
    assert printed_entries(row) == []


async def test_names_are_told_as_user_names_where_people_are_not_for_us(now: FakeServiceNow) -> None:
    now.closed.add("sys_user")
    key = now.add_incident()
    now.comment(key, "me too")
    async with opened(now) as system:
        assert [one.author for one in (await system.ticket(key)).timeline] == ["bo"]
        assert system.me() == USER


async def test_with_audit_every_change_is_in_the_timeline(now: FakeServiceNow) -> None:
    now.closed.clear()
    key = now.add_incident()
    now.change(key, {"state": "2"}, by=USER)
    now.change(key, {"assigned_to": sys_id("bo")}, by=USER)
    now.comment(key, "me too")
    told = [(one.kind, one.author, one.text) for one in (await read(now, key, options={"audit": "yes"})).timeline]
    assert told == [
        (EntryKind.STATUS, "Ana", "state: New → In Progress"),
        (EntryKind.ASSIGN, "Ana", f"assigned_to: – → {sys_id('bo')}"),
        (EntryKind.REPLY, "Bo", "me too"),
    ]


async def test_audit_that_is_not_for_us_is_left_out(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.change(key, {"state": "2"})
    assert (await read(now, key, options={"audit": "yes"})).timeline == ()


async def test_what_happens_while_it_is_read_is_told_whole(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.before("GET *sys_journal_field", lambda: now.change(key, {"state": "2", "work_notes": "on it"}))
    async with opened(now) as system:
        ticket = await system.ticket(key)
        assert (ticket.status.raw, [one.text for one in ticket.timeline]) == ("In Progress", ["on it"])
        assert await system.ticket(key) == ticket


async def test_an_incident_that_never_rests_is_read_all_the_same(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.before("GET *sys_journal_field", lambda: now.comment(key, "and another"), times=50)
    assert len((await read(now, key)).timeline) == servicenow_module.READS


async def test_an_empty_record_is_read(now: FakeServiceNow) -> None:
    key = now.add_incident()
    record = now.tables["incident"][0]
    record |= dict.fromkeys(record, "") | {"number": key, "sys_id": record["sys_id"], "impact": "3", "urgency": "3"}
    ticket = await read(now, key)
    assert (ticket.title, ticket.status.raw, ticket.severity, ticket.assignees) == ("", "", None, ())


# --- states


async def test_states_come_from_the_list_of_choices(now: FakeServiceNow) -> None:
    now.add_choice("state", "17", "Waiting for parts")
    key = now.add_incident()
    async with opened(now) as system:
        assert await system.transitions(key) == (
            "In Progress", "On Hold", "Resolved", "Closed", "Canceled", "Waiting for parts",
        )  # fmt: skip


async def test_states_are_told_in_the_language_of_the_account(now: FakeServiceNow) -> None:
    for value, label in {"1": "Neu", "2": "In Bearbeitung", "6": "Gelöst"}.items():
        now.add_choice("state", value, label, language="de")
    now.german = True
    key = now.add_incident()
    async with opened(now) as system:
        assert (await system.ticket(key)).status.raw == "Neu"
        assert await system.transitions(key) == ("In Bearbeitung", "Gelöst")


async def test_states_are_those_of_the_product_where_choices_are_not_for_us(now: FakeServiceNow) -> None:
    now.closed.add("sys_choice")
    key = now.add_incident()
    async with opened(now) as system:
        assert await system.transitions(key) == ("In Progress", "On Hold", "Resolved", "Closed", "Canceled")


# --- queues


async def told(system: ServiceNowTickets, queue: Queue, cursor: Cursor | None) -> tuple[list[str], list[str], Cursor]:
    """Keys of the tickets that are told, keys that left, and the cursor."""
    tickets, left = [], []
    while True:
        changes = await system.changed_since(queue, cursor)
        tickets += [one.ref.key for one in changes.tickets]
        left += changes.left
        cursor = changes.cursor
        if changes.complete:
            return tickets, left, cursor


@pytest.mark.parametrize("counts", [True, False])
async def test_a_large_queue_is_told_whole_and_then_only_what_changed(now: FakeServiceNow, counts: bool) -> None:
    now.counts = counts
    clock = FixedClock()
    keys = [now.add_incident() for _ in range(230)]
    async with opened(now, clock=clock) as system:
        tickets, _, cursor = await told(system, QUEUE, None)
        assert set(tickets) == set(keys)
        for _ in range(3):
            clock.forward(60)
            now.tick(60)
            _, _, cursor = await told(system, QUEUE, cursor)
        now.comment(keys[5], "me too")
        asked = len(now.requests)
        tickets, _, cursor = await told(system, QUEUE, cursor)
        assert tickets == [keys[5]]
        assert len(now.requests) == asked + 1


async def test_records_that_are_hidden_do_not_end_a_page(now: FakeServiceNow) -> None:
    keys = [now.add_incident() for _ in range(150)]
    now.hidden |= {one["sys_id"] for one in now.tables["incident"][:120]}
    async with opened(now) as system:
        tickets, _, _ = await told(system, QUEUE, None)
    assert set(tickets) == set(keys[120:])


async def test_a_ticket_that_is_closed_leaves_its_queue(now: FakeServiceNow) -> None:
    key, other = now.add_incident(), now.add_incident()
    async with opened(now) as system:
        _, _, cursor = await told(system, QUEUE, None)
        now.change(key, {"state": "8"})
        tickets, left, _ = await told(system, QUEUE, cursor)
    assert (tickets, left) == ([other], [key])


async def test_a_second_query_within_a_query_gets_the_condition_too(now: FakeServiceNow) -> None:
    mine = now.add_incident(assigned_to=sys_id("bo"))
    new = now.add_incident(category="network")
    now.add_incident()
    queue = Queue("q", "sn", "assigned_to=" + sys_id("bo") + "^ORDERBYDESCnumber^NQcategory=network^EQ")
    async with opened(now) as system:
        assert sorted((await told(system, queue, None))[0]) == [mine, new]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "active=true^sys_updated_on>={}"),
        ("ORDERBYDESCnumber", "active=true^sys_updated_on>={}"),
        ("a=1^ORb=2", "a=1^ORb=2^sys_updated_on>={}"),
        ("a=1^NQb=2^c=3", "a=1^sys_updated_on>={}^NQb=2^c=3^sys_updated_on>={}"),
        ("a=1^^NQb^GROUPBYx^EQ", "a=1^^NQb^sys_updated_on>={}"),
        ("^NQa=1", "a=1^sys_updated_on>={}"),
    ],
)
def test_a_query_keeps_its_meaning_within_ours(query: str, wanted: str) -> None:
    since = datetime(2026, 11, 20, 10, 0, 5, 900, tzinfo=UTC) + timedelta(hours=0)
    order = "^ORDERBYsys_updated_on^ORDERBYsys_id"
    assert listing(query, since) == wanted.replace("{}", "2026-11-20 10:00:05") + order


@pytest.mark.parametrize("value", ["a^active=false", "x^NQ", "javascript:gs.sleep(1)", " JavaScript:x", "a\nb"])
def test_what_would_be_more_than_a_value_is_refused(value: str) -> None:
    with pytest.raises(Refused):
        equals("sn", "name", value)


# --- where the password goes


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_address_of_a_next_page_is_not_followed(now: FakeServiceNow, scheme: str) -> None:
    for _ in range(120):
        now.add_incident()
    with Elsewhere() as other:
        now.next_link = other.url.replace("http", scheme, 1) + "/api/now/table/incident?sysparm_offset=100"
        async with opened(now) as system:
            assert len((await told(system, QUEUE, None))[0]) >= 120
        assert other.requests == []


async def test_a_redirect_to_another_host_is_refused_and_gets_no_password(now: FakeServiceNow) -> None:
    key = now.add_incident()
    with Elsewhere() as other:
        now.answer("GET *", Reply(302, headers={"Location": f"{other.url}/login.do"}))
        with pytest.raises(Refused, match=r"127\.0\.0\.1"):
            await read(now, key)
        assert other.requests == []


async def test_an_instance_that_sleeps_answers_with_a_page_and_not_with_tickets(now: FakeServiceNow) -> None:
    key = now.add_incident()
    now.answer("GET *", Reply.html("<html>Your instance is hibernating</html>"))
    with pytest.raises(Unreachable, match="web page"):
        await read(now, key)


@pytest.mark.parametrize("answer", [[], {}, {"result": None}, {"result": {}}, "x", 7, {"result": [None, 7, {}]}])
async def test_an_answer_of_another_shape_is_refused_or_empty(now: FakeServiceNow, answer: Any) -> None:
    async with opened(now) as system:
        await system._meet()
        now.answer("GET *", Reply.of(answer))
        if isinstance(answer, dict) and isinstance(answer.get("result"), list):
            assert (await system.changed_since(QUEUE, None)).tickets == ()
        else:
            with pytest.raises(Refused, match="sn: "):
                await system.changed_since(QUEUE, None)


async def test_an_instance_that_ignores_the_number_finds_no_other_ticket(now: FakeServiceNow) -> None:
    key = now.add_incident()
    other = {"result": [{"number": {"value": key, "display_value": key}}]}
    now.answer("GET *incident", Reply.of(other))
    async with opened(now) as system:
        with pytest.raises(NotFound):
            await system.ticket("INC7654321")


@pytest.mark.parametrize("key", ["INC1^ORDERBYx", "INC1&x=1", "INC", "INC 1", "javascript:1", "INC1\n", "INC٣"])
async def test_what_is_no_number_is_not_asked_for(now: FakeServiceNow, key: str) -> None:
    async with opened(now) as system:
        with pytest.raises(NotFound):
            await system.ticket(key)
    assert now.requests == []


async def test_without_a_user_nothing_is_sent(now: FakeServiceNow) -> None:
    async with opened(now, user="") as system:
        with pytest.raises(CredentialsRefused, match="user"):
            await system.ticket("INC0010001")
    assert now.requests == []


async def test_the_password_stands_in_one_header_only(now: FakeServiceNow) -> None:
    await read(now, now.add_incident())
    for request in now.requests:
        assert request.basic() == (USER, SECRET)
        assert SECRET not in request.raw_path
        assert SECRET.encode() not in request.body


# --- doctor


async def test_doctor_hears_who_it_is(now: FakeServiceNow) -> None:
    now.add_incident()
    async with opened(now) as system:
        assert [(one.state, one.text.rpartition(", ")[2]) for one in system.probe()] == [("pass", "as Ana")]


async def test_doctor_hears_what_is_not_for_us_and_what_is_not_there(now: FakeServiceNow) -> None:
    now.add_incident()
    now.closed.add("sys_journal_field")
    async with opened(now, op_field="u_opstui") as system:
        probes = system.probe()
    assert [one.state for one in probes] == ["pass", "warn", "warn"]
    assert "u_opstui" in probes[1].text
    assert "sys_journal_field" in probes[2].text
