"""Polling against a simulated server whose tickets change, come, leave and move between pages while it is read."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings as hypothesis_settings, strategies as st

from opstui.adapters.tickets import polling
from opstui.adapters.tickets.polling import Page, poll
from opstui.core.errors import CredentialsRefused, Refused, Unreachable
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket, TicketRef
from opstui.testing import builders as make

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
QUEUE = Queue("Incidents", "rm", "status_id=open")


@dataclass
class Row:
    """A ticket as the server has it."""

    key: str
    updated: datetime
    revision: int = 0
    there: bool = True
    seen_from: datetime = make.START
    """When its newest change becomes visible to lists."""
    before: tuple[datetime, int, bool] | None = None
    """What lists show until then."""


class Server:
    """Lists rows in the order of updates, by offset; its times are rounded down to ``keeps``, its questions to
    ``tick``, and a change is visible ``lag`` after its time."""

    def __init__(self, rows: int, *, page: int, tick: timedelta = SECOND, keeps: timedelta = SECOND, lag: float = 0.0):
        self.clock = make.OwnClock()
        self.page, self.tick, self.keeps, self.lag = page, tick, keeps, timedelta(seconds=lag)
        self.ahead = timedelta()
        """How far the server's clock is ahead of ours."""
        self.asked: list[tuple[datetime | None, str | None]] = []
        self.refuse: Exception | None = None
        self.rows: list[Row] = []
        for _ in range(rows):
            self.appear()

    def _stamp(self) -> datetime:
        now = self.clock.now() + self.ahead
        return polling._floor(now, self.keeps)

    def change(self, number: int, *, there: bool | None = None) -> None:
        if not self.rows:
            return
        row = self.rows[number % len(self.rows)]
        row.before = self._shown(row)
        row.seen_from = self.clock.now() + self.lag
        row.updated, row.revision = self._stamp(), row.revision + 1
        row.there = row.there if there is None else there

    def appear(self) -> None:
        row = Row(f"T{len(self.rows)}", self._stamp(), seen_from=self.clock.now() + self.lag)
        row.before = (row.updated, 0, False)
        self.rows.append(row)

    def _shown(self, row: Row) -> tuple[datetime, int, bool]:
        if row.before is not None and self.clock.now() < row.seen_from:
            return row.before
        return row.updated, row.revision, row.there

    async def list(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        """What a connector's lister does."""
        assert queue == QUEUE
        self.asked.append((since, position))
        return self._page(since, position, everything=False)

    async def list_anywhere(self, queue: Queue, since: datetime | None, position: str | None) -> Page:
        """The same of tickets in other queues too."""
        return self._page(since, position, everything=True)

    def _page(self, since: datetime | None, position: str | None, *, everything: bool) -> Page:
        if self.refuse is not None and position is not None:
            error, self.refuse = self.refuse, None
            raise error
        found = []
        for row in self.rows:
            updated, revision, there = self._shown(row)
            if (there or everything) and (
                since is None or polling._floor(updated, self.tick) >= polling._floor(since, self.tick)
            ):
                found.append((updated, row.key, revision))
        found.sort()
        start = int(position or 0)
        tickets = tuple(as_ticket(*one) for one in found[start : start + self.page])
        end = start + self.page
        return Page(tickets, str(end) if end < len(found) else None, len(found))


def as_ticket(updated: datetime, key: str, revision: int) -> Ticket:
    ref = TicketRef("rm", key)
    return replace(make.ticket(), ref=ref, title=SafeText(f"{key} {revision}"), updated_at=updated, complete=False)


class Poller:
    """What the program keeps of the answers, and the cursor between them."""

    def __init__(self, server: Server, *, overlap: float = 0.0, whole: int = 10, anywhere: bool = False) -> None:
        self.server = server
        self.anywhere = server.list_anywhere if anywhere else None
        self.overlap, self.whole = timedelta(seconds=overlap), whole
        self.cursor: Cursor | None = None
        self.told: dict[str, str] = {}
        self.members: dict[str, int] = {}
        self.generation = 0
        self.sweeping = False
        self.told_left: list[str] = []

    def ask(self) -> Changes:
        """One call."""
        changes = asyncio.run(
            poll(
                self.server.list,
                QUEUE,
                self.cursor,
                self.server.clock,
                overlap=self.overlap,
                whole=self.whole,
                tick=self.server.tick,
                anywhere=self.anywhere,
            )
        )
        if changes.anew:
            self.generation, self.sweeping = self.generation + 1, True
        for ticket in changes.tickets:
            self.told[ticket.ref.key] = str(ticket.title)
            self.members[ticket.ref.key] = self.generation
        for key in changes.left:
            self.members.pop(key, None)
            self.told_left.append(key)
        if self.sweeping and changes.complete:
            self.members = {key: number for key, number in self.members.items() if number == self.generation}
            self.sweeping = False
        self.cursor = changes.cursor
        return changes

    def finish(self) -> list[Changes]:
        """Calls until an answer is complete."""
        found = [self.ask()]
        while not found[-1].complete:
            found.append(self.ask())
            assert len(found) < 2000
        return found


ACTIONS = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 60)),
    st.tuples(st.just("crowd"), st.integers(1, 40)),
    st.tuples(st.just("appear"), st.integers(1, 4)),
    st.tuples(st.just("leave"), st.integers(0, 60)),
    st.tuples(st.just("return"), st.integers(0, 60)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 7, 59, 61, 400])),
    st.tuples(st.just("ask"), st.integers(1, 4)),
    st.tuples(st.just("finish"), st.just(0)),
)
MANY = hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def carry_out(plan: list[tuple[str, int]], server: Server, poller: Poller) -> None:
    for action, number in plan:
        if action == "change":
            server.change(number)
        elif action == "crowd":
            for index in range(number):
                server.change(index)
        elif action == "appear":
            for _ in range(number):
                server.appear()
        elif action in ("leave", "return"):
            server.change(number, there=action == "return")
        elif action == "wait":
            server.clock.advance(seconds=number)
        elif action == "ask":
            for _ in range(number):
                poller.ask()
        else:
            poller.finish()


