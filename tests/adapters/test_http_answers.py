"""What the one client makes of answers, of their size and of none: above all whether anything was sent."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from opstui.adapters.http import BODY_LIMIT, HttpClient
from opstui.core.errors import (
    Conflict,
    CredentialsRefused,
    NotFound,
    OpstuiError,
    RateLimited,
    Refused,
    Unreachable,
)
from opstui.testing.builders import OwnClock
from tests.adapters.wire import TOKEN, Asked, answer, asking, client, connection, problem, saying, serving, was_sent

# --- was anything sent? -----------------------------------------------------------------------------------------------


async def test_a_refused_connection_sent_nothing() -> None:
    async with serving(saying(answer())) as wire:
        pass
    http = client(wire.url)
    error = await problem(http, "POST")
    assert not was_sent(error)
    assert "connection refused" in str(error)
    assert "Nothing was sent" in str(error)
    await http.disconnect()


async def test_a_name_that_nobody_knows_sent_nothing() -> None:
    http = client("https://no-such-host.invalid")
    error = await problem(http, "POST")
    assert not was_sent(error)
    assert "name is not known" in str(error)
    await http.disconnect()


async def hang_up(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def test_a_connection_cut_after_the_request_may_have_applied_it() -> None:
    async with asking(hang_up) as (http, wire):
        error = await problem(http, "POST", json={"a": 1})
        assert was_sent(error)
        assert "may have been applied" in str(error)
        assert len(wire.requests) == 1, "it is not sent again"


async def test_a_read_that_is_cut_sent_nothing_that_matters() -> None:
    async with asking(hang_up) as (http, _):
        error = await problem(http)
        assert not was_sent(error)
        assert "What was cached stays" in str(error)


async def test_a_method_may_be_a_read_whatever_it_is_called() -> None:
    async with asking(hang_up) as (http, _):
        assert not was_sent(await problem(http, "POST", writes=False))


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\nContent-Type: app",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
    ],
)  # fmt: skip
async def test_an_answer_that_breaks_off_may_have_been_a_yes(part: bytes) -> None:
    async with asking(saying(part, close=True)) as (http, _):
        assert was_sent(await problem(http, "PUT"))
    async with asking(saying(part, close=True)) as (http, _):
        assert not was_sent(await problem(http, "GET"))


async def test_a_no_that_breaks_off_is_a_no() -> None:
    part = b"HTTP/1.1 429 No\r\nContent-Length: 100\r\nRetry-After: 7\r\n\r\n{"
    async with asking(saying(part, close=True)) as (http, _):
        error = await problem(http, "POST")
        assert isinstance(error, RateLimited)
        assert error.retry_after == 7
        assert not was_sent(error)


async def silence(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def test_a_server_that_says_nothing_may_have_applied_it() -> None:
    async with asking(silence, whole_seconds=2) as (http, _):
        error = await problem(http, "POST")
        assert was_sent(error)
        assert "took too long" in str(error)


async def drip(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_an_answer_that_drips_is_given_up() -> None:
    async with asking(drip, whole_seconds=0.3) as (http, _):
        assert "took too long" in str(await problem(http))


async def dawdle(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.3)
    writer.write(answer())


@pytest.mark.parametrize("file", [{"content": b"x"}, {"files": [("file", ("x.txt", b"x", "text/plain"))]}], ids=str)
async def test_a_file_may_take_longer(file: dict[str, Any]) -> None:
    async with asking(dawdle, whole_seconds=0.1) as (http, _):
        assert "took too long" in str(await problem(http, "POST"))
        assert (await http.request("POST", "x", **file)).status == 200


async def chatter(asked: Asked, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_promises_of_an_answer_without_end_are_given_up() -> None:
    async with asking(chatter, whole_seconds=2) as (http, _):
        assert was_sent(await problem(http, "POST"))


async def test_a_write_never_goes_on_a_used_connection() -> None:
    async with asking(saying(answer())) as (http, wire):
        await http.request("GET", "x")
        await http.request("GET", "x")
        assert wire.connections == 1
        await http.request("POST", "x")
        await http.request("POST", "x")
        await http.request("GET", "x")
        assert wire.connections == 3


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async with asking(saying(answer(), close=True)) as (http, wire):
        for _ in range(5):
            assert (await http.request("GET", "x")).status == 200
        assert wire.connections == 5


async def test_giving_a_request_up_is_no_failure_of_the_server() -> None:
    async with asking(silence, clock=OwnClock()) as (http, _):
        for _ in range(6):
            task = asyncio.ensure_future(http.request("GET", "x"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(20):
            task = asyncio.ensure_future(http.request("GET", "x"))
            await asyncio.sleep(0.05)
            assert not task.done(), "it still asks"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


# --- what a status means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (400, Refused, None), (401, CredentialsRefused, None), (403, Refused, None), (404, NotFound, None),
        (409, Conflict, None), (410, NotFound, None), (412, Conflict, None), (418, Refused, None),
        (422, Refused, None), (408, Unreachable, True), (429, RateLimited, False), (500, Unreachable, True),
        (501, Unreachable, True), (502, Unreachable, True), (503, Unreachable, False), (504, Unreachable, True),
        (599, Unreachable, True),
    ],
)  # fmt: skip
async def test_each_status_means_one_thing(status: int, kind: type[OpstuiError], sent: bool | None) -> None:
    async with asking(saying(answer(status, '{"message": "because of the moon"}'))) as (http, _):
        error = await problem(http, "POST")
        assert type(error) is kind
        assert sent is None or was_sent(error) is sent
    async with asking(saying(answer(status))) as (http, _):
        read = await problem(http, "GET")
        assert not isinstance(read, Unreachable) or not was_sent(read)


async def test_a_status_may_be_an_answer() -> None:
    async with asking(saying(answer(412, "[]"), answer(304, ""), answer(302, "x"))) as (http, _):
        assert (await http.request("PUT", "x", also=(412,))).status == 412
        assert (await http.request("GET", "x", also=(304,))).status == 304
        assert (await http.request("GET", "x", also=(302,))).status == 302


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "No permission"}, "No permission"),
        ({"errors": ["Subject can't be blank", "Status is invalid"]}, "Subject can't be blank; Status is invalid"),
        ({"errorMessages": [], "errors": {"resolution": "is required"}}, "resolution: is required"),
        ({"error": {"message": "Invalid Input", "errors": ["From is bad"]}}, "Invalid Input; From is bad"),
        ({"error": "RecordInvalid", "description": "Record validation errors"}, "RecordInvalid; Record"),
        (["one", "two"], "one; two"),
        ({"errors": []}, ""),
        ({"a" * 5: [[[[[[["too deep"]]]]]]]}, ""),
    ],
)
async def test_the_servers_own_words_are_told(body: Any, words: str) -> None:
    async with asking(saying(answer(422, json.dumps(body)))) as (http, _):
        assert words in str(await problem(http, "POST"))


async def test_the_servers_words_are_harmless_short_and_without_our_token() -> None:
    said = f"token {TOKEN} is bad \x1b]52;c;evil\x07 \x00 \u202e" + "x" * 5000
    async with asking(saying(answer(422, json.dumps({"message": said})))) as (http, _):
        error = await problem(http, "POST")  # which looks for the token
        assert len(str(error)) < 350
        assert "is bad" in str(error)


async def test_a_password_that_a_server_takes_apart_is_not_told_either() -> None:
    async with serving(saying(answer(403, '{"message": "ana:hush-hush is no account, nor hush-hush"}'))) as wire:
        http = HttpClient(connection(wire.url), wire.url, lambda: {"Authorization": "Basic YW5hOmh1c2gtaHVzaA=="})
        error = await problem(http)
        await http.disconnect()
        assert "hush" not in str(error)


@pytest.mark.parametrize("body", ["<!DOCTYPE html><p>Log in</p>", "", "{", "[" * 100_000, "nan,"])
async def test_what_is_no_json_is_no_answer_of_the_system(body: str) -> None:
    kind = "text/html" if body.startswith("<") else "application/json"
    async with asking(saying(answer(200, body, kind=kind))) as (http, wire):
        found = await http.request("GET", "x")
        with pytest.raises(Unreachable) as caught:
            found.json()
        assert f"127.0.0.1:{wire.port}" in str(caught.value)
        assert ("login page" in str(caught.value)) == (kind == "text/html")


async def test_an_error_page_is_not_quoted() -> None:
    page = answer(502, "<html><script>alert(1)</script></html>", kind="text/html")
    async with asking(saying(page)) as (http, _):
        assert "script" not in str(await problem(http))


# --- size -------------------------------------------------------------------------------------------------------------


async def test_an_answer_may_be_large_and_no_larger() -> None:
    async with asking(saying(answer(200, b"x" * 1000)), body_limit=1000) as (http, _):
        assert len((await http.request("GET", "x")).content) == 1000
    async with asking(saying(answer(200, b"x" * 1001)), body_limit=1000) as (http, _):
        assert isinstance(await problem(http), Refused)
    async with asking(saying(answer(200, b"x" * 1001)), body_limit=1000) as (http, _):
        assert was_sent(await problem(http, "POST"))


async def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < BODY_LIMIT / 50
    async with asking(saying(answer(200, bomb, "Content-Encoding: gzip"))) as (http, _):
        assert "more than 20 MB" in str(await problem(http))


async def test_an_answer_packed_twice_is_not_unpacked() -> None:
    twice = gzip.compress(gzip.compress(b"{}"))
    async with asking(saying(answer(200, twice, "Content-Encoding: gzip, gzip"))) as (http, _):
        assert "can't be unpacked" in str(await problem(http))


async def test_a_packed_answer_is_unpacked() -> None:
    async with asking(saying(answer(200, gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip"))) as (http, _):
        assert (await http.request("GET", "x")).json() == {"a": 1}


async def flood(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def test_an_answer_without_end_is_stopped_at_the_limit() -> None:
    async with asking(flood) as (http, _):
        assert isinstance(await problem(http), Refused)


async def test_a_no_without_end_is_a_no() -> None:
    async def refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    async with asking(refuse) as (http, _):
        assert type(await problem(http, "POST")) is Refused


async def test_files_go_as_parts() -> None:
    async with asking(saying(answer(201))) as (http, wire):
        parts = [("JSON", (None, '{"a": "ü"}', "application/json")), ("Files", ("ä b.txt", b"\x00\xff", "text/plain"))]
        await http.request("POST", "x", files=parts)
        body = wire.requests[0].body
        assert '{"a": "ü"}'.encode() in body
        assert b"\x00\xff" in body
        assert "multipart/form-data" in wire.requests[0].headers["content-type"]
