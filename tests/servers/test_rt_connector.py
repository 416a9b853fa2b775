"""The Request Tracker connector against a real RT 5."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from opstui.adapters.tickets.rt import RTTickets, spelled
from opstui.core.errors import Conflict, CredentialsRefused, NotFound, Refused
from opstui.core.ids import step_id
from opstui.core.merge import overlaps
from opstui.core.ports import Changes, Cursor, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.text import clean
from opstui.core.tickets import EntryKind, StatusCategory, TicketRef, Visibility, field_value
from opstui.testing.tickets import Change, TicketSystemContract
from opstui.testing.tickets_given import OP_ID, OTHER_ID, Comment
from tests.servers.rt_lab import OP_FIELD, RTLab


@pytest.fixture
def lab(rt_env: Mapping[str, str]) -> Iterator[RTLab]:
    made = RTLab(rt_env)
    yield made
    made.close()


@pytest.fixture
async def alice(lab: RTLab) -> AsyncIterator[RTTickets]:
    system = lab.system()
    yield system
    await system.disconnect()


async def update_of(system: TicketSystem, key: str, **parts: Any) -> Update:
    there = await system.ticket(key)
    given: dict[str, Any] = {"op_id": OP_ID, "ticket": TicketRef("rt", key), "expected_version": there.version}
    return Update(**given | parts)


class TestContract(TicketSystemContract):
    """What every ticket system promises."""

    @pytest.fixture
    def system(self, lab: RTLab) -> TicketSystem:
        return lab.system()

    @pytest.fixture
    def key(self, lab: RTLab) -> str:
        return lab.new()

    @pytest.fixture
    def queue(self, lab: RTLab) -> Queue:
        return lab.queue

    @pytest.fixture
    def foreign_change(self, lab: RTLab) -> Change:
        async def change(key: str) -> None:
            await asyncio.to_thread(lab.say, key)

        return change

    @pytest.fixture
    def foreign_comment(self, lab: RTLab) -> Comment | None:
        async def comment(key: str, text: str) -> None:
            await asyncio.to_thread(lab.say, key, text)

        return comment

    @pytest.fixture
    def assignee(self) -> str | None:
        return "bob"

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/Service", "dns"

    @pytest.fixture
    def stranger(self, lab: RTLab) -> TicketSystem | None:
        return lab.system(secret=lambda: "1-32-" + "0" * 32)

    @pytest.fixture
    def cut_off(self, lab: RTLab) -> TicketSystem | None:
        return lab.system(url="http://127.0.0.1:9")


async def test_every_status_that_is_offered_is_taken(lab: RTLab, alice: RTTickets) -> None:
    for status in await alice.transitions(lab.new()):
        key = lab.new()
        there = await alice.ticket(key)
        made = Update(
            op_id=OP_ID, ticket=there.ref, expected_version=there.version, fields={"/status": status}
        )  # fmt: skip
        await alice.send(made)
        assert (await alice.ticket(key)).status.raw == status


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_read_whole(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new(
        Content="first line\r\nsecond", Due="2027-02-28 10:00:00", Requestor="caller@example.com",
        CustomFields={"Severity": "sev2", "Service": "payments", "Tags": ["b", "a"]},
    )  # fmt: skip
    ticket = await alice.ticket(key)
    assert (ticket.body, ticket.severity, ticket.priority) == ("first line\nsecond", "2", "sev2")
    assert (ticket.services, ticket.tags, ticket.assignees) == (("payments",), ("a", "b"), ())
    assert (ticket.team, ticket.status.raw, ticket.status.category) == ("Incidents", "new", StatusCategory.NEW)
    assert ticket.fields == {"Service": "payments", "Requestor": "caller@example.com"}
    assert ticket.due_at is not None
    assert ticket.due_at.date().isoformat() == "2027-02-28"
    assert ticket.url == f"{lab.url}/Ticket/Display.html?id={key}"
    assert ticket.timeline[0].text == "created"
    assert (await alice.ticket(lab.new())).due_at is None


async def test_every_kind_of_change_is_told_in_names(lab: RTLab, alice: RTTickets) -> None:
    key, other = lab.new(), lab.new()
    lab.say(key, "for us", Status="open", CustomFields={"Severity": "sev1", "Tags": ["dns", "eu"]})
    lab.say(key, "<p>Hello <b>you</b></p>", kind="correspond", ContentType="text/html")
    lab.put(key, Owner="alice", Subject=f"it is the database {lab.word}", AddDependsOn=other, Cc=["cc@example.com"])
    lab.put(key, Owner="Nobody", Status="stalled", CustomFields={"Tags": ["eu"]}, DeleteDependsOn=other)
    ticket = await alice.ticket(key)
    told = [(entry.kind, entry.visibility, str(entry.text)) for entry in ticket.timeline]
    internal, public = Visibility.INTERNAL, Visibility.PUBLIC
    for wanted in [
        (EntryKind.SYSTEM, public, "created"),
        (EntryKind.COMMENT, internal, "for us"),
        (EntryKind.REPLY, public, "Hello you"),
        (EntryKind.STATUS, public, "status: new → open"),
        (EntryKind.STATUS, public, "status: open → stalled"),
        (EntryKind.FIELD, public, "Severity: sev3 → sev1"),
        (EntryKind.FIELD, public, "Tags: + dns"),
        (EntryKind.FIELD, public, "Tags: − dns"),
        (EntryKind.ASSIGN, public, "assignee: Nobody → alice"),
        (EntryKind.ASSIGN, public, "assignee: alice → Nobody"),
        (EntryKind.LINK, public, f"DependsOn: + ticket {other}"),
        (EntryKind.LINK, public, f"DependsOn: − ticket {other}"),
        (EntryKind.FIELD, public, "cc: + cc@example.com"),
        (EntryKind.FIELD, public, f"subject: checkout is slow {lab.word} → it is the database {lab.word}"),
    ]:
        assert wanted in told, (wanted, told)
    assert [entry.number for entry in ticket.timeline] == list(range(1, len(ticket.timeline) + 1))
    assert not any("custom field" in text or "user " in text for _, _, text in told)


async def test_what_only_the_system_and_administrators_see_has_no_name_of_its_own_but_its_kind(lab: RTLab) -> None:
    key = lab.new(Requestor="caller@example.com")
    lab.say(key, "we are on it", kind="correspond")
    root = lab.system("root")
    ticket = await root.ticket(key)
    await root.disconnect()
    mails = [entry for entry in ticket.timeline if entry.text == "mail sent"]
    assert mails
    assert {(entry.kind, entry.visibility) for entry in mails} == {(EntryKind.SYSTEM, Visibility.INTERNAL)}
    assert [entry.text for entry in ticket.timeline].count("we are on it") == 1


async def test_files_are_listed_and_texts_are_read_however_they_came(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    files = [
        ("Attachments", ("trace ü.bin", bytes(range(256)) * 10, "application/octet-stream")),
        ("Attachments", ("note.txt", "é" * 500, "text/plain")),
        ("Attachments", ("page.html", "<b>x</b>", "text/html")),
    ]
    head = {"JSON": '{"Content": "with files", "ContentType": "text/plain"}'}
    assert lab.ask("POST", f"/ticket/{key}/comment", data=head, files=files).status_code == 201
    only = {"JSON": '{"ContentType": "text/plain"}'}
    assert lab.ask("POST", f"/ticket/{key}/comment", data=only, files=files[:1]).status_code == 201
    ticket = await alice.ticket(key)
    assert [(one.name, one.size) for one in ticket.attachments] == [
        ("trace ü.bin", 2560), ("note.txt", 1000), ("page.html", 8), ("trace ü.bin", 2560),
    ]  # fmt: skip
    assert [entry.text for entry in ticket.timeline[1:3]] == ["with files", "attached trace ü.bin"]
    assert ticket.timeline[2].kind is EntryKind.ATTACH


async def test_a_history_of_many_pages_is_read_to_its_end(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new(Requestor="caller@example.com")
    # Replies are mailed, and a mail is a transaction that alice may not see on this server or may on another.
    for number in range(4):
        lab.say(key, f"reply {number}", kind="correspond")
    tags: list[str] = []
    for number in range(3):
        tags += [f"t{number}-{one}" for one in range(40)]
        lab.put(key, CustomFields={"Tags": tags})
    lab.say(key, "the last words")
    ticket = await alice.ticket(key)
    assert len(ticket.timeline) > 125
    assert ticket.timeline[-1].text == "the last words"
    assert len(ticket.tags) == 120
    assert (await alice.ticket(key)).timeline == ticket.timeline


async def test_a_ticket_that_was_merged_says_into_which(lab: RTLab, alice: RTTickets) -> None:
    key, other = lab.new(), lab.new()
    lab.put(key, "root", MergeInto=other)
    with pytest.raises(NotFound, match=f"merged into rt:{other}"):
        await alice.ticket(key)


# --- queues -----------------------------------------------------------------------------------------------------------


async def everything(
    system: RTTickets, queue: Queue, cursor: Cursor | None = None
) -> tuple[dict[str, str], set[str], Cursor]:
    found: dict[str, str] = {}
    left: set[str] = set()
    while True:
        changes: Changes = await system.changed_since(queue, cursor)
        found |= {ticket.ref.key: str(ticket.title) for ticket in changes.tickets}
        left |= set(changes.left)
        cursor = changes.cursor
        if changes.complete:
            return found, left, cursor


async def test_who_leaves_a_queue_is_told(lab: RTLab, alice: RTTickets) -> None:
    queue = Queue("open", "rt", f"{lab.queue.query} AND Status = '__Active__'")
    key, other = lab.new(), lab.new()
    found, _, cursor = await everything(alice, queue)
    assert set(found) == {key, other}
    lab.put(key, Status="resolved")
    _, left, cursor = await everything(alice, queue, cursor)
    assert left == {key}


async def test_a_queue_is_read_page_by_page_and_then_only_what_changed(
    lab: RTLab, alice: RTTickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opstui.adapters.tickets.rt.PAGE", 3)
    monkeypatch.setattr("opstui.adapters.tickets.rt.SMALL", 4)
    keys = {lab.new(f"number {number}") for number in range(8)}
    found, _, cursor = await everything(alice, lab.queue)
    assert set(found) == keys
    changed = sorted(keys)[4]
    lab.say(changed)
    found, _, _ = await everything(alice, lab.queue, cursor)
    assert changed in found


async def test_a_queue_without_a_query_has_everything_active(lab: RTLab, alice: RTTickets) -> None:
    key, done = lab.new(), lab.new()
    lab.put(done, Status="resolved")
    found, _, _ = await everything(alice, Queue("all", "rt", ""))
    assert key in found
    assert done not in found


def test_rt_reads_every_age_as_it_is_meant(lab: RTLab) -> None:
    lab.new()
    for age in (60, 999, 1500, 2000, 2500, 5999, 9999, 10_001, 72_000, 10**6, 10**7, 10**8, 4 * 10**8):
        query = f"{lab.queue.query} AND LastUpdated >= '{spelled(timedelta(seconds=age))}'"
        assert lab.get("/tickets", query=query)["total"] == 1, query


@pytest.mark.parametrize(
    ("query", "words"),
    [("Bogus = 1", "Unknown field"), ("Queue = 'x' AND", "query"), ("id > 0) OR (id > 0", "brackets"), ("'", "quotes")],
)
async def test_a_query_that_rt_cannot_read_is_refused_in_its_words(alice: RTTickets, query: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        await alice.changed_since(Queue("bad", "rt", query), None)


async def test_quotes_in_a_query_stay_what_they_are(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new('it\'s "slow" (again')
    query = f"{lab.queue.query} AND Subject LIKE 'it\\'s \"slow\" (again'"
    found, _, cursor = await everything(alice, Queue("quoted", "rt", query))
    assert set(found) == {key}
    lab.say(key)
    assert set((await everything(alice, Queue("quoted", "rt", query), cursor))[0]) == {key}


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_a_comment_goes_with_status_fields_and_files_in_one_request(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    update = await update_of(
        alice, key, comment="looked at it",
        attachments=(("trace.bin", b"\x00\xff\r\n"), ("ä 日.txt", b"a\r\nb"), ("c.md", b"# c")),
        fields={"/status": "open", "/severity": "1", "/fields/Service": "dns"}, add_tags=("eu",),
    )  # fmt: skip
    await alice.send(update)
    ticket = await alice.ticket(key)
    assert lab.types(key).count("Comment") == 1
    assert (ticket.status.raw, ticket.severity, ticket.fields["Service"], ticket.tags) == ("open", "1", "dns", ("eu",))
    assert [(one.name, one.size) for one in ticket.attachments] == [("trace.bin", 4), ("ä 日.txt", 4), ("c.md", 3)]
    ours = [entry for entry in ticket.timeline if entry.op_id == OP_ID]
    assert {entry.kind for entry in ours} == {EntryKind.COMMENT, EntryKind.STATUS, EntryKind.FIELD, EntryKind.SYSTEM}
    assert ours[0].text == "looked at it"
    assert ticket.timeline[0].op_id is None


async def test_what_rt_does_in_answer_to_us_is_nobody_elses_doing(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new(Requestor="caller@example.com")
    before = len((await alice.ticket(key)).timeline)
    await alice.send(await update_of(alice, key, comment="we are on it", public=True))
    ticket = await alice.ticket(key)
    assert ticket.status.raw == "open"
    assert overlaps(before, ticket, op_id=OP_ID, own=[alice.me()]) == ()
    assert next(entry.text for entry in ticket.timeline if entry.op_id == OP_ID) == "we are on it"


async def test_an_update_without_a_comment_is_refused_on_another_version(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    update = await update_of(alice, key, fields={"/status": "open"})
    lab.put(key, Status="stalled")
    before = await alice.ticket(key)
    with pytest.raises(Conflict):
        await alice.send(update)
    assert await alice.ticket(key) == before


async def test_a_comment_is_refused_on_another_version(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    update = await update_of(alice, key, comment="looked at it", fields={"/status": "open"})
    lab.say(key, "so did I")
    before = await alice.ticket(key)
    with pytest.raises(Conflict):
        await alice.send(update)
    assert await alice.ticket(key) == before


async def test_rt_itself_refuses_a_write_that_came_in_between(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    update = await update_of(alice, key, fields={"/status": "open"})
    # The connector believes what it read last; only RT knows better.
    lab.say(key, "in between")
    with pytest.raises(Conflict):
        await alice.send(update)


async def test_earlier_op_ids_stay_and_are_found_when_they_are_gone(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    await alice.send(await update_of(alice, key, comment="one"))
    await alice.send(await update_of(alice, key, fields={"/status": "open"}, op_id=OTHER_ID))
    assert lab.values(key, OP_FIELD) == [OP_ID, OTHER_ID]
    lab.put(key, CustomFields={OP_FIELD: ["somebody's own"]})
    assert lab.values(key, OP_FIELD) == ["somebody's own"]
    for op_id in (OP_ID, OTHER_ID):
        found = await alice.find(key, op_id)
        ticket = await alice.ticket(key)
        assert found in [entry.id for entry in ticket.timeline if entry.op_id == op_id]


async def test_a_tag_of_somebody_else_is_not_lost(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new(CustomFields={"Tags": ["seed"]})
    update = await update_of(alice, key, add_tags=("ours",), comment="x")
    lab.put(key, CustomFields={"Tags": ["seed", "theirs"]})
    with pytest.raises(Conflict):
        await alice.send(update)
    await alice.send(await update_of(alice, key, add_tags=("ours",), remove_tags=("seed",), comment="x"))
    assert lab.values(key, "Tags") == ["ours", "theirs"]


async def test_a_status_that_rt_refuses_with_a_200_is_a_refusal(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    with pytest.raises(Refused, match=r"bogus.*Nothing was applied"):
        await alice.send(await update_of(alice, key, fields={"/status": "bogus"}))
    assert (await alice.ticket(key)).status.raw == "new"


async def test_a_status_that_rt_refuses_with_a_201_leaves_the_comment(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    await alice.send(await update_of(alice, key, comment="looked at it", fields={"/status": "bogus"}))
    ticket = await alice.ticket(key)
    assert ticket.status.raw == "new"
    assert await alice.find(key, OP_ID) is not None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"/fields/No such field": "x"}, "no custom field No such field"),
        ({"/assignee": ["nobody-of-this-name"]}, "refused"),
        ({"/assignee": ["alice", "bob"]}, "one owner"),
        ({"/team": "No such queue"}, "refused"),
        ({"/team": None}, "always in a queue"),
    ],
)
async def test_what_rt_would_pass_over_is_refused(
    lab: RTLab, alice: RTTickets, fields: dict[str, Any], words: str
) -> None:
    key = lab.new()
    before = await alice.ticket(key)
    with pytest.raises(Refused, match=words):
        await alice.send(await update_of(alice, key, fields=fields))
    after = await alice.ticket(key)
    for path in ("/assignee", "/team"):
        assert field_value(after, path) == field_value(before, path)


async def test_a_queue_without_the_op_field_is_refused_before_anything_is_sent(lab: RTLab) -> None:
    key = lab.new()
    system = lab.system(op_field="NoSuchField")
    with pytest.raises(Refused, match=r"NoSuchField.*Nothing was sent"):
        await system.send(await update_of(system, key, comment="x"))
    await system.disconnect()
    assert lab.types(key).count("Comment") == 0


async def test_a_ticket_moves_to_another_team(lab: RTLab) -> None:
    key = lab.new()
    root = lab.system("root", op_field="")
    await root.send(await update_of(root, key, fields={"/team": "General", "/assignee": ["root"]}))
    ticket = await root.ticket(key)
    assert (ticket.team, ticket.assignees) == ("General", ("root",))
    assert "team: Incidents → General" in [entry.text for entry in ticket.timeline]
    await root.send(await update_of(root, key, fields={"/assignee": []}))
    assert (await root.ticket(key)).assignees == ()
    await root.disconnect()


async def test_fields_are_emptied(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new(CustomFields={"Severity": "sev1", "Service": "shop", "Tags": ["one"]})
    fields = {"/severity": None, "/fields/Service": None}
    await alice.send(await update_of(alice, key, fields=fields, remove_tags=("one",)))
    ticket = await alice.ticket(key)
    assert (ticket.severity, ticket.services, ticket.tags) == (None, (), ())


async def test_severity_is_the_priority_where_a_queue_has_no_field_for_it(lab: RTLab) -> None:
    key = lab.new()
    root = lab.system("root", op_field="", severity={"80": "1", "50": "2", "20": "3", "0": "4"})
    await root.send(await update_of(root, key, fields={"/team": "General"}))
    for severity, priority in (("1", "80"), ("2", "50"), ("4", "0")):
        comment = f"now {severity}" if severity == "2" else None
        await root.send(await update_of(root, key, fields={"/severity": severity}, comment=comment))
        ticket = await root.ticket(key)
        assert (ticket.severity, ticket.priority) == (severity, priority)
    lab.put(key, "root", Priority="79")
    assert (await root.ticket(key)).severity == "2"
    await root.disconnect()


TEXTS = [
    "0", "x", " leading blank", "\nleading line", "trailing \n", "a\r\nb\rc", "nul \x00 bell \x07 esc \x1b[31m",
    "-- \nsignature", "From here", ".", ".\n.", "\ufeffmark", "emoji 👩‍🚒 e\u0301 \u202e", "<b>&amp;</b>", "=3D=\n=20",
    "tab\tand   blanks", "--boundary\nContent-Type: text/html\n\n<b>", "Subject: x\n\nbody", '{"Content": 1}',
    "x" * 100_000, "ü" * 60_000,
]  # fmt: skip


async def test_comments_come_back_as_they_were_sent(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    for number, text in enumerate(TEXTS):
        await alice.send(await update_of(alice, key, comment=text, op_id=step_id(OP_ID, number)))
    ticket = await alice.ticket(key)
    said = {entry.op_id: entry.text.strip() for entry in ticket.timeline if entry.kind is EntryKind.COMMENT}
    assert said == {step_id(OP_ID, number): clean(text).strip() for number, text in enumerate(TEXTS)}


async def test_what_a_right_is_missing_for_is_refused_in_rts_words(lab: RTLab, alice: RTTickets) -> None:
    key = lab.new()
    root = lab.system("root", op_field="")
    await root.send(await update_of(root, key, fields={"/team": "General"}))
    await root.disconnect()
    with pytest.raises(Refused) as caught:
        await alice.ticket(key)
    assert not isinstance(caught.value, CredentialsRefused)


async def test_the_op_id_that_rt_does_not_take_is_remembered(lab: RTLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the right to change that field is missing: RT takes the comment and says no word of it."""
    key = lab.new()
    system = lab.system()
    real = system._http.request

    async def without_fields(method: str, path: str, **more: Any) -> Any:
        if method == "POST" and path.startswith("ticket/"):
            more["json"] = {name: value for name, value in more["json"].items() if name != "CustomFields"}
        return await real(method, path, **more)

    monkeypatch.setattr(system._http, "request", without_fields)
    await system.send(await update_of(system, key, comment="looked at it"))
    found = await system.find(key, OP_ID)
    ticket = await system.ticket(key)
    await system.disconnect()
    assert [entry.text for entry in ticket.timeline if entry.id == found] == ["looked at it"]


async def test_without_a_field_the_op_id_is_in_the_comments_last_line_and_not_in_its_text(lab: RTLab) -> None:
    key = lab.new()
    system = lab.system(op_field="")
    await system.send(await update_of(system, key, comment="looked at it", fields={"/status": "open"}))
    found = await system.find(key, OP_ID)
    assert await system.find(key, OTHER_ID) is None
    ticket = await system.ticket(key)
    await system.disconnect()
    assert [(entry.id, entry.text) for entry in ticket.timeline if entry.op_id == OP_ID] == [(found, "looked at it")]


async def test_doctor_is_told_who_asks_and_that_tickets_have_no_such_field(lab: RTLab) -> None:
    lab.new()
    told = await asyncio.to_thread(lab.system().probe)
    assert [one.state for one in told] == ["pass"]
    assert "as alice" in told[0].text
    assert [one.state for one in await asyncio.to_thread(lab.system(op_field="Nope").probe)] == ["pass", "warn"]
    assert [one.state for one in await asyncio.to_thread(lab.system(op_field="").probe)] == ["pass", "warn"]
