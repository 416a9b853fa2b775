"""What we estimate sessions to cost against the service's list cost: ``python -m tests.bench.estimate [--sessions N]``.

Scripted sessions with seeded chance: models with and without tiers, Haiku on both sides of its limit, cache writes to
last five minutes and an hour, reads, searches, idle waits, moves, interrupts, drops in mid-stream, outcomes graded in
and out of sight, runs of seconds and of hours. The estimate is ours alone, never snapped to what the service tells.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from opstui.adapters.machine import SystemClock
from opstui.core.desk import InterruptSession, RunSession, SessionDetail, StartSession
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import (
    Await,
    Call,
    Cut,
    Do,
    Evaluate,
    Idle,
    Pass,
    Reschedule,
    Running,
    Say,
    Sleep,
    Step,
    Think,
    Use,
    WaitFor,
)
from opstui.services.desk import DeskService
from tests.bench.desks import KEY, new_ticket, opened, runtime_table

MODELS = (
    "claude-sonnet-5-5", "claude-sonnet-5", "claude-opus-5-5", "claude-opus-5", "claude-haiku-5-5", "claude-haiku-4-5",
    "claude-fable-5-1", "claude-sonnet-4-6",
)  # fmt: skip
BUDGET = 500_000_000
"""Micro-dollars; none of the sessions comes near it."""


class MovedClock(SystemClock):
    """The machine's clock, which can be moved on, for this process and the stand-in alike."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Aware, UTC."""
        return super().now() + self._ahead

    def move(self, seconds: float) -> None:
        """An hour passes at once."""
        self._ahead += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Result:
    """One session's figures, in dollars."""

    model: str
    features: frozenset[str]
    estimate: Decimal
    reported: Decimal
    exact: Decimal
    """The list cost before the service rounded it."""

    @property
    def off(self) -> Decimal:
        """How far the estimate is from the list cost."""
        return abs(self.estimate - self.reported)

    @property
    def holds(self) -> bool:
        """Within 2 % and half a cent."""
        return self.off <= self.reported * Decimal("0.02") + Decimal("0.005")


def request(chance: random.Random, model: str, cached: int, features: set[str]) -> tuple[Think, int]:
    """A model request, and how much of its prompt the next one finds in the cache."""
    fresh = int(chance.lognormvariate(6.5, 1.2))
    write = int(chance.lognormvariate(7.5, 1.0)) if chance.random() < 0.7 else 0
    long = 0
    if write and chance.random() < 0.15:
        features.add("cache for an hour")
        write, long = write // 2, write
    if model == "claude-haiku-5-5" and chance.random() < 0.3:
        features.add("beyond the tier")
        fresh += 100_000 + chance.randrange(60_000)
    searches = chance.randrange(1, 5) if chance.random() < 0.08 else 0
    if searches:
        features.add("searches")
    think = Think(
        input=fresh, output=int(chance.lognormvariate(6.3, 0.9)), read=cached, write=write, write_long=long,
        searches=searches, seconds=round(chance.expovariate(1 / 8.0), 3), is_error=chance.random() < 0.02,
    )  # fmt: skip
    return think, min(90_000, cached + write + long)


def script(chance: random.Random, model: str, clock: MovedClock) -> tuple[list[Step], set[str]]:
    """A session's whole turn, and what is special about it."""
    features: set[str] = set()
    steps: list[Step] = [WaitFor("stream", 1)]
    streams, cached = 1, 0
    for number in range(chance.randrange(1, 22)):
        think, cached = request(chance, model, cached, features)
        steps.append(think)
        kind = chance.random()
        if kind < 0.30:
            steps.append(Call(tuple(Use("get_ticket") for _ in range(chance.randrange(1, 4)))))
        elif kind < 0.38:
            features.add("idle waits")
            steps += [
                Call((Use("get_ticket"),), wait=False),
                Idle("requires_action"),
                Pass(chance.uniform(5, 5000)),
                Await(),
            ]
        elif kind < 0.45:
            features.add("moved elsewhere")
            steps += [Running(), Reschedule(), Pass(chance.uniform(5, 600)), Running()]
        elif kind < 0.52:
            features.add("drops")
            streams += 1
            lost, cached = request(chance, model, cached, features)
            steps += [Cut(), lost, WaitFor("stream", streams)]
        elif kind < 0.57:
            features.add("hours")
            move = chance.uniform(60, 7200)
            steps.append(Pass(move) if chance.random() < 0.5 else Do(lambda move=move: clock.move(move)))  # type: ignore[misc]
        elif kind < 0.60:
            features.add("charged out of sight")
            steps.append(Think(input=chance.randrange(200, 2000), output=chance.randrange(20, 200), span=False))
        elif kind < 0.8:
            steps.append(Say(f"Step {number}."))
    if chance.random() < 0.25:
        features.add("graded")
        steps.append(Evaluate(input=chance.randrange(500, 5000), output=chance.randrange(50, 400)))
    if chance.random() < 0.12:
        features.add("interrupted")
        last, _ = request(chance, model, cached, features)
        within = (Say("interrupt me"), Sleep(20.0))
        steps.append(Think(input=last.input, output=last.output, read=last.read, write=last.write, within=within))
    steps.append(Idle())
    return steps, features


