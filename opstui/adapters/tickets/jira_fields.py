"""Jira's fields: what is shown of a value, and what is sent for one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from opstui.adapters.tickets.adf import to_adf, to_text
from opstui.adapters.tickets.wire import moment_or_none, raw, record, records
from opstui.core.errors import Refused
from opstui.core.text import SafeText, clean, clean_line

TEXT_AREA = ":textarea"
TEAM = ":atlassian-team"
SLA = ":sd-sla-field"
NOISE = (":gh-lexo-rank", ":devsummarycf", ":vp-origin")
"""Ends of ``schema.custom``: text of many lines, which is ADF; Atlassian's own team field, set by an id only; a goal of
a service desk; what only Jira's own pages can make something of."""

FindUser = Callable[[str], Awaitable[str]]
"""Name → account id. Raises Refused."""


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}\Z")


def shown(value: Any) -> SafeText:
    """A value for people; empty for none. ``set_to`` takes it back, where the field can be set at all."""
    return clean(_words(value, 3))


def _words(value: Any, depth: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str) and _MOMENT.match(value):
        return _utc(datetime.fromisoformat(value)) if moment_or_none(value) else value
    if isinstance(value, str | int | float):
        return str(value)
    if not depth:
        return ""
    if isinstance(value, list):
        return ", ".join(found for one in value if (found := _words(one, depth - 1)))
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "doc":
        return to_text(value)
    if "ongoingCycle" in value or "completedCycles" in value:
        return _goal(value)
    if isinstance(value.get("requestType"), dict):
        return _words(value["requestType"], depth - 1)
    for name in ("value", "displayName", "name", "title", "key"):
        if isinstance(value.get(name), str):
            child = _words(value.get("child"), depth - 1)
            return f"{value[name]} → {child}" if child else str(value[name])
    return ""


def _goal(sla: Mapping[str, Any]) -> str:
    """A goal of a service desk. Without the time that is left: it is another one at each look."""
    at = breach_of(sla)
    if at is not None:
        return f"due {at:%Y-%m-%d %H:%M} UTC"
    going = record(sla.get("ongoingCycle"))
    done = records(sla.get("completedCycles"))
    if going:
        return "missed" if going.get("breached") is True else "paused"
    return ("missed" if done[-1].get("breached") is True else "met") if done else ""


def breach_of(sla: Any) -> datetime | None:
    """When a goal that is going on, and not resting, will be or was missed."""
    going = record(record(sla).get("ongoingCycle"))
    millis = record(going.get("breachTime")).get("epochMillis")
    if going.get("paused") is True or not isinstance(millis, int) or not 0 <= millis < 1 << 48:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)


async def set_to(meta: Mapping[str, Any], value: Any, *, where: str, find_user: FindUser) -> Any:
    """What is sent to set a field, described by ``editmeta`` or a transition, to ``value``.

    Nothing empties it. ``where`` begins messages. Raises Refused for a value that it can't take, and for one that would
    read back as another text: it could not be told from somebody else's.
    """
    if value in (None, "", []):
        return None
    schema = record(meta.get("schema"))
    kind = raw(schema.get("type"))
    if kind == "array":
        items = value if isinstance(value, list) else [part for one in str(value).split(",") if (part := one.strip())]
        _must_be(", ".join(map(str, items)), value if isinstance(value, str) else ", ".join(map(str, items)), where)
        inner = {"schema": {"type": schema.get("items")}, "allowedValues": meta.get("allowedValues")}
        return [await set_to(inner, item, where=where, find_user=find_user) for item in items]
    text = str(value)
    if kind == "string":
        long = raw(schema.get("custom")).endswith(TEXT_AREA) or schema.get("system") in ("description", "environment")
        if choices := records(meta.get("allowedValues")):
            return _chosen(choices, text, where)
        if not long:
            return text
        if to_text(made := to_adf(text)) != text:
            raise Refused(
                f"{where} would read back as another text: write it with - for lists and an empty line between blocks"
            )
        return made
    if kind == "number":
        return _number(text, where)
    if kind in ("date", "datetime"):
        return _day(text, where) if kind == "date" else _moment(text, where)
    if kind == "user":
        return {"accountId": await find_user(text)}
    if kind in ("option", "priority", "resolution", "issuetype", "component", "version", "securitylevel", "status"):
        return _chosen(records(meta.get("allowedValues")), text, where)
    if kind == "option-with-child":
        return _cascade(records(meta.get("allowedValues")), text, where)
    if kind == "group":
        return {"name": text}
    raise Refused(f"{where} is of a kind that can't be set from here ({clean_line(kind or 'unknown', limit=40)})")


def _chosen(choices: list[Mapping[str, Any]], text: str, where: str) -> dict[str, str]:
    """The choice that is named ``text``, by its id. Raises Refused naming the choices."""
    named = {word(choice): choice for choice in reversed(choices)}
    if text not in named:
        near = next((name for name in named if name.casefold() == text.casefold()), "")
        if near:
            _must_be(near, text, where)
        there = ", ".join(clean_line(name, limit=40) for name in list(reversed(named))[:12])
        raise Refused(f"{where} can't be {clean_line(text, limit=60)!r}; it can be {there or 'nothing'}")
    return {"id": raw(named[text].get("id"))}


def _must_be(right: str, text: str, where: str) -> None:
    if text != right:
        told = clean_line(right, limit=60)
        raise Refused(f"{where} must be written as it is shown there: {told!r}, not {clean_line(text, limit=60)!r}")


def word(choice: Mapping[str, Any]) -> str:
    """What a choice is called."""
    return raw(choice.get("value")) or raw(choice.get("name"))


def _cascade(choices: list[Mapping[str, Any]], text: str, where: str) -> dict[str, Any]:
    parent, _, child = (part.strip() for part in text.partition("→"))
    _must_be(f"{parent} → {child}" if child else parent, text, where)
    found: dict[str, Any] = dict(_chosen(choices, parent, where))
    if child:
        below = next(records(choice.get("children")) for choice in choices if raw(choice.get("id")) == found["id"])
        found["child"] = _chosen(below, child, where)
    return found


def _number(text: str, where: str) -> int | float:
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,15})?", text.strip()):
        raise Refused(f"{where} must be a number, not {clean_line(text, limit=60)!r}")
    made = float(text) if "." in text else int(text)
    _must_be(_words(made, 1), text, where)
    return made


def _day(text: str, where: str) -> str:
    try:
        made = date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise Refused(f"{where} must be a day like 2026-11-20, not {clean_line(text, limit=60)!r}") from None
    _must_be(made, text, where)
    return made


def _moment(text: str, where: str) -> str:
    """As Jira writes moments: ``2026-11-20T09:00:00.000+0000``."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(f"{where} must be a time like 2026-11-20T09:00:00Z, not {clean_line(text, limit=60)!r}")
    _must_be(_utc(found), text, where)
    found = found.astimezone(UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 1000:03d}+0000"


def _utc(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    millis = moment.microsecond // 1000
    return f"{moment:%Y-%m-%dT%H:%M:%S}{f'.{millis:03d}' if millis else ''}Z"
