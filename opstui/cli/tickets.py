"""``opstui ticket``: tickets as they are known here."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, limit_option, with_invocation
from opstui.cli.output import age, clock, emit, note, say, table, waiting
from opstui.core.desk import (
    ImportTickets,
    JudgeSimilar,
    RefreshTicket,
    RefreshTickets,
    SimilarTickets,
    TicketDetail,
    TicketsWindow,
    TicketView,
)
from opstui.core.errors import CredentialsRefused, NotFound, OpstuiError, RateLimited, Unreachable
from opstui.core.queues import SortBy, TableRow, View
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.exports import shapes

PAGE = 500
SHOWN_ERRORS = 20
"""Bad lines that an import names on stderr; one mistake of a converter is in every line."""
SHAPES = {"1": "▲", "2": "◆", "3": "●", "4": "○"}


def now() -> datetime:
    """The time that ages are counted to."""
    return datetime.now(UTC)


def refresh(invocation: Invocation, system: str | None = None) -> int:
    """Ask what is older than ``poll_seconds``; 0, or the exit code of what went wrong, which is said on stderr."""
    return told(asked(invocation, system))


def asked(invocation: Invocation, system: str | None) -> OpstuiError | None:
    """Ask what is older than ``poll_seconds``; what went wrong."""
    desk = invocation.desk
    with waiting(lambda: f"{system or 'the ticket systems'} to answer"):
        return desk.do(RefreshTickets(system=system, older_than_poll=True)).error


def told(error: OpstuiError | None) -> int:
    """Say it on stderr; its exit code."""
    if error is None:
        return 0
    note(f"opstui: {error}")
    return error.exit_code


@click.group()
def ticket() -> None:
    """Tickets, as far as they are known; asked again when older than poll_seconds.

    \b
    opstui ticket list 'severity<=2 -status:closed'
    opstui ticket show local:INC-1042 --json
    opstui ticket similar local:INC-1042
    """


_TERM = re.compile(r"-(?!h$)[^-]")


class FilterCommand(click.Command):
    """A command whose argument may begin with a minus: ``-status:closed`` is a filter and no row of short options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" not in args:
            terms = [at for at, word in enumerate(args) if _TERM.match(word) and args[at - 1 : at] != ["--limit"]]
            if terms:
                given = [word for at, word in enumerate(args) if at not in terms]
                args = [*given, "--", *(args[at] for at in terms)]
        return super().parse_args(ctx, args)


@ticket.command("list", cls=FilterCommand)
@click.argument("terms", metavar="[FILTER]", nargs=-1)
@limit_option
@json_option
@with_invocation
def list_tickets(invocation: Invocation, terms: tuple[str, ...], limit: int | None, as_json: bool) -> int:
    """Tickets of all systems that match a filter, the most urgent first.

    \b
    severity<=2 assignee:me age>30m svc:pay -status:closed "card declined"
    """
    failed = refresh(invocation)
    list_view(invocation, View(name="all", filter=" ".join(terms)), limit=limit, as_json=as_json)
    return failed


def list_view(invocation: Invocation, view: View, *, limit: int | None, as_json: bool) -> None:
    """Print the tickets of a view."""
    rows: list[TableRow] = []
    while limit is None or len(rows) < limit:
        count = PAGE if limit is None else min(PAGE, limit - len(rows))
        window = invocation.desk.ask(TicketsWindow(view=view, sort=SortBy.URGENCY, first=len(rows), count=count))
        rows += window.rows
        if not window.rows or len(rows) >= window.total:
            break
    if as_json:
        found = (detail(invocation, row.ticket.ref) for row in rows)
        emit([shapes.ticket(view) for view in found if view is not None])
        return
    moment = now()
    table(
        ("sev", "ref", "title", "status", "owner", "age", "due"),
        [
            (
                SHAPES.get(row.ticket.severity or "", "–") + (row.ticket.severity or ""),
                str(row.ticket.ref),
                row.ticket.title,
                row.ticket.status.raw,
                ", ".join(row.ticket.assignees) or "–",
                age(row.ticket.created_at, moment),
                age(row.ticket.due_at, moment) if row.ticket.status.category.is_open else "–",
            )
            for row in rows
        ],
        right="age due",
        wide="title",
    )


