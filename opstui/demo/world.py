"""The world that the demo begins with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from opstui.core.errors import Refused
from opstui.core.ids import Clock
from opstui.core.queues import Queue, View
from opstui.core.tickets import Ticket
from opstui.demo.story import RUNBOOKS, Entry, Incident, Voice, incidents

__all__ = ["RUNBOOKS", "DemoDesk", "DemoTickets", "demo_queues", "demo_views", "seed", "set_aside"]

R = TypeVar("R")


class DemoTickets(Protocol):
    """Tickets inside one transaction."""

    def create(
        self,
        *,
        title: str,
        body: str,
        severity: str | None,
        team: str | None,
        services: Sequence[str],
        tags: Sequence[str],
        fields: Mapping[str, str] | None,
        created_at: datetime | None,
        due_at: datetime | None,
        key: str | None,
    ) -> str:
        """A new ticket; its key. Raises Refused for a key that is taken."""

    def comment(
        self, key: str, author: str, text: str, *, visibility: str, kind: str, at: datetime | None = None
    ) -> str:
        """Add an entry; its id. Raises NotFound."""

    def change(self, key: str, author: str, fields: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Set fields by path. Raises NotFound, Refused."""

    def attach(self, key: str, author: str, name: str, content: bytes, *, at: datetime | None = None) -> str:
        """Attach a file. Raises NotFound."""


class DemoDesk(Protocol):
    """What the world and its player need of the embedded ticket system."""

    def together(self, work: Callable[[Any], R]) -> R:
        """Run ``work`` with :class:`DemoTickets` in one transaction."""

    def me(self) -> str:
        """The operator."""

    async def ticket(self, key: str) -> Ticket:
        """The ticket as it is now. Raises NotFound."""


def seed(system: DemoDesk, clock: Clock) -> int:
    """Fill an empty ticket system; how many tickets were made.

    All or nothing, in one transaction: of two processes that do it at once, one makes the world and the other finds it
    made (0). Times count back from now; the same moment and operator give the same world.
    """
    voice = Voice(clock.now(), system.me())

    def fill(tickets: DemoTickets) -> int:
        found = incidents()
        for incident in found:
            key = create(tickets, incident, voice)
            for entry in incident.entries:
                tell(tickets, key, entry, voice, at=voice.moment + entry.at)
        return len(found)

    try:
        return system.together(fill)
    except Refused:
        return 0


def create(tickets: DemoTickets, incident: Incident, voice: Voice) -> str:
    """Make the ticket; its key."""
    return tickets.create(
        key=incident.key,
        title=voice.say(incident.title),
        body=voice.say(incident.body),
        severity=incident.severity,
        team=incident.team,
        services=incident.services,
        tags=incident.tags,
        fields=incident.fields,
        created_at=voice.moment + incident.created,
        due_at=voice.moment + incident.due if incident.due is not None else None,
    )


def tell(tickets: DemoTickets, key: str, entry: Entry, voice: Voice, *, at: datetime) -> None:
    """Do to the ticket what the entry says."""
    by = voice.say(entry.by)
    if entry.text is not None:
        visibility = "public" if entry.public else "internal"
        tickets.comment(key, by, voice.say(entry.text), visibility=visibility, kind=entry.kind, at=at)
    if entry.attach is not None:
        tickets.attach(key, by, entry.attach, voice.say(entry.content).encode(), at=at)
    sets = {path: voice.names(value) for path, value in entry.sets.items()}
    if entry.due is not None:
        sets["/due_at"] = at + entry.due
    if sets:
        tickets.change(key, by, sets, at=at)


def demo_queues(system: str = "local") -> tuple[Queue, ...]:
    """The demo's queues, by the local system's own filters."""
    return (
        Queue("All open", system, "-status:closed"),
        Queue("Incidents", system, "severity<=2 -status:closed"),
        Queue("Service desk", system, "team:service-desk -status:closed"),
        Queue("Mine", system, "assignee:me -status:closed"),
    )


def demo_views() -> tuple[View, ...]:
    """Further views of the demo."""
    return (
        View("Nobody's", "assignee:none -status:closed"),
        View("Customers", "tag:customer,customer-impact -status:closed"),
        View("Done", "status:closed"),
    )


def set_aside(folder: Path) -> Path | None:
    """Rename the demo's folder, so that the next start makes a new world; where it went, None if there was none.

    Raises Busy while another process plays it.
    """
    from opstui.demo.player import LOCK, hold

    if not folder.exists():
        return None
    locked = next((path.parent for path in (folder / LOCK, folder / "state" / LOCK) if path.exists()), None)
    with hold(locked) if locked is not None else contextlib.nullcontext():
        # Named after its last change, so that two that were set aside sort by age.
        stamp = datetime.fromtimestamp(os.stat(folder).st_mtime, UTC).strftime("%Y%m%d-%H%M%S")
        for number in range(1, 100):
            aside = folder.with_name(f"{folder.name}-{stamp}{f'-{number}' if number > 1 else ''}")
            if not aside.exists():
                os.rename(folder, aside)
                return aside
    raise Refused(f"{folder} was not set aside: there are a hundred of that second already")
