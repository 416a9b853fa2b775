"""Doctor: asks every part how it is, side by side where that may take a while, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from opstui.core.errors import ConfigError, CredentialsRefused, OpstuiError, ReadOnly, Unreachable
from opstui.core.ports import Probe
from opstui.services.auditing import verify_chain
from opstui.services.locks import FileLock
from opstui.services.sources import elsewhere, reviews

if TYPE_CHECKING:
    from opstui.core.ports import TicketSystem
    from opstui.core.secrets import SecretRef, Secrets
    from opstui.services.setup import Setup

PATIENCE = 15.0
"""Seconds for everything that is asked side by side."""
CARD_DAYS = 120
"""A rate card older than this is said to be old: prices change a few times a year."""
SAMPLE = "password: k2-Vb71-qqx9"
"""What a redactor that works does not let pass."""

Check = tuple[str, Callable[[], list[Probe]]]


def examine(setup: Setup, *, offline: bool) -> Iterator[Probe]:
    """One line a check; ``offline`` asks nothing that is not on this machine."""
    for extra in setup.probes:
        yield from extra()
    notice = setup.store_notice()
    yield Probe("store", "warn" if notice else "pass", notice or "record, cache and desk open and writable")
    yield _audit(setup)
    yield from setup.knowledge.probe()
    yield from reviews(setup)
    yield from _rates(setup)
    yield from _taxonomy(setup)
    yield from _evaluated(setup)
    yield _redaction(setup)
    if setup.rehearsal or (setup.demo and any(runtime.kind != "extractive" for runtime in setup.runtimes.values())):
        yield Probe(
            "rehearsal", "pass", "runtimes with a model speak to a stand-in on this machine: no model, no key, no cost"
        )
    asked = [*_systems(setup, offline), *_runtimes(setup, offline), *_secrets(setup, offline)]
    yield from side_by_side([*(() if offline else elsewhere(setup)), *asked])
    yield _worker(setup)


def _evaluated(setup: Setup) -> Iterator[Probe]:
    """Workflow versions that nobody ever held against recorded cases."""
    from opstui.services.evaluated import is_evaluated

    try:
        behind = [name for name, workflow in setup.workflows.items() if not is_evaluated(setup, workflow)]
    except ConfigError as error:
        yield Probe("workflows", "fail", str(error), "mend the file it names")
        return
    if behind:
        text = f"never evaluated as they are now: {', '.join(behind)}"
        yield Probe("workflows", "warn", text, "opstui eval FOLDER runs them over recorded cases")
    else:
        yield Probe("workflows", "pass", f"{len(setup.workflows)} workflows, each evaluated as it is")


def side_by_side(checks: list[Check], *, patience: float = PATIENCE) -> Iterator[Probe]:
    """The answers in the order of ``checks``; one that takes longer than ``patience`` in all is a fail itself."""
    if not checks:
        return
    from multiprocessing.pool import ThreadPool  # its threads end with the program, whatever they still wait for

    pool = ThreadPool(len(checks))
    try:
        asked = [(name, pool.apply_async(_answers, (name, ask))) for name, ask in checks]
        left = patience
        for name, answer in asked:
            # Not the clock's time: what matters is how long a person has waited, and each wait is at most the rest.
            step = 0.05
            while not answer.ready() and left > 0:
                answer.wait(step)
                left -= step
            if answer.ready():
                yield from answer.get()
            else:
                text = f"no answer within {patience:.0f} s"
                yield Probe(name, "fail", text, "look at the network and at [network] in the config, then try again")
    finally:
        pool.terminate()


def _answers(name: str, ask: Callable[[], list[Probe]]) -> list[Probe]:
    try:
        return ask()
    except OpstuiError as error:
        return [Probe(name, "fail", str(error))]


def _audit(setup: Setup) -> Probe:
    health = verify_chain(setup.record)
    if health.ok:
        return Probe("audit", "pass", f"{health.rows} rows, the chain is intact")
    text = f"row {health.first_broken}: {health.reason}"
    return Probe("audit", "fail", text, "compare with an exported copy; `opstui audit export` writes what is there")


def _taxonomy(setup: Setup) -> Iterator[Probe]:
    """How large it is, or what is wrong with it; nothing where there is none."""
    from opstui.core.taxonomy import KINDS

    try:
        taxonomy = setup.taxonomy()
    except ConfigError as error:
        yield Probe("taxonomy", "fail", str(error), "mend the file; until then no triage begins")
        return
    if taxonomy:
        counts = {(kind, table): len(taxonomy.terms(kind)) for kind, table in KINDS.items()}
        told = [f"{count} {kind if count == 1 else table}" for (kind, table), count in counts.items() if count]
        counted = ", ".join(told).replace("_", " ")
        yield Probe("taxonomy", "pass", f"{counted}; opstui config check says what of it is not there any more")


def _systems(setup: Setup, offline: bool) -> Iterator[Check]:
    for name, system in setup.systems.items():
        if system.capabilities.instant or not offline:
            yield f"tickets {name}", partial(_system, name, system)


def _system(name: str, system: TicketSystem) -> list[Probe]:
    check, key = f"tickets {name}", f"tickets.{name}"
    try:
        probes = system.probe() or [Probe(check, "pass", "reachable")]
    except CredentialsRefused as error:
        probes = [
            Probe(check, "fail", str(error), f"see {key}.token; `opstui config secret set {key}.token` keeps one")
        ]
    except Unreachable as error:
        probes = [Probe(check, "fail", str(error), f"see {key}.url and [network] in the config, then try again")]
    mend = f"see [{key}] and [network] in the config"
    return [replace(probe, check=check, fix=probe.fix or (mend if probe.state == "fail" else "")) for probe in probes]


def _runtimes(setup: Setup, offline: bool) -> Iterator[Check]:
    for name in setup.runtimes:
        yield f"runtime {name}", partial(_runtime, setup, name, offline)


def _runtime(setup: Setup, name: str, offline: bool) -> list[Probe]:
    runtime = setup.runtimes[name]
    return [] if offline and runtime.kind != "extractive" else runtime.probe()


def _secrets(setup: Setup, offline: bool) -> Iterator[Check]:
    refs = setup.secret_refs()
    if setup.secrets is None or not refs:
        return
    store = setup.secrets()
    if any(ref.kind == "keyring" for ref in refs.values()):
        yield "keyring", partial(_keyring, store)
    for key, ref in refs.items():
        # A command may ask a vault over the network.
        if not (offline and ref.kind == "cmd"):
            yield f"secret {key}", partial(_secret, store, key, ref)


def _keyring(store: Secrets) -> list[Probe]:
    try:
        return [Probe("keyring", "pass", store.keyring())]
    except CredentialsRefused as error:
        return [Probe("keyring", "fail", str(error), "or refer to another place in the config")]


def _secret(store: Secrets, key: str, ref: SecretRef) -> list[Probe]:
    """Whether it can be had; what it is, is nobody's business."""
    try:
        store.get(ref)
    except CredentialsRefused as error:
        fix = f"opstui config secret set {key}" if ref.kind == "keyring" else ""
        return [Probe(f"secret {key}", "fail", str(error), fix)]
    return [Probe(f"secret {key}", "pass", f"found in {ref.kind}")]


