"""The Redmine connector against a real Redmine 5."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from opstui.adapters.tickets.redmine import RedmineTickets
from opstui.core.errors import Conflict, CredentialsRefused, NotFound, Refused, Unreachable
from opstui.core.ports import Cursor, Sent, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, TicketRef, Visibility
from opstui.testing.tickets import Change, TicketSystemContract
from opstui.testing.tickets_given import OP_ID, OTHER_ID, Comment
from tests.servers.redmine_lab import OP_FIELD, RedmineLab

ALICE, BOB = "Alice Oncall", "Bob Oncall"


@pytest.fixture
def lab(redmine_env: Mapping[str, str]) -> Iterator[RedmineLab]:
    made = RedmineLab(redmine_env)
    yield made
    made.close()


@pytest.fixture
def queue(lab: RedmineLab) -> Queue:
    return Queue("mine", "rm", lab.query)


@pytest.fixture
async def alice(lab: RedmineLab) -> AsyncIterator[RedmineTickets]:
    system = lab.system()
    yield system
    await system.disconnect()


async def update_of(system: TicketSystem, key: str, **parts: Any) -> Update:
    there = await system.ticket(key)
    given: dict[str, Any] = {"op_id": OP_ID, "ticket": TicketRef("rm", key), "expected_version": there.version}
    return Update(**given | parts)


class Contract(TicketSystemContract):
    """What every ticket system promises."""

    op_field = OP_FIELD

    @pytest.fixture
    def system(self, lab: RedmineLab) -> TicketSystem:
        return lab.system(op_field=self.op_field)

    @pytest.fixture
    def key(self, lab: RedmineLab) -> str:
        return lab.new()

    @pytest.fixture
    def queue(self, lab: RedmineLab) -> Queue:
        return Queue("mine", "rm", lab.query)

    @pytest.fixture
    def foreign_change(self, lab: RedmineLab) -> Change:
        async def change(key: str) -> None:
            assert await asyncio.to_thread(lab.put, key, notes="me too") == 204

        return change

    @pytest.fixture
    def foreign_comment(self, lab: RedmineLab) -> Comment | None:
        async def comment(key: str, text: str) -> None:
            assert await asyncio.to_thread(lab.put, key, notes=text) == 204

        return comment

    @pytest.fixture
    def assignee(self) -> str | None:
        return BOB

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/Service", "dns"

    @pytest.fixture
    def stranger(self, lab: RedmineLab) -> TicketSystem | None:
        return lab.system(secret=lambda: "0" * 40)

    @pytest.fixture
    def cut_off(self, lab: RedmineLab) -> TicketSystem | None:
        return lab.system(url="http://127.0.0.1:9")


class TestContractWithAField(Contract):
    @pytest.fixture
    def notices_repeats(self) -> bool:
        return True


class TestContractWithoutAField(Contract):
    op_field = ""


# --- reading


async def test_an_issue_is_read_whole(lab: RedmineLab, alice: RedmineTickets) -> None:
    category = lab.get("/projects/incidents/issue_categories.json")["issue_categories"][0]["id"]
    severity, service = lab.field_id("Severity"), lab.field_id("Service")
    key = lab.new(
        description="first line\r\nsecond", priority_id=lab_priority(lab, "High"), due_date="2027-02-28",
        category_id=category, custom_fields=[{"id": severity, "value": "sev2"}, {"id": service, "value": "payments"}],
    )  # fmt: skip
    ticket = await alice.ticket(key)
    assert (ticket.body, ticket.severity, ticket.priority) == ("first line\nsecond", "2", "High")
    assert ticket.services == ("shop", "payments")
    assert (ticket.team, ticket.status.raw, ticket.status.category) == ("Incidents", "New", StatusCategory.NEW)
    assert ticket.fields == {"Tracker": "Support", "Severity": "sev2", "Service": "payments"}
    assert ticket.due_at is not None
    assert ticket.due_at.date().isoformat() == "2027-02-28"
    assert ticket.url == f"{lab.url}/issues/{key}"
    assert ticket.timeline == ()


def lab_priority(lab: RedmineLab, name: str) -> int:
    there = lab.get("/enumerations/issue_priorities.json")["issue_priorities"]
    return next(int(one["id"]) for one in there if one["name"] == name)


async def test_changes_are_told_in_names(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new(priority_id=lab_priority(lab, "Normal"))
    people = {
        one["user"]["name"]: one["user"]["id"] for one in lab.get("/projects/incidents/memberships.json")["memberships"]
    }
    lab.put(key, status_id=2, assigned_to_id=people[BOB], priority_id=lab_priority(lab, "Urgent"), notes="taking it")
    lab.put(key, assigned_to_id="", subject=f"it is the database {lab.word}", description="x")
    ticket = await alice.ticket(key)
    changes, note, later = ticket.timeline
    assert (changes.kind, changes.author, changes.visibility) == (EntryKind.STATUS, BOB, Visibility.PUBLIC)
    assert set(changes.text.split("\n")) == {
        "status: New → In Progress", f"assignee: – → {BOB}", "priority: Normal → Urgent",
    }  # fmt: skip
    assert (note.kind, note.text) == (EntryKind.COMMENT, "taking it")
    assert f"assignee: {BOB} → –" in later.text
    assert "description rewritten" in later.text
    assert [entry.id for entry in ticket.timeline] == [f"{key}#1", f"{key}#2", f"{key}#3"]


@pytest.mark.parametrize(
    ("status", "category"),
    [(2, StatusCategory.OPEN), (3, StatusCategory.RESOLVED), (4, StatusCategory.WAITING), (5, StatusCategory.CLOSED)],
)
async def test_a_status_means_what_redmine_and_its_words_say(
    lab: RedmineLab, alice: RedmineTickets, status: int, category: StatusCategory
) -> None:
    key = lab.new()
    lab.put(key, status_id=status)
    assert (await alice.ticket(key)).status.category is category


async def test_a_queue_is_read_page_by_page_and_then_only_what_changed(
    lab: RedmineLab, alice: RedmineTickets, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opstui.adapters.tickets.redmine.PAGE", 3)
    keys = {lab.new() for _ in range(8)}
    found, cursor = await everything(alice, queue, None)
    assert set(found) == keys
    changed = sorted(keys)[4]
    lab.put(changed, notes="me too")
    found, _ = await everything(alice, queue, cursor)
    assert changed in found


async def everything(
    system: RedmineTickets, queue: Queue, cursor: Cursor | None
) -> tuple[dict[str, str], Cursor | None]:
    found: dict[str, str] = {}
    complete = False
    while not complete:
        changes = await system.changed_since(queue, cursor)
        found |= {ticket.ref.key: ticket.version for ticket in changes.tickets}
        cursor, complete = changes.cursor, changes.complete
    return found, cursor


async def test_who_leaves_a_queue_is_told(lab: RedmineLab, alice: RedmineTickets) -> None:
    queue = Queue("open", "rm", f"project_id=incidents&status_id=open&subject=~{lab.word}")
    key, other = lab.new(), lab.new()
    first = await alice.changed_since(queue, None)
    lab.put(key, status_id=5)
    changes = await alice.changed_since(queue, first.cursor)
    assert changes.left == (key,)
    assert [ticket.ref.key for ticket in changes.tickets] == [other]


@pytest.mark.parametrize(
    "query",
    [
        "f[]=subject&op[subject]=~&v[subject][]={word}&f[]=status_id&op[status_id]=*",
        "?project_id=incidents&subject=~{word}",
        "subject=~{word}&sort=id&limit=1&offset=50&updated_on=%3C%3D2001-01-01&include=x&garbage&=&%00=1",
    ],
)
async def test_a_query_may_be_spelled_in_either_way_and_breaks_nothing_of_ours(
    lab: RedmineLab, alice: RedmineTickets, query: str
) -> None:
    keys = {lab.new(), lab.new()}
    queue = Queue("mine", "rm", query.replace("{word}", lab.word))
    found, _ = await everything(alice, queue, None)
    assert set(found) == keys
    later = (await alice.ticket(min(keys))).created_at.replace(year=2099)
    assert (await alice._page(queue, later, None)).tickets == ()


async def test_an_empty_query_is_all_that_is_open(lab: RedmineLab, alice: RedmineTickets) -> None:
    key, closed = lab.new(), lab.new()
    lab.put(closed, status_id=5)
    found, _ = await everything(alice, Queue("all", "rm"), None)
    assert key in found
    assert closed not in found


async def test_a_project_that_is_not_there_is_refused_and_not_empty(alice: RedmineTickets) -> None:
    with pytest.raises(Refused, match="project"):
        await alice.changed_since(Queue("typo", "rm", "project_id=incidence"), None)


# --- writing


async def test_everything_goes_out_in_one_update(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    update = await update_of(
        alice, key, comment="found it\n\n  in the pool", public=True,
        attachments=(("päckage 1.md", b"# x\n"), ("b", b"")),
        fields={"/status": "In Progress", "/severity": "1", "/assignee": [ALICE], "/fields/Service": "dns"},
    )  # fmt: skip
    await alice.send(update)
    ticket = await alice.ticket(key)
    assert (ticket.status.raw, ticket.severity, ticket.assignees) == ("In Progress", "1", (ALICE,))
    assert ticket.fields["Service"] == "dns"
    assert OP_FIELD not in ticket.fields
    assert ("päckage 1.md", 4) in [(file.name, file.size) for file in ticket.attachments]
    assert {entry.op_id for entry in ticket.timeline} == {OP_ID}
    assert [entry.text for entry in ticket.timeline if entry.kind is EntryKind.COMMENT] == ["found it\n\n  in the pool"]
    assert len(lab.journals(key)) == 1


async def test_a_private_note_with_changes_is_two_journals_of_one_update(
    lab: RedmineLab, alice: RedmineTickets
) -> None:
    key = lab.new()
    await alice.send(await update_of(alice, key, comment="for us", fields={"/status": "Feedback"}))
    assert len(lab.journals(key)) == 2
    ticket = await alice.ticket(key)
    assert [(entry.op_id, entry.visibility) for entry in ticket.timeline] == [
        (OP_ID, Visibility.PUBLIC), (OP_ID, Visibility.INTERNAL),
    ]  # fmt: skip
    assert await alice.find(key, OP_ID) == f"{key}#2"


async def test_an_op_id_is_found_after_others_were_written_over_it(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    await alice.send(await update_of(alice, key, comment="one"))
    await alice.send(await update_of(alice, key, comment="two", op_id=OTHER_ID))
    assert [await alice.find(key, op_id) for op_id in (OP_ID, OTHER_ID)] == [f"{key}#2", f"{key}#4"]


async def test_a_second_operator_between_reading_and_writing_is_a_conflict(
    lab: RedmineLab, alice: RedmineTickets
) -> None:
    key = lab.new()
    update = await update_of(alice, key, fields={"/status": "Resolved"}, comment="done")
    assert lab.put(key, status_id=4, notes="wait") == 204
    with pytest.raises(Conflict):
        await alice.send(update)
    ticket = await alice.ticket(key)
    assert (ticket.status.raw, len(lab.journals(key))) == ("Feedback", 1)


async def test_redmine_says_204_to_a_status_that_is_none_and_the_connector_says_no(
    lab: RedmineLab, alice: RedmineTickets
) -> None:
    key = lab.new()
    assert lab.put(key, status_id=99, notes="silently left out") == 204
    assert (await alice.ticket(key)).status.raw == "New"
    with pytest.raises(Refused, match=r"can't take the status 'Nope', only: New, In Progress"):
        await alice.send(await update_of(alice, key, comment="x", fields={"/status": "Nope"}))
    assert len(lab.journals(key)) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"/assignee": ["Nobody Here"]}, "nobody in the project is called 'Nobody Here'"),
        ({"/assignee": [ALICE, BOB]}, "one assignee"),
        ({"/fields/No such": "x"}, "has no custom field 'No such', only: Severity"),
        ({f"/fields/{OP_FIELD}": "x"}, "keeps the op ids"),
        ({"/severity": "7"}, "no severity"),
        ({"/fields/Severity": "sev9"}, "Severity is not included in the list"),
        ({"/team": "Other"}, "can't be set"),
    ],
)
async def test_what_can_not_be_written_is_refused_and_nothing_of_the_rest_is_applied(
    lab: RedmineLab, alice: RedmineTickets, fields: dict[str, Any], words: str
) -> None:
    key = lab.new()
    with pytest.raises(Refused, match=words):
        await alice.send(await update_of(alice, key, comment="x", fields=fields))
    assert lab.journals(key) == []


async def test_an_assignee_is_taken_away(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    await alice.send(await update_of(alice, key, fields={"/assignee": [BOB.lower()]}))
    assert (await alice.ticket(key)).assignees == (BOB,)
    await alice.send(await update_of(alice, key, fields={"/assignee": []}, op_id=OTHER_ID))
    assert (await alice.ticket(key)).assignees == ()


async def test_a_severity_is_written_in_the_config_s_words_and_by_who_may_read_the_choices(
    lab: RedmineLab, alice: RedmineTickets
) -> None:
    key = lab.new()
    admin = lab.system("admin", severity={"sev4": "1", "sev1": "4"})
    try:
        await admin.send(await update_of(admin, key, fields={"/severity": "1"}))
        assert (await admin.ticket(key)).severity == "1"
    finally:
        await admin.disconnect()
    assert (await alice.ticket(key)).fields["Severity"] == "sev4"


async def test_a_word_for_a_severity_that_redmine_does_not_know_costs_nothing(lab: RedmineLab) -> None:
    key = lab.new()
    system = lab.system(severity={"on fire": "1"})
    try:
        update = await update_of(
            system, key, fields={"/severity": "1"}, comment="x", attachments=(("a.txt", b"1"),)
        )  # fmt: skip
        await system.send(update)
        ticket = await system.ticket(key)
    finally:
        await system.disconnect()
    assert (ticket.severity, ticket.fields["Severity"], len(ticket.attachments)) == ("1", "sev1", 1)
    assert [entry.text for entry in ticket.timeline if entry.kind is EntryKind.COMMENT] == ["x"]


async def test_the_same_file_twice_and_hostile_names_arrive(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    files = (("a&b=c?.txt", b"1"), ("../../etc/passwd", b"22"), ("log.txt", b"333"), ("log.txt", b"333"))
    await alice.send(await update_of(alice, key, attachments=files))
    ticket = await alice.ticket(key)
    assert sorted(file.size for file in ticket.attachments) == [1, 2, 3, 3]
    assert not any("/" in file.name for file in ticket.attachments)


async def test_windows_line_ends_and_hostile_text_read_back_clean(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    assert lab.put(key, notes="one\r\ntwo\x1b[31m \u202egpj.exe") == 204
    assert (await alice.ticket(key)).timeline[0].text == "one\ntwo␛[31m ⟨202E⟩gpj.exe"


async def test_a_field_that_is_not_on_the_ticket_stops_the_update_before_it_is_sent(lab: RedmineLab) -> None:
    key = lab.new()
    system = lab.system(op_field="Nowhere")
    try:
        with pytest.raises(Refused, match="has no field 'Nowhere' for the op id"):
            await system.send(await update_of(system, key, comment="x"))
        assert lab.journals(key) == []
        assert [probe.state for probe in await asyncio.to_thread(system.probe)] == ["pass", "fail"]
    finally:
        await system.disconnect()


# --- who asks


async def test_it_is_told_who_asks(lab: RedmineLab, alice: RedmineTickets) -> None:
    assert alice.me() == ""
    await alice.transitions(lab.new())
    assert alice.me() == ALICE
    assert [probe.state for probe in await asyncio.to_thread(alice.probe)] == ["pass"]


async def test_no_token_is_said_before_anything_is_asked(lab: RedmineLab) -> None:
    system = lab.system(secret=lambda: None)
    with pytest.raises(CredentialsRefused, match="token"):
        await system.ticket("1")


async def test_a_deleted_ticket_is_not_found(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    update = await update_of(alice, key, comment="x")
    assert lab.ask("DELETE", f"/issues/{key}.json", "admin").status_code == 204
    for ask in (alice.ticket(key), alice.send(update), alice.find(key, OP_ID), alice.transitions(key)):
        with pytest.raises(NotFound, match=f"there is no ticket rm:{key}"):
            await ask


async def test_two_updates_at_the_same_moment_lose_nothing(lab: RedmineLab, alice: RedmineTickets) -> None:
    key = lab.new()
    bob = lab.system("bob")
    try:
        one = await update_of(alice, key, comment="of alice")
        other = replace(one, op_id=OTHER_ID, comment="of bob")
        done = await asyncio.gather(alice.send(one), bob.send(other), return_exceptions=True)
        notes = {entry.text for entry in (await alice.ticket(key)).timeline if entry.kind is EntryKind.COMMENT}
    finally:
        await bob.disconnect()
    for text, answer in zip(("of alice", "of bob"), done, strict=True):
        if isinstance(answer, Unreachable):
            assert answer.was_anything_sent  # SQLite was locked by the other, and it is unknown what became of it
        else:
            assert isinstance(answer, Sent | Conflict)
            assert (text in notes) is isinstance(answer, Sent)
