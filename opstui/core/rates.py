"""Rate cards: what tokens, running time and searches cost, dated, and the exact sum of it.

Rates are decimal US dollars, costs whole micro-dollars, rounded once, at the end.
"""

from __future__ import annotations

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
_TOKENS = ("input", "output", "cache_write", "cache_read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Other prices for a request whose whole prompt (input, cache reads and writes) is longer than ``above`` tokens."""

    above: int
    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRates:
    """What one model costs: dollars per million tokens, per hour of running, per search."""

    model: str
    input: Decimal = _NONE
    output: Decimal = _NONE
    cache_write: Decimal = _NONE
    cache_read: Decimal = _NONE
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

    def rates(self, model: str | None, runtime_kind: str) -> ModelRates | None:
        """What ``model`` costs on a runtime of that kind; None if the card does not know it."""
        if runtime_kind == "extractive":
            return FREE
        known = self.models.get(model or "")
        if known is None:
            return None
        if runtime_kind == "managed-agents":
            return replace(known, hour=known.hour or self.hour, search=known.search or self.search)
        return known


def cost(usage: Usage, rates: ModelRates | None) -> int | None:
    """Micro-dollars of ``usage`` (of one request where there are tiers), rounded half even; None without rates."""
    if rates is None:
        return None
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    prices: ModelRates | Tier = rates
    for tier in rates.tiers:
        if prompt > tier.above:
            prices = tier
    tokens = (
        usage.input_tokens * Fraction(prices.input)
        + usage.output_tokens * Fraction(prices.output)
        + usage.cache_write_tokens * Fraction(prices.cache_write)
        + usage.cache_read_tokens * Fraction(prices.cache_read)
    )
    hours = usage.running_ms * Fraction(rates.hour) / 3_600_000
    searches = usage.searches * Fraction(rates.search)
    return round((tokens / 1_000_000 + hours + searches) * MICRO)


def parse_card(data: Mapping[str, Any]) -> RateCard:
    """A card from what a TOML file holds. Raises ConfigError that names the key.

    ``dated`` (a day), ``source``, ``hour``, ``search``, and under ``models`` per name what :func:`parse_rates` reads.
    """
    _known(data, ("dated", "source", "hour", "search", "models"), "")
    models = data.get("models", {})
    if not isinstance(models, Mapping):
        raise ConfigError("models must be a table, one entry for each model", key="models")
    return RateCard(
        dated=_day(data.get("dated")),
        source=str(data.get("source", "")),
        hour=_price(data, "hour", "", _NONE),
        search=_price(data, "search", "", _NONE),
        models={str(name): parse_rates(str(name), given, place=f"models.{name}.") for name, given in models.items()},
    )


def parse_rates(name: str, data: Any, *, place: str = "", bundled: ModelRates | None = None) -> ModelRates:
    """Rates of one model: ``input``, ``output``, ``cache_write``, ``cache_read``, ``hour``, ``search``, ``tiers``.

    Without ``bundled`` rates to fall back to, a cache price that is left out is the input's, so that an estimate is
    rather too high than too low. Raises ConfigError.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place or name} must be a table with input and output", key=place.rstrip("."))
    _known(data, (*_TOKENS, "hour", "search", "tiers"), place)
    base = bundled or ModelRates(model=name)
    reading = _price(data, "input", place, base.input)
    cached = (base.cache_write, base.cache_read) if bundled else (reading, reading)
    rates = ModelRates(
        model=name,
        input=reading,
        output=_price(data, "output", place, base.output),
        cache_write=_price(data, "cache_write", place, cached[0]),
        cache_read=_price(data, "cache_read", place, cached[1]),
        hour=_price(data, "hour", place, base.hour),
        search=_price(data, "search", place, base.search),
    )
    if "tiers" not in data:
        # Prices somebody wrote down for their own account replace the bundled ones, the higher tiers' too.
        return replace(rates, tiers=() if any(key in data for key in _TOKENS) else base.tiers)
    if not isinstance(data["tiers"], (list, tuple)):
        raise ConfigError(f"{place}tiers must be a list of tables", key=f"{place}tiers")
    tiers = [_tier(rates, tier, f"{place}tiers.") for tier in data["tiers"]]
    return replace(rates, tiers=tuple(sorted(tiers, key=lambda tier: tier.above)))


def with_own_rates(card: RateCard, own: Mapping[str, Mapping[str, Any]]) -> RateCard:
    """``card`` with the config's own ``[rates.MODEL]`` laid over it. Raises ConfigError."""
    models = dict(card.models)
    for name, given in own.items():
        models[name] = parse_rates(name, given, place=f"rates.{name}.", bundled=models.get(name))
    return replace(card, models=models)


def _tier(rates: ModelRates, data: Any, place: str) -> Tier:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place.rstrip('.')} must be a list of tables", key=place.rstrip("."))
    _known(data, ("above", *_TOKENS), place)
    above = data.get("above")
    if isinstance(above, bool) or not isinstance(above, int) or above <= 0:
        raise ConfigError(f"{place}above must be a number of tokens", key=f"{place}above")
    reading, writing, write, read = (_price(data, key, place, getattr(rates, key)) for key in _TOKENS)
    return Tier(above=above, input=reading, output=writing, cache_write=write, cache_read=read)


def _price(data: Mapping[str, Any], key: str, place: str, otherwise: Decimal) -> Decimal:
    if key not in data:
        return otherwise
    given = data[key]
    try:
        # A float in TOML is not the number that was written; a string is.
        value = Decimal(given) if isinstance(given, (str, int)) and not isinstance(given, bool) else None
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
