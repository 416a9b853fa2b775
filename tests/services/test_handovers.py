"""From the accepted handover to its receiver's read-back."""

from __future__ import annotations

import pytest

from opstui.core.desk import (
    AuditWindow,
    HandoverDetail,
    Handovers,
    HandoverView,
    ReadBackHandover,
    SettleSection,
    VerifyAudit,
)
from opstui.core.document_kinds.handover import SECTIONS
from opstui.core.errors import Conflict, NotFound, OpstuiError, Refused, UsageError
from tests.services.building import Place
from tests.services.night import SHIFT, handed, night


@pytest.fixture
def written(place: Place) -> HandoverView:
    night(place)
    return place.desk.ask(HandoverDetail(handed(place).id))


def settled(place: Place, view: HandoverView, section: str, text: str | None = None, **more: object) -> HandoverView:
    rev = place.desk.ask(HandoverDetail(view.row.id)).row.rev
    command = SettleSection(id=view.row.id, rev=rev, section=section, text=text, **more)  # type: ignore[arg-type]
    return place.desk.do(command).unwrap()


def walked(place: Place, view: HandoverView) -> HandoverView:
    for name in SECTIONS:
        view = settled(place, view, name)
    return view


def read_back(place: Place, view: HandoverView, **changes: object) -> HandoverView:
    given = {"by": "dana", "text": "Checkout is the worst; I answer by 03:40.", **changes}
    return place.desk.do(ReadBackHandover(id=view.row.id, rev=view.row.rev, **given)).unwrap()  # type: ignore[arg-type]


def test_an_accepted_document_waits_to_be_walked_through(place: Place, written: HandoverView) -> None:
    (row,) = place.desk.ask(Handovers(shift=SHIFT))
    assert (row.id, row.state, row.settled, row.incoming) == (written.row.id, "open", 0, None)
    assert [section.name for section in written.sections] == list(SECTIONS)


def test_a_section_is_approved_or_said_in_other_words_and_both_are_kept(place: Place, written: HandoverView) -> None:
    settled(place, written, "open")
    settled(place, written, "watch", "Search comes and goes.\nLeave it until Bo is back.")
    view = settled(place, written, "watch", "Search comes and goes.", note="Bo said so")
    watch = next(section for section in view.sections if section.name == "watch")
    assert watch.text == "Search comes and goes."
    assert "Leave it" not in view.plain
    assert "as written: local:" in view.plain
    assert "(revised by" in view.markdown
    assert "Note of" in view.plain
    paper = place.setup.record.paper("handover", view.row.id)
    assert paper is not None
    assert paper.content["earlier"][0]["was"]["text"].endswith("Leave it until Bo is back.")


def test_items_are_marked_without_changing_what_a_section_says(place: Place, written: HandoverView) -> None:
    settled(place, written, "open", "Two of them matter.")
    view = settled(place, written, "open", marks={"open-2": "done", "open-3": "dropped"}, settles=False)
    (opened, *_) = view.sections
    assert (opened.text, [item.mark for item in opened.items]) == ("Two of them matter.", ["", "done", "dropped"])
    view = settled(place, written, "open", marks={"open-2": "open"}, settles=False)
    assert [item.mark for item in view.sections[0].items] == ["", "", "dropped"]


@pytest.mark.parametrize(
    ("section", "more", "error"),
    [
        ("weather", {}, NotFound),
        ("open", {"marks": {"open-9": "done"}}, NotFound),
        ("open", {"marks": {"open-1": "solved"}}, UsageError),
        ("open", {"text": "  "}, UsageError),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    place: Place, written: HandoverView, section: str, more: dict[str, object], error: type[OpstuiError]
) -> None:
    command = SettleSection(id=written.row.id, rev=written.row.rev, section=section, **more)  # type: ignore[arg-type]
    assert isinstance(place.desk.do(command).error, error)
    assert place.desk.ask(HandoverDetail(written.row.id)) == written


def test_of_two_who_settle_at_once_one_has_to_look_again(place: Place, written: HandoverView) -> None:
    settled(place, written, "open")
    outcome = place.desk.do(SettleSection(id=written.row.id, rev=written.row.rev, section="watch"))
    assert isinstance(outcome.error, Conflict)


def test_nobody_reads_back_what_was_not_walked_through(place: Place, written: HandoverView) -> None:
    outcome = place.desk.do(ReadBackHandover(id=written.row.id, rev=written.row.rev, by="dana", text="Understood."))
    assert isinstance(outcome.error, Refused)
    assert "open, promises" in str(outcome.error)


@pytest.mark.parametrize("changes", [{"by": " "}, {"text": ""}])
def test_a_read_back_has_a_name_and_words(place: Place, written: HandoverView, changes: dict[str, str]) -> None:
    view = walked(place, written)
    assert view.row.state == "walked"
    with pytest.raises(UsageError):
        read_back(place, view, **changes)


def test_who_goes_does_not_read_back_to_themselves(place: Place, written: HandoverView) -> None:
    view = walked(place, written)
    with pytest.raises(Refused, match="whoever takes it"):
        read_back(place, view, by=view.row.outgoing.upper())
    assert place.desk.ask(HandoverDetail(view.row.id)) == view


def test_the_read_back_closes_counts_corrections_and_keeps_the_contact(place: Place, written: HandoverView) -> None:
    view = read_back(place, walked(place, written), corrections=("The disk is db-2, not db-1",))
    assert (view.row.state, view.row.incoming, view.row.misunderstandings) == ("read_back", "dana", 1)
    assert view.read_back is not None
    assert view.row.contact_until is not None
    assert (view.row.contact_until - view.read_back.at).total_seconds() == 900
    assert "corrected: The disk is db-2, not db-1" in view.plain
    outcome = place.desk.do(SettleSection(id=view.row.id, rev=view.row.rev, section="open"))
    assert isinstance(outcome.error, Refused)


def test_every_step_stands_in_the_audit_chain(place: Place, written: HandoverView) -> None:
    read_back(place, walked(place, written))
    rows = [row for row in place.desk.ask(AuditWindow()) if row.action.startswith("handover.")]
    assert [row.action for row in rows] == ["handover.read_back", *["handover.settle"] * len(SECTIONS)]
    assert all(row.session == written.row.id and row.content_hash for row in rows)
    assert place.desk.ask(VerifyAudit()).ok


def test_what_is_not_there_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.desk.ask(HandoverDetail("01NOTHING"))
