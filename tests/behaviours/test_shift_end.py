"""A shift is over: what lies over there is put away by the runtime's policy, after its log was kept here."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from opstui.adapters.machine import SystemClock
from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Say
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


def ran(program: Program, service: Rehearsal, document: Document, policy: str) -> dict[str, Any]:
    """A session that stands idle, under a policy."""
    program.configure(service.url)
    config = program.home / "config.toml"
    table = '[runtimes.managed]\nkind = "managed-agents"\n'
    config.write_text(config.read_text().replace(table, f'{table}after_shift = "{policy}"\n'))
    service.script(job(document, Say(SECOND)))
    done = program.run()
    whole(program, service, done)
    assert done.code == 0, done.said
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
