"""From a ticket to a page that says what it taught, by the command line alone, whoever wrote the proposal."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.rehearsal.service import Rehearsal
from tests.behaviours.program import Program

PAGE = """# Checkout fails for card payments (PAY-502)

Checkout fails for card payments with error PAY-502 in a region: payments-api returns 502 to checkout-web.

## Mitigation

1. Ask maria.santos@acme.example, then look at 203.0.113.40.
"""
OTHERS = ("Backup of a database failed", "Disk of a host is full", "A certificate expired", "Mail is delayed")
CONFIG = """
[knowledge.runbooks]
kind = "folder"
path = "{folder}"
"""


def shelf(tmp_path: Path) -> Path:
    """A folder with the page that answers, and some that do not."""
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "CheckoutFails.md").write_text(PAGE)
    for title in OTHERS:
        (folder / f"{title}.md").write_text(f"# {title}\n\nLook at it, then tell its owner.\n")
    return folder


@pytest.mark.parametrize("runtime", ["managed", "desk"])
def test_a_page_goes_from_the_ticket_to_the_file_once_a_person_accepts_it(
    program: Program, service: Rehearsal, tmp_path: Path, runtime: str
) -> None:
    folder = shelf(tmp_path)
    file = folder / "CheckoutFails.md"
    program.configure(service.url, CONFIG.format(folder=folder))
    ran = program.run("local:INC-1", "knowledge-update", runtime)
    assert ran.code == 0, ran.said
    assert ran.session["draft"] is None
    (row,) = program.ask("knowledge", "proposals")
    assert (row["id"], row["page"], row["kind"]) == (ran.session["id"], "runbooks/CheckoutFails", "amend")
    shown = program.ask("knowledge", "proposal", row["id"])
    assert "+1. Rolled back deploy 4711" in shown["diff"]
    # What a model was not shown stands on the page as before: nothing of it is a placeholder.
    assert "maria.santos@acme.example, then look at 203.0.113.40" in shown["text"]
    assert "⟦" not in shown["text"]
    assert file.read_text() == PAGE
    done = program.ask("knowledge", "proposal", "accept", row["id"], "--sha256", shown["sha256"])
    assert done["state"] == "accepted"
    assert file.read_text() == shown["text"]
    assert program.ask("audit", "verify")["ok"] is True
    assert all(b"maria.santos" not in request.body for request in service.requests)


def test_the_page_that_the_operator_names_is_the_one_that_an_agent_changes(
    program: Program, service: Rehearsal, tmp_path: Path
) -> None:
    folder = shelf(tmp_path)
    (folder / "Other.md").write_text("# Other\n\nAbout something else.\n")
    program.configure(service.url, CONFIG.format(folder=folder))
    for page, kind in (("runbooks/Other", "amend"), ("runbooks/payments/New", "new")):
        ran = program.run("local:INC-1", "knowledge-update", "desk", "--page", page)
        assert ran.code == 0, ran.said
        shown = program.ask("knowledge", "proposal", ran.session["id"])
        assert (shown["page"], shown["kind"]) == (page, kind)
