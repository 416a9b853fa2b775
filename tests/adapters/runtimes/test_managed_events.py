from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from opstui.adapters.runtimes.managed_events import Telling
from opstui.adapters.runtimes.managed_fields import event_id, time_of
from opstui.adapters.runtimes.managed_previews import LONGEST, Previews
from opstui.adapters.runtimes.managed_tally import list_cost
from opstui.core.sessions import (
    RuntimeEvent,
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    SessionStatus,
    Usage,
)

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
Raw = dict[str, Any]


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def event(kind: str, event_id: str = "e1", seconds: float = 0.0, /, **more: Any) -> Raw:
    return {"type": kind, "id": event_id, "processed_at": at(seconds), **more}


def said(text: str, name: str = "m1") -> Raw:
    return event("agent.message", name, content=[{"type": "text", "text": text}])


def idle(stop: Any = "end_turn", name: str = "i1", seconds: float = 0.0, **more: Any) -> Raw:
    reason = {"type": stop, **more} if isinstance(stop, str) else stop
    return event("session.status_idle", name, seconds, stop_reason=reason)


class Record:
    """What a consumer keeps: of each remote id the first usage, of each text the newest."""

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}
        self.texts: dict[str, str] = {}
        self.calls: list[str] = []

    def take(self, events: Sequence[RuntimeEvent]) -> None:
        for one in events:
            match one:
                case RuntimeUsage(remote_id, usage):
                    self.usage.setdefault(remote_id, usage)
                case RuntimeText(remote_id, text, False):
                    self.texts[remote_id] = text
                case RuntimeToolCall(name):
                    self.calls.append(name)

    @property
    def total(self) -> Usage:
        return sum(self.usage.values(), Usage())


# --- whole sessions, told in any way


class Service:
    """Makes up a session's history whose cumulative figures are right."""

    def __init__(self, chance: random.Random) -> None:
        self.events: list[Raw] = []
        self.total = Usage()
        self._chance = chance
        self._now = 0.0
        self._since: float | None = None
        self._ran = 0.0

    def _add(self, kind: str, **more: Any) -> Raw:
        self._now = round(self._now + self._chance.choice((0.001, 0.5, 7.25)), 3)
        made = event(kind, f"sevt_{len(self.events)}", self._now, **more)
        self.events.append(made)
        return made

    def turn(self) -> None:
        self._add("session.status_running")
        self._since = self._now
        for _ in range(self._chance.randrange(4)):
            self._request()
        if self._chance.random() < 0.2:
            self._settle()
            self._add("session.status_rescheduled")
            self._add("session.status_running")
            self._since = self._now
            self._request()
        self._settle()
        self._report()
        self._add("session.status_idle", stop_reason={"type": "end_turn"})

    def _settle(self) -> None:
        if self._since is not None:
            self._ran += self._now - self._since
            self._since = None

    def _request(self) -> None:
        chance = self._chance
        self._add("span.model_request_start")
        if chance.random() < 0.5:
            self._add("agent.message", content=[{"type": "text", "text": f"text {len(self.events)}"}])
        fresh, out, read, write = (chance.randrange(5000) for _ in range(4))
        usage = {
            "input_tokens": fresh, "output_tokens": out, "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write,
        }  # fmt: skip
        self._add("span.model_request_end", model_usage=usage, is_error=chance.random() < 0.1)
        long = chance.choice((0, write))
        graded = chance.choice((0, 0, 300))
        self.total += Usage(
            input_tokens=fresh + graded, output_tokens=out, cache_read_tokens=read, cache_write_tokens=write,
            cache_write_long_tokens=long, searches=chance.choice((0, 0, 2)),
        )  # fmt: skip

    def _report(self) -> None:
        total = self.total
        self._add(
            "session.usage",
            usage={
                "input_tokens": total.input_tokens, "output_tokens": total.output_tokens,
                "cache_read_input_tokens": total.cache_read_tokens,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": total.cache_write_tokens - total.cache_write_long_tokens,
                    "ephemeral_1h_input_tokens": total.cache_write_long_tokens,
                },
                "active_seconds": self._ran,
                "server_tool_use": {"web_search_requests": total.searches},
                "list_cost": {"amount": str(len(self.events)), "currency": "USD"},
            },
        )  # fmt: skip
        self.total = Usage(
            input_tokens=total.input_tokens, output_tokens=total.output_tokens, searches=total.searches,
            cache_read_tokens=total.cache_read_tokens, cache_write_tokens=total.cache_write_tokens,
            cache_write_long_tokens=total.cache_write_long_tokens, running_ms=round(self._ran * 1000),
        )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), turns=st.integers(1, 5), keeps=st.booleans())
