from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from anthropic import APIStatusError, BadRequestError

from opstui.rehearsal.messages import Reply
from opstui.rehearsal.steps import Use
from opstui.services.document_schemas import tool_schemas
from tests.rehearsal.building import WORKFLOWS, World, opening
from tests.rehearsal.talking import Client, Plain

HELLO = [{"role": "user", "content": "Hello."}]


async def create(client: Client, messages: Any = HELLO, **more: Any) -> Any:
    return await client.sdk.messages.create(model="rehearsal", max_tokens=4_000, messages=messages, **more)


async def stream(client: Client) -> tuple[list[str], Any]:
    async with client.sdk.messages.stream(model="rehearsal", max_tokens=4_000, messages=HELLO) as opened:  # type: ignore[arg-type]
        seen = [event.type async for event in opened]
        return seen, await opened.get_final_message()


async def test_an_answer_comes_whole_or_in_pieces_and_is_the_same(client: Client) -> None:
    reply = Reply(
        text="Let me look.",
        calls=(Use("get_ticket", {"deep": {"er": [1, "zwei"]}}),),
        usage={"input_tokens": 7, "output_tokens": 9},
    )
    client.service.reply(reply, reply)
    whole = await create(client)
    seen, streamed = await stream(client)
    assert seen[0] == "message_start"
    assert seen[-1] == "message_stop"
    for message in (whole, streamed):
        text, use = message.content
        assert (text.text, use.name, use.input) == ("Let me look.", "get_ticket", {"deep": {"er": [1, "zwei"]}})
        assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("tool_use", 7, 9)
        assert use.id.startswith("toolu_")


async def test_without_a_key_nothing_is_answered(client: Client) -> None:
    with Plain(client.service, **{"x-api-key": "", "anthropic-beta": ""}) as plain:
        status, body, _ = plain.ask("POST", "/v1/messages", {"model": "x", "max_tokens": 1, "messages": HELLO})
    assert (status, body["error"]["type"]) == (401, "authentication_error")


async def test_no_beta_header_is_needed(client: Client) -> None:
    with Plain(client.service, **{"anthropic-beta": ""}) as plain:
        assert plain.ask("POST", "/v1/messages", {"model": "x", "max_tokens": 1, "messages": HELLO})[0] == 200


USE = {"type": "tool_use", "id": "toolu_1", "name": "get_ticket", "input": {}}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "x"}],
        [{"role": "system", "content": "x"}],
        [*HELLO, {"role": "assistant", "content": [USE]}, *HELLO],
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]}],
        [{"role": "user", "content": []}, *HELLO],
    ],
)
async def test_conversations_that_do_not_hold_together_are_refused(client: Client, messages: Any) -> None:
    with pytest.raises(BadRequestError):
        await create(client, messages)


async def test_a_thread_that_the_server_would_have_to_keep_is_refused(client: Client) -> None:
    with pytest.raises(BadRequestError, match="thread"):
        await create(client, extra_body={"thread": {"type": "continue", "id": "x"}})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(text="abc", cut_after=4), httpx2.RemoteProtocolError),
        (Reply(text="abc", error_after=4), APIStatusError),
        (Reply(text="abc", raw_after=(3, b"event: content_block_delta\ndata: {\n\n")), json.JSONDecodeError),
    ],
)
async def test_a_stream_breaks_where_it_was_told_to(client: Client, reply: Reply, error: type[Exception]) -> None:
    client.service.reply(reply)
    with pytest.raises(error):
        await stream(client)


async def test_a_stream_may_end_too_early_or_stand_still(client: Client) -> None:
    client.service.reply(Reply(text="abc", eof_after=4), Reply(text="abc", silent_after=4))
    seen, _ = await stream(client)
    assert "message_stop" not in seen
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream(client), 0.3)


async def test_stop_reasons_and_their_details_are_told(client: Client) -> None:
    client.service.reply(Reply(text="No.", stop_reason="refusal"), Reply(text="and then", stop_reason="max_tokens"))
    assert (await stream(client))[1].stop_reason == "refusal"
    assert (await create(client)).stop_reason == "max_tokens"


async def test_what_was_sent_before_comes_from_the_cache_where_one_is_asked_for(client: Client) -> None:
    cached = {"type": "text", "text": "Be brief. " * 400, "cache_control": {"type": "ephemeral"}}
    first = (await create(client, system=[cached])).usage
    later = (await create(client, [*HELLO, {"role": "assistant", "content": "Yes?"}, *HELLO], system=[cached])).usage
    plain = (await create(client, system=cached["text"])).usage
    assert first.cache_creation_input_tokens > 900
    assert first.cache_read_input_tokens == 0
    assert later.cache_read_input_tokens > 900
    assert plain.input_tokens > 900


async def test_faults_hit_messages_too(client: Client) -> None:
    client.service.fault("POST", "/v1/messages", status=529)
    with pytest.raises(APIStatusError) as failed:
        await create(client)
    assert failed.value.type == "overloaded_error"


@pytest.mark.parametrize("workflow", ["incident-summary", "escalation-package", "reply", "closure", "knowledge-update"])
async def test_the_mind_works_a_ticket_off_from_the_messages_alone(client: Client, world: World, workflow: str) -> None:
    tools = world.tools("INC-1042", workflow)
    messages: list[Any] = [{"role": "user", "content": opening(tools, workflow)}]
    for _ in range(8):
        async with client.sdk.messages.stream(
            model="rehearsal",
            max_tokens=8_000,
            messages=messages,
            tools=tool_schemas(WORKFLOWS[workflow]),  # type: ignore[arg-type]
        ) as opened:
            answer = await opened.get_final_message()
        messages.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
        if answer.stop_reason != "tool_use":
            break
        results = []
        for block in answer.content:
            if block.type == "tool_use":
                given = tools.call(block.name, block.input)  # type: ignore[arg-type]
                results.append(
                    {"type": "tool_result", "tool_use_id": block.id, "content": given.text, "is_error": given.is_error}
                )
        messages.append({"role": "user", "content": results})
    assert tools.accepted is not None
    assert tools.tries == 0, "nothing was refused"
    assert answer.stop_reason == "end_turn"
