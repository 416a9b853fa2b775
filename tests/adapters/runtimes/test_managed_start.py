from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.adapters.machine import SystemClock
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.money import micros
from opstui.core.ports import AgentWork
from opstui.core.sessions import RuntimeNotice, SessionStatus, ToolSpec
from opstui.rehearsal import steps as s
from opstui.rehearsal.service import Rehearsal
from tests.adapters.runtimes.managed_world import (
    HURRIED,
    TOOLS,
    WORKFLOWS,
    brief,
    endpoint,
    follow,
    over_there,
    requests,
    runtime,
    workflow,
)

HELLO = (s.Think(input=100, output=20, within=(s.Say("hello"),), seconds=2), s.Idle())


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


def created(service: Rehearsal) -> list[dict[str, object]]:
    """What sessions were asked for, lost answers too."""
    return [one.json for one in requests(service, "POST", "/v1/sessions")]


# --- what is asked for


async def test_a_session_is_asked_for_with_a_pinned_agent_a_budget_and_who_it_is_for(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script(HELLO)
    session = await runtime(service, tmp_path).start(
        brief(budget_micros=micros("0.50"), workflow=workflow(rubric="- [ ] is short"))
    )
    await session.close()
    (asked,) = created(service)
    agent = service.state.catalog.agent(asked["agent"]["id"])  # type: ignore[index]
    assert asked["agent"] == {"type": "agent", "id": agent["id"], "version": agent["version"]}
    assert asked["budget"] == {"type": "limit", "max_list_cost": {"amount": "50", "currency": "USD"}}
    assert asked["title"] == "Incident summary · local:INC-1"
    assert asked["metadata"] == {
        "opstui": "session",
        "session": "01MANAGED",
        "operator": "alex",
        "shift": "2026-11-20T06:00:00Z",
        "ticket": "local:INC-1",
        "workflow": "incident-summary",
        "workflow_version": WORKFLOWS["incident-summary"].version,
    }
    kinds = [event["type"] for event in asked["initial_events"]]  # type: ignore[union-attr, index]
    assert kinds == ["user.message", "user.define_outcome"]
    assert asked["initial_events"][1]["rubric"] == {"type": "text", "content": "- [ ] is short"}  # type: ignore[index]
    assert asked["initial_events"][1]["max_iterations"] == 2  # type: ignore[index]


async def test_the_smallest_budget_is_a_cent(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    session = await runtime(service, tmp_path).start(brief(budget_micros=9_999))
    await session.close()
    assert created(service)[0]["budget"]["max_list_cost"]["amount"] == "1"  # type: ignore[index]


async def test_a_second_start_costs_one_request(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO, times=2)
    made = runtime(service, tmp_path)
    await (await made.start(brief())).close()
    before = len(service.requests)
    await (await runtime(service, tmp_path).start(brief("01SECOND"))).close()
    assert [(one.method, one.path) for one in service.requests[before:]] == [("POST", "/v1/sessions")]


# --- answers that are lost


@pytest.mark.parametrize(
    "fault", [{"lose_response": True}, {"cut": True}, {"status": 503}, {"status": 529}, {"status": 429}, {"html": True}]
)
@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/agents", "/v1/environments"])
async def test_nothing_is_made_twice_whatever_becomes_of_the_answer(
    service: Rehearsal, tmp_path: Path, path: str, fault: dict[str, object]
) -> None:
    service.script(HELLO)
    service.fault("POST", f"{path}$", **fault)
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.texts == ["hello"]
    assert len(service.sessions) == len(service.state.catalog.agents) == len(service.state.catalog.environments) == 1


async def test_a_lost_answer_is_looked_for_before_anything_is_made_again(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    service.fault("POST", "/v1/sessions$", lose_response=True)
    session = await runtime(service, tmp_path).start(brief())
    await session.close()
    assert session.remote_id == over_there(service).id
    assert len(created(service)) == 1


async def test_a_start_that_was_killed_is_found_again(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO)
    made = runtime(service, tmp_path)
    first = await made.start(brief())
    await first.close()
    second = await made.start(brief(maybe_started=True))
    await second.close()
    assert second.remote_id == first.remote_id
    assert len(created(service)) == 1


async def test_nothing_is_made_while_nobody_can_look(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO, times=3)
    service.fault("POST", "/v1/sessions$", lose_response=True)
    service.fault("GET", "/v1/sessions", status=500, times=None)
    with pytest.raises(Unreachable):
        await runtime(service, tmp_path, randomness=_Slow(), pace=IMPATIENT).start(brief())
    assert len(created(service)) == 1


IMPATIENT = replace(HURRIED, start=1.0)


class _Slow:
    """Chance that makes every back-off as long as it can be."""

    def bytes(self, count: int) -> bytes:
        return b"\xff" * count

    def choice(self, letters: str) -> str:
        return letters[0]


# --- refusals


async def test_a_service_that_is_not_there_is_given_up_within_seconds(service: Rehearsal, tmp_path: Path) -> None:
    made = runtime(service, tmp_path, randomness=_Slow(), pace=IMPATIENT)
    service.stop()
    began = SystemClock().monotonic()
    with pytest.raises(Unreachable, match="connection refused"):
        await made.start(brief())
    assert SystemClock().monotonic() - began < 20


async def test_a_login_page_is_said_to_be_one(service: Rehearsal, tmp_path: Path) -> None:
    service.fault("*", ".*", html=True, times=None)
    with pytest.raises(Unreachable, match="login page"):
        await runtime(service, tmp_path, randomness=_Slow(), pace=IMPATIENT).start(brief())


async def test_a_short_pause_that_the_service_asks_for_is_waited_out_and_said(
    service: Rehearsal, tmp_path: Path
) -> None:
    service.script(HELLO)
    service.fault("POST", "/v1/sessions", status=429, headers={"retry-after": "2.1"})
    told: list[RuntimeNotice] = []
    session = await runtime(service, tmp_path).start(brief(tell=told.append))
    await session.close()
    assert ["trying again in 3 s" in notice.text and notice.until is not None for notice in told] == [True]
    assert len(created(service)) == 2


async def test_a_wait_ends_at_once_when_nobody_wants_the_session_any_more(service: Rehearsal, tmp_path: Path) -> None:
    service.fault("POST", "/v1/sessions", status=429, headers={"retry-after": "30"})
    stopping = asyncio.Event()
    began = SystemClock().monotonic()
    with pytest.raises(Refused, match="stopped before it began"):
        await runtime(service, tmp_path).start(brief(tell=lambda notice: stopping.set(), stopping=stopping))
    assert SystemClock().monotonic() - began < 20
    assert not service.sessions


async def test_a_failure_that_says_not_to_try_again_is_not_tried_again(service: Rehearsal, tmp_path: Path) -> None:
    service.fault("POST", "/v1/sessions", status=503, headers={"x-should-retry": "false"}, times=None)
    with pytest.raises(Unreachable):
        await runtime(service, tmp_path).start(brief())
    assert len(created(service)) == 1


async def test_a_pause_of_an_hour_ends_the_start_at_once(service: Rehearsal, tmp_path: Path) -> None:
    service.fault("POST", "/v1/sessions", status=429, headers={"retry-after": "3600"})
    began = SystemClock().monotonic()
    with pytest.raises(RateLimited) as caught:
        await runtime(service, tmp_path).start(brief())
    assert caught.value.retry_after == 3600
    assert SystemClock().monotonic() - began < 20


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_is_said_at_once(service: Rehearsal, tmp_path: Path, status: int) -> None:
    service.fault("*", ".*", status=status, times=None)
    with pytest.raises(CredentialsRefused):
        await runtime(service, tmp_path).start(brief())
    assert len(service.requests) == 1


async def test_a_model_without_a_price_is_said_in_an_operators_words(service: Rehearsal, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no price for moonbeam-1") as caught:
        await runtime(service, tmp_path, model="moonbeam-1").start(brief())
    assert caught.value.reason == "model_not_budgetable"


@pytest.mark.parametrize("status", [400, 413, 402, 404])
async def test_other_refusals_keep_what_the_service_said(service: Rehearsal, tmp_path: Path, status: int) -> None:
    service.fault("POST", "/v1/sessions", status=status, times=None)
    with pytest.raises((Refused, NotFound)) as caught:
        await runtime(service, tmp_path).start(brief())
    assert f"It is a {status}." in caught.value.message
    assert len(created(service)) == 1


async def test_a_runtime_without_a_model_says_what_is_missing(service: Rehearsal, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"runtimes\.claude"):
        await runtime(service, tmp_path, model=None).start(brief())


# --- what is remembered


@pytest.mark.parametrize("what", ["archive_agent", "environment", "everything"])
async def test_what_is_remembered_and_gone_is_looked_up_anew(service: Rehearsal, tmp_path: Path, what: str) -> None:
    service.script(HELLO, times=2)
    made = runtime(service, tmp_path)
    await (await made.start(brief())).close()
    catalog = service.state.catalog
    if what == "archive_agent":
        catalog.archive_agent(next(iter(catalog.agents)))
    elif what == "environment":
        catalog.archive_environment(next(iter(catalog.environments)))
    else:
        catalog.agents.clear()
        catalog.environments.clear()
    session = await made.start(brief("01SECOND"))
    await session.close()
    assert len(service.sessions) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 1}', b"\xff" * 100])
async def test_a_memory_that_is_broken_is_made_again(service: Rehearsal, tmp_path: Path, content: bytes) -> None:
    service.script(HELLO)
    (tmp_path / "agents.json").write_bytes(content)
    await (await runtime(service, tmp_path).start(brief())).close()
    assert (tmp_path / "agents.json").stat().st_mode & 0o777 == 0o600
    assert len(json.loads((tmp_path / "agents.json").read_text())) >= 1


# --- put away, kept, examined


async def test_the_log_is_every_event_as_the_service_keeps_it(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Say("\x1b[31mred\u202e", pieces=0), *HELLO))
    service.state.events_page = 3
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    await follow(session)
    await session.close()
    assert session.remote_id is not None
    content = await made.log(session.remote_id)
    assert [json.loads(line) for line in content.splitlines()] == over_there(service).events
    assert content.isascii()
    assert b"\x1b" not in content
    with pytest.raises(NotFound):
        await made.log("sesn_nobody")


@pytest.mark.parametrize("delete", [True, False])
async def test_a_session_is_put_away_once_it_no_longer_says_that_it_runs(
    service: Rehearsal, tmp_path: Path, delete: bool
) -> None:
    service.script((s.Say("hello", pieces=0), s.Idle(lag=0.5)))
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    await follow(session)
    await session.close()
    assert session.remote_id is not None
    there = over_there(service)
    await made.put_away(session.remote_id, delete=delete)
    assert (there.deleted, there.archived_at is not None) == (delete, not delete)
    # Put away already is none.
    await made.put_away(session.remote_id, delete=delete)


async def test_a_session_that_really_runs_is_not_put_away(service: Rehearsal, tmp_path: Path) -> None:
    service.script((s.Running(), s.Sleep(30)))
    made = runtime(service, tmp_path)
    session = await made.start(brief())
    await session.close()
    assert session.remote_id is not None
    with pytest.raises(Refused):
        await made.put_away(session.remote_id, delete=True)


def test_doctor_says_whether_the_key_is_taken(service: Rehearsal, tmp_path: Path) -> None:
    (good,) = runtime(service, tmp_path).probe()
    assert good.state == "pass"
    assert "takes the key" in good.text
    (bad,) = runtime(service, tmp_path, endpoint=endpoint(service, lambda: "sk-secret-words")).probe()
    assert bad.state == "fail"
    assert "refused" in bad.text
    assert "sk-secret-words" not in f"{good} {bad}"
    service.stop()
    (gone,) = runtime(service, tmp_path).probe()
    assert gone.state == "fail"


def test_doctor_tells_a_key_that_can_not_be_had(service: Rehearsal, tmp_path: Path) -> None:
    def locked() -> str:
        raise CredentialsRefused("the keyring is locked")

    (probe,) = runtime(service, tmp_path, endpoint=endpoint(service, locked)).probe()
    assert (probe.state, probe.text) == ("fail", "the keyring is locked")


# --- agents


def work(**changes: object) -> AgentWork:
    return AgentWork(workflow(**changes), TOOLS)


async def test_agents_are_made_once_and_updated_when_anything_they_are_made_from_differs(
    service: Rehearsal, tmp_path: Path
) -> None:
    made = runtime(service, tmp_path)

    async def states(given: AgentWork, *, sync: bool, on: object = None) -> tuple[str, int | None]:
        (state,) = await (on or made).agents([given], sync=sync)  # type: ignore[attr-defined]
        return state.state, state.remote_version

    assert await states(work(), sync=False) == ("missing", None)
    assert await states(work(), sync=True) == ("created", 1)
    assert await states(work(), sync=True) == ("current", 1)
    assert await states(work(system="Be brief."), sync=False) == ("outdated", 1)
    assert await states(work(system="Be brief."), sync=True) == ("updated", 2)
    assert await states(work(version="0" * 16, system="Be brief."), sync=True) == ("updated", 3)
    other = runtime(service, tmp_path, model="claude-opus-5-5", effort="high")
    assert await states(work(), sync=True, on=other) == ("updated", 4)
    tools = AgentWork(workflow(), (*TOOLS, ToolSpec("more", "More.", {"type": "object"})))
    assert await states(tools, sync=True, on=other) == ("updated", 5)
    assert len(service.state.catalog.agents) == len(service.state.catalog.environments) == 1


async def test_an_agent_and_its_environment_can_do_nothing_but_call_our_tools(
    service: Rehearsal, tmp_path: Path
) -> None:
    await runtime(service, tmp_path).agents([work()], sync=True)
    (versions,) = service.state.catalog.agents.values()
    assert {tool["type"] for tool in versions[-1]["tools"]} == {"custom"}
    (environment,) = service.state.catalog.environments.values()
    assert environment["config"]["networking"] == {
        "type": "limited",
        "allowed_hosts": [],
        "allow_mcp_servers": False,
        "allow_package_managers": False,
    }


async def test_what_somebody_changed_by_hand_is_put_right(service: Rehearsal, tmp_path: Path) -> None:
    made = runtime(service, tmp_path)
    await made.agents([work()], sync=True)
    catalog = service.state.catalog
    (agent_id,) = catalog.agents
    catalog.update_agent(agent_id, {"tools": [{"type": "agent_toolset_20260401"}]})
    (environment,) = catalog.environments.values()
    environment["config"] = {"type": "cloud", "networking": {"type": "unrestricted"}}
    (state,) = await made.agents([work()], sync=False)
    assert (state.state, state.text) == ("outdated", "changed by hand")
    (state,) = await made.agents([work()], sync=True)
    assert state.state == "updated"
    assert environment["config"]["networking"]["type"] == "limited"


async def test_an_archived_agent_is_told_and_replaced(service: Rehearsal, tmp_path: Path) -> None:
    made = runtime(service, tmp_path)
    await made.agents([work()], sync=True)
    service.state.catalog.archive_agent(next(iter(service.state.catalog.agents)))
    assert (await made.agents([work()], sync=False))[0].state == "archived"
    assert (await made.agents([work()], sync=True))[0].state == "created"


async def test_two_that_begin_at_once_make_one_agent(service: Rehearsal, tmp_path: Path) -> None:
    service.script(HELLO, times=4)
    opened = await asyncio.gather(*(runtime(service, tmp_path).start(brief(f"01N{number}")) for number in range(4)))
    for session in opened:
        await session.close()
    assert len(service.state.catalog.agents) == len(service.state.catalog.environments) == 1
    assert len(service.sessions) == 4


async def test_many_agents_of_others_are_passed_by(service: Rehearsal, tmp_path: Path) -> None:
    for number in range(230):
        service.state.catalog.create_agent({"name": f"other {number}", "model": "claude-sonnet-5-5"})
    await runtime(service, tmp_path).agents([work()], sync=True)
    assert (await runtime(service, tmp_path / "b").agents([work()], sync=False))[0].state == "current"


async def test_every_workflows_agent_is_kept_with_its_real_tools(service: Rehearsal, tmp_path: Path) -> None:
    from opstui.services.briefing import specs

    works = [AgentWork(one, specs(one)) for one in WORKFLOWS.values()]
    made = runtime(service, tmp_path)
    states = await made.agents(works, sync=True)
    assert len(works) == 7
    assert [state.state for state in states] == ["created"] * 7
    for versions in service.state.catalog.agents.values():
        assert "$ref" not in json.dumps(versions[-1]["tools"])
        for tool in versions[-1]["tools"]:
            assert set(tool["input_schema"]) <= {"type", "properties", "required"}


async def test_an_error_never_shows_the_key(service: Rehearsal, tmp_path: Path) -> None:
    secret = "sk-ant-secret-words-0123456789"
    for fault in ({"status": 401}, {"status": 400, "body": {"error": {"message": f"bad key {secret}"}}}):
        service.fault("*", ".*", times=1, **fault)
        with pytest.raises(OpstuiError) as caught:
            await runtime(service, tmp_path, endpoint=endpoint(service, lambda: secret)).start(brief())
        assert secret not in str(caught.value)


async def test_the_mind_writes_a_document_through_this_runtime(service: Rehearsal, tmp_path: Path) -> None:
    session = await runtime(service, tmp_path).start(brief())
    followed = await follow(session)
    await session.close()
    assert followed.last.status is SessionStatus.IDLE
