"""A session's cost is what its ledger rows add up to; it snaps to what the runtime reports, and keeps both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from opstui.core.ports import LimitRaise
from opstui.core.rates import parse_rates
from opstui.core.sessions import Cost, RuntimeUsage, Usage, live
from opstui.services.ledger import error_percent
from opstui.services.metering import MOST, Meter
from tests.services.metering_world import CARD, World, status, step


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


# --- each step once, priced exactly


def test_a_step_is_priced_and_becomes_a_row(world: World) -> None:
    session = world.session()
    meter = Meter(world.setup, session)
    session, row = meter.take(session, step("a", world.ago(minutes=5), input_tokens=5_000, output_tokens=3_200))
    assert row is not None
    assert (row.key, row.estimate, row.at) == (f"{session.id}:a", 42_000, world.ago(minutes=5))
    assert session.cost.estimate == 42_000
    assert session.cost.usage.input_tokens == 5_000
    assert session.cost.budget == 1_000_000


def test_a_step_that_is_told_again_is_counted_once_also_after_a_restart(world: World) -> None:
    events = [step("a", world.ago(minutes=5), input_tokens=1_000), step("b", world.ago(minutes=4), output_tokens=100)]
    session = world.run(world.session(), events)
    assert session.cost.estimate == 3_000
    meter = Meter(world.setup, session)
    for event in events:
        again, row = meter.take(session, event)
        assert row is None
        assert again.cost == session.cost
    session = world.run(session, [step("c", output_tokens=1)], meter)
    assert session.cost.estimate == 3_010
    assert len(world.rows(session)) == 3


def test_rows_that_were_kept_before_a_crash_count_though_the_session_does_not_know_of_them(world: World) -> None:
    before = world.session()
    world.run(before, [step("a", world.ago(minutes=5), input_tokens=1_000)])
    after, row = Meter(world.setup, before).take(before, step("a", world.ago(minutes=5), input_tokens=1_000))
    assert row is None
    assert after.cost.estimate == 2_000


def test_a_prompt_above_the_border_has_the_tier_and_a_correction_has_not(world: World) -> None:
    session = world.session(model="haiku")
    session = world.run(
        session, [step("a", input_tokens=100_000), step("b", input_tokens=60_000, cache_read_tokens=50_000)]
    )
    assert session.cost.estimate == 10_000 + 30_000 + 2_500
    mend = RuntimeUsage("c", Usage(input_tokens=-160_000), correction=True)
    session = world.run(session, [mend])
    assert session.cost.estimate == 42_500 - 16_000
    assert session.cost.usage.input_tokens == 0


def test_a_request_in_a_dearer_place_costs_more(world: World) -> None:
    session = world.session()
    meter = Meter(world.setup, session)
    session, _ = meter.take(session, RuntimeUsage("a", Usage(input_tokens=1_000), multipliers=("us",)))
    assert session.cost.estimate == 2_200
    session, _ = meter.take(session, RuntimeUsage("b", Usage(input_tokens=1_000), multipliers=("fast",)))
    assert session.cost.estimate == 4_200
    assert [text for text in meter.warnings(session) if "fast" in text] != []


def test_numbers_that_no_server_should_send_neither_lower_a_cost_nor_break_the_ledger(world: World) -> None:
    session = world.run(world.session(), [step("a", input_tokens=-5), step("b", output_tokens=10**30, running_ms=-1)])
    assert session.cost.usage == Usage(output_tokens=MOST)
    assert session.cost.estimate == MOST * 10


def test_a_time_in_the_future_or_before_the_session_is_moved_into_its_life(world: World) -> None:
    session = world.session(created_at=world.ago(minutes=10))
    meter = Meter(world.setup, session)
    rows = [
        meter.take(session, step("a", world.now + timedelta(days=9), input_tokens=1))[1],
        meter.take(session, step("b", world.ago(days=9), input_tokens=1))[1],
        meter.take(session, step("c", input_tokens=1))[1],
    ]
    times = [row.at for row in rows if row is not None]
    assert abs(times[0] - world.now) < timedelta(minutes=1)
    assert times[1] == session.created_at
    assert abs(times[2] - world.now) < timedelta(minutes=1)


# --- running time


def test_running_costs_from_the_status_on_and_idle_costs_nothing(world: World) -> None:
    session = world.run(world.session(), [status("running", world.ago(seconds=90))])
    assert live(session.cost, world.now).estimate == 2_000
    session = world.run(session, [status("idle", world.ago(seconds=45))])
    assert live(session.cost, world.now + timedelta(hours=9)).estimate == 0
    session = world.run(session, [step("run-1", world.ago(seconds=45), running_ms=45_000)])
    assert live(session.cost, world.now + timedelta(hours=9)).estimate == session.cost.estimate == 1_000


@pytest.mark.parametrize("closes_first", [True, False])
def test_a_stretch_is_never_counted_twice_whichever_comes_first_its_end_or_its_usage(
    world: World, closes_first: bool
) -> None:
    session = world.run(world.session(), [status("running", world.ago(seconds=45))])
    end = [status("idle", world.now), step("run", world.now, running_ms=45_000)]
    for event in end if closes_first else reversed(end):
        session = world.run(session, [event])
        assert live(session.cost, world.now).estimate <= 1_000
    assert session.cost.estimate == 1_000
    assert session.cost.running_since is None


def test_a_running_status_that_is_told_again_does_not_reopen_what_was_counted(world: World) -> None:
    told = [status("running", world.ago(seconds=90)), step("run", world.ago(seconds=45), running_ms=45_000)]
    session = world.run(world.session(), [*told, status("waiting", world.ago(seconds=45))])
    session = world.run(session, [status("running", world.ago(seconds=90))])
    assert live(session.cost, world.now).usage.running_ms == 90_000


def test_a_session_without_a_model_price_pays_for_running_and_searches_and_says_so_once(world: World) -> None:
    session = world.session(model="claude-next")
    meter = Meter(world.setup, session)
    session, _ = meter.take(session, step("a", input_tokens=10**6, searches=2, running_ms=3_600_000))
    assert session.cost.unknown_model
    assert session.cost.estimate == 100_000
    assert ["claude-next" in text for text in meter.warnings(session)] == [True]
    assert meter.warnings(session) == ()
    world.keep(meter.take(session, step("b", input_tokens=1))[1])
    assert Meter(world.setup, session).warnings(session) == ()


def test_a_model_on_this_machine_is_free_and_that_is_said(world: World) -> None:
    world.card = replace(CARD, local=frozenset({"ollama"}))
    try:
        session = world.session(runtime="ollama", runtime_kind="messages", model="qwen3")
        meter = Meter(world.setup, session)
        session, row = meter.take(session, step("a", input_tokens=10**6))
        assert row is not None
        assert (row.estimate, session.cost.unknown_model) == (0, False)
        assert meter.warnings(session) == (
            "ollama runs on this machine and has no rates of its own: it counts as free",
        )
    finally:
        world.card = CARD


def test_a_machine_of_ones_own_costs_by_the_hour(world: World) -> None:
    world.card = replace(CARD, own={"lab": parse_rates("qwen3", {"input": "0", "output": "0", "hour": "0.36"})})
    try:
        session = world.session(runtime="lab", runtime_kind="messages", model="qwen3")
        session = world.run(session, [status("running", world.ago(seconds=10))])
        assert live(session.cost, world.now).estimate == 1_000
    finally:
        world.card = CARD


# --- what the runtime reports


def test_the_figure_snaps_to_the_list_cost_and_both_are_kept(world: World) -> None:
    session = world.run(world.session(), [step("a", world.ago(seconds=30), input_tokens=40_000)])
    session = world.run(session, [step("report", world.ago(seconds=20), 90_000)])
    assert (session.cost.estimate, session.cost.reported, session.cost.shown) == (80_000, 90_000, 90_000)
    assert session.cost.is_exact
    session = world.run(session, [step("b", world.ago(seconds=10), input_tokens=1_000)])
    assert (session.cost.shown, session.cost.is_exact) == (92_000, False)


def test_usage_that_was_missed_and_told_after_the_report_is_in_the_report_already(world: World) -> None:
    events = [step("report", world.ago(seconds=20), 90_000), step("missed", world.ago(seconds=30), input_tokens=40_000)]
    session = world.run(world.session(), events)
    assert (session.cost.shown, session.cost.is_exact) == (90_000, True)


def test_the_last_stretch_ends_after_its_report_and_is_in_it(world: World) -> None:
    events = [
        status("running", world.ago(seconds=60)),
        step("report", world.ago(seconds=10), 30_000),
        status("idle", world.ago(seconds=9.8)),
        step("run", world.ago(seconds=9.8), running_ms=50_200),
    ]
    session = world.run(world.session(), events)
    assert (session.cost.shown, session.cost.is_exact) == (30_000, True)


def test_a_report_in_the_middle_of_a_stretch_splits_it(world: World) -> None:
    session = world.run(
        world.session(), [status("running", world.ago(seconds=90)), step("report", world.ago(seconds=45), 30_000)]
    )
    assert live(session.cost, world.now).shown == 31_000
    session = world.run(session, [status("idle", world.now), step("run", world.now, running_ms=90_000)])
    assert session.cost.shown == 31_000


def test_rows_hold_the_increase_of_the_list_cost(world: World) -> None:
    reports = (0, 30_000, 30_000, 70_000)
    events = [step(f"r{number}", world.ago(minutes=9 - number), reported) for number, reported in enumerate(reports)]
    session = world.run(world.session(), events)
    assert [row.reported for row in world.rows(session)] == [0, 30_000, 0, 40_000]
    assert session.cost.reported == 70_000


def test_an_old_report_that_comes_late_changes_nothing(world: World) -> None:
    events = [step("new", world.ago(minutes=1), 70_000), step("old", world.ago(minutes=5), 30_000)]
    session = world.run(world.session(), events)
    assert session.cost.reported == sum(row.reported or 0 for row in world.rows(session)) == 70_000


def test_the_error_of_estimates_is_that_of_the_moment_of_the_report(world: World) -> None:
    session = world.run(
        world.session(),
        [step("a", world.ago(minutes=3), input_tokens=53_500), step("r", world.ago(minutes=2), 100_000),
         step("b", world.ago(minutes=1), input_tokens=51_000)],
    )  # fmt: skip
    assert str(error_percent([session, world.session()])) == "2.00"
    assert error_percent([world.session()]) is None


# --- budgets


def test_a_session_is_over_its_budget_when_the_open_stretch_takes_it_there(alone: World) -> None:
    clock = alone.place.clock
    session = alone.session(cost=Cost(budget=2_000))
    meter = Meter(alone.setup, session)
    session = meter.status(session, status("running", alone.ago(seconds=89)), alone.now)
    assert not meter.over(session, clock.now())
    clock.move(seconds=1)
    assert meter.over(session, clock.now())
    assert not meter.over(replace(session, cost=replace(session.cost, budget=2_050)), clock.now())
    clock.move(days=1)
    assert not meter.over(replace(session, cost=replace(session.cost, budget=None)), clock.now())


def test_a_machine_that_slept_is_not_over_its_budget(alone: World) -> None:
    session = alone.session(cost=Cost(budget=2_000))
    meter = Meter(alone.setup, session)
    session = meter.status(session, status("running", alone.ago(seconds=10)), alone.now)
    assert not meter.over(session, alone.now)
    # The wall clock went on for a night, the steady one stood still with the machine.
    assert not meter.over(session, alone.now + timedelta(hours=8))
    assert [text for text in meter.warnings(session) if "this session" in text] == []


def test_a_session_without_a_model_is_never_over_its_budget(world: World) -> None:
    session = world.session(runtime="offline", runtime_kind="extractive", model=None, cost=Cost(budget=0))
    assert not Meter(world.setup, session).over(session, world.now)


def test_eighty_percent_of_a_sessions_budget_is_said_once_for_each_budget(world: World) -> None:
    session = world.session(cost=Cost(budget=100_000))
    meter = Meter(world.setup, session)
    session, row = meter.take(session, step("a", input_tokens=39_999))
    assert meter.warnings(session) == ()
    world.keep(row)
    session, row = meter.take(session, step("b", input_tokens=1))
    assert meter.warnings(session) == ("$0.08 of this session's $0.10 are spent",)
    assert meter.warnings(session) == ()
    world.keep(row)
    meter = Meter(world.setup, session)
    assert meter.warnings(session) == ()
    raised = replace(session, cost=replace(session.cost, budget=200_000))
    raised, _ = meter.take(raised, step("c", input_tokens=45_000))
    assert meter.warnings(raised) == ("$0.17 of this session's $0.20 are spent",)


def test_eighty_percent_of_the_shift_is_said_by_the_session_that_gets_there(alone: World) -> None:
    first, second, third = (alone.session(cost=Cost(budget=20_000_000)) for _ in range(3))
    alone.run(first, [step("a", input_tokens=2_000_000)])
    meter = Meter(alone.setup, second)
    second, row = meter.take(second, step("a", input_tokens=2_000_000))
    assert meter.warnings(second) == ("$8.00 of this shift's $10.00 are spent",)
    alone.keep(row)
    assert meter.warnings(second) == ()
    assert Meter(alone.setup, second).warnings(second) == ()
    meter = Meter(alone.setup, third)
    third, _ = meter.take(third, step("a", input_tokens=1_000))
    assert meter.warnings(third) == ()


def test_a_shift_that_was_raised_is_warned_of_anew(alone: World) -> None:
    setup = alone.setup = replace(alone.setup, shift_ceiling=20_000_000)
    raised = LimitRaise(shift=alone.shift_id, limit=20_000_000, operator="ana", reason="x", at=alone.now)
    alone.record.write(lambda writer: writer.put_limit_raise(raised))
    session = alone.session(cost=Cost(budget=90_000_000))
    meter = Meter(setup, session)
    session, _ = meter.take(session, step("a", input_tokens=4_500_000))
    assert meter.warnings(session) == ()
    session, _ = meter.take(session, step("b", input_tokens=4_500_000))
    assert meter.warnings(session) == ("$18.00 of this shift's $20.00 are spent",)
