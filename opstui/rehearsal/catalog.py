"""Agents and environments of the stand-in: made, versioned, archived."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from opstui.rehearsal.http import Request
from opstui.rehearsal.paging import page_of, whole, within
from opstui.rehearsal.prices import has_price
from opstui.rehearsal.refusals import Refusal

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_AGENT_FIELDS = (
    "name", "description", "model", "system", "tools", "mcp_servers", "skills", "metadata", "multiagent",
)  # fmt: skip
Json = dict[str, Any]


class Catalog:
    """What sessions are made from."""

    def __init__(self, new_id: Callable[[str], str], now: Callable[[], str]) -> None:
        self.agents: dict[str, list[Json]] = {}
        """Versions by id, the newest last."""
        self.environments: dict[str, Json] = {}
        self._new_id = new_id
        self._now = now

    # --- agents -------------------------------------------------------------------------------------------------------

    def create_agent(self, body: Mapping[str, Any]) -> Json:
        """POST /v1/agents."""
        if not body.get("name") or not body.get("model"):
            raise Refusal(400, "name and model: field required")
        now = self._now()
        agent: Json = {
            "id": self._new_id("agent"),
            "type": "agent",
            "version": 1,
            "name": body["name"],
            "description": None,
            "system": None,
            "model": None,
            "tools": [],
            "mcp_servers": [],
            "skills": [],
            "metadata": {},
            "multiagent": None,
            "execution_identity": {"type": "service_account"},
            "created_at": now,
            "updated_at": now,
            "archived_at": None,
        }
        agent |= checked_agent(body)
        self.agents[agent["id"]] = [agent]
        return agent

    def agent(self, agent_id: str, version: str | int | None = None) -> Json:
        """The newest version, or the one asked for. Raises Refusal."""
        versions = self.agents.get(agent_id)
        if not versions:
            raise Refusal(404, f"Agent {agent_id} was not found.")
        if version is None:
            return versions[-1]
        number = version if isinstance(version, int) else whole(version, "version", 0)
        found = next((one for one in versions if one["version"] == number), None)
        if found is None:
            raise Refusal(404, f"Agent {agent_id} has no version {number}.")
        return found

    def update_agent(self, agent_id: str, body: Mapping[str, Any]) -> Json:
        """POST /v1/agents/{id}: a new version if anything differs; ``version`` must be the newest where it is given."""
        old = self.agent(agent_id)
        if old["archived_at"]:
            raise Refusal(409, f"Agent {agent_id} is archived.")
        if body.get("version") is not None and body["version"] != old["version"]:
            raise Refusal(409, f"Agent {agent_id} is at version {old['version']}.", kind="conflict_error")
        changed = checked_agent(body)
        if "metadata" in changed:
            merged = {**old["metadata"], **changed["metadata"]}
            changed["metadata"] = {key: value for key, value in merged.items() if value not in (None, "")}
        new = {**old, **changed}
        if new == old:
            return old
        new |= {"version": old["version"] + 1, "updated_at": self._now()}
        self.agents[agent_id].append(new)
        return new

    def archive_agent(self, agent_id: str) -> Json:
        """POST /v1/agents/{id}/archive."""
        agent = self.agent(agent_id)
        if agent["archived_at"]:
            raise Refusal(409, f"Agent {agent_id} is archived already.")
        agent["archived_at"] = agent["updated_at"] = self._now()
        return agent

    def list_agents(self, request: Request) -> Json:
        """GET /v1/agents, the newest first."""
        every = request.one("include_archived") == "true"
        found = [
            versions[-1]
            for versions in self.agents.values()
            if (every or not versions[-1]["archived_at"]) and within(versions[-1]["created_at"], request)
        ]
        return page_of(found, request, default=20, most=100, order="desc")

    def list_versions(self, agent_id: str, request: Request) -> Json:
        """GET /v1/agents/{id}/versions, the newest first."""
        self.agent(agent_id)
        return page_of(self.agents[agent_id], request, default=20, most=100, order="desc")

    # --- environments -------------------------------------------------------------------------------------------------

    def create_environment(self, body: Mapping[str, Any]) -> Json:
        """POST /v1/environments."""
        if not body.get("name"):
            raise Refusal(400, "name: field required")
        now = self._now()
        made: Json = {
            "id": self._new_id("env"),
            "type": "environment",
            "name": body["name"],
            "description": body.get("description"),
            "config": checked_config(body.get("config")),
            "metadata": checked_metadata(body.get("metadata")),
            "scope": body.get("scope") or "organization",
            "state": "active",
            "created_at": now,
            "updated_at": now,
            "archived_at": None,
        }
        self.environments[made["id"]] = made
        return made

    def environment(self, environment_id: str) -> Json:
        """GET /v1/environments/{id}. Raises Refusal."""
        found = self.environments.get(environment_id)
        if found is None:
            raise Refusal(404, f"Environment {environment_id} was not found.", code="environment_not_found")
        return found

    def update_environment(self, environment_id: str, body: Mapping[str, Any]) -> Json:
        """POST /v1/environments/{id}."""
        found = self.environment(environment_id)
        if found["archived_at"]:
            raise Refusal(400, f"Environment {environment_id} is archived.", code="environment_archived")
        for key in ("name", "description"):
            if key in body:
                found[key] = body[key]
        if "config" in body:
            found["config"] = checked_config(body["config"])
        if "metadata" in body:
            found["metadata"] = checked_metadata(body["metadata"])
        found["updated_at"] = self._now()
        return found

    def archive_environment(self, environment_id: str) -> Json:
        """POST /v1/environments/{id}/archive."""
        found = self.environment(environment_id)
        if found["archived_at"]:
            raise Refusal(409, f"Environment {environment_id} is archived already.")
        found["archived_at"] = found["updated_at"] = self._now()
        found["state"] = "archived"
        return found

    def delete_environment(self, environment_id: str) -> Json:
        """DELETE /v1/environments/{id}."""
        self.environment(environment_id)
        del self.environments[environment_id]
        return {"id": environment_id, "type": "environment_deleted"}

    def list_environments(self, request: Request) -> Json:
        """GET /v1/environments, the newest first."""
        every = request.one("include_archived") == "true"
        found = [one for one in self.environments.values() if every or not one["archived_at"]]
        return page_of(found, request, default=20, most=100, order="desc")


def snapshot(agent: Mapping[str, Any]) -> Json:
    """An agent as a session keeps it."""
    left_out = ("created_at", "updated_at", "archived_at", "metadata")
    return {key: value for key, value in agent.items() if key not in left_out}


def checked_agent(body: Mapping[str, Any]) -> Json:
    """The fields of an agent in ``body``, checked. Raises Refusal."""
    found: Json = {key: body[key] for key in _AGENT_FIELDS if key in body}
    name = found.get("name", "x")
    if not isinstance(name, str) or not 1 <= len(name) <= 256:
        raise Refusal(400, "name: must have 1 to 256 characters")
    if len(found.get("description") or "") > 2048:
        raise Refusal(400, "description: at most 2048 characters")
    if len(found.get("system") or "") > 100_000:
        raise Refusal(400, "system: at most 100000 characters")
    if "model" in found:
        model = found["model"]
        model = {"id": model} if isinstance(model, str) else dict(model or {})
        if not isinstance(model.get("id"), str) or not model["id"]:
            raise Refusal(400, "model: field required")
        effort = model.get("effort")
        model["effort"] = {"type": effort} if isinstance(effort, str) else effort
        found["model"] = {"speed": "standard", "inference_geo": None, **model}
    if "tools" in found:
        found["tools"] = _checked_tools(found["tools"])
    if "metadata" in found:
        found["metadata"] = checked_metadata(found["metadata"], patch=True)
    return found


def checked_metadata(given: Any, *, patch: bool = False) -> Json:
    """Metadata within its limits. Raises Refusal."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > 16:
        raise Refusal(400, "metadata: at most 16 pairs")
    for key, value in given.items():
        if value is None and patch:
            continue
        if len(key) > 64 or not isinstance(value, str) or len(value) > 512:
            raise Refusal(400, "metadata: keys of at most 64, values of at most 512 characters")
    return dict(given)


