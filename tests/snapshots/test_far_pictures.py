"""Pictures and texts of what systems elsewhere bring: waits, failures, less than everything, steps of a push.

``OPSTUI_WRITE_PICTURES=1`` writes them anew: look at them before you keep them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from opstui.core import desk as d
from opstui.core.drafts import DraftChanges, DraftState, PushRecord, PushStep, StepState
from opstui.core.ports import Capabilities
from opstui.core.queues import Health, Queue, QueueState, View
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.confirm import ConfirmScreen
from tests.snapshots.test_pictures import picture_of, settle
from tests.snapshots.test_session_pictures import kept
from tests.tui.draft_desk import DraftDesk
from tests.tui.drive import lines, shown, until
from tests.tui.scripted_desk import BODY, NET_87_ENTRIES, NOW, build_ticket

SIZES = [(80, 24), (160, 45)]
RT = Capabilities(
    single_assignee=True, attachment_limit=10_000_000,
    fields=("/status", "/severity", "/assignee", "/tags", "/fields/*"), steps=(("/comment", "/status", "/attachments"),
    ("*",)), cant={"/team": "the queue of a ticket is its team"},
)  # fmt: skip
ISSUES = Capabilities(
    internal_comments=False, attachments=False, fields=("/status", "/assignee", "/tags"),
    comment_note="whoever reads the repository",
    cant={"attachments": "its API takes no files", "/severity": "labels say it", "/team": "an issue has assignees only",
          "/fields/*": "an issue has none", "internal": "an issue has one kind of comment"},
)  # fmt: skip
DNS = TicketRef("rt", "87")
ISSUE = TicketRef("gh", "acme/checkout-service#4127")


class FarDesk(DraftDesk):
    """Tickets of two systems elsewhere; ``healths`` replaces what is said of a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.healths: dict[str, dict[str, Any]] = {}
        self.tickets = {}
        rows = (
            ("rt", "87", "2", "open", "bob", 9, 51, "DNS timeouts from build agents"),
            ("rt", "91", "2", "new", "", 22, 38, "orders-db-2 disk 91 % and growing"),
            ("gh", "acme/checkout-service#4127", "3", "open", "alice", 190, None, "Rollout of search-api stuck"),
            ("gh", "acme/ops#12", None, "waiting for the vendor's answer", "miguel", 260, None, "Login from elsewhere"),
            ("rt", "96", None, "stalled", "", 400, None, "VPN does not connect after the update"),
        )  # fmt: skip
        for system, key, severity, status, owner, minutes, due, title in rows:
            made = build_ticket(
                key, title, severity=severity, status=status, owner=owner, minutes=minutes, due=due, body=BODY,
                entries=NET_87_ENTRIES, system=system,
            )  # fmt: skip
            self.tickets[made.ref] = replace(made, priority=SafeText("Normal") if severity is None else None)
        self.unseen = {TicketRef("rt", "91"), ISSUE}
        self.facts = replace(
            self.facts,
            systems=("local", "rt", "gh"),
            capabilities={"local": Capabilities(native_filters=True), "rt": RT, "gh": ISSUES},
            queues=(Queue("Incidents", "rt"), Queue("Issues", "gh")),
            views=(View("All"), View("Incidents", queue="Incidents"), View("Issues", queue="Issues")),
        )

    def ask(self, question: d.Question[Any]) -> Any:
        match question:
            case d.Queues():
                return tuple(self._queue(queue) for queue in self.facts.queues)
            case d.StatusLine():
                order = [health.value for health in Health]
                states = [self._queue(queue).state.value for queue in self.facts.queues]
                worst = max(states, key=order.index)
                return replace(super().ask(question), health=worst, accounts={"rt": "alice", "gh": "alice"})
        return super().ask(question)

    def _queue(self, queue: Queue) -> QueueState:
        count = sum(ref.system == queue.system for ref in self.tickets)
        values: dict[str, Any] = {
            "name": queue.name, "system": queue.system, "state": Health.LIVE, "open": count, "fetched_at": NOW,
            "unseen": sum(ref.system == queue.system for ref in self.unseen),
        } | self.healths.get(queue.name, {})  # fmt: skip
        return QueueState(**values)

    def _detail(self, ref: TicketRef) -> d.TicketView:
        found = super()._detail(ref)
        return replace(found, capabilities=self.facts.capabilities[ref.system])

    def _row(self, ref: TicketRef) -> Any:
        return replace(super()._row(ref), changed=ref == ISSUE)

    def _confirm(self, draft: Any) -> d.Confirmation:
        made = super()._confirm(draft)
        audience = "public · whoever reads the repository" if made.public else "internal · only operators see it"
        steps = 2 if draft.ticket.system == "rt" else 1
        origin = f"https://{draft.ticket.system}.example.com"
        return replace(
            made, system=draft.ticket.system, origin=origin, account="alice", audience=audience, steps=steps
        )  # fmt: skip


