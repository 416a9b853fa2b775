"""Links in foreign text: found, and shown with the host they really lead to. Nothing is ever opened unasked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from opstui.core.hosts import leads_here

_LINK = re.compile(r"https://[^\s<>\"'`{}|\\^]+")
_TRAILING = ".,;:!?"
_CLOSING = {")": "(", "]": "["}


def first_link(text: str) -> str | None:
    """The first ``https`` link in ``text``, without the punctuation that follows it; None if there is none."""
    for found in _LINK.finditer(text):
        link = found.group()
        while link and (
            link[-1] in _TRAILING or (link[-1] in _CLOSING and link.count(link[-1]) > link.count(_CLOSING[link[-1]]))
        ):
            link = link[:-1]
        if true_host(link) is not None:
            return link
    return None


def true_host(link: str) -> str | None:
    """The host a link leads to, letters that only look Latin spelt out (``xn--…``); None for what is no https link."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
        if parts.scheme != "https" or not host:
            return None
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None


def own_host(link: str) -> str | None:
    """The host of an address that a ticket system gives its ticket: https, or http on this machine; else None."""
    host = true_host(link)
    if host is None and link.startswith("http://") and leads_here(link):
        return urlsplit(link).netloc
    return host