def is_told(server: Server, poller: Poller) -> None:
    """Everything that is in the queue was told as it is."""
    for row in server.rows:
        if row.there:
            assert poller.told.get(row.key) == f"{row.key} {row.revision}"
            assert row.key in poller.members


@MANY
@given(
    plan=st.lists(ACTIONS, max_size=30),
    rows=st.integers(0, 30),
    page=st.integers(1, 12),
    whole=st.integers(1, 40),
    tick=st.sampled_from([SECOND, MINUTE]),
    keeps=st.sampled_from([timedelta(milliseconds=1), SECOND, MINUTE]),
    lag=st.sampled_from([0.0, 5.0]),
    ahead=st.sampled_from([-7200.0, 0.0, 90.0]),
    anywhere=st.booleans(),
)
def test_whatever_happens_on_the_way_every_change_is_in_this_answer_or_the_next(
    plan: list[tuple[str, int]], rows: int, page: int, whole: int, tick: timedelta, keeps: timedelta, lag: float,
    ahead: float, anywhere: bool,
) -> None:  # fmt: skip
    server = Server(0, page=page, tick=tick, keeps=keeps, lag=lag)
    server.ahead = timedelta(seconds=ahead)
    for _ in range(rows):
        server.appear()
    # Times that are rounded to minutes make a change look as old as that.
    poller = Poller(server, overlap=lag + keeps.total_seconds(), whole=whole, anywhere=anywhere)
    carry_out(plan, server, poller)
    server.clock.advance(seconds=lag)
    poller.finish()
    poller.finish()
    is_told(server, poller)
    if anywhere and len(server.rows) <= page * polling.TOUCHED_PAGES:
        assert set(poller.members) == {row.key for row in server.rows if row.there}

    server.clock.advance(minutes=61 if anywhere else 11)
    poller.finish()
    is_told(server, poller)
    assert set(poller.members) == {row.key for row in server.rows if row.there}


