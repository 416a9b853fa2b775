"""What every screen has: the status line, the severity-1 lane, the footer, and how it learns of changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

from opstui.core.desk import Desk, Facts
from opstui.core.keys import SCREENS
from opstui.tui.keymap import bindings
from opstui.tui.state import EVERYTHING, Topic, ViewState
from opstui.tui.widgets.hints import Hints
from opstui.tui.widgets.lines import Lines, Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.sevlane import SevLane
from opstui.tui.widgets.statusline import StatusLine

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp


PANES = [(0, "-one"), (100, "-two"), (160, "-three")]
LINES = [(0, "-short"), (22, "-tall"), (30, "-roomy")]


class DeskScreen(Screen[None], inherit_bindings=False):
    """A screen over the desk.

    A subclass sets ``LABEL``, ``KIND``, ``HINTS`` and ``BINDINGS = screen_bindings(KIND)``, answers ``compose_body``,
    and in ``ask_again`` asks the desk for the topics that are out of date and shows the answers. Actions are methods
    named after the key's id: ``ticket.summary`` calls ``action_ticket_summary``.
    """

    LABEL: ClassVar[str] = ""
    """The name that stands at the right of the status line, and in the palette."""
    KIND: ClassVar[str] = ""
    """Its name in ``core.keys.SCREENS`` and in the kept view state."""
    HINTS: ClassVar[tuple[str, ...]] = ()
    """Key ids for the footer, most useful first."""
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = PANES
    VERTICAL_BREAKPOINTS = LINES

    _stands = False
    streams = False
    """Something streams onto it now, so that the desk is looked at often."""

    @property
    def desk_app(self) -> OpstuiApp:
        """The app, by its own type."""
        return cast("OpstuiApp", self.app)

    @property
    def desk(self) -> Desk:
        """The desk."""
        return self.desk_app.desk

    @property
    def facts(self) -> Facts:
        """What does not change while the program runs."""
        return self.desk_app.facts

    @property
    def is_there(self) -> bool:
        """Whether its widgets are: they come after it and, when the program ends, go before it."""
        return self._stands and bool(self.query("#status"))

    def compose(self) -> ComposeResult:
        """Status line, lane, the screen's own part, footer."""
        yield StatusLine(id="status")
        yield SevLane(id="lane")
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Rule(id="over-hints")
        yield Hints(id="hints")

    def compose_body(self) -> ComposeResult:
        """The part between the lane and the footer."""
        yield from ()

    # --- changes -----------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """What this screen shows, by id; ``state.reduce`` decides with it what an event puts out of date."""
        return ViewState()

    def ask_again(self, state: ViewState) -> None:
        """Ask the desk for ``state.stale`` and show the answers. Runs on the UI thread: bounded questions only."""

    def minute_passed(self) -> None:
        """A minute's tick: ages and clocks may read differently. Repaint only what does."""

    def focus_reported(self) -> None:
        """The terminal reported that focus came or went."""

    def kept(self) -> Mapping[str, Any]:
        """What to remember of this screen: cursor, scroll, what is open. JSON values only."""
        return {}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand where ``kept`` says. Called once before the screen is shown; anything in it may be missing or wrong."""

    def saving(self) -> None:
        """Write down at once what was typed: the terminal hangs up."""

    def unsaved(self) -> str:
        """What would be lost if the program ended now, as a sentence; empty: nothing."""
        return ""

    # --- footer and status -------------------------------------------------------------------------------------------

    def hints(self) -> list[tuple[str, str]]:
        """Key and word for the footer; ``? help`` is always the last. A question has its own."""
        if self.asks:
            keymap = self.desk_app.keymap
            return [(keymap.shown("list.open"), "take it"), (keymap.shown("app.back"), "cancel")]
        ids = tuple(key_id for key_id in self.HINTS if key_id != "app.help")
        return self.desk_app.keymap.hints((*ids, "app.help"))

    def show_frame(self) -> None:
        """Draw status line, lane and footer from what the app knows; repaints only what differs."""
        app = self.desk_app
        if not self.is_there:
            return
        now = app.now()
        self.query_one("#status", StatusLine).tell(app.status, self.facts, now, self.label(), app.key_count())
        self.query_one("#lane", SevLane).tell(app.status, now)
        self.query_one("#hints", Hints).tell(self.hints(), app.notice_shown)

    def label(self) -> str:
        """The name shown; a screen may add what it is about."""
        return self.LABEL

    def look_changed(self) -> None:
        """The theme is another one."""
        for widget in self.query(Lines):
            widget.look_changed()

    def on_mount(self) -> None:
        """Show the frame with the first paint."""
        self._stands = True
        self.show_frame()

    def on_resize(self) -> None:
        """What fits on the status line depends on the width."""
        self.show_frame()

    def on_screen_resume(self) -> None:
        """It is on top now."""
        self.come_back()
        self.show_frame()

    def come_back(self) -> None:
        """Back in view: everything may be out of date."""
        self.ask_again(ViewState(stale=EVERYTHING, reordered=True))

    def go_back(self) -> None:
        """``escape``: one step back. A screen with something open inside closes that first."""
        if not self.drop_question():
            self.desk_app.leave_screen()

    def put_question(self, question: Widget) -> None:
        """Put a question (``widgets.ask.Ask``) at the foot of the screen; it takes the keys until it is answered."""
        self.drop_question()
        self.mount(question, before="#over-hints")
        self.call_after_refresh(self.show_frame)

    def put_reason(self, reason: str) -> None:
        """Put why something is asked above the lowest line, until the question there is answered."""
        from opstui.tui.widgets.reason import Reason

        self.mount(Reason(reason), before="#over-hints")

    def drop_reason(self) -> None:
        """The question was answered."""
        for reason in self.query_children("Reason"):
            reason.remove()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question waits for its answer the screen's own keys mean nothing: ``D`` is no choice."""
        return not self.asks

    @property
    def asks(self) -> bool:
        """Whether a question waits at its foot."""
        return bool(self._questions())

    def _questions(self) -> list[Widget]:
        return [ask for ask in self.query_children("Ask") if not ask.has_class("-answered")]

    def drop_question(self) -> bool:
        """Take the question away unanswered; whether there was one."""
        asked = self._questions()
        for question in asked:
            question.add_class("-answered")
            question.remove()
        if asked:
            self.show_frame()
        return bool(asked)

    # --- moving ------------------------------------------------------------------------------------------------------

    def mover(self) -> Scroller | None:
        """What the keys of moving move now."""
        return None

    def action_move_down(self) -> None:
        """``j``."""
        self._move("move", 1)

    def action_move_up(self) -> None:
        """``k``."""
        self._move("move", -1)

    def action_move_first(self) -> None:
        """``g``."""
        self._move("first")

    def action_move_last(self) -> None:
        """``G``."""
        self._move("last")

    def action_move_half_down(self) -> None:
        """``ctrl+d``."""
        self._move("page", 0.5)

    def action_move_half_up(self) -> None:
        """``ctrl+u``."""
        self._move("page", -0.5)

    def action_move_page_down(self) -> None:
        """``pagedown``."""
        self._move("page", 1)

    def action_move_page_up(self) -> None:
        """``pageup``."""
        self._move("page", -1)

    def _move(self, how: str, *by: float) -> None:
        mover = self.mover()
        if mover is not None:
            getattr(mover, how)(*by)


def screen_bindings(kind: str, *without: str) -> list[BindingType]:
    """The bindings of a screen of this kind; the app's own come from the app."""
    groups = (group for group in SCREENS[kind] if group != "app")
    return [binding for binding in bindings(*groups) if isinstance(binding, Binding) and binding.id not in without]


__all__ = ["DeskScreen", "Topic", "ViewState", "screen_bindings"]
