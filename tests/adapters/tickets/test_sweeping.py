"""Sweeps and news over a list whose rows come, change and go while it is read."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from opstui.adapters.tickets import sweeping
from opstui.adapters.tickets.sweeping import LONGEST_PAUSE, SWEEP_LIMIT, News, Part, poll
from opstui.core.errors import CredentialsRefused, Refused
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Status, StatusCategory, Ticket, TicketRef
from tests.adapters.tickets.stand_in import FixedClock

QUEUE = Queue("open", "sys", "open")
PAGE, SHARED = 10, 2


class World:
    """Rows in the order in which they were made, and a log of what happened to them."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.versions: dict[str, int] = {}
        """Key → version, of rows that are in the queue."""
        self.gone: dict[str, int] = {}
        self.log: list[str] = []
        self.made = 0
        self.asked: list[str] = []
        self.hears = True
        """Off: no news, only sweeps."""
        self.refuses: list[Exception] = []

    def add(self) -> str:
        self.made += 1
        key = f"k{self.made:04d}"
        self._touch(key)
        return key

    def change(self, key: str) -> None:
        self._touch(key)

    def leave(self, key: str) -> None:
        self.log.append(key)
        self.gone[key] = self.versions.pop(key) + 1

    def _touch(self, key: str) -> None:
        self.log.append(key)
        self.versions[key] = len(self.log)

    def ticket(self, key: str) -> Ticket:
        version = self.versions.get(key, self.gone.get(key, 0))
        status = Status(SafeText("open" if key in self.versions else "done"), StatusCategory.OPEN)
        return Ticket(
            ref=TicketRef("sys", key), title=SafeText(key), status=status, created_at=self.clock.at,
            updated_at=self.clock.at, version=str(version), body=SafeText(""), complete=False,
        )  # fmt: skip

    # --- the two questions

    async def news(self, queue: Queue, mark: Any) -> News:
        self.asked.append("news")
        if not isinstance(mark, int) or not self.hears:
            return News(mark=mark, whole=False)
        # The last few again, as a log that lags is asked.
        keys = list(dict.fromkeys(self.log[max(0, mark - 3) :]))
        return News(
            mark=len(self.log),
            tickets=tuple(self.ticket(key) for key in keys if key in self.versions),
            gone=tuple(self.ticket(key) for key in keys if key in self.gone),
        )

    async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
        self.asked.append(f"part {position}")
        if self.refuses:
            raise self.refuses.pop()
        number, *tail = (position or "0").split(" ")
        offset, keys = int(number), sorted(self.versions)
        page = keys[offset : offset + PAGE]
        after = None
        if tail and not set(tail) & set(page):
            after = " ".join([str(offset - PAGE), *tail]) if offset > PAGE else "0"
        elif offset + PAGE < len(keys):
            after = " ".join([str(offset + PAGE - SHARED), *page[-SHARED:]])
        return Part(
            tickets=tuple(self.ticket(key) for key in page),
            mark=mark if isinstance(mark, int) else len(self.log),
            next=after,
        )


