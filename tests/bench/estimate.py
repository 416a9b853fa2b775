"""How far the estimated cost of managed sessions is from the service's own list cost, over scripted sessions.

    python -m tests.bench.estimate [COUNT] [SEED]

The stand-in service charges by a price table of its own, to the fraction of a cent, and tells whole cents, as the
real one does. Its sessions have long prompts of a tiered model, cache writes of both kinds, searches, waits for tools,
graders that nobody hears of, interrupts and dropped streams.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.runtimes.managed import ManagedRuntime
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.frozen import dataclass
from opstui.core.ports import AgentSession
from opstui.core.sessions import Cost, RuntimeStatus, RuntimeToolCall, RuntimeUsage, Session, ToolResult, live
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Await, Call, Cut, Emit, Eof, Idle, Pass, ReportUsage, Sleep, Step, Think, Use
from opstui.services.metering import Meter
from opstui.services.setup import Setup
from opstui.testing import builders as make
from opstui.wiring import open_setup

MODELS = ("claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5", "claude-sonnet-4-5-20250929")
AT_ONCE = 8
CENT = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One session. Money in micro-dollars."""

    model: str
    kinds: frozenset[str]
    """What happened in it."""
    exact: Fraction
    """The service's own sum, before it is rounded to cents."""
    cost: Cost
    leaps: tuple[tuple[int, int], ...]
    """What was shown just before each report, and what the report said."""


def script(chance: random.Random, model: str) -> tuple[list[Step], set[str]]:
    """A session's life, and what is special about it."""
    steps: list[Step] = []
    kinds: set[str] = set()
    for turn in range(chance.randint(1, 7)):
        read = chance.randint(0, 60_000) * (turn > 0)
        asked = {
            "input": chance.randint(200, 30_000), "output": chance.randint(50, 5_000), "read": read,
            "write": chance.choice((0, 0, chance.randint(500, 20_000))), "seconds": chance.uniform(0.5, 45),
        }  # fmt: skip
        for kind, odds, more in (
            ("long prompt", 0.3 if "haiku" in model else 0.02, {"input": chance.randint(90_000, 180_000)}),
            ("hour-long write", 0.08, {"write_long": chance.randint(500, 15_000)}),
            ("search", 0.12, {"searches": chance.randint(1, 4)}),
            ("unheard request", 0.02, {"span": False}),
            ("failed request", 0.03, {"is_error": True}),
        ):
            if chance.random() < odds:
                kinds.add(kind)
                asked |= more
        steps.append(Think(**asked))
        if chance.random() < 0.4:
            kinds.add("wait for a tool")
            wait = [Idle({"type": "requires_action"}), Pass(chance.uniform(5, 900))] if chance.random() < 0.5 else []
            steps += [Call((Use("get_ticket"),), wait=False), *wait, Await()]
        if chance.random() < 0.08:
            kinds.add("drop")
            steps.append(chance.choice((Cut(), Eof(), Cut({"type": "agent.message", "content": []}))))
        if chance.random() < 0.1:
            steps.append(ReportUsage())
    if chance.random() < 0.06:
        kinds.add("interrupt")
        steps += [Emit({"type": "agent.message", "content": [{"type": "text", "text": STOP_ME}]}), Sleep(5), Sleep(5)]
    return [*steps, Idle()], kinds


STOP_ME = "interrupt me"


async def follow(setup: Setup, opened: AgentSession, session: Session, kinds: set[str], served: Rehearsal) -> Outcome:
    """Run a session as its owner would, and compare."""
    meter, leaps = Meter(setup, session), []
    try:
        async for event in opened.events():
            if isinstance(event, RuntimeToolCall):
                await opened.answer(event.id, ToolResult("{}"))
            elif isinstance(event, RuntimeStatus):
                session = meter.status(session, event, setup.clock.now())
            elif isinstance(event, RuntimeUsage):
                before = live(session.cost, setup.clock.now()).shown
                session, row = meter.take(session, event)
                if row is not None:
                    setup.record.write(lambda writer, row=row: writer.add_usage(row))  # type: ignore[misc]
                    if event.reported_micros is not None:
                        leaps.append((before, event.reported_micros))
            elif "interrupt" in kinds and getattr(event, "text", "") == STOP_ME:
                await opened.interrupt()
    finally:
        await opened.close()
    exact = served.sessions[opened.remote_id or ""].cost * 1_000_000
    return Outcome(session.model or "", frozenset(kinds), exact, session.cost, tuple(leaps))


