"""Zendesk over HTTP, against a stand-in whose search lags and whose stamps have whole seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from opstui.adapters.tickets.zendesk import ZendeskTickets, connect
from opstui.adapters.tickets.zendesk_feed import query_of
from opstui.core.errors import (
    ConfigError,
    Conflict,
    CredentialsRefused,
    NotFound,
    RateLimited,
    Refused,
    Unreachable,
)
from opstui.core.ports import Cursor, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, TicketRef, Visibility
from opstui.testing.tickets import Change, Comment, TicketSystemContract
from tests.adapters.tickets.fake_zendesk import ANA, BO, FakeZendesk, mended
from tests.adapters.tickets.stand_in import SECRET, Elsewhere, FixedClock, Reply, connection_to

OP = "01JABCDEFGHJKMNPQRSTVWXYZ0"
QUEUE = Queue("open", "zd", "status<solved")
BO_ID, CAROL_ID = 102, 103


@pytest.fixture
def service() -> Iterator[FakeZendesk]:
    with FakeZendesk() as made:
        yield made


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def system(service: FakeZendesk, clock: FixedClock) -> AsyncIterator[ZendeskTickets]:
    made = connect(connection_to(service, name="zd", kind="zendesk", clock=clock))
    yield made
    await made.disconnect()


class TestContract(TicketSystemContract):
    """What every ticket system promises."""

    @pytest.fixture
    def system(self, service: FakeZendesk) -> ZendeskTickets:
        return connect(connection_to(service, name="zd", kind="zendesk"))

    @pytest.fixture
    def key(self, service: FakeZendesk) -> str:
        return service.add_ticket()

    @pytest.fixture
    def queue(self) -> Queue:
        return QUEUE

    @pytest.fixture
    def foreign_change(self, service: FakeZendesk) -> Change:
        async def change(key: str) -> None:
            service.comment(key, BO_ID, "me too")

        return change

    @pytest.fixture
    def foreign_comment(self, service: FakeZendesk) -> Comment:
        async def comment(key: str, text: str) -> None:
            service.comment(key, CAROL_ID, text, public=True)

        return comment

    @pytest.fixture
    def assignee(self) -> str:
        return ANA

    @pytest.fixture
    def team(self) -> str:
        return "Database"

    @pytest.fixture
    def field(self) -> tuple[str, str]:
        return "/fields/Product", "Web shop"

    @pytest.fixture
    def unknown_key(self) -> str:
        return "4711"

    @pytest.fixture
    def stranger(self, service: FakeZendesk) -> ZendeskTickets:
        return connect(connection_to(service, name="zd", kind="zendesk", secret="wrong-token"))

    @pytest.fixture
    def cut_off(self) -> ZendeskTickets:
        return connect(connection_to("http://127.0.0.1:1", name="zd", kind="zendesk"))


async def everything(
    system: ZendeskTickets, queue: Queue = QUEUE, cursor: Cursor | None = None
) -> tuple[dict[str, Ticket], set[str], Cursor]:
    """All tickets that the answers told, all keys that left, and where they end; a beginning forgets what was."""
    found: dict[str, Ticket] = {}
    left: set[str] = set()
    while True:
        changes = await system.changed_since(queue, cursor)
        if changes.anew:
            found, left = {}, set()
        found |= {one.ref.key: one for one in changes.tickets}
        left |= set(changes.left)
        cursor = changes.cursor
        if changes.complete:
            return found, left, cursor


async def update(system: ZendeskTickets, key: str, **parts: Any) -> Update:
    version = (await system.ticket(key)).version
    return Update(op_id=OP, ticket=TicketRef("zd", key), expected_version=version, author="ana", **parts)


# --- the description itself -------------------------------------------------------------------------------------------


def test_requests_are_checked_against_the_description(service: FakeZendesk) -> None:
    """Skipped where it is absent; then the other tests here show what the connector does, and not that it may."""
    mended()
    assert service._specs


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_reads_as_a_ticket(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket(priority="urgent", custom_fields=[{"id": 31, "value": "dns"}, {"id": 32, "value": "app"}])
    service.comment(key, BO_ID, "looking")
    service.change(key, BO_ID, status="pending", assignee_id=101)
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.status.category) == ("pending", StatusCategory.WAITING)
    assert (ticket.severity, ticket.priority, ticket.assignees, ticket.team) == ("1", "urgent", (ANA,), "Support")
    assert (ticket.services, ticket.tags) == (("dns",), ("checkout",))
    assert ticket.fields == {"Service": "dns", "Product": "App"}
    assert ticket.url == f"{service.url}/agent/tickets/{key}"
    assert [(one.kind, one.author, one.visibility, one.text) for one in ticket.timeline] == [
        (EntryKind.REPLY, "Carol Customer", Visibility.PUBLIC, "It does."),
        (EntryKind.SYSTEM, "Carol Customer", Visibility.INTERNAL, "status: open"),
        (EntryKind.COMMENT, BO, Visibility.INTERNAL, "looking"),
        (EntryKind.STATUS, BO, Visibility.INTERNAL, f"status: open → pending\nassignee: {BO} → {ANA}"),
    ]


async def test_statuses_of_the_accounts_own_are_shown_and_set(service: FakeZendesk, system: ZendeskTickets) -> None:
    service.custom_statuses(In_triage="open", With_vendor="hold", Done="solved")
    key = service.add_ticket(custom_status_id=900)
    assert (await system.ticket(key)).status.raw == "In triage"
    assert await system.transitions(key) == ("With vendor", "Done")
    await system.send(await update(system, key, fields={"/status": "With vendor"}))
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.status.category) == ("With vendor", StatusCategory.WAITING)
    assert "custom status: In triage → With vendor" in ticket.timeline[-1].text
    with pytest.raises(Refused, match="'pending' is no status there; there are In triage, With vendor, Done"):
        await system.send(await update(system, key, fields={"/status": "pending"}))


async def test_a_closed_ticket_takes_no_status(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket(status="closed")
    assert await system.transitions(key) == ()
    assert await system.transitions(service.add_ticket(status="new")) == ("open", "pending", "hold", "solved")


async def test_a_long_history_is_read_whole(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    for number in range(250):
        service.comment(key, BO_ID, f"comment {number}")
    timeline = (await system.ticket(key)).timeline
    assert [one.text for one in timeline[2:]] == [f"comment {number}" for number in range(250)]
    assert [one.number for one in timeline] == list(range(1, 253))


async def test_the_address_of_a_next_page_is_never_followed(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    for number in range(150):
        service.comment(key, BO_ID, f"comment {number}")
    with Elsewhere() as elsewhere:
        service.next_link = f"{elsewhere.url}/api/v2/tickets/{key}/audits?page[after]=x"
        assert len((await system.ticket(key)).timeline) == 152
        await everything(system)
        assert not elsewhere.requests


async def test_what_happens_while_a_ticket_is_read_makes_another_version_of_it(
    service: FakeZendesk, system: ZendeskTickets
) -> None:
    key = service.add_ticket()
    service.before(f"GET /api/v2/tickets/{key}", lambda: service.change(key, BO_ID, priority="low"))
    torn = await system.ticket(key)
    assert torn.priority == "low"
    assert (await system.ticket(key)).version != torn.version


async def test_what_triggers_do_is_the_systems_own(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    service.change(key, -1, priority="high")
    entry = (await system.ticket(key)).timeline[-1]
    assert (entry.kind, entry.author, entry.text) == (EntryKind.SYSTEM, "Zendesk", "priority: empty → high")


async def test_ids_that_nobody_names_are_shown_as_they_are(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket(assignee_id=999, group_id=None, priority="whenever", status="simmering")
    ticket = await system.ticket(key)
    assert (ticket.assignees, ticket.team, ticket.priority, ticket.severity) == (("user 999",), None, "whenever", None)
    assert ticket.status.raw == "simmering"


# --- queues -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("", "status<solved"),
        ("type:ticket status:open", "status:open"),
        ("status:open  TYPE:Ticket tags:dns", "status:open tags:dns"),
    ],
)
def test_a_query_is_a_search_for_tickets(query: str, meant: str) -> None:
    assert query_of(Queue("open", "zd", query)) == meant


@pytest.mark.parametrize(
    ("query", "words"), [("type:user", "looks for user"), ("status:open order_by:created", "sets an order")]
)
def test_a_query_that_would_find_something_else_is_refused(query: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        query_of(Queue("odd", "zd", query))


async def test_what_the_search_lags_behind_is_read_as_it_is(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    service.lag = True
    service.index()
    _, _, cursor = await everything(system)
    service.change(key, BO_ID, priority="high")
    found, left, cursor = await everything(system, cursor=cursor)
    assert (found[key].priority, left) == ("high", set())
    service.change(key, BO_ID, status="solved")
    _, left, cursor = await everything(system, cursor=cursor)
    assert not left
    service.index()
    _, left, _ = await everything(system, cursor=cursor)
    assert left == {key}


async def test_a_large_queue_is_told_by_the_search_between_sweeps(
    service: FakeZendesk, system: ZendeskTickets, clock: FixedClock
) -> None:
    keys = [service.add_ticket(f"ticket {number}") for number in range(230)]
    service.tick(600)
    service.lag = True
    service.index()
    found, _, cursor = await everything(system)
    assert set(found) == set(keys)
    clock.forward(5)
    service.change(keys[3], BO_ID, priority="high")
    service.change(keys[200], BO_ID, priority="low")
    service.index()
    service.change(keys[4], BO_ID, priority="low")
    service.requests.clear()
    found, _, cursor = await everything(system, cursor=cursor)
    assert not service.sent("GET /api/v2/search/export")
    assert {keys[3], keys[200]} <= set(found)
    service.tick(120)
    service.index()
    clock.forward(120)
    found, _, cursor = await everything(system, cursor=cursor)
    assert found[keys[4]].priority == "low"
    service.change(keys[5], BO_ID, status="solved")
    service.index()
    clock.forward(600)
    found, _, _ = await everything(system, cursor=cursor)
    assert set(found) == set(keys) - {keys[5]}


@pytest.mark.parametrize("answer", [[], {}, {"results": None}, 7])
async def test_an_answer_without_a_list_is_no_empty_queue(
    service: FakeZendesk, system: ZendeskTickets, answer: Any
) -> None:
    service.add_ticket()
    service.answer("GET */search/export", Reply.of(answer))
    with pytest.raises(Refused, match=r"zd: .*What was cached stays"):
        await system.changed_since(QUEUE, None)


async def test_a_cursor_that_lapsed_begins_the_list_again(service: FakeZendesk, system: ZendeskTickets) -> None:
    keys = {service.add_ticket() for _ in range(150)}
    service.answer("GET /api/v2/search/export", Reply.of({"error": "InvalidCursor"}, 400), skip=1)
    found, _, _ = await everything(system)
    assert set(found) == keys


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_everything_is_one_request_on_one_version(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    text = "**rolled back**\n\n- db1 {{ticket.id}}"
    parts: dict[str, Any] = {
        "fields": {
            "/status": "solved", "/severity": "2", "/assignee": [ANA], "/team": "Database", "/fields/Service": "dns",
            "/fields/Product": "App", "/fields/Outage": "yes", "/fields/Customers": "12",
        },
        "comment": text, "public": True, "add_tags": ("dns",), "remove_tags": ("checkout",),
        "attachments": (("package.md", b"# what we know\n"),),
    }  # fmt: skip
    sent = await system.send(await update(system, key, **parts))
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.severity, ticket.assignees, ticket.team, ticket.tags) == (
        "solved", "2", (ANA,), "Database", ("dns",),
    )  # fmt: skip
    assert ticket.fields == {"Service": "dns", "Product": "App", "Outage": "yes", "Customers": "12"}
    assert [(file.name, file.size) for file in ticket.attachments] == [("package.md", 15)]
    ours = [one for one in ticket.timeline if one.op_id == OP]
    assert (ours[0].kind, ours[0].text) == (EntryKind.REPLY, text)
    assert await system.find(key, OP) == ours[0].id
    assert len(service.sent("PUT *")) == 1
    (put,) = service.sent("PUT *")
    assert put.json["ticket"]["metadata"] == {"opstui": OP}
    assert put.json["ticket"]["safe_update"] is True
    assert sent.remote_id == str(service.audits[int(key)][-1]["id"])


async def test_a_change_between_read_and_write_is_a_conflict_and_nothing_is_applied(
    service: FakeZendesk, system: ZendeskTickets
) -> None:
    key = service.add_ticket()
    wanted = await update(system, key, comment="mine", fields={"/severity": "1"})
    service.before("PUT *", lambda: service.comment(key, BO_ID, "theirs"))
    with pytest.raises(Conflict):
        await system.send(wanted)
    ticket = await system.ticket(key)
    assert ticket.severity is None
    assert "mine" not in [one.text for one in ticket.timeline]


async def test_tags_are_changed_on_the_version_that_was_read(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    wanted = await update(system, key, add_tags=("dns",))
    service.change(key, BO_ID, tags=["checkout", "vip"])
    with pytest.raises(Conflict):
        await system.send(wanted)
    assert not service.sent("PUT *")
    await system.send(await update(system, key, add_tags=("dns",)))
    assert (await system.ticket(key)).tags == ("checkout", "dns", "vip")


async def test_a_field_that_solving_needs_is_named(service: FakeZendesk, system: ZendeskTickets) -> None:
    service.required = {"Service": "Service: is required when solving a ticket"}
    key = service.add_ticket()
    with pytest.raises(Refused, match="Service: is required when solving a ticket") as caught:
        await system.send(await update(system, key, fields={"/status": "solved"}))
    assert "Nothing was applied" in str(caught.value)
    await system.send(await update(system, key, fields={"/status": "solved", "/fields/Service": "dns"}))
    assert (await system.ticket(key)).status.raw == "solved"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"fields": {"/status": "melting"}}, "'melting' is no status there; there are new, open"),
        ({"fields": {"/severity": None}}, "not taken away"),
        ({"fields": {"/assignee": [ANA, BO]}}, "one assignee"),
        ({"fields": {"/assignee": ["bo@example.com"]}}, "as it is shown there: Bo Chen"),
        ({"fields": {"/assignee": ["Carol Customer"]}}, "there is no agent 'Carol Customer'"),
        ({"fields": {"/team": "dba"}}, "there is no group 'dba'"),
        ({"fields": {"/fields/Colour": "red"}}, "no field 'Colour' there; there are: Service, Product"),
        ({"fields": {"/fields/Product": "Fax"}}, "takes no 'Fax'; it takes: Web shop, App"),
        ({"fields": {"/fields/Outage": "maybe"}}, "takes yes or no"),
        ({"fields": {"/fields/Customers": "many"}}, "takes a number"),
        ({"add_tags": ("Two Words",)}, "would become another"),
        ({"comment": "€" * 30_000}, "at most 65535 bytes"),
    ],
)
async def test_what_cannot_be_said_there_is_refused_before_anything_is_sent(
    service: FakeZendesk, system: ZendeskTickets, parts: dict[str, Any], words: str
) -> None:
    wanted = await update(system, service.add_ticket(), **parts, attachments=(("a.txt", b"x"),))
    with pytest.raises(Refused) as caught:
        await system.send(wanted)
    assert words in str(caught.value)
    assert not [one for one in service.requests if one.method != "GET"]


async def test_a_name_is_no_part_of_the_search_for_it(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    with pytest.raises(Refused, match="there is no agent"):
        await system.send(await update(system, key, fields={"/assignee": ['x" role:admin "y\\']}))
    assert service.sent("GET /api/v2/search")[-1].param("query") == 'type:user "x  role:admin  y "'


async def test_a_file_without_a_comment_is_attached_for_agents(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    await system.send(await update(system, key, attachments=(("a.md", b"1"), ("b.bin", b"22"))))
    ticket = await system.ticket(key)
    assert [(file.name, file.size) for file in ticket.attachments] == [("a.md", 1), ("b.bin", 2)]
    entry = ticket.timeline[-1]
    assert (entry.text, entry.visibility, entry.op_id) == ("a.md, b.bin", Visibility.INTERNAL, OP)


async def test_taking_a_ticket_from_everybody(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    await system.send(await update(system, key, fields={"/assignee": [], "/team": None}))
    ticket = await system.ticket(key)
    assert (ticket.assignees, ticket.team) == ((), None)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("applied", [False, True])
async def test_an_update_whose_answer_was_cut_may_be_applied(
    service: FakeZendesk, system: ZendeskTickets, applied: bool
) -> None:
    key = service.add_ticket()
    wanted = await update(system, key, fields={"/severity": "1"})
    service.cut("PUT *", applied=applied)
    with pytest.raises(Unreachable) as caught:
        await system.send(wanted)
    assert caught.value.was_anything_sent
    assert (await system.find(key, OP) is not None) is applied


async def test_an_upload_that_was_cut_leaves_the_ticket_as_it_was(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    wanted = await update(system, key, attachments=(("a.md", b"1"),))
    service.cut("POST *", applied=True)
    with pytest.raises(Unreachable) as caught:
        await system.send(wanted)
    assert not caught.value.was_anything_sent
    assert not service.sent("PUT *")


async def test_an_answer_that_is_no_json_does_not_say_that_nothing_was_applied(
    service: FakeZendesk, system: ZendeskTickets
) -> None:
    key = service.add_ticket()
    service.answer("PUT *", Reply.html(), applied=True)
    assert (await system.send(await update(system, key, comment="x"))).remote_id is None
    assert await system.find(key, OP) is not None


async def test_the_limit_of_updates_of_one_ticket_is_waited_for(service: FakeZendesk, system: ZendeskTickets) -> None:
    key = service.add_ticket()
    wanted = await update(system, key, comment="x")
    service.limit("PUT *", retry_after="93", X_Rate_Limit="700", X_Rate_Limit_Remaining="650")
    with pytest.raises(RateLimited) as caught:
        await system.send(wanted)
    assert caught.value.retry_after == 93
    assert not caught.value.was_anything_sent


@pytest.mark.parametrize(("status", "sent"), [(500, True), (502, True), (503, False), (504, True)])
async def test_a_server_in_trouble_says_whether_it_may_be_applied(
    service: FakeZendesk, system: ZendeskTickets, status: int, sent: bool
) -> None:
    wanted = await update(system, service.add_ticket(), comment="x")
    service.answer("PUT *", Reply.html(status=status))
    with pytest.raises(Unreachable) as caught:
        await system.send(wanted)
    assert caught.value.was_anything_sent is sent


async def test_wrong_credentials_are_told_without_the_token(service: FakeZendesk) -> None:
    system = connect(connection_to(service, name="zd", kind="zendesk", secret=f"{SECRET}-old"))
    with pytest.raises(CredentialsRefused) as caught:
        await system.ticket("1")
    assert SECRET not in str(caught.value)
    await system.disconnect()


async def test_without_a_user_nothing_is_asked(service: FakeZendesk) -> None:
    system = connect(connection_to(service, name="zd", kind="zendesk", user=""))
    with pytest.raises(CredentialsRefused, match=r"set tickets\.zd\.user|Set tickets\.zd\.user"):
        await system.ticket("1")
    (probe,) = system.probe()
    assert probe.state == "fail"
    assert not service.requests
    await system.disconnect()


def test_without_an_address_there_is_no_system() -> None:
    with pytest.raises(ConfigError, match=r"tickets\.zd\.url"):
        connect(connection_to("", name="zd", kind="zendesk"))


def test_doctor_says_that_it_answers_and_as_whom(service: FakeZendesk) -> None:
    system = connect(connection_to(service, name="zd", kind="zendesk"))
    assert [(one.state, one.text) for one in system.probe()] == [
        ("pass", f"{service.url.partition('://')[2]} answers, as {ANA}"),
    ]


async def test_a_key_that_is_no_number_asks_nobody(service: FakeZendesk, system: ZendeskTickets) -> None:
    with pytest.raises(NotFound):
        await system.ticket("me")
    assert not service.requests
