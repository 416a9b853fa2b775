"""The end of a session's transcript: what is waited for, or why it stands still and what can be done. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from opstui.core.desk import Choices
from opstui.core.frozen import dataclass
from opstui.core.money import CENT
from opstui.core.sessions import Session, SessionStatus
from opstui.tui.session_text import Block, Transcript
from opstui.tui.words import money

QUIET = timedelta(seconds=2)
"""A wait that is longer than this says what for."""
KEYS: Mapping[str, str] = {
    "raise": "session.raise",
    "message": "session.message",
    "fallback": "session.fallback",
    "again": "session.again",
    "resume": "session.resume",
}
"""What can be done about a session → its key's id."""
_AGAIN = re.compile(r"[;:,.]?\s*\b(?:trying again|next try)\b.*\Z", re.IGNORECASE | re.DOTALL)
"""What the notice says of the next try; here it is counted down."""
_GOES_WELL = ("", "done", "end_turn", "archived")


@dataclass(frozen=True, slots=True)
class Now:
    """What the end of a transcript is made from."""

    session: Session
    now: datetime
    transcript: Transcript
    previews: Sequence[tuple[str, str]] = ()
    choices: Choices | None = None
    told: tuple[str, datetime] | None = None
    """What the session's owner was told, and when: until it is seen to be done."""
    key: Callable[[str], str] = field(default=lambda key_id: key_id)
    """Key id → the key as people write it."""


def since(began: datetime | None, now: datetime) -> str:
    """``7 s``, ``1:05``; nothing under two seconds."""
    seconds = int((now - began).total_seconds()) if began is not None else 0
    if seconds < QUIET.total_seconds():
        return ""
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


def countdown(until: datetime, now: datetime) -> str:
    """``7 s``, ``2:05``: what is left, a second that has begun counted whole."""
    seconds = max(1, -int(-(until - now).total_seconds() // 1))
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60}:{seconds % 60:02d}"


def tail(given: Now) -> tuple[Block, ...]:
    """The blocks after the last event: at most one for what is waited for, or one for why it stands still."""
    session = given.session
    if session.status.is_live:
        words = _waits(given)
        return (Block("tail:wait", "wait", words),) if words else ()
    return stands(given)


def _waits(given: Now) -> str:
    session, now, transcript = given.session, given.now, given.transcript
    stop = f"{given.key('session.interrupt')} stops it"
    open_waits = [wait for wait in transcript.waits.values() if wait.until > now]
    if open_waits:
        wait = max(open_waits, key=lambda one: one.until)
        why = _AGAIN.sub("", wait.text).rstrip(" .;:,")
        rest = "told to stop" if given.told is not None else stop
        return f"{why}: next try in {countdown(wait.until, now)}   {rest}"
    if given.told is not None:
        what, at = given.told
        return f"{what}{_and(since(at, now))}"
    if session.status is SessionStatus.QUEUED:
        waited = since(session.created_at, now)
        return f"queued: starts when a worker, or another session on {session.runtime}, is done{_and(waited)}"
    if session.status is SessionStatus.STARTING:
        began = max(filter(None, (session.started_at, transcript.last_at)), default=None)
        waited = since(began, now)
        return f"opening the session on {session.runtime}  {waited}" if waited else ""
    if given.previews or transcript.asked:
        return ""
    waited = since(transcript.last_at or session.started_at, now)
    return f"the model is at work, nothing to read yet  {waited}" if waited else ""


def _and(waited: str) -> str:
    return f"  {waited}" if waited else ""


def stands(given: Now) -> tuple[Block, ...]:
    """Why the session stands still, with the choices there are as keys."""
    session, choices = given.session, given.choices
    if choices is None or not choices.text:
        return ()
    reason = session.stop_reason or ""
    well = reason in _GOES_WELL and session.status is not SessionStatus.FAILED
    if well and not choices.choices:
        return ()
    offered = [choice for choice in choices.choices if choice in KEYS]
    if well and session.draft:
        offered = [choice for choice in offered if choice == "message"]
    lines = tuple((given.key(KEYS[choice]), choice_words(choice, session, choices)) for choice in offered)
    if session.draft and not well:
        lines = (*lines, (given.key("session.draft"), "the draft it made"))
    name = "well" if well else "bad" if session.status is SessionStatus.FAILED else "warn"
    return (Block("tail:stand", "stand", choices.text, name=name, choices=lines),)


def choice_words(choice: str, session: Session, choices: Choices) -> str:
    """What a choice does, and what it costs."""
    if choice == "raise":
        least = f", to {money(choices.least_budget)} at least" if choices.least_budget else ""
        return f"raise the budget{least}: it goes on where it stands"
    if choice == "message":
        return "message the agent: it goes on in this session"
    if choice == "fallback":
        other = choices.fallback or "the fallback runtime"
        begun = session.remote_id is not None or session.cost.usage.running_ms > 0
        free = ", which costs nothing" if other == "offline" else ""
        return f"{'finish with' if begun else 'start it on'} {other} instead{free}"
    if choice == "again":
        return f"again on {session.runtime}, from the start"
    return "take it up again where it stands"


def suggested_budget(session: Session, choices: Choices | None) -> int:
    """What a raised budget is proposed as, in micro-dollars: half as much again, and never less than it takes."""
    least = choices.least_budget if choices is not None else 0
    half_more = (session.cost.budget or session.cost.shown) * 3 // 2
    return max(-(-max(least, half_more) // CENT) * CENT, CENT)
