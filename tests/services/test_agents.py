"""What is asked of runtimes that keep agents, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.core.desk import Agents
from opstui.core.errors import UsageError
from opstui.core.ports import AgentRuntime, AgentWork
from opstui.core.sessions import AgentState
from opstui.services.agents import agent_states, agent_works
from opstui.services.setup import Setup
from tests.services.building import Place
from tests.services.scripted_runtime import ScriptedRuntime


class Keeping(ScriptedRuntime):
    """Keeps agents: missing until they are made."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.asked: list[tuple[Sequence[AgentWork], bool]] = []

    async def agents(self, workflows: Sequence[AgentWork], *, sync: bool) -> list[AgentState]:
        self.asked.append((workflows, sync))
        state = "created" if sync else "missing"
        return [
            AgentState(runtime=self.name, workflow=work.workflow.id, version=work.workflow.version, state=state)
            for work in workflows
        ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def with_runtimes(place: Place, *runtimes: AgentRuntime) -> Setup:
    return replace(place.setup, runtimes={**place.setup.runtimes, **{runtime.name: runtime for runtime in runtimes}})


async def test_each_runtime_that_keeps_agents_is_asked_for_every_workflow(place: Place) -> None:
    first, second = Keeping("managed"), Keeping("other")
    setup = with_runtimes(place, first, second)
    states = await agent_states(setup, Agents(sync=True))
    assert [(state.runtime, state.workflow, state.state) for state in states] == [
        (name, workflow, "created") for name in ("managed", "other") for workflow in place.setup.workflows
    ]
    [(works, sync)] = first.asked
    assert sync
    assert [work.workflow.id for work in works] == list(place.setup.workflows)


async def test_one_that_is_named_is_asked_alone(place: Place) -> None:
    first, second = Keeping("managed"), Keeping("other")
    states = await agent_states(with_runtimes(place, first, second), Agents(runtime="other"))
    assert {state.runtime for state in states} == {"other"}
    assert first.asked == []


def test_an_agent_is_made_of_the_tools_of_its_workflow_and_no_others(place: Place) -> None:
    for work in agent_works(place.setup):
        assert {tool.name for tool in work.tools} == {*work.workflow.tools}
        assert all(tool.input_schema["type"] == "object" for tool in work.tools)


@pytest.mark.parametrize(
    ("name", "words"),
    [(None, "no runtime here keeps agents"), ("nobody", "no such runtime"), ("offline", "extractive")],
)
async def test_without_such_a_runtime_it_is_a_matter_of_usage(place: Place, name: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        await agent_states(place.setup, Agents(runtime=name))
    assert caught.value.exit_code == 2
