"""Runtimes that are elsewhere, the secrets they are reached with, and what keeps secrets from them.

Loaded when the first of them is needed: never before the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.secrets.store import SecretStore
from opstui.config.references import secret_refs
from opstui.config.settings import MANAGED_URL
from opstui.core.errors import ConfigError

if TYPE_CHECKING:
    from opstui.config.paths import Paths
    from opstui.config.settings import RuntimeSettings, Settings
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import AgentRuntime, Redactor

REHEARSAL_KEY = "rehearsal"
"""What the stand-in on this machine takes for a key; no secret."""


def secret_store(settings: Settings, environ: Mapping[str, str], taken: Mapping[str, str]) -> SecretStore:
    """The store over everything that the settings refer to; ``taken``: variables that are in memory only."""
    store = SecretStore(environ, list(secret_refs(settings).values()))
    store.take_over(taken)
    return store


def redactor(store: Callable[[], SecretStore]) -> Redactor:
    """The redactor, which knows every secret that the program knows."""
    from opstui.adapters.redaction.engine import Re2Redactor

    return Re2Redactor(lambda: store().known())


def make_runtime(
    name: str,
    settings: Settings,
    paths: Paths,
    *,
    store: Callable[[], SecretStore],
    clock: Clock,
    randomness: Randomness,
    rehearsal: bool,
) -> AgentRuntime:
    """The runtime that the settings call ``name``. Raises ConfigError for what is incomplete."""
    given = settings.runtimes[name]
    endpoint = _endpoint(name, given, settings, paths, store, rehearsal=rehearsal)
    if not given.model:
        raise ConfigError(f"runtimes.{name}.model is missing")
    folder = paths.data / "runtimes" / name
    if given.kind == "managed-agents":
        from opstui.adapters.runtimes.managed import ManagedRuntime

        kind: type[ManagedRuntime] | type[MessagesRuntime] = ManagedRuntime
    else:
        from opstui.adapters.runtimes.messages import MessagesRuntime

        kind = MessagesRuntime
    return kind(
        name,
        endpoint,
        model=given.model,
        effort=given.effort,
        parallel=given.parallel,
        clock=clock,
        randomness=randomness,
        folder=folder,
    )


def _endpoint(
    name: str,
    given: RuntimeSettings,
    settings: Settings,
    paths: Paths,
    store: Callable[[], SecretStore],
    *,
    rehearsal: bool,
) -> Endpoint:
    if rehearsal:
        folder = paths.state / "rehearsal"
        return Endpoint(name, lambda: _rehearsal_url(folder), lambda: REHEARSAL_KEY)
    reference, address = given.api_key, str(given.base_url or MANAGED_URL)

    def key() -> str | None:
        if reference is not None:
            return store().get(reference)
        from opstui.adapters.runtimes.messages import is_anthropics

        # What the SDK would find by itself is a key for Anthropic; a local or another server is not to see it.
        own = given.kind == "managed-agents" or is_anthropics(address)
        return store().sdk_key() if own else None

    proxy = settings.network.proxy
    return Endpoint(name, lambda: address, key, str(proxy) if proxy else None, settings.network.ca_file)


def _rehearsal_url(folder: Path) -> str:
    from opstui.rehearsal.process import ensure_running

    return ensure_running(folder)