def test_any_mix_of_stream_duplicates_drops_and_restarts_gives_the_services_totals_and_every_text_once(
    seed: int, turns: int, keeps: bool
) -> None:
    chance = random.Random(seed)
    service = Service(chance)
    for _ in range(turns):
        service.turn()
    record = Record()
    telling = Telling()
    told = 0
    while told < len(service.events):
        step = chance.choice(("live", "live", "live", "again", "drop", "restart"))
        if step == "live":
            record.take(telling.take(service.events[told]))
            told += 1
        elif step == "again" and told:
            for one in chance.sample(service.events[:told], min(3, told)):
                record.take(telling.take(one))
        elif step == "drop":
            # The stream missed some; the history has them.
            told = min(len(service.events), told + chance.randrange(6))
            record.take(telling.history(service.events[:told]))
        elif step == "restart":
            telling = Telling(dict(record.usage) if keeps else None)
            record.take(telling.history(service.events[:told]))
    assert record.total == service.total
    texts = [one["content"][0]["text"] for one in service.events if one["type"] == "agent.message"]
    assert sorted(record.texts.values()) == sorted(texts)
    assert telling.end is not None


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), turns=st.integers(1, 4))
def test_events_that_the_stream_lost_in_silence_are_made_good_by_the_next_history(seed: int, turns: int) -> None:
    chance = random.Random(seed)
    service = Service(chance)
    for _ in range(turns):
        service.turn()
    record = Record()
    telling = Telling()
    for one in service.events:
        if one["type"].startswith("session.status") or chance.random() < 0.7:
            record.take(telling.take(one))
    record.take(telling.history(service.events))
    again = Telling(dict(record.usage))
    record.take(again.history(service.events))
    assert record.total == service.total
    assert len(record.texts) == sum(one["type"] == "agent.message" for one in service.events)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_comes_in_any_order_is_told_once_and_the_last_report_settles_it(seed: int) -> None:
    chance = random.Random(seed)
    service = Service(chance)
    service.turn()
    service.turn()
    *mixed, report, end = service.events
    chance.shuffle(mixed)
    record = Record()
    telling = Telling()
    for one in mixed:
        record.take(telling.take(one))
    record.take(telling.take(report))
    assert record.total == service.total
    record.take(telling.take(end))
    assert record.total == service.total


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "id", "processed_at", "content", "name", "input", "stop_reason", "stop_details", "usage", "model_usage", "error",
    "custom_tool_use_id", "event", "event_id", "delta", "result", "explanation", "evaluated_permission",
)  # fmt: skip
KINDS = (
    "agent.message", "agent.custom_tool_use", "agent.tool_use", "agent.thinking", "session.status_running",
    "session.status_idle", "session.status_rescheduled", "session.error", "session.usage", "span.model_request_end",
    "user.message", "user.custom_tool_result", "user.interrupt", "event_start", "event_delta", "agent.telepathy",
    "span.outcome_evaluation_end", "agent.thread_context_compacted", "session.updated",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(
        st.builds(
            lambda kind, more: {"type": kind, **more},
            st.sampled_from(KINDS) | json_values,
            st.dictionaries(st.sampled_from(KEYS), json_values, max_size=6),
        ),
        max_size=12,
    )
)
def test_no_event_breaks_it_whatever_its_fields_hold(events: list[Raw]) -> None:
    telling = Telling()
    for one in events:
        telling.take(one)
    telling.history(events)
    telling.previews.due(1.0)


# --- one thing at a time


