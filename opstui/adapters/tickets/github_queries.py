"""A queue's query, in GitHub's search syntax: asked of the repository's list where that can say it, else of the search.

The list knows every change at once and may be asked 5,000 times an hour. The search lags, finds at most a thousand and
may be asked 30 times a minute.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.queues import Queue
from opstui.core.text import clean_line

_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.\.?$)[A-Za-z0-9._-]{1,100}\Z")
_STATES = {"open": "open", "closed": "closed"}


@dataclass(frozen=True, slots=True)
class Query:
    """What a queue asks for."""

    repo: str
    """``owner/name``."""
    params: tuple[tuple[str, str], ...] | None
    """Parameters of the repository's list; None where only the search can say it."""
    search: str
    """The same as a search for issues."""

    @classmethod
    def read(cls, queue: Queue) -> Query:
        """Raises Refused for what names no repository, or more than one, would leave it, or looks for pull requests."""
        words = _WORD.findall(queue.query)
        repos = {_value(word) for word in words if word.casefold().startswith("repo:")}
        if len(repos) != 1:
            raise _refused(queue, "has to name one repository: repo:owner/name")
        repo = repos.pop()
        if not _REPO.match(repo):
            raise _refused(queue, f"names {clean_line(repo, limit=60)!r}, which is no owner/name")
        rest = [word for word in words if not word.casefold().startswith("repo:")]
        folded = {word.casefold() for word in rest}
        if folded & {"is:pr", "is:pull-request", "type:pr"}:
            raise _refused(queue, "looks for pull requests; issues are what can be read here")
        if _falls_apart(rest):
            raise _refused(queue, "has an OR outside of brackets, or brackets that do not match, and would find more")
        if any(word.startswith(("sort:", "order:")) for word in folded):
            raise _refused(queue, "sets an order, which opstui does itself")
        rest = [word for word in rest if word.casefold() not in ("is:issue", "type:issue")]
        return cls(repo, _listed(rest), " ".join([f"repo:{repo}", "is:issue", *rest]))


def _listed(words: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """The words as parameters of ``GET /repos/{owner}/{repo}/issues``; None where one of them is beyond it."""
    found: dict[str, str] = {}
    labels: list[str] = []
    for word in words:
        name, _, _ = word.partition(":")
        value = _value(word)
        pair: tuple[str, str] | None = None
        match name.casefold():
            case "is" | "state" if value.casefold() in _STATES:
                pair = "state", value.casefold()
            case "label" if value and "," not in value:
                labels.append(value)
                continue
            case "assignee" if re.fullmatch(r"[A-Za-z0-9-]+", value):
                pair = "assignee", value
            case "no" if value.casefold() == "assignee":
                pair = "assignee", "none"
            case "author" if re.fullmatch(r"[A-Za-z0-9-]+", value):
                pair = "creator", value
            case "mentions" if re.fullmatch(r"[A-Za-z0-9-]+", value):
                pair = "mentioned", value
        if pair is None or found.get(pair[0], pair[1]) != pair[1]:
            return None
        found[pair[0]] = pair[1]
    # Without a state the search finds open and closed ones, the list only open ones.
    found.setdefault("state", "all")
    if labels:
        found["labels"] = ",".join(labels)
    return tuple(found.items())


def _falls_apart(words: Sequence[str]) -> bool:
    """Whether an OR would stand beside what is added to the query: what is on its other side is looked for everywhere.

    https://github.blog/changelog/2025-04-09-evolving-github-issues-and-projects/
    """
    depth = 0
    for word in words:
        bare = re.sub(r'"[^"]*"', "", word)
        if depth == 0 and bare == "OR":
            return True
        for letter in bare:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if depth < 0:
                return True
    return depth > 0


def _value(word: str) -> str:
    return word.partition(":")[2].replace('"', "")


def _refused(queue: Queue, why: str) -> Refused:
    return Refused(f"{queue.system}: the query of {queue.name} {why}", reason=why)
