"""The Alertmanager connector against a real Alertmanager."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.tickets.alertmanager import AlertmanagerTickets, connect
from opstui.core.connections import Connection
from opstui.core.errors import Conflict, NotFound, Refused, Unreachable
from opstui.core.ids import new_id
from opstui.core.ports import TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, TicketRef
from opstui.testing.tickets import Change, TicketSystemContract

PATIENCE = 60
"""Seconds within which a group appears or goes: ``group_wait`` is one, ``group_interval`` five."""


class Lab:
    """An Alertmanager; every alert has a service that no other test uses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.service = f"s{secrets.token_hex(6)}"
        self.query = f'service="{self.service}"'
        self.http = httpx2.Client(base_url=url, trust_env=False, timeout=60)
        self.raised: list[dict[str, str]] = []

    def raise_alert(self, instance: str = "a", /, *, ends: bool = False, **labels: str) -> None:
        """An alert of the test's own service, or its end."""
        given = {"alertname": "HighLatency", "service": self.service, "instance": instance} | labels
        self.raised.append(given)
        alert: dict[str, Any] = {"labels": given, "annotations": {"summary": f"{instance} is <b>slow</b>\x1b[31m"}}
        if ends:
            alert["endsAt"] = datetime.now(UTC).isoformat()
        answer = self.http.post("/api/v2/alerts", json=[alert])
        assert answer.status_code == 200, answer.text

    def silences(self) -> list[dict[str, Any]]:
        """Those of the test's own service."""
        there: list[dict[str, Any]] = self.http.get("/api/v2/silences").json()
        return [one for one in there if any(m["value"].startswith(self.service) for m in one["matchers"])]

    def silence(self, *, by: str = "bo", **matchers: str) -> str:
        """Somebody else's silence; its id."""
        now = datetime.now(UTC)
        given = {
            "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()],
            "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": by, "comment": "deploying",
        }  # fmt: skip
        return str(self.http.post("/api/v2/silences", json=given).json()["silenceID"])

    def system(self, **changes: Any) -> AlertmanagerTickets:
        """The connector, on this server."""
        given: dict[str, Any] = {
            "name": "am", "kind": "alertmanager", "url": self.url, "clock": SystemClock(),
            "randomness": SystemRandomness(),
        }  # fmt: skip
        return connect(Connection(**given | changes))

    def close(self) -> None:
        """End what was raised, so that a long-lived server does not fill."""
        for labels in self.raised:
            self.http.post("/api/v2/alerts", json=[{"labels": labels, "endsAt": datetime.now(UTC).isoformat()}])
        for silence in self.silences():
            if silence["status"]["state"] != "expired":
                self.http.delete(f"/api/v2/silence/{silence['id']}")
        self.http.close()


@pytest.fixture
def lab(alertmanager_env: Mapping[str, str]) -> Iterator[Lab]:
    made = Lab(alertmanager_env["AM_URL"])
    yield made
    made.close()


@pytest.fixture
async def system(lab: Lab) -> AsyncIterator[AlertmanagerTickets]:
    made = lab.system()
    yield made
    await made.disconnect()


@pytest.fixture
def queue(lab: Lab) -> Queue:
    return Queue("mine", "am", lab.query)


async def shown(
    system: AlertmanagerTickets, queue: Queue, enough: Callable[[list[Ticket]], bool] = bool
) -> list[Ticket]:
    """The queue's tickets, once they are as wanted: a new alert is grouped within a second or so."""
    found: list[Ticket] = []
    for _ in range(PATIENCE * 5):
        found = list((await system.changed_since(queue, None)).tickets)
        if enough(found):
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"not what was waited for: {found}")


async def one_ticket(system: AlertmanagerTickets, queue: Queue) -> Ticket:
    return (await shown(system, queue))[0]


def fresh() -> str:
    """An op id. Silences outlive a test, and nobody may find those of another run."""
    return new_id(SystemClock(), SystemRandomness())


async def update_of(system: AlertmanagerTickets, key: str, **parts: Any) -> Update:
    there = await system.ticket(key)
    given: dict[str, Any] = {
        "op_id": fresh(), "ticket": TicketRef("am", key), "expected_version": there.version, "author": "ana",
    }  # fmt: skip
    return Update(**given | parts)


