"""The embedded ticket system beyond its port: history, statuses, several processes, a full disk."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.adapters.tickets.local_desk import LocalDesk
from opstui.core.errors import Conflict, NotFound, Refused, StoreFull
from opstui.core.ports import Cursor, Update
from opstui.core.queues import Queue
from opstui.core.tickets import EntryKind, StatusCategory, Ticket, Visibility
from opstui.testing import builders as make

QUEUE = Queue("*", "local")


def open_desk(folder: Path, **more: object) -> LocalTickets:
    given = {"name": "local", "operator": "ana", "clock": make.OwnClock(), "randomness": make.OwnRandomness()}
    return LocalTickets(folder / "desk.db", **given | more)  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LocalTickets]:
    desk = open_desk(tmp_path)
    yield desk
    desk.close()


def look(desk: LocalTickets, key: str) -> Ticket:
    return asyncio.run(desk.ticket(key))


def update(desk: LocalTickets, key: str, op_id: str = "op-1", **parts: object) -> Update:
    ticket = look(desk, key)
    given = {"op_id": op_id, "ticket": ticket.ref, "expected_version": ticket.version, "author": "ana"}
    return Update(**given | parts)  # type: ignore[arg-type]


def test_keys_count_from_1001_and_skip_those_that_are_taken(desk: LocalTickets) -> None:
    assert desk.create(title="a") == "INC-1001"
    assert desk.create(title="b", key="INC-1002") == "INC-1002"
    assert desk.create(title="c") == "INC-1003"
    with pytest.raises(Refused):
        desk.create(title="d", key="INC-1002")


def test_another_prefix_can_be_had(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, prefix="OPS")
    assert desk.create(title="a") == "OPS-1001"
    desk.close()


def test_a_desk_keeps_its_origin(tmp_path: Path) -> None:
    first = open_desk(tmp_path)
    second = open_desk(tmp_path, randomness=make.OwnRandomness("another"))
    assert first.origin == second.origin
    assert first.origin.startswith("local:")
    other = open_desk(tmp_path / "other", randomness=make.OwnRandomness("third"))
    assert other.origin != first.origin
    for desk in (first, second, other):
        desk.close()


def test_every_change_of_a_field_is_in_the_history_with_its_author(desk: LocalTickets) -> None:
    key = desk.create(title="disk full", severity="3", tags=("old",), assignees=("ana",))
    changed = {
        "/status": "open", "/severity": "1", "/assignee": ["bo", "cy"], "/team": "dba", "/tags": ["new"],
        "/fields/region": "eu", "/title": "disk very full", "/priority": "P1", "/services": ["db"],
        "/due_at": make.START + timedelta(hours=1),
    }  # fmt: skip
    desk.change(key, "bo", changed, at=make.START)
    ticket = look(desk, key)
    assert [(one.kind.value, one.text) for one in ticket.timeline] == [
        ("status", "new → open"),
        ("field", "severity 3 → 1"),
        ("assign", "assignee ana → bo, cy"),
        ("field", "team – → dba"),
        ("field", "tags +new −old"),
        ("field", "region – → eu"),
        ("field", "title disk full → disk very full"),
        ("field", "priority – → P1"),
        ("field", "services +db"),
        ("field", "due_at – → 2026-03-14T04:00:00Z"),
    ]
    assert {one.author for one in ticket.timeline} == {"bo"}
    assert {one.visibility for one in ticket.timeline} == {Visibility.INTERNAL}
    assert ticket.version == "2"


def test_setting_what_is_there_already_changes_nothing(desk: LocalTickets) -> None:
    key = desk.create(title="a", severity="2", assignees=("ana",))
    before = look(desk, key)
    desk.change(key, "bo", {"/severity": "2", "/assignee": ["ana"], "/status": "new"})
    assert look(desk, key) == before


def test_clearing_a_field_takes_it_away(desk: LocalTickets) -> None:
    key = desk.create(title="a", severity="2", fields={"region": "eu"}, team="dba")
    desk.change(key, "bo", {"/severity": None, "/fields/region": None, "/team": None, "/assignee": []})
    ticket = look(desk, key)
    assert (ticket.severity, ticket.fields, ticket.team) == (None, {}, None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/severity", "5"), ("/severity", 2), ("/severity", True), ("/status", None), ("/status", "nonsense"),
        ("/assignee", "ana"), ("/assignee", [1]), ("/team", ["x"]), ("/fields/", "x"), ("/created_at", "x"),
        ("/title", "x"), ("/tags", ["x"]), ("status", "open"),
    ],
)  # fmt: skip
def test_a_value_that_a_field_cannot_take_is_refused(desk: LocalTickets, path: str, value: object) -> None:
    key = desk.create(title="a")
    with pytest.raises(Refused):
        asyncio.run(desk.send(update(desk, key, fields={path: value}, comment="not to be kept")))
    assert look(desk, key).timeline == ()


def test_statuses_move_only_along_the_allowed_ways(desk: LocalTickets) -> None:
    allowed = {
        "new": {"open", "waiting", "resolved", "closed"},
        "open": {"waiting", "resolved", "closed"},
        "waiting": {"open", "resolved", "closed"},
        "resolved": {"open", "closed"},
        "closed": {"open"},
        "In Progress": {"new", "open", "waiting", "resolved", "closed"},
    }
    for before, after in allowed.items():
        for wanted in (*allowed, "nonsense"):
            key = desk.create(title="a", status=before)
            assert set(asyncio.run(desk.transitions(key))) == after
            if wanted in after or wanted == before:
                desk.change(key, "ana", {"/status": wanted})
                assert look(desk, key).status.raw == wanted
            else:
                with pytest.raises(Refused):
                    desk.change(key, "ana", {"/status": wanted})


def test_an_unknown_status_counts_as_open(desk: LocalTickets) -> None:
    assert look(desk, desk.create(title="a", status="In Progress")).status.category is StatusCategory.OPEN
    assert look(desk, desk.create(title="a", status="Resolved")).status.category is StatusCategory.RESOLVED


def test_a_comment_is_stored_as_given_with_its_op_id_beside(desk: LocalTickets) -> None:
    key = desk.create(title="a")
    text = "  two spaces\n\n\ttab, “quotes”, 漢字, [opstui:01J…]\n"
    sent = asyncio.run(desk.send(update(desk, key, op_id="01J", comment=text, public=True, fields={"/status": "open"})))
    comment, status = look(desk, key).timeline
    assert (comment.text, comment.kind, comment.visibility) == (text, EntryKind.COMMENT, Visibility.PUBLIC)
    assert comment.op_id == status.op_id == "01J"
    assert sent.remote_id == comment.id == asyncio.run(desk.find(key, "01J"))


def test_an_update_that_finds_nothing_to_change_is_applied_all_the_same(desk: LocalTickets) -> None:
    key = desk.create(title="a", severity="2")
    asyncio.run(desk.send(update(desk, key, op_id="01J", fields={"/severity": "2"})))
    assert asyncio.run(desk.find(key, "01J")) == f"{key}#0"


def test_an_op_id_is_found_only_on_its_own_ticket(desk: LocalTickets) -> None:
    one, two = desk.create(title="a"), desk.create(title="b")
    asyncio.run(desk.send(update(desk, one, op_id="01J", comment="x")))
    assert asyncio.run(desk.find(two, "01J")) is None


def test_attached_bytes_come_back(desk: LocalTickets) -> None:
    key = desk.create(title="a")
    sha256 = desk.attach(key, "bo", "../../evil\x1b.txt", b"\x00\xff")
    (attached,) = look(desk, key).attachments
    assert desk.attachment(sha256) == b"\x00\xff"
    assert "\x1b" not in attached.name
    assert look(desk, key).timeline[0].kind is EntryKind.ATTACH


def test_foreign_text_is_clean_once_it_is_in(desk: LocalTickets) -> None:
    key = desk.create(
        title="a\x1b]52;c;x\x07", body="b\u202ec", tags=("t\x00",), fields={"f\x9b": "v\x1b"}, team="x\ny"
    )
    desk.comment(key, "eve\x1b[2J", "c\x9d")
    text = repr(look(desk, key))
    for bad in ("\\x1b", "\\x07", "\\u202e", "\\x00", "\\x9b", "\\x9d"):
        assert bad not in text


def test_changes_given_together_come_all_or_not_at_all(desk: LocalTickets) -> None:
    def work(inside: LocalDesk) -> None:
        key = inside.create(title="a")
        inside.comment(key, "bo", "x")
        inside.change("INC-9999", "bo", {"/severity": "1"})

    with pytest.raises(NotFound):
        desk.together(work)
    assert desk.count() == 0


def test_what_changed_comes_in_pages_oldest_change_first(desk: LocalTickets) -> None:
    desk.together(lambda inside: [inside.create(title=str(number)) for number in range(1_200)])
    desk.comment("INC-1001", "bo", "now the newest")
    seen: list[str] = []
    cursor, complete, pages = None, False, 0
    while not complete:
        changes = asyncio.run(desk.changed_since(QUEUE, cursor))
        seen += [ticket.ref.key for ticket in changes.tickets]
        cursor, complete, pages = changes.cursor, changes.complete, pages + 1
    assert pages == 3
    assert seen == [f"INC-{number}" for number in range(1002, 2201)] + ["INC-1001"]


@pytest.mark.parametrize("value", ["", "x", "other:5", ":", "other:", "-1", "9" * 50])
def test_a_cursor_of_another_desk_starts_again(desk: LocalTickets, value: str) -> None:
    desk.create(title="a")
    changes = asyncio.run(desk.changed_since(QUEUE, Cursor(value)))
    assert (len(changes.tickets), changes.anew) == (1, True)
    assert not asyncio.run(desk.changed_since(QUEUE, changes.cursor)).anew


def test_a_cursor_ahead_of_a_restored_desk_starts_again(desk: LocalTickets) -> None:
    desk.create(title="a")
    ahead = Cursor(f"{desk.origin.removeprefix('local:')}:99")
    changes = asyncio.run(desk.changed_since(QUEUE, ahead))
    assert (len(changes.tickets), changes.anew) == (1, True)


def test_an_empty_desk_is_empty_again_and_again(desk: LocalTickets) -> None:
    first = asyncio.run(desk.changed_since(QUEUE, None))
    again = asyncio.run(desk.changed_since(QUEUE, first.cursor))
    assert (first.anew, again.anew, again.tickets) == (False, False, ())


def test_two_processes_change_tickets_and_a_third_misses_nothing(desk: LocalTickets, tmp_path: Path) -> None:
    """Each change is seen by its cursor, and of two updates on one version one conflicts."""
    key = desk.create(title="a")
    cursor = asyncio.run(desk.changed_since(QUEUE, None)).cursor
    racers = [
        subprocess.Popen([sys.executable, "-c", _RACER, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
        for name in ("ana", "bo")
    ]
    seen: set[str] = set()
    while any(racer.poll() is None for racer in racers):
        changes = asyncio.run(desk.changed_since(QUEUE, cursor))
        cursor = changes.cursor
        seen |= {entry.text for ticket in changes.tickets for entry in ticket.timeline}
        seen |= {str(ticket.title) for ticket in changes.tickets}
    applied = sum(int(racer.communicate()[0]) for racer in racers)
    changes = asyncio.run(desk.changed_since(QUEUE, cursor))
    seen |= {entry.text for ticket in changes.tickets for entry in ticket.timeline}
    seen |= {str(ticket.title) for ticket in changes.tickets}
    ticket = look(desk, key)
    assert len(ticket.timeline) == applied == int(ticket.version) - 1
    assert {entry.text for entry in ticket.timeline} <= seen
    assert {f"made by {name} {number}" for name in ("ana", "bo") for number in range(60)} <= seen
    assert desk.count() == 121


_RACER = """
import asyncio, sys
from pathlib import Path
from opstui.adapters.tickets.local import LocalTickets
from opstui.core.errors import Conflict
from opstui.core.ports import Update
from opstui.testing.builders import OwnClock, OwnRandomness
name = sys.argv[2]
desk = LocalTickets(
    Path(sys.argv[1]) / "desk.db", name="local", operator=name, clock=OwnClock(), randomness=OwnRandomness())
