"""The anthropic SDK as opstui opens it: our own time limits and retries, no surroundings, errors in our words."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from opstui.adapters.runtimes.anthropic_errors import (
    SET_KEY,
    NotTheService,
    asked_pause as asked_pause,
    passes as passes,
    translated as translated,
)
from opstui.adapters.transport import host_of, is_address, limits, open_transport, trusted
from opstui.core.errors import ConfigError, CredentialsRefused
from opstui.core.frozen import dataclass
from opstui.core.sessions import RuntimeNotice
from opstui.core.text import clean_line

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock, Randomness

LONGEST_WAIT = 60.0
"""Seconds of a server's ``retry-after`` that are waited out; a longer pause is somebody's decision."""
LONGEST_BACKOFF = 10.0
SAID_FROM = 2.0
"""Waits longer than this are said."""
SAID_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a runtime's service is and what opens it. The key is asked for late and never kept here."""

    name: str
    """The runtime's name, which begins every message."""
    base_url: Callable[[], str]
    key: Callable[[], str | None]
    """None: the SDK's own chain (its environment variables, profiles, workload identity). May raise."""
    proxy: str | None = None
    """May hold a password. Not for services on this machine."""
    ca_file: Path | None = None
    """Trusted beside the usual authorities."""

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    @property
    def host(self) -> str:
        """For messages: the host (and port) alone, as an address may hold a password."""
        return host_of(self.base_url())


def open_client(endpoint: Endpoint, *, own_chain: bool = True) -> AsyncAnthropic:
    """A client without retries of its own, whose proxy and authorities come from ``endpoint`` and nowhere else.

    With ``own_chain`` off an endpoint without a key gets a word in its place, so that a key found in the environment
    never goes to a server it was not made for. Answers that are web pages and redirects to another place are errors,
    as a login page of the network would get the ticket otherwise. Raises CredentialsRefused, ConfigError.
    """
    # Importing it costs about a second of CPU, so only a session pays for it.
    import warnings

    import httpx2
    from anthropic import AnthropicError, AsyncAnthropic

    # The SDK takes whatever a server sends, and pydantic complains on stderr, quoting it, when the SDK turns it around.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)

    # The SDK adds the version itself.
    base_url = endpoint.base_url().rstrip("/").removesuffix("/v1")
    if not is_address(base_url):
        raise ConfigError(f"{endpoint.name}: base_url must be an address like https://llm.example, no password in it")
    key = endpoint.key()
    if key is None and not own_chain:
        key = "none"
    http = httpx2.AsyncClient(
        transport=open_transport(
            endpoint.name, base_url, trust=trusted(endpoint.name, endpoint.ca_file), proxy=endpoint.proxy
        ),
        timeout=limits(),
        follow_redirects=True,
        trust_env=False,
        event_hooks={"response": [_only_the_service]},
    )
    try:
        client = AsyncAnthropic(
            api_key=_checked(endpoint, key),
            base_url=base_url,
            timeout=limits(),
            max_retries=0,
            open_telemetry=False,
            http_client=http,
        )
    except (AnthropicError, OSError, ValueError) as error:
        # A profile or token file that can't be read.
        raise translated(error, endpoint) from None
    # What the SDK found by itself goes into a header as well, and a broken one would be quoted by the HTTP library.
    _checked(endpoint, client.api_key)
    _checked(endpoint, client.auth_token)
    return client


def stream_limits(read: float) -> httpx2.Timeout:
    """Time limits of a request whose answer is a stream that says something at least every ``read`` seconds."""
    return limits(read)


def _checked(endpoint: Endpoint, key: str | None) -> str | None:
    """``key`` as it can stand in a header. One that can't would be quoted in the HTTP library's complaint."""
    if key is None:
        return None
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        what = "is empty" if not key else "holds characters that no key has"
        raise CredentialsRefused(f"{endpoint.name}: the key {what}; nothing was sent. {SET_KEY}")
    return key


async def _only_the_service(response: httpx2.Response) -> None:
    """Refuse what a network's login page or a wrong address answers, before the SDK makes nothing of it.

    To the SDK 2.10.0 a web page with status 200 is a plain str, or a stream without events.
    """
    if response.is_success and response.headers.get("content-type", "").lower().startswith("text/html"):
        raise NotTheService("a web page answered, probably a login page of the network")
    if response.has_redirect_location:
        target = response.url.join(response.headers["location"])
        same_port = (target.scheme, target.port) == (response.url.scheme, response.url.port)
        upgraded = (response.url.scheme, target.scheme) == ("http", "https")
        if target.host != response.url.host or not (same_port or upgraded):
            raise NotTheService(
                f"it points to {clean_line(target.host, limit=120)} instead, where nothing was sent; if that is right, "
                f"set base_url to it"
            )


def pause(error: BaseException, attempt: int, randomness: Randomness) -> float:
    """Seconds to wait before try ``attempt`` + 1 (counted from 1): what the server asks if that is sane, else ours.

    Ours is full jitter below 1, 2, 4, 8, 10, 10, … seconds, so that many sessions do not come back together.
    """
    asked = asked_pause(error)
    if asked is not None and asked <= LONGEST_WAIT:
        return asked
    share = int.from_bytes(randomness.bytes(4), "big") / 2**32
    return max(0.1, share * min(LONGEST_BACKOFF, 2.0 ** min(attempt - 1, 10)))


async def waiting(
    seconds: float, why: str, notice_id: str, clock: Clock, cancelled: asyncio.Event
) -> AsyncIterator[RuntimeNotice]:
    """Wait; ends early, at once, when ``cancelled`` is set. Longer than 2 s it is said, and again every ten seconds.

    Every notice has the same id and the same ``until``, so the newest replaces the others.
    """
    until = clock.now() + timedelta(seconds=seconds)
    left = seconds
    while left > 0 and not cancelled.is_set():
        if seconds > SAID_FROM:
            yield RuntimeNotice(notice_id, f"{why}; trying again in {math.ceil(left)} s", at=clock.now(), until=until)
        step = min(left, SAID_EVERY)
        try:
            await asyncio.wait_for(cancelled.wait(), step)
        except TimeoutError:
            left -= step
