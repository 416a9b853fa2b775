"""Session: what an agent says and does while it runs, what it waits for, what it costs, and why it stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from opstui.core.errors import NotFound
from opstui.core.sessions import Session
from opstui.tui import session_figures
from opstui.tui.draw import Piece, strip
from opstui.tui.following import Following
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.screens.session_acts import ActsOnSession
from opstui.tui.session_stands import KEYS
from opstui.tui.session_text import citations, result_of
from opstui.tui.ticket_text import workflow_word
from opstui.tui.widgets.lines import Lines, OneLine, Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.transcript import FLUSH, TranscriptView
from opstui.tui.words import called

COLUMNS = [(0, "-one"), (session_figures.WIDE, "-wide")]


class Figures(Lines):
    """The figures as a column."""

    DEFAULT_CSS = "Figures { width: 36; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self._rows: list[tuple[str, list[session_figures.Bit]]] = []

    def tell(self, rows: list[tuple[str, list[session_figures.Bit]]]) -> None:
        """Show them; only the lines that differ are drawn again."""
        before, self._rows = self._rows, rows
        if len(before) != len(rows):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.repaint(y)

    def line(self, y: int) -> Strip:
        """A label and its value."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width)
        palette = self.palette
        label, value = self._rows[y]
        pieces: list[Piece] = [(f"  {label:<10}", palette.faint), *((text, palette.role(role)) for text, role in value)]
        return strip(pieces, self.size.width)


