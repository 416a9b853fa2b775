"""``kill -9`` at random moments of sessions: ``python -m tests.bench.kill_session [--rounds N] [--seed N]``.

Each round starts ``opstui run``, kills it at a random moment, kills up to two of those that take the session up again,
and lets the last one finish. Then there is one session over there, everything was said once, each call has one answer,
there is one draft, the audit's chain holds, and the ledger is what the service counted.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from opstui.core.text import clean
from opstui.rehearsal import service as rehearsal
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Call, Idle, Say, Sleep, Think, WaitFor
from tests.behaviours.checks import every_call_was_answered_once, heard, nothing_broke, spoken, the_key_went_nowhere
from tests.behaviours.program import KEY, Program, Warm
from tests.behaviours.scripts import FIRST, LAST, SECOND, THIRD, hand_in, use
from tests.behaviours.tickets import TICKETS

LONGEST = {"managed": 2.2, "desk": 1.2}
"""Seconds that an undisturbed run takes here, about."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runtime", choices=("managed", "desk", "both"), default="both")
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)
    warm = Warm()
    faults: list[str] = []
    kills: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        furnished, document = furnish(Path(name), warm)
        for number in range(wanted.rounds):
            runtime = wanted.runtime if wanted.runtime != "both" else ("managed", "desk")[number % 2]
            home = Path(name) / f"home-{number}"
            shutil.copytree(furnished, home)
            found = one_round(home, warm, runtime, document, chance, kills)
            faults += [f"round {number} ({runtime}, seed {wanted.seed}): {fault}" for fault in found]
            print(f"{number + 1}/{wanted.rounds} {runtime}: {'; '.join(found) or 'ok'}", flush=True)
            if not found:
                shutil.rmtree(home, ignore_errors=True)
        print(f"{sum(kills.values())} kills in {wanted.rounds} rounds, the session was then: {dict(kills)}")
        print(f"{len(faults)} faults")
        print("\n".join(faults))
    warm.close()


def furnish(folder: Path, warm: Warm) -> tuple[Path, dict[str, Any]]:
    """A home with tickets to be copied, and a document that passes."""
    home = folder / "furnished"
    home.mkdir()
    (home / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in TICKETS), encoding="utf-8")
    with Program(home, warm) as program:
        program.ask("ticket", "import", str(home / "tickets.jsonl"))
        program.ask("ticket", "list")
    other = folder / "written"
    shutil.copytree(home, other)
    with Program(other, warm) as program:
        done = program.do("run", "incident-summary", "local:INC-1", "--runtime", "offline", "--json")
        return home, dict(done.json["document"])


def one_round(
    home: Path, warm: Warm, runtime: str, document: dict[str, Any], chance: random.Random, kills: Counter[str]
) -> list[str]:
    """What is wrong after one session with its kills."""
    charged: list[dict[str, int]] = []
    with Rehearsal(key=KEY, ping_every=0.5, pace=0.02) as service, Program(home, warm) as program:
        program.configure(service.url)
        service.script(script(document), times=3)
        counted = vars(rehearsal)["usage_of"]

        def noted(*given: Any) -> dict[str, int]:
            charged.append(counted(*given))
            return charged[-1]

        setattr(rehearsal, "usage_of", noted)  # noqa: B010
        try:
            running = program.start("run", "incident-summary", "local:INC-1", "--runtime", runtime, "--events")
            known = ""
            for _ in range(chance.randint(1, 3)):
                time.sleep(chance.uniform(0.0, LONGEST[runtime]))
                try:
                    running.signal(signal.SIGKILL)
                except ProcessLookupError:
                    break  # it came to its end before
                program.end(running)
                listed = program.ask("session", "list")
                kills[listed[0]["status"] if listed else "nowhere"] += 1
                known = listed[0]["id"] if listed else ""
                if not known:
                    running = program.start("run", "incident-summary", "local:INC-1", "--runtime", runtime, "--events")
                else:
                    running = program.start("session", "resume", known, "--events")
            done = program.end(running, 90)
            return judged(program, service, runtime, done.session["id"], charged)
        except (AssertionError, ValueError) as error:
            return [f"{type(error).__name__}: {str(error)[:1500]}"]
        finally:
            setattr(rehearsal, "usage_of", counted)  # noqa: B010