async def measure(setup: Setup, served: Rehearsal, count: int, seed: int) -> list[Outcome]:
    """``count`` sessions, a few at once; each starts alone, so that it gets the script that was meant for it."""
    chance, turn, room = random.Random(seed), asyncio.Lock(), asyncio.Semaphore(AT_ONCE)
    folder = setup.locks.parent / "runtimes"
    clock, randomness = SystemClock(), SystemRandomness()

    def runtime(model: str) -> ManagedRuntime:
        endpoint = Endpoint("managed", lambda: served.url, lambda: "rehearsal")
        return ManagedRuntime("managed", endpoint, model=model, effort=None, parallel=AT_ONCE, clock=clock,
                              randomness=randomness, folder=folder / model)  # fmt: skip

    runtimes = {model: runtime(model) for model in MODELS}

    async def one(number: int) -> Outcome:
        model = MODELS[number % len(MODELS)]
        steps, kinds = script(chance, model)
        session = make.session(f"s{number}", runtime="managed", runtime_kind="managed-agents", model=model,
                               created_at=clock.now(), cost=Cost(budget=90_000_000))  # fmt: skip
        async with room:
            async with turn:
                served.script(steps)
                brief = make.brief(session.id, budget_micros=90_000_000, message="a ticket", started_at=clock.now())
                opened = await runtimes[model].start(brief)
            return await follow(setup, opened, session, kinds, served)

    return await asyncio.gather(*(one(number) for number in range(count)))


def spread(values: Sequence[float]) -> str:
    """Median, nineteen of twenty, and the worst."""
    ranked = sorted(values)
    return (
        f"median {ranked[len(ranked) // 2]:7.3f}  p95 {ranked[int(len(ranked) * 0.95)]:7.3f}  worst {ranked[-1]:7.3f}"
    )


def figures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What came out, as lines."""
    estimated = sum(one.cost.estimate for one in outcomes)
    exact = sum((one.exact for one in outcomes), Fraction(0))
    reported = sum(one.cost.reported or 0 for one in outcomes)
    summed = f"estimate ${estimated / 1e6:.4f}, exact list cost ${float(exact) / 1e6:.4f}"
    yield f"{len(outcomes)} sessions, {summed}, told in cents ${reported / 1e6:.2f}"
    off, allowed = abs(estimated - exact), exact / 50 + CENT // 2
    holds = "holds" if off <= allowed else "BROKEN"
    yield f"in all: off by {float(off / exact) * 100:.3f} %, allowed 2 % + half a cent: {holds}"
    worst = [abs(one.cost.estimate - one.exact) for one in outcomes]
    within = sum(amount <= one.exact / 50 + CENT // 2 for one, amount in zip(outcomes, worst, strict=True))
    yield f"each: {within} of {len(outcomes)} within 2 % + half a cent"
    yield f"each, percent:  {spread([float(a / one.exact) * 100 for one, a in zip(outcomes, worst, strict=True)])}"
    yield f"each, cents:    {spread([float(a) / CENT for a in worst])}"
    leaps = [abs(shown - told) / CENT for one in outcomes for shown, told in one.leaps]
    yield f"leap of the shown figure at {len(leaps)} reports, cents: {spread(leaps)}"
    snapped = sum(one.cost.is_exact and one.cost.shown == one.cost.reported for one in outcomes)
    yield f"exactly the list cost once idle: {snapped} of {len(outcomes)}"
    for kind in sorted({kind for one in outcomes for kind in one.kinds} | {"nothing special"}):
        some = [one for one in outcomes if kind in one.kinds or (kind == "nothing special" and not one.kinds)]
        if some:
            share = [float(abs(one.cost.estimate - one.exact) / one.exact) * 100 for one in some]
            yield f"  {kind:16} {len(some):4} sessions, percent {spread(share)}"


def main() -> None:
    """Run it and print what came out."""
    count, seed = (int(word) for word in (*sys.argv[1:3], *("200", "1")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as home, Rehearsal() as served:
        setup = open_setup(Settings(), Paths.find({"OPSTUI_HOME": home}), clock=SystemClock())
        setup = replace(setup, shift_budget=None)
        try:
            outcomes = asyncio.run(measure(setup, served, count, seed))
        finally:
            for close in setup.closers:
                close()
    print("\n".join(figures(outcomes)))
    print(f"card of {setup.rates().dated}, hour {Decimal(setup.rates().hour)}")


if __name__ == "__main__":
    main()
