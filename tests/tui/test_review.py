"""Review: rows, editing in place, and that nothing typed is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from opstui.core import desk as d
from opstui.core.drafts import DraftChanges, DraftState, OpKind, StepState
from opstui.core.errors import Refused, StoreFull
from opstui.core.ports import Editing
from opstui.core.text import SafeText
from opstui.tui import keeping
from opstui.tui.drafting import comment_text
from opstui.tui.lines import rows_text
from opstui.tui.review_rows import Shown, citation_numbers, review_rows
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.terminal.editor import Edited
from opstui.tui.widgets.ask import Ask
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.text_field import CommentField
from tests.tui.draft_desk import BLOCK, CLAIMS, WARN, DraftDesk
from tests.tui.screen_test import lines_of, opened, text_of, wait_for, wait_text


@pytest.fixture
def desk() -> DraftDesk:
    return DraftDesk()


def edits(desk: DraftDesk) -> list[DraftChanges]:
    return [command.changes for command in desk.commands if isinstance(command, d.EditDraft)]


def foreign_owner(desk: DraftDesk) -> None:
    desk.change("NET-87", assignees=(SafeText("miguel"),), version="1184")


async def to_row(pilot: Any, key: str) -> None:
    rows = pilot.app.screen.query_one("#rows", RowList)
    rows.cursor = key
    await pilot.pause()
    assert rows.cursor == key


async def test_a_field_shows_when_drafted_now_and_yours(desk: DraftDesk) -> None:
    draft = desk.new()
    foreign_owner(desk)
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        row = next(line for line in lines_of(pilot.app) if " owner " in line)
        assert row.index("dana") < row.index("miguel  2m ago") < row.index("alex") < row.index("t theirs m mine")
        assert row[1] == "!"
        assert "! 1 to settle" in text_of(pilot.app)
        assert "made on 1183, now 1184" in text_of(pilot.app)


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 40), (160, 45)])
async def test_it_fits_every_size(desk: DraftDesk, size: tuple[int, int]) -> None:
    desk.claims, desk.findings = CLAIMS, (WARN, BLOCK)
    draft = desk.new()
    foreign_owner(desk)
    async with opened(desk, ReviewScreen(draft.id), size=size) as pilot:
        shown = text_of(pilot.app)
        assert all(len(line) <= size[0] for line in shown.split("\n"))
        for word in ("REVIEW", "NET-87", "investigating", "miguel", "comment", "DNS lookups"):
            assert word in shown
        rows = pilot.app.screen.query_one("#rows", RowList)
        everything = "\n".join(rows.lines)
        for word in ("theirs", "BLOCKS", "warn", "3 of 4 claims", "NET-87#2"):
            assert word in everything


async def test_nothing_is_a_text_field_until_enter(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("x", "y", "z", "1")
        assert not edits(desk)
        field = pilot.app.screen.query_one(CommentField)
        assert not field.display
        await pilot.press("enter")
        await pilot.pause()
        assert field.display
        assert pilot.app.focused is field


async def test_what_is_typed_is_in_the_store_within_a_second(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "O", "K", "enter", "?")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]).endswith("OK\n?"))
        await wait_text(pilot, "kept 03:14:09")
        assert pilot.app.screen.query_one(CommentField).display


async def test_escape_leaves_the_field_and_keeps_the_text(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "o", "k", "escape")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]).endswith("ok"))
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert not pilot.app.screen.editing
        await pilot.press("escape")
        await wait_for(pilot, lambda: not isinstance(pilot.app.screen, ReviewScreen))


async def test_a_hang_up_writes_what_was_typed_at_once(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "h", "i")
        pilot.app.last_words()
        assert comment_text(desk.drafts[draft.id]).endswith("hi")


async def test_a_save_elsewhere_keeps_the_losers_text_aside(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, theirs is saved before ours.
    monkeypatch.setattr(keeping, "AFTER", 3600.0)
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "m", "i", "n", "e")
        desk.elsewhere(draft.id, DraftChanges(comment="theirs"))
        await pilot.press("escape")
        await wait_text(pilot, "yours, kept aside")
        assert comment_text(desk.drafts[draft.id]) == "theirs"
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        assert str(screen.kept()["aside"]["op:/comment"]).endswith("mine")
        await pilot.press("m")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]).endswith("mine"))
        await wait_for(pilot, lambda: "kept aside" not in text_of(pilot.app))


async def test_text_kept_aside_survives_a_restart_and_can_be_dropped_and_fetched_back(desk: DraftDesk) -> None:
    draft = desk.new()
    screen = ReviewScreen(draft.id)
    screen.take_up({"row": "aside:op:/comment", "aside": {"op:/comment": "what I had"}})
    async with opened(desk, screen) as pilot:
        await wait_text(pilot, "what I had")
        await pilot.press("t")
        assert "what I had" not in text_of(pilot.app)
        await pilot.press("u")
        await wait_text(pilot, "what I had")


async def test_a_note_left_elsewhere_does_not_make_the_text_lose(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "o", "k")
        desk.do(d.NoteDraft(id=draft.id, note="not pushed: wrong key"))
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]).endswith("ok"))
        assert "kept aside" not in text_of(pilot.app)


async def test_text_that_the_draft_no_longer_takes_is_kept_aside(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "o", "k")
        desk.fail = Refused("a draft that is pushing can't be edited")
        await wait_text(pilot, "a draft that is pushing can't be edited: yours is kept aside")
        desk.fail = None
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        assert str(screen.kept()["aside"]["op:/comment"]).endswith("ok")
        assert not screen.unsaved()


async def test_the_losers_text_is_still_aside_after_the_screen_was_left_and_after_a_restart(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "m", "i", "n", "e")
        desk.elsewhere(draft.id, DraftChanges(comment="theirs"))
        await wait_text(pilot, "yours, kept aside")
        await pilot.press("escape")
        await wait_for(pilot, lambda: not isinstance(pilot.app.screen, ReviewScreen))
        pilot.app.push_screen(ReviewScreen(draft.id, row="op:/comment"))
        await wait_text(pilot, "yours, kept aside")
        state = pilot.app.stack_state()
        await pilot.press("escape")
    assert str(state["asides"][draft.id]["op:/comment"]).endswith("mine")


async def test_a_full_disk_keeps_the_text_and_says_so(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        desk.fail = StoreFull("the disk is full; nothing was written")
        await pilot.press("enter", "o", "k")
        await wait_text(pilot, "NOT KEPT")
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        assert screen.unsaved()
        assert str(screen.kept()["aside"]["op:/comment"]).endswith("ok")
        desk.fail = None
        await pilot.press("!")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]).endswith("ok!"))
        assert not screen.unsaved()


async def test_the_caret_comes_back_after_a_restart(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment="one\ntwo"))
    screen = ReviewScreen(draft.id)
    screen.take_up({"draft": draft.id, "row": "op:/comment", "caret": [0, 2]})
    async with opened(desk, screen) as pilot:
        await wait_for(pilot, lambda: screen.editing)
        await pilot.pause()
        assert screen.query_one(CommentField).cursor_location == (0, 2)
        assert list(screen.kept()["caret"]) == [0, 2]


async def test_a_list_item_of_the_comment_hangs_under_its_words(desk: DraftDesk) -> None:
    words = "CheckoutErrorRateHigh: the share of errors of checkout-api in eu-west is 11.8 %, threshold 2 %"
    draft = desk.new(DraftChanges(comment=f"Done\n- {words}\n12. {words}"))
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        shown = lines_of(pilot.app)
        starts = [line.lstrip("▌ ") for line in shown]
        first = next(at for at, line in enumerate(starts) if line.startswith("- Checkout"))
        assert shown[first + 1][5:7] == "  "
        assert shown[first + 1][7] != " "
        assert " ".join(f"{starts[first][2:]} {starts[first + 1]}".split()) == words


async def test_the_editor_gets_the_row_under_the_cursor(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.new()
    got: list[tuple[str, str]] = []

    class Pen:
        def edit(self, text: str, *, name: str) -> Edited:
            got.append((text, name))
            return Edited("dana\nmiguel\n")

    monkeypatch.setattr(ReviewScreen, "editor", Pen())
    async with opened(desk, ReviewScreen(draft.id, row="op:/assignee")) as pilot:
        await pilot.press("E")
        await wait_for(pilot, lambda: edits(desk))
        assert got == [("alex", "NET-87-owner.txt")]
        assert edits(desk)[-1] == DraftChanges(set={"/assignee": "dana, miguel"})
        await wait_for(pilot, lambda: "owner: changed" in text_of(pilot.app))


async def test_the_editor_gets_the_comment_and_gives_it_back(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.new(DraftChanges(comment="before"))
    seen = []

    class Pen:
        def edit(self, text: str, *, name: str) -> Edited:
            seen.append((text, name))
            return Edited(text="after\x1b[2J")

    monkeypatch.setattr(ReviewScreen, "editor", Pen())
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("E")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == "after␛[2J")
        assert seen == [("before", "NET-87.md")]
        await pilot.press("u")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == "before")


async def test_ctrl_o_in_the_text_takes_what_was_typed_along(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.new(DraftChanges(comment="before"))

    class Pen:
        def edit(self, text: str, *, name: str) -> Edited:
            return Edited(text=text + " and after")

    monkeypatch.setattr(ReviewScreen, "editor", Pen())
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "!", "ctrl+o")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == "before! and after")


async def test_a_status_is_chosen_from_what_the_ticket_can_take(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/status")) as pilot:
        await pilot.press("enter")
        await wait_text(pilot, "NET-87: status")
        await pilot.press("j", "enter")
        await wait_for(pilot, lambda: any(op.to == "waiting" for op in desk.drafts[draft.id].ops))
        await pilot.press("u")
        await wait_for(pilot, lambda: any(op.to == "investigating" for op in desk.drafts[draft.id].ops))


async def test_while_a_question_is_open_the_keys_of_the_rows_do_nothing(desk: DraftDesk) -> None:
    draft, _ = desk.new(), desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/status")) as pilot:
        await pilot.press("enter")
        await wait_text(pilot, "NET-87: status")
        for key in ("D", "n", "p", "delete", "v", "t"):
            await pilot.press(key)
        assert getattr(pilot.app.screen, "draft_id", "") == draft.id
        assert pilot.app.screen.query(Ask)
        assert not edits(desk)
        assert desk.drafts[draft.id].state is DraftState.PROPOSED


async def test_a_line_is_kept_as_it_is_typed_and_escape_keeps_it(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/assignee")) as pilot:
        await pilot.press("enter")
        await wait_text(pilot, "names, with commas")
        await pilot.press(*", dana")
        await wait_for(pilot, lambda: any(op.to == ["alex", "dana"] for op in desk.drafts[draft.id].ops))
        await pilot.press("escape")
        await pilot.pause()
        assert not pilot.app.screen.query(Ask)
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert any(op.to == ["alex", "dana"] for op in desk.drafts[draft.id].ops)


async def test_another_field_can_be_set(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="add")) as pilot:
        await pilot.press("enter")
        await wait_text(pilot, "what else?")
        await pilot.press("enter")
        await wait_text(pilot, "NET-87: severity")
        await pilot.press("g", "enter")
        await wait_for(pilot, lambda: any(op.path == "/severity" and op.to == "1" for op in desk.drafts[draft.id].ops))


@pytest.mark.parametrize(("key", "kept"), [("t", False), ("m", True)])
async def test_a_conflict_is_settled_field_by_field(desk: DraftDesk, key: str, kept: bool) -> None:
    draft = desk.new()
    foreign_owner(desk)
    async with opened(desk, ReviewScreen(draft.id, row="op:/assignee")) as pilot:
        await pilot.press(key)
        await wait_for(pilot, lambda: edits(desk))
        changes = edits(desk)[0]
        assert (changes.mine if kept else changes.theirs) == ("/assignee",)
        await wait_for(pilot, lambda: any(op.path == "/assignee" for op in desk.drafts[draft.id].ops) is kept)
        await wait_text(pilot, "✓ ready")


async def test_a_conflict_that_comes_later_shows_by_itself(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        assert "theirs" not in text_of(pilot.app)
        foreign_owner(desk)
        await wait_text(pilot, "t theirs m mine")


async def test_a_row_is_left_out_and_brought_back(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/status")) as pilot:
        await pilot.press("delete")
        await wait_for(pilot, lambda: all(op.path != "/status" for op in desk.drafts[draft.id].ops))
        await pilot.press("u")
        await wait_for(pilot, lambda: any(op.path == "/status" for op in desk.drafts[draft.id].ops))


async def test_one_of_several_tags_is_left_out(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment="x", set={"/tags": "ci, one, two"}))
    async with opened(desk, ReviewScreen(draft.id, row="op:/tags:add:one")) as pilot:
        await pilot.press("backspace")
        await wait_for(pilot, lambda: all(op.to != "one" for op in desk.drafts[draft.id].ops))
        assert [(op.op, op.to) for op in desk.drafts[draft.id].ops if op.path == "/tags"] == [
            (OpKind.ADD, "two"),
            (OpKind.REMOVE, "dns"),
        ]


async def test_a_blocking_check_is_answered_with_a_reason(desk: DraftDesk) -> None:
    desk.claims, desk.findings = CLAIMS, (WARN, BLOCK)
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await wait_text(pilot, "✗ 1 check blocks")
        await pilot.press("p")
        await wait_text(pilot, "a check blocks")
        assert not isinstance(pilot.app.screen, ConfirmScreen)
        await to_row(pilot, "finding:M2:c4:c4:1")
        await pilot.press("o")
        await wait_text(pilot, "missing fact")
        await pilot.press("j", "j", "j", "j", "enter")
        await wait_for(pilot, lambda: desk.drafts[draft.id].overrides == {"M2:c4": "stale"})
        await wait_text(pilot, "answered: stale")
        await wait_text(pilot, "✓ ready")
        await pilot.press("u")
        await wait_text(pilot, "✗ 1 check blocks")


async def test_a_claim_that_fails_is_struck_out_with_the_reason(desk: DraftDesk) -> None:
    desk.claims, desk.findings = CLAIMS, (BLOCK,)
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id), size=(120, 40)) as pilot:
        rows = pilot.app.screen.query_one("#rows", RowList)
        row = next(row for row in rows.rows if row.key == "claim:c4")
        assert any(span.style == "struck" and "03:40" in span.text for span in row.lines[0])
        assert "does not stand in the cited lines" in "".join(span.text for span in row.lines[1])


async def test_c_walks_through_the_cited_lines(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="claim:c1")) as pilot:
        await pilot.press("c")
        await wait_text(pilot, "┃  1  CoreDNS forward errors")
        assert "1 of 2" in text_of(pilot.app)
        assert "┃  3" not in text_of(pilot.app)
        await pilot.press("c")
        await wait_text(pilot, "┃  1  agents-1 and agents-5")
        await pilot.press("c")
        assert "┃" not in text_of(pilot.app)


async def test_public_needs_a_workflow_that_allows_it(desk: DraftDesk) -> None:
    agents, own = desk.new(), desk.new(DraftChanges(comment="mine"), origin=_operator())
    async with opened(desk, ReviewScreen(agents.id)) as pilot:
        await pilot.press("v")
        await wait_text(pilot, "may not be public")
    async with opened(desk, ReviewScreen(own.id)) as pilot:
        await pilot.press("v")
        await wait_text(pilot, "PUBLIC")
        await pilot.press("v")
        await wait_text(pilot, "internal · 14 agents see it")


async def test_discard_is_undone(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("D")
        await wait_text(pilot, "discarded; u brings it back")
        assert desk.drafts[draft.id].state is DraftState.DISCARDED
        await pilot.press("u")
        await wait_for(pilot, lambda: desk.drafts[draft.id].state is DraftState.PROPOSED)


async def test_n_goes_to_the_next_open_draft(desk: DraftDesk) -> None:
    first, second = desk.new(), desk.new()
    async with opened(desk, ReviewScreen(first.id)) as pilot:
        await pilot.press("n")
        await wait_for(pilot, lambda: getattr(pilot.app.screen, "draft_id", "") == second.id)
        await pilot.press("n")
        await wait_for(pilot, lambda: getattr(pilot.app.screen, "draft_id", "") == first.id)


async def test_a_draft_open_elsewhere_says_so_and_is_taken_over(desk: DraftDesk) -> None:
    draft = desk.new()
    desk.editing = Editing(draft=draft.id, where="pts/3", pid=7, operator="alex", at=desk.clock.replace(minute=10))
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await wait_text(pilot, "open on pts/3, idle 4m; take over?")
        await pilot.press("T")
        await wait_for(pilot, lambda: "pts/3, idle" not in text_of(pilot.app))
        assert any(isinstance(c, d.OpenDraft) and c.take_over for c in desk.commands)


async def test_presence_is_told_at_most_once_a_second(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = desk.new()
    monkeypatch.setattr(ReviewScreen, "monotonic", lambda self: 100.0)
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("j", "k", "j", "k")
        assert sum(isinstance(command, d.OpenDraft) for command in desk.commands) == 1


async def test_read_only_changes_nothing(desk: DraftDesk) -> None:
    desk.facts = replace(desk.facts, read_only=True)
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        for key in ("enter", "p", "D", "delete", "v", "E", "u"):
            await pilot.press(key)
        assert isinstance(pilot.app.screen, ReviewScreen)
        assert not [command for command in desk.commands if not isinstance(command, d.KeepViewState | d.MarkSeen)]


async def test_what_needs_a_person_is_settled_with_a_reason(desk: DraftDesk) -> None:
    draft = desk.new()
    desk.do(d.ApproveDraft(id=draft.id, fingerprint=desk.ask(d.Confirm(draft.id)).fingerprint))
    desk.step(draft.id, DraftState.NEEDS_HUMAN, StepState.UNKNOWN, error="no answer")
    async with opened(desk, ReviewScreen(draft.id, row="push")) as pilot:
        await wait_text(pilot, "needs a person: no answer")
        await pilot.press("enter")
        await wait_text(pilot, "Did the update arrive?")
        await pilot.press("enter")
        await wait_text(pilot, "How do you know?")
        await pilot.press(*"seen", "enter")
        await wait_for(pilot, lambda: desk.drafts[draft.id].state is DraftState.PUSHED)
        settled = next(command for command in desk.commands if isinstance(command, d.SettleDraft))
        assert (settled.applied, settled.reason) == (True, "seen")


HOSTILE = "\x1b]52;c;aGk=\x07[/] [@click=app.quit]x[/] [b]\u202e\u200b 🖨️ プリンタ {} \x9b2J"


@pytest.mark.parametrize("size", [(40, 20), (120, 40)])
async def test_hostile_text_is_only_text(desk: DraftDesk, size: tuple[int, int]) -> None:
    desk.claims = tuple(replace(claim, text=HOSTILE + claim.text) for claim in CLAIMS)
    desk.findings = (replace(WARN, text=HOSTILE), replace(BLOCK, text=HOSTILE, id="[/]"))
    desk.tells = (HOSTILE,)
    draft = desk.new(
        DraftChanges(comment=HOSTILE * 3, set={"/status": "waiting", "/assignee": HOSTILE}, attach=((HOSTILE, b"x"),)),
        note=HOSTILE,
    )
    desk.change("NET-87", title=SafeText(HOSTILE), assignees=(SafeText(HOSTILE),))
    desk.editing = Editing(draft=draft.id, where=HOSTILE, pid=1, operator=HOSTILE, at=desk.clock)
    async with opened(desk, ReviewScreen(draft.id), size=size) as pilot:
        for key in ("G", "g", "j", "c", "j", "c", "j", "o", "G", "c"):
            await pilot.press(key)
            await pilot.pause()
            shown = text_of(pilot.app).replace("\n", "")
            assert not [char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200b"]
        assert "[@click=app.quit]x[/]" in "".join(pilot.app.screen.query_one("#rows", RowList).lines).replace(" ", "")


async def test_a_comment_takes_no_more_than_its_limit(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment="x" * (256 * 1024 - 1)))
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "a", "b")
        await wait_text(pilot, "a comment holds 256 kB")
        await wait_for(pilot, lambda: len(comment_text(desk.drafts[draft.id])) == 256 * 1024)


async def test_text_keys_that_terminals_own_do_nothing(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment="one two"))
    async with opened(desk, ReviewScreen(draft.id, row="op:/comment")) as pilot:
        await pilot.press("enter", "home", "ctrl+e", "ctrl+s", "x")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == "xone two")
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == "one two")


def test_claims_carry_the_numbers_that_the_comment_gave_their_sources() -> None:
    comment = "text [2]\n\nSources\n[1] NET-87#2 1   [2] NET-87#1 1-2\n[3] runbooks/A page 4-9\nWritten by an engine."
    numbers = citation_numbers(CLAIMS, comment)
    assert numbers[("NET-87#2", 1, 1)] == 1
    assert numbers[("NET-87#1", 1, 2)] == 2
    assert numbers[("runbooks/A page", 4, 9)] == 3
    assert numbers[("NET-87#3", 1, 1)] == 4


def test_a_summary_reads_as_agreed_at_80_columns(desk: DraftDesk) -> None:
    draft = desk.new()
    foreign_owner(desk)
    shown = Shown(review=desk.ask(d.DraftReview(draft.id)), now=desk.clock, tz=UTC, can_add=True)
    assert rows_text(review_rows(shown, 80)) == GOLDEN


GOLDEN = """\
   field     when drafted    now             yours
   status    open            open            investigating                agent
 ! owner     dana            miguel  2m ago  alex               t theirs m mine
                             changed by miguel 2m ago
   + another field
