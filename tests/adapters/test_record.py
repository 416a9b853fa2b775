"""The record store where it is SQLite's: restored backups, other processes, read-only."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.stores.record_reading import LEDGER, ledger_values
from opstui.adapters.stores.record_schema import STEPS
from opstui.core.audit import AuditEntry
from opstui.core.codec import encode
from opstui.core.drafts import DraftState, StepState
from opstui.core.errors import ReadOnly, StoreDamaged
from opstui.core.ports import LimitRaise, RecordWriter
from opstui.core.sessions import Usage
from opstui.testing import builders as make

Open = Callable[..., SqliteRecord]


@pytest.fixture
def open_it(tmp_path: Path) -> Iterator[Open]:
    opened: list[SqliteRecord] = []
    clock = make.OwnClock()

    def open_record(**more: bool) -> SqliteRecord:
        clock.advance(seconds=1)
        opened.append(SqliteRecord(tmp_path / "record.db", clock=clock, **more))
        return opened[-1]

    yield open_record
    for record in opened:
        record.close()


def test_a_file_of_the_first_step_keeps_all_it_holds(open_it: Open, tmp_path: Path) -> None:
    """As an earlier version left it: its ledger knows nothing of hour-long cache writes, and no shift was raised."""
    old = Database(tmp_path / "record.db", full_sync=True, now=lambda: make.START.timestamp())
    old.migrate("record", STEPS[:1], backup=False)

    def fill(connection: apsw.Connection) -> None:
        columns = LEDGER.removesuffix(", cache_write_long_tokens")
        for row in (make.usage("s1:a", reported=5), make.usage("s1:b", at=make.START + timedelta(hours=1), model="m")):
            values = ledger_values(row)[:-1]
            connection.execute(f"INSERT INTO ledger({columns}) VALUES ({', '.join('?' * len(values))})", values)

    old.write(fill)
    old.close()
    record = open_it()
    rows = record.usage_of("s1")
    assert rows == [make.usage("s1:a", reported=5), make.usage("s1:b", at=make.START + timedelta(hours=1), model="m")]
    more = make.usage("s1:c", usage=Usage(cache_write_tokens=5, cache_write_long_tokens=5))
    record.write(lambda writer: writer.add_usage(more))
    assert record.usage_of("s1") == [*rows, more]
    raised = LimitRaise(shift="day", limit=1, operator="ana", reason="x", at=make.START)
    record.write(lambda writer: writer.put_limit_raise(raised))
    assert record.limit_raise("day") == raised
    record.close()
    assert open_it().usage_of("s1") == [*rows, more]


def test_an_outbox_of_the_second_step_goes_on_and_a_copy_of_it_stays(open_it: Open, tmp_path: Path) -> None:
    """As an earlier version left it: its rows know neither steps nor, outside their content, their ticket."""
    old = Database(tmp_path / "record.db", full_sync=True, now=lambda: make.START.timestamp())
    old.migrate("record", STEPS[:2], backup=False)
    push = make.push("op-d1", step=StepState.UNKNOWN, attempts=1, sent_at=make.START)
    content = encode(push)
    for name in ("steps", "at", "started", "accepted", "failures", "notes"):
        del content[name]

    def fill(connection: apsw.Connection) -> None:
        connection.execute(
            "INSERT INTO outbox(id, draft, system, step, done, content) VALUES (?, ?, ?, ?, ?, ?)",
            (push.id, push.draft, push.system, push.step.value, 0, json.dumps(content)),
        )

    old.write(fill)
    old.close()
    record = open_it()
    assert record.pushes(ticket=push.ticket, unfinished=True) == [push]
    assert len(list((tmp_path / "backups").glob("record-*.db"))) == 1


def _approve(writer: RecordWriter) -> None:
    writer.put_draft(make.draft("d1", state=DraftState.APPROVED), expected_rev=None)
    writer.put_draft(make.draft("d2", state=DraftState.PUSHING), expected_rev=None)
    writer.put_draft(make.draft("d3", state=DraftState.EDITED), expected_rev=None)
    writer.put_push(make.push("op-d1", draft="d1"))
    writer.put_push(make.push("op-d2", draft="d2", step=StepState.SENDING))


def test_after_a_restore_nothing_approved_is_sent_without_being_looked_at(open_it: Open, tmp_path: Path) -> None:
    record = open_it()
    record.write(_approve)
    record.database.back_up()
    record.close()
    (tmp_path / "record.db").write_bytes(b"ruined" * 4096)
    record = open_it()
    assert "restored" in record.problem
    assert {draft.id: draft.state for draft in record.drafts()} == {
        "d1": DraftState.NEEDS_HUMAN,
        "d2": DraftState.NEEDS_HUMAN,
        "d3": DraftState.EDITED,
    }
    assert record.pushes(unfinished=True) == []
    assert {push.step for push in record.pushes()} == {StepState.UNKNOWN}


def test_audit_rows_can_be_neither_changed_nor_deleted(open_it: Open) -> None:
    record = open_it()
    entry = AuditEntry(at=make.START, operator="ana", actor="operator", action="x")
    record.write(lambda writer: writer.add_audit(entry))

    def change(connection: apsw.Connection) -> None:
        connection.execute("UPDATE audit SET hash = 'x'")

    def delete(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM audit")

    for work in (change, delete):
        with pytest.raises(StoreDamaged):
            record.database.write(work)
    assert record.audit_head()[0] == 1


def test_a_read_only_store_reads_and_refuses(open_it: Open) -> None:
    open_it().write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))
    reader = open_it(read_only=True)
    assert reader.draft("d1") is not None
    with pytest.raises(ReadOnly):
        reader.write(lambda writer: writer.put_session(make.session()))
    with pytest.raises(ReadOnly):
        reader.prune(make.START)


def test_half_a_character_pair_that_was_typed_is_kept(open_it: Open) -> None:
    record = open_it()
    saved = record.write(lambda writer: writer.put_draft(make.draft(note="half \ud83d a pair"), expected_rev=None))
    assert record.draft("d1") == saved
    assert record.draft("\udc80") is None


def test_a_draft_saved_by_two_processes_is_stale_for_one_of_them(open_it: Open, tmp_path: Path) -> None:
    """Both start from the same revision, two hundred times; each revision is won exactly once."""
    record = open_it()
    record.write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))
    racers = [
        subprocess.Popen([sys.executable, "-c", _RACER, str(tmp_path / "record.db")], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    wins = [int(racer.communicate()[0]) for racer in racers]
    draft = record.draft("d1")
    assert draft is not None
    assert draft.rev == 1 + sum(wins)
    assert [ring.rev for ring in record.bell.rings(0)] == list(range(1, draft.rev + 1))


_RACER = """
import dataclasses, sys
from opstui.adapters.stores.record import SqliteRecord
from opstui.core.errors import StaleRevision
from opstui.testing.builders import OwnClock
record = SqliteRecord(sys.argv[1], clock=OwnClock())
wins = 0
for _ in range(200):
    draft = record.draft("d1")
    try:
        record.write(lambda writer: writer.put_draft(draft, expected_rev=draft.rev))
        wins += 1
    except StaleRevision:
        pass
print(wins)
record.close()
"""


def test_a_session_holds_a_large_document(open_it: Open) -> None:
    record = open_it()
    document = {"claims": [{"text": "x" * 280, "n": number} for number in range(1000)]}
    session = record.write(lambda writer: writer.put_session(make.session(document=document)))
    assert record.session("s1") == session
    assert dataclasses.replace(session, rev=0) == make.session(document=document, rev=0)