def checked_config(given: Any) -> Json:
    """An environment's config. Raises Refusal."""
    config = dict(given or {"type": "cloud", "networking": {"type": "unrestricted"}})
    if config.get("type") not in ("cloud", "self_hosted"):
        raise Refusal(400, "config.type: must be cloud or self_hosted")
    networking = config.get("networking")
    if networking is not None and networking.get("type") not in ("unrestricted", "limited"):
        raise Refusal(400, "config.networking.type: must be unrestricted or limited")
    return config


def checked_budget(given: Any, model: str) -> int | None:
    """Cents of a budget; None for none. Raises Refusal."""
    if given is None:
        return None
    amount = (given.get("max_list_cost") or {}) if isinstance(given, dict) else {}
    if not isinstance(given, dict) or given.get("type") != "limit" or amount.get("currency") != "USD":
        raise Refusal(400, "budget: must be a limit in USD")
    if not re.fullmatch(r"[1-9][0-9]{0,11}", str(amount.get("amount"))) or not isinstance(amount["amount"], str):
        raise Refusal(400, "budget.max_list_cost.amount: must be whole cents as a string")
    if not has_price(model):
        raise Refusal(400, f"{model} has no list price, so it can't have a budget.", code="model_not_budgetable")
    return int(amount["amount"])


def _checked_tools(given: Any) -> list[Json]:
    if not isinstance(given, list) or len(given) > 256:
        raise Refusal(400, "tools: at most 256")
    for tool in given:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("custom", "mcp_toolset", "agent_toolset_20260401"):
            raise Refusal(400, f"tools: unknown type {kind!r}")
        if kind == "custom":
            if not _TOOL_NAME.match(str(tool.get("name", ""))) or not isinstance(tool.get("description"), str):
                raise Refusal(400, "tools: a custom tool needs a name and a description")
            if (tool.get("input_schema") or {}).get("type") != "object":
                raise Refusal(400, "tools: input_schema must be of an object")
    names = [tool["name"] for tool in given if tool.get("type") == "custom"]
    if len(names) != len(set(names)):
        raise Refusal(400, "tools: names must be unique")
    return given
