"""A place to work in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.building import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty home with a desk."""
    made = Place(tmp_path)
    yield made
    made.close()
