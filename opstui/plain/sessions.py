"""Sessions in the dialogue: started, followed, steered, paid for, and what to do where one stands still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from opstui.core.desk import (
    Choices,
    Command,
    Desk,
    DeskFacts,
    FallBack,
    InterruptSession,
    MessageSession,
    RaiseBudget,
    ResumeSession,
    SessionChoices,
    SessionDetail,
    SessionEvents,
    Sessions,
    StartSession,
)
from opstui.core.errors import NotFound, UsageError
from opstui.core.money import cents, micros
from opstui.core.sessions import Session, SessionEvent, live
from opstui.core.stops import stop
from opstui.core.text import clean_line
from opstui.core.tickets import TicketRef

WAIT = 120.0
"""Seconds that the dialogue follows a session; it goes on in the worker afterwards."""
LOOK = 0.2
SILENCE = 5.0
"""Seconds without a word after which the wait is said."""

HELP = """\
summary          run an incident summary on the open ticket; summary RUNTIME runs it there
escalation       run an escalation package on the open ticket; escalation RUNTIME runs it there
sessions         the sessions of the open ticket, or the newest of all
session          how the last session stands, what it cost and what can be done; session ID another one
follow           read on what it does; ctrl+c stops reading, not the session
message TEXT     say something to its agent
interrupt        stop it
raise DOLLARS REASON   let it cost so much in all, for example: raise 1.50 the customer waits
fallback         do the same with the runtime that is offered instead, as a rule without a model
resume           take it up again where it was lost"""


class SessionTalk:
    """The part of the dialogue that is about sessions; remembers which one is spoken of."""

    def __init__(
        self,
        desk: Desk,
        say: Callable[[str], None],
        *,
        seconds: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._desk = desk
        self._say = say
        self._seconds = seconds
        self._pause = pause
        self._session: str | None = None

    # --- commands

    def run(self, ref: TicketRef, workflow: str, runtime: str) -> Session:
        """Start a workflow on the ticket, or take the session that is there, and follow it."""
        known = self._desk.ask(DeskFacts()).runtimes
        if runtime and runtime not in known:
            raise UsageError(f"there is no runtime {clean_line(runtime, limit=40)}; there are: {', '.join(known)}")
        started = self._do(StartSession(ticket=ref, workflow=workflow, runtime=runtime or None))
        return self.follow(started, seen=0)

    def listed(self, ref: TicketRef | None) -> None:
        """The sessions of a ticket, or the newest of all."""
        found = self._desk.ask(Sessions(ticket=ref, limit=15))
        for session in found:
            self._say(f"{session.id}, {session.ticket}, {session.workflow} on {session.runtime}, {_status(session)}.")
        self._say(f"{len(found)} in all." if found else "There is no session yet: type summary or escalation.")

    def told(self, session_id: str) -> None:
        """How a session stands."""
        session = self._named(session_id)
        model = f", model {session.model}" if session.model else ""
        self._say(f"{session.workflow} of {session.ticket} on {session.runtime}{model}: {_status(session)}.")
        self._say(f"{_cost(session, _now())}. {session.cost.usage.input_tokens} tokens in, "
                  f"{session.cost.usage.output_tokens} out.")  # fmt: skip
        self._say_choices(session)

    def followed(self, session_id: str) -> Session:
        """Read on what a session does."""
        return self.follow(self._named(session_id), seen=0)

    def message(self, text: str) -> Session:
        """Say something to the agent, and listen to what comes of it."""
        if not text:
            raise UsageError("write it like: message look at the deploy of two o'clock as well")
        session = self._named("")
        return self._steer(session, MessageSession(session.id, text))

    def interrupt(self) -> Session:
        """Stop it."""
        return self._follow_if_live(InterruptSession(self._named("").id))

    def raise_budget(self, rest: str) -> Session:
        """Let it cost more."""
        amount, _, reason = rest.partition(" ")
        if not reason.strip():
            raise UsageError("write it like: raise 1.50 the customer waits")
        session = self._named("")
        command = RaiseBudget(id=session.id, budget_micros=micros(amount.lstrip("$")), reason=reason.strip())
        return self._steer(session, command)

    def fall_back(self) -> Session:
        """Do it with the other runtime: a new session."""
        return self.follow(self._do(FallBack(self._named("").id)), seen=0)

    def resume(self) -> Session:
        """Take it up again."""
        return self._follow_if_live(ResumeSession(self._named("").id))

    # --- following

    def follow(self, session: Session, *, seen: int) -> Session:
        """Say what happens until it is over or stands still, or for two minutes."""
        self._session = session.id
        self._desk.live()
        began = spoken = self._seconds()
        try:
            while True:
                session = self._desk.ask(SessionDetail(session.id))
                fresh = self._desk.ask(SessionEvents(id=session.id, after=seen))
                for event in fresh:
                    seen, spoken = event.seq, self._seconds()
                    self._tell(event)
                # Also one that stood still before: its end counts once it has an event of its own after the wish.
                if fresh and fresh[-1].type == "session.ended" and not session.status.is_live:
                    break
                if session.status.is_over and not fresh:
                    break
                if self._seconds() - began > WAIT:
                    self._say("It goes on; type follow to read on, or session to hear how it stands.")
                    return session
                if self._seconds() - spoken > SILENCE:
                    self._say(f"Still waiting for {session.runtime}.")
                    spoken = self._seconds() + 2 * SILENCE
                self._pause(LOOK)
        except KeyboardInterrupt:
            self._say("It goes on; type interrupt to stop it, follow to read on.")
            return session
        self._say_end(session)
        return session

    def _tell(self, event: SessionEvent) -> None:
        if event.type in ("text", "notice", "error"):
            self._say(str(event.data.get("text", "")))
        elif event.type == "tool.call":
            self._say(f"(the agent uses {event.data.get('name', 'a tool')})")

    def _say_end(self, session: Session) -> None:
        if session.draft:
            self._say(f"Done, {_cost(session, _now())}. Its draft is ready: type draft.")
        elif session.status.is_over:
            self._say(f"It ended without a document: {_why(session)}.")
        else:
            self._say(f"It stands still without a document: {_why(session)}. {_cost(session, _now())}.")
        if not session.draft or stop(session.stop_reason).despite_document:
            self._say_choices(session)

    def _say_choices(self, session: Session) -> None:
        choices = self._desk.ask(SessionChoices(session.id))
        if session.draft and choices.text:
            self._say(f"{choices.text[:1].upper()}{choices.text[1:]}.")
        for choice in choices.choices:
            line = _choice(choice, choices)
            if line:
                self._say(f"You can type {line}.")

    # --- parts

    def _steer(self, session: Session, command: Command[Session]) -> Session:
        seen = self._newest(session)
        return self.follow(self._do(command), seen=seen)

    def _follow_if_live(self, command: InterruptSession | ResumeSession) -> Session:
        seen = self._newest(self._named(command.id))
        session = self._do(command)
        if session.status.is_live:
            return self.follow(session, seen=seen)
        self.told(session.id)
        return session

    def _do(self, command: Command[Session]) -> Session:
        outcome = self._desk.do(command)
        session = outcome.unwrap()
        if outcome.notice:
            self._say(f"{outcome.notice[:1].upper()}{outcome.notice[1:]}.")
        return session

    def _newest(self, session: Session) -> int:
        seen = 0
        while fresh := self._desk.ask(SessionEvents(id=session.id, after=seen)):
            seen = fresh[-1].seq
        return seen

    def _named(self, session_id: str) -> Session:
        wanted = session_id or self._session
        if wanted is None:
            newest = self._desk.ask(Sessions(limit=1))
            if not newest:
                raise NotFound("there is no session yet: type summary or escalation on an open ticket")
            wanted = newest[0].id
        session = self._desk.ask(SessionDetail(wanted))
        self._session = session.id
        return session


def _now() -> datetime:
    return datetime.now(UTC)


def _status(session: Session) -> str:
    reason = f", {session.stop_reason.replace('_', ' ')}" if session.stop_reason else ""
    return f"{session.status.value}{reason}{', with a draft' if session.draft else ''}"


def _why(session: Session) -> str:
    return stop(session.stop_reason).text or session.status.value


def _cost(session: Session, now: datetime) -> str:
    spent = live(session.cost, now)
    about = "" if spent.is_exact else "about "
    limit = f" of {cents(spent.budget)}" if spent.budget is not None and session.runtime_kind != "extractive" else ""
    unknown = ", without the tokens, whose price is not known" if spent.unknown_model else ""
    return f"{about}{cents(spent.shown)}{limit} dollars{unknown}"


def _choice(choice: str, choices: Choices) -> str:
    words = {
        "raise": f"raise {cents(choices.least_budget)} and a reason, or more, and it goes on",
        "message": "message and a text, to tell the agent what to do",
        "fallback": f"fallback, to do it with {choices.fallback}",
        "resume": "resume, to take it up again",
    }
    return words.get(choice, "")
