"""Money: whole micro-dollars inside, decimal text outside, and never a float between."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from opstui.core.errors import UsageError
from opstui.core.money import cents, dollars, micros

amounts = st.integers(-(10**15), 10**15)


@given(amounts)
def test_six_decimals_hold_an_amount_exactly(amount: int) -> None:
    assert micros(dollars(amount, places=6)) == amount


@given(amounts)
def test_what_is_shown_is_at_most_half_a_unit_off(amount: int) -> None:
    assert abs(Decimal(dollars(amount)) * 1_000_000 - amount) <= 50
    assert abs(Decimal(cents(amount)) * 1_000_000 - amount) <= 5_000


@pytest.mark.parametrize(
    ("amount", "text"),
    [(86_600, "0.0866"), (0, "0.00"), (500_000, "0.50"), (25_000_000, "25.00"), (50, "0.00"), (150, "0.0002")],
)
def test_dollars_have_two_to_four_decimals(amount: int, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,50", "1e999999999", "-1e13", "$1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        micros(text)