────────────────────────────────────────────────────────────────────────────────
   comment   internal · 14 agents see it · tells dana, miguel
     DNS lookups from the build agents have failed intermittently since 03:08
     [1]. A restart of node-local-dns on agents-3 did not help [2]. The
     runbook's next step, upstream resolver health, has not been tried [3].

     Next: compare 10.0.3.3 (900 ms) with 10.0.3.2 (4 ms).
────────────────────────────────────────────────────────────────────────────────
 ~ warn      M2-number: "about 12 %": the source says "12 %"           NET-87#1
 ✓ 3 of 3 claims cited and found
   fact      Lookups from the build agents fail since 03:08.
             high  [1] NET-87#1 1-2  [2] NET-87#3
             M2-number: "about 12 %": the source says "12 %"
   reported  A restart of node-local-dns on agents-3 did not help.
             medium  [3] NET-87#2
 ? unknown   Whether upstream resolvers are healthy is not known.
────────────────────────────────────────────────────────────────────────────────"""


def _operator() -> Any:
    from opstui.core.drafts import Origin

    return Origin.OPERATOR


async def test_a_draft_of_a_managed_session_names_engine_model_and_how_much_was_hidden(desk: DraftDesk) -> None:
    session = desk.add_managed("NET-87")
    desk.hidden[session.id] = {
        "⟦S:EMAIL:3f2a9c01⟧": "dana@larkfield.example",
        "⟦S:EMAIL:00aa9c01⟧": "lena@larkfield.example",
        "⟦S:PASSWORD:3f2a9c02⟧": "hunter2",
    }
    draft = desk.new(session=session.id)
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await wait_text(pilot, "3 hidden from it: 2 email, password")
        assert "\n managed · claude-sonnet-5-5  " in text_of(pilot.app)
        assert "hunter2" not in text_of(pilot.app)
