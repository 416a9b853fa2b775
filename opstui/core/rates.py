"""Rate cards: what tokens, running time and searches cost, dated, and the exact sum of it.

Rates are decimal US dollars, costs whole micro-dollars, rounded once, at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.money import MICRO
from opstui.core.sessions import Usage

_NONE = Decimal(0)
_TOKENS = ("input", "output", "cache_write", "cache_read", "cache_write_long")
_DATED_ID = re.compile(r"-20\d{6}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Other prices for a request whose whole prompt (input, cache reads and writes) is longer than ``above`` tokens."""

    above: int
    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal
    cache_write_long: Decimal = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRates:
    """What one model costs: dollars per million tokens, per hour of running, per search."""

    model: str
    input: Decimal = _NONE
    output: Decimal = _NONE
    cache_write: Decimal = _NONE
    """What is written to be kept for five minutes."""
    cache_read: Decimal = _NONE
    cache_write_long: Decimal = _NONE
    """What is written to be kept for an hour; never less than ``cache_write``."""
    hour: Decimal = _NONE
    search: Decimal = _NONE
    tiers: tuple[Tier, ...] = ()
    """By ``above``, lowest first."""


FREE = ModelRates(model="")
"""No model, no network: the extractive runtime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """List prices as of a day."""

    dated: date
    source: str = ""
    hour: Decimal = _NONE
    """Per hour of ``running`` of a managed session."""
    search: Decimal = _NONE
    """Per search of a managed session."""
    models: Mapping[str, ModelRates] = field(default_factory=dict)
    multipliers: Mapping[str, Decimal] = field(default_factory=dict)
    """What the tokens of a request cost times, by the word that ``RuntimeUsage.multipliers`` has for it."""
    own: Mapping[str, ModelRates] = field(default_factory=dict)
    """By the runtime's name: rates that the config gives it, whatever its model is."""
    local: frozenset[str] = frozenset()
    """Runtimes whose endpoint is on this machine: a model that the card does not know costs nothing there."""

    def entry(self, model: str | None) -> ModelRates | None:
        """The card's entry for ``model``, without its date if only the undated name is there; None: not known."""
        name = model or ""
        return self.models.get(name) or self.models.get(_DATED_ID.sub("", name))

    def rates(self, model: str | None, runtime_kind: str, runtime: str = "") -> ModelRates | None:
        """What ``model`` costs on the runtime of that kind and name; None if nobody knows.

        A runtime's own rates come first, then the card (the config's ``[rates]`` among it): a local server that calls
        its model by a name of the card is a gateway to it, and rather too dear than free.
        """
        if runtime_kind == "extractive":
            return FREE
        known = self.own.get(runtime) or self.entry(model)
        if known is None:
            return FREE if runtime_kind == "messages" and runtime in self.local else None
        if runtime_kind == "managed-agents":
            return replace(known, hour=known.hour or self.hour, search=known.search or self.search)
        return known

    def without_model(self, runtime_kind: str) -> ModelRates:
        """What running time and searches cost on a runtime of that kind where the model's price is not known."""
        if runtime_kind == "managed-agents":
            return ModelRates(model="", hour=self.hour, search=self.search)
        return FREE


def cost(
    usage: Usage, rates: ModelRates | None, *, correction: bool = False, multiplier: Decimal = Decimal(1)
) -> int | None:
    """Micro-dollars of ``usage`` (of one request where there are tiers), rounded half even; None without rates.

    A ``correction`` is no request of its own: it has the lowest tier's prices, and parts of it may be negative.
    ``multiplier`` is on the tokens alone.
    """
    if rates is None:
        return None
    prices: ModelRates | Tier = rates
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    for tier in () if correction else rates.tiers:
        if prompt > tier.above:
            prices = tier
    long = usage.cache_write_long_tokens
    tokens = (
        usage.input_tokens * Fraction(prices.input)
        + usage.output_tokens * Fraction(prices.output)
        + (usage.cache_write_tokens - long) * Fraction(prices.cache_write)
        + long * Fraction(max(prices.cache_write_long, prices.cache_write))
        + usage.cache_read_tokens * Fraction(prices.cache_read)
    )
    hours = usage.running_ms * Fraction(rates.hour) / 3_600_000
    searches = usage.searches * Fraction(rates.search)
    return round((tokens * Fraction(multiplier) / 1_000_000 + hours + searches) * MICRO)


