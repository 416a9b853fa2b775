"""Updates as Zendesk takes them: one PUT for everything, on one version, with the op id in the audit's metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.adapters.tickets.refusals import listed, unsent
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.zendesk_reading import CATEGORIES, MARKER, CustomField, Settings, read_status
from opstui.core.ports import Capabilities, Update
from opstui.core.text import clean_line

PRIORITIES = ("urgent", "high", "normal", "low")
COMMENT_BYTES = 65_535
"""What a comment holds at most."""
COMMENT_LIMIT = 32_000
"""Code points, so that text with some letters beyond ASCII still fits ``COMMENT_BYTES``."""
FILE_LIMIT = 50 * 1024 * 1024

CAPABILITIES = Capabilities(
    conditional_write=True,
    marker_findable=True,
    fields=("/status", "/severity", "/assignee", "/team", "/tags", "/fields/*"),
    single_assignee=True,
    comment_limit=COMMENT_LIMIT,
    attachment_limit=FILE_LIMIT,
)
"""Not ``atomic``, although all of it is one request: the account's triggers may change in the same breath what was
sent, so what differs afterwards is for a person to see."""


def stamp_of(version: str) -> str:
    """The part of a version that Zendesk compares: ``updated_at`` as it wrote it."""
    return version.partition("/")[0]


def check(name: str, update: Update) -> None:
    """Raises Refused for what Zendesk would take as something else."""
    if update.comment is not None and len(update.comment.encode("utf-8", "replace")) > COMMENT_BYTES:
        raise unsent(name, f"a comment holds at most {COMMENT_BYTES} bytes there")
    if len(update.fields.get("/assignee") or ()) > 1:
        raise unsent(name, "a ticket has one assignee there")
    for tag in (*update.add_tags, *update.remove_tags):
        if tag != tag.casefold() or any(letter.isspace() or letter == "," for letter in tag):
            raise unsent(
                name, f"the tag {clean_line(tag, limit=60)!r} would become another: small letters without blanks"
            )


def ticket_of(
    name: str,
    update: Update,
    *,
    tags: Sequence[str],
    settings: Settings,
    severities: Severities,
    people: Mapping[str, int],
    groups: Mapping[str, int],
    uploads: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of the PUT. ``tags`` are those of ``expected_version``; ``people`` and ``groups`` are name → id.

    Raises Refused for statuses, priorities and values that the account does not have.
    """
    found: dict[str, Any] = {
        "safe_update": True,
        "updated_stamp": stamp_of(update.expected_version),
        "metadata": {MARKER: update.op_id},
    }
    for path, value in update.fields.items():
        if path == "/status":
            found |= _status(name, str(value), settings)
        elif path == "/severity":
            found["priority"] = _priority(name, value, severities)
        elif path == "/assignee":
            found["assignee_id"] = people[value[0]] if value else None
        elif path == "/team":
            found["group_id"] = groups[value] if value else None
        else:
            found.setdefault("custom_fields", []).append(_custom(name, path.removeprefix("/fields/"), value, settings))
    if update.add_tags or update.remove_tags:
        # The whole list, which is safe on one version only; Zendesk documents the deltas for bulk updates alone.
        found["tags"] = sorted({*tags, *update.add_tags} - {*update.remove_tags})
    if update.comment is not None or uploads:
        names = ", ".join(file for file, _ in update.attachments)
        found["comment"] = {"body": update.comment if update.comment is not None else names, "public": update.public}
        if uploads:
            found["comment"]["uploads"] = list(uploads)
    return {"ticket": found}


def transitions(ticket: Mapping[str, Any], settings: Settings) -> tuple[str, ...]:
    """Statuses that an agent can give it: Zendesk forbids to go back to new, and closes by itself."""
    if ticket.get("status") == "closed":
        return ()
    own = read_status(ticket, settings).raw
    kept = ("open", "pending", "hold", "solved")
    if settings.custom_statuses:
        words = [str(label) for label, category in settings.custom_statuses.values() if category in kept]
    else:
        words = [status for status in settings.statuses if status in kept]
    return tuple(word for word in dict.fromkeys(words) if word != own)


def _status(name: str, wanted: str, settings: Settings) -> dict[str, Any]:
    for number, (label, _) in settings.custom_statuses.items():
        if label == wanted:
            return {"custom_status_id": int(number)}
    if wanted not in CATEGORIES or settings.custom_statuses:
        labels = [str(label) for label, _ in settings.custom_statuses.values()] or list(settings.statuses)
        raise unsent(name, f"{clean_line(wanted, limit=60)!r} is no status there; there are {listed(labels)}")
    return {"status": wanted}


def _priority(name: str, severity: Any, severities: Severities) -> str:
    word = severities.word(str(severity), PRIORITIES) if severity is not None else None
    if word is None:
        why = "a priority can be changed there, but not taken away"
        raise unsent(name, why if severity is None else f"no priority there means severity {severity}")
    return word


def _custom(name: str, title: str, value: Any, settings: Settings) -> dict[str, Any]:
    known = settings.titled(title)
    if known is None or not known.id.isdigit():
        there = listed([one.title for one in settings.fields])
        raise unsent(name, f"tickets have no field {clean_line(title, limit=60)!r} there; there are: {there}")
    return {"id": int(known.id), "value": _typed(name, known, value)}


def _typed(name: str, known: CustomField, value: Any) -> Any:
    """The text in the type that the field has."""
    text = "" if value is None else str(value)
    if known.kind == "checkbox":
        if text not in ("yes", "no", ""):
            raise unsent(name, f"{known.title!r} takes yes or no")
        return text == "yes"
    if not text:
        return [] if known.kind == "multiselect" else None
    if known.kind == "multiselect":
        return [_option(name, known, part.strip()) for part in text.split(",") if part.strip()]
    if known.options:
        return _option(name, known, text)
    try:
        return int(text) if known.kind == "integer" else float(text) if known.kind == "decimal" else text
    except ValueError:
        raise unsent(name, f"{known.title!r} takes a number") from None


def _option(name: str, known: CustomField, wanted: str) -> str:
    found = next((value for value, shown in known.options.items() if shown == wanted), None)
    if found is None:
        there = listed(list(known.options.values()))
        raise unsent(name, f"{known.title!r} takes no {clean_line(wanted, limit=60)!r}; it takes: {there}")
    return found
