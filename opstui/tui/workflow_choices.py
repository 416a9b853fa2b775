"""The workflows as they can be chosen: what each makes, where and for how much it runs, and why one can't. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opstui.core.desk import Facts, Plan, TicketView
from opstui.core.draft_limits import refused_comment
from opstui.core.frozen import dataclass
from opstui.core.sessions import Session, SessionStatus
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.core.workflows import Workflow
from opstui.tui.words import called, estimate, money

ORDER = (
    "IncidentSummary", "EscalationPackage", "Triage", "Reply", "ResolutionNotes", "KBProposal", "", "ShiftHandover",
)  # fmt: skip
"""Documents in the order their workflows are offered; others stand where the gap is."""
NOT_EVALUATED = "~"
"""Stands before a workflow whose version was never run through its evaluation."""


@dataclass(frozen=True, slots=True)
class WorkflowChoices:
    """What can be chosen, what is said of each, and what can't be with the reason."""

    choices: tuple[tuple[str, str, str], ...] = ()
    """Value (``run triage``), text, note."""
    unable: tuple[tuple[str, str], ...] = ()
    """Text and reason."""
    details: Mapping[str, str] | None = None
    """Value → a sentence or two about it."""


def in_order(flows: Sequence[Workflow]) -> list[Workflow]:
    """As a ticket goes: understood, passed on or answered, closed, learnt from; then one's own, then the shift's."""
    return sorted(flows, key=lambda flow: ORDER.index(flow.document) if flow.document in ORDER else ORDER.index(""))


def usual_cost(sessions: Iterable[Session]) -> Mapping[str, int]:
    """Workflow → what its sessions cost in the middle, in micro-dollars; those without a model left out."""
    spent: dict[str, list[int]] = {}
    for session in sessions:
        if session.runtime_kind != "extractive" and session.status is SessionStatus.ENDED and session.cost.shown:
            spent.setdefault(session.workflow, []).append(session.cost.shown)
    return {workflow: sorted(costs)[len(costs) // 2] for workflow, costs in spent.items()}


def workflow_choices(facts: Facts, view: TicketView | None, usual: Mapping[str, int] | None = None) -> WorkflowChoices:
    """Every workflow for the ticket (None: for the shift alone), and the way to other runtimes and budgets.

    ``usual``: what a session of it usually costs, as far as there were some.
    """
    if facts.read_only:
        return WorkflowChoices(unable=(("Workflows", "read-only: no session is started"),))
    choices: list[tuple[str, str, str]] = []
    unable: list[tuple[str, str]] = []
    details: dict[str, str] = {}
    for flow in in_order(facts.workflows):
        why = why_unable(facts, flow, view)
        if why:
            unable.append((flow.title, why))
            continue
        value = f"run {flow.id}"
        mark = "" if flow.evaluated else f"{NOT_EVALUATED} "
        choices.append((value, f"{mark}{flow.title}", terms(facts, flow, usual=(usual or {}).get(flow.id))))
        details[value] = detail(flow, view)
    if len(facts.runtimes) > 1 and choices:
        choices.append(("otherwise", "With another runtime or budget, this once …", "asks for both"))
    return WorkflowChoices(tuple(choices), tuple(unable), details)


def why_unable(facts: Facts, flow: Workflow, view: TicketView | None) -> str:
    """Why the workflow can't run here, as a sentence; empty where it can."""
    runtime = facts.plans.get(flow.id, Plan()).runtime
    if runtime not in facts.runtimes:
        return f"the config wants it on {runtime}, and there is no such runtime"
    if flow.is_about_the_shift:
        return ""
    if view is None:
        return "it is about a ticket, and there is none here"
    if view.ticket.ref.system == BOARD_SYSTEM:
        return "it is about a ticket, and this is the board of a shift"
    if flow.public_comment and "/comment" in flow.fields:
        refusal = refused_comment(view.ticket.ref.system, "", True, view.capabilities)
        return refusal.partition("; every")[0] if refusal else ""
    return ""


def detail(flow: Workflow, view: TicketView | None) -> str:
    """What it makes, of what, and what is to be known before it is trusted."""
    parts = [flow.note.rstrip(".")] if flow.note else []
    if flow.is_about_the_shift:
        about = view is not None and view.ticket.ref.system != BOARD_SYSTEM
        parts.append("of the shift that runs" + (f", not of {called(view.ticket.ref)}" if view and about else ""))
    elif flow.changes_a_page and view is not None and view.ticket.status.category.is_open:
        parts.append("this ticket is still open")
    if flow.public_comment:
        parts.append("PUBLIC: customers read it")
    if not flow.evaluated:
        parts.append(f"{NOT_EVALUATED} this version was never evaluated")
    return " · ".join(parts)


def called_on(flow: Workflow, ref: TicketRef) -> str:
    """``Triage of INC-7``; what is about the shift names no ticket."""
    return f"{flow.title} of {'this shift' if flow.is_about_the_shift else called(ref)}"


def terms(facts: Facts, flow: Workflow, runtime: str = "", usual: int | None = None) -> str:
    """``managed · ≈ $0.04, up to $0.50``; what is made here costs nothing."""
    name = runtime or facts.plans.get(flow.id, Plan()).runtime
    if name == "offline":
        return f"{name} · free"
    expected = f"{estimate(usual)}, " if usual is not None else ""
    return f"{name} · {expected}up to {money(budget_of(facts, flow))}"


def budget_of(facts: Facts, flow: Workflow) -> int:
    """Micro-dollars that a session of it may cost."""
    own = facts.plans.get(flow.id, Plan()).budget_micros
    return own if own is not None else flow.budget_micros
