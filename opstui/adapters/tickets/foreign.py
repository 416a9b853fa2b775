"""A connector of another package, behind a guard: whatever it does, the rest of the program works.

What it raises besides our errors becomes one of ours, and text that it forgot to clean is cleaned here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeVar

from opstui.adapters.tickets.unavailable import UnavailableTickets
from opstui.core.connections import Connection
from opstui.core.errors import OpstuiError, Refused, Unreachable
from opstui.core.ports import Capabilities, Changes, Connected, Cursor, Probe, Sent, TicketSystem, Update
from opstui.core.queues import Queue
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import Status, Ticket, TicketAttachment, TimelineEntry

T = TypeVar("T")

log = logging.getLogger("opstui.tickets")


def load(connection: Connection, point: EntryPoint) -> TicketSystem:
    """The system that ``point`` makes; one that says why where it can't be loaded. Raises ConfigError if it does."""
    package = clean_line(point.dist.name if point.dist is not None else "another package", limit=60)
    try:
        with _guard(connection.name, loading=True):
            return ForeignTickets(connection.name, _whole(point.load()(connection)))
    except Refused as error:
        reason = f"the connector {clean_line(connection.kind, limit=40)} of {package} does not load"
        log.warning("%s: %s", connection.name, reason)
        return UnavailableTickets(connection, f"{reason} ({error.reason})")


class ForeignTickets:
    """Implements ``ports.TicketSystem`` over somebody else's."""

    capabilities: Capabilities

    def __init__(self, name: str, inner: TicketSystem) -> None:
        self.name = name
        self.origin = str(clean_line(inner.origin))
        self.capabilities = _is(inner.capabilities, Capabilities)
        self._inner = inner

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """See ``TicketSystem``."""
        with _guard(self.name):
            changes = _is(await self._inner.changed_since(queue, cursor), Changes)
            return replace(changes, tickets=tuple(map(_clean_ticket, changes.tickets)))

    def stirred(self) -> bool:
        """See ``TicketSystem``."""
        with _guard(self.name):
            return bool(self._inner.stirred())

    async def ticket(self, key: str) -> Ticket:
        """See ``TicketSystem``."""
        with _guard(self.name):
            return _clean_ticket(await self._inner.ticket(key))

    async def transitions(self, key: str) -> tuple[str, ...]:
        """See ``TicketSystem``."""
        with _guard(self.name):
            return tuple(map(_line, await self._inner.transitions(key)))

    async def send(self, update: Update) -> Sent:
        """See ``TicketSystem``. A failure that tells nothing counts as one after which the update may be there."""
        with _guard(self.name, writing=True):
            return _is(await self._inner.send(update), Sent)

    async def find(self, key: str, op_id: str) -> str | None:
        """See ``TicketSystem``."""
        with _guard(self.name):
            found = await self._inner.find(key, op_id)
            return None if found is None else _line(found)

    def me(self) -> str:
        """See ``TicketSystem``."""
        with _guard(self.name):
            return _line(self._inner.me())

    def probe(self) -> list[Probe]:
        """See ``TicketSystem``."""
        with _guard(self.name):
            return [Probe(_line(one.check), one.state, _line(one.text), _line(one.fix)) for one in self._inner.probe()]

    async def disconnect(self) -> None:
        """See ``Connected``."""
        with _guard(self.name):
            inner: object = self._inner
            if isinstance(inner, Connected):
                await inner.disconnect()

    def close(self) -> None:
        """See ``TicketSystem``."""
        with _guard(self.name):
            self._inner.close()


@contextmanager
def _guard(name: str, *, writing: bool = False, loading: bool = False) -> Iterator[None]:
    try:
        yield
    except OpstuiError:
        raise
    except Exception as error:  # noqa: BLE001 - other people's code: nothing it raises may take the program down
        # Its message may quote a request, and so a token; what is raised before anything was asked can't.
        words = f"{type(error).__name__}{_place(error)}" + (f": {clean_line(str(error), limit=200)}" * loading)
        log.warning("%s: its connector failed: %s", name, words)
        if writing:
            text = f"{name}: its connector failed while it sent ({words})"
            raise Unreachable(text, system=name, was_anything_sent=True) from None
        text = f"{name}: its connector failed ({words}); nothing was changed, what was cached stays"
        raise Refused(text, reason=words) from None


def _place(error: Exception) -> str:
    """Where it was raised, for whoever mends it: `` in acme_tickets.py, line 31``."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or at.tb_frame.f_code.co_filename == __file__:
        return ""
    return f" in {clean_line(Path(at.tb_frame.f_code.co_filename).name, limit=60)}, line {at.tb_lineno}"


def _is(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


_PARTS = [name for name in (*TicketSystem.__annotations__, *vars(TicketSystem)) if not name.startswith("_")]


def _whole(system: Any) -> TicketSystem:
    lacking = [part for part in _PARTS if not hasattr(system, part)]
    if lacking:
        raise TypeError(f"{type(system).__name__} has no {', '.join(lacking)}")
    found: TicketSystem = system
    return found


def _clean_ticket(ticket: Any) -> Ticket:
    found = _is(ticket, Ticket)
    return replace(
        found,
        title=_line(found.title),
        body=_text(found.body),
        status=Status(_line(found.status.raw), found.status.category),
        priority=_line_or_none(found.priority),
        assignees=tuple(map(_line, found.assignees)),
        team=_line_or_none(found.team),
        services=tuple(map(_line, found.services)),
        tags=tuple(map(_line, found.tags)),
        fields={str(_line(name)): _text(value) for name, value in found.fields.items()},
        url=_line_or_none(found.url),
        timeline=tuple(map(_clean_entry, found.timeline)),
        attachments=tuple(TicketAttachment(_line(one.name), one.size, one.sha256) for one in found.attachments),
    )


def _clean_entry(given: TimelineEntry) -> TimelineEntry:
    entry = _is(given, TimelineEntry)
    return replace(entry, author=_line(entry.author), text=_text(entry.text))


def _line(text: str) -> SafeText:
    return text if isinstance(text, SafeText) else clean_line(text)


def _line_or_none(text: str | None) -> SafeText | None:
    return None if text is None else _line(text)


def _text(text: str) -> SafeText:
    return text if isinstance(text, SafeText) else clean(text)
