"""Who plays an agent without a script: thinks, speaks, calls its tools, waits, and mends what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from opstui.core.ids import Clock
from opstui.rehearsal.plan import next_move
from opstui.rehearsal.prices import Tokens
from opstui.rehearsal.stage import Stage
from opstui.rehearsal.steps import Evaluate, Say
from opstui.rehearsal.talk import Called, Move, Said, Talk, text_of

TOKENS_A_SECOND = 70
"""How fast a believable agent speaks."""
LONGEST = 6.0
"""Seconds that one thing takes at most, at the believable pace."""
OUTPUT_LIMIT = 64_000


class Mind:
    """The agent of one session. ``pace`` stretches the believable pace; 0 is at once."""

    def __init__(self, clock: Clock, *, pace: float = 0.0) -> None:
        self._clock = clock
        self._pace = pace
        self._talk: Talk | None = None
        self._cached = 0

    async def turn(self, stage: Stage) -> None:
        """Act on what was said, to the idle at the end of the turn."""
        session = stage.session
        talk = self._talk or self._begin(stage)
        while True:
            self._hear(session.take_messages(), talk)
            # Loading the rules and reading a long ticket takes a tenth of a second, which other sessions need not feel.
            move = await asyncio.to_thread(next_move, talk, self._clock.now())
            ids = await self._act(stage, talk, move)
            if move.ends:
                if session.inbox:
                    continue
                break
            made = [Called(one, use.name, use.input) for one, use in zip(ids, move.calls, strict=True)]
            answers = await stage.answers(ids)
            for call, answer in zip(made, answers, strict=False):
                call.result = text_of(answer.get("content"))
                call.is_error = bool(answer.get("is_error"))
            talk.items += made
        if session.outcomes:
            accepted = any(not call.is_error for call in talk.calls("submit_document"))
            grading = Evaluate(input=1_800 + talk.size() // 8, output=160)
            failed = Evaluate("failed", "No document was accepted.", input=grading.input, output=grading.output)
            stage.evaluate(grading if accepted else failed)
        session.idle({"type": "end_turn"})

    def _begin(self, stage: Stage) -> Talk:
        session = stage.session
        self._talk = Talk(
            tools=tool_schemas(session.agent.get("tools") or ()),
            system=str(session.agent.get("system") or ""),
            operator=session.metadata.get("operator", ""),
        )
        return self._talk

    @staticmethod
    def _hear(events: list[dict[str, Any]], talk: Talk) -> None:
        for event in events:
            if event["type"] == "user.define_outcome":
                if not talk.items:  # it is the task where there is no other, and no word to answer beside one
                    talk.items.append(Said(str(event["description"]), by_user=True))
            else:
                talk.items.append(Said(text_of(event.get("content")), by_user=True))

    async def _act(self, stage: Stage, talk: Talk, move: Move) -> list[str]:
        """One model request: thinking, words, calls. The ids of the calls."""
        ids: list[str] = []
        tokens = self._tokens(talk, move)

        async def within() -> None:
            await self._wait(1.0 + 0.3 * len(move.calls))
            if move.text:
                spoken = length(move.text) / TOKENS_A_SECOND
                pieces = max(1, min(60, length(move.text) // 4))
                pause = min(LONGEST, spoken) * self._pace / pieces
                await stage.say(Say(move.text, pieces=pieces, pause=pause))
                talk.items.append(Said(move.text, by_user=False))
            if move.calls:
                await self._wait(length(json.dumps([use.input for use in move.calls])) / TOKENS_A_SECOND / 4)
                ids.extend(stage.call(move.calls))

        await stage.think(tokens, within)
        return ids

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(min(LONGEST, seconds) * self._pace)

    def _tokens(self, talk: Talk, move: Move) -> Tokens:
        """What the request would use: everything before it from the cache, what is new written to it."""
        prompt = length(talk.system) + length(json.dumps(talk.tools)) + talk.size() // 4
        new = max(0, prompt - self._cached)
        tokens = Tokens(input=12 + len(talk.items), write=new, read=self._cached, output=said_tokens(move))
        self._cached = prompt
        return tokens


def tool_schemas(tools: Any) -> Mapping[str, Mapping[str, Any]]:
    """Input schemas by name, of an agent's or a message's tools."""
    return {
        str(tool["name"]): tool.get("input_schema") or {}
        for tool in tools
        if isinstance(tool, Mapping) and "name" in tool
    }  # fmt: skip


def length(text: str) -> int:
    """About how many tokens a text has."""
    return max(1, len(text) // 4) if text else 0


def said_tokens(move: Move) -> int:
    """About how many tokens a move takes to write, the thoughts before it included."""
    calls = sum(24 + length(json.dumps(use.input)) for use in move.calls)
    return min(OUTPUT_LIMIT, 60 + length(move.text) + calls)
