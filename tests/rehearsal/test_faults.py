"""Answers that go wrong on purpose, as the real SDK sees them."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from anthropic import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)

from opstui.rehearsal.steps import Call, Do, Emit, Idle, Say, Use
from tests.rehearsal.talking import Client, message, result


async def test_a_fault_hits_as_often_as_it_was_told_and_the_log_shows_each_try(client: Client) -> None:
    session = await client.open()
    fault = client.service.fault("GET", rf"/v1/sessions/{session}$", status=529, times=2)
    patient = client.sdk.with_options(max_retries=2)
    assert (await patient.beta.sessions.retrieve(session)).id == session
    tries = [one for one in client.service.requests if one.path.endswith(session)]
    assert [one.status for one in tries] == [529, 529, 200]
    assert [one.headers["x-stainless-retry-count"] for one in tries] == ["0", "1", "2"]
    assert fault.hits == 2


async def test_headers_of_a_fault_are_heard(client: Client) -> None:
    session = await client.open()
    client.service.fault(
        "GET", "/v1/sessions", status=429, headers={"retry-after": "3600"}, code="enforced_spend_limit_reached"
    )
    with pytest.raises(RateLimitError) as limited:
        await client.beta.sessions.retrieve(session)
    assert limited.value.response.headers["retry-after"] == "3600"
    assert limited.value.error_code == "enforced_spend_limit_reached"
    client.service.fault("GET", "/v1/sessions", status=503, headers={"x-should-retry": "false"})
    with pytest.raises(InternalServerError):
        await client.sdk.with_options(max_retries=2).beta.sessions.retrieve(session)
    assert client.service.count("GET", "/v1/sessions/.*") == 2


async def test_a_lost_answer_was_carried_out(client: Client) -> None:
    session = await client.open()
    client.service.fault("POST", "/events", lose_response=True)
    with pytest.raises(APIConnectionError):
        await client.send(session, message("Once?"))
    sent = [event for event in client.service.sessions[session].events if event["type"] == "user.message"]
    assert len(sent) == 1
    client.service.fault("POST", "/v1/sessions$", lose_response=True)
    with pytest.raises(APIConnectionError):
        await client.open()
    assert len(client.service.sessions) == 2


async def test_half_an_answer_is_a_broken_connection(client: Client) -> None:
    session = await client.open()
    client.service.fault("GET", "/v1/sessions", cut=True)
    with pytest.raises((APIConnectionError, httpx2.RemoteProtocolError)):
        await client.beta.sessions.retrieve(session)


async def test_a_captive_portal_answers_everything_with_its_page(client: Client) -> None:
    session = await client.open()
    client.service.fault("GET", "/v1/sessions", html=True, times=2)
    answer: Any = await client.beta.sessions.retrieve(session)
    assert isinstance(answer, str)
    async with await client.beta.sessions.events.stream(session) as stream:
        assert [event async for event in stream] == []


async def test_a_redirect_is_followed(client: Client) -> None:
    session = await client.open()
    elsewhere = f"{client.service.url}/v1/sessions/{session}?moved=1"
    client.service.fault("GET", f"{session}$", status=307, headers={"location": elsewhere})
    assert (await client.beta.sessions.retrieve(session)).id == session


async def test_an_answer_may_be_late(client: Client) -> None:
    client.service.fault("GET", "/v1/agents", delay=0.15)
    started = time.perf_counter()
    await client.beta.agents.list()
    assert time.perf_counter() - started >= 0.15


async def test_only_some_requests_are_hit(client: Client) -> None:
    client.service.script([Call((Use("get_ticket"),)), Idle()])
    session = await client.open(start=True)
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.pending)
    client.service.fault("POST", "/events", status=400, containing=b"custom_tool_result")
    await client.send(session, message("passes"))
    call = next(iter(state.pending))
    with pytest.raises(BadRequestError):
        await client.send(session, result(call))
    await client.send(session, result(call))
    assert not state.pending


async def test_the_key_may_be_changed_in_mid_session(client: Client) -> None:
    def rotate() -> None:
        client.service.key = "other"

    client.service.script([Say("x"), Do(rotate), Say("y"), Idle()])
    session = await client.open()
    seen = await client.follow(session)
    assert seen[-1].type == "session.status_idle"
    with pytest.raises(AuthenticationError):
        await client.beta.sessions.retrieve(session)


async def noted(client: Client, count: int) -> str:
    session = await client.open()
    state = client.service.sessions[session]
    for number in range(count):
        state.emit({"type": "agent.message", "id": f"sevt_{number}", "content": []})
    return session


async def test_a_listing_fails_midway(client: Client) -> None:
    session = await noted(client, 6)
    client.service.fault("GET", r"/events\?.*page=", status=500, after=1)
    found = []

    async def read_all() -> None:
        async for event in client.beta.sessions.events.list(session, limit=2):
            found.append(event.id)

    with pytest.raises(InternalServerError):
        await read_all()
    assert len(found) == 4


async def test_cursors_may_go_round_in_a_circle(client: Client) -> None:
    session = await noted(client, 4)
    client.service.state.paging = "cycle"
    found = []
    async for event in client.beta.sessions.events.list(session, limit=2):
        found.append(event.id)
        if len(found) == 10:
            break
    assert found[:4] == found[4:8]


async def test_empty_pages_may_come_before_full_ones(client: Client) -> None:
    session = await noted(client, 5)
    client.service.state.paging = "empty"
    first = await client.beta.sessions.events.list(session, limit=2)
    assert first.data == []
    assert first.next_page
    assert len(await client.history(session, limit=2)) == 5


async def test_a_body_of_ones_own_takes_the_answers_place(client: Client) -> None:
    client.service.fault("GET", "/v1/agents", body={"data": None, "next_page": None})
    assert [agent async for agent in client.beta.agents.list()] == []
    client.service.fault("GET", "/v1/agents", status=404, body=b"not json at all")
    with pytest.raises(NotFoundError):
        await client.beta.agents.list()


async def test_a_fault_can_be_taken_back(client: Client) -> None:
    fault = client.service.fault("*", ".", status=500, times=None)
    with pytest.raises(InternalServerError):
        await client.beta.agents.list()
    fault.remove()
    await client.beta.agents.list()


async def test_every_request_is_kept_with_what_it_carried(client: Client) -> None:
    client.service.script([Emit({"type": "agent.message", "content": []}), Idle()])
    session = await client.open(metadata={"shift": "night"})
    created = next(one for one in client.service.requests if one.path == "/v1/sessions")
    assert created.json["metadata"] == {"shift": "night"}
    assert created.headers["authorization"] == "Bearer test"
    await client.follow(session)
    opened = next(one for one in client.service.requests if one.path.endswith("/events/stream"))
    assert opened.query["event_deltas[]"] == ["agent.message", "agent.thinking"]
