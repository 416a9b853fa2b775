"""Refusals of what can't be said on a system, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opstui.adapters.tickets.wire import line, raw
from opstui.core.errors import CredentialsRefused, NotFound, Refused
from opstui.core.text import clean_line

NAMED = 20
"""How many of the right words a refusal names."""


def unsent(name: str, why: str) -> Refused:
    """Nothing was sent, for this reason."""
    return Refused(f"{name}: {why}. Nothing was sent", reason=why)


@contextmanager
def absence_refused() -> Iterator[None]:
    """Within it NotFound is raised as Refused, as ``TicketSystem.send`` has it: what is absent takes no write."""
    try:
        yield
    except NotFound as error:
        raise Refused(error.message, reason=error.message) from None


@contextmanager
def but_for(done: str) -> Iterator[None]:
    """Within it a refusal also tells what the same step had sent before; empty for nothing.

    Refused credentials stay what they are: the step is looked for and goes on once they are mended.
    """
    try:
        yield
    except CredentialsRefused:
        raise
    except (Refused, NotFound) as error:
        if not done:
            raise
        reason = error.reason if isinstance(error, Refused) else error.message
        raise Refused(f"{error}, but for {done}", reason=reason) from None


def listed(words: Sequence[object]) -> str:
    """Words with commas, not too many; ``none`` for none."""
    more = ", …" if len(words) > NAMED else ""
    return (", ".join(str(word) for word in words[:NAMED]) or "none") + more


def called(name: str, what: str, wanted: str, there: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one whose ``name`` is ``wanted``. Raises Refused where none or more than one is.

    People are to be named as the system shows them. For an e-mail address the refusal says what that is: a ticket shows
    names, and could not be compared with what was approved.
    """
    found = [one for one in there if line(one.get("name")) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        told = listed([line(one.get("email")) or raw(one.get("id")) for one in found])
        raise unsent(name, f"more than one {what} is called {clean_line(wanted, limit=80)}: {told}")
    folded = wanted.casefold()
    near = [one for one in there if folded in (line(one.get("email")).casefold(), line(one.get("name")).casefold())]
    if near:
        raise unsent(name, f"write {clean_line(wanted, limit=80)} as it is shown there: {line(near[0].get('name'))}")
    raise unsent(name, f"there is no {what} {clean_line(wanted, limit=80)!r}")
