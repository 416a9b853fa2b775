"""What holds after every session, whatever the service did."""

from __future__ import annotations

from collections import Counter
from typing import Any

from opstui.core.text import clean
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.session import Session
from tests.behaviours.program import KEY, Done, Program

QUIET = 20.0
"""Seconds without a word that nobody has to put up with."""
_BROKEN = ("Traceback (most recent call last)", "Exception ignored", "was never awaited", "Task was destroyed",
           "ResourceWarning", "unclosed")  # fmt: skip


def nothing_broke(program: Program) -> None:
    """No traceback on any stream or in the log, no crash file, no exit code of an internal error."""
    for done in program.done:
        shown = f"{' '.join(done.arguments)} → {done.code}\n{done.err}\n{done.out[-4000:]}"
        assert done.code != 70, shown
        assert not [sign for sign in _BROKEN if sign in done.err or sign in done.out], shown
    crashes = [path.read_text() for path in (program.home / "state" / "crash").glob("*") if path.is_file()]
    assert not crashes, crashes[0]
    for log in (program.home / "state" / "log").glob("*"):
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not [sign for sign in _BROKEN if sign in text], f"{log.name}: {text[-4000:]}"


def the_key_went_nowhere(program: Program, service: Rehearsal) -> None:
    """Only the one header carries the key: no output, no file, no other part of a request."""
    secret = KEY.removeprefix("sk-ant-api03-")
    for done in program.done:
        assert secret not in done.out, f"the key is in the output of {done.arguments}"
        assert secret not in done.err, f"the key is in the output of {done.arguments}"
    found = [str(path) for path, content in program.files() if secret.encode() in content]
    assert not found, f"the key is in {found}"
    for request in service.requests:
        others = {name: value for name, value in request.headers.items() if name != "authorization"}
        assert secret.encode() not in request.body, request.path
        assert secret not in f"{request.path} {request.query} {others}", request.path


def the_session(service: Rehearsal) -> Session:
    """The one session there is over there."""
    assert len(service.sessions) == 1, f"{len(service.sessions)} sessions were made"
    return next(iter(service.sessions.values()))


def of(session: Session, kind: str) -> list[dict[str, Any]]:
    """The events of a type that the service keeps."""
    return [event for event in session.events if event.get("type") == kind]


def spoken(session: Session) -> list[str]:
    """What the agent said, as the service keeps it."""
    return [_text_of(event) for event in of(session, "agent.message")]


def heard(session: Session) -> list[str]:
    """What we said to the agent, as the service keeps it."""
    return [_text_of(event) for event in of(session, "user.message")]


def _text_of(event: dict[str, Any]) -> str:
    return "".join(str(block.get("text", "")) for block in event.get("content") or () if block.get("type") == "text")


def whole(program: Program, service: Rehearsal, done: Done, *, messages: int = 1, printed: bool = True) -> Session:
    """One session over there, each text once and in order, each message sent once, each call answered once."""
    session = the_session(service)
    said = [str(clean(text)) for text in spoken(session)]
    kept = [event["text"] for event in program.transcript(done.session["id"]) if event["type"] == "text"]
    assert kept == said, "the transcript is not what the service keeps"
    if printed:
        assert done.texts == said, "what was printed is not what the service keeps"
    assert len(heard(session)) == messages, heard(session)
    every_call_was_answered_once(session)
    assert done.silence < QUIET, f"{done.silence:.0f} s without a word"
    return session


def every_call_was_answered_once(session: Session) -> None:
    """No tool call has two answers over there."""
    answers = Counter(event["custom_tool_use_id"] for event in of(session, "user.custom_tool_result"))
    assert not [call for call, count in answers.items() if count > 1], answers
