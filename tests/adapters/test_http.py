"""The one client of the ticket systems: where it goes, and what it takes from its surroundings."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.http import HttpClient
from opstui.core.errors import (
    ConfigError,
    CredentialsRefused,
    Refused,
)
from tests.adapters.wire import TOKEN, answer, asking, client, connection, problem, saying, serving, was_sent

# --- where to ---------------------------------------------------------------------------------------------------------


async def test_a_path_is_asked_below_the_base_address_with_the_token() -> None:
    async with asking(saying(answer(200, '{"a": 1}')), "/REST/2.0/") as (http, wire):
        found = await http.request("GET", "ticket/1", params=[("fields", "a b"), ("fields", "ü")])
        assert (found.status, found.json()) == (200, {"a": 1})
        assert found.headers["CONTENT-TYPE"] == "application/json"
        assert wire.requests[0].path == "/REST/2.0/ticket/1?fields=a+b&fields=%C3%BC"
        assert wire.requests[0].headers["authorization"] == f"token {TOKEN}"


async def test_a_next_link_of_the_same_origin_is_followed_as_it_stands() -> None:
    async with asking(saying(answer()), "/api") as (http, wire):
        await http.request("GET", f"{wire.url}/api/items?page=2&q=a%20b")
        assert wire.requests[0].path == "/api/items?page=2&q=a%20b"


HOSTILE = {
    "another host": "http://evil.example/api/x",
    "another host without a scheme": "//evil.example/api/x",
    "another scheme": "https://127.0.0.1:{port}/api/x",
    "another port": "http://127.0.0.1:1/api/x",
    "no port": "http://127.0.0.1/api/x",
    "ours as a name": "http://127.0.0.1:{port}@evil.example/api/x",
    "a name before ours": "http://me@127.0.0.1:{port}/api/x",
    "a name and a password before ours": "http://me:pw@127.0.0.1:{port}/api/x",
    "ours as the beginning of another": "http://127.0.0.1.evil.example:{port}/api/x",
    "backslashes": "\\\\evil.example/api/x",
    "a backslash in the host": "http://127.0.0.1:{port}\\@evil.example/api/x",
    "a slash and a backslash": "/\\evil.example/x",
    "a newline": "http://127.0.0.1:{port}/api/\n//evil.example",
    "a tab before it": "\t//evil.example/",
    "a scheme in capitals": "HTTPS://evil.example/api/x",
    "no http at all": "file:///etc/passwd",
    "a script": "javascript://127.0.0.1:{port}/api/x",
    "outside of the base path": "http://127.0.0.1:{port}/other/x",
    "a path that only begins the same": "http://127.0.0.1:{port}/apis/x",
    "up and out": "../admin",
    "up and out in the middle": "items/../../admin",
    "up and out, hidden": "items/%2e%2E/%2e./admin",
    "up and out, with hidden slashes": "..%2f..%2fadmin",
    "a port that is none": "http://127.0.0.1:99999/api/x",
    "brackets without an end": "http://[::1/api/x",
    "letters that look like ours": "http://１２７.0.0.1:{port}/api/x",
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_nothing_is_asked_anywhere_else(what: str) -> None:
    asked = 0

    def authorize() -> Mapping[str, str]:
        nonlocal asked
        asked += 1
        return {"Authorization": TOKEN}

    async with serving(saying(answer())) as wire:
        http = HttpClient(connection(wire.url), f"{wire.url}/api", authorize)
        error = await problem(http, path=HOSTILE[what].format(port=wire.port))
        await http.disconnect()
        assert isinstance(error, Refused)
        assert "nothing was sent" in str(error)
        assert (wire.connections, asked) == (0, 0), "refused before the token was asked for"


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("x?page=" + "a" * 70_000, {}),
        ("x", {"params": {"q": "a" * 70_000}}),
        ("x", {"params": {"q": "\ud800"}}),
        ("x", {"json": {"text": "\ud800"}}),
        ("x", {"files": [("file", ("\ud800.txt", b"x", "text/plain"))]}),
    ],
    ids=["long link", "long query", "half a letter asked", "half a letter said", "half a letter in a file's name"],
)
async def test_a_request_that_can_not_be_made_is_refused(path: str, more: dict[str, Any]) -> None:
    async with asking(saying(answer())) as (http, wire):
        error = await problem(http, "POST", path, **more)
        assert isinstance(error, Refused)
        assert "Nothing was sent" in str(error)
        assert not wire.requests


@pytest.mark.parametrize("path", ["@evil.example/x", ":80@evil.example/x", "evil.example:80/x", "?x=http://evil/"])
async def test_a_path_that_looks_like_an_address_stays_a_path(path: str) -> None:
    async with asking(saying(answer()), "/api") as (http, wire):
        await http.request("GET", path)
        assert wire.requests[0].path.startswith("/api/")
        assert wire.requests[0].headers["host"] == f"127.0.0.1:{wire.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_is_refused_and_named(status: int, method: str) -> None:
    async with serving(saying(answer())) as other:
        there = f"Location: http://user:pass@127.0.0.1:{other.port}/login"
        async with asking(saying(answer(status, b"", there))) as (http, _):
            error = await problem(http, method)
            assert isinstance(error, Refused)
            assert f"http://127.0.0.1:{other.port}" in str(error)
            assert "pass" not in str(error)
        assert other.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://tickets.example", "https://me:pw@tickets.example", "tickets.example", "https://", "http://tickets.example",
        "https://tickets.example/?a=b", "https://tickets.example/#a", "https://tick ets.example", "https://a:0",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_a_mistake_in_the_config(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        client(url)
    assert caught.value.key == "tickets.rt.url"
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Tickets.Example/rt/", "https://tickets.example"),
        ("https://tickets.example:443", "https://tickets.example"),
        ("https://tickets.example:8443", "https://tickets.example:8443"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert client(url).origin == origin


# --- surroundings -----------------------------------------------------------------------------------------------------


def test_two_systems_at_one_host_are_two_places() -> None:
    urls = ("https://a.example", "https://a.example:443/", "https://a.example/one", "https://a.example/two/")
    places = [client(url).place for url in urls]
    assert places == ["https://a.example", "https://a.example", "https://a.example/one", "https://a.example/two"]


async def test_proxies_of_the_environment_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(answer(200, '"the proxy"'))) as proxy, asking(saying(answer(200, '"it"'))) as (http, _):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await http.request("GET", "x")).json() == "it"
        assert proxy.connections == 0


async def test_a_proxy_of_the_config_leads_to_others_and_is_not_used_for_this_machine() -> None:
    async with serving(saying(answer(502, b"no way"), close=True)) as proxy:
        http = client("https://tickets.example", give={"proxy": f"http://me:hush-hush@127.0.0.1:{proxy.port}"})
        error = await problem(http, "POST")
        await http.disconnect()
        assert proxy.requests[0].line == "CONNECT tickets.example:443 HTTP/1.1"
        assert "authorization" not in proxy.requests[0].headers, "the token is for the system, not for the proxy"
        assert not was_sent(error), "what goes to the proxy is not the request"
        assert "hush" not in str(error)
        async with asking(saying(answer()), give={"proxy": proxy.url}) as (here, _):
            await here.request("GET", "x")
        assert proxy.connections == 1


async def test_cookies_are_not_kept() -> None:
    async with asking(saying(answer(200, b"{}", "Set-Cookie: session=somebody; Path=/"))) as (http, wire):
        await http.request("GET", "x")
        await http.request("GET", "x")
        assert "cookie" not in wire.requests[1].headers


async def test_a_password_file_of_the_user_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with serving(saying(answer())) as wire:
        http = HttpClient(connection(wire.url), wire.url, dict)
        await http.request("GET", "x")
        await http.disconnect()
        assert "authorization" not in wire.requests[0].headers


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, made, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(tls: ssl.SSLContext) -> None:
    async with serving(saying(answer()), tls=tls) as wire:
        http = client(wire.url)
        error = await problem(http, "POST")
        await http.disconnect()
        assert not was_sent(error)
        assert "certificate is not trusted: self-signed certificate" in str(error)
        assert not wire.requests


async def test_an_authority_of_the_config_is_believed(tls: ssl.SSLContext, certificate: Path) -> None:
    async with serving(saying(answer()), tls=tls) as wire:
        http = client(wire.url, give={"ca_file": certificate})
        assert (await http.request("GET", "x")).status == 200
        assert (await http.request("POST", "x")).status == 200
        await http.disconnect()


async def test_an_authority_that_cannot_be_read_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    http = client("https://127.0.0.1:1", give={"ca_file": tmp_path / "ca.pem"})
    with pytest.raises(ConfigError, match="ca_file can't be used"):
        await http.request("GET", "x")


async def test_tls_to_a_server_without_it_is_not_reachable() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(400))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        http = client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert not was_sent(await problem(http, "POST"))
        await http.disconnect()


@pytest.mark.parametrize("token", [None, "", "  ", "käse", "a\nX-Evil: 1", "a" * 70_000])
async def test_a_token_that_can_be_none_is_not_sent_and_not_quoted(token: str | None) -> None:
    async with asking(saying(answer()), give={"secret": lambda: token}) as (http, wire):
        with pytest.raises(CredentialsRefused) as caught:
            await http.request("GET", "x")
        assert not wire.connections
        assert not token or not token.strip() or token not in str(caught.value)


async def test_a_header_that_can_be_none_is_not_sent_and_not_quoted() -> None:
    async with serving(saying(answer())) as wire:
        http = HttpClient(connection(wire.url), wire.url, lambda: {"Authorization": f"token {TOKEN}\r\nX: 1"})
        assert isinstance(await problem(http), CredentialsRefused)
        await http.disconnect()
        assert not wire.connections


# --- loops ------------------------------------------------------------------------------------------------------------


async def test_each_loop_has_its_own_connections_and_a_probe_can_be_asked_from_anywhere() -> None:
    async with asking(saying(answer(200, "1"))) as (http, wire):
        assert (await http.request("GET", "x")).json() == 1
        ask: Callable[[], Any] = lambda: http.request("GET", "x")  # noqa: E731
        found = await asyncio.to_thread(http.alone, ask)
        assert found.json() == 1
        assert (await http.request("GET", "x")).json() == 1
        assert wire.connections == 2


async def test_disconnecting_closes_and_the_next_request_opens_again() -> None:
    async with asking(saying(answer())) as (http, wire):
        await http.request("GET", "x")
        await http.disconnect()
        await http.disconnect()
        await http.request("GET", "x")
        assert wire.connections == 2
