"""The anthropic SDK as opstui opens it: our own time limits and retries, no surroundings, errors in our words."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opstui.core.errors import (
    ConfigError,
    CredentialsRefused,
    NotFound,
    OpstuiError,
    RateLimited,
    Refused,
    Unreachable,
)
from opstui.core.frozen import dataclass
from opstui.core.sessions import RuntimeNotice
from opstui.core.text import clean_line

if TYPE_CHECKING:
    import ssl

    import httpx2
    from anthropic import AsyncAnthropic

    from opstui.core.ids import Clock, Randomness

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""Of an ordinary call; a stream is opened with its own, longer one."""
LONGEST_WAIT = 60.0
"""Seconds of a server's ``retry-after`` that are waited out; a longer pause is somebody's decision."""
LONGEST_BACKOFF = 10.0
SAID_FROM = 2.0
"""Waits longer than this are said."""
SAID_EVERY = 10.0

SPEND_LIMITS = frozenset(
    ("enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded", "organization_on_hold")
)
"""Error codes that another try can't help (Anthropic's error reference, October 2026); most come with a 429."""
_PASSING_TYPES = frozenset(("overloaded_error", "api_error", "timeout_error", "rate_limit_error"))
_PASSING_STATUS = frozenset((408, 429))
_NO_KEY = "could not resolve authentication"
_SET_KEY = "Set its key in the config (opstui config secret set NAME keeps one), or ANTHROPIC_API_KEY"


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


def host_of(url: str) -> str:
    """Host and port of ``url`` without what may stand before them; cleaned."""
    return clean_line(urlsplit(url).netloc.rpartition("@")[2] or "?", limit=120)


def is_here(url: str) -> bool:
    """Whether ``url`` is on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


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
    if not _is_address(base_url):
        raise ConfigError(f"{endpoint.name}: base_url must be an address like https://llm.example")
    key = endpoint.key()
    if key is None and not own_chain:
        key = "none"
    http = httpx2.AsyncClient(
        transport=_transport(endpoint, base_url),
        timeout=_limits(),
        follow_redirects=True,
        trust_env=False,
        event_hooks={"response": [_only_the_service]},
    )
    try:
        client = AsyncAnthropic(
            api_key=_checked(endpoint, key),
            base_url=base_url,
            timeout=_limits(),
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
    return _limits(read)


def _limits(read: float = READ_SECONDS) -> httpx2.Timeout:
    import httpx2

    return httpx2.Timeout(read, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)


def _transport(endpoint: Endpoint, base_url: str) -> httpx2.AsyncHTTPTransport:
    """Not the SDK's default: that one takes proxies from the environment whatever ``trust_env`` says (2.10.0)."""
    import socket

    import httpx2

    proxy = None if is_here(base_url) else endpoint.proxy
    alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            alive.append((socket.IPPROTO_TCP, getattr(socket, name), 30))
    try:
        return httpx2.AsyncHTTPTransport(
            verify=_trusted(endpoint), trust_env=False, proxy=proxy, socket_options=alive, retries=0
        )
    except (ValueError, httpx2.InvalidURL):
        # The address may hold a password, so it is not shown.
        raise ConfigError(f"{endpoint.name}: proxy must be an address like http://proxy.example:3128") from None


def _trusted(endpoint: Endpoint) -> ssl.SSLContext | bool:
    if endpoint.ca_file is None:
        return True
    import httpx2

    context = httpx2.create_ssl_context(trust_env=False)
    try:
        context.load_verify_locations(cafile=endpoint.ca_file)
    except OSError as error:
        why = error.strerror or "no certificates in it"
        raise ConfigError(f"{endpoint.name}: ca_file can't be used ({why})", file=str(endpoint.ca_file)) from None
    return context


def _checked(endpoint: Endpoint, key: str | None) -> str | None:
    """``key`` as it can stand in a header. One that can't would be quoted in the HTTP library's complaint."""
    if key is None:
        return None
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        what = "is empty" if not key else "holds characters that no key has"
        raise CredentialsRefused(f"{endpoint.name}: the key {what}; nothing was sent. {_SET_KEY}")
    return key


class _NotTheService(Exception):
    """Something else than the service answered."""


