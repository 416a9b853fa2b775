"""Pages in a folder, and an index over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.adapters.knowledge.index import SqliteKnowledge
from opstui.adapters.sqlite import Database

PAGES = {
    "KubePodCrashLooping.md": "# KubePodCrashLooping\n\n## Meaning\n\nA pod restarts again and again.\n",
    "disk/HostDiskFull.md": (
        "---\ntitle: Disk of a host is full\nowner: platform\n---\n\n## Meaning\n\nThe disk of a host is full.\n\n"
        "## Mitigation\n\n1. Remove rotated logs with `logrotate -f`.\n2. Grow the volume: `lvextend -r -L +10G`.\n"
    ),
    "CertificateExpired.md": "# TLS certificate expired\n\nThe certificate is past its end date. Renew it.\n",
    "MailQueueGrowing.md": "# Mail is delayed\n\nThe queue of a relay grows. Look at `postqueue -p`.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with four pages."""
    root = tmp_path / "pages"
    for name, text in PAGES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "cache.db", full_sync=False)
    yield opened
    opened.close()


@pytest.fixture
def index(folder: Path, database: Database) -> SqliteKnowledge:
    """The four pages, indexed as source ``kb``."""
    made = SqliteKnowledge(database, [FolderSource("kb", folder)])
    made.refresh()
    return made
