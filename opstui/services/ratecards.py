"""The rate card of today: the newest dated file, with the config's own rates laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.hosts import leads_here
from opstui.core.ids import Clock
from opstui.core.rates import ModelRates, RateCard, parse_card, parse_rates, with_own_rates

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.toml\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimePrices:
    """What the config says of a runtime, as far as prices depend on it."""

    model: str | None = None
    base_url: str | None = None
    rates: Mapping[str, Any] | None = None
    """Its own ``rates``, as ``core.rates.parse_rates`` reads them; None: it has none."""


def load_card(
    folder: Path,
    own: Mapping[str, Mapping[str, Any]],
    today: date,
    runtimes: Mapping[str, RuntimePrices] | None = None,
) -> RateCard:
    """The newest card in ``folder`` (``2026-11-20.toml``) that is dated ``today`` or before; later ones wait.

    ``own`` is the config's ``[rates]``, by model; ``runtimes`` are the runtimes that cost tokens, by name. Where every
    card is later, by a clock that is wrong, the first one is taken: its date is shown beside every sum. Raises
    ConfigError that names the file and the key.
    """
    cards = sorted((day, path) for path in _files(folder) if (day := _day(path)) is not None)
    if not cards:
        raise ConfigError("there is no rate card in it: reinstall opstui", file=str(folder))
    day, path = next((card for card in reversed(cards) if card[0] <= today), cards[0])
    card = with_own_rates(_read(path, day), own)
    runtimes = runtimes or {}
    return replace(
        card,
        own={name: _own(name, prices, card) for name, prices in runtimes.items() if prices.rates is not None},
        local=frozenset(name for name, prices in runtimes.items() if leads_here(prices.base_url or "")),
    )


def todays_card(
    folder: Path,
    own: Mapping[str, Mapping[str, Any]],
    clock: Clock,
    runtimes: Mapping[str, RuntimePrices] | None = None,
) -> Callable[[], RateCard]:
    """``Setup.rates``: the card of the day that it is asked on, read once a day."""
    kept: dict[date, RateCard] = {}

    def card() -> RateCard:
        today = clock.now().date()
        found = kept.get(today)
        if found is None:
            found = load_card(folder, own, today, runtimes)
            kept.clear()
            kept[today] = found
        return found

    return card


def _own(name: str, prices: RuntimePrices, card: RateCard) -> ModelRates:
    given = {key: value for key, value in (prices.rates or {}).items() if value is not None}
    bundled = card.entry(prices.model)
    if bundled is not None and "input" in given:
        # A price list of its own: what it leaves out of the caches goes with its input, not with the vendor's prices.
        bundled = replace(bundled, cache_write_long=Decimal(0))
        given = {"cache_write": given["input"], "cache_read": given["input"], **given}
    return parse_rates(prices.model or "", given, place=f"runtimes.{name}.rates.", bundled=bundled)


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"the rate cards can't be read ({error.strerror})", file=str(folder)) from None


def _day(path: Path) -> date | None:
    named = _NAME.match(path.name)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None  # 2026-02-30: no day, so no card


def _read(path: Path, day: date) -> RateCard:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        card = parse_card(data if "dated" in data else {**data, "dated": day})
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", file=str(path)) from None
    except ValueError as error:  # broken TOML, or not UTF-8
        raise ConfigError(str(error), file=str(path)) from None
    except ConfigError as error:
        raise ConfigError(str(error), file=str(path), key=error.key) from None
    if card.dated != day:
        raise ConfigError(f"dated is {card.dated}, and its name says {day}", file=str(path), key="dated")
    return card
