"""What tests say to the stand-in, through the SDK and without it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anthropic import AsyncAnthropic

from opstui.rehearsal.service import BETA, Rehearsal

TOOL = {
    "type": "custom",
    "name": "get_ticket",
    "description": "The ticket.",
    "input_schema": {"type": "object", "properties": {}},
}


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def result(call: str, text: str = "ok", *, is_error: bool = False) -> dict[str, Any]:
    return {
        "type": "user.custom_tool_result",
        "custom_tool_use_id": call,
        "content": [{"type": "text", "text": text}],
        "is_error": is_error,
    }


def limit(cents: int) -> dict[str, Any]:
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


class Client:
    """The SDK with an agent and an environment at hand."""

    def __init__(self, sdk: AsyncAnthropic, service: Rehearsal) -> None:
        self.sdk = sdk
        self.beta = sdk.beta
        self.service = service

    async def open(
        self,
        *,
        model: str = "claude-sonnet-5-5",
        tools: Sequence[Mapping[str, Any]] = (TOOL,),
        start: bool = False,
        budget: int | None = None,
        **more: Any,
    ) -> str:
        """A session's id; with ``start`` its first message is sent along."""
        agent = await self.beta.agents.create(name="summaries", model=model, tools=list(tools))  # type: ignore[arg-type]
        environment = await self.beta.environments.create(
            name="none", config={"type": "cloud", "networking": {"type": "limited", "allowed_hosts": []}}
        )
        if start:
            more["initial_events"] = [message("Go on.")]
        if budget is not None:
            more["budget"] = limit(budget)
        session = await self.beta.sessions.create(
            agent={"type": "agent", "id": agent.id, "version": 1}, environment_id=environment.id, **more
        )
        return session.id

    async def send(self, session: str, *events: Mapping[str, Any]) -> list[Any]:
        answer = await self.beta.sessions.events.send(session, events=list(events))  # type: ignore[arg-type]
        return list(answer.data or [])

    async def follow(
        self, session: str, *, until: str = "end_turn", previews: bool = True, tools: Callable[[Any], str] | None = None
    ) -> list[Any]:
        """Start the session and everything that its stream tells up to an idle for that reason; calls are answered."""
        seen: list[Any] = []
        kinds: Any = ["agent.message", "agent.thinking"] if previews else []
        async with await self.beta.sessions.events.stream(session, event_deltas=kinds) as stream:
            await self.send(session, message("Go on."))
            async for event in stream:
                seen.append(event)
                if event.type == "agent.custom_tool_use" and tools is not None:
                    await self.send(session, result(event.id, tools(event)))
                if event.type == "session.status_idle" and event.stop_reason.type == until:
                    break
        return seen

    async def history(self, session: str, **more: Any) -> list[Any]:
        return [event async for event in self.beta.sessions.events.list(session, **more)]


def types(events: Sequence[Any]) -> list[str]:
    return [event.type for event in events]


class Plain:
    """HTTP without the SDK."""

    def __init__(self, service: Rehearsal, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=30)
        self._headers = {"x-api-key": "test", "anthropic-beta": BETA, **headers}

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers; the connection is kept."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {key: value for key, value in self._headers.items() if value})
        answer = self._connection.getresponse()
        raw = answer.read()
        return (
            answer.status,
            json.loads(raw) if raw else None,
            {key.lower(): value for key, value in answer.getheaders()},
        )
