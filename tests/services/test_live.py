"""Queues of remote systems while a face is open: nobody waits for another, and nobody is asked without need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opstui.core.desk import (
    MarkSeen,
    Queues,
    RefreshTicket,
    RefreshTickets,
    StatusLine,
    TicketDetail,
    TicketsWindow,
    Watch,
)
from opstui.core.errors import CredentialsRefused, RateLimited, Refused, Unreachable
from opstui.core.queues import Health, QueueState, View
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from opstui.services.asking import Asking, within
from opstui.services.loop import LoopThread
from opstui.testing import builders as make
from tests.services.remote import POLL, FarPlace, Remote, keys, looks, until

ALL = View(name="all")


@pytest.fixture
def one() -> Remote:
    return Remote("one")


@pytest.fixture
def two() -> Remote:
    return Remote("two")


@pytest.fixture
def place(tmp_path: Path, one: Remote, two: Remote) -> Iterator[FarPlace]:
    made = FarPlace(tmp_path, one, two)
    yield made
    made.close()


def state(place: FarPlace, name: str) -> QueueState:
    return next(queue for queue in place.desk.ask(Queues()) if queue.name == name)


def rows(place: FarPlace, search: str = "") -> list[Any]:
    return list(place.desk.ask(TicketsWindow(view=ALL, search=search)).rows)


def answered(place: FarPlace, system: Remote, times: int) -> None:
    """Wait until it was asked so often for its list, and what it said is stored."""
    until(lambda: system.questions("queue") >= times, f"{system.name} asked {times} times, not {system.asked}")
    until(lambda: state(place, system.name).asking_since is None)


# --- one and the others -----------------------------------------------------------------------------------------------


def test_a_system_that_hangs_holds_up_no_other(place: FarPlace, one: Remote, two: Remote) -> None:
    one.hangs = True
    two.put("T-1", place.clock.now())
    place.desk.live()
    until(lambda: keys(rows(place)) == ["T-1"])
    assert state(place, "one").asking_since is not None
    assert place.desk.do(RefreshTickets(system="two")).unwrap() == 0
    answered(place, two, 2)
    place.clock.move(seconds=POLL * 1.2)
    answered(place, two, 3)
    assert one.questions("queue") == 1


def test_closing_waits_for_nobody(tmp_path: Path, one: Remote) -> None:
    place = FarPlace(tmp_path, one)
    one.hangs = True
    place.desk.live()
    until(lambda: one.asked)
    place.close()


def test_what_hangs_is_given_up_in_the_end(tmp_path: Path, one: Remote) -> None:
    place = FarPlace(tmp_path, one)
    one.hangs = True
    loop = LoopThread()
    asking = Asking(place.setup, patience=0.05)
    for question in (asking.queue(place.setup.queues[0]), asking.ticket(TicketRef("one", "T-1"))):
        with pytest.raises(Unreachable, match="one: no answer within"):
            loop.run(question)
    assert asking.asking_since(place.setup.queues[0]) is None
    loop.close()
    place.close()


def test_what_refuses_to_be_given_up_is_left_behind() -> None:
    import asyncio

    ended: list[bool] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)
        ended.append(True)

    async def ask() -> None:
        with pytest.raises(Unreachable):
            await within(stubborn(), 0.01, "one")
        assert not ended
        await asyncio.sleep(0.2)

    asyncio.run(ask())


def test_a_connector_that_breaks_is_an_error_of_its_queue_alone(place: FarPlace, one: Remote, two: Remote) -> None:
    one.trouble = KeyError("id")
    place.desk.live()
    answered(place, two, 1)
    until(lambda: state(place, "one").state is Health.ERROR)
    assert "its connector broke (KeyError)" in str(state(place, "one").error)
    assert state(place, "two").state is Health.LIVE
    assert isinstance(place.desk.do(RefreshTickets(system="one")).error, Refused)


# --- health -----------------------------------------------------------------------------------------------------------


def test_old_tickets_stay_when_a_system_goes_and_its_return_is_noticed_within_a_poll(
    place: FarPlace, one: Remote
) -> None:
    one.put("T-1", place.clock.now())
    place.desk.live()
    answered(place, one, 1)
    before = state(place, "one").fetched_at
    one.trouble = Unreachable("one: not reachable (connection refused)", system="one")
    place.clock.move(seconds=POLL * 1.2)
    until(lambda: state(place, "one").state is Health.OFFLINE)
    now = state(place, "one")
    assert (keys(rows(place)), now.fetched_at, str(now.error)) == (
        ["T-1"],
        before,
        "one: not reachable (connection refused)",
    )
    for _ in range(4):
        asked = one.questions("queue")
        place.clock.move(seconds=POLL * 1.2)
        answered(place, one, asked + 1)
    one.trouble = None
    place.clock.move(seconds=POLL * 1.2)
    until(lambda: state(place, "one").state is Health.LIVE)


def test_refused_credentials_are_an_error(place: FarPlace, one: Remote) -> None:
    one.trouble = CredentialsRefused("one: the token is not taken")
    place.desk.live()
    until(lambda: state(place, "one").state is Health.ERROR)


def test_a_pause_that_a_system_asks_for_is_kept_and_told(place: FarPlace, one: Remote) -> None:
    one.trouble = RateLimited("one: too many requests", system="one", retry_after=120)
    place.desk.live()
    until(lambda: state(place, "one").error is not None)
    now = state(place, "one")
    assert (now.state, now.again_at is not None) == (Health.STALE, True)
    one.trouble = None
    for _ in range(5):
        place.clock.move(seconds=POLL * 1.2)
        looks()
    assert one.questions("queue") == 1
    place.clock.move(seconds=60)
    answered(place, one, 2)
    assert state(place, "one").again_at is None


# --- how often --------------------------------------------------------------------------------------------------------


def test_a_hidden_screen_asks_less_and_one_that_comes_back_at_once(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    place.desk.do(Watch(visible=False))
    place.clock.move(seconds=POLL * 2)
    looks()
    assert one.questions("queue") == 1
    place.desk.do(Watch(visible=True))
    answered(place, one, 2)
    place.desk.do(Watch(visible=False))
    place.clock.move(seconds=POLL * 5.6)
    answered(place, one, 3)


def test_a_hidden_queue_is_not_called_stale_for_that(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    place.desk.do(Watch(visible=False))
    place.clock.move(seconds=POLL * 4)
    assert state(place, "one").state is Health.LIVE


def test_nothing_is_asked_twice_by_two_processes(tmp_path: Path, place: FarPlace, one: Remote, two: Remote) -> None:
    one.put("T-1", place.clock.now())
    place.desk.live()
    answered(place, one, 1)
    answered(place, two, 1)
    other = FarPlace(tmp_path, one, two, seed=2)
    other.clock = place.clock
    object.__setattr__(other.setup, "clock", place.clock)
    other.desk.live()
    looks(5)
    assert (one.questions("queue"), two.questions("queue")) == (1, 1)
    assert keys(rows(other)) == ["T-1"]
    one.put("T-2", place.clock.now())
    for number in range(2, 6):
        place.clock.move(seconds=POLL * 1.25)
        answered(place, one, number)
        until(lambda: state(other, "one").asking_since is None)
        looks(5)
        assert one.questions("queue") == number
    assert keys(rows(place)) == keys(rows(other)) == ["T-1", "T-2"]
    other.close()


def test_a_queue_is_asked_at_once_when_an_update_arrived(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    pushed = make.push(system="one", ticket=TicketRef("one", "T-1"), done=True)
    place.setup.record.write(lambda record: record.put_push(pushed))
    answered(place, one, 2)


def test_a_command_asks_once_and_leaves_nothing_running(place: FarPlace, one: Remote, two: Remote) -> None:
    one.put("T-1", place.clock.now())
    two.trouble = Unreachable("two: not reachable")
    outcome = place.desk.do(RefreshTickets(older_than_poll=True))
    assert str(outcome.error) == "two: not reachable"
    place.clock.move(seconds=POLL * 3)
    looks()
    assert one.asked == two.asked == ["queue"]


# --- whole tickets ----------------------------------------------------------------------------------------------------


def test_a_ticket_that_changed_is_read_whole_the_worst_first(place: FarPlace, one: Remote) -> None:
    for key in ("T-1", "T-2", "T-3"):
        one.put(key, place.clock.now())
    place.desk.live()
    answered(place, one, 1)
    looks()
    assert one.asked == ["queue"]
    entry = make.entry(1, "disk is full", author=SafeText("bo"), at=place.clock.now())
    for key, severity in (("T-1", "3"), ("T-2", "1")):
        one.put(key, place.clock.now(), severity=severity, timeline=(entry,))
    place.clock.move(seconds=POLL * 1.2)
    until(lambda: one.questions("T-1"))
    assert [what for what in one.asked if what != "queue"] == ["T-2", "T-1"]
    until(lambda: place.desk.ask(TicketDetail(TicketRef("one", "T-1"))).ticket.complete)
    view = place.desk.ask(TicketDetail(TicketRef("one", "T-2")))
    assert view.changed_since_seen == ("INC-1#1",)
    assert view.changed_fields == {"/severity": (None, "1")}
    assert not place.desk.ask(TicketDetail(TicketRef("one", "T-3"))).ticket.complete


def test_only_so_many_are_read_a_minute(place: FarPlace, one: Remote) -> None:
    from opstui.services.reading import PER_MINUTE

    place.desk.live()
    answered(place, one, 1)
    long_ago = place.clock.now() - timedelta(days=1)
    for number in range(PER_MINUTE + 5):
        one.put(f"T-{number}", long_ago)
    place.clock.move(seconds=POLL * 1.2)

    def read() -> int:
        return len([what for what in one.asked if what != "queue"])

    until(lambda: read() == PER_MINUTE)
    looks(5)
    assert read() == PER_MINUTE
    place.clock.move(seconds=61)
    until(lambda: read() == PER_MINUTE + 5)


def test_nothing_is_read_ahead_while_nobody_looks(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    place.desk.do(Watch(visible=False))
    one.put("T-1", place.clock.now())
    place.clock.move(seconds=POLL * 6)
    answered(place, one, 2)
    looks()
    assert not one.questions("T-1")
    place.desk.do(Watch(visible=True))
    until(lambda: one.questions("T-1"))


def test_a_ticket_read_within_the_second_of_its_change_is_read_once_more(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    ref = TicketRef("one", "T-1")
    one.put("T-1", place.clock.now())
    assert place.desk.do(RefreshTicket(ref)).unwrap().complete
    # A comment in the same second: no list can tell.
    late = make.entry(1, "and again", author=SafeText("bo"))
    one.put("T-1", one.tickets["T-1"][1].updated_at, timeline=(late,))
    place.clock.move(seconds=4)
    until(lambda: place.desk.ask(TicketDetail(ref)).ticket.timeline == (late,))
    looks(4)
    assert one.questions("T-1") == 2


def test_two_who_want_a_ticket_share_one_reading(place: FarPlace, one: Remote) -> None:
    import asyncio

    one.put("T-1", place.clock.now())
    asking = Asking(place.setup)

    async def both() -> list[Any]:
        return await asyncio.gather(*(asking.ticket(TicketRef("one", "T-1")) for _ in range(2)))

    first, second = asyncio.run(both())
    assert first == second
    assert one.asked == ["T-1"]


def test_a_ticket_that_is_listed_and_not_told_is_left_alone_for_a_while(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    one.put("T-1", place.clock.now())
    one.put("T-2", place.clock.now())
    place.clock.move(seconds=POLL * 1.2)
    until(lambda: one.questions("T-2"))
    one.put("T-1", place.clock.now(), severity="1")
    asked = one.ticket

    async def gone(key: str) -> Any:
        one.asked.append(f"no {key}")
        raise Refused("one: not for you") if key == "T-1" else AssertionError

    one.ticket = gone  # type: ignore[method-assign]
    place.clock.move(seconds=POLL * 1.2)
    until(lambda: one.questions("no T-1"))
    looks(4)
    assert one.questions("no T-1") == 1
    one.ticket = asked  # type: ignore[method-assign]
    place.clock.move(seconds=700)
    until(lambda: place.desk.ask(TicketDetail(TicketRef("one", "T-1"))).ticket.complete)


def test_a_ticket_that_is_not_told_any_more_is_not_read_once_more_either(place: FarPlace, one: Remote) -> None:
    place.desk.live()
    answered(place, one, 1)
    one.put("T-1", place.clock.now())
    place.desk.do(RefreshTicket(TicketRef("one", "T-1"))).unwrap()
    one.put("T-1", place.clock.now(), severity="1")

    async def gone(key: str) -> Any:
        one.asked.append(f"no {key}")
        raise Refused("one: not for you")

    one.ticket = gone  # type: ignore[method-assign]
    place.desk.do(RefreshTickets(system="one")).unwrap()
    until(lambda: one.questions("no T-1"))
    place.clock.move(seconds=4)
    looks(4)
    assert one.questions("no T-1") == 1


# --- news -------------------------------------------------------------------------------------------------------------


def test_changed_rows_are_marked_until_seen_also_after_a_restart(tmp_path: Path, one: Remote) -> None:
    place = FarPlace(tmp_path, one)
    one.put("T-1", place.clock.now())
    place.desk.do(RefreshTickets()).unwrap()
    assert [row.unseen for row in rows(place)] == [False]
    one.put("T-1", place.clock.now(), severity="2")
    one.put("T-2", place.clock.now())
    place.desk.do(RefreshTickets()).unwrap()
    place.close()
    place = FarPlace(tmp_path, one)
    assert [(row.ticket.ref.key, row.unseen, row.changed) for row in rows(place)] == [
        ("T-1", True, True),
        ("T-2", True, False),
    ]
    assert state(place, "one").unseen == 2
    place.desk.do(MarkSeen(TicketRef("one", "T-1")))
    assert [row.unseen for row in rows(place)] == [False, True]
    assert place.desk.ask(TicketDetail(TicketRef("one", "T-1"))).changed_fields == {}
    place.close()


def test_who_i_am_is_known_before_a_system_has_answered(tmp_path: Path) -> None:
    place = FarPlace(tmp_path, Remote("one", account="ana"))
    system = place.setup.systems["one"]
    assert isinstance(system, Remote)
    assert rows(place, "assignee:me") == []
    system.put("T-1", place.clock.now(), assignees=(SafeText("ana"),))
    system.put("T-2", place.clock.now(), assignees=(SafeText("bo"),))
    place.desk.do(RefreshTickets()).unwrap()
    assert keys(rows(place, "assignee:me")) == ["T-1"]
    place.close()
    silent = Remote("one")
    silent.hangs = True
    place = FarPlace(tmp_path, silent)
    assert keys(rows(place, "assignee:me")) == ["T-1"]
    assert place.desk.ask(StatusLine()).accounts["one"] == "ana"
    assert silent.asked == []
    place.close()
