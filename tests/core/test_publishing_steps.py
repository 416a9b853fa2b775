"""Updates in steps: which there are, what is sent when, and what the ticket itself tells where no op id can."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from opstui.core import approval, publishing
from opstui.core.drafts import DraftOp, OpKind, PushRecord, PushStep, StepState
from opstui.core.ids import step_id, step_ids
from opstui.core.ports import Capabilities
from opstui.core.publishing import (
    Conflicted,
    Decision,
    FindOp,
    Look,
    NeedsHuman,
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
    Wait,
    WaitFor,
)
from opstui.core.push_steps import names, split, weigh
from opstui.core.text import SafeText
from opstui.core.tickets import EntryKind, Ticket, TicketAttachment, TimelineEntry
from tests.core.building import NOW, REF, attachment, comment, draft, entry, set_op, ticket

OP_ID = "01JAAAAAAAAAAAAAAAAAAAAAA0"
STATUS = set_op("/status", "open", "waiting")
TEAM = set_op("/team", "web", "db")
FILE = attachment("trace.bin", b"12345")
NOTE_FIRST = (("/comment",), ("*",))


def terms(*ops: DraftOp, **can: object) -> Terms:
    """What is sent, and what the system can: op ids in comments, note first, unless told otherwise."""
    files = {op.file.sha256: b"12345" for op in ops if op.file is not None}
    content = approval.payload(draft(*ops, op_id=OP_ID), origin="o", files=files)
    given: dict[str, object] = {"marker_in_comment": True, "steps": NOTE_FIRST, "settle_seconds": 60}
    return Terms(
        approved=approval.read_payload(content),
        capabilities=Capabilities(**given | can),  # type: ignore[arg-type]
        own=("alex",),
    )


def row(**more: object) -> PushRecord:
    """An outbox row, approved a minute ago."""
    given: dict[str, object] = {
        "id": OP_ID, "draft": "D1", "system": "local", "ticket": REF, "payload": b"", "fingerprint": "",
        "step": StepState.PLANNED, "approved_at": NOW - timedelta(minutes=1), "expires_at": NOW + timedelta(minutes=14),
    }  # fmt: skip
    return PushRecord(**given | more)  # type: ignore[arg-type]


class Play:
    """One row through one observation after the other."""

    def __init__(self, about: Terms, push: PushRecord | None = None) -> None:
        self.about = about
        self.push = push or row()

    def __call__(self, seen: Observation, *, after: float = 0.0) -> object:
        """Decide so many seconds from now; the step."""
        made: Decision = publishing.decide(self.push, seen, self.about, now=NOW + timedelta(seconds=after), chance=0.5)
        self.push = made.push
        return made.step

    def read(self, now: Ticket, found: str | None = None, *, after: float = 0.0) -> object:
        """The ticket as it was asked for then."""
        return self(TicketRead(now, NOW + timedelta(seconds=after), found), after=after)

    def lost(self) -> None:
        """The first step was sent, and no answer came."""
        self(Look())
        assert isinstance(self.read(ticket(team="web")), Send)
        self(RequestFailed("time-out", maybe_applied=True))

    @property
    def states(self) -> list[str]:
        """Of each step."""
        return [self.push.state_of(index).value for index in range(len(self.push.steps))]


def note(number: int = 1, op_id: str = OP_ID) -> TimelineEntry:
    """Our comment on the ticket."""
    return entry(number, "Looking into it.", author="alex", op_id=op_id)


# --- which steps there are --------------------------------------------------------------------------------------------


def test_an_update_has_a_step_for_each_group_that_it_has_something_of() -> None:
    ops = (
        STATUS,
        set_op("/fields/Service", None, "pay"),
        comment(),
        FILE,
        DraftOp(op=OpKind.ADD, path="/tags", to="x"),
    )
    assert split(ops, (("*",),)) == ((0, 1, 2, 3, 4),)
    assert split(ops, NOTE_FIRST) == ((2,), (0, 1, 3, 4))
    assert split(ops, (("/attachments",), ("/comment",), ("/fields/*", "/status"), ("*",))) == (
        (3,),
        (2,),
        (0, 1),
        (4,),
    )
    assert split(ops, (("/comment", "/fields/*"), ("/fields/Service", "*"))) == ((1, 2), (0, 3, 4))
    assert split((STATUS,), NOTE_FIRST) == ((0,),)


def test_what_no_group_names_is_sent_all_the_same() -> None:
    assert split((STATUS, comment()), (("/comment",),)) == ((1,), (0,))


def test_each_step_has_an_op_id_of_its_own() -> None:
    assert step_id(OP_ID, 0) == OP_ID
    assert step_id(OP_ID, 1) == OP_ID[:-1] + "1"
    assert step_id("01JAAAAAAAAAAAAAAAAAAAAAZZ", 2) == "01JAAAAAAAAAAAAAAAAAAAAB01"
    assert step_id("Z", 1) == "0"
    assert len(step_ids(OP_ID)) == 16


def test_a_row_that_an_older_program_was_sending_is_one_step() -> None:
    play = Play(terms(STATUS, comment()), row(step=StepState.SENDING, attempts=1, sent_at=NOW))
    assert play(Look()) == ReadBack()
    assert [step.ops for step in play.push.steps] == [(0, 1)]


# --- one after the other ----------------------------------------------------------------------------------------------


def test_a_step_is_sent_once_the_one_before_it_was_read_back() -> None:
    play = Play(terms(STATUS, comment()))
    assert play(Look()) == Read()
    assert play.read(ticket(version="7")) == Send("7", ())
    assert (play.states, play.push.current.op_id) == (["sending", "planned"], OP_ID)
    assert play(SentOk("c9")) == ReadBack()
    assert play.states == ["unknown", "planned"]
    assert play.read(ticket(version="8", timeline=[note()]), "INC-1042#1") == Send("8", ())
    assert (play.states, play.push.current.op_id) == (["verified", "sending"], step_id(OP_ID, 1))
    play(SentOk())
    done = play.read(ticket(status="waiting", version="9", timeline=[note()]))
    assert done == Verified("INC-1042#1", ())
    assert play.states == ["verified", "verified"]
    assert [step.attempts for step in play.push.steps] == [1, 1]
    assert (play.push.attempts, play.push.step, play.push.done) == (2, StepState.VERIFIED, True)


def test_what_was_found_of_one_step_is_no_sign_of_the_next() -> None:
    """A system whose timeline tells no op ids."""
    play = Play(terms(STATUS, comment()))
    play(Look())
    play.read(ticket())
    play(SentOk())
    assert isinstance(play.read(ticket(timeline=[replace(note(), op_id=None)]), "INC-1042#1"), Send)
    assert play.states == ["verified", "sending"]


def test_before_each_step_only_its_own_operations_are_compared() -> None:
    """What an earlier step set is no conflict, and neither is what somebody made of it since."""
    play = Play(terms(STATUS, TEAM, steps=(("/status",), ("*",))))
    play(Look())
    play.read(ticket(team="web"))
    play(SentOk())
    assert isinstance(play.read(ticket(status="waiting", team="web")), Send)
    play(RequestFailed("refused", maybe_applied=False))
    play(Look(), after=2)
    assert isinstance(play.read(ticket(status="resolved", team="web"), after=2), Send)


def test_a_sender_that_dies_between_two_steps_is_taken_up_at_the_second() -> None:
    play = Play(terms(STATUS, comment()))
    play(Look())
    play.read(ticket())
    play(SentOk())
    play.read(ticket(timeline=[note()]))
    assert play.states == ["verified", "sending"]
    assert play(Look(), after=5) == ReadBack()
    assert play.states == ["verified", "unknown"]
    assert isinstance(play.read(ticket(timeline=[note()]), after=5), Wait)
    assert play(Look(), after=65) == FindOp()
    assert play.read(ticket(timeline=[note()]), after=65) == Read()
    assert play.read(ticket(version="4", timeline=[note()]), after=66) == Send("4", ())
    assert play.push.current.ops == (0,)


def test_an_approval_counts_to_the_first_byte_and_later_steps_go_on() -> None:
    play = Play(terms(STATUS, comment()))
    play(Look())
    play.read(ticket())
    play(SentOk())
    play.read(ticket(timeline=[note()]))
    play(RequestFailed("429", maybe_applied=False, retry_after=300))
    assert play.push.step is StepState.PLANNED
    assert play(Look(), after=3600) == Read()
    assert isinstance(play.read(ticket(timeline=[note()]), after=3600), Send)


def test_a_step_that_somebody_else_did_is_passed_over_and_starts_nothing() -> None:
    play = Play(terms(STATUS, comment(), steps=(("/status",), ("*",))))
    play(Look())
    assert isinstance(play.read(ticket(status="waiting")), Send)
    assert (play.push.current.ops, play.push.already, play.push.started) == ((1,), ("/status",), False)
    play(RequestFailed("refused", maybe_applied=False))
    assert play(Look(), after=841) == publishing.Expired()


def test_a_conflict_of_a_later_step_is_seen_before_the_first_one_is_sent() -> None:
    """Or the comment would stand there alone, about something that did not happen."""
    play = Play(terms(STATUS, comment()))
    play(Look())
    assert play.read(ticket(status="resolved")) == Conflicted(("/status",), ("resolved",))
    assert play.push.attempts == 0


# --- half of it -------------------------------------------------------------------------------------------------------


def test_a_conflict_before_a_later_step_says_what_is_on_the_ticket_and_what_is_not() -> None:
    play = Play(terms(STATUS, TEAM, comment()))
    play(Look())
    play.read(ticket(team="web"))
    play(SentOk())
    step = play.read(ticket(status="resolved", team="web", timeline=[note(), entry(2, kind=EntryKind.STATUS)]))
    assert step == NeedsHuman("/status changed on the ticket; on the ticket: comment; not sent: status, team")
    assert play.push.done


def test_a_refused_later_step_says_what_is_on_the_ticket_and_what_is_not() -> None:
    play = Play(terms(STATUS, comment(), FILE))
    play(Look())
    play.read(ticket())
    play(SentOk())
    play.read(ticket(timeline=[note()]))
    step = play(RequestRefused("jira: resolution is required"))
    assert step == NeedsHuman("jira: resolution is required; on the ticket: comment; not sent: status, trace.bin")
    assert play.push.step is StepState.PLANNED


def test_a_first_step_that_is_unknown_leaves_no_doubt_about_the_rest() -> None:
    play = Play(terms(STATUS, comment(), marker_in_comment=False))
    play.lost()
    play(Look(), after=60)
    step = play.read(ticket(team="web"), after=60)
    assert step == NeedsHuman(
        "it can't be seen on the ticket whether the update arrived: comment; not sent: status"
    )  # fmt: skip


def test_half_of_a_step_that_broke_off_is_parted_and_the_rest_is_sent_by_itself() -> None:
    play = Play(terms(STATUS, TEAM, comment(), marker_findable=True, steps=(("*",),)))
    play.lost()
    play(Look(), after=60)
    half = ticket(status="waiting", team="web", timeline=[note()])
    assert play.read(half, "INC-1042#1", after=60) == Read()
    assert [(step.ops, step.op_id) for step in play.push.steps] == [((0, 2), OP_ID), ((1,), step_id(OP_ID, 1))]
    assert isinstance(play.read(half, after=61), Send)
    play(SentOk(), after=62)
    assert isinstance(play.read(ticket(status="waiting", team="db", timeline=[note()]), after=62), Verified)


def test_half_of_a_step_that_is_still_arriving_is_waited_for() -> None:
    play = Play(terms(STATUS, comment(), marker_findable=True, steps=(("*",),)))
    play.lost()
    step = play.read(ticket(timeline=[note()]), "INC-1042#1", after=1)
    assert isinstance(step, Wait)
    assert step.why is WaitFor.SETTLE
    assert isinstance(play.read(ticket(status="waiting", timeline=[note()]), "INC-1042#1", after=3), Verified)


def test_a_field_that_somebody_set_back_after_half_of_it_arrived_is_theirs() -> None:
    play = Play(terms(STATUS, TEAM, comment(), marker_findable=True, steps=(("*",),)))
    play.lost()
    play(Look(), after=60)
    back = ticket(team="db", timeline=[note(), entry(2, "set back", kind=EntryKind.STATUS)])
    step = play.read(back, "INC-1042#1", after=60)
    assert step == NeedsHuman("half of it is on the ticket: status is open instead of waiting")


def test_a_status_that_a_system_ignores_with_a_yes_is_told_at_once() -> None:
    """RT answers 200 with the error in a list, Redmine 204 and no word."""
    bogus = set_op("/status", "new", "bogus")
    play = Play(terms(bogus, comment(), marker_findable=True, steps=(("*",),)))
    play(Look())
    play.read(ticket(status="new"))
    play(SentOk())
    step = play.read(ticket(status="new", timeline=[note()]), "INC-1042#1")
    assert step == NeedsHuman("half of it is on the ticket: status is new instead of bogus")


# --- without an op id -------------------------------------------------------------------------------------------------


def test_fields_that_are_there_after_settling_arrived() -> None:
    play = Play(terms(STATUS, TEAM))
    play.lost()
    assert isinstance(play.read(ticket(status="waiting", team="db"), after=5), Wait)
    assert play(Look(), after=60) == FindOp()
    assert isinstance(play.read(ticket(status="waiting", team="db"), after=60), Verified)


def test_fields_that_a_system_said_yes_to_are_believed_when_they_are_seen() -> None:
    play = Play(terms(STATUS, TEAM))
    play(Look())
    play.read(ticket(team="web"))
    play(SentOk())
    assert isinstance(play.read(ticket(status="waiting", team="db"), after=1), Verified)


def test_fields_that_are_as_before_after_settling_are_sent_again() -> None:
    play = Play(terms(STATUS, TEAM))
    play.lost()
    play(Look(), after=60)
    assert play.read(ticket(team="web"), after=60) == Read()
    assert play.read(ticket(team="web"), after=61) == Send("1", ())
    assert play.push.current.attempts == 2


def test_of_fields_that_arrived_by_half_the_others_are_sent() -> None:
    play = Play(terms(STATUS, TEAM))
    play.lost()
    play(Look(), after=60)
    half = ticket(status="waiting", team="web")
    assert play.read(half, after=60) == Read()
    assert isinstance(play.read(half, after=61), Send)
    assert (play.push.current.ops, play.push.already) == ((1,), ())


def test_a_field_with_somebody_elses_value_after_settling_is_a_conflict() -> None:
    play = Play(terms(STATUS))
    play.lost()
    play(Look(), after=60)
    assert play.read(ticket(status="resolved", team="web"), after=60) == Conflicted(("/status",), ("resolved",))


def test_fields_that_a_system_said_yes_to_and_does_not_show_need_a_person() -> None:
    play = Play(terms(set_op("/status", "new", "bogus")))
    play(Look())
    play.read(ticket(status="new"))
    play(SentOk())
    assert isinstance(play.read(ticket(status="new"), after=1), Wait)
    play(Look(), after=60)
    assert play.read(ticket(status="new"), after=60) == NeedsHuman("status is new instead of bogus")


def test_a_comment_that_a_system_said_yes_to_is_known_by_its_words_among_the_new_ones() -> None:
    old = entry(1, "Looking into it.", author="alex")
    play = Play(terms(comment(), marker_in_comment=False))
    play(Look())
    play.read(ticket(timeline=[old]))
    play(SentOk())
    assert isinstance(play.read(ticket(timeline=[old]), after=1), Wait)
    assert isinstance(play.read(ticket(timeline=[old, entry(2, "Looking  into it.\n")]), after=2), Verified)


def test_a_comment_without_a_yes_is_not_known_by_its_words() -> None:
    play = Play(terms(comment(), marker_in_comment=False))
    play.lost()
    play(Look(), after=60)
    assert isinstance(play.read(ticket(timeline=[entry(1, "Looking into it.")]), after=60), NeedsHuman)


# --- files ------------------------------------------------------------------------------------------------------------


def with_files(*files: tuple[str, int], **more: object) -> Ticket:
    """A ticket with these on it."""
    made = ticket(**more)  # type: ignore[arg-type]
    return replace(made, attachments=tuple(TicketAttachment(SafeText(name), size) for name, size in files))


def lost_file(*before: tuple[str, int], ops: tuple[DraftOp, ...] = (FILE,)) -> Play:
    """Files were sent to a ticket that had these, and no answer came; that is a minute ago."""
    play = Play(terms(*ops, steps=(("/attachments",), ("*",))))
    play(Look())
    play.read(with_files(*before))
    play(RequestFailed("time-out", maybe_applied=True))
    assert play(Look(), after=60) == FindOp()
    return play


def test_a_file_is_there_once_there_is_one_more_of_its_name_and_size() -> None:
    play = lost_file(("trace.bin", 5))
    assert isinstance(play.read(with_files(("trace.bin", 5), ("trace.bin", 5)), after=60), Verified)


def test_a_file_of_the_same_name_and_size_that_was_there_before_is_not_ours() -> None:
    play = lost_file(("trace.bin", 5))
    assert play.read(with_files(("trace.bin", 5)), after=60) == Read()
    assert isinstance(play.read(with_files(("trace.bin", 5)), after=61), Send)
    play(RequestFailed("time-out", maybe_applied=True), after=62)
    assert isinstance(play.read(with_files(("trace.bin", 5)), after=63), Wait)
    assert isinstance(play(Look(), after=130), FindOp)
    assert isinstance(play.read(with_files(("trace.bin", 5), ("trace.bin", 5)), after=130), Verified)


@pytest.mark.parametrize("other", [("trace-1.bin", 5), ("trace.bin", 7)])
def test_a_new_file_that_is_like_ours_in_name_or_size_only_leaves_a_doubt(other: tuple[str, int]) -> None:
    play = lost_file()
    step = play.read(with_files(other), after=60)
    assert step == NeedsHuman("it can't be seen on the ticket whether the update arrived: trace.bin")


def test_of_two_files_the_one_that_is_missing_is_sent() -> None:
    play = lost_file(ops=(FILE, attachment("notes.md", b"12345")))
    assert play.read(with_files(("trace.bin", 5)), after=60) == Read()
    assert isinstance(play.read(with_files(("trace.bin", 5)), after=61), Send)
    assert names(play.about.approved.operations, play.push.current.ops) == "notes.md"


def test_a_file_that_came_after_it_was_held_for_lost_is_not_sent_again() -> None:
    play = lost_file(ops=(FILE, attachment("notes.md", b"12345")))
    play.read(with_files(), after=60)
    assert play.read(with_files(("trace.bin", 5)), after=61) == Send("1", (0,))


def test_two_files_of_one_name_and_size_are_counted() -> None:
    twins = (FILE, replace(FILE, file=replace(FILE.file, sha256="1" * 64)))  # type: ignore[type-var]
    step = PushStep(ops=(0, 1), op_id=OP_ID, files=((1, 1), (1, 1)))
    one_more = weigh(twins, step, with_files(("trace.bin", 5), ("trace.bin", 5)), proven=False)
    assert (one_more.there, one_more.absent, one_more.doubtful) == ((0,), (1,), ())
    assert weigh(twins, step, with_files(*[("trace.bin", 5)] * 3), proven=False).there == (0, 1)


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_who_asks_for_no_pause_again_and_again_is_given_one() -> None:
    play = Play(terms(comment()))
    waits = []
    for _ in range(6):
        play.push = replace(play.push, not_before=None)
        play(Look())
        step = play(RequestFailed("429", maybe_applied=False, retry_after=0))
        assert isinstance(step, Wait)
        waits.append((step.until - NOW).total_seconds())
    assert waits[:3] == [0, 0, 0]
    assert min(waits[3:]) > 1


def test_failures_are_counted_until_something_answers() -> None:
    play = Play(terms(comment()))
    for _ in range(3):
        play(RequestFailed("away", maybe_applied=False))
    assert play.push.failures == 3
    play.read(ticket())
    assert play.push.failures == 0


def test_a_read_that_is_refused_says_nothing_of_a_write_and_is_tried_again_a_few_times() -> None:
    play = Play(terms(comment()))
    play.lost()
    steps = [play(RequestRefused("a web page answered")) for _ in range(3)]
    assert [type(step) for step in steps] == [Wait, Wait, NeedsHuman]
    assert play.push.step is StepState.UNKNOWN


def test_a_comment_that_may_have_lost_its_mark_is_not_sent_again() -> None:
    """RT takes a comment and leaves its custom field out where the account may not set it."""
    for text, step in (("Looking into it.", NeedsHuman), ("Looking into something.", Read)):
        play = Play(terms(comment(), marker_findable=True))
        play.lost()
        play(Look(), after=60)
        assert isinstance(play.read(ticket(team="web", timeline=[entry(1, text, author="alex")]), after=60), step)
