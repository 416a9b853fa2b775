"""How often remote systems are asked."""

from __future__ import annotations

import pytest

from opstui.services.pace import asked_pause, jittered, pause


def seconds(**changes: object) -> float:
    given: dict[str, object] = {"quiet": 0, "looked": False, "hidden": False}
    return pause(15.0, **given | changes)  # type: ignore[arg-type]


def test_it_is_a_poll_while_things_change_or_somebody_looks() -> None:
    assert seconds() == 15.0
    assert seconds(quiet=50, looked=True) == 15.0


def test_it_grows_to_four_polls_while_nothing_happens_and_nobody_looks() -> None:
    found = [seconds(quiet=number) for number in range(10)]
    assert found == sorted(found)
    assert (found[1] > found[0], found[-1]) == (True, 60.0)


def test_a_hidden_screen_asks_a_fifth_as_often() -> None:
    assert seconds(hidden=True) == seconds(hidden=True, quiet=50) == seconds(hidden=True, failures=3) == 75.0


def test_who_is_not_reached_is_tried_each_poll_and_who_refuses_less_and_less() -> None:
    assert {seconds(failures=number, quiet=9) for number in range(1, 20)} == {15.0}
    refused = [seconds(failures=number, refused=True, looked=True) for number in range(1, 20)]
    assert (refused[0], refused[-1]) == (15.0, 60.0)
    assert refused == sorted(refused)


@pytest.mark.parametrize(
    ("asked", "kept"), [(None, None), (0.0, 1.0), (-5.0, 1.0), (30.0, 30.0), (1e9, 300.0), (float("inf"), 300.0)]
)
def test_an_asked_pause_is_between_a_second_and_five_minutes(asked: float | None, kept: float | None) -> None:
    assert asked_pause(asked) == kept


def test_desks_drift_apart_by_a_tenth() -> None:
    assert [jittered(10.0, chance) for chance in (0.0, 0.5)] == [9.0, 10.0]
    assert 10.9 < jittered(10.0, 0.999) < 11.0
