"""Every reference to a secret in the settings, by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.config.layers import dotted
from opstui.core.secrets import SecretRef

if TYPE_CHECKING:
    from opstui.config.settings import Settings


def secret_refs(settings: Settings) -> dict[str, SecretRef]:
    """Key of the config → where its secret is found: ``runtimes.managed.api_key``, ``tickets.rt.token``, …"""
    found = {("tickets", name, "token"): system.token for name, system in settings.tickets.items()}
    found |= {("runtimes", name, "api_key"): runtime.api_key for name, runtime in settings.runtimes.items()}
    found |= {("knowledge", name, "token"): source.token for name, source in settings.knowledge.items()}
    refs = {dotted(path): ref for path, ref in found.items() if ref is not None}
    if settings.store.password is not None:
        refs["store.password"] = settings.store.password
    return refs