async def test_alerts_of_a_group_are_one_ticket(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert("a", severity="warning", team="db")
    lab.raise_alert("b", severity="critical", team="db")
    ticket = (await shown(system, queue, lambda found: len(found) == 1 and "2 alerts" in found[0].title))[0]
    assert ticket.title == f"HighLatency {lab.service} (2 alerts)"
    assert (ticket.status.raw, ticket.status.category) == ("active", StatusCategory.OPEN)
    assert (ticket.severity, ticket.priority, ticket.team) == ("1", "critical", "db")
    assert ticket.services == (lab.service,)
    assert "summary: a is <b>slow</b>␛[31m" in ticket.body
    assert ticket.fields["alertname"] == "HighLatency"
    assert {entry.kind for entry in ticket.timeline} == {EntryKind.ALERT}
    assert [entry.id for entry in ticket.timeline] == [f"{ticket.ref.key}#1", f"{ticket.ref.key}#2"]
    assert ticket == await system.ticket(ticket.ref.key)


async def test_a_quiet_queue_answers_with_the_same_cursor_though_alerts_are_sent_again(
    lab: Lab, system: AlertmanagerTickets, queue: Queue
) -> None:
    lab.raise_alert()
    before = await one_ticket(system, queue)
    first = await system.changed_since(queue, None)
    lab.raise_alert()
    again = await system.changed_since(queue, first.cursor)
    assert again.cursor == first.cursor
    assert again.tickets == (before,)


async def test_a_queue_has_the_groups_that_an_alert_fits(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert("a", severity="critical")
    lab.raise_alert("b", severity="info")
    lab.raise_alert("c", severity="info", alertname="DiskFull")
    await shown(system, queue, lambda found: len(found) == 2 and any("2 alerts" in one.title for one in found))
    worst = Queue("worst", "am", f'{{service="{lab.service}", severity=~"critical|page,x"}}')
    found = await system.changed_since(worst, None)
    assert [ticket.title for ticket in found.tickets] == [f"HighLatency {lab.service} (2 alerts)"]


async def test_a_bad_query_is_refused_in_the_server_s_words(system: AlertmanagerTickets) -> None:
    with pytest.raises(Refused, match="bad matcher format"):
        await system.changed_since(Queue("bad", "am", "severity critical"), None)


async def test_what_ended_leaves_the_queue_and_is_resolved_for_who_saw_it(
    lab: Lab, system: AlertmanagerTickets, queue: Queue
) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    first = await system.changed_since(queue, None)
    lab.raise_alert(ends=True)
    left: tuple[str, ...] = ()
    for _ in range(PATIENCE * 5):
        changes = await system.changed_since(queue, first.cursor)
        left = changes.left
        if left:
            break
        await asyncio.sleep(0.2)
    assert left == (key,)
    gone = await system.ticket(key)
    assert gone.status.category is StatusCategory.RESOLVED
    assert [entry.text for entry in gone.timeline][-1] == "resolved"
    assert gone == await system.ticket(key)
    assert await system.transitions(key) == ()
    other = lab.system()
    with pytest.raises(NotFound, match="may be resolved"):
        await other.ticket(key)
    await other.disconnect()


async def test_a_silence_goes_out_once_and_ends_again(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    assert await system.transitions(key) == ("silenced",)
    fields = {"/status": "silenced", "/fields/silence_for": "1d2h30m"}
    update = await update_of(system, key, fields=fields, comment="looking\n\ninto it")
    assert await system.find(key, update.op_id) is None
    await system.send(update)
    silenced = await system.ticket(key)
    assert (silenced.status.raw, silenced.fields["silence_for"]) == ("silenced", "1d2h30m")
    note = next(entry for entry in silenced.timeline if entry.kind is EntryKind.COMMENT)
    assert (note.text, note.author, note.op_id) == ("looking\n\ninto it", "ana", update.op_id)
    assert await system.find(key, update.op_id) == note.id
    await system.send(update)
    assert len(lab.silences()) == 1

    assert await system.transitions(key) == ("active",)
    end = await update_of(system, key, fields={"/status": "active"}, comment="it was us")
    await system.send(end)
    ended = await system.ticket(key)
    assert ended.status.raw == "active"
    assert "silence_for" not in ended.fields
    assert ended.timeline[: len(silenced.timeline)] == silenced.timeline
    told = next(entry for entry in ended.timeline if entry.op_id == end.op_id)
    assert (told.text, told.author) == ("it was us", "ana")
    assert await system.find(key, end.op_id) == told.id
    assert await system.find(key, update.op_id) == note.id
    assert ended.timeline[-1].kind is EntryKind.SYSTEM  # the server's answer to us, and nobody's change
    assert [one["status"]["state"] for one in lab.silences()] == ["expired"]


async def test_another_process_finds_an_op_id_too(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    update = await update_of(system, key, fields={"/status": "silenced"})
    await system.send(update)
    other = lab.system()
    try:
        found = await other.find(key, update.op_id)
        entry = next(one for one in (await other.ticket(key)).timeline if one.id == found)
        assert (entry.text, entry.op_id) == ("silenced for 2h", update.op_id)
    finally:
        await other.disconnect()


async def test_a_longer_silence_is_the_same_one(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    await system.send(await update_of(system, key, fields={"/status": "silenced"}, comment="one"))
    await system.send(await update_of(system, key, fields={"/fields/silence_for": "8h"}, comment="two"))
    ticket = await system.ticket(key)
    assert ticket.fields["silence_for"] == "8h"
    assert len(lab.silences()) == 1
    assert [entry.text for entry in ticket.timeline if entry.kind is EntryKind.COMMENT] == ["one", "two"]


async def test_a_silence_holds_no_other_group(lab: Lab, system: AlertmanagerTickets) -> None:
    wide = Queue("wide", "am", f'instance="{lab.service}"')
    lab.raise_alert(lab.service, service="")
    lab.raise_alert(lab.service)
    found = await shown(system, wide, lambda found: len(found) == 2)
    without = next(ticket for ticket in found if "service" not in ticket.fields)
    # Others may have alerts of this name without a service, so nothing but what would be sent is looked at.
    from opstui.adapters.tickets.alertmanager_reading import groups_of, matchers_for

    groups = groups_of(await system._groups())
    matchers = matchers_for(groups[without.ref.key], {name for one in groups.values() for name in one.labels})
    assert {"name": "service", "value": "", "isRegex": False, "isEqual": True} in matchers


async def test_a_wider_silence_of_somebody_else_is_told_and_not_ended(
    lab: Lab, system: AlertmanagerTickets, queue: Queue
) -> None:
    lab.raise_alert()
    lab.raise_alert(alertname="DiskFull")
    await shown(system, queue, lambda found: len(found) == 2)
    lab.silence(service=lab.service)
    key = (await one_ticket(system, queue)).ref.key
    ticket = await system.ticket(key)
    assert ticket.status.raw == "silenced"
    assert ("bo", "deploying") in [(entry.author, entry.text) for entry in ticket.timeline]
    assert await system.transitions(key) == ()
    with pytest.raises(Refused, match="wider than this group"):
        await system.send(await update_of(system, key, fields={"/status": "active"}))
    assert [one["status"]["state"] for one in lab.silences()] == ["active"]


async def test_a_change_in_between_is_a_conflict(lab: Lab, system: AlertmanagerTickets, queue: Queue) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    update = await update_of(system, key, fields={"/status": "silenced"})
    lab.silence(alertname="HighLatency", service=lab.service)
    with pytest.raises(Conflict):
        await system.send(update)
    assert len(lab.silences()) == 1


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"comment": "x"}, "comment with a silence only"),
        ({"fields": {"/status": "closed"}}, "silenced or active"),
        ({"fields": {"/status": "active"}}, "not silenced"),
        ({"fields": {"/severity": "1"}}, "silences and nothing else"),
        ({"fields": {"/status": "silenced"}, "attachments": (("a", b"x"),)}, "silences and nothing else"),
        ({"fields": {"/status": "silenced"}, "add_tags": ("x",)}, "silences and nothing else"),
        ({"fields": {"/status": "silenced", "/fields/silence_for": "90m"}}, "as 1h30m"),
        ({"fields": {"/status": "silenced", "/fields/silence_for": "soon"}}, "a time like"),
        ({"fields": {"/status": "silenced", "/fields/silence_for": "0m"}}, "a time like"),
        ({"fields": {"/status": "silenced", "/fields/silence_for": "9000d"}}, "a time like"),
    ],
)
async def test_what_alertmanager_can_not_do_is_refused(
    lab: Lab, system: AlertmanagerTickets, queue: Queue, parts: dict[str, Any], words: str
) -> None:
    lab.raise_alert()
    key = (await one_ticket(system, queue)).ref.key
    with pytest.raises(Refused, match=words):
        await system.send(await update_of(system, key, **parts))
    assert lab.silences() == []


async def test_it_says_how_it_is(lab: Lab, system: AlertmanagerTickets) -> None:
    assert [probe.state for probe in await asyncio.to_thread(system.probe)] == ["pass"]
    nobody = lab.system(url="http://127.0.0.1:9")
    assert [probe.state for probe in await asyncio.to_thread(nobody.probe)] == ["fail"]
    with pytest.raises(Unreachable):
        await nobody.changed_since(Queue("x", "am"), None)
    await nobody.disconnect()


class TestContract(TicketSystemContract):
    """What every ticket system promises, but for what takes a comment or a severity alone: it has neither."""

    test_what_was_sent_reads_back = None
    test_a_long_comment_arrives_whole = None
    test_an_op_id_is_found_once_it_was_applied = None
    test_a_refused_part_refuses_the_whole_update = None

    @pytest.fixture
    def system(self, lab: Lab) -> TicketSystem:
        return lab.system()

    @pytest.fixture
    async def key(self, lab: Lab, system: AlertmanagerTickets, queue: Queue) -> str:
        lab.raise_alert()
        return (await one_ticket(system, queue)).ref.key

    @pytest.fixture
    def queue(self, lab: Lab) -> Queue:
        return Queue("mine", "am", lab.query)

    @pytest.fixture
    def foreign_change(self, lab: Lab) -> Change:
        async def change(key: str) -> None:
            await asyncio.to_thread(lambda: lab.silence(alertname="HighLatency", service=lab.service))

        return change

    @pytest.fixture
    def field(self) -> tuple[str, str] | None:
        return "/fields/silence_for", "30m"
