"""Starting sessions from a ticket's keys: with the defaults, otherwise for this once, or on the fallback instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opstui.core.boards import shift_ref
from opstui.core.desk import Facts, Plan, StartSession
from opstui.core.errors import (
    BudgetReached,
    CredentialsRefused,
    NotRedacted,
    OpstuiError,
    RateLimited,
    Unreachable,
)
from opstui.core.sessions import Session
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.tui.ticket_text import workflow_word
from opstui.tui.words import called
from opstui.tui.workflow_choices import budget_of, called_on, in_order, terms

if TYPE_CHECKING:
    from opstui.core.workflows import Workflow
    from opstui.tui.screens.base import DeskScreen

ELSEWHERE = (BudgetReached, Unreachable, RateLimited, CredentialsRefused, NotRedacted)
"""What another runtime has no part in, so that it is offered."""


def start(screen: DeskScreen, ref: TicketRef, workflow: str, *, runtime: str = "", budget: int | None = None) -> None:
    """Start a session with the workflow's defaults or these, or open the one there is; ask where it can't be."""
    app = screen.desk_app
    if app.facts.read_only:
        app.say("read-only: no session is started", "warn")
        return
    flow = next((flow for flow in app.facts.workflows if flow.id == workflow), None)
    if flow is not None and flow.is_about_the_shift and ref.system != BOARD_SYSTEM:
        ref = shift_ref(app.status.shift.id)

    def opened(session: Session) -> None:
        if app.screen is screen:
            app.open("session", id=session.id)

    def refused(error: OpstuiError) -> None:
        other = instead(app.facts, workflow, runtime)
        if not other or not isinstance(error, ELSEWHERE) or app.screen.query("Ask"):
            app.say(error.message, "bad")
            return
        app.ask(
            f"Start it on {other} instead?", lambda: start(screen, ref, workflow, runtime=other), because=error.message
        )

    app.do(
        StartSession(ticket=ref, workflow=workflow, runtime=runtime or None, budget_micros=budget),
        opened,
        saying=f"starting {workflow_word(workflow)} on {called(ref)}",
        failed=refused,
    )


def instead(facts: Facts, workflow: str, runtime: str = "") -> str:
    """The runtime that is offered where the wanted one can't; empty where that is the same."""
    plan = facts.plans.get(workflow, Plan())
    return plan.fallback if plan.fallback != (runtime or plan.runtime) else ""


def start_marked(screen: DeskScreen, refs: Sequence[TicketRef], workflow: str, *, runtime: str = "") -> None:
    """One session a ticket, one after the other; where some can't be, the others are, and the fallback is offered."""
    app = screen.desk_app
    left, failed = list(refs), list[tuple[TicketRef, OpstuiError]]()

    def following() -> None:
        if left:
            ref = left.pop(0)
            app.do(
                StartSession(ticket=ref, workflow=workflow, runtime=runtime or None),
                lambda _: following(),
                saying=f"{workflow_word(workflow)} on {called(ref)}, {len(refs) - len(left)} of {len(refs)}",
                failed=lambda error: refused(ref, error),
            )
        elif failed:
            told()
        else:
            app.say(f"{workflow_word(workflow)}: {len(refs)} started, or there already")

    def refused(ref: TicketRef, error: OpstuiError) -> None:
        failed.append((ref, error))
        following()

    def told() -> None:
        error, other = failed[0][1], instead(app.facts, workflow, runtime)
        started = f"{len(refs) - len(failed)} of {len(refs)} started"
        if not other or not isinstance(error, ELSEWHERE) or app.screen.query("Ask"):
            app.say(f"{started}; {error.message}", "warn")
            return
        rest = [ref for ref, _ in failed]
        app.ask(
            f"{started}. Start the other{'s' if len(rest) > 1 else ''} on {other} instead?",
            lambda: start_marked(screen, rest, workflow, runtime=other),
            because=error.message,
        )

    following()


def otherwise(screen: DeskScreen, ref: TicketRef) -> None:
    """Ask for the workflow, the runtime and the budget, one after the other."""
    from opstui.tui.screens.raising import ask_amount
    from opstui.tui.widgets.ask import Ask

    facts = screen.facts

    def workflow_chosen(workflow: str) -> None:
        flow = next(flow for flow in facts.workflows if flow.id == workflow)
        rows = [(name, name, terms(facts, flow, name).partition(" · ")[2]) for name in facts.runtimes]
        chosen = facts.plans.get(workflow, Plan()).runtime
        screen.put_question(
            Ask(
                f"{called_on(flow, ref)} on",
                lambda name: runtime_chosen(flow, name),
                choices=rows,
                chosen=chosen,
            )
        )

    def runtime_chosen(flow: Workflow, runtime: str) -> None:
        if runtime == "offline":
            start(screen, ref, flow.id, runtime=runtime)
            return
        ask_amount(
            screen,
            f"{called_on(flow, ref)} on {runtime}, for at most",
            lambda budget: start(screen, ref, flow.id, runtime=runtime, budget=budget),
            value=budget_of(facts, flow),
            note="dollars; it stops there and asks",
        )

    rows = [(flow.id, flow.title, terms(facts, flow)) for flow in in_order(facts.workflows)]
    screen.put_question(Ask(f"{called(ref)}: which workflow", workflow_chosen, choices=rows))
