"""The SDK as opstui opens it, against a server that answers byte for byte what a test says."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from opstui.adapters.runtimes.anthropic_client import (
    Endpoint,
    asked_pause,
    open_client,
    passes,
    pause,
    stream_limits,
    translated,
    waiting,
)
from opstui.core.errors import (
    ConfigError,
    CredentialsRefused,
    NotFound,
    OpstuiError,
    RateLimited,
    Refused,
    Unreachable,
)

CANARY = "sk-ant-api03-CANARY-0123456789abcdef"


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 3, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class AllBits:
    """Chance at its very end."""

    def bytes(self, count: int) -> bytes:
        return b"\xff" * count

    def choice(self, letters: str) -> str:
        return letters[0]


class Wire:
    """Answers each request with the next of ``answers``; keeps what came."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.received: list[bytes] = []
        self.url = ""
        self.ended = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            self.received.append(head + await reader.readexactly(length))
            writer.write(self.answers.pop(0) if self.answers else b"")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.ended.release()


@asynccontextmanager
async def wire(*answers: bytes) -> AsyncIterator[Wire]:
    served = Wire(list(answers))
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        for _ in served.received:
            await served.ended.acquire()
        server.close()
        await server.wait_closed()


def answer(status: int, body: object = "", *, kind: str = "application/json", **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(raw)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def error(kind: str, message: str = "no", code: str | None = None) -> dict[str, Any]:
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_1"}


def endpoint(url: str, key: str | None = CANARY, **more: Any) -> Endpoint:
    return Endpoint("night", lambda: url, lambda: key, **more)


async def failure(*answers: bytes, key: str | None = CANARY) -> tuple[BaseException, OpstuiError, Wire]:
    """What ``models.list`` comes to: the SDK's error, ours, and what was received."""
    async with wire(*answers) as served:
        place = endpoint(served.url, key)
        async with open_client(place) as client:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is to be translated
                await client.models.list()
        return caught.value, translated(caught.value, place), served


@pytest.mark.parametrize(
    ("status", "kind", "code", "expected", "again"),
    [
        (401, "authentication_error", None, CredentialsRefused, False),
        (403, "permission_error", None, CredentialsRefused, False),
        (403, "permission_error", "environment_create_disabled", Refused, False),
        (404, "not_found_error", None, NotFound, False),
        (400, "invalid_request_error", "budget_not_raised", Refused, False),
        (402, "billing_error", None, Refused, False),
        (408, "timeout_error", None, Unreachable, True),
        (409, "conflict_error", None, Refused, False),
        (413, "request_too_large", None, Refused, False),
        (429, "rate_limit_error", None, RateLimited, True),
        (429, "rate_limit_error", "enforced_spend_limit_reached", Refused, False),
        (500, "api_error", None, Unreachable, True),
        (529, "overloaded_error", None, Unreachable, True),
    ],
)
async def test_a_status_becomes_one_of_our_errors_after_one_request(
    status: int, kind: str, code: str | None, expected: type[OpstuiError], again: bool
) -> None:
    theirs, ours, served = await failure(answer(status, error(kind, code=code), request_id="req_7"))
    assert type(ours) is expected
    assert passes(theirs) is again
    assert len(served.received) == 1
    assert "night" in ours.message
    assert "req_7" in ours.message


async def test_a_pause_of_an_hour_is_said_and_not_slept() -> None:
    async with asyncio.timeout(5):
        theirs, ours, _ = await failure(answer(429, error("rate_limit_error"), retry_after="3600"))
    assert isinstance(ours, RateLimited)
    assert ours.retry_after == 3600
    assert asked_pause(theirs) == 3600
    assert pause(theirs, 1, AllBits()) <= 1


async def test_a_pause_given_as_a_date_is_measured_by_the_servers_clock() -> None:
    theirs, _, _ = await failure(
        answer(
            503,
            error("api_error"),
            retry_after="Fri, 20 Nov 2026 03:00:20 GMT",
            date="Fri, 20 Nov 2026 03:00:00 GMT",
        )
    )
    assert asked_pause(theirs) == 20
    assert pause(theirs, 1, AllBits()) == 20


async def test_a_server_that_says_not_to_try_again_is_believed() -> None:
    theirs, ours, _ = await failure(answer(503, error("api_error"), x_should_retry="false"))
    assert not passes(theirs)
    assert isinstance(ours, Refused)


def test_our_own_pause_grows_to_ten_seconds() -> None:
    pauses = [pause(Unreachable("x"), attempt, AllBits()) for attempt in range(1, 8)]
    assert [round(each) for each in pauses] == [1, 2, 4, 8, 10, 10, 10]


async def test_a_login_page_of_the_network_is_told_from_the_service() -> None:
    theirs, ours, _ = await failure(answer(200, "<html>Sign in</html>", kind="text/html; charset=utf-8"))
    assert isinstance(ours, Unreachable)
    assert "login page" in ours.message
    assert passes(theirs)


async def test_a_redirect_to_another_place_gets_neither_the_key_nor_the_request() -> None:
    async with wire(answer(200, {"data": []})) as other:
        _, ours, _ = await failure(answer(307, location=other.url.replace("127.0.0.1", "localhost") + "/v1/models"))
        assert other.received == []
    assert isinstance(ours, Unreachable)
    assert "localhost" in ours.message


async def test_a_redirect_within_the_service_is_followed() -> None:
    async with wire(answer(307, location="/elsewhere"), answer(200, {"data": [], "has_more": False})) as served:
        async with open_client(endpoint(served.url)) as client:
            await client.models.list()
        assert [request.split()[1] for request in served.received] == [b"/v1/models", b"/elsewhere"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n', Unreachable),
        (b'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error"}}\n\n', Refused),
        (b"event: error\ndata: what\n\n", Unreachable),
        (b"event: message_stop\ndata: \xff\xfe\n\n", Unreachable),
        (b"event: message_stop\ndata: {broken\n\n", Unreachable),
    ],
)
async def test_what_goes_wrong_inside_a_stream_is_translated(body: bytes, expected: type[OpstuiError]) -> None:
    ours, theirs = await _streamed(answer(200, body, kind="text/event-stream"))
    assert type(ours) is expected
    assert passes(theirs) is (expected is Unreachable)


