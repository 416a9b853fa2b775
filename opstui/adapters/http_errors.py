"""What can go wrong between :mod:`opstui.adapters.http` and a server, in our words."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from opstui.adapters.pacing import exhausted
from opstui.core.errors import (
    Conflict,
    CredentialsRefused,
    NotFound,
    OpstuiError,
    RateLimited,
    Refused,
    Unreachable,
)
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line

WORDS_LIMIT = 200
"""Letters of a server's own words in a message."""
_TELLING = ("message", "error", "errors", "errorMessages", "error_description", "detail", "details", "description",
            "title")  # fmt: skip
"""Where systems put what is the matter, in the order in which it is looked for."""


class Asked:
    """A request on its way, as far as errors have to know it."""

    def __init__(self, name: str, host: str, writes: bool, *, table: str = "tickets") -> None:
        self.name = name
        self.host = host
        self.writes = writes
        self.key = f"{table}.{name}"
        """Where the config says how it is reached."""
        self.sent = False
        """Whether a byte of it may have left."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpcore2 tells of its work (its ``trace`` extension). A CONNECT goes to the proxy and is no request."""
        if event.endswith(".send_request_headers.started"):
            request = info.get("request")
            if getattr(request, "method", b"") != b"CONNECT":
                self.sent = True

    @property
    def unsent(self) -> str:
        """What was kept, where nothing was sent."""
        return "Nothing was sent" if self.writes else "What was cached stays"

    @property
    def kept(self) -> str:
        """What was kept, as far as it is known."""
        if self.writes and self.sent:
            return "It may have been applied, which is to be looked up"
        return self.unsent

    def unreachable(self, what: str, *, retry_after: float | None = None) -> Unreachable:
        """No answer; whether the write was applied depends on whether it was sent."""
        return Unreachable(
            f"{self.name}: {what}. {self.kept}",
            system=self.name, was_anything_sent=self.writes and self.sent, retry_after=retry_after,
        )  # fmt: skip

    def too_large(self, limit: int) -> OpstuiError:
        """The answer does not end."""
        size = f"{limit // 1024 // 1024} MB" if limit >= 1024 * 1024 else f"{limit} bytes"
        what = f"{self.host} answers with more than {size}"
        return self.unreachable(what) if self.writes else Refused(f"{self.name}: {what}. {self.kept}")


@dataclass(frozen=True, slots=True)
class Words:
    """Takes our own credentials out of what a server says."""

    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def without(cls, headers: Mapping[str, str]) -> Words:
        """For the headers of a request."""
        return cls(tuple(sorted(set(_parts(headers)), key=len, reverse=True)))

    def __call__(self, text: str, limit: int = WORDS_LIMIT) -> str:
        """One harmless line."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return clean_line(text, limit=limit)


def _parts(headers: Mapping[str, str]) -> Iterator[str]:
    """Everything in the headers that might be a secret, in each form that a server may quote it in."""
    for value in headers.values():
        for part in (value, *value.split()):
            if len(part) < 6:
                continue
            yield part
            _, equals, named = part.partition("=")
            if equals and len(named) >= 6:
                yield named.strip('"')
            try:
                plain = base64.b64decode(part, validate=True).decode()
            except (binascii.Error, ValueError):
                continue
            yield from (one for one in (plain, plain.partition(":")[2]) if len(one) >= 6)


def failed(asked: Asked, error: BaseException, words: Words) -> OpstuiError:
    """An exception of the HTTP library. Raise it ``from None``: what it comes from may quote a header."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return asked.unreachable(f"{asked.host} does not answer")
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return asked.unreachable(f"{asked.host} took too long to answer")
    if isinstance(error, httpx2.ProxyError):
        return asked.unreachable(f"the proxy does not lead to {asked.host} ({words(str(error), 80)})")
    if isinstance(error, httpx2.ConnectError):
        return asked.unreachable(f"{asked.host} is not reachable ({_why(error, words)})")
    if isinstance(error, httpx2.DecodingError):
        return asked.unreachable(f"the answer of {asked.host} can't be unpacked")
    if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return asked.unreachable(f"the connection to {asked.host} was cut ({_why(error, words)})")
    if isinstance(error, httpx2.TransportError | httpx2.StreamError | OSError):
        return asked.unreachable(f"the request to {asked.host} failed ({type(error).__name__})")
    return Refused(f"{asked.name}: the request could not be made ({type(error).__name__}). {asked.unsent}")


