"""Which ticket a link names, by the system whose address it begins with. Nothing is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from opstui.config.settings import TicketSettings
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.core.tickets import TicketRef

PATHS: Mapping[str, str] = {
    "redmine": r"/issues/(\d+)",
    "jira": r"/browse/([A-Z][A-Z0-9_]*-\d+)",
    "pagerduty": r"/incidents/([A-Z0-9]+)",
    "zendesk": r"/(?:agent/)?(?:tickets|requests)/(\d+)",
    "github": r"/([\w.-]+/[\w.-]+)/issues/(\d+)",
}
"""Kind → the part of the path that holds the key."""


def ref_of_link(text: str, systems: Mapping[str, TicketSettings]) -> TicketRef:
    """The ref. Raises UsageError where no configured system has such links."""
    try:
        link = urlsplit(text)
        host = link.hostname
    except ValueError:
        link, host = urlsplit(""), None
    for name, system in systems.items():
        if host and host in _hosts(system):
            key = _key(system.kind, link.path, parse_qs(link.query))
            if key:
                return TicketRef.parse(f"{name}:{key}")
    raise UsageError(f"{clean_line(text, limit=80)!r} is no link to a ticket of a configured system; write SYSTEM:KEY")


def _hosts(system: TicketSettings) -> set[str]:
    host = urlsplit(system.url).hostname if system.url else None
    if system.kind == "github":
        return {host.removeprefix("api.") if host else "github.com"}
    return {host} if host else set()


def _key(kind: str, path: str, query: Mapping[str, list[str]]) -> str | None:
    if kind == "rt":
        return query.get("id", [""])[0] if path.endswith("/Display.html") else None
    if kind == "servicenow":
        found = re.search(r"number=([A-Z]+\d+)", " ".join(word for words in query.values() for word in words))
        return found[1] if found else None
    match = re.search(PATHS[kind] + r"(?=$|[/?#])", path) if kind in PATHS else None
    return "#".join(match.groups()) if match else None
