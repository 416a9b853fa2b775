"""What every ticket system promises (``ports.TicketSystem``), for our connectors and for yours.

A connector is tested against a real server, or against a stand-in that remembers what it is told. pytest and
pytest-asyncio with ``asyncio_mode = "auto"`` are all that is needed::

    from opstui.testing.builders import OwnClock, OwnRandomness
    from opstui.testing.tickets import Change, TicketSystemContract

    class TestAcme(TicketSystemContract):
        @pytest.fixture
        def system(self, server):  # `server` is yours; what the system has open, the suite closes
            return connect(Connection(
                name="acme", kind="acme", url=server.url, secret=lambda: server.token,
                clock=OwnClock(), randomness=OwnRandomness(),
            ))

        @pytest.fixture
        def key(self, server):  # a new open ticket for each test
            return server.add_ticket(title="checkout is slow")

        @pytest.fixture
        def queue(self):
            return Queue("open", "acme", "state=open")

        @pytest.fixture
        def foreign_change(self, server) -> Change:
            async def change(key: str) -> None:
                server.comment(key, by="bo", text="me too")
            return change

These four must be there. Fixtures with a default say in a sentence what they are for: give those that your system can
stand, since a promise without its fixture is skipped (``not promised: …``), and a skipped promise is not kept.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from opstui.core.errors import Conflict, CredentialsRefused, NotFound, OpstuiError, Refused, Unreachable
from opstui.core.ports import Cursor, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.text import clean, clean_line
from opstui.core.tickets import Ticket, TicketRef, TicketRow, Visibility, field_value
from opstui.testing.steps import split
from opstui.testing.tickets_given import OP_ID, OTHER_ID, Change as Change, Comment as Comment, TicketSystemGiven

BAD_KEYS = ("999999999", "../users", "..%2fusers", "1/../../users", "1?all=1", "1'OR'1'='1", '1"', "1#2/x", "%")
"""Keys that no ticket has, most of them made to reach something else."""
HOSTILE = "a\x1b[31mred\x1b]0;title\x07 \x9b2J \u202etxt.exe\u2066 [/] [@click=app.quit]x[/] <script> {{7*7}} \x00\"'"


class TicketSystemContract(TicketSystemGiven):
    """Subclass it with the fixtures ``system``, ``key``, ``queue`` and ``foreign_change``; see the module."""

    # --- reading

    async def test_the_first_question_brings_every_ticket_of_the_queue(
        self, system: TicketSystem, queue: Queue, key: str
    ) -> None:
        found, _ = await self._all(system, queue, None)
        assert_told(await system.ticket(key), found)

    async def test_a_change_after_the_cursor_is_in_the_next_answer(
        self, system: TicketSystem, queue: Queue, key: str, foreign_change: Change
    ) -> None:
        _, cursor = await self._all(system, queue, None)
        await foreign_change(key)
        found, _ = await self._all(system, queue, cursor)
        assert_told(await system.ticket(key), found)

    async def test_a_quiet_queue_brings_the_same_cursor_again_and_again(
        self, system: TicketSystem, queue: Queue, key: str
    ) -> None:
        _, cursor = await self._all(system, queue, None)
        _, again = await self._all(system, queue, cursor)
        _, once_more = await self._all(system, queue, again)
        assert again == once_more

    async def test_a_cursor_of_something_else_starts_from_the_beginning(
        self, system: TicketSystem, queue: Queue, key: str
    ) -> None:
        for value in ("", "{}", "nonsense", '{"watermark":"yesterday","position":[]}'):
            found, _ = await self._all(system, queue, Cursor(value))
            assert key in {ticket.ref.key for ticket in found}, value

    async def test_a_change_stirs_it(
        self, system: TicketSystem, queue: Queue, key: str, foreign_change: Change
    ) -> None:
        assert system.stirred()
        await self._all(system, queue, None)
        await foreign_change(key)
        assert system.stirred()

    async def test_a_ticket_is_named_by_its_system_and_read_completely(self, system: TicketSystem, key: str) -> None:
        ticket = await system.ticket(key)
        assert ticket.ref == TicketRef(system.name, key)
        assert ticket.complete
        assert ticket.created_at.utcoffset() is not None
        assert ticket.updated_at >= ticket.created_at

    async def test_an_unknown_key_is_not_found(self, system: TicketSystem, unknown_key: str) -> None:
        with pytest.raises(NotFound):
            await system.ticket(unknown_key)

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_a_key_reaches_nothing_but_tickets(self, system: TicketSystem, key: str) -> None:
        with pytest.raises(NotFound):
            await system.ticket(key)

    async def test_any_change_gives_a_ticket_another_version(
        self, system: TicketSystem, key: str, foreign_change: Change
    ) -> None:
        before = await system.ticket(key)
        await foreign_change(key)
        assert (await system.ticket(key)).version != before.version

    async def test_nothing_but_a_change_gives_a_ticket_another_version(self, system: TicketSystem, key: str) -> None:
        assert await system.ticket(key) == await system.ticket(key)

    async def test_entries_keep_their_numbers(self, system: TicketSystem, key: str, foreign_change: Change) -> None:
        await foreign_change(key)
        before = await system.ticket(key)
        await foreign_change(key)
        after = await system.ticket(key)
        assert after.timeline[: len(before.timeline)] == before.timeline
        assert len(after.timeline) > len(before.timeline)
        assert [one.id for one in after.timeline] == [after.entry_id(n) for n in range(1, len(after.timeline) + 1)]

    async def test_hostile_text_is_made_harmless_and_stays_readable(
        self, system: TicketSystem, key: str, foreign_comment: Comment | None
    ) -> None:
        if foreign_comment is None:
            pytest.skip("not promised: no fixture `foreign_comment`")
        await foreign_comment(key, HOSTILE)
        ticket = await system.ticket(key)
        assert any("red" in entry.text and "[@click=app.quit]" in entry.text for entry in ticket.timeline)
        for entry in ticket.timeline:
            assert entry.text == clean(entry.text)
            assert entry.author == clean_line(entry.author)

    async def test_it_says_who_is_asking_and_how_it_is(self, system: TicketSystem, key: str) -> None:
        await system.ticket(key)
        assert system.me() == clean_line(system.me())
        assert system.me()
        assert system.origin
        assert {probe.state for probe in await asyncio.to_thread(system.probe)} <= {"pass", "warn", "fail"}

    # --- what it says it can

    def test_each_part_of_an_update_belongs_to_a_step(self, system: TicketSystem) -> None:
        fields = {path.replace("*", "X"): "x" for path in system.capabilities.fields if path != "/tags"}
        update = Update(
            op_id=OP_ID, ticket=TicketRef(system.name, "1"), expected_version="1", fields=fields, comment="x",
            add_tags=("x",), attachments=(("x", b"x"),),
        )  # fmt: skip
        steps = split(update, system.capabilities.steps)
        assert {path for step in steps for path in step.fields} == set(fields)
        assert sum(step.comment is not None for step in steps) == 1
        assert sum(bool(step.attachments) for step in steps) == 1

    async def test_transitions_leave_out_the_status_it_has(self, system: TicketSystem, key: str) -> None:
        assert (await system.ticket(key)).status.raw not in await system.transitions(key)

    # --- writing

    async def test_a_listed_transition_is_taken(self, system: TicketSystem, key: str, status: str | None) -> None:
        listed = await system.transitions(key)
        if not listed and status is None:
            pytest.skip("not promised: the system does not list transitions, and there is no fixture `status`")
        wanted = status or listed[0]
        assert wanted in listed or not system.capabilities.transitions_listed
        await self._send(system, key, fields={"/status": wanted})
        assert (await system.ticket(key)).status.raw == wanted

    async def test_a_status_that_does_not_exist_is_never_taken(self, system: TicketSystem, key: str) -> None:
        before = await system.ticket(key)
        try:
            await self._send(system, key, fields={"/status": "no such status"})
        except Refused:
            pass
        assert (await system.ticket(key)).status == before.status

    async def test_what_was_sent_reads_back(
        self,
        system: TicketSystem,
        key: str,
        severity: str | None,
        assignee: str | None,
        team: str | None,
        field: tuple[str, str] | None,
        tag: str,
        text: str,
    ) -> None:
        can = system.capabilities
        given = {"/severity": severity, "/assignee": [assignee] if assignee else None, "/team": team}
        fields: dict[str, Any] = {path: value for path, value in given.items() if value and path in can.fields}
        fields |= dict([field] if field else [])
        tags = (tag,) if "/tags" in can.fields else ()
        await self._send(system, key, fields=fields, comment=text, add_tags=tags, **self._comment(can))
        after = await system.ticket(key)
        assert {path: field_value(after, path) for path in fields} == fields
        assert set(tags) <= set(after.tags)
        unwanted = Visibility.PUBLIC if can.internal_comments else Visibility.INTERNAL
        assert [one.visibility for one in after.timeline if one.text == text and one.visibility is not unwanted]

    async def test_a_public_comment_is_told_from_an_internal_one(self, system: TicketSystem, key: str) -> None:
        if not (system.capabilities.internal_comments and system.capabilities.public_comments):
            pytest.skip("not promised: the system has one kind of comment")
        await self._send(system, key, comment="for everybody", public=True)
        await self._send(system, key, comment="for us", op_id=OTHER_ID)
        seen = {str(one.text): one.visibility for one in (await system.ticket(key)).timeline}
        assert seen["for everybody"] is not Visibility.INTERNAL
        assert seen["for us"] is not Visibility.PUBLIC
        assert seen["for everybody"] is not seen["for us"]

    async def test_a_tag_is_added_and_removed_without_touching_others(
        self, system: TicketSystem, key: str, tag: str
    ) -> None:
        if "/tags" not in system.capabilities.fields:
            pytest.skip("not promised: the system's tags can't be written")
        await self._send(system, key, add_tags=(tag, "one-more"))
        await self._send(system, key, remove_tags=(tag,), op_id=OTHER_ID)
        tags = {str(one) for one in (await system.ticket(key)).tags}
        assert "one-more" in tags
        assert tag not in tags

    async def test_a_long_comment_arrives_whole(self, system: TicketSystem, key: str) -> None:
        kind = self._comment(system.capabilities)
        room = min(100_000, system.capabilities.comment_limit or 100_000)
        line = "0123456789 äöü €uro 日本 and so on\n"
        text = (line * (room // len(line) + 1))[: room - 1] + "."
        await self._send(system, key, comment=text, **kind)
        assert text in [one.text for one in (await system.ticket(key)).timeline]

    async def test_attachments_arrive_with_their_size(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.attachments:
            pytest.skip("not promised: the system takes no attachments")
        await self._send(system, key, attachments=(("package.md", b"# what we know\n"),))
        assert ("package.md", 15) in [(one.name, one.size) for one in (await system.ticket(key)).attachments]

    async def test_an_op_id_is_found_once_it_was_applied(self, system: TicketSystem, key: str) -> None:
        can = system.capabilities
        if not (can.marker_findable or can.marker_in_comment):
            pytest.skip("not promised: the system keeps no op id")
        kind = self._comment(can)
        assert await system.find(key, OP_ID) is None
        await self._send(system, key, comment="looked at it", **kind)
        found = await system.find(key, OP_ID)
        marked = [one for one in (await system.ticket(key)).timeline if one.op_id == OP_ID]
        assert found is not None
        assert found in [one.id for one in marked]
        assert not can.marker_in_comment or "looked at it" in [one.text for one in marked]
        assert await system.find(key, OTHER_ID) is None

    async def test_a_findable_op_id_is_found_whatever_was_sent_with_it(
        self, system: TicketSystem, key: str, severity: str | None, field: tuple[str, str] | None
    ) -> None:
        if not system.capabilities.marker_findable:
            pytest.skip("not promised: the system keeps an op id with comments only")
        await self._send(system, key, fields=self._one_field(system.capabilities, severity, field))
        assert await system.find(key, OP_ID) is not None

    async def test_the_same_op_id_again_changes_nothing(
        self, system: TicketSystem, key: str, notices_repeats: bool
    ) -> None:
        if not notices_repeats:
            pytest.skip("not promised: the system does not notice; the program looks before it sends again")
        update = await self._update(system, key, comment="looked at it")
        first = await system.send(update)
        after = await system.ticket(key)
        assert await system.send(update) == first
        assert await system.ticket(key) == after

    async def test_another_version_than_expected_is_a_conflict_and_changes_nothing(
        self,
        system: TicketSystem,
        key: str,
        foreign_change: Change,
        severity: str | None,
        field: tuple[str, str] | None,
    ) -> None:
        if not system.capabilities.conditional_write:
            pytest.skip("not promised: the system has no conditional write")
        fields = self._one_field(system.capabilities, severity, field)
        update = await self._update(system, key, fields=fields)
        await foreign_change(key)
        before = await system.ticket(key)
        with pytest.raises(Conflict):
            await system.send(update)
        assert await system.ticket(key) == before
        assert await system.find(key, update.op_id) is None

    async def test_a_refused_part_refuses_the_whole_update(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.atomic:
            pytest.skip("not promised: the system applies updates in parts")
        before = await system.ticket(key)
        update = await self._update(system, key, comment="x", fields={"/status": "no such status"})
        with pytest.raises(Refused):
            await system.send(update)
        assert await system.ticket(key) == before
        await system.send(dataclasses.replace(update, fields={}))
        assert "x" in [one.text for one in (await system.ticket(key)).timeline]

    # --- what goes wrong

    async def test_a_token_that_is_not_taken_is_said_and_not_shown(
        self, stranger: TicketSystem | None, queue: Queue
    ) -> None:
        if stranger is None:
            pytest.skip("not promised: no fixture `stranger`")
        with pytest.raises(CredentialsRefused):
            await stranger.changed_since(queue, None)
        for error in await self._errors(stranger, "1"):
            assert isinstance(error, CredentialsRefused)
            assert str(error).startswith(stranger.name)
        assert "fail" in [probe.state for probe in await asyncio.to_thread(stranger.probe)]

    async def test_where_nobody_listens_nothing_was_sent(self, cut_off: TicketSystem | None, queue: Queue) -> None:
        if cut_off is None:
            pytest.skip("not promised: no fixture `cut_off`")
        with pytest.raises(Unreachable):
            await cut_off.changed_since(queue, None)
        for error in await self._errors(cut_off, "1"):
            assert isinstance(error, Unreachable)
            assert not error.was_anything_sent
            assert str(error).startswith(cut_off.name)
        assert "fail" in [probe.state for probe in await asyncio.to_thread(cut_off.probe)]

    async def _errors(self, system: TicketSystem, key: str) -> list[OpstuiError]:
        """What reading, looking for and writing end with."""
        parts: dict[str, Any] = {"comment": "x", "public": not system.capabilities.internal_comments}
        update = Update(op_id=OP_ID, ticket=TicketRef(system.name, key), expected_version="1", author="ana", **parts)
        first = next(iter(split(update, system.capabilities.steps)))
        found = []
        for ask in (system.ticket(key), system.find(key, OP_ID), system.send(first)):
            with pytest.raises(OpstuiError) as caught:
                await ask
            found.append(caught.value)
        return found


def assert_told(ticket: Ticket, found: list[Ticket]) -> None:
    """The answers hold ``ticket`` as it is; where lists hold less, at least what they have is right."""
    told = next((one for one in found if one.ref == ticket.ref), None)
    assert told is not None, f"{ticket.ref} is not among {len(found)} tickets"
    if told.complete:
        assert told == ticket
        return
    for item in dataclasses.fields(TicketRow):
        if item.name != "version":
            assert getattr(told, item.name) == getattr(ticket, item.name), item.name
