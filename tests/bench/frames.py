"""How long the app's loop is held while a remote queue of 10,000 is polled: ``python -m tests.bench.frames``.

The app runs without a terminal over a scripted system that lists all its tickets at each poll, one in a hundred
changed. Every callback of the app's loop is timed, in processor time of its thread (which neighbours on the machine do
not change) and on the wall (which they do): the longest one is the longest that a key can wait.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opstui.adapters.machine import SystemClock
from opstui.core.desk import RefreshTickets, Watch
from opstui.core.ports import Changes, Cursor
from opstui.core.queues import Queue
from opstui.core.tickets import Ticket
from opstui.tui.app import OpstuiApp
from tests.bench.poll import changed, listing
from tests.services.remote import FarPlace, Remote

POLL = 2.0


class Full(Remote):
    """Lists everything each time, in so many pages."""

    def __init__(self, count: int, pages: int) -> None:
        super().__init__("rt")
        self._rows = listing(count, complete=False)
        self._size = -(-count // pages)
        self._at = 0
        self.rounds = 0

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """The next page."""
        if self._at == 0:
            self.rounds += 1
            self._rows = changed(self._rows, self.rounds, 100)
        page = self._rows[self._at : self._at + self._size]
        first, self._at = self._at == 0, self._at + self._size
        over = self._at >= len(self._rows)
        self._at = 0 if over else self._at
        await asyncio.sleep(0.005)
        return Changes(tickets=tuple(page), cursor=Cursor(f"{self.rounds}:{self._at}"), anew=first, complete=over)

    async def ticket(self, key: str) -> Ticket:
        """Whole."""
        row = next(one for one in self._rows if one.ref.key == key)
        return dataclasses.replace(row, complete=True)


@contextmanager
def timed() -> Iterator[list[tuple[float, float]]]:
    """(processor, wall) milliseconds of each callback on this thread's loop."""
    found: list[tuple[float, float]] = []
    here, run = threading.get_ident(), asyncio.Handle._run

    def run_timed(handle: asyncio.Handle) -> None:
        if threading.get_ident() != here:
            run(handle)
            return
        cpu, wall = time.thread_time(), time.perf_counter()
        run(handle)
        found.append((1000 * (time.thread_time() - cpu), 1000 * (time.perf_counter() - wall)))

    asyncio.Handle._run = run_timed  # type: ignore[method-assign,assignment]
    try:
        yield found
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


async def watch(place: FarPlace, system: Full, seconds: float) -> None:
    """Open the app and let it be polled."""
    app = OpstuiApp(place.desk, environ={})
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        place.desk.do(Watch(visible=True))
        # Its first seconds hold imports that an app in a terminal has behind it by then.
        await asyncio.sleep(3 * POLL)
        gc.collect()
        gc.freeze()  # the listing is the stand-in's; the program has no such heap, and freezes its own
        before = system.rounds
        with timed() as found:
            await asyncio.sleep(seconds)
        polls = system.rounds - before
    for name, values in (("processor", [cpu for cpu, _ in found]), ("wall", [wall for _, wall in found])):
        values.sort(reverse=True)
        over = sum(value > 16 for value in values)
        longest = ", ".join(f"{value:.1f}" for value in values[:5])
        print(
            f"  {name}: longest {longest} ms; {over} of {len(values)} callbacks over 16 ms in {polls} polls", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    wanted = parser.parse_args()
    for pages in (1, 100):
        with tempfile.TemporaryDirectory() as made:
            system = Full(wanted.tickets, pages)
            place = FarPlace(Path(made), system)
            for name, value in (("poll_seconds", {"rt": POLL}), ("clock", SystemClock())):
                object.__setattr__(place.setup, name, value)
            place.desk.do(RefreshTickets()).unwrap()
            print(
                f"{wanted.tickets} tickets in {pages} page{'s' if pages > 1 else ''}, every {POLL:.0f} s:", flush=True
            )
            asyncio.run(watch(place, system, wanted.seconds))
            place.close()


if __name__ == "__main__":
    main()
