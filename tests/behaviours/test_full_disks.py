"""The disk is full while a session streams; with room again it is taken up where it was."""

from __future__ import annotations

import resource
import signal
import subprocess
from typing import Any

from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Say, WaitFor
from tests.behaviours.checks import whole
from tests.behaviours.program import Program
from tests.behaviours.scripts import SECOND, job
from tests.pty.terminal import OPSTUI

LONG = "w" * 20_000


def test_a_session_that_there_was_no_room_for_goes_on_with_room_again(
    program: Program, service: Rehearsal, document: dict[str, Any]
) -> None:
    middle = [Say(f"{number} {LONG}") for number in range(150)]
    service.script(job(document, *middle, WaitFor("stream", 2), Say(SECOND)))
    room = max(len(content) for _, content in program.files()) + 150_000

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    full = subprocess.run(
        [*OPSTUI, "run", "incident-summary", "local:INC-1", "--runtime", "managed", "--events"], env=program.env,
        cwd=program.home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, preexec_fn=little_room,
    )  # fmt: skip
    assert full.returncode == 1, full.stderr
    assert b"the disk is full" in full.stderr
    assert b"Traceback" not in full.stderr
    [session] = program.ask("session", "list")
    assert (session["status"], session["stop_reason"]) == ("failed", "store_full")
    again = program.do("session", "resume", session["id"], "--events")
    assert again.code == 0, again.said
    whole(program, service, again, printed=False)
    assert again.session["draft"]
