"""Thousands of schedules of a push through a bad network with processes that die; each follows from one integer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from opstui.core import publishing as p
from opstui.core.drafts import StepState
from opstui.core.push_steps import planned
from tests.core.publishing_world import World

SCHEDULES = int(os.environ.get("OPSTUI_SCHEDULES", "20000"))


def test_no_update_is_lost_sent_twice_or_written_over_somebody_elses_change_in_silence() -> None:
    ends: Counter[str] = Counter()
    resent = disturbed = asked = 0
    for seed in range(SCHEDULES):
        report = World(seed).run()
        assert report.problems == [], f"python -m tests.core.publishing_world {seed}: {report.problems}"
        ends[report.end] += 1
        resent += report.sends > 1
        disturbed += report.disturbed and report.marked
        asked += report.disturbed and report.marked and report.end == "NeedsHuman"
    # A simulation in which nothing goes wrong, or nothing arrives, would show nothing.
    assert ends["Verified"] > SCHEDULES * 0.5
    assert ends["Conflicted"] > SCHEDULES * 0.01
    assert ends["Expired"] > SCHEDULES * 0.02
    assert ends["NeedsHuman"] > SCHEDULES * 0.02
    assert resent > SCHEDULES * 0.1
    assert disturbed > SCHEDULES * 0.5
    assert asked < disturbed * 0.1, "a person is asked too often"


def test_a_schedule_follows_from_its_number() -> None:
    for seed in range(50):
        told: list[list[str]] = [[], []]
        assert World(seed, story=told[0].append).run() == World(seed, story=told[1].append).run()
        assert told[0] == told[1]


# --- publishers that are wrong ----------------------------------------------------------------------------------------


def believes_a_time_out(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes a time-out for a no."""
    if isinstance(seen, p.RequestFailed):
        seen = replace(seen, maybe_applied=False)
    return p.decide(push, seen, terms, now=now, chance=chance)


