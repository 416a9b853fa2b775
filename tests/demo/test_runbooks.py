"""The demo's runbooks answer the incidents they are written for, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.sqlite import Database
from opstui.adapters.tickets.local import LocalTickets
from opstui.core.extract.query import knowledge_query
from opstui.core.knowledge import Strength
from opstui.core.text import lines
from opstui.core.tickets import Ticket
from opstui.demo.player import Player
from opstui.demo.story import RUNBOOKS, script
from opstui.testing.builders import OwnClock

WRITTEN_FOR = {
    "INC-1027": "BackupFailed",
    "INC-1031": "VpnClientCannotConnect",
    "INC-1033": "MailQueueGrowing",
    "INC-1036": "ClockSkewHigh",
    "INC-1040": "ProbeFailed",
    "INC-1041": "KubeQuotaExceeded",
    "INC-1042": "CheckoutErrorRateHigh",
    "INC-1043": "CertificateExpired",
    "INC-1044": "AccessTokenLeaked",
    "INC-1045": "DatabaseDiskFilling",
    "INC-1046": "QueueConsumerStuck",
    "INC-1047": "SearchLatencyHigh",  # it matches by its words; the timeline says that it does not fit
    "INC-1048": "DnsTimeouts",
}
NOBODY_WROTE_ONE = ("INC-1029", "INC-1038", "INC-1049", "INC-1050", "INC-1052")


@pytest.fixture
def runbooks(tmp_path: Path) -> Iterator[SqliteKnowledge]:
    database = Database(tmp_path / "cache.db", full_sync=False)
    index = SqliteKnowledge(database, [FolderSource("runbooks", RUNBOOKS)])
    assert index.refresh() == 17
    yield index
    database.close()


def ticket(desk: LocalTickets, key: str) -> Ticket:
    return asyncio.run(desk.ticket(key))


@pytest.mark.parametrize(("key", "page"), WRITTEN_FOR.items())
def test_the_runbook_of_an_incident_is_a_strong_answer(
    world: LocalTickets, runbooks: SqliteKnowledge, key: str, page: str
) -> None:
    found = ticket(world, key)
    for query in (found.title, knowledge_query(found)):
        strong = [hit.doc for hit in runbooks.search(query) if hit.strength is Strength.STRONG]
        assert strong == [f"runbooks/{page}"], query


@pytest.mark.parametrize("key", NOBODY_WROTE_ONE)
def test_an_incident_without_a_runbook_gets_no_strong_answer(
    world: LocalTickets, runbooks: SqliteKnowledge, clock: OwnClock, tmp_path: Path, key: str
) -> None:
    player = Player(world, tmp_path, clock)
    progress = player.start()
    for _ in script():
        progress = player.step(progress)
    found = ticket(world, key)
    for query in (found.title, knowledge_query(found)):
        assert [hit.doc for hit in runbooks.search(query) if hit.strength is Strength.STRONG] == [], query


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_has_its_sections_in_order(path: Path) -> None:
    headings = [line[3:] for line in lines(path.read_text(encoding="utf-8")) if line.startswith("## ")]
    assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation"]
