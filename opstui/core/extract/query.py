"""What to search the runbooks and the other tickets for."""

from __future__ import annotations

import re

from opstui.core.checks.atoms import identifiers
from opstui.core.extract.words import FAILURE
from opstui.core.tickets import EntryKind, Ticket

QUERY_LIMIT = 400
"""Characters of a query."""

_ALERT_NAME = re.compile(
    r"\b(?:alertname|alert|rule|check|monitor)\b[\"']?\s*[:=]\s*[\"']?([A-Za-z][\w -]{3,60})", re.IGNORECASE
)
_CAMEL = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b")
_SUMMARY = re.compile(r"\s*(?:summary|description|message|problem)\s*[:=]\s*", re.IGNORECASE)
_FIELD = re.compile(
    r"\s*(?:severity|priority|status|state|service|namespace|cluster\w*|pipeline\w*|workload\w*|team|alertname|runbook\w*)\s*[:=]",
    re.IGNORECASE,
)
_TAG = re.compile(r"\s*\[[^\]]{1,40}\]\s*")
_OWN_NAME = re.compile(r"\d.*\d|[0-9a-f]{6,}", re.IGNORECASE)


def alert_names(ticket: Ticket) -> list[str]:
    """Names of alerts that the ticket mentions, in order: after a label, or in CamelCase."""
    texts = [
        ticket.title,
        ticket.body[:4000],
        *(entry.text[:2000] for entry in ticket.timeline if entry.kind is EntryKind.ALERT),
    ]
    found: dict[str, None] = {}
    for text in texts:
        for match in _ALERT_NAME.finditer(text):
            found.setdefault(match[1].strip())
        for match in _CAMEL.finditer(text):
            if 6 <= len(match.group()) <= 80:
                found.setdefault(match.group())
    return list(found)[:6]


def knowledge_query(ticket: Ticket) -> str:
    """Title, alert names and error words with their identifiers; names of single machines and pods are left out.

    A name like ``payments-api-7f9dd8b6c4-x7gr9`` stands in no runbook and only weighs the query down.
    """
    parts = [_without_machines(ticket.title), *alert_names(ticket)]
    text = "\n".join(
        [ticket.body[:2000], *(entry.text[:500] for entry in ticket.timeline if entry.kind is EntryKind.ALERT)]
    )
    said = [line for line in text.split("\n")[:40] if not _FIELD.match(line)]
    telling = next((line for line in said if _SUMMARY.match(line)), None)
    telling = telling or next((line for line in said if FAILURE.search(line[:400])), None)
    if telling is not None:
        parts.append(_without_machines(_SUMMARY.sub("", telling)[:160]))
    words: dict[str, str] = {}
    for word in " ".join(parts).split():
        words.setdefault(word.casefold(), word)
    query = " ".join(words.values())
    return query[:QUERY_LIMIT].rsplit(" ", 1)[0] if len(query) > QUERY_LIMIT else query


def similar_query(ticket: Ticket) -> str:
    """Title and identifiers, for a search in other tickets."""
    names = [*identifiers(ticket.title), *alert_names(ticket), *identifiers(ticket.body[:1000])]
    words = dict.fromkeys([*ticket.title.split(), *(name for name in names if "://" not in name)])
    return " ".join(words)[:QUERY_LIMIT]


def _without_machines(text: str) -> str:
    text = _TAG.sub(" ", text) if text.lstrip().startswith("[") else text
    for name in identifiers(text):
        if len(name) > 8 and _OWN_NAME.search(name) and any(mark in name for mark in "-./"):
            text = text.replace(name, " ")
    return " ".join(text.split())
