"""Ages, clocks, money: short, whole minutes, marked where they are estimates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opstui.tui import words

NOW = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0m"), (59, "0m"), (61, "1m"), (3599, "59m"), (7200, "2h"), (172_799, "47h"), (259_200, "3d")],
)
def test_ages_are_one_whole_unit(seconds: int, said: str) -> None:
    assert words.age(NOW - timedelta(seconds=seconds), NOW) == said


def test_what_is_over_is_said_with_a_minus_and_nothing_due_with_a_dash() -> None:
    assert words.due(NOW - timedelta(minutes=12), NOW) == "-12m"
    assert words.due(None, NOW) == "–"


def test_a_clock_is_in_the_operators_zone_and_names_another_day() -> None:
    assert words.clock(NOW, "Europe/Berlin") == "04:14"
    assert words.clock(NOW - timedelta(days=1), "UTC", NOW) == "19 Nov 03:14"
    assert words.clock(NOW, "No/Where") == "03:14"


def test_an_estimate_never_goes_without_its_mark() -> None:
    assert words.estimate(31_200, fine=True) == "≈ $0.0312"
    assert words.estimate(1_840_000) == "≈ $1.84"


@pytest.mark.parametrize(("number", "said"), [(999, "999"), (8100, "8.1k"), (999_949, "999.9k"), (999_950, "1.0M")])
def test_counts_are_short(number: int, said: str) -> None:
    assert words.count(number) == said


def test_running_time_is_a_clock() -> None:
    assert words.running(42_000) == "0:42"
    assert words.running(3_725_000) == "1:02:05"


def test_severities_have_shapes_and_ascii_for_terminals_without() -> None:
    assert [words.shape(severity) for severity in ("1", "2", "3", "4", None)] == ["▲", "◆", "●", "○", "·"]
    assert words.plain("▲ ◆ ● ○ ≈ $1 │") == "1 2 3 4 ~ $1 |"
    assert words.plain("▲▌─│◐✎…▸").isascii()
