"""The thread that writes to a SQLite file: what waits shares a commit, and each failure is its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import apsw

from opstui.core.errors import OpstuiError, ReadOnly

R = TypeVar("R")

_TOGETHER = 64
"""Writes that may share a commit."""


class Writer:
    """Runs writes one after the other on a thread that starts with the first of them.

    ``connect`` opens the connection, on that thread; ``translated`` makes an error of the tree out of SQLite's.
    """

    def __init__(
        self, name: str, *, connect: Callable[[], apsw.Connection], translated: Callable[[apsw.Error], OpstuiError]
    ) -> None:
        self._name = name
        self._connect = connect
        self._translated = translated
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def write(self, work: Callable[[apsw.Connection], R]) -> R:
        """What ``work`` returns, once it is committed. Raises what it raises, and the errors of the tree."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a write inside a write would wait for itself")
        job = _Job(work)
        with self._starting:
            if self._closed:
                raise ReadOnly(f"{self._name} is closed: nothing was written")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"writer-{self._name}", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return job.result()

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._starting:
            self._closed = True
            thread = self._thread
            if thread is not None:
                self._jobs.put(None)
        if thread is not None:
            thread.join()

    def _serve(self) -> None:
        connection: apsw.Connection | None = None
        going = True
        while going:
            jobs, going = self._next_jobs()
            try:
                if jobs:
                    connection = connection or self._connect()
                    self._commit(connection, jobs)
            except apsw.Error as error:
                _fail(jobs, self._translated(error))
            except OpstuiError as error:
                _fail(jobs, error)
            for job in jobs:
                job.done.set()
        if connection is not None:
            with contextlib.suppress(apsw.Error):
                connection.close()

    def _next_jobs(self) -> tuple[list[_Job[Any]], bool]:
        """What waits, at least one; and whether more may come.

        A synced commit costs 4 ms on a plain disk; ten sessions that each waited for their own would fall behind.
        """
        jobs: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _TOGETHER:
                break
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
        return jobs, job is not None

    def _commit(self, connection: apsw.Connection, jobs: Sequence[_Job[Any]]) -> None:
        """Run ``jobs`` in one transaction, each undone alone if it fails. Raises apsw.Error if all of it is undone."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                connection.execute("SAVEPOINT job")
                job.run(connection)
                if not connection.in_transaction:
                    # SQLite undoes a whole transaction by itself when the disk is full in the middle of it.
                    raise (
                        job.error if isinstance(job.error, apsw.Error) else apsw.FullError("the transaction was undone")
                    )
                if isinstance(job.error, apsw.Error):
                    job.error = self._translated(job.error)
                if job.error is not None:
                    connection.execute("ROLLBACK TO job")
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _fail(jobs: Sequence[_Job[Any]], error: OpstuiError) -> None:
    for job in jobs:
        if job.error is None or isinstance(job.error, apsw.Error):
            job.error = error


class _Job(Generic[R]):
    """Something to be written, and what came of it."""

    __slots__ = ("done", "error", "value", "work")

    def __init__(self, work: Callable[[apsw.Connection], R]) -> None:
        self.work = work
        self.done = threading.Event()
        self.value: R
        self.error: BaseException | None = None

    def run(self, connection: apsw.Connection) -> None:
        try:
            self.value = self.work(connection)
        except BaseException as error:  # noqa: BLE001 - raised on the thread of whoever asked
            self.error = error

    def result(self) -> R:
        self.done.wait()
        if self.error is not None:
            raise self.error
        return self.value
