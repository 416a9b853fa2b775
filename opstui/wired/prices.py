"""What the config says of prices, in the words of the rate card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.services.ratecards import RuntimePrices, todays_card

if TYPE_CHECKING:
    from opstui.config.settings import RateSettings, Settings
    from opstui.core.ids import Clock
    from opstui.core.rates import RateCard


def card_of(folder: Path, settings: Settings, clock: Clock) -> Callable[[], RateCard]:
    """The card of the day that it is asked on."""
    runtimes = {
        name: RuntimePrices(
            model=runtime.model,
            base_url=str(runtime.base_url) if runtime.base_url else None,
            rates=_given(runtime.rates) if runtime.rates is not None else None,
        )
        for name, runtime in settings.runtimes.items()
        if runtime.kind != "extractive"
    }
    return todays_card(folder, {model: _given(rates) for model, rates in settings.rates.items()}, clock, runtimes)


def _given(rates: RateSettings) -> Mapping[str, str]:
    """Only what was written: what is left out falls back to the card."""
    values: dict[str, Decimal | None] = {item.name: getattr(rates, item.name) for item in fields(rates)}
    return {name: str(value) for name, value in values.items() if value is not None}