Look = Callable[[OpstuiApp, Pilot[int], FarDesk], Awaitable[None]]
GONE = {
    "state": Health.OFFLINE,
    "fetched_at": NOW - timedelta(minutes=4),
    "error": SafeText("rt: not reachable (connection refused). What was cached stays; it is asked again by itself"),
}
PAUSED = {
    "state": Health.STALE,
    "fetched_at": NOW - timedelta(minutes=2),
    "again_at": NOW + timedelta(minutes=6),
    "error": SafeText("gh: asked to wait until 03:20: 5,000 requests an hour are used up"),
}


async def offline(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """A queue whose system is gone: its rows stay."""
    desk.healths = {"Incidents": GONE, "Issues": PAUSED}
    desk.ring("queue", "Incidents")
    await pilot.press("2")


async def asking(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """The first answer of a slow system is waited for."""
    desk.tickets.clear()
    since = NOW - timedelta(seconds=3)
    desk.healths = {"Incidents": {"state": Health.STALE, "fetched_at": None, "asking_since": since, "open": 0}}
    desk.ring("queue", "Incidents")
    desk.ring("reset", "")
    await pilot.press("2")


async def health(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """Why each can't be believed."""
    desk.healths = {"Incidents": GONE, "Issues": PAUSED}
    await pilot.press("H")


async def being_read(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """A ticket of which only the list's row is known."""
    ticket = desk.tickets[DNS]
    desk.tickets[DNS] = replace(ticket, body=SafeText(""), timeline=(), complete=False)
    app.open("ticket", ref=str(DNS))


async def changed(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """What others did since it was looked at."""
    found = desk._detail
    desk._detail = lambda ref: replace(  # type: ignore[method-assign]
        found(ref),
        changed_since_seen=(f"{ref.key}#3",),
        changed_fields={"/status": ("new", "open"), "/assignee": ([], ["bob"])},
    )
    app.open("ticket", ref=str(DNS))


async def more(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """What can be done to a ticket, and what not."""
    desk.facts = app.facts = replace(
        desk.facts, capabilities={**desk.facts.capabilities, "rt": replace(RT, fields=("/status", "/severity"))}
    )
    app.open("ticket", ref=str(DNS))
    await settle(app, pilot)
    await pilot.press("w")


async def public_only(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """Every comment is public, and that is said before one is written."""
    draft = desk.new(DraftChanges(set={"/status": "waiting"}), ref=ISSUE)
    app.open("review", draft=draft.id)
    await settle(app, pilot)
    await pilot.press("G", "k")
    await pilot.press("g", "j", "enter")


async def confirm(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """To which address, as whom, who reads it, in how many steps."""
    draft = desk.new(
        DraftChanges(
            comment="Looking into it: 10.0.3.3 answers in 900 ms.",
            set={"/status": "waiting", "/assignee": "alice", "/fields/Service": "dns"},
            attach=(("trace.log", b"x" * 4096),),
        ),
        ref=DNS,
    )
    app.open("confirm", draft=draft.id)
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))


def _with_push(desk: FarDesk, state: DraftState, **fields: Any) -> str:
    draft = desk.new(
        DraftChanges(comment="Looking into it.", set={"/status": "waiting"}, attach=(("trace.log", b"x" * 4096),)),
        ref=DNS, state=state, approved_at=NOW - timedelta(seconds=12), approved_by="alex",
    )  # fmt: skip
    values: dict[str, Any] = {
        "id": draft.op_id, "draft": draft.id, "system": "rt", "ticket": DNS, "payload": b"", "fingerprint": "",
        "step": StepState.UNKNOWN, "at": 1, "attempts": 2, "approved_at": NOW, "sent_at": NOW - timedelta(seconds=8),
        "steps": tuple(PushStep(ops=ops, op_id=f"op{at}") for at, ops in enumerate(((1,), (0,), (2,)))),
        "expires_at": NOW + timedelta(minutes=15),
    } | fields  # fmt: skip
    desk.pushes[draft.id] = PushRecord(**values)
    return draft.id


async def steps(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """On its way, the second of three steps unknown."""
    cut = "rt: the connection was cut while it was sent"
    app.open("review", draft=_with_push(desk, DraftState.PUSHING, error=cut))


async def needs_human(app: OpstuiApp, pilot: Pilot[int], desk: FarDesk) -> None:
    """A person is asked, and told what arrived."""
    why = "the status is open instead of waiting; on the ticket: comment; not sent: trace.log"
    app.open("review", draft=_with_push(desk, DraftState.NEEDS_HUMAN, error=why, done=True))


STATES: dict[str, Look] = {
    look.__name__.replace("_", "-"): look
    for look in (offline, asking, health, being_read, changed, more, public_only, confirm, steps, needs_human)
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", STATES)
async def test_what_is_elsewhere_looks_as_agreed(
    name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConfirmScreen, "choice", staticmethod(lambda letters: letters[0]))
    desk = FarDesk()
    async with shown(desk, size) as (app, pilot):
        await STATES[name](app, pilot, desk)
        await settle(app, pilot)
        if isinstance(app.screen, ConfirmScreen):
            await until(pilot, lambda: getattr(app.screen, "_drawn_armed", False), "armed")
        app.unsay()
        await settle(app, pilot)
        kept(f"far-{name}-{size[0]}x{size[1]}", "\n".join(lines(app)) + "\n", picture_of(app))
