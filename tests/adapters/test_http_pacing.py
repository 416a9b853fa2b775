"""When the one client asks: rate limits, the breaker, and how many at once."""

from __future__ import annotations

import asyncio

import pytest

from opstui.adapters.pacing import Gate
from opstui.core.errors import (
    NotFound,
    RateLimited,
    Unreachable,
)
from opstui.testing.builders import OwnClock
from tests.adapters.wire import Asked, answer, asking, problem, saying, was_sent


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7), ("0", 0), ("99999999999999999999", 300), ("-1", None), ("soon", None), ("1.5", None), ("", None),
        ("Sat, 14 Mar 2026 03:00:09 GMT", 9), ("Sat, 14 Mar 2020 03:00:09 GMT", 0), ("Sat, 99 Foo", None),
    ],
)  # fmt: skip
async def test_a_pause_is_believed_if_it_makes_sense(value: str, seconds: float | None) -> None:
    for status in (429, 503):
        async with asking(saying(answer(status, b"", f"Retry-After: {value}")), clock=OwnClock()) as (http, _):
            error = await problem(http, "POST")
            assert isinstance(error, Unreachable)
            assert error.retry_after == seconds


async def test_a_pause_that_was_asked_for_is_kept_without_asking_again() -> None:
    clock = OwnClock()
    async with asking(saying(answer(429, b"", "Retry-After: 40"), answer()), clock=clock) as (http, wire):
        await problem(http)
        clock.advance(seconds=10)
        for method in ("GET", "POST"):
            error = await problem(http, method)
            assert isinstance(error, RateLimited)
            assert error.retry_after == pytest.approx(30)
            assert not was_sent(error)
        assert len(wire.requests) == 1
        clock.advance(seconds=31)
        assert (await http.request("GET", "x")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        ("RateLimit-Remaining: 0", "RateLimit-Reset: 40"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1773457240"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 2026-03-14T03:00:40Z"),
        ("ratelimit-remaining: 0;w=60", "ratelimit-reset: 40"),
    ],
)
async def test_a_limit_that_is_used_up_stops_requests_before_the_server_does(headers: tuple[str, ...]) -> None:
    clock = OwnClock()
    async with asking(saying(answer(200, b"{}", *headers), answer()), clock=clock) as (http, wire):
        assert (await http.request("GET", "x")).status == 200
        error = await problem(http, "POST")
        assert isinstance(error, RateLimited)
        assert error.retry_after == pytest.approx(40)
        clock.advance(seconds=41)
        await http.request("GET", "x")
        assert len(wire.requests) == 2


async def test_the_last_twentieth_of_a_limit_is_kept_for_writes() -> None:
    low = answer(200, b"{}", "X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 5", "X-RateLimit-Reset: 60")
    async with asking(saying(low), clock=OwnClock()) as (http, _):
        await http.request("GET", "x")
        assert isinstance(await problem(http, "GET"), RateLimited)
        assert (await http.request("POST", "x")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        ("X-RateLimit-Remaining: none", "X-RateLimit-Reset: 9"),
        ("RateLimit-Remaining: 0",),
        ("X-RateLimit-Remaining: -1", "X-RateLimit-Reset: 9"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: whenever"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1e999"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: ."),
    ],
)
async def test_nonsense_about_limits_is_no_limit(headers: tuple[str, ...]) -> None:
    async with asking(saying(answer(200, b"{}", *headers)), clock=OwnClock()) as (http, _):
        await http.request("GET", "x")
        assert (await http.request("GET", "x")).status == 200


async def test_a_403_that_speaks_of_a_limit_is_one() -> None:
    for headers in (("Retry-After: 40",), ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 40")):
        async with asking(saying(answer(403, b"", *headers)), clock=OwnClock()) as (http, _):
            error = await problem(http, "POST")
            assert isinstance(error, RateLimited)
            assert error.retry_after == pytest.approx(40)


async def test_after_five_failures_it_is_left_alone_for_half_a_minute_and_then_tried_once() -> None:
    clock = OwnClock()
    async with asking(saying(*[answer(500)] * 6, answer()), clock=clock) as (http, wire):
        for _ in range(5):
            assert was_sent(await problem(http, "POST"))
        error = await problem(http, "POST")
        assert not was_sent(error)
        assert error.retry_after == pytest.approx(30)  # type: ignore[attr-defined]
        clock.advance(seconds=29)
        await problem(http)
        assert len(wire.requests) == 5
        clock.advance(seconds=2)
        assert was_sent(await problem(http, "POST")), "one is let through"
        await problem(http)
        assert len(wire.requests) == 6, "and it failed"
        clock.advance(seconds=31)
        assert (await http.request("GET", "x")).status == 200
        assert (await http.request("GET", "x")).status == 200


async def test_only_one_request_tries_a_server_that_was_down() -> None:
    clock = OwnClock()
    go_on, asked_again = asyncio.Event(), asyncio.Event()

    async def slowly(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if len(wire.requests) > 5:
            asked_again.set()
            await go_on.wait()
        writer.write(answer(500 if len(wire.requests) <= 5 else 200))

    async with asking(slowly, clock=clock) as (http, wire):
        for _ in range(5):
            await problem(http)
        clock.advance(seconds=31)
        first = asyncio.ensure_future(http.request("GET", "x"))
        async with asyncio.timeout(20):
            await asked_again.wait()
        assert isinstance(await problem(http), Unreachable)
        go_on.set()
        assert (await first).status == 200
        assert len(wire.requests) == 6


async def test_a_no_is_no_failure() -> None:
    async with asking(saying(answer(404)), clock=OwnClock()) as (http, wire):
        for _ in range(8):
            assert isinstance(await problem(http), NotFound)
        assert len(wire.requests) == 8


async def test_writes_keep_their_distance() -> None:
    pauses: list[float] = []
    clock = OwnClock()
    gate = Gate(clock, min_write_gap=1.0)
    for _ in range(3):
        pauses.append(gate.turn())
    clock.advance(seconds=10)
    pauses.append(gate.turn())
    assert pauses == [0, 1, 2, 0]
    assert gate.wait(writes=False) == 0


async def test_at_most_four_requests_are_on_their_way() -> None:
    open_now = most = 0
    full = asyncio.Event()

    async def count(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if open_now == 4:
            full.set()
        await full.wait()
        await asyncio.sleep(0.02)  # in which a fifth would come
        open_now -= 1
        writer.write(answer())

    async with asking(count) as (http, wire):
        await asyncio.gather(*[http.request("GET", "x") for _ in range(20)])
        assert len(wire.requests) == 20
        assert most == 4
