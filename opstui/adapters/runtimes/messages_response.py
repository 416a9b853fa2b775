"""One response of a Messages endpoint: how it is asked for, and what is heard of it while it streams."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from opstui.adapters.runtimes.anthropic_client import stream_limits
from opstui.adapters.runtimes.messages_talk import Message, well_formed
from opstui.core.frozen import dataclass
from opstui.core.sessions import RuntimeText, ToolSpec, Usage
from opstui.core.text import clean, clean_line

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock
    from opstui.core.workflows import Workflow

MAX_TOKENS = 16_000
"""Of one response. The longest document is about 6,000."""
LOCAL_MAX_TOKENS = 8_000
"""Servers with a small context refuse a request whose prompt and limit together do not fit into it (vLLM)."""
PREVIEW_EVERY = 0.05
"""Seconds between previews of one text; half a second more for each million characters, as each is cleaned whole."""


_NO_MESSAGE = "the answer holds no message; does it speak the Messages API, with streaming?"


class OddAnswer(Exception):
    """What came is no response: nothing, half of one, or parts that do not fit together."""

    def __init__(self, text: str, *, was_cut: bool = False) -> None:
        super().__init__(text)
        self.was_cut = was_cut
        """Only its end is missing, so there is nothing odd about how the server streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an endpoint is asked."""

    model: str
    system: str
    tools: tuple[ToolSpec, ...]
    silence: float
    """Seconds without a byte after which a stream is dropped."""
    effort: str | None
    theirs: bool
    """Anthropic's own. Local servers choke on what is beyond the plain request: caching, strict, thinking, effort."""

    def request(self, messages: list[Message], *, stream: bool) -> dict[str, Any]:
        """Arguments of the tool runner. Without ``thread`` off the history would stay on a server that keeps none."""
        asked: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "system": self.system,
            "messages": messages,
            "tools": [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
                for tool in self.tools
            ],
            "thread": False,
            "stream": stream,
            "timeout": stream_limits(self.silence),
        }
        if self.theirs:
            # The history is sent again with each turn; read from the cache it costs a tenth or less.
            asked["cache_control"] = {"type": "ephemeral"}
        if self.effort:
            asked["output_config"] = {"effort": self.effort}
        return asked

    @property
    def max_tokens(self) -> int:
        """Of one response."""
        return MAX_TOKENS if self.theirs else LOCAL_MAX_TOKENS


def instructions(workflow: Workflow) -> str:
    """The system prompt; nobody grades what comes here, so the rubric is the agent's own."""
    if not workflow.rubric:
        return workflow.system
    return f"{workflow.system}\n\n# What you check before you hand it in\n\n{workflow.rubric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response that came whole."""

    content: list[dict[str, Any]]
    """Blocks as they are sent back."""
    texts: tuple[tuple[int, str], ...]
    """Block index and text, cleaned."""
    stop: str | None
    explanation: str
    """Of a refusal, cleaned."""


class Hearing:
    """What was heard so far of one response; it outlives a stream that breaks."""

    def __init__(self, text_id: Callable[[int], str], show: Callable[[RuntimeText], None], clock: Clock) -> None:
        self.began = False
        self.heard_at = clock.monotonic()
        self._text_id = text_id
        self._show = show
        self._clock = clock
        self._input: dict[str, Any] = {}
        self._pieces: dict[int, list[str]] = {}
        self._shown: dict[int, float] = {}
        self.complete = False

    def take(self, event: Any) -> None:
        """One event of the stream. Kinds that are not known pass by; nothing is taken for granted in those that are."""
        self.heard_at = self._clock.monotonic()
        kind = getattr(event, "type", None)
        if kind == "message_start":
            self.began = True
            self._use(getattr(event.message, "usage", None))
        elif kind == "content_block_start" and getattr(event.content_block, "type", None) == "text":
            self._add(event.index, event.content_block.text)
        elif kind == "content_block_delta" and getattr(event.delta, "type", None) == "text_delta":
            self._add(event.index, event.delta.text)
        elif kind == "message_delta":
            self._use(getattr(event, "usage", None))
            self.complete = self.complete or getattr(event.delta, "stop_reason", None) is not None
        elif kind == "message_stop":
            self.complete = True

    def take_whole(self, message: Any) -> None:
        """A response that came in one piece."""
        self.heard_at = self._clock.monotonic()
        self.began = self.complete = True
        self._use(getattr(message, "usage", None))

    def leave(self, whole: Collection[int]) -> None:
        """Clear what was shown of texts that are not among the ``whole`` ones."""
        for index in self._shown.keys() - set(whole):
            self._show(RuntimeText(self._text_id(index), "", partial=True))

    @property
    def usage(self) -> Usage:
        """Tokens as far as they were told."""
        split = self._input.get("cache_creation")
        return Usage(
            input_tokens=_number(self._input.get("input_tokens")),
            output_tokens=_number(self._input.get("output_tokens")),
            cache_read_tokens=_number(self._input.get("cache_read_input_tokens")),
            cache_write_tokens=_number(self._input.get("cache_creation_input_tokens")),
            cache_write_long_tokens=_number(getattr(split, "ephemeral_1h_input_tokens", None)),
            searches=_number(getattr(self._input.get("server_tool_use"), "web_search_requests", None)),
        )

    @property
    def tells_tokens(self) -> bool:
        """Whether any tokens were told: no response goes without some."""
        return any(_number(self._input.get(name)) for name in _COUNTED[:4])

    @property
    def multipliers(self) -> tuple[str, ...]:
        """What makes these tokens dearer, in the rate card's words."""
        fast = ("fast",) if self._input.get("speed") == "fast" else ()
        return (*fast, *(("us",) if self._input.get("inference_geo") == "us" else ()))

    def _use(self, usage: Any) -> None:
        """Counts of a later event are totals; what it leaves out stays as it was."""
        for name in _COUNTED:
            value = getattr(usage, name, None)
            if value is not None:
                self._input[name] = value

    def _add(self, index: int, piece: Any) -> None:
        if not isinstance(piece, str) or not piece:
            return
        pieces = self._pieces.setdefault(index, [])
        pieces.append(piece)
        since = self.heard_at - self._shown.get(index, float("-inf"))
        if since < PREVIEW_EVERY:
            return
        text = "".join(pieces)
        self._pieces[index] = [text]
        if text.strip() and since >= PREVIEW_EVERY + len(text) / 2_000_000:
            self._shown[index] = self.heard_at
            self._show(RuntimeText(self._text_id(index), clean(text), partial=True))