async def test_a_stream_that_is_cut_is_unreachable() -> None:
    cut = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 900\r\n\r\nevent: ping\n"
    ours, theirs = await _streamed(cut)
    assert isinstance(ours, Unreachable)
    assert isinstance(theirs, httpx2.RemoteProtocolError)
    assert ours.was_anything_sent
    assert passes(theirs)


async def _streamed(raw: bytes) -> tuple[OpstuiError, BaseException]:
    async with wire(raw) as served:
        place = endpoint(served.url)
        async with open_client(place) as client:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is to be translated
                await _read(client, 5)
        return translated(caught.value, place), caught.value


async def _read(client: Any, seconds: float) -> None:
    stream = await client.messages.create(
        model="m",
        max_tokens=1,
        messages=[{"role": "user", "content": "x"}],
        stream=True,
        timeout=stream_limits(seconds),
    )
    async for _ in stream:
        pass


async def test_a_silent_stream_ends_after_its_own_limit() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 900\r\n\r\n")
        await reader.read()
        writer.close()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    place = endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with open_client(place) as client:
        with pytest.raises(httpx2.ReadTimeout) as caught:
            await _read(client, 0.1)
    await gone.wait()
    server.close()
    await server.wait_closed()
    assert isinstance(translated(caught.value, place), Unreachable)
    assert passes(caught.value)


async def test_nobody_there_means_that_nothing_was_sent() -> None:
    place = endpoint("http://127.0.0.1:9")
    async with open_client(place) as client:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is to be translated
            await client.models.list()
    ours = translated(caught.value, place)
    assert isinstance(ours, Unreachable)
    assert not ours.was_anything_sent
    assert "connection refused" in ours.message
    assert "127.0.0.1:9" in ours.message


async def test_without_any_key_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _no_credentials(monkeypatch, tmp_path)
    place = endpoint("http://127.0.0.1:9", None)
    async with open_client(place) as client:
        with pytest.raises(TypeError) as caught:
            await client.models.list()
    ours = translated(caught.value, place)
    assert isinstance(ours, CredentialsRefused)
    assert "ANTHROPIC_API_KEY" in ours.message
    assert not passes(caught.value)


def test_credentials_that_the_sdk_can_not_read_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _no_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("ANTHROPIC_PROFILE", "absent")
    with pytest.raises(CredentialsRefused, match="SDK's own credentials"):
        open_client(endpoint("https://service.example", None))


async def test_the_sdks_own_key_stays_away_from_servers_it_was_not_made_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _no_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    async with wire(answer(200, {"data": []}), answer(200, {"data": []})) as served:
        async with open_client(endpoint(served.url, None), own_chain=False) as client:
            await client.models.list()
        async with open_client(endpoint(served.url, None)) as client:
            await client.models.list()
        assert CANARY.encode() not in served.received[0]
        assert CANARY.encode() in served.received[1]


