"""Usage in any order, told twice, over restarts and shifts, costs the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from opstui.core.sessions import RuntimeUsage
from opstui.core.shifts import shift_at
from opstui.services.ledger import Ledger
from opstui.services.metering import Meter
from tests.services.metering_world import World, step


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("home"))
    yield made
    made.place.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """For tests that look at a whole shift."""
    made = World(tmp_path)
    yield made
    made.place.close()


def _events(world: World, plan: list[tuple[int, int, int, int]]) -> list[RuntimeUsage]:
    """A session's life: requests, stretches of running and reports that grow, at rising times."""
    events, minute, listed = [], 0, 0
    for number, (kind, amount, pause, cents) in enumerate(plan):
        minute += pause + 1
        at = world.ago(hours=20) + timedelta(minutes=minute)
        if kind == 0:
            events.append(
                step(f"span-{number}", at, input_tokens=amount, output_tokens=amount // 3, searches=amount % 2)
            )
        elif kind == 1:
            events.append(step(f"run-{number}", at, running_ms=min(amount, 55_000)))
        else:
            listed += cents * 10_000
            events.append(step(f"report-{number}", at, listed))
    return events


PLANS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 200_000), st.integers(0, 90), st.integers(0, 30)),
    min_size=1,
    max_size=14,
)
FEW = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(plan=PLANS, seed=st.integers(), restarts=st.sets(st.integers(0, 27), max_size=3))
def test_any_order_with_anything_told_twice_and_restarts_between_costs_the_same(
    world: World, plan: list[tuple[int, int, int, int]], seed: int, restarts: set[int]
) -> None:
    events = _events(world, plan)
    straight = world.run(world.session(), events)
    shuffled = [*events, *events]
    random.Random(seed).shuffle(shuffled)
    twisted = world.session()
    meter = Meter(world.setup, twisted)
    for number, event in enumerate(shuffled):
        if number in restarts:
            meter = Meter(world.setup, twisted)
        twisted = world.run(twisted, [event], meter)
    assert twisted.cost == straight.cost
    assert sum(row.reported or 0 for row in world.rows(twisted)) == (straight.cost.reported or 0)
    pairs = zip(world.rows(straight), world.rows(twisted), strict=True)
    assert all((one.at, one.usage, one.estimate) == (other.at, other.usage, other.estimate) for one, other in pairs)


@FEW
@given(plan=PLANS, seed=st.integers())
def test_as_long_as_reports_come_in_their_order_the_whole_ledger_is_the_same(
    world: World, plan: list[tuple[int, int, int, int]], seed: int
) -> None:
    events = _events(world, plan)
    straight = world.run(world.session(), events)
    places = list(range(len(events)))
    random.Random(seed).shuffle(places)
    reports = iter([event for event in events if event.reported_micros is not None])
    mixed = [next(reports) if events[at].reported_micros is not None else events[at] for at in places]
    twisted = world.run(world.session(), mixed)
    assert twisted.cost == straight.cost
    for one, other in zip(world.rows(straight), world.rows(twisted), strict=True):
        assert replace(other, key="", session="") == replace(one, key="", session="")


@FEW
@given(plan=PLANS)
def test_what_the_shifts_add_up_to_is_the_list_cost_and_the_estimate(
    world: World, plan: list[tuple[int, int, int, int]]
) -> None:
    session = world.run(world.session(), _events(world, plan))
    estimate = reported = 0
    at = session.created_at
    while at <= world.now + timedelta(hours=1):
        shift = shift_at(at, world.setup.schedule)
        mine = [row for row in world.record.ledger(shift.start, shift.end) if row.session == session.id]
        estimate += sum(row.estimate for row in mine)
        reported += sum(row.reported or 0 for row in mine)
        at = shift.end
    assert (estimate, reported) == (session.cost.estimate, session.cost.reported or 0)


def test_a_session_that_crosses_a_shift_is_split_by_when_its_cost_arose(alone: World) -> None:
    shift = Ledger(alone.setup).shift()
    before, after = shift.start - timedelta(minutes=1), shift.start
    events = [
        step("a", before, 20_000, input_tokens=10_000),
        step("b", after, input_tokens=5_000),
        step("c", after + timedelta(minutes=1), 31_000),
    ]
    session = alone.run(alone.session(), events)
    ledger = alone.record
    early = ledger.ledger(shift.start - timedelta(hours=12), shift.start)
    late = ledger.ledger(shift.start, shift.end)
    assert [sum(row.estimate for row in rows) for rows in (early, late)] == [20_000, 10_000]
    assert [sum(row.reported or 0 for row in rows) for rows in (early, late)] == [20_000, 11_000]
    assert session.cost.reported == 31_000
