"""Costs are exact, dated, and never guessed."""

from __future__ import annotations

from dataclasses import replace
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
        ({"models": {"m": {"cache_write_long": "-2"}}}, "models.m.cache_write_long"),
        ({"multipliers": ["us"]}, "multipliers"),
        ({"multipliers": {"us": 1.1}}, "multipliers.us"),
        ({"prices": {}}, "prices"),
    ],
)
def test_a_card_that_can_not_be_read_names_the_key(data: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_card({"dated": "2026-11-01", **data})
    assert caught.value.key == key


# --- what is written to the cache for an hour, dated names, own rates, multipliers


def test_what_is_kept_for_an_hour_costs_its_own_price() -> None:
    rates = parse_rates("m", {"input": "2", "output": "10", "cache_write": "2.5", "cache_write_long": "4"})
    usage = Usage(cache_write_tokens=1_000, cache_write_long_tokens=400)
    assert cost(usage, rates) == 600 * 2.5 + 400 * 4


def test_an_hour_long_write_that_has_no_price_costs_twice_the_input() -> None:
    assert parse_rates("m", {"input": "3", "output": "6"}).cache_write_long == 6
    assert parse_rates("m", {"input": "3", "output": "6", "cache_write": "9"}).cache_write_long == 9
    tier = parse_rates("m", {"input": "1", "tiers": [{"above": 10, "input": "5"}]}).tiers[0]
    assert tier.cache_write_long == 10


def test_an_hour_is_never_cheaper_than_five_minutes() -> None:
    rates = ModelRates(model="m", cache_write=Decimal("2.5"))
    assert cost(Usage(cache_write_tokens=1_000, cache_write_long_tokens=1_000), rates) == 2_500


def test_a_correction_has_the_lowest_tier_and_may_be_negative() -> None:
    rates = CARD.rates("small", "messages")
    assert cost(Usage(input_tokens=-200_000), rates, correction=True) == -50_000
    assert cost(Usage(input_tokens=200_000), rates, correction=True) == 50_000
    # 1,000 tokens that were taken for five-minute writes were hour-long ones: the difference.
    assert cost(Usage(cache_write_long_tokens=1_000), rates, correction=True) == 188  # 0.5 - 0.3125, half to even


def test_a_multiplier_is_on_tokens_alone() -> None:
    rates = CARD.rates("big", "managed-agents")
    usage = Usage(input_tokens=1_000, running_ms=3_600_000, searches=1)
    assert cost(usage, rates, multiplier=Decimal("1.1")) == 2_200 + 80_000 + 10_000


def test_a_dated_name_costs_what_its_model_costs() -> None:
    assert CARD.rates("big-20260929", "messages") == CARD.rates("big", "messages")
    assert CARD.rates("big-2026", "messages") is None
    mine = with_own_rates(CARD, {"big-20260929": {"input": "1"}})
    dated, plain = mine.rates("big-20260929", "messages"), mine.rates("big", "messages")
    assert dated is not None
    assert plain is not None
    assert (dated.input, dated.output, plain.input) == (1, 10, 2)


def test_the_rates_of_a_runtime_itself_come_first() -> None:
    card = replace(CARD, own={"lab": parse_rates("big", {"input": "1", "hour": "0.35"})})
    mine = card.rates("big", "messages", "lab")
    assert mine is not None
    assert (mine.input, mine.output, mine.hour) == (1, 0, Decimal("0.35"))
    assert card.rates("big", "messages", "other") == CARD.rates("big", "messages")
    assert card.rates("big", "extractive", "lab") is FREE


def test_a_model_on_this_machine_is_free_unless_the_card_knows_its_name() -> None:
    card = replace(CARD, local=frozenset({"ollama"}))
    assert card.rates("qwen3", "messages", "ollama") is FREE
    assert card.rates("qwen3", "messages", "elsewhere") is None
    assert card.rates("qwen3", "managed-agents", "ollama") is None
    assert card.rates("big", "messages", "ollama") == CARD.models["big"]


def test_without_a_price_for_the_model_running_and_searches_still_cost() -> None:
    rest = CARD.without_model("managed-agents")
    assert cost(Usage(input_tokens=10**6, running_ms=3_600_000, searches=1), rest) == 90_000
    assert CARD.without_model("messages") is FREE


def test_a_rate_that_is_none_is_left_out() -> None:
    given = {"input": Decimal("1.5"), "output": None, "cache_write_long": None, "tiers": None}
    mine = with_own_rates(CARD, {"big": given}).models["big"]
    assert (mine.input, mine.output, mine.tiers) == (Decimal("1.5"), 10, ())
