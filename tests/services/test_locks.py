"""Locks that the kernel frees."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from opstui.core.errors import Busy
from opstui.services.locks import FileLock, held


def test_a_lock_has_one_holder_who_is_named(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x", "first"), FileLock(tmp_path / "x", "second")
    assert first.take()
    assert not second.take()
    assert second.is_held()
    assert "first" in second.holder()
    first.release()
    assert second.take()


def test_asking_whether_it_is_held_makes_no_file_and_hinders_nobody(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x", "asks")
    assert not lock.is_held()
    assert not lock.path.exists()
    lock.path.touch()
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.001):
            FileLock(lock.path, "asks").is_held()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            wants = FileLock(lock.path, "wants")
            assert wants.take()
            wants.release()
    finally:
        stop.set()
        asking.join()


def test_a_lock_that_nobody_will_want_again_leaves_no_file(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x", "last")
    assert lock.take()
    lock.release(for_good=True)
    assert not lock.path.exists()


def test_waiting_for_a_lock_ends_with_who_holds_it(tmp_path: Path) -> None:
    holder = FileLock(tmp_path / "x", "somebody")
    assert holder.take()
    said: list[str] = []
    with pytest.raises(Busy, match="somebody"), held(FileLock(tmp_path / "x", "me"), wait=0.05, say=said.append):
        pass
    assert len(said) == 1
