"""What a ticket system's connector is made from, and how others add one.

A package that brings a connector names it under the entry point group ``opstui.tickets``: the entry point's name is the
``kind`` of the config, its object a function from a :class:`Connection` to a ``ports.TicketSystem``.
``opstui.testing.tickets.TicketSystemContract`` is what that system has to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.ids import Clock, Randomness
    from opstui.core.ports import TicketSystem

ENTRY_POINTS = "opstui.tickets"
"""The group in which connectors of other packages are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One ``[tickets.NAME]`` (or ``[knowledge.NAME]``) of the config, with what a connector needs of the program."""

    name: str
    """The prefix of its tickets, and the first word of every message."""
    kind: str
    url: str = ""
    """As configured, without a slash at the end; empty: the kind's own address, where it has one."""
    user: str = ""
    secret: Callable[[], str | None] = lambda: None
    """The token, asked for late and never kept; None where none is configured. May raise CredentialsRefused."""
    op_field: str = ""
    """The field that keeps the op id; empty: the system has none."""
    severity: Mapping[str, str] = field(default_factory=dict)
    """The system's own word → ``"1"`` to ``"4"``, over the connector's defaults."""
    options: Mapping[str, str] = field(default_factory=dict)
    """``[tickets.NAME.options]``: what only this kind knows."""
    proxy: str | None = None
    """May hold a password. Not for servers on this machine."""
    ca_file: Path | None = None
    """Trusted beside the usual authorities."""
    clock: Clock
    randomness: Randomness
    table: str = "tickets"
    """The table of the config that it is made from, as messages name its keys: a wiki's is ``knowledge``."""

    def __repr__(self) -> str:
        return f"Connection({self.name!r}, {self.kind!r})"


Connect = Callable[[Connection], "TicketSystem"]
"""Makes the system. Asks no network and imports nothing heavy: it runs before the first paint."""
