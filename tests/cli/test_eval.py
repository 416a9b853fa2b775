"""``opstui eval`` over the cases in ``tests/cases``: without a model, and on a Messages stand-in before and after a
changed prompt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import opstui
from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.output import note
from opstui.cli.root import run_commands
from opstui.core.errors import OpstuiError
from opstui.rehearsal.service import Rehearsal
from opstui.services.workflows import load_workflows
from tests.cli.conftest import Done

CASES = Path(__file__).parent.parent / "cases"
BUNDLED = Path(opstui.__file__).parent / "workflows"
Run = Callable[..., Done]


@pytest.fixture
def run(environ: dict[str, str], capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    Path(environ["OPSTUI_HOME"]).mkdir(parents=True, exist_ok=True)

    def called(*arguments: str | Path) -> Done:
        capsysbinary.readouterr()
        invocation = Invocation(Globals(), dict(environ))
        try:
            code = run_commands(["eval", *(str(word) for word in arguments)], invocation)
        except OpstuiError as error:
            note(f"opstui: {error}")
            code = error.exit_code
        finally:
            invocation.close()
        out, err = capsysbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return called


@pytest.fixture
def desk(environ: dict[str, str]) -> Iterator[Path]:
    """A home with a Messages runtime of the stand-in."""
    home = Path(environ["OPSTUI_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    environ["OPSTUI_TEST_KEY"] = "rehearsal"
    with Rehearsal(key="rehearsal") as service:
        (home / "config.toml").write_text(
            f'[runtimes.desk]\nkind = "messages"\nbase_url = "{service.url}"\nmodel = "qwen3:32b"\n'
            'api_key = { env = "OPSTUI_TEST_KEY" }\n'
        )
        yield home


def chosen(folder: Path, *names: str) -> Path:
    for name in names:
        shutil.copytree(CASES / name, folder / name)
    return folder


def test_every_workflow_that_ships_was_evaluated_as_it_is() -> None:
    """``python tests/bench/evaluated.py`` runs the cases and lists the versions that pass."""
    behind = [name for name, workflow in load_workflows(BUNDLED).items() if not workflow.evaluated]
    assert behind == []


def test_the_cases_pass_without_a_model_and_nothing_of_the_desk_is_touched(run: Run) -> None:
    done = run(CASES, "--json")
    assert done.code == 0, done.err
    assert {case["stop_reason"] for case in done.json["cases"]} == {""}
    assert {name: table["passed"] for name, table in done.json["workflows"].items()} == dict.fromkeys(
        done.json["workflows"], True
    )
    assert set(load_workflows(BUNDLED)) == set(done.json["workflows"])
    stability = [case["measures"].get("stability") for case in done.json["cases"]]
    assert set(stability) == {1.0}
    assert done.json["cost"] == "0.00"


def test_a_changed_prompt_shows_and_a_regression_fails(run: Run, desk: Path, tmp_path: Path) -> None:
    cases = chosen(tmp_path / "cases", "checkout-summary")
    wanted = (cases, "--runtime", "desk", "--once")
    before = run(*wanted, "--save", tmp_path / "before.json", "--json")
    assert before.code == 0, before.err
    assert before.json["cases"][0]["measures"]["recall"] == 1.0
    assert run(*wanted, "--against", tmp_path / "before.json").code == 0

    shutil.copytree(BUNDLED / "incident-summary", desk / "workflows" / "incident-summary")
    with (desk / "workflows" / "incident-summary" / "system.md").open("a") as prompt:
        prompt.write("\nLeave out what happened.\nLeave out the impact.\nLeave out the timeline.\n")
    after = run(*wanted, "--against", tmp_path / "before.json", "--json")
    assert after.code == 1
    worse = {change["measure"] for change in after.json["changes"] if change["worse"]}
    assert worse == {"recall"}
    assert after.json["cases"][0]["version"] != before.json["cases"][0]["version"]
    standing = run("list", "--json").json
    assert not standing["evaluated"]["incident-summary"]
    said = run(*wanted, "--against", tmp_path / "before.json")
    assert "worse: checkout-summary recall 1.00 -> " in said.out


def test_a_version_that_passed_on_this_desk_counts_as_evaluated(run: Run, desk: Path, tmp_path: Path) -> None:
    shutil.copytree(BUNDLED / "reply", desk / "workflows" / "reply")
    with (desk / "workflows" / "reply" / "system.md").open("a") as prompt:
        prompt.write("\nBe brief.\n")
    assert not run("list", "--json").json["evaluated"]["reply"]
    cases = chosen(tmp_path / "cases", "two-charges-reply")
    assert run(cases, "--runtime", "desk", "--once").code == 0
    assert run("list", "--json").json["evaluated"]["reply"]


def test_a_budget_that_is_reached_ends_it(run: Run, desk: Path, tmp_path: Path) -> None:
    with (desk / "config.toml").open("a") as config:
        config.write('[rates."qwen3:32b"]\ninput = "900"\noutput = "900"\n')
    cases = chosen(tmp_path / "cases", "checkout-summary", "latency-summary", "two-charges-reply")
    done = run(cases, "--runtime", "desk", "--once", "--budget", "0.01", "--json")
    assert done.code == 6, (done.out, done.err)
    assert done.json["budget_reached"]
    assert len(done.json["cases"]) < 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("case.toml", 'workflow = "incident-summary"\nstrange = 1\n', "strange: there is no such key"),
        ("case.toml", "at = 2026-11-20T09:30:00Z\n", "workflow is missing"),
        ("case.toml", 'workflow = "incident-summary"\n[expect]\nrequired = 7\n', "expect"),
        ("ticket.json", "{}", "not a ticket"),
        ("tickets.jsonl", "nothing\n", "not a ticket"),
    ],
)
def test_a_broken_case_is_named(run: Run, tmp_path: Path, name: str, text: str, said: str) -> None:
    cases = chosen(tmp_path / "cases", "gift-card-triage")
    (cases / "gift-card-triage" / name).write_text(text)
    done = run(cases)
    assert done.code == 2
    assert said in done.err


def test_a_case_that_is_gone_is_a_regression_and_a_new_one_is_none(run: Run, tmp_path: Path) -> None:
    cases = chosen(tmp_path / "cases", "gift-card-triage", "late-mails-closure")
    assert run(cases, "--once", "--save", tmp_path / "before.json").code == 0
    chosen(cases, "latency-summary")
    assert run(cases, "--once", "--against", tmp_path / "before.json").code == 0
    shutil.rmtree(cases / "late-mails-closure")
    done = run(cases, "--once", "--against", tmp_path / "before.json")
    assert done.code == 1
    assert "worse: late-mails-closure case" in done.out


def test_a_ticket_is_recorded_without_its_secrets(run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    from opstui.core.desk import ImportTickets

    line = {
        "key": "A-1",
        "title": "Checkout answers 5xx",
        "body": "About one in eight fails, mail ada.lovelace@acme-widgets.com for more. password=hunter2-Xy7pQ9",
    }
    (tmp_path / "tickets.jsonl").write_text(json.dumps(line))
    own = Invocation(Globals(), dict(environ))
    own.do(ImportTickets(file=str(tmp_path / "tickets.jsonl")))
    own.close()
    done = run("record", "local:A-1", tmp_path / "cases" / "a1")
    assert done.code == 0, done.err
    written = "".join(file.read_text() for file in (tmp_path / "cases").rglob("*") if file.is_file())
    assert "hunter2" not in written
    assert "lovelace" not in written
    assert "one in eight" in written
    assert run("record", "local:A-1", tmp_path / "cases" / "a1").code == 1
    assert run(tmp_path / "cases", "--once").code == 0
