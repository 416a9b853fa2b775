"""Costs are exact, dated, and never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from opstui.core.errors import ConfigError
from opstui.core.rates import FREE, ModelRates, cost, parse_card, parse_rates, with_own_rates
from opstui.core.sessions import Usage

CARD = parse_card(
    {
        "dated": "2026-11-01",
        "source": "a price list",
        "hour": "0.08",
        "search": "0.01",
        "models": {
            "big": {"input": "2", "output": "10", "cache_write": "2.5", "cache_read": "0.2"},
            "small": {
                "input": "0.25", "output": "1.25", "cache_write": "0.3125", "cache_read": "0.025",
                "tiers": [{"above": 100_000, "input": "0.5", "output": "2.5"}],
            },
        },
    }
)  # fmt: skip


def test_tokens_hours_and_searches_add_up() -> None:
    usage = Usage(
        input_tokens=12_345, output_tokens=2_000, cache_read_tokens=100_000, cache_write_tokens=1_000,
        running_ms=72_000, searches=3,
    )  # fmt: skip
    # 12,345 × 2 + 2,000 × 10 + 1,000 × 2.5 + 100,000 × 0.2 micro-dollars, 72 s of $0.08 an hour, 3 × $0.01
    assert cost(usage, CARD.rates("big", "managed-agents")) == 24_690 + 20_000 + 2_500 + 20_000 + 1_600 + 30_000
    assert cost(usage, CARD.rates("big", "messages")) == 24_690 + 20_000 + 2_500 + 20_000


def test_a_model_that_the_card_does_not_know_has_no_cost() -> None:
    assert CARD.rates("unheard-of", "messages") is None
    assert CARD.rates(None, "managed-agents") is None
    assert cost(Usage(input_tokens=1), None) is None


def test_the_extractive_runtime_costs_exactly_nothing() -> None:
    assert CARD.rates(None, "extractive") is FREE
    assert cost(Usage(input_tokens=10**9, running_ms=10**9, searches=5), FREE) == 0


def test_a_long_prompt_has_its_own_prices() -> None:
    rates = CARD.rates("small", "messages")
    assert cost(Usage(input_tokens=100_000), rates) == 25_000
    assert cost(Usage(input_tokens=100_001), rates) == 50_000  # 50,000.5 rounded half to even
    assert cost(Usage(cache_read_tokens=100_000, input_tokens=2), rates) == 2_501


counts = st.integers(0, 10**8)


@given(counts, counts, counts, counts)
def test_a_cost_is_the_exact_sum_rounded_once(i: int, o: int, w: int, r: int) -> None:
    rates = ModelRates(
        model="m",
        input=Decimal("0.0333"),
        output=Decimal("1.7"),
        cache_write=Decimal("0.11"),
        cache_read=Decimal("0.007"),
    )
    usage = Usage(input_tokens=i, output_tokens=o, cache_write_tokens=w, cache_read_tokens=r)
    exact = (i * 333 + o * 17_000 + w * 1_100 + r * 70) * 100 // 100
    got = cost(usage, rates)
    assert got is not None
    assert abs(got * 10_000 - exact) <= 5_000


@given(counts, counts)
def test_more_usage_never_costs_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    rates = CARD.rates("small", "managed-agents")
    assert (cost(Usage(input_tokens=low), rates) or 0) <= (cost(Usage(input_tokens=high), rates) or 0)


def test_own_rates_lie_over_the_bundled_ones() -> None:
    mine = with_own_rates(CARD, {"big": {"input": "1"}, "own": {"input": "3", "output": "6", "hour": "0.35"}})
    big, own = mine.rates("big", "messages"), mine.rates("own", "messages")
    assert big is not None
    assert own is not None
    assert (big.input, big.output, big.cache_read) == (Decimal(1), Decimal(10), Decimal("0.2"))
    assert (own.cache_read, own.cache_write, own.hour) == (Decimal(3), Decimal(3), Decimal("0.35"))
    assert CARD.models["big"].input == 2


def test_an_hour_of_ones_own_machine_costs_what_it_costs() -> None:
    rates = parse_rates("qwen", {"input": "0", "output": "0", "hour": "0.35"})
    assert cost(Usage(input_tokens=5000, running_ms=3_600_000), rates) == 350_000


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"dated": "soon"}, "dated"),
        ({"hour": 0.08}, "hour"),
        ({"hour": "-1"}, "hour"),
        ({"hour": "NaN"}, "hour"),
        ({"hour": "1e999999999"}, "hour"),
        ({"hour": "1e-999999999"}, "hour"),
        ({"hour": True}, "hour"),
        ({"models": []}, "models"),
        ({"models": {"m": "2"}}, "models.m"),
        ({"models": {"m": {"inputs": "2"}}}, "models.m.inputs"),
        ({"models": {"m": {"input": "two"}}}, "models.m.input"),
        ({"models": {"m": {"tiers": {}}}}, "models.m.tiers"),
        ({"models": {"m": {"tiers": [{"above": "1"}]}}}, "models.m.tiers.above"),
        ({"prices": {}}, "prices"),
    ],
)
def test_a_card_that_can_not_be_read_names_the_key(data: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_card({"dated": "2026-11-01", **data})
    assert caught.value.key == key
