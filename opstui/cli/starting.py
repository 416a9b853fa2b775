"""``opstui demo`` and ``opstui open``."""

from __future__ import annotations

from dataclasses import replace

import click

from opstui.cli.app import start_app
from opstui.cli.globals import DEMO_RUNTIMES
from opstui.cli.invocation import Invocation
from opstui.cli.options import with_invocation
from opstui.core.tickets import TicketRef


@click.command()
@click.option("--fresh", is_flag=True, help="Set the old demo aside and begin a new one.")
@click.option(
    "--runtime",
    type=click.Choice(DEMO_RUNTIMES),
    help="What runs its sessions: offline (the default), or a rehearsal of managed agents or of a Messages endpoint.",
)
@with_invocation
def demo(invocation: Invocation, fresh: bool, runtime: str | None) -> int:
    """The app on bundled sample data: no key, no network, nothing of yours is touched.

    With --runtime managed or messages its sessions take the whole way that real ones take, to a stand-in service on
    this machine: a rehearsal, whose agent's words are made by the rules that offline uses, and by no model.
    """
    options = replace(invocation.options, demo=True, fresh=fresh, runtime=runtime)
    inner = Invocation(options, invocation.environ)
    try:
        return start_app(inner)
    finally:
        inner.close()


@click.command("open")
@click.argument("ref", metavar="REF|URL")
@with_invocation
def open_ticket(invocation: Invocation, ref: str) -> int:
    """The app, on that ticket: opstui open local:INC-1042"""
    return start_app(invocation, open_ref=find_ref(invocation, ref))


def find_ref(invocation: Invocation, text: str) -> TicketRef:
    """The ticket that a ref or a link names. Raises UsageError."""
    if "://" in text:
        from opstui.cli.links import ref_of_link

        return ref_of_link(text, invocation.settings.tickets)
    return invocation.ref(text)
