"""From draft to push on the embedded system."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.core.desk import (
    ApproveDraft,
    Confirm,
    DiscardDraft,
    DraftReview,
    EditDraft,
    NewDraft,
    PushApproved,
    RefreshTickets,
    RestoreDraft,
    VerifyAudit,
)
from opstui.core.drafts import Draft, DraftChanges, DraftState
from opstui.core.errors import Conflict, ReadOnly, Refused, StaleRevision
from opstui.core.tickets import TicketRef
from tests.services.building import Place


def drafted(place: Place, ref: TicketRef, **changes: object) -> Draft:
    return place.desk.do(NewDraft(ticket=ref, changes=DraftChanges(**changes))).unwrap()  # type: ignore[arg-type]


def approved(place: Place, draft: Draft) -> Draft:
    fingerprint = place.desk.ask(DraftReview(draft.id)).fingerprint
    assert fingerprint is not None
    return place.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)).unwrap()


def pushed(place: Place, draft: Draft) -> Draft:
    place.desk.do(PushApproved()).unwrap()
    return place.desk.ask(DraftReview(draft.id)).draft


def test_a_confirmed_comment_arrives_exactly_as_confirmed(place: Place) -> None:
    ref = place.ticket()
    text = "Rolled back to 4.7.1.\n\n  two  spaces, a tab\tand – a dash [not markup]"
    draft = drafted(place, ref, comment=text)
    assert place.desk.ask(Confirm(draft.id)).comment is not None
    approved(place, draft)
    assert pushed(place, draft).state is DraftState.PUSHED
    last = place.entries(ref)[-1]
    assert (last.text, last.visibility.value, last.author) == (text, "internal", place.setup.operator)
    assert place.desk.ask(VerifyAudit()).ok


def test_pushing_twice_sends_once(place: Place) -> None:
    ref = place.ticket()
    draft = drafted(place, ref, comment="once")
    approved(place, draft)
    pushed(place, draft)
    assert place.desk.do(PushApproved()).unwrap() == ()
    assert [entry.text for entry in place.entries(ref)].count("once") == 1


def test_a_wrong_fingerprint_is_refused_and_changes_nothing(place: Place) -> None:
    draft = drafted(place, place.ticket(), comment="hello")
    right = place.desk.ask(DraftReview(draft.id)).fingerprint
    assert right is not None
    for wrong in ("0" * 64, right[:-1], right.upper() + "x", ""):
        outcome = place.desk.do(ApproveDraft(id=draft.id, fingerprint=wrong, here=True))
        assert isinstance(outcome.error, Refused)
    assert place.desk.ask(DraftReview(draft.id)).draft == draft


def test_a_used_fingerprint_is_refused(place: Place) -> None:
    draft = drafted(place, place.ticket(), comment="hello")
    fingerprint = place.desk.ask(DraftReview(draft.id)).fingerprint
    assert fingerprint is not None
    approved(place, draft)
    pushed(place, draft)
    assert isinstance(place.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)).error, Refused)


def test_a_foreign_change_of_the_same_field_stops_the_approval(place: Place) -> None:
    ref = place.ticket(severity="3")
    draft = drafted(place, ref, set={"/severity": "1"})
    fingerprint = place.desk.ask(DraftReview(draft.id)).fingerprint
    place.local.change(ref.key, "dana", {"/severity": "2"})
    outcome = place.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint or "", here=True))
    assert isinstance(outcome.error, Conflict)
    assert place.desk.ask(DraftReview(draft.id)).draft.state is DraftState.CONFLICT


def test_a_foreign_change_between_approval_and_push_stops_the_push(place: Place) -> None:
    ref = place.ticket(severity="3")
    draft = drafted(place, ref, set={"/severity": "1"}, comment="worse than thought")
    approved(place, draft)
    place.local.change(ref.key, "dana", {"/severity": "2"})
    after = pushed(place, draft)
    assert after.state is DraftState.CONFLICT
    assert after.conflicts == ("/severity",)
    assert "worse than thought" not in [entry.text for entry in place.entries(ref)]


def test_a_conflict_settled_with_mine_can_be_pushed(place: Place) -> None:
    ref = place.ticket(severity="3")
    draft = drafted(place, ref, set={"/severity": "1"})
    place.local.change(ref.key, "dana", {"/severity": "2"})
    place.desk.do(RefreshTickets())
    settled = place.desk.do(EditDraft(id=draft.id, rev=None, changes=DraftChanges(mine=("/severity",)))).unwrap()
    approved(place, settled)
    assert pushed(place, settled).state is DraftState.PUSHED


def test_a_foreign_comment_is_an_overlap_and_no_conflict(place: Place) -> None:
    ref = place.ticket()
    draft = drafted(place, ref, comment="mine")
    approved(place, draft)
    place.local.comment(ref.key, "dana", "theirs")
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert [overlap["text"] for overlap in push.overlaps] == ["theirs"]
    assert place.desk.ask(DraftReview(draft.id)).draft.state is DraftState.PUSHED


def test_an_edit_withdraws_an_approval(place: Place) -> None:
    ref = place.ticket()
    draft = drafted(place, ref, comment="first")
    approved(place, draft)
    edited = place.desk.do(EditDraft(id=draft.id, rev=None, changes=DraftChanges(comment="second"))).unwrap()
    assert edited.state is DraftState.EDITED
    place.desk.do(PushApproved())
    assert not {"first", "second"} & {entry.text for entry in place.entries(ref)}
    approved(place, edited)
    pushed(place, edited)
    assert [entry.text for entry in place.entries(ref)][-1] == "second"


def test_an_approval_lapses_after_a_quarter_of_an_hour(place: Place) -> None:
    ref = place.ticket()
    draft = drafted(place, ref, comment="late")
    approved(place, draft)
    place.clock.move(minutes=16)
    after = pushed(place, draft)
    assert (after.state, after.note) == (DraftState.EDITED, "needs confirming again")
    assert "late" not in {entry.text for entry in place.entries(ref)}


def test_a_save_on_an_old_revision_loses_nothing(place: Place) -> None:
    draft = drafted(place, place.ticket(), comment="one")
    place.desk.do(EditDraft(id=draft.id, rev=draft.rev, changes=DraftChanges(comment="two"))).unwrap()
    outcome = place.desk.do(EditDraft(id=draft.id, rev=draft.rev, changes=DraftChanges(comment="three")))
    assert isinstance(outcome.error, StaleRevision)
    comment = place.desk.ask(DraftReview(draft.id)).draft.comment()
    assert comment is not None
    assert comment.to == "two"


def test_a_discarded_draft_comes_back(place: Place) -> None:
    draft = drafted(place, place.ticket(), comment="keep me")
    assert place.desk.do(DiscardDraft(draft.id)).unwrap().state is DraftState.DISCARDED
    assert place.desk.do(RestoreDraft(draft.id)).unwrap().comment() == draft.comment()


def test_a_status_the_ticket_cannot_take_is_refused_when_the_draft_is_made(place: Place) -> None:
    ref = place.ticket(status="closed")
    outcome = place.desk.do(NewDraft(ticket=ref, changes=DraftChanges(set={"/status": "waiting"})))
    assert isinstance(outcome.error, Refused)
    assert "open" in str(outcome.error)


def test_attachments_arrive_with_their_bytes(place: Place) -> None:
    ref = place.ticket()
    content = bytes(range(256)) * 40
    draft = drafted(place, ref, comment="see the file", attach=(("../../trace \x1b[31m.bin", content),))
    approved(place, draft)
    assert pushed(place, draft).state is DraftState.PUSHED
    (push,) = place.setup.record.pushes(draft=draft.id)
    sha = place.desk.ask(DraftReview(draft.id)).files[0][2]
    assert place.local.attachment(sha) == content
    assert push.done


def test_a_pushed_update_carries_fields_tags_and_comment_together(place: Place) -> None:
    ref = place.ticket(tags=("a", "b"))
    draft = drafted(
        place, ref, set={"/status": "open", "/assignee": "me", "/tags": "b,c", "/team": "net"}, comment="taking it"
    )
    approved(place, draft)
    assert pushed(place, draft).state is DraftState.PUSHED
    from opstui.core.desk import RefreshTicket

    ticket = place.desk.do(RefreshTicket(ref)).unwrap()
    assert (ticket.status.raw, ticket.assignees, sorted(ticket.tags), ticket.team) == (
        "open",
        (place.setup.operator,),
        ["b", "c"],
        "net",
    )


@pytest.mark.parametrize("command", ["draft", "approve"])
def test_read_only_changes_nothing(tmp_path: Path, command: str) -> None:
    first = Place(tmp_path)
    ref = first.ticket()
    draft = drafted(first, ref, comment="x")
    fingerprint = first.desk.ask(DraftReview(draft.id)).fingerprint or ""
    first.close()
    place = Place(tmp_path, read_only=True)
    try:
        place.desk.do(RefreshTickets())
        wanted = (
            NewDraft(ticket=ref, changes=DraftChanges(comment="y"))
            if command == "draft"
            else ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)
        )
        assert isinstance(place.desk.do(wanted).error, ReadOnly)  # type: ignore[arg-type]
        assert place.desk.ask(DraftReview(draft.id)).draft == draft
    finally:
        place.close()
