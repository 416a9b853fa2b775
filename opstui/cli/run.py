"""``opstui run``: one session, streamed to standard output."""

from __future__ import annotations

import re

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import note
from opstui.cli.streaming import run_here
from opstui.core.boards import shift_ref
from opstui.core.desk import DeskFacts, IndexKnowledge, RefreshTickets, StartSession, StatusLine
from opstui.core.errors import OpstuiError, UsageError
from opstui.core.money import micros
from opstui.core.text import clean_line

_CENTS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2}0*)?")


@click.command()
@click.argument("workflow")
@click.argument("ref", required=False)
@click.option(
    "--page", metavar="DOC", help="The page to change, SOURCE/PATH; else the one that fits best, or a new one."
)
@click.option("--runtime", metavar="NAME", help="Instead of the workflow's own; offline needs no config.")
@click.option("--budget", metavar="USD", help="Dollars that it may cost, whole cents.")
@click.option("--events", is_flag=True, help="Print a JSON object a line for everything that happens.")
@json_option
@with_invocation
def run(
    invocation: Invocation,
    workflow: str,
    ref: str | None,
    runtime: str | None,
    budget: str | None,
    events: bool,
    page: str | None,
    as_json: bool,
) -> int:
    """Run one session of WORKFLOW on the ticket REF.

    \b
    opstui run incident-summary local:INC-1042
    opstui run escalation-package local:INC-1042 --runtime offline --events
    opstui run knowledge-update local:INC-1042       what it taught, as a change of a runbook page
    opstui run shift-handover                        the shift that runs now
    opstui run shift-handover local:INC-1050         the same, proposed as a comment on that ticket

    What a shift handover comes to is walked through and read back with opstui handover.
    """
    if events and as_json:
        raise UsageError("--events and --json exclude each other")
    wanted = invocation.ref(ref, boards=True) if ref is not None else None
    amount = whole_cents(budget) if budget is not None else None
    settings = invocation.settings
    if runtime is not None and runtime not in settings.runtimes:
        names = ", ".join(settings.runtimes)
        raise UsageError(f"{clean_line(runtime, limit=60)}: no such runtime; there are: {names}")
    if amount == 0:
        _need_a_cent(invocation, workflow, runtime)
    invocation.writes()
    known = {item.id: item for item in invocation.desk.ask(DeskFacts()).workflows}
    if workflow not in known:
        raise UsageError(f"{clean_line(workflow, limit=60)}: no such workflow; there are: {', '.join(known)}")
    if known[workflow].is_about_the_shift:
        _look(invocation)
        wanted = wanted or shift_ref(invocation.desk.ask(StatusLine()).shift.id)
    elif wanted is None:
        raise UsageError(f"{workflow} is about a ticket: opstui run {workflow} SYSTEM:KEY")
    index(invocation)
    start = StartSession(
        ticket=wanted,
        workflow=workflow,
        runtime=runtime,
        budget_micros=amount,
        again=True,
        here=True,
        page=page or "",
    )
    session = invocation.do(start).unwrap()
    return run_here(invocation, session, events=events, as_json=as_json)


def _look(invocation: Invocation) -> None:
    """Bring the tickets up to date: the board of a shift is made of what is cached."""
    error: OpstuiError | None = invocation.desk.do(RefreshTickets(older_than_poll=True)).error
    if error is not None:
        note(f"opstui: {error}; the board is made of what is known")


def _need_a_cent(invocation: Invocation, workflow: str, runtime: str | None) -> None:
    """Raises UsageError where a session without any budget could not even begin."""
    settings = invocation.settings
    policy = settings.workflows.get(workflow)
    name = runtime or (policy.runtime if policy else "offline")
    if settings.runtimes[name].kind != "extractive":
        raise UsageError(f"--budget 0: a session on {name} costs something; give it at least 0.01")


def index(invocation: Invocation) -> None:
    """Bring the runbook index up to date; a session without it is poorer and still a session."""
    error: OpstuiError | None = invocation.desk.do(IndexKnowledge(due=True)).error
    if error is not None:
        note(f"opstui: runbooks: {error}")


def whole_cents(text: str, option: str = "--budget") -> int:
    """Micro-dollars of an amount in whole cents, given to ``option``. Raises UsageError."""
    match = _CENTS.fullmatch(text)
    if match is None:
        raise UsageError(f"{option} {clean_line(text, limit=40)!r}: write dollars in whole cents, like 0.50")
    return micros(match.group())
