"""Sessions: all of them, running and ended, the newest first, and by width one or two of them beside the list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from opstui.core.desk import InterruptSession, Sessions, SortedTickets
from opstui.core.sessions import Session, SessionStatus, live
from opstui.core.tickets import TicketRef
from opstui.tui import ticket_text
from opstui.tui.draw import cells, fit
from opstui.tui.screens.acting import ActsOnTickets
from opstui.tui.screens.base import DeskScreen, Topic, ViewState, screen_bindings
from opstui.tui.session_figures import WARN, percent, status_words
from opstui.tui.widgets.lines import Rule
from opstui.tui.widgets.scroller import Scroller
from opstui.tui.widgets.session_pane import SessionPane
from opstui.tui.widgets.textview import Bit, Para, TextView
from opstui.tui.widgets.transcript import FLUSH
from opstui.tui.words import called, clock, count, estimate, money, running

GLANCE = 0.06
"""Seconds after a key until the panes show where the cursor went, so that a held key stays fast."""


def session_row(session: Session, title: str, width: int, timezone: str, now: datetime) -> Para:
    """A session's line: mark, key, workflow, status, and by width title, runtime, tokens; time, cost, when."""
    mark, role = ticket_text.MARKS[session.status]
    cost = live(session.cost, now)
    usage = cost.usage
    tokens = usage.input_tokens + usage.output_tokens
    end: list[Bit] = []
    if width >= 100:
        end.append((fit(session.runtime, 10) + " ", "dim"))
        end.append((fit(count(tokens) if tokens else "–", 5, right=True) + " ", "dim"))
    end.append((fit(running(usage.running_ms), 7, right=True) + " ", "dim"))
    share = percent(cost.shown, cost.budget) if cost.budget else 0
    near = "bad" if share >= 100 else "warn" if share >= WARN else "text"
    shown = f"  {money(cost.shown)}" if cost.is_exact else estimate(cost.shown)
    end.append((fit(shown, 9, right=True), near))
    sign = "!" if share >= WARN else " "
    end.append((f"{sign}{share:3d}%" if width >= 100 and share else sign if width < 100 else sign + "    ", near))
    if width >= 72:
        end.append(
            (
                fit(_when(session.created_at, timezone, now, short=width < 100), 13 if width >= 100 else 7, right=True),
                "faint",
            )
        )
    end.append((" ✎" if session.draft else "  ", "accent"))
    start: list[Bit] = [
        (f"{mark} ", role),
        (fit(called(session.ticket), 11) + " ", "strong" if session.status.is_live else "text"),
    ]
    if width >= 60:
        start.append((fit(ticket_text.workflow_word(session.workflow), 19) + " ", "text"))
    room = width - 2 - sum(cells(text) for text, _ in (*start, *end))
    words, word_role = list_words(session)
    if room >= 50:
        start.append((fit(title, room - 30) + "  ", "dim"))
        room = 28
    start.append((fit(words, max(0, room - 1)) + " ", word_role))
    return Para(bits=(*start, *end), target=session, mark=session.id)


def _when(at: datetime, timezone: str, now: datetime, *, short: bool) -> str:
    """The time, with the day where it is another one; in short only that day."""
    text = clock(at, timezone, now)
    return text[:-6].strip() if short and len(text) > 5 else text


def list_words(session: Session) -> tuple[str, str]:
    """How it stands, the telling word first: of one that stands still the reason, not the status."""
    reason = (session.stop_reason or "").replace("_", " ")
    if reason in ("", "end turn", "done") or session.status.is_live:
        return status_words(session), "dim"
    if session.status is SessionStatus.ENDED:
        return f"ended: {reason}", "dim"
    return reason, "bad" if session.status is SessionStatus.FAILED else "warn"


