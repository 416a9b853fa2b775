"""Confirm: what will be sent, drawn from the bytes, and the letters that send it. After them: what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.geometry import Size

from opstui.core.approval import key_suffix
from opstui.core.desk import ApproveDraft, Confirm, Confirmation, DraftReview, Draw, NoteDraft, Review
from opstui.core.drafts import Draft, DraftState
from opstui.core.errors import NotFound, OpstuiError
from opstui.tui.arming import Arming, Phase, at, idle, open_prompt, press, redraw
from opstui.tui.confirm_lines import confirm_rows, head_line, prompt_line, true_to_bytes
from opstui.tui.lines import Line, fit, line
from opstui.tui.push_words import push_lines, wrapped
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.sevlane import SevLane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.statusline import StatusLine
from opstui.tui.words import zone

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp

LOOK = 0.1
"""Seconds between looks at whether the prompt is armed or nobody answered it."""
WRONG_KEY = "not pushed: wrong key"
_WATCHED = (DraftState.APPROVED, DraftState.PUSHING)


class ConfirmScreen(DeskScreen):
    """One update, as it will be sent. Open it with :meth:`open`."""

    LABEL = "Confirm"
    KIND = "confirm"
    BINDINGS = screen_bindings("confirm")
    DEFAULT_CSS = """
    ConfirmScreen #confirm-head { height: 1; }
    ConfirmScreen #prompt { height: auto; max-height: 60%; }
    """
    choice: ClassVar[Callable[[str], str] | None] = None
    """Instead of the desk's randomness, for tests."""
    """Draws one of some letters; nobody can guess which."""
    monotonic: ClassVar[Callable[[], float]] = staticmethod(time.monotonic)
    """Seconds that never go back."""

    def __init__(self, draft: str, confirmation: Confirmation | None = None) -> None:
        super().__init__()
        self.draft_id = draft
        self.confirmation = confirmation
        self.review: Review | None = None
        self.arming: Arming | None = None
        self.problem = ""
        """Why it could not be approved."""
        self._approving = False
        self._left = False
        self._drawn_armed = False
        self._size_drawn: Size | None = None
        self._covered = False

    @classmethod
    def open(cls, app: OpstuiApp, draft_id: str) -> None:
        """Ask what would be sent and show it; a notice where there is nothing to confirm."""
        try:
            review = app.desk.ask(DraftReview(draft_id))
            if review.draft.state is DraftState.PUSHED:
                app.say("it is on the ticket already", "dim")
                return
            confirmation = app.desk.ask(Confirm(draft_id))
        except OpstuiError as error:
            app.say(error.message, "warn")
            return
        if not true_to_bytes(confirmation):
            app.say("not confirmed: the fingerprint is not that of the bytes", "bad")
            return
        screen = cls(draft_id, confirmation)
        screen.review = review
        app.push_screen(screen)

    def compose(self) -> ComposeResult:
        """Like every screen, but the lowest line is the prompt."""
        yield StatusLine(id="status")
        yield SevLane(id="lane")
        yield Spans(id="confirm-head")
        yield RowList(id="what", cursor=False)
        yield Spans(id="prompt")

    def on_mount(self) -> None:
        """Draw the letters."""
        if self.confirmation is None or self.review is None:
            if not self._read():
                return
        assert self.confirmation is not None
        self.query_one("#confirm-head", Spans).show(self._head)
        self.query_one("#what", RowList).show(self._rows)
        self.query_one("#prompt", Spans).show(self._prompt)
        if not self._watching():
            self._draw_letters()
        self.set_interval(LOOK, self._tick)

    def _read(self) -> bool:
        try:
            self.review = self.desk.ask(DraftReview(self.draft_id))
            self.confirmation = self.desk.ask(Confirm(self.draft_id))
        except OpstuiError as error:
            self._close(error.message)
            return False
        return True

    # --- drawing ------------------------------------------------------------------------------------------------------

    def show_frame(self) -> None:
        """Status line and lane; there is no footer, since nothing may stand below the prompt."""
        app = self.desk_app
        if self.is_there:
            now = app.now()
            self.query_one("#status", StatusLine).tell(app.status, self.facts, now, self.label(), app.key_count())
            self.query_one("#lane", SevLane).tell(app.status, now)

    def _head(self, width: int) -> list[Line]:
        return [head_line(self.confirmation, width)] if self.confirmation is not None else []

    def _rows(self, width: int) -> list:  # type: ignore[type-arg]
        return confirm_rows(self.confirmation, width) if self.confirmation is not None else []

    def _prompt(self, width: int) -> list[Line]:
        above = [self._more(width)]
        back = self.desk_app.keymap.keys("confirm.back")[-1]
        if self.problem:
            return [
                *above,
                *wrapped(line(" ", ("✗", "bad"), " ", (self.problem, "bad")), width),
                fit(line(" ", (f"{back} goes back", "dim")), width),
            ]
        if self._watching() and self.review is not None:
            over = self.review.draft.state not in _WATCHED
            said = push_lines(
                self.review.draft,
                self.review.push,
                now=self.desk_app.now(),
                tz=zone(self.facts.timezone),
                settle_seconds=self._settle_seconds(),
            )
            return [
                *above,
                *(part for drawn in said for part in wrapped(drawn, width)),
                fit(line(" ", (f"{back} goes back{'' if over else '; the push goes on'}", "dim")), width),
            ]
        if self._approving:
            ticket = self.confirmation.ticket if self.confirmation is not None else ""
            return [*above, fit(line(" ", ("…", "accent"), f" approving, after a last look at {ticket}"), width)]
        if self.arming is None:
            return above
        return [*above, prompt_line(self.arming, back, width)]

    def _more(self, width: int) -> Line:
        rows = self.query_one("#what", RowList)
        left = rows.max_scroll_y - rows.scroll_offset.y
        if left <= 0:
            return line(("─" * width, "rule"))
        text = f" ▼ {left} more line{'s' if left > 1 else ''}: down, pgdn "
        return fit(line(("──", "rule"), (text, "warn"), ("─" * max(0, width - 2 - len(text)), "rule")), width)

    def _settle_seconds(self) -> float:
        capabilities = self.facts.capabilities.get(self.confirmation.ticket.system) if self.confirmation else None
        return capabilities.settle_seconds if capabilities is not None else 60.0

    def _show_prompt(self) -> None:
        if self.is_there and not self._left:
            self.query_one("#prompt", Spans).show(self._prompt)

    # --- the letters --------------------------------------------------------------------------------------------------

    def _watching(self) -> bool:
        """The letters were typed: what is shown now is what comes of it."""
        return (self.review is not None and self.review.draft.state in (*_WATCHED, DraftState.PUSHED)) or self._approved

    _approved = False

    def _drawn(self, letters: str) -> str:
        choice = type(self).choice
        return choice(letters) if choice is not None else self.desk.ask(Draw(letters))

    def _draw_letters(self) -> None:
        confirmation, moment = self.confirmation, type(self).monotonic()
        assert confirmation is not None
        if self.arming is None:
            suffix = key_suffix(confirmation.ticket) if confirmation.needs_key_suffix else None
            self.arming = open_prompt(suffix, self._drawn, moment)
        else:
            self.arming = redraw(self.arming, self._drawn, moment)
        self._drawn_armed = False
        self._show_prompt()

    def _new_letters(self) -> None:
        if self.arming is not None and not self.arming.over and not self._watching():
            self._draw_letters()

    def _tick(self) -> None:
        if self.arming is None or self.arming.over:
            if self._watching() and self.review is not None and self.review.draft.state is DraftState.PUSHING:
                self._show_prompt()
            return
        moment = type(self).monotonic()
        if idle(self.arming, moment):
            self._draw_letters()
            return
        self.arming = at(self.arming, moment)
        armed = self.arming.phase is Phase.ARMED
        if armed != self._drawn_armed:
            self._drawn_armed = armed
            self._show_prompt()

    def on_resize(self) -> None:
        """Another size, other letters. The first size is none."""
        if self._size_drawn not in (None, self.app.size):
            self._new_letters()
        self._size_drawn = self.app.size
        self.call_after_refresh(self._show_prompt)

    def on_screen_suspend(self) -> None:
        """Something stands over it."""
        self._covered = True

    def on_screen_resume(self) -> None:
        """What stood over it is gone."""
        if self._covered:
            self._new_letters()
        self._covered = False

    def focus_reported(self) -> None:
        """The terminal lost focus, came back to the front, or is another one."""
        self._new_letters()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is no key."""
        event.stop()
        event.prevent_default()

    def on_key(self, event: events.Key) -> None:
        """Every key but those that go back or scroll is an answer, and only the right ones push."""
        if event.key in self.desk_app.keymap.keys("confirm.back"):
            return
        event.stop()
        event.prevent_default()
        if event.key in _SCROLLS:
            getattr(self.query_one("#what", RowList), _SCROLLS[event.key])()
            self.call_after_refresh(self._show_prompt)
            return
        arming = self.arming
        if arming is None or arming.over or self._watching() or self.problem:
            if event.key == "q":
                self.go_back()
            return
        if event.key == "q" and arming.rest[:1].casefold() != "q":
            self.go_back()
            return
        # A modifier makes it another key, whatever character the terminal says it gives.
        character = event.character if event.is_printable and "+" not in event.key else None
        # When it was typed, not when its turn came: what waited in a buffer while the loop was busy is type-ahead.
        lag = max(0.0, time.monotonic() - event.time)
        self.arming = press(arming, character, type(self).monotonic() - lag)
        if self.arming.phase is Phase.WRONG:
            self._wrong()
        elif self.arming.phase is Phase.DONE:
            self._approve()
        elif self.arming != arming:
            self._show_prompt()

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _wrong(self) -> None:
        self.desk_app.do(NoteDraft(id=self.draft_id, note=WRONG_KEY), failed=lambda error: None)
        self._close(WRONG_KEY, deaf=True)

    def _close(self, said: str, *, deaf: bool = False) -> None:
        from opstui.tui.screens.review import ReviewScreen

        if self._left:
            return
        self._left = True
        app, draft_id = self.desk_app, self.draft_id
        under = app.screen_stack[-2] if len(app.screen_stack) > 1 else None
        if isinstance(under, ReviewScreen) and under.draft_id == draft_id:
            review = under
            app.pop_screen()
        else:
            review = ReviewScreen(draft_id)
            app.switch_screen(review)
        if deaf:
            review.be_deaf()
        app.say(said, "warn")

    def go_back(self) -> None:
        """Nothing is pushed; what was approved goes on."""
        self._left = True
        super().go_back()

    def action_confirm_back(self) -> None:
        """``escape`` and ``ctrl+g``."""
        self.go_back()

    def _approve(self) -> None:
        assert self.confirmation is not None
        self._approving = True
        self._show_prompt()
        command = ApproveDraft(id=self.draft_id, fingerprint=self.confirmation.fingerprint)
        self.desk_app.do(command, self._was_approved, failed=self._not_approved)

    def _was_approved(self, draft: Draft) -> None:
        self._approving = False
        self._approved = True
        self._look()

    def _not_approved(self, error: OpstuiError) -> None:
        self._approving = False
        self.problem = f"not pushed: {error.message}"
        if not self._left:
            self._show_prompt()

    # --- changes ------------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """The draft, and the ticket whose fields it sets."""
        ref = str(self.confirmation.ticket) if self.confirmation is not None else None
        return ViewState(ticket=ref, drafts=frozenset({self.draft_id}))

    def ask_again(self, state: ViewState) -> None:
        """Something changed: before the letters it may void what is shown, after them it is news of the push."""
        if self.is_there and Topic.DRAFT in state.stale and not self._left:
            self._look()

    def _look(self) -> None:
        try:
            review = self.desk.ask(DraftReview(self.draft_id))
        except NotFound as error:
            self._close(f"not pushed: {error.message}")
            return
        self.review = review
        if self._approving or self.confirmation is None:
            return
        if self._watching() or self.problem:
            if review.draft.state in (DraftState.EDITED, DraftState.PROPOSED) and self._approved:
                self._close(f"not pushed: {review.draft.note or 'the draft was changed'}")
                return
            self._show_prompt()
            return
        try:
            fresh = self.desk.ask(Confirm(self.draft_id))
        except OpstuiError as error:
            self._close(f"not pushed: {error.message}")
            return
        if fresh.fingerprint != self.confirmation.fingerprint:
            self._close("not pushed: the draft or its ticket changed; look at it again")
            return
        if fresh.overlaps != self.confirmation.overlaps or fresh.tells != self.confirmation.tells:
            # What else happened on the ticket voids nothing, but is seen before anything is sent.
            self.confirmation = fresh
            self.query_one("#what", RowList).show(self._rows)
            self._new_letters()


_SCROLLS = {
    "down": "action_move_down",
    "up": "action_move_up",
    "pagedown": "action_move_page_down",
    "pageup": "action_move_page_up",
    "home": "action_move_first",
    "end": "action_move_last",
}
