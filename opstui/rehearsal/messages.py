"""``POST /v1/messages``: one answer of a model, at once or as a stream, from the messages sent and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from opstui.core.frozen import dataclass
from opstui.rehearsal.http import EventStream, frame
from opstui.rehearsal.mind import length, said_tokens, tool_schemas
from opstui.rehearsal.plan import next_move
from opstui.rehearsal.refusals import Refusal
from opstui.rehearsal.stage import in_pieces
from opstui.rehearsal.steps import Use
from opstui.rehearsal.talk import Called, Move, Said, Talk, text_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A scripted answer, and what goes wrong while it is streamed."""

    text: str = ""
    calls: tuple[Use, ...] = ()
    stop_reason: str | None = None
    """``end_turn`` or ``tool_use`` unless it is said here: ``refusal``, ``max_tokens``, ``pause_turn``, anything."""
    stop_details: Mapping[str, Any] | None = None
    usage: Mapping[str, int] | None = None
    """The whole of ``usage``, where it should not be worked out; an empty one: none at all."""
    pieces: int = 8
    pause: float = 0.0
    """Seconds between pieces."""
    bad_json: bool = False
    """The input of the tool calls comes as JSON that breaks off."""
    cut_after: int | None = None
    """The connection breaks after so many events."""
    eof_after: int | None = None
    """The stream ends cleanly after so many events."""
    silent_after: int | None = None
    """Nothing comes any more after so many events."""
    error_after: int | None = None
    """An ``event: error`` comes after so many events."""
    error: Mapping[str, str] = field(default_factory=lambda: {"type": "overloaded_error", "message": "Overloaded"})
    raw_after: tuple[int, bytes] | None = None
    """Bytes in between, after so many events."""


def talk_of(body: Mapping[str, Any]) -> Talk:
    """The conversation in a request's messages. Raises Refusal for one that the service would not take."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Refusal(400, "model: Field required")
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        raise Refusal(400, "max_tokens: Field required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages: at least one message is required")
    if body.get("thread") is not None:
        raise Refusal(400, "thread: conversations are not kept here; send the whole of them")
    if messages[0].get("role") != "user":
        raise Refusal(400, "messages: first message must use the user role")
    talk = Talk(tools=tool_schemas(body.get("tools") or ()), system=text_of(body.get("system") or ""))
    open_calls: dict[str, Called] = {}
    for number, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        if role not in ("user", "assistant"):
            raise Refusal(400, f"messages.{number}.role: must be user or assistant")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(blocks, list) or (not blocks and number < len(messages) - 1):
            raise Refusal(400, f"messages.{number}: all messages must have non-empty content")
        if role == "user":
            _hear(talk, blocks, open_calls, number)
        else:
            _recall(talk, blocks, open_calls)
    return talk


def _hear(talk: Talk, blocks: Sequence[Json], open_calls: dict[str, Called], number: int) -> None:
    said = []
    for block in blocks:
        if block.get("type") == "tool_result":
            call = open_calls.pop(str(block.get("tool_use_id")), None)
            if call is None:
                raise Refusal(
                    400,
                    f"messages.{number}.content: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block.get('tool_use_id')}",
                )
            call.result = text_of(block.get("content"))
            call.is_error = bool(block.get("is_error"))
            talk.items.append(call)
        elif block.get("type") == "text":
            said.append(str(block.get("text", "")))
    if open_calls:
        raise Refusal(
            400,
            f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(open_calls)}",
        )
    if said:
        talk.items.append(Said("\n".join(said), by_user=True))


def _recall(talk: Talk, blocks: Sequence[Json], open_calls: dict[str, Called]) -> None:
    for block in blocks:
        if block.get("type") == "tool_use":
            arguments = block.get("input")
            call = Called(str(block["id"]), str(block["name"]), arguments if isinstance(arguments, dict) else {})
            open_calls[call.id] = call
        elif block.get("type") == "text":
            talk.items.append(Said(str(block.get("text", "")), by_user=False))


async def thought(talk: Talk, now: datetime) -> Reply:
    """What the mind answers."""
    move = await asyncio.to_thread(next_move, talk, now)
    return Reply(text=move.text, calls=move.calls)


def usage_of(body: Mapping[str, Any], talk: Talk, reply: Reply) -> Json:
    """Plausible usage: all but the newest turn comes from the cache where the request asks for one."""
    if reply.usage is not None:
        return dict(reply.usage)
    prompt = length(json.dumps(body.get("messages"))) + length(talk.system) + length(json.dumps(talk.tools))
    found = {"input_tokens": prompt, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    if '"cache_control"' in json.dumps(body):
        messages = body["messages"]
        newest = length(json.dumps(messages[-1]))
        found["input_tokens"] = 8
        if len(messages) == 1:
            found["cache_creation_input_tokens"] = prompt
        else:
            found["cache_creation_input_tokens"] = min(prompt, newest)
            found["cache_read_input_tokens"] = prompt - min(prompt, newest)
    found["output_tokens"] = said_tokens(Move(reply.text, reply.calls))
    return found


def message_of(reply: Reply, usage: Json, model: str, new_id: Any) -> Json:
    """The whole answer."""
    content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": use.id or new_id("toolu"), "name": use.name, "input": use.input}
        for use in reply.calls
    ]
    message: Json = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": reply.stop_reason or ("tool_use" if reply.calls else "end_turn"),
        "stop_sequence": None,
        "usage": usage,
    }
    if reply.stop_details is not None:
        message["stop_details"] = dict(reply.stop_details)
    return message


async def frames(message: Json, reply: Reply, *, pace: float = 0.0) -> AsyncIterator[bytes]:
    """The answer as server-sent events, in order; between pieces it waits."""
    usage = message["usage"]
    begun = {key: value for key, value in message.items() if key not in ("stop_details",)}
    begun |= {"content": [], "stop_reason": None}
    if usage:
        begun["usage"] = {**usage, "output_tokens": 1}
    yield frame("message_start", {"type": "message_start", "message": begun})
    yield frame("ping", {"type": "ping"})
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty: Json = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in in_pieces(block["text"], reply.pieces)]
        else:
            empty = {**block, "input": {}}
            written = json.dumps(block["input"])
            if reply.bad_json:
                written = written[: len(written) // 2]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *in_pieces(written, 4)]]
        yield frame("content_block_start", {"type": "content_block_start", "index": index, "content_block": empty})
        for delta in deltas:
            await asyncio.sleep(reply.pause + 0.06 * pace)
            yield frame("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
        yield frame("content_block_stop", {"type": "content_block_stop", "index": index})
    ended: Json = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    if "stop_details" in message:
        ended["stop_details"] = message["stop_details"]
    told: Json = {"type": "message_delta", "delta": ended}
    if usage:
        told["usage"] = usage
    yield frame("message_delta", told)
    yield frame("message_stop", {"type": "message_stop"})


async def send_message(stream: EventStream, message: Json, reply: Reply, *, pace: float) -> None:
    """Stream an answer, with all that its reply lets go wrong."""
    sent = 0
    async for data in frames(message, reply, pace=pace):
        if sent == reply.cut_after:
            stream.send(data[: len(data) // 2])
            stream.cut()
            return
        if sent == reply.eof_after:
            break
        if sent == reply.silent_after:
            await asyncio.Event().wait()
        if sent == reply.error_after:
            stream.send(frame("error", {"type": "error", "error": dict(reply.error)}))
            break
        if reply.raw_after is not None and sent == reply.raw_after[0]:
            stream.send(reply.raw_after[1])
        stream.send(data)
        sent += 1
    stream.finish()
