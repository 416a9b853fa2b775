"""What was acknowledged survives ``kill -9``."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from opstui.adapters.sqlite_care import is_sound
from opstui.adapters.stores.record import SqliteRecord
from opstui.core.audit import verify
from opstui.testing.builders import OwnClock

ROUNDS = 50

_WRITER = """
import sys, threading
from opstui.adapters.stores.record import SqliteRecord
from opstui.core.audit import AuditEntry
from opstui.testing import builders as make

store = SqliteRecord(sys.argv[1], clock=make.OwnClock())
said = threading.Lock()

def work(name):
    for number in range(1_000_000):
        draft = make.draft(f"{sys.argv[2]}-{name}-{number}", note="x" * 500)
        def put(writer):
            writer.put_draft(draft, expected_rev=None)
            writer.put_push(make.push(draft.id, draft=draft.id))
            writer.add_audit(AuditEntry(at=make.START, operator="ana", actor="operator", action="a", draft=draft.id))
        store.write(put)
        with said:
            print(draft.id, flush=True)

threading.Thread(target=work, args=("b",), daemon=True).start()
work("a")
"""


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    """Fifty processes are killed at random moments while two of their threads write."""
    path = tmp_path / "record.db"
    chance = random.Random(11)
    acknowledged: list[str] = []
    for round_number in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(round_number)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged.append(writer.stdout.readline().strip())
            time.sleep(chance.random() * 0.05)
            writer.kill()
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    store = SqliteRecord(path, clock=OwnClock())
    kept = {draft.id for draft in store.drafts(limit=1_000_000)}
    sent = {push.id for push in store.pushes(limit=1_000_000)}
    audit = store.audit(limit=1_000_000)
    store.close()
    assert len(acknowledged) >= ROUNDS
    assert set(acknowledged) <= kept
    # Each transaction is there whole or not at all.
    assert kept == sent == {row.draft for row in audit}
    assert verify(audit).ok
    assert is_sound(path)
