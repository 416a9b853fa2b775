from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.core.errors import NotFound, StoreFull
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket
from opstui.demo.player import Player, Progress, hold, read_progress, write_progress
from opstui.demo.story import routines, script
from opstui.testing.builders import OwnClock


def ticket(desk: LocalTickets, key: str) -> Ticket:
    return asyncio.run(desk.ticket(key))


def everything(desk: LocalTickets) -> dict[str, Ticket]:
    changes = asyncio.run(desk.changed_since(Queue("all", "local"), None))
    return {one.ref.key: one for one in changes.tickets}


def play(player: Player, clock: OwnClock, steps: int, progress: Progress | None = None) -> Progress:
    progress = progress or player.start()
    for _ in range(steps):
        clock.advance(seconds=player.delay(progress.next))
        progress = player.step(progress)
    return progress


def test_three_things_happen_in_the_first_half_minute(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    player = Player(world, tmp_path, clock)
    times = [sum(player.delay(number) for number in range(count)) for count in (1, 2, 3)]
    assert times == [6.0, 15.0, 25.0]
    before = len(ticket(world, "INC-1042").timeline)
    progress = play(player, clock, 1)
    assert len(ticket(world, "INC-1042").timeline) == before + 1
    progress = play(player, clock, 1, progress)
    assert ticket(world, "INC-1050").severity == "2"
    assert ticket(world, "INC-1049").severity == "3"
    play(player, clock, 1, progress)
    assert ticket(world, "INC-1049").severity == "2"


def test_something_happens_at_least_every_minute(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    player = Player(world, tmp_path, clock)
    assert all(5 <= player.delay(number) <= 60 for number in range(1000))


def test_everything_in_the_script_happens(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    before = everything(world)
    play(Player(world, tmp_path, clock), clock, len(script()))
    after = everything(world)
    for key in {step.ticket for step in script()}:
        written = len(after[key].timeline) - len(before[key].timeline if key in before else ())
        told = [step.entry for step in script() if step.ticket == key and step.entry is not None]
        done = sum((entry.text is not None) + len(entry.sets) + (entry.due is not None) for entry in told)
        assert written == done, key


def test_the_world_goes_on_where_it_stopped(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    play(Player(world, tmp_path, clock), clock, 5)
    before = everything(world)
    clock.advance(days=3)
    again = Player(world, tmp_path, clock)
    progress = again.start()
    assert progress.next == 5
    assert everything(world) == before
    again.step(progress)
    assert read_progress(tmp_path).next == 6
    entries = sum(len(one.timeline) for one in everything(world).values())
    assert entries - sum(len(one.timeline) for one in before.values()) == 3


def test_a_step_that_fails_is_not_played_twice(
    world: LocalTickets, clock: OwnClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(world, tmp_path, clock)

    def full(work: object) -> None:
        raise StoreFull("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world, "together", full)
        with pytest.raises(StoreFull):
            player.step(player.start())
    assert player.start().next == 1


def test_what_the_operator_closed_stays_closed(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    world.change("INC-1042", "alex", {"/status": "closed"})
    closed = ticket(world, "INC-1042")
    play(Player(world, tmp_path, clock), clock, len(script()))
    assert ticket(world, "INC-1042") == closed


def test_a_routine_ticket_is_looked_at_resolved_and_comes_again(
    world: LocalTickets, clock: OwnClock, tmp_path: Path
) -> None:
    player = Player(world, tmp_path, clock)
    first = len(script())
    write_progress(tmp_path, Progress(first))
    progress = play(player, clock, 3)
    (key,) = progress.keys.values()
    done = ticket(world, key)
    assert done.status.category is StatusCategory.RESOLVED
    assert [str(name) for name in done.assignees] == ["miguel"]
    times_around = len(routines()) * len(routines()[0].values) * 3
    play(player, clock, times_around - 3 + 1, progress)
    again = ticket(world, key)
    assert again.status.category is StatusCategory.OPEN
    assert any(entry.kind is EntryKind.ALERT for entry in again.timeline[len(done.timeline) :])


def test_a_routine_ticket_that_the_operator_took_is_left_alone(
    world: LocalTickets, clock: OwnClock, tmp_path: Path
) -> None:
    player = Player(world, tmp_path, clock)
    write_progress(tmp_path, Progress(len(script())))
    progress = play(player, clock, 1)
    (key,) = progress.keys.values()
    world.change(key, "alex", {"/assignee": ["alex"]})
    taken = ticket(world, key)
    play(player, clock, 2, progress)
    assert ticket(world, key) == taken


def test_a_night_of_demo_floods_nothing(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    player = Player(world, tmp_path, clock)
    play(player, clock, 700)
    tickets = everything(world).values()
    assert len(tickets) <= 45
    assert sum(one.status.category.is_open for one in tickets) <= 20
    assert max(len(one.timeline) for one in tickets) <= 130


def test_damaged_progress_begins_again(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"next": "x", "keys": {}}', '{"next": 3}'):
        (tmp_path / "player.json").write_text(text)
        assert read_progress(tmp_path) == Progress()
    write_progress(tmp_path, Progress(7, {"0:log-2": "INC-1053"}))
    assert read_progress(tmp_path) == Progress(7, {"0:log-2": "INC-1053"})


def test_a_script_that_begins_again_makes_no_ticket_twice(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    player = Player(world, tmp_path, clock)
    play(player, clock, 3)
    (tmp_path / "player.json").unlink()
    play(player, clock, 3)
    assert world.count() == 17


def test_a_player_that_was_stopped_has_let_go(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    player = Player(world, tmp_path, clock)
    player.play()
    player.play()
    player.stop()
    with hold(tmp_path):
        pass


def test_a_player_ends_when_its_desk_is_closed(world: LocalTickets, clock: OwnClock, tmp_path: Path) -> None:
    class Fast(Player):
        def delay(self, number: int) -> float:
            return 0.0

    player = Fast(world, tmp_path, clock)
    player.play()
    reached(tmp_path, 3)
    world.close()
    assert player.join(20)
    with hold(tmp_path):
        pass


PLAYING = """
import sys, time
from pathlib import Path
from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.tickets.local import LocalTickets
from opstui.demo import player as module

module.RETRY_SECONDS = 0.02
clock = SystemClock()
desk = LocalTickets(sys.argv[1], name="local", operator="alex", clock=clock, randomness=SystemRandomness())

class Fast(module.Player):
    def delay(self, number):
        return 0.01

    def step(self, progress):
        print(progress.next, flush=True)
        return super().step(progress)

Fast(desk, Path(sys.argv[2]), clock).play()
print("ready", flush=True)
time.sleep(60)
"""


def test_one_of_two_processes_plays_and_the_other_takes_over(
    world: LocalTickets, tmp_path: Path, open_desk: Callable[[str], LocalTickets]
) -> None:
    command = [sys.executable, "-c", PLAYING, str(tmp_path / "desk.db"), str(tmp_path / "state")]
    first, second = (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) for _ in range(2)
    )
    try:
        reached(tmp_path / "state", 8)
        holder, waiting = (first, second) if plays(first.pid, tmp_path) else (second, first)
        os.kill(holder.pid, signal.SIGKILL)
        done = holder.communicate()[0].split()
        count = read_progress(tmp_path / "state").next
        reached(tmp_path / "state", count + 5)
        os.kill(waiting.pid, signal.SIGKILL)
        rest = waiting.communicate()[0].split()
    finally:
        first.kill()
        second.kill()
    numbers = [int(number) for number in done + rest if number != "ready"]
    assert numbers == list(range(len(numbers)))
    assert all(number != "ready" for number in rest[1:])


def plays(pid: int, folder: Path) -> bool:
    """Whether the process holds the lock: the kernel's list names its holder."""
    inode = (folder / "state" / "player.lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        parts = line.split()
        if parts[1] == "FLOCK" and int(parts[4]) == pid and parts[5].endswith(f":{inode}"):
            return True
    return False


def reached(folder: Path, number: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if (folder / "player.json").exists():
            if json.loads((folder / "player.json").read_text())["next"] >= number:
                return
        time.sleep(0.02)
    pytest.fail(f"step {number} was not reached")


def test_a_ticket_that_is_gone_stops_nothing(
    open_desk: Callable[[str], LocalTickets], clock: OwnClock, tmp_path: Path
) -> None:
    empty = open_desk("empty.db")
    play(Player(empty, tmp_path, clock), clock, len(script()))
    with pytest.raises(NotFound):
        ticket(empty, "INC-1042")
    assert empty.count() == 3
