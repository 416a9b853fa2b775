"""A small world for the publisher's decisions: clock, network, a ticket server, a disk, a lock, processes that die.

Everything that happens follows from one integer: ``python -m tests.core.publishing_world 12345`` tells the story of
that schedule, ``python -m tests.core.publishing_world --count 1000000`` plays so many and adds them up. Times are
seconds since the start.
"""

from __future__ import annotations

import argparse
import functools
import heapq
import random
import sys
import time as stopwatch
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opstui.core import publishing as p
from opstui.core.approval import Approved
from opstui.core.drafts import DraftOp, FileRef, OpKind, PushRecord, StepState
from opstui.core.push_steps import names
from tests.core.building import NOW, REF, comment, set_op
from tests.core.publishing_server import Kind, Server

FLIGHT = 20.0
"""Longest time a request travels, answers not counted."""
LAG = 4.0
"""How old a read may be."""
PATIENCE = 10.0
"""After which a client gives up."""
TROUBLE_ENDS = 250.0
HORIZON = 3000.0
OP_ID = "01JSIMSIMSIMSIMSIMSIMSIMS0"
FAULTS = (
    "refuse", "lose", "lose", "lose-answer", "lose-answer", "500", "500-applied", "429", "503", "slow", "slow", "no"
)  # fmt: skip
FAULTY = (0.0, 0.1, 0.2, 0.4)
PAUSES = (None, 3.0, 0.0, 1e9, -1.0, float("nan"))
"""What a server asks for with a 429."""

Decide = Callable[..., p.Decision]
OPS = (
    (0.6, set_op("/status", "open", "waiting")),
    (0.3, set_op("/team", "web", "db")),
    (0.3, set_op("/fields/Service", "pay", "cart")),
    (0.2, DraftOp(op=OpKind.ADD, path="/tags", before=["old"], to="seen")),
    (0.75, comment("We look into it.")),
    (0.25, DraftOp(op=OpKind.ATTACH, path="/attachments", file=FileRef("trace.bin", 3, "0" * 64))),
    (0.1, DraftOp(op=OpKind.ATTACH, path="/attachments", file=FileRef("notes.md", 5, "1" * 64))),
)
"""What an update may hold, and how often it does."""


@dataclass
class Report:
    """What came of one schedule."""

    seed: int
    end: str
    problems: list[str]
    sends: int
    seconds: float
    disturbed: bool
    marked: bool
    """The system keeps op ids."""


class Died(Exception):
    """The process is no more."""


