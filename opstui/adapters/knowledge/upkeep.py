"""Keeping the index as its sources are: who is asked when, and what is written."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import apsw

from opstui.adapters.knowledge.pagewords import names_of
from opstui.adapters.knowledge.schema import kept_facts
from opstui.adapters.knowledge.words import expand
from opstui.adapters.sqlite import Database
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Refused, Unreachable
from opstui.core.knowledge import Page
from opstui.core.ports import KnowledgeSource, PolledSource

log = logging.getLogger("opstui.knowledge")

_BATCH = 1_000_000
"""Code points of pages in one transaction: about 0.2 s."""
_PARTS_DUE = 20
_PARTS_ASKED = 10_000
"""How often a source that has more is asked on in one call: in the background, so that the others get their turn, and
when a person waits for all of it (a source that never ends must end here)."""
_PAUSE = 60.0
"""Seconds until a source that did not answer is asked again in the background, if its poll is not more frequent."""

_LONGEST_PAUSE = 3600.0
"""Seconds that a source may wish for; a longer one, or a clock that was set back, is asked again after this."""
_KINDS: dict[str, type[OpstuiError]] = {
    "unreachable": Unreachable, "limited": RateLimited, "refused": Refused, "credentials": CredentialsRefused,
    "absent": NotFound,
}  # fmt: skip
"""How errors of sources are written down."""


@runtime_checkable
class Stamping(Protocol):
    """A source that can tell an unchanged page without reading it, if what it stamped is kept for it."""

    stamps: dict[str, tuple[str, str]]
    """Doc → stamp and content hash."""


class Upkeep:
    """Asks the sources and writes what they answer. Safe to use from any thread; one at a time."""

    def __init__(
        self, database: Database, sources: Sequence[KnowledgeSource], *, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._here = tuple(source for source in sources if not isinstance(source, PolledSource))
        self._elsewhere = tuple(source for source in sources if isinstance(source, PolledSource))
        self._names = tuple(source.name for source in sources)
        self._now = now
        self._working = threading.Lock()
        self._faults: dict[str, OpstuiError] = {}
        self._not_before: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        """When each folder was last read."""

    def faults(self) -> Mapping[str, OpstuiError]:
        """See ``KnowledgeIndex``. Of sources elsewhere what whichever process asked last was told."""
        if self._database.read_only:
            return dict(self._faults)
        rows = self._database.read("SELECT name, kind, words FROM knowledge_fault")
        told = {name: _KINDS.get(kind, OpstuiError)(words) for name, kind, words in rows if name in self._names}
        polled = {source.name for source in self._elsewhere}
        own = {name: fault for name, fault in self._faults.items() if name in told or name not in polled}
        return told | own

    def answered(self) -> Mapping[str, datetime]:
        """See ``KnowledgeIndex``."""
        rows = self._database.read("SELECT name, answered_at FROM knowledge_source")
        times = {name: at for name, at in (*rows, *self._heard.items()) if name in self._names}
        return {name: datetime.fromtimestamp(at, UTC) for name, at in times.items()}

    def refresh(self, *, due: bool) -> int:
        """See ``KnowledgeIndex``. Folders come first: nobody waits for a network to find what is here."""
        changed = self.refresh_here()
        with self._working:
            for source in self._elsewhere:
                if not due or self._is_due(source):
                    changed += self._refresh(source, parts=_PARTS_DUE if due else _PARTS_ASKED)
        return changed

    def refresh_here(self) -> int:
        """Bring in what is on this machine; how many pages changed."""
        with self._working:
            return sum(self._refresh(source, parts=1) for source in self._here) + self._drop_other_sources()

    def _is_due(self, source: KnowledgeSource) -> bool:
        assert isinstance(source, PolledSource)
        now = self._now()
        if now < self._not_before.get(source.name, 0.0):
            return False
        paused = self._database.read("SELECT not_before FROM knowledge_fault WHERE name = ?", (source.name,))
        if paused and now < paused[0][0] <= now + _LONGEST_PAUSE:
            return False
        rows = self._database.read("SELECT answered_at FROM knowledge_source WHERE name = ?", (source.name,))
        # A clock that was set back must not silence a source for as long as it was ahead.
        return not rows or not 0 <= now - rows[0][0] < source.poll_seconds

    def _refresh(self, source: KnowledgeSource, *, parts: int) -> int:
        changed = 0
        for _ in range(parts):
            try:
                changed += self._part(source)
            except _Unanswered as failed:
                self._put_off(source, failed.why)
                return changed
            if not isinstance(source, PolledSource) or not source.has_more:
                break
        self._faults.pop(source.name, None)
        self._not_before.pop(source.name, None)
        if not isinstance(source, PolledSource):
            self._heard[source.name] = self._now()
        if isinstance(source, PolledSource) and not self._database.read_only:
            # What has more stays due: another process may go on where this one ends.
            answered_at = self._now() if not source.has_more else self._now() - source.poll_seconds

            def answered(connection: apsw.Connection) -> None:
                connection.execute(
                    "INSERT INTO knowledge_source VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET answered_at = ?2",
                    (source.name, answered_at),
                )
                connection.execute("DELETE FROM knowledge_fault WHERE name = ?", (source.name,))

            self._database.write(answered)
        return changed

    def _put_off(self, source: KnowledgeSource, why: OpstuiError) -> None:
        if repr(self._faults.get(source.name)) != repr(why):
            log.warning("knowledge %s: %s; the pages indexed before are kept", source.name, why)
        self._faults[source.name] = why
        if isinstance(source, PolledSource):
            wished = why.retry_after if isinstance(why, Unreachable) else None
            until = self._now() + min(max(wished or 0.0, min(source.poll_seconds, _PAUSE)), _LONGEST_PAUSE)
            self._not_before[source.name] = until
            if not self._database.read_only:
                kind = next((name for name, one in _KINDS.items() if type(why) is one), "")
                row = (source.name, until, kind, str(why))
                self._database.write(
                    lambda connection: connection.execute(
                        "INSERT OR REPLACE INTO knowledge_fault VALUES (?, ?, ?, ?)", row
                    )
                )

    def _part(self, source: KnowledgeSource) -> int:
        rows = self._database.read("SELECT doc, hash, stamp FROM knowledge_page WHERE source = ?", (source.name,))
        if isinstance(source, Stamping):
            source.stamps = {doc: (stamp, content) for doc, content, stamp in rows if stamp}
        try:
            pages, gone = source.pages({doc: content for doc, content, _ in rows})
        except OpstuiError as error:
            raise _Unanswered(error) from error
        fresh: dict[str, tuple[str, str]] = source.stamps if isinstance(source, Stamping) else {}
        changed = {page.doc for page in pages}
        restamped = [
            (fresh[doc][0] if doc in fresh else None, doc)
            for doc, _, stamp in rows
            if doc not in changed and (fresh[doc][0] if doc in fresh else None) != stamp
        ]

        def clear(connection: apsw.Connection) -> None:
            for doc in gone:
                _remove(connection, "doc = ? AND source = ?", (doc, source.name))
            connection.executemany("UPDATE knowledge_page SET stamp = ? WHERE doc = ?", restamped)
            if gone:
                self._database.ring(connection, "knowledge", source.name, len(gone))

        if gone or restamped:
            self._database.write(clear)
        for batch in _batches(pages):

            def store(connection: apsw.Connection, batch: Sequence[Page] = batch) -> None:
                for page in batch:
                    stamp, content = fresh.get(page.doc, (None, ""))
                    _put(connection, source.name, page, stamp if content == page.content_hash else None)
                self._database.ring(connection, "knowledge", source.name, len(batch))

            self._database.write(store)
        return len(pages) + len(gone)

    def _drop_other_sources(self) -> int:
        """A source that is no longer in the config is no longer approved."""
        where = f"source NOT IN ({marks(self._names)})"
        if not self._database.read(f"SELECT 1 FROM knowledge_page WHERE {where} LIMIT 1", self._names):
            return 0

        def drop(connection: apsw.Connection) -> int:
            count = _remove(connection, where, self._names)
            connection.execute(f"DELETE FROM knowledge_source WHERE name NOT IN ({marks(self._names)})", self._names)
            connection.execute(f"DELETE FROM knowledge_fault WHERE name NOT IN ({marks(self._names)})", self._names)
            self._database.ring(connection, "knowledge", "", count)
            return count

        return self._database.write(drop)


class _Unanswered(Exception):
    """A source could not be asked: told apart from a file of ours that can't be written."""

    def __init__(self, why: OpstuiError) -> None:
        super().__init__(str(why))
        self.why = why


