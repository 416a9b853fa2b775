"""What changed on a ticket since the operator looked: kept for as long as it is open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from opstui.core.desk import TicketView
from opstui.core.frozen import dataclass
from opstui.core.merge import same
from opstui.core.tickets import field_value


@dataclass(frozen=True, slots=True)
class Since:
    """A ticket as the operator looked at it last, before it was opened now."""

    entries: int
    """The highest number of an entry that was looked at."""
    fields: Mapping[str, Any]
    """Path → value then, of fields that changed."""

    @classmethod
    def of(cls, view: TicketView) -> Since:
        """As the desk tells it when the ticket is opened."""
        new = [entry.number for entry in view.ticket.timeline if entry.id in view.changed_since_seen]
        last = max((entry.number for entry in view.ticket.timeline), default=0)
        return cls(min(new) - 1 if new else last, {})

    def with_fields(self, view: TicketView) -> Since:
        """With fields that changed since; the first value that was looked at counts."""
        then = {path: before for path, (before, _) in view.changed_fields.items()}
        fresh = {path: before for path, before in then.items() if path not in self.fields}
        return replace(self, fields={**self.fields, **fresh}) if fresh else self

    def on(self, view: TicketView) -> TicketView:
        """``view`` with what differs from then."""
        fields = {}
        for path, then in self.fields.items():
            now = field_value(view.ticket, path)
            if not same(path, then, now):
                fields[path] = (then, now)
        new = tuple(entry.id for entry in view.ticket.timeline if entry.number > self.entries)
        return replace(view, changed_since_seen=new, changed_fields=fields)
