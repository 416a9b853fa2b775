"""Real tickets and real runbooks: ``python -m tests.bench.real_tickets [--every N]``.

Imports the tickets of ``duplicates/tickets.jsonl``, indexes the pages of ``retrieval/corpus``, summarises every Nth
ticket through the command line, and checks each citation against the ticket and the page as the program prints them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.figures import answer, bring_in, run
from tests.pty.terminal import PACKAGE_HOME, no_workers_left

DATES = ("%d/%b/%y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")
STATES = {"open": "open", "closed": "closed", "resolved": "resolved", "in progress": "open", "patch available": "open"}


def iso(text: str | None) -> str:
    """A date of the data as RFC 3339; tickets whose date can't be read get one of their own."""
    for form in DATES:
        try:
            return datetime.strptime(str(text), form).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
        except ValueError:
            continue
    return "2026-01-01T00:00:00Z"


def converted(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        row = json.loads(line)
        yield {
            "key": row["id"],
            "title": row["title"] or "(no title)",
            "body": row["body"] or "",
            "status": STATES.get(str(row["status"]).lower(), str(row["status"] or "open")),
            "priority": row["priority"],
            "created_at": iso(row["created"]),
            "updated_at": iso(row["created"]),
        }


def all_claims(value: Any) -> Iterator[dict[str, Any]]:
    """Every claim anywhere in a document."""
    if isinstance(value, dict):
        if "citations" in value and "text" in value:
            yield value
        for part in value.values():
            yield from all_claims(part)
    elif isinstance(value, list):
        for part in value:
            yield from all_claims(part)


def source_lines(ref: str, kind: str, ticket: dict[str, Any], corpus: Path, source: str) -> list[str] | None:
    """The lines that a citation of this ticket's session counts from 1; None if there is no such source here."""
    if kind == "entry":
        own = ticket["ref"].partition(":")[2]
        if ref == f"{own}#0":
            return [ticket["title"], *ticket["body"].split("\n")]
        for entry in ticket["timeline"]:
            if entry["id"] == ref:
                return list(entry["text"].split("\n"))
        return None
    if kind == "doc":
        page = corpus / (ref.removeprefix(f"{source}/") + ".md")
        return (
            page.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").split("\n")
            if page.is_file()
            else None
        )
    return None


def faults(session: dict[str, Any], ticket: dict[str, Any], corpus: Path) -> list[str]:
    """What is wrong with the citations of a session's document, seen from outside."""
    found = []
    for claim in all_claims(session["document"]):
        if claim.get("status") != "unknown" and not claim["citations"]:
            found.append(f"uncited: {claim['text'][:80]}")
        for citation in claim["citations"]:
            lines = source_lines(citation["ref"], citation["kind"], ticket, corpus, "pages")
            if lines is None:
                if citation["kind"] != "tool" and ":" not in citation["ref"]:
                    found.append(f"no such source: {citation['ref']}")
                continue
            start, end = citation["line_start"], citation["line_end"]
            if not 1 <= start <= end <= len(lines) or end - start >= 12:
                found.append(f"span {start}-{end} of {len(lines)} lines: {citation['ref']}")
            elif citation["kind"] == "entry" and citation["quote"] not in "\n".join(lines[start - 1 : end]):
                found.append(f"quote not in {citation['ref']} {start}-{end}: {citation['quote'][:60]!r}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="summarise every Nth ticket")
    parser.add_argument("--data", type=Path, default=Path(PACKAGE_HOME).parent / "shared" / "data")
    wanted = parser.parse_args()
    data = Path(os.environ.get("OPSTUI_TEST_DATA", wanted.data))
    if not data.is_dir():
        sys.exit(f"no real data at {data}: set OPSTUI_TEST_DATA")
    corpus = data / "retrieval" / "corpus"
    with tempfile.TemporaryDirectory() as made, no_workers_left(Path(made)):
        home = Path(made)
        (home / "config.toml").write_text(f'[knowledge.pages]\nkind = "folder"\npath = "{corpus}"\n', encoding="utf-8")
        with open(data / "duplicates" / "tickets.jsonl", encoding="utf-8") as lines:
            begun = time.monotonic()
            report = bring_in(home, converted(lines))
        print(f"import: {report['imported']} in {time.monotonic() - begun:.1f} s, {len(report['errors'])} bad lines")
        begun = time.monotonic()
        indexed = run(home, "knowledge", "index")
        print(f"index: {indexed.stdout.strip() or indexed.stderr.strip()} in {time.monotonic() - begun:.1f} s")
        tickets = answer(home, "ticket", "list", "--limit", "100000")
        picked = tickets[:: wanted.every]
        times: list[float] = []
        verdicts: Counter[str] = Counter()

        def summarise(row: dict[str, Any]) -> None:
            started = time.monotonic()
            done = run(home, "run", "incident-summary", row["ref"], "--runtime", "offline", "--json")
            times.append(time.monotonic() - started)
            if done.returncode:
                verdicts[f"exit {done.returncode}"] += 1
                print(f"{row['ref']}: exit {done.returncode}: {done.stderr.strip()[:200]}")
                return
            ticket = answer(home, "ticket", "show", row["ref"])
            wrong = faults(json.loads(done.stdout), ticket, corpus)
            verdicts["with faults" if wrong else "sound"] += 1
            for fault in wrong[:3]:
                print(f"{row['ref']}: {fault}")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(summarise, picked))
        print(f"{len(picked)} of {len(tickets)} tickets: {dict(verdicts)}")
        print(f"median {statistics.median(times):.2f} s a process")


if __name__ == "__main__":
    main()
