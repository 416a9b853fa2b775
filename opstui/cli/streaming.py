"""A session on standard output, as it happens: events for a program, text for a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from opstui.cli.invocation import Invocation
from opstui.cli.output import emit, emit_line, note, say
from opstui.core.desk import InterruptSession, Outcome, RunSession, SessionDetail, SessionEvents
from opstui.core.drafts import DraftState
from opstui.core.errors import Busy, OpstuiError
from opstui.core.sessions import Session, SessionEvent, SessionStatus
from opstui.exports import shapes

LOOK = 0.04
"""Seconds between looks at the store; events are committed every 50 ms at most."""
SILENCE = 2.0
"""Seconds without an event after which the wait is said."""
TAKE_OVER = 1.0
"""Seconds between looks whether somebody else who runs a session still does."""
GRACE = 2.0
"""Seconds that an interrupted session gets to end."""
EXIT_INTERRUPTED = 130


class Stream:
    """Prints a session's events as they are recorded, each once."""

    def __init__(self, invocation: Invocation, session: Session, *, events: bool, quiet: bool) -> None:
        self._desk = invocation.desk
        self._session = session
        self._events = events
        self._quiet = quiet
        self._seen = 0
        self._last = time.monotonic()
        self._told = False
        self._ending: SessionEvent | None = None

    def look(self) -> bool:
        """Print what is new; whether the session is over."""
        fresh = self._desk.ask(SessionEvents(id=self._session.id, after=self._seen))
        for event in fresh:
            self._seen = event.seq
            self._last, self._told = time.monotonic(), False
            if event.type == "session.ended":
                # A session that was taken up again has an older ending in its history; only the newest is the end.
                self._ending = event
            elif not self._quiet:
                self._print(event)
        if not self._told and time.monotonic() - self._last > SILENCE:
            self._told = True
            words = f"waiting for {self._session.runtime}, {SILENCE:.0f} s without a word"
            note(f"opstui: {words}")
            if self._events:
                emit_line({"type": "notice", "at": shapes.when(datetime.now(UTC)), "text": words})
        return self._ending is not None

    def finish(self, session: Session) -> None:
        """Print what is left, and the end as the last line."""
        while True:
            before = self._seen
            self.look()
            if self._seen == before:
                break
        if self._events:
            at = self._ending.at if self._ending else session.ended_at or datetime.now(UTC)
            emit_line({"type": "session.ended", "at": shapes.when(at), "session": shapes.session(session)})

    def _print(self, event: SessionEvent) -> None:
        if self._events:
            emit_line(shapes.event(event, self._session))
        elif event.type == "text":
            say(str(event.data["text"]))
        elif event.type == "tool.call":
            given = " ".join(str(value) for value in event.data.get("input", {}).values())
            note(f"· {event.data.get('name', '')} {given[:60]}".rstrip())
        elif event.type in ("notice", "error"):
            note(f"opstui: {event.data.get('text', '')}")


def run_here(invocation: Invocation, session: Session, *, events: bool, as_json: bool) -> int:
    """Run (or take up) a session in this process, streaming; answers the exit code."""
    desk = invocation.desk
    results: list[Outcome[Session]] = []

    def work() -> None:
        results.append(desk.do(RunSession(session.id)))

    def attempt() -> Outcome[Session]:
        runner = threading.Thread(target=work, name="opstui-run", daemon=True)
        runner.start()
        _until(stream, lambda: not runner.is_alive())
        if not results:
            raise RuntimeError("the thread that ran the session ended without an answer")
        return results[-1]

    def is_over() -> bool:
        return desk.ask(SessionDetail(session.id)).status.is_over

    stream = Stream(invocation, session, events=events, quiet=as_json)
    interrupted = False
    try:
        outcome = attempt()
        if isinstance(outcome.error, Busy):
            note(f"opstui: {outcome.error}; showing what it does")
        while isinstance(outcome.error, Busy):
            if _until(stream, is_over, at_most=TAKE_OVER):
                results.clear()
                break
            outcome = attempt()  # who ran it may be gone: then it is taken up here
    except KeyboardInterrupt:
        interrupted = True
        _interrupt(invocation, session, stream)
    ended = desk.ask(SessionDetail(session.id))
    stream.finish(ended)
    if as_json:
        emit(shapes.session(ended))
    if interrupted:
        return EXIT_INTERRUPTED
    error = results[-1].error if results else None
    return _verdict(invocation, ended, error, words=not as_json and not events)


def _until(stream: Stream, done: Callable[[], bool], *, at_most: float = float("inf")) -> bool:
    """Print what comes until it is done; False if that took longer than ``at_most`` seconds."""
    end = time.monotonic() + at_most
    while True:
        finished = done()
        stream.look()
        if finished or time.monotonic() > end:
            return finished
        time.sleep(LOOK)


def _interrupt(invocation: Invocation, session: Session, stream: Stream) -> None:
    outcome = invocation.desk.do(InterruptSession(session.id))
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        if stream.look() or invocation.desk.ask(SessionDetail(session.id)).status.is_over:
            note("opstui: interrupted")
            return
        time.sleep(LOOK)
    why = f" ({outcome.error})" if outcome.error else ""
    note(
        f"opstui: the interrupt was not answered{why}: session {session.id} goes on; "
        f"opstui session interrupt {session.id} asks again"
    )


def _verdict(invocation: Invocation, session: Session, error: OpstuiError | None, *, words: bool) -> int:
    if error is not None:
        note(f"opstui: {error}")
        return error.exit_code
    if session.stop_reason == "budget_reached":
        note(f"opstui: the budget of session {session.id} is used up; nothing more is spent")
        return 6
    if session.status is SessionStatus.FAILED:
        note(f"opstui: the session failed ({session.stop_reason or 'no reason given'})")
        return 1
    if session.document is None:
        note("opstui: the session ended without a document that passes the checks")
        return 1
    if words and session.draft:
        note(f"draft {session.draft} ({DraftState.PROPOSED.value}); opstui draft show {session.draft} prints it")
    return 0
