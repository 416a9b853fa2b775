"""Import: good lines are kept, bad ones are named with their number and reason."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.tickets import local_import
from opstui.adapters.tickets.local import LocalTickets
from opstui.adapters.tickets.local_import import import_file
from opstui.core.errors import UsageError
from opstui.core.text import BODY_LIMIT
from opstui.core.tickets import StatusCategory, Ticket
from opstui.testing import builders as make

GOOD: dict[str, Any] = {
    "key": "OPS-7",
    "title": "checkout is slow",
    "body": "since noon",
    "status": "In Progress",
    "severity": 2,
    "priority": "P2",
    "assignee": "ana",
    "services": ["pay"],
    "tags": ["db", "eu"],
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-03T00:00:00+01:00",
    "timeline": [
        {"at": "2026-01-02T05:00:00Z", "author": "bo", "kind": "comment", "text": "later one", "visibility": "public"},
        {"at": "2026-01-02T04:00:00Z", "author": "cy", "kind": "status", "text": "earlier one"},
    ],
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LocalTickets]:
    desk = LocalTickets(
        tmp_path / "desk.db", name="local", operator="ana", clock=make.OwnClock(), randomness=make.OwnRandomness()
    )
    yield desk
    desk.close()


def look(desk: LocalTickets, key: str) -> Ticket:
    return asyncio.run(desk.ticket(key))


def lines(*given: Any) -> list[str]:
    return [json.dumps(one) for one in given]


def test_a_line_becomes_a_ticket_with_its_times_and_its_order(desk: LocalTickets) -> None:
    assert desk.import_lines(lines(GOOD)).imported == 1
    ticket = look(desk, "OPS-7")
    assert (ticket.title, ticket.body, ticket.severity, ticket.priority) == (
        "checkout is slow",
        "since noon",
        "2",
        "P2",
    )
    assert (ticket.status.raw, ticket.status.category) == ("In Progress", StatusCategory.OPEN)
    assert (ticket.assignees, ticket.services, ticket.tags) == (("ana",), ("pay",), ("db", "eu"))
    assert ticket.created_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert ticket.updated_at.isoformat() == "2026-01-02T23:00:00+00:00"
    assert [(one.id, one.text, one.visibility.value) for one in ticket.timeline] == [
        ("OPS-7#1", "later one", "public"),
        ("OPS-7#2", "earlier one", "unknown"),
    ]


def test_an_imported_ticket_may_move_to_any_known_status(desk: LocalTickets) -> None:
    desk.import_lines(lines(GOOD))
    assert set(asyncio.run(desk.transitions("OPS-7"))) == {"new", "open", "waiting", "resolved", "closed"}


def test_identical_lines_are_skipped(desk: LocalTickets) -> None:
    nameless = {"title": "no key", "body": "x"}
    first = desk.import_lines(lines(GOOD, nameless, GOOD))
    again = desk.import_lines(lines(GOOD, nameless))
    assert (first.imported, first.skipped, again.imported, again.skipped) == (2, 1, 0, 2)
    assert desk.count() == 2


def test_a_line_taken_in_before_is_skipped_though_the_ticket_went_on(desk: LocalTickets) -> None:
    desk.import_lines(lines(GOOD))
    desk.comment("OPS-7", "ana", "working on it")
    assert desk.import_lines(lines(GOOD)).skipped == 1
    assert len(look(desk, "OPS-7").timeline) == 3


def test_a_different_line_is_bad_unless_it_may_update(desk: LocalTickets) -> None:
    desk.import_lines(lines(GOOD))
    other = {**GOOD, "title": "checkout is down", "severity": "1"}
    refused = desk.import_lines(lines(other))
    assert refused.imported == 0
    assert refused.errors == ((1, "OPS-7 exists and is different (severity, title): --update replaces it"),)
    assert look(desk, "OPS-7").title == "checkout is slow"
    assert desk.import_lines(lines(other), update=True).imported == 1
    assert (look(desk, "OPS-7").title, look(desk, "OPS-7").severity) == ("checkout is down", "1")


def test_an_update_adds_entries_and_takes_none_away(desk: LocalTickets) -> None:
    desk.import_lines(lines(GOOD))
    desk.comment("OPS-7", "ana", "ours")
    more = {"at": "2026-01-04T00:00:00Z", "author": "bo", "kind": "reply", "text": "new"}
    desk.import_lines(lines({**GOOD, "timeline": [*GOOD["timeline"], more]}), update=True)
    assert [one.text for one in look(desk, "OPS-7").timeline] == ["later one", "earlier one", "ours", "new"]
    assert (
        desk.import_lines(lines({"key": "OPS-7", "title": "checkout is slow", "body": "b"}), update=True).imported == 1
    )
    assert look(desk, "OPS-7").severity == "2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "not an object"),
        ("3", "not an object"),
        ("{", "not JSON"),
        ("nonsense", "not JSON"),
        ('{"title": "a"} trailing', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ("[" * 100_000, "nested"),
        ('{"a":' * 100_000, "nested"),
        ('{"title": "a", "n": ' + "9" * 5_000 + "}", "digits"),
        ("{}", "title is missing"),
        ('{"title": null}', "title is missing"),
        ('{"title": 1}', "title must be a string"),
        ('{"title": "a", "body": []}', "body must be a string"),
        ('{"title": "a", "severity": 5}', "severity must be"),
        ('{"title": "a", "severity": true}', "severity must be"),
        ('{"title": "a", "severity": 2.0}', "severity must be"),
        ('{"title": "a", "severity": NaN}', "severity must be"),
        ('{"title": "a", "severity": [1]}', "severity must be"),
        ('{"title": "a", "status": 1}', "status must be a string"),
        ('{"title": "a", "assignee": ["x"]}', "assignee must be a string"),
        ('{"title": "a", "tags": "x"}', "tags must be a list"),
        ('{"title": "a", "services": [1]}', "services must be a list"),
        ('{"title": "a", "key": 7}', "key must be a string"),
        ('{"title": "a", "key": ""}', "key can't"),
        ('{"title": "a", "key": "A B"}', "key can't"),
        ('{"title": "a", "key": "A\\u001b"}', "key can't"),
        ('{"title": "a", "created_at": "yesterday"}', "created_at must be a time"),
        ('{"title": "a", "created_at": 5}', "created_at must be a string"),
        ('{"title": "a", "created_at": "0001-01-01T00:00:00+14:00"}', "created_at must be a time"),
        ('{"title": "a", "timeline": {}}', "timeline must be a list"),
        ('{"title": "a", "timeline": ["x"]}', "timeline entry 1 must be an object"),
        ('{"title": "a", "timeline": [{"text": "x"}]}', "timeline entry 1: at is missing"),
        (
            '{"title": "a", "timeline": [{"at": "2026-01-01", "kind": "shout"}]}',
            "timeline entry 1: kind must be one of",
        ),
        ('{"title": "a", "timeline": [{"at": "2026-01-01", "visibility": "all"}]}', "visibility must be one of"),
        ('{"title": "a", "timeline": [{"at": "2026-01-01", "text": 7}]}', "timeline entry 1: text must be a string"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_around_it_are_kept(
    desk: LocalTickets, line: str | bytes, reason: str
) -> None:
    report = desk.import_lines([*lines({"title": "before"}), line, "", *lines({"title": "after"})])
    assert (report.imported, report.skipped) == (2, 0)
    ((number, said),) = report.errors
    assert number == 2
    assert reason in said


def test_a_body_of_ten_megabytes_is_cut_and_says_so(desk: LocalTickets) -> None:
    assert desk.import_lines(lines({"key": "A-1", "title": "big", "body": "x" * 10_000_000})).imported == 1
    body = look(desk, "A-1").body
    assert len(body) <= BODY_LIMIT
    assert "cut: 8" in body


def test_hostile_text_is_imported_and_clean(desk: LocalTickets, shared_data: Path) -> None:
    with gzip.open(shared_data / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [value for line in file for value in json.loads(line).values() if isinstance(value, str)]
    comment = {"at": "2026-01-01T00:00:00Z", "kind": "comment"}
    given = [
        {
            "key": f"H-{n}",
            "title": text,
            "body": text,
            "tags": [text],
            "timeline": [{**comment, "author": text, "text": text}],
        }
        for n, text in enumerate(texts)
    ]
    report = desk.import_lines(lines(*given))
    assert (report.imported, report.errors) == (len(texts), ())
    for number in range(len(texts)):
        ticket = look(desk, f"H-{number}")
        for text in (ticket.title, ticket.body, *ticket.tags, ticket.timeline[0].author, ticket.timeline[0].text):
            assert not any((char < " " and char not in "\n\t") or "\x7f" <= char <= "\x9f" for char in text)


def test_a_file_is_read_with_any_line_ends_and_a_byte_order_mark(desk: LocalTickets, tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines({"title": "a"}, {"title": "b"})).encode())
    assert import_file(desk, str(file), update=False).imported == 2


def test_a_file_that_cannot_be_read_is_named(desk: LocalTickets, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(UsageError, match="can't be read"):
            import_file(desk, str(path), update=False)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that opens and can't be read")
def test_a_file_that_fails_on_the_way_says_what_is_kept(desk: LocalTickets) -> None:
    with pytest.raises(UsageError, match=r"to its end .* are imported"):
        import_file(desk, "/proc/self/mem", update=False)


def test_of_an_endless_line_no_more_is_read_than_a_line_may_have(
    desk: LocalTickets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_import, "LINE_BYTES", 1024)
    file = tmp_path / "tickets.jsonl"
    file.write_text('{"title": "' + "x" * 10_000 + '"}\n{"title": "short"}\n')
    report = import_file(desk, str(file), update=False)
    assert (report.imported, [line for line, _ in report.errors]) == (1, [1])


def test_ten_thousand_tickets_take_a_few_seconds(desk: LocalTickets) -> None:
    """Processor time of all threads; about one second."""
    comment = {"at": "2026-01-01T00:00:00Z", "author": "bo", "kind": "comment", "text": "looked at it " * 10}
    given = lines(
        *(
            {"key": f"B-{n}", "title": f"ticket {n}", "body": "words " * 50, "timeline": [comment]}
            for n in range(10_000)
        )
    )
    before = time.process_time()
    assert desk.import_lines(given).imported == 10_000
    assert time.process_time() - before < 10
