"""Proposals for pages on the command line: read, edited, accepted, rejected, with the agreed JSON and exit codes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.services.pages_world import PAGE, proposed, solved, world


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    return tmp_path / "kb"


@pytest.fixture
def shell(tmp_path: Path, pages: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    place = world(tmp_path / "home", pages)
    yield Shell(place, capsysbinary)
    place.close()


def made(shell: Shell) -> str:
    return proposed(shell.place, solved(shell.place)).id


def test_a_page_is_read_as_a_diff_edited_from_a_file_and_written_when_it_is_accepted(
    shell: Shell, pages: Path, tmp_path: Path
) -> None:
    name = made(shell)
    (row,) = shell.json("knowledge", "proposals")
    assert (row["id"], row["kind"], row["page"], row["state"]) == (name, "amend", "runbooks/DnsTimeouts", "open")
    assert shell("knowledge", "proposal", name, "--diff") == 0
    patch = tmp_path / "a.diff"
    patch.write_text(shell.out)
    copy = tmp_path / "copy.md"
    copy.write_text(PAGE)
    done = subprocess.run(["patch", str(copy), str(patch)], capture_output=True, check=False)
    shown = shell.json("knowledge", "proposal", name)
    if done.returncode == 0:  # where there is patch, it makes of the page what is proposed
        assert copy.read_text() == shown["text"]
    assert shell("knowledge", "proposal", name, "--page") == 0
    assert shell.out == shown["text"]
    (tmp_path / "new.md").write_text(shown["text"] + "\nmine\n")
    edited = shell.json(
        "knowledge", "proposal", "edit", name, "--file", str(tmp_path / "new.md"), "--rev", str(shown["rev"])
    )
    assert edited["edited"] is True
    assert edited["sha256"] != shown["sha256"]
    assert shell("knowledge", "proposal", "accept", name, "--sha256", shown["sha256"]) == 5
    assert (pages / "DnsTimeouts.md").read_text() == PAGE
    accepted = shell.json("knowledge", "proposal", "accept", name, "--sha256", edited["sha256"])
    assert (accepted["state"], accepted["decided_by"], accepted["checks"]) == ("accepted", "alex", [])
    assert (pages / "DnsTimeouts.md").read_text() == edited["text"]
    assert shell.json("knowledge", "proposals") == []
    assert [row["state"] for row in shell.json("knowledge", "proposals", "--all")] == ["accepted"]


def test_codes_say_what_became_of_it(shell: Shell, pages: Path, tmp_path: Path) -> None:
    name = made(shell)
    page = tmp_path / "p.md"
    page.write_text(PAGE + "\nMail maria.santos@acme.example\n")
    assert shell("knowledge", "proposal", "edit", name, "--file", str(page)) == 0
    assert "block private: it would publish email" in shell.out
    assert shell("knowledge", "proposal", "accept", name) == 1
    assert shell("knowledge", "proposal", "accept", name, "--override", "private=because") == 2
    assert shell("knowledge", "proposal", "accept", name, "--rev", "1") == 5
    assert shell("knowledge", "proposal", "edit", name, "--file", str(tmp_path / "none")) == 2
    assert shell("knowledge", "proposal", "reject", name, "--reason", "no") == 2
    (pages / "DnsTimeouts.md").write_text(PAGE + "later\n")
    shell("knowledge", "index")
    assert shell("knowledge", "proposal", "accept", name, "--override", "private=policy") == 5
    assert shell("knowledge", "proposal", name) == 0
    assert "the page has changed since" in shell.out
    assert shell("knowledge", "proposal", "rebase", name) == 0
    assert shell("knowledge", "proposal", "reject", name, "--reason", "policy") == 0
    assert "rejected by alex" in shell.out
    assert shell("knowledge", "proposal", "nonsense") == 1
    assert shell("knowledge", "proposal", name, "--diff", "--json") == 2
    assert (pages / "DnsTimeouts.md").read_text() == PAGE + "later\n"


def test_the_page_to_change_can_be_named_for_the_workflow_that_changes_pages_and_no_other(shell: Shell) -> None:
    ref = str(solved(shell.place))
    assert shell("run", "knowledge-update", ref, "--page", "runbooks/dns/New", "--runtime", "offline") == 0
    (row,) = shell.json("knowledge", "proposals")
    assert (row["kind"], row["page"]) == ("new", "runbooks/dns/New")
    assert shell("run", "knowledge-update", ref, "--page", "nowhere/x", "--runtime", "offline") == 2
    assert shell("run", "incident-summary", ref, "--page", "runbooks/DnsTimeouts", "--runtime", "offline") == 2
