"""What a person answers to a check becomes a labelled case, and the evaluation replays it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.core.desk import (
    ApproveDraft,
    Confirm,
    DraftReview,
    EditDraft,
    ExportCases,
    LabelledCases,
    NewDraft,
    RefreshTicket,
    RunSession,
    StartSession,
)
from opstui.core.drafts import DraftChanges
from opstui.core.errors import Refused
from opstui.core.tickets import TicketRef
from opstui.services.evaluating import evaluate
from opstui.services.evaluation_cases import read_cases
from opstui.wired.evaluation import scratch_desks
from tests.services.building import Place

BODY = "Since 03:02 UTC checkout answers 502 in eu-west. Ask ada.lovelace@acme-widgets.com, password=hunter2-Xy7pQ9."


def overridden(place: Place, reason: str = "stale") -> TicketRef:
    """A summary of a ticket that was solved meanwhile, approved all the same."""
    ref = place.ticket(body=BODY, status="open")
    started = place.desk.do(StartSession(ticket=ref, workflow="incident-summary", here=True)).unwrap()
    session = place.desk.do(RunSession(started.id)).unwrap()
    place.local.change(ref.key, "dana", {"/status": "resolved"})
    place.desk.do(RefreshTicket(ref)).unwrap()
    review = place.desk.ask(DraftReview(session.draft or ""))
    assert [finding.id for finding in review.findings if finding.blocks] == ["M4:status"]
    draft = place.desk.do(
        EditDraft(id=review.draft.id, rev=review.draft.rev, changes=DraftChanges(overrides={"M4:status": reason}))
    ).unwrap()
    wanted = place.desk.ask(Confirm(draft.id)).fingerprint
    place.desk.do(ApproveDraft(id=draft.id, fingerprint=wanted)).unwrap()
    return ref


def test_an_override_is_kept_with_its_reason_and_what_it_was_about(place: Place) -> None:
    ref = overridden(place)
    [case] = place.desk.ask(LabelledCases())
    assert (case.ticket, case.workflow, case.check, case.reason) == (ref, "incident-summary", "M4:status", "stale")
    assert case.version == place.setup.workflows["incident-summary"].version
    assert "which means resolved" in case.text
    [paper] = place.setup.record.papers("case")
    assert "hunter2" not in str(paper.content)
    assert "lovelace" not in str(paper.content)


def test_an_override_that_was_not_approved_leaves_no_case(place: Place) -> None:
    ref = place.ticket(status="open")
    changes = DraftChanges(comment="It is fixed.", public=True)
    draft = place.desk.do(NewDraft(ticket=ref, changes=changes)).unwrap()
    blocks = {finding.id: "tone" for finding in place.desk.ask(DraftReview(draft.id)).findings if finding.blocks}
    assert blocks
    refused = place.desk.do(ApproveDraft(id=draft.id, fingerprint="0" * 64, overrides=blocks))
    assert isinstance(refused.error, Refused)
    assert place.desk.ask(LabelledCases()) == ()


def test_labelled_cases_are_exported_once_and_replayed(place: Place, tmp_path: Path) -> None:
    overridden(place)
    made, there = place.desk.do(ExportCases(folder=str(tmp_path / "cases"))).unwrap()
    assert (len(made), there) == (1, ())
    assert place.desk.do(ExportCases(folder=str(tmp_path / "cases"))).unwrap() == ((), made)
    [case] = read_cases(tmp_path / "cases")
    assert [label.reason for label in case.wanted.labels] == ["stale"]
    with scratch_desks(place.setup) as scratch:
        found = evaluate([case], scratch, runtime="offline", by="alex", clock=place.clock, runs=1)
    assert found.told[0].stop_reason == ""
    assert found.told[0].measures["labels"] == 1.0


@pytest.mark.parametrize("reason", ["wrong_fact", "other"])
def test_a_claim_that_was_labelled_is_looked_for_in_what_is_written_now(
    place: Place, tmp_path: Path, reason: str
) -> None:
    overridden(place, reason)
    place.desk.do(ExportCases(folder=str(tmp_path / "cases"))).unwrap()
    [folder] = (tmp_path / "cases").iterdir()
    text = (folder / "case.toml").read_text()
    text = text.replace('check = "M4:status"', 'check = "M2:c2"').replace(
        'claim = ""', 'claim = "Checkout answers 5xx"'
    )
    (folder / "case.toml").write_text(text)
    with scratch_desks(place.setup) as scratch:
        found = evaluate(read_cases(tmp_path / "cases"), scratch, runtime="offline", by="", clock=place.clock, runs=1)
    # What was a wrong fact must not be said again; what only a check was wrong about may be.
    assert found.told[0].measures["labels"] == (0.0 if reason == "wrong_fact" else 1.0)
