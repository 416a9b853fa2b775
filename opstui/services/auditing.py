"""Reading back what was recorded: the audit chain, and the program's own log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from opstui.core.audit import AuditRecord, verify
from opstui.core.desk import AuditHealth
from opstui.core.ports import RecordStore
from opstui.core.text import SafeText, clean_line

PAGE = 2000


def chain(record: RecordStore) -> Iterator[AuditRecord]:
    """Every row, oldest first, a page at a time."""
    after = 0
    while page := record.audit(after=after, limit=PAGE):
        yield from page
        after = page[-1].seq


def verify_chain(record: RecordStore) -> AuditHealth:
    """Recompute every hash, and look for the heads that pushes were sealed with: a chain cut short is broken too."""
    heads = [push.audit_head for push in record.pushes(limit=1_000_000)]
    verdict = verify(chain(record), heads=heads)
    return AuditHealth(ok=verdict.ok, rows=verdict.rows, first_broken=verdict.first_broken, reason=verdict.reason)


def tail_of(log_file: Path, count: int) -> tuple[SafeText, ...]:
    """The newest ``count`` lines of the log, oldest first, as ``time level name message``."""
    try:
        with log_file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 400 * count))
            raw = stream.read().splitlines()[-count:]
    except OSError:
        return ()
    found = []
    for line in raw:
        try:
            row = json.loads(line)
            text = f"{row.get('at', '')} {row.get('level', '')} {row.get('name', '')} {row.get('text', '')}"
        except (ValueError, AttributeError, RecursionError):
            text = line.decode("utf-8", "replace")
        found.append(clean_line(text))
    return tuple(found)
