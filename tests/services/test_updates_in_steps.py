"""Updates of systems that take them in steps, and several updates at once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from opstui.adapters.tickets.local import LocalTickets
from opstui.core.desk import ApproveDraft, AuditWindow, DraftReview, NewDraft, PushApproved, RefreshTickets, SettleDraft
from opstui.core.drafts import Draft, DraftChanges, DraftState, PushRecord, StepState
from opstui.core.errors import Conflict, CredentialsRefused, NotFound, RateLimited, Refused, StoreFull, Unreachable
from opstui.core.ids import step_id
from opstui.core.ports import Sent, Update
from opstui.core.tickets import TicketRef
from opstui.services.publisher import Publisher
from opstui.services.turns import BLIND_WAIT
from tests.services.building import Place

Trouble = Callable[[Update], Sent | None]
"""What happens instead of an update; None: nothing does, and it is applied."""


class Stepwise(LocalTickets):
    """The embedded system as if it took comment, files and fields one after the other, behind a bad connection."""

    def __init__(self, inner: LocalTickets) -> None:
        self.__dict__.update(inner.__dict__)
        self.capabilities = dataclasses.replace(
            inner.capabilities, atomic=False, marker_findable=False, marker_in_comment=True, settle_seconds=60.0,
            steps=(("/comment",), ("/attachments",), ("*",)), conditional_write=False,
        )  # fmt: skip
        self.sent: list[Update] = []
        self.troubles: list[Trouble] = []
        self.unreadable = 0
        """How many of the next readings find nobody there."""

    async def send(self, update: Update) -> Sent:
        """Apply it, unless there is trouble."""
        self.sent.append(update)
        answer = self.troubles.pop(0)(update) if self.troubles else None
        return answer or await self.apply(update)

    async def apply(self, update: Update) -> Sent:
        """As the embedded system does, which would refuse a version that it is not asked about here."""
        version = (await super().ticket(update.ticket.key)).version
        return await super().send(dataclasses.replace(update, expected_version=version))

    async def ticket(self, key: str) -> Any:
        """The ticket, unless nobody answers."""
        if self.unreadable:
            self.unreadable -= 1
            raise Unreachable("local: not reachable")
        return await super().ticket(key)


def fine(update: Update) -> None:
    """Nothing happens to it."""


def lost(update: Update) -> Sent:
    """It never arrives, and nobody says so."""
    raise Unreachable("local: no answer", was_anything_sent=True)


def paused(update: Update) -> Sent:
    """Not now."""
    raise RateLimited("local: too many requests", retry_after=20)


def refused(update: Update) -> Sent:
    """Not at all."""
    raise Refused("local: a resolution is required")


@pytest.fixture
def system(place: Place, monkeypatch: pytest.MonkeyPatch) -> Stepwise:
    """The desk's ticket system; whoever sleeps while it is used moves the desk's clock on."""
    made = Stepwise(place.local)
    object.__setattr__(place.setup, "systems", {"local": made})
    monkeypatch.setattr(time, "sleep", lambda seconds: place.clock.move(seconds=seconds))
    return made


def approved(place: Place, ref: TicketRef, **changes: Any) -> Draft:
    """A draft that may be sent."""
    draft = place.desk.do(NewDraft(ticket=ref, changes=DraftChanges(**changes))).unwrap()
    fingerprint = place.desk.ask(DraftReview(draft.id)).fingerprint
    assert fingerprint is not None
    return place.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)).unwrap()


def both(place: Place, ref: TicketRef, text: str = "Rolled back.") -> Draft:
    """A comment and a status."""
    return approved(place, ref, comment=text, set={"/status": "waiting"})


def after(place: Place, draft: Draft) -> Draft:
    """The draft as it is now."""
    return place.desk.ask(DraftReview(draft.id)).draft


def texts(place: Place, ref: TicketRef) -> list[str]:
    """What is said on the ticket."""
    return [str(entry.text) for entry in place.entries(ref)]


def states(push: PushRecord) -> list[StepState]:
    """Of each step."""
    return [push.state_of(index) for index in range(len(push.steps))]


# --- one after the other ----------------------------------------------------------------------------------------------


def test_an_update_is_sent_in_the_steps_of_its_system(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = approved(place, ref, comment="See the file.", attach=(("trace.bin", b"12345"),), set={"/status": "waiting"})
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    parts = [(one.comment, one.attachments, dict(one.fields)) for one in system.sent]
    assert parts == [
        ("See the file.", (), {}),
        (None, (("trace.bin", b"12345"),), {}),
        (None, (), {"/status": "waiting"}),
    ]
    assert [(one.op_id, one.step, one.steps) for one in system.sent] == [
        (step_id(draft.op_id, step), step, 3) for step in range(3)
    ]  # fmt: skip
    assert states(push) == [StepState.VERIFIED] * 3
    assert push.attempts == 3
    audited = [row.detail for row in place.desk.ask(AuditWindow()) if row.action == "push.send"]
    assert audited == ["step 3 of 3: status", "step 2 of 3: trace.bin", "step 1 of 3: comment"]


def test_the_screens_know_a_pushed_ticket_as_it_is(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    both(place, ref)
    place.desk.do(PushApproved()).unwrap()
    kept = place.setup.cache.ticket(ref)
    assert kept is not None
    assert (kept[0].status.raw, kept[0].timeline[-1].op_id) == ("waiting", system.sent[-1].op_id)


def test_a_cache_that_can_not_be_written_stops_no_update(
    place: Place, system: Stepwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> bool:
        raise StoreFull("the disk is full")

    draft = both(place, place.ticket(status="open"))
    monkeypatch.setattr(type(place.setup.cache), "keep", full)
    place.desk.do(PushApproved()).unwrap()
    monkeypatch.undo()
    assert after(place, draft).state is DraftState.PUSHED


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("arrives", [False, True])
def test_a_sender_that_dies_is_taken_up_at_the_step_it_was_at(
    place: Place, system: Stepwise, step: int, arrives: bool
) -> None:
    class Killed(BaseException):
        """The end of a process."""

    def kill(update: Update) -> Sent:
        if arrives:
            system.together(lambda desk: desk.send(dataclasses.replace(update, expected_version=_version(place, ref))))
        raise Killed

    ref = place.ticket(status="open")
    draft = both(place, ref)
    system.troubles = [*([fine] * step), kill]
    with pytest.raises(Killed):
        place.desk.do(PushApproved())
    assert after(place, draft).state is DraftState.PUSHING
    (push,) = place.setup.record.pushes(draft=draft.id)
    assert states(push) == [*([StepState.VERIFIED] * step), StepState.SENDING, *([StepState.PLANNED] * (1 - step))]
    place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    assert texts(place, ref).count("Rolled back.") == 1
    assert len(system.sent) == 2 + (not arrives)


def _version(place: Place, ref: TicketRef) -> str:
    kept = place.setup.cache.ticket(ref)
    assert kept is not None
    return kept[0].version


def test_a_step_that_was_lost_is_sent_again_by_itself(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = both(place, ref)
    system.troubles = [fine, lost]
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    assert [one.step for one in system.sent] == [0, 1, 1]
    assert [step.attempts for step in push.steps] == [1, 2]


def test_an_update_that_has_begun_goes_on_after_its_approval_has_lapsed(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = both(place, ref)

    def away(update: Update) -> Sent:
        raise Unreachable("local: not reachable")

    system.troubles = [fine, *([away] * 100)]
    place.desk.do(PushApproved()).unwrap()
    held = after(place, draft)
    assert held.state is DraftState.PUSHING
    system.troubles = []
    place.clock.move(hours=1)
    place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    assert texts(place, ref).count("Rolled back.") == 1


# --- half of it -------------------------------------------------------------------------------------------------------


def half(place: Place, system: Stepwise, ref: TicketRef) -> Draft:
    """A comment that is on the ticket, and a status that the system refused."""
    draft = both(place, ref)
    system.troubles = [fine, refused]
    place.desk.do(PushApproved()).unwrap()
    return after(place, draft)


def test_a_ticket_that_is_gone_is_not_sent_to_again(place: Place, system: Stepwise) -> None:
    def gone(update: Update) -> Sent:
        raise NotFound("local: no such ticket")

    draft = both(place, place.ticket(status="open"))
    system.troubles = [gone]
    place.desk.do(PushApproved()).unwrap()
    found = after(place, draft)
    assert (found.state, found.note) == (DraftState.NEEDS_HUMAN, "local: no such ticket")
    assert len(system.sent) == 1


def test_half_an_update_says_what_is_there_and_settling_keeps_what_is_not(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = half(place, system, ref)
    assert draft.state is DraftState.NEEDS_HUMAN
    assert draft.note == "local: a resolution is required; on the ticket: comment; not sent: status"
    settled = place.desk.do(SettleDraft(id=draft.id, applied=False, reason="I looked")).unwrap()
    assert settled.state is DraftState.EDITED
    assert [op.path for op in settled.ops] == ["/status"]
    fingerprint = place.desk.ask(DraftReview(draft.id)).fingerprint or ""
    place.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)).unwrap()
    place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    assert texts(place, ref).count("Rolled back.") == 1


def test_half_an_update_of_which_nothing_is_left_is_pushed(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = half(place, system, ref)
    place.local.change(ref.key, "dana", {"/status": "waiting"})
    settled = place.desk.do(SettleDraft(id=draft.id, applied=False, reason="I looked")).unwrap()
    assert (settled.state, settled.note) == (DraftState.PUSHED, "all of it is on the ticket")


def test_what_another_changed_between_two_steps_is_not_written_over(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = both(place, ref)

    def meanwhile(update: Update) -> None:
        place.local.change(ref.key, "dana", {"/status": "resolved"})

    system.troubles = [meanwhile]
    place.desk.do(PushApproved()).unwrap()
    held = after(place, draft)
    assert held.state is DraftState.NEEDS_HUMAN
    assert held.note == "/status changed on the ticket; on the ticket: comment; not sent: status"
    settled = place.desk.do(SettleDraft(id=draft.id, applied=False, reason="I looked")).unwrap()
    assert ([op.path for op in settled.ops], settled.conflicts) == (["/status"], ("/status",))


def test_a_file_that_arrived_is_not_kept_when_half_of_an_update_is_settled(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = approved(place, ref, comment="See.", attach=(("trace.bin", b"12345"),), set={"/status": "waiting"})
    system.troubles = [fine, fine, refused]
    place.desk.do(PushApproved()).unwrap()
    settled = place.desk.do(SettleDraft(id=draft.id, applied=False, reason="I looked")).unwrap()
    assert [op.path for op in settled.ops] == ["/status"]


# --- several at once --------------------------------------------------------------------------------------------------


def test_while_one_ticket_settles_the_others_go_on(place: Place, system: Stepwise) -> None:
    refs = [place.ticket(f"number {number}") for number in range(3)]
    drafts = [approved(place, ref, comment="hello") for ref in refs]
    began = place.clock.now()
    system.troubles = [lost]
    pushes = place.desk.do(PushApproved()).unwrap()
    assert [after(place, draft).state for draft in drafts] == [DraftState.PUSHED] * 3
    assert [one.ticket for one in system.sent] == [*refs, refs[0]]
    finished = [push.finished_at - began for push in pushes if push.finished_at is not None]
    assert finished[0] >= timedelta(seconds=60)
    assert max(finished[1:]) < timedelta(seconds=10)


def test_updates_of_one_ticket_go_in_the_order_of_their_approvals(place: Place, system: Stepwise) -> None:
    ref, other = place.ticket("one"), place.ticket("two")
    for where, text in ((ref, "first"), (ref, "second"), (other, "third")):
        approved(place, where, comment=text)
    system.troubles = [paused]
    place.desk.do(PushApproved()).unwrap()
    assert [one.comment for one in system.sent] == ["first", "third", "first", "second"]
    assert texts(place, ref)[-2:] == ["first", "second"]


def test_pushing_one_draft_sends_the_one_before_it_on_the_same_ticket_first(place: Place, system: Stepwise) -> None:
    ref, other = place.ticket("one"), place.ticket("two")
    approved(place, ref, comment="first")
    approved(place, other, comment="not asked for")
    last = approved(place, ref, comment="second")
    pushes = place.desk.do(PushApproved(draft=last.id)).unwrap()
    assert [push.draft for push in pushes] == [last.id]
    assert [one.comment for one in system.sent] == ["first", "second"]


def test_a_worker_takes_every_update_a_step_further_and_waits_for_none(place: Place, system: Stepwise) -> None:
    refs = [place.ticket(f"number {number}") for number in range(2)]
    drafts = [approved(place, ref, comment="hello") for ref in refs]
    publisher = Publisher(place.setup, place.desk._loop, place.desk._refresher)
    system.troubles = [lost]
    publisher.run_due("local")
    assert [after(place, draft).state for draft in drafts] == [DraftState.PUSHING, DraftState.PUSHED]
    assert publisher.due() == ()
    place.clock.move(seconds=70)
    assert publisher.due() == ("local",)
    publisher.run_due("local")
    assert after(place, drafts[0]).state is DraftState.PUSHED


def test_an_update_that_breaks_the_program_comes_last_the_next_time(place: Place, system: Stepwise) -> None:
    refs = [place.ticket(f"number {number}") for number in range(2)]
    drafts = [approved(place, ref, comment="hello") for ref in refs]
    publisher = Publisher(place.setup, place.desk._loop, place.desk._refresher)

    def odd(update: Update) -> Sent:
        raise KeyError("a field that the connector did not expect")

    system.troubles = [odd]
    with pytest.raises(KeyError):
        publisher.run_due("local")
    publisher.run_due("local")
    assert after(place, drafts[1]).state is DraftState.PUSHED
    assert after(place, drafts[0]).state is DraftState.PUSHING


# --- what else can be in the way --------------------------------------------------------------------------------------


def test_an_update_is_never_looked_for_or_sent_on_another_system_of_the_same_name(
    place: Place, system: Stepwise
) -> None:
    ref = place.ticket(status="open")
    draft = both(place, ref)
    system.troubles = [lost]
    publisher = Publisher(place.setup, place.desk._loop, place.desk._refresher)
    publisher.run_due()
    system.origin = "https://another.example"
    place.clock.move(seconds=70)
    publisher.run_due()
    held = after(place, draft)
    assert held.state is DraftState.NEEDS_HUMAN
    assert "another system" in (held.note or "")
    assert len(system.sent) == 1


def test_refused_credentials_leave_an_update_where_it_is(place: Place, system: Stepwise) -> None:
    def stranger(update: Update) -> Sent:
        raise CredentialsRefused("local: the token is not taken")

    draft = both(place, place.ticket(status="open"))
    system.troubles = [fine, stranger]
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert (after(place, draft).state, push.credentials, push.at) == (DraftState.PUSHING, True, 1)


def test_push_does_not_wait_for_ever_for_a_system_that_went_away(place: Place, system: Stepwise) -> None:
    draft = approved(place, place.ticket(), comment="hello")

    def gone(update: Update) -> Sent:
        system.unreadable = 10**9
        return lost(update)

    system.troubles = [gone]
    began = place.clock.now()
    (push,) = place.desk.do(PushApproved()).unwrap()
    took = (place.clock.now() - began).total_seconds()
    assert (push.step, push.done) == (StepState.UNKNOWN, False)
    assert BLIND_WAIT * 0.9 < took < BLIND_WAIT + 120
    system.unreadable = 0
    place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED


def test_a_version_that_is_overtaken_is_read_again(place: Place, system: Stepwise) -> None:
    def overtaken(update: Update) -> Sent:
        place.local.comment(update.ticket.key, "dana", "me too")
        raise Conflict("somebody was faster")

    ref = place.ticket(status="open")
    draft = both(place, ref)
    system.troubles = [overtaken]
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
    assert [overlap["author"] for overlap in push.overlaps] == ["dana"]


def test_who_we_are_is_asked_once_the_system_answered(
    place: Place, system: Stepwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then nobody knows, and our own entries would be told as somebody else's."""
    ref = place.ticket(status="open")
    both(place, ref)
    answered: list[str] = []
    read = system.ticket

    async def ticket(key: str) -> Any:
        answered[:] = ["bot-7"]
        return await read(key)

    def change(update: Update) -> None:
        place.local.change(ref.key, "bot-7", {"/team": "web"})

    monkeypatch.setattr(system, "ticket", ticket)
    monkeypatch.setattr(system, "me", lambda: "".join(answered))
    system.troubles = [change]
    (push,) = place.desk.do(PushApproved()).unwrap()
    assert (push.step, push.overlaps) == (StepState.VERIFIED, ())


def test_a_queue_that_was_read_again_changes_nothing_about_an_update(place: Place, system: Stepwise) -> None:
    ref = place.ticket(status="open")
    draft = both(place, ref)
    place.local.comment(ref.key, "dana", "me too")
    place.desk.do(RefreshTickets()).unwrap()
    place.desk.do(PushApproved()).unwrap()
    assert after(place, draft).state is DraftState.PUSHED
