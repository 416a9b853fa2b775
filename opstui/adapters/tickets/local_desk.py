"""What can be done with the tickets of ``desk.db`` inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

import apsw

from opstui.adapters.tickets.local_rows import (
    NewEntry,
    NewTicket,
    difference,
    dumped,
    line_or_none,
    list_of,
    names_of,
    read_tickets,
    severity_of,
    text_of,
    text_or_none,
)
from opstui.adapters.tickets.local_schema import moves_from, stored_time, time_of
from opstui.core.canonical import fingerprint
from opstui.core.codec import timestamp
from opstui.core.errors import Conflict, NotFound, Refused
from opstui.core.frozen import dataclass
from opstui.core.ids import Clock
from opstui.core.ports import Update
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import (
    EntryKind,
    Ticket,
    Visibility,
)

_FIRST_KEY = 1001


@dataclass(slots=True)
class _Row:
    """A ticket's row while it is being changed; ``body`` only where it is."""

    id: int
    key: str
    title: str
    status: str
    severity: str | None
    priority: str | None
    team: str | None
    updated: int
    due: int | None
    version: int
    entries: int
    assignees: Sequence[str]
    services: Sequence[str]
    tags: Sequence[str]
    fields: dict[str, str]
    body: str | None = None
    written: list[int] = field(default_factory=list)
    """Numbers of the entries that were added."""


