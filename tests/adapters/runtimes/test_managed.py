from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.core.ports import AgentRuntime, RemoteAgents, RemoteSessions, SessionBrief
from opstui.core.sessions import SessionStatus, ToolResult
from opstui.rehearsal import steps as s
from opstui.rehearsal.service import Rehearsal
from opstui.testing.runtimes import AgentRuntimeContract, Answers
from tests.adapters.runtimes.managed_world import brief, figures, follow, over_there, runtime

TURN = (
    s.Think(input=1200, output=80, write=500, within=(s.Say("Reading the ticket."),), seconds=3),
    s.Call((s.Use("get_ticket"),)),
    s.Think(input=300, output=200, read=1700, within=(s.Say("The rollout broke it."),), seconds=5),
    s.Idle(),
)


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


class TestContract(AgentRuntimeContract):
    @pytest.fixture
    def runtime(self, service: Rehearsal, tmp_path: Path) -> AgentRuntime:
        service.script(TURN, times=5)
        return runtime(service, tmp_path)

    @pytest.fixture
    def brief(self) -> SessionBrief:
        return brief()

    @pytest.fixture
    def answers(self) -> Answers:
        return lambda call: ToolResult(f"answer to {call.name}")


async def test_a_session_runs_to_its_end_and_costs_what_the_service_says(service: Rehearsal, tmp_path: Path) -> None:
    service.script(TURN)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    there = over_there(service)
    assert followed.texts == ["Reading the ticket.", "The rollout broke it."]
    assert [call.name for call in followed.calls] == ["get_ticket"]
    assert (followed.last.status, followed.last.stop_reason) == (SessionStatus.IDLE, "end_turn")
    assert followed.total == figures(there)
    assert followed.reported == there.list_cost * 10_000


def test_it_is_all_three_kinds_of_runtime(service: Rehearsal, tmp_path: Path) -> None:
    made = runtime(service, tmp_path)
    assert isinstance(made, RemoteSessions)
    assert isinstance(made, RemoteAgents)