def script(document: dict[str, Any]) -> tuple[Any, ...]:
    """A turn with something of everything, about two seconds long."""
    return (
        WaitFor("stream", 1),
        Think(input=900, output=40, read=2000, within=(Say(FIRST, pause=0.05),)),
        Call((use("get_ticket"), use("search_knowledge", {"query": "payments"}))),
        Think(input=1200, output=80, read=3000, within=(Say(SECOND, pause=0.05),)),
        Sleep(0.2),
        Call((use("search_tickets", {"query": "orders"}),)),
        Think(input=1500, output=900, read=3000, within=(Say(THIRD, pause=0.05),)),
        hand_in(document),
        Think(input=500, output=30, read=5000, within=(Say(LAST, pause=0.05),)),
        Sleep(0.1),
        Idle(),
    )


def judged(
    program: Program, service: Rehearsal, runtime: str, session_id: str, charged: list[dict[str, int]]
) -> list[str]:
    """What does not hold."""
    faults = []
    listed = program.ask("session", "list")
    shown = program.ask("session", "show", session_id)
    if len(listed) != 1:
        faults.append(f"{len(listed)} sessions here")
    if len(program.ask("draft", "list")) != 1:
        faults.append(f"{len(program.ask('draft', 'list'))} drafts")
    if not shown["draft"]:
        faults.append(f"no draft: {shown['status']} {shown['stop_reason']}")
    audit = program.ask("audit", "verify")
    if not audit["ok"]:
        faults.append(f"audit: {audit}")
    texts = [event["text"] for event in program.transcript(session_id) if event["type"] == "text"]
    calls = Counter(event["id"] for event in program.transcript(session_id) if event["type"] == "tool.call")
    if [call for call, count in calls.items() if count > 1]:
        faults.append(f"a call was told twice: {calls}")
    cost = program.ask("cost")
    [run] = cost["sessions"]
    if Decimal(cost["total"]["estimate"]) != Decimal(run["cost"]["estimate"]):
        faults.append(f"the shift's sum {cost['total']['estimate']} is not the session's {run['cost']['estimate']}")
    if runtime == "managed":
        faults += managed(service, cost, run, texts)
    else:
        faults += local(shown["cost"], charged, texts)
    try:
        nothing_broke(program)
        the_key_went_nowhere(program, service)
    except AssertionError as error:
        faults.append(str(error)[:3000])
    return faults


def managed(service: Rehearsal, cost: dict[str, Any], run: dict[str, Any], texts: list[str]) -> list[str]:
    """Against what the service keeps."""
    faults = []
    if len(service.sessions) != 1:
        return [f"{len(service.sessions)} sessions over there"]
    session = next(iter(service.sessions.values()))
    if texts != [str(clean(text)) for text in spoken(session)]:
        faults.append(f"texts {texts} for {spoken(session)}")
    if len(heard(session)) != 1:
        faults.append(f"{len(heard(session))} messages were sent")
    try:
        every_call_was_answered_once(session)
    except AssertionError as error:
        faults.append(f"answers: {error}")
    if Decimal(cost["total"]["reported"]) != Decimal(session.list_cost) / 100:
        faults.append(f"reported {cost['total']['reported']} for {session.list_cost} cents")
    if abs(Decimal(run["cost"]["estimate"]) - Decimal(str(float(session.cost)))) > Decimal("0.0005"):
        faults.append(f"estimate {run['cost']['estimate']} for {float(session.cost)}")
    return faults


def local(cost: dict[str, Any], charged: list[dict[str, int]], texts: list[str]) -> list[str]:
    """Against every response that was begun; those that a kill cut off may be missing, nothing may be double."""
    faults = []
    if len(texts) != len(set(texts)):
        faults.append(f"a text twice: {texts}")
    counts = [one["output_tokens"] for one in charged]
    reachable = {0}
    for count in counts:
        reachable |= {total + count for total in reachable}
    if cost["output_tokens"] > sum(counts):
        faults.append(f"{cost['output_tokens']} output tokens of {counts}")
    elif cost["output_tokens"] not in reachable:
        # A response that was cut is counted as far as it told: one token, usually.
        lowest = min(abs(total - cost["output_tokens"]) for total in reachable)
        if lowest > len(counts):
            faults.append(f"{cost['output_tokens']} output tokens of {counts}")
    return faults


if __name__ == "__main__":
    main()