def test_the_same_id_with_another_text_replaces_it_and_with_the_same_text_says_nothing() -> None:
    telling = Telling()
    assert [one.text for one in telling.take(said("one")) if isinstance(one, RuntimeText)] == ["one"]
    assert telling.take(said("one")) == []
    assert [one.text for one in telling.take(said("two")) if isinstance(one, RuntimeText)] == ["two"]


def test_text_from_the_agent_is_harmless() -> None:
    (told,) = Telling().take(said("\x1b[2J\u202eevil\x00"))
    assert isinstance(told, RuntimeText)
    assert "\x1b" not in told.text
    assert "\u202e" not in told.text


def test_only_calls_without_a_result_are_told_from_history() -> None:
    history = [
        event("agent.custom_tool_use", "c1", name="get_ticket", input={}),
        event("agent.custom_tool_use", "c2", name="get_ticket", input={}),
        idle("requires_action", "i1", event_ids=["c1", "c2"]),
        event("user.custom_tool_result", "r1", custom_tool_use_id="c2"),
    ]
    told = Telling().history(history)
    assert [one.id for one in told if isinstance(one, RuntimeToolCall)] == ["c1"]


def test_a_call_whose_turn_is_over_needs_no_answer() -> None:
    telling = Telling()
    told = telling.history([event("agent.custom_tool_use", "c1", name="get_ticket", input={}), idle()])
    assert not [one for one in told if isinstance(one, RuntimeToolCall)]
    assert telling.open == {}


def test_past_ends_are_told_as_waits_and_only_the_last_one_stands() -> None:
    telling = Telling()
    told = telling.history(
        [
            event("session.status_running", "r1"),
            idle("budget_reached", "i1"),
            event("session.status_running", "r2"),
            idle("end_turn", "i2"),
        ]
    )
    statuses = [(one.remote_id, one.status.value) for one in told if isinstance(one, RuntimeStatus)]
    assert statuses == [("r1", "running"), ("i1", "waiting"), ("r2", "running")]
    assert telling.end is not None
    assert (telling.end.remote_id, telling.end.status) == ("i2", SessionStatus.IDLE)


def test_a_status_that_was_lost_and_is_past_does_not_stop_what_runs() -> None:
    telling = Telling()
    lost = idle("end_turn", "i1", 5)
    running = event("session.status_running", "r2", 6)
    telling.take(event("session.status_running", "r1", 1))
    telling.take(running)
    telling.history([event("session.status_running", "r1", 1), lost, running])
    assert telling.state == "running"
    assert telling.end is None


def test_a_message_on_its_way_keeps_the_session_from_standing_still() -> None:
    telling = Telling()
    telling.take(event("session.status_running", "r1"))
    telling.take({"type": "user.message", "id": "u1", "processed_at": None, "content": []})
    telling.take(idle())
    assert telling.queued == {"u1"}
    told = telling.take(event("session.status_running", "r2"))
    assert telling.queued == set()
    assert [one.status.value for one in told if isinstance(one, RuntimeStatus)] == ["waiting", "running"]


def test_a_message_taken_up_by_the_running_turn_is_no_longer_on_its_way() -> None:
    telling = Telling()
    telling.take(event("session.status_running", "r1"))
    telling.take({"type": "user.message", "id": "u1", "processed_at": None, "content": []})
    telling.take(event("user.message", "u1", 3, content=[]))
    telling.take(idle())
    assert telling.queued == set()


@pytest.mark.parametrize(
    ("given_at", "expected"),
    [
        ("2026-11-20T03:00:00Z", START), ("2026-11-20T03:00:00.000000Z", START), ("2026-11-20T04:00:00+01:00", START),
        ("2026-11-20T03:00:00", START), ("soon", None), (None, None), (17, None), ("9999-12-31T23:59:59-12:00", None),
    ],
)  # fmt: skip
def test_times_are_aware_or_nothing(given_at: Any, expected: datetime | None) -> None:
    assert time_of({"processed_at": given_at}) == expected


