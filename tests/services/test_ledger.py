"""The sums of a shift: what was estimated, what was reported, how far apart, and what it was good for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from opstui.core.desk import ShiftTotals
from opstui.core.drafts import DraftOp, DraftState, OpKind, Origin
from opstui.core.ports import LimitRaise
from opstui.core.sessions import Cost, Session, SessionStatus
from opstui.core.shifts import Schedule, shift_before
from opstui.services.ledger import Ledger
from opstui.services.spending import counted, spent_in
from opstui.testing import builders as make
from tests.services.metering_world import World, status, step

DOLLAR = 1_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.place.close()


def kept(world: World, session: Session) -> Session:
    return world.record.write(lambda writer: writer.put_session(session))


def test_a_shift_adds_up_what_was_estimated_and_what_was_reported(world: World) -> None:
    one, two = world.session(runtime="a"), world.session(runtime="b")
    kept(
        world,
        world.run(
            one, [step("a", world.ago(minutes=9), input_tokens=100_000), step("r", world.ago(minutes=8), 210_000)]
        ),
    )
    kept(world, world.run(two, [step("a", world.ago(minutes=9), input_tokens=50_000)]))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert (view.total.sessions, view.total.estimate, view.total.reported) == (2, 300_000, 210_000)
    # Only the session that has both figures has a difference.
    assert view.total.difference == -10_000
    assert [(line.label, line.difference) for line in view.by["runtime"]] == [("a", -10_000), ("b", None)]
    assert (view.compared, view.error_percent) == (1, Decimal("-2.38"))
    assert (view.rates_dated, view.unknown_models) == (date(2026, 11, 20), ())


def test_a_session_of_the_shift_before_counts_with_what_it_cost_in_this_one(world: World) -> None:
    shift = Ledger(world.setup).shift()
    earlier = world.session(shift=shift_before(shift, world.setup.schedule).id)
    events = [
        step("a", shift.start - timedelta(minutes=1), input_tokens=10_000),
        step("b", shift.start, input_tokens=4_000),
    ]
    earlier = kept(world, replace(world.run(earlier, events), status=SessionStatus.ENDED))
    ledger = Ledger(world.setup)
    now, before = ledger.totals(ShiftTotals()), ledger.totals(ShiftTotals(back=1))
    assert [session.id for session in now.sessions] == [session.id for session in before.sessions] == [earlier.id]
    assert (now.total.estimate, before.total.estimate) == (8_000, 20_000)


def test_an_earlier_session_that_is_not_finished_is_there_without_having_cost_anything(world: World) -> None:
    shift = shift_before(Ledger(world.setup).shift(), world.setup.schedule)
    idle = kept(world, world.session(shift=shift.id, status=SessionStatus.IDLE))
    kept(world, world.session(shift=shift.id, status=SessionStatus.ENDED))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert [session.id for session in view.sessions] == [idle.id]
    assert view.total.estimate == 0


def test_the_stretch_that_runs_just_now_is_in_every_sum(world: World) -> None:
    kept(world, world.run(world.session(status=SessionStatus.RUNNING), [status("running", world.ago(seconds=90))]))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert 2_000 <= view.total.estimate <= 2_100
    assert view.total.running_ms >= 90_000
    assert sum(line.estimate for line in view.by["hour"]) == view.spent == view.total.estimate
    assert view.forecast is not None
    assert view.forecast > view.spent


def test_a_stretch_that_began_before_the_shift_counts_from_its_start(world: World) -> None:
    shift = Ledger(world.setup).shift()
    session = world.run(world.session(), [status("running", shift.start - timedelta(hours=1))])
    kept(world, replace(session, status=SessionStatus.RUNNING))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert view.total.running_ms == pytest.approx((world.now - shift.start).total_seconds() * 1000, abs=1000)


def test_the_limit_is_the_raised_one_and_who_raised_it_is_told(world: World) -> None:
    world.setup = replace(world.setup, shift_ceiling=15 * DOLLAR)
    raised = LimitRaise(shift=world.shift_id, limit=12 * DOLLAR, operator="ana", reason="an outage", at=world.now)
    world.record.write(lambda writer: writer.put_limit_raise(raised))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert (view.limit, view.ceiling, view.raised) == (12 * DOLLAR, 15 * DOLLAR, raised)
    before = Ledger(world.setup).totals(ShiftTotals(back=1))
    assert (before.limit, before.raised) == (10 * DOLLAR, None)


def test_what_an_accepted_draft_cost_is_the_shifts_cost_over_those_accepted(world: World) -> None:
    edit = DraftOp(op=OpKind.SET, path="/team", before=None, to="web", origin=Origin.AGENT_EDITED)
    drafts = [
        make.draft("d1", state=DraftState.PUSHED),
        make.draft("d2", state=DraftState.PUSHED, ops=(edit,)),
        make.draft("d3", state=DraftState.DISCARDED),
        make.draft("d4", state=DraftState.PROPOSED),
    ]
    for draft in drafts:
        world.record.write(lambda writer, draft=draft: writer.put_draft(draft, expected_rev=None))  # type: ignore[misc]
        session = world.run(world.session(draft=draft.id), [step("a", world.ago(minutes=1), input_tokens=50_000)])
        kept(world, session)
    view = Ledger(world.setup).totals(ShiftTotals())
    assert (view.accepted, view.edited, view.rejected) == (1, 1, 1)
    assert view.per_accepted == 400_000 // 2


def test_a_shift_without_an_accepted_draft_has_no_cost_for_one(world: World) -> None:
    assert Ledger(world.setup).totals(ShiftTotals()).per_accepted is None


def test_a_model_without_a_price_is_named(world: World) -> None:
    session = world.session(model="claude-next")
    kept(world, world.run(session, [step("a", world.ago(minutes=9), 4 * DOLLAR, input_tokens=1_000)]))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert view.unknown_models == ("claude-next",)
    # What it really cost counts against the limit all the same.
    assert (view.total.estimate, view.spent) == (0, 4 * DOLLAR)
    assert spent_in(world.setup, view.shift) == 4 * DOLLAR


def test_limits_count_the_estimate_unless_the_list_cost_is_clearly_higher() -> None:
    assert counted(100_000, None) == 100_000
    assert counted(100_000, 20_000) == 100_000
    assert counted(2_000, 10_000) == 2_000  # a list cost is whole cents
    assert counted(2_000, 20_000) == 20_000
    assert counted(DOLLAR, DOLLAR + 50_000) == DOLLAR
    assert counted(DOLLAR, DOLLAR + 50_001) == DOLLAR + 50_001


def test_the_sum_for_the_status_line_is_that_of_the_rows(world: World) -> None:
    for number in range(5):
        session = world.session(cost=Cost(budget=DOLLAR))
        world.run(session, [step("a", world.ago(minutes=20 * number), input_tokens=1_000 * number)])
    ledger = Ledger(world.setup)
    assert spent_in(world.setup, ledger.shift()) == ledger.totals(ShiftTotals()).spent == 20_000


def test_hours_that_begin_within_a_quarter_are_told_apart_all_the_same(world: World) -> None:
    world.setup = replace(world.setup, schedule=Schedule(starts=(time(0, 10), time(12, 10))))
    start = Ledger(world.setup).shift().start
    hour = timedelta(hours=1)
    events = [
        step("a", start + hour - timedelta(minutes=1), input_tokens=1_000),
        step("b", start + hour, input_tokens=500),
    ]
    kept(world, world.run(world.session(), events))
    view = Ledger(world.setup).totals(ShiftTotals())
    assert [line.estimate for line in view.by["hour"]][:3] == [2_000, 1_000, 0]