class Reader:
    """What the cache makes of the answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cursor: Cursor | None = None
        self.members: dict[str, str] = {}
        self._named: set[str] | None = None

    async def ask(self) -> Changes:
        changes = await poll(self.world, QUEUE, self.cursor, self.world.clock, scope="x")
        if changes.anew:
            self._named = set()
        for ticket in changes.tickets:
            self.members[ticket.ref.key] = ticket.version
            if self._named is not None:
                self._named.add(ticket.ref.key)
        for key in changes.left:
            self.members.pop(key, None)
        if changes.complete and self._named is not None:
            self.members = {key: version for key, version in self.members.items() if key in self._named}
            self._named = None
        self.cursor = changes.cursor
        return changes

    async def all(self) -> None:
        for _ in range(200):
            if (await self.ask()).complete:
                return
        raise AssertionError("no end of it")


@pytest.fixture
def world() -> World:
    return World(FixedClock())


def truth(world: World) -> dict[str, str]:
    return {key: str(version) for key, version in world.versions.items()}


@pytest.mark.parametrize("seed", range(200))
async def test_whatever_moves_while_it_is_read_in_the_end_everything_is_right(world: World, seed: int) -> None:
    random, reader = Random(seed), Reader(world)
    world.hears = random.random() < 0.8
    for _ in range(random.choice((3, 9, 10, 11, 40, 95))):
        world.add()
    for _ in range(60):
        for _ in range(random.choice((0, 0, 1, 3, 12))):
            known = sorted(world.versions)
            match random.choice(("add", "change", "change", "leave", "leave")):
                case "add":
                    world.add()
                case "change" if known:
                    world.change(random.choice(known))
                case "leave" if known:
                    world.leave(random.choice(known[:8]))
        await reader.ask()
        world.clock.forward(random.choice((0, 1, 20, 200)))
    if world.hears:
        # News alone bring what is missing, unless rows of the last sweep were lost.
        await reader.all()
        await reader.all()
        assert reader.members == truth(world)
    # Without news it may lag by as long as the longest pause.
    world.clock.forward(LONGEST_PAUSE.total_seconds() + 1)
    await reader.all()
    world.clock.forward(LONGEST_PAUSE.total_seconds() + 1)
    await reader.all()
    assert reader.members == truth(world)


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 35])
async def test_a_quiet_queue_brings_the_same_cursor_again(world: World, count: int) -> None:
    reader = Reader(world)
    for _ in range(count):
        world.add()
    await reader.all()
    before = reader.cursor
    await reader.all()
    first = reader.cursor
    await reader.all()
    assert reader.cursor == first
    assert count > PAGE or before == first
    assert reader.members == truth(world)


async def test_a_large_queue_is_not_read_again_before_its_pause_is_over(world: World) -> None:
    reader = Reader(world)
    for _ in range(35):
        world.add()
    await reader.all()
    world.asked.clear()
    world.clock.forward(5)
    await reader.all()
    assert world.asked == ["news"]
    world.clock.forward(LONGEST_PAUSE.total_seconds())
    await reader.all()
    assert len(world.asked) > 2


async def test_who_leaves_a_small_queue_is_told_as_it_is_now(world: World) -> None:
    reader = Reader(world)
    keys = [world.add() for _ in range(3)]
    await reader.all()
    world.leave(keys[0])
    changes = await reader.ask()
    assert changes.left == (keys[0],)
    assert next(one for one in changes.tickets if one.ref.key == keys[0]).status.raw == "done"
    assert not changes.anew


async def test_rows_that_never_stop_slipping_do_not_hold_a_sweep_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "PAGES", 50)
    reader = Reader(world)
    for _ in range(60):
        world.add()
    asked = 0
    while not (await reader.ask()).complete:
        asked += 1
        assert asked < 60
        for key in sorted(world.versions)[:15]:
            world.leave(key)
            world.add()


async def test_a_sweep_that_was_interrupted_for_long_begins_again(world: World) -> None:
    reader = Reader(world)
    for _ in range(35):
        world.add()
    assert not (await reader.ask()).complete
    world.clock.forward(SWEEP_LIMIT.total_seconds() + 1)
    assert (await reader.ask()).anew
    await reader.all()
    assert reader.members == truth(world)


async def test_a_position_that_lapsed_begins_again_and_a_refusal_of_everything_is_told(world: World) -> None:
    reader = Reader(world)
    for _ in range(35):
        world.add()
    await reader.ask()
    world.refuses = [Refused("sys: the cursor lapsed")]
    assert not (await reader.ask()).complete
    await reader.all()
    assert reader.members == truth(world)
    world.clock.forward(LONGEST_PAUSE.total_seconds() + 1)
    await reader.ask()
    world.refuses = [CredentialsRefused("sys: no")]
    with pytest.raises(CredentialsRefused):
        await reader.ask()
    world.refuses = [Refused("sys: no")] * 10
    with pytest.raises(Refused):
        await reader.all()


@pytest.mark.parametrize("shift", [timedelta(hours=-3), timedelta(days=400)])
async def test_a_clock_that_jumps_stops_nothing(world: World, shift: timedelta) -> None:
    reader = Reader(world)
    for _ in range(35):
        world.add()
    await reader.all()
    world.clock.forward(shift.total_seconds())
    world.leave(sorted(world.versions)[4])
    await reader.all()
    await reader.all()
    assert reader.members == truth(world)


async def test_a_list_whose_pages_repeat_is_refused_in_words() -> None:
    world = World(FixedClock())
    key = world.add()
    asked: list[str | None] = []

    class Endless(World):
        async def part(self, queue: Queue, position: str | None, mark: Any) -> Part:
            asked.append(position)
            return Part(tickets=(world.ticket(key),), mark=mark, next=f"{len(asked)}")

    async def follow() -> None:
        cursor = None
        for _ in range(10):
            cursor = (await poll(Endless(world.clock), QUEUE, cursor, world.clock, scope="")).cursor

    with pytest.raises(Refused, match=r"sys: the list of open does not end: its pages repeat"):
        await follow()
    assert len(asked) < 5