def _rates(setup: Setup) -> Iterator[Probe]:
    try:
        card = setup.rates()
    except OpstuiError as error:
        yield Probe("rates", "fail", str(error))
        return
    days = (setup.clock.now().date() - card.dated).days
    text = f"list prices as of {card.dated}, {len(card.models)} models"
    if days > CARD_DAYS:
        yield Probe("rates", "warn", f"{text}: {days} days old", "a newer opstui has newer ones, [rates.MODEL] yours")
    else:
        yield Probe("rates", "pass", text)
    for name in setup.runtimes:
        try:
            runtime = setup.runtimes[name]
        except OpstuiError:
            continue  # told where the runtimes are asked
        if card.rates(runtime.model, runtime.kind, name) is None:
            yield Probe(
                "rates", "warn", f"runtimes.{name}: no price for {runtime.model}, so its tokens are in no estimate",
                f'[rates."{runtime.model}"] with input and output, in dollars per million tokens',
            )  # fmt: skip


def _redaction(setup: Setup) -> Probe:
    try:
        found = setup.redactor.spans(SAMPLE)
    except OpstuiError as error:
        return Probe("redaction", "fail", f"{error}; runtimes with a model get nothing", "reinstall opstui")
    if not found:
        return Probe("redaction", "fail", "a password in prose was not found; use no runtime with a model")
    return Probe("redaction", "pass", "the rules are loaded and work")


def _worker(setup: Setup) -> Probe:
    lock = FileLock(setup.locks / "worker.lock", "doctor")
    try:
        running = lock.is_held()
    except ReadOnly as error:
        fix = "look at the permissions of that folder, and whether the disk is full"
        return Probe("worker", "fail", error.message, fix)
    return Probe(
        "worker", "pass", f"running, {lock.holder()}" if running else "not running: the next session starts one"
    )
