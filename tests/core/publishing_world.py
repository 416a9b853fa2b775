"""A small world for the publisher's decisions: clock, network, a ticket server, a store, a lock, processes that die.

Everything that happens follows from one integer. Times are seconds since the start.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from opstui.core import publishing as p
from opstui.core.approval import Approved
from opstui.core.drafts import DraftOp, OpKind, PushRecord, StepState
from opstui.core.ports import Capabilities
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TimelineEntry, Visibility
from tests.core.building import NOW, REF, comment, set_op, ticket

FLIGHT = 20.0
"""Longest time a request travels, answers not counted."""
LAG = 4.0
"""How old a read may be."""
PATIENCE = 10.0
"""After which a client gives up."""
SETTLE = 30.0
TROUBLE_ENDS = 400.0
HORIZON = 3000.0

Decide = Callable[..., p.Decision]
OP_ID = "01JSIM"


@dataclass(frozen=True)
class Kind:
    """What a server is like."""

    conditional: bool
    findable: bool
    atomic: bool
    marks_entries: bool
    """Its timeline says which op made an entry; otherwise only its list of entries does."""

    def capabilities(self) -> Capabilities:
        """The same, as an adapter would say it."""
        return Capabilities(
            conditional_write=self.conditional, marker_findable=self.findable, atomic=self.atomic, settle_seconds=SETTLE
        )


@dataclass
class Report:
    """What came of one schedule."""

    seed: int
    end: str
    problems: list[str]
    sends: int
    seconds: float


class World:
    """One schedule."""

    def __init__(self, seed: int, decide: Decide, terms_of: Callable[[p.Terms], p.Terms] = lambda terms: terms) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.decide = decide
        dice = self.dice
        findable = dice.random() < 0.75
        self.kind = Kind(
            conditional=dice.random() < 0.5,
            findable=findable,
            atomic=dice.random() < 0.6,
            marks_entries=findable and dice.random() < 0.6,
        )
        self.faults = dice.choice((0.0, 0.1, 0.3, 0.5))
        self.crashes = dice.choice((0.0, 0.03, 0.15))
        self.pauses = dice.choice((0.0, 0.0, 0.05))
        self.lag = dice.choice((0.0, LAG))
        self.time = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0
        self.problems: list[str] = []
        self.sends = 0
        # The server.
        self.marks: list[tuple[float, str]] = []
        self.applied = 0
        self.overwrote = False
        self.history: list[tuple[float, Ticket]] = [(-1000.0, ticket(status="open", team="web", tags=("old",)))]
        # The store and the lock.
        self.ops = self._ops()
        approved = Approved(
            system=REF.system, origin="sim:", ticket=REF, operator="alex", operations=self.ops, base_version="1",
            base_entries=0, op_id=OP_ID,
        )  # fmt: skip
        self.terms = terms_of(p.Terms(approved=approved, capabilities=self.kind.capabilities(), own=("alex",)))
        self.row = PushRecord(
            id=OP_ID, draft="D1", system=REF.system, ticket=REF, payload=b"", fingerprint="", step=StepState.PLANNED,
            approved_at=NOW, expires_at=NOW + timedelta(seconds=self.dice.choice((45, 200, 900, 900))),
        )  # fmt: skip
        self.holder: int | None = None
        self.end = ""
        self.final: p.Step | None = None

    def _ops(self) -> tuple[DraftOp, ...]:
        dice = self.dice
        some: list[DraftOp] = []
        if dice.random() < 0.6:
            some.append(set_op("/status", "open", "waiting"))
        if dice.random() < 0.3:
            some.append(set_op("/team", "web", "db"))
        if dice.random() < 0.2:
            some.append(DraftOp(op=OpKind.ADD, path="/tags", before=["old"], to="seen"))
        if not some or dice.random() < 0.75:
            some.append(comment("We look into it."))
        return tuple(some)

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The wall clock."""
        return NOW + timedelta(seconds=self.time)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Do ``work`` then."""
        self.count += 1
        heapq.heappush(self.events, (self.time + seconds, self.count, work))

    def run(self) -> Report:
        """Play the schedule to its end, late requests included."""
        for name in range(self.dice.choice((1, 1, 2, 3))):
            Process(self, name).start(self.dice.uniform(0, 5))
        for _ in range(self.dice.choice((0, 0, 1, 2, 4))):
            self.later(self.dice.uniform(0, 60), self.foreign_change)
        while self.events:
            self.time, _, work = heapq.heappop(self.events)
            if self.time > HORIZON:
                break
            work()
        self.judge()
        return Report(self.seed, self.end or "unfinished", self.problems, self.sends, self.time)

    def trouble(self, chance: float) -> bool:
        """Whether something goes wrong now; after a while nothing does any more."""
        return self.time < TROUBLE_ENDS and self.dice.random() < chance

    # --- the server ---------------------------------------------------------------------------------------------------

    def current(self) -> Ticket:
        """The ticket as it really is."""
        return self.history[-1][1]

    def change(self, author: str, what: str, *, op_id: str | None = None, **fields: Any) -> None:
        """A new version of the ticket with an entry that says why."""
        old = self.current()
        number = len(old.timeline) + 1
        entry = TimelineEntry(
            f"{REF.key}#{number}", self.now(), SafeText(author), EntryKind.COMMENT, Visibility.INTERNAL, SafeText(what),
            op_id if self.kind.marks_entries else None,
        )  # fmt: skip
        if op_id:
            self.marks.append((self.time, entry.id))
        new = replace(old, timeline=(*old.timeline, entry), version=str(int(old.version) + 1), **fields)
        self.history.append((self.time, new))

    def foreign_change(self) -> None:
        """Somebody else does something."""
        what = self.dice.choice(("comment", "status", "same", "team", "tag", "back"))
        if what == "status":
            self.change("miguel", "status", status=Status(SafeText("resolved"), StatusCategory.RESOLVED))
        elif what == "same":
            self.change("miguel", "status", status=Status(SafeText("waiting"), StatusCategory.WAITING))
        elif what == "back":
            self.change("miguel", "status", status=Status(SafeText("open"), StatusCategory.OPEN))
        elif what == "team":
            self.change("miguel", "team", team=SafeText("net"))
        elif what == "tag":
            self.change("miguel", "tag", tags=(*self.current().tags, SafeText("theirs")))
        else:
            self.change("miguel", "I see it too")

    def apply(self, version: str, done: tuple[int, ...]) -> p.Observation:
        """A write arrives."""
        if self.kind.conditional and version != self.current().version:
            return p.VersionRefused()
        if self.trouble(self.faults / 8):
            return p.SentOk("said yes, did nothing")
        half = not self.kind.atomic and self.trouble(self.faults / 8)
        now = self.current()
        fields: dict[str, Any] = {}
        wrote_comment = False
        for index, op in enumerate(self.ops):
            if index in done:
                continue
            if op.path == "/status" and not half:
                self.overwrote |= str(now.status.raw) not in (op.before, op.to)
                fields["status"] = Status(SafeText(str(op.to)), StatusCategory.WAITING)
            elif op.path == "/team":
                self.overwrote |= now.team not in (op.before, op.to)
                fields["team"] = SafeText(str(op.to))
            elif op.path == "/tags":
                fields["tags"] = tuple(dict.fromkeys((*now.tags, SafeText(str(op.to)))))
            elif op.op is OpKind.COMMENT:
                wrote_comment = True
        self.applied += 1
        self.change("alex" if self.dice.random() < 0.5 else "opstui", "ours", op_id=OP_ID, **fields)
        return p.SentOk(f"r{self.applied}" if wrote_comment else None)

    def seen(self) -> tuple[Ticket, float]:
        """The ticket as a read finds it, which may be a little old, and as of when."""
        as_of = self.time - (self.dice.uniform(0, self.lag) if self.lag else 0.0)
        return next(version for at, version in reversed(self.history) if at <= as_of), as_of

    def found(self) -> str | None:
        """What a list of the ticket's entries shows of our op."""
        _, as_of = self.seen()
        if not self.marks or (not self.kind.findable and self.dice.random() < 0.5):
            return None
        return next((mark for at, mark in self.marks if at <= as_of), None)

    # --- the network --------------------------------------------------------------------------------------------------

    def write(self, version: str, done: tuple[int, ...], answer: Callable[[p.Observation], None]) -> None:
        """Send a write; whoever sent it may be dead when it arrives."""
        self.sends += 1
        dice = self.dice
        fault = dice.choice(("refuse", "lose", "lose-answer", "500", "500-applied", "429", "slow", "slow", "no"))
        if not self.trouble(self.faults):
            fault = "none"
        if fault == "refuse":
            self.later(0.1, lambda: answer(p.RequestFailed("connection refused", maybe_applied=False)))
            return
        if fault == "429":
            pause = dice.choice((None, 3.0, 1e9, -1.0, float("nan")))
            self.later(0.2, lambda: answer(p.RequestFailed("429", maybe_applied=False, retry_after=pause)))
            return
        if fault == "no":
            self.later(0.2, lambda: answer(p.RequestRefused("not allowed", credentials=dice.random() < 0.5)))
            return
        travel = dice.uniform(0, FLIGHT) if fault == "slow" else dice.uniform(0.05, 1.0)
        back = dice.uniform(0.05, 1.0)
        once = [answer]

        def reply(observation: p.Observation) -> None:
            if once:
                once.pop()(observation)

        def arrive() -> None:
            if fault in ("lose", "500"):
                observation: p.Observation = p.RequestFailed("500", maybe_applied=True)
            else:
                observation = self.apply(version, done)
            if fault in ("500", "500-applied"):
                self.later(back, lambda: reply(p.RequestFailed("500", maybe_applied=True)))
            elif fault not in ("lose", "lose-answer"):
                self.later(back, lambda: reply(observation))

        self.later(travel, arrive)
        self.later(PATIENCE, lambda: reply(p.RequestFailed("time-out", maybe_applied=True)))

    def read(self, find: bool, answer: Callable[[p.Observation], None]) -> None:
        """Read the ticket, after looking for the op id if ``find``."""
        delay, asked = self.dice.uniform(0.05, 1.0), self.now()
        if self.trouble(self.faults):
            failed = p.RequestFailed("no answer", maybe_applied=self.dice.random() < 0.5)
            self.later(delay, lambda: answer(failed))
            return
        found = [self.found()] if find else [None]
        self.later(delay, lambda: answer(p.TicketRead(self.seen()[0], asked, found[0])))

    # --- the verdict --------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """What must never be."""
        final, row = self.final, self.row
        if not row.done:
            self.problems.append(f"lost: still {row.step} at the end")
        if self.applied > 1 and any(op.op is OpKind.COMMENT for op in self.ops):
            self.problems.append(f"double: applied {self.applied} times")
        if isinstance(final, p.Verified) and not self.applied and not self._all_set():
            self.problems.append("lost: verified, but not there")
        if isinstance(final, (p.Conflicted, p.Expired)) and self.applied:
            self.problems.append(f"lost: {type(final).__name__}, but applied")
        if self.overwrote:
            if self.kind.conditional:
                self.problems.append("overwrite in spite of a condition")
            elif isinstance(final, p.Verified) and not final.overlaps:
                self.problems.append("silent overwrite")
            elif not isinstance(final, (p.Verified, p.NeedsHuman)):
                self.problems.append("overwrite that nobody is told of")

    def _all_set(self) -> bool:
        """Whether some version of the ticket had all that was wanted, comments apart."""
        if any(op.op is OpKind.COMMENT for op in self.ops):
            return False
        return any(not p._missing(self.terms.approved, version) for _, version in self.history)


