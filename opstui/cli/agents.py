"""``opstui agents``: what managed runtimes keep for the workflows."""

from __future__ import annotations

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, table, waiting
from opstui.core.desk import Agents
from opstui.exports import shapes

runtime_option = click.option("--runtime", metavar="NAME", help="Only this runtime of the config.")


@click.group()
def agents() -> None:
    """The agents at managed runtimes: one for each workflow, versioned by the workflow's content.

    \b
    opstui agents status
    opstui agents sync --runtime managed
    """


@agents.command("sync")
@runtime_option
@json_option
@with_invocation
def sync(invocation: Invocation, runtime: str | None, as_json: bool) -> int:
    """Make the agents that are missing and update those that are outdated; the others are left alone.

    A session does this for its own workflow when it starts.
    """
    invocation.writes()
    return _show(invocation, Agents(sync=True, runtime=runtime), as_json)


@agents.command("status")
@runtime_option
@json_option
@with_invocation
def status(invocation: Invocation, runtime: str | None, as_json: bool) -> int:
    """How each workflow's agent stands over there; nothing is changed."""
    return _show(invocation, Agents(runtime=runtime), as_json)


def _show(invocation: Invocation, command: Agents, as_json: bool) -> int:
    desk = invocation.desk
    with waiting(lambda: "the runtime to answer"):
        outcome = desk.do(command)
    found = outcome.unwrap()
    if as_json:
        emit([shapes.agent(state) for state in found])
        return 0
    table(
        ("runtime", "workflow", "version", "state", "agent", "its version", "note"),
        [
            (
                state.runtime,
                state.workflow,
                state.version,
                state.state,
                state.remote_id or "–",
                "–" if state.remote_version is None else str(state.remote_version),
                state.text or "–",
            )
            for state in found
        ],
        wide="note",
    )
    return 0
