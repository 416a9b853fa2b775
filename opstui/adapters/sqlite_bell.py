"""The journal of a database file, and the bell that hears of it in every process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import apsw

from opstui.core.ports import Ring

JOURNAL_KEPT = timedelta(days=7)
RINGS_AT_ONCE = 10_000
_PRUNE_EVERY = 1_000

JOURNAL = (
    """
    CREATE TABLE journal(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, rev INTEGER NOT NULL,
        at REAL NOT NULL);
    CREATE TABLE journal_pruned(only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL);
    INSERT INTO journal_pruned VALUES (1, 0);
    """,
)
"""Migration steps of the tables that every database has."""

_LAST = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)"


class JournalBell:
    """The journal's rows, and SQLite's counter of other connections' commits (``ports.Bell``)."""

    def __init__(self, read: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]) -> None:
        self._read = read
        self._heard = threading.local()
        self._until_prune = _PRUNE_EVERY

    def changed(self) -> bool:
        """Whether anything may have changed since the last call on this thread; the first call says yes.

        This process' own writes count as well: they are made by another connection, the writer's. Takes 3 µs.
        """
        version = self._read("PRAGMA data_version", ())[0][0]
        if version == getattr(self._heard, "version", None):
            return False
        self._heard.version = version
        return True

    def rings(self, after: int) -> tuple[Ring, ...]:
        """Journal rows after ``after``, in order, at most 10,000 (ask again with the last one's).

        If rows were pruned in between, or the file was made anew since, there is one row of kind ``reset`` that
        stands for everything.
        """
        pruned, last = self._read(f"SELECT (SELECT seq FROM journal_pruned), {_LAST}", ())[0]
        if after < pruned or after > last:
            return (Ring(last, "reset", "", 0),)
        rows = self._read(
            "SELECT seq, kind, subject, rev FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, RINGS_AT_ONCE)
        )
        return tuple(Ring(*row) for row in rows)

    def last(self) -> int:
        """The newest sequence number; 0 where nothing ever rang."""
        return int(self._read(f"SELECT {_LAST}", ())[0][0])

    def ring(self, connection: apsw.Connection, kind: str, subject: str, rev: int, now: float) -> None:
        """Append a row, in the transaction that ``connection`` is in; every thousandth drops what is a week old."""
        connection.execute("INSERT INTO journal(kind, subject, rev, at) VALUES (?, ?, ?, ?)", (kind, subject, rev, now))
        self._until_prune -= 1
        if self._until_prune <= 0:
            self._until_prune = _PRUNE_EVERY
            self._prune(connection, now)

    def _prune(self, connection: apsw.Connection, now: float) -> None:
        oldest = now - JOURNAL_KEPT.total_seconds()
        found: Any = connection.execute("SELECT max(seq) FROM journal WHERE at < ?", (oldest,)).fetchone()
        if found[0] is not None:
            connection.execute("DELETE FROM journal WHERE seq <= ?", found)
            connection.execute("UPDATE journal_pruned SET seq = ?", found)