Effect = tuple[str, Any]


class Process:
    """A program that publishes: the thin loop around ``decide``, which may die between any two lines."""

    def __init__(self, world: World, name: int) -> None:
        self.world = world
        self.name = name
        self.life = 0
        self.running: Generator[Effect, Any, None] | None = None

    def start(self, after: float) -> None:
        """Be started, or started again."""
        self.life += 1
        life = self.life
        self.running = self.publish()
        self.world.later(after, lambda: self.go_on(life, None))

    def go_on(self, life: int, value: Any) -> None:
        """Go on with the answer to the last effect, unless it died meanwhile."""
        world = self.world
        if life != self.life or self.running is None:
            return
        if world.trouble(world.crashes):
            self.running = None
            if world.holder == self.name:
                world.holder = None
            self.start(world.dice.uniform(0.1, 60))
            return
        try:
            kind, given = self.running.send(value)
        except StopIteration:
            self.running = None
            return
        if kind == "pause":
            world.later(given, lambda: self.go_on(life, None))
        elif kind == "read":
            world.read(given, lambda seen: self.go_on(life, seen))
        else:
            world.write(*given, lambda seen: self.go_on(life, seen))

    def stopped(self) -> Effect:
        """A moment in which it may die, or be stopped for long."""
        world = self.world
        return ("pause", world.dice.uniform(0, 90) if world.trouble(world.pauses) else 0.0)

    def publish(self) -> Generator[Effect, Any, None]:
        """The loop that the real publisher is."""
        world = self.world
        while True:
            while world.holder is not None:
                yield ("pause", 0.5)
            world.holder = self.name
            row = world.row
            seen: p.Observation = p.Look()
            while True:
                decision = world.decide(row, seen, world.terms, now=world.now(), chance=world.dice.random())
                yield self.stopped()
                row = world.row = decision.push
                step = decision.step
                if isinstance(step, p.Nothing):
                    world.holder = None
                    return
                if isinstance(step, p.Final):
                    # In one transaction with the row.
                    world.final, world.end = step, type(step).__name__
                    world.holder = None
                    return
                yield self.stopped()
                if isinstance(step, p.Wait):
                    world.holder = None
                    yield ("pause", max(0.0, (step.until - world.now()).total_seconds()))
                    break
                if isinstance(step, p.Send):
                    if row.sent_at is None or row.sent_at >= row.expires_at:
                        world.problems.append("sent after the approval had lapsed")
                    seen = yield ("write", (step.expected_version, step.done))
                else:
                    seen = yield ("read", not isinstance(step, p.Read))
                yield self.stopped()
