"""Labelled texts as tickets of sessions with a model: ``python -m tests.bench.redaction_leaks FOLDER [--every N]``.

FOLDER holds ``*.jsonl.gz`` with labelled spans. Each text is the body of a ticket that a managed and a messages session
work on. Afterwards no value that the rules cover may be in any request that the stand-in got, nor in any file of the
home but the ticket store's own (which is where it belongs), and the key in nothing but its header.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opstui.core.redaction import Span
from opstui.core.text import clean
from opstui.rehearsal.faults import Received
from opstui.rehearsal.service import Rehearsal
from tests.adapters.redaction.measure import POSITIVE, leaks, measure, records
from tests.bench.desks import KEY, new_ticket, opened, run_session, runtime_table

SHORTEST = 6
"""A shorter value may stand anywhere by chance."""
TICKET_STORE = ("desk.db", "cache.db", "desk-")
"""Tickets as they are, and their backups."""
RUNTIMES = ("managed", "desk")
WORKFLOWS = ("incident-summary", "escalation-package")


@dataclass(frozen=True)
class Needle:
    """Something that must not be found."""

    text: str
    kind: str
    record: str
    is_personal: bool


def needles_of(record: dict[str, Any], spans: Sequence[Span]) -> Iterator[Needle]:
    """The labelled values of a text that the rules cover, line by line; not what stands uncovered elsewhere in it."""
    text = record["text"]
    covered = {at for span in spans for at in range(span.start, span.end)}
    rest = "".join("\0" if at in covered else char for at, char in enumerate(text))
    for label in record["spans"]:
        start, end = label["start"], label["end"]
        if label["cls"] not in POSITIVE or (label["cls"] != "secret_line" and leaks(start, end, covered)):
            continue
        for span in spans:
            part = text[max(start, span.start) : min(end, span.end)]
            for line in str(clean(part)).split("\n"):
                value = line.strip()
                if len(value) >= SHORTEST and value not in rest:
                    yield Needle(
                        value, label["kind"], record["id"], label["cls"] == "pii" or "ip_public" in label["kind"]
                    )


def strings(value: Any) -> Iterator[str]:
    """Every string in what JSON held."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def all_of(request: Received) -> str:
    """A request's address and body, as sent and as read."""
    body = request.body.decode("utf-8", "replace")
    return "\n".join([request.path, str(request.query), body, *strings(request.json)])


def in_files(home: Path) -> Iterator[tuple[str, str]]:
    """Every file but the ticket store's, as bytes are and, of a database, as rows are."""
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.name.startswith(TICKET_STORE):
            continue
        data = path.read_bytes()
        yield str(path.relative_to(home)), data.decode("utf-8", "replace")
        if data.startswith(b"SQLite format 3"):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as rows:
                for (table,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    held = [
                        cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
                        for row in rows.execute(f'SELECT * FROM "{table}"')
                        for cell in row
                    ]
                    read = [text for cell in held if cell[:1] in "{[" for text in strings(_parsed(cell))]
                    yield f"{path.name}: {table}", "\n".join([*held, *read])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every Nth text")
    wanted = parser.parse_args()
    texts = list(records(wanted.folder))[:: wanted.every]
    needles: list[Needle] = []
    sent: list[str] = []
    states: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made, Rehearsal(key=KEY) as service:
        home = Path(made)
        tables = [
            runtime_table("managed", "managed-agents", service.url, "claude-sonnet-5-5"),
            runtime_table("desk", "messages", service.url, "claude-sonnet-5-5"),
        ]
        with opened(home, tables) as (setup, desk):
            for number, record in enumerate(texts):
                mine = list(needles_of(record, setup.redactor.spans(record["text"])))
                needles += mine
                ref = new_ticket(setup, desk, {"title": f"Labelled text {number}", "body": record["text"]})
                for runtime in RUNTIMES:
                    before = len(service.requests)
                    session = run_session(desk, ref, runtime, workflow=WORKFLOWS[number % 2])
                    states[f"{runtime} {session.status}{' with a document' if session.document else ''}"] += 1
                    said = "\n".join(all_of(request) for request in service.requests[before:])
                    sent += [f"{one.kind} of {one.record}: {one.text[:80]!r}" for one in mine if one.text in said]
        kept, personal = Counter[str](), Counter[str]()
        examples: list[str] = []
        for name, content in in_files(home):
            for one in needles:
                if one.text in content and one.is_personal:
                    personal[name] += 1
                elif one.text in content:
                    kept[name] += 1
                    examples.append(f"{name}: {one.kind} of {one.record}: {one.text[:60]!r}")
            if KEY in content:
                kept[f"the key in {name}"] += 1
        heads = [
            request.path for request in service.requests if KEY in all_of(request) or KEY in str(_but_the_key(request))
        ]
    print(f"{len(texts)} texts, {len(service.requests)} requests, {time.monotonic() - began:.0f} s; {dict(states)}")
    secrets = sum(not one.is_personal for one in needles)
    print(f"covered: {secrets} secrets, {len(needles) - secrets} personal; in requests {len(sent)}; key {len(heads)}")
    print(f"secrets in files: {dict(kept)}; personal data, which waiting drafts hold: {dict(personal)}")
    print("\n".join([*sent[:40], *examples[:20]]))
    figures = measure(wanted.folder)
    for cls in dict.fromkeys(cls for cls, _ in figures.seen):
        count = sum(number for (one, _), number in figures.seen.items() if one == cls)
        print(f"{'covered' if cls in POSITIVE else 'left alone'}: {cls} {figures.rate(cls):.2%} of {count}")
    print(f"{figures.ms_per_kb:.3f} ms/KB")


def _but_the_key(request: Received) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "authorization"}


if __name__ == "__main__":
    main()
