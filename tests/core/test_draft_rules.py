"""Drafts: edits as typed, legal moves only, and nothing approved that was not read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from opstui.core import approval, draft_edits, draft_rules
from opstui.core.canonical import fingerprint
from opstui.core.draft_rules import Move, allowed
from opstui.core.drafts import Draft, DraftChanges, DraftState, OpKind, Origin
from opstui.core.errors import OpstuiError, Refused, UsageError
from opstui.core.merge import conflicts, three_way
from opstui.core.ports import Capabilities
from opstui.core.tickets import Status, StatusCategory, Ticket, Visibility
from tests.core.building import NOW, comment, draft, entry, set_op, ticket

ALL = Capabilities(fields=("/status", "/severity", "/assignee", "/team", "/tags", "/fields/*"))
GITHUB = Capabilities(internal_comments=False, attachments=False, fields=("/status", "/assignee", "/tags"))


def edit(
    one: Draft,
    changes: DraftChanges,
    on: Ticket | None = None,
    *,
    can: Capabilities = ALL,
    transitions: tuple[str, ...] | None = ("waiting", "resolved"),
    origin: Origin = Origin.OPERATOR,
) -> Draft:
    """An edit by an operator."""
    return draft_rules.edit(
        one, changes, on or ticket(), capabilities=can, transitions=transitions, origin=origin, now=NOW, op_id="FRESH",
        me="alex",
    )  # fmt: skip


def agents(text: str = "It began at 03:14.") -> Draft:
    """A draft as an agent proposes it."""
    empty = draft_rules.new_draft(ticket(), draft_id="D", op_id="OP", operator="alex", now=NOW, origin=Origin.AGENT)
    return edit(empty, DraftChanges(comment=text, set={"/team": "db"}), origin=Origin.AGENT)


# --- edits


def test_fields_are_read_as_they_are_typed() -> None:
    one = edit(
        draft(),
        DraftChanges(
            set={"/status": "WAITING", "/severity": "1", "/assignee": " me , dana,,dana", "/fields/cause": "a\nb"}
        ),
    )
    assert [(op.path, op.before, op.to) for op in one.ops] == [
        ("/status", "open", "waiting"),
        ("/severity", "2", "1"),
        ("/assignee", [], ["alex", "dana"]),
        ("/fields/cause", None, "a\nb"),
    ]
    assert one.state is DraftState.EDITED


def test_nothing_clears_a_field() -> None:
    full = ticket(team="db", severity="2", assignees=["dana"])
    one = edit(draft(on=full), DraftChanges(set={"/team": "", "/severity": None, "/assignee": ""}), full)
    assert [(op.path, op.to) for op in one.ops] == [("/team", None), ("/severity", None), ("/assignee", [])]


def test_a_list_of_tags_becomes_one_operation_for_each_difference() -> None:
    tagged = ticket(tags=["a", "b"])
    one = edit(draft(on=tagged), DraftChanges(set={"/tags": "b, c"}), tagged)
    assert [(op.op, op.to) for op in one.ops] == [(OpKind.ADD, "c"), (OpKind.REMOVE, "a")]
    assert edit(one, DraftChanges(set={"/tags": "a,b"}), tagged).ops == ()


def test_a_value_that_the_ticket_has_is_no_change() -> None:
    one = draft(comment())
    assert edit(one, DraftChanges(set={"/status": "Open", "/team": ""})) is one


def test_taking_a_change_back_drops_its_operation() -> None:
    one = edit(draft(), DraftChanges(set={"/severity": "1"}, comment="x"))
    assert edit(one, DraftChanges(set={"/severity": "2"})).ops == (one.comment(),)
    assert edit(one, DraftChanges(unset=("/severity", "/comment"))).ops == ()
    assert [op.path for op in edit(one, DraftChanges(comment=" \n")).ops] == ["/severity"]


def test_fields_stand_before_the_comment_and_files_after_it() -> None:
    one = edit(draft(), DraftChanges(attach=(("a.txt", b"a"),)))
    one = edit(one, DraftChanges(comment="hello"))
    one = edit(one, DraftChanges(set={"/team": "db", "/tags": "new"}))
    assert [op.path for op in one.ops] == ["/team", "/tags", "/comment", "/attachments"]


def test_a_status_outside_the_listed_ones_is_refused_with_those() -> None:
    with pytest.raises(Refused, match="open can go to: waiting, resolved"):
        edit(draft(), DraftChanges(set={"/status": "closed"}))
    with pytest.raises(Refused, match="no other status"):
        edit(draft(), DraftChanges(set={"/status": "closed"}), transitions=())
    assert edit(draft(), DraftChanges(set={"/status": "closed"}), transitions=None).ops[0].to == "closed"
    with pytest.raises(UsageError, match="always has a status"):
        edit(draft(), DraftChanges(set={"/status": ""}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (DraftChanges(set={"/team": "db"}), "can't set team"),
        (DraftChanges(set={"/fields/x": "1"}), "can't set fields/x"),
        (DraftChanges(comment="hello"), "--public"),
        (DraftChanges(comment="hello", public=False), "--public"),
        (DraftChanges(comment="hello", public=True, attach=(("a", b""),)), "takes no attachments"),
    ],
)
def test_what_a_system_can_not_say_is_refused_when_the_draft_is_made(changes: DraftChanges, says: str) -> None:
    with pytest.raises(Refused, match=says):
        edit(draft(), changes, can=GITHUB)


@pytest.mark.parametrize(
    "changes",
    [
        DraftChanges(set={"/title": "x"}),
        DraftChanges(set={"/severity": "5"}),
        DraftChanges(overrides={"M1": "because"}),
        DraftChanges(theirs=("/status",)),
        DraftChanges(theirs=("/team",), mine=("/team",)),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(changes: DraftChanges) -> None:
    with pytest.raises(UsageError):
        edit(draft(), changes)


def test_a_comment_is_internal_until_it_is_said_to_be_public() -> None:
    one = edit(draft(), DraftChanges(comment="hello"))
    assert one.comment().visibility is Visibility.INTERNAL  # type: ignore[union-attr]
    public = edit(one, DraftChanges(public=True))
    assert public.comment().visibility is Visibility.PUBLIC  # type: ignore[union-attr]
    assert edit(public, DraftChanges(comment="other")).comment().visibility is Visibility.PUBLIC  # type: ignore[union-attr]


def test_a_comment_holds_no_control_characters() -> None:
    one = edit(draft(), DraftChanges(comment="a\x1b[2Jb\r\nc"))
    assert one.comment().to == "a␛[2Jb\nc"  # type: ignore[union-attr]


def test_words_of_an_agent_that_an_operator_changed_are_marked_and_measured() -> None:
    one = agents("It began at 03:14.")
    assert {op.origin for op in one.ops} == {Origin.AGENT}
    assert (one.state, one.edit_distance) == (DraftState.PROPOSED, 0)
    two = edit(one, DraftChanges(comment="It began at 03:15.", set={"/severity": "1"}))
    assert {op.path: op.origin for op in two.ops} == {
        "/team": Origin.AGENT,
        "/severity": Origin.OPERATOR,
        "/comment": Origin.AGENT_EDITED,
    }
    assert (two.state, two.edit_distance) == (DraftState.EDITED, 4)
    assert edit(two, DraftChanges(comment="It began at 03:14.")).edit_distance == 0


def test_a_file_has_a_harmless_name_and_is_attached_once() -> None:
    one = edit(draft(), DraftChanges(attach=(("../../etc/\x1bpass\nwd", b"x"), ("again", b"x"))))
    assert [(op.file.name, op.file.size) for op in one.ops if op.file] == [("␛pass wd", 1)]
    assert edit(one, DraftChanges(detach=(fingerprint(b"x"),))).ops == ()
    assert draft_edits.file_name("..") == "file"
    assert draft_edits.file_name("C:\\temp\\a.log") == "a.log"
    long = draft_edits.file_name("x" * 500 + ".txt")
    assert len(long) == draft_edits.FILE_NAME_LIMIT
    assert long.endswith("….txt")


def test_overrides_are_given_and_taken_back() -> None:
    one = edit(draft(comment()), DraftChanges(overrides={"M1": "stale"}))
    assert one.overrides == {"M1": "stale"}
    assert edit(one, DraftChanges(overrides={"M1": ""})).overrides == {}


def test_a_conflict_is_settled_field_by_field_and_the_draft_rebased() -> None:
    was, now = ticket(status="open", team="web"), ticket(status="resolved", team="net", version="7")
    one = draft(set_op("/status", "open", "waiting"), set_op("/team", "web", "db"), on=was)
    one = replace(one, state=DraftState.CONFLICT, conflicts=("/status", "/team"))
    half = edit(one, DraftChanges(theirs=("/status",)), now)
    assert (half.state, half.conflicts, half.base_version) == (DraftState.CONFLICT, ("/team",), "7")
    done = edit(half, DraftChanges(mine=("/team",)), now)
    assert (done.state, done.conflicts) == (DraftState.EDITED, ())
    assert [(op.path, op.before, op.to) for op in done.ops] == [("/team", "net", "db")]


def test_an_edit_takes_an_approval_back_and_no_edit_leaves_it() -> None:
    one = draft_rules.approve(draft(comment()), fingerprint="f", by="alex", now=NOW)
    same = edit(one, DraftChanges(comment="Looking into it."))
    assert same is one
    other = edit(one, DraftChanges(comment="No."))
    assert (other.state, other.fingerprint, other.approved_at, other.op_id) == (DraftState.EDITED, None, None, "FRESH")


# --- moves


def test_every_move_is_refused_where_it_makes_no_sense() -> None:
    now = NOW

    moves = {
        Move.APPROVE: lambda one: draft_rules.approve(one, fingerprint="f", by="alex", now=now),
        Move.EXPIRE: lambda one: draft_rules.expire(one, op_id="N", now=now),
        Move.START_PUSH: lambda one: draft_rules.start_push(one, now=now),
        Move.HOLD: lambda one: draft_rules.hold(one, now=now, note="not reachable"),
        Move.PUSHED: lambda one: draft_rules.pushed(one, now=now),
        Move.CONFLICT: lambda one: draft_rules.conflict(one, ("/team",), op_id="N", now=now),
        Move.NEEDS_HUMAN: lambda one: draft_rules.needs_human(one, "half", now=now),
        Move.SETTLE: lambda one: draft_rules.settle_human(one, True, None, op_id="N", now=now),
        Move.DISCARD: lambda one: draft_rules.discard(one, op_id="N", now=now),
        Move.RESTORE: lambda one: draft_rules.restore(one, now=now),
    }
    assert set(moves) == set(Move)
    for state in DraftState:
        one = draft(comment(), state=state)
        for move, make in moves.items():
            if allowed(state, move):
                assert make(one).updated_at == now
            else:
                with pytest.raises(Refused):
                    make(one)


def test_nothing_is_approved_while_a_conflict_is_open_or_there_is_nothing_to_send() -> None:
    with pytest.raises(Refused, match="settle that first"):
        draft_rules.approve(draft(comment(), conflicts=("/team",)), fingerprint="f", by="a", now=NOW)
    with pytest.raises(Refused, match="changes nothing"):
        draft_rules.approve(draft(), fingerprint="f", by="a", now=NOW)


def test_a_lapsed_approval_says_so_and_its_fingerprint_never_fits_again() -> None:
    one = draft(comment())
    content = approval.payload(one, origin="o", files={})
    sure = draft_rules.approve(one, fingerprint=fingerprint(content), by="alex", now=NOW)
    back = draft_rules.expire(sure, op_id="NEW", now=NOW)
    assert (back.state, back.note, back.fingerprint) == (DraftState.EDITED, "needs confirming again", None)
    assert approval.payload(back, origin="o", files={}) != content


def test_a_person_who_says_it_did_not_arrive_gets_back_only_what_is_missing() -> None:
    one = draft(set_op("/status", "open", "waiting"), set_op("/team", None, "db"), comment(), on=ticket())
    stuck = replace(one, state=DraftState.NEEDS_HUMAN)
    half = replace(
        ticket(team="db", timeline=[entry(1, op_id="01JOPID")]),
        status=Status(ticket().status.raw, StatusCategory.OPEN),
    )
    back = draft_rules.settle_human(stuck, False, half, op_id="NEW", now=NOW)
    assert [op.path for op in back.ops] == ["/status"]
    assert (back.state, back.op_id) == (DraftState.EDITED, "NEW")
    assert draft_rules.settle_human(stuck, True, half, op_id="NEW", now=NOW).state is DraftState.PUSHED


def test_a_discarded_draft_comes_back_as_it_was() -> None:
    one = agents()
    gone = draft_rules.discard(one, op_id="N", now=NOW)
    assert draft_rules.restore(gone, now=NOW) == one
    mine = draft(comment())
    assert draft_rules.restore(draft_rules.discard(mine, op_id="N", now=NOW), now=NOW) == mine


class Life(RuleBasedStateMachine):
    """A draft and its ticket, with everything that can happen to both."""

    def __init__(self) -> None:
        super().__init__()
        self.ticket = ticket(status="open", team="web", tags=["old"])
        self.draft = draft(comment(), on=self.ticket)
        self.count = 0
        self.now = NOW
        self.read = ""
        """The fingerprint that somebody has read last."""
        self.used: set[str] = set()
        self.was_applied = False

    def fresh(self) -> str:
        """A new id."""
        self.count += 1
        return f"OP{self.count}"

    def content(self) -> bytes:
        """The draft's bytes."""
        return approval.payload(self.draft, origin="o", files={})

    @rule(seconds=st.integers(1, 1000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(team=st.sampled_from(("web", "db", "net")), tags=st.sampled_from((["old"], ["old", "x"], [])))
    def somebody_changes_the_ticket(self, team: str, tags: list[str]) -> None:
        number = len(self.ticket.timeline) + 1
        self.ticket = ticket(
            status="open", team=team, tags=tags, version=str(int(self.ticket.version) + 1),
            timeline=[*self.ticket.timeline, entry(number)],
        )  # fmt: skip

    @rule(
        changes=st.sampled_from(
            (
                DraftChanges(comment="one"), DraftChanges(comment="two", public=True), DraftChanges(comment=""),
                DraftChanges(set={"/team": "db"}), DraftChanges(set={"/tags": ""}),
                DraftChanges(set={"/tags": "old, new"}),
                DraftChanges(unset=("/team",)), DraftChanges(theirs=("/team",)), DraftChanges(mine=("/team",)),
                DraftChanges(set={"/status": "closed"}), DraftChanges(overrides={"M1": "tone"}),
            )
        )
    )  # fmt: skip
    def edit(self, changes: DraftChanges) -> None:
        before = self.draft
        try:
            self.draft = edit(before, changes, self.ticket)
        except OpstuiError:
            return
        assert before.state in (DraftState.PROPOSED, DraftState.EDITED, DraftState.APPROVED, DraftState.CONFLICT)
        if self.draft is not before:
            self.draft = replace(self.draft, op_id=self.fresh() if self.draft.op_id == "FRESH" else self.draft.op_id)
            assert self.draft.state in (DraftState.EDITED, DraftState.CONFLICT)

    @rule()
    def read_it(self) -> None:
        self.read = fingerprint(self.content())

    @rule()
    def approve(self) -> None:
        content = self.content()
        try:
            right = approval.check_fingerprint(self.read, content)
            if draft_rules.review_conflicts(self.draft, self.ticket):
                return
            self.draft = draft_rules.approve(self.draft, fingerprint=right, by="alex", now=self.now)
        except Refused:
            return
        assert right not in self.used, "a fingerprint was good for two approvals"
        self.used.add(right)

    @precondition(lambda self: self.draft.state is DraftState.APPROVED)
    @rule()
    def the_publisher_takes_it(self) -> None:
        if approval.expired(self.draft.approved_at or self.now, self.now):
            self.draft = draft_rules.expire(self.draft, op_id=self.fresh(), now=self.now)
        elif found := conflicts(three_way(None, self.ticket, self.draft.ops)):
            self.draft = draft_rules.conflict(self.draft, found, op_id=self.fresh(), now=self.now)
        else:
            assert fingerprint(self.content()) == self.draft.fingerprint == self.read_when_approved()
            self.draft = draft_rules.start_push(self.draft, now=self.now)

    def read_when_approved(self) -> str:
        """What was approved was read by somebody."""
        assert self.draft.fingerprint in self.used
        return self.draft.fingerprint or ""

    @precondition(lambda self: self.draft.state is DraftState.PUSHING)
    @rule(end=st.sampled_from(("pushed", "held", "human", "expired")))
    def the_push_ends(self, end: str) -> None:
        if end == "pushed":
            self.draft = draft_rules.pushed(self.draft, now=self.now)
        elif end == "held":
            self.draft = draft_rules.hold(self.draft, now=self.now, note="not reachable")
        elif end == "human":
            self.draft = draft_rules.needs_human(self.draft, "half", now=self.now)
        else:
            self.draft = draft_rules.expire(self.draft, op_id=self.fresh(), now=self.now)

    @precondition(lambda self: self.draft.state is DraftState.NEEDS_HUMAN)
    @rule(applied=st.booleans())
    def a_person_answers(self, applied: bool) -> None:
        self.draft = draft_rules.settle_human(self.draft, applied, self.ticket, op_id=self.fresh(), now=self.now)

    @rule()
    def discard(self) -> None:
        try:
            self.draft = draft_rules.discard(self.draft, op_id=self.fresh(), now=self.now)
        except Refused:
            assert self.draft.state in (
                DraftState.PUSHING, DraftState.PUSHED, DraftState.NEEDS_HUMAN, DraftState.DISCARDED
            )  # fmt: skip

    @precondition(lambda self: self.draft.state is DraftState.DISCARDED)
    @rule()
    def restore(self) -> None:
        self.draft = draft_rules.restore(self.draft, now=self.now)

    @invariant()
    def an_approval_and_its_fingerprint_go_together(self) -> None:
        sure = self.draft.state in (
            DraftState.APPROVED, DraftState.PUSHING, DraftState.PUSHED, DraftState.NEEDS_HUMAN
        )  # fmt: skip
        assert (self.draft.fingerprint is not None) == sure
        assert (self.draft.approved_at is not None) == sure
        if self.draft.state in (DraftState.APPROVED, DraftState.PUSHING):
            assert fingerprint(self.content()) == self.draft.fingerprint
            assert self.draft.ops
            assert not self.draft.conflicts

    @invariant()
    def one_operation_for_each_field_and_one_comment(self) -> None:
        paths = [op.path for op in self.draft.ops if op.op in (OpKind.SET, OpKind.COMMENT)]
        assert len(paths) == len(set(paths))
        assert set(self.draft.conflicts) <= {op.path for op in self.draft.ops}


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
