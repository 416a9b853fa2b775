"""The rarer updates of a ticket by what its system can do: what is offered, and why the rest is not. Pure."""

from __future__ import annotations

from opstui.core.desk import TicketView
from opstui.core.draft_limits import can_set, only_public, why_not
from opstui.core.drafts import DraftChanges
from opstui.core.frozen import dataclass
from opstui.core.statuses import RESOLVED, pick as pick
from opstui.core.tickets import StatusCategory

TAKEN = (
    "acknowledged", "investigating", "in progress", "in_progress", "work in progress", "open", "started", "active",
    "assigned",
)  # fmt: skip
"""Statuses that say that somebody works on it, the plainest first."""
SNOOZED = ("waiting", "stalled", "on hold", "on_hold", "pending", "hold", "feedback", "monitoring")
SILENCED = "silenced"
"""The status of an alert that nobody is told of for a while; it takes how long, and a reason as its comment."""
SILENCE_PATH = "/fields/silence_for"
SILENCE_FOR = "2h"


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be chosen, and what can't with the reason."""

    choices: tuple[tuple[str, str, str], ...] = ()
    """Value, text, note."""
    unable: tuple[tuple[str, str], ...] = ()
    """Text and reason."""


def needs_statuses(view: TicketView) -> bool:
    """Whether acknowledging depends on the statuses that the ticket can take."""
    return can_set("/status", view.capabilities) and (
        view.ticket.status.category is StatusCategory.NEW or not can_set("/assignee", view.capabilities)
    )


def acknowledging(view: TicketView, transitions: tuple[str, ...], operator: str) -> tuple[DraftChanges | None, str]:
    """Assigned to the operator, and out of ``new`` if it still is and can; where an alert can only be silenced, that.

    None with the reason where the system can do neither.
    """
    fields: dict[str, str | None] = {}
    if can_set("/assignee", view.capabilities):
        fields["/assignee"] = "me"
    if view.ticket.status.category is StatusCategory.NEW or not fields:
        silent = pick(transitions, (SILENCED,))
        if silent is not None:
            return silencing(view, silent, SILENCE_FOR, f"{operator} looks into it"), ""
        status = pick(transitions, TAKEN)
        if status is not None:
            fields["/status"] = status
    if not fields:
        why = why_not("/assignee", view.capabilities) or "it takes neither an owner nor a status that says so"
        return None, f"{view.ticket.ref} can't be acknowledged on {view.ticket.ref.system}: {why}"
    return DraftChanges(set=fields), ""


def silencing(view: TicketView, status: str, span: str, reason: str) -> DraftChanges:
    """Nobody is told of the alert for ``span``; the reason stands in the silence."""
    return DraftChanges(
        set={"/status": status, SILENCE_PATH: span}, comment=reason, public=only_public(view.capabilities)
    )


def offers(view: TicketView, statuses: tuple[str, ...] | None, problem: str, me: str) -> Offers:
    """The rarer updates. ``statuses`` None: not known, because they are being asked for, or of ``problem``."""
    can, ticket = view.capabilities, view.ticket
    system = ticket.ref.system
    choices: list[tuple[str, str, str]] = []
    unable: list[tuple[str, str]] = []
    if not can_set("/assignee", can):
        unable.append(("Take, reassign", why_not("/assignee", can) or f"{system} can't"))
    else:
        if me and [str(name) for name in ticket.assignees] == [me]:
            unable.append(("Take it", "it is yours"))
        else:
            choices.append(("take", "Take it: assign to me", "to Confirm"))
        choices.append(("reassign", "Reassign …", "one name" if can.single_assignee else "names"))
    if not can_set("/status", can):
        unable.append(("Status, snooze, resolve", why_not("/status", can) or f"{system} can't"))
    elif statuses is None:
        unable.append(("Status, snooze, resolve", problem or f"asking {system} …"))
    elif not statuses and not can.transitions_listed:
        choices.append(("type", "Status …", f"{system} does not list them"))
    elif not statuses:
        unable.append(("Status", f"{ticket.status.raw} can go to no other"))
    else:
        choices += _statuses(statuses)
    return Offers(tuple(choices), tuple(unable))


def _statuses(statuses: tuple[str, ...]) -> list[tuple[str, str, str]]:
    silenced, snoozed, resolved = pick(statuses, (SILENCED,)), pick(statuses, SNOOZED), pick(statuses, RESOLVED)
    found: list[tuple[str, str, str]] = []
    if silenced:
        found.append(("silence", "Silence …", "how long, and why"))
    if snoozed:
        found.append((f"status {snoozed}", f"Snooze: status {snoozed}", "to Confirm"))
    if resolved:
        found.append((f"status {resolved}", f"Resolve: status {resolved}", "to Confirm"))
    found += [
        (f"status {status}", f"Status {status}", "to Confirm")
        for status in statuses
        if status not in (silenced, snoozed, resolved)
    ]
    return found
