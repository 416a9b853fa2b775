"""The agents that remote runtimes keep: one for each workflow, made from its text and its tools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opstui.core.errors import UsageError
from opstui.core.ports import AgentWork, RemoteAgents
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from opstui.core.desk import Agents
    from opstui.core.sessions import AgentState
    from opstui.services.setup import Setup

HINT = (
    'no runtime here keeps agents; a config with [runtimes.managed] and kind = "managed-agents" has one '
    "(opstui config init writes an example), and so has the demo: opstui --demo agents status"
)


async def agent_states(setup: Setup, command: Agents) -> tuple[AgentState, ...]:
    """See ``Agents``. Raises UsageError where no runtime, or not the one that is named, keeps any."""
    chosen = _chosen(setup, command.runtime)
    works = await asyncio.to_thread(agent_works, setup)
    found: list[AgentState] = []
    for runtime in chosen:
        found += await runtime.agents(works, sync=command.sync)
    return tuple(found)


def agent_works(setup: Setup) -> tuple[AgentWork, ...]:
    """What the agent of each workflow is made from. The first call imports pydantic."""
    from opstui.services.briefing import specs
    from opstui.services.taxonomies import taxonomy_of

    return tuple(
        AgentWork(workflow, specs(workflow, taxonomy_of(setup, workflow))) for workflow in setup.workflows.values()
    )


def _chosen(setup: Setup, name: str | None) -> list[RemoteAgents]:
    if name is None:
        found: list[RemoteAgents] = [
            runtime for runtime in setup.runtimes.values() if isinstance(runtime, RemoteAgents)
        ]
        if not found:
            raise UsageError(HINT)
        return found
    if name not in setup.runtimes:
        names = ", ".join(setup.runtimes)
        raise UsageError(f"{clean_line(name, limit=60)}: no such runtime; there are: {names}")
    runtime = setup.runtimes[name]
    if not isinstance(runtime, RemoteAgents):
        raise UsageError(f"{name} is a runtime of kind {runtime.kind}, which keeps no agents")
    return [runtime]
