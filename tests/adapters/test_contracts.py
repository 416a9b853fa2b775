"""Our adapters keep the promises of their ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.runtimes.extractive import ExtractiveRuntime
from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.tickets.local import LocalTickets
from opstui.core.ports import SessionBrief
from opstui.core.queues import Queue
from opstui.core.sessions import ToolResult
from opstui.testing import builders as make
from opstui.testing.builders import OwnClock, OwnRandomness
from opstui.testing.cache import TicketCacheContract
from opstui.testing.knowledge import KnowledgeIndexContract
from opstui.testing.record import RecordStoreContract
from opstui.testing.runtimes import AgentRuntimeContract, Answers
from opstui.testing.tickets import Change, Comment, TicketSystemContract


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

    @pytest.fixture
    def foreign_comment(self, system: LocalTickets) -> Comment:
        async def comment(key: str, text: str) -> None:
            system.comment(key, "bo\x1b[1m", text)

        return comment

    @pytest.fixture
    def assignee(self) -> str:
        return "bo"

    @pytest.fixture
    def team(self) -> str:
        return "dba"

    @pytest.fixture
    def field(self) -> tuple[str, str]:
        return "/fields/region", "eu-1"

    @pytest.fixture
    def notices_repeats(self) -> bool:
        return True


class TestSqliteKnowledge(KnowledgeIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[SqliteKnowledge]:
        folder = tmp_path / "runbooks"
        folder.mkdir()
        (folder / "HostDiskFull.md").write_text("# Host disk full\n\nThe disk is full.\n\nRun `lvextend`.\n")
        (folder / "TlsExpired.md").write_text("# Certificate expired\n\nRenew it with the issuer.\n")
        database = Database(tmp_path / "cache.db", full_sync=False)
        index = SqliteKnowledge(database, [FolderSource("kb", folder)])
        index.refresh()
        yield index
        database.close()


class TestExtractiveRuntime(AgentRuntimeContract):
    @pytest.fixture
    def runtime(self) -> ExtractiveRuntime:
        return ExtractiveRuntime("offline", OwnClock())

    @pytest.fixture
    def brief(self) -> SessionBrief:
        return make.brief()

    @pytest.fixture
    def answers(self, brief: SessionBrief) -> Answers:
        known = {"get_ticket": make.briefed(), "search_knowledge": (), "search_tickets": ()}
        return lambda call: ToolResult("", known.get(call.name))