@MANY
@given(plan=st.lists(ACTIONS, max_size=20), rows=st.integers(0, 25), page=st.integers(1, 12))
def test_a_queue_that_is_left_alone_soon_answers_with_the_same_cursor(
    plan: list[tuple[str, int]], rows: int, page: int
) -> None:
    server = Server(rows, page=page)
    poller = Poller(server, overlap=30, whole=10)
    carry_out(plan, server, poller)
    poller.finish()
    poller.finish()
    first = poller.cursor
    for _ in range(3):
        poller.finish()
    assert poller.cursor == first


def test_the_first_answer_begins_anew_and_is_whole_with_its_last_page() -> None:
    poller = Poller(Server(0, page=10), whole=10)
    for _ in range(25):
        poller.server.clock.advance(seconds=1)
        poller.server.appear()
    found = poller.finish()
    assert [changes.anew for changes in found] == [True, False, False]
    assert [changes.complete for changes in found] == [False, False, True]


def test_a_small_queue_is_listed_whole_and_tells_at_once_who_left() -> None:
    poller = Poller(Server(5, page=10))
    poller.finish()
    poller.server.clock.advance(seconds=15)
    poller.server.change(3, there=False)
    found = poller.finish()
    assert [(changes.left, changes.anew) for changes in found] == [(("T3",), False)]
    assert poller.finish()[0].left == ()


def test_a_small_queue_that_becomes_a_large_one_still_tells_who_left() -> None:
    poller = Poller(Server(5, page=10))
    poller.finish()
    poller.server.clock.advance(seconds=15)
    poller.server.change(3, there=False)
    for _ in range(20):
        poller.server.appear()
    poller.finish()
    assert poller.told_left == ["T3"]
    assert set(poller.members) == {row.key for row in poller.server.rows if row.there}


def test_a_large_queue_is_asked_for_what_changed_only() -> None:
    server = Server(0, page=10)
    for _ in range(200):
        server.clock.advance(seconds=1)
        server.appear()
    poller = Poller(server, overlap=5)
    poller.finish()
    server.clock.advance(seconds=15)
    server.change(7)
    server.asked.clear()
    found = poller.finish()
    assert [ticket.ref.key for changes in found for ticket in changes.tickets][-1] == "T7"
    assert [since is not None for since, _ in server.asked] == [True]


def test_where_changes_are_told_anywhere_a_large_queue_tells_at_once_who_left() -> None:
    server = Server(0, page=10)
    for _ in range(200):
        server.clock.advance(seconds=1)
        server.appear()
    poller = Poller(server, overlap=5, anywhere=True)
    poller.finish()
    server.clock.advance(seconds=15)
    server.change(7, there=False)
    server.change(8)
    server.asked.clear()
    found = poller.finish()
    assert "T7" in poller.told_left
    assert set(poller.members) == {row.key for row in server.rows if row.there}
    assert (len(server.asked), [changes.anew for changes in found]) == (1, [False])
    for _ in range(38):
        server.clock.advance(seconds=15)
        assert not any(changes.anew for changes in poller.finish())
    server.clock.advance(seconds=15)
    assert any(changes.anew for changes in poller.finish())


def test_a_long_sweep_looks_at_what_changes_meanwhile() -> None:
    server = Server(0, page=10)
    for _ in range(200):
        server.clock.advance(seconds=1)
        server.appear()
    poller = Poller(server, overlap=5)
    poller.finish()
    server.clock.advance(minutes=11)
    assert poller.ask().anew
    server.change(150)
    found: list[Changes] = []
    while not any(ticket.title == "T150 1" for changes in found for ticket in changes.tickets):
        server.clock.advance(seconds=1)
        found.append(poller.ask())
    assert len(found) < 12
    poller.finish()
    is_told(server, poller)


def test_a_large_queue_is_swept_now_and_then_and_no_more_often_than_its_pages_allow() -> None:
    server = Server(0, page=10)
    for _ in range(200):
        server.clock.advance(seconds=1)
        server.appear()
    poller = Poller(server, overlap=5)
    poller.finish()
    server.change(7, there=False)
    times = []
    for _ in range(100):
        server.clock.advance(seconds=15)
        if any(changes.anew for changes in poller.finish()):
            times.append(server.clock.now())
    assert "T7" not in poller.members
    assert {later - sooner for sooner, later in pairwise(times)} == {timedelta(seconds=135)}