_COUNTED = (
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation",
    "server_tool_use", "speed", "inference_geo",
)  # fmt: skip


async def respond(
    client: AsyncAnthropic, manner: Manner, messages: list[Message], hearing: Hearing, *, stream: bool = True
) -> Response:
    """Ask for the next response and listen to the end of it; without ``stream`` it comes in one piece.

    One tool runner for each response: so everything is on disk before the next is asked for, a broken one is asked
    for again alone, and tools are answered side by side and after a restart too, which a runner of several turns does
    not (2.10.0). Raises OddAnswer, and what the SDK raises.
    """
    runner = client.beta.messages.tool_runner(**manner.request(messages, stream=stream), max_iterations=1)
    try:
        # Whoever asks without a stream asked with one before: a TypeError is not the SDK's word for no key then.
        answer = await runner.__anext__() if stream else None
        try:
            if answer is None:
                return _at_once(await runner.__anext__(), manner, hearing)
            if answer.response.headers.get("content-type", "").startswith("application/json"):
                return _at_once(_message(await answer.response.aread()), manner, hearing)
            async for event in answer:
                hearing.take(event)
            if not hearing.began:
                raise OddAnswer(_NO_MESSAGE)
            if not hearing.complete:
                raise OddAnswer("the answer broke off", was_cut=True)
            return _whole(await answer.get_final_message(), manner)
        except (ValueError, LookupError, AttributeError, TypeError, AssertionError, RuntimeError):
            # The SDK puts the parts together and trusts them: bad JSON, a part without its beginning, no message, no
            # usage.
            raise OddAnswer("the answer can't be read" if hearing.began else _NO_MESSAGE) from None
    finally:
        await runner.close()


def _at_once(message: Any, manner: Manner, hearing: Hearing) -> Response:
    """A response that came in one piece."""
    response = _whole(message, manner)
    hearing.take_whole(message)
    return response


def _message(body: bytes) -> Any:
    """What a server answers that does not stream though it was asked to. Raises ValueError, TypeError."""
    from anthropic.types.beta import BetaMessage

    return BetaMessage.construct(**json.loads(body))


def _whole(message: Any, manner: Manner) -> Response:
    stop = message.stop_reason if isinstance(message.stop_reason, str) else None
    content, texts = [], []
    for index, block in enumerate(message.content):
        sent = _sent_back(block, manner)
        if sent is not None:
            content.append(sent)
        if sent is not None and sent["type"] == "text":
            texts.append((index, clean(sent["text"])))
    if stop == "max_tokens" and content and content[-1]["type"] == "tool_use":
        # Its input may be half of what was meant.
        content.pop()
        stop = CUT_CALL
    details = getattr(message, "stop_details", None)
    return Response(
        content=content,
        texts=tuple(texts),
        stop=stop,
        explanation=clean_line(str(getattr(details, "explanation", None) or ""), limit=400),
    )


CUT_CALL = "max_tokens_in_a_call"
"""Our word for a response that was cut within a tool call."""


def _sent_back(block: Any, manner: Manner) -> dict[str, Any] | None:
    """A block in the plainest form that every server takes back; None for what is not sent back."""
    kind = getattr(block, "type", None)
    if kind == "text":
        text = well_formed(str(block.text or ""))
        return {"type": "text", "text": text} if text.strip() else None
    if kind == "tool_use":
        return {"type": kind, "id": str(block.id), "name": str(block.name), "input": _plain(block.input)}
    if not manner.theirs:
        # Others' thoughts have no signature, and none of them wants them back.
        return None
    if kind == "thinking":
        return {"type": kind, "thinking": block.thinking, "signature": block.signature} if block.signature else None
    if kind == "redacted_thinking":
        return {"type": kind, "data": block.data}
    return None


def _plain(value: Any) -> Any:
    """JSON without half characters, and without the numbers that only Python reads there."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {well_formed(str(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else 0
