"""Asking for an amount of dollars, and for the reason of a raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from opstui.core.errors import UsageError
from opstui.core.money import dollars, micros
from opstui.tui.words import money

if TYPE_CHECKING:
    from opstui.tui.screens.base import DeskScreen


def ask_amount(screen: DeskScreen, title: str, given: Callable[[int], None], *, value: int, note: str) -> None:
    """Ask for dollars; ``given`` and ``value``, what is proposed, are in micro-dollars."""
    from opstui.tui.widgets.ask import Ask

    def answered(text: str) -> None:
        try:
            amount = micros(text.strip().removeprefix("$"))
        except UsageError as error:
            screen.desk_app.say(error.message, "warn")
            return
        given(amount)

    screen.put_question(Ask(title, answered, value=dollars(value, places=2), note=note))


def ask_raise(
    screen: DeskScreen,
    title: str,
    raised: Callable[[int, str], None],
    *,
    value: int,
    note: str,
    kept: str,
    wanted: Callable[[int], str],
) -> None:
    """Ask for an amount and then for a reason; ``raised`` gets both.

    ``wanted``: what an amount that will not do should be, empty for one that will. ``kept``: where the reason stays.
    """
    from opstui.tui.widgets.ask import Ask

    def amount_given(amount: int) -> None:
        def reason_given(why: str) -> None:
            if not why.strip():
                screen.desk_app.say("not raised: it wants a reason", "warn")
            else:
                raised(amount, why.strip())

        better = wanted(amount)
        if better:
            screen.desk_app.say(f"not raised: it wants {better}", "warn")
        else:
            screen.put_question(Ask(f"Why {money(amount)}?", reason_given, note=kept))

    ask_amount(screen, title, amount_given, value=value, note=note)
