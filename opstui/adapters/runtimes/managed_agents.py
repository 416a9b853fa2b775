"""The agents and the environment that a managed runtime keeps over there: made once, found again, kept up to date."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from opstui.adapters.runtimes.managed_fields import mapping
from opstui.adapters.runtimes.managed_wire import Pace, Trying, Wire, insist, make_once
from opstui.core.canonical import canonical, fingerprint
from opstui.core.errors import Busy, ConfigError, NotFound, Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock, Randomness
from opstui.core.ports import AgentWork
from opstui.core.sessions import AgentState, ToolSpec
from opstui.core.text import clean_line

MARK = "opstui"
"""The metadata key that tells what is ours from what people made by hand."""
LOCK_SECONDS = 20.0
NETWORK: Mapping[str, Any] = {
    "type": "limited",
    "allowed_hosts": [],
    "allow_mcp_servers": False,
    "allow_package_managers": False,
}
"""Nothing: the agent can only call our tools, so its sandbox needs no network."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a session is made from."""

    agent: str
    version: int
    environment: str


class Roster:
    """The agents of one runtime, one per workflow.

    An agent is recognised by its metadata (``opstui``: ``agent``, ``workflow``), and its state by a fingerprint of all
    that it was made from. Ids are kept in ``folder`` so that a start asks for none; two processes take turns.
    """

    def __init__(
        self,
        wire: Wire,
        folder: Path,
        *,
        runtime: str,
        model: str,
        effort: str | None,
        clock: Clock,
        chance: Randomness,
        pace: Pace,
    ) -> None:
        self._wire = wire
        self._folder = folder
        self._runtime = runtime
        self._model = model
        self._effort = effort
        self._clock = clock
        self._chance = chance
        self._pace = pace

    async def pinned(self, work: AgentWork, trying: Trying, *, anew: bool = False) -> Pinned:
        """The agent of ``work`` as it has to be, made or updated where it is not, and the environment.

        ``anew``: what is remembered did not hold. Raises Unreachable, Refused, CredentialsRefused, Busy.
        """
        body = agent_body(work, self._model, self._effort)
        mark = _fingerprint(body)
        if not anew:
            remembered = self._remembered(work.workflow.id, mark)
            if remembered is not None:
                return remembered
        async with self._turn():
            # Somebody else may have seen to it meanwhile.
            remembered = None if anew else self._remembered(work.workflow.id, mark)
            if remembered is not None:
                return remembered
            environment = await self._environment(trying)
            agent, _ = await self._settled(work.workflow.id, body, await insist(self._agents, trying), trying)
            self._remember(work.workflow.id, mark, agent, environment)
            return Pinned(str(agent["id"]), _version(agent), environment)

    async def states(self, works: Sequence[AgentWork], *, sync: bool) -> list[AgentState]:
        """How the agents stand; with ``sync`` made and updated. Raises as :meth:`pinned`."""
        if not sync:
            agents = await insist(self._agents, self._trying())
            return [self._state(work, agents) for work in works]
        async with self._turn():
            trying = self._trying()
            environment = await self._environment(trying)
            agents = await insist(self._agents, trying)
            found = []
            for work in works:
                workflow = work.workflow
                body = agent_body(work, self._model, self._effort)
                agent, state = await self._settled(workflow.id, body, agents, self._trying())
                self._remember(workflow.id, _fingerprint(body), agent, environment)
                found.append(self._as_state(work, state, agent, ""))
            return found

    def _trying(self) -> Trying:
        return Trying(self._clock, self._chance, self._pace)

    def _state(self, work: AgentWork, agents: Sequence[Mapping[str, Any]]) -> AgentState:
        body = agent_body(work, self._model, self._effort)
        live = _ours(agents, work.workflow.id, archived=False)
        if live:
            why = differs(live[0], body)
            said = [why] if why else []
            if len(live) > 1:
                said.append(f"{len(live) - 1} more of the same workflow, which nobody uses")
            return self._as_state(work, "outdated" if why else "current", live[0], "; ".join(said))
        gone = _ours(agents, work.workflow.id, archived=True)
        if gone:
            return self._as_state(work, "archived", gone[0], "archived over there; sync makes a new one")
        return self._as_state(work, "missing", None, "sync makes it, or the first session does")

    def _as_state(self, work: AgentWork, state: str, agent: Mapping[str, Any] | None, text: str) -> AgentState:
        return AgentState(
            runtime=self._runtime,
            workflow=work.workflow.id,
            version=work.workflow.version,
            state=state,
            remote_id=None if agent is None else clean_line(str(agent.get("id")), limit=120),
            remote_version=None if agent is None else _version(agent),
            text=text,
        )

    # --- over there

    async def _agents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for page in self._wire.pages(
            lambda client, given: client.beta.agents.with_raw_response.list(include_archived=True, **given)
        ):
            found += [agent for agent in page if mapping(agent.get("metadata")).get(MARK) == "agent"]
        return found

    async def _settled(
        self, workflow: str, body: Mapping[str, Any], agents: Sequence[Mapping[str, Any]], trying: Trying
    ) -> tuple[Mapping[str, Any], str]:
        """The workflow's agent as ``body`` wants it, and whether it was current, updated or created."""
        live = _ours(agents, workflow, archived=False)
        if not live:
            return await self._create(workflow, body, trying), "created"
        for _ in range(3):
            if not differs(live[0], body):
                return live[0], "current"
            known, version = str(live[0]["id"]), _version(live[0])
            try:
                # Twice does no harm: the second one is refused, as the version is no longer that one.
                updated = await insist(partial(self._update, known, version, body), trying)
            except NotFound:
                return await self._create(workflow, body, trying), "created"
            except Refused:
                # Somebody else may have changed it in between: the version is a lock.
                agents = await insist(self._agents, trying)
                again = _ours(agents, workflow, archived=False)
                if again and str(again[0]["id"]) == known and _version(again[0]) == version:
                    raise
                if not again:
                    return await self._create(workflow, body, trying), "created"
                live = again
                continue
            return updated, "updated"
        raise Busy(f"{self._runtime}: somebody else keeps changing the agent of {workflow}; try again")

    async def _update(self, known: str, version: int, body: Mapping[str, Any]) -> Mapping[str, Any]:
        given: Any = {**body, "mcp_servers": [], "skills": []}
        return await self._wire.ask(
            lambda client: client.beta.agents.with_raw_response.update(known, version=version, **given)
        )

    async def _create(self, workflow: str, body: Mapping[str, Any], trying: Trying) -> Mapping[str, Any]:
        given: Any = dict(body)

        async def find() -> Mapping[str, Any] | None:
            return next(iter(_ours(await self._agents(), workflow, archived=False)), None)

        async def make() -> Mapping[str, Any]:
            return await self._wire.ask(lambda client: client.beta.agents.with_raw_response.create(**given))

        made = await make_once(make, find, trying)
        if not isinstance(made.get("id"), str):
            raise Refused(f"{self._runtime}: the service made an agent without an id")
        return made

    async def _environment(self, trying: Trying) -> str:
        async def find() -> Mapping[str, Any] | None:
            async for page in self._wire.pages(
                lambda client, given: client.beta.environments.with_raw_response.list(**given)
            ):
                for one in page:
                    if mapping(one.get("metadata")).get(MARK) == "environment" and one.get("archived_at") is None:
                        return one
            return None

        config: Any = {"type": "cloud", "networking": dict(NETWORK)}

        async def make() -> Mapping[str, Any]:
            return await self._wire.ask(
                lambda client: client.beta.environments.with_raw_response.create(
                    name="opstui", description="No network: opstui's agents only call opstui's tools.", config=config,
                    metadata={MARK: "environment"},
                )
            )  # fmt: skip

        found = await make_once(make, find, trying, look_first=True)
        known = found.get("id")
        if not isinstance(known, str):
            raise Refused(f"{self._runtime}: the service made an environment without an id")
        network = mapping(mapping(found.get("config")).get("networking"))
        if network.get("type") != "limited" or any(network.get(key) for key in NETWORK if key != "type"):
            # Somebody let it reach further than any agent of ours needs to.
            await self._wire.ask(lambda client: client.beta.environments.with_raw_response.update(known, config=config))
        return known

    # --- what is remembered here

    def _file(self) -> Path:
        return self._folder / "agents.json"

    def _memory(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._file().read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _place(self) -> str:
        """One memory for each service; an id of another workspace's is found out by the service."""
        return fingerprint(self._wire.endpoint.base_url().encode())[:16]

    def _remembered(self, workflow: str, mark: str) -> Pinned | None:
        here = mapping(self._memory().get(self._place()))
        known = mapping(mapping(here.get("agents")).get(workflow))
        agent, version, environment = known.get("id"), known.get("version"), here.get("environment")
        if known.get("fingerprint") != mark or not isinstance(version, int):
            return None
        if not isinstance(agent, str) or not isinstance(environment, str):
            return None
        return Pinned(agent, version, environment)

    def _remember(self, workflow: str, mark: str, agent: Mapping[str, Any], environment: str) -> None:
        memory = self._memory()
        here = memory.setdefault(self._place(), {})
        here["environment"] = environment
        known = {"id": agent["id"], "version": _version(agent), "fingerprint": mark}
        here.setdefault("agents", {})[workflow] = known
        part = self._folder / f".agents-{os.getpid()}.part"
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(memory, file)
            os.replace(part, self._file())
        except OSError:
            # It only saves a listing; without it the next start asks again.
            part.unlink(missing_ok=True)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold the lock that keeps two processes from making the same agent. Raises Busy after a while."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._folder / "agents.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"{clean_line(str(self._folder))} can't be written ({error.strerror})") from None
        try:
            until = self._clock.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if self._clock.monotonic() >= until:
                        raise Busy(f"{self._runtime}: another process is making its agents; try again") from None
                await asyncio.sleep(0.05)
            yield
        finally:
            os.close(handle)