def test_a_slow_sweep_makes_the_next_one_wait_longer_but_never_beyond_ten_minutes() -> None:
    server = Server(0, page=10)
    for _ in range(200):
        server.clock.advance(seconds=1)
        server.appear()
    poller = Poller(server, overlap=5)
    while not poller.ask().complete:
        server.clock.advance(seconds=5)
    server.clock.advance(seconds=590)
    assert not poller.finish()[0].anew
    server.clock.advance(seconds=20)
    assert poller.finish()[0].anew


def test_thousands_of_updates_in_one_moment_are_not_read_again_at_each_poll() -> None:
    server = Server(300, page=10)
    poller = Poller(server, overlap=30)
    poller.finish()
    for _ in range(4):
        server.clock.advance(seconds=30)
        poller.finish()
    server.asked.clear()
    server.clock.advance(seconds=30)
    assert poller.finish()[0].tickets == ()
    assert len(server.asked) == 1


def test_a_ticket_from_the_future_does_not_hide_what_changes_now() -> None:
    server = Server(30, page=10)
    server.rows[0].updated += timedelta(days=3650)
    poller = Poller(server, overlap=5)
    poller.finish()
    server.clock.advance(seconds=15)
    server.change(7)
    poller.finish()
    assert poller.told["T7"] == "T7 1"


def test_a_crowded_moment_that_never_rests_does_not_hold_the_walk_for_ever() -> None:
    server = Server(60, page=10)
    poller = Poller(server, overlap=5)
    for number in range(1000):
        if poller.ask().complete:
            break
        server.clock.advance(seconds=1)
        server.change(number * 7)
    else:
        pytest.fail("it never came to an end")
    server.clock.advance(seconds=1)
    poller.finish()
    poller.finish()
    is_told(server, poller)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-3],
        lambda text: text.replace("T1", "T7"),
        lambda text: text.replace("2026", "2027"),
        lambda text: "[" * 100_000,
        lambda text: "null",
        lambda text: "[]",
        lambda text: '"stand"',
        lambda text: "{}",
        lambda text: json.dumps({**json.loads(text), "seal": 1.5}),
        lambda text: json.dumps({**json.loads(text), "stand": 1.5}),
        lambda text: json.dumps({**json.loads(text), "stand": "\ud800"}),
        lambda text: "local-7f:81",
    ],
)
def test_a_damaged_or_foreign_cursor_starts_anew(damage: object) -> None:
    poller = Poller(Server(5, page=10))
    poller.finish()
    assert poller.cursor is not None
    poller.cursor = Cursor(damage(poller.cursor.value))  # type: ignore[operator]
    assert [changes.anew for changes in poller.finish()] == [True]


@given(st.data())
def test_a_cursor_with_any_letters_lost_or_changed_starts_anew(data: st.DataObject) -> None:
    poller = Poller(Server(15, page=10))
    poller.ask() if data.draw(st.booleans()) else poller.finish()
    assert poller.cursor is not None
    text = poller.cursor.value
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    assume(without_blanks(damaged) != without_blanks(text))
    poller.cursor = Cursor(damaged)
    assert poller.ask().anew


def without_blanks(text: str) -> str:
    return "".join(text.split())


def test_a_cursor_of_another_version_of_the_program_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    poller = Poller(Server(5, page=10))
    poller.finish()
    monkeypatch.setattr(polling, "__version__", "99.0")
    assert [changes.anew for changes in poller.finish()] == [True]


def test_a_cursor_of_another_query_or_place_starts_anew() -> None:
    server = Server(5, page=10)

    async def lister(queue: Queue, since: datetime | None, position: str | None) -> Page:
        return await server.list(QUEUE, since, position)

    async def ask(queue: Queue, cursor: Cursor | None, scope: str) -> Changes:
        return await poll(lister, queue, cursor, server.clock, overlap=SECOND, scope=scope)

    cursor = asyncio.run(ask(QUEUE, None, "https://one")).cursor
    assert not asyncio.run(ask(QUEUE, cursor, "https://one")).anew
    assert asyncio.run(ask(QUEUE, cursor, "https://two")).anew
    assert asyncio.run(ask(replace(QUEUE, query="status_id=*"), cursor, "https://one")).anew


