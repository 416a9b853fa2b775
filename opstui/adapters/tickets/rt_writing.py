"""Updates as Request Tracker takes them: one POST with a comment, or one PUT without."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from opstui.adapters.http import Files
from opstui.adapters.tickets.rt_reading import (
    NOBODY,
    SEVERITY,
    TAGS,
    CustomField,
    custom_fields,
    named,
    thresholds,
)
from opstui.adapters.tickets.severities import Severities
from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.ports import Update
from opstui.core.text import clean_line

_FIGURE = re.compile(r"(\D*)[1-4](\D*)")
"""``sev3``: what the others are called goes without saying, and who is no administrator can't ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What is known of a severity field beside its values."""

    own: Mapping[str, str]
    """The config's words, word → severity."""
    words: tuple[str, ...] = ()
    """Words that the field takes."""


def body_of(
    update: Update, data: Mapping[str, Any], *, op_field: str, choices: Choices
) -> dict[str, Any]:  # fmt: skip
    """The JSON of everything in ``update`` but comment and files, on top of what the ticket has (``data``).

    A field of many values is set as a whole, so those that it has are sent along, the op id before them: of a field
    that takes one value RT takes the first. Raises Refused for what this queue can't do.
    """
    name = update.ticket.system
    fields = custom_fields(data)
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for path, value in update.fields.items():
        if path == "/status":
            body["Status"] = str(value)
        elif path == "/assignee":
            people = [str(one) for one in value or ()]
            if len(people) > 1:
                raise Refused(f"{name}: a ticket has one owner here, not {len(people)}. Nothing was sent")
            body["Owner"] = people[0] if people else NOBODY
        elif path == "/team":
            if not value:
                raise Refused(f"{name}: a ticket is always in a queue. Nothing was sent")
            body["Queue"] = str(value)
        elif path == "/severity":
            _set_severity(name, value, fields, choices, body, custom)
        elif path.startswith("/fields/"):
            _set_field(name, path.removeprefix("/fields/"), value, fields, custom)
        else:
            raise Refused(f"{name}: {clean_line(path, limit=60)} can't be set here. Nothing was sent")
    if update.add_tags or update.remove_tags:
        tags = named(fields, *TAGS)
        if tags is None:
            raise Refused(f"{name}: this queue has no custom field Tags. Nothing was sent")
        kept = [one for one in tags.values if clean_line(one) not in update.remove_tags]
        shown = {str(clean_line(one)) for one in kept}
        custom[tags.id] = [*kept, *(one for one in update.add_tags if one not in shown)]
    if op_field:
        keeping = named(fields, op_field.casefold())
        if keeping is None:
            raise Refused(
                f"{name}: this queue has no custom field {clean_line(op_field, limit=60)} to keep the op id in "
                f"(op_field in the config). Nothing was sent"
            )
        custom[keeping.id] = [update.op_id, *(one for one in keeping.values if one != update.op_id)]
    if custom:
        body["CustomFields"] = custom
    return body


def message_of(text: str | None) -> dict[str, Any]:
    """The part of a POST's JSON that is the comment."""
    # To RT a text that is “0” is none.
    return {"ContentType": "text/plain", **({"Content": f"{text}\n" if text == "0" else text} if text else {})}


def parts_of(body: Mapping[str, Any], attachments: Iterable[tuple[str, bytes]], name: str) -> Files:
    """A POST with files. Raises Refused for an empty one.

    As parts and not within the JSON, where RT 5.0.3 takes ``ä`` in a file's name for a byte of something else.
    """
    parts: list[tuple[str, tuple[str | None, bytes | str, str]]] = [
        ("JSON", (None, json.dumps(body), "application/json"))
    ]
    for file, content in attachments:
        if not content:
            shown = clean_line(file, limit=80)
            raise Refused(f"{name}: {shown} is empty, and RT takes no empty files. Nothing was sent")
        parts.append(("Attachments", (file, content, _kind(file, content))))
    return parts


def severity_field(update: Update, data: Mapping[str, Any]) -> CustomField | None:
    """The severity field, where a word for it has to be found."""
    return named(custom_fields(data), *SEVERITY) if update.fields.get("/severity") else None


def missed(update: Update, body: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nothing of a PUT but the op id is on the ticket: all is as it was, and not as it should be."""
    was, now = ({one.id: sorted(one.values) for one in custom_fields(data)} for data in (before, after))
    for name, value in body.items():
        if name != "CustomFields":
            if _plain(before.get(name)) != _plain(after.get(name)) or _plain(after.get(name)) == _plain(value):
                return False
            continue
        for field, wanted in value.items():
            given = wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]
            if update.op_id not in given and (was.get(field) != now.get(field) or now.get(field) == sorted(given)):
                return False
    return True


def _plain(value: Any) -> str:
    given = (value.get("Name") or value.get("id")) if isinstance(value, dict) else value
    return str(given).casefold()


def _set_severity(
    name: str,
    value: Any,
    fields: Iterable[CustomField],
    choices: Choices,
    body: dict[str, Any],
    custom: dict[str, Any],
) -> None:
    field = named(fields, *SEVERITY)
    if field is not None:
        custom[field.id] = None if value is None else _word(name, str(value), choices)
        return
    limits = sorted(limit for limit, severity in thresholds(choices.own).items() if severity == value)
    if not limits:
        raise Refused(
            f"{name}: this queue has no custom field Severity, and no priority means severity {value}: "
            f"see tickets.{name}.severity in the config. Nothing was sent"
        )
    body["Priority"] = limits[0]


def _word(name: str, severity: str, choices: Choices) -> str:
    """The field's word for a severity: one that it takes or has, the config's, or one that differs in its figure."""
    words = Severities(choices.own)
    own = next((word for word, meant in choices.own.items() if meant == severity), None)
    alike = (_FIGURE.sub(rf"\g<1>{severity}\g<2>", word) for word in choices.words if _FIGURE.fullmatch(word))
    found = words.word(severity, choices.words) or own or words.word(severity, alike)
    if found is None:
        raise Refused(
            f"{name}: no word of its Severity means {severity}: add one to tickets.{name}.severity in the config. "
            f"Nothing was sent"
        )
    return found


def _set_field(
    name: str, field_name: str, value: Any, fields: Iterable[CustomField], custom: dict[str, Any]
) -> None:  # fmt: skip
    field = named(fields, field_name.casefold())
    if field is None:
        raise Refused(f"{name}: this queue has no custom field {clean_line(field_name, limit=60)}. Nothing was sent")
    if value is None:
        custom[field.id] = [] if len(field.values) > 1 else None
    elif len(field.values) > 1:
        custom[field.id] = [one.strip() for one in str(value).split(",") if one.strip()]
    else:
        custom[field.id] = str(value)


def _kind(file: str, content: bytes) -> str:
    """The MIME type. RT recodes text and its line ends, so only text that stays as it is goes as such."""
    from mimetypes import guess_type

    kind = guess_type(file)[0] or "application/octet-stream"
    if not kind.startswith("text/"):
        return kind
    try:
        content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if b"\r" in content else "text/plain"
