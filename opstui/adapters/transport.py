"""How this program opens connections: its own time limits, proxy and authorities, and nothing of its surroundings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opstui.core.errors import ConfigError
from opstui.core.hosts import leads_here
from opstui.core.text import clean_line

if TYPE_CHECKING:
    import ssl

    import httpx2

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""Of an ordinary call: how long it may be silent."""


def host_of(url: str) -> str:
    """Host and port of ``url`` without what may stand before them; cleaned."""
    return clean_line(urlsplit(url).netloc.rpartition("@")[2] or "?", limit=120)


def is_address(url: str) -> bool:
    """Whether ``url`` names a server by http or https and holds no password."""
    try:
        parts = urlsplit(url)
        is_plain = parts.username is None and parts.password is None
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and is_plain
    except ValueError:
        return False


def limits(read: float = READ_SECONDS) -> httpx2.Timeout:
    """Time limits of a request whose answer says something at least every ``read`` seconds."""
    import httpx2

    return httpx2.Timeout(read, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)


def open_transport(
    name: str, base_url: str, *, trust: ssl.SSLContext, proxy: str | None, keep: bool = True
) -> httpx2.AsyncHTTPTransport:
    """A transport without retries. ``name`` begins every message; ``keep`` off: each request on a new connection.

    Not the library's default one: that takes proxies from the environment whatever ``trust_env`` says (2.10.0). No
    proxy for this machine. Raises ConfigError.
    """
    import socket

    import httpx2

    alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, option):
            alive.append((socket.IPPROTO_TCP, getattr(socket, option), 30))
    usual = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
    try:
        return httpx2.AsyncHTTPTransport(
            verify=trust,
            trust_env=False,
            proxy=None if leads_here(base_url) else proxy,
            socket_options=alive,
            limits=usual if keep else httpx2.Limits(max_keepalive_connections=0),
            retries=0,
        )
    except (ValueError, httpx2.InvalidURL):
        # The address may hold a password, so it is not shown.
        raise ConfigError(f"{name}: proxy must be an address like http://proxy.example:3128") from None


def trusted(name: str, ca_file: Path | None) -> ssl.SSLContext:
    """Whom to believe that they are who they say: the usual authorities and ``ca_file``. Raises ConfigError."""
    import httpx2

    context = httpx2.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            why = error.strerror or "no certificates in it"
            raise ConfigError(f"{name}: ca_file can't be used ({why})", file=str(ca_file)) from None
    return context


def trusted_by_nobody() -> ssl.SSLContext:
    """For addresses without TLS, where reading the authorities would cost 25 ms: no certificate is good enough."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
