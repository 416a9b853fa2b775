"""``kill -9`` at random moments of edit, approve and push: ``python -m tests.bench.kill_push [--kills N] [--seed N]``.

Each trial writes a draft for a ticket of its own through the command line, and kills the process that is at work at a
random moment, the worker too. Then somebody runs ``opstui push``. What must hold: a command that ended with 0 did what
it said for good; an approved update is on the ticket exactly once; one that was not approved is not there at all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.figures import answer, bring_in, made_up_tickets, run
from tests.pty.terminal import OPSTUI, environment, no_workers_left, workers_of

STEPS = ("edit", "approve", "push")


@dataclass
class Trial:
    """One ticket's way through the steps, and what was acknowledged on it."""

    home: Path
    ref: str
    text: str
    acknowledged: list[str] = field(default_factory=list)
    killed: str = ""
    faults: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*OPSTUI, *arguments, "--json"], env=environment(self.home, OPSTUI_SETTLE_SECONDS="0.2"), cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def go(trial: Trial, step: str, moment: float) -> None:
    """Edit, approve, push; at ``step`` the process is killed after ``moment`` seconds, if it still runs."""
    before = trial.home / "before.md"
    after = trial.home / "after.md"
    before.write_text("written before it was edited", encoding="utf-8")
    after.write_text(trial.text, encoding="utf-8")
    draft = answer(trial.home, "draft", "new", trial.ref, "--comment-file", str(before))
    trial_id = draft["id"]
    arguments = {
        "edit": lambda: ("draft", "edit", trial_id, "--comment-file", str(after)),
        "approve": lambda: ("draft", "approve", trial_id, "--fingerprint", draft["fingerprint"]),
        "push": lambda: ("push",),
    }
    for name in STEPS:
        process = trial.command(*arguments[name]())
        if name == step:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            for worker in workers_of(trial.home):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            if process.poll() is None:
                process.kill()
                trial.killed = name
        out, err = process.communicate()
        if process.returncode == 0:
            trial.acknowledged.append(name)
            if name == "edit":
                draft = json.loads(out)
        elif not trial.killed:
            trial.faults.append(f"{name} ended with {process.returncode}: {err.strip()[:200]}")
        if trial.killed:
            return


def look(trial: Trial, drafts: dict[str, dict[str, Any]]) -> None:
    """What is on the ticket after somebody ran ``push``, against what was acknowledged."""
    draft = drafts.get(trial.ref)
    ticket = answer(trial.home, "ticket", "show", trial.ref)
    texts = [entry["text"] for entry in ticket["timeline"]]
    there = texts.count(trial.text)
    if draft is None:
        trial.faults.append("the draft is gone")
        return
    kept = next((op["to"] for op in draft["ops"] if op["op"] == "comment"), None)
    if "edit" in trial.acknowledged and kept != trial.text:
        trial.faults.append(f"an acknowledged edit is lost: {kept!r}")
    if there > 1:
        trial.faults.append(f"applied {there} times")
    if "approve" in trial.acknowledged and (there, draft["state"]) != (1, "pushed"):
        trial.faults.append(f"approved, but {there} times on the ticket and {draft['state']}")
    if draft["state"] == "pushed" and there != 1:
        trial.faults.append(f"pushed, but {there} times on the ticket")
    if draft["state"] in ("proposed", "edited") and there:
        trial.faults.append(f"{draft['state']}, but on the ticket")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as made, no_workers_left(Path(made)):
        home = Path(made)
        bring_in(home, made_up_tickets(wanted.kills * 3))
        lengths = dict.fromkeys(STEPS, 0.5)
        trials: list[Trial] = []
        kills: Counter[str] = Counter()
        for number in range(1, wanted.kills * 3 + 1):
            if kills.total() >= wanted.kills:
                break
            step = chance.choice(STEPS)
            trial = Trial(home, f"local:OPS-{number}", f"comment number {number}")
            # The first half of a process is Python starting; the moments that matter come after it.
            started = time.monotonic()
            go(trial, step, chance.uniform(0.35, 1.05) * lengths[step])
            if not trial.killed:
                lengths[step] = 0.8 * lengths[step] + 0.2 * (time.monotonic() - started) / (len(STEPS) + 1)
            kills[trial.killed] += bool(trial.killed)
            trials.append(trial)
            settled = run(home, "push", "--json")
            if settled.returncode:
                trial.faults.append(
                    f"push afterwards ended with {settled.returncode}: {settled.stdout[:200]}{settled.stderr[:200]}"
                )
        drafts = {draft["ticket"]: draft for draft in answer(home, "draft", "list")}
        for trial in trials:
            look(trial, drafts)
        verified = answer(home, "audit", "verify")
    faulty = [trial for trial in trials if trial.faults]
    for trial in faulty:
        print(trial.ref, f"killed in {trial.killed or 'nothing'}", trial.acknowledged, trial.faults)
    took = time.monotonic() - begun
    print(f"{kills.total()} kills {dict(kills)} in {len(trials)} trials, {took:.0f} s; audit {verified}")
    total = max(1, kills.total())
    print(f"faults: {len(faulty)} in {total}" + ("" if faulty else f" (95 % upper bound {3 / total:.3f})"))


if __name__ == "__main__":
    main()
