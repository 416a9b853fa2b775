"""What the scripts here share: homes full of tickets, and figures as text."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.pty.terminal import OPSTUI, environment

WORDS = (
    "checkout latency disk full replica lag queue certificate expired rollout stuck dns timeout memory leak pager "
    "noisy backup failed quota login vpn printer cache cold node drained ingress slow webhook retry storm eu-west"
).split()


def run(home: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """``opstui …`` to its end."""
    return subprocess.run(
        [*OPSTUI, *arguments], input=text, env=environment(home), cwd=home, capture_output=True, text=True, check=False
    )


def answer(home: Path, *arguments: str) -> Any:
    """The JSON that a command prints. Raises CalledProcessError with what it said when it fails."""
    done = run(home, *arguments, "--json")
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, arguments, done.stdout, done.stderr)
    return json.loads(done.stdout)


def bring_in(home: Path, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Import tickets; the report. Bad lines are in it."""
    file = home / "tickets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run(home, "ticket", "import", str(file), "--json")
    return dict(json.loads(done.stdout))


def made_up_tickets(count: int, seed: int = 1) -> Iterable[dict[str, Any]]:
    """Tickets of an ordinary look, the same ones for the same seed."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        day = f"2026-{chance.randint(1, 10):02}-{chance.randint(1, 28):02}"
        at = f"{day}T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00Z"
        yield {
            "key": f"OPS-{number}",
            "title": " ".join(chance.choices(WORDS, k=6)),
            "body": " ".join(chance.choices(WORDS, k=60)),
            "severity": str(chance.randint(1, 4)),
            "status": chance.choice(["new", "open", "waiting", "open", "resolved"]),
            "created_at": at,
            "updated_at": at,
        }


def spread(values: Sequence[float], unit: str = "ms", scale: float = 1000) -> str:
    """Median and range of seconds."""
    scaled = [value * scale for value in values]
    return f"{statistics.median(scaled):.0f} {unit} ({min(scaled):.0f}–{max(scaled):.0f}, n={len(scaled)})"


def cpu_seconds(process: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(process: int) -> float:
    """Highest resident size of a process so far."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
