"""Ticket systems by kind: what each needs of the config, and which keys mean something to it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opstui.config.settings import TicketSettings, Url
from opstui.core.connections import ENTRY_POINTS
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a ``[tickets.NAME]`` of this kind must and can say."""

    needs: tuple[str, ...] = ("url", "token")
    """Keys without which nothing can be asked. A token that is missing is told by who asks (exit 4), not here."""
    url: Url | None = None
    """The address that everybody's has, unless the config says otherwise."""
    op_field: bool = False
    """Whether an update's id can be kept in a field of its tickets."""
    options: tuple[str, ...] = ()
    """What ``[tickets.NAME.options]`` can hold."""


KINDS: Mapping[str, Kind] = {
    "local": Kind(needs=()),
    "rt": Kind(op_field=True),
    "redmine": Kind(op_field=True),
    "pagerduty": Kind(needs=("token",), url=Url("https://api.pagerduty.com")),  # without a user it can be read
    "jira": Kind(needs=("url", "user", "token"), options=("severity_field", "team_field")),
    "servicenow": Kind(needs=("url", "user", "token"), op_field=True, options=("severity_field", "audit")),
    "github": Kind(needs=("token",), url=Url("https://api.github.com")),
    "zendesk": Kind(needs=("url", "user", "token"), options=("service_field",)),
    "alertmanager": Kind(needs=("url",)),
}
"""Ours. Any other is looked for among the installed packages."""

_REPO = re.compile(r"(?:^|\s)repo:([\w.-]+/[\w.-]+)(?=\s|$)", re.IGNORECASE)


def installed() -> list[str]:
    """Kinds that packages on this machine bring. Reads what is installed, so it is asked only where it matters."""
    from importlib.metadata import entry_points

    return sorted({str(clean_line(point.name, limit=40)) for point in entry_points(group=ENTRY_POINTS)})


def unknown_kind(kind: str) -> str:
    """What to say of a kind that nobody has; empty where there is such a connector."""
    if kind in KINDS:
        return ""
    import difflib

    known = [*KINDS, *(name for name in installed() if name not in KINDS)]
    if kind in known:
        return ""
    near = difflib.get_close_matches(kind, known, n=1, cutoff=0.6)
    words = f"did you mean {near[0]!r}?" if near else "no installed package brings a connector of that name"
    return f"wants one of {', '.join(known)}; {str(clean_line(kind, limit=40))!r} is none of them; {words}"


def missing(system: TicketSettings) -> tuple[str, ...]:
    """The keys that a system of this kind needs and does not have, its token included."""
    kind = KINDS.get(system.kind)
    return tuple(key for key in kind.needs if not getattr(system, key)) if kind is not None else ()


def unknown_option(kind: str, option: str) -> str:
    """What to say of an option that a kind of ours does not know; empty where it does."""
    if kind not in KINDS or option in KINDS[kind].options:
        return ""
    import difflib

    known = KINDS[kind].options
    near = difflib.get_close_matches(option, known, n=1, cutoff=0.6)
    if near:
        return f"there is no such option; did you mean {near[0]!r}?"
    return f"there is no such option; {kind} knows {' and '.join(known) or 'none'}"


def query_problem(kind: str, query: str) -> str:
    """What is wrong with a queue's query as far as it can be told without asking; empty for nothing."""
    if kind == "github" and len({name.casefold() for name in _REPO.findall(query)}) != 1:
        return "wants exactly one repo: (repo:acme/ops is:issue is:open), since a ticket is named by its repository"
    return ""
