"""The screens as text, line by line: a change of any is seen in a diff.

``OPSTUI_WRITE_PICTURES=1`` writes them anew.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from opstui.core.sessions import SessionStatus
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from tests.tui.drive import lines, shown, text, until
from tests.tui.scripted_desk import ScriptedDesk

GOLDENS = Path(__file__).parent / "goldens"
NET = TicketRef("local", "NET-87")

SAID = """## What is known

DNS lookups from the build agents have failed intermittently since 03:08 [1].
A restart of `node-local-dns` on agents-3 **did not help** [2].

- The runbook's next step, upstream resolver health, has not been tried [3].

```
dig @10.0.3.3 build.internal
```
"""


def busy() -> ScriptedDesk:
    """A desk on which everything is happening."""
    desk = ScriptedDesk()
    session = desk.add_session("NET-87", draft="D1")
    desk.add_draft(NET, session=session.id, workflow="incident-summary")
    ended = desk.clock - timedelta(minutes=22)
    desk.add_session("DB-311", workflow="escalation-package", status=SessionStatus.ENDED, created_at=ended)
    failed = desk.clock - timedelta(hours=14)
    desk.add_session("K8S-540", status=SessionStatus.FAILED, stop_reason="retries_exhausted", created_at=failed)
    desk.add_event(session.id, "tool.call", id="c1", name="get_ticket", input={"ref": "NET-87"})
    desk.add_event(session.id, "tool.result", id="c1", is_error=False)
    desk.add_event(session.id, "text", text=SAID)
    desk.add_event(session.id, "notice", text="waiting for the service: 4 s")
    return desk


async def queues(app: OpstuiApp, pilot: Pilot[int]) -> None:
    await pilot.press("j", "j", "space", "k")
    await until(pilot, lambda: app.size.width < 100 or "did not help" in text(app) or "related" in text(app))


async def ticket(app: OpstuiApp, pilot: Pilot[int]) -> None:
    app.open("ticket", ref=str(NET))
    await until(pilot, lambda: "did not help" in text(app))


async def session(app: OpstuiApp, pilot: Pilot[int]) -> None:
    app.open("session", id="S1")
    await until(pilot, lambda: "dig @10.0.3.3" in text(app))


async def sessions(app: OpstuiApp, pilot: Pilot[int]) -> None:
    app.open("sessions")
    await until(pilot, lambda: "K8S-540" in text(app))


async def knowledge(app: OpstuiApp, pilot: Pilot[int]) -> None:
    app.open("knowledge", query="dns")
    await until(pilot, lambda: "2 pages, 1 strong" in text(app))
    await until(pilot, lambda: app.size.width < 100 or "Step 16" in text(app))


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 40), (160, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("look", [queues, ticket, session, sessions, knowledge], ids=lambda look: look.__name__)
async def test_the_screen_reads_as_it_did(
    look: Callable[[OpstuiApp, Pilot[int]], Awaitable[None]], size: tuple[int, int]
) -> None:
    async with shown(busy(), size) as (app, pilot):
        await look(app, pilot)
        await pilot.pause(0.15)
        found = "\n".join(lines(app)) + "\n"
    file = GOLDENS / f"{look.__name__}-{size[0]}x{size[1]}.txt"
    if os.environ.get("OPSTUI_WRITE_PICTURES"):
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8")
