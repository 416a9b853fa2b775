"""Updates as GitHub takes them: a comment, and then what is added to, taken from and set on an issue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from opstui.adapters.tickets.github_reading import COMPLETED, MILESTONE, NOT_PLANNED, OPEN, IssueKey, severity_of
from opstui.adapters.tickets.refusals import listed, unsent
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import line, record, records
from opstui.core.frozen import dataclass
from opstui.core.ports import Capabilities, Update
from opstui.core.text import clean_line

COMMENT_LIMIT = 65_536
"""Code points of a comment."""
MARKER_ROOM = 50
"""Code points of what carries the op id."""
MILESTONE_PATH = f"/fields/{MILESTONE}"
LABEL_LIMIT = 50
STATUSES: Mapping[str, Mapping[str, str]] = {
    OPEN: {"state": "open", "state_reason": "reopened"},
    COMPLETED: {"state": "closed", "state_reason": "completed"},
    NOT_PLANNED: {"state": "closed", "state_reason": "not_planned"},
}

_NO_INTERNAL = "everybody who sees the repository reads its comments"
_NO_FILES = "GitHub's API takes no files; put a link into the comment"
_NO_TEAM = "its issues have no team"
CAPABILITIES = Capabilities(
    internal_comments=False,
    marker_in_comment=True,
    steps=(("/comment",), ("*",)),
    fields=("/status", "/severity", "/assignee", "/tags", MILESTONE_PATH),
    attachments=False,
    comment_limit=COMMENT_LIMIT - MARKER_ROOM,
    comment_note="everybody who sees the repository; watchers by mail",
    cant={
        "internal": _NO_INTERNAL,
        "attachments": _NO_FILES,
        "/team": _NO_TEAM,
        "/fields/*": f"its issues have no fields of their own but {MILESTONE}",
    },
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. All of those of an update can be made again without harm."""

    what: str
    """For people: what it does."""
    method: str
    path: str
    body: Any = None
    gone_is_fine: bool = False
    """404 says that somebody was faster."""


def check(name: str, update: Update) -> None:
    """Raises Refused for what can't be said on GitHub at all."""
    if update.comment is not None and not update.public:
        raise unsent(name, _NO_INTERNAL)
    if update.attachments:
        raise unsent(name, _NO_FILES)
    for path, value in update.fields.items():
        if path == "/team":
            raise unsent(name, _NO_TEAM)
        if path not in CAPABILITIES.fields:
            raise unsent(name, CAPABILITIES.cant["/fields/*"])
        if path == "/status" and value not in STATUSES:
            told = clean_line(str(value), limit=60)
            raise unsent(name, f"{told!r} is no status that can be set there; there are {listed(list(STATUSES))}")
    for tag in update.add_tags:
        if not tag.strip() or len(tag) > LABEL_LIMIT or "\n" in tag:
            raise unsent(name, f"{clean_line(tag, limit=60)!r} can't be a label: at most {LABEL_LIMIT} letters")


def requests_of(
    name: str,
    update: Update,
    key: IssueKey,
    issue: Mapping[str, Any],
    *,
    severities: Severities,
    labels: Sequence[str],
    milestones: Sequence[Mapping[str, Any]],
) -> list[Request]:
    """What is to be asked, closing last. ``issue`` is as it is now, ``labels`` and ``milestones`` are the repository's.

    Raises Refused for a severity without a label of that meaning, and a milestone that does not exist.
    """
    there = [line(record(item).get("name")) for item in records(issue.get("labels"))]
    add, remove = list(update.add_tags), list(update.remove_tags)
    if "/severity" in update.fields:
        wanted = update.fields["/severity"]
        old = [label for label in there if severity_of(label, severities) is not None]
        if wanted is None or not any(severity_of(label, severities) == wanted for label in old):
            add += [] if wanted is None else [_severity_label(name, str(wanted), severities, labels)]
        remove += [label for label in old if severity_of(label, severities) != wanted]
    found = []
    add = [label for label in dict.fromkeys(add) if label not in there]
    if add:
        found.append(Request("its labels are added", "POST", f"{key.path}/labels", {"labels": add}))
    if "/assignee" in update.fields:
        found += _assignees(key, update.fields["/assignee"] or (), issue)
    for label in dict.fromkeys(remove):
        if label in there:
            path = f"{key.path}/labels/{quote(label, safe='')}"
            found.append(Request("its labels are taken away", "DELETE", path, gone_is_fine=True))
    fields: dict[str, Any] = {}
    if MILESTONE_PATH in update.fields:
        fields["milestone"] = _milestone(name, update.fields[MILESTONE_PATH], milestones)
    if "/status" in update.fields:
        fields |= STATUSES[update.fields["/status"]]
    if fields:
        found.append(Request("it is set", "PATCH", key.path, fields))
    return found


def _assignees(key: IssueKey, wanted: Sequence[str], issue: Mapping[str, Any]) -> list[Request]:
    there = [line(item.get("login")) for item in records(issue.get("assignees"))]
    add, remove = [one for one in wanted if one not in there], [one for one in there if one not in wanted]
    path = f"{key.path}/assignees"
    found = [Request("people are assigned", "POST", path, {"assignees": add})] if add else []
    if remove:
        found.append(Request("people are taken off", "DELETE", path, {"assignees": remove}))
    return found


def _severity_label(name: str, wanted: str, severities: Severities, labels: Sequence[str]) -> str:
    """The repository's label that means ``wanted``, one that the config names before others."""
    own = severities.word(wanted, labels)
    if own is not None:
        return own
    found = next((label for label in labels if severity_of(label, severities) == wanted), None)
    if found is None:
        known = [label for label in labels if severity_of(label, severities) is not None]
        raise unsent(
            name,
            f"no label there means severity {wanted} (there are: {listed(known)}); make one like sev{wanted}, or name "
            "one in its severity table",
        )
    return found


def _milestone(name: str, wanted: Any, milestones: Sequence[Mapping[str, Any]]) -> int | None:
    if not wanted:
        return None
    for one in milestones:
        number = one.get("number")
        if line(one.get("title")) == wanted and isinstance(number, int):
            return number
    there = listed([line(one.get("title")) for one in milestones])
    raise unsent(name, f"there is no open milestone {clean_line(str(wanted), limit=60)!r}; there are: {there}")
