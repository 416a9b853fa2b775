"""The publisher's decisions one by one; the simulation plays them all together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opstui.core import approval, publishing
from opstui.core.drafts import DraftOp, PushRecord, StepState
from opstui.core.ports import Capabilities
from opstui.core.publishing import (
    Conflicted,
    Decision,
    Expired,
    FindOp,
    Look,
    NeedsHuman,
    Nothing,
    Observation,
    Read,
    ReadBack,
    RequestFailed,
    RequestRefused,
    Send,
    SentOk,
    Terms,
    TicketRead,
    Verified,
    VersionRefused,
    Wait,
    WaitFor,
    retry_after,
)
from opstui.core.tickets import EntryKind, Ticket
from tests.core.building import NOW, REF, comment, draft, entry, set_op, ticket

STATUS = set_op("/status", "open", "waiting")
OURS = entry(1, "Looking into it.", author="alex", op_id="01JOPID")


def terms(*ops: DraftOp, findable: bool = True, atomic: bool = False) -> Terms:
    """What is sent, and to what kind of system."""
    content = approval.payload(draft(*ops), origin="o", files={})
    capabilities = Capabilities(marker_findable=findable, atomic=atomic, settle_seconds=60)
    return Terms(approved=approval.read_payload(content), capabilities=capabilities, own=("alex",))


def row(step: StepState = StepState.PLANNED, **more: object) -> PushRecord:
    """An outbox row, approved a minute ago."""
    given: dict[str, object] = {
        "id": "01JOPID",
        "draft": "D1",
        "system": "local",
        "ticket": REF,
        "payload": b"",
        "fingerprint": "",
        "step": step,
        "approved_at": NOW - timedelta(minutes=1),
        "expires_at": NOW + timedelta(minutes=14),
    }
    return PushRecord(**{**given, **more})  # type: ignore[arg-type]


def decide(push: PushRecord, seen: Observation, about: Terms, *, after: float = 0.0, chance: float = 0.5) -> Decision:
    """Decide so many seconds from now."""
    return publishing.decide(push, seen, about, now=NOW + timedelta(seconds=after), chance=chance)


def read(now: Ticket, found: str | None = None, *, after: float = 0.0) -> TicketRead:
    """A ticket that was asked for so many seconds from now."""
    return TicketRead(now, NOW + timedelta(seconds=after), found)


def test_an_update_is_read_sent_read_back_and_verified() -> None:
    about = terms(STATUS, comment())
    one = decide(row(), Look(), about)
    assert one.step == Read()
    two = decide(one.push, read(ticket(version="7")), about)
    assert two.step == Send("7", ())
    assert (two.push.step, two.push.attempts, two.push.sent_at) == (StepState.SENDING, 1, NOW)
    three = decide(two.push, SentOk("e1"), about, after=1)
    assert (three.step, three.push.step) == (ReadBack(), StepState.UNKNOWN)
    four = decide(three.push, read(ticket(status="waiting", timeline=[OURS]), "INC-1042#1", after=1), about, after=2)
    assert four.step == Verified("INC-1042#1", ())
    assert four.push.done
    assert decide(four.push, Look(), about).step == Nothing()


def test_a_foreign_change_of_the_same_field_stops_the_push() -> None:
    made = decide(row(), read(ticket(status="resolved")), terms(STATUS, comment()))
    assert made.step == Conflicted(("/status",), ("resolved",))
    assert (made.push.step, made.push.attempts, made.push.done) == (StepState.CONFLICT, 0, True)


def test_another_change_is_an_overlap_and_no_reason_to_stop() -> None:
    about = terms(STATUS)
    theirs = entry(1, "me too")
    assert isinstance(decide(row(), read(ticket(team="db", timeline=[theirs])), about).step, Send)
    after = ticket(status="waiting", timeline=[theirs, replace(OURS, id="INC-1042#2")])
    made = decide(row(StepState.UNKNOWN, sent_at=NOW), read(after), about)
    assert isinstance(made.step, Verified)
    assert made.step.overlaps == (theirs,)
    assert made.push.overlaps[0]["text"] == "me too"


def test_what_somebody_set_already_is_not_sent_and_said() -> None:
    about = terms(STATUS, comment())
    made = decide(row(), read(ticket(status="waiting")), about)
    assert made.step == Send("1", (0,))
    after = read(ticket(status="waiting", timeline=[OURS]), after=1)
    done = decide(decide(made.push, SentOk(), about).push, after, about, after=1)
    assert isinstance(done.step, Verified)
    assert done.step.done == ("/status",)


def test_an_update_of_which_all_is_done_already_is_not_sent() -> None:
    made = decide(row(), read(ticket(status="waiting")), terms(STATUS))
    assert isinstance(made.step, Verified)
    assert (made.step.done, made.step.remote_id) == (("/status",), None)


def test_an_approval_that_lapsed_sends_nothing() -> None:
    for seen in (Look(), read(ticket(), after=841)):
        made = decide(row(), seen, terms(comment()), after=841)
        assert made.step == Expired()
        assert made.push.error == "needs confirming again"


def test_a_clock_that_went_back_far_voids_the_approval() -> None:
    assert decide(row(), Look(), terms(comment()), after=-3600).step == Expired()


def test_a_ticket_that_was_read_before_the_machine_slept_is_read_again() -> None:
    assert decide(row(), read(ticket()), terms(comment()), after=31).step == Read()


def test_sending_found_at_the_start_is_looked_for_at_once_and_counts_as_absent_only_after_settling() -> None:
    about = terms(comment())
    one = decide(row(StepState.SENDING, sent_at=NOW - timedelta(hours=1), attempts=1), Look(), about)
    assert (one.step, one.push.step) == (ReadBack(), StepState.UNKNOWN)
    two = decide(one.push, read(ticket()), about)
    assert isinstance(two.step, Wait)
    assert two.step.why is WaitFor.SETTLE
    early = decide(two.push, Look(), about, after=0.4)
    assert isinstance(early.step, Wait)
    late = decide(two.push, Look(), about, after=60)
    assert late.step == FindOp()
    absent = decide(late.push, read(ticket(), after=60), about, after=61)
    assert (absent.step, absent.push.step) == (Read(), StepState.PLANNED)


def test_absence_that_was_asked_for_too_early_proves_nothing() -> None:
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=1, error="time-out")
    made = decide(push, read(ticket(), after=59), terms(comment()), after=100)
    assert isinstance(made.step, Wait)


def test_where_the_marker_can_not_be_found_a_person_is_asked() -> None:
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=1, error="time-out")
    made = decide(push, read(ticket(), after=61), terms(comment(), findable=False), after=61)
    assert isinstance(made.step, NeedsHuman)
    assert made.push.step is StepState.UNKNOWN


def test_presence_proves_at_any_time_that_it_arrived() -> None:
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=1, error="time-out")
    made = decide(push, read(ticket(timeline=[OURS])), terms(comment(), findable=False))
    assert isinstance(made.step, Verified)


def test_an_old_copy_of_the_ticket_is_not_believed_while_it_lacks_what_was_found() -> None:
    about = terms(STATUS, comment())
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=1)
    assert isinstance(decide(push, read(ticket(), "INC-1042#1"), about).step, Wait)
    assert isinstance(decide(push, read(ticket(timeline=[OURS]), "INC-1042#1"), about).step, NeedsHuman)


def test_a_yes_without_the_field_set_is_half_an_update() -> None:
    made = decide(row(StepState.UNKNOWN, sent_at=NOW), read(ticket(timeline=[OURS])), terms(STATUS, comment()))
    assert made.step == NeedsHuman("half of it is on the ticket: status is open instead of waiting")


def test_where_updates_arrive_whole_a_difference_is_somebody_elses_later_change() -> None:
    now = ticket(status="resolved", timeline=[OURS, entry(2, "resolved it", kind=EntryKind.STATUS)])
    made = decide(row(StepState.UNKNOWN, sent_at=NOW), read(now), terms(STATUS, comment(), atomic=True))
    assert isinstance(made.step, Verified)
    assert "status is resolved" in made.step.note
    assert len(made.step.overlaps) == 1


@pytest.mark.parametrize(
    ("seen", "step", "why"),
    [
        (RequestFailed("time-out", maybe_applied=True), StepState.UNKNOWN, WaitFor.SETTLE),
        (RequestFailed("refused", maybe_applied=False), StepState.PLANNED, WaitFor.RETRY),
        (RequestFailed("429", maybe_applied=False, retry_after=7), StepState.PLANNED, WaitFor.RETRY),
        (RequestRefused("401", credentials=True), StepState.PLANNED, WaitFor.CREDENTIALS),
    ],
)
def test_a_write_that_failed_waits(seen: Observation, step: StepState, why: WaitFor) -> None:
    made = decide(row(StepState.SENDING, sent_at=NOW, attempts=1), seen, terms(comment()))
    assert made.push.step is step
    assert isinstance(made.step, Wait)
    assert made.step.why is why
    assert made.push.not_before == made.step.until
    assert (made.push.sent_at is None) == (step is StepState.PLANNED)
    assert made.push.error == made.step.reason


def test_a_read_that_failed_leaves_what_is_unknown_unknown() -> None:
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=1, error="time-out")
    for seen in (RequestFailed("refused", maybe_applied=False), RequestRefused("401", credentials=True)):
        made = decide(push, seen, terms(comment()), after=70)
        assert made.push.step is StepState.UNKNOWN
        assert made.push.sent_at == NOW


def test_a_refused_write_needs_a_person() -> None:
    made = decide(row(StepState.SENDING, sent_at=NOW), RequestRefused("no such status"), terms(STATUS))
    assert made.step == NeedsHuman("no such status")
    assert made.push.step is StepState.PLANNED


def test_a_version_that_was_overtaken_is_read_again_but_not_for_ever() -> None:
    push = row(StepState.SENDING, sent_at=NOW, attempts=1)
    assert decide(push, VersionRefused(), terms(STATUS)).step == Read()
    busy = replace(push, attempts=publishing.RACE_LIMIT)
    assert isinstance(decide(busy, VersionRefused(), terms(STATUS)).step, NeedsHuman)


def test_what_leaves_no_trace_again_and_again_needs_a_person() -> None:
    push = row(StepState.UNKNOWN, sent_at=NOW, attempts=publishing.RESEND_LIMIT)
    assert isinstance(decide(push, read(ticket(), after=61), terms(comment()), after=61).step, NeedsHuman)


def test_a_pause_that_was_asked_for_is_kept_but_never_beyond_the_approval() -> None:
    push = row(StepState.SENDING, sent_at=NOW, attempts=1)
    made = decide(push, RequestFailed("429", maybe_applied=False, retry_after=240), terms(comment()))
    assert made.push.not_before == NOW + timedelta(seconds=240)
    assert isinstance(decide(made.push, Look(), terms(comment()), after=239).step, Wait)
    assert decide(made.push, Look(), terms(comment()), after=240).step == Read()
    short = replace(push, expires_at=NOW + timedelta(seconds=30))
    made = decide(short, RequestFailed("429", maybe_applied=False, retry_after=240), terms(comment()))
    assert made.push.not_before == short.expires_at
    assert decide(made.push, Look(), terms(comment()), after=30).step == Expired()


def test_jitter_is_full_and_bounded() -> None:
    push = row(StepState.SENDING, sent_at=NOW, attempts=1, failures=9)
    failed = RequestFailed("refused", maybe_applied=False)
    waits = [decide(push, failed, terms(comment()), chance=chance).push.not_before for chance in (0.0, 0.999)]
    assert waits[0] == NOW
    assert waits[1] is not None
    assert timedelta(seconds=9.9) < waits[1] - NOW < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), (" 12 ", 12.0), ("301", 300.0), ("99999999999999999999", 300.0), (7.5, 7.5),
        (float("inf"), 300.0), (float("nan"), None), (-1, None), ("-1", None), ("soon", None), ("1.5", None),
        (1e300, 300.0), ("", None), (None, None), ("٣", None), (True, None),
        ("Fri, 20 Nov 2026 03:15:09 GMT", 60.0),
        ("Fri, 20 Nov 2026 03:00:00 GMT", 0.0), ("Fri, 20 Nov 2030 03:00:00 GMT", 300.0), ("Fri, 99 Nov 2026", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_otherwise_absent(value: str | float | None, seconds: float) -> None:
    assert retry_after(value, datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)) == seconds
