"""Updates as PagerDuty takes them: a note, then what the incident is set to.

Names become ids by lists that the caller fetches; what can't be said there is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.adapters.tickets.markers import marked
from opstui.adapters.tickets.pagerduty_reading import POLICY, STATUSES, URGENCY
from opstui.adapters.tickets.refusals import listed, unsent
from opstui.adapters.tickets.severities import Severities
from opstui.adapters.tickets.wire import line, raw, record, records
from opstui.core.ports import Capabilities, Update
from opstui.core.text import clean_line

NOTE_LIMIT = 25_000
"""Code points. PagerDuty documents none; this is what its own apps let people type."""
MARKER_ROOM = 40
"""Code points of the last line that carries the op id."""
URGENCIES = ("high", "low")

_NO_PUBLIC = "PagerDuty has one kind of note, for everybody in the account who sees the incident"
_CANT = {
    "public": _NO_PUBLIC,
    "attachments": "PagerDuty's API takes no files",
    "/tags": "PagerDuty's incidents have no tags",
    "/team": f"an incident's teams follow from its service and escalation policy; set /fields/{POLICY}",
}
_FIELDS = ("/status", "/severity", "/assignee", "/fields/*")


def capabilities(user: str) -> Capabilities:
    """What PagerDuty can do for ``user``, the e-mail address as which is written; nothing but reading without it."""
    able = bool(user)
    why = "PagerDuty asks for the e-mail address of who writes: set `user` beside the token in the config"
    cant = dict(_CANT) if able else dict.fromkeys(("internal", *_FIELDS), why) | _CANT
    return Capabilities(
        internal_comments=able,
        public_comments=False,
        marker_in_comment=able,
        steps=(("/comment",), ("*",)),
        fields=_FIELDS if able else (),
        attachments=False,
        comment_limit=NOTE_LIMIT - MARKER_ROOM,
        comment_note="everybody who sees the incident, and chats that notes go to",
        cant=cant,
    )


def note_of(update: Update) -> dict[str, Any]:
    """The body that adds the update's comment."""
    return {"note": {"content": marked(update.comment or "", update.op_id)}}


def check(name: str, update: Update) -> None:
    """Raises Refused for what PagerDuty can't take at all."""
    if update.public and update.comment is not None:
        raise unsent(name, _NO_PUBLIC)
    if update.attachments:
        raise unsent(name, _CANT["attachments"])
    for path, given in (("/tags", update.add_tags or update.remove_tags), ("/team", "/team" in update.fields)):
        if given:
            raise unsent(name, _CANT[path])
    status = update.fields.get("/status")
    if status is not None and status not in STATUSES:
        raise unsent(name, f"{clean_line(str(status), limit=60)!r} is no status there; there are {', '.join(STATUSES)}")
    urgency = update.fields.get(f"/fields/{URGENCY}", "low")
    if urgency not in URGENCIES:
        raise unsent(name, f"an urgency is {' or '.join(URGENCIES)}")
    if "/assignee" in update.fields and not update.fields["/assignee"]:
        raise unsent(name, "an open incident is always assigned to somebody")


def incident_of(
    update: Update,
    *,
    people: Mapping[str, str],
    policy: str | None,
    priority: str | None,
) -> dict[str, Any] | None:
    """The body that sets an incident's own fields; None where the update has none of them.

    ``people`` is name → id, ``policy`` and ``priority`` are ids; each for what the update sets.
    """
    found: dict[str, Any] = {}
    if "/status" in update.fields:
        found["status"] = update.fields["/status"]
    if priority is not None:
        found["priority"] = {"id": priority, "type": "priority_reference"}
    if f"/fields/{URGENCY}" in update.fields:
        found["urgency"] = update.fields[f"/fields/{URGENCY}"]
    if policy is not None:
        found["escalation_policy"] = {"id": policy, "type": "escalation_policy_reference"}
    if "/assignee" in update.fields:
        found["assignments"] = [
            {"assignee": {"id": people[person], "type": "user_reference"}} for person in update.fields["/assignee"]
        ]
    return {"incident": {"type": "incident_reference", **found}} if found else None


def custom_names(update: Update) -> dict[str, Any]:
    """Custom field → value, of those that the update sets."""
    given = {path.removeprefix("/fields/"): value for path, value in update.fields.items()}
    return {
        field: value
        for field, value in given.items()
        if f"/fields/{field}" in update.fields and field not in (URGENCY, POLICY)
    }


def custom_values(name: str, wanted: Mapping[str, Any], there: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The body that sets custom fields, ``there`` being those that the incident has. Raises Refused for others."""
    found = []
    for field, value in wanted.items():
        known = next((one for one in there if field in (line(one.get("display_name")), line(one.get("name")))), None)
        if known is None:
            raise unsent(name, f"its incidents have no custom field {clean_line(field, limit=60)!r}")
        found.append({"id": raw(known.get("id")), "value": _typed(name, field, value, known)})
    return {"custom_fields": found} if found else None


def _typed(name: str, field: str, value: Any, known: Mapping[str, Any]) -> Any:
    """The text in the type that the field has."""
    if value is None or value == "":
        return None
    text = str(value)
    kind = known.get("data_type")
    try:
        if kind == "boolean":
            return {"yes": True, "true": True, "no": False, "false": False}[text.casefold()]
        if kind == "integer":
            return int(text)
        if kind == "float":
            return float(text)
    except (KeyError, ValueError):
        what = {"boolean": "yes or no", "integer": "a whole number", "float": "a number"}[str(kind)]
        raise unsent(name, f"{clean_line(field, limit=60)!r} takes {what}") from None
    if str(known.get("field_type", "")).startswith("multi"):
        return [part for part in (item.strip() for item in text.split(",")) if part]
    return text


def priority_id(name: str, severity: Any, severities: Severities, priorities: Sequence[Mapping[str, Any]]) -> str:
    """The id of the priority that means ``severity``. Raises Refused where none does, and for none at all."""
    if severity is None:
        raise unsent(name, "a priority can be changed there, but not taken away")
    by_name = {str(line(one.get("name")) or line(one.get("summary"))): raw(one.get("id")) for one in priorities}
    word = severities.word(str(severity), by_name)
    if word is None:
        known = listed(list(by_name))
        why = f"no priority there means severity {severity} (there are: {known}); name one in its severity table"
        raise unsent(name, why)
    return by_name[word]


def custom_there(incident: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The custom fields of an incident that was asked for with them."""
    return records(record(incident).get("custom_fields"))
