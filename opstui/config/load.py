"""Reading the settings: strictly, from several places, remembering for each value where it came from.

Precedence: flags, ``OPSTUI_*`` variables, the profile, the user's file, the site's file, defaults. Never the current
folder: a repository that somebody looks at must not decide where a token is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from types import MappingProxyType
from typing import Any, cast

from opstui.config.kinds import KINDS
from opstui.config.layers import Layer, dotted, read_layer
from opstui.config.paths import Paths
from opstui.config.rules import check_together
from opstui.config.settings import MANAGED_URL, RuntimeSettings, Settings, TicketSettings, Zone
from opstui.config.values import Leaf, Node, Table, hints, is_zone, of_mapping, read_table, read_text, unwrap
from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

ENVIRONMENT_TABLES = ("operator", "shift", "network", "store", "ui")
"""Tables whose plain values a variable can set: ``OPSTUI_UI_THEME``, ``OPSTUI_STORE_KEEP_DAYS``, …"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where they are from."""

    settings: Settings
    sources: Mapping[str, str]
    """Dotted key → where its value came from; what is not here is a default."""
    file_exists: bool
    """Whether the user has a config file."""
    profile: str | None = None


def load(
    paths: Paths, *, environ: Mapping[str, str], profile: str | None = None, flags: Mapping[str, Any] | None = None
) -> Loaded:
    """Read everything. ``flags`` maps dotted keys (``ui.theme``) to values, None where a flag was not given.

    Raises ConfigError with file, line and key; nothing is ever written.
    """
    files: list[Layer] = []
    if paths.site_file is not None and (site := read_layer("site file", paths.site_file)):
        files.append(site)
    user = read_layer("user file", paths.config_file, must_exist=paths.config_named)
    if user:
        files.append(user)
    profile = profile or environ.get("OPSTUI_PROFILE") or None
    layers: list[tuple[Layer, bool]] = []
    known: list[str] = []
    for file in files:
        layers.append((replace(file, data={key: value for key, value in file.data.items() if key != "profiles"}), True))
        known += file.profiles()
        for name in file.profiles():
            overlay = file.profile(name)
            assert overlay is not None
            # a profile that is not used is read all the same: a mistake should not wait for the night shift
            layers.append((overlay, name == profile))
    if profile and profile not in known:
        names = ", ".join(clean_line(name) for name in known) or "none"
        raise ConfigError(f"there is no profile {clean_line(profile)!r}; the config has: {names}")
    layers.sort(key=lambda pair: pair[0].label.startswith("profile "))
    layers += [(layer, True) for layer in (*_environment(environ), *_flags(flags or {}))]

    merged = Table({}, Layer("default", {}), ())
    for layer, counts in layers:
        table = read_table(Settings, layer.data, layer, ())
        if counts:
            merged = merged.under(table)
    settings = cast(Settings, _build(Settings, merged))
    sources = _sources(merged)
    settings = _defaults(settings, environ)
    check_together(settings, merged)
    return Loaded(settings, MappingProxyType(sources), user is not None, profile)


def _environment(environ: Mapping[str, str]) -> list[Layer]:
    found: list[Layer] = []
    wanted = tuple(f"OPSTUI_{table}_".upper() for table in ENVIRONMENT_TABLES)
    if not any(name.startswith(wanted) for name in environ):
        return found  # the types of all settings take 15 ms to work out
    tables = hints(Settings)
    for table in ENVIRONMENT_TABLES:
        for name, kind in hints(tables[table]).items():
            variable = f"OPSTUI_{table}_{name}".upper()
            raw = environ.get(variable)
            if not raw:
                continue
            value = read_text(unwrap(kind), raw)
            if value is not None:
                found.append(Layer(variable, {table: {name: value}}))
    return found


def _flags(flags: Mapping[str, Any]) -> list[Layer]:
    found = []
    for key, value in flags.items():
        if value is not None:
            table, _, name = key.partition(".")
            found.append(Layer("command line", {table: {name: value}}))
    return found


def _build(kind: Any, node: Node) -> Any:
    """The dataclass that a checked table describes."""
    if isinstance(node, Leaf):
        if isinstance(node.value, tuple) and node.value and isinstance(node.value[0], Table):
            return tuple(_build(item.kind, item) for item in node.value)
        return node.value
    entry = of_mapping(kind)
    if entry is not None:
        return MappingProxyType({name: _build(entry, item) for name, item in node.items.items()})
    types = hints(kind)
    given = {}
    for item in fields(kind):
        if item.name in node.items:
            given[item.name] = _build(unwrap(types[item.name]), node.items[item.name])
        elif item.default is MISSING and item.default_factory is MISSING:
            raise node.layer.error(node.path, f"{item.name} is missing")
    built = kind(**given)
    if kind is Settings:
        whole = Settings()
        built = replace(
            built,
            tickets=MappingProxyType({**whole.tickets, **built.tickets}),
            runtimes=MappingProxyType({**whole.runtimes, **built.runtimes}),
        )
    return built


def _sources(table: Table) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, node in table.items.items():
        if isinstance(node, Leaf):
            found[dotted((*table.path, name))] = node.layer.origin(node.path)
        else:
            found |= _sources(node)
    return found


def _defaults(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Defaults that depend on the machine, or on another key."""
    if not settings.operator.name:
        settings = replace(settings, operator=replace(settings.operator, name=login_name(environ)))
    if not settings.shift.timezone:
        settings = replace(settings, shift=replace(settings.shift, timezone=Zone(machine_zone(environ))))
    runtimes = {name: _with_address(runtime) for name, runtime in settings.runtimes.items()}
    tickets = {name: _at_its_place(system) for name, system in settings.tickets.items()}
    return replace(settings, runtimes=MappingProxyType(runtimes), tickets=MappingProxyType(tickets))


def _at_its_place(system: TicketSettings) -> TicketSettings:
    kind = KINDS.get(system.kind)
    return replace(system, url=kind.url) if kind is not None and kind.url and system.url is None else system


def _with_address(runtime: RuntimeSettings) -> RuntimeSettings:
    if runtime.kind == "managed-agents" and runtime.base_url is None:
        return replace(runtime, base_url=MANAGED_URL)
    return runtime


def login_name(environ: Mapping[str, str]) -> str:
    """Who is logged in; ``operator`` where nobody can tell."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if environ.get(variable):
            return str(clean_line(environ[variable], limit=60))
    try:
        import pwd

        return str(clean_line(pwd.getpwuid(os.getuid()).pw_name, limit=60))
    except (ImportError, KeyError):
        return "operator"


def machine_zone(environ: Mapping[str, str]) -> str:
    """The machine's IANA zone, from ``TZ`` or ``/etc/localtime``; UTC where neither names one."""
    names = [environ.get("TZ", "").removeprefix(":")]
    try:
        names.append(os.readlink("/etc/localtime").partition("zoneinfo/")[2])
    except OSError:
        pass
    name = next((name for name in names if name and is_zone(name)), "UTC")
    return "UTC" if name in ("Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu") else name
