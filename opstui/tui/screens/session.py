"""Session: what an agent says and does while it runs, what it waits for, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from opstui.core.desk import InterruptSession, MessageSession, SessionDetail, SessionEvents
from opstui.core.errors import NotFound
from opstui.core.sessions import Session
from opstui.tui import session_text
from opstui.tui.draw import Piece, strip
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.widgets.lines import Lines, OneLine, Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.transcript import TranscriptView

PAGE = 1000
"""Events asked for at once."""
PAGES = 20
"""Pages taken in one look; a longer history comes with the next looks, so that keys are answered in between."""


COLUMNS = [(0, "-one"), (session_text.WIDE, "-wide")]


class Figures(Lines):
    """The figures as a column."""

    DEFAULT_CSS = "Figures { width: 34; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self._rows: list[tuple[str, list[session_text.Bit]]] = []

    def tell(self, rows: list[tuple[str, list[session_text.Bit]]]) -> None:
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


class SessionScreen(DeskScreen):
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
        self._session: Session | None = None
        self._transcript = session_text.Transcript()
        self._cited = 0
        self._kept: Mapping[str, Any] = {}

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
        self._ask_session()
        self._ask_events()
        self.call_after_refresh(self._stand)
        super().on_mount()

    @property
    def transcript(self) -> TranscriptView:
        """The transcript."""
        return self.query_one("#transcript", TranscriptView)

    def _stand(self) -> None:
        cursor = self._kept.get("cursor")
        if isinstance(cursor, int) and self._kept.get("follow") is False:
            self.transcript.set_follow(False)
            self.transcript.first()
            self.transcript.go(cursor)
        self._kept = {}

    # --- asking -------------------------------------------------------------------------------------------------------

    def _ask_session(self) -> None:
        try:
            self._session = self.desk.ask(SessionDetail(self.session_id))
        except NotFound as error:
            self.desk_app.say(error.message, "bad")
            return
        self.streams = self._session.status.is_live
        session, width, palette = self._session, self.app.size.width, self.desk_app.look.palette
        for name, (left, right) in (
            ("headline", session_text.headline(session, width)),
            ("subline", session_text.subline(session)),
        ):
            self.query_one(f"#{name}", OneLine).show(
                [(text, palette.role(role)) for text, role in left],
                [(text, palette.role(role)) for text, role in right],
            )
        rows = session_text.figures(session)
        sources = session_text.citations(session.document)
        if sources:
            rows.append(("", []))
            refs = list(dict.fromkeys(cite.ref for cite in sources))
            rows += [
                ("sources" if index == 0 else "", [(ref.rpartition("/")[2], "dim")])
                for index, ref in enumerate(refs[:12])
            ]
        self.query_one("#figures", Figures).tell(rows)

    def _ask_events(self) -> None:
        first = len(self._transcript.blocks)
        for _ in range(PAGES):
            events = self.desk.ask(SessionEvents(id=self.session_id, after=self._transcript.last, limit=PAGE))
            if not events:
                break
            self._transcript, changed = session_text.take(self._transcript, events)
            first = min(first, changed)
            if len(events) < PAGE:
                break
        else:
            self.set_timer(0.02, self._ask_events)
        self.transcript.show(self._transcript.blocks, first)

    def view_state(self) -> ViewState:
        """This session, and its ticket."""
        ticket = str(self._session.ticket) if self._session is not None else None
        return ViewState(ticket=ticket, sessions=frozenset({self.session_id}))

    def ask_again(self, state: ViewState) -> None:
        """New events, or another status."""
        if not self.is_there:
            return
        if state.stale & {Topic.EVENTS, Topic.SESSIONS}:
            self._ask_session()
            self._ask_events()

    def on_resize(self) -> None:
        """The headline shows what fits."""
        super().on_resize()
        self._ask_session()

    def look_changed(self) -> None:
        """The theme is another one."""
        super().look_changed()
        self._ask_session()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def hints(self) -> list[tuple[str, str]]:
        """What makes sense now."""
        if self.asks:
            return super().hints()
        session = self._session
        live = session is not None and session.status.is_live
        ids = [
            *(["session.draft"] if session is not None and session.draft else []),
            *(["session.interrupt"] if live else []),
            *(
                ["session.message"]
                if session is not None and not session.status.is_over and session.runtime_kind != "extractive"
                else []
            ),
            "session.source",
            "session.follow",
            "session.fold",
            "session.back",
        ]
        found = self.desk_app.keymap.hints((*ids, "app.help"))
        return [(key, "back (keeps running)" if word == "back" and live else word) for key, word in found]

    def label(self) -> str:
        """With the ticket's key."""
        return f"Session {self._session.ticket.key}" if self._session is not None else self.LABEL

    def mover(self) -> Scroller | None:
        """The transcript."""
        return self.transcript

    def action_session_interrupt(self) -> None:
        """``i``."""
        app = self.desk_app
        if self._session is not None and self._session.status.is_over:
            app.say(f"it is over: {session_text.status_words(self._session)}", "dim")
            return
        app.do(
            InterruptSession(self.session_id),
            lambda session: app.say("told to stop"),
            saying="telling the worker to stop it",
        )

    def action_session_message(self) -> None:
        """``m``."""
        from opstui.tui.widgets.ask import Ask

        app = self.desk_app
        if self._session is not None and self._session.status.is_over:
            app.say("it is over and takes no more messages", "dim")
            return

        def said(text: str) -> None:
            if text.strip():
                app.do(
                    MessageSession(self.session_id, text),
                    lambda session: app.say("sent to the agent"),
                    saying="handing it to the worker",
                )

        self.put_question(Ask("Message to the agent", said))

    def action_session_draft(self) -> None:
        """``d``."""
        # Asked anew: the draft may be a moment older than the last look at the bell.
        session = self.desk.ask(SessionDetail(self.session_id)) if self._session is not None else None
        if session is not None and session.draft:
            self.desk_app.open("review", draft=session.draft)
        else:
            self.desk_app.say("no draft yet", "dim")

    def action_session_source(self) -> None:
        """``c``: the source that the line names, or the next of the document's."""
        from opstui.tui.screens.ticket import open_source

        session = self._session
        cites = session_text.citations(session.document) if session is not None else []
        if session is None or not cites:
            self.desk_app.say("nothing is cited yet", "dim")
            return
        named = re.search(r"\[(\d{1,3})\]", self.transcript.here())
        if named and 1 <= int(named[1]) <= len(cites):
            self._cited = int(named[1]) - 1
        cite = cites[self._cited % len(cites)]
        self._cited += 1
        open_source(self.desk_app, cite, session.ticket)

    def action_session_follow(self) -> None:
        """``f``."""
        transcript = self.transcript
        transcript.set_follow(not transcript.follow)
        self.desk_app.say("follows the end" if transcript.follow else "stays here", "dim")

    def action_session_fold(self) -> None:
        """``enter``."""
        if not self.transcript.toggle():
            self.desk_app.say("enter opens a tool call; k goes up to one", "dim")

    def action_session_back(self) -> None:
        """``b``."""
        self.go_back()

    def kept(self) -> Mapping[str, Any]:
        """Session and place."""
        if not self.is_there:
            return {"id": self.session_id}
        return {"id": self.session_id, "follow": self.transcript.follow, "cursor": self.transcript.cursor}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        self._kept = dict(kept)