class World:
    """One schedule."""

    def __init__(
        self,
        seed: int,
        decide: Decide = p.decide,
        terms_of: Callable[[p.Terms], p.Terms] = lambda terms: terms,
        story: Callable[[str], None] | None = None,
    ) -> None:
        self.seed = seed
        self.dice = dice = random.Random(seed)
        self.chance = chance = dice.random
        self.decide, self.story = decide, story
        self.faults = FAULTY[int(chance() * 4)]
        self.crashes = (0.0, 0.02, 0.1)[int(chance() * 3)]
        self.pauses = 0.05 if chance() < 0.3 else 0.0
        self.full = 0.03 if chance() < 0.1 else 0.0
        self.time = 0.0
        self.events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.count = self.sends = 0
        self.disturbed = False
        self.problems: list[str] = []
        operations = tuple(op for often, op in OPS if chance() < often) or (OPS[4][1],)
        self.server = Server(Kind.drawn(dice, LAG), operations, dice)
        approved = Approved(
            system=REF.system, origin="sim:", ticket=REF, operator="alex", operations=operations, base_version="1",
            base_entries=0, op_id=OP_ID,
        )  # fmt: skip
        self.terms = terms_of(
            p.Terms(approved=approved, capabilities=self.server.kind.capabilities(), own=("alex", "opstui"))
        )
        self.row = PushRecord(
            id=OP_ID, draft="D1", system=REF.system, ticket=REF, payload=b"", fingerprint="", step=StepState.PLANNED,
            approved_at=NOW, expires_at=NOW + timedelta(seconds=(45, 200, 900, 900)[int(chance() * 4)]),
        )  # fmt: skip
        self.holder: int | None = None
        self.waiting: list[tuple[Process, int]] = []
        self.arrived = False
        """Something of it was applied while somebody still lived to be told."""
        self.final: p.Step | None = None

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The wall clock."""
        return NOW + timedelta(seconds=self.time)

    def later(self, seconds: float, work: Callable[..., None], *given: Any) -> None:
        """Do ``work`` then."""
        self.count += 1
        heapq.heappush(self.events, (self.time + seconds, self.count, work, given))

    def run(self) -> Report:
        """Play the schedule to its end, late requests included."""
        chance = self.chance
        if self.story is not None:
            self.tell(f"{self.server.kind}; {names(self.server.operations, range(len(self.server.operations)))}")
        for name in range((1, 1, 1, 1, 1, 2, 3)[int(chance() * 7)]):
            self.later(chance() * 5, Process(self, name).start)
        for _ in range((0, 0, 1, 2, 4)[int(chance() * 5)]):
            self.later(chance() * 60, self.foreign_change)
        while self.events:
            self.time, _, work, given = heapq.heappop(self.events)
            if self.time > HORIZON:
                break
            work(*given)
        self.judge()
        end = type(self.final).__name__ if self.final is not None else "unfinished"
        marked = self.server.kind.marker != "never"
        return Report(self.seed, end, self.problems, self.sends, self.time, self.disturbed, marked)

    def trouble(self, chance: float) -> bool:
        """Whether something goes wrong now; after a while nothing does any more."""
        if chance and self.time < TROUBLE_ENDS and self.chance() < chance:
            self.disturbed = True
            return True
        return False

    def tell(self, words: str) -> None:
        """A line of the story, if somebody listens."""
        if self.story is not None:
            self.story(f"{self.time:8.2f}  {words}")

    def foreign_change(self) -> None:
        """Somebody else does something."""
        what = self.server.somebody_else(self.time)
        if self.story is not None:
            self.tell(f"miguel: {what}")

    # --- the network --------------------------------------------------------------------------------------------------

    def write(self, process: Process, step: p.Send, push: PushRecord) -> None:
        """Send a write; whoever sent it may be dead when it arrives."""
        self.sends += 1
        chance, life = self.chance, process.life
        ops = tuple(index for index in push.current.ops if index not in step.done)
        fault = FAULTS[int(chance() * len(FAULTS))] if self.trouble(self.faults) else ""
        if self.story is not None:
            self.tell(f"{process.name} sends {names(self.server.operations, ops)} {fault}".rstrip())
        early: p.Observation | None = None
        if fault == "refuse":
            early = p.RequestFailed("connection refused", maybe_applied=False)
        elif fault in ("429", "503"):
            early = p.RequestFailed(fault, maybe_applied=False, retry_after=PAUSES[int(chance() * len(PAUSES))])
        elif fault == "no":
            early = p.RequestRefused("not allowed", credentials=chance() < 0.8)
        if early is not None:
            self.later(0.2, process.go_on, life, early)
            return
        travel = chance() * FLIGHT if fault == "slow" else 0.05 + chance()
        process.asked = self.sends
        answer = functools.partial(process.go_on, life, asked=self.sends)
        self.later(travel, self.arrive, answer, fault, step.expected_version, ops, push.current.op_id)
        self.later(PATIENCE, answer, p.RequestFailed("time-out", maybe_applied=True))

    def arrive(
        self, answer: Callable[[p.Observation], None], fault: str, version: str, ops: tuple[int, ...], op_id: str
    ) -> None:
        """The write is at the server, unless it was lost."""
        seen: p.Observation = p.RequestFailed("500", maybe_applied=True)
        if fault not in ("lose", "500"):
            breaks = self.faults / 8 if self.time < TROUBLE_ENDS else 0.0
            seen = self.server.apply(self.time, version, ops, op_id, breaks)
            if self.story is not None:
                self.tell(f"  arrives: {type(seen).__name__}, now {self.server.fields}")
        if fault == "500-applied":
            seen = p.RequestFailed("500", maybe_applied=True)
        if fault not in ("lose", "lose-answer"):
            self.later(0.05 + self.chance(), answer, seen)

    def read(self, process: Process, op_id: str | None) -> None:
        """Read the ticket, after looking for the op id if there is one."""
        asked = self.now()
        delay = 0.05 + self.chance()
        if self.trouble(self.faults):
            pause = PAUSES[int(self.chance() * len(PAUSES))]
            failed = p.RequestFailed("no answer", maybe_applied=self.chance() < 0.5, retry_after=pause)
            self.later(delay, process.go_on, process.life, failed)
            return
        found = self.server.found(self.time, op_id) if op_id else None
        self.later(delay, self._answer, process, process.life, asked, found)

    def _answer(self, process: Process, life: int, asked: datetime, found: str | None) -> None:
        process.go_on(life, p.TicketRead(self.server.seen(self.time), asked, found))

    # --- the lock -----------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """The kernel frees the lock, also of the dead."""
        self.holder = None
        while self.waiting:
            process, life = self.waiting.pop(0)
            if life == process.life:
                self.later(0.02, process.go_on, life, None)
                return

    # --- the verdict --------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """What must never be."""
        final, row, server = self.final, self.row, self.server
        problem = self.problems.append
        if not row.done:
            problem(f"lost: still {row.step} at the end")
        told = bool(getattr(final, "overlaps", ())) or isinstance(final, (p.NeedsHuman, p.Conflicted))
        if server.overwritten and server.kind.conditional:
            problem(f"overwrite in spite of a condition: {server.overwritten}")
        elif (server.overwritten or server.undone) and not told:
            problem(f"silent overwrite: {server.overwritten or server.undone}")
        verified = {index for step in row.steps[: row.at] for index in step.ops}
        unsent = {index for step in row.steps[row.at + 1 :] for index in step.ops}
        for index, op in enumerate(server.operations):
            times = server.times[index]
            once = op.op in (OpKind.COMMENT, OpKind.ATTACH)
            if once and times > 1:
                problem(f"double: {op.op} {times} times")
            if isinstance(final, p.Verified) or index in verified:
                foreign = op.file is not None and any(file.name == "other.log" for file in server.files)
                if not (times or foreign if once else self._was_set(op)):
                    problem(f"lost: {op.path} is told to be there, and is not")
            elif index in unsent and times:
                problem(f"untrue: {op.path} is told not to be there, and is")
            if isinstance(final, (p.Conflicted, p.Expired)):
                if times and (once or (op.op is OpKind.SET and server.last.get(op.path) == "us")):
                    problem(f"lost: {type(final).__name__}, but {op.path} is there")

    def _was_set(self, op: DraftOp) -> bool:
        if op.op is OpKind.ADD:
            return op.to in self.server.fields["/tags"]
        return (op.path, op.to) in self.server.had


Effect = tuple[str, Any]


class Process:
    """A program that publishes: the thin loop around ``decide``, which may die between any two lines."""

    def __init__(self, world: World, name: int) -> None:
        self.world = world
        self.name = name
        self.life = 0
        self.asked = 0
        self.running: Generator[None, p.Observation | None, None] | None = None

    def start(self) -> None:
        """Be started, or started again."""
        self.life += 1
        self.running = self.publish()
        self.go_on(self.life, None)

    def go_on(self, life: int, value: p.Observation | None, asked: int = 0) -> None:
        """Go on with what was waited for, unless it died meanwhile or was answered already."""
        world = self.world
        if life != self.life or self.running is None or (asked and asked != self.asked):
            return
        self.asked = 0
        try:
            self.running.send(value)
        except StopIteration:
            self.running = None
        except Died:
            if world.story is not None:
                world.tell(f"{self.name} dies")
            self.running = None
            self.life += 1
            if world.holder == self.name:
                world.release()
            world.later(0.1 + world.chance() * 60, self.start)

    def pause(self, seconds: float) -> None:
        """Rest, or wait for the machine that stopped us."""
        self.world.later(seconds, self.go_on, self.life, None)

    def dice(self) -> bool:
        """Die here, or be stopped for long (then True), or neither."""
        world = self.world
        if world.trouble(world.crashes):
            raise Died
        return world.trouble(world.pauses)

    def publish(self) -> Generator[None, p.Observation | None, None]:
        """The loop that the real publisher is."""
        world = self.world
        while True:
            if world.holder is not None:
                world.waiting.append((self, self.life))
                yield
                continue
            world.holder = self.name
            row, seen = world.row, _LOOK
            while True:
                decision = world.decide(row, seen, world.terms, now=world.now(), chance=world.chance())
                if self.dice():
                    self.pause(world.chance() * 90)
                    yield
                if world.trouble(world.full):
                    # The disk took nothing of it.
                    world.release()
                    self.pause(world.chance() * 5)
                    yield
                    break
                row = world.row = decision.push
                step = decision.step
                if isinstance(step, p.Final):
                    # In one transaction with the row.
                    world.final = step if not isinstance(step, p.Nothing) else world.final
                    if world.story is not None:
                        world.tell(f"{self.name} ends: {step}")
                    world.release()
                    return
                if self.dice():
                    self.pause(world.chance() * 90)
                    yield
                if isinstance(step, p.Wait):
                    until = (step.until - world.now()).total_seconds()
                    if world.story is not None:
                        world.tell(f"{self.name} waits {until:.2f} s to {step.why}: {step.reason}")
                    world.release()
                    self.pause(max(0.01, until))
                    yield
                    break
                if isinstance(step, p.Send):
                    if row.sent_at is None or (not row.started and row.sent_at >= row.expires_at):
                        world.problems.append("sent after the approval had lapsed")
                    world.write(self, step, row)
                else:
                    world.read(self, None if isinstance(step, p.Read) else row.current.op_id)
                seen = yield
                assert seen is not None
                if self.dice():
                    self.pause(world.chance() * 90)
                    yield


_LOOK: Any = p.Look()


def main() -> None:
    """Tell one schedule, or play many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--count", type=int, default=0)
    wanted = parser.parse_args()

    def say(line: object) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    if not wanted.count:
        report = World(wanted.seed, story=say).run()
        say(report)
        sys.exit(bool(report.problems))
    begun = stopwatch.monotonic()
    ends: Counter[str] = Counter()
    harm: Counter[str] = Counter()
    disturbed = asked = 0
    for seed in range(wanted.seed, wanted.seed + wanted.count):
        report = World(seed).run()
        ends[report.end] += 1
        disturbed += report.disturbed and report.marked
        asked += report.disturbed and report.marked and report.end == "NeedsHuman"
        for problem in report.problems:
            harm[problem.partition(":")[0]] += 1
            say(f"schedule {seed}: {problem}")
    say(f"{wanted.count} schedules from {wanted.seed} in {stopwatch.monotonic() - begun:.0f} s: {dict(ends)}")
    say(f"harm: {dict(harm) or f'none (95 % upper bound {3 / wanted.count:.1e})'}")
    say(f"asked: {asked} of {disturbed} disturbed ones where op ids are kept ({asked / max(1, disturbed):.1%})")


if __name__ == "__main__":
    main()
