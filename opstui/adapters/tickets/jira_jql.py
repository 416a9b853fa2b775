"""JQL: a queue's own query, with what opstui adds to it."""

from __future__ import annotations

import re
from datetime import datetime

from opstui.core.errors import Refused

OPEN = "statusCategory != Done"
"""Everything open: what a queue without a query is. Jira refuses a search that restricts nothing."""

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<word>\w+)|(?P<space>\s+)|(?P<sign>.)""", re.DOTALL
)


def listing(name: str, query: str, since: datetime | None) -> str:
    """The query for a page of a queue, the oldest update first, of what was updated since.

    An unquoted number is milliseconds since 1970 (Atlassian's reference of ``updated``), the only form of a moment that
    does not depend on the time zone of the account and is no coarser than a minute. Raises Refused for a query that
    can't be put in brackets.
    """
    where = restriction(name, query)
    if since is not None:
        where = f"({where}) AND updated >= {int(since.timestamp() * 1000)}"
    return f"{where} ORDER BY updated ASC, key ASC"


def restriction(name: str, query: str) -> str:
    """``query`` without its ORDER BY; :data:`OPEN` where nothing is left. Raises Refused for quotes or brackets that do
    not match: within ours they would mean something else."""
    depth = 0
    words: list[tuple[str, int]] = []
    """The last words at the top level, and where they begin."""
    for match in _TOKEN.finditer(query):
        if match["space"] or match["text"]:
            continue
        if match["word"]:
            words.append((match["word"].upper(), match.start()))
            if depth == 0 and [word for word, _ in words[-2:]] == ["ORDER", "BY"]:
                query = query[: words[-2][1]]
                break
            continue
        words.clear()
        depth += {"(": 1, ")": -1}.get(match["sign"], 0)
        if depth < 0 or match["sign"] in "\"'":
            raise _odd(name)
    if depth:
        raise _odd(name)
    return query.strip() or OPEN


def _odd(name: str) -> Refused:
    return Refused(
        f"{name}: a queue's query has quotes or brackets that do not match; nothing was asked. Mend its query"
    )
