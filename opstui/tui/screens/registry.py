"""Screens by name, imported only when they are opened, and how a stack of them is taken up again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from textual.screen import Screen

from opstui.core import desk as words
from opstui.core.desk import Desk, TicketDetail, Waiting
from opstui.core.errors import OpstuiError
from opstui.core.tickets import TicketRef
from opstui.tui.screens.base import DeskScreen

NAMED: Mapping[str, tuple[str, str, str]] = {
    "queues": ("queues", "QueuesScreen", ""),
    "ticket": ("ticket", "TicketScreen", "ref"),
    "session": ("session", "SessionScreen", "id"),
    "sessions": ("sessions", "SessionsScreen", ""),
    "review": ("review", "ReviewScreen", "draft"),
    "confirm": ("confirm", "ConfirmScreen", "draft"),
    "shift": ("shift", "ShiftScreen", ""),
    "handover": ("handover", "HandoverScreen", "id"),
    "audit": ("audit", "AuditScreen", ""),
    "log": ("log", "LogScreen", ""),
    "doctor": ("doctor", "DoctorScreen", ""),
    "health": ("health", "HealthScreen", ""),
    "knowledge": ("knowledge", "KnowledgeScreen", ""),
    "page": ("page", "PageScreen", "doc"),
    "proposal": ("proposal", "ProposalScreen", "id"),
    "help": ("help", "HelpScreen", ""),
    "palette": ("palette", "PaletteScreen", ""),
}
"""Kind → module, class, and the name of its one argument in what is kept."""

WAITING: Mapping[str, str] = {
    "sev1": "ticket",
    "question": "session",
    "budget": "session",
    "failed": "session",
    "proposal": "proposal",
    "handover": "handover",
}
"""What waits → the screen on which it is dealt with; the rest is a draft's, on Review."""

PLACES: tuple[tuple[str, str], ...] = (
    ("queues", "Queues"),
    ("sessions", "Sessions"),
    ("shift", "Shift"),
    ("handover", "Shift handover"),
    ("knowledge", "Knowledge"),
    ("audit", "Audit"),
    ("log", "Log"),
    ("doctor", "Doctor"),
    ("health", "Health"),
    ("help", "Help"),
)
"""Screens that need no argument, by name, for the palette."""


def screen(kind: str, arguments: Mapping[str, Any]) -> Screen[Any]:
    """A new screen; ``arguments`` are what its class takes, a ticket's ref as text."""
    module, name, argument = NAMED[kind]
    made = getattr(import_module(f"opstui.tui.screens.{module}"), name)
    values = dict(arguments)
    first = [values.pop(argument)] if argument and argument in values else []
    if kind == "ticket" and first and isinstance(first[0], str):
        first = [TicketRef.parse(first[0])]
    opened = made(*first, **values)
    assert isinstance(opened, Screen)
    return opened


def _stack(kept: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    stack = kept.get("stack")
    return [entry for entry in stack if isinstance(entry, Mapping)] if isinstance(stack, list | tuple) else []


def home(kept: Mapping[str, Any]) -> DeskScreen:
    """Queues, standing where it stood."""
    made = screen("queues", {})
    assert isinstance(made, DeskScreen)
    for entry in _stack(kept)[:1]:
        if entry.get("kind") == "queues":
            made.take_up(entry)
    return made


def restored(kept: Mapping[str, Any], desk: Desk) -> list[DeskScreen]:
    """The screens above home, as far as what they show is still there. Never Confirm, nor anything opened over it."""
    found: list[DeskScreen] = []
    for entry in _stack(kept)[1:]:
        kind = entry.get("kind")
        if not isinstance(kind, str) or kind in ("queues", "confirm", "palette", "help") or kind not in NAMED:
            break
        argument = NAMED[kind][2]
        value = entry.get(argument)
        try:
            # By the module: each word is loaded where a screen of its kind is taken up, and not at every start.
            if kind == "ticket":
                desk.ask(TicketDetail(TicketRef.parse(str(value))))
            elif kind == "session":
                desk.ask(words.SessionDetail(str(value)))
            elif kind == "review":
                desk.ask(words.DraftReview(str(value)))
            elif kind == "proposal":
                desk.ask(words.ProposalDetail(str(value)))
        except OpstuiError:
            break
        made = screen(kind, {argument: str(value)} if argument else {})
        if not isinstance(made, DeskScreen):
            break
        made.take_up(entry)
        found.append(made)
    return found


def screen_for(kind: str, item: Waiting) -> Screen[Any]:
    """The screen on which something that waits is dealt with."""
    argument = NAMED[kind][2]
    return screen(kind, {argument: str(item.ticket) if kind == "ticket" else item.subject})


def subject(shown: Screen[Any]) -> str:
    """What the screen is about: a ref or an id, as ``Waiting.subject`` names it."""
    if not isinstance(shown, DeskScreen):
        return ""
    kept = shown.kept()
    argument = NAMED[shown.KIND][2] if shown.KIND in NAMED else ""
    return str(kept.get(argument, "")) if argument else ""
