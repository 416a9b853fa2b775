"""What goes wrong between the anthropic SDK and a service, in our words: what it means, and whether to try again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from opstui.adapters.runtimes.anthropic_client import Endpoint

SPEND_LIMITS = frozenset(
    ("enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded", "organization_on_hold")
)
"""Error codes that another try can't help (Anthropic's error reference, October 2026); most come with a 429."""
_PASSING_TYPES = frozenset(("overloaded_error", "api_error", "timeout_error", "rate_limit_error"))
_PASSING_STATUS = frozenset((408, 429))
_NO_KEY = "could not resolve authentication"
SET_KEY = "Set its key in the config (opstui config secret set NAME keeps one), or ANTHROPIC_API_KEY"


class NotTheService(Exception):
    """Something else than the service answered; its text says what."""


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
        return CredentialsRefused(f"{name}: there is no key; nothing was sent. {SET_KEY}")
    if isinstance(error, anthropic.AnthropicError) and isinstance(error.__cause__, httpx2.TransportError):
        return Unreachable(f"{name}: the service that gives out tokens is not reachable; nothing was sent", system=name)
    if isinstance(error, anthropic.AnthropicError) or (isinstance(error, OSError) and not _is_network(error)):
        # Profiles, token files, workload identity: their messages may quote what was in a file.
        return CredentialsRefused(
            f"{name}: the SDK's own credentials can't be used ({type(error).__name__}); nothing was sent. {SET_KEY}"
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
        return CredentialsRefused(f"{name}: the key was refused{said}. opstui doctor tests it. {SET_KEY}")
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
    text = _words_of(error)
    sent = error.request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    for secret in (sent, error.request.headers.get("x-api-key", "")):
        if len(secret) > 3:
            text = text.replace(secret, "[key]")
    words = clean_line(text, limit=240)
    request = clean_line(str(error.request_id or ""), limit=60)
    return (f": {words}" if words else "") + (f" [{request}]" if request else "")


def _words_of(error: Any) -> str:
    """The server's own words. Other servers than Anthropic's put them elsewhere: ``error``, ``message``, ``detail``."""
    if not isinstance(error.body, Mapping):
        return ""
    found = (error.api_message, *(error.body.get(key) for key in ("error", "message", "detail")))
    return next((text for text in found if isinstance(text, str) and text), "")


def _of_connection(error: BaseException, endpoint: Endpoint) -> OpstuiError:
    import anthropic
    import httpx2

    # The SDK wraps what happens before the answer begins; the rest comes as it is.
    name, cause = endpoint.name, error
    if isinstance(error, anthropic.APIConnectionError) and error.__cause__ is not None:
        cause = error.__cause__
    if isinstance(cause, NotTheService):
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
