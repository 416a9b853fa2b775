"""``opstui doctor``: what is configured, and what can be reached."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, say, waiting
from opstui.core.desk import Doctor
from opstui.exports import shapes


@click.command()
@click.option("--offline", is_flag=True, help="Ask nothing over the network.")
@json_option
@with_invocation
def doctor(invocation: Invocation, offline: bool, as_json: bool) -> int:
    """What is configured and reachable, with the fix where something is not; exit 1 on a fail."""
    desk = invocation.desk
    with waiting(lambda: "systems and runtimes to answer"):
        probes = desk.ask(Doctor(offline=offline))
    if as_json:
        emit([shapes.probe(probe) for probe in probes])
    else:
        widest = max((len(probe.check) for probe in probes), default=0)
        for probe in probes:
            say(f"{probe.state.upper():<4}  {probe.check:<{widest}}  {probe.text}")
            if probe.fix and probe.state != "pass":
                say(f"{'':<4}  {'':<{widest}}  → {probe.fix}")
    return 1 if any(probe.state == "fail" for probe in probes) else 0