def test_a_walk_that_was_interrupted_for_long_begins_again() -> None:
    poller = Poller(Server(60, page=10))
    poller.ask()
    poller.server.clock.advance(hours=2)
    assert poller.ask().anew


def test_a_position_that_lapsed_is_asked_for_without_it() -> None:
    poller = Poller(Server(60, page=10))
    poller.server.refuse = Refused("rm: the page token has expired")
    poller.finish()
    is_told(poller.server, poller)


@pytest.mark.parametrize("error", [CredentialsRefused("no"), Unreachable("no")])
def test_other_failures_go_to_who_asked_and_the_old_cursor_still_holds(error: Exception) -> None:
    poller = Poller(Server(60, page=10))
    poller.server.refuse = error
    with pytest.raises(type(error)):
        poller.finish()
    poller.finish()
    is_told(poller.server, poller)


@pytest.mark.parametrize("apart", [True, False])
def test_a_list_that_does_not_end_is_refused_in_words(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores the position tells the same page for ever; one that makes rows up, always another."""
    monkeypatch.setattr(polling, "PAGES", 30)
    asked: list[str | None] = []

    async def endless(queue: Queue, since: datetime | None, position: str | None) -> Page:
        asked.append(position)
        return Page((as_ticket(make.START, f"T{len(asked) if apart else 1}", 1),), f"token {len(asked)}")

    async def follow() -> None:
        cursor = None
        for _ in range(100):
            cursor = (await poll(endless, QUEUE, cursor, make.OwnClock(), overlap=SECOND)).cursor

    with pytest.raises(Refused, match=r"rm: the list of Incidents does not end: .*What was cached stays"):
        asyncio.run(follow())
    assert len(asked) <= (31 if apart else 3)


def test_pages_whose_rows_may_not_be_seen_are_no_repetition() -> None:
    pages = [Page((), "2"), Page((), "3"), Page((as_ticket(make.START, "T1", 1),), None)]

    async def lister(queue: Queue, since: datetime | None, position: str | None) -> Page:
        return pages[int(position or "1") - 1]

    async def follow() -> list[str]:
        cursor: Cursor | None = None
        found: list[str] = []
        for _ in range(20):
            changes = await poll(lister, QUEUE, cursor, make.OwnClock(), overlap=SECOND)
            cursor, found = changes.cursor, [*found, *(one.ref.key for one in changes.tickets)]
            if changes.complete:
                return found
        return []

    assert "T1" in asyncio.run(follow())


def test_a_refusal_of_the_question_itself_goes_to_who_asked() -> None:
    async def refusing(queue: Queue, since: datetime | None, position: str | None) -> Page:
        raise Refused("rm: bad query")

    with pytest.raises(Refused):
        asyncio.run(poll(refusing, QUEUE, None, make.OwnClock(), overlap=SECOND))


def test_a_change_that_becomes_visible_late_is_told_though_a_newer_one_was_already() -> None:
    server = Server(30, page=10)
    poller = Poller(server, overlap=6)
    poller.finish()
    server.clock.advance(seconds=60)
    poller.finish()
    server.lag = timedelta(seconds=5)
    server.change(7)
    server.clock.advance(seconds=3)
    server.lag = timedelta()
    server.change(8)
    for _ in range(3):
        poller.finish()
        server.clock.advance(seconds=1)
    poller.finish()
    assert poller.told["T7"] == "T7 1"


def test_a_crowded_moment_that_was_given_up_is_read_again_at_the_next_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PASSES", 0)
    server = Server(30, page=10)
    poller = Poller(server)
    poller.ask()
    server.clock.advance(seconds=5)
    while not poller.ask().complete:
        server.change(0)
    assert len(poller.told) < len(server.rows)
    poller.finish()
    is_told(server, poller)
