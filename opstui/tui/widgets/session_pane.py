"""A session beside others: its head and its transcript, which follows the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical

from opstui.core.desk import Desk
from opstui.core.errors import NotFound
from opstui.core.sessions import Session, live
from opstui.tui.following import Following
from opstui.tui.session_figures import cost_bits, percent
from opstui.tui.ticket_text import MARKS, workflow_word
from opstui.tui.widgets.lines import OneLine, Rule
from opstui.tui.widgets.transcript import TranscriptView
from opstui.tui.words import called, running


class SessionPane(Vertical):
    """One session, or nothing."""

    DEFAULT_CSS = "SessionPane { width: 1fr; height: 1fr; margin: 0 0 0 2; }"

    def __init__(self, desk: Desk, key: Callable[[str], str], *, id: str) -> None:  # noqa: A002 - the library's own name
        super().__init__(id=id)
        self.desk = desk
        self._key = key
        self.session: Session | None = None
        self._following: Following | None = None

    def compose(self) -> ComposeResult:
        """Head, rule, transcript."""
        yield OneLine(id=f"{self.id}-head")
        yield Rule()
        yield TranscriptView()

    def show(self, session: Session | None, now: datetime) -> None:
        """Show this session as it stands; what is there already is not read again."""
        self.session = session
        following = self._following
        if session is None:
            self._following = None
            self.query_one(TranscriptView).show(())
        elif following is None or following.id != session.id:
            following = self._following = Following(self.desk, session.id, self._key)
            self.query_one(TranscriptView).set_follow(True)
        if session is not None and following is not None:
            try:
                following.look()
            except NotFound:
                return
            while following.read(now):
                pass
        self.tick(now)

    def tick(self, now: datetime) -> None:
        """What is being said right now; clocks and countdowns go on."""
        self._show_head(now)
        if self._following is not None:
            self._following.listen(now)
            blocks, first = self._following.blocks(now)
            self.query_one(TranscriptView).show(blocks, first)

    def _show_head(self, now: datetime) -> None:
        head, session = self.query_one(OneLine), self.session
        palette = head.palette
        if session is None:
            head.show([(" no other session", palette.faint)])
            return
        mark, role = MARKS[session.status]
        cost = live(session.cost, now)
        share = percent(cost.shown, cost.budget) if cost.budget else 0
        full = [(f" {share}%", palette.warn)] if share >= 80 else []
        head.show(
            [
                (f" {mark} ", palette.role(role)),
                (f"{called(session.ticket)}  ", palette.strong),
                (workflow_word(session.workflow), palette.text),
            ],
            [
                (f"{running(cost.usage.running_ms)}   ", palette.dim),
                *((text, palette.role(role)) for text, role in cost_bits(cost)),
                *full,
                (" ", palette.dim),
            ],
        )
