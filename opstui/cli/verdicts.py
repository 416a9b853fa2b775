"""How a session came out: the exit code, and in words what it means, what it cost and what can be done."""

from __future__ import annotations

from datetime import datetime

from opstui.cli.invocation import Invocation
from opstui.cli.output import note
from opstui.core.desk import Choices, SessionChoices
from opstui.core.drafts import DraftState
from opstui.core.errors import BudgetReached, OpstuiError, RateLimited, Unreachable
from opstui.core.money import cents, dollars
from opstui.core.sessions import Session, SessionStatus, Usage, live
from opstui.core.stops import stop


def verdict(
    invocation: Invocation, session: Session, error: OpstuiError | None, *, words: bool, told: bool = False
) -> int:
    """The exit code of ``run`` and of all that ends like it; what is the matter is said on stderr.

    ``words``: also say where the draft is, for a person who reads. ``told``: the error was said already.
    """
    meaning = stop(session.stop_reason)
    if error is not None:
        if not told:
            note(f"opstui: {error}")
        if session.status.is_live and isinstance(error, Unreachable):
            note(f"opstui: session {session.id} goes on over there")
            _say(invocation, f"session resume {session.id} follows it")
            _say(invocation, f"session interrupt {session.id} stops it")
        _say_choices(invocation, session, offered=isinstance(error, (Unreachable, RateLimited, BudgetReached)))
        return error.exit_code
    if session.document is not None and (session.stop_reason is None or not meaning.despite_document):
        if words and session.draft:
            note(f"draft {session.draft} ({DraftState.PROPOSED.value})")
            _say(invocation, f"draft show {session.draft} prints it")
        if session.status is not SessionStatus.FAILED:
            return 0
    why = meaning.text or ("failed" if session.status is SessionStatus.FAILED else "ended without a document")
    note(f"opstui: session {session.id}: {why}")
    if session.document is None and session.status is SessionStatus.IDLE and session.stop_reason == "end_turn":
        note("opstui: it handed in no document that passes the checks")
    _say_choices(invocation, session)
    return meaning.exit_code or 1


def _say_choices(invocation: Invocation, session: Session, *, offered: bool = False) -> None:
    """The commands that can follow, those that are possible."""
    choices = invocation.desk.ask(SessionChoices(session.id))
    for choice in choices.choices:
        line = _command(choice, session, choices, invocation)
        if line:
            _say(invocation, line)
    if offered and choices.fallback and "fallback" not in choices.choices:
        _say(invocation, _command("fallback", session, choices, invocation))


def _say(invocation: Invocation, command: str) -> None:
    """A command that can follow, as it has to be typed."""
    note(f"→ {invocation.name} {command}")


def _command(choice: str, session: Session, choices: Choices, invocation: Invocation) -> str:
    if choice == "raise":
        least = cents(choices.least_budget)
        return f"session raise {session.id} --budget {least} --reason TEXT lets it go on ({least} or more)"
    if choice == "message":
        return f"session message {session.id} TEXT tells the agent what to do"
    if choice == "resume":
        return f"session resume {session.id} takes it up again"
    if choice == "fallback":
        return f"session fallback {session.id} does it {_how(invocation, choices.fallback)}"
    return ""  # `run` starts it again, and whoever reads this has just typed that


def _how(invocation: Invocation, runtime: str) -> str:
    found = invocation.settings.runtimes.get(runtime)
    return f"with {runtime}" if found is not None and found.kind != "extractive" else "without a model"


def costs_words(session: Session, now: datetime) -> str:
    """What a session cost, in a line; empty where nothing was used or no model plays a part."""
    if session.runtime_kind == "extractive":
        return ""
    spent = live(session.cost, now)
    if not spent.shown and spent.usage == Usage():
        return ""
    parts = [f"${dollars(spent.shown)}" if spent.is_exact else f"≈ ${dollars(spent.shown)}"]
    if spent.reported is not None and spent.reported != spent.shown:
        parts.append(f"reported ${dollars(spent.reported)}")
    if spent.reported is not None and spent.estimate != spent.reported:
        parts.append(f"estimated here ≈ ${dollars(spent.estimate)}")
    if spent.budget is not None:
        parts.append(f"budget ${cents(spent.budget)}")
    if spent.unknown_model:
        parts.append(f"the rate card has no price for {session.model}: its tokens are not in this")
    return ", ".join(parts)
