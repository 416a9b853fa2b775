"""The card of the day is the newest that is not of a later one, with the config's own rates over it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import opstui
from opstui.core.errors import ConfigError
from opstui.core.rates import FREE, cost
from opstui.core.sessions import Usage
from opstui.services.ratecards import RuntimePrices, load_card, todays_card
from opstui.testing.builders import OwnClock

BUNDLED = Path(opstui.__file__).parent / "rates"
TODAY = date(2026, 11, 20)

WORKED = Usage(
    input_tokens=5_000, output_tokens=3_200, cache_read_tokens=20_000, cache_write_tokens=2_000, searches=3,
    running_ms=342_500,
)  # fmt: skip
"""The example of the service's budget documentation: 0.010 + 0.005 + 0.002 + 0.032 + 0.030 + 0.00761 dollars."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for day, price in (("2026-01-01", "1"), ("2026-10-07", "2"), ("2027-01-01", "3")):
        (tmp_path / f"{day}.toml").write_text(f'dated = {day}\n[models.m]\ninput = "{price}"\noutput = "0"\n')
    (tmp_path / "notes.toml").write_text("not = 'a card'\n")
    return tmp_path


def _input(folder: Path, today: date) -> Decimal:
    return load_card(folder, {}, today).models["m"].input


def test_a_card_of_a_later_day_waits_for_it(folder: Path) -> None:
    assert _input(folder, date(2026, 10, 6)) == 1
    assert _input(folder, date(2026, 10, 7)) == 2
    assert _input(folder, date(2026, 12, 31)) == 2
    assert _input(folder, date(2027, 1, 1)) == 3


def test_a_clock_before_every_card_gets_the_first(folder: Path) -> None:
    assert load_card(folder, {}, date(1970, 1, 1)).dated == date(2026, 1, 1)


def test_a_program_that_runs_over_midnight_takes_the_new_card(folder: Path) -> None:
    clock = OwnClock()
    card = todays_card(folder, {}, clock)
    assert card().models["m"].input == 1
    assert card() is card()
    clock.advance(days=300)
    assert card().models["m"].input == 3


def test_the_bundled_card_counts_the_documented_example_to_the_cent() -> None:
    rates = load_card(BUNDLED, {}, TODAY).rates("claude-sonnet-5-5", "managed-agents")
    spent = cost(WORKED, rates)
    assert spent == 86_611
    assert f"{Decimal(spent) / 1_000_000:.4f}" == "0.0866"
    assert f"{Decimal(spent) / 10_000:.0f}" == "9"


def test_the_long_prompts_of_a_small_model_cost_five_times_as_much() -> None:
    rates = load_card(BUNDLED, {}, TODAY).rates("claude-haiku-5-5", "messages")
    # The border is the whole prompt: input, cache reads and cache writes together.
    short = Usage(input_tokens=40_000, cache_read_tokens=50_000, cache_write_tokens=10_000, output_tokens=1_000)
    long = Usage(input_tokens=40_001, cache_read_tokens=50_000, cache_write_tokens=10_000, output_tokens=1_000)
    assert cost(short, rates) == 4_000 + 500 + 1_250 + 500
    assert cost(long, rates) == round(20_000.5 + 2_500 + 6_250 + 2_500)
    assert cost(Usage(cache_write_tokens=100_001, cache_write_long_tokens=100_001), rates) == 100_001


