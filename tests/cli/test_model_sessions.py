"""Sessions of models by the command line: real processes, the real SDK, a stand-in service over real HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.runtimes import messages_loop
from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.output import note
from opstui.cli.root import run_commands
from opstui.core.errors import OpstuiError
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Idle, Say
from tests.cli.conftest import Done
from tests.pty.terminal import no_workers_left

CANARY = "sk-ant-canary-4be1d907"
RUN = ("run", "incident-summary", "local:A-1")
Run = Callable[..., Done]


@pytest.fixture
def service() -> Iterator[Rehearsal]:
    with Rehearsal(key=CANARY) as running:
        yield running


@pytest.fixture
def inside(environ: dict[str, str], capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """The same in this process, so that the SDK is imported once and not for each command."""

    def run(*arguments: str | Path) -> Done:
        capsysbinary.readouterr()
        invocation = Invocation(Globals(), dict(environ))
        try:
            code = run_commands([str(word) for word in arguments], invocation)
        except OpstuiError as error:
            note(f"opstui: {error}")
            code = error.exit_code
        finally:
            invocation.close()
        out, err = capsysbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return run


@pytest.fixture
def home(environ: dict[str, str], service: Rehearsal, inside: Run, tmp_path: Path) -> Iterator[Path]:
    """A home whose workflows run at the stand-in, with a ticket; its worker is ended with the test."""
    folder = Path(environ["OPSTUI_HOME"])
    folder.mkdir(parents=True)
    configure(folder, service.url)
    environ["OPSTUI_TEST_KEY"] = CANARY
    tickets = tmp_path / "tickets.jsonl"
    tickets.write_text(json.dumps({"key": "A-1", "title": "Checkout answers 5xx", "body": "About one in eight fails."}))
    assert inside("ticket", "import", tickets).code == 0
    with no_workers_left(folder):
        yield folder


def configure(folder: Path, url: str, key: str = '{ env = "OPSTUI_TEST_KEY" }') -> None:
    (folder / "config.toml").write_text(f"""
[runtimes.managed]
kind = "managed-agents"
base_url = "{url}"
model = "claude-sonnet-5-5"
api_key = {key}
[runtimes.desk]
kind = "messages"
base_url = "{url}"
model = "qwen3:32b"
api_key = {key}
[workflows.incident-summary]
runtime = "managed"
budget = "0.50"
""")


def last(done: Done) -> Any:
    """The session in the last line."""
    end = done.lines[-1]
    assert end["type"] == "session.ended"
    return end["session"]


def test_the_key_is_in_the_requests_and_nowhere_else(home: Path, inside: Run, service: Rehearsal) -> None:
    done = inside(*RUN, "--json", "--runtime", "desk")
    doctor = inside("doctor", "--json")
    assert done.code == 0, done.err
    assert {probe["state"] for probe in doctor.json if probe["check"] == "secret runtimes.managed.api_key"} == {"pass"}
    carried = [one for one in service.requests if CANARY in one.headers.get("authorization", "")]
    assert carried
    assert not [one for one in service.requests if CANARY.encode() in one.body]
    written = [file for file in home.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]
    assert written == []
    assert CANARY not in done.out + done.err + doctor.out + doctor.err


def test_a_key_that_the_config_does_not_name_goes_to_no_other_messages_endpoint(
    home: Path, environ: dict[str, str], inside: Run, service: Rehearsal
) -> None:
    text = (home / "config.toml").read_text().replace('api_key = { env = "OPSTUI_TEST_KEY" }', "")
    (home / "config.toml").write_text(text)
    environ["ANTHROPIC_API_KEY"] = CANARY
    assert inside(*RUN, "--runtime", "desk").code == 4
    assert not [one for one in service.requests if CANARY in str(one.headers)]
    done = inside(*RUN, "--runtime", "managed", "--json")
    assert done.code == 0, done.err


def _refused(service: Rehearsal, home: Path) -> None:
    service.key = "another"


def _nobody_there(service: Rehearsal, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configure(home, f"http://127.0.0.1:{port}")


def _portal(service: Rehearsal, home: Path) -> None:
    service.fault("*", ".", html=True, times=None)


def _long_pause(service: Rehearsal, home: Path) -> None:
    service.fault("POST", "/v1/messages", status=429, headers={"retry-after": "3600"}, times=None)


def _no_variable(service: Rehearsal, home: Path) -> None:
    configure(home, service.url, '{ env = "NOT_SET_ANYWHERE" }')


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (_refused, 4, "key"),
        (_no_variable, 4, "env not_set_anywhere"),
        (_nobody_there, 3, "not reach"),
        (_portal, 3, "not the service"),
        (_long_pause, 3, "pause"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_can_not_begin_has_its_exit_code_and_offers_to_do_without(
    home: Path, inside: Run, service: Rehearsal, trouble: Callable[[Rehearsal, Path], None], code: int, words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By the runtime whose loop runs here; what the other one meets is in tests/behaviours."""
    monkeypatch.setattr(messages_loop, "START_SECONDS", 0.5)
    trouble(service, home)
    done = inside(*RUN, "--events", "--runtime", "desk")
    assert done.code == code, done.err
    session = last(done)
    assert session["status"] == "failed"
    assert words in done.err.lower()
    assert f"opstui session fallback {session['id']} does it without a model" in done.err
    assert "Traceback" not in done.err
    assert "internal error" not in done.err


def test_a_message_to_a_session_that_stands_still_is_answered(home: Path, opstui: Run, service: Rehearsal) -> None:
    service.script((Say("What do you want to know?"), Idle()))
    session = last(opstui(*RUN, "--events"))
    said = opstui("session", "message", session["id"], "The cause, please", "--json")
    assert said.code == 0, said.err
    service.wait_until(lambda: any(b"The cause, please" in one.body for one in service.requests), timeout=30)
    worker = Path("/proc", (home / "state" / "locks" / "worker.lock").read_text().split()[0])
    assert b"opstui.worker" in (worker / "cmdline").read_bytes()
    for part in ("cmdline", "environ"):
        assert CANARY.encode() not in (worker / part).read_bytes(), "it gets its key through a pipe"
    resumed = opstui("session", "resume", session["id"], "--events")
    assert sum(b"The cause, please" in one.body for one in service.requests) == 1
    assert last(resumed)["remote_id"] == session["remote_id"]


def test_a_model_does_nothing_for_nothing(home: Path, inside: Run, service: Rehearsal) -> None:
    done = inside(*RUN, "--budget", "0.00")
    assert (done.code, service.requests) == (2, [])
    assert "at least 0.01" in done.err
    assert inside(*RUN, "--budget", "0.00", "--runtime", "offline").code == 0


def test_agents_are_made_once_and_updated_never_doubled(home: Path, inside: Run, service: Rehearsal) -> None:
    assert {state["state"] for state in inside("agents", "status", "--json").json} == {"missing"}
    made = inside("agents", "sync", "--json")
    assert {state["state"] for state in made.json} == {"created"}
    assert inside("agents", "sync").code == 0
    assert {state["state"] for state in inside("agents", "status", "--json").json} == {"current"}
    assert service.count("POST", "/v1/agents") == len(made.json)


def test_without_such_a_runtime_agents_are_a_matter_of_usage(inside: Run) -> None:
    done = inside("agents", "status")
    assert done.code == 2
    assert "runtimes.managed" in done.err
