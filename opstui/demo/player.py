"""Makes things happen in the demo's world while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from opstui.core.errors import Busy, NotFound, OpstuiError, ReadOnly
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.tickets import Ticket
from opstui.demo.story import Entry, Incident, Routine, Step, Voice, routines, script
from opstui.demo.world import DemoDesk, DemoTickets, create, tell

LOCK = "player.lock"
PROGRESS = "player.json"
RETRY_SECONDS = 5.0
"""How soon another process goes on when the one that plays ends."""
_PHASES = 3
_ROUTINE_ENTRIES = 120
"""A routine ticket with more entries than this (weeks of demo) is left alone."""

log = logging.getLogger("opstui.demo")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the world has come."""

    next: int = 0
    """Number of the next step: the script's first, then the routines'."""
    keys: dict[str, str] = field(default_factory=dict)
    """Keys of the routine tickets, by routine and value."""


class Player:
    """Plays the script, then the routines in turn, on a thread of its own.

    ``folder`` holds the lock (one process plays, the others wait for it) and how far it came. A step is counted before
    it is played, so that nothing happens twice; after a pause the world goes on where it stopped and catches up on
    nothing.
    """

    def __init__(self, system: DemoDesk, folder: Path, clock: Clock) -> None:
        self._system = system
        self._folder = folder
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # Read on the thread that plays, so that the first paint does not wait for it.
    @cached_property
    def _script(self) -> tuple[Step, ...]:
        return script()

    @cached_property
    def _routines(self) -> tuple[Routine, ...]:
        return routines()

    def play(self) -> None:
        """Start. The thread is a daemon: it ends with the process, at any point."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="demo-player", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End it, and wait until it has."""
        self._stop.set()
        self.join(timeout)

    def join(self, timeout: float) -> bool:
        """Wait ``timeout`` seconds for its end, which comes when the desk is closed; whether it came."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def start(self) -> Progress:
        """Where the world stands."""
        return read_progress(self._folder)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with hold(self._folder):
                    self._play_on()
            except Busy:
                self._stop.wait(RETRY_SECONDS)
            except OSError as error:
                log.warning("demo: the world stands still: %s", error)
                self._stop.wait(60)

    def _play_on(self) -> None:
        progress = self.start()
        while not self._stop.wait(self.delay(progress.next)):
            try:
                progress = self.step(progress)
            except ReadOnly:
                # The desk was closed, or was opened to be read only.
                self._stop.set()
            except OpstuiError as error:
                # The disk is full, the file is busy: the world waits and takes the next step.
                log.warning("demo: step %d: %s", progress.next, error)
                progress = self.start()

    def delay(self, number: int) -> float:
        """Seconds before step ``number``."""
        if number < len(self._script):
            return self._script[number].after
        # Between 20 and 60 s, never in the same rhythm, the same for everybody.
        return 20.0 + number * 37 % 41

    def step(self, progress: Progress) -> Progress:
        """Play the next step now; how far the world is then. Raises OSError, StoreFull, Busy."""
        after = replace(progress, next=progress.next + 1)
        write_progress(self._folder, after)
        if progress.next < len(self._script):
            self._play_step(self._script[progress.next])
            return after
        slot, key = self._play_routine(progress)
        if key is not None and progress.keys.get(slot) != key:
            after = replace(after, keys={**after.keys, slot: key})
            write_progress(self._folder, after)
        return after

    # --- the script ---------------------------------------------------------------------------------------------------

    def _play_step(self, step: Step) -> None:
        voice = self._voice()
        entry, arrives = step.entry, step.arrives
        if arrives is not None and self._ticket(step.ticket) is None:
            self._create(arrives, voice)
        if entry is not None:
            ticket = self._ticket(step.ticket)
            # What the operator has closed stays closed.
            if ticket is not None and ticket.status.category.is_open:
                self._tell(step.ticket, entry, voice)

    # --- the routines -------------------------------------------------------------------------------------------------

    def _play_routine(self, progress: Progress) -> tuple[str, str | None]:
        """The slot that was played, and its ticket's key."""
        story, phase = divmod(progress.next - len(self._script), _PHASES)
        turn, index = divmod(story, len(self._routines))
        routine = self._routines[index]
        value = routine.values[turn % len(routine.values)]
        slot = f"{index}:{value}"
        voice = self._voice(value)
        key = progress.keys.get(slot)
        ticket = self._ticket(key) if key is not None else None
        if ticket is None:
            return slot, self._create(_arrival(routine), voice) if phase == 0 and key is None else None
        entry = _routine_entry(routine, phase, ticket)
        if entry is not None and len(ticket.timeline) < _ROUTINE_ENTRIES:
            self._tell(ticket.ref.key, entry, voice)
        return slot, key

    # --- the ticket system --------------------------------------------------------------------------------------------

    def _voice(self, value: str = "") -> Voice:
        return Voice(self._clock.now(), self._system.me(), value)

    def _ticket(self, key: str) -> Ticket | None:
        try:
            return asyncio.run(self._system.ticket(key))
        except NotFound:
            return None

    def _create(self, incident: Incident, voice: Voice) -> str:
        def work(tickets: DemoTickets) -> str:
            return create(tickets, incident, voice)

        return self._system.together(work)

    def _tell(self, key: str, entry: Entry, voice: Voice) -> None:
        def work(tickets: DemoTickets) -> None:
            tell(tickets, key, entry, voice, at=voice.moment)

        self._system.together(work)


