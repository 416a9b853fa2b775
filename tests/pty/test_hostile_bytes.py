"""Text that wants to be more than text, as titles, bodies, authors and comments, on every screen of a real terminal."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pty.conftest import StartTerminal
from tests.pty.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]
COUNTING = {"OPSTUI_DEBUG_KEYS": "1"}
SLOWEST = 5.0
"""Seconds that any key may take beside other tests on a busy machine; alone on an idle one the slowest takes 0.4."""


def records(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def payload(record: dict[str, Any]) -> str:
    if "text" in record:
        return str(record["text"])
    if "b64" in record:
        return base64.b64decode(record["b64"]).decode("utf-8", "replace")
    made = record["gen"]
    return str(made["prefix"] + made["unit"] * made["count"] + made["suffix"])


def bring_in(run: Run, home: Path, found: list[dict[str, Any]]) -> None:
    """A ticket and a runbook of each record, hostile wherever a text can be."""
    runbooks = home / "runbooks"
    runbooks.mkdir()
    (home / "config.toml").write_text(f'[knowledge.books]\nkind = "folder"\npath = "{runbooks}"\n', encoding="utf-8")
    rows = []
    for number, record in enumerate(found, 1):
        text = payload(record)
        at = "2026-11-20T03:00:00Z"
        (runbooks / f"Page{number}.md").write_bytes(f"# {text}\n\nas reported:\n{text}\n".encode("utf-8", "replace"))
        entry = {"at": at, "author": text[:200], "kind": "comment", "text": f"seen by me\n{text}"}
        rows.append(
            {"key": f"HOS-{number}", "title": text or "-", "body": f"as reported:\n{text}", "severity": "2",
             "status": "open", "services": [text[:200]], "tags": [text[:80]], "created_at": at, "updated_at": at,
             "timeline": [entry]}
        )  # fmt: skip
    file = home / "hostile.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    done = run("ticket", "import", str(file), "--json")
    told = json.loads(done.stdout)
    assert told["imported"] >= len(rows) * 0.9, told


def forbidden_in(raw: bytes, found: list[dict[str, Any]], harmless: bytes) -> list[str]:
    """Records of which a forbidden byte string reached the terminal and is not what the program writes anyway."""
    leaks = []
    for record in found:
        text = payload(record).encode("utf-8", "replace")
        for forbid in map(bytes.fromhex, record.get("forbid", ())):
            at = text.find(forbid)
            # What the program writes anyway is looked for with what stands around it in the text, and an escape at
            # the end (a letter, then the program's own escape, is no leak) with the program's behind it.
            needle = text[max(0, at - 4) : at + len(forbid) + 4] if forbid in harmless and at >= 0 else forbid
            needle += b"\x1b" if needle.endswith(b"\x1b") else b""
            if needle in raw:
                leaks.append(f"{record['id']}: {needle!r}")
    return leaks


def slowest(terminal: Terminal, times: dict[str, float], *keys: str) -> None:
    for key in keys:
        took = terminal.answer_time(key)
        times[key] = max(took, times.get(key, 0.0))


@pytest.fixture
def harmless(start: StartTerminal) -> bytes:
    """What the program writes of its own accord."""
    terminal = start("demo", columns=160, rows=45, env=COUNTING)
    terminal.wait_text("open")
    for key in ("j", "enter", "j", "escape", "?", "escape", "ctrl+l"):
        terminal.answer_time(key)
    raw = terminal.raw
    terminal.close()
    return raw


@pytest.mark.timeout(300)
def test_no_forbidden_byte_reaches_the_terminal_and_no_key_is_slow(
    start: StartTerminal, run: Run, home: Path, shared_data: Path, harmless: bytes
) -> None:
    found = [record for record in records(shared_data) if record.get("forbid")]
    bring_in(run, home, found)
    terminal = start(columns=160, rows=45, env=COUNTING)
    terminal.wait_text("HOS-")
    times: dict[str, float] = {}
    seen_kinds = set()
    for record in found:
        slowest(terminal, times, "enter", "G", "g")
        if record["kind"] not in seen_kinds:
            seen_kinds.add(record["kind"])
            slowest(terminal, times, "s")
            terminal.wait_quiet(0.5)
            slowest(terminal, times, "d")
            terminal.wait_quiet(0.3)
            slowest(terminal, times, "j", "j", "p", "ctrl+g", "escape", "escape")
        slowest(terminal, times, "escape", "j")
    assert terminal.process.poll() is None, terminal.text()
    assert forbidden_in(terminal.raw, found, harmless) == []
    assert {key: round(took, 2) for key, took in times.items() if took > SLOWEST} == {}
    terminal.press("ctrl+q")
    assert terminal.wait_end() == 0


@pytest.mark.timeout(300)
def test_every_hostile_text_can_be_scrolled_past(start: StartTerminal, run: Run, home: Path, shared_data: Path) -> None:
    found = records(shared_data)
    bring_in(run, home, found)
    terminal = start(env=COUNTING)
    terminal.wait_text("HOS-")
    times: dict[str, float] = {}
    for _ in range(0, len(found), 20):
        slowest(terminal, times, "pagedown")
    sizes = [number for number, record in enumerate(found, 1) if record["kind"] in ("size", "combining", "markdown")]
    for number in sizes:
        slowest(terminal, times, "/")
        terminal.send(f"HOS-{number}".encode())
        terminal.wait_quiet(0.1)
        slowest(terminal, times, "enter", "enter", "G", "g", "escape", "escape")
    assert terminal.process.poll() is None, terminal.text()
    assert {key: round(took, 2) for key, took in times.items() if took > SLOWEST} == {}