class LocalDesk:
    """The tickets, inside the transaction that ``connection`` is in: an exception undoes everything."""

    def __init__(self, connection: apsw.Connection, *, clock: Clock, prefix: str) -> None:
        self._connection = connection
        self._clock = clock
        self._prefix = prefix

    def create(
        self,
        *,
        title: str,
        body: str = "",
        status: str = "new",
        severity: str | None = None,
        priority: str | None = None,
        assignees: Sequence[str] = (),
        team: str | None = None,
        services: Sequence[str] = (),
        tags: Sequence[str] = (),
        fields: Mapping[str, str] | None = None,
        url: str | None = None,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
        due_at: datetime | None = None,
        key: str | None = None,
    ) -> str:
        """A new ticket; its key. Raises Refused for a key that is taken or a severity that is none."""
        created = created_at or self._clock.now()
        return self.insert(
            NewTicket(
                key=key,
                title=clean_line(title),
                body=clean(body),
                status=clean_line(status, limit=100),
                severity=severity_of(severity),
                priority=line_or_none(priority),
                assignees=names_of(assignees),
                team=line_or_none(team),
                services=names_of(services),
                tags=names_of(tags),
                fields={clean_line(name, limit=100): clean(value) for name, value in (fields or {}).items()},
                url=line_or_none(url),
                created_at=created,
                updated_at=updated_at or created,
                due_at=due_at,
            )
        )

    def comment(
        self,
        key: str,
        author: str,
        text: str,
        *,
        visibility: str = "internal",
        kind: str = "comment",
        at: datetime | None = None,
    ) -> str:
        """Add an entry of any kind; its id. Raises NotFound."""
        row = self._row(key)
        self._note(row, at or self._clock.now(), author, EntryKind(kind), clean(text), Visibility(visibility))
        self._save(row, at or self._clock.now())
        return f"{key}#{row.entries}"

    def change(self, key: str, author: str, fields: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Set fields, each with its entry in the history; what has that value already stays as it is.

        Paths are those of an update, and ``/title``, ``/body``, ``/priority``, ``/services``, ``/tags`` (the whole
        list), ``/due_at`` (a time or None). Raises NotFound, Refused.
        """
        moment = at or self._clock.now()
        row = self._row(key)
        for path, value in fields.items():
            self._set(row, path, value, author, moment, None, narrow=False)
        if row.written or row.body is not None:
            self._save(row, moment)

    def attach(self, key: str, author: str, name: str, content: bytes, *, at: datetime | None = None) -> str:
        """Attach a file; its SHA-256. Raises NotFound."""
        moment = at or self._clock.now()
        row = self._row(key)
        sha256 = self._attach(row, name, content, author, moment, None)
        self._save(row, moment)
        return sha256

    def send(self, update: Update) -> str:
        """Apply an approved update; the id of the entry that carries its op id.

        Raises NotFound, Conflict, Refused, and then nothing is applied.
        """
        done = self._connection.execute("SELECT entry FROM applied WHERE op_id = ?", (update.op_id,)).fetchone()
        if done is not None:
            return str(done[0])
        row = self._row(update.ticket.key)
        if str(row.version) != update.expected_version:
            raise Conflict(
                f"{update.ticket} changed meanwhile (version {row.version}, expected {update.expected_version}): "
                "nothing was applied",
                ticket=str(update.ticket),
                theirs=str(row.version),
                ours=update.expected_version,
            )
        now, author = self._clock.now(), clean_line(update.author)
        if update.comment is not None:
            visibility = Visibility.PUBLIC if update.public else Visibility.INTERNAL
            # The comment must read back exactly as it was approved, so it is only cleaned, never reformatted.
            self._note(row, now, author, EntryKind.COMMENT, clean(update.comment), visibility, update.op_id)
        for path, value in update.fields.items():
            self._set(row, path, value, author, now, update.op_id, narrow=True)
        if update.add_tags or update.remove_tags:
            gone = set(update.remove_tags)
            tags = [tag for tag in row.tags if tag not in gone]
            tags += [tag for tag in names_of(update.add_tags) if tag not in tags]
            self._set(row, "/tags", tags, author, now, update.op_id, narrow=False)
        for name, content in update.attachments:
            self._attach(row, name, content, author, now, update.op_id)
        self._save(row, now)
        entry = f"{row.key}#{row.written[0] if row.written else 0}"
        self._connection.execute(
            "INSERT INTO applied VALUES (?, ?, ?, ?)", (update.op_id, row.id, entry, stored_time(now))
        )
        return entry

    def insert(self, ticket: NewTicket) -> str:
        """Store a new ticket as it is; its key. Raises Refused for a key that is taken."""
        key = ticket.key or self._free_key()
        try:
            self._connection.execute(
                "INSERT INTO tickets(key, title, body, status, severity, priority, team, url, created, updated, due, "
                "version, change, entries, assignees, services, tags, fields, imported) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    ticket.title,
                    ticket.body,
                    ticket.status,
                    ticket.severity,
                    ticket.priority,
                    ticket.team,
                    ticket.url,
                    stored_time(ticket.created_at),
                    stored_time(ticket.updated_at),
                    None if ticket.due_at is None else stored_time(ticket.due_at),
                    self._next_change(),
                    len(ticket.timeline),
                    dumped(ticket.assignees),
                    dumped(ticket.services),
                    dumped(ticket.tags),
                    dumped(ticket.fields),
                    ticket.imported,
                ),
            )
        except apsw.ConstraintError:
            raise Refused(f"there is a ticket {key} already") from None
        self.append(self._connection.last_insert_rowid(), ticket.timeline, after=0)
        return key

    def append(self, ticket: int, entries: Iterable[NewEntry], *, after: int) -> None:
        """Entries with the numbers that follow ``after``."""
        self._connection.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                (ticket, number, stored_time(new.at), new.author, new.kind.value, new.visibility.value, new.text)
                for number, new in enumerate(entries, after + 1)
            ],
        )

    def replace(self, key: str, ticket: NewTicket, names: Collection[str], more: Sequence[NewEntry]) -> None:
        """Give an existing ticket those fields of ``ticket`` that are in ``names``, and ``more`` entries at its end.

        Entries that are there stay, with their numbers: citations name them. Raises NotFound.
        """
        row = self._row(key)
        self.append(row.id, more, after=row.entries)
        given = {
            "title": ticket.title,
            "body": ticket.body,
            "status": ticket.status,
            "severity": ticket.severity,
            "priority": ticket.priority,
            "assignee": dumped(ticket.assignees),
            "services": dumped(ticket.services),
            "tags": dumped(ticket.tags),
            "created_at": stored_time(ticket.created_at),
            "updated_at": stored_time(ticket.updated_at),
        }
        columns = {"assignee": "assignees", "created_at": "created", "updated_at": "updated"}
        chosen = {columns.get(name, name): value for name, value in given.items() if name in names}
        self._connection.execute(
            f"UPDATE tickets SET {', '.join(f'{column}=?' for column in chosen)}, entries=?, imported=?, "
            "version=version + 1, change=? WHERE id=?",
            (*chosen.values(), row.entries + len(more), ticket.imported, self._next_change(), row.id),
        )

    def was_imported(self, fingerprint: str, key: str | None = None) -> bool:
        """Whether a line with this hash was imported before (as this ticket)."""
        found = self._connection.execute(
            "SELECT 1 FROM tickets WHERE imported = ? AND (? IS NULL OR key = ?)", (fingerprint, key, key)
        )
        return found.fetchone() is not None

    def ticket(self, system: str, key: str) -> Ticket:
        """The ticket as it is inside this transaction. Raises NotFound."""
        for _, ticket in read_tickets(self._connection, system, "key = ?", (key,)):
            return ticket
        raise NotFound(f"there is no ticket {clean_line(key, limit=80)}")

    # --- parts --------------------------------------------------------------------------------------------------------

    def _row(self, key: str) -> _Row:
        found = self._connection.execute(
            "SELECT id, key, title, status, severity, priority, team, updated, due, version, entries, assignees, "
            "services, tags, fields FROM tickets WHERE key = ?",
            (key,),
        ).fetchone()
        if found is None:
            raise NotFound(f"there is no ticket {clean_line(key, limit=80)}")
        values: list[Any] = list(found)
        return _Row(*values[:11], *(json.loads(text) for text in values[11:]))

    def _save(self, row: _Row, at: datetime) -> None:
        self._connection.execute(
            "UPDATE tickets SET title=?, status=?, severity=?, priority=?, team=?, updated=max(updated, ?), due=?, "
            "version=version + 1, change=?, entries=?, assignees=?, services=?, tags=?, fields=?, "
            "body=coalesce(?, body) WHERE id=?",
            (
                row.title,
                row.status,
                row.severity,
                row.priority,
                row.team,
                stored_time(at),
                row.due,
                self._next_change(),
                row.entries,
                dumped(row.assignees),
                dumped(row.services),
                dumped(row.tags),
                dumped(row.fields),
                row.body,
                row.id,
            ),
        )

    def _next_change(self) -> int:
        # Writers come one after the other (BEGIN IMMEDIATE), so a reader that saw change n has seen all before it.
        for (value,) in self._connection.execute(
            "UPDATE meta SET value = value + 1 WHERE name = 'change' RETURNING value"
        ).fetchall():
            return int(str(value))
        raise NotFound("the desk has lost its change counter")

    def _free_key(self) -> str:
        found = self._connection.execute("SELECT value FROM meta WHERE name = 'next_key'").fetchone()
        number = int(str(found[0])) if found else _FIRST_KEY
        while self._connection.execute("SELECT 1 FROM tickets WHERE key = ?", (f"{self._prefix}-{number}",)).fetchone():
            number += 1
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('next_key', ?)", (number + 1,))
        return f"{self._prefix}-{number}"

    def _note(
        self,
        row: _Row,
        at: datetime,
        author: str,
        kind: EntryKind,
        text: SafeText,
        visibility: Visibility = Visibility.INTERNAL,
        op_id: str | None = None,
    ) -> None:
        row.entries += 1
        row.written.append(row.entries)
        self._connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.id, row.entries, stored_time(at), clean_line(author), kind.value, visibility.value, text, op_id),
        )

    def _attach(self, row: _Row, name: str, content: bytes, author: str, at: datetime, op_id: str | None) -> str:
        sha256, title = fingerprint(content), clean_line(name, limit=200)
        self._connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (sha256, content))
        text = SafeText(f"{title} ({len(content):,} bytes)")
        self._note(row, at, author, EntryKind.ATTACH, text, op_id=op_id)
        self._connection.execute(
            "INSERT INTO attachments(ticket, name, size, sha256, entry) VALUES (?, ?, ?, ?, ?)",
            (row.id, title, len(content), sha256, row.entries),
        )
        return sha256

    def _set(
        self, row: _Row, path: str, value: Any, author: str, at: datetime, op_id: str | None, *, narrow: bool
    ) -> None:
        kind, name = EntryKind.FIELD, path.removeprefix("/")
        before: object
        after: object
        if path == "/status":
            kind, before, after = EntryKind.STATUS, row.status, clean_line(text_of(path, value), limit=100)
            if after == before:
                return
            if after not in moves_from(row.status):
                raise Refused(
                    f"{row.key} is {row.status} and can't become {after}: it can become "
                    f"{', '.join(moves_from(row.status))}",
                    reason="transition",
                )
            row.status = str(after)
        elif path == "/severity":
            before, after = row.severity, severity_of(value)
            row.severity = after
        elif path == "/assignee":
            kind, before, after = EntryKind.ASSIGN, row.assignees, list(names_of(list_of(path, value)))
            row.assignees = after
        elif path == "/team":
            before, after = row.team, line_or_none(text_or_none(path, value))
            row.team = after
        elif path.startswith("/fields/") and len(path) > len("/fields/"):
            name = clean_line(path.removeprefix("/fields/"), limit=100)
            text = text_or_none(path, value)
            before, after = row.fields.get(name), clean(text) if text else None
            if after is None:
                row.fields.pop(name, None)
            else:
                row.fields[name] = after
        elif narrow:
            raise Refused(f"{clean_line(path, limit=80)} is not a field that an update can set", reason="field")
        elif path == "/tags":
            before, after = row.tags, list(names_of(list_of(path, value)))
            row.tags = after
        elif path == "/services":
            before, after = row.services, list(names_of(list_of(path, value)))
            row.services = after
        elif path == "/title":
            before, after = row.title, clean_line(text_of(path, value))
            row.title = after
        elif path == "/priority":
            before, after = row.priority, line_or_none(text_or_none(path, value))
            row.priority = after
        elif path == "/due_at":
            before = None if row.due is None else timestamp(time_of(row.due))
            after = None if value is None else timestamp(value)
            row.due = None if value is None else stored_time(value)
        elif path == "/body":
            before, after = "", "edited"
            row.body = clean(text_of(path, value))
        else:
            raise Refused(f"{clean_line(path, limit=80)} is not a field of a ticket", reason="field")
        if before != after:
            self._note(row, at, author, kind, SafeText(difference(name, before, after)), op_id=op_id)
