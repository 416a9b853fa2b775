"""PagerDuty over HTTP, against a stand-in that refuses what the vendor does not describe."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from opstui.adapters.tickets import pagerduty_feed
from opstui.adapters.tickets.pagerduty import PagerDutyTickets, connect
from opstui.core.errors import CredentialsRefused, NotFound, RateLimited, Refused, Unreachable
from opstui.core.ports import Cursor, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, TicketRef, Visibility
from opstui.testing.tickets import Change, Comment, TicketSystemContract
from tests.adapters.tickets.fake_pagerduty import ANA, BO, FakePagerDuty, mended
from tests.adapters.tickets.stand_in import SECRET, FixedClock, Recorded, Reply, connection_to
from tests.adapters.tickets.vendor import NotDescribed, Spec

OP = "01JABCDEFGHJKMNPQRSTVWXYZ0"
QUEUE = Queue("open", "pd", "statuses[]=triggered&statuses[]=acknowledged")


@pytest.fixture
def service() -> Iterator[FakePagerDuty]:
    with FakePagerDuty() as made:
        yield made


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def system(service: FakePagerDuty, clock: FixedClock) -> AsyncIterator[PagerDutyTickets]:
    made = connect(connection_to(service, name="pd", kind="pagerduty", clock=clock))
    yield made
    await made.disconnect()


class TestContract(TicketSystemContract):
    """What every ticket system promises."""

    @pytest.fixture
    def system(self, service: FakePagerDuty) -> PagerDutyTickets:
        return connect(connection_to(service, name="pd", kind="pagerduty"))

    @pytest.fixture
    def key(self, service: FakePagerDuty) -> str:
        return service.add_incident()

    @pytest.fixture
    def queue(self) -> Queue:
        return QUEUE

    @pytest.fixture
    def foreign_change(self, service: FakePagerDuty) -> Change:
        async def change(key: str) -> None:
            service.note(key, BO, "me too")

        return change

    @pytest.fixture
    def foreign_comment(self, service: FakePagerDuty) -> Comment:
        async def comment(key: str, text: str) -> None:
            service.note(key, BO, text)

        return comment

    @pytest.fixture
    def assignee(self) -> str:
        return ANA

    @pytest.fixture
    def field(self) -> tuple[str, str]:
        return "/fields/Environment", "production"

    @pytest.fixture
    def unknown_key(self) -> str:
        return "QNOSUCH"

    @pytest.fixture
    def stranger(self, service: FakePagerDuty) -> PagerDutyTickets:
        return connect(connection_to(service, name="pd", kind="pagerduty", secret="wrong-token"))

    @pytest.fixture
    def cut_off(self) -> PagerDutyTickets:
        return connect(connection_to("http://127.0.0.1:1", name="pd", kind="pagerduty"))


async def everything(
    system: PagerDutyTickets, queue: Queue = QUEUE, cursor: Cursor | None = None
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


def update(key: str, **parts: Any) -> Update:
    return Update(op_id=OP, ticket=TicketRef("pd", key), expected_version="x", author="ana", **parts)


# --- the description itself -------------------------------------------------------------------------------------------


def _put(path: str, body: Any) -> Recorded:
    headers = {"content-type": "application/json", "accept": "x", "authorization": "x", "from": "ana@example.com"}
    return Recorded("PUT", path, (), headers, json.dumps(body).encode(), raw_path=path)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/incidents/Q1/custom_fields/values", {"custom_fields": [{"id": "PT4KHEE", "value": "production"}]}),
        (
            "/incidents/Q1",
            {
                "incident": {
                    "type": "incident_reference",
                    "assignments": [{"assignee": {"id": "P1", "type": "user_reference"}}],
                }
            },
        ),
    ],
)
def test_the_description_refuses_what_only_a_mended_one_takes(path: str, body: Any) -> None:
    """The first body is the vendor's own example; the second is the only way to say who is assigned.

    Skipped where the description is absent; the other tests then show what the connector does, and not that it may.
    """
    with pytest.raises(NotDescribed):
        Spec.load("pagerduty-rest").check(_put(path, body))
    mended().check(_put(path, body))


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_an_incident_reads_as_a_ticket(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    service.details = {"host": "db1", "load": 99}
    key = service.add_incident("Disk full", priority=service._reference(service.priorities[1]))
    service.note(key, BO, "looking")
    service.change(key, BO, status="acknowledged")
    ticket = await system.ticket(key)
    assert (ticket.title, ticket.status.raw, ticket.status.category) == (
        "Disk full", "acknowledged", StatusCategory.OPEN,
    )  # fmt: skip
    assert (ticket.severity, ticket.priority, ticket.assignees, ticket.team) == ("2", "P2", (BO,), "payments")
    assert ticket.services == ("checkout",)
    assert ticket.body == "host: db1\nload: 99"
    assert ticket.url == f"https://acme.pagerduty.com/incidents/{key}"
    assert ticket.fields == {"urgency": "high", "escalation policy": "Default"}
    assert [(one.kind, one.author, one.text) for one in ticket.timeline] == [
        (EntryKind.ALERT, "checkout", "Triggered through the API"),
        (EntryKind.COMMENT, BO, "looking"),
        (EntryKind.STATUS, BO, "status changed by Bo Chen."),
    ]
    assert {one.visibility for one in ticket.timeline} == {Visibility.INTERNAL}


async def test_an_incident_is_found_by_its_number(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    assert (await system.ticket("1")).ref == TicketRef("pd", key)
    with pytest.raises(NotFound, match="pd: there is no incident 77"):
        await system.ticket("77")


async def test_urgency_stands_in_for_a_priority_that_is_missing(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident(urgency="low")
    ticket = await system.ticket(key)
    assert (ticket.severity, ticket.priority) == ("4", "low")


async def test_unknown_words_are_shown_as_they_are_and_mean_nothing(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident(status="simmering", priority={"id": "PX", "summary": "Blazing"})
    service._log(key, "frobnicate", "Something \x1b[31mnew")
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.priority, ticket.severity) == ("simmering", "Blazing", None)
    assert (ticket.timeline[-1].kind, ticket.timeline[-1].text) == (EntryKind.SYSTEM, "Something ␛[31mnew")


async def test_a_long_log_is_read_whole_in_its_order(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    for number in range(250):
        service.note(key, BO, f"note {number}")
        if number % 3 == 0:
            service.tick()
    timeline = (await system.ticket(key)).timeline
    assert [one.text for one in timeline[1:]] == [f"note {number}" for number in range(250)]
    assert [one.number for one in timeline] == list(range(1, 252))


async def test_an_edited_note_keeps_its_number_and_changes_the_version(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident()
    service.note(key, BO, "first")
    before = await system.ticket(key)
    service.tick(60)
    service.notes[key][0] |= {"content": "first, mended", "updated_at": service._time()}
    after = await system.ticket(key)
    assert [one.text for one in after.timeline if one.kind is EntryKind.COMMENT] == ["first, mended"]
    assert after.timeline[1].id == before.timeline[1].id
    assert after.version != before.version


async def test_the_body_comes_from_the_first_alert_where_the_log_has_none(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident(alert_counts={"all": 3})
    assert (await system.ticket(key)).body == "host: db0"
    service.answer("GET */alerts", Reply.of({"error": {"message": "no ability"}}, 402))
    assert (await system.ticket(key)).body == ""


async def test_what_happens_while_a_ticket_is_read_makes_another_version_of_it(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident()
    service.before("GET /incidents/*", lambda: service.change(key, BO, urgency="low"), skip=1)
    torn = await system.ticket(key)
    assert torn.fields["urgency"] == "low"
    assert (await system.ticket(key)).version != torn.version


@pytest.mark.parametrize("reply", [Reply.html(), Reply.of([]), Reply.of({"log_entries": None})])
async def test_an_answer_of_something_else_is_said_in_words(
    service: FakePagerDuty, system: PagerDutyTickets, reply: Reply
) -> None:
    key = service.add_incident()
    service.answer(f"GET /incidents/{key}/log_entries", reply)
    with pytest.raises((Refused, Unreachable), match=r"pd: .*What was cached stays"):
        await system.ticket(key)


async def test_entries_that_are_none_are_left_out(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    service.answer(f"GET /incidents/{key}/log_entries", Reply.of({"log_entries": ["x", 1, None]}))
    assert (await system.ticket(key)).timeline == ()


async def test_the_token_that_is_the_accounts_is_named_by_the_user(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    service.me = None
    await system.ticket(service.add_incident())
    assert system.me() == ANA


# --- queues -----------------------------------------------------------------------------------------------------------


async def test_open_incidents_are_listed_however_old_they_are(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    old = service.add_incident("old")
    service.tick(90 * 86400)
    new = service.add_incident("new")
    found, _, _ = await everything(system)
    assert set(found) == {old, new}
    found, _, _ = await everything(system, Queue("all", "pd", "statuses[]=resolved&statuses[]=triggered"))
    assert set(found) == {new}


async def test_an_empty_query_means_all_that_is_open(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    service.change(service.add_incident(), BO, status="resolved")
    found, _, _ = await everything(system, Queue("open", "pd"))
    assert set(found) == {key}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("statuses[]=triggered&limit=1000", "sets limit"),
        ("date_range=all", "sets date_range"),
        ("offset=5", "sets offset"),
        ("status=triggered", "'status'; there are: statuses"),
        ("x&statuses[]=triggered", "'x'"),
    ],
)
async def test_a_query_that_would_do_something_else_is_refused(
    service: FakePagerDuty, system: PagerDutyTickets, query: str, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        await system.changed_since(Queue("odd", "pd", query), None)
    assert words in str(caught.value)
    assert not service.requests


async def test_who_leaves_a_small_queue_is_told_with_the_status_it_left_by(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    stays, goes = service.add_incident(), service.add_incident()
    _, _, cursor = await everything(system)
    service.tick()
    service.change(goes, BO, status="resolved")
    found, left, cursor = await everything(system, cursor=cursor)
    assert left == {goes}
    assert found[goes].status.raw == "resolved"
    assert stays in found
    _, left, _ = await everything(system, cursor=cursor)
    assert not left


@pytest.mark.parametrize("answer", [[], {}, {"incidents": None}, {"incidents": {}}, 7])
async def test_an_answer_without_a_list_is_no_empty_queue(
    service: FakePagerDuty, system: PagerDutyTickets, answer: Any
) -> None:
    service.add_incident()
    _, _, cursor = await everything(system)
    service.answer("GET /incidents", Reply.of(answer))
    with pytest.raises(Refused, match=r"pd: .*What was cached stays"):
        await everything(system, cursor=cursor)


async def test_an_incident_that_lacks_an_id_is_left_out(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    rows = [{"id": key}, {"title": "no id"}, {"id": ""}, {"id": {}}]
    service.answer("GET /incidents", Reply.of({"incidents": rows}), times=5)
    found, _, _ = await everything(system)
    assert set(found) == {key}


async def test_an_incident_that_only_the_log_remembers_does_not_stop_the_feed(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    service.full_references = False
    stays, goes = service.add_incident(), service.add_incident()
    _, _, cursor = await everything(system)
    service.tick()
    service.note(goes, BO, "merged away")
    service.answer(f"GET /incidents/{goes}", Reply.of({"error": {"message": "Not Found", "code": 2100}}, 404))
    found, _, _ = await everything(system, cursor=cursor)
    assert stays in found


async def test_a_note_makes_another_version_of_a_row_once(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    found, _, cursor = await everything(system)
    versions = [found[key].version]
    service.tick()
    service.note(key, BO, "me too")
    for _ in range(3):
        found, _, cursor = await everything(system, cursor=cursor)
        versions.append(found[key].version)
    assert versions[0] != versions[1]
    assert len(set(versions[1:])) == 1


@pytest.mark.parametrize("full", [True, False])
async def test_a_large_queue_is_told_by_the_log_between_sweeps(
    service: FakePagerDuty, system: PagerDutyTickets, clock: FixedClock, full: bool
) -> None:
    service.full_references = full
    keys = [service.add_incident(f"incident {number}") for number in range(230)]
    service.tick(300)
    service.change(keys[0], BO, urgency="low")
    found, _, cursor = await everything(system)
    assert set(found) == set(keys)
    service.tick(20)
    clock.forward(5)
    service.change(keys[3], BO, status="resolved")
    service.change(keys[7], BO, status="acknowledged")
    service.note(keys[9], BO, "me too")
    new = service.add_incident("new")
    service.requests.clear()
    found, left, cursor = await everything(system, cursor=cursor)
    assert not service.sent("GET /incidents")
    assert keys[3] in left
    assert keys[3] not in found
    assert found[keys[7]].status.raw == "acknowledged"
    assert {keys[9], new} <= set(found)
    clock.forward(600)
    service.tick(600)
    found, _, cursor = await everything(system, cursor=cursor)
    assert set(found) == {*keys, new} - {keys[3]}


async def test_a_row_that_slips_to_the_page_before_is_not_lost(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    keys = [service.add_incident(f"incident {number}") for number in range(230)]

    def many_leave() -> None:
        for key in keys[:60]:
            service.change(key, BO, status="resolved")

    service.tick(300)
    service.before("GET /incidents", many_leave, skip=1)
    found, _, cursor = await everything(system)
    assert set(found) >= set(keys[60:])
    found, left, _ = await everything(system, cursor=cursor)
    assert left == set(keys[:60])


async def test_a_queue_that_grows_beyond_a_page_is_listed_anew(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    keys = [service.add_incident() for _ in range(80)]
    _, _, cursor = await everything(system)
    keys += [service.add_incident() for _ in range(80)]
    service.change(keys[0], BO, status="resolved")
    found, _, cursor = await everything(system, cursor=cursor)
    assert set(found) == set(keys[1:])


async def test_a_log_that_was_not_asked_for_days_is_not_caught_up_with(
    service: FakePagerDuty, system: PagerDutyTickets, clock: FixedClock
) -> None:
    key = service.add_incident()
    _, _, cursor = await everything(system)
    clock.forward(3 * 86400)
    service.tick(3 * 86400)
    service.requests.clear()
    found, _, cursor = await everything(system, cursor=cursor)
    assert not service.sent("GET /log_entries")
    assert set(found) == {key}


async def test_a_token_that_may_not_see_the_log_is_told_by_the_list(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    stays, goes = service.add_incident(), service.add_incident()
    _, _, cursor = await everything(system)
    service.answer("GET /log_entries", Reply.of({"error": {"message": "Forbidden"}}, 403), times=9)
    service.change(goes, BO, status="resolved")
    found, left, _ = await everything(system, cursor=cursor)
    assert (set(found), left) == ({stays}, {goes})


async def test_more_incidents_than_pagerduty_lists_are_refused_in_words(
    service: FakePagerDuty, system: PagerDutyTickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty_feed, "LIST_LIMIT", 300)
    for first in (0, 90, 180) * 5:  # a sweep that is refused on its way begins again
        page = {"incidents": [{"id": f"Q{number}"} for number in range(first, first + 100)], "more": True}
        service.answer("GET /incidents", Reply.of(page))
    with pytest.raises(Refused, match="more than 300 incidents fit the query of open"):
        await everything(system)


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_a_note_goes_before_the_rest_and_is_sent_as_it_was_approved(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident()
    text = "**rolled back**\n\n- db1\n- db2"
    sent = await system.send(update(key, comment=text))
    assert sent.remote_id == service.notes[key][0]["id"]
    assert service.notes[key][0]["content"] == f"{text}\n\n[opstui:{OP}]"
    (posted,) = service.sent("POST *")
    assert posted.headers["from"] == "ana@example.com"
    assert await system.find(key, OP) == f"{key}#2"


async def test_everything_an_incident_can_be_set_to(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    fields: dict[str, Any] = {
        "/status": "acknowledged", "/severity": "3", "/assignee": [ANA, BO], "/fields/urgency": "low",
        "/fields/escalation policy": "Database on call", "/fields/Customers": "12",
    }  # fmt: skip
    await system.send(update(key, fields=fields))
    ticket = await system.ticket(key)
    assert (ticket.status.raw, ticket.severity, ticket.priority, ticket.assignees) == (
        "acknowledged", "3", "P3", (ANA, BO),
    )  # fmt: skip
    assert ticket.fields == {"urgency": "low", "escalation policy": "Database on call", "Customers": "12"}
    assert service.incidents[key]["custom_fields"][1]["value"] == 12
    assert len(service.sent("PUT *")) == 2


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"comment": "x", "public": True}, "one kind of note"),
        ({"attachments": (("a", b"b"),)}, "takes no files"),
        ({"add_tags": ("dns",)}, "have no tags"),
        ({"fields": {"/team": "dba"}}, "escalation policy"),
        ({"fields": {"/status": "closed"}}, "is no status there"),
        ({"fields": {"/assignee": []}}, "always assigned"),
        ({"fields": {"/assignee": ["Nobody"]}}, "there is no user 'Nobody'"),
        ({"fields": {"/assignee": ["bo@example.com"]}}, "as it is shown there: Bo Chen"),
        ({"fields": {"/severity": None}}, "not taken away"),
        ({"fields": {"/fields/urgency": "medium"}}, "high or low"),
        ({"fields": {"/fields/Colour": "red"}}, "no custom field 'Colour'"),
        ({"fields": {"/fields/Customers": "many"}}, "takes a whole number"),
        ({"fields": {"/fields/escalation policy": "x"}}, "no escalation policy 'x'"),
    ],
)
async def test_what_cannot_be_said_there_is_refused_before_anything_is_sent(
    service: FakePagerDuty, system: PagerDutyTickets, parts: dict[str, Any], words: str
) -> None:
    key = service.add_incident()
    with pytest.raises(Refused) as caught:
        await system.send(update(key, **parts))
    assert words in str(caught.value)
    assert not [one for one in service.requests if one.method != "GET"]


async def test_two_people_of_one_name_are_not_guessed_between(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    service.users.append(service._user(BO, "bo2@example.com"))
    with pytest.raises(Refused, match=r"more than one user is called Bo Chen: bo@example.com, bo2@example.com"):
        await system.send(update(service.add_incident(), fields={"/assignee": [BO]}))


async def test_a_severity_without_a_priority_of_that_meaning_names_those_there_are(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    service.priorities = [service._named("priority", "Customers see it"), service._named("priority", "P3")]
    with pytest.raises(Refused, match="there are: Customers see it, P3"):
        await system.send(update(service.add_incident(), fields={"/severity": "1"}))


async def test_without_a_user_it_can_only_be_read_and_says_why(service: FakePagerDuty) -> None:
    system = connect(connection_to(service, name="pd", kind="pagerduty", user=""))
    key = service.add_incident()
    try:
        assert (await system.ticket(key)).title
        assert not system.capabilities.fields
        assert not system.capabilities.internal_comments
        assert "e-mail address" in system.capabilities.cant["/status"]
        with pytest.raises(Refused, match="e-mail address"):
            await system.send(update(key, comment="x"))
        (probe,) = system.probe()
        assert (probe.state, "can only be read" in probe.text) == ("warn", True)
    finally:
        await system.disconnect()


async def test_a_user_that_the_account_does_not_have_is_found_by_doctor(service: FakePagerDuty) -> None:
    service.me = None
    system = connect(connection_to(service, name="pd", kind="pagerduty", user="who@example.com"))
    (probe,) = system.probe()
    assert (probe.state, "knows no user who@example.com" in probe.text) == ("warn", True)
    service.me = "ana@example.com"
    (probe,) = system.probe()
    assert (probe.state, "as Ana Petrova" in probe.text) == ("pass", True)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("applied", "left"), [(False, 0), (True, 1)])
async def test_a_note_whose_answer_was_cut_may_be_applied(
    service: FakePagerDuty, system: PagerDutyTickets, applied: bool, left: int
) -> None:
    key = service.add_incident()
    service.cut("POST *", applied=applied)
    with pytest.raises(Unreachable) as caught:
        await system.send(update(key, comment="x"))
    assert caught.value.was_anything_sent
    assert len(service.notes[key]) == left
    assert (await system.find(key, OP) is not None) is applied


@pytest.mark.parametrize(("status", "sent"), [(500, True), (502, True), (503, False), (504, True)])
async def test_a_server_in_trouble_says_whether_it_may_be_applied(
    service: FakePagerDuty, system: PagerDutyTickets, status: int, sent: bool
) -> None:
    key = service.add_incident()
    service.answer("POST *", Reply.of({"error": {"message": "down"}}, status))
    with pytest.raises(Unreachable) as caught:
        await system.send(update(key, comment="x"))
    assert caught.value.was_anything_sent is sent


async def test_a_rate_limit_is_waited_for_as_long_as_it_asks(service: FakePagerDuty, system: PagerDutyTickets) -> None:
    key = service.add_incident()
    service.limit("POST *", retry_after=None, ratelimit_limit="960", ratelimit_remaining="0", ratelimit_reset="17")
    with pytest.raises(RateLimited) as caught:
        await system.send(update(key, comment="x"))
    assert caught.value.retry_after == 17
    assert not caught.value.was_anything_sent
    service.requests.clear()
    with pytest.raises(RateLimited):
        await system.ticket(key)
    assert not service.requests


async def test_an_incident_that_is_refused_after_its_custom_fields_says_so(
    service: FakePagerDuty, system: PagerDutyTickets
) -> None:
    key = service.add_incident()
    service.change(key, BO, status="resolved")
    with pytest.raises(Refused, match=r"Already Resolved.*but for its custom fields, which are set"):
        await system.send(update(key, fields={"/assignee": [ANA], "/fields/Environment": "staging"}))


async def test_wrong_credentials_are_told_without_the_token(service: FakePagerDuty) -> None:
    system = connect(connection_to(service, name="pd", kind="pagerduty", secret=f"{SECRET}-old"))
    with pytest.raises(CredentialsRefused) as caught:
        await system.ticket("Q1")
    assert SECRET not in str(caught.value)
    await system.disconnect()


def test_a_query_is_read_as_the_vendor_writes_it() -> None:
    from opstui.adapters.tickets.pagerduty_feed import Question

    query = "?statuses%5B%5D=triggered&service_ids[]=P1&since=2026-01-01T00:00:00Z"
    question = Question.read(Queue("x", "pd", query))
    listing = question.listing(0)
    assert urlencode(listing).startswith("statuses%5B%5D=triggered&service_ids%5B%5D=P1&since=2026-01-01")
    assert ("date_range", "all") not in listing
    incident = {"status": "triggered", "service": {"id": "P1"}, "created_at": "2026-02-01T00:00:00Z"}
    assert question.fits(incident)
    assert not question.fits(incident | {"created_at": "2025-02-01T00:00:00Z"})
    assert not question.fits(incident | {"service": {"id": "P2"}})
