"""Questions that are asked again at each key: one at a time in a thread, and only the newest is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opstui.core.desk import Question
from opstui.core.errors import OpstuiError

if TYPE_CHECKING:
    from opstui.tui.talking import TalkingApp

Then = Callable[[Any], None]


class Newest:
    """Asks the desk. What is asked while an answer is waited for replaces what was asked before: a slow answer neither
    piles up threads nor draws over a newer one."""

    def __init__(self, app: TalkingApp, saying: str, failed: Callable[[OpstuiError], None] | None = None) -> None:
        self._app = app
        self._saying = saying
        self._told_failed = failed or (lambda error: app.say(error.message, "bad"))
        self._asked: tuple[Question[Any], Then] | None = None
        self._next: tuple[Question[Any], Then] | None = None

    @property
    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return self._asked is not None

    def ask(self, question: Question[Any], then: Then) -> None:
        """Ask, as soon as what is asked now is answered."""
        self._next = (question, then)
        if self._asked is None:
            self._go_on()

    def forget(self) -> None:
        """Nothing that was asked is wanted any more."""
        self._next = None
        if self._asked is not None:
            self._asked = (self._asked[0], lambda answer: None)

    def _go_on(self) -> None:
        self._asked, self._next = self._next, None
        if self._asked is not None:
            self._app.ask_slowly(self._asked[0], self._answered, saying=self._saying, failed=self._failed)

    def _answered(self, answer: Any) -> None:
        asked, newer = self._asked, self._next
        self._go_on()
        if asked is not None and newer is None:
            asked[1](answer)

    def _failed(self, error: OpstuiError) -> None:
        newer = self._next
        self._go_on()
        if newer is None:
            self._told_failed(error)
