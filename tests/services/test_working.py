"""What a worker does when its own work breaks."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.services.publisher import Publisher
from opstui.services.working import Work
from opstui.wiring import open_setup


def test_publishing_that_breaks_is_logged_and_tried_again_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    def break_down(publisher: Publisher, system: str) -> None:
        tries.append(1)
        raise ValueError("broken")

    monkeypatch.setattr(Publisher, "has_work", lambda publisher: True)
    monkeypatch.setattr(Publisher, "due", lambda publisher: ("local",))
    monkeypatch.setattr(Publisher, "run_due", break_down)
    setup = open_setup(Settings(), Paths.find({"OPSTUI_HOME": str(tmp_path)}))
    try:
        work = Work(setup)
        timer = threading.Timer(1.5, work.stop)
        timer.start()
        with caplog.at_level(logging.ERROR, logger="opstui.working"):
            work.run_until_idle(linger=0.1)
        timer.join()
    finally:
        for close in setup.closers:
            close()
    assert len(tries) == 1
    assert [record.message for record in caplog.records] == ["publishing crashed"]
