"""Stopping everything: how many were told to, and which of them have not stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opstui.core.desk import Sessions, StopAllSessions
from opstui.core.sessions import Session, SessionStatus
from opstui.tui.words import called

if TYPE_CHECKING:
    from opstui.tui.app import OpstuiApp

PATIENCE = 10
"""Looks, a second apart, until those that still run are named."""
LIVE = tuple(status for status in SessionStatus if status.is_live)


def stop_all(app: OpstuiApp) -> None:
    """Tell every session to stop, and say what came of it."""
    before = {session.id for session in app.desk.ask(Sessions(statuses=LIVE))}

    def told(count: int) -> None:
        count = count or 0
        app.say("nothing runs" if not count else f"{sessions(count)} told to stop")
        if before:
            app.set_timer(1.0, lambda: look(1))

    def look(turn: int) -> None:
        left = [session for session in app.desk.ask(Sessions(statuses=LIVE)) if session.id in before]
        if left and turn < PATIENCE:
            app.set_timer(1.0, lambda: look(turn + 1))
        elif left:
            app.say(f"{len(before) - len(left)} of {sessions(len(before))} stopped; not yet: {named(left)}", "warn")
        else:
            app.say(f"{sessions(len(before))} stopped", "good")

    app.do(StopAllSessions(), told, saying="stopping")


def sessions(count: int) -> str:
    """``1 session``, ``3 sessions``."""
    return f"{count} session{'' if count == 1 else 's'}"


def named(left: list[Session]) -> str:
    """Which have not stopped, and on what they run."""
    shown = ", ".join(f"{called(session.ticket)} ({session.runtime})" for session in left[:4])
    return shown + (f" and {len(left) - 4} more" if len(left) > 4 else "")
