"""The two letters before a push, as a pure state machine: drawn, armed, first letter, done or wrong.

Times are seconds of any clock that never goes back. A key that was typed less than :data:`ARM_SECONDS` after the
letters were drawn is swallowed, wherever it stood in between (a terminal's buffer, a busy event loop), so type-ahead
can't push. Whatever was typed before a redraw counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from opstui.core.approval import prompt_letters
from opstui.core.frozen import dataclass

ARM_SECONDS = 0.5
"""A prompt takes no key before it could be read; Review takes none for as long after a wrong one."""
IDLE_SECONDS = 60.0
"""Letters that nobody answered are replaced: who comes back to the screen reads it again."""


class Phase(StrEnum):
    """Where a prompt stands."""

    DRAWN = "drawn"
    """On screen, and deaf."""
    ARMED = "armed"
    DONE = "done"
    """Everything asked for was typed. Nothing leaves this phase."""
    WRONG = "wrong"
    """Something else was typed. Nothing leaves this phase."""


@dataclass(frozen=True, slots=True)
class Arming:
    """A prompt and how much of it was typed."""

    asked: str
    """The characters to type."""
    drawn_at: float
    typed: int = 0
    last_key_at: float | None = None
    phase: Phase = Phase.DRAWN
    by_key: bool = False
    """The characters are the end of the ticket's key, and stay the same at each drawing."""

    @property
    def over(self) -> bool:
        """No key changes it any more."""
        return self.phase in (Phase.DONE, Phase.WRONG)

    @property
    def rest(self) -> str:
        """What is still to be typed."""
        return self.asked[self.typed :]


def open_prompt(suffix: str | None, choice: Callable[[str], str], now: float) -> Arming:
    """A fresh prompt: two different letters out of ``choice``, or ``suffix``, the end of the ticket's key."""
    if suffix:
        return Arming(asked=suffix, drawn_at=now, by_key=True)
    return Arming(asked=prompt_letters(choice), drawn_at=now)


def redraw(arming: Arming, choice: Callable[[str], str], now: float) -> Arming:
    """New letters, deaf again; a prompt that is over stays as it is."""
    if arming.over:
        return arming
    if arming.by_key:
        return Arming(asked=arming.asked, drawn_at=now, by_key=True)
    # Another first letter than before, so that one typed for the old prompt is wrong for the new one.
    return Arming(asked=prompt_letters(choice, not_first=arming.asked[0]), drawn_at=now)


def at(arming: Arming, now: float) -> Arming:
    """The prompt as it stands at ``now``: armed once it was long enough on screen."""
    if arming.phase is Phase.DRAWN and now - arming.drawn_at >= ARM_SECONDS:
        return replace(arming, phase=Phase.ARMED)
    return arming


def idle(arming: Arming, now: float) -> bool:
    """Whether nobody touched it for so long that new letters are due."""
    since = arming.drawn_at if arming.last_key_at is None else max(arming.drawn_at, arming.last_key_at)
    return not arming.over and now - since >= IDLE_SECONDS


def press(arming: Arming, character: str | None, typed_at: float) -> Arming:
    """The prompt after a key. ``character`` is what one real key gave, None for a key that gives none.

    A key before the prompt was armed changes nothing; a wrong one ends it; upper and lower case are the same.
    """
    arming = at(arming, typed_at)
    if arming.over or typed_at - arming.drawn_at < ARM_SECONDS:
        return arming
    if character is None or len(character) != 1 or character.casefold() != arming.rest[0].casefold():
        return replace(arming, phase=Phase.WRONG, last_key_at=typed_at)
    typed = arming.typed + 1
    done = typed == len(arming.asked)
    return replace(arming, typed=typed, last_key_at=typed_at, phase=Phase.DONE if done else Phase.ARMED)


def prompt_text(arming: Arming, verb: str = "push") -> str:
    """``type  k d  to push``; of characters that were typed only a tick is left."""
    shown = ["✓" if index < arming.typed else char for index, char in enumerate(arming.asked)]
    return f"type  {('' if arming.by_key else ' ').join(shown)}  to {verb}"
