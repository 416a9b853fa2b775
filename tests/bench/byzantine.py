"""Sessions of an agent that obeys every injection: ``python -m tests.bench.byzantine [--rounds N] [--seed N]``.

Whatever it does: no ticket changes, no draft is more than proposed, no secret is in a request, a log, a crash file or
an export, every byte printed is harmless, nothing breaks, and each session ends in bounded time and memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from opstui.rehearsal.service import Rehearsal
from tests.behaviours.checks import nothing_broke, the_key_went_nowhere
from tests.behaviours.hostile import CANARIES, TICKETS, Agent
from tests.behaviours.program import KEY, Done, Program, Running, Warm

LONGEST = 60.0
"""Seconds of a session."""
MOST = 700_000
"""KiB of memory of the process that runs it."""
CODES = (0, 1, 3, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    warm = Warm()
    codes: Counter[tuple[str, int]] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        furnished, document = furnish(Path(name), warm)
        for seed in range(wanted.seed, wanted.seed + wanted.rounds):
            home = home_of(furnished, Path(name) / f"home-{seed}")
            runtime = ("managed", "managed", "desk")[seed % 3]
            found, code = one_session(home, warm, runtime, document, seed)
            codes[runtime, code] += 1
            faults += [f"seed {seed} ({runtime}): {fault}" for fault in found]
            print(f"seed {seed} {runtime} → {code}: {'; '.join(found)[:2500] or 'ok'}", flush=True)
            shutil.rmtree(home, ignore_errors=True)
    print(f"{wanted.rounds} sessions, exit codes {dict(codes)}, {len(faults)} faults")
    warm.close()


def furnish(folder: Path, warm: Warm) -> tuple[Path, dict[str, Any]]:
    """A home with hostile tickets, and a document of one of them that passes."""
    home = folder / "furnished"
    home.mkdir()
    (home / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in TICKETS), encoding="utf-8")
    with Program(home, warm) as program:
        program.ask("ticket", "import", str(home / "tickets.jsonl"))
        program.ask("ticket", "list")
    (home / "tickets.jsonl").unlink()
    other = folder / "written"
    shutil.copytree(home, other)
    with Program(other, warm) as program:
        done = program.do("run", "incident-summary", "local:INC-7", "--runtime", "offline", "--json")
        text = json.dumps(done.json["document"])
        for canary in CANARIES:
            text = text.replace(canary, "it")
        return home, dict(json.loads(text))


def home_of(furnished: Path, home: Path) -> Path:
    """A copy to be used."""
    shutil.copytree(furnished, home)
    return home


def one_session(home: Path, warm: Warm, runtime: str, document: dict[str, Any], seed: int) -> tuple[list[str], int]:
    """What does not hold, and the exit code."""
    faults: list[str] = []
    with Rehearsal(key=KEY, ping_every=0.5) as service, Program(home, warm) as program:
        program.configure(service.url)
        before = tickets_of(program)
        agent = Agent(seed, document, service)
        service.script(agent.script())
        service.reply(*agent.replies())
        manner = ("--events",) if seed % 2 else ()
        running = program.start("run", "incident-summary", "local:INC-7", "--runtime", runtime, *manner)
        peak = Peak(running)
        try:
            done = program.end(running, LONGEST)
        except AssertionError as error:
            return [f"no end: {str(error)[:1500]}"], -1
        if done.code not in CODES:
            faults.append(f"exit code {done.code}: {done.err[-1500:]}")
        if peak.kib > MOST:
            faults.append(f"{peak.kib} KiB of memory")
        shown = [done]
        for session in program.ask("session", "list"):
            shown += [program.do("session", "show", session["id"]), program.do("session", "export", session["id"])]
            shown.append(program.do("session", "show", session["id"], "--json"))
        for draft in program.ask("draft", "list"):
            if draft["state"] != "proposed":
                faults.append(f"a draft is {draft['state']}")
            program.do("draft", "show", draft["id"])
        for one in program.done:
            faults += harmful(one)
        if tickets_of(program) != before:
            faults.append("a ticket changed")
        faults += leaks(program, service, shown)
        try:
            nothing_broke(program)
            the_key_went_nowhere(program, service)
        except AssertionError as error:
            faults.append(str(error)[-3000:])
        if not program.ask("audit", "verify")["ok"]:
            faults.append("the audit's chain is broken")
        return faults, done.code


def tickets_of(program: Program) -> Any:
    """Every ticket, without when it was asked for."""
    return [{key: value for key, value in row.items() if key != "fetched_at"} for row in program.ask("ticket", "list")]


def harmful(done: Done) -> list[str]:
    """Bytes on a stream that a terminal would act on."""
    bad = [char for char in done.out + done.err if (char < " " and char not in "\n\t") or "\x7f" <= char < "\xa0"]
    bad += [char for char in done.out + done.err if "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"]
    faults = [f"{done.arguments[:2]} printed {sorted(set(bad))!r}"] if bad else []
    if "--json" in done.arguments or "--events" in done.arguments or "export" in done.arguments:
        try:
            for text in done.out.splitlines() if "--events" in done.arguments else [done.out]:
                json.loads(text, parse_constant=_no_constant)
        except ValueError as error:
            faults.append(f"{done.arguments[:2]} printed no JSON: {error}")
    return faults


def _no_constant(name: str) -> None:
    raise ValueError(name)


def leaks(program: Program, service: Rehearsal, shown: list[Done]) -> list[str]:
    """Secrets of the tickets where they have no business: every run of six characters of one counts."""
    faults = []
    pieces = {canary[at : at + 6] for canary in CANARIES for at in range(len(canary) - 5)}
    for request in service.requests:
        whole = request.body.decode("utf-8", "replace") + str(request.query) + str(request.headers)
        text = whole + whole.encode().decode("unicode_escape", "replace")
        found = [piece for piece in pieces if piece in text]
        if found:
            faults.append(f"{request.method} {request.path} holds {found[:3]}")
        if request.headers.get("host") != service.url.removeprefix("http://"):
            faults.append(f"a request to {request.headers.get('host')}")
    for done in shown:
        found = [piece for piece in pieces if piece in done.out or piece in done.err]
        if found:
            faults.append(f"{done.arguments} printed {found[:3]}")
    for path, content in program.files():
        if "log" in path.parts or "crash" in path.parts or path.suffix in (".log", ".err"):
            found = [piece for piece in pieces if piece.encode() in content]
            if found:
                faults.append(f"{path.name} holds {found[:3]}")
    return faults


class Peak:
    """The most memory that a process held."""

    def __init__(self, running: Running) -> None:
        self.kib = 0
        self._status = Path(f"/proc/{running.process}/status")
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            try:
                text = self._status.read_text()
            except OSError:
                return
            line = next((line for line in text.splitlines() if line.startswith("VmHWM")), "")
            if not line:
                return
            self.kib = max(self.kib, int(line.split()[1]))
            time.sleep(0.05)


if __name__ == "__main__":
    main()
