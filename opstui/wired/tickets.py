"""Ticket systems elsewhere: which connector a kind has, ours or another package's, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from opstui.core.connections import ENTRY_POINTS, Connect, Connection
from opstui.core.errors import ConfigError

if TYPE_CHECKING:
    from opstui.adapters.secrets.store import SecretStore
    from opstui.config.settings import Settings
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import TicketSystem

OURS: Mapping[str, str] = {
    "rt": "opstui.adapters.tickets.rt",
    "redmine": "opstui.adapters.tickets.redmine",
    "pagerduty": "opstui.adapters.tickets.pagerduty",
    "jira": "opstui.adapters.tickets.jira",
    "servicenow": "opstui.adapters.tickets.servicenow",
    "github": "opstui.adapters.tickets.github",
    "zendesk": "opstui.adapters.tickets.zendesk",
    "alertmanager": "opstui.adapters.tickets.alertmanager",
}
"""Kind → the module whose ``connect`` makes it; imported when the config has such a system."""


def make_system(
    name: str, settings: Settings, *, store: Callable[[], SecretStore], clock: Clock, randomness: Randomness
) -> TicketSystem:
    """The system that the settings call ``name``. One whose connector can't be loaded says so instead of working."""
    given = settings.tickets[name]
    token = given.token
    connection = Connection(
        name=name,
        kind=given.kind,
        url=str(given.url or "").rstrip("/"),
        user=given.user or "",
        secret=(lambda: None) if token is None else lambda: store().get(token),
        op_field=given.op_field or "",
        severity=given.severity,
        options=given.options,
        proxy=str(settings.network.proxy) if settings.network.proxy else None,
        ca_file=settings.network.ca_file,
        clock=clock,
        randomness=randomness,
    )
    if given.kind in OURS:
        connect: Connect = import_module(OURS[given.kind]).connect
        return connect(connection)
    return _others(connection)


def _others(connection: Connection) -> TicketSystem:
    """A connector of another package. What goes wrong in it stays its own: the rest of the program works."""
    from importlib.metadata import entry_points

    from opstui.adapters.tickets.foreign import load

    kind = connection.kind
    found = [point for point in entry_points(group=ENTRY_POINTS) if point.name == kind]
    if not found:
        known = ", ".join((*OURS, *sorted(point.name for point in entry_points(group=ENTRY_POINTS))))
        raise ConfigError(f"tickets.{connection.name}.kind: there is no connector for {kind!r}; there are: {known}")
    return load(connection, found[0])