def run_one(service: Rehearsal, desk: DeskService, started_id: str, *, interrupts: bool) -> None:
    """Follow a session to its end; one that waits for it is interrupted."""
    if not interrupts:
        desk.do(RunSession(started_id)).unwrap()
        return
    runner = threading.Thread(target=lambda: desk.do(RunSession(started_id)), daemon=True)
    runner.start()
    while runner.is_alive():
        newest = list(service.sessions.values())[-1]
        if newest.metadata.get("session") == started_id and "interrupt me" in str(newest.events[-3:]):
            time.sleep(0.1)
            desk.do(InterruptSession(started_id))
            break
        time.sleep(0.01)
    runner.join(60)


def measure(count: int, seed: int) -> list[Result]:
    """Run that many sessions."""
    chance, clock, results = random.Random(seed), MovedClock(), []
    with tempfile.TemporaryDirectory() as made, Rehearsal(key=KEY, clock=clock) as service:
        tables = [runtime_table(f"m{at}", "managed-agents", service.url, model) for at, model in enumerate(MODELS)]
        with opened(Path(made), tables, clock) as (setup, desk):
            ref = new_ticket(setup, desk, {"title": "Checkout is slow", "body": "Since 09:14 UTC."})
            for number in range(count):
                at = number % len(MODELS)
                steps, features = script(chance, MODELS[at], clock)
                service.script(steps)
                started = desk.do(
                    StartSession(
                        ticket=ref, workflow="incident-summary", runtime=f"m{at}", budget_micros=BUDGET, again=True,
                        here=True,
                    )
                ).unwrap()  # fmt: skip
                run_one(service, desk, started.id, interrupts="interrupted" in features)
                session = desk.ask(SessionDetail(started.id))
                theirs = list(service.sessions.values())[-1]
                exact = Decimal(theirs.cost.numerator) / Decimal(theirs.cost.denominator)
                estimate, reported = Decimal(session.cost.estimate) / 10**6, Decimal(theirs.list_cost) / 100
                results.append(Result(MODELS[at], frozenset(features), estimate, reported, exact))
                if not results[-1].holds:
                    print(f"  {number}: {session.status} {results[-1]} told {session.cost.reported}")
    return results


def spread(values: list[Decimal], unit: str, scale: int) -> str:
    """Median, 95 % and the most."""
    cuts = quantiles([float(value) * scale for value in values], n=100)
    return f"p50 {cuts[49]:.3f} {unit}, p95 {cuts[94]:.3f} {unit}, most {max(values) * scale:.3f} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began = time.monotonic()
    results = measure(wanted.sessions, wanted.seed)
    print(f"{len(results)} sessions in {time.monotonic() - began:.0f} s, seed {wanted.seed}")
    print(f"list cost ${min(r.reported for r in results)} to ${max(r.reported for r in results)}")
    counted = Counter(feature for result in results for feature in result.features)
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counted.items())))
    print(f"within 2 % + 0.5 cent: {sum(r.holds for r in results)} of {len(results)}")
    print(f"from the list cost as told:   {spread([r.off for r in results], 'cent', 100)}")
    print(f"from it before it is rounded: {spread([abs(r.estimate - r.exact) for r in results], 'cent', 100)}")
    print(f"  in percent of it:           {spread([abs(r.estimate - r.exact) / r.exact for r in results], '%', 100)}")
    sums = [sum(getattr(r, name) for r in results) for name in ("estimate", "reported", "exact")]
    off = 100 * (sums[0] / sums[2] - 1)
    print(f"sum: estimated ${sums[0]:.4f}, told ${sums[1]:.2f}, exact ${sums[2]:.4f} ({off:+.3f} %)")


if __name__ == "__main__":
    main()
