"""Our adapters keep the promises of their ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.tickets.local import LocalTickets
from opstui.core.queues import Queue
from opstui.testing.builders import OwnClock, OwnRandomness
from opstui.testing.cache import TicketCacheContract
from opstui.testing.record import RecordStoreContract
from opstui.testing.tickets import Change, TicketSystemContract


class TestSqliteRecord(RecordStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteRecord]:
        store = SqliteRecord(tmp_path / "record.db", clock=OwnClock())
        yield store
        store.close()


class TestSqliteCache(TicketCacheContract):
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Iterator[SqliteCache]:
        database = Database(tmp_path / "cache.db", full_sync=False)
        yield SqliteCache(database)
        database.close()


class TestLocalTickets(TicketSystemContract):
    @pytest.fixture
    def system(self, tmp_path: Path) -> Iterator[LocalTickets]:
        system = LocalTickets(
            tmp_path / "desk.db", name="local", operator="ana", clock=OwnClock(), randomness=OwnRandomness()
        )
        yield system
        system.close()

    @pytest.fixture
    def key(self, system: LocalTickets) -> str:
        return system.create(title="checkout is slow", severity="3")

    @pytest.fixture
    def queue(self) -> Queue:
        return Queue("*", "local")

    @pytest.fixture
    def foreign_change(self, system: LocalTickets) -> Change:
        async def change(key: str) -> None:
            system.comment(key, "bo", "me too")

        return change
