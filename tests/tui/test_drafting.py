"""Taking changes back: for any change, its inverse makes the draft say what it said."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from opstui.core.canonical import fingerprint
from opstui.core.drafts import Draft, DraftChanges, Origin
from opstui.tui.drafting import comment_text, dropping, inverse, is_public, tag_ops, tags_with
from tests.tui.draft_desk import DraftDesk

NAMES = st.sampled_from(["alex", "dana", "miguel", ""])
CHANGES = st.builds(
    DraftChanges,
    set=st.fixed_dictionaries(
        {},
        optional={
            "/status": st.sampled_from(["open", "investigating", "waiting"]),
            "/severity": st.sampled_from(["1", "2", "3", ""]),
            "/assignee": st.lists(NAMES, max_size=2).map(", ".join),
            "/team": st.sampled_from(["core", "net-core", ""]),
            "/tags": st.lists(st.sampled_from(["ci", "dns", "one", "two"]), max_size=3).map(", ".join),
        },
    ),
    unset=st.lists(st.sampled_from(["/status", "/severity", "/comment", "/tags"]), max_size=2).map(tuple),
    comment=st.none() | st.sampled_from(["", "one", "two\nlines"]),
    public=st.none() | st.booleans(),
    attach=st.lists(st.sampled_from([("a.log", b"a"), ("b.log", b"b")]), max_size=2, unique=True).map(tuple),
    detach=st.lists(st.sampled_from([fingerprint(b"a"), fingerprint(b"b")]), max_size=2).map(tuple),
    overrides=st.dictionaries(st.sampled_from(["M1", "M2"]), st.sampled_from(["stale", "tone", ""]), max_size=2),
)


def said(draft: Draft) -> object:
    """All that a draft says, without whose words they are."""
    comment = draft.comment()
    return (
        {op.path: op.to for op in draft.ops if op.op.value == "set"},
        sorted(tags_with(draft.base, tag_ops(draft))),
        None if comment is None else (comment_text(draft), is_public(draft)),
        dict(draft.overrides),
        {op.file for op in draft.ops if op.file is not None},
    )


@settings(max_examples=150, deadline=None)
@given(CHANGES, CHANGES)
def test_undo_makes_the_draft_say_what_it_said(first: DraftChanges, second: DraftChanges) -> None:
    desk = DraftDesk()
    start = desk.new(DraftChanges(comment="start", set={"/status": "investigating"}), origin=Origin.OPERATOR)
    before = desk._edited(start, first)
    after = desk._edited(before, second)
    assert said(desk._edited(after, inverse(before, after))) == said(before)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_a_row_that_is_left_out_leaves_the_others(changes: DraftChanges) -> None:
    desk = DraftDesk()
    draft = desk._edited(desk.new(origin=Origin.OPERATOR), changes)
    for op in draft.ops:
        rest = desk._edited(draft, dropping(draft, op)).ops
        assert {(o.op, o.path, str(o.to)) for o in rest} == {(o.op, o.path, str(o.to)) for o in draft.ops if o != op}