def _why(error: BaseException, words: Words) -> str:
    """The system's own reason, from below what the HTTP library says."""
    import socket
    import ssl

    found: BaseException | None = error
    for _ in range(8):
        if found is None:
            break
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {words(found.verify_message, 80)}"
        if isinstance(found, ssl.SSLError):
            return "no TLS that works"
        if isinstance(found, socket.gaierror):
            return "its name is not known"
        if isinstance(found, OSError) and found.strerror:
            # asyncio puts the address into it: “Connect call failed ('127.0.0.1', 1)”.
            import os

            return words((os.strerror(found.errno) if found.errno else found.strerror).lower(), 80)
        found = found.__cause__ or found.__context__
    return "it hung up" if not str(error) else words(str(error), 80)


def refused_by(
    asked: Asked, status: int, headers: Mapping[str, str], body: bytes, pause: float | None, words: Words
) -> OpstuiError:
    """What a status other than the expected ones means.

    500, 502 and 504 come from the middle of things: a write may be applied. 503 and 429 mean that it was not.
    """
    said = _said(headers, body, words)
    because = f" ({said})" if said else ""
    name, nothing = asked.name, "Nothing was applied" if asked.writes else "What was cached stays"
    if 300 <= status < 400:
        return _elsewhere(asked, status, headers, nothing)
    if status == 401:
        return CredentialsRefused(
            f"{name}: does not take the token{because}. {nothing}; set {asked.key}.token in the config"
        )
    if status == 429 or (status == 403 and (pause is not None or exhausted(headers))):
        later = f", asking again in {pause:.0f} s" if pause else ""
        # Jira says which of its limits it is: one of them is of a single ticket.
        which = words(headers.get("ratelimit-reason", ""), 60)
        because = f" ({which})" if which else ""
        return RateLimited(
            f"{name}: asks for fewer requests{because}{later}. {nothing}", system=name, retry_after=pause
        )
    if status == 503:
        later = f", asking again in {pause:.0f} s" if pause else ""
        return Unreachable(f"{name}: is not available now{later}{because}. {nothing}", system=name, retry_after=pause)
    if status >= 500 or status in (408, 425):
        asked.sent = True
        return asked.unreachable(f"{asked.host} is in trouble ({status}{': ' + said if said else ''})")
    if status == 403:
        return Refused(f"{name}: not allowed{because}. {nothing}", reason=said or "not allowed")
    if status in (404, 410):
        return NotFound(f"{name}: no such thing there{because}. {nothing}")
    if status in (409, 412):
        return Conflict(f"{name}: it changed meanwhile{because}. {nothing}")
    return Refused(f"{name}: refused by the server ({status}{': ' + said if said else ''}). {nothing}", reason=said)


def _elsewhere(asked: Asked, status: int, headers: Mapping[str, str], nothing: str) -> Refused:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(headers.get("location", ""))
        other = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else parts.path
    except ValueError:
        other = ""
    where = clean_line(other, limit=120) or "another place"
    return Refused(
        f"{asked.name}: points to {where} instead ({status}), where nothing was sent. {nothing}; if that is right, set "
        f"{asked.key}.url to it"
    )


def _said(headers: Mapping[str, str], body: bytes, words: Words) -> str:
    """The server's own words about a refusal; empty where it has none that a person can use."""
    kind = headers.get("content-type", "").lower()
    if "json" in kind or body.lstrip()[:1] in (b"{", b"["):
        try:
            found = "; ".join(dict.fromkeys(_sentences(json.loads(body))))
        except (ValueError, RecursionError):
            return ""
        return words(found)
    return words(body.decode("utf-8", "replace")) if "text/plain" in kind else ""


def _sentences(value: Any, depth: int = 4) -> Iterator[str]:
    """Strings in the places where systems put what is the matter."""
    if isinstance(value, str):
        if value.strip():
            yield value.strip()
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _sentences(item, depth - 1)
    elif isinstance(value, dict) and depth:
        known = [name for name in _TELLING if value.get(name)]
        if known:
            for name in known:
                yield from _sentences(value[name], depth - 1)
            return
        for name, item in value.items():
            # Jira names the field that a sentence is about: {"errors": {"summary": "is required"}}.
            yield from (f"{name}: {sentence}" for sentence in _sentences(item, depth - 1))
