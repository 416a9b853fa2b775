"""An agent that obeys every injection: nothing is written, nothing leaks, nothing breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opstui.rehearsal.messages import Reply
from opstui.rehearsal.service import Rehearsal
from opstui.rehearsal.steps import Call, Idle, Say, Use, WaitFor
from tests.behaviours.program import Program, Warm
from tests.behaviours.scripts import job
from tests.bench import byzantine

Document = dict[str, Any]
SEEDS = (1, 2, 3, 105, 106, 113)
"""Some of these found something."""


@pytest.fixture(scope="module")
def hostile(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Document]:
    """A home with hostile tickets, and a document that passes."""
    return byzantine.furnish(tmp_path_factory.mktemp("hostile"), warm)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_an_agent_does_it_writes_nothing_leaks_nothing_and_comes_to_an_end(
    hostile: tuple[Path, Document], warm: Warm, tmp_path: Path, seed: int
) -> None:
    furnished, document = hostile
    home = byzantine.home_of(furnished, tmp_path / "home")
    faults, _ = byzantine.one_session(home, warm, ("managed", "managed", "desk")[seed % 3], document, seed)
    assert not faults


ODD_NUMBERS = {"limit": float("nan"), "line_start": float("-inf"), "line_end": 10**300, "query": [float("inf")]}


@pytest.mark.parametrize("runtime", ["managed", "desk"])
def test_numbers_that_json_does_not_have_can_be_shown_and_sent_back(
    program: Program, service: Rehearsal, document: Document, runtime: str
) -> None:
    service.script(job(document, Call((Use("search_knowledge", ODD_NUMBERS),))))
    service.reply(Reply(calls=(Use("search_knowledge", ODD_NUMBERS),)))
    done = program.run(runtime=runtime)
    assert done.code == 0, done.said
    assert "search_knowledge" in [call["name"] for call in done.of("tool.call")]
    assert "NaN" not in done.out
    assert program.transcript(done.session["id"])


def test_a_reason_to_stop_that_is_our_own_word_by_chance_is_told_as_the_services(
    program: Program, service: Rehearsal
) -> None:
    service.script((WaitFor("stream", 1), Say("x"), Idle("credentials_refused")))
    done = program.run()
    assert done.code == 1, done.said
    assert done.session["stop_reason"] == "service: credentials_refused"
