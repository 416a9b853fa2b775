"""A session on standard output, as it happens: events for a program, text for a person."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from opstui.cli.invocation import Invocation
from opstui.cli.output import emit, emit_line, note, on_terminal, say
from opstui.cli.typist import Typist
from opstui.cli.verdicts import costs_words, verdict
from opstui.core.desk import InterruptSession, Outcome, RunSession, SessionDetail, SessionEvents, SessionPreview
from opstui.core.errors import Busy
from opstui.core.sessions import Session, SessionEvent
from opstui.exports import shapes

LOOK = 0.04
"""Seconds between looks at the store; events are committed every 50 ms at most."""
SILENCE = 2.0
"""Seconds without an event after which the wait is said."""
SAID_AGAIN = 10.0
"""Seconds after which it is said again, and again: a connection can be dead for a while before anybody knows."""
TAKE_OVER = 1.0
"""Seconds between looks whether somebody else who runs a session still does."""
GRACE = 2.0
"""Seconds that an interrupted session gets to stop."""
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
        self._told = 0
        """How often the wait was said since then."""
        self._ending: SessionEvent | None = None
        self._said: dict[str, str] = {}
        """Preview → what was last printed of it."""
        self._whole: set[str] = set()
        """Texts that were printed whole: a preview of one comes too late."""
        self._typist = Typist()
        self.noted: set[str] = set()
        """What was said on stderr."""
        has_previews = session.runtime_kind != "extractive" and not quiet
        self._wants_previews = has_previews and (events or on_terminal())

    def look(self) -> None:
        """Print what is new."""
        if self._wants_previews:
            self._look_at_previews()
        for event in self._desk.ask(SessionEvents(id=self._session.id, after=self._seen)):
            self._seen = event.seq
            self._last, self._told = time.monotonic(), 0
            if event.type == "session.ended":
                # A session that was taken up again has an older ending in its history; only the newest is the end.
                self._ending = event
            elif not self._quiet:
                self._print(event)
        silent = time.monotonic() - self._last
        if silent > SILENCE + self._told * SAID_AGAIN:
            self._told += 1
            words = f"waiting for {self._session.runtime}, {silent:.0f} s without a word"
            self._note(words)
            if self._events:
                emit_line({"type": "notice", "at": shapes.when(datetime.now(UTC)), "text": words})

    def finish(self, session: Session) -> None:
        """Print what is left, and the end as the last line."""
        self._wants_previews = False
        while True:
            before = self._seen
            self.look()
            if self._seen == before:
                break
        self._typist.stop()
        if self._events:
            at = self._ending.at if self._ending else session.ended_at or datetime.now(UTC)
            emit_line({"type": "session.ended", "at": shapes.when(at), "session": shapes.session(session, at)})

    def _look_at_previews(self) -> None:
        for remote_id, text in self._desk.ask(SessionPreview(self._session.id)):
            if remote_id in self._whole or not text or self._said.get(remote_id) == text:
                continue
            self._said[remote_id] = text
            self._last, self._told = time.monotonic(), 0
            if self._events:
                emit_line(shapes.preview(remote_id, text, datetime.now(UTC)))
            else:
                self._typist.type(remote_id, text)

    def _print(self, event: SessionEvent) -> None:
        if event.type == "text":
            self._whole.add(event.remote_id)
        if self._events:
            emit_line(shapes.event(event, self._session))
            if "until" in event.data:
                # Of a wait also who reads along learns, beside the program that reads the events.
                self._note(str(event.data["text"]))
        elif event.type == "text":
            text = str(event.data["text"])
            if not self._typist.end(event.remote_id, text):
                say(text)
        elif event.type == "tool.call":
            given = " ".join(str(value) for value in event.data.get("input", {}).values())
            self._typist.stop()
            note(f"· {event.data.get('name', '')} {given[:60]}".rstrip())
        elif event.type in ("notice", "error"):
            self._note(str(event.data.get("text", "")))

    def _note(self, words: str) -> None:
        self._typist.stop()
        self.noted.add(words)
        note(f"opstui: {words}")


def run_here(invocation: Invocation, session: Session, *, events: bool, as_json: bool) -> int:
    """Run (or take up) a session in this process until it is over or stands still; answers the exit code."""
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

    stream = Stream(invocation, session, events=events, quiet=as_json)
    interrupted = False
    try:
        outcome = attempt()
        if isinstance(outcome.error, Busy):
            note(f"opstui: {outcome.error}; showing what it does")
        while isinstance(outcome.error, Busy):
            if _until(stream, lambda: desk.ask(SessionDetail(session.id)).status.is_over, at_most=TAKE_OVER):
                results.clear()
                break
            # Who ran it may be gone, or be done with it for now: then it is taken up here.
            outcome = attempt()
    except KeyboardInterrupt:
        interrupted = True
        _interrupt(invocation, session, stream)
    except SystemExit:
        _leave_it(invocation, session)
        raise
    ended = desk.ask(SessionDetail(session.id))
    stream.finish(ended)
    if as_json:
        emit(shapes.session(ended, datetime.now(UTC)))
    words = costs_words(ended, datetime.now(UTC))
    if words:
        note(f"opstui: {words}")
    if interrupted:
        return EXIT_INTERRUPTED
    error = results[-1].error if results else None
    told = error is not None and str(error) in stream.noted
    return verdict(invocation, ended, error, words=not as_json and not events, told=told)


def _stands(invocation: Invocation, session: Session) -> bool:
    """Nobody works on it: it is over, or waits for a person."""
    return not invocation.desk.ask(SessionDetail(session.id)).status.is_live


def _until(stream: Stream, done: Callable[[], bool], *, at_most: float = float("inf")) -> bool:
    """Print what comes until it is done; False if that took longer than ``at_most`` seconds."""
    end = time.monotonic() + at_most
    while True:
        finished = done()
        stream.look()
        if finished or time.monotonic() > end:
            return finished
        time.sleep(LOOK)


def _leave_it(invocation: Invocation, session: Session) -> None:
    """Say where a session stands that this process was told to leave."""
    left = invocation.desk.ask(SessionDetail(session.id))
    if not left.status.is_live or left.runtime_kind == "extractive":
        return
    goes_on = "goes on over there" if left.runtime_kind == "managed-agents" else "stopped where it was"
    # Whoever hung up may not read it any more.
    with contextlib.suppress(OSError):
        note(f"opstui: session {session.id} {goes_on}; {invocation.name} session resume {session.id} takes it up again")


def _interrupt(invocation: Invocation, session: Session, stream: Stream) -> None:
    outcome = invocation.desk.do(InterruptSession(session.id))
    if _until(stream, lambda: _stands(invocation, session), at_most=GRACE):
        note("opstui: interrupted")
        return
    why = f" ({outcome.error})" if outcome.error else ""
    note(
        f"opstui: the interrupt was not answered{why}: session {session.id} goes on; "
        f"{invocation.name} session interrupt {session.id} asks again"
    )
