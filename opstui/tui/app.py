"""The app: wires the desk to the screens, and the terminal to both. Rules live in the core, drawing in the widgets."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from textual import events
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from opstui.core.desk import (
    Desk,
    DeskFacts,
    Event,
    Facts,
    KeepViewState,
    Mark,
    Status,
    StatusLine,
    ViewState as KeptState,
    WaitingForYou,
    Watch,
)
from opstui.core.errors import ConfigError
from opstui.core.tickets import TicketRef
from opstui.tui import themes
from opstui.tui.keymap import Keymap, bindings
from opstui.tui.listening import ListeningApp
from opstui.tui.screens import registry
from opstui.tui.screens.base import DeskScreen
from opstui.tui.terminal import bell, clipboard, crash, hangup, recovery
from opstui.tui.terminal.driver import driver_class
from opstui.tui.terminal.environment import Terminal, decide, theme_for
from opstui.tui.terminal.guard import Guard

A = TypeVar("A")


class OpstuiApp(ListeningApp, inherit_bindings=False):
    """The full-screen app over a desk."""

    # The library loads no stylesheet of its own accord for the screen that is there first.
    CSS_PATH = ["app.tcss", "screens/queues.tcss"]  # noqa: RUF012 - as the library declares it
    BINDINGS = bindings("app")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "opstui"

    def __init__(
        self,
        desk: Desk,
        *,
        terminal: Terminal | None = None,
        look: themes.Look | None = None,
        open_ref: TicketRef | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        environ: Mapping[str, str] | None = None,
        themes_folder: Path | None = None,
    ) -> None:
        self.themes_folder = themes_folder
        self.terminal = terminal or decide({"TERM": "xterm-256color", "COLORTERM": "truecolor"})
        self.environ = os.environ if environ is None else environ
        super().__init__(driver_class=driver_class() if terminal is not None else None)
        self.desk = desk
        self.now = now
        self.facts: Facts = desk.ask(DeskFacts())
        self.status: Status = desk.ask(StatusLine())
        self.keymap = Keymap(self.facts.keys)
        self.set_keymap(self.keymap.textual())
        self.ascii = self.terminal.ascii
        self.look = look or themes.load(themes.DEFAULT)
        self._guards: list[LineFilter] = [*([NoColor()] if self.terminal.colours == 0 else []), Guard()]
        self._wear(self.look)
        self.notice_shown: tuple[str, str] | None = None
        self.notices: list[tuple[datetime, str, str]] = []
        self.last_key = 0.0
        """Monotonic seconds of the last key."""
        self.crashed: crash.Report | None = None
        self.unkept: dict[str, tuple[recovery.Unkept, ...]] = {}
        """Draft → what was typed in it and could not be stored, after its screen was left."""
        self.asides: dict[str, dict[str, str]] = {}
        """Draft → texts that lost a save there, by row, after its screen was left; the next start has them too."""
        self.drafting: set[TicketRef] = set()
        """Tickets that are being read for a draft: a second key makes no second one."""
        self.recovered: tuple[str, ...] = ()
        """For stderr at the end: where such texts were written."""
        self._open_ref = open_ref
        # Before anything is asked, so that no change falls between the first answers and the first look at the bell.
        self._mark: Mark | None = desk.changes(None)[1]
        self._heard: tuple[Event, ...] = ()
        self._healths: tuple[float, tuple[str, ...]] = (0.0, ())
        """When the queues' health was looked at last, and what it was."""
        self._minute = -1
        self._keys = 0
        self._counts_keys = self.environ.get("OPSTUI_DEBUG_KEYS") == "1"
        self._question: tuple[Callable[[], None], str] | None = None
        self._last_kept: Mapping[str, Any] = {}
        self._kept_at = 0.0
        self._bell = bell.Attention(self.terminal, self.environ)
        kept: Mapping[str, Any] | None = None if open_ref else desk.ask(KeptState("app"))
        self._stack_kept: Mapping[str, Any] = kept or {}
        self.asides |= recovery.asides_in(self._stack_kept.get("asides"))

    # --- look ---------------------------------------------------------------------------------------------------------

    def _wear(self, look: themes.Look) -> None:
        self.look = look
        self.register_theme(look.textual())
        self.theme = look.name

    def wear(self, name: str) -> None:
        """Change the theme, where the terminal has colours to choose from."""
        if theme_for(self.terminal, name) != name:
            self.say(f"this terminal gets {theme_for(self.terminal, name)}", "warn")
            return
        try:
            self._wear(themes.load(name, self.themes_folder))
        except ConfigError as error:
            self.say(error.message, "bad")
            return
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.look_changed()
                screen.show_frame()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Every drawn line passes the guard."""
        return self._guards

    # --- start and end ------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """Home, with its rows: they are part of the first paint."""
        return registry.home(self._stack_kept)

    def on_mount(self) -> None:
        """Listen to the desk, and go where the last run stood."""
        self._minute = int(self.now().timestamp() // 60)
        self._look_later()
        for sentence in self.keymap.problems:
            self.say(sentence, "warn")
        if self._open_ref is not None:
            self.push_screen(registry.screen("ticket", {"ref": str(self._open_ref)}))
        else:
            for screen in registry.restored(self._stack_kept, self.desk):
                self.push_screen(screen)
        self.call_after_refresh(self._settled)

    def _settled(self) -> None:
        # After the first paint: what the desk does to stay live (threads, a worker) must not delay it.
        self._thread(self.desk.live)

    def stack_state(self) -> Mapping[str, Any]:
        """What the next start needs to stand where this one stands."""
        return {
            "stack": [
                {"kind": screen.KIND, **screen.kept()} for screen in self.screen_stack if isinstance(screen, DeskScreen)
            ],
            "asides": self.asides,
        }

    def keep_now(self) -> None:
        """Write the view state down, if it differs from what was written."""
        state = self.stack_state()
        if state != self._last_kept:
            self._last_kept = state
            if self.desk.do(KeepViewState(name="app", state=state)).error is not None:
                self._last_kept = {}

    def me(self, system: str) -> str:
        """The operator's account on a system; empty while it has not said yet."""
        return self.status.accounts.get(system, self.facts.operator)

    def last_words(self) -> None:
        """The terminal hangs up or the program ends: write down what was typed, and where everything stands."""
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.saving()
        self.keep_now()
        self.recover()

    def recover(self) -> None:
        """Write what was typed and could not be stored into a file, once."""
        left = [text for texts in self.unkept.values() for text in texts]
        if left and not self.recovered:
            places = recovery.folders(Path(self.facts.crash_folder).parent, self.environ)
            command = "opstui --demo" if self.facts.demo else "opstui"
            self.recovered = recovery.write(left, places, self.now(), command=command)

    async def action_app_quit(self) -> None:
        """Quit with exit code 0."""
        self.last_words()
        self.exit(0, return_code=0)

    def action_app_leave(self) -> None:
        """``q``."""
        screen = self.screen
        if len(self.screen_stack) > 1:
            self.action_app_back()
            return
        loss = screen.unsaved() if isinstance(screen, DeskScreen) else ""
        if loss:
            self.ask(f"{loss} Quit?", self._quit)
        else:
            self._quit()

    def _quit(self) -> None:
        self.last_words()
        self.exit(0, return_code=0)

    def action_app_back(self) -> None:
        """``escape``."""
        if isinstance(self.screen, DeskScreen):
            self.screen.go_back()
        elif len(self.screen_stack) > 1:
            self.pop_screen()

    def leave_screen(self) -> None:
        """Close the screen that is on top; home stays."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def open(self, kind: str, **arguments: Any) -> None:
        """Open a screen by its name; the names are those of ``core.keys.SCREENS``, and ``palette``."""
        self.push_screen(registry.screen(kind, arguments))

    # --- words --------------------------------------------------------------------------------------------------------

    def copy(self, text: str, what: str = "text") -> None:
        """Send ``text`` to the terminal's clipboard, or to a file where it is too long, and say which."""
        sent = clipboard.copy(text, self.terminal, Path(self.facts.crash_folder).parent / "clipboard")
        if sent.sequence and self._driver is not None:
            self._driver.write(sent.sequence)
        self.say(f"{what}: {sent.said}")

    # --- keys ---------------------------------------------------------------------------------------------------------

    async def key_came(self, event: events.Key | events.Paste) -> bool:
        """Notice keys on their way in: for the answer to a question, and the notice."""
        if isinstance(event, events.Paste):
            return self._question is None
        self.last_key = time.monotonic()
        self._bell.key()
        if self._question is not None:
            (yes, _), self._question = self._question, None
            self.unsay()
            if isinstance(self.screen, DeskScreen):
                self.screen.drop_reason()
            if event.key == "y":
                yes()
            return False
        self.unsay()
        return True

    def key_ended(self, event: events.Event) -> None:
        """Count it under OPSTUI_DEBUG_KEYS."""
        if self._counts_keys and isinstance(event, events.Key):
            self._keys += 1
            if isinstance(self.screen, DeskScreen):
                self.screen.show_frame()

    def key_count(self) -> str:
        """``K#00001`` under OPSTUI_DEBUG_KEYS, else nothing."""
        return f"K#{self._keys:05d}" if self._counts_keys else ""

    def on_app_focus(self) -> None:
        """The terminal reports focus."""
        self._bell.focus()
        self.desk.do(Watch(True))
        self._tell_focus()

    def on_app_blur(self) -> None:
        """The terminal reports that focus went: remote systems are asked less often while nobody looks."""
        self._bell.focus()
        self.desk.do(Watch(False))
        self._tell_focus()

    def _tell_focus(self) -> None:
        # The library tells the app alone; also a second report in a row matters, after a re-attach.
        if self.screen_stack and isinstance(self.screen, DeskScreen):
            self.screen.focus_reported()

    def action_app_redraw(self) -> None:
        """Every cell again."""
        self.screen.refresh(layout=True)
        if self._driver is not None and not self.is_headless:
            self._driver.write("\x1b[2J")
        self.call_after_refresh(self.refresh)

    def action_app_help(self) -> None:
        """``?``."""
        self.open("help")

    def action_app_palette(self) -> None:
        """``:``."""
        self.open("palette")

    def action_app_health(self) -> None:
        """``H``."""
        if not (isinstance(self.screen, DeskScreen) and self.screen.KIND == "health"):
            self.open("health")

    def action_app_stop_all(self) -> None:
        """``F12``: at once if little runs, asking if much would be stopped."""
        if self.status.running > 1:
            self.ask(f"Stop all {self.status.running} sessions?", self._stop_all)
        else:
            self._stop_all()

    def _stop_all(self) -> None:
        from opstui.tui.stopping import stop_all

        stop_all(self)

    def action_app_waiting(self) -> None:
        """``!``: the next thing that waits for the operator."""
        waiting = self.desk.ask(WaitingForYou())
        if not waiting:
            self.say("nothing waits for you", "dim")
            return
        here = registry.subject(self.screen)
        places = [index for index, item in enumerate(waiting) if item.subject == here]
        item = waiting[(places[0] + 1) % len(waiting)] if places else waiting[0]
        screen = registry.screen_for(registry.WAITING.get(item.kind, "review"), item)
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
        self.say(item.text)

    def terminal_gone(self) -> None:
        """The terminal's other end is closed."""
        hangup.leave(self, 129)


