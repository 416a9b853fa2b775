"""From an approved update to what Redmine's ``PUT /issues/ID.json`` takes: names become ids, or are refused.

Redmine 5.0.4 answers 204 to a status that the ticket can't take, to a custom field that the ticket does not have and to
anything that the account may not set, and leaves it out; it makes a private note public where the account may not write
private ones. So whatever can be known before is refused before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opstui.adapters.tickets.markers import marked
from opstui.adapters.tickets.redmine_names import CustomField
from opstui.adapters.tickets.redmine_reading import SEVERITY, Reading, field_of
from opstui.adapters.tickets.wire import line, raw, record, records
from opstui.core.errors import Refused
from opstui.core.frozen import dataclass
from opstui.core.ports import Update
from opstui.core.text import clean_line

GUESSES = ("sev{}", "SEV{}", "P{}", "S{}", "{}")
"""How lists of severities are commonly spelled; for accounts that may not read the list's choices."""
WORDS = {"1": "Critical", "2": "High", "3": "Medium", "4": "Low"}


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, with the words that a severity may have there, the likeliest first."""

    issue: Mapping[str, Any]
    severity_field: str = ""
    """Id of the custom field; empty where no severity is set in one."""
    severity_words: tuple[str, ...] = ()

    def tries(self) -> list[Mapping[str, Any]]:
        """The bodies to try: one, or one for each word until Redmine knows it; it applies nothing of the others."""
        if not self.severity_field:
            return [self.issue]
        fields = list(self.issue.get("custom_fields", []))
        return [
            {**self.issue, "custom_fields": [*fields, {"id": _number(self.severity_field), "value": word}]}
            for word in self.severity_words
        ]


async def body_of(update: Update, issue: Mapping[str, Any], reading: Reading, uploads: Sequence[Any]) -> Body:
    """The body for ``update`` of an issue that was just read. Raises Refused, in words, and nothing was sent."""
    said = f"{reading.system}:{raw(issue.get('id'))}"
    found: dict[str, Any] = {}
    custom: list[dict[str, Any]] = []
    severity_field, words = "", ()  # type: tuple[str, tuple[str, ...]]
    if update.add_tags or update.remove_tags:
        raise Refused(f"{said}: Redmine has no tags. Nothing was sent")
    for path, value in update.fields.items():
        if path == "/status":
            found["status_id"] = _status(issue, value, reading, said)
        elif path == "/assignee":
            found["assigned_to_id"] = await _assignee(issue, value, reading, said)
        elif path == "/severity" and (field := field_of(issue, SEVERITY)) is not None:
            severity_field, words = raw(field.get("id")), severity_words(raw(value), field, reading)
        elif path == "/severity":
            found["priority_id"] = _priority(value, reading, said)
        elif path.startswith("/fields/"):
            custom.append(_custom(issue, path.removeprefix("/fields/"), value, reading, said))
        else:
            raise Refused(f"{said}: {clean_line(path, limit=80)} can't be set in Redmine. Nothing was sent")
    if update.comment:
        if not update.public:
            await _check_private(issue, reading, said)
        found["notes"] = update.comment if reading.op_field else marked(update.comment, update.op_id)
        found["private_notes"] = not update.public
    if uploads:
        found["uploads"] = list(uploads)
    if reading.op_field:
        custom.append({"id": _number(raw(_op_field(issue, reading, said).get("id"))), "value": update.op_id})
    if custom:
        found["custom_fields"] = custom
    return Body(found, severity_field, words)


def _op_field(issue: Mapping[str, Any], reading: Reading, said: str) -> Mapping[str, Any]:
    """The field for the op id; without it an update could be sent twice."""
    found = reading.op_field_of(issue)
    if found is None:
        tracker, project = (line(record(issue.get(name)).get("name")) for name in ("tracker", "project"))
        raise Refused(
            f"{said}: has no field {clean_line(reading.op_field, limit=80)!r} for the op id (tracker {tracker}, "
            f"project {project}). Nothing was sent; add it there, or take op_field out of tickets.{reading.system}"
        )
    return found


def _status(issue: Mapping[str, Any], value: Any, reading: Reading, said: str) -> int:
    allowed = {raw(one.get("id")): line(one.get("name")) for one in records(issue.get("allowed_statuses"))}
    if "allowed_statuses" not in issue:
        allowed = reading.names.statuses()  # before 5.0; whether it was taken is seen when it is read back
    found = _by_name(allowed.items(), raw(value))
    if len(found) != 1:
        there = ", ".join(allowed.values()) or "none"
        raise Refused(f"{said}: can't take the status {clean_line(raw(value), limit=80)!r}, only: {there}. "
                      "Nothing was sent")  # fmt: skip
    return _number(found[0])


async def _assignee(issue: Mapping[str, Any], value: Any, reading: Reading, said: str) -> int | str:
    wanted = [raw(one) for one in (value if isinstance(value, list | tuple) else [value]) if raw(one)]
    if len(wanted) > 1:
        raise Refused(f"{said}: takes one assignee, not {len(wanted)}. Nothing was sent")
    if not wanted:
        return ""
    project = raw(record(issue.get("project")).get("id"))
    names = reading.names
    # The project's members first: of two people of the same name it is the one who can have the ticket.
    there = await names.members(project)
    found = _by_name(there.items(), wanted[0])
    if not found:
        there = await names.members(project, again=True)
        found = _by_name(there.items(), wanted[0]) or _by_name(names.people().items(), wanted[0])
    if len(found) == 1:
        return _number(found[0])
    name = clean_line(wanted[0], limit=80)
    if found:
        raise Refused(f"{said}: there are {len(found)} people called {name!r}. Nothing was sent")
    who = ", ".join(sorted(there.values())[:12]) or "none that this account may see"
    raise Refused(f"{said}: nobody in the project is called {name!r}; there are: {who}. Nothing was sent")


def _priority(value: Any, reading: Reading, said: str) -> int:
    """The priority for a severity; of two that mean it the graver one."""
    known = reading.names.priorities()
    word = reading.severities.word(raw(value), reversed(list(known.values())))
    if word is None:
        names = ", ".join(known.values())
        raise Refused(
            f"{said}: none of its priorities ({names}) means severity {clean_line(raw(value), limit=20)}. Nothing was "
            f"sent; say which does in tickets.{reading.system}.severity"
        )
    return _number(next(number for number, name in known.items() if name == word))


def severity_words(value: str, field: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
    """What to write into a severity field for ``"1"`` to ``"4"``; an empty word clears it.

    The field's choices where the account may read them; else the config's words and the usual ones, in the manner of
    the value that it has.
    """
    if not value:
        return ("",)
    known = reading.names.field(raw(field.get("id")))
    if known is not None and known.choices:
        word = reading.severities.word(value, known.choices)
        if word is None:
            raise Refused(
                f"{reading.system}: none of the words of {known.name} ({clean_line(', '.join(known.choices))}) means "
                f"severity {clean_line(value, limit=20)}. Nothing was sent; see tickets.{reading.system}.severity"
            )
        return (word,)
    now = raw(field.get("value"))
    digit = next((letter for letter in now if letter.isdigit()), "")
    alike = [now.replace(digit, value, 1)] if digit and reading.severities.of(now) == digit else []
    own = reading.severities.written(value)
    usual = [*(guess.format(value) for guess in GUESSES), WORDS.get(value, "")]
    words = [word for word in dict.fromkeys([*own, *alike, *usual]) if reading.severities.of(word) == value]
    if not words:
        raise Refused(f"{reading.system}: {clean_line(value, limit=20)!r} is no severity (1 to 4). Nothing was sent")
    return tuple(words)


def _custom(issue: Mapping[str, Any], name: str, value: Any, reading: Reading, said: str) -> dict[str, Any]:
    field = field_of(issue, name)
    if field is None:
        there = ", ".join(line(one.get("name")) for one in records(issue.get("custom_fields"))) or "none"
        raise Refused(f"{said}: has no custom field {clean_line(name, limit=80)!r}, only: {there}. Nothing was sent")
    if reading.op_field and field is reading.op_field_of(issue):
        raise Refused(f"{said}: {line(field.get('name'))} keeps the op ids of updates. Nothing was sent")
    number = raw(field.get("id"))
    kind = reading.names.field(number)
    several = field.get("multiple") is True or isinstance(field.get("value"), list)
    values = list(value) if isinstance(value, list | tuple) else raw(value).split(",") if several else [raw(value)]
    words = [_value(raw(one).strip() if several else raw(one), kind) for one in values if raw(one).strip()]
    if several:
        return {"id": _number(number), "value": words or [""]}
    return {"id": _number(number), "value": words[0] if words else ""}


def _value(word: str, kind: CustomField | None) -> str:
    """The value that is shown as ``word``."""
    labels = kind.labels if kind is not None else {}
    return next((value for value, label in labels.items() if label == word), word)


async def _check_private(issue: Mapping[str, Any], reading: Reading, said: str) -> None:
    """An internal note must not become a public one."""
    project = record(issue.get("project"))
    allowed = await reading.names.may("set_notes_private", raw(project.get("id")))
    if allowed:
        return
    why = (
        f"the account's roles in {line(project.get('name'))} may not"
        if allowed is False
        else f"it can't be told whether the account may, having no role in {line(project.get('name'))}"
    )
    raise Refused(
        f"{said}: wants to write a private note, which {why}, and Redmine would publish it. Nothing was sent; ask for "
        "the right “Set notes as private”"
    )


def _by_name(pairs: Iterable[tuple[str, str]], name: str) -> list[str]:
    """Ids of what is called ``name``; in another case only where nothing is called exactly so."""
    known = [(number, str(clean_line(given))) for number, given in pairs]
    exact = [number for number, given in known if given == name]
    return exact or [number for number, given in known if given.casefold() == name.casefold()]


def _number(number: str) -> int:
    return int(number) if number.isascii() and number.isdigit() else 0
