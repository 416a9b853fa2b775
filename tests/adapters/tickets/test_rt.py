"""The Request Tracker connector against a stand-in: what a real one is seldom or never brought to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from opstui.adapters.tickets.rt import RTTickets, connect, is_balanced, spelled
from opstui.core.errors import CredentialsRefused, NotFound, RateLimited, Refused, Unreachable
from opstui.core.merge import overlaps
from opstui.core.ports import Changes, Cursor, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, TicketRef, Visibility
from opstui.testing.tickets import Change, TicketSystemContract
from opstui.testing.tickets_given import OP_ID, OTHER_ID, Comment
from tests.adapters.tickets.fake_rt import INSIDE, FakeRT
from tests.adapters.tickets.stand_in import SECRET, Elsewhere, Reply, connection_to

TOKEN = f"1-32-{SECRET}"
QUEUE = Queue("all", "rt", "Queue = 'Incidents'")


@pytest.fixture
def rt() -> Iterator[FakeRT]:
    with FakeRT() as server:
        yield server


def system_at(place: FakeRT | str, **changes: Any) -> RTTickets:
    given: dict[str, Any] = {"name": "rt", "kind": "rt", "secret": TOKEN, "op_field": "PushKey", "path": "/desk"}
    return connect(connection_to(place, **given | changes))


@pytest.fixture
async def alice(rt: FakeRT) -> AsyncIterator[RTTickets]:
    system = system_at(rt)
    yield system
    await system.disconnect()


async def update_of(system: TicketSystem, key: str, **parts: Any) -> Update:
    there = await system.ticket(key)
    given: dict[str, Any] = {"op_id": OP_ID, "ticket": TicketRef("rt", key), "expected_version": there.version}
    return Update(**given | parts)


class TestContract(TicketSystemContract):
    @pytest.fixture
    def system(self, rt: FakeRT) -> TicketSystem:
        return system_at(rt)

    @pytest.fixture
    def key(self, rt: FakeRT) -> str:
        return rt.new()

    @pytest.fixture
    def queue(self) -> Queue:
        return QUEUE

    @pytest.fixture
    def foreign_change(self, rt: FakeRT) -> Change:
        async def change(key: str) -> None:
            rt.tick()
            rt.write(key, "bob", "Comment", text="me too")

        return change

    @pytest.fixture
    def foreign_comment(self, rt: FakeRT) -> Comment | None:
        async def comment(key: str, text: str) -> None:
            rt.write(key, "bob", "Comment", text=text)

        return comment

    @pytest.fixture
    def assignee(self) -> str | None:
        return "bob"

    @pytest.fixture
    def team(self) -> str | None:
        return "General"

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/Service", "dns"

    @pytest.fixture
    def stranger(self, rt: FakeRT) -> TicketSystem | None:
        return system_at(rt, secret="1-32-nobody")

    @pytest.fixture
    def cut_off(self) -> TicketSystem | None:
        return system_at("http://127.0.0.1:9")


class TestContractWithoutAField(TestContract):
    @pytest.fixture
    def system(self, rt: FakeRT) -> TicketSystem:
        return system_at(rt, op_field="")


async def test_statuses_without_a_button_are_offered_where_the_lifecycle_is_known(rt: FakeRT, alice: RTTickets) -> None:
    own, usual = rt.new(), rt.new()
    rt.tickets[usual]["Queue"] = "4"
    assert await alice.transitions(own) == ("open", "resolved")
    assert set(await alice.transitions(usual)) == {"open", "resolved", "rejected", "stalled"}


async def everything(system: RTTickets, cursor: Cursor | None = None) -> tuple[set[str], Cursor]:
    found: set[str] = set()
    while True:
        changes: Changes = await system.changed_since(QUEUE, cursor)
        found |= {ticket.ref.key for ticket in changes.tickets}
        cursor = changes.cursor
        if changes.complete:
            return found, cursor


# --- where RT thinks it is --------------------------------------------------------------------------------------------


async def test_the_address_that_rt_gives_itself_is_never_asked(rt: FakeRT, alice: RTTickets) -> None:
    with Elsewhere() as other:
        rt.next_link = f"{other.url}/desk/REST/2.0/tickets?page=2"
        keys = {rt.new(f"number {number}") for number in range(230)}
        found, _ = await everything(alice)
        assert found == keys
        assert not other.requests
    assert all(one.path.startswith("/desk/REST/2.0/") for one in rt.requests)
    assert alice.origin == f"{rt.url}/desk"
    assert (await alice.ticket("1")).url == f"{rt.url}/desk/Ticket/Display.html?id=1"
    assert INSIDE not in repr(await alice.ticket("1"))


async def test_a_login_page_is_no_answer_of_rt(rt: FakeRT, alice: RTTickets) -> None:
    rt.new()
    rt.answer("GET */tickets", Reply.html())
    with pytest.raises(Unreachable, match="login page"):
        await alice.changed_since(QUEUE, None)


# --- what we may not see ----------------------------------------------------------------------------------------------


async def test_pages_that_hide_what_we_may_not_see_are_read_to_the_end(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for _ in range(450):
        rt.hidden.add(rt.write(key, "RT_System", "EmailRecord"))
    rt.write(key, "bob", "Comment", text="after all of that")
    ticket = await alice.ticket(key)
    assert [entry.text for entry in ticket.timeline] == ["created", "after all of that"]
    assert [entry.id for entry in ticket.timeline] == [f"{key}#1", f"{key}#2"]


async def test_an_op_id_behind_hidden_pages_is_found(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for _ in range(120):
        rt.hidden.add(rt.write(key, "RT_System", "EmailRecord"))
    rt.set_field(key, "alice", "2", [OP_ID])
    rt.set_field(key, "bob", "2", [])
    assert await alice.find(key, OP_ID) == f"{key}#2"
    assert await alice.find(key, OTHER_ID) is None


async def test_texts_behind_hidden_pages_are_read(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for number in range(110):
        rt.hidden.add(rt.write(key, "bob", "Comment", text=f"secret {number}"))
    rt.write(key, "bob", "Correspond", text="for everybody")
    ticket = await alice.ticket(key)
    assert [entry.text for entry in ticket.timeline] == ["created", "for everybody"]


async def test_what_comes_while_a_ticket_is_read_belongs_to_its_next_version(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    version = (await alice.ticket(key)).version
    rt.before("GET */history", lambda: rt.write(key, "bob", "Comment", text="in between"))
    ticket = await alice.ticket(key)
    texts = [entry.text for entry in ticket.timeline]
    assert (ticket.version == version) == ("in between" not in texts)
    assert "in between" in [entry.text for entry in (await alice.ticket(key)).timeline]


async def test_a_number_that_nobody_names_stays_a_number(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.write(key, "bob", "Set", "Owner", "6", "99")
    rt.write(key, "bob", "CustomField", "77", "", "x")
    texts = [entry.text for entry in (await alice.ticket(key)).timeline]
    assert texts[1:] == ["assignee: Nobody → user 99", "custom field 77: + x"]


async def test_a_ticket_without_words_costs_no_more_requests(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.parts.clear()
    await alice.ticket(key)
    assert len(rt.sent("GET */attachments")) == 1


async def test_names_and_texts_are_asked_for_once(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.write(key, "bob", "Set", "Owner", "6", "34")
    await alice.ticket(key)
    rt.requests.clear()
    await alice.ticket(key)
    assert sorted(one.path.rpartition("/")[2] for one in rt.requests) == ["1", "attachments", "history"]


# --- texts ------------------------------------------------------------------------------------------------------------


async def test_of_a_mail_in_two_forms_the_plain_one_is_read(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    number = rt.write(key, "bob", "Correspond")
    rt.attach(number, b"", "multipart/alternative")
    rt.attach(number, b"<p>rich</p>", "text/html")
    rt.attach(number, b"plain", "text/plain")
    rt.attach(number, b"GIF89a", "image/gif")
    ticket = await alice.ticket(key)
    assert ticket.timeline[-1].text == "plain"
    assert [(one.name, one.size) for one in ticket.attachments] == [("unnamed", 6)]


async def test_recorded_mails_are_no_texts_and_no_files(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    number = rt.write(key, "RT_System", "EmailRecord", text="Dear all,")
    rt.attach(number, b"1234", "application/pdf", "bill.pdf")
    ticket = await alice.ticket(key)
    entry = ticket.timeline[-1]
    assert (entry.kind, entry.visibility, entry.text) == (EntryKind.SYSTEM, Visibility.INTERNAL, "mail sent")
    assert ticket.attachments == ()


async def test_a_text_too_long_to_be_read_is_said_to_be(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.write(key, "bob", "Comment", text="x" * 7_000_000)
    assert "7,000,000 bytes" in (await alice.ticket(key)).timeline[-1].text


async def test_many_long_texts_are_read_in_several_answers(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for number in range(5):
        rt.write(key, "bob", "Comment", text=f"{number}" * 1_000_000)
    ticket = await alice.ticket(key)
    assert [len(entry.text) for entry in ticket.timeline[1:]] == [1_000_000] * 5
    assert len(rt.sent("POST */attachments")) == 2


@pytest.mark.parametrize(
    "row",
    [
        {}, {"id": None}, {"id": "1", "CustomFields": "x", "Owner": [], "Queue": 3, "Requestor": {}, "Due": 7},
        {"id": "1", "CustomFields": [{"values": None}, None, 3], "LastUpdated": "yesterday", "Created": None},
        {"id": "1", "Subject": "\x1b[31m\u202e", "Status": {"a": 1}, "Priority": "\x00", "Owner": {"id": ["x"]}},
        {"id": "1", "CustomFields": [{"id": "9", "name": "File", "values": [{"filename": "a.png"}, 7, None]}]},
    ],
)  # fmt: skip
async def test_rows_of_another_shape_do_no_harm(rt: FakeRT, alice: RTTickets, row: dict[str, Any]) -> None:
    rt.answer("GET */tickets", Reply.of({"items": [row, None, 7], "total": 1}))
    for ticket in (await alice.changed_since(QUEUE, None)).tickets:
        assert str(ticket.title).isprintable()


@pytest.mark.parametrize("body", [{}, [], "x", {"items": {}}, {"items": None}])
async def test_an_answer_without_a_list_is_none_of_rt(rt: FakeRT, alice: RTTickets, body: Any) -> None:
    rt.answer("GET */tickets", Reply.of(body))
    with pytest.raises(Refused):
        await alice.changed_since(QUEUE, None)


# --- queues -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "is_fine"),
    [
        ("", True), ("a = 'b'", True), ("(a) OR (b)", True), ("a = ')'", True), ("a = '\\')'", True),
        ('a = "it\'s ("', True),
        ("a) OR (b", False), ("(a", False), ("a)", False), ("a = '", False), ("a = 'x\\'", False), ("')", False),
    ],
)  # fmt: skip
def test_what_stands_in_brackets_stays_in_them(query: str, is_fine: bool) -> None:
    assert is_balanced(query) is is_fine


async def test_a_queue_is_asked_in_brackets_and_by_age(rt: FakeRT, alice: RTTickets) -> None:
    for number in range(40):
        rt.new(f"number {number}")
    query = Queue("mine", "rt", "Owner = 'alice' OR Owner = 'bob'")
    first = await alice.changed_since(query, None)
    while not first.complete:
        first = await alice.changed_since(query, first.cursor)
    await alice.changed_since(query, first.cursor)
    asked = [one.param("query") for one in rt.sent("GET */tickets")]
    assert asked[0] == "(Owner = 'alice' OR Owner = 'bob')"
    # Not as a moment: RT would read that in the time zone of the token's user.
    assert asked[-1].startswith("(Owner = 'alice' OR Owner = 'bob') AND LastUpdated >= '")
    assert asked[-1].endswith(" seconds ago'")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(0), "1 seconds ago"),
        (timedelta(seconds=65.2), "66 seconds ago"),
        (timedelta(seconds=999), "999 seconds ago"),
        (timedelta(seconds=999.5), "17 minutes ago"),
        (timedelta(seconds=2967), "50 minutes ago"),
        (timedelta(hours=20), "20 hours ago"),
        (timedelta(days=30, seconds=1), "721 hours ago"),
        (timedelta(days=400), "400 days ago"),
        (timedelta(days=4000), "572 weeks ago"),
        (timedelta(days=400_000), "999 weeks ago"),
    ],
)
def test_an_age_has_no_number_that_rt_takes_for_a_year(age: timedelta, words: str) -> None:
    assert spelled(age) == words


async def test_a_quiet_poll_costs_one_request(rt: FakeRT, alice: RTTickets) -> None:
    for number in range(60):
        rt.new(f"number {number}")
    _, cursor = await everything(alice)
    for _ in range(3):
        rt.requests.clear()
        _, again = await everything(alice, cursor)
        assert len(rt.requests) == 1
        cursor = again


async def test_a_right_that_is_missing_is_refused_in_rts_words(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.answer("GET */ticket/1", Reply.of({"message": "Forbidden"}, 403))
    with pytest.raises(Refused, match="Forbidden") as caught:
        await alice.ticket(key)
    assert not isinstance(caught.value, CredentialsRefused)


async def test_a_ticket_that_was_merged_says_into_which(rt: FakeRT, alice: RTTickets) -> None:
    key, other = rt.new(), rt.new()
    rt.tickets[key]["merged"] = other
    with pytest.raises(NotFound, match=f"merged into rt:{other}"):
        await alice.ticket(key)


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_a_no_to_a_comment_after_its_fields_were_set_says_so(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.answer("POST */comment", Reply.of({"message": "too late"}, 403))
    with pytest.raises(Refused, match=r"too late.*but for the fields"):
        await alice.send(await update_of(alice, key, comment="x", fields={"/assignee": ["bob"]}))
    assert (await alice.ticket(key)).assignees == ("bob",)


async def test_a_comment_is_one_post_and_the_rest_one_put(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    fields = {"/status": "open", "/severity": "1"}
    await alice.send(await update_of(alice, key, comment="looked at it", fields=fields, add_tags=("eu",)))
    await alice.send(await update_of(alice, key, fields={"/assignee": ["bob"], "/team": "General"}, op_id=OTHER_ID))
    post, put = [one for one in rt.requests if one.method != "GET" and "attachments" not in one.path]
    assert (post.method, put.method) == ("POST", "PUT")
    assert post.json["CustomFields"] == {"4": "sev1", "5": ["eu"], "2": [OP_ID]}
    assert put.json == {"Owner": "bob", "Queue": "General", "CustomFields": {"2": [OTHER_ID, OP_ID]}}
    assert "if-match" not in post.headers
    ticket = await alice.ticket(key)
    assert (ticket.assignees, ticket.team, ticket.severity) == (("bob",), "General", "1")
    assert {entry.op_id for entry in ticket.timeline} == {None, OP_ID, OTHER_ID}


async def test_what_rt_does_in_answer_to_us_is_nobody_elses_doing(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    await alice.send(await update_of(alice, key, comment="we are on it", public=True))
    ticket = await alice.ticket(key)
    assert overlaps(1, ticket, op_id=OP_ID, own=["alice"]) == ()
    assert [(entry.author, entry.kind) for entry in ticket.timeline if entry.op_id is None][1:] == [
        ("RT_System", EntryKind.SYSTEM)
    ]


async def test_somebody_elses_entries_are_never_taken_for_ours(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    rt.write(key, "bob", "Comment", text="mine")
    rt.tick(60)
    rt.write(key, "alice", "Comment", text="long before")
    rt.tick(60)
    rt.set_field(key, "alice", "2", [OP_ID])
    rt.write(key, "bob", "Status", "Status", "new", "open")
    ours = [entry.text for entry in (await alice.ticket(key)).timeline if entry.op_id == OP_ID]
    assert ours == [f"PushKey: + {OP_ID}"]


async def test_a_write_that_is_cut_may_have_been_applied(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for applied in (True, False):
        update = await update_of(alice, key, comment="looked at it")
        rt.cut("POST */comment", applied=applied)
        with pytest.raises(Unreachable) as caught:
            await alice.send(update)
        assert caught.value.was_anything_sent
        assert (await alice.find(key, OP_ID) is not None) is applied
        rt.tickets[key]["values"]["2"] = []
        rt.transactions = [one for one in rt.transactions if one["NewValue"] != OP_ID]


async def test_a_pause_that_is_asked_for_is_told_and_nothing_was_applied(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    update = await update_of(alice, key, comment="looked at it")
    rt.limit("POST */comment", retry_after="7")
    with pytest.raises(RateLimited) as caught:
        await alice.send(update)
    assert (caught.value.retry_after, caught.value.was_anything_sent) == (7, False)


async def test_the_op_id_that_rt_does_not_take_is_remembered(rt: FakeRT, alice: RTTickets) -> None:
    """As where the right to change that field is missing: RT takes the comment, and only a sentence says the rest."""
    key = rt.new()
    rt.keeps_op_ids = False
    await alice.send(await update_of(alice, key, comment="looked at it"))
    found = await alice.find(key, OP_ID)
    assert [entry.text for entry in (await alice.ticket(key)).timeline if entry.id == found] == ["looked at it"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"/status": "bogus"}, "isn't a valid status"), ({"/assignee": ["nobody-of-this-name"]}, "could not be found"),
        ({"/team": "No such queue"}, "does not exist"), ({"/fields/Severity": "x"}, "Invalid value"),
    ],
)  # fmt: skip
async def test_what_rt_refuses_with_a_200_is_a_refusal_in_its_words(
    rt: FakeRT, alice: RTTickets, fields: dict[str, Any], words: str
) -> None:
    key = rt.new()
    with pytest.raises(Refused, match=words):
        await alice.send(await update_of(alice, key, fields=fields))


async def test_an_answer_that_cannot_be_read_leaves_it_to_the_ticket(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    for body in (Reply.html(), Reply.of({"a": 1}), Reply.of([1, None])):
        update = await update_of(alice, key, fields={"/status": "open"})
        rt.answer("PUT */ticket/1", body, applied=True)
        await alice.send(update)
        assert (await alice.ticket(key)).status.raw == "open"


async def test_an_empty_file_is_refused_before_anything_is_sent(rt: FakeRT, alice: RTTickets) -> None:
    key = rt.new()
    with pytest.raises(Refused, match="empty files"):
        await alice.send(await update_of(alice, key, comment="x", attachments=(("a.txt", b""),)))
    assert not rt.sent("POST */comment")


async def test_the_token_is_nowhere_but_in_its_header(rt: FakeRT) -> None:
    rt.new()
    system = system_at(rt)
    await system.ticket("1")
    rt.answer("GET */ticket/1", Reply.of({"message": f"bad token {TOKEN}"}, 422))
    with pytest.raises(Refused) as caught:
        await system.ticket("1")
    told = await asyncio.to_thread(system.probe)
    await system.disconnect()
    assert SECRET not in f"{caught.value} {caught.value!r} {told} {system.__dict__}"
    assert all(SECRET not in one.raw_path and SECRET.encode() not in one.body for one in rt.requests)