async def _only_the_service(response: httpx2.Response) -> None:
    """Refuse what a network's login page or a wrong address answers, before the SDK makes nothing of it.

    To the SDK 2.10.0 a web page with status 200 is a plain str, or a stream without events.
    """
    if response.is_success and response.headers.get("content-type", "").lower().startswith("text/html"):
        raise _NotTheService("a web page answered, probably a login page of the network")
    if response.has_redirect_location:
        target = response.url.join(response.headers["location"])
        same_port = (target.scheme, target.port) == (response.url.scheme, response.url.port)
        upgraded = (response.url.scheme, target.scheme) == ("http", "https")
        if target.host != response.url.host or not (same_port or upgraded):
            raise _NotTheService(
                f"it points to {clean_line(target.host, limit=120)} instead, where nothing was sent; if that is right, "
                f"set base_url to it"
            )


# --- errors -----------------------------------------------------------------------------------------------------------


def translated(error: BaseException, endpoint: Endpoint) -> OpstuiError:
    """``error`` (of the SDK, the HTTP library or a decoder) as one of ours, without a key and cleaned.

    Raise it ``from None``: what it comes from may quote a header.
    """
    import anthropic
    import httpx2

    name = endpoint.name
    if isinstance(error, OpstuiError):
        return error
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, endpoint)
    if isinstance(error, anthropic.APIConnectionError | httpx2.TransportError | httpx2.StreamError):
        return _of_connection(error, endpoint)
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError | httpx2.DecodingError):
        return Unreachable(f"{name}: the answer can't be read (bad bytes)", system=name, was_anything_sent=True)
    if isinstance(error, anthropic.APIError):
        return Unreachable(f"{name}: the answer is not what it should be", system=name, was_anything_sent=True)
    if isinstance(error, TypeError) and _NO_KEY in str(error).lower():
        return CredentialsRefused(f"{name}: there is no key; nothing was sent. {_SET_KEY}")
    if isinstance(error, anthropic.AnthropicError) and isinstance(error.__cause__, httpx2.TransportError):
        return Unreachable(f"{name}: the service that gives out tokens is not reachable; nothing was sent", system=name)
    if isinstance(error, anthropic.AnthropicError) or (isinstance(error, OSError) and not _is_network(error)):
        # Profiles, token files, workload identity: their messages may quote what was in a file.
        return CredentialsRefused(
            f"{name}: the SDK's own credentials can't be used ({type(error).__name__}); nothing was sent. {_SET_KEY}"
        )
    if isinstance(error, OSError):
        return Unreachable(f"{name}: not reachable ({_plain(error)})", system=name)
    if isinstance(error, httpx2.TooManyRedirects | httpx2.InvalidURL):
        return Refused(f"{name}: {endpoint.host} is no address of the service; see base_url")
    return Refused(f"{name}: the request could not be made ({type(error).__name__})")


def passes(error: BaseException) -> bool:
    """Whether another try can help: no connection, silence, 408, 429, 5xx, an overloaded frame, bad bytes.

    A 409 is a state of the session (Managed Agents), and a spend limit stays.
    """
    import anthropic
    import httpx2

    if isinstance(error, OpstuiError):
        return isinstance(error, Unreachable)
    if isinstance(error, anthropic.APIStatusError):
        if error.error_code in SPEND_LIMITS or error.response.headers.get("x-should-retry") == "false":
            return False
        status = error.status_code
        if status < 400:
            return error.type is None or error.type in _PASSING_TYPES
        return status in _PASSING_STATUS or status >= 500
    if isinstance(error, anthropic.APIConnectionError):
        return not isinstance(error.__cause__, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol)
    if isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return False
    return isinstance(
        error,
        httpx2.TransportError
        | httpx2.StreamError
        | httpx2.DecodingError
        | UnicodeDecodeError
        | json.JSONDecodeError
        | anthropic.APIResponseValidationError,
    ) or (isinstance(error, OSError) and _is_network(error))


def asked_pause(error: BaseException) -> float | None:
    """Seconds that the server asks to stay away, however many; None where it does not say."""
    if isinstance(error, Unreachable):
        return error.retry_after
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    try:
        # Both by the server's own clock, so that ours does not matter.
        until, now = parsedate_to_datetime(headers["retry-after"]), parsedate_to_datetime(headers["date"])
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


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