class SessionScreen(ActsOnSession, DeskScreen):
    """One session."""

    LABEL = "Session"
    KIND = "session"
    HINTS = (
        "session.interrupt",
        "session.message",
        "session.draft",
        "session.source",
        "session.follow",
        "session.back",
    )
    BINDINGS = screen_bindings("session")
    CSS_PATH = "session.tcss"
    HORIZONTAL_BREAKPOINTS = COLUMNS

    def __init__(self, id: str) -> None:  # noqa: A002 - a session's id
        super().__init__()
        self.session_id = id
        self._following: Following | None = None
        self._kept: Mapping[str, Any] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._more = False
        self._unfolded: Mapping[str, Any] | None = None
        """The document that was made into text last."""

    def compose_body(self) -> ComposeResult:
        """Headline, figures, transcript."""
        yield Rule(classes="top")
        yield OneLine(id="headline")
        yield OneLine(id="subline")
        yield Rule()
        with Horizontal():
            yield TranscriptView(id="transcript")
            yield Figures(id="figures")

    def on_mount(self) -> None:
        """Everything that is there already, at its end."""
        self.transcript.opened = self.action_session_fold
        self._look_again()
        self.call_after_refresh(self._stand)
        super().on_mount()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if self._beat is not None:
            self._beat.cancel()

    @property
    def transcript(self) -> TranscriptView:
        """The transcript."""
        return self.query_one("#transcript", TranscriptView)

    @property
    def following(self) -> Following:
        """The session as it goes on."""
        if self._following is None:
            self._following = Following(self.desk, self.session_id, self.desk_app.keymap.shown)
        return self._following

    @property
    def session(self) -> Session | None:
        """The session as it was last seen."""
        return self._following.session if self._following is not None else None

    def _stand(self) -> None:
        cursor = self._kept.get("cursor")
        if isinstance(cursor, int) and self._kept.get("follow") is False:
            self.transcript.set_follow(False)
            self.transcript.first()
            self.transcript.go(cursor)
        self._kept = {}

    # --- asking -------------------------------------------------------------------------------------------------------

    def _look_again(self) -> None:
        following, now = self.following, self.desk_app.now()
        try:
            following.look()
        except NotFound as error:
            self.desk_app.say(error.message, "bad")
            return
        self.streams = following.streams
        self._unfold()
        self._read()
        following.listen(now)
        self._show()
        self._go_on()

    def _unfold(self) -> None:
        """The document in full, once for each: made in a thread, which also loads what every kind of it needs."""
        session = self.session
        if session is None or session.document is None or session.document == self._unfolded:
            return
        body = self._unfolded = session.document
        name = workflow_word(session.workflow)

        def read() -> str:
            from opstui.tui.session_document import document_text

            return document_text(body)

        def came(text: str) -> None:
            if self.is_there and self._unfolded is body:
                self.following.unfold(name, text)
                self._show()

        self.desk_app.work_slowly(read, came)

    def _read(self) -> None:
        if self.following.read(self.desk_app.now()) and not self._more:
            self._more = True
            self.set_timer(0.02, self._read_more)

    def _read_more(self) -> None:
        self._more = False
        if self.is_there:
            self._read()
            self._show()

    def _show(self) -> None:
        following, now = self.following, self.desk_app.now()
        session = following.session
        if session is None:
            return
        self._show_figures(session)
        blocks, first = following.blocks(now)
        self.transcript.show(blocks, first)

    def _show_figures(self, session: Session) -> None:
        palette, width = self.desk_app.look.palette, self.app.size.width
        flow = next((flow for flow in self.facts.workflows if flow.id == session.workflow), None)
        evaluated = flow is not None and flow.evaluated and flow.version == session.workflow_version
        drawn = session_figures.Drawn(session, self.desk_app.now(), width, self.facts.rehearsal, evaluated)
        for name, (left, right) in (
            ("headline", session_figures.headline(drawn)),
            ("subline", session_figures.subline(drawn)),
        ):
            self.query_one(f"#{name}", OneLine).show(
                [(text, palette.role(role)) for text, role in left],
                [(text, palette.role(role)) for text, role in right],
            )
        if width < session_figures.WIDE:
            return
        rows = session_figures.figures(drawn)
        sources = citations(session.document)
        if sources:
            rows += [("", []), *session_figures.source_rows([cite.ref for cite in sources])]
        self.query_one("#figures", Figures).tell(rows)

    # --- while it goes on ---------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Look at what is being said, and let clocks and countdowns go on, twelve times a second while it runs."""
        if self._beat is None and self.streams and self.is_there:
            # Not a timer of the library's: see the app's own look at the bell.
            self._beat = asyncio.get_running_loop().call_later(FLUSH, self._beats)

    def _beats(self) -> None:
        self._beat = None
        if self.is_there and self.is_current and self.streams:
            self.call_later(self._tick)

    def _tick(self) -> None:
        if not self.is_there or not self.is_current:
            return
        self.following.listen(self.desk_app.now())
        self._show()
        self._go_on()

    # --- changes ------------------------------------------------------------------------------------------------------

    def view_state(self) -> ViewState:
        """This session, and its ticket."""
        ticket = str(self.session.ticket) if self.session is not None else None
        return ViewState(ticket=ticket, sessions=frozenset({self.session_id}))

    def ask_again(self, state: ViewState) -> None:
        """New events, or another status."""
        if self.is_there and state.stale & {Topic.EVENTS, Topic.SESSIONS}:
            self._look_again()

    def on_resize(self) -> None:
        """The headline shows what fits."""
        super().on_resize()
        if self.session is not None:
            self._show_figures(self.session)

    def look_changed(self) -> None:
        """The theme is another one."""
        super().look_changed()
        if self.session is not None:
            self._show_figures(self.session)

    def on_screen_suspend(self) -> None:
        """Out of sight: what was kept from the model is hidden again."""
        self.hide_again()

    # --- footer and place ---------------------------------------------------------------------------------------------

    def hints(self) -> list[tuple[str, str]]:
        """What makes sense now: of a session that stands still first what can be done about it."""
        if self.asks:
            return super().hints()
        session = self.session
        live = session is not None and session.status.is_live
        choices = self._following.choices if self._following is not None else None
        offered = [KEYS[choice] for choice in choices.choices if choice in KEYS] if choices is not None else []
        place = result_of(session) if session is not None else None
        talks = live and session is not None and session.runtime_kind != "extractive"
        ids = [
            *(["session.draft"] if place is not None else []),
            *offered,
            *(["session.interrupt"] if live else []),
            *(["session.message"] if talks and "session.message" not in offered else []),
            *(["session.raise"] if talks and "session.raise" not in offered else []),
            "session.back",
            *(["session.source"] if session is not None and session.document else []),
            "session.follow",
            *(["session.reveal"] if session is not None and session.runtime_kind != "extractive" else []),
            "session.fold",
        ]
        found = self.desk_app.keymap.hints((*ids, "app.help"))
        words = {"back": "back (keeps running)" if live else "back"}
        if place is not None and place[0] != "review":
            words["draft"] = place[0]
        if choices is not None and choices.fallback:
            words["fallback"] = choices.fallback
        return [(key, words.get(word, word)) for key, word in found]

    def label(self) -> str:
        """With the ticket's key."""
        return f"Session {called(self.session.ticket)}" if self.session is not None else self.LABEL

    def mover(self) -> Scroller | None:
        """The transcript."""
        return self.transcript

    def kept(self) -> Mapping[str, Any]:
        """Session and place."""
        if not self.is_there:
            return {"id": self.session_id}
        return {"id": self.session_id, "follow": self.transcript.follow, "cursor": self.transcript.cursor}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        self._kept = dict(kept)