def test_an_event_without_an_id_has_the_same_one_each_time() -> None:
    one: Raw = {"type": "agent.message", "id": "", "content": [{"type": "text", "text": "x"}]}
    assert event_id(one) == event_id(dict(one)) != event_id({**one, "content": []})
    assert event_id({"id": "\x1b[2J"}).isprintable()


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"amount": "9", "currency": "USD"}, 90_000), ({"amount": "0"}, 0), ({"amount": 12}, 120_000), ({}, None),
        ({"amount": "nine"}, None), ({"amount": "-1"}, None), ({"amount": "9", "currency": "EUR"}, None), (None, None),
        ({"amount": "1e99"}, None), ({"amount": "NaN"}, None),
    ],
)  # fmt: skip
def test_a_list_cost_is_read_or_left_alone(cost: Any, expected: int | None) -> None:
    assert list_cost({"list_cost": cost}) == expected


@pytest.mark.parametrize(("first", "second"), [(10.0, 4.0), (0.0, 10.0**9)])
def test_a_clock_that_runs_backwards_or_wild_costs_nothing(first: float, second: float) -> None:
    telling = Telling()
    telling.take(event("session.status_running", "r1", first))
    told = telling.take(idle(seconds=second))
    assert sum((one.usage.running_ms for one in told if isinstance(one, RuntimeUsage)), 0) == 0


def test_a_request_at_fast_speed_says_so() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "speed": "fast"}
    (told,) = Telling().take(event("span.model_request_end", "s1", model_usage=usage))
    assert isinstance(told, RuntimeUsage)
    assert told.multipliers == ("fast",)


def test_errors_are_told_by_what_becomes_of_them() -> None:
    telling = Telling()
    error = {"type": "credential_host_unreachable_error", "message": "no", "retry_status": {"type": "retrying"}}
    (told,) = telling.take(event("session.error", "x1", error=error))
    assert isinstance(told, RuntimeNotice)
    assert not told.error
    assert "tries again" in told.text
    (told,) = telling.take(event("session.error", "x2", error={"type": "mystery_error"}))
    assert isinstance(told, RuntimeNotice)
    assert told.text == "mystery"


# --- previews


def piece(text: Any, name: str = "m1", index: Any = 0) -> Raw:
    content = {"type": "text", "text": text}
    return {
        "type": "event_delta",
        "event_id": name,
        "delta": {"type": "content_delta", "index": index, "content": content},
    }


def test_a_preview_is_told_a_few_times_a_second_and_whole_each_time() -> None:
    previews = Previews()
    previews.start({"type": "agent.message", "id": "m1"})
    shown = []
    for number in range(1000):
        previews.delta(piece(f"{number} "))
        shown += previews.due(number / 1000)
    assert 11 <= len(shown) <= 14
    whole = "".join(f"{number} " for number in range(1000))
    assert all(whole.startswith(one.text) for one in shown)
    (last,) = previews.due(5.0)
    assert last.text == whole
    assert previews.next_due() is None


@pytest.mark.parametrize(
    "odd", [piece("x", "unknown"), piece(7), piece("x", index="a"), {"event_id": "m1"}, {"delta": 3}]
)
def test_pieces_that_make_no_sense_are_dropped(odd: Raw) -> None:
    previews = Previews()
    previews.start({"type": "agent.message", "id": "m1"})
    assert not previews.delta(odd)
    assert previews.due(1.0) == []


def test_after_a_gap_a_preview_says_no_more() -> None:
    previews = Previews()
    previews.start({"type": "agent.message", "id": "m1"})
    previews.delta(piece("a"))
    previews.delta(piece("b", index=1))
    previews.delta(piece("d", index=3))
    previews.delta(piece("c", index=2))
    assert [one.text for one in previews.due(1.0)] == ["ab"]


def test_a_huge_preview_is_cut() -> None:
    previews = Previews()
    previews.start({"type": "agent.message", "id": "m1"})
    for _ in range(100):
        previews.delta(piece("x" * 10_000))
    (told,) = previews.due(1.0)
    assert len(told.text) <= LONGEST


def test_previews_that_were_never_told_need_no_taking_back() -> None:
    previews = Previews()
    previews.start({"type": "agent.message", "id": "m1"})
    previews.delta(piece("a"))
    assert previews.clear() == []
    assert previews.next_due() is None
