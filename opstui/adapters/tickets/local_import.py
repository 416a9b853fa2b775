"""JSON Lines into the embedded ticket system: the good lines are kept, each bad one is named with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opstui.adapters.tickets.local_desk import LocalDesk
from opstui.adapters.tickets.local_rows import SEVERITIES, NewEntry, NewTicket
from opstui.core.codec import moment
from opstui.core.desk import ImportReport
from opstui.core.errors import NotFound, UsageError
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import EntryKind, Ticket, TicketRef, Visibility

if TYPE_CHECKING:
    from opstui.adapters.tickets.local import LocalTickets

BATCH = 500
"""Lines in one transaction: a commit costs as much as a hundred of them."""
LINE_BYTES = 64 * 1024 * 1024
"""A longer line is no ticket."""
NO_TITLE = SafeText("(no title)")


class BadLine(ValueError):
    """What is wrong with a line, in words."""


def import_file(system: LocalTickets, file: str, *, update: bool) -> ImportReport:
    """Take a file in. Raises UsageError where it can't be read, StoreFull; batches of 500 lines before it are kept."""
    try:
        source = open(file, "rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{clean_line(file)}: can't be read ({error.strerror}); nothing was imported") from None
    with source:
        try:
            return system.import_lines(_lines_of(source), update=update)
        except OSError as error:
            raise UsageError(
                f"{clean_line(file)}: can't be read to its end ({error.strerror}). "
                f"Whole batches of {BATCH} lines before that are imported; the same command again skips them"
            ) from None


def import_lines(system: LocalTickets, lines: Iterable[str | bytes], *, update: bool, now: datetime) -> ImportReport:
    """Take ``lines`` in, in batches; one batch is stored whole or not at all."""
    imported = skipped = 0
    errors: list[tuple[int, str]] = []
    batch: list[tuple[int, NewTicket, frozenset[str]]] = []

    def store() -> None:
        nonlocal imported, skipped
        if not batch:
            return
        for place, outcome in system.together(
            lambda desk: [
                (number, _take(desk, system.name, ticket, names, update=update)) for number, ticket, names in batch
            ]
        ):
            if outcome == "imported":
                imported += 1
            elif outcome == "skipped":
                skipped += 1
            else:
                errors.append((place, outcome))
        batch.clear()

    for number, line in enumerate(lines, 1):
        try:
            read = read_line(line, system=system.name, now=now)
        except BadLine as error:
            errors.append((number, str(error)))
            continue
        if read is not None:
            batch.append((number, *read))
            if len(batch) >= BATCH:
                store()
    store()
    return ImportReport(imported=imported, skipped=skipped, errors=tuple(sorted(errors)))


def read_line(line: str | bytes, *, system: str, now: datetime) -> tuple[NewTicket, frozenset[str]] | None:
    """The ticket of a line and the names that it gives; None for a blank line. Raises BadLine."""
    if len(line) > LINE_BYTES:
        raise BadLine(f"the line is longer than {LINE_BYTES // 1024 // 1024} MB")
    try:
        text = line.decode("utf-8-sig") if isinstance(line, bytes) else line
        if not text.strip():
            return None
        given = json.loads(text)
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise BadLine("not a ticket: nested too deeply") from None
    except ValueError as error:
        if not isinstance(error, json.JSONDecodeError):
            raise BadLine("not a ticket: a number of thousands of digits") from None
        raise BadLine(f"not JSON (column {error.colno}: {clean_line(error.msg, limit=120)})") from None
    if not isinstance(given, dict):
        raise BadLine("not an object")
    return _ticket(given, system, now), frozenset(name for name, value in given.items() if value is not None)


def _ticket(given: dict[str, Any], system: str, now: datetime) -> NewTicket:
    title = _string(given, "title")
    if title is None:
        raise BadLine("title is missing")
    timeline = _timeline(given)
    created = _time(given, "created_at")
    updated = _time(given, "updated_at")
    times = [entry.at for entry in timeline]
    created_at = created or min(times, default=updated or now)
    updated_at = updated or max([created_at, *times])
    assignee = _line(given, "assignee")
    return NewTicket(
        key=_key(given, system),
        title=clean_line(title) or NO_TITLE,
        body=clean(_string(given, "body") or ""),
        status=_line(given, "status", limit=100) or SafeText("new"),
        severity=_severity(given),
        priority=_line(given, "priority"),
        assignees=(assignee,) if assignee else (),
        team=None,
        services=_names(given, "services"),
        tags=_names(given, "tags"),
        fields={},
        url=None,
        created_at=created_at,
        updated_at=updated_at,
        due_at=None,
        timeline=timeline,
        imported=hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest(),
    )


