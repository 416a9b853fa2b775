"""``opstui ticket similar``: what it prints, and answering there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.services.building import Place


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    place = Place(tmp_path)
    for number in range(12):
        place.ticket(f"Printer {number} jams", "paper everywhere")
    yield Shell(place, capsysbinary)
    place.close()


def test_similar_tickets_as_other_programs_read_them(shell: Shell) -> None:
    asked = shell.place.ticket("Orders are slow", "ORA-00600 on orders-db-2")
    same = shell.place.ticket("Orders take minutes", "orders-db-2 logs ORA-00600")
    (one,) = shell.json("ticket", "similar", str(asked))
    assert set(one) >= {"ref", "title", "score", "shared", "verdict", "by", "at"}
    assert (one["ref"], one["title"], one["verdict"]) == (str(same), "Orders take minutes", None)
    assert sorted(one["shared"]) == ["ORA-00600", "orders-db-2"]
    assert 0 < one["score"] <= 1


def test_at_most_three_without_a_limit_and_never_the_ticket_itself(shell: Shell) -> None:
    assert len(shell.json("ticket", "similar", "local:INC-1001")) == 3
    more = shell.json("ticket", "similar", "local:INC-1001", "--limit", "8")
    assert len(more) == 8
    assert "local:INC-1001" not in [one["ref"] for one in more]


def test_an_answer_is_given_and_taken_back_there(shell: Shell) -> None:
    asked = shell.place.ticket("Orders are slow", "ORA-00600 on orders-db-2")
    same = shell.place.ticket("Orders take minutes", "orders-db-2 logs ORA-00600")
    (one,) = shell.json("ticket", "similar", str(asked), "--no", str(same))
    assert one["verdict"] == "no"
    assert "neither ticket was changed" in shell.err
    (one,) = shell.json("ticket", "similar", str(same), "--undo", str(asked))
    assert one["verdict"] is None


def test_what_is_no_ticket_has_the_usual_codes(shell: Shell) -> None:
    assert shell("ticket", "similar", "INC-1001") == 2
    assert shell("ticket", "similar", "local:INC-9999") == 1
    assert shell("ticket", "similar", "local:INC-1001", "--yes", "local:INC-9999") == 1
    assert shell("ticket", "similar", "local:INC-1001", "--limit", "0") == 2