class SessionsScreen(ActsOnTickets, DeskScreen):
    """The list."""

    LABEL = "Sessions"
    KIND = "sessions"
    HINTS = ("list.open", "ticket.summary", "ticket.escalation", "ticket.update", "app.waiting")
    BINDINGS = screen_bindings("sessions")

    DEFAULT_CSS = """
    SessionsScreen #list { width: 1fr; }
    SessionsScreen SessionPane { display: none; }
    SessionsScreen.-two #here, SessionsScreen.-three SessionPane { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._at = ""
        self._sessions: tuple[Session, ...] = ()
        self._titles: dict[TicketRef, str] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._drawn_at = datetime.min.replace(tzinfo=UTC)
        self._glance: Timer | None = None

    def compose_body(self) -> ComposeResult:
        """The list, and two sessions for who has the room."""
        yield Rule(classes="top")
        with Horizontal():
            yield TextView(id="list")
            yield SessionPane(self.desk, self.desk_app.keymap.shown, id="here")
            yield SessionPane(self.desk, self.desk_app.keymap.shown, id="beside")

    def on_mount(self) -> None:
        """Fill it before the first paint."""
        self.list.opened = self.action_list_open
        self.list.moved = self._moved
        self.call_after_refresh(self._stand)
        super().on_mount()

    @property
    def list(self) -> TextView:
        """The list."""
        return self.query_one("#list", TextView)

    def _stand(self) -> None:
        self._show()
        self.list.jump(self._at)

    def _show(self) -> None:
        sessions = self.desk.ask(Sessions())
        here = self.list.target()
        self._sessions = sessions
        refs = tuple(dict.fromkeys(session.ticket for session in sessions))
        self._titles = {row.ticket.ref: row.ticket.title for row in self.desk.ask(SortedTickets(refs=refs))}
        self.list.show(self._rows())
        if isinstance(here, Session):
            # The cursor belongs to a session, whatever came in above it.
            self.list.stand_on(here.id)
        elif self._current() is None:
            self.list.next_target(1)
        self._show_panes()
        self._go_on()

    def _rows(self) -> Sequence[Para]:
        shift, sessions = self.desk_app.status.shift, self._sessions
        width, zone, now = self.list.size.width or self.size.width, self.facts.timezone, self.desk_app.now()
        rows: list[Para] = []
        for name, chosen in (
            ("this shift", [one for one in sessions if one.created_at >= shift.start or one.status.is_live]),
            ("before", [one for one in sessions if one.created_at < shift.start and not one.status.is_live]),
        ):
            if chosen:
                rows += [*([Para()] if rows else []), ticket_text.section(name, f"{len(chosen)}")]
                live_first = sorted(chosen, key=lambda one: (not one.status.is_live, -one.created_at.timestamp()))
                rows += [session_row(one, self._titles.get(one.ticket, ""), width, zone, now) for one in live_first]
        if not rows:
            rows = [Para("no session yet: s on a ticket starts a summary, x an escalation package", "dim")]
        return rows

    def _show_panes(self) -> None:
        """The session under the cursor, and beside it another one: first those that run."""
        if not self.is_there:
            return
        self._glance = None
        here, beside = self.panes()
        for name, session in (("here", here), ("beside", beside)):
            pane = self.query_one(f"#{name}", SessionPane)
            if pane.display:
                pane.show(session, self.desk_app.now())
        shown = [pane.session for pane in self.query(SessionPane) if pane.display and pane.session is not None]
        self.streams = any(session.status.is_live for session in shown)

    # --- while something goes on --------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """While something runs its clock and cost go on, once a second; what is said beside the list as it is said."""
        if self._beat is None and self.is_there and any(session.status.is_live for session in self._sessions):
            beat = FLUSH if self.streams else 1.0
            self._beat = asyncio.get_running_loop().call_later(beat, self._beats)

    def _beats(self) -> None:
        self._beat = None
        if self.is_there and self.is_current:
            self.call_later(self._tick)

    def _tick(self) -> None:
        if not self.is_there or not self.is_current:
            return
        now = self.desk_app.now()
        if (now - self._drawn_at).total_seconds() >= 1:
            self._drawn_at = now
            self.list.renew(self._rows())
        for pane in self.query(SessionPane):
            if pane.display and pane.session is not None and pane.session.status.is_live:
                pane.tick(now)
        self._go_on()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if self._beat is not None:
            self._beat.cancel()

    def panes(self) -> tuple[Session | None, Session | None]:
        """The sessions that stand beside the list."""
        current = self._current()
        here = next((one for one in self._sessions if current is not None and one.id == current.id), None)
        others = [one for one in self._sessions if here is None or one.id != here.id]
        others.sort(key=lambda one: (not one.status.is_live, -one.created_at.timestamp()))
        return here, others[0] if others else None

    def _moved(self) -> None:
        if self._glance is None:
            self._glance = self.set_timer(GLANCE, self._show_panes)

    def view_state(self) -> ViewState:
        """All sessions, and those whose events are shown."""
        shown = [pane.session.id for pane in self.query(SessionPane) if pane.display and pane.session is not None]
        return ViewState(sessions=frozenset(shown))

    def ask_again(self, state: ViewState) -> None:
        """A session changed."""
        if not self.is_there:
            return
        if Topic.SESSIONS in state.stale:
            self._show()
        elif Topic.EVENTS in state.stale:
            self._show_panes()

    def look_changed(self) -> None:
        """The theme is another one."""
        super().look_changed()
        self._show_panes()

    def on_resize(self) -> None:
        """Columns by width."""
        super().on_resize()
        self.call_after_refresh(self._show)

    def mover(self) -> Scroller | None:
        """The list."""
        return self.list

    def _current(self) -> Session | None:
        target = self.list.target() if self.query("#list") else None
        return target if isinstance(target, Session) else None

    def acting_on(self) -> tuple[TicketRef, bool] | None:
        """The session's ticket."""
        session = self._current()
        return None if session is None else (session.ticket, False)

    def action_list_open(self) -> None:
        """``enter``: the session, at its end."""
        session = self._current()
        if session is not None:
            self.desk_app.open("session", id=session.id)

    def action_list_copy(self) -> None:
        """``y``: its id."""
        session = self._current()
        if session is not None:
            self.desk_app.copy(session.id, "session id")

    def action_session_interrupt(self) -> None:
        """``i`` as on Session."""
        session = self._current()
        if session is not None:
            self.desk_app.do(
                InterruptSession(session.id), lambda one: self.desk_app.say(f"{called(one.ticket)}: told to stop")
            )

    def kept(self) -> Mapping[str, Any]:
        """The session under the cursor."""
        session = self._current() if self.is_there else None
        return {"at": session.id} if session is not None else {}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Stand there again."""
        at = kept.get("at")
        self._at = at if isinstance(at, str) else ""