def _no_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_IDENTITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ANTHROPIC_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with wire(answer(200, {"data": []})) as served:
        async with open_client(endpoint(served.url)) as client:
            await client.models.list()
        assert len(served.received) == 1


async def test_the_endpoints_proxy_is_used_for_what_is_elsewhere() -> None:
    async with wire(answer(502, "no")) as proxy:
        place = endpoint("http://service.example", proxy=proxy.url)
        async with open_client(place) as client:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is to be translated
                await client.models.list()
        assert proxy.received[0].startswith(b"GET http://service.example/v1/models")
    assert isinstance(translated(caught.value, place), Unreachable)


@pytest.mark.parametrize("key", [f"{CANARY}\nx", f"{CANARY}\u2026", "", f"{CANARY} b"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        open_client(endpoint("http://127.0.0.1:9", key))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


async def test_a_broken_key_that_the_sdk_finds_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{CANARY}\nx")
    with pytest.raises(CredentialsRefused) as caught:
        open_client(endpoint("http://127.0.0.1:9", None))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


async def test_no_message_repr_log_or_traceback_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    theirs, ours, _ = await failure(answer(401, error("authentication_error", f"invalid key {CANARY}!\x1b[31m")))
    place = endpoint("http://127.0.0.1:9")
    async with open_client(place) as client:
        shown = [repr(client), repr(place), repr(ours), ours.message]
    try:
        raise ours from None
    except OpstuiError as raised:
        shown.append("".join(traceback.format_exception(raised)))
    ours_only = [record for record in caplog.records if record.name.startswith("opstui")]
    assert CANARY not in "".join(shown)
    assert "\x1b" not in ours.message
    assert ours_only == []
    assert CANARY not in caplog.text.replace(str(theirs), "")


@pytest.mark.parametrize(
    "url", ["localhost:11434", "ftp://x", "", "http://", "http://[", "http://x:99999999", "https://me:pw@llm.example"]
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        open_client(endpoint(url))


async def test_an_address_with_the_version_in_it_works() -> None:
    async with wire(answer(200, {"data": []})) as served:
        async with open_client(endpoint(served.url + "/v1/")) as client:
            await client.models.list()
        assert served.received[0].split()[1] == b"/v1/models"


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="ca_file"):
        open_client(endpoint("https://service.example", ca_file=tmp_path / "ca.pem"))
    with pytest.raises(ConfigError, match="No such file"):
        open_client(endpoint("https://service.example", ca_file=tmp_path / "absent.pem"))


def test_a_password_in_a_proxy_address_is_never_shown() -> None:
    place = endpoint("https://service.example", proxy="gopher://me:hunter2@proxy")
    with pytest.raises(ConfigError) as caught:
        open_client(place)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)) + repr(place)


def test_an_untrusted_certificate_is_told_from_a_machine_that_is_down() -> None:
    theirs = httpx2.ConnectError("x")
    theirs.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    assert "ca_file" in translated(theirs, endpoint("https://service.example")).message


async def test_a_long_wait_is_said_with_its_end_and_ended_by_an_interrupt() -> None:
    cancelled = asyncio.Event()
    seen = []
    async with asyncio.timeout(2):
        async for notice in waiting(40, "night: rate limited", "n1", FixedClock(), cancelled):
            seen.append(notice)
            asyncio.get_running_loop().call_later(0.01, cancelled.set)
    assert [notice.text for notice in seen] == ["night: rate limited; trying again in 40 s"]
    assert seen[0].until == datetime(2026, 11, 20, 3, 0, 40, tzinfo=UTC)


async def test_a_wait_is_said_every_ten_seconds_under_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "wait_for", _at_once)
    seen = [each async for each in waiting(25, "why", "n1", FixedClock(), asyncio.Event())]
    assert [each.text for each in seen] == [f"why; trying again in {left} s" for left in (25, 15, 5)]
    assert {(each.remote_id, each.until) for each in seen} == {("n1", seen[0].until)}


async def test_a_short_wait_is_not_worth_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "wait_for", _at_once)
    assert [each async for each in waiting(1.5, "why", "n1", FixedClock(), asyncio.Event())] == []


async def _at_once(awaited: Any, _: float) -> Callable[[], None]:
    awaited.close()
    raise TimeoutError
