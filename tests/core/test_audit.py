"""The audit chain: any row that was changed, dropped, added or moved shows."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from opstui.core.audit import GENESIS, AuditEntry, AuditRecord, seal, seal_after, verify
from opstui.core.codec import decode, encode
from tests.core.building import NOW


def chain(count: int) -> list[AuditRecord]:
    """So many rows."""
    rows: list[AuditRecord] = []
    for number in range(count):
        at = NOW + timedelta(seconds=number, microseconds=number)
        entry = AuditEntry(
            at=at, operator="alex", actor="operator", action="draft.approve", ticket="local:INC-1", documents=("a", "b")
        )
        rows.append(seal(entry, rows[-1] if rows else None))
    return rows


def test_a_chain_begins_at_one_and_holds() -> None:
    rows = chain(5)
    assert rows[0].previous == GENESIS
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert verify(rows, heads=[rows[2].hash, rows[4].hash, GENESIS, ""]) == verify(rows)
    assert verify(rows).ok
    assert verify(rows).rows == 5
    assert verify([]).ok


def test_a_row_can_be_sealed_from_the_heads_number_and_hash_alone() -> None:
    rows = chain(2)
    entry = AuditEntry(**{item.name: getattr(rows[1], item.name) for item in fields(AuditEntry)})
    assert seal_after(entry, 1, rows[0].hash) == rows[1]


def test_a_row_that_went_through_json_still_fits() -> None:
    rows = [decode(AuditRecord, json.loads(json.dumps(encode(row)))) for row in chain(3)]
    assert verify(rows).ok


@given(
    st.integers(0, 5),
    st.sampled_from([item.name for item in fields(AuditRecord)]),
)
def test_a_changed_field_is_found_in_its_row(index: int, name: str) -> None:
    rows = chain(6)
    old = getattr(rows[index], name)
    new = (
        old + timedelta(seconds=1)
        if name == "at"
        else old + 1
        if name == "seq"
        else ("x",)
        if name == "documents"
        else "x"
    )
    rows[index] = replace(rows[index], **{name: new})
    verdict = verify(rows)
    assert not verdict.ok
    assert verdict.first_broken == index + 1


@given(st.integers(0, 4))
def test_a_missing_row_is_named(index: int) -> None:
    rows = chain(6)
    del rows[index]
    verdict = verify(rows)
    assert (verdict.ok, verdict.first_broken) == (False, index + 1)


@given(st.integers(0, 4))
def test_two_rows_that_changed_places_are_found(index: int) -> None:
    rows = chain(6)
    rows[index], rows[index + 1] = rows[index + 1], rows[index]
    assert verify(rows).first_broken == index + 1


def test_a_row_that_was_written_twice_is_found() -> None:
    rows = chain(3)
    assert verify([rows[0], rows[1], rows[1], rows[2]]).first_broken == 2


def test_an_end_that_was_cut_off_shows_by_the_heads_that_others_kept() -> None:
    rows = chain(6)
    assert verify(rows[:4]).ok
    verdict = verify(rows[:4], heads=[rows[1].hash, rows[5].hash])
    assert (verdict.ok, verdict.rows, verdict.first_broken) == (False, 4, 5)


def test_a_chain_that_was_written_anew_shows_the_same_way() -> None:
    anew: list[AuditRecord] = []
    for row in chain(4):
        entry = AuditEntry(**{item.name: getattr(row, item.name) for item in fields(AuditEntry)})
        anew.append(seal(replace(entry, operator="mallory"), anew[-1] if anew else None))
    assert verify(anew).ok
    assert not verify(anew, heads=[chain(4)[3].hash]).ok


@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_counted_also_behind_a_broken_one(count: int) -> None:
    rows = chain(count)
    rows[0] = replace(rows[0], detail="x")
    assert verify(iter(rows)).rows == count
