"""What is sent to Jira, in which request, and what is said when it goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opstui.adapters.tickets.jira import JiraTickets, connect
from opstui.core.errors import Conflict, CredentialsRefused, RateLimited, Refused, Unreachable
from opstui.core.ports import Update
from opstui.core.tickets import Ticket, TicketRef
from tests.adapters.tickets.fake_jira import ANA, BO, FakeJira
from tests.adapters.tickets.stand_in import SECRET, FixedClock, Reply, connection_to

OP_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


@pytest.fixture
def jira() -> Iterator[FakeJira]:
    with FakeJira() as site:
        yield site


@pytest.fixture
def key(jira: FakeJira) -> str:
    return jira.add_issue()


@asynccontextmanager
async def opened(site: FakeJira, **parts: Any) -> AsyncIterator[JiraTickets]:
    system = connect(connection_to(site, name="jira", kind="jira", **parts))
    try:
        yield system
    finally:
        await system.disconnect()


async def send(system: JiraTickets, key: str, fields: dict[str, Any] | None = None, **parts: Any) -> Ticket:
    """The ticket after the update was sent."""
    ref = TicketRef("jira", key)
    await system.send(Update(op_id=OP_ID, ticket=ref, expected_version="", fields=fields or {}, **parts))
    return await system.ticket(key)


def writes(site: FakeJira) -> list[str]:
    """Requests that change something, as far as they were applied."""
    return [f"{one.method} {one.path.rpartition('/')[2]}" for one in site.applied if one.method in ("PUT", "POST")]


# --- comments


@pytest.mark.parametrize(("public", "visibility"), [(True, "public"), (False, "internal")])
async def test_who_reads_a_comment_is_told_in_the_request_that_makes_it(
    jira: FakeJira, key: str, public: bool, visibility: str
) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, comment="# Done\n\n- rolled back", public=public)
    assert writes(jira) == ["POST comment"]
    sent = jira.sent("POST */comment")[0].json
    assert sent["properties"] == [
        {"key": "opstui.push", "value": {"op": OP_ID}},
        {"key": "sd.public.comment", "value": {"internal": not public}},
    ]
    assert [node["type"] for node in sent["body"]["content"]] == ["heading", "bulletList"]
    last = ticket.timeline[-1]
    assert (last.text, last.visibility.value, last.op_id) == ("# Done\n\n- rolled back", visibility, OP_ID)


async def test_a_comment_that_is_too_long_is_refused_in_jiras_words(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="CONTENT_LIMIT_EXCEEDED"):
            await send(system, key, comment="x" * 32_768)


@pytest.mark.parametrize("applied", [True, False])
async def test_after_a_cut_line_the_op_id_tells_whether_it_arrived(jira: FakeJira, key: str, applied: bool) -> None:
    async with opened(jira) as system:
        await system.ticket(key)
        jira.cut("POST */comment", applied=applied)
        with pytest.raises(Unreachable) as caught:
            await send(system, key, comment="on it")
        assert caught.value.was_anything_sent
        assert await system.find(key, OP_ID) == (f"{key}#1" if applied else None)


async def test_a_yes_that_cannot_be_read_is_no_no(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        jira.answer("POST */comment", Reply.html(), applied=True)
        assert (await send(system, key, comment="on it")).timeline[-1].op_id == OP_ID


async def test_somebody_elses_comment_with_the_same_words_is_not_ours(jira: FakeJira, key: str) -> None:
    jira.comment(key, f"on it [opstui:{OP_ID}]", by=ANA)
    async with opened(jira) as system:
        assert await system.find(key, OP_ID) is None


# --- status


async def test_a_status_that_needs_a_resolution_says_so_before_anything_is_sent(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match=r"/fields/Resolution \(one of Done, Won't Do\)\. Nothing was sent"):
            await send(system, key, {"/status": "Resolved", "/severity": "1"}, add_tags=("dns",))
    assert writes(jira) == []


async def test_what_a_transition_asks_for_goes_along_with_it(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, {"/status": "Resolved", "/fields/Resolution": "Won't Do", "/severity": "1"})
    assert (ticket.status.raw, ticket.fields["Resolution"], ticket.severity) == ("Resolved", "Won't Do", "1")
    assert writes(jira) == [f"PUT {key}", "POST transitions"]
    assert jira.sent("POST */transitions")[0].json["fields"] == {"resolution": {"id": "10001"}}


async def test_a_resolution_that_is_there_need_not_be_given(jira: FakeJira) -> None:
    key = jira.add_issue(resolution={"id": "10000", "name": "Done"})
    async with opened(jira) as system:
        assert (await send(system, key, {"/status": "Closed"})).status.raw == "Closed"


async def test_a_resolution_without_a_status_is_refused(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="Resolution can't be set"):
            await send(system, key, {"/fields/Resolution": "Done"})


async def test_a_status_that_the_ticket_has_is_not_sent(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        await send(system, key, {"/status": "Waiting for support"})
    assert writes(jira) == []


async def test_a_status_that_no_transition_leads_to_is_refused_with_those_that_one_does(
    jira: FakeJira, key: str
) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="it can become In Progress, Waiting for customer, Resolved, Closed"):
            await send(system, key, {"/status": "Done"})


async def test_transitions_at_the_same_time_are_a_conflict(jira: FakeJira, key: str) -> None:
    jira.answer("POST */transitions", Reply.of({"errorMessages": ["Could not acquire lock"]}, 409))
    async with opened(jira) as system:
        with pytest.raises(Conflict):
            await send(system, key, {"/status": "In Progress"})


async def test_a_transition_that_is_refused_after_fields_were_set_says_so(jira: FakeJira, key: str) -> None:
    jira.answer("POST */transitions", Reply.of({"errorMessages": ["A sub-task is open"]}, 400))
    async with opened(jira) as system:
        with pytest.raises(Refused, match=r"A sub-task is open.*but for the fields"):
            await send(system, key, {"/status": "In Progress", "/severity": "1"})
        assert (await system.ticket(key)).severity == "1"


# --- fields


@pytest.mark.parametrize(
    ("path", "value", "shown", "sent"),
    [
        ("/fields/Service", "dns", "dns", {"customfield_10010": {"id": "501"}}),
        ("/fields/Users hit", "1200", "1200", {"customfield_10020": 1200}),
        ("/fields/Users hit", "0.5", "0.5", {"customfield_10020": 0.5}),
        ("/fields/Regions", "dns, mail", "dns, mail", {"customfield_10030": [{"id": "501"}, {"id": "502"}]}),
        ("/fields/Reviewer", "Ana", "Ana", {"customfield_10050": {"accountId": ANA["accountId"]}}),
        ("/fields/Started", "2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z",
         {"customfield_10060": "2026-11-20T09:00:00.000+0000"}),
        ("/fields/Place", "EU → Berlin", "EU → Berlin", {"customfield_10090": {"id": "701", "child": {"id": "702"}}}),
        ("/fields/Twice (customfield_10101)", "x", "x", {"customfield_10101": "x"}),
    ],
)  # fmt: skip
async def test_each_kind_of_field_reads_back(
    jira: FakeJira, key: str, path: str, value: str, shown: str, sent: dict[str, Any]
) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, {path: value})
        assert shown in ticket.fields.values()
        assert jira.sent(f"PUT */{key}")[0].json == {"fields": sent}
        emptied = await send(system, key, {path: None})
        assert shown not in emptied.fields.values()


async def test_a_long_text_becomes_a_document(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, {"/fields/Impact": "- all\n- of it"})
    assert ticket.fields["Impact"] == "- all\n- of it"
    assert jira.sent(f"PUT */{key}")[0].json["fields"]["customfield_10040"]["type"] == "doc"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("/fields/Service", "ftp", "it can be dns, mail"),
        ("/fields/Service", "DNS", "as it is shown there: 'dns'"),
        ("/fields/Users hit", "1200.0", "as it is shown there: '1200'"),
        ("/fields/Regions", "dns,mail", "as it is shown there: 'dns, mail'"),
        ("/fields/Place", "EU→Berlin", "as it is shown there: 'EU → Berlin'"),
        ("/fields/Started", "2026-11-20T10:00:00+01:00", "as it is shown there: '2026-11-20T09:00:00Z'"),
        ("/fields/Impact", "* one\n* two", "would read back as another text"),
        ("/fields/Users hit", "many", "must be a number"),
        ("/fields/Started", "yesterday", "must be a time"),
        ("/fields/Started", "2026-11-20 09:00", "must be a time"),
        ("/fields/Place", "EU → Rome", "can't be 'Rome'"),
        ("/fields/Place", "Asia → Rome", "can't be 'Asia'"),
        ("/fields/Twice", "x", "customfield_10100"),
        ("/fields/Team", "dba", "can't be set from here"),
        ("/fields/No such field", "x", "can't be set on this ticket"),
        ("/fields/Reviewer", "Nobody", "there is no person"),
        ("/severity", "7", "none of Highest, High"),
        ("/assignee", ["Sam Lee"], "more than one person"),
        ("/assignee", ["bo@example.com"], "as it is shown there: Bo"),
        ("/assignee", ["Zoe"], "there is no person"),
        ("/assignee", ["Ana", "Bo"], "one assignee"),
    ],
)
async def test_what_a_field_cannot_be_is_refused_before_anything_is_sent(
    jira: FakeJira, key: str, path: str, value: Any, words: str
) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match=words) as caught:
            await send(system, key, {path: value, "/fields/Service": "dns"} if path == "/severity" else {path: value})
    assert "othing was sent" in str(caught.value)
    assert writes(jira) == []


async def test_a_severity_is_the_word_that_the_config_names_for_it(jira: FakeJira, key: str) -> None:
    async with opened(jira, severity={"low": "1"}) as system:
        ticket = await send(system, key, {"/severity": "1"})
    assert (ticket.priority, ticket.severity) == ("Low", "1")


async def test_a_severity_of_its_own_field_is_set_there(jira: FakeJira, key: str) -> None:
    async with opened(jira, options={"severity_field": "How bad"}, severity={"page": "1"}) as system:
        ticket = await send(system, key, {"/severity": "1"})
    assert (ticket.priority, ticket.severity, ticket.fields["How bad"]) == ("Medium", "1", "page")


async def test_nobody_can_have_a_ticket(jira: FakeJira, key: str) -> None:
    jira.change(key, "assignee", BO)
    async with opened(jira) as system:
        assert (await send(system, key, {"/assignee": []})).assignees == ()


async def test_somebody_is_assigned_where_the_screen_has_no_assignee(jira: FakeJira, key: str) -> None:
    jira.screen.remove("assignee")
    async with opened(jira) as system:
        assert (await send(system, key, {"/assignee": ["Bo"]})).assignees == ("Bo",)
        with pytest.raises(Refused, match="can't be left to nobody"):
            await send(system, key, {"/assignee": []})
    assert writes(jira) == ["PUT assignee"]


async def test_a_field_that_is_not_on_the_screen_is_refused(jira: FakeJira, key: str) -> None:
    jira.screen.remove("priority")
    async with opened(jira) as system:
        with pytest.raises(Refused, match="severity can't be set on this ticket"):
            await send(system, key, {"/severity": "1"})


async def test_somebody_elses_labels_stay(jira: FakeJira, key: str) -> None:
    jira.change(key, "labels", ["old", "kept"])
    async with opened(jira) as system:
        await system.ticket(key)
        jira.before("PUT *", lambda: jira.change(key, "labels", ["old", "kept", "theirs"]))
        assert (await send(system, key, add_tags=("dns",), remove_tags=("old",))).tags == ("kept", "theirs", "dns")


@pytest.mark.parametrize("tag", ["two words", "", " x", "x" * 256])
async def test_what_is_no_label_is_refused(jira: FakeJira, key: str, tag: str) -> None:
    async with opened(jira) as system:
        with pytest.raises(Refused, match="a label has"):
            await send(system, key, {"/severity": "1"}, add_tags=(tag,))
    assert writes(jira) == []


# --- files


async def test_several_files_arrive_in_one_request(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, attachments=(("a.md", b"one"), ("b.md", b"two!")))
    assert [(one.name, one.size) for one in ticket.attachments] == [("a.md", 3), ("b.md", 4)]
    assert writes(jira) == ["POST attachments"]


async def test_a_file_name_keeps_its_letters(jira: FakeJira, key: str) -> None:
    async with opened(jira) as system:
        ticket = await send(system, key, attachments=(("größe 日本.txt", b"\x00\r\n--x\r\n"),))
    assert [(one.name, one.size) for one in ticket.attachments] == [("größe 日本.txt", 8)]
    assert list(jira.files.values()) == [b"\x00\r\n--x\r\n"]


# --- limits and troubles

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("POST */comment", {"comment": "x"}),
    ("PUT *", {"fields": {"/severity": "1"}}),
    ("POST */transitions", {"fields": {"/status": "In Progress"}}),
    ("POST */attachments", {"attachments": (("a", b"b"),)}),
]


@pytest.mark.parametrize(("on", "parts"), STEPS)
async def test_a_limit_on_writes_to_one_issue_is_told_with_its_pause(
    jira: FakeJira, key: str, on: str, parts: dict[str, Any]
) -> None:
    clock = FixedClock()
    async with opened(jira, clock=clock) as system:
        jira.limit(on, retry_after="7", RateLimit_Reason="jira-per-issue-on-write")
        with pytest.raises(RateLimited) as caught:
            await send(system, key, **parts)
        assert (caught.value.retry_after, caught.value.was_anything_sent) == (7, False)
        assert "jira-per-issue-on-write" in str(caught.value)
        assert writes(jira) == []
        clock.forward(8)
        await send(system, key, **parts)
        assert len(writes(jira)) == 1


@pytest.mark.parametrize(("on", "parts"), STEPS)
@pytest.mark.parametrize(("status", "sent"), [(500, True), (502, True), (504, True), (503, False)])
async def test_a_server_in_trouble_leaves_open_what_it_did(
    jira: FakeJira, key: str, on: str, parts: dict[str, Any], status: int, sent: bool
) -> None:
    async with opened(jira) as system:
        jira.answer(on, Reply(status))
        with pytest.raises(Unreachable) as caught:
            await send(system, key, **parts)
        assert caught.value.was_anything_sent is sent


@pytest.mark.parametrize(("on", "parts"), STEPS)
@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialsRefused), (403, Refused), (404, Refused), (409, Conflict), (413, Refused)]
)
async def test_a_no_is_told_as_what_it_is(
    jira: FakeJira, key: str, on: str, parts: dict[str, Any], status: int, error: type[Exception]
) -> None:
    async with opened(jira) as system:
        jira.answer(on, Reply.of({"errorMessages": [f"\x1b[31mno {SECRET}"]}, status))
        with pytest.raises(error) as caught:
            await send(system, key, **parts)
        assert str(caught.value).startswith("jira: ")
        assert SECRET not in str(caught.value)
        assert "\x1b" not in str(caught.value)
