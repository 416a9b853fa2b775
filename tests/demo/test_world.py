from __future__ import annotations

import asyncio
import ipaddress
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.core.errors import Busy
from opstui.core.filters import matches, parse
from opstui.core.queues import Queue
from opstui.core.tickets import StatusCategory, Ticket, Visibility
from opstui.demo.player import Player, hold
from opstui.demo.story import HERE, read_span, routines, script
from opstui.demo.world import demo_queues, demo_views, seed, set_aside
from opstui.testing.builders import OwnClock

# What there is in the company, so that a story can't speak of an eighth build agent.
HOSTS = {
    "agents": 6, "backup": 1, "cache": 1, "dns": 2, "edge": 2, "log": 2, "mail-relay": 2, "ntp": 2, "orders-db": 5,
    "payments-gw": 3, "probe-us": 2, "rabbit": 1, "search-node": 6, "vpn-gw": 2,
}  # fmt: skip
PEOPLE = {"dana", "ines", "lena", "miguel", "omar", "priya", "tomasz", "yuki"}
MACHINES = {"alertmanager", "finance-bot", "secret-scanner"}
OUTSIDE = {"customer (order 88-204417)", "northwind-parcels (partner)", "sofia.k"}


def everything(desk: LocalTickets) -> dict[str, Ticket]:
    changes = asyncio.run(desk.changed_since(Queue("all", "local"), None))
    return {ticket.ref.key: ticket for ticket in changes.tickets}


def texts(ticket: Ticket) -> str:
    return "\n".join([ticket.title, ticket.body, *(entry.text for entry in ticket.timeline)])


