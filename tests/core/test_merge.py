"""Three-way merging: what others did meanwhile is seen, kept and never written over."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from opstui.core.drafts import DraftOp, OpKind
from opstui.core.errors import UsageError
from opstui.core.merge import (
    FieldState,
    changed,
    conflicts,
    edit_distance,
    edited_characters,
    overlaps,
    rebase,
    settle,
    snapshot,
    three_way,
    word_diff,
)
from opstui.core.tickets import EntryKind
from tests.core.building import comment, draft, entry, set_op, ticket


def tag(kind: OpKind, name: str) -> DraftOp:
    """One tag, added or removed."""
    return DraftOp(op=kind, path="/tags", before=["old"], to=name)


@pytest.mark.parametrize(
    ("now", "state"),
    [("open", FieldState.UNCHANGED), ("waiting", FieldState.DONE), ("resolved", FieldState.CONFLICT)],
)
def test_a_field_is_as_it_was_as_it_shall_be_or_in_conflict(now: str, state: FieldState) -> None:
    base = snapshot(ticket(status="open"))
    (merged,) = three_way(base, ticket(status=now), [set_op("/status", "open", "waiting")])
    assert (merged.base, merged.now, merged.yours, merged.state) == ("open", now, "waiting", state)


def test_assignees_are_compared_without_their_order_and_replaced_as_a_whole() -> None:
    op = set_op("/assignee", ["a", "b"], ["c"])
    assert three_way(None, ticket(assignees=["b", "a"]), [op])[0].state is FieldState.UNCHANGED
    assert three_way(None, ticket(assignees=["a"]), [op])[0].state is FieldState.CONFLICT


def test_an_empty_field_is_no_field() -> None:
    op = set_op("/team", None, "db")
    assert three_way(None, ticket(team=None), [op])[0].state is FieldState.UNCHANGED
    assert three_way(None, ticket(), [set_op("/fields/cause", "", "dns")])[0].state is FieldState.UNCHANGED
    assert three_way(None, ticket(team="x"), [set_op("/team", "x", None)])[0].state is FieldState.UNCHANGED


@pytest.mark.parametrize(
    ("kind", "name", "now", "state"),
    [
        (OpKind.ADD, "new", ["old"], FieldState.UNCHANGED),
        (OpKind.ADD, "new", ["old", "theirs"], FieldState.THEIRS),
        (OpKind.ADD, "new", ["new", "old"], FieldState.DONE),
        (OpKind.REMOVE, "old", ["old"], FieldState.UNCHANGED),
        (OpKind.REMOVE, "old", [], FieldState.DONE),
    ],
)
def test_tags_never_conflict(kind: OpKind, name: str, now: list[str], state: FieldState) -> None:
    merged = three_way(None, ticket(tags=now), [tag(kind, name)])
    assert merged[0].state is state
    assert conflicts(merged) == ()


def test_comments_take_no_part() -> None:
    assert three_way(None, ticket(), [comment()]) == ()


def test_a_path_that_no_update_may_touch_is_refused() -> None:
    with pytest.raises(UsageError):
        three_way(None, ticket(), [set_op("/title", "a", "b")])


def test_a_snapshot_has_every_field_and_the_highest_entry() -> None:
    found = snapshot(ticket(fields={"cause": "dns"}, timeline=[entry(1), entry(7), entry(3)]))
    assert found["/fields/cause"] == "dns"
    assert found["#entries"] == 7
    assert set(found) == {"/status", "/severity", "/assignee", "/team", "/tags", "/fields/cause", "#entries"}


def test_what_changed_is_named_with_then_and_now() -> None:
    base = snapshot(ticket(team="web", fields={"cause": "dns"}))
    now = ticket(team="db", fields={"region": "eu"}, timeline=[entry(1)])
    assert changed(base, now) == {
        "/team": ("web", "db"),
        "/fields/cause": ("dns", None),
        "/fields/region": (None, "eu"),
    }


def test_overlaps_are_other_peoples_entries_since_the_base() -> None:
    timeline = [
        entry(1, "before"),
        entry(2, "theirs"),
        entry(3, "ours", author="bot", op_id="OP"),
        entry(4, "answer of the server", author="RT", kind=EntryKind.SYSTEM),
        entry(5, "mine, by hand", author="Alex"),
        entry(6, "an alert", author="monitor", kind=EntryKind.ALERT),
    ]
    found = overlaps(1, ticket(timeline=timeline), op_id="OP", own=("alex",))
    assert [one.number for one in found] == [2, 6]


def test_a_rebased_draft_follows_the_ticket_and_lists_what_is_open() -> None:
    was = ticket(status="open", team="web", severity="2", tags=["old"])
    one = draft(
        set_op("/status", "open", "waiting"),
        set_op("/team", "web", "db"),
        set_op("/severity", "2", "1"),
        tag(OpKind.ADD, "new"),
        comment(),
        on=was,
    )
    now = ticket(status="resolved", team="db", severity="2", tags=["old", "theirs"], version="2", timeline=[entry(1)])
    moved = rebase(one, now)
    assert moved.conflicts == ("/status",)
    assert [op.path for op in moved.ops] == ["/status", "/severity", "/tags", "/comment"]
    assert moved.ops[2].before == ["old", "theirs"]
    assert (moved.base_version, moved.base["#entries"]) == ("2", 1)
    assert conflicts(three_way(None, now, moved.ops)) == ("/status",)


@pytest.mark.parametrize(("whose", "left"), [("theirs", []), ("mine", [("resolved", "waiting")])])
def test_a_conflict_is_settled_by_one_of_the_two_values(whose: str, left: list[tuple[str, str]]) -> None:
    now = ticket(status="resolved")
    moved = rebase(draft(set_op("/status", "open", "waiting"), on=ticket(status="open")), now)
    done = settle(moved, "/status", whose, now)
    assert [(op.before, op.to) for op in done.ops] == left
    assert done.conflicts == ()
    assert conflicts(three_way(None, now, done.ops)) == ()


def test_what_is_not_in_conflict_can_not_be_settled() -> None:
    with pytest.raises(UsageError):
        settle(draft(), "/status", "mine", ticket())


values = st.sampled_from((None, "a", "b", "c"))


@given(values, values, values)
def test_nothing_that_somebody_else_set_is_ever_taken_for_unchanged(base: str, now: str, mine: str) -> None:
    (merged,) = three_way(None, ticket(team=now), [set_op("/team", base, mine)])
    if merged.state is FieldState.UNCHANGED:
        assert now == base
    elif merged.state is FieldState.DONE:
        assert now == mine
    else:
        assert now not in (base, mine)


@given(values, values, values)
def test_rebasing_leaves_nothing_open_but_what_it_lists(base: str, now: str, mine: str) -> None:
    one = draft(set_op("/team", base, mine), on=ticket(team=base))
    moved = rebase(one, ticket(team=now))
    assert conflicts(three_way(None, ticket(team=now), moved.ops)) == moved.conflicts
    assert rebase(moved, ticket(team=now)) == moved


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_diff_holds_both_texts_whole(old: str, new: str) -> None:
    pieces = word_diff(old, new)
    assert "".join(piece.text for piece in pieces if piece.sign != "+") == old
    assert "".join(piece.text for piece in pieces if piece.sign != "-") == new
    assert 0.0 <= edit_distance(old, new) <= 1.0
    assert (edited_characters(old, new) == 0) == (old == new)


def test_words_are_compared_as_wholes() -> None:
    pieces = [(piece.sign, piece.text) for piece in word_diff("the disk is full", "the disc is full")]
    assert pieces == [("=", "the "), ("-", "disk"), ("+", "disc"), ("=", " is full")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("abcd" * 475, "dcba" * 475),
        ("x" * 100_000 + "a", "x" * 100_001),
        ("a b " * 20_000, "b a " * 20_000),
        ("- " * 30_000, "-" * 30_000),
        ("\n" * 50_000 + "x", " " * 50_000 + "y"),
    ],
    ids=["few letters", "one letter", "two words", "dashes", "blanks"],
)
def test_no_text_makes_a_diff_slow(old: str, new: str) -> None:
    start = time.thread_time()
    pieces = word_diff(old, new)
    assert time.thread_time() - start < 2.0
    assert "".join(piece.text for piece in pieces if piece.sign != "+") == old
    assert "".join(piece.text for piece in pieces if piece.sign != "-") == new


def test_a_long_text_is_compared_by_lines_in_time() -> None:
    old = "\n".join(f"line {number} of a long log" for number in range(20_000))
    new = old.replace("line 777 ", "row 777 ").replace("line 19000 ", "row 19000 ")
    assert [piece.text for piece in word_diff(old, new) if piece.sign != "="] == [
        "line 777 of a long log\n",
        "row 777 of a long log\n",
        "line 19000 of a long log\n",
        "row 19000 of a long log\n",
    ]
