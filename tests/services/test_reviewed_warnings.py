"""What Review shows of the findings about a document: all that the run counted, but for words that were taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from opstui.core.desk import DraftReview, EditDraft, RefreshTickets, Review, RunSession, StartSession
from opstui.core.drafts import DraftChanges
from opstui.core.tickets import TicketRef
from tests.services.building import Place


def reviewed(
    place: Place, ref: TicketRef, workflow: str, change: Callable[[dict[str, Any]], None] = lambda document: None
) -> Review:
    """The session's draft as Review shows it, its document changed after the checks of the session."""
    run = place.desk.do(StartSession(ticket=ref, workflow=workflow, here=True)).unwrap()
    done = place.desk.do(RunSession(run.id)).unwrap()
    record = place.setup.record
    draft = record.draft(done.draft or "")
    assert draft is not None
    assert draft.document is not None
    document = dict(draft.document)
    change(document)
    changed = replace(draft, document=document)
    record.write(lambda writer: writer.put_draft(changed, expected_rev=draft.rev))
    return place.desk.ask(DraftReview(draft.id))


def test_a_triage_that_proposes_no_comment_shows_its_warnings(place: Place, tmp_path: Path) -> None:
    (tmp_path / "taxonomy.toml").write_text(
        '[teams.databases]\n[services.orders-db]\nteam = "databases"\n[categories.storage]\naliases = ["disk"]\n'
    )
    ref = place.ticket("Disk of orders-db-2 is full", "Since 08:10.", severity="3")

    def nothing_speaks_of_it(document: dict[str, Any]) -> None:
        document["team"] |= {"is_named": False}

    assert [one.id for one in reviewed(place, ref, "triage", nothing_speaks_of_it).findings] == ["value:team"]


def test_a_warning_about_a_step_is_shown_until_its_words_are_taken_out(place: Place) -> None:
    ref = place.ticket("Orders fail", "Customers cannot order.", severity="2", status="open")
    place.local.comment(ref.key, "dana", "Restarted orders-db-2, no change.", kind="comment", visibility="internal")
    place.desk.do(RefreshTickets()).unwrap()

    def somebody_else(document: dict[str, Any]) -> None:
        document["actions_taken"][0]["by"]["id"] = "Zoltan"
        document["timeline"][-1]["claim"] |= {"id": "c99", "text": "Restarted orders-db-2 for 31 users, no change."}

    review = reviewed(place, ref, "incident-summary", somebody_else)
    step, row = "M2-who:actions-taken-1", "M2-number:c99"
    assert {step, row} <= {one.id for one in review.findings}
    kept = DraftChanges(comment="Customers cannot order.")
    place.desk.do(EditDraft(id=review.draft.id, rev=None, changes=kept)).unwrap()
    again = {one.id for one in place.desk.ask(DraftReview(review.draft.id)).findings}
    assert step not in again
    assert row in again
