from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opstui.core.checks.atoms import AtomKind, Evidence, claimed_atoms, identifiers, shared_identifiers
from tests.core.real_input import build


def absent(claim: str, *lines: str, at: datetime | None = None, names: tuple[str, ...] = ()) -> list[str]:
    """What a claim says that these source lines do not."""
    evidence = Evidence(lines, [at] if at else [], names)
    return [atom.text.strip() for atom in claimed_atoms(claim) if not evidence.holds(atom)]


def test_an_edited_date_is_noticed_although_its_clock_stands_in_the_source() -> None:
    """The first of two faults that were found while the checks were calibrated."""
    assert absent("It failed at 2026-04-18 10:45.", "2026-04-18 10:45 failed") == []
    assert absent("It failed at 2026-04-19 10:45.", "2026-04-18 10:45 failed") != []


@pytest.mark.parametrize(("claim", "line"), [("down at 8:35", "08:35 down"), ("down at 08:35", "8:35 down")])
def test_a_clock_with_and_without_a_leading_zero_is_the_same(claim: str, line: str) -> None:
    """The second of them."""
    assert absent(claim, line) == []


def test_date_and_clock_must_stand_on_one_line() -> None:
    lines = ("2026-04-18 deploy done", "2026-04-19 10:45 failed")
    assert absent("It failed on 2026-04-18 at 10:45.", *lines) != []
    assert absent("It failed on 2026-04-19 at 10:45.", *lines) == []


def test_a_clock_on_a_line_takes_its_date_from_the_entry_it_stands_in() -> None:
    at = datetime(2026, 4, 18, 11, 2, tzinfo=UTC)
    assert absent("It failed at 2026-04-18 10:45.", "failed at 10:45", at=at) == []
    assert absent("It failed at 2026-04-17 10:45.", "failed at 10:45", at=at) != []


def test_the_time_of_an_entry_counts_although_no_line_names_it() -> None:
    at = datetime(2026, 4, 18, 11, 2, 30, tzinfo=UTC)
    assert absent("At 11:02 the pod was restarted.", "restarted the pod", at=at) == []
    assert absent("At 11:03 the pod was restarted.", "restarted the pod", at=at) == ["11:03"]


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("1,248 rows", "1248 rows"),
        ("1248 rows", "1,248 rows"),
        ("12.50 seconds", "12.5 seconds"),
        ("91 % full", "91% full"),
        ("3 replicas", "three replicas"),
        ("exit code 137", "exit_code=137,"),
        ("512 MiB", "memory_limit=512Mi"),
    ],
)
def test_one_number_may_be_written_in_several_ways(claim: str, line: str) -> None:
    assert absent(claim, line) == []


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("web-1 is down", "web-12 is down"),
        ("10.0.1.7 is down", "10.0.1.73 is down"),
        ("v2.1.0 is bad", "v2.1.0-bad is out"),
        ("payments-api-7f9dd is down", "payments-api-7f9de is down"),
        ("12 rows", "128 rows"),
    ],
)
def test_a_part_of_a_name_or_number_is_not_the_name(claim: str, line: str) -> None:
    assert absent(claim, line) != []


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("ip-10-0-1-73 flapped", "ip-10-0-1-73.us-east-1.compute.internal flapped"),
        ("INC-1042 is open", "See INC-1042."),
        ("payments:v2.1.0-bad", 'image "payments:v2.1.0-bad"'),
        ("KubePodCrashLooping", "alertname=KubePodCrashLooping"),
    ],
)
def test_a_whole_name_is_found_beside_dots_quotes_and_signs(claim: str, line: str) -> None:
    assert absent(claim, line) == []


def test_a_name_that_was_cut_is_found_by_its_beginning() -> None:
    assert absent("Pod payments-api-7f9dd8b6…", "Pod payments-api-7f9dd8b6c4-x7gr9 crashes") == []


def test_the_verb_may_is_no_month() -> None:
    assert [atom.kind for atom in claimed_atoms("it may 3 times")] == [AtomKind.NUMBER]


def test_ordinary_words_with_hyphens_and_slashes_are_no_identifiers() -> None:
    assert identifiers("The on-call and/or read-only e.g. well-known user") == []


def test_identifiers_come_as_written_and_once() -> None:
    text = "CoreDNS on agents-3 and agents-3, see db_main and orders.example.com"
    assert identifiers(text) == ["CoreDNS", "agents-3", "db_main", "orders.example.com"]


def test_tickets_share_identifiers_but_not_words() -> None:
    one = build("Disk of orders-db-2 is full", "OomKilled")
    other = build("Orders-DB-2 again", "the disk is full", key="INC-7")
    assert shared_identifiers(one, other) == ("orders-db-2",)
