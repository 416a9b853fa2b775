"""What a series shows, in sentences whose every number and time is a point's own."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given, strategies as st

from opstui.core.checks.atoms import AtomKind, Evidence, claimed_atoms
from opstui.core.claims import CLAIM_LIMIT
from opstui.core.observations import CARRIED, NAME_LIMIT, Point, Series, called, observe

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NAN = math.nan


def series(values: list[float | None], *, name: str = "ReplicaLag", unit: str = "s", step: float = 60) -> Series:
    """Points a step apart; None leaves one out, NaN is one without a value."""
    return Series(
        name,
        tuple(
            Point(START + timedelta(seconds=step * at), "no data" if math.isnan(value) else f"{value:g}", value)
            for at, value in enumerate(values)
            if value is not None
        ),
        unit,
    )


def said(values: list[float | None], **more: object) -> list[str]:
    return [one.text for one in observe(series(values, **more))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (
            [15, 15, 300, 700, 1248, 1240],
            ["ReplicaLag rose from 15 s to 1248 s between 10:01 and 10:04 UTC on 2026-11-20."],
        ),
        ([99, 60, 2, 3], ["ReplicaLag fell from 99 s to 2 s between 10:00 and 10:02 UTC on 2026-11-20."]),
        (
            [1, 2, 1, 900, 1, 2],
            ["ReplicaLag spiked to 900 s at 10:03 UTC on 2026-11-20, from 1 s at 10:02, and was 1 s at 10:04."],
        ),
        (
            [90, 91, 3, 92, 90],
            ["ReplicaLag dropped to 3 s at 10:02 UTC on 2026-11-20, from 91 s at 10:01, and was 92 s at 10:03."],
        ),
        ([7, 7, 7], ["ReplicaLag stayed at 7 s between 10:00 and 10:02 UTC on 2026-11-20."]),
        (
            [100, 101, 104, 100],
            ["ReplicaLag stayed between 100 s and 104 s between 10:00 and 10:03 UTC on 2026-11-20."],
        ),
        ([1, 9] * 5, ["ReplicaLag varied between 1 s and 9 s between 10:00 and 10:09 UTC on 2026-11-20."]),
        ([3], ["ReplicaLag was 3 s at 10:00 UTC on 2026-11-20."]),
        ([NAN, NAN], ["ReplicaLag has no data between 10:00 and 10:01 UTC on 2026-11-20."]),
        ([], []),
    ],
    ids=["rise", "fall", "spike", "drop", "constant", "steady", "noise", "one", "nothing but gaps", "none"],
)
def test_each_shape_has_its_sentence(values: list[float | None], sentences: list[str]) -> None:
    assert said(values) == sentences


@pytest.mark.parametrize("hole", [None, NAN], ids=["points that are missing", "points without a value"])
def test_a_hole_is_told_with_the_points_around_it(hole: float | None) -> None:
    found = said([5, 5, 5, *[hole] * 5, 5, 5])
    assert "ReplicaLag has no data between 10:02 and 10:08 UTC on 2026-11-20." in found


def test_a_series_that_ends_without_values_says_since_when() -> None:
    assert "ReplicaLag has no data after 10:02 UTC on 2026-11-20." in said([5, 5, 5, NAN, NAN, NAN, NAN])


def test_a_counter_that_was_reset_rises_and_falls_and_no_sum_is_made_up() -> None:
    found = said([10, 200, 400, 600, 0, 150, 320], name="requests_total", unit="")
    assert found == [
        "requests_total rose from 10 to 600 between 10:00 and 10:03 UTC on 2026-11-20.",
        "requests_total fell from 600 to 0 between 10:03 and 10:04 UTC on 2026-11-20.",
    ]


def test_numbers_stand_as_the_source_writes_them() -> None:
    points = (
        Point(START, "0.10", 0.1),
        Point(START + timedelta(minutes=1), "0.30000000000000004", 0.30000000000000004),
    )
    assert observe(Series("error_ratio", points))[0].text.startswith(
        "error_ratio rose from 0.10 to 0.30000000000000004 "
    )


def test_times_of_several_zones_are_one_line_of_time() -> None:
    west = timezone(timedelta(hours=-5))
    points = (
        Point(datetime(2026, 11, 20, 5, 30, tzinfo=west), "9", 9.0),
        Point(datetime(2026, 11, 20, 10, 0, tzinfo=UTC), "1", 1.0),
    )
    assert observe(Series("lag", points))[0].text == "lag rose from 1 to 9 between 10:00 and 10:30 UTC on 2026-11-20."


def test_a_window_over_midnight_names_both_days_and_seconds_are_shown_where_there_are_some() -> None:
    points = tuple(Point(START + timedelta(hours=13, seconds=at * 3599), str(at), float(at)) for at in (0, 2))
    found = observe(Series("lag", points))[0].text
    assert found == "lag rose from 0 to 2 between 2026-11-20 23:00:00 and 2026-11-21 00:59:58 UTC."


def test_a_name_never_begins_as_data_would_and_is_cut() -> None:
    assert called(Series('{job="x"}', ())) == 'series {job="x"}'
    assert len(called(Series("n" * 500, (), "", (("pod", "p" * 500),)))) == NAME_LIMIT


VALUES = st.lists(
    st.one_of(
        st.none(), st.just(NAN), st.integers(-1000, 10_000).map(float), st.floats(allow_nan=False, allow_infinity=True)
    ),
    max_size=40,
)


@given(VALUES, st.sampled_from([1.0, 15.0, 60.0, 3600.0, 86_400.0]), st.randoms(use_true_random=False))
def test_every_number_and_time_of_a_sentence_is_on_the_lines_below_it(
    values: list[float | None], step: float, random: Random
) -> None:
    whole = series(values, step=step)
    points = list(whole.points)
    found = observe(whole)
    random.shuffle(points)
    assert observe(Series(whole.name, tuple(points), whole.unit)) == found  # whatever order they come in
    texts = {point.text for point in points}
    for one in found:
        assert len(one.text) <= CLAIM_LIMIT
        assert len(one.lines) <= CARRIED
        assert one.start is not None
        assert one.end is not None
        assert one.start <= one.end
        carried = {line.split(" ")[1] for line in one.lines}
        assert carried <= texts
        numbers = re.findall(r"(?:from|to|at|was|between|and) (\S+) s\b", one.text)
        assert set(numbers) <= carried
        if one.lines:
            evidence = Evidence(one.lines)
            times = [atom for atom in claimed_atoms(one.text) if atom.kind is AtomKind.TIME]
            assert times or not numbers
            assert all(evidence.holds(atom) for atom in times), one
