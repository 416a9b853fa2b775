"""A shift is over: what lies over there is put away by the runtime's policy, after its log was kept here."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from opstui.adapters.machine import SystemClock
from opstui.adapters.runtimes import managed_wire
from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.core.ports import Request
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Idle, Say, Step, Terminate, WaitFor
from opstui.services.locks import FileLock
from opstui.services.putting_away import put_away, to_put_away
from opstui.services.working import Work
from opstui.wiring import open_setup
from tests.behaviours.checks import the_session, whole
from tests.behaviours.program import KEY, Program
from tests.behaviours.scripts import SECOND, job

Document = dict[str, Any]


class Tomorrow(SystemClock):
    """The machine's clock a day later: every shift of today is over."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return super().now() + timedelta(days=1)


def a_day_later(program: Program) -> None:
    """What a worker does when it runs then."""
    paths = Paths.find({"OPSTUI_HOME": str(program.home)})
    settings = load(paths, environ={}).settings
    setup = open_setup(settings, paths, secrets={"OPSTUI_TEST_KEY": KEY}, clock=Tomorrow())
    try:
        Work(setup).run_until_idle(linger=0.3)
    finally:
        for close in setup.closers:
            close()


def requests_about(service: Rehearsal, remote_id: str) -> list[tuple[str, str]]:
    """What was asked of a session: the method, and the end of the path."""
    return [(one.method, one.path.rpartition("/")[2]) for one in service.requests if remote_id in one.path]


def ran(program: Program, service: Rehearsal, document: Document, policy: str, *end: Step) -> dict[str, Any]:
    """A session that stands idle, or came to another ``end``, under a policy."""
    program.configure(service.url)
    config = program.home / "config.toml"
    table = '[runtimes.managed]\nkind = "managed-agents"\n'
    config.write_text(config.read_text().replace(table, f'{table}after_shift = "{policy}"\n'))
    service.script((*job(document, Say(SECOND))[: -1 if end else None], *end))
    done = program.run()
    whole(program, service, done)
    assert done.code == (1 if end else 0), done.said
    return done.session


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_sessions_of_a_shift_that_is_over_are_put_away_after_their_log_was_kept(
    program: Program, service: Rehearsal, document: Document, policy: str
) -> None:
    session = ran(program, service, document, policy)
    remote = the_session(service)
    before = [event["id"] for event in remote.events]
    remote.rest_status = "running"
    away = ("DELETE", remote.id) if policy == "delete" else ("POST", "archive")

    def stands_still_a_moment_later() -> None:
        service.wait_until(lambda: away in requests_about(service, remote.id))
        remote.rest_status = "idle"

    late = threading.Thread(target=stands_still_a_moment_later)
    late.start()
    a_day_later(program)
    late.join()
    after = program.ask("session", "show", session["id"])
    assert (after["status"], after["stop_reason"]) == ("ended", "archived")
    assert after["document"] == session["document"]
    assert remote.deleted if policy == "delete" else remote.archived_at
    log = program.home / "data" / "sessions" / f"{session['id']}.jsonl"
    assert [json.loads(line)["id"] for line in log.read_text().splitlines()] == before
    assert log.stat().st_mode & 0o077 == 0
    way = requests_about(service, remote.id)
    assert ("GET", "events") in way[: way.index(away)]
    assert way.count(away) >= 2, "it was refused while the session said that it runs"
    again = program.do("session", "message", session["id"], "one more thing")
    assert again.code == 1, again.err


def test_sessions_are_kept_over_there_where_the_policy_says_so(
    program: Program, service: Rehearsal, document: Document
) -> None:
    session = ran(program, service, document, "keep")
    a_day_later(program)
    assert program.ask("session", "show", session["id"])["status"] == "idle"
    assert the_session(service).archived_at is None


def test_a_session_that_was_deleted_over_there_meanwhile_is_ended(
    program: Program, service: Rehearsal, document: Document
) -> None:
    session = ran(program, service, document, "archive")
    the_session(service).deleted = True
    a_day_later(program)
    after = program.ask("session", "show", session["id"])
    assert (after["status"], after["stop_reason"]) == ("ended", "deleted")


def test_a_session_that_failed_is_put_away_though_the_first_try_came_to_nothing(
    program: Program, service: Rehearsal, document: Document
) -> None:
    session = ran(program, service, document, "delete", Terminate())
    assert session["status"] == "failed"
    remote = the_session(service)
    service.fault("DELETE", ".*", status=403, times=1)
    log = program.home / "data" / "sessions" / f"{session['id']}.jsonl"
    a_day_later(program)
    assert not remote.deleted
    a_day_later(program)
    assert the_session(service).deleted
    assert b"session.status_terminated" in log.read_bytes()


def test_an_unreachable_service_is_asked_once_for_all_that_is_to_be_put_away(
    program: Program, service: Rehearsal, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the worker comes to its end."""
    ran(program, service, document, "archive")
    for _ in range(3):
        service.script((WaitFor("stream", 1), Say(SECOND), Idle()))
        assert program.run("local:INC-2").session["status"] == "idle"
    before = len(service.requests)
    monkeypatch.setattr(managed_wire, "Pace", partial(managed_wire.Pace, start=1.5))
    service.fault("*", ".*", lose_response=True, times=100_000)
    a_day_later(program)
    assert len({one.path for one in service.requests[before:]}) == 1
    assert [row["status"] for row in program.ask("session", "list")] == ["idle"] * 4


def test_a_session_that_somebody_talks_to_is_not_put_away(
    program: Program, service: Rehearsal, document: Document
) -> None:
    session = ran(program, service, document, "archive")
    paths = Paths.find({"OPSTUI_HOME": str(program.home)})
    setup = open_setup(load(paths, environ={}).settings, paths, secrets={"OPSTUI_TEST_KEY": KEY}, clock=Tomorrow())
    try:
        [listed] = to_put_away(setup)
        wish = Request(id="01WISH", session=session["id"], kind="message", text="wait", at=setup.clock.now())
        setup.record.write(lambda record: record.add_request(wish))
        asyncio.run(put_away(setup, listed, FileLock(setup.locks / "x", "session"), lambda *_: pytest.fail("ended")))
    finally:
        for close in setup.closers:
            close()
    assert the_session(service).archived_at is None
