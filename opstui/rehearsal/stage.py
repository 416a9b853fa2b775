"""What an agent does in a session, in the order that the service tells it; scripts and the mind both act through it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from opstui.rehearsal.prices import Tokens
from opstui.rehearsal.session import Session
from opstui.rehearsal.steps import Evaluate, Say, Use


class Stage:
    """The hands of whoever plays the agent of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._span: tuple[str, Tokens] | None = None

    def ensure_running(self) -> None:
        """Running, and told so."""
        if self.session.status != "running":
            self.session.running()

    async def afford(self) -> None:
        """Return when another model request may be made: at the budget, that is when it was raised."""
        stopped = False
        while self.session.at_budget:
            if not stopped:
                self.session.idle({"type": "budget_reached"})
                stopped = True
            await self.session.moved()
        if stopped:
            self.session.running()

    async def think(
        self,
        tokens: Tokens,
        within: Callable[[], Awaitable[None]] | None = None,
        *,
        seconds: float = 0.0,
        thinking: bool = True,
        span: bool = True,
        is_error: bool = False,
        model: str | None = None,
    ) -> None:
        """One model request, with what happens while it runs."""
        await self.afford()
        self.ensure_running()
        session = self.session
        if span:
            self._span = (session.emit({"type": "span.model_request_start"})["id"], tokens)
        if thinking:
            thought = session.new_id()
            session.emit({"type": "event_start", "event": {"type": "agent.thinking", "id": thought}})
            session.emit({"type": "agent.thinking", "id": thought})
        if within is not None:
            await within()
        session.ahead += timedelta(seconds=seconds)
        session.charge(tokens, model=model)
        if span:
            self._end_span(tokens, is_error=is_error)

    def break_off(self) -> None:
        """End a model request that is under way as one that failed; what it had used is charged."""
        if self._span is not None:
            tokens = self._span[1]
            used = Tokens(input=tokens.input, read=tokens.read, write=tokens.write, output=tokens.output // 2)
            self.session.charge(used)
            self._end_span(used, is_error=True)

    def _end_span(self, tokens: Tokens, *, is_error: bool) -> None:
        if self._span is None:
            return
        start, _ = self._span
        self._span = None
        self.session.emit(
            {
                "type": "span.model_request_end",
                "model_request_start_id": start,
                "is_error": is_error,
                "model_usage": {
                    "input_tokens": tokens.input,
                    "output_tokens": tokens.output,
                    "cache_creation_input_tokens": tokens.write + tokens.write_long,
                    "cache_read_input_tokens": tokens.read,
                },
            }
        )

    async def say(self, said: Say) -> None:
        """A message, previewed piece by piece."""
        self.ensure_running()
        session = self.session
        event_id = session.new_id()
        pieces = in_pieces(said.preview if said.preview is not None else said.text, said.pieces)
        if pieces and said.start:
            session.emit({"type": "event_start", "event": {"type": "agent.message", "id": event_id}})
        for piece in pieces[: len(pieces) - said.shed]:
            session.emit(delta(event_id, piece, index=3 if said.gap else 0))
            await asyncio.sleep(said.pause)
        if said.final:
            session.emit({"type": "agent.message", "id": event_id, "content": [{"type": "text", "text": said.text}]})

    def call(self, calls: Sequence[Use]) -> list[str]:
        """Custom tool calls, told at once; their ids."""
        self.ensure_running()
        made = []
        for use in calls:
            event = {"type": "agent.custom_tool_use", "name": use.name, "input": use.input}
            if use.id is not None:
                event["id"] = use.id
            event["session_thread_id"] = self.session.thread_id
            told = self.session.emit(event)
            self.session.pending[told["id"]] = told
            made.append(told["id"])
        return made

    async def answers(self, ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Idle until every open call is answered, said again with the rest whenever some are; then running again."""
        session = self.session
        wanted = list(session.pending) if ids is None else list(ids)
        told: list[str] | None = None
        while session.pending:
            left = list(session.pending)
            if left != told:
                session.idle({"type": "requires_action", "event_ids": left})
                told = left
            await session.moved()
        if told is not None:
            session.running()
        return [session.answers[one] for one in wanted if one in session.answers]

    def evaluate(self, step: Evaluate) -> None:
        """Grade the newest outcome that is not settled; nothing where none was defined."""
        session = self.session
        open_ones = [outcome for outcome in session.outcomes if outcome["completed_at"] is None]
        if not open_ones:
            return
        self.ensure_running()
        outcome = open_ones[-1]
        about = {"outcome_id": outcome["outcome_id"], "iteration": outcome["iteration"]}
        start = session.emit({"type": "span.outcome_evaluation_start", **about})
        session.emit({"type": "span.outcome_evaluation_ongoing", **about})
        session.charge(Tokens(input=step.input, output=step.output))
        end = session.emit(
            {
                "type": "span.outcome_evaluation_end",
                **about,
                "outcome_evaluation_start_id": start["id"],
                "result": step.result,
                "explanation": step.explanation,
                "usage": {
                    "input_tokens": step.input,
                    "output_tokens": step.output,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                },
            }
        )
        outcome["result"] = step.result
        outcome["explanation"] = step.explanation
        if step.result == "needs_revision":
            outcome["iteration"] += 1
        else:
            outcome["completed_at"] = end["processed_at"]


def delta(event_id: str, text: str, *, index: int = 0) -> dict[str, Any]:
    """One piece of a preview."""
    piece: Mapping[str, Any] = {"type": "text", "text": text}
    return {
        "type": "event_delta",
        "event_id": event_id,
        "delta": {"type": "content_delta", "index": index, "content": piece},
    }


def in_pieces(text: str, count: int) -> list[str]:
    """``text`` in at most ``count`` parts of about the same length."""
    if count <= 0 or not text:
        return []
    size = math.ceil(len(text) / count)
    return [text[at : at + size] for at in range(0, len(text), size)]