@pytest.mark.parametrize(
    ("model", "prices"),
    [
        ("claude-fable-5-1", "10 12.50 20 0.25 50"),
        ("claude-fable-5", "10 12.50 20 1.00 50"),
        ("claude-opus-5-5", "4 5 8 0.20 20"),
        ("claude-opus-5", "5 6.25 10 0.50 25"),
        ("claude-opus-4-8", "5 6.25 10 0.50 25"),
        ("claude-opus-4-7", "5 6.25 10 0.50 25"),
        ("claude-opus-4-6", "5 6.25 10 0.50 25"),
        ("claude-opus-4-5-20251101", "5 6.25 10 0.50 25"),
        ("claude-sonnet-5-5", "2 2.50 4 0.10 10"),
        ("claude-sonnet-5", "2 2.50 4 0.20 10"),
        ("claude-sonnet-4-6", "3 3.75 6 0.30 15"),
        ("claude-sonnet-4-5-20250929", "3 3.75 6 0.30 15"),
        ("claude-haiku-5-5", "0.10 0.125 0.20 0.01 0.50"),
        ("claude-haiku-4-5-20251001", "1 1.25 2 0.10 5"),
    ],
)
def test_the_bundled_card_has_the_list_prices(model: str, prices: str) -> None:
    rates = load_card(BUNDLED, {}, TODAY).rates(model, "managed-agents")
    assert rates is not None
    found = (rates.input, rates.cache_write, rates.cache_write_long, rates.cache_read, rates.output)
    assert found == tuple(Decimal(price) for price in prices.split())
    assert (rates.hour, rates.search) == (Decimal("0.08"), Decimal("0.01"))


def test_a_model_without_a_known_price_is_not_in_the_bundled_card() -> None:
    assert load_card(BUNDLED, {}, TODAY).rates("claude-fable-5-2", "managed-agents") is None


def test_the_config_prices_what_the_card_does_not_know() -> None:
    card = load_card(BUNDLED, {"claude-fable-5-2": {"input": Decimal(12), "output": "60", "search": None}}, TODAY)
    rates = card.rates("claude-fable-5-2", "managed-agents")
    assert rates is not None
    assert (rates.input, rates.cache_read, rates.cache_write_long, rates.search) == (12, 12, 24, Decimal("0.01"))


def test_a_runtime_has_its_own_rates_over_its_models() -> None:
    runtimes = {
        "lab": RuntimePrices(model="qwen3", base_url="http://localhost:11434", rates={"hour": "0.35"}),
        "ollama": RuntimePrices(model="qwen3", base_url="http://127.0.0.1:11434"),
        "vllm": RuntimePrices(model="qwen3", base_url="https://gpu.example.org"),
        "api": RuntimePrices(model="claude-sonnet-5-5", rates={"input": "1.5", "cache_read": None}),
        "mine": RuntimePrices(model="claude-sonnet-5-5", rates={"input": "0", "output": "0", "hour": "0.35"}),
    }
    card = load_card(BUNDLED, {}, TODAY, runtimes)
    lab, api = card.rates("qwen3", "messages", "lab"), card.rates("claude-sonnet-5-5", "messages", "api")
    assert lab is not None
    assert api is not None
    assert (lab.input, lab.hour) == (0, Decimal("0.35"))
    assert (api.input, api.output) == (Decimal("1.5"), 10)
    assert (api.cache_write, api.cache_read, api.cache_write_long) == (Decimal("1.5"), Decimal("1.5"), 3)
    every = Usage(input_tokens=9, output_tokens=9, cache_read_tokens=9, cache_write_tokens=9, cache_write_long_tokens=4)
    assert cost(every, card.rates("claude-sonnet-5-5", "messages", "mine")) == 0
    assert card.rates("qwen3", "messages", "ollama") is FREE
    assert card.rates("qwen3", "messages", "vllm") is None


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('dated = 2026-11-20\nhour = "x"\n', "hour", "hour must be dollars"),
        ('[models.m]\ninputs = "1"\n', "models.m.inputs", "is not a key"),
        ("dated = 2026-11-19\n", "dated", "its name says 2026-11-20"),
        ("dated = = 1\n", None, "line 1"),
        ("source = '\xff'\n", None, "utf-8"),
    ],
)
def test_a_card_that_can_not_be_read_names_the_file_and_the_key(
    tmp_path: Path, text: str, key: str | None, words: str
) -> None:
    file = tmp_path / "2026-11-20.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=words) as caught:
        load_card(tmp_path, {}, TODAY)
    assert (caught.value.key, caught.value.file) == (key, str(file))
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("name", ["2026-02-30.toml", "prices.toml"])
def test_a_folder_without_a_card_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match="no rate card"):
        load_card(tmp_path, {}, TODAY)
    with pytest.raises(ConfigError, match="can't be read"):
        load_card(tmp_path / "gone", {}, TODAY)
