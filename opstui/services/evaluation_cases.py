"""Recorded cases: a folder each, read and written.

``case.toml`` (workflow, moment, expectations), ``ticket.json`` (a Ticket as ``opstui ticket show --json`` prints it),
``pages/SOURCE/….md`` (the runbooks of that moment), ``tickets.jsonl`` (other tickets, a Ticket a line) and
``taxonomy.toml`` (else the operator's own is used). Only the first two are needed.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opstui.core.codec import encode, moment, timestamp
from opstui.core.errors import ConfigError
from opstui.core.evaluation import Expectations, Label
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Status, StatusCategory, Ticket, TicketRef, TimelineEntry, Visibility

CASE, TICKET, PAGES, TICKETS, TAXONOMY = "case.toml", "ticket.json", "pages", "tickets.jsonl", "taxonomy.toml"
FILE_LIMIT = 8 * 1024 * 1024
_KEYS = frozenset(("workflow", "at", "note", "page", "expect", "label"))
_EXPECTED = frozenset(("required", "forbidden", "no_cause", "state", "runbook", "no_runbook", "similar", "values"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recorded case."""

    name: str
    """Its folder's."""
    workflow: str
    at: datetime
    """The moment at which it plays: what documents take for now. Aware."""
    ticket: Ticket
    others: tuple[Ticket, ...] = ()
    pages: Path | None = None
    """A folder with one folder of pages for each source; None: there are none."""
    taxonomy: Path | None = None
    """Its own; None: the operator's."""
    page: str = ""
    """The page to change, for a workflow that is about pages."""
    wanted: Expectations = Expectations()


def read_cases(folder: Path) -> list[Case]:
    """Every case in a folder, by name; the folder itself if it is one. Raises ConfigError naming the file."""
    if not folder.is_dir():
        raise ConfigError(f"{clean_line(str(folder), limit=120)}: there is no such folder of cases")
    if (folder / CASE).is_file():
        return [read_case(folder)]
    found = [read_case(place) for place in sorted(folder.iterdir()) if (place / CASE).is_file()]
    if not found:
        raise ConfigError(f"{clean_line(str(folder), limit=120)}: no case in it: a case is a folder with a {CASE}")
    return found


def read_case(folder: Path) -> Case:
    """One case. Raises ConfigError naming the file and what is wrong in it."""
    file = folder / CASE
    try:
        table = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", file=str(file)) from None
    strange = [key for key in table if key not in _KEYS]
    strange += [f"expect.{key}" for key in table.get("expect", {}) if key not in _EXPECTED]
    if strange:
        raise ConfigError(f"{clean_line(strange[0], limit=40)}: there is no such key", file=str(file), key=strange[0])
    if not isinstance(table.get("workflow"), str):
        raise ConfigError("workflow is missing", file=str(file), key="workflow")
    ticket = _ticket(folder / TICKET, _text(folder / TICKET))
    at = table.get("at")
    if at is None:
        at = max((entry.at for entry in ticket.timeline), default=ticket.updated_at)
    elif not isinstance(at, datetime) or at.tzinfo is None:
        raise ConfigError("at: a time with its zone is wanted, 2026-11-20T09:30:00Z", file=str(file), key="at")
    others = folder / TICKETS
    lines = _text(others).split("\n") if others.is_file() else []
    pages = folder / PAGES
    try:
        wanted = _expectations(table.get("expect", {}), table.get("label", []))
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise ConfigError(f"expect: {clean_line(str(error), limit=120)}", file=str(file), key="expect") from None
    return Case(
        name=folder.name,
        workflow=table["workflow"],
        at=at.astimezone(UTC),
        ticket=ticket,
        others=tuple(_ticket(others, line) for line in lines if line.strip()),
        pages=pages if pages.is_dir() else None,
        taxonomy=folder / TAXONOMY if (folder / TAXONOMY).is_file() else None,
        page=str(table.get("page", "")),
        wanted=wanted,
    )


def ticket_of(value: Mapping[str, Any]) -> Ticket:
    """A Ticket from its JSON shape. Raises KeyError, ValueError, TypeError, UsageError."""
    status = value["status"]
    created = moment(value["created_at"])
    return Ticket(
        ref=TicketRef.parse(value["ref"]),
        title=clean_line(value["title"]),
        body=clean(value.get("body") or ""),
        status=Status(clean_line(status["raw"]), StatusCategory(status["category"])),
        severity=value.get("severity"),
        priority=_line(value.get("priority")),
        assignees=tuple(clean_line(name) for name in value.get("assignees", ())),
        team=_line(value.get("team")),
        services=tuple(clean_line(name) for name in value.get("services", ())),
        tags=tuple(clean_line(name) for name in value.get("tags", ())),
        fields={str(clean_line(key)): clean(str(item)) for key, item in (value.get("fields") or {}).items()},
        created_at=created,
        updated_at=moment(value["updated_at"]) if value.get("updated_at") else created,
        due_at=moment(value["due_at"]) if value.get("due_at") else None,
        url=_line(value.get("url")),
        version=str(value.get("version") or "1"),
        timeline=tuple(
            TimelineEntry(
                str(clean_line(entry["id"])),
                moment(entry["at"]),
                clean_line(entry["author"]),
                EntryKind(entry["kind"]),
                Visibility(entry.get("visibility", "unknown")),
                clean(entry["text"]),
            )
            for entry in value.get("timeline", ())
        ),
    )