def detail(invocation: Invocation, ref: TicketRef) -> TicketView | None:
    """The ticket as cached; None where it is not."""
    try:
        return invocation.desk.ask(TicketDetail(ref))
    except NotFound:
        return None


@ticket.command("show")
@click.argument("ref")
@json_option
@with_invocation
def show_ticket(invocation: Invocation, ref: str, as_json: bool) -> int:
    """A ticket with its timeline.

    shift:2026-11-20T20:00:00Z is the board of the shift that began then: what code observed of its open work.
    """
    wanted = invocation.ref(ref, boards=True)
    if wanted.system == BOARD_SYSTEM:
        board = invocation.desk.ask(TicketDetail(wanted))
        if as_json:
            emit(shapes.ticket(board))
        else:
            _print(board)
        return 0
    error = asked(invocation, wanted.system)
    view = detail(invocation, wanted)
    poll = timedelta(seconds=invocation.settings.tickets[wanted.system].poll_seconds)
    # A list may hold less than the ticket. Who was just not reached, or did not take the token, is not asked again.
    old = view is None or not view.ticket.complete or now() - view.fetched_at > poll
    if view is None or (old and not isinstance(error, (Unreachable, CredentialsRefused))):
        with waiting(lambda: f"{wanted.system} to answer"):
            read = invocation.desk.do(RefreshTicket(wanted))
        if read.error is not None and view is None:
            raise read.error
        error = error or read.error
        # Some systems also know a ticket by another name than the one they show (PagerDuty's incident numbers).
        wanted = read.value.ref if read.value is not None else wanted
        view = invocation.desk.ask(TicketDetail(wanted))
        if read.error is not None and view.error is None:
            # The system answers, but this ticket can't be read or is gone: what is cached is all that is left of it.
            stale, offline = isinstance(read.error, RateLimited), isinstance(read.error, Unreachable)
            state = "stale" if stale else "offline" if offline else "error"
            view = replace(view, state=state, error=clean_line(read.error.message))
    failed = told(error)
    if not view.ticket.complete:
        note(f"opstui: {wanted}: only what its queue's list tells is known, so no timeline")
    if as_json:
        emit(shapes.ticket(view))
    else:
        _print(view)
    return failed


def _print(view: TicketView) -> None:
    found = view.ticket
    made = age(found.created_at, now())
    say(f"{found.ref}  {found.title}")
    say(
        f"sev {found.severity or '–'}{f' ({found.priority})' if found.priority else ''} · {found.status.raw} · "
        f"{', '.join(found.assignees) or 'nobody'} · {found.team or 'no team'} · "
        f"made {made if made == 'now' else f'{made} ago'} · version {found.version} · {view.state}"
    )
    for label, words in (("services", found.services), ("tags", found.tags)):
        if words:
            say(f"{label}  {', '.join(words)}")
    for name, value in found.fields.items():
        say(f"{name}  {value}")
    if found.due_at:
        say(f"due  {clock(found.due_at)}")
    for file in found.attachments:
        say(f"file  {file.name}, {file.size} bytes")
    if found.url:
        say(found.url)
    if found.body:
        say()
        say(found.body)
    for entry in found.timeline:
        say()
        say(f"{entry.id}  {clock(entry.at)}  {entry.author}  {entry.kind.value}, {entry.visibility.value}")
        for line in entry.text.split("\n"):
            say(f"  {line}")
    for draft in view.drafts:
        if draft.state.is_open:
            say()
            say(f"draft {draft.id}  {draft.state.value}")