def parse_card(data: Mapping[str, Any]) -> RateCard:
    """A card from what a TOML file holds. Raises ConfigError that names the key.

    ``dated`` (a day), ``source``, ``hour``, ``search``, ``multipliers``, and under ``models`` per name what
    :func:`parse_rates` reads.
    """
    _known(data, ("dated", "source", "hour", "search", "multipliers", "models"), "")
    models, times = data.get("models", {}), data.get("multipliers", {})
    if not isinstance(models, Mapping):
        raise ConfigError("models must be a table, one entry for each model", key="models")
    if not isinstance(times, Mapping):
        raise ConfigError("multipliers must be a table of numbers in quotes", key="multipliers")
    return RateCard(
        dated=_day(data.get("dated")),
        source=str(data.get("source", "")),
        hour=_price(data, "hour", "", _NONE),
        search=_price(data, "search", "", _NONE),
        models={str(name): parse_rates(str(name), given, place=f"models.{name}.") for name, given in models.items()},
        multipliers={str(name): _price(times, name, "multipliers.", Decimal(1)) for name in times},
    )


def parse_rates(name: str, data: Any, *, place: str = "", bundled: ModelRates | None = None) -> ModelRates:
    """Rates of one model: ``input``, ``output``, ``cache_write``, ``cache_write_long``, ``cache_read``, ``hour``,
    ``search``, ``tiers``; one that is None counts as left out.

    An hour-long cache write that is left out costs twice the input, as on every list so far. Without ``bundled`` rates
    to fall back to, the other cache prices are the input's. Wherever one has to be supposed, an estimate is rather too
    high than too low. Raises ConfigError.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place or name} must be a table with input and output", key=place.rstrip("."))
    _known(data, (*_TOKENS, "hour", "search", "tiers"), place)
    base = bundled or ModelRates(model=name)
    reading = _price(data, "input", place, base.input)
    write = _price(data, "cache_write", place, base.cache_write if bundled else reading)
    rates = ModelRates(
        model=name,
        input=reading,
        output=_price(data, "output", place, base.output),
        cache_write=write,
        cache_read=_price(data, "cache_read", place, base.cache_read if bundled else reading),
        cache_write_long=_price(data, "cache_write_long", place, max(base.cache_write_long, 2 * reading, write)),
        hour=_price(data, "hour", place, base.hour),
        search=_price(data, "search", place, base.search),
    )
    if data.get("tiers") is None:
        # Prices somebody wrote down for their own account replace the bundled ones, the higher tiers' too.
        return replace(rates, tiers=() if any(data.get(key) is not None for key in _TOKENS) else base.tiers)
    if not isinstance(data["tiers"], (list, tuple)):
        raise ConfigError(f"{place}tiers must be a list of tables", key=f"{place}tiers")
    tiers = [_tier(rates, tier, f"{place}tiers.") for tier in data["tiers"]]
    return replace(rates, tiers=tuple(sorted(tiers, key=lambda tier: tier.above)))


def with_own_rates(card: RateCard, own: Mapping[str, Mapping[str, Any]]) -> RateCard:
    """``card`` with the config's own ``[rates.MODEL]`` laid over it. Raises ConfigError."""
    models = dict(card.models)
    for name, given in own.items():
        models[name] = parse_rates(name, given, place=f"rates.{name}.", bundled=card.entry(name))
    return replace(card, models=models)


def _tier(rates: ModelRates, data: Any, place: str) -> Tier:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place.rstrip('.')} must be a list of tables", key=place.rstrip("."))
    _known(data, ("above", *_TOKENS), place)
    above = data.get("above")
    if isinstance(above, bool) or not isinstance(above, int) or above <= 0:
        raise ConfigError(f"{place}above must be a number of tokens", key=f"{place}above")
    reading, writing, write, read = (_price(data, key, place, getattr(rates, key)) for key in _TOKENS[:4])
    long = _price(data, "cache_write_long", place, max(rates.cache_write_long, 2 * reading, write))
    return Tier(above=above, input=reading, output=writing, cache_write=write, cache_read=read, cache_write_long=long)


def _price(data: Mapping[str, Any], key: str, place: str, otherwise: Decimal) -> Decimal:
    given = data.get(key)
    if given is None:
        return otherwise
    try:
        # A float in TOML is not the number that was written; a string is.
        value = Decimal(given) if isinstance(given, (str, int, Decimal)) and not isinstance(given, bool) else None
    except InvalidOperation:
        value = None
    # Exact sums of a price like 1e-999999999 would fill the memory.
    if value is None or not value.is_finite() or not 0 <= value <= 1_000_000 or int(value.as_tuple().exponent) < -40:
        raise ConfigError(f'{place}{key} must be dollars in quotes, for example "2.50"', key=f"{place}{key}")
    return value


def _day(given: Any) -> date:
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    try:
        return date.fromisoformat(given) if isinstance(given, str) else date.min
    except ValueError:
        raise ConfigError("dated must be a day, for example 2026-11-01", key="dated") from None


def _known(data: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in data:
        if key not in keys:
            raise ConfigError(
                f"{place}{key} is not a key of a rate card; it has {', '.join(keys)}", key=f"{place}{key}"
            )
