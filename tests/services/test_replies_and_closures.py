"""A reply and a closure from the session to what is on the ticket, by rules: the draft, the gate, the push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.core.desk import (
    ApproveDraft,
    Confirm,
    Confirmation,
    DraftReview,
    EditDraft,
    PushApproved,
    RefreshTickets,
    Review,
    RunSession,
    StartSession,
    TicketDetail,
)
from opstui.core.drafts import DraftChanges, OpKind
from opstui.core.errors import Refused
from opstui.core.ports import Capabilities
from opstui.core.tickets import TicketRef, Visibility
from tests.services.building import MIDNIGHT, Place
from tests.services.remote import FarPlace, Remote

ROWS = (
    ("dana", "comment", "internal", "orders-db-2 is full. Restarted it, no change."),
    ("dana", "reply", "public", "About 12 % of orders fail with an error."),
)


def drafted(place: Place, ref: TicketRef, workflow: str) -> Review:
    """The session's draft as Review shows it."""
    run = place.desk.do(StartSession(ticket=ref, workflow=workflow, here=True)).unwrap()
    done = place.desk.do(RunSession(run.id)).unwrap()
    assert done.draft is not None, (done.status, done.stop_reason)
    return place.desk.ask(DraftReview(done.draft))


def ordered(place: Place, *rows: tuple[str, str, str, str]) -> TicketRef:
    ref = place.ticket("Orders fail", "Customers cannot order.", severity="2", status="open")
    for author, kind, visibility, text in rows:
        place.local.comment(ref.key, author, text, kind=kind, visibility=visibility)
    place.desk.do(RefreshTickets()).unwrap()
    return ref


def test_a_reply_is_one_public_comment_that_passes_the_gate_and_reaches_the_ticket(place: Place) -> None:
    ref = ordered(place, *ROWS)
    review = drafted(place, ref, "reply")
    assert [op.op for op in review.draft.ops] == [OpKind.COMMENT]
    assert review.draft.ops[0].visibility is Visibility.PUBLIC
    assert review.findings == ()
    confirmation: Confirmation = place.desk.ask(Confirm(review.draft.id))
    assert confirmation.public
    assert confirmation.needs_key_suffix
    place.desk.do(ApproveDraft(id=review.draft.id, fingerprint=confirmation.fingerprint, here=True)).unwrap()
    place.desk.do(PushApproved()).unwrap()
    entry = place.desk.ask(TicketDetail(ref)).ticket.timeline[-1]
    assert entry.visibility is Visibility.PUBLIC
    assert entry.text.split("\n\n") == [
        "About 12 % of orders fail with an error.\nCustomers cannot order.",
        "Status: investigating.",
        "Next update: 03:34 UTC.",
    ]


def test_the_gate_looks_at_what_is_sent_and_not_at_what_the_agent_wrote(place: Place) -> None:
    review = drafted(place, ordered(place, *ROWS), "reply")
    comment = str(review.draft.ops[0].to)
    leaking = DraftChanges(comment=comment.replace("orders fail", "orders fail on orders-db-2"))
    place.desk.do(EditDraft(id=review.draft.id, rev=None, changes=leaking)).unwrap()
    again = place.desk.ask(DraftReview(review.draft.id))
    assert [one.id for one in again.findings if one.blocks] == ["outward:internal"]
    assert again.fingerprint is None
    with pytest.raises(Refused):
        place.desk.ask(Confirm(review.draft.id))
    place.desk.do(EditDraft(id=review.draft.id, rev=None, changes=DraftChanges(comment=comment))).unwrap()
    assert place.desk.ask(DraftReview(review.draft.id)).fingerprint is not None


def test_a_reply_that_waited_too_long_has_to_name_a_new_time(place: Place) -> None:
    review = drafted(place, ordered(place, *ROWS), "reply")
    place.clock.move(minutes=21)
    late = place.desk.ask(DraftReview(review.draft.id))
    assert [one.id for one in late.findings if one.blocks] == ["outward:next-update"]


def test_a_closure_proposes_the_status_that_the_ticket_can_take(place: Place) -> None:
    ref = ordered(place, *ROWS, ("dana", "comment", "internal", "Freed the disk, orders are back to normal."))
    review = drafted(place, ref, "closure")
    assert [(row.path, row.now, row.yours) for row in review.rows if row.path == "/status"] == [
        ("/status", "open", "resolved")
    ]
    comment = review.draft.comment()
    assert comment is not None
    assert comment.visibility is Visibility.INTERNAL
    assert not [one for one in review.findings if one.blocks]
    assert place.desk.ask(TicketDetail(ref)).ticket.status.raw == "open"  # a proposal, and no more


def test_a_closure_of_what_nobody_said_is_over_leaves_the_status_alone(place: Place) -> None:
    review = drafted(place, ordered(place, *ROWS), "closure")
    assert [op.path for op in review.draft.ops] == ["/comment"]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarPlace]:
    remote = Remote("rm")
    remote.put("12", MIDNIGHT, title="Customers cannot order by card", status="open")
    made = FarPlace(tmp_path / "far", remote)
    yield made
    made.close()


def test_where_no_comment_is_public_the_draft_of_a_reply_says_so(far: FarPlace) -> None:
    far.setup.systems["rm"].capabilities = replace(Capabilities(), public_comments=False)
    review = drafted(far, TicketRef("rm", "12"), "reply")
    assert review.draft.ops == ()
    assert review.draft.note == "rm takes no public comments"
    assert review.fingerprint is None


def test_a_system_that_lists_no_statuses_gets_none_proposed(far: FarPlace) -> None:
    review = drafted(far, TicketRef("rm", "12"), "closure")
    assert [op.path for op in review.draft.ops] == ["/comment"]
