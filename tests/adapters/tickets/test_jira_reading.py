"""What is read out of Jira: fields, timelines, queues; and who is never asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from opstui.adapters.tickets import jira as jira_module
from opstui.adapters.tickets.jira import JiraTickets, connect
from opstui.adapters.tickets.jira_jql import OPEN, listing, restriction
from opstui.adapters.tickets.jira_reading import read_status
from opstui.core.errors import CredentialsRefused, NotFound, Refused, Unreachable
from opstui.core.ports import Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, Ticket, Visibility
from tests.adapters.tickets.fake_jira import ANA, OPTIONS, PEOPLE, STATUSES, FakeJira, said
from tests.adapters.tickets.stand_in import SECRET, Elsewhere, FixedClock, Reply, connection_to

QUEUE = Queue("ops", "jira", "project = OPS")


@pytest.fixture
def jira() -> Iterator[FakeJira]:
    with FakeJira() as site:
        yield site


@asynccontextmanager
async def opened(site: FakeJira, **parts: Any) -> AsyncIterator[JiraTickets]:
    system = connect(connection_to(site, name="jira", kind="jira", **parts))
    try:
        yield system
    finally:
        await system.disconnect()


async def read(site: FakeJira, key: str, **parts: Any) -> Ticket:
    async with opened(site, **parts) as system:
        return await system.ticket(key)


# --- a ticket


async def test_changes_and_comments_are_one_timeline(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.comment(key, "me too")
    jira.change(key, "status", STATUSES["In Progress"])
    jira.change(key, "assignee", ANA)
    jira.comment(key, "on it", by=ANA, jsdPublic=False)
    timeline = (await read(jira, key)).timeline
    assert [(one.id, one.kind, one.author, one.text) for one in timeline] == [
        ("OPS-1#1", EntryKind.REPLY, "Bo", "me too"),
        ("OPS-1#2", EntryKind.STATUS, "Bo", "status: Waiting for support → In Progress"),
        ("OPS-1#3", EntryKind.ASSIGN, "Bo", "assignee: – → Ana"),
        ("OPS-1#4", EntryKind.COMMENT, "Ana", "on it"),
    ]


async def test_times_of_the_accounts_zone_become_utc(jira: FakeJira) -> None:
    key = jira.add_issue()
    ticket = await read(jira, key)
    assert (ticket.created_at, ticket.created_at.tzinfo) == (datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    ("project", "parts", "visibility"),
    [
        ("OPS", {"jsdPublic": True}, Visibility.PUBLIC),
        ("OPS", {"jsdPublic": False}, Visibility.INTERNAL),
        ("OPS", {"properties": [{"key": "sd.public.comment", "value": {"internal": True}}]}, Visibility.INTERNAL),
        ("OPS", {"jsdPublic": None}, Visibility.UNKNOWN),
        ("OPS", {"visibility": {"type": "role", "value": "Administrators"}}, Visibility.INTERNAL),
        ("DEV", {"jsdPublic": True}, Visibility.UNKNOWN),
        ("DEV", {"visibility": {"type": "group", "value": "sre"}}, Visibility.INTERNAL),
    ],
)
async def test_who_reads_a_comment(jira: FakeJira, project: str, parts: dict[str, Any], visibility: Visibility) -> None:
    key = jira.add_issue(project=project)
    jira.comment(key, "x", **parts)
    assert (await read(jira, key)).timeline[0].visibility is visibility


async def test_custom_fields_are_shown_by_name_whatever_their_kind(jira: FakeJira) -> None:
    key = jira.add_issue(
        customfield_10010=OPTIONS[0], customfield_10020=1200.0, customfield_10030=OPTIONS,
        customfield_10040=said("a\nb"), customfield_10050=ANA,
        customfield_10090={"value": "EU", "child": {"value": "Berlin"}}, customfield_10100="one",
        customfield_10101="two", components=[{"name": "checkout"}], duedate="2026-11-30",
        customfield_10080={"id": "0f", "name": "Storage"}, resolution={"name": "Done"},
    )  # fmt: skip
    ticket = await read(jira, key)
    assert dict(ticket.fields) == {
        "Service": "dns", "Users hit": "1200", "Regions": "dns, mail", "Impact": "a\nb", "Reviewer": "Ana",
        "Place": "EU → Berlin", "Twice": "one", "Twice (customfield_10101)": "two", "Reporter": "Bo",
        "Issue Type": "Incident", "Resolution": "Done",
    }  # fmt: skip
    assert (ticket.team, ticket.services) == ("Storage", ("checkout",))
    assert ticket.due_at == datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    assert (ticket.title, ticket.body, ticket.url) == ("checkout is slow", "Since 09:00.", f"{jira.url}/browse/{key}")


def goal(**going: Any) -> dict[str, Any]:
    """A goal of a service desk, as Jira tells it."""
    breach = {"epochMillis": 1795176000000, "friendly": "Today 12:00 PM"}
    left = {"remainingTime": {"millis": 12345, "friendly": "3h 12m"}, "breached": False, "paused": False}
    return {"id": "1", "name": "Time to resolution", "completedCycles": [],
            "ongoingCycle": {"breachTime": breach, **left, **going}}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text", "due"),
    [
        (goal(), "due 2026-11-20 12:00 UTC", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        (goal(paused=True), "paused", None),
        (goal(breachTime=None, breached=True), "missed", None),
        (goal(breachTime={"epochMillis": 10**30}), "paused", None),
        ({"name": "x", "completedCycles": [{"breached": True}, {"breached": False}]}, "met", None),
        ({"name": "x", "completedCycles": [{"breached": True}]}, "missed", None),
    ],
)
async def test_a_goal_of_the_service_desk_says_when_a_ticket_is_due(
    jira: FakeJira, value: dict[str, Any], text: str, due: datetime | None
) -> None:
    key = jira.add_issue(customfield_10120=value)
    async with opened(jira) as system:
        ticket = await system.ticket(key)
        assert (ticket.fields["Time to resolution"], ticket.due_at) == (text, due)
        assert [one.due_at for one in (await system.changed_since(QUEUE, None)).tickets] == [due]


async def test_what_only_jira_reads_is_not_shown(jira: FakeJira) -> None:
    request_type = {"requestType": {"id": "1", "name": "Get help"}, "currentStatus": {"status": "Open"}}
    key = jira.add_issue(customfield_10130="0|i0001:", customfield_10140=request_type)
    fields = (await read(jira, key)).fields
    assert "Rank" not in fields
    assert fields["Request Type"] == "Get help"


@pytest.mark.parametrize(
    ("word", "category", "meaning"),
    [
        ("To Do", "new", "new"), ("Waiting for support", "new", "new"),
        ("Waiting for support", "indeterminate", "open"),
        ("Waiting for customer", "indeterminate", "waiting"), ("Pending", "indeterminate", "waiting"),
        ("In Progress", "indeterminate", "open"), ("Done", "done", "resolved"), ("Resolved", "done", "resolved"),
        ("Closed", "done", "closed"), ("Canceled", "done", "closed"), ("Blorp", "from-the-future", "open"),
    ],
)  # fmt: skip
def test_what_a_status_means(word: str, category: str, meaning: str) -> None:
    status = read_status({"name": word, "statusCategory": {"key": category}})
    assert (status.raw, status.category.value) == (word, meaning)


async def test_words_that_nobody_explained_are_shown_as_they_are(jira: FakeJira) -> None:
    key = jira.add_issue(priority={"id": "77", "name": "Ouch"})
    assert ((await read(jira, key)).severity, (await read(jira, key)).priority) == (None, "Ouch")
    assert (await read(jira, key, severity={"ouch": "2"})).severity == "2"


async def test_severity_may_be_a_field_of_its_own(jira: FakeJira) -> None:
    key = jira.add_issue(customfield_10110={"id": "801", "value": "critical"})
    async with opened(jira, options={"severity_field": "How bad"}) as system:
        assert (await system.ticket(key)).severity == "1"
        assert [one.severity for one in (await system.changed_since(QUEUE, None)).tickets] == ["1"]


async def test_a_ticket_without_anything_is_read(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.issues[key]["fields"] = {"updated": "2026-11-20T09:00:00.000+0000"}
    ticket = await read(jira, key)
    assert (ticket.title, ticket.status.raw, ticket.assignees, ticket.body) == ("", "", (), "")


async def test_a_ticket_that_moved_answers_to_its_old_key(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.issues[key] |= {"key": "NEW-7", "was": key}
    ticket = await read(jira, key)
    assert (ticket.ref.key, ticket.url) == (key, f"{jira.url}/browse/NEW-7")


async def test_a_ticket_that_is_asked_for_by_its_id_goes_by_its_key(jira: FakeJira) -> None:
    key = jira.add_issue()
    assert (await read(jira, jira.issues[key]["id"])).ref.key == key


async def test_a_ticket_that_is_absent_is_named(jira: FakeJira) -> None:
    async with opened(jira) as system:
        for ask in (system.ticket("OPS-99"), system.transitions("OPS-99")):
            with pytest.raises(NotFound, match="there is no ticket OPS-99"):
                await ask


async def test_what_happens_while_it_is_read_is_told_whole(jira: FakeJira) -> None:
    """Never a timeline that is newer than the fields."""
    key = jira.add_issue()
    jira.before("GET */changelog", lambda: jira.change(key, "status", STATUSES["In Progress"]))
    async with opened(jira) as system:
        ticket = await system.ticket(key)
        assert ticket.status.raw == "In Progress"
        assert [one.kind for one in ticket.timeline] == [EntryKind.STATUS]
        assert await system.ticket(key) == ticket


async def test_a_ticket_that_never_rests_is_read_all_the_same(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.before("GET */comment", lambda: jira.comment(key, "and another"), times=50)
    assert len((await read(jira, key)).timeline) == jira_module.READS


async def test_a_comment_that_is_no_document_is_read(jira: FakeJira) -> None:
    key = jira.add_issue()
    for body in (
        None,
        7,
        "plain",
        {"type": "doc"},
        {"type": "doc", "content": [{"type": "x", "content": ["y", None]}]},
    ):
        jira.comment(key, "", body=body)
    assert [one.text for one in (await read(jira, key)).timeline] == ["", "", "plain", "", ""]


async def test_an_op_id_that_is_none_is_ignored(jira: FakeJira) -> None:
    key = jira.add_issue()
    for value in ({"op": "../../etc"}, {"op": 7}, "text", None, {"op": "01JABCDEFGHJKMNPQRSTVWXYZ0\n"}):
        jira.comment(key, "x", properties=[{"key": "opstui.push", "value": value}])
    assert {one.op_id for one in (await read(jira, key)).timeline} == {None}


# --- queues


async def told(system: JiraTickets, queue: Queue, cursor: Cursor | None) -> tuple[list[str], list[str], Cursor]:
    """Keys of the tickets that are told, keys that left, and the cursor."""
    tickets, left = [], []
    while True:
        changes = await system.changed_since(queue, cursor)
        tickets += [one.ref.key for one in changes.tickets]
        left += changes.left
        cursor = changes.cursor
        if changes.complete:
            return tickets, left, cursor


@pytest.mark.parametrize("by_the_minute", [True, False])
async def test_a_large_queue_is_told_whole_and_then_only_what_changed(jira: FakeJira, by_the_minute: bool) -> None:
    jira.by_the_minute = by_the_minute
    clock = FixedClock()
    keys = [jira.add_issue() for _ in range(230)]
    async with opened(jira, clock=clock) as system:
        tickets, _, cursor = await told(system, QUEUE, None)
        assert set(tickets) == set(keys)
        for _ in range(3):  # until nobody doubts the newest minute any more
            clock.forward(300)
            jira.tick(300)
            _, _, cursor = await told(system, QUEUE, cursor)
        jira.comment(keys[5], "me too")
        asked = len(jira.requests)
        tickets, _, cursor = await told(system, QUEUE, cursor)
        assert tickets == [keys[5]]
        assert len(jira.requests) == asked + 1
        assert "updated >= 17" in jira.requests[-1].json["jql"]


async def test_what_the_search_learns_late_is_told_late_and_not_lost(jira: FakeJira) -> None:
    clock = FixedClock()
    keys = [jira.add_issue() for _ in range(150)]
    async with opened(jira, clock=clock) as system:
        _, _, cursor = await told(system, QUEUE, None)
        jira.comment(keys[0], "the search does not know it yet")
        known = jira.forget_last(keys[0])
        jira.comment(keys[1], "but it knows this newer one")
        tickets, _, cursor = await told(system, QUEUE, cursor)
        assert keys[1] in tickets
        known()
        clock.forward(40)
        jira.tick(40)
        tickets, _, cursor = await told(system, QUEUE, cursor)
        assert keys[0] in tickets


async def test_a_ticket_that_leaves_a_small_queue_is_told_at_once(jira: FakeJira) -> None:
    key = jira.add_issue()
    other = jira.add_issue()
    async with opened(jira) as system:
        queue = Queue("open", "jira", "")
        _, _, cursor = await told(system, queue, None)
        jira.change(key, "status", STATUSES["Resolved"])
        tickets, left, _ = await told(system, queue, cursor)
        assert left == [key]
        assert other in tickets


async def test_a_query_keeps_its_meaning_within_ours(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.add_issue(project="DEV")
    async with opened(jira) as system:
        for query in ("project = OPS ORDER BY rank DESC", "  project = OPS  order  by created", "project = OPS"):
            assert (await told(system, Queue("q", "jira", query), None))[0] == [key], query


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("", OPEN),
        ("ORDER BY created", OPEN),
        ("project = A OR project = B", "project = A OR project = B"),
        ("summary ~ 'order by x' ORDER BY created", "summary ~ 'order by x'"),
        ('summary ~ "a) OR (b"', 'summary ~ "a) OR (b"'),
        (r'summary ~ "a\" ORDER BY \"b"', r'summary ~ "a\" ORDER BY \"b"'),
        ("labels in (a, b) AND (x = 1 OR y = 2) ORDER BY a, b DESC", "labels in (a, b) AND (x = 1 OR y = 2)"),
        ("border = by AND orders = 1", "border = by AND orders = 1"),
    ],
)
def test_a_query_is_taken_without_its_order(query: str, where: str) -> None:
    assert restriction("jira", query) == where
    since = datetime(2026, 11, 20, 9, 0, 0, 5000, tzinfo=UTC)
    assert listing("jira", query, since) == f"({where}) AND updated >= 1795165200005 ORDER BY updated ASC, key ASC"


@pytest.mark.parametrize("query", ["a = 1) OR (b = 2", "(a = 1", 'a ~ "b', "a ~ 'b", "a = 1)", "a = '", '"\\"'])
async def test_a_query_that_would_break_out_of_its_brackets_is_refused(jira: FakeJira, query: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="do not match"):
            await system.changed_since(Queue("q", "jira", query), None)
        assert not jira.sent("POST *")


async def test_a_query_that_jira_does_not_understand_is_refused_in_its_words(jira: FakeJira) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="Error in the JQL Query"):
            await system.changed_since(Queue("q", "jira", "projcet = OPS"), None)


# --- where the token goes


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_address_of_a_next_page_is_not_followed(jira: FakeJira, scheme: str) -> None:
    jira.page = 1
    key = jira.add_issue()
    for name in ("In Progress", "Waiting for customer", "Waiting for support"):
        jira.change(key, "status", STATUSES[name])
    with Elsewhere() as other:
        jira.next_link = other.url.replace("http", scheme, 1) + "/rest/api/3/issue/OPS-1/changelog?startAt=1"
        assert len((await read(jira, key)).timeline) == 3
        assert other.requests == []


async def test_a_redirect_to_another_host_is_refused_and_gets_no_token(jira: FakeJira) -> None:
    key = jira.add_issue()
    with Elsewhere() as other:
        jira.answer("GET */issue/*", Reply(302, headers={"Location": f"{other.url}/rest/api/3/issue/OPS-1"}))
        with pytest.raises(Refused, match=str(other.url.rpartition(":")[2])):
            await read(jira, key)
        assert other.requests == []


async def test_a_login_page_is_no_ticket(jira: FakeJira) -> None:
    key = jira.add_issue()
    jira.answer("GET */myself", Reply.html())
    with pytest.raises(Unreachable, match="login page"):
        await read(jira, key)


@pytest.mark.parametrize(
    "answer", [[], {}, {"issues": None}, {"issues": [None, 7, {}, {"key": "A\x1b-1"}]}, "x", 7, None]
)
async def test_an_answer_of_another_shape_is_refused_or_empty(jira: FakeJira, answer: Any) -> None:
    jira.answer("POST */search/jql", Reply.of(answer))
    async with opened(jira) as system:
        if isinstance(answer, dict) and isinstance(answer.get("issues"), list):
            assert (await system.changed_since(QUEUE, None)).tickets == ()
        else:
            with pytest.raises(Refused, match="jira: "):
                await system.changed_since(QUEUE, None)


@pytest.mark.parametrize("answer", [[], {}, {"fields": None}, {"key": "OPS-1"}, "x", 7, None])
async def test_an_answer_that_is_no_issue_takes_no_tickets_place(jira: FakeJira, answer: Any) -> None:
    key = jira.add_issue()
    jira.answer(f"GET */issue/{key}", Reply.of(answer), times=3)
    async with opened(jira) as system:
        for ask in (system.ticket(key), system.transitions(key), system.find(key, "0" * 26)):
            with pytest.raises(Refused, match=r"jira: .*What was cached stays"):
                await ask


@pytest.mark.parametrize("key", ["OPS", "OPS-0", "OPS-1/../../myself", "OPS-1?x=1", "-1", "OPS-١", "OPS-1\n", "ops 1"])
async def test_what_is_no_key_is_not_asked_for(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(NotFound):
            await system.ticket(key)
    assert jira.requests == []


async def test_without_a_user_nothing_is_sent(jira: FakeJira) -> None:
    async with opened(jira, user="") as system:
        with pytest.raises(CredentialsRefused, match="user"):
            await system.ticket("OPS-1")
    assert jira.requests == []


# --- doctor


async def test_doctor_hears_who_it_is(jira: FakeJira) -> None:
    async with opened(jira) as system:
        assert [(one.state, one.text.rpartition(", ")[2]) for one in system.probe()] == [("pass", "as Ana")]


async def test_doctor_hears_of_another_product(jira: FakeJira) -> None:
    jira.answer("GET */serverInfo", Reply.of({"deploymentType": "Server"}))
    async with opened(jira) as system:
        assert [(one.state, "not Jira Cloud" in one.text) for one in system.probe()] == [("fail", True)]


async def test_doctor_hears_of_an_option_that_names_no_field(jira: FakeJira) -> None:
    async with opened(jira, options={"team_field": "Sqaud", "severity_field": "How bad"}) as system:
        assert [(one.state, "Sqaud" in one.text) for one in system.probe()] == [("pass", False), ("warn", True)]


async def test_behind_the_gateway_tickets_lie_at_the_site(jira: FakeJira, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jira_module, "GATEWAY", jira.url.removeprefix("http://"))
    key = jira.add_issue()
    assert (await read(jira, key)).url == f"https://acme.atlassian.net/browse/{key}"


async def test_nobody_else_is_asked_and_the_token_stands_in_one_header_only(jira: FakeJira) -> None:
    key = jira.add_issue()
    await read(jira, key)
    assert len(PEOPLE) == 4
    for request in jira.requests:
        assert request.basic() == ("ana@example.com", SECRET)
        assert SECRET not in request.raw_path
        assert SECRET.encode() not in request.body
