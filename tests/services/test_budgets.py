"""A shift's money: kept for those who run, raised by a person with a reason, never given away twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.core.desk import RaiseShiftBudget
from opstui.core.errors import BudgetReached, OpstuiError, Refused, UsageError
from opstui.core.ports import LimitRaise, RecordWriter
from opstui.core.sessions import Cost, Session, SessionStatus
from opstui.services.budgets import Budgets
from opstui.services.ledger import Ledger
from opstui.services.setup import Setup
from opstui.testing import builders as make
from tests.services.metering_world import World

CENT = 10_000
DOLLAR = 100 * CENT


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)  # a shift may cost $10
    yield made
    made.place.close()


def budgets(world: World, *, ceiling: int | None = None, **changes: int | None) -> Budgets:
    setup: Setup = replace(world.setup, shift_ceiling=ceiling, **changes)
    return Budgets(setup, Ledger(setup))


def kept(world: World, session: Session) -> Session:
    return world.record.write(lambda writer: writer.put_session(session))


def spend(world: World, micros: int, *, session: str = "earlier", reported: int | None = None) -> None:
    row = make.usage(f"{session}:{micros}", at=world.now, tokens=0, session=session, estimate=micros, reported=reported)
    world.record.write(lambda writer: writer.add_usage(row))


# --- is there room


def test_what_is_spent_and_what_may_still_be_spent_leave_the_rest(world: World) -> None:
    spend(world, 3 * DOLLAR)
    kept(world, world.session(status=SessionStatus.RUNNING, cost=Cost(budget=2 * DOLLAR, estimate=DOLLAR // 2)))
    found = budgets(world)
    assert found.reserved() == DOLLAR * 3 // 2
    assert found.room() == 10 * DOLLAR - 3 * DOLLAR - DOLLAR * 3 // 2
    found.reserve(5 * DOLLAR + DOLLAR // 2)
    with pytest.raises(BudgetReached):
        found.reserve(5 * DOLLAR + DOLLAR // 2 + 1)


def test_a_refusal_says_what_is_spent_reserved_left_and_what_can_be_done(world: World) -> None:
    spend(world, 6 * DOLLAR)
    kept(world, world.session(cost=Cost(budget=3 * DOLLAR)))
    with pytest.raises(BudgetReached) as caught:
        budgets(world, ceiling=15 * DOLLAR).reserve(2 * DOLLAR)
    text = str(caught.value)
    for words in ("$2.00 do not fit", "$10.00", "$6.00 are spent", "$3.00 reserved", "$1.00 are left", "Nothing was"):
        assert words in text
    assert "a budget of at most $1.00" in text
    assert "to at most $15.00 (opstui cost --raise)" in text
    assert "offline" in text
    assert (caught.value.spent, caught.value.limit) == (9 * DOLLAR, 10 * DOLLAR)


def test_nothing_is_proposed_that_can_not_be_done(world: World) -> None:
    spend(world, 10 * DOLLAR - CENT + 1)
    with pytest.raises(BudgetReached) as caught:
        budgets(world).reserve(DOLLAR)
    assert "at most" not in str(caught.value)
    assert "--raise" not in str(caught.value)


def test_a_shift_that_was_overspent_has_no_room_and_no_less_than_none(world: World) -> None:
    spend(world, 11 * DOLLAR)
    assert budgets(world).room() == 0


def test_without_a_shift_budget_everything_fits(world: World) -> None:
    found = budgets(world, shift_budget=None)
    found.reserve(10**15)
    assert (found.room(), found.limit(found.shift()), found.ceiling()) == (None, None, None)


def test_money_is_kept_for_sessions_that_are_not_finished_and_for_no_others(world: World) -> None:
    cost = Cost(budget=DOLLAR)
    for status in SessionStatus:
        kept(world, world.session(status=status, cost=cost))
    kept(world, world.session(status=SessionStatus.RUNNING, runtime_kind="extractive", cost=cost))
    # It waits to be put away; its work is done.
    kept(world, world.session(status=SessionStatus.IDLE, cost=cost, document={"claims": []}))
    assert budgets(world).reserved() == 5 * DOLLAR


def test_a_session_that_gets_more_is_not_counted_twice(world: World) -> None:
    session = kept(world, world.session(status=SessionStatus.IDLE, cost=Cost(budget=9 * DOLLAR, estimate=9 * DOLLAR)))
    spend(world, 9 * DOLLAR, session=session.id)
    found = budgets(world)
    found.reserve(DOLLAR, but=session.id)
    assert found.room(but=session.id) == DOLLAR
    session = kept(world, world.session(status=SessionStatus.RUNNING, cost=Cost(budget=DOLLAR)))
    assert (found.room(), found.room(but=session.id)) == (0, DOLLAR)


def test_a_runtime_that_reports_far_more_than_was_estimated_is_believed(world: World) -> None:
    spend(world, DOLLAR, session="known", reported=DOLLAR + 5 * CENT)
    assert budgets(world).room() == 9 * DOLLAR
    spend(world, 0, session="unknown model", reported=4 * DOLLAR)
    assert budgets(world).room() == 5 * DOLLAR


# --- the last dollar


def test_of_two_sessions_that_want_the_last_dollar_one_gets_it(world: World) -> None:
    spend(world, 9 * DOLLAR)
    found, barrier, outcomes = budgets(world), threading.Barrier(8), list[str]()

    def start(number: int) -> None:
        session = world.session(cost=Cost(budget=DOLLAR))
        barrier.wait()
        try:
            found.reserving(session, lambda writer: None)
            outcomes.append("started")
        except BudgetReached:
            outcomes.append("refused")

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["started"]
    assert found.reserved() == DOLLAR


_STARTER = """
import sys
from dataclasses import replace
from pathlib import Path
from opstui.core.errors import BudgetReached
from opstui.core.sessions import Cost
from tests.services.metering_world import World
from tests.services.test_budgets import budgets
world = World(Path(sys.argv[1]))
found, started = budgets(world), 0
sys.stdin.readline()
for number in range(10):
    try:
        session = world.session(cost=Cost(budget=1_000_000))
        found.reserving(replace(session, id=f"{sys.argv[2]}-{number}"), lambda writer: None)
        started += 1
    except BudgetReached:
        pass
