from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from anthropic import APIStatusError, BadRequestError

from opstui.rehearsal.prices import Tokens, cents, has_price, running_cost, token_cost
from opstui.rehearsal.steps import Await, Call, Idle, Pass, ReportUsage, Reschedule, Running, Say, Think, Use
from tests.rehearsal.talking import Client, limit, message

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)
A_MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        ("claude-sonnet-5-5", Tokens(input=A_MILLION), "2"),
        ("claude-sonnet-5-5", Tokens(read=A_MILLION), "0.10"),
        ("claude-sonnet-5-5", Tokens(write=A_MILLION, write_long=A_MILLION), "6.50"),
        ("rehearsal", Tokens(output=A_MILLION), "10"),
        ("claude-opus-5-5", Tokens(input=A_MILLION, output=A_MILLION), "24"),
        ("claude-fable-5-1", Tokens(write_long=A_MILLION, read=A_MILLION), "20.25"),
        ("claude-haiku-5-5", Tokens(input=100_000, output=1_000), "0.0105"),
        ("claude-haiku-5-5", Tokens(input=100_001, output=1_000), "0.0525005"),
        ("claude-haiku-5-5", Tokens(input=1, read=99_999, write=1), "0.005001075"),
        ("claude-haiku-4-5-20251001", Tokens(input=A_MILLION, read=A_MILLION), "1.10"),
        ("nobody", Tokens(input=A_MILLION, searches=2), "0.02"),
    ],
)
def test_tokens_cost_what_the_list_says(model: str, tokens: Tokens, dollars: str) -> None:
    assert token_cost(model, tokens, NOVEMBER) == Fraction(dollars)


def test_reading_sonnets_cache_cost_twice_as_much_before_october() -> None:
    before = token_cost("claude-sonnet-5-5", Tokens(read=A_MILLION), datetime(2026, 10, 6, tzinfo=UTC))
    assert before == Fraction("0.20")


def test_american_inference_is_a_tenth_dearer_but_its_searches_are_not() -> None:
    tokens = Tokens(input=A_MILLION, searches=1)
    assert token_cost("claude-sonnet-5-5", tokens, NOVEMBER, geo="us") == Fraction("2.21")


def test_an_hour_costs_eight_cents_and_cents_round_half_up() -> None:
    assert running_cost(3_600_000) == Fraction("0.08")
    assert [cents(Fraction(text)) for text in ("0.004999", "0.005", "0.0866", "0.125")] == [0, 1, 9, 13]
    assert not has_price("claude-fable-5-2")


async def test_the_worked_example_comes_out_at_nine_cents(client: Client) -> None:
    think = Think(input=5_000, write=2_000, read=20_000, output=3_200, searches=3, seconds=342.5)
    client.service.script([think, Idle()])
    session = await client.open()
    seen = await client.follow(session)
    told = next(event for event in seen if event.type == "session.usage").usage
    assert told.list_cost.amount == "9"
    assert 342.5 <= told.active_seconds < 343.5
    assert told.server_tool_use.web_search_requests == 3
    assert abs(client.service.sessions[session].cost - Fraction("0.0866111")) < Fraction("0.00003")


async def test_usage_is_cumulative_tells_long_writes_apart_and_comes_just_before_every_idle(client: Client) -> None:
    think = Think(input=10, output=20, read=30, write=40, write_long=50)
    client.service.script([think, Call((Use("get_ticket"),)), think, Idle()])
    session = await client.open()
    seen = await client.follow(session, tools=lambda _: "ok")
    kinds = [event.type for event in seen]
    idles = [at for at, kind in enumerate(kinds) if kind == "session.status_idle"]
    assert all(kinds[at - 1] == "session.usage" for at in idles)
    last = seen[idles[-1] - 1].usage
    assert (last.input_tokens, last.output_tokens, last.cache_read_input_tokens) == (20, 40, 60)
    assert last.cache_creation.ephemeral_5m_input_tokens == 80
    assert last.cache_creation.ephemeral_1h_input_tokens == 100
    ends = [event.model_usage for event in seen if event.type == "span.model_request_end"]
    assert [end.cache_creation_input_tokens for end in ends] == [90, 90]