def _arrival(routine: Routine) -> Incident:
    return Incident(
        key=None,
        title=routine.title,
        body=routine.body,
        severity=routine.severity,
        team=routine.team,
        services=(routine.service,),
        tags=("routine",),
        fields={},
        created=timedelta(),
        due=timedelta(hours=4),
        entries=(),
    )


def _routine_entry(routine: Routine, phase: int, ticket: Ticket) -> Entry | None:
    """What happens next to a routine ticket; None where an operator has taken it up or it is over."""
    status = str(ticket.status.raw)
    owners = [str(name) for name in ticket.assignees]
    if owners not in ([], [routine.owner]):
        return None
    by = "{value}" if phase == 0 and routine.team == "service-desk" else routine.owner
    match phase:
        case 0:
            desk = routine.team == "service-desk"
            return Entry(
                at=timedelta(),
                by=by if desk else "alertmanager",
                kind="reply" if desk else "alert",
                public=desk,
                text=routine.again,
                sets={} if ticket.status.category.is_open else {"/status": "open"},
            )
        case 1 if ticket.status.category.is_open:
            sets = {"/assignee": [routine.owner]} | ({"/status": "open"} if status == "new" else {})
            return Entry(at=timedelta(), by=by, text=routine.found, sets=sets)
        case 2 if status == "open":
            return Entry(at=timedelta(), by=by, text=routine.done, sets={"/status": "resolved"})
        case _:
            return None


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the player's lock in ``folder``; the kernel frees it if the process dies. Raises Busy, OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("the demo runs in another process. Nothing was changed: close it there first.") from None
        yield
    finally:
        os.close(lock)


def read_progress(folder: Path) -> Progress:
    """How far the world came; its beginning where that can't be read."""
    try:
        kept = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        keys = {str(slot): str(key) for slot, key in kept["keys"].items()}
        return Progress(max(0, int(kept["next"])), keys)
    except FileNotFoundError:
        return Progress()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("demo: %s can't be read (%s): the script begins again", PROGRESS, error)
        return Progress()


def write_progress(folder: Path, progress: Progress) -> None:
    """Keep it, whole or not at all. Raises OSError."""
    text = json.dumps({"next": progress.next, "keys": progress.keys}, ensure_ascii=False)
    fresh = folder / f"{PROGRESS}.new"
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, folder / PROGRESS)
