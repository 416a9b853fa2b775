"""Shifts tile time: every moment is in exactly one, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from opstui.core.errors import UsageError
from opstui.core.shifts import (
    Schedule,
    forecast,
    shift_at,
    shift_before,
)

BERLIN = Schedule("Europe/Berlin", (time(8), time(20)))
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Asia/Beirut",
)

schedules = st.builds(
    lambda zone, minutes: Schedule(zone, tuple(time(minute // 60, minute % 60) for minute in minutes)),
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 1439), min_size=1, max_size=4, unique=True),
)
SPAN_OF_YEARS = 50 * 366 * 86_400
moments = st.integers(0, SPAN_OF_YEARS).map(
    lambda seconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
moments |= st.sampled_from(
    (
        datetime(2011, 12, 30, 10, tzinfo=UTC),
        datetime(2026, 3, 28, 22, tzinfo=UTC),
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
    )
)


@given(moments, schedules)
@settings(max_examples=500)
def test_every_moment_is_in_exactly_one_shift_and_shifts_tile_time(moment: datetime, schedule: Schedule) -> None:
    shift = shift_at(moment, schedule)
    assert shift.start <= moment < shift.end
    assert shift_at(shift.start, schedule) == shift
    assert shift_at(shift.end - timedelta(microseconds=1), schedule) == shift
    assert shift_at(shift.end, schedule).start == shift.end
    assert shift_before(shift, schedule).end == shift.start


@given(moments, schedules)
def test_a_shift_starts_when_its_schedule_says(moment: datetime, schedule: Schedule) -> None:
    start = shift_at(moment, schedule).start.astimezone(ZoneInfo(schedule.timezone))
    skipped = any(
        datetime.combine(start.date() + timedelta(days=days), begins, start.tzinfo).astimezone(UTC) == start
        for begins in schedule.starts
        for days in (-1, 0)
    )
    assert start.time().replace(tzinfo=None) in schedule.starts or skipped


def test_the_schedule_of_the_manual() -> None:
    shift = shift_at(datetime(2026, 11, 20, 3, 14, tzinfo=UTC), BERLIN)
    assert shift.name == "Night"
    assert shift.id == "2026-11-19T19:00:00Z"
    assert shift.end == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert shift_at(shift.end, BERLIN).name == "Day"


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 28, 23, tzinfo=UTC), 11), (datetime(2026, 10, 24, 23, tzinfo=UTC), 13)]
)
def test_a_night_in_which_clocks_change_is_an_hour_shorter_or_longer(day: datetime, hours: int) -> None:
    shift = shift_at(day, BERLIN)
    assert shift.end - shift.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("starts", "names"),
    [
        ((8, 20), ["Day", "Night"]),
        ((6, 14, 22), ["Early", "Late", "Night"]),
        ((9,), ["Day"]),
        ((0, 6, 12, 18), ["Night", "Early", "12:00", "18:00"]),
        ((5, 9), ["05:00", "09:00"]),
    ],
)
def test_shifts_have_the_names_that_people_use(starts: tuple[int, ...], names: list[str]) -> None:
    schedule = Schedule("UTC", tuple(time(hour) for hour in starts))
    found = [shift_at(datetime(2026, 11, 20, hour, tzinfo=UTC), schedule).name for hour in starts]
    assert found == names


@pytest.mark.parametrize(
    "schedule", [Schedule("Mars/Olympus"), Schedule("../etc/passwd"), Schedule(""), Schedule("UTC", ())]
)
def test_a_schedule_that_makes_no_sense_is_a_usage_error(schedule: Schedule) -> None:
    with pytest.raises(UsageError):
        shift_at(datetime(2026, 1, 1, tzinfo=UTC), schedule)


def test_a_forecast_goes_on_at_the_rate_so_far() -> None:
    shift = shift_at(datetime(2026, 11, 20, 3, tzinfo=UTC), Schedule())
    assert forecast(1_000_000, shift, shift.start + timedelta(hours=3)) == 4_000_000
    assert forecast(1_000_000, shift, shift.start + timedelta(minutes=4)) is None
    assert forecast(1_000_000, shift, shift.end + timedelta(hours=5)) == 1_000_000
    assert forecast(0, shift, shift.start + timedelta(hours=1)) == 0
