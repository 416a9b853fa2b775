"""The two letters before a push."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from opstui.core.approval import LETTERS
from opstui.tui.arming import (
    ARM_SECONDS,
    IDLE_SECONDS,
    Arming,
    Phase,
    at,
    idle,
    open_prompt,
    press,
    prompt_text,
    redraw,
)

EARLY = ARM_SECONDS - 0.01
LATE = ARM_SECONDS + 0.01


def kd(alphabet: str) -> str:
    """A choice that draws k, then d."""
    return "k" if "k" in alphabet else "d"


def fresh(now: float = 0.0) -> Arming:
    return open_prompt(None, kd, now)


def test_the_two_letters_in_order_push() -> None:
    state = press(fresh(), "k", LATE)
    assert state.phase is Phase.ARMED
    assert press(state, "d", LATE + 0.1).phase is Phase.DONE


@pytest.mark.parametrize("typed_at", [0.0, 0.1, EARLY])
def test_a_letter_typed_early_never_counts(typed_at: float) -> None:
    state = press(press(fresh(), "k", typed_at), "d", LATE)
    assert state.phase is Phase.WRONG


def test_keys_before_it_is_armed_are_swallowed() -> None:
    state = fresh()
    for character in ("x", "k", "d", None, "\r", " "):
        state = press(state, character, EARLY)
    assert state == fresh()
    assert press(press(state, "k", LATE), "d", LATE).phase is Phase.DONE


@pytest.mark.parametrize("character", ["d", "x", " ", "\r", None, "kd", "", "ķ"])
def test_any_other_key_is_wrong(character: str | None) -> None:
    assert press(fresh(), character, LATE).phase is Phase.WRONG
    assert press(press(fresh(), "k", LATE), "k", LATE).phase is Phase.WRONG


def test_what_is_over_stays_over() -> None:
    wrong = press(fresh(), "x", LATE)
    done = press(press(fresh(), "k", LATE), "d", LATE)
    for state in (wrong, done):
        assert press(state, "k", 9.0) is state
        assert redraw(state, kd, 9.0) is state
        assert not idle(state, 900.0)


def test_new_letters_arm_again_and_forget_what_was_typed() -> None:
    half = press(fresh(), "k", LATE)
    letters = iter("ab")
    state = redraw(half, lambda alphabet: next(letters), 10.0)
    assert (state.asked, state.typed, state.phase) == ("ab", 0, Phase.DRAWN)
    assert press(state, "d", 10.1) == state
    assert press(state, "d", 10.0 + LATE).phase is Phase.WRONG


def test_a_minute_without_a_key_is_idle() -> None:
    state = fresh()
    assert not idle(state, IDLE_SECONDS - 0.1)
    assert idle(state, IDLE_SECONDS)
    half = press(state, "k", 30.0)
    assert not idle(half, IDLE_SECONDS + 20.0)
    assert idle(half, 30.0 + IDLE_SECONDS)


def test_a_public_comment_asks_for_the_end_of_the_key() -> None:
    state = open_prompt("1042", kd, 0.0)
    assert prompt_text(state) == "type  1042  to push"
    for index, character in enumerate("1042"):
        assert state.phase is not Phase.DONE
        state = press(state, character, LATE + index)
    assert state.phase is Phase.DONE


def test_a_four_character_prompt_arms_again_with_the_same_characters() -> None:
    half = press(open_prompt("1042", kd, 0.0), "1", LATE)
    state = redraw(half, kd, 5.0)
    assert (state.asked, state.typed) == ("1042", 0)
    assert press(state, "1", 5.1) == state


def test_a_short_key_is_typed_whole_and_letters_may_be_small() -> None:
    state = open_prompt("ab#7", kd, 0.0)
    for character in "AB#7":
        state = press(state, character, LATE)
    assert state.phase is Phase.DONE
    assert open_prompt("12", kd, 0.0).asked == "12"


def test_the_prompt_reads_as_agreed() -> None:
    assert prompt_text(fresh()) == "type  k d  to push"
    assert prompt_text(press(fresh(), "k", LATE)) == "type  ✓ d  to push"
    assert at(fresh(), EARLY).phase is Phase.DRAWN
    assert at(fresh(), LATE).phase is Phase.ARMED


@given(st.integers())
def test_letters_are_two_different_ones_that_open_and_close_nothing(seed: int) -> None:
    asked = open_prompt(None, random.Random(seed).choice, 0.0).asked
    assert len(asked) == 2
    assert asked[0] != asked[1]
    assert set(asked) <= set(LETTERS)
    assert not set(asked) & set("pqyilotmnce01")


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["k", "d", "x", None, " ", "\r"])), max_size=6))
def test_only_the_right_letters_after_arming_ever_push(keys: list[tuple[float, str | None]]) -> None:
    keys.sort(key=lambda key: key[0])
    state = fresh()
    for typed_at, character in keys:
        state = press(state, character, typed_at)
    heard = [character for typed_at, character in keys if typed_at >= ARM_SECONDS]
    assert (state.phase is Phase.DONE) == (heard[:2] == ["k", "d"])
