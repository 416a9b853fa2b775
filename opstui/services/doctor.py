"""Doctor: asks every part how it is, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from opstui.core.errors import ReadOnly
from opstui.core.ports import Probe
from opstui.services.auditing import verify_chain
from opstui.services.locks import FileLock
from opstui.services.setup import Setup


def examine(setup: Setup, *, offline: bool) -> Iterator[Probe]:
    """One line a check; ``offline`` asks nothing that is not on this machine."""
    for extra in setup.probes:
        yield from extra()
    notice = setup.store_notice()
    yield Probe("store", "warn" if notice else "pass", notice or "record, cache and desk open and writable")
    health = verify_chain(setup.record)
    yield (
        Probe("audit", "pass", f"{health.rows} rows, the chain is intact")
        if health.ok
        else Probe(
            "audit",
            "fail",
            f"row {health.first_broken}: {health.reason}",
            "compare with an exported copy; `opstui audit export` writes what is there",
        )
    )
    for name, system in setup.systems.items():
        if offline and not system.capabilities.instant:
            continue
        yield from system.probe() or [Probe(f"tickets.{name}", "pass", "reachable")]
    yield from setup.knowledge.probe()
    for runtime in setup.runtimes.values():
        if offline and runtime.kind != "extractive":
            continue
        yield from runtime.probe()
    lock = FileLock(setup.locks / "worker.lock", "doctor")
    try:
        running = lock.is_held()
    except ReadOnly as error:
        yield Probe(
            "worker", "fail", error.message, "look at the permissions of that folder, and whether the disk is full"
        )
        return
    yield Probe(
        "worker", "pass", f"running, {lock.holder()}" if running else "not running: the next session starts one"
    )
