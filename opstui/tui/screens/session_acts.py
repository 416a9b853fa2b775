"""What the keys of Session do: stop it, talk to it, pay more, go on otherwise, look behind what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from opstui.core.desk import (
    FallBack,
    InterruptSession,
    MessageSession,
    RaiseBudget,
    ResumeSession,
    SessionDetail,
    SessionHidden,
    StartSession,
)
from opstui.core.sessions import Session, SessionStatus
from opstui.tui.session_figures import status_words
from opstui.tui.session_stands import suggested_budget
from opstui.tui.session_text import citations, result_of
from opstui.tui.words import called, money

if TYPE_CHECKING:
    from opstui.tui.screens.session import SessionScreen


class ActsOnSession:
    """Mixed into the Session screen."""

    _cited = 0
    _revealed = False

    @property
    def _screen(self) -> SessionScreen:
        return cast("SessionScreen", self)

    def _offers(self, choice: str) -> bool:
        """Whether the session stands still and this is one of the things to do about it; else why not is said."""
        screen = self._screen
        choices = screen.following.choices
        if choices is not None and choice in choices.choices:
            return True
        session = screen.session
        if session is not None and session.status.is_live:
            screen.desk_app.say(f"it runs: {screen.desk_app.keymap.shown('session.interrupt')} stops it first", "dim")
        else:
            screen.desk_app.say("that is not possible for this session now", "dim")
        return False

    # --- while it runs ------------------------------------------------------------------------------------------------

    def action_session_interrupt(self) -> None:
        """``i``: stops it, and any wait at once."""
        screen, app = self._screen, self._screen.desk_app
        session = screen.session
        if session is not None and session.status.is_over:
            app.say(f"it is over: {status_words(session)}", "dim")
            return

        def told(session: Session) -> None:
            if session.status.is_live:
                screen.following.tell(f"told to stop: waits for {session.runtime} to say that it did", app.now())
            stands = session.status is SessionStatus.IDLE
            app.say("it stands still already: nothing runs and nothing is spent" if stands else "told to stop")

        app.do(InterruptSession(screen.session_id), told, saying="telling the worker to stop it")

    def action_session_message(self) -> None:
        """``m``: also to one that is idle, which then goes on."""
        from opstui.tui.widgets.ask import Ask

        screen, app = self._screen, self._screen.desk_app
        session = screen.session
        if session is None:
            return
        choices = screen.following.choices
        if session.status.is_over and not (choices is not None and "message" in choices.choices):
            app.say("it is over and takes no more messages", "dim")
            return
        if session.runtime_kind == "extractive":
            app.say(f"{session.runtime} works without a model: there is nobody to talk to", "dim")
            return

        def said(text: str) -> None:
            if text.strip():
                app.do(
                    MessageSession(screen.session_id, text),
                    lambda session: app.say("on its way to the agent"),
                    saying="handing it to the worker",
                )

        note = "" if session.status.is_live else "the session goes on with it, and costs again while it does"
        screen.put_question(Ask("Message to the agent", said, note=note))

    def action_session_raise(self) -> None:
        """``+``: an amount, then a reason."""
        from opstui.tui.screens.raising import ask_raise

        screen, app = self._screen, self._screen.desk_app
        session, choices = screen.session, screen.following.choices
        if session is None or session.runtime_kind == "extractive":
            app.say("it costs nothing, so it has no budget", "dim")
            return
        if session.status.is_over and not (choices is not None and "raise" in choices.choices):
            app.say("it is over: a higher budget would not take it further", "dim")
            return
        least = choices.least_budget if choices is not None else 0
        now = f"now {money(session.cost.budget)}" if session.cost.budget else "it has none now"
        note = f"dollars in all; {now}{f', at least {money(least)}' if least else ''}"

        def wanted(amount: int) -> str:
            if amount >= least and amount > (session.cost.budget or 0):
                return ""
            return f"at least {money(least)}" if least else f"more than {money(session.cost.budget or 0)}"

        def raised(amount: int, reason: str) -> None:
            app.do(
                RaiseBudget(id=screen.session_id, budget_micros=amount, reason=reason),
                lambda session: app.say(f"its budget is {money(amount)} now", "good"),
                saying=f"raising the budget of {called(session.ticket)}",
            )

        ask_raise(
            screen,
            "Budget of this session",
            raised,
            value=suggested_budget(session, choices),
            note=note,
            kept="kept with the session and in the audit log",
            wanted=wanted,
        )

    # --- when it stands still -----------------------------------------------------------------------------------------

    def action_session_fallback(self) -> None:
        """``F``: the same work with the fallback runtime, on a screen of its own."""
        if self._offers("fallback"):
            self._elsewhere(FallBack(self._screen.session_id), "starting the fallback")

    def action_session_again(self) -> None:
        """``A``: from the start, on the same runtime."""
        session = self._screen.session
        if session is not None and self._offers("again"):
            self._elsewhere(
                StartSession(ticket=session.ticket, workflow=session.workflow, runtime=session.runtime, again=True),
                f"starting it again on {session.runtime}",
            )

    def action_session_resume(self) -> None:
        """``R``."""
        screen = self._screen
        if self._offers("resume"):
            screen.desk_app.do(
                ResumeSession(screen.session_id),
                lambda session: screen.desk_app.say("taken up again"),
                saying="taking it up again",
            )

    def _elsewhere(self, command: FallBack | StartSession, saying: str) -> None:
        from opstui.tui.screens.registry import screen as make

        screen, app = self._screen, self._screen.desk_app

        def opened(session: Session) -> None:
            if app.screen is screen:
                app.switch_screen(make("session", {"id": session.id}))

        app.do(command, opened, saying=saying)

    # --- looking ------------------------------------------------------------------------------------------------------

    def action_session_draft(self) -> None:
        """``d``: what it made, where a person decides about it."""
        # Asked anew: the draft may be a moment older than the last look at the bell.
        screen = self._screen
        session = screen.desk.ask(SessionDetail(screen.session_id)) if screen.session is not None else None
        place = result_of(session) if session is not None else None
        if place is not None:
            screen.desk_app.open(place[0], **place[1])
        elif session is not None and session.document is not None:
            screen.desk_app.say("its document proposes nothing: it is shown here", "dim")
        else:
            screen.desk_app.say("no draft yet", "dim")

    def action_session_source(self) -> None:
        """``c``: the source that the line names, or the next of the document's."""
        from opstui.tui.screens.ticket import open_source

        screen = self._screen
        session = screen.session
        cites = citations(session.document) if session is not None else []
        if session is None or not cites:
            screen.desk_app.say("nothing is cited yet", "dim")
            return
        named = re.search(r"\[(\d{1,3})\]", screen.transcript.here())
        if named and 1 <= int(named[1]) <= len(cites):
            self._cited = int(named[1]) - 1
        cite = cites[self._cited % len(cites)]
        self._cited += 1
        open_source(screen.desk_app, cite, session.ticket)

    def action_session_reveal(self) -> None:
        """``v``: what was kept from the model, on this screen only; again, or leaving the screen, hides it."""
        screen, app = self._screen, self._screen.desk_app
        if self._revealed:
            self.hide_again()
            app.say("hidden again", "dim")
            return
        if screen.session is not None and screen.session.runtime_kind == "extractive":
            app.say("nothing left this machine, so nothing was hidden", "dim")
            return

        def found(values: Mapping[str, str]) -> None:
            if not values:
                app.say("nothing of the ticket was kept from the model", "dim")
            elif screen.is_there and screen.is_current:
                self._revealed = True
                screen.transcript.reveal(values)
                count = f"{len(values)} hidden value{'' if len(values) == 1 else 's'}"
                app.say(f"{count} shown here; {app.keymap.shown('session.reveal')} hides them again", "warn")

        app.ask_slowly(SessionHidden(screen.session_id), found, saying="finding what was kept from the model")

    def hide_again(self) -> None:
        """Draw what stands for the values that were kept from the model."""
        if self._revealed:
            self._revealed = False
            self._screen.transcript.reveal({})

    def action_session_follow(self) -> None:
        """``f``."""
        transcript = self._screen.transcript
        transcript.set_follow(not transcript.follow)
        self._screen.desk_app.say("follows the end" if transcript.follow else "stays here", "dim")

    def action_session_fold(self) -> None:
        """``enter``."""
        if not self._screen.transcript.toggle():
            self._screen.desk_app.say("enter opens a tool call or the document; k goes up to one", "dim")

    def action_session_back(self) -> None:
        """``b``."""
        self._screen.go_back()
