"""``opstui queue``: queues and the tickets in them."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, limit_option, with_invocation
from opstui.cli.output import age, emit, table
from opstui.cli.tickets import list_view, now, refresh
from opstui.core.desk import Queues
from opstui.core.errors import NotFound
from opstui.core.queues import View
from opstui.core.text import clean_line
from opstui.exports import shapes


@click.group()
def queue() -> None:
    """Queues, as far as they are known; asked again when older than poll_seconds.

    \b
    opstui queue list
    opstui queue show Incidents --json
    """


@queue.command("list")
@json_option
@with_invocation
def list_queues(invocation: Invocation, as_json: bool) -> int:
    """Every queue with its health and open tickets (new, open and waiting)."""
    failed = refresh(invocation)
    states = invocation.desk.ask(Queues())
    if as_json:
        emit([shapes.queue(state) for state in states])
    else:
        moment = now()
        table(
            ("queue", "system", "open", "new", "state", "asked", "error"),
            [
                (s.name, s.system, str(s.open), str(s.unseen or "–"), s.state.value, age(s.fetched_at, moment),
                 s.error or "")
                for s in states
            ],
            right="open new asked",
            wide="error",
        )  # fmt: skip
    return failed


@queue.command("show")
@click.argument("name")
@limit_option
@json_option
@with_invocation
def show_queue(invocation: Invocation, name: str, limit: int | None, as_json: bool) -> int:
    """The tickets of a queue, the most urgent first."""
    states = {state.name: state for state in invocation.desk.ask(Queues())}
    if name not in states:
        raise NotFound(f"{clean_line(name, limit=60)}: no such queue; there are: {', '.join(states)}")
    failed = refresh(invocation, states[name].system)
    list_view(invocation, View(name=name, queue=name), limit=limit, as_json=as_json)
    return failed
