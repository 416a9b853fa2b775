"""What follows from the settings as a whole: every reference to a secret, every price of one's own."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from opstui.config.layers import dotted
from opstui.core.secrets import SecretRef

if TYPE_CHECKING:
    from opstui.config.settings import RateSettings, Settings


def secret_refs(settings: Settings) -> dict[str, SecretRef]:
    """Key of the config → where its secret is found: ``runtimes.managed.api_key``, ``tickets.rt.token``, …"""
    found = {("tickets", name, "token"): system.token for name, system in settings.tickets.items()}
    found |= {("runtimes", name, "api_key"): runtime.api_key for name, runtime in settings.runtimes.items()}
    refs = {dotted(path): ref for path, ref in found.items() if ref is not None}
    if settings.store.password is not None:
        refs["store.password"] = settings.store.password
    return refs


def own_rates(settings: Settings) -> dict[str, dict[str, str]]:
    """Model → the prices of ``[rates.MODEL]``, as ``core.rates.parse_rates`` reads them."""
    return {model: as_text(given) for model, given in settings.rates.items()}


def as_text(rates: RateSettings) -> dict[str, str]:
    """The prices that were given, as they are written in a file: the table's, or a runtime's own ``rates``."""
    given = {item.name: getattr(rates, item.name) for item in fields(rates)}
    return {name: f"{value:f}" for name, value in given.items() if value is not None}
