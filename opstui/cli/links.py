"""Which ticket a link names, by the system whose address it begins with. Nothing is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from opstui.config.settings import TicketSettings
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.core.tickets import TicketRef

PATHS: Mapping[str, str] = {
    "rt": r"/(?:(?:Ticket|SelfService|m/ticket)/[\w./]*|REST/2\.0/ticket/(\d+))",
    "redmine": r"/(?:projects/[\w-]+/)?issues/(\d+)(?:\.json|\.xml)?",
    "pagerduty": r"/incidents/([A-Z0-9]+)",
    "jira": r"/(?:browse/|servicedesk/.*/|jira/.*/|projects/.*/)([A-Z][A-Z0-9_]*-\d+)",
    "zendesk": r"/(?:agent/|hc/(?:[\w-]+/)?)?(?:tickets|requests)/(\d+)",
    "github": r"/([\w.-]+/[\w.-]+)/issues/(\d+)",
}
"""Kind → the path below the system's address; its groups make the key. Alertmanager has no page of an alert."""
QUERIES: Mapping[str, tuple[str, str]] = {
    "rt": ("id", r"(\d+)"),
    "jira": ("selectedIssue", r"([A-Z][A-Z0-9_]*-\d+)"),
}
"""Kind → the parameter that names a ticket where the path does not."""


def ref_of_link(text: str, systems: Mapping[str, TicketSettings]) -> TicketRef:
    """The ref; of two systems at one host that of the longer address. Raises UsageError where nobody has such links."""
    try:
        link = urlsplit(text)
        _ = link.port
    except ValueError:
        link = urlsplit("")
    found = []
    for name, system in systems.items():
        prefix = _below(link, system)
        key = _key(system.kind, link, prefix) if prefix is not None else None
        if prefix is not None and key:
            found.append((len(prefix), TicketRef.parse(f"{name}:{key}")))
    if found:
        return max(found, key=lambda one: one[0])[1]
    raise UsageError(f"{clean_line(text, limit=80)!r} is no link to a ticket of a configured system; write SYSTEM:KEY")


def _below(link: SplitResult, system: TicketSettings) -> str | None:
    """The path of the address that people open this system at, if the link is below it."""
    if not link.hostname or link.scheme not in ("http", "https") or not system.url:
        return None
    address = urlsplit(system.url)
    host, prefix = address.hostname or "", address.path.rstrip("/")
    if system.kind == "pagerduty":
        # Every customer has a host of its own: acme.pagerduty.com, acme.eu.pagerduty.com.
        same = link.hostname.endswith("." + host.removeprefix("api."))
        european = link.hostname.endswith(".eu.pagerduty.com")
        return "" if same and european == host.endswith(".eu.pagerduty.com") else None
    if system.kind == "github":
        # GitHub answers programs at a host of its own, GitHub Enterprise Server at a path of its only one.
        host, prefix = host.removeprefix("api."), prefix.removesuffix("/api/v3")
    if (link.hostname, _port(link)) != (host, _port(address)):
        return None
    return prefix if link.path.startswith(f"{prefix}/") else None


def _port(address: SplitResult) -> int:
    return address.port or (80 if address.scheme == "http" else 443)


def _key(kind: str, link: SplitResult, prefix: str) -> str | None:
    if kind == "servicenow":
        # The page stands in a frame, so its own query may be a parameter of the frame's.
        match = re.search(r"\bnumber=([A-Z]+\d+)", unquote(unquote(link.path + "?" + link.query)))
        return match[1] if match else None
    match = re.match(PATHS[kind] + r"(?=$|/)", link.path[len(prefix) :]) if kind in PATHS else None
    if match and any(match.groups()):
        return "#".join(group for group in match.groups() if group)
    name, pattern = QUERIES.get(kind, ("", ""))
    given = parse_qs(link.query).get(name, [""])[0]
    return given if name and re.fullmatch(pattern, given) and (match or kind != "rt") else None
