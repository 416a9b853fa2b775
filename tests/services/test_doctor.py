"""Doctor asks every part, says what to do, prints no secret, and is done in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.secrets.store import SecretStore
from opstui.core.errors import CredentialsRefused, NotRedacted, OpstuiError, Unreachable
from opstui.core.ports import AgentRuntime, Capabilities, Probe
from opstui.core.redaction import Span
from opstui.core.secrets import SecretRef
from opstui.services.doctor import CARD_DAYS, examine, side_by_side
from opstui.services.setup import Setup
from tests.adapters.secrets.keeping import MemoryKeyring
from tests.services.building import Place
from tests.services.scripted_runtime import ScriptedRuntime

CANARY = "canary-5d11e8"


class Finding:
    """A redactor that finds passwords the simple way."""

    def spans(self, text: str) -> tuple[Span, ...]:
        at = text.find(": ") + 2
        return (Span(at, len(text), "PASSWORD"),) if "password" in text else ()


class Blind(Finding):
    def spans(self, text: str) -> tuple[Span, ...]:
        return ()


class Broken(Finding):
    def spans(self, text: str) -> tuple[Span, ...]:
        raise NotRedacted("the rules did not load")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def setup_with(place: Place, *runtimes: AgentRuntime, **more: Any) -> Setup:
    more.setdefault("redactor", Finding())
    known = {**place.setup.runtimes, **{runtime.name: runtime for runtime in runtimes}}
    return replace(place.setup, runtimes=known, **more)


def lines(setup: Setup, *, offline: bool = False) -> list[Probe]:
    return list(examine(setup, offline=offline))


def of(probes: list[Probe], check: str) -> list[Probe]:
    return [probe for probe in probes if probe.check == check]


def test_a_fresh_home_has_nothing_that_fails(place: Place) -> None:
    probes = lines(setup_with(place))
    assert [probe for probe in probes if probe.state == "fail"] == []
    checks = {probe.check for probe in probes}
    assert {"config", "network", "store", "audit", "rates", "redaction", "worker", "runtime offline"} <= checks


class Slow(ScriptedRuntime):
    """Takes its time to answer."""

    def __init__(self, name: str, wait: threading.Event | threading.Barrier) -> None:
        super().__init__(name)
        self._wait = wait

    def probe(self) -> list[Probe]:
        self._wait.wait(30)
        return [Probe(f"runtime {self.name}", "pass", "answered")]


def test_slow_parts_are_asked_side_by_side(place: Place) -> None:
    together = threading.Barrier(5)  # none of them gets on before all of them are asked
    probes = lines(setup_with(place, *(Slow(f"r{number}", together) for number in range(5))))
    assert not together.broken
    assert [probe.check for probe in probes if probe.text == "answered"] == [
        f"runtime r{number}" for number in range(5)
    ]


def test_one_that_never_answers_is_told_and_holds_nobody_up() -> None:
    never = threading.Event()
    checks = [("a", Slow("a", never).probe), ("b", lambda: [Probe("b", "pass", "here")])]
    began = time.monotonic()
    told = list(side_by_side(checks, patience=0.2))
    assert time.monotonic() - began < 20
    assert [(probe.check, probe.state) for probe in told] == [("a", "fail"), ("b", "pass")]
    assert "no answer within" in told[0].text
    never.set()


class Elsewhere:
    """As much of a ticket system as doctor asks."""

    capabilities = Capabilities()

    def __init__(self, answer: list[Probe] | OpstuiError, wait: threading.Barrier | None = None) -> None:
        self._answer, self._wait = answer, wait

    def probe(self) -> list[Probe]:
        if self._wait is not None:
            self._wait.wait(30)
        if isinstance(self._answer, OpstuiError):
            raise self._answer
        return self._answer


def systems(place: Place, **more: Elsewhere) -> Setup:
    return setup_with(place, systems={**place.setup.systems, **more})


def test_ticket_systems_are_asked_side_by_side_and_each_has_its_lines(place: Place) -> None:
    together = threading.Barrier(2)
    setup = systems(
        place,
        rt=Elsewhere([Probe("x", "pass", "answers"), Probe("x", "warn", "no op_field", "make one")], together),
        jira=Elsewhere([], together),
    )
    probes = lines(setup)
    assert not together.broken
    assert [(probe.state, probe.text) for probe in of(probes, "tickets rt")] == [
        ("pass", "answers"), ("warn", "no op_field"),
    ]  # fmt: skip
    assert of(probes, "tickets jira") == [Probe("tickets jira", "pass", "reachable")]
    assert {probe.check for probe in lines(setup, offline=True)}.isdisjoint({"tickets rt", "tickets jira"})


def test_a_ticket_system_that_does_not_answer_is_told_with_what_to_do(place: Place) -> None:
    probes = lines(
        systems(
            place,
            rt=Elsewhere(CredentialsRefused("rt: the token is not taken")),
            jira=Elsewhere(Unreachable("jira: not reachable")),
        )
    )
    [refused], [cut] = of(probes, "tickets rt"), of(probes, "tickets jira")
    assert (refused.state, cut.state) == ("fail", "fail")
    assert "config secret set tickets.rt.token" in refused.fix
    assert "tickets.jira.url" in cut.fix


class Refusing(ScriptedRuntime):
    def probe(self) -> list[Probe]:
        raise Unreachable("managed: not reachable")


def test_what_a_part_raises_is_its_line(place: Place) -> None:
    [told] = of(lines(setup_with(place, Refusing())), "runtime managed")
    assert (told.state, told.text) == ("fail", "managed: not reachable")


def test_offline_asks_nothing_that_is_elsewhere(place: Place) -> None:
    store = SecretStore({"TOKEN": CANARY}, [])
    refs = {
        "tickets.rt.token": SecretRef("env", ("TOKEN",)),
        "store.password": SecretRef("cmd", ("no-such-program",)),
    }
    setup = setup_with(place, Refusing(), secrets=lambda: store, secret_refs=lambda: refs)
    checks = {probe.check for probe in lines(setup, offline=True)}
    assert "secret tickets.rt.token" in checks
    assert not {"runtime managed", "secret store.password"} & checks
    assert {"runtime managed", "secret store.password"} <= {probe.check for probe in lines(setup)}


def secrets_of(place: Place, environ: Mapping[str, str], **refs: SecretRef) -> list[Probe]:
    ring = MemoryKeyring()
    ring.set_password("opstui", "there", CANARY)
    store = SecretStore(environ, list(refs.values()), backend=lambda: ring)
    return lines(setup_with(place, secrets=lambda: store, secret_refs=lambda: refs))


def test_each_secret_is_looked_for_and_none_is_printed(place: Place) -> None:
    probes = secrets_of(
        place,
        {"TOKEN": CANARY},
        here=SecretRef("env", ("TOKEN",)),
        missing=SecretRef("env", ("OTHER",)),
        kept=SecretRef("keyring", ("opstui/there",)),
        lost=SecretRef("keyring", ("opstui/lost",)),
    )
    assert {probe.check: probe.state for probe in probes if probe.check.startswith("secret")} == {
        "secret here": "pass",
        "secret missing": "fail",
        "secret kept": "pass",
        "secret lost": "fail",
    }
    assert of(probes, "keyring") == [Probe("keyring", "pass", "memory")]
    assert of(probes, "secret lost")[0].fix == "opstui config secret set lost"
    assert CANARY not in str(probes)


def test_a_model_without_a_price_is_named_with_the_table_to_write(place: Place) -> None:
    runtime = ScriptedRuntime()
    runtime.model = "some-model-of-ours"
    unpriced = [
        probe for probe in lines(setup_with(place, runtime)) if probe.check == "rates" and probe.state == "warn"
    ]
    assert len(unpriced) == 1
    assert "runtimes.managed: no price for some-model-of-ours" in unpriced[0].text
    assert '[rates."some-model-of-ours"]' in unpriced[0].fix


def test_old_prices_are_said_to_be_old(place: Place) -> None:
    setup = setup_with(place)
    card = setup.rates()
    old = replace(card, dated=card.dated - timedelta(days=CARD_DAYS + 400))
    [told] = of(lines(replace(setup, rates=lambda: old)), "rates")
    assert told.state == "warn"
    assert "days old" in told.text


@pytest.mark.parametrize("redactor", [Blind(), Broken()])
def test_a_redactor_that_does_not_work_is_a_fail(place: Place, redactor: Finding) -> None:
    [told] = of(lines(setup_with(place, redactor=redactor)), "redaction")
    assert told.state == "fail"


def test_a_rehearsal_is_called_one(place: Place) -> None:
    assert of(lines(setup_with(place)), "rehearsal") == []
    [told] = of(lines(setup_with(place, rehearsal=True)), "rehearsal")
    assert "stand-in on this machine" in told.text


def test_a_taxonomy_is_told_with_its_size_or_its_fault_and_none_is_not_told(place: Place, tmp_path: Path) -> None:
    assert "taxonomy" not in {probe.check for probe in examine(place.setup, offline=True)}
    for text, state, words in (("[teams.x]\n", "pass", "1 team;"), ("[team.x]\n", "fail", "did you mean teams?")):
        home = tmp_path / state
        home.mkdir()
        (home / "taxonomy.toml").write_text(text, encoding="utf-8")
        made = Place(home)
        (probe,) = [probe for probe in examine(made.setup, offline=True) if probe.check == "taxonomy"]
        assert probe.state == state
        assert words in probe.text
        made.close()
