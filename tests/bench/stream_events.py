"""1,600 events a second, 90 % of them previews: ``python -m tests.bench.stream_events [--seconds N] [--pairs N]``.

The CPU that a managed session's runtime needs on top of the SDK's own parsing of the same stream, in one process; the
stand-in that sends it is another one. Runs alternate.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import opstui
from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.adapters.runtimes.anthropic_client import Endpoint
from opstui.adapters.runtimes.managed import ManagedRuntime
from opstui.core.ports import SessionBrief
from opstui.core.sessions import RuntimeText, SessionStatus
from opstui.core.tickets import TicketRef
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.stage import delta
from opstui.rehearsal.steps import Emit, Idle, Running, Sleep, Step, WaitFor
from opstui.services.workflows import load_workflows
from tests.bench.desks import KEY, new_ticket, opened, run_session, runtime_table

RATE = 1_600
PIECES = 8
"""Of a message; with its beginning nine previews to one event that stays."""
BATCH = 4
"""Messages at once."""
PIECE = "some words of it "


def script(seconds: float) -> list[Step]:
    """That many seconds of it."""
    each = PIECES + 2
    steps: list[Step] = [WaitFor("stream", 1), Sleep(0.5), Running()]
    # What the stand-in itself needs to send a batch comes off its pause.
    pause = BATCH * each / RATE - 0.0022
    for number in range(round(seconds * RATE / each)):
        name = f"sevt_{number:08}"
        steps.append(Emit({"type": "event_start", "event": {"type": "agent.message", "id": name}}))
        steps += [Emit(delta(name, PIECE))] * PIECES
        content = [{"type": "text", "text": PIECE * PIECES}]
        steps.append(Emit({"type": "agent.message", "id": name, "content": content}))
        if number % BATCH == BATCH - 1:
            steps.append(Sleep(pause))
    return [*steps, Sleep(0.2), Idle()]


def serve(seconds: float) -> None:
    """The stand-in's process."""
    with Rehearsal(key=KEY) as service:
        service.script(script(seconds), times=1_000)
        print(service.url, flush=True)
        sys.stdin.read()


@dataclass
class Run:
    """What one run took."""

    events: int
    seconds: float
    cpu: float
    share: float = 0.0

    def __post_init__(self) -> None:
        self.share = self.cpu / self.seconds


class Stopwatch:
    """From the first event of the flood to the last."""

    def __init__(self) -> None:
        self.begin = self.end = (0.0, 0.0)
        self.count = 0

    def tick(self) -> None:
        """An event."""
        self.end = time.monotonic(), time.process_time()
        if not self.count:
            self.begin = self.end
        self.count += 1

    def run(self) -> Run:
        """What was taken."""
        return Run(self.count, self.end[0] - self.begin[0], self.end[1] - self.begin[1])


async def by_the_sdk(url: str) -> Run:
    """The SDK alone: its stream, its types, nothing done with them."""
    from anthropic import AsyncAnthropic

    watch = Stopwatch()
    async with AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:
        sessions: Any = client.beta.sessions
        environment = await client.beta.environments.create(name=f"sdk-{time.monotonic_ns()}")
        agent = await client.beta.agents.create(model="claude-sonnet-5-5", name="sdk")
        session = await sessions.create(agent=agent.id, environment_id=environment.id)
        async with await sessions.events.stream(session.id, event_deltas=["agent.message"]) as stream:
            words = [{"type": "text", "text": "go"}]
            await sessions.events.send(session.id, events=[{"type": "user.message", "content": words}])
            async for event in stream:
                if event.type in ("event_start", "event_delta", "agent.message"):
                    watch.tick()
                if event.type == "session.status_idle":
                    break
    return watch.run()


async def by_the_runtime(url: str, folder: Path) -> Run:
    """The runtime: attached, every event translated, previews put together."""
    workflows = load_workflows(Path(opstui.__file__).parent / "workflows", folder / "none")
    clock = SystemClock()
    runtime = ManagedRuntime(
        "managed", Endpoint("managed", lambda: url, lambda: KEY), model="claude-sonnet-5-5", effort=None, parallel=1,
        clock=clock, randomness=SystemRandomness(), folder=folder,
    )  # fmt: skip
    brief = SessionBrief(
        session_id=f"bench-{time.monotonic_ns()}", workflow=workflows["incident-summary"],
        ticket=TicketRef("local", "INC-1"), operator="alex", shift="2026-11-20T08:00:00Z", budget_micros=1_000_000,
        started_at=datetime.now(UTC), message="go",
    )  # fmt: skip
    session = await runtime.start(brief)
    told: Counter[str] = Counter()
    begin = end = (0.0, 0.0)
    try:
        async with aclosing(session.events()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, RuntimeText):
                    end = time.monotonic(), time.process_time()
                    begin = begin if told else end
                    told["preview" if event.partial else "text"] += 1
                elif getattr(event, "status", None) is SessionStatus.IDLE:
                    break
    finally:
        await session.close()
    # Previews are told at a bearable pace, so what came is counted by what stays.
    return Run(told["text"] * (PIECES + 2), end[0] - begin[0], end[1] - begin[1])


def by_the_desk(url: str, home: Path, seconds: float) -> Run:
    """The whole of a session: the runtime, its events recorded on disk, previews handed on."""
    tables = [runtime_table("managed", "managed-agents", url, "claude-sonnet-5-5")]
    with opened(home, tables) as (setup, desk):
        ref = new_ticket(setup, desk, {"title": "Checkout is slow", "body": "Since 09:14 UTC."})
        begin = time.process_time()
        session = run_session(desk, ref, "managed")
        cpu = time.process_time() - begin
        texts = 0
        after = 0
        while fresh := setup.record.events(session.id, after):
            texts += sum(event.type == "text" for event in fresh)
            after = fresh[-1].seq
    return Run(texts * (PIECES + 2), seconds, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        serve(wanted.seconds)
        return
    arguments = [sys.executable, "-m", "tests.bench.stream_events", "--serve", "--seconds", str(wanted.seconds)]
    pairs: list[tuple[Run, Run]] = []
    with (
        tempfile.TemporaryDirectory() as made,
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        folder = Path(made)
        for _ in range(wanted.pairs):
            alone, ours = asyncio.run(by_the_sdk(url)), asyncio.run(by_the_runtime(url, folder))
            pairs.append((alone, ours))
            for name, run in (("the SDK alone", alone), ("the runtime", ours)):
                rate = run.events / run.seconds
                print(f"{name}: {run.events} events, {rate:.0f}/s, CPU {100 * run.share:.1f} % of a core", flush=True)
        whole = by_the_desk(url, folder / "home", wanted.seconds)
        print(
            f"a whole session, recorded: {whole.events} events, CPU {100 * whole.share:.1f} % of a core, start included"
        )
        child.communicate()
    on_top = median(ours.share - alone.share for alone, ours in pairs)
    print(f"on top: {100 * on_top:+.1f} % of a core (median of {len(pairs)} pairs, {wanted.seconds:.0f} s each)")


if __name__ == "__main__":
    main()