@ticket.command("similar")
@click.argument("ref")
@limit_option
@click.option("--yes", "same", metavar="OTHER", multiple=True, help="Say that OTHER is about the same.")
@click.option("--no", "apart", metavar="OTHER", multiple=True, help="Say that it is not; it is not proposed again.")
@click.option("--undo", "open_again", metavar="OTHER", multiple=True, help="Take back what was said of OTHER.")
@json_option
@with_invocation
def similar_tickets(
    invocation: Invocation,
    ref: str,
    limit: int | None,
    same: tuple[str, ...],
    apart: tuple[str, ...],
    open_again: tuple[str, ...],
    as_json: bool,
) -> int:
    """Tickets that may be about the same: at most three that share an identifier or nearly say the same.

    With --limit also weaker ones. What you say of one is kept with your name; no ticket is linked or closed by it.
    """
    wanted = invocation.ref(ref)
    said = [
        (invocation.ref(other), verdict)
        for others, verdict in ((same, True), (apart, False), (open_again, None))
        for other in others
    ]
    if said:
        invocation.writes()
    failed = told(asked(invocation, wanted.system))
    if detail(invocation, wanted) is None:
        with waiting(lambda: f"{wanted.system} to answer"):
            wanted = invocation.do(RefreshTicket(wanted)).unwrap().ref
    for other, verdict in said:
        note(f"opstui: {invocation.do(JudgeSimilar(wanted, other, verdict)).notice}")
    found = invocation.desk.ask(SimilarTickets(wanted, limit=limit or 3, weak=limit is not None))
    if as_json:
        emit([shapes.similar(one) for one in found])
        return failed
    table(
        ("ref", "title", "status", "alike", "why", "said"),
        [
            (
                str(one.ref),
                one.title,
                one.status.raw,
                f"{one.score:.2f}",
                one.reason,
                f"{one.verdict} by {one.by}" if one.verdict else "–",
            )
            for one in found
        ],
        right="alike",
        wide="title",
    )
    if not found:
        note(f"opstui: nothing known here is like {wanted}")
    return failed


@ticket.command("import")
@click.argument(
    "file", metavar="FILE.jsonl", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@click.option("--update", is_flag=True, help="Change tickets whose key exists already.")
@json_option
@with_invocation
def import_tickets(invocation: Invocation, file: Path, update: bool, as_json: bool) -> int:
    """Fill the embedded ticket system from JSON Lines. Bad lines are named, good ones are kept."""
    invocation.writes()
    report = invocation.do(ImportTickets(file=str(file.absolute()), update=update)).unwrap()
    if as_json:
        emit(shapes.import_report(report))
    else:
        say(f"{report.imported} imported, {report.skipped} skipped, {len(report.errors)} bad")
        for line, problem in report.errors[:SHOWN_ERRORS]:
            note(f"{file.name}:{line}: {problem}")
        if len(report.errors) > SHOWN_ERRORS:
            note(f"… and {len(report.errors) - SHOWN_ERRORS} more bad lines; --json lists all of them")
    return 1 if report.errors else 0


@ticket.command("observe")
@click.argument("ref")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True)
)
@click.option("--limit", type=click.IntRange(min=1), default=20, help="Most observations; 20 unless told.")
@click.option("--dry-run", is_flag=True, help="Say what would be observed, and change nothing.")
@json_option
@with_invocation
def observe_ticket(
    invocation: Invocation, ref: str, files: tuple[str, ...], limit: int, dry_run: bool, as_json: bool
) -> int:
    """Put what exported telemetry shows onto a ticket, to be cited.

    Reads range queries of Prometheus, metrics of CloudWatch, exports of Grafana and Datadog, CSV with a column of
    times, and lists of events or log lines. Every number in a sentence is copied from the file. On the embedded system
    each observation is an entry at once; elsewhere they are one internal comment, to be confirmed.

    \b
    opstui ticket observe local:INC-1042 lag.json cpu.csv --dry-run
    """
    from opstui.core.desk import ObserveTelemetry

    if not dry_run:
        invocation.writes()
    command = ObserveTelemetry(ref=invocation.ref(ref), files=files, limit=limit, dry_run=dry_run)
    seen = invocation.do(command).unwrap()
    if as_json:
        emit(shapes.observed(seen))
    else:
        for at, one in enumerate(seen.observations):
            say(f"{seen.entries[at]}  {one.text}" if seen.entries else one.text)
        if seen.draft:
            note(f"opstui: draft {seen.draft} holds them as an internal comment; opstui draft show {seen.draft}")
    for text in seen.notes:
        note(f"opstui: {text}")
    if seen.known:
        note(f"opstui: {seen.known} stood on the ticket already")
    if seen.left_out:
        note(f"opstui: {seen.left_out} tell less and were left out; --limit keeps more")
    return 0
