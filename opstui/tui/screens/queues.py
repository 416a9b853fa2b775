"""Queues: the home screen."""

from __future__ import annotations

from opstui.tui.screens.base import DeskScreen, screen_bindings


class QueuesScreen(DeskScreen):
    """Queues, the ticket table and a preview."""

    LABEL = "Queues"
    KIND = "queues"
    HINTS = ("ticket.summary", "ticket.escalation", "ticket.acknowledge", "ticket.update", "ticket.more", "list.filter", "app.waiting")
    BINDINGS = screen_bindings("queues")
