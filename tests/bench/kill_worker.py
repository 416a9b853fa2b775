"""``kill -9`` of the worker at random moments of pushes: ``python -m tests.bench.kill_worker [--kills N] [--seed N]``.

Each round approves an update and kills the worker at a random moment around its push; the next round's start of a
worker takes up what was left. At the end every approved comment must be on its ticket exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter

from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.desk import ApproveDraft, DraftReview, NewDraft, RefreshTicket, VerifyAudit
from opstui.core.drafts import DraftChanges, DraftState
from opstui.core.tickets import TicketRef
from opstui.services.desk import DeskService
from opstui.wiring import open_setup
from opstui.worker import worker_lock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)
    os.environ["OPSTUI_SETTLE_SECONDS"] = "0.2"
    with tempfile.TemporaryDirectory() as home:
        paths = Paths.find({"OPSTUI_HOME": home})
        setup = open_setup(Settings(), paths)
        desk = DeskService(setup)
        lock = worker_lock(paths.locks)
        approved: dict[str, tuple[TicketRef, str]] = {}
        kills, states = 0, Counter[str]()
        while kills < wanted.kills:
            number = len(approved)
            ref = TicketRef("local", setup.systems["local"].create(title=f"ticket {number}"))  # type: ignore[attr-defined]
            desk.do(RefreshTicket(ref)).unwrap()
            text = f"update {number}"
            draft = desk.do(NewDraft(ticket=ref, changes=DraftChanges(comment=text))).unwrap()
            fingerprint = desk.ask(DraftReview(draft.id)).fingerprint or ""
            warm = lock.is_held()
            desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint)).unwrap()
            approved[draft.id] = (ref, text)
            # A worker that runs takes some 80 ms from seeing the approval to the end; one that starts, 0.4 s more.
            time.sleep(chance.uniform(0.0, 0.12) if warm else chance.uniform(0.2, 0.7))
            holder = lock.holder().split()
            if lock.is_held() and holder and chance.random() < 0.7:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(holder[0]), signal.SIGKILL)
                    kills += 1
                states[desk.ask(DraftReview(draft.id)).draft.state.value] += 1
        desk.live()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            left = [draft for draft in approved if setup.record.draft(draft).state is not DraftState.PUSHED]  # type: ignore[union-attr]
            if not left:
                break
            time.sleep(0.2)
        faults = []
        for draft, (ref, text) in approved.items():
            count = [entry.text for entry in desk.do(RefreshTicket(ref)).unwrap().timeline].count(text)
            if count != 1:
                faults.append(f"{ref}: {count} times, draft {setup.record.draft(draft).state.value}")  # type: ignore[union-attr]
        audit = desk.ask(VerifyAudit())
        print(f"{kills} kills in {len(approved)} pushes, draft states at the kill: {dict(states)}")
        print(
            f"{len(faults)} faults (95 % upper bound {max(3, len(faults)) / kills:.3f}); "
            f"audit ok: {audit.ok}, {audit.rows} rows"
        )
        print("\n".join(faults))
        if lock.is_held():
            os.kill(int(lock.holder().split()[0]), signal.SIGTERM)
        desk.close()


if __name__ == "__main__":
    main()