async def test_only_running_costs_time(client: Client) -> None:
    asking = Call((Use("get_ticket"),), wait=False)
    script = [Running(), Pass(1_800), Reschedule(), Pass(9_000), Running(), asking, Pass(1_800)]
    client.service.script([*script, Idle("requires_action"), Pass(9_000), Await(), Idle()])
    session = await client.open()
    await client.follow(session, tools=lambda _: "ok")
    told = (await client.beta.sessions.retrieve(session)).usage
    assert told.list_cost is not None
    assert told.list_cost.amount == "8"
    assert 3_600 <= (told.active_seconds or 0) < 3_602


async def test_a_budget_stops_between_requests_keeps_what_was_queued_and_goes_on_when_raised(client: Client) -> None:
    dear = Think(output=1_500, within=(Say("x"),))
    client.service.script([dear, dear, Say("done"), Idle()])
    session = await client.open(budget=1)
    seen = await client.follow(session, until="budget_reached")
    assert [event.type for event in seen][-3:] == ["session.thread_status_idle", "session.usage", "session.status_idle"]
    assert [event.type for event in seen].count("span.model_request_end") == 1
    assert seen[-2].usage.list_cost.amount == "2", "it may overshoot by one request"
    with pytest.raises(BadRequestError):
        await client.send(session, message("More?"))
    for amount in (1, "x"):
        with pytest.raises(APIStatusError) as refused:
            await client.beta.sessions.update(session, budget=limit(amount))  # type: ignore[arg-type]
        assert refused.value.status_code == 400
    state = client.service.sessions[session]
    raised = await client.beta.sessions.update(session, budget=limit(50))  # type: ignore[arg-type]
    assert raised.budget is not None
    assert raised.budget.max_list_cost.amount == "50"
    client.service.wait_until(lambda: state.events[-1].get("stop_reason") == {"type": "end_turn"})
    kinds = [event["type"] for event in state.events]
    assert kinds.count("span.model_request_end") == 2
    assert kinds[kinds.index("session.updated") + 1] == "session.status_running"


async def test_a_call_that_waits_outranks_the_budget(client: Client) -> None:
    client.service.script(
        [Think(output=5_000, within=(Call((Use("get_ticket"),), wait=False),)), Await(), Think(), Idle()]
    )
    session = await client.open(budget=1)
    seen = await client.follow(session, until="budget_reached", tools=lambda _: "ok")
    reasons = [event.stop_reason.type for event in seen if event.type == "session.status_idle"]
    assert reasons[-1] == "budget_reached"
    assert set(reasons[:-1]) <= {"requires_action"}


async def test_an_interrupt_is_taken_at_the_budget_too(client: Client) -> None:
    client.service.script([Think(output=5_000), Think(), Idle()])
    session = await client.open(budget=1)
    await client.follow(session, until="budget_reached")
    await client.send(session, {"type": "user.interrupt"})
    state = client.service.sessions[session]
    client.service.wait_until(lambda: state.events[-1].get("stop_reason") == {"type": "end_turn"})


@pytest.mark.parametrize(
    ("before", "given", "code"),
    [(None, limit(10), "budget_create_only"), (10, limit(0), None), (10, None, "")],
)
async def test_a_budget_is_set_at_the_start_and_removed_for_good(
    client: Client, before: Any, given: Any, code: Any
) -> None:
    session = await client.open(budget=before)
    if code == "":
        assert (await client.beta.sessions.update(session, budget=None)).budget is None
        code, given = "budget_create_only", limit(10)
    with pytest.raises(BadRequestError) as refused:
        await client.beta.sessions.update(session, budget=given)
    assert refused.value.error_code == code


async def test_a_list_cost_may_be_absent_or_above_the_cap(client: Client) -> None:
    client.service.script([Say("x"), ReportUsage(cents=99), ReportUsage(absent=True), Idle()])
    session = await client.open(budget=10)
    seen = await client.follow(session)
    told = [event.usage.list_cost for event in seen if event.type == "session.usage"]
    assert told[0].amount == "99"
    assert told[1:] == [None, None]
    assert (await client.beta.sessions.retrieve(session)).usage.list_cost is None