print(started)
world.place.close()
"""


def test_two_processes_share_a_shift_without_overdrawing_it(world: World, tmp_path: Path) -> None:
    """Each wants ten dollars, one by one; together they get the shift's ten."""
    root = Path(__file__).parents[2]
    racers = [
        subprocess.Popen([sys.executable, "-c", _STARTER, str(tmp_path), name], cwd=root, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]  # fmt: skip
    started = [int(racer.communicate("go\n", timeout=60)[0]) for racer in racers]
    assert sum(started) == 10
    assert budgets(world).room() == 0


def test_nothing_is_stored_of_a_session_that_does_not_fit(world: World) -> None:
    spend(world, 10 * DOLLAR)
    session, done = world.session(cost=Cost(budget=DOLLAR)), list[str]()
    with pytest.raises(BudgetReached):
        budgets(world).reserving(session, lambda writer: done.append("also"))
    assert world.record.session(session.id) is None
    assert done == []


def test_a_session_without_a_model_always_fits(world: World) -> None:
    spend(world, 10 * DOLLAR)
    offline = world.session(runtime_kind="extractive", cost=Cost(budget=DOLLAR))
    assert budgets(world).reserving(offline, lambda writer: None).rev == 1


def test_what_fails_beside_a_reservation_undoes_it(world: World) -> None:
    def broken(writer: RecordWriter) -> None:
        raise LookupError

    session = world.session(cost=Cost(budget=DOLLAR))
    with pytest.raises(LookupError):
        budgets(world).reserving(session, broken)
    assert budgets(world).reserved() == 0


# --- raising the shift's


def test_a_person_raises_the_limit_for_a_reason_that_is_kept(world: World) -> None:
    found = budgets(world, ceiling=15 * DOLLAR)
    outcome = found.raise_shift(RaiseShiftBudget(limit_micros=12 * DOLLAR, reason="big outage\x1b[31m"))
    assert outcome.unwrap() == 12 * DOLLAR
    assert found.limit(found.shift()) == found.room() == 12 * DOLLAR
    raised = world.record.limit_raise(found.shift().id)
    assert raised is not None
    assert (raised.limit, raised.operator) == (12 * DOLLAR, world.setup.operator)
    (row,) = world.record.audit(newest_first=True, limit=1)
    assert (row.action, row.actor) == ("shift.raise", "operator")
    assert row.detail is not None
    assert "from $10.00 to $12.00: big outage" in row.detail
    assert "\x1b" not in row.detail


@pytest.mark.parametrize(
    ("wanted", "reason", "ceiling", "error", "words"),
    [
        (16 * DOLLAR, "x", 15 * DOLLAR, Refused, r"ceiling of \$15.00"),
        (11 * DOLLAR, "x", None, Refused, r"ceiling of \$10.00"),
        (10 * DOLLAR, "x", 15 * DOLLAR, Refused, r"\$10.00 already"),
        (DOLLAR, "x", 15 * DOLLAR, Refused, "already"),
        (12 * DOLLAR, " \n", 15 * DOLLAR, UsageError, "reason"),
    ],
)
def test_a_limit_is_not_raised(
    world: World, wanted: int, reason: str, ceiling: int | None, error: type[OpstuiError], words: str
) -> None:
    found = budgets(world, ceiling=ceiling)
    with pytest.raises(error, match=words):
        found.raise_shift(RaiseShiftBudget(limit_micros=wanted, reason=reason))
    assert world.record.limit_raise(found.shift().id) is None
    assert world.record.audit() == []


def test_without_a_budget_there_is_nothing_to_raise(world: World) -> None:
    with pytest.raises(Refused, match="no budget"):
        budgets(world, shift_budget=None).raise_shift(RaiseShiftBudget(limit_micros=DOLLAR, reason="x"))


def test_the_next_shift_begins_with_its_own_budget(world: World) -> None:
    found = budgets(world, ceiling=15 * DOLLAR)
    found.raise_shift(RaiseShiftBudget(limit_micros=12 * DOLLAR, reason="x"))
    world.place.clock.move(hours=12)
    assert found.limit(found.shift()) == 10 * DOLLAR


def test_a_raised_limit_stays_within_what_the_config_says_now(world: World) -> None:
    raised = LimitRaise(shift=world.shift_id, limit=40 * DOLLAR, operator="ana", reason="x", at=world.now)
    world.record.write(lambda writer: writer.put_limit_raise(raised))
    found = budgets(world, ceiling=15 * DOLLAR)
    assert found.limit(found.shift()) == 15 * DOLLAR
    found = budgets(world, shift_budget=50 * DOLLAR)
    assert found.limit(found.shift()) == 50 * DOLLAR


def test_a_raise_makes_room_for_the_session_that_did_not_fit(world: World) -> None:
    spend(world, 10 * DOLLAR)
    found = budgets(world, ceiling=15 * DOLLAR)
    session = world.session(cost=Cost(budget=DOLLAR))
    with pytest.raises(BudgetReached):
        found.reserving(session, lambda writer: None)
    found.raise_shift(RaiseShiftBudget(limit_micros=11 * DOLLAR, reason="one more"))
    assert found.reserving(session, lambda writer: None).id == session.id