def ticket_json(ticket: Ticket) -> dict[str, Any]:
    """A ticket in its JSON shape, without what only its cache knows."""
    value = encode(ticket)
    value["ref"] = str(ticket.ref)
    value.pop("attachments")
    value.pop("complete")
    for entry in value["timeline"]:
        entry.pop("op_id")
    return value  # type: ignore[no-any-return]


def write_case(folder: Path, case: Case, *, note: str = "", pages: Mapping[str, str] | None = None) -> None:
    """Make a case's folder. ``pages``: document id → text. Raises OSError, also where the folder is there already."""
    folder.mkdir(parents=True, exist_ok=False)
    (folder / TICKET).write_text(_json(ticket_json(case.ticket), indent=1) + "\n", encoding="utf-8")
    if case.others:
        lines = [_json(ticket_json(other)) for other in case.others]
        (folder / TICKETS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for doc, text in (pages or {}).items():
        parts = [part for part in doc.split("/") if part not in ("", ".", "..")]
        place = folder.joinpath(PAGES, *parts[:-1], f"{parts[-1]}.md")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    (folder / CASE).write_text(_case_toml(case, note), encoding="utf-8")


def _case_toml(case: Case, note: str) -> str:
    wanted = case.wanted
    lines = [f"workflow = {_json(case.workflow)}", f"at = {timestamp(case.at)}"]
    lines += [f"note = {_json(note)}"] if note else []
    lines += [f"page = {_json(case.page)}"] if case.page else []
    lines += [
        "",
        "[expect]",
        f"required = {_json([one[0] if len(one) == 1 else list(one) for one in wanted.required])}",
    ]
    lines += [f"forbidden = {_json(list(wanted.forbidden))}"]
    lines += ["no_cause = true"] if wanted.no_cause else []
    lines += [f"state = {_json(wanted.state)}"] if wanted.state else []
    lines += [f"runbook = {_json(wanted.runbook)}"] if wanted.runbook else []
    lines += ["no_runbook = true"] if wanted.no_runbook else []
    lines += [f"similar = {_json(list(wanted.similar))}"] if wanted.similar else []
    if wanted.values:
        lines += ["", "[expect.values]", *(f"{_json(key)} = {_json(value)}" for key, value in wanted.values.items())]
    for label in wanted.labels:
        lines += ["", "[[label]]"]
        lines += [f"{key} = {_json(value)}" for key, value in encode(label).items()]
    return "\n".join(lines) + "\n"


def _json(value: object, indent: int | None = None) -> str:
    """JSON, which TOML takes for texts and lists of texts as it is."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _expectations(table: Mapping[str, Any], labels: Sequence[Mapping[str, Any]]) -> Expectations:
    return Expectations(
        required=tuple((one,) if isinstance(one, str) else tuple(map(str, one)) for one in table.get("required", ())),
        forbidden=tuple(map(str, table.get("forbidden", ()))),
        no_cause=bool(table.get("no_cause", False)),
        state=table.get("state"),
        runbook=table.get("runbook"),
        no_runbook=bool(table.get("no_runbook", False)),
        similar=tuple(map(str, table.get("similar", ()))),
        values={str(key): str(value) for key, value in table.get("values", {}).items()},
        labels=tuple(
            Label(
                check=str(one["check"]),
                reason=str(one["reason"]),
                text=str(one.get("text", "")),
                claim=str(one.get("claim", "")),
                quotes=tuple(map(str, one.get("quotes", ()))),
            )
            for one in labels
        ),
    )


def _ticket(file: Path, text: str) -> Ticket:
    try:
        return ticket_of(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {clean_line(str(error), limit=100)}"
        raise ConfigError(f"not a ticket as `opstui ticket show --json` prints it ({what})", file=str(file)) from None


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror or 'input/output error'})", file=str(file)) from None
    if len(raw) > FILE_LIMIT:
        raise ConfigError(f"longer than {FILE_LIMIT // 1024 // 1024} MB", file=str(file))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=str(file)) from None


def _line(value: object) -> SafeText | None:
    return None if value is None else clean_line(str(value))
