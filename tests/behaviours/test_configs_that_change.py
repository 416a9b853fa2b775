"""The config loses what a session runs on, and gets it back."""

from __future__ import annotations

import signal
from typing import Any

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Say, WaitFor
from tests.behaviours.checks import whole
from tests.behaviours.program import Program
from tests.behaviours.scripts import SECOND, job


def test_a_session_whose_runtime_left_the_config_goes_on_once_it_is_back(
    program: Program, service: Rehearsal, document: dict[str, Any]
) -> None:
    service.script(job(document, Say(SECOND), WaitFor("stream", 2)))
    running = program.start_run()
    running.wait_event("text", text=SECOND)
    session_id = program.ask("session", "list")[0]["id"]
    running.signal(signal.SIGKILL)
    program.end(running)
    config = program.home / "config.toml"
    whole_config = config.read_text()
    config.write_text('[operator]\nname = "alex"\n')
    without = program.do("session", "resume", session_id, "--events")
    assert without.code == 1
    assert "the runtime managed is no longer configured" in without.err
    assert program.ask("session", "show", session_id)["stop_reason"] == "not_configured"
    config.write_text(whole_config)
    again = program.do("session", "resume", session_id, "--events")
    assert again.code == 0, again.said
    whole(program, service, again, printed=False)
    assert again.session["draft"]
