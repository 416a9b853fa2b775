"""A folder keeps what every source promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from opstui.adapters.knowledge.folder import FolderSource
from opstui.core.ports import KnowledgeSource
from opstui.testing.knowledge import KnowledgeSourceContract, Shelf


class FolderShelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def source(self) -> KnowledgeSource:
        return FolderSource("kb", self.folder)

    def put(self, name: str, text: str) -> str:
        (self.folder / f"{name}.md").write_text(text, encoding="utf-8")
        return f"kb/{name}"

    def spoil(self, name: str) -> str | None:
        (self.folder / f"{name}.md").write_bytes(b"\xff\xfe\x00")
        return f"kb/{name}"

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.md").unlink()

    def cut(self) -> None:
        self.folder.rename(self.folder.with_name("away"))

    def mend(self) -> None:
        self.folder.with_name("away").rename(self.folder)


class TestFolder(KnowledgeSourceContract):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return FolderShelf(tmp_path / "kb")
