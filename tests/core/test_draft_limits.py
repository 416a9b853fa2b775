"""What a system can't take: refused with its reason, and left out of what a workflow proposes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.core import draft_rules
from opstui.core.draft_limits import only_public, refused_comment, refused_file, who_reads, within
from opstui.core.drafts import Draft, DraftChanges, OpKind, Origin
from opstui.core.errors import Refused
from opstui.core.ports import Capabilities
from tests.core.building import NOW, draft, ticket

PAGER = Capabilities(
    public_comments=False,
    fields=("/status", "/assignee"),
    single_assignee=True,
    attachments=False,
    comment_limit=20,
    cant={
        "/severity": "its urgency comes from the service",
        "/fields/*": "custom fields need another plan",
        "attachments": "its API takes no files",
        "public": "its notes are read by responders alone",
    },
)
ISSUES = Capabilities(
    internal_comments=False,
    attachment_limit=10,
    fields=("/status", "/tags"),
    cant={"internal": "an issue is read by whoever reads the repository"},
)


def edit(changes: DraftChanges, can: Capabilities, *, me: str | None = "alex", on: Draft | None = None) -> Draft:
    return draft_rules.edit(
        on or draft(), changes, ticket(), capabilities=can, transitions=None, origin=Origin.OPERATOR, now=NOW,
        op_id="FRESH", me=me,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("can", "changes", "says"),
    [
        (PAGER, DraftChanges(set={"/severity": "1"}), "can't set severity: its urgency comes from the service"),
        (PAGER, DraftChanges(set={"/fields/cause": "x"}), "can't set fields/cause: custom fields need another plan"),
        (PAGER, DraftChanges(set={"/team": "db"}), "can't set team$"),
        (PAGER, DraftChanges(set={"/assignee": "dana, bo"}), "one person, and these are 2: dana, bo"),
        (PAGER, DraftChanges(comment="x" * 21), "21 characters, and local takes 20: 1 too many"),
        (PAGER, DraftChanges(comment="x", public=True), "no public comments: its notes are read by responders alone"),
        (PAGER, DraftChanges(attach=(("a.log", b"x"),)), "takes no attachments: its API takes no files"),
        (ISSUES, DraftChanges(comment="x"), "whoever reads the repository; .* with --public"),
        (ISSUES, DraftChanges(attach=(("a.log", b"x" * 11),)), "a.log has 11 bytes, and local takes files of at most"),
        (
            Capabilities(internal_comments=False, public_comments=False, cant={"/comment": "it is read-only"}),
            DraftChanges(comment="x"),
            "takes no comments: it is read-only",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_reason_or_the_limit(can: Capabilities, changes: DraftChanges, says: str) -> None:
    with pytest.raises(Refused, match=says):
        edit(changes, can)


def test_what_just_fits_is_taken() -> None:
    one = edit(DraftChanges(comment="x" * 20, set={"/assignee": "dana"}), PAGER)
    assert [op.path for op in one.ops] == ["/assignee", "/comment"]
    assert edit(DraftChanges(attach=(("a.log", b"x" * 10),)), ISSUES).ops[0].op is OpKind.ATTACH
    assert refused_comment("gh", "x" * 99_999, True, ISSUES) is None
    assert refused_file("rt", "a", 1 << 40, Capabilities()) is None


def test_nobody_is_assigned_by_the_word_me_while_it_is_not_known_who_that_is() -> None:
    with pytest.raises(Refused, match="has not said yet who you are"):
        edit(DraftChanges(set={"/assignee": "me"}), PAGER, me="")
    assert edit(DraftChanges(set={"/assignee": "me, Me, alex"}), PAGER, me="alex").ops[0].to == ["alex"]


def test_a_dropped_file_comes_back_as_it_was() -> None:
    whole = edit(DraftChanges(attach=(("a.log", b"abc"), ("b.log", b"de"))), Capabilities())
    dropped = replace(whole.ops[0], origin=Origin.AGENT)
    assert dropped.file is not None
    without = edit(DraftChanges(detach=(dropped.file.sha256,)), Capabilities(), on=whole)
    back = edit(DraftChanges(attach_again=(dropped,)), Capabilities(), on=without)
    assert {op.file for op in back.ops} == {op.file for op in whole.ops}
    assert back.ops[-1].origin is Origin.AGENT
    assert edit(DraftChanges(attach_again=(dropped,)), Capabilities(), on=back) is back
    with pytest.raises(Refused, match="no attachments"):
        edit(DraftChanges(attach_again=(dropped,)), PAGER)


PROPOSED = DraftChanges(
    set={"/team": "db", "/status": "waiting"}, comment="it began at 03:14", public=False, attach=(("p.md", b"x" * 9),)
)


def test_what_a_workflow_proposes_is_cut_to_what_the_system_takes_and_the_rest_is_said() -> None:
    made, left = within(PROPOSED, "pd", PAGER, may_be_public=False)
    assert made == DraftChanges(set={"/status": "waiting"}, comment="it began at 03:14", public=False)
    assert left == (
        "pd can't set team",
        "p.md was left out: pd takes no attachments: its API takes no files",
    )
    assert within(PROPOSED, "local", Capabilities(fields=("/team", "/status")), may_be_public=False) == (PROPOSED, ())


def test_a_workflows_words_become_public_only_where_the_workflow_lets_them() -> None:
    assert only_public(ISSUES)
    made, left = within(PROPOSED, "gh", ISSUES, may_be_public=False)
    assert made.comment is None
    assert "the comment was left out: every comment on gh is public, and this one may not be" in left
    made, left = within(PROPOSED, "gh", ISSUES, may_be_public=True)
    assert (made.comment, made.public) == ("it began at 03:14", True)
    assert left == ("gh can't set team",)


def test_an_agents_comment_that_was_left_out_and_comes_back_is_no_operators_own() -> None:
    words = "It began at 03:14, and a restart of agents-3 did not help."
    empty = draft_rules.new_draft(ticket(), draft_id="D", op_id="OP", operator="alex", now=NOW, origin=Origin.AGENT)
    proposed = draft_rules.edit(
        empty, DraftChanges(comment=words), ticket(), capabilities=Capabilities(), transitions=None,
        origin=Origin.AGENT, now=NOW, op_id="F",
    )  # fmt: skip
    without = edit(DraftChanges(unset=("/comment",)), Capabilities(), on=proposed)

    def origin(text: str) -> Origin:
        comment = edit(DraftChanges(comment=text), Capabilities(), on=without).comment()
        assert comment is not None
        return comment.origin

    assert origin(words) is Origin.AGENT
    assert origin(words.replace("03:14", "03:15")) is Origin.AGENT_EDITED
    assert origin("Something else entirely, by hand") is Origin.OPERATOR


@pytest.mark.parametrize(
    ("note", "internal", "public"),
    [
        ("", "only operators see it", "the requester sees it"),
        ("everybody; chats too", "everybody; chats too", "everybody; chats too"),
        ("public: mailed to the requestors", "only operators see it", "mailed to the requestors"),
        ("internal: who may see notes; public: everybody", "who may see notes", "everybody"),
    ],
)  # fmt: skip
def test_who_reads_a_comment_is_said_for_its_own_kind(note: str, internal: str, public: str) -> None:
    can = Capabilities(comment_note=note)
    assert (who_reads(can, public=False), who_reads(can, public=True)) == (internal, public)