def _take(desk: LocalDesk, system: str, ticket: NewTicket, names: frozenset[str], *, update: bool) -> str:
    """``imported``, ``skipped``, or what is wrong."""
    if ticket.key is None:
        if desk.was_imported(ticket.imported or ""):
            return "skipped"
        desk.insert(ticket)
        return "imported"
    try:
        there = desk.ticket(system, ticket.key)
    except NotFound:
        desk.insert(ticket)
        return "imported"
    differs = sorted(name for name in names & _COMPARED.keys() if _COMPARED[name](there) != _COMPARED[name](ticket))
    if not differs:
        return "skipped"
    if not update:
        if desk.was_imported(ticket.imported or "", ticket.key):
            # The very line was taken in before; what was done with the ticket since is no fault of the line.
            return "skipped"
        return f"{ticket.key} exists and is different ({', '.join(differs)}): --update replaces it"
    known = [_entry_of(entry) for entry in there.timeline]
    more = []
    for entry in ticket.timeline:
        if _entry_of(entry) in known:
            known.remove(_entry_of(entry))
        else:
            more.append(entry)
    if differs == ["timeline"] and not more:
        return "skipped"
    desk.replace(ticket.key, ticket, names, more)
    return "imported"


def _entry_of(entry: Any) -> tuple[Any, ...]:
    return (entry.at, entry.author, entry.kind, entry.visibility, entry.text)


def _timeline_of(ticket: Any) -> list[tuple[Any, ...]]:
    return [_entry_of(entry) for entry in ticket.timeline]


def _status_of(ticket: Ticket | NewTicket) -> str:
    return str(ticket.status.raw if isinstance(ticket, Ticket) else ticket.status)


_COMPARED: dict[str, Any] = {
    "title": lambda ticket: ticket.title,
    "body": lambda ticket: ticket.body,
    "status": _status_of,
    "severity": lambda ticket: ticket.severity,
    "priority": lambda ticket: ticket.priority,
    "assignee": lambda ticket: ticket.assignees,
    "services": lambda ticket: ticket.services,
    "tags": lambda ticket: ticket.tags,
    "created_at": lambda ticket: ticket.created_at,
    "updated_at": lambda ticket: ticket.updated_at,
    "timeline": _timeline_of,
}


# --- parts of a line --------------------------------------------------------------------------------------------------


def _key(given: dict[str, Any], system: str) -> str | None:
    key = _string(given, "key")
    if key is None:
        return None
    try:
        return TicketRef.parse(f"{system}:{key}").key
    except UsageError:
        raise BadLine("key can't be a ticket's key: no spaces or colons at its start, at most 128 characters") from None


def _severity(given: dict[str, Any]) -> str | None:
    value = given.get("severity")
    if value is None:
        return None
    if value in SEVERITIES or (type(value) is int and str(value) in SEVERITIES):
        return str(value)
    raise BadLine('severity must be "1", "2", "3" or "4"')


def _timeline(given: dict[str, Any]) -> tuple[NewEntry, ...]:
    value = given.get("timeline")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadLine("timeline must be a list")
    return tuple(_entry(entry, place) for place, entry in enumerate(value, 1))


def _entry(given: Any, place: int) -> NewEntry:
    if not isinstance(given, dict):
        raise BadLine(f"timeline entry {place} must be an object")
    try:
        at, text = _time(given, "at"), _string(given, "text")
        if at is None:
            raise BadLine("at is missing")
        return NewEntry(
            at=at,
            author=_line(given, "author", limit=200) or SafeText("unknown"),
            kind=EntryKind(_one_of(given, "kind", EntryKind, EntryKind.COMMENT)),
            visibility=Visibility(_one_of(given, "visibility", Visibility, Visibility.UNKNOWN)),
            text=clean(text or ""),
        )
    except BadLine as error:
        raise BadLine(f"timeline entry {place}: {error}") from None


def _one_of(given: dict[str, Any], name: str, kind: type[EntryKind] | type[Visibility], default: str) -> str:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in [item.value for item in kind]:
        raise BadLine(f"{name} must be one of {', '.join(item.value for item in kind)}")
    return value


def _string(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value
    raise BadLine(f"{name} must be a string")


def _line(given: dict[str, Any], name: str, limit: int = 500) -> SafeText | None:
    value = _string(given, name)
    return None if value is None else clean_line(value, limit=limit) or None


def _names(given: dict[str, Any], name: str) -> tuple[SafeText, ...]:
    value = given.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadLine(f"{name} must be a list of strings")
    cleaned = (clean_line(item, limit=200) for item in value)
    return tuple(dict.fromkeys(item for item in cleaned if item))


def _time(given: dict[str, Any], name: str) -> datetime | None:
    value = _string(given, name)
    if value is None:
        return None
    try:
        return moment(value)
    except (ValueError, OverflowError):
        raise BadLine(f"{name} must be a time like 2026-11-20T03:14:09Z") from None


def _lines_of(source: Any) -> Iterator[bytes]:
    """Lines of a file, of each at most one byte more than is read, so that one endless line fills no memory."""
    while line := source.readline(LINE_BYTES + 1):
        rest = line
        while len(rest) > LINE_BYTES and not rest.endswith(b"\n"):
            rest = source.readline(LINE_BYTES + 1)
        yield line
