"""What every ticket system promises (``ports.TicketSystem``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

import pytest

from opstui.core.errors import Conflict, NotFound, Refused
from opstui.core.ports import Cursor, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket, TicketRef, field_value

Change = Callable[[str], Awaitable[None]]
"""Somebody else changes the ticket with this key."""


class TicketSystemContract:
    """Subclass it with the fixtures ``system``, ``key`` (an existing ticket), ``queue`` (one that it is in) and
    ``foreign_change`` (somebody else adds a comment to a ticket)."""

    @pytest.fixture
    def system(self) -> TicketSystem:
        raise NotImplementedError

    @pytest.fixture
    def key(self, system: TicketSystem) -> str:
        raise NotImplementedError

    @pytest.fixture
    def queue(self, system: TicketSystem) -> Queue:
        raise NotImplementedError

    @pytest.fixture
    def foreign_change(self, system: TicketSystem) -> Change:
        raise NotImplementedError

    async def _update(self, system: TicketSystem, key: str, **parts: object) -> Update:
        there = await system.ticket(key)
        given: dict[str, object] = {
            "op_id": "01JABCDEFGHJKMNPQRSTVWXYZ0",
            "ticket": TicketRef(system.name, key),
            "expected_version": there.version,
            "author": "ana",
        }
        return Update(**given | parts)  # type: ignore[arg-type]

    async def _all(self, system: TicketSystem, queue: Queue, cursor: Cursor | None) -> tuple[list[Ticket], Cursor]:
        found: list[Ticket] = []
        while True:
            changes = await system.changed_since(queue, cursor)
            found += changes.tickets
            cursor = changes.cursor
            if changes.complete:
                return found, cursor

    async def test_the_first_question_brings_every_ticket_of_the_queue_complete(
        self, system: TicketSystem, queue: Queue, key: str
    ) -> None:
        found, _ = await self._all(system, queue, None)
        assert await system.ticket(key) in found

    async def test_a_change_after_the_cursor_is_in_the_next_answer(
        self, system: TicketSystem, queue: Queue, key: str, foreign_change: Change
    ) -> None:
        _, cursor = await self._all(system, queue, None)
        await foreign_change(key)
        found, _ = await self._all(system, queue, cursor)
        assert await system.ticket(key) in found

    async def test_a_quiet_queue_brings_the_same_cursor_again_and_again(
        self, system: TicketSystem, queue: Queue, key: str
    ) -> None:
        _, cursor = await self._all(system, queue, None)
        _, again = await self._all(system, queue, cursor)
        _, once_more = await self._all(system, queue, again)
        assert again == once_more

    async def test_a_change_stirs_it(
        self, system: TicketSystem, queue: Queue, key: str, foreign_change: Change
    ) -> None:
        assert system.stirred()
        await self._all(system, queue, None)
        await foreign_change(key)
        assert system.stirred()

    async def test_a_ticket_is_named_by_its_system(self, system: TicketSystem, key: str) -> None:
        assert (await system.ticket(key)).ref == TicketRef(system.name, key)

    async def test_an_unknown_key_is_not_found(self, system: TicketSystem) -> None:
        with pytest.raises(NotFound):
            await system.ticket("NO-SUCH-TICKET-0")

    async def test_any_change_gives_a_ticket_another_version(
        self, system: TicketSystem, key: str, foreign_change: Change
    ) -> None:
        before = await system.ticket(key)
        await foreign_change(key)
        assert (await system.ticket(key)).version != before.version

    async def test_entries_keep_their_numbers(self, system: TicketSystem, key: str, foreign_change: Change) -> None:
        before = await system.ticket(key)
        await foreign_change(key)
        after = await system.ticket(key)
        assert after.timeline[: len(before.timeline)] == before.timeline
        assert [one.id for one in after.timeline] == [after.entry_id(n) for n in range(1, len(after.timeline) + 1)]

    async def test_transitions_leave_out_the_status_it_has(self, system: TicketSystem, key: str) -> None:
        assert (await system.ticket(key)).status.raw not in await system.transitions(key)

    async def test_a_listed_transition_is_taken(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.transitions_listed:
            pytest.skip("the system does not list transitions")
        wanted = (await system.transitions(key))[0]
        await system.send(await self._update(system, key, fields={"/status": wanted}))
        assert (await system.ticket(key)).status.raw == wanted

    async def test_what_was_sent_reads_back(self, system: TicketSystem, key: str) -> None:
        fields = {
            path: value
            for path, value in (("/severity", "1"), ("/assignee", ["bo"]), ("/team", "dba"))
            if path in system.capabilities.fields
        }
        text = "line one\n\n  indented, with `code` and ünïcode\n[/] not markup"
        await system.send(await self._update(system, key, fields=fields, comment=text, add_tags=("dns",)))
        after = await system.ticket(key)
        assert {path: field_value(after, path) for path in fields} == fields
        assert "dns" in after.tags
        assert any(one.text == text and one.visibility.value != "public" for one in after.timeline)

    async def test_attachments_arrive_with_their_size(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.attachments:
            pytest.skip("the system takes no attachments")
        await system.send(await self._update(system, key, attachments=(("package.md", b"# what we know\n"),)))
        assert [(one.name, one.size) for one in (await system.ticket(key)).attachments] == [("package.md", 15)]

    async def test_an_op_id_is_found_once_it_was_applied(self, system: TicketSystem, key: str) -> None:
        update = await self._update(system, key, comment="looked at it")
        assert await system.find(key, update.op_id) is None
        await system.send(update)
        found = await system.find(key, update.op_id)
        assert found is not None
        marked = [one for one in (await system.ticket(key)).timeline if one.op_id == update.op_id]
        assert found in [one.id for one in marked]

    async def test_the_same_op_id_again_changes_nothing(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.marker_findable:
            pytest.skip("the system can't tell")
        update = await self._update(system, key, comment="looked at it", fields={"/severity": "1"})
        first = await system.send(update)
        after = await system.ticket(key)
        assert await system.send(update) == first
        assert await system.ticket(key) == after

    async def test_another_version_than_expected_is_a_conflict_and_changes_nothing(
        self, system: TicketSystem, key: str, foreign_change: Change
    ) -> None:
        if not system.capabilities.conditional_write:
            pytest.skip("the system has no conditional write")
        update = await self._update(system, key, comment="looked at it")
        await foreign_change(key)
        before = await system.ticket(key)
        with pytest.raises(Conflict):
            await system.send(update)
        assert await system.ticket(key) == before
        assert await system.find(key, update.op_id) is None

    async def test_a_refused_part_refuses_the_whole_update(self, system: TicketSystem, key: str) -> None:
        if not system.capabilities.atomic:
            pytest.skip("the system applies updates in parts")
        before = await system.ticket(key)
        update = await self._update(system, key, comment="x", fields={"/severity": "1", "/status": "no such status"})
        with pytest.raises(Refused):
            await system.send(update)
        assert await system.ticket(key) == before
        await system.send(dataclasses.replace(update, fields={"/severity": "1"}))
        assert (await system.ticket(key)).severity == "1"

    async def test_it_says_who_is_asking_and_how_it_is(self, system: TicketSystem) -> None:
        assert system.me()
        assert system.origin
        assert {probe.state for probe in system.probe()} <= {"pass", "warn", "fail"}