def agent_body(work: AgentWork, model: str, effort: str | None) -> dict[str, Any]:
    """What an agent is made from. Raises Refused for a tool's schema that refers to itself."""
    workflow = work.workflow
    body: dict[str, Any] = {
        "name": f"opstui {workflow.id}",
        "description": clean_line(f"{workflow.title}. Made by opstui, which keeps it up to date.", limit=2000),
        "model": {"id": model, "effort": effort} if effort else {"id": model},
        "system": workflow.system,
        "tools": [custom_tool(tool) for tool in work.tools],
    }
    mark = fingerprint(canonical({"of": _as_text(body)}))[:16]
    body["metadata"] = {
        MARK: "agent",
        "workflow": workflow.id,
        "workflow_version": workflow.version,
        "model": model,
        "effort": effort or "default",
        "fingerprint": mark,
    }
    return body


def custom_tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool as the service takes it: the input's schema is self-contained and has no other keys at its top."""
    schema = inlined(tool.input_schema)
    kept = {key: schema[key] for key in ("properties", "required") if key in schema}
    return {
        "type": "custom",
        "name": tool.name,
        "description": tool.description,
        "input_schema": {"type": "object", **kept},
    }


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` with every ``$ref`` replaced by what it refers to; definitions may stand at any level."""
    found: dict[str, Any] = _inlined(schema, {}, ())
    return found


def _inlined(part: Any, known: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(part, Mapping):
        given = part.get("$defs")
        if isinstance(given, Mapping):
            known = {**known, **given}
        ref = part.get("$ref")
        if isinstance(ref, str):
            name = ref.rpartition("/")[2]
            if name in within or name not in known:
                raise Refused(f"the schema of a tool can't be used: {clean_line(name, limit=80)} refers to itself")
            whole = _inlined(known[name], known, (*within, name))
            more = {key: _inlined(item, known, within) for key, item in part.items() if key not in ("$ref", "$defs")}
            return {**whole, **more}
        return {key: _inlined(item, known, within) for key, item in part.items() if key != "$defs"}
    if isinstance(part, (list, tuple)):
        return [_inlined(item, known, within) for item in part]
    return part


def differs(agent: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """In what an agent over there is not as ``body`` wants it; empty where it is."""
    metadata, wanted = mapping(agent.get("metadata")), body["metadata"]
    for key, word in (("workflow_version", "workflow"), ("model", "model"), ("effort", "effort")):
        if metadata.get(key) != wanted[key]:
            return f"another {word}"
    if metadata.get("fingerprint") != wanted["fingerprint"]:
        return "other tools or instructions"
    tools = agent.get("tools")
    names = [(tool.get("type"), tool.get("name")) for tool in tools if isinstance(tool, Mapping)] if tools else []
    if agent.get("system") != body["system"] or agent.get("mcp_servers") or agent.get("skills"):
        return "changed by hand"
    if names != [("custom", tool["name"]) for tool in body["tools"]]:
        return "changed by hand"
    model = agent.get("model")
    known = model.get("id") if isinstance(model, Mapping) else model
    return "changed by hand" if known != body["model"]["id"] else ""


def _fingerprint(body: Mapping[str, Any]) -> str:
    return str(body["metadata"]["fingerprint"])


def _as_text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=True)


def _ours(agents: Sequence[Mapping[str, Any]], workflow: str, *, archived: bool) -> list[Mapping[str, Any]]:
    """Oldest first, so that everybody takes the same one should there ever be two."""
    found = [
        agent
        for agent in agents
        if mapping(agent.get("metadata")).get("workflow") == workflow
        and isinstance(agent.get("id"), str)
        and (agent.get("archived_at") is not None) == archived
    ]
    return sorted(found, key=lambda agent: (str(agent.get("created_at")), str(agent.get("id"))))


def _version(agent: Mapping[str, Any]) -> int:
    version = agent.get("version")
    return version if isinstance(version, int) else 1