def does_not_settle(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Looks for the marker and sends again at once."""
    hasty = replace(terms, capabilities=replace(terms.capabilities, settle_seconds=0.0))
    return p.decide(push, seen, hasty, now=now, chance=chance)


def believes_a_yes(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Never reads back."""
    if isinstance(seen, p.SentOk):
        done = replace(push, step=StepState.VERIFIED, done=True)
        return p.Decision(done, p.Verified(None, ()))
    return p.decide(push, seen, terms, now=now, chance=chance)


def believes_the_mark(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes an op id on the ticket for all that was sent with it."""
    decision = p.decide(push, seen, terms, now=now, chance=chance)
    if isinstance(decision.step, p.NeedsHuman) and decision.step.reason.startswith("half of it"):
        return p.Decision(replace(decision.push, step=StepState.VERIFIED), p.Verified(None, ()))
    return decision


def does_not_compare(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes what the ticket says now for what it said when the draft was made."""
    if isinstance(seen, p.TicketRead) and push.step is StepState.PLANNED:
        now_there = {"/status": str(seen.ticket.status.raw), "/team": seen.ticket.team}
        ops = tuple(replace(op, before=now_there.get(op.path, op.before)) for op in terms.approved.operations)
        terms = replace(terms, approved=replace(terms.approved, operations=ops))
    return p.decide(push, seen, terms, now=now, chance=chance)


def forgets_the_dead(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes an update that was being sent when its sender died for one that was not sent."""
    if isinstance(seen, p.Look) and push.step is StepState.SENDING:
        push = replace(push, step=StepState.PLANNED)
    return p.decide(push, seen, terms, now=now, chance=chance)


def tells_no_overlaps(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Keeps quiet about what others did meanwhile."""
    decision = p.decide(push, seen, terms, now=now, chance=chance)
    if isinstance(decision.step, p.Verified):
        return replace(decision, step=replace(decision.step, overlaps=()))
    return decision


def begins_again(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Starts with the first step after each pause."""
    if isinstance(seen, p.Look) and push.step is StepState.PLANNED:
        push = replace(push, at=0, started=False)
    return p.decide(push, seen, terms, now=now, chance=chance)


def marks_all_steps_alike(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Gives every step the update's own op id."""
    push = push if push.steps or push.done else planned(push, terms.approved, terms.capabilities)
    alike = tuple(replace(step, op_id=push.id) for step in push.steps)
    return p.decide(replace(push, steps=alike), seen, terms, now=now, chance=chance)


def stops_half_way(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Lets an approval lapse between two steps."""
    if push.step is StepState.PLANNED:
        push = replace(push, started=False)
    return p.decide(push, seen, terms, now=now, chance=chance)


def ends_after_one_step(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes the first step for the whole."""
    decision = p.decide(push, seen, terms, now=now, chance=chance)
    if decision.push.at == 1 and not decision.push.done:
        return p.Decision(replace(decision.push, step=StepState.VERIFIED, done=True), p.Verified(None, ()))
    return decision


def believes_that_all_can_be_found(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes an op id that is not to be seen for an update that did not arrive, whatever the system keeps."""
    terms = replace(terms, capabilities=replace(terms.capabilities, marker_findable=True))
    return p.decide(push, seen, terms, now=now, chance=chance)


def sees_files_by_their_names_only(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes a file that is not there under its name for one that did not arrive."""
    if isinstance(seen, p.TicketRead):
        wanted = {(file.name, file.size) for file in terms.approved.files}
        files = tuple(file for file in seen.ticket.attachments if (file.name, file.size) in wanted)
        seen = replace(seen, ticket=replace(seen.ticket, attachments=files))
    return p.decide(push, seen, terms, now=now, chance=chance)


def gives_up_in_silence(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Takes a system that is away for a reason to forget the update."""
    if isinstance(seen, p.RequestFailed) and push.failures > 2:
        return p.Decision(replace(push, done=True), p.Expired())
    return p.decide(push, seen, terms, now=now, chance=chance)


def never_comes_back(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
    """Waits for ever where it does not know."""
    decision = p.decide(push, seen, terms, now=now, chance=chance)
    if isinstance(decision.step, p.Wait) and decision.step.why is p.WaitFor.SETTLE:
        never = decision.step.until.replace(year=2100)
        return p.Decision(replace(decision.push, not_before=never), replace(decision.step, until=never))
    return decision


ZOO = [
    (believes_a_time_out, "double"),
    (does_not_settle, "double"),
    (forgets_the_dead, "double"),
    (begins_again, "double"),
    (believes_that_all_can_be_found, "double"),
    (sees_files_by_their_names_only, "double"),
    (believes_a_yes, "lost"),
    (believes_the_mark, "lost"),
    (marks_all_steps_alike, "lost"),
    (stops_half_way, "lost"),
    (ends_after_one_step, "lost"),
    (gives_up_in_silence, "lost"),
    (never_comes_back, "lost"),
    (does_not_compare, "overwrite"),
    (tells_no_overlaps, "silent overwrite"),
]


@pytest.mark.parametrize(("broken", "harm"), ZOO, ids=[broken.__name__ for broken, _ in ZOO])
def test_a_publisher_that_is_wrong_is_caught(broken: Callable[..., p.Decision], harm: str) -> None:
    for seed in range(20_000):
        if any(harm in problem for problem in World(seed, broken).run().problems):
            return
    pytest.fail(f"20,000 schedules do not show that a publisher is wrong that {broken.__doc__}")


def test_a_publisher_that_asks_whenever_it_does_not_know_asks_too_often() -> None:
    def asks(push, seen, terms, *, now, chance):  # type: ignore[no-untyped-def]
        decision = p.decide(push, seen, terms, now=now, chance=chance)
        if isinstance(decision.step, p.Wait) and decision.push.step is StepState.UNKNOWN:
            return p.Decision(replace(decision.push, done=True), p.NeedsHuman("who knows"))
        return decision

    reports = [report for seed in range(1000) if (report := World(seed, asks).run()).disturbed and report.marked]
    assert sum(report.end == "NeedsHuman" for report in reports) > 0.15 * len(reports)