applied = 0
for number in range(60):
    desk.create(title=f"made by {name} {number}")
    ticket = asyncio.run(desk.ticket("INC-1001"))
    update = Update(op_id=f"{name}-{number}", ticket=ticket.ref, expected_version=ticket.version,
                    comment=f"{name} says {number}", author=name)
    try:
        asyncio.run(desk.send(update))
        applied += 1
    except Conflict:
        pass
print(applied)
desk.close()
"""


def test_a_quiet_desk_does_not_stir_and_another_process_stirs_it(desk: LocalTickets, tmp_path: Path) -> None:
    assert desk.stirred()
    assert not desk.stirred()
    other = open_desk(tmp_path)
    assert not desk.stirred()
    other.create(title="a")
    other.close()
    assert desk.stirred()
    assert not desk.stirred()


def test_a_full_disk_applies_nothing(desk: LocalTickets) -> None:
    key = desk.create(title="a")
    before = look(desk, key)
    desk.database.write(lambda connection: connection.execute("PRAGMA max_page_count=1").fetchall())
    with pytest.raises(StoreFull):
        asyncio.run(desk.send(update(desk, key, comment="x" * 100_000, fields={"/severity": "1"})))
    assert look(desk, key) == before
    assert asyncio.run(desk.find(key, "op-1")) is None


def test_a_conflict_says_both_versions(desk: LocalTickets) -> None:
    key = desk.create(title="a")
    late = update(desk, key, comment="x")
    desk.comment(key, "bo", "meanwhile")
    with pytest.raises(Conflict) as caught:
        asyncio.run(desk.send(late))
    assert (caught.value.theirs, caught.value.ours) == ("2", "1")


def test_a_read_only_desk_makes_no_file(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, read_only=True)
    assert asyncio.run(desk.changed_since(QUEUE, None)).tickets == ()
    assert [probe.state for probe in desk.probe()] == ["pass"]
    desk.close()
    assert list(tmp_path.iterdir()) == []
