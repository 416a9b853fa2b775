"""SQLite through apsw: one writer thread and a reader per thread for each file, migrations, and a bell that rings.

Never Python's own ``sqlite3``: two SQLite libraries on one file in one process break each other's locks, and Python's
may be one of the versions (3.7.0 to 3.51.2) in which two writers can corrupt a WAL file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import apsw

from opstui.adapters import sqlite_care
from opstui.adapters.sqlite_care import BUSY_MS
from opstui.adapters.sqlite_writer import Writer
from opstui.core.errors import OpstuiError, ReadOnly, StoreDamaged, StoreFull
from opstui.core.ports import Ring

R = TypeVar("R")
Step = str | Callable[[apsw.Connection], None]
"""A migration: a script of statements, or a function that is handed the connection."""

JOURNAL_KEPT = timedelta(days=7)
RINGS_AT_ONCE = 10_000
_PRUNE_EVERY = 1_000

_BASE: tuple[Step, ...] = (
    """
    CREATE TABLE journal(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, rev INTEGER NOT NULL,
        at REAL NOT NULL);
    CREATE TABLE journal_pruned(only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL);
    INSERT INTO journal_pruned VALUES (1, 0);
    """,
)


class Database:
    """One SQLite file. Safe to use from any thread.

    ``full_sync`` is for what is precious: commits survive a power cut, and a damaged file is replaced by its newest
    backup. A file without it is made anew when it is damaged. ``problem`` says what a person should know about the
    file: that it was restored, made anew, or is newer than the program.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        full_sync: bool,
        read_only: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.full_sync = full_sync
        self.read_only = read_only
        self.problem = ""
        self.restored_from: Path | None = None
        self.moved_to: Path | None = None
        self.bell = DatabaseBell(self)
        self._now = now
        self._uri = str(self.path)
        self._flags = apsw.SQLITE_OPEN_READWRITE
        self._anchor: apsw.Connection | None = None
        self._why_read_only = "opened read-only"
        self._closed = False
        self._here = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._writer = Writer(
            self.path.stem,
            connect=self._connect_writer,
            translated=lambda error: self.translated(error, writing=True),
        )
        self._backup_thread: threading.Thread | None = None
        self._rings_until_prune = _PRUNE_EVERY
        self._holding = -1
        self._versions: dict[str, int] = {}
        self._open()

    # --- using it -----------------------------------------------------------------------------------------------------

    def read(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement, on this thread's own connection, which can't write.

        Raises Busy, StoreDamaged.
        """
        try:
            return self.reader().execute(sql, params).fetchall()
        except apsw.Error as error:
            raise self.translated(error, writing=False) from error

    def reader(self) -> apsw.Connection:
        """This thread's connection for reading; it raises apsw's errors as they are."""
        connection: apsw.Connection | None = getattr(self._here, "connection", None)
        if connection is None:
            if self._closed:
                raise ReadOnly(f"{self.path.name} is closed")
            connection = self._connect()
            connection.execute("PRAGMA query_only=1")
            self._here.connection = connection
            self._readers.add(connection)
        return connection

    def write(self, work: Callable[[apsw.Connection], R]) -> R:
        """Run ``work`` in one transaction on the writer thread; returns what it returns, once it is committed.

        Whoever waits behind a commit shares the next one. An exception of ``work`` undoes what it did and is raised
        here. Raises StoreFull, Busy, ReadOnly and StoreDamaged, and then nothing was written.
        """
        if self.read_only:
            raise ReadOnly(f"{self.path.name} is {self._why_read_only}: nothing was written")
        return self._writer.write(work)

    def ring(self, connection: apsw.Connection, kind: str, subject: str, rev: int) -> None:
        """A journal row, in the transaction that ``connection`` is in: whoever listens looks again."""
        connection.execute(
            "INSERT INTO journal(kind, subject, rev, at) VALUES (?, ?, ?, ?)", (kind, subject, rev, self._now())
        )
        self._rings_until_prune -= 1
        if self._rings_until_prune <= 0:
            self._rings_until_prune = _PRUNE_EVERY
            self._prune_journal(connection)

    def migrate(self, component: str, steps: Sequence[Step], *, backup: bool) -> None:
        """Apply the steps that ``component`` has not had yet, all in one transaction.

        ``backup`` copies a file that holds something before. A file that has more steps than the program knows
        becomes read-only, and ``problem`` says so.
        """
        have = self._versions.get(component, 0)
        if have == len(steps):
            return
        if have > len(steps):
            self.read_only = True
            self._why_read_only = "newer than this program"
            self.problem = f"{self.path.name} is newer than this program: it is only read. Update opstui."
            return

        def apply(connection: apsw.Connection) -> None:
            query = "SELECT version FROM migrations WHERE component = ?"
            row: Any = connection.execute(query, (component,)).fetchone()
            for step in steps[row[0] if row else 0 :]:
                if callable(step):
                    step(connection)
                else:
                    connection.execute(step)
            connection.execute("INSERT OR REPLACE INTO migrations VALUES (?, ?)", (component, len(steps)))

        if self.read_only:
            # Somebody who only reads must not change the file, so the new shape is given to a copy in memory.
            self._move_into_memory()
            assert self._anchor is not None
            with self._anchor:
                apply(self._anchor)
        else:
            if backup and have:
                self.back_up()
            self._writer.write(apply)
        self._versions[component] = len(steps)

    def back_up(self) -> Path:
        """A copy in ``backups/`` now. Raises StoreFull, StoreDamaged."""
        try:
            return sqlite_care.make_backup(self.path, self._moment())
        except apsw.Error as error:
            raise self.translated(error, writing=True) from error
        except OSError as error:
            raise StoreFull(f"no backup of {self.path.name} could be made ({error.strerror})") from error

    def back_up_daily(self) -> None:
        """Make the day's backup on a thread of its own if it is due; a failure is left in ``problem``."""
        if self.read_only or self._backup_thread or not sqlite_care.backup_is_due(self.path, self._moment()):
            return

        def run() -> None:
            try:
                self.back_up()
            except OpstuiError as error:
                self.problem = self.problem or error.message

        self._backup_thread = threading.Thread(target=run, name=f"backup-{self.path.stem}", daemon=True)
        self._backup_thread.start()

    def is_sound(self) -> bool:
        """SQLite's own check of the whole file; reads all of it (about 1 ms a megabyte)."""
        return sqlite_care.is_sound(self.path)

    def close(self) -> None:
        """Finish what is queued and let go of the file. More than once is fine."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        if self._backup_thread is not None:
            self._backup_thread.join()
        for connection in [*self._readers, *([self._anchor] if self._anchor else [])]:
            # A reader that is busy in its own thread is closed when that thread lets go of it.
            with contextlib.suppress(apsw.Error):
                connection.close()
        if self._holding >= 0:
            os.close(self._holding)
            self._holding = -1

    # --- opening ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self.read_only:
            if not self.path.exists():
                self._move_into_memory()
            elif not os.access(self.path.parent, os.W_OK):
                self._open_without_companions()
        else:
            sqlite_care.make_private_folder(self.path.parent)
            lost = self.full_sync and self.path.exists() and self.path.stat().st_size == 0
            sqlite_care.make_private_file(self.path)
            alone = self._hold()
            wal = self.path.with_name(self.path.name + "-wal")
            if alone and lost and sqlite_care.backups(self.path):
                self._replace("is empty")
            elif alone and self.full_sync and wal.exists() and wal.stat().st_size and not self.is_sound():
                # A log is left behind only where the last one ended without closing: the one time worth a full check.
                self._replace("is damaged")
            try:
                self._probe()
            except StoreDamaged:
                if not alone:
                    raise
                self._let_go_of_reader()
                self._replace("is damaged")
        self._probe()
        if "base" not in self._versions:
            self._make_base()

    def _hold(self) -> bool:
        """Hold the file's lock together with everybody else who has it open; whether nobody else had.

        The kernel frees it, so that an unclean end can be told from another process that is at work.
        """
        lock = self.path.with_name(self.path.name + "-open")
        try:
            self._holding = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ReadOnly(
                f"{self.path.parent} can't be written ({error.strerror}): nothing can be kept there"
            ) from error
        try:
            fcntl.flock(self._holding, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError:
            alone = False
        fcntl.flock(self._holding, fcntl.LOCK_SH)
        return alone

    def _replace(self, what: str) -> None:
        self.moved_to = sqlite_care.set_aside(self.path, self._moment())
        if self.full_sync:
            self.restored_from = sqlite_care.restore_newest(self.path)
        sqlite_care.make_private_file(self.path)
        became = (
            f"its backup {self.restored_from.name} was restored"
            if self.restored_from
            else "there was no backup, a new one was made"
            if self.full_sync
            else "a new one was made and fills again"
        )
        self.problem = f"{self.path.name} {what}: it was moved to {self.moved_to.name}, {became}."

    def _probe(self) -> None:
        """Read the schema's versions: one read that fails on a file that is not ours to use."""
        try:
            rows: list[Any] = self.reader().execute("SELECT component, version FROM migrations").fetchall()
        except apsw.SQLError:
            self._versions = {}
        except apsw.Error as error:
            raise self.translated(error, writing=False) from error
        else:
            self._versions = dict(rows)

    def _make_base(self) -> None:
        def make(connection: apsw.Connection) -> None:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations(component TEXT PRIMARY KEY, version INTEGER NOT NULL)"
            )

        if self.read_only:
            self._move_into_memory()
            assert self._anchor is not None
            make(self._anchor)
        else:
            self._writer.write(make)
        self.migrate("base", _BASE, backup=False)

    def _move_into_memory(self) -> None:
        """Go on with a copy in memory: for readers of a file that is missing or of an older shape."""
        if self._anchor is not None:
            return
        uri = f"file:/opstui-{os.getpid()}-{id(self)}?vfs=memdb"
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        anchor = apsw.Connection(uri, flags=flags)
        if self.path.exists():
            with anchor.backup("main", self.reader(), "main") as copy:
                copy.step()
        self._let_go_of_reader()
        self._anchor, self._uri, self._flags = anchor, uri, flags

    def _open_without_companions(self) -> None:
        """A folder that can't be written has no room for ``-shm``; the file is then read as it lies."""
        if not self.path.with_name(self.path.name + "-wal").exists():
            self._uri = f"{self.path.absolute().as_uri()}?immutable=1"
            self._flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI

    def _connect(self) -> apsw.Connection:
        try:
            connection = apsw.Connection(self._uri, flags=self._flags, statementcachesize=200)
        except apsw.Error as error:
            raise self.translated(error, writing=False) from error
        connection.set_busy_timeout(BUSY_MS)
        return connection

    def _connect_writer(self) -> apsw.Connection:
        connection = self._connect()
        connection.execute(
            f"PRAGMA foreign_keys=1; PRAGMA synchronous={'FULL' if self.full_sync else 'NORMAL'};"
            "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=0; PRAGMA journal_size_limit=16777216"
        )
        until = time.monotonic() + BUSY_MS / 1000
        while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            # Changing the mode needs the file alone, and SQLite does not wait for that by itself.
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
            except apsw.BusyError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        return connection

    def _let_go_of_reader(self) -> None:
        connection = getattr(self._here, "connection", None)
        if connection is not None:
            self._here.connection = None
            connection.close()

    def _prune_journal(self, connection: apsw.Connection) -> None:
        limit = self._now() - JOURNAL_KEPT.total_seconds()
        last = connection.execute("SELECT max(seq) FROM journal WHERE at < ?", (limit,)).fetchone()
        if last is not None and last[0] is not None:
            connection.execute("DELETE FROM journal WHERE seq <= ?", (last[0],))
            connection.execute("UPDATE journal_pruned SET seq = ?", (last[0],))

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def translated(self, error: apsw.Error, *, writing: bool) -> OpstuiError:
        """The error of the tree that says what SQLite's means for a person."""
        return sqlite_care.translated(self.path, error, writing=writing)


class DatabaseBell:
    """The bell of a database: the journal, and SQLite's counter of other connections' commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heard = threading.local()

    def changed(self) -> bool:
        """Whether anything may have changed since the last call on this thread; the first call says yes.

        This process' own writes count as well: they are made by another connection, the writer's.
        """
        version = self._database.read("PRAGMA data_version")[0][0]
        if version == getattr(self._heard, "version", None):
            return False
        self._heard.version = version
        return True

    def rings(self, after: int) -> tuple[Ring, ...]:
        """Journal rows after ``after``, in order, at most 10,000 (ask again with the last one's).

        If rows were pruned in between, or the file was made anew since, there is one row of kind ``reset`` that
        stands for everything.
        """
        pruned, last = self._database.read("SELECT (SELECT seq FROM journal_pruned), " + _LAST)[0]
        if after < pruned or after > last:
            return (Ring(last, "reset", "", 0),)
        rows = self._database.read(
            "SELECT seq, kind, subject, rev FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, RINGS_AT_ONCE)
        )
        return tuple(Ring(*row) for row in rows)

    def last(self) -> int:
        """The newest sequence number; 0 where nothing ever rang."""
        return int(self._database.read("SELECT " + _LAST)[0][0])


_LAST = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)"
