"""Who plays an agent without a script."""

from __future__ import annotations

from opstui.core.ids import Clock
from opstui.rehearsal.prices import Tokens
from opstui.rehearsal.stage import Stage
from opstui.rehearsal.steps import Say


class Mind:
    """Answers messages."""

    def __init__(self, clock: Clock, *, pace: float = 0.0) -> None:
        self._clock = clock
        self._pace = pace

    async def turn(self, stage: Stage) -> None:
        """Take up what was said and answer it."""
        stage.session.take_messages()
        await stage.think(Tokens(input=900, output=40), lambda: stage.say(Say("Noted.")))
        stage.session.idle({"type": "end_turn"})
