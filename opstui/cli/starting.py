"""``opstui demo`` and ``opstui open``."""

from __future__ import annotations

from dataclasses import replace

import click

from opstui.cli.app import start_app
from opstui.cli.invocation import Invocation
from opstui.cli.options import with_invocation
from opstui.core.tickets import TicketRef


@click.command()
@click.option("--fresh", is_flag=True, help="Set the old demo aside and begin a new one.")
@with_invocation
def demo(invocation: Invocation, fresh: bool) -> int:
    """The app on bundled sample data: no key, no network, nothing of yours is touched."""
    options = replace(invocation.options, demo=True, fresh=fresh)
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
