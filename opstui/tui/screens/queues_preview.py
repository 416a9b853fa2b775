"""The preview of Queues: the ticket under the cursor, read whole from its system once the cursor rests on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.timer import Timer

from opstui.core.desk import FirstLook, FirstLookView, TicketDetail, TicketView
from opstui.core.errors import NotFound
from opstui.core.tickets import TicketRef
from opstui.tui import ticket_text
from opstui.tui.screens.queues_health import ShowsHealth
from opstui.tui.widgets.textview import Para, TextView

if TYPE_CHECKING:
    from opstui.tui.reading import Reader

GLANCE = 0.06
"""Seconds that the cursor must rest before the preview is drawn, so that a held key stays fast."""
LOOK = 0.2
"""And before the first look is computed."""
READ = 0.5
"""And before a ticket without its timeline is read."""
LOOKS = 64
"""First looks remembered."""


class Previews(ShowsHealth):
    """The part of Queues that shows the ticket under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._glance: Timer | None = None
        self._look_timer: Timer | None = None
        self._read_timer: Timer | None = None
        self._looks: dict[tuple[TicketRef, str], FirstLookView] = {}
        self._previewed: TicketRef | None = None
        self._shown_view: TicketView | None = None
        self._reader: Reader | None = None

    @property
    def preview(self) -> TextView:
        """The preview."""
        return self.query_one("#preview", TextView)

    def _moved(self) -> None:
        for timer in (self._glance, self._look_timer, self._read_timer):
            if timer is not None:
                timer.stop()
        if self.preview.display:
            self._glance = self.set_timer(GLANCE, self._preview_now)
            self._look_timer = self.set_timer(LOOK, self._look_now)
            self._read_timer = self.set_timer(READ, self._read_now)
        self._show_tabs()

    def _show_tabs(self) -> None:
        """Show counts and health."""

    def _view_of(self, ref: TicketRef) -> TicketView | None:
        try:
            return self.desk.ask(TicketDetail(ref))
        except NotFound:
            return None

    def _preview_now(self) -> None:
        preview = self.preview
        if not preview.display or not self.is_there:
            return
        ref = self.table.current_ref()
        if ref is None:
            self._previewed = None
            preview.show([Para("no ticket in this view", "faint")], stay=False)
            return
        view = self._view_of(ref)
        if view is None:
            return
        look = self._looks.get((ref, view.ticket.version))
        facts = self.facts
        paras = ticket_text.preview(
            view,
            look,
            self.desk_app.now(),
            facts.timezone,
            me=self.desk_app.me(ref.system),
            reading=self._reader.state(ref) if self._reader is not None else None,
        )
        preview.show(paras, stay=ref == self._previewed)
        self._previewed = ref
        if not view.ticket.complete:
            if self._read_timer is None and (self._reader is None or self._reader.wants(view)):
                # It changed while it is looked at, and the list told less than all of it.
                self._read_timer = self.set_timer(READ, self._read_now)
        elif look is None and self._look_timer is None:
            self._look_timer = self.set_timer(LOOK, self._look_now)

    # --- what comes later ---------------------------------------------------------------------------------------------

    def _look_now(self) -> None:
        self._look_timer = None
        ref = self.table.current_ref()
        if (
            ref is None
            or not self.preview.display
            or any(known == ref for known, _ in self._looks if self._is_current(known, _))
        ):
            return
        view = self._view_of(ref)
        if view is None or not view.ticket.complete:
            return  # of half a ticket it would say what is not so

        def looked(look: FirstLookView) -> None:
            while len(self._looks) >= LOOKS:
                self._looks.pop(next(iter(self._looks)))
            self._looks[(ref, look.version)] = look
            if self.table.current_ref() == ref:
                self._preview_now()

        self.desk_app.ask_slowly(FirstLook(ref), looked, failed=lambda error: None)

    def _is_current(self, ref: TicketRef, version: str) -> bool:
        row = self.table.current()
        return row is not None and row.ticket.ref == ref and row.ticket.version == version

    def _read_now(self) -> None:
        """The cursor rests: what a list does not tell of its ticket is read from the system."""
        self._read_timer = None
        ref = self.table.current_ref()
        view = self._view_of(ref) if ref is not None and self.preview.display and self.is_current else None
        if view is None or view.ticket.complete:
            return
        if self._reader is None:
            from opstui.tui.reading import Reader

            self._reader = Reader(self, self._preview_now)
        if self._reader.wants(view):
            self._reader.read(
                view.ticket.ref,
                view.ticket.version,
                lambda ticket: self._was_read(),
                lambda error: self._was_read(),
            )
            self._preview_now()

    def _was_read(self) -> None:
        """It came, or not; the cursor may rest on another one by now."""
        self._preview_now()
        if self._read_timer is None:
            self._read_timer = self.set_timer(READ, self._read_now)
