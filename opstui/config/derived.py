"""What follows from the settings as a whole: every reference to a secret, every price of one's own."""

from __future__ import annotations

from collections.abc import Mapping
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


def own_rates(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Model → its prices as ``core.rates.parse_rates`` reads them.

    ``[rates.MODEL]`` first, then what a runtime says of its own model, key by key.
    """
    found: dict[str, Mapping[str, str]] = {model: as_text(given) for model, given in settings.rates.items()}
    for runtime in settings.runtimes.values():
        if runtime.model is not None and runtime.rates is not None:
            found[runtime.model] = {**found.get(runtime.model, {}), **as_text(runtime.rates)}
    return found


def as_text(rates: RateSettings) -> dict[str, str]:
    """The prices that were given, as they are written in a file."""
    given = {item.name: getattr(rates, item.name) for item in fields(rates)}
    return {name: f"{value:f}" for name, value in given.items() if value is not None}