@pytest.fixture
def later(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> dict[str, Ticket]:
    """The world after its script and all routines once."""
    player = Player(world, tmp_path, clock)
    progress = player.start()
    for _ in range(len(script()) + 3 * 5 * len(routines())):
        clock.advance(seconds=player.delay(progress.next))
        progress = player.step(progress)
    return everything(world)


def test_the_same_moment_gives_the_same_world(
    world: LocalTickets, open_desk: Callable[[str], LocalTickets], clock: OwnClock
) -> None:
    second = open_desk("second.db")
    seed(second, clock)
    assert everything(second) == everything(world)


def test_a_world_is_made_once(world: LocalTickets, clock: OwnClock) -> None:
    before = everything(world)
    assert seed(world, clock) == 0
    assert everything(world) == before


def test_of_two_that_make_it_at_once_one_does(open_desk: Callable[[str], LocalTickets], clock: OwnClock) -> None:
    desks = [open_desk("shared.db"), open_desk("shared.db")]
    made: list[int] = []
    threads = [threading.Thread(target=lambda desk=desk: made.append(seed(desk, clock))) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 16]
    assert desks[0].count() == 16


def test_the_table_looks_alive(world: LocalTickets, clock: OwnClock) -> None:
    tickets = everything(world).values()
    ages = sorted(clock.now() - ticket.created_at for ticket in tickets)
    assert ages[0] == timedelta(minutes=2)
    assert timedelta(days=2) < ages[-1] < timedelta(days=3)
    assert {ticket.severity for ticket in tickets} == {"1", "2", "3", "4"}
    assert {ticket.status.category for ticket in tickets} == set(StatusCategory)
    assert sum(ticket.severity == "1" for ticket in tickets) == 1
    assert sum("alex" in ticket.assignees for ticket in tickets) == 4
    assert sum(not ticket.assignees and ticket.status.category.is_open for ticket in tickets) == 2
    due = [ticket.due_at - clock.now() for ticket in tickets if ticket.due_at and ticket.status.category.is_open]
    assert all(timedelta() < left < timedelta(hours=6) for left in due)


def test_entries_lie_between_birth_of_the_ticket_and_now(world: LocalTickets, clock: OwnClock) -> None:
    for ticket in everything(world).values():
        times = [ticket.created_at, *(entry.at for entry in ticket.timeline), clock.now()]
        assert times == sorted(times), ticket.ref


def test_no_slot_is_left_open(later: dict[str, Ticket]) -> None:
    for ticket in later.values():
        assert not re.search(r"\{(me|value|at|day|stamp)\b", texts(ticket) + str(ticket.fields)), ticket.ref


def test_every_host_exists(later: dict[str, Ticket]) -> None:
    pattern = re.compile(rf"(?<![\w.-])({'|'.join(HOSTS)})-(\d+)\b")
    for path in (HERE / "runbooks").glob("*.md"):
        for name, number in pattern.findall(path.read_text(encoding="utf-8")):
            assert 1 <= int(number) <= HOSTS[name], f"{path.name}: {name}-{number}"
    for ticket in later.values():
        for name, number in pattern.findall(texts(ticket)):
            assert 1 <= int(number) <= HOSTS[name], f"{ticket.ref}: {name}-{number}"


def test_every_ticket_spoken_of_exists(later: dict[str, Ticket]) -> None:
    for ticket in later.values():
        assert set(re.findall(r"INC-\d+", texts(ticket))) <= later.keys()


def test_authors_are_people_of_the_company_its_machines_or_named_outsiders(later: dict[str, Ticket]) -> None:
    users = {value for routine in routines() if routine.team == "service-desk" for value in routine.values}
    for ticket in later.values():
        for entry in ticket.timeline:
            assert entry.author in PEOPLE | MACHINES | OUTSIDE | users | {"alex"}, entry.id
        assert set(ticket.assignees) <= PEOPLE | {"alex"}


def test_outsiders_write_and_read_in_public_only(later: dict[str, Ticket]) -> None:
    for ticket in later.values():
        for entry in ticket.timeline:
            if entry.author in OUTSIDE:
                assert entry.visibility is Visibility.PUBLIC
            if entry.visibility is Visibility.PUBLIC:
                # What customers see names no host and no colleague.
                assert not re.search(r"\b[a-z]+-\d\b", entry.text) or entry.author in OUTSIDE, entry.id


def test_addresses_belong_to_nobody(later: dict[str, Ticket]) -> None:
    documentation = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    ours = ipaddress.ip_network("10.0.0.0/8")
    for ticket in later.values():
        for found in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", texts(ticket)):
            address = ipaddress.ip_address(found)
            assert address in ours or any(address in net for net in documentation), f"{ticket.ref}: {found}"
        for domain in re.findall(r"https?://([\w.-]+)", texts(ticket)):
            assert domain.endswith(".example"), f"{ticket.ref}: {domain}"


def test_one_customer_writes_controls_and_orders_and_both_are_only_text(world: LocalTickets) -> None:
    (entry,) = [one for one in everything(world)["INC-1029"].timeline if "ignore all previous" in one.text]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", entry.text)
    assert "␛" in entry.text


def test_sentences_are_short_enough_to_be_quoted(later: dict[str, Ticket]) -> None:
    for ticket in later.values():
        for line in texts(ticket).split("\n"):
            for sentence in re.split(r"(?<=[.!?]) ", line):
                assert len(sentence) <= 200, f"{ticket.ref}: {sentence}"


def test_every_queue_and_view_has_something_in_it(world: LocalTickets, clock: OwnClock) -> None:
    tickets = everything(world).values()
    filters = {queue.name: queue.query for queue in demo_queues()} | {view.name: view.filter for view in demo_views()}
    for name, text in filters.items():
        given = parse(text)
        count = sum(matches(given, ticket, me={"local": "alex"}, now=clock.now()) for ticket in tickets)
        assert count >= 2, name


@pytest.mark.parametrize(
    ("text", "seconds"), [("40s", 40), ("+15m", 900), ("-2d3h", -183_600), ("-1h05m", -3900), ("0s", 0)]
)
def test_spans_are_read(text: str, seconds: float) -> None:
    assert read_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "-", "m", "1h 5m", "1.5h"])
def test_other_spans_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span"):
        read_span(text)


def test_an_old_world_is_set_aside_whole(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for name in ("first", "second"):
        (folder / "state").mkdir(parents=True)
        (folder / "state" / "player.lock").touch()
        (folder / name).touch()
        aside = set_aside(folder)
        assert aside is not None
        assert (aside / name).exists()
        assert aside.name.startswith("demo-")
        assert not folder.exists()
    assert len(list(tmp_path.iterdir())) == 2
    assert set_aside(folder) is None


def test_a_world_that_is_played_is_not_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with hold(folder / "state"), pytest.raises(Busy, match="another process"):
        set_aside(folder)
    assert folder.exists()
