"""Updates to ServiceNow: what is checked first, and what is patched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opstui.adapters.tickets.markers import marked
from opstui.adapters.tickets.servicenow_reading import PRIORITIES, Place, Row, op_ids
from opstui.core.errors import Conflict, Refused
from opstui.core.frozen import dataclass
from opstui.core.ports import Update
from opstui.core.text import clean_line

CLOSING = ("6", "7")
"""States that need ``close_code`` and ``close_notes`` (a data policy of the product as delivered)."""
OP_IDS = 3
"""Op ids that the ``op_field`` keeps: as many as the 100 letters of ``correlation_id`` hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """What is sent, in this order."""

    shown: Mapping[str, str]
    """Columns by name with values as people see them: the instance finds the choice, the record or the moment."""
    own: Mapping[str, str]
    """Columns that this program knows, with values as the database has them, and the comment."""


def check_version(name: str, update: Update, row: Row) -> None:
    """Raises Conflict where the record was changed since the version that was just read. Not a promise of the instance:
    it can still change between this and the write."""
    read = update.expected_version.partition("/")[0]
    if read and read != row.value("sys_mod_count"):
        raise Conflict(f"{name}: {update.ticket} changed meanwhile. Nothing was sent", ticket=str(update.ticket))


def patches(
    place: Place, update: Update, row: Row, *, states: Mapping[str, str], people: Mapping[str, str],
    groups: Mapping[str, str], levels: Mapping[str, str], choices: Mapping[str, Mapping[str, str]],
) -> Patches:  # fmt: skip
    """What to send for ``update``.

    ``states``, ``levels`` and ``choices`` (by column) are labels by value, ``people`` and ``groups`` ids by name.
    Raises Refused for what can't be.
    """
    own: dict[str, str] = {}
    shown: dict[str, str] = {}
    for path, value in update.fields.items():
        if path == "/status":
            own["state"] = _state(place.name, str(value), row, states)
        elif path == "/assignee":
            own["assigned_to"] = _assignee(place.name, value, people)
        elif path == "/team":
            own["assignment_group"] = groups[str(value)] if value else ""
        elif path == "/severity":
            own |= _severity(place, str(value), row, levels)
        else:
            column = _column(place, path, row)
            shown[column] = "" if value is None else _choice(place.name, column, str(value), choices.get(column, {}))
    _check_closing(place.name, own, shown, row)
    if update.comment is not None:
        own["comments" if update.public else "work_notes"] = marked(update.comment, update.op_id)
    if place.op_field and (own or shown):
        own[place.op_field] = _kept(place, update.op_id, row)
    return Patches(shown=shown, own=own)


def _state(name: str, wanted: str, row: Row, states: Mapping[str, str]) -> str:
    found = [value for value, label in states.items() if label == wanted]
    if row.line("state") == wanted:
        return row.value("state")
    if not found:
        there = ", ".join(clean_line(label, limit=40) for label in states.values())
        raise Refused(
            f"{name}: {clean_line(wanted, limit=60)!r} is no state there; there are {there}. Nothing was sent"
        )
    return found[0]


def _assignee(name: str, value: Any, people: Mapping[str, str]) -> str:
    names = [str(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else [str(value)]
    if len(names) > 1:
        raise Refused(f"{name}: a ticket has one assignee there, not {len(names)}. Nothing was sent")
    return people[names[0]] if names and names[0] else ""


def _severity(place: Place, wanted: str, row: Row, levels: Mapping[str, str]) -> dict[str, str]:
    """Priority can't be written: it follows from impact and urgency. As delivered it is their sum less one, so impact
    stays where it can, and urgency makes the difference; an instance with another table is told by the read-back."""
    there = levels or (PRIORITIES if place.severity_field == "priority" else {})
    word = place.severities.word(wanted, there.values())
    number = place.severities.word(wanted, there.keys()) if word is None else None
    found = [value for value, label in there.items() if label == word or value == number]
    if not found:
        told = ", ".join(clean_line(label, limit=40) for label in there.values())
        raise Refused(
            f"{place.name}: none of {told or 'its words'} means severity {clean_line(wanted, limit=10)}. Nothing was "
            f"sent; say which in [tickets.{place.name}.severity] of the config"
        )
    if place.severity_field != "priority":
        return {place.severity_field: found[0]}
    total = int(found[0]) + 1 if found[0] in PRIORITIES else 0
    if not total:
        raise Refused(
            f"{place.name}: no impact and urgency make the priority {clean_line(there[found[0]])}. Nothing was sent"
        )
    now = int(row.value("impact")) if row.value("impact") in ("1", "2", "3") else 2
    impact = min(max(now, total - 3), total - 1, 3)
    return {"impact": str(impact), "urgency": str(total - impact)}


def _column(place: Place, path: str, row: Row) -> str:
    """The column that ``/fields/NAME`` means. The instance ignores one that it does not have, so this must not."""
    name = path.removeprefix("/fields/")
    if name not in row.columns or name.startswith("sys_") or name == place.op_field:
        raise Refused(f"{place.name}: there is no field {clean_line(name, limit=60)!r} to set. Nothing was sent")
    return name


def _choice(name: str, column: str, wanted: str, labels: Mapping[str, str]) -> str:
    """The label itself. Where there are choices, the instance takes anything else for a choice that nobody knows."""
    if wanted and labels and wanted not in labels.values():
        there = ", ".join(clean_line(label, limit=40) for label in [*labels.values()][:20])
        told = clean_line(wanted, limit=60)
        raise Refused(f"{name}: {clean_line(column)} can't be {told!r}; it can be {there}. Nothing was sent")
    return wanted


def _check_closing(name: str, own: Mapping[str, str], shown: Mapping[str, str], row: Row) -> None:
    if own.get("state") not in CLOSING:
        return
    missing = [column for column in ("close_code", "close_notes") if not (shown.get(column) or row.value(column))]
    if missing:
        words = " and ".join(f"/fields/{column}" for column in missing)
        raise Refused(f"{name}: this state also needs {words}. Nothing was sent", reason=words)


def _kept(place: Place, op_id: str, row: Row) -> str:
    """The op ids in the ``op_field`` with this one. Raises Refused where the field holds something else."""
    there = op_ids(row.value(place.op_field))
    if there is None or place.op_field not in row.columns:
        what = "holds something else" if there is None else "is not there"
        raise Refused(
            f"{place.name}: the field {clean_line(place.op_field, limit=60)} {what}. Nothing was sent; mend "
            f"tickets.{place.name}.op_field in the config"
        )
    return " ".join((*[one for one in there if one != op_id][1 - OP_IDS :], op_id))
