"""The worker as a real process of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opstui.adapters.machine import SystemClock, SystemRandomness
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.desk import (
    ApproveDraft,
    Desk,
    DraftReview,
    NewDraft,
    RefreshTicket,
    SessionDetail,
    StartSession,
)
from opstui.core.drafts import DraftChanges, DraftState
from opstui.core.sessions import SessionStatus
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.wiring import open_setup
from opstui.worker import worker_lock


class Home:
    """A home whose worker really runs."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths.find({"OPSTUI_HOME": str(folder)})
        self.setup = open_setup(Settings(), self.paths, clock=SystemClock(), randomness=SystemRandomness())
        self.desk: Desk = DeskService(self.setup)
        self.lock = worker_lock(self.paths.locks)

    def ticket(self, title: str = "Disk full") -> TicketRef:
        ref = TicketRef("local", self.setup.systems["local"].create(title=title, body="91 % at 03:02 UTC."))  # type: ignore[attr-defined]
        self.desk.do(RefreshTicket(ref)).unwrap()
        return ref

    def worker(self) -> int:
        """The worker's process id."""
        until(lambda: self.lock.is_held() and bool(self.lock.holder()))
        return int(self.lock.holder().split()[0])


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    if made.lock.is_held():
        os.kill(made.worker(), signal.SIGTERM)
        until(lambda: not made.lock.is_held())
    made.desk.close()


def ended(home: Home, session: str) -> bool:
    return home.desk.ask(SessionDetail(session)).status.is_over


def test_a_worker_runs_what_was_queued(home: Home) -> None:
    session = home.desk.do(StartSession(ticket=home.ticket(), workflow="incident-summary")).unwrap()
    until(lambda: ended(home, session.id))
    assert home.desk.ask(SessionDetail(session.id)).draft is not None


def test_a_worker_sends_what_was_approved(home: Home) -> None:
    ref = home.ticket()
    draft = home.desk.do(NewDraft(ticket=ref, changes=DraftChanges(comment="from the worker"))).unwrap()
    fingerprint = home.desk.ask(DraftReview(draft.id)).fingerprint or ""
    home.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint)).unwrap()
    until(lambda: home.desk.ask(DraftReview(draft.id)).draft.state is DraftState.PUSHED)
    assert home.desk.do(RefreshTicket(ref)).unwrap().timeline[-1].text == "from the worker"


def test_a_hang_up_does_not_end_it_and_it_has_no_terminal(home: Home) -> None:
    first = home.desk.do(StartSession(ticket=home.ticket(), workflow="incident-summary")).unwrap()
    until(lambda: ended(home, first.id))
    pid = home.worker()
    os.kill(pid, signal.SIGHUP)
    second = home.desk.do(StartSession(ticket=home.ticket(), workflow="incident-summary")).unwrap()
    until(lambda: ended(home, second.id))
    assert home.worker() == pid
    assert os.getsid(pid) == pid
    # Field 7 of /proc/PID/stat: the controlling terminal, 0 for none.
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    assert stat[4] == "0"


def test_what_a_killed_worker_left_is_taken_up_by_the_next(home: Home) -> None:
    first = home.desk.do(StartSession(ticket=home.ticket(), workflow="incident-summary")).unwrap()
    until(lambda: ended(home, first.id))
    os.kill(home.worker(), signal.SIGKILL)
    until(lambda: not home.lock.is_held())
    from dataclasses import replace

    orphan = replace(first, status=SessionStatus.RUNNING, document=None, draft=None, ended_at=None)
    home.setup.record.write(lambda record: record.put_session(orphan))
    home.desk.live()
    until(lambda: ended(home, first.id))


def test_two_calls_start_one_worker(home: Home) -> None:
    sessions = [
        home.desk.do(StartSession(ticket=home.ticket(f"ticket {number}"), workflow="incident-summary")).unwrap()
        for number in range(6)
    ]
    until(lambda: all(ended(home, session.id) for session in sessions))
    assert all(home.desk.ask(SessionDetail(session.id)).draft for session in sessions)


def test_a_worker_that_ended_leaves_no_zombie(home: Home) -> None:
    assert home.setup.spawn_worker()
    first = home.worker()
    os.kill(first, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{first}").exists())


def test_a_worker_is_started_also_where_its_last_words_have_no_room(home: Home) -> None:
    (home.paths.log_file.with_name("worker.err")).mkdir()
    assert home.setup.spawn_worker()
    assert home.worker()


def test_the_argument_list_names_no_setting(home: Home) -> None:
    home.desk.do(StartSession(ticket=home.ticket(), workflow="incident-summary")).unwrap()
    arguments = Path(f"/proc/{home.worker()}/cmdline").read_bytes().split(b"\0")
    assert arguments[1:-1] == [b"-m", b"opstui.worker"]
