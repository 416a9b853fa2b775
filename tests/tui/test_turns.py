"""Keys that come faster than they are dealt with: none overtakes another, and none typed is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual import events

from opstui.core.drafts import DraftChanges, DraftState
from opstui.tui.drafting import comment_text
from opstui.tui.screens.confirm import ConfirmScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.text_field import CommentField
from tests.tui.draft_desk import DraftDesk
from tests.tui.screen_test import opened, wait_for

TEXT = "The first line.\nThe second line."
COMMENT = "op:/comment"


@pytest.fixture
def desk() -> DraftDesk:
    return DraftDesk()


def burst(pilot: Any, *keys: str) -> None:
    """Keys all at once, as a terminal hands on what came in one read."""
    for key in keys:
        name = {" ": "space"}.get(key, key)
        character = {"enter": "\r", "space": " ", "escape": "\x1b"}.get(name, name if len(name) == 1 else None)
        pilot.app.post_message(events.Key(name, character))


async def writing(desk: DraftDesk, pilot: Any) -> CommentField:
    await pilot.press("enter")
    field: CommentField = pilot.app.screen.query_one("#comment", CommentField)
    await wait_for(pilot, lambda: field.has_focus)
    return field


async def test_letters_wait_for_the_caret_key_before_them(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        field = await writing(desk, pilot)
        burst(pilot, "home", *"By hand: ", "up", "home", *"Now. ", "end", "left", "backspace", *"e!")
        expected = "Now. The first line!.\nBy hand: The second line."
        await wait_for(pilot, lambda: field.text == expected, expected)


async def test_the_last_letters_before_leaving_are_kept(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        await writing(desk, pilot)
        burst(pilot, *" Done.", "ctrl+t")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert comment_text(desk.drafts[draft.id]) == TEXT + " Done."


async def test_a_key_after_escape_is_no_letter(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        await writing(desk, pilot)
        burst(pilot, *" Done.", "escape", "g")
        await wait_for(pilot, lambda: not pilot.app.screen.editing)
        await wait_for(pilot, lambda: pilot.app.screen.query_one("#rows", RowList).cursor != COMMENT)
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == TEXT + " Done.")


async def test_text_left_and_taken_up_at_once_is_the_newest(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        field = await writing(desk, pilot)
        burst(pilot, *" One.", "escape", "enter", *" Two.", "escape", "enter", *" Three.")
        await wait_for(pilot, lambda: field.text.endswith("Three."))
        await pilot.press("escape")
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == TEXT + " One. Two. Three.")


@pytest.mark.parametrize("pause", [0.0, 0.15, 0.5])
async def test_typing_over_several_saves_never_moves_the_caret(desk: DraftDesk, pause: float) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        field = await writing(desk, pilot)
        await pilot.press("home")
        typed = "Seen twice " if pause < 0.5 else "Seen "
        for letter in typed:
            await pilot.press("space" if letter == " " else letter)
            await pilot.pause(pause)
        assert field.text == f"The first line.\n{typed}The second line."
        await wait_for(pilot, lambda: comment_text(desk.drafts[draft.id]) == field.text)
        await pilot.pause(0.3)
        assert field.cursor_location == (1, len(typed))
        assert field.has_focus


async def test_a_change_elsewhere_leaves_the_caret_at_its_words(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        field = await writing(desk, pilot)
        await pilot.press("home", "right", "right", "right", "right")
        desk.elsewhere(draft.id, DraftChanges(comment="A line above.\n" + TEXT))
        await wait_for(pilot, lambda: field.text.startswith("A line above."))
        assert field.cursor_location == (2, 4)
        await pilot.press("x")
        assert field.text.endswith("The xsecond line.")


async def test_a_draft_that_was_pushed_elsewhere_takes_no_more_text(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        await writing(desk, pilot)
        desk._save(replace(desk.drafts[draft.id], state=DraftState.PUSHING))
        await wait_for(pilot, lambda: not pilot.app.screen.editing)


async def test_a_key_whose_widget_went_away_holds_up_no_other(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        burst(pilot, "escape", "j", "k", "question_mark")
        await wait_for(pilot, lambda: type(pilot.app.screen).__name__ == "HelpScreen")


async def test_an_escape_and_a_letter_in_one_read_type_nothing(desk: DraftDesk) -> None:
    draft = desk.new(DraftChanges(comment=TEXT))
    async with opened(desk, ReviewScreen(draft.id, row=COMMENT)) as pilot:
        field = await writing(desk, pilot)
        pilot.app.post_message(events.Key("alt+g", "g"))
        await pilot.press("x")
        assert field.text == TEXT + "x"
