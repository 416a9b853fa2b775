"""Confirm: what will be sent, drawn from the bytes, and the letters that send it. After them: what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from opstui.core.approval import key_suffix
from opstui.core.desk import ApproveDraft, Confirm, Confirmation, DraftReview, NoteDraft, Review
from opstui.core.drafts import Draft, DraftState
from opstui.core.errors import NotFound, OpstuiError
from opstui.tui.confirm_lines import confirm_rows, head_line, prompt_line, true_to_bytes
from opstui.tui.lines import Line, fit, line
from opstui.tui.push_words import push_lines, wrapped
from opstui.tui.screens.base import Topic, ViewState, screen_bindings
from opstui.tui.screens.letters import LettersScreen
from opstui.tui.widgets.row_list import RowList
from opstui.tui.widgets.sevlane import SevLane
from opstui.tui.widgets.spans import Spans
from opstui.tui.widgets.statusline import StatusLine
from opstui.tui.words import zone

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp

WRONG_KEY = "not pushed: wrong key"
_WATCHED = (DraftState.APPROVED, DraftState.PUSHING)


class ConfirmScreen(LettersScreen):
    """One update, as it will be sent. Open it with :meth:`open`."""

    LABEL = "Confirm"
    KIND = "confirm"
    BINDINGS = screen_bindings("confirm")
    DEFAULT_CSS = """
    ConfirmScreen #confirm-head { height: 1; }
    ConfirmScreen #prompt { height: auto; max-height: 60%; }
    """

    def __init__(self, draft: str, confirmation: Confirmation | None = None) -> None:
        super().__init__()
        self.draft_id = draft
        self.confirmation = confirmation
        self.review: Review | None = None
        self.problem = ""
        """Why it could not be approved."""
        self._approving = False

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
        self.query_one("#prompt", Spans).show(self.prompt_lines)
        if not self._watching():
            self.draw_letters()
        self.watch_letters()

    def _read(self) -> bool:
        try:
            self.review = self.desk.ask(DraftReview(self.draft_id))
            self.confirmation = self.desk.ask(Confirm(self.draft_id))
        except OpstuiError as error:
            self._close(error.message)
            return False
        return True

    # --- drawing ------------------------------------------------------------------------------------------------------

    def _head(self, width: int) -> list[Line]:
        return [head_line(self.confirmation, width)] if self.confirmation is not None else []

    def _rows(self, width: int) -> list:  # type: ignore[type-arg]
        return confirm_rows(self.confirmation, width) if self.confirmation is not None else []

    def prompt_lines(self, width: int) -> list[Line]:
        """Why it could not be approved, what comes of it, or what to type."""
        above = [self.more_line(width)]
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

    def _settle_seconds(self) -> float:
        capabilities = self.facts.capabilities.get(self.confirmation.ticket.system) if self.confirmation else None
        return capabilities.settle_seconds if capabilities is not None else 60.0

    # --- the letters --------------------------------------------------------------------------------------------------

    def takes_letters(self) -> bool:
        """Until they were typed, or something stands against it."""
        return not self._watching() and not self.problem

    def suffix(self) -> str | None:
        """The end of the ticket's key, where that is to be typed."""
        confirmation = self.confirmation
        assert confirmation is not None
        return key_suffix(confirmation.ticket) if confirmation.needs_key_suffix else None

    def look_while_waiting(self) -> None:
        """The push goes on."""
        if self._watching() and self.review is not None and self.review.draft.state is DraftState.PUSHING:
            self.show_prompt()

    def _watching(self) -> bool:
        """The letters were typed: what is shown now is what comes of it."""
        return (self.review is not None and self.review.draft.state in (*_WATCHED, DraftState.PUSHED)) or self._approved

    _approved = False

    # --- ends ---------------------------------------------------------------------------------------------------------

    def wrong_letter(self) -> None:
        """Not pushed, and Review says so."""
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

    def right_letters(self) -> None:
        """Consent to send what is shown."""
        assert self.confirmation is not None
        self._approving = True
        self.show_prompt()
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
            self.show_prompt()

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
            self.show_prompt()
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
            self.new_letters()
