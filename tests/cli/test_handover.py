"""A shift handed over from the command line, from the session to the exported read-back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.core.document_kinds.handover import SECTIONS
from tests.cli.shell import Shell
from tests.services.building import Place
from tests.services.night import SHIFT, night


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    place = Place(tmp_path / "home")
    yield Shell(place, capsysbinary)
    place.close()


def test_the_whole_way_from_a_shift_to_the_next(shell: Shell, tmp_path: Path) -> None:
    refs = night(shell.place)
    session = shell.json("run", "shift-handover", "--runtime", "offline")
    assert session["ticket"] == f"shift:{SHIFT}"
    assert session["draft"] is None
    (row,) = shell.json("handover", "list", "--shift", SHIFT)
    assert (row["id"], row["state"], row["settled"], row["of"]) == (session["id"], "open", 0, len(SECTIONS))
    words = tmp_path / "watch.txt"
    words.write_text("Search comes and goes; leave it.\n")
    for name in SECTIONS:
        more = ["--text-file", str(words)] if name == "watch" else []
        assert shell("handover", "settle", row["id"], name, *more) == 0
    assert shell("handover", "settle", row["id"], "open", "--done", "open-1", "--drop", "open-2") == 0
    understood = tmp_path / "understood.txt"
    understood.write_text("Checkout first; I answer by 03:40.")
    closing = ["--by", "dana", "--text-file", str(understood), "--correction", "db-2, not db-1"]
    closed = shell.json("handover", "read-back", row["id"], *closing)
    assert (closed["state"], closed["incoming"], closed["misunderstandings"]) == ("read_back", "dana", 1)
    assert [item["state"] for item in closed["sections"][0]["items"]] == ["done", "dropped", "open"]
    assert shell("handover", "export", row["id"], "--format", "txt") == 0
    assert "Search comes and goes; leave it." in shell.out
    assert "corrected: db-2, not db-1" in shell.out
    assert str(refs["late"]) in shell.out
    assert shell("handover", "show", row["id"]) == 0
    assert "Read back by dana" in shell.out
    assert shell("handover", "settle", row["id"], "open") == 1  # closed


def test_what_is_wrong_has_its_exit_code(shell: Shell, tmp_path: Path) -> None:
    night(shell.place)
    handover = shell.json("run", "shift-handover", "--runtime", "offline")["id"]
    assert shell("handover", "show", "01NOTHING") == 1
    assert shell("handover", "settle", handover, "weather") == 1
    assert shell("handover", "settle", handover, "open", "--done", "open-77") == 1
    assert shell("handover", "settle", handover, "open", "--text-file", str(tmp_path / "absent")) == 2
    text = tmp_path / "text"
    text.write_text("Understood.")
    assert shell("handover", "read-back", handover, "--by", "dana", "--text-file", str(text)) == 1
    assert shell("run", "incident-summary") == 2
    assert shell("run", "incident-summary", f"shift:{SHIFT}") == 2


def test_the_board_is_shown_like_a_ticket(shell: Shell) -> None:
    night(shell.place)
    board = shell.json("ticket", "show", f"shift:{SHIFT}")
    assert (board["status"]["category"], board["state"]) == ("open", "live")
    assert board["timeline"][0]["text"].startswith("all: 3 tickets are open")
    assert board["timeline"][0]["id"] == f"{SHIFT}#1"