def run_app(
    desk: Desk,
    *,
    theme: str | None = None,
    mouse: bool | None = None,
    open_ref: TicketRef | None = None,
    themes_folder: Path | None = None,
) -> int:
    """Run the app until it is left; the exit code: 0, 2 (no terminal), 70, 129 or 143.

    ``themes_folder`` is where the operator's own themes lie.
    """
    facts = desk.ask(DeskFacts())
    tty = (
        sys.__stdin__ is not None and sys.__stdin__.isatty() and sys.__stderr__ is not None and sys.__stderr__.isatty()
    )
    encoding = getattr(sys.__stderr__, "encoding", None)
    terminal = decide(os.environ, tty=tty, encoding=encoding, mouse=facts.mouse if mouse is None else mouse)
    if terminal.refuses:
        sys.stderr.write(f"opstui: {terminal.refuses}; --plain runs the same as a dialogue, line by line\n")
        return 2
    complaint = ""
    wanted = theme_for(terminal, theme or facts.theme or themes.DEFAULT)
    try:
        look = themes.load(wanted, themes_folder)
    except ConfigError as error:
        complaint, look = error.message, themes.load(theme_for(terminal, themes.DEFAULT))
    app = OpstuiApp(desk, terminal=terminal, look=look, open_ref=open_ref, themes_folder=themes_folder)
    if complaint:
        app.say(complaint, "bad")
    try:
        with hangup.watched(app):
            app.run(mouse=terminal.mouse)
    finally:
        # Also after a crash, and after one while the screens were closing.
        app.recover()
        if app.recovered:
            sys.stderr.write("\n".join(app.recovered) + "\n")
    if app.crashed is not None:
        sys.stderr.write("\n".join(app.crashed.lines) + "\n")
        return 70
    return app.return_code or 0
