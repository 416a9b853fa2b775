"""SQLite through apsw: one writer thread and a reader per thread for each file, migrations, and a bell that rings.

Never Python's own ``sqlite3``: two SQLite libraries on one file in one process break each other's locks, and Python's
may be one of the versions (3.7.0 to 3.51.2) in which two writers can corrupt a WAL file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import apsw

from opstui.adapters import sqlite_care
from opstui.adapters.sqlite_bell import JOURNAL, JournalBell
from opstui.adapters.sqlite_care import BUSY_MS
from opstui.adapters.sqlite_writer import Writer
from opstui.core.errors import OpstuiError, ReadOnly, StoreDamaged, StoreFull

log = logging.getLogger("opstui.store")

R = TypeVar("R")
Step = str | Callable[[apsw.Connection], None]
"""A migration: a script of statements, or a function that is handed the connection."""


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
        self.bell = JournalBell(self.read)
        self._now = now
        self._uri = str(self.path)
        self._flags = apsw.SQLITE_OPEN_READWRITE
        self._anchor: apsw.Connection | None = None
        self._why_read_only = "opened read-only"
        self._full = False
        self._closed = False
        self._is_new = False
        self._here = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._writer = self._new_writer()
        self._backup_thread: threading.Thread | None = None
        self._holding = -1
        self._versions: dict[str, int] = {}
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    # --- using it -----------------------------------------------------------------------------------------------------

    def read(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement, on this thread's own connection, which can't write.

        Raises Busy, StoreDamaged.
        """
        try:
            return self.reader().execute(sql, params).fetchall()
        except apsw.Error as error:
            raise self.translated(error, writing=False) from error
        except UnicodeDecodeError as error:
            raise StoreDamaged(
                f"{self.path.name} holds text that can't be read ({error.reason})", file=str(self.path)
            ) from error
        except UnicodeEncodeError:
            # Half a character pair (a key typed on a broken terminal) is in no file, so nothing is found by it.
            return self.read(sql, _encodable(params))

    def reader(self) -> apsw.Connection:
        """This thread's connection for reading; it raises apsw's errors as they are."""
        connection: apsw.Connection | None = getattr(self._here, "connection", None)
        if connection is None:
            if self._closed:
                raise ReadOnly(f"{self.path.name} is closed")
            connection = self._connect()
            # 8 MB hold the narrow table of 10,000 tickets; it is filled as it is read.
            try:
                connection.execute("PRAGMA query_only=1; PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY")
            except apsw.Error:
                connection.close()
                raise
            self._here.connection = connection
            self._readers.add(connection)
        return connection

    def write(self, work: Callable[[apsw.Connection], R]) -> R:
        """Run ``work`` in one transaction on the writer thread; returns what it returns, once it is committed.

        Whoever waits behind a commit shares the next one. An exception of ``work`` undoes what it did and is raised
        here. Raises StoreFull, Busy, ReadOnly and StoreDamaged, and then nothing was written.
        """
        if self._full:
            raise StoreFull(f"the disk is full: {self.path.name} is as it was before. Make room and start again.")
        if self.read_only:
            raise ReadOnly(f"{self.path.name} is {self._why_read_only}: nothing was written")
        return self._writer.write(work)

    def ring(self, connection: apsw.Connection, kind: str, subject: str, rev: int) -> None:
        """A journal row, in the transaction that ``connection`` is in: whoever listens looks again."""
        self.bell.ring(connection, kind, subject, rev, self._now())

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
            try:
                self._writer.write(apply)
            except StoreFull:
                self._do_without_room()
                self.migrate(component, steps, backup=False)
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
        if self.read_only or self._is_new or self._backup_thread:
            return
        if not sqlite_care.backup_is_due(self.path, self._moment()):
            return

        def run() -> None:
            try:
                self.back_up()
            except OpstuiError as error:
                self.problem = self.problem or error.message

        self._backup_thread = threading.Thread(target=run, name=f"backup-{self.path.stem}", daemon=True)
        self._backup_thread.start()

    def is_sound(self) -> bool:
        """SQLite's own check of the whole file; reads all of it (about 1 ms a megabyte). Raises StoreFull, ReadOnly."""
        try:
            return sqlite_care.is_sound(self.path)
        except apsw.Error as error:
            raise self.translated(error, writing=False) from error

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
        try:
            self._open_file()
        except StoreFull:
            self._do_without_room()

    def _open_file(self) -> None:
        if self.read_only:
            if sqlite_care.is_empty(self.path):
                self._move_into_memory()
            elif not os.access(self.path.parent, os.W_OK):
                self._open_without_companions()
        else:
            sqlite_care.make_private_folder(self.path.parent)
            lost = self.full_sync and sqlite_care.is_empty(self.path)
            sqlite_care.make_private_file(self.path)
            self._holding, alone = sqlite_care.hold(self.path)
            if alone and lost and sqlite_care.backups(self.path):
                self._replace("is missing or empty")
            elif alone and sqlite_care.needs_check(self.path, unclean=self.full_sync):
                if not self.is_sound():
                    self._replace("is damaged")
                sqlite_care.checked(self.path)
            try:
                self._probe()
            except StoreDamaged as error:
                if not alone or not sqlite_care.shows_damage(error.__cause__):
                    raise
                self._let_go_of_reader()
                self._replace("is damaged")
        self._probe()
        self._is_new = "base" not in self._versions
        if self._is_new:
            self._make_base()

    def _new_writer(self) -> Writer:
        return Writer(
            self.path.stem,
            connect=self._connect_writer,
            translated=lambda error: self.translated(error, writing=True),
        )

    def _replace(self, what: str) -> None:
        replaced = sqlite_care.replace(self.path, what, restore=self.full_sync, now=self._moment())
        self.moved_to, self.restored_from, self.problem = replaced
        log.warning("%s", self.problem)

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
        self.migrate("base", JOURNAL, backup=False)

    def _do_without_room(self) -> None:
        """The disk is full: what is precious is read from a copy in memory, and a cache goes on there."""
        if self._anchor is not None:
            raise StoreFull(f"there is no room for {self.path.name}: make room and start again")
        self._writer.close()
        self._move_into_memory()
        self._writer = self._new_writer()
        log.warning("no room for %s", self.path.name)
        self.problem = f"the disk is full: {self.path.name} is kept in memory only. Make room and start again."
        if self.full_sync:
            self.read_only = True
            self._full = True
            self.problem = f"the disk is full: {self.path.name} is only read. Make room and start again."
        self._probe()
        self._is_new = "base" not in self._versions
        if self._is_new:
            self._make_base()

    def _move_into_memory(self) -> None:
        """Go on with a copy in memory: for readers of a file that is missing, of an older shape, or on a full disk."""
        if self._anchor is not None:
            return
        uri = f"file:/opstui-{os.getpid()}-{id(self)}?vfs=memdb"
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        anchor = apsw.Connection(uri, flags=flags)
        self._let_go_of_reader()
        if not sqlite_care.is_empty(self.path):
            try:
                try:
                    self._copy_to(uri, alone=False)
                except apsw.Error as error:
                    if not sqlite_care.is_for_want_of_room(error):
                        raise
                    self._copy_to(uri, alone=True)
            except apsw.Error as error:
                raise self.translated(error, writing=False) from error
        self._anchor, self._uri, self._flags = anchor, uri, flags

    def _copy_to(self, uri: str, *, alone: bool) -> None:
        """Copy the file's content. Who has it ``alone`` needs no index of the log on the disk."""
        # A plain copy would still call itself a WAL file, which can't be opened in memory.
        source = apsw.Connection(self._uri, flags=self._flags | apsw.SQLITE_OPEN_URI)
        try:
            source.set_busy_timeout(BUSY_MS)
            if alone:
                source.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
            source.execute("VACUUM INTO ?", (uri,))
        finally:
            source.close()

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
        try:
            self._prepare_writer(connection)
        except apsw.Error:
            connection.close()
            raise
        return connection

    def _prepare_writer(self, connection: apsw.Connection) -> None:
        connection.execute(
            f"PRAGMA foreign_keys=1; PRAGMA synchronous={'FULL' if self.full_sync else 'NORMAL'};"
            "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=0; PRAGMA journal_size_limit=16777216"
        )
        until = time.monotonic() + BUSY_MS / 1000
        while self._anchor is None and connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            # Changing the mode needs the file alone, and SQLite does not wait for that by itself.
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
            except apsw.BusyError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def _let_go_of_reader(self) -> None:
        connection = getattr(self._here, "connection", None)
        if connection is not None:
            self._here.connection = None
            connection.close()

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def translated(self, error: apsw.Error, *, writing: bool) -> OpstuiError:
        """The error of the tree that says what SQLite's means for a person."""
        if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
            sqlite_care.ask_for_check(self.path)
        return sqlite_care.translated(self.path, error, writing=writing)


def _encodable(params: Sequence[Any] | dict[str, Any]) -> Sequence[Any] | dict[str, Any]:
    def whole(value: Any) -> Any:
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

    if isinstance(params, dict):
        return {name: whole(value) for name, value in params.items()}
    return [whole(value) for value in params]
