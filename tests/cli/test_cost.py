"""``opstui cost`` says what was estimated, what was reported and how far apart, and raises a shift's limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.services.metering_world import World, step

DOLLAR = 1_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ceiling=15 * DOLLAR)  # of a limit of $10
    yield made
    made.place.close()


@pytest.fixture
def shell(world: World, capsysbinary: pytest.CaptureFixture[bytes]) -> Shell:
    return Shell(world.place, capsysbinary)


def _spend(world: World) -> None:
    first = step("a", world.ago(minutes=3), input_tokens=50_000)
    for session, events in (
        (world.session(), [first, step("r", world.ago(minutes=2), 110_000)]),
        (world.session(model="claude-next"), [first]),
    ):
        done = world.run(session, events)
        world.record.write(lambda writer, done=done: writer.put_session(done))  # type: ignore[misc]


def test_the_summary_has_both_figures_their_difference_the_cards_day_and_unknown_models(
    world: World, shell: Shell
) -> None:
    _spend(world)
    assert shell("cost") == 0
    lines = shell.out.splitlines()
    assert lines[1].startswith("≈ $0.10 of $10.00 (can be raised to $15.00), forecast $")
    assert "reported $0.11 by 1 of 2 sessions; estimates differ by $-0.01: -4.55 % beyond rounding" in lines
    assert "prices as of 2026-11-20" in lines
    assert "no price is known for claude-next: their tokens are in no estimate" in lines
    head = next(line for line in lines if line.startswith("workflow"))
    assert head.split()[-2:] == ["reported", "difference"]


def test_the_json_has_the_same_and_every_older_field(world: World, shell: Shell) -> None:
    _spend(world)
    shape = shell.json("cost")
    assert set(shape) >= {"shift", "current", "operators", "total", "limit", "forecast", "by", "sessions"}
    assert set(shape["total"]) >= {"label", "sessions", "running_seconds", "tokens", "estimate", "reported"}
    assert (shape["total"]["estimate"], shape["total"]["reported"], shape["total"]["difference"]) == (
        "0.10",
        "0.11",
        "-0.01",
    )
    assert (shape["spent"], shape["ceiling"], shape["raised"]) == ("0.10", "15.00", None)
    assert (shape["compared"], shape["error_percent"], shape["per_accepted"]) == (1, "-4.55", None)
    assert (shape["rates_dated"], shape["unknown_models"]) == ("2026-11-20", ["claude-next"])


def test_a_limit_is_raised_for_a_reason_and_the_new_one_is_shown(world: World, shell: Shell) -> None:
    shape = shell.json("cost", "--raise", "12.50", "--reason", "a big outage")
    assert (shape["limit"], shape["raised"]["limit"], shape["raised"]["reason"]) == ("12.50", "12.50", "a big outage")
    assert shell.err == "this shift may cost $12.50 now\n"
    assert shell("cost") == 0
    assert "raised to $12.50 by" in shell.out
    assert ": a big outage" in shell.out
    assert world.record.audit(newest_first=True, limit=1)[0].action == "shift.raise"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--raise", "16", "--reason", "x"), 1),
        (("--raise", "9", "--reason", "x"), 1),
        (("--raise", "12"), 2),
        (("--raise", "12", "--reason", "  "), 2),
        (("--raise", "1e1", "--reason", "x"), 2),
        (("--raise", "-12", "--reason", "x"), 2),
        (("--raise", "twelve", "--reason", "x"), 2),
        (("--raise", "12", "--reason", "x", "--back", "1"), 2),
        (("--reason", "x"), 2),
    ],
)
def test_what_is_not_raised_prints_no_sums_and_changes_nothing(
    world: World, shell: Shell, words: tuple[str, ...], code: int
) -> None:
    assert shell("cost", *words) == code
    assert shell.out == ""
    assert world.record.limit_raise(world.shift_id) is None
