"""Whoever changes the audit log behind the program's back is found out, and in which row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.cli.shell import Shell
from tests.services.building import Place


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    """With a draft, an approval and a push on record: rows 1 to 4."""
    place = Place(tmp_path)
    shell = Shell(place, capsysbinary)
    shell.approved()
    assert shell("push") == 0
    assert shell.json("audit", "verify") == {"ok": True, "rows": 4, "first_broken": None, "reason": ""}
    yield shell
    place.close()


def tampered(shell: Shell, *statements: str) -> None:
    connection = apsw.Connection(str(shell.place.paths.record_db))
    for statement in ("DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_shortened", *statements):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("""UPDATE audit SET content = replace(content, '"actor":"operator"', '"actor":"agent"') WHERE seq = 2""", 2),
        ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 4), '0000') WHERE seq = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2),
        ("UPDATE audit SET content = '{' WHERE seq = 2", 2),
        ("UPDATE audit SET content = '[]' WHERE seq = 2", 2),
        ("UPDATE audit SET content = x'ff00' WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("UPDATE audit SET seq = seq + 100", 1),
        ("DELETE FROM audit WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq >= 3", 3),
        ("DELETE FROM audit", 1),
    ],
)
def test_verify_names_the_first_row_that_is_not_as_it_was_written(shell: Shell, statement: str, row: int) -> None:
    tampered(shell, statement)
    assert shell("audit", "verify", "--json") == 1
    verdict = json.loads(shell.out)
    assert (verdict["ok"], verdict["first_broken"]) == (False, row)
    assert verdict["reason"]
    assert shell("audit", "verify") == 1
    assert f"row {row}" in shell.out


def test_the_other_rows_are_still_shown_and_exported(shell: Shell) -> None:
    tampered(shell, "UPDATE audit SET content = '{' WHERE seq = 2")
    assert [row["seq"] for row in shell.json("audit", "show")] == [4, 3, 2, 1]
    assert shell("audit", "export") == 0
    assert [json.loads(line)["action"] for line in shell.out.splitlines()] == [
        "draft.create", "unreadable", "push.send", "push.verified"
    ]  # fmt: skip
