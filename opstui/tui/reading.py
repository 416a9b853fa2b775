"""Reading a ticket from its system while what is known of it is on screen already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from textual.timer import Timer

from opstui.core.desk import RefreshTicket
from opstui.tui.ticket_text import Reading

if TYPE_CHECKING:
    from opstui.core.desk import TicketView
    from opstui.core.errors import OpstuiError
    from opstui.core.tickets import Ticket, TicketRef
    from opstui.tui.screens.base import DeskScreen

KNOWN = 64
"""Failures remembered."""


class Reader:
    """One ticket at a time, for one screen. A failure is kept with the version that it was about."""

    def __init__(self, screen: DeskScreen, ticked: Callable[[], None]) -> None:
        self._screen = screen
        self._ticked = ticked
        self._ref: TicketRef | None = None
        self._began: datetime | None = None
        self._failed: dict[TicketRef, tuple[str, str]] = {}
        """Ticket → version and why."""
        self._timer: Timer | None = None

    def is_reading(self, ref: TicketRef) -> bool:
        """Whether this one is being read."""
        return self._ref == ref

    def wants(self, view: TicketView) -> bool:
        """Whether the ticket is not known whole, and this version of it was not tried in vain."""
        ticket = view.ticket
        if ticket.complete or view.capabilities.native_filters or self._ref is not None:
            return False
        return self._failed.get(ticket.ref, ("", ""))[0] != ticket.version

    def state(self, ref: TicketRef) -> Reading:
        """What to say of it where its timeline will stand."""
        if self._ref == ref and self._began is not None:
            return Reading(int((self._screen.desk_app.now() - self._began).total_seconds()))
        return Reading(error=self._failed.get(ref, ("", ""))[1])

    def read(
        self,
        ref: TicketRef,
        version: str,
        done: Callable[[Ticket], None],
        failed: Callable[[OpstuiError], None],
    ) -> None:
        """Ask its system, in a thread; ``version`` is the one that is shown."""
        self._ref, self._began = ref, self._screen.desk_app.now()
        self._failed.pop(ref, None)
        if self._timer is None:
            self._timer = self._screen.set_interval(1.0, self._ticked)

        def came(ticket: Ticket) -> None:
            if self._over(ref):
                done(ticket)

        def missed(error: OpstuiError) -> None:
            while len(self._failed) >= KNOWN:
                self._failed.pop(next(iter(self._failed)))
            self._failed[ref] = (version, error.message)
            if self._over(ref):
                failed(error)

        self._screen.desk_app.do(RefreshTicket(ref), came, failed=missed)

    def forget(self) -> None:
        """What failed may be tried again: somebody asks, or the system answers again."""
        self._failed.clear()

    def _over(self, ref: TicketRef) -> bool:
        """Whether the screen is still there to be told."""
        if self._ref == ref:
            self.stop()
        return self._screen.is_there

    def stop(self) -> None:
        """Wait no longer."""
        self._ref = self._began = None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
