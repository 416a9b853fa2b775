"""The embedded ticket system: a real one, in ``desk.db``, which several processes may change at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from opstui.adapters.sqlite import Database
from opstui.adapters.tickets.local_desk import LocalDesk
from opstui.adapters.tickets.local_rows import read_tickets
from opstui.adapters.tickets.local_schema import STEPS, moves_from
from opstui.core.errors import NotFound
from opstui.core.ids import Clock, Randomness
from opstui.core.ports import Bell, Capabilities, Changes, Cursor, Probe, Sent, Update
from opstui.core.queues import Queue
from opstui.core.text import clean_line
from opstui.core.tickets import Ticket

if TYPE_CHECKING:
    from opstui.core.desk import ImportReport

R = TypeVar("R")

PAGE = 500
"""Tickets in one answer of ``changed_since``."""


class LocalTickets:
    """A ``TicketSystem`` in one SQLite file, with what import and the demo's player need besides.

    Statuses are new, open, waiting, resolved and closed, with allowed moves between them. Every change of a field is
    an entry of the ticket's history, with its author. Versions count from 1.
    """

    capabilities = Capabilities(
        native_filters=True,
        instant=True,
        conditional_write=True,
        marker_findable=True,
        settle_seconds=0.0,
        atomic=True,
        transitions_listed=True,
        fields=("/status", "/severity", "/assignee", "/team", "/tags", "/fields/*"),
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        operator: str,
        clock: Clock,
        randomness: Randomness,
        prefix: str = "INC",
        read_only: bool = False,
    ) -> None:
        self.name = name
        self._operator = operator
        self._clock = clock
        self._prefix = prefix
        self.database = Database(path, full_sync=True, read_only=read_only, now=lambda: clock.now().timestamp())
        self.database.migrate("desk", STEPS, backup=True)
        self._id = self._desk_id(randomness)
        self.origin = f"local:{self._id}"
        self.database.back_up_daily()

    @property
    def bell(self) -> Bell:
        """Rings by ``changed`` only: the desk keeps no journal."""
        return self.database.bell

    @property
    def problem(self) -> str:
        """Empty, or what a person should know about the file."""
        return self.database.problem

    # --- the port -----------------------------------------------------------------------------------------------------

    async def changed_since(self, queue: Queue, cursor: Cursor | None) -> Changes:
        """Tickets that changed after ``cursor``, oldest change first, at most 500 in one answer.

        The queue's query is a filter of opstui's own, evaluated over the cache: here every ticket is in every queue.
        A cursor of another desk, or of later than a restored backup, starts from the beginning.
        """
        after = self._after(cursor)
        found = self._read("change > ? ORDER BY change LIMIT ?", (after, PAGE))
        last = found[-1][0] if found else after
        return Changes(
            tickets=tuple(ticket for _, ticket in found),
            cursor=Cursor(f"{self._id}:{last}"),
            complete=len(found) < PAGE,
            anew=cursor is not None and after == 0 and cursor != Cursor(f"{self._id}:0"),
        )

    def stirred(self) -> bool:
        """Whether any process wrote to the file since the last call: one ``PRAGMA data_version``."""
        return self.database.bell.changed()

    async def ticket(self, key: str) -> Ticket:
        """The ticket as it is now, with its timeline. Raises NotFound."""
        found = self._read("key = ?", (key,))
        if not found:
            raise NotFound(f"there is no ticket {self.name}:{clean_line(key, limit=80)}")
        return found[0][1]

    async def transitions(self, key: str) -> tuple[str, ...]:
        """Statuses that the ticket can take now. Raises NotFound."""
        rows = self.database.read("SELECT status FROM tickets WHERE key = ?", (key,))
        if not rows:
            raise NotFound(f"there is no ticket {self.name}:{clean_line(key, limit=80)}")
        return moves_from(str(rows[0][0]))

    async def send(self, update: Update) -> Sent:
        """Apply ``update`` in one transaction; an op id that was applied before changes nothing and answers the same.

        Raises NotFound, Conflict, Refused, StoreFull, and then nothing was applied.
        """
        return Sent(remote_id=self.together(lambda desk: desk.send(update)))

    async def find(self, key: str, op_id: str) -> str | None:
        """The entry that carries ``op_id``; ``KEY#0`` for an update that found nothing left to change."""
        rows = self.database.read(
            "SELECT entry FROM applied JOIN tickets ON tickets.id = applied.ticket WHERE op_id = ? AND key = ?",
            (op_id, key),
        )
        return str(rows[0][0]) if rows else None

    def me(self) -> str:
        """The operator."""
        return self._operator

    def probe(self) -> list[Probe]:
        """Whether the file is sound, and how many tickets there are."""
        check = f"tickets {self.name}"
        if self.problem:
            return [Probe(check, "warn", self.problem)]
        if not self.database.read_only and not self.database.is_sound():
            return [Probe(check, "fail", f"{self.database.path} is damaged", "close every opstui and start it again")]
        return [Probe(check, "pass", f"embedded, {self.count()} tickets in {self.database.path}")]

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    # --- what import and the demo's player need -----------------------------------------------------------------------

    def together(self, work: Callable[[LocalDesk], R]) -> R:
        """Several changes in one transaction: all of them or, if ``work`` raises, none."""
        return self.database.write(
            lambda connection: work(LocalDesk(connection, clock=self._clock, prefix=self._prefix))
        )

    def create(self, **fields: Any) -> str:
        """A new ticket, with the arguments of ``LocalDesk.create``; its key. Raises Refused."""
        return self.together(lambda desk: desk.create(**fields))

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
        """Add an entry; its id. Raises NotFound."""
        return self.together(lambda desk: desk.comment(key, author, text, visibility=visibility, kind=kind, at=at))

    def change(self, key: str, author: str, fields: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Set fields by path (``LocalDesk.change``). Raises NotFound, Refused."""
        self.together(lambda desk: desk.change(key, author, fields, at=at))

    def attach(self, key: str, author: str, name: str, content: bytes, *, at: datetime | None = None) -> str:
        """Attach a file; its SHA-256. Raises NotFound."""
        return self.together(lambda desk: desk.attach(key, author, name, content, at=at))

    def attachment(self, sha256: str) -> bytes | None:
        """The content of an attached file."""
        rows = self.database.read("SELECT content FROM blobs WHERE sha256 = ?", (sha256,))
        return bytes(rows[0][0]) if rows else None

    def count(self) -> int:
        """How many tickets there are."""
        return int(self.database.read("SELECT count(*) FROM tickets")[0][0])

    def import_lines(self, lines: Iterable[str | bytes], *, update: bool = False) -> ImportReport:
        """Take JSON Lines in; a bad line is reported and the good ones are kept."""
        from opstui.adapters.tickets.local_import import import_lines

        return import_lines(self, lines, update=update, now=self._clock.now())

    # --- inside -------------------------------------------------------------------------------------------------------

    def _after(self, cursor: Cursor | None) -> int:
        """The change that a cursor stands at; 0 for one that says nothing about this desk."""
        desk, _, number = cursor.value.partition(":") if cursor is not None else ("", "", "")
        if desk != self._id or not number.isdecimal():
            return 0
        newest = int(self.database.read("SELECT value FROM meta WHERE name = 'change'")[0][0])
        return int(number) if len(number) < 19 and int(number) <= newest else 0

    def _read(self, where: str, params: Sequence[Any]) -> list[tuple[int, Ticket]]:
        """Tickets and their entries, out of one snapshot."""
        connection = self.database.reader()
        try:
            connection.execute("BEGIN")
            try:
                return read_tickets(connection, self.name, where, params)
            finally:
                connection.execute("COMMIT")
        except apsw.Error as error:
            raise self.database.translated(error, writing=False) from error

    def _desk_id(self, randomness: Randomness) -> str:
        rows = self.database.read("SELECT value FROM meta WHERE name = 'desk'")
        if rows or self.database.read_only:
            return str(rows[0][0]) if rows else "empty"
        fresh = randomness.bytes(16).hex()

        def keep(connection: apsw.Connection) -> str:
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('desk', ?)", (fresh,))
            row = connection.execute("SELECT value FROM meta WHERE name = 'desk'").fetchone()
            return str(row[0]) if row else fresh

        return self.database.write(keep)
