"""Thousands of schedules of a push through a bad network with processes that die; each follows from one integer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from opstui.core import publishing
from opstui.core.drafts import StepState
from tests.core.publishing_world import World

SCHEDULES = int(os.environ.get("OPSTUI_SCHEDULES", "20000"))


def test_no_update_is_lost_sent_twice_or_written_over_somebody_elses_change_in_silence() -> None:
    ends: Counter[str] = Counter()
    resent = 0
    for seed in range(SCHEDULES):
        report = World(seed, publishing.decide).run()
        assert report.problems == [], f"schedule {seed}: {report.problems}"
        ends[report.end] += 1
        resent += report.sends > 1
    # A simulation in which nothing goes wrong, or nothing arrives, would show nothing.
    assert ends["Verified"] > SCHEDULES * 0.5
    assert ends["Conflicted"] > SCHEDULES * 0.02
    assert ends["Expired"] > SCHEDULES * 0.005
    assert ends["NeedsHuman"] > SCHEDULES * 0.02
    assert resent > SCHEDULES * 0.05


def test_a_schedule_follows_from_its_number() -> None:
    for seed in range(50):
        assert World(seed, publishing.decide).run() == World(seed, publishing.decide).run()


def believes_a_time_out(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes a time-out for a no."""
    if isinstance(seen, publishing.RequestFailed):
        seen = replace(seen, maybe_applied=False)
    return publishing.decide(push, seen, terms, now=now, chance=chance)


def does_not_settle(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Looks for the marker and sends again at once."""
    hasty = replace(terms, capabilities=replace(terms.capabilities, settle_seconds=0.0))
    return publishing.decide(push, seen, hasty, now=now, chance=chance)


def believes_a_yes(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Never reads back."""
    if isinstance(seen, publishing.SentOk):
        done = replace(push, step=StepState.VERIFIED, done=True)
        return publishing.Decision(done, publishing.Verified(None, ()))
    return publishing.decide(push, seen, terms, now=now, chance=chance)


def does_not_compare(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes what the ticket says now for what it said when the draft was made."""
    if isinstance(seen, publishing.TicketRead) and push.step is StepState.PLANNED:
        ops = tuple(
            replace(
                op, before={"/status": str(seen.ticket.status.raw), "/team": seen.ticket.team}.get(op.path, op.before)
            )
            for op in terms.approved.operations
        )
        terms = replace(terms, approved=replace(terms.approved, operations=ops))
    return publishing.decide(push, seen, terms, now=now, chance=chance)


def forgets_the_dead(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes an update that was being sent when its sender died for one that was not sent."""
    if isinstance(seen, publishing.Look) and push.step is StepState.SENDING:
        push = replace(push, step=StepState.PLANNED)
    return publishing.decide(push, seen, terms, now=now, chance=chance)


def tells_no_overlaps(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Keeps quiet about what others did meanwhile."""
    decision = publishing.decide(push, seen, terms, now=now, chance=chance)
    if isinstance(decision.step, publishing.Verified):
        return replace(decision, step=replace(decision.step, overlaps=()))
    return decision


@pytest.mark.parametrize(
    ("broken", "harm"),
    [
        (believes_a_time_out, "double"),
        (does_not_settle, "double"),
        (forgets_the_dead, "double"),
        (believes_a_yes, "lost"),
        (does_not_compare, "overwrite"),
        (tells_no_overlaps, "silent overwrite"),
    ],
)
def test_a_publisher_that_is_wrong_is_caught(broken: Callable[..., publishing.Decision], harm: str) -> None:
    for seed in range(20_000):
        if any(harm in problem for problem in World(seed, broken).run().problems):
            return
    pytest.fail(f"20,000 schedules do not show that a publisher that {broken.__doc__} is wrong")