def _of_status(error: Any, endpoint: Endpoint) -> OpstuiError:
    name, status, kind = endpoint.name, error.status_code, error.type
    said = _said(error)
    wait = asked_pause(error)
    if error.error_code in SPEND_LIMITS:
        return Refused(
            f"{name}: the account's spend limit is reached, trying again is no use{said}", reason="spend limit"
        )
    if status == 402 or kind == "billing_error":
        return Refused(f"{name}: the account can't be billed{said}", reason="billing")
    if status == 401 or kind == "authentication_error":
        return CredentialsRefused(f"{name}: the key was refused{said}. opstui doctor tests it. {_SET_KEY}")
    if kind == "permission_error" and error.error_code is None:
        return CredentialsRefused(f"{name}: the key may not do this{said}")
    if status == 429 or kind == "rate_limit_error":
        asked = f" for {math.ceil(wait)} s" if wait else ""
        return RateLimited(
            f"{name}: the service asks for a pause{asked}{said}", system=name, was_anything_sent=False, retry_after=wait
        )
    if kind == "overloaded_error" or status == 529:
        return Unreachable(f"{name}: the service is overloaded{said}", system=name, retry_after=wait)
    if passes(error):
        shown = f" ({status})" if status >= 400 else ""
        return Unreachable(
            f"{name}: the service failed{shown}{said}", system=name, was_anything_sent=True, retry_after=wait
        )
    if status == 404 or kind == "not_found_error":
        return NotFound(f"{name}: the service does not know that{said}")
    if status == 413 or kind == "request_too_large":
        return Refused(f"{name}: more was sent than the service takes{said}", reason="too large")
    return Refused(f"{name}: the service refused ({status}){said}", reason=error.error_code or kind or str(status))


def _said(error: Any) -> str:
    """What the server said and the request's id, cleaned, without the key that was sent should it be quoted."""
    # A proxy's error is a web page, which helps nobody on one line.
    text = str(error.api_message or "") if isinstance(error.body, Mapping) else ""
    sent = error.request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    for secret in (sent, error.request.headers.get("x-api-key", "")):
        if len(secret) > 3:
            text = text.replace(secret, "[key]")
    words = clean_line(text, limit=240)
    request = clean_line(str(error.request_id or ""), limit=60)
    return (f": {words}" if words else "") + (f" [{request}]" if request else "")


def _of_connection(error: BaseException, endpoint: Endpoint) -> OpstuiError:
    import anthropic
    import httpx2

    # The SDK wraps what happens before the answer begins; the rest comes as it is.
    name, cause = endpoint.name, error
    if isinstance(error, anthropic.APIConnectionError) and error.__cause__ is not None:
        cause = error.__cause__
    if isinstance(cause, _NotTheService):
        return Unreachable(f"{name}: {endpoint.host} is not the service: {cause}", system=name)
    if isinstance(cause, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return Refused(f"{name}: the request could not be made ({type(cause).__name__}); see base_url and the key")
    if isinstance(cause, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Unreachable(f"{name}: not reachable, no connection to {endpoint.host} in time", system=name)
    if isinstance(cause, httpx2.ProxyError):
        return Unreachable(f"{name}: the proxy did not let it through to {endpoint.host}", system=name)
    if isinstance(cause, httpx2.ConnectError):
        return Unreachable(f"{name}: not reachable, {endpoint.host}: {_why(cause)}", system=name)
    what = "no answer in time" if isinstance(cause, httpx2.TimeoutException) else "the connection was cut"
    return Unreachable(f"{name}: {what} ({endpoint.host})", system=name, was_anything_sent=True)


def _why(error: BaseException) -> str:
    """Why no connection came about, from the error at the root."""
    import ssl

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "its certificate is not trusted; behind an inspecting proxy set ca_file"
        if isinstance(seen, ssl.SSLError):
            return "no TLS there; see base_url"
        if isinstance(seen, OSError) and seen.errno is not None:
            return _plain(seen)
        if isinstance(seen, BaseExceptionGroup):
            # One for each address of the host; they fail alike.
            seen = seen.exceptions[-1]
            continue
        seen = seen.__cause__ or seen.__context__
    return "no connection"


def _plain(error: OSError) -> str:
    import socket

    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return clean_line(error.strerror or "no connection", limit=80).lower()


def _is_network(error: OSError) -> bool:
    import socket

    return isinstance(error, ConnectionError | TimeoutError | socket.gaierror)