def _batches(pages: Sequence[Page]) -> Iterator[list[Page]]:
    """Parts that are written one after the other, so that nobody else waits long for the file."""
    batch: list[Page] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += len(page.text)
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _put(connection: apsw.Connection, source: str, page: Page, stamp: str | None) -> None:
    _remove(connection, "doc = ?", (page.doc,))
    changed_at = int(page.changed_at.timestamp()) if page.changed_at else None
    facts = kept_facts(page.facts)
    connection.execute(
        "INSERT INTO knowledge_page(doc, source, title, text, hash, stamp, changed_at, problem, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (page.doc, source, page.title, page.text, page.content_hash, stamp, changed_at, page.problem, facts),
    )
    row = (connection.last_insert_rowid(), expand(names_of(page.title, page.facts)), expand(page.text))
    connection.execute("INSERT INTO knowledge_words(rowid, title, body) VALUES (?, ?, ?)", row)
    connection.execute("INSERT INTO knowledge_trigrams(rowid, title, body) VALUES (?, ?, ?)", row)


def _remove(connection: apsw.Connection, where: str, values: Sequence[str]) -> int:
    for table in ("knowledge_words", "knowledge_trigrams"):
        connection.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT id FROM knowledge_page WHERE {where})", values)
    connection.execute(f"DELETE FROM knowledge_page WHERE {where}", values)
    return connection.changes()


def marks(values: Collection[object]) -> str:
    """As many question marks, for ``IN (…)``."""
    return ", ".join("?" * len(values))
