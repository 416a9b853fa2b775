"""A session beside others: its head and its transcript, which follows the end."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from opstui.core.desk import Desk, SessionEvents
from opstui.core.sessions import Session
from opstui.tui import session_text
from opstui.tui.ticket_text import MARKS, workflow_word
from opstui.tui.widgets.lines import OneLine, Rule
from opstui.tui.widgets.transcript import TranscriptView
from opstui.tui.words import estimate, running

EVENTS = 1000
"""Events taken in at one look."""


class SessionPane(Vertical):
    """One session, or nothing."""

    DEFAULT_CSS = "SessionPane { width: 1fr; height: 1fr; margin: 0 0 0 2; }"

    def __init__(self, desk: Desk, *, id: str) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(id=id)
        self.desk = desk
        self.session: Session | None = None
        self._transcript = session_text.Transcript()

    def compose(self) -> ComposeResult:
        """Head, rule, transcript."""
        yield OneLine(id=f"{self.id}-head")
        yield Rule()
        yield TranscriptView()

    def show(self, session: Session | None) -> None:
        """Show this session as it stands; what is there already is not read again."""
        before, self.session = self.session, session
        self._show_head()
        first = 0
        if session is None or before is None or before.id != session.id:
            self._transcript = session_text.Transcript()
        else:
            first = len(self._transcript.blocks)
        if session is not None:
            while events := self.desk.ask(SessionEvents(id=session.id, after=self._transcript.last, limit=EVENTS)):
                self._transcript, changed = session_text.take(self._transcript, events)
                first = min(first, changed)
                if len(events) < EVENTS:
                    break
        self.query_one(TranscriptView).show(self._transcript.blocks, first)

    def _show_head(self) -> None:
        head, session = self.query_one(OneLine), self.session
        palette = head.palette
        if session is None:
            head.show([(" no other session", palette.faint)])
            return
        mark, role = MARKS[session.status]
        head.show(
            [
                (f" {mark} ", palette.role(role)),
                (f"{session.ticket.key}  ", palette.strong),
                (workflow_word(session.workflow), palette.text),
            ],
            [
                (f"{running(session.cost.usage.running_ms)}   ", palette.dim),
                (f"{estimate(session.cost.estimate)} ", palette.text),
            ],
        )
