"""A stand-in on a free port, and the real SDK speaking to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from anthropic import AsyncAnthropic

from opstui.rehearsal.service import Rehearsal
from tests.rehearsal.building import World, demo_world
from tests.rehearsal.talking import Client


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal(key="test") as running:
        yield running


@pytest.fixture
async def client(service: Rehearsal) -> AsyncIterator[Client]:
    sdk = AsyncAnthropic(api_key="test", base_url=service.url, max_retries=0, timeout=20)
    yield Client(sdk, service)
    await sdk.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with demo_world(tmp_path / "home") as made:
        yield made
