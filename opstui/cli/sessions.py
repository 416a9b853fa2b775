"""``opstui session``: sessions that run or ran."""

from __future__ import annotations

import json

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, limit_option, with_invocation
from opstui.cli.output import age, emit, note, table, write
from opstui.cli.run import whole_cents
from opstui.cli.streaming import run_here
from opstui.cli.tickets import now
from opstui.cli.verdicts import costs_words
from opstui.core.desk import (
    Command,
    FallBack,
    InterruptSession,
    MessageSession,
    RaiseBudget,
    ResumeSession,
    SessionDetail,
    SessionEvents,
    Sessions,
)
from opstui.core.errors import Refused, UsageError
from opstui.core.money import dollars
from opstui.core.sessions import Session, SessionEvent, live
from opstui.exports import shapes
from opstui.exports.transcripts import fenced, transcript, transcript_markdown
from opstui.exports.writing import json_text, printable


@click.group()
def session() -> None:
    """Sessions: one run of a workflow each.

    \b
    opstui session list --ticket local:INC-1042
    opstui session export 01J… --format markdown
    """


@session.command("list")
@click.option("--ticket", "ref", metavar="REF", help="Only those of this ticket.")
@limit_option
@json_option
@with_invocation
def list_sessions(invocation: Invocation, ref: str | None, limit: int | None, as_json: bool) -> int:
    """Sessions, the newest first."""
    wanted = invocation.ref(ref, boards=True) if ref else None
    found = invocation.desk.ask(Sessions(ticket=wanted, limit=limit or 1_000_000))
    moment = now()
    if as_json:
        emit([shapes.session(run, moment) for run in found])
        return 0
    table(
        ("session", "ticket", "workflow", "runtime", "status", "began", "≈ $", "reported", "draft"),
        [
            (
                run.id,
                str(run.ticket),
                run.workflow,
                run.runtime,
                run.status.value + (f" ({run.stop_reason})" if run.stop_reason else ""),
                age(run.started_at or run.created_at, moment),
                dollars(live(run.cost, moment).estimate),
                "–" if run.cost.reported is None else dollars(run.cost.reported),
                run.draft or "–",
            )
            for run in found
        ],
        right="began ≈ $ reported",
    )
    return 0


@session.command("show")
@click.argument("session_id", metavar="ID")
@json_option
@with_invocation
def show_session(invocation: Invocation, session_id: str, as_json: bool) -> int:
    """A session with its document."""
    run = invocation.desk.ask(SessionDetail(session_id))
    if as_json:
        emit(shapes.session(run, now()))
    else:
        write(transcript_markdown(run, (), _document(run)).encode())
        words = costs_words(run, now())
        if words:
            note(f"opstui: {words}")
    return 0


@session.command("resume")
@click.argument("session_id", metavar="ID")
@click.option("--events", is_flag=True, help="Print a JSON object a line for everything that happens.")
@json_option
@with_invocation
def resume_session(invocation: Invocation, session_id: str, events: bool, as_json: bool) -> int:
    """Go on with a session, and follow it.

    One that runs or stands still, or that failed here and may live on at its service. Of one that is over, what
    happened is told again; nothing is run.
    """
    _one_form(events, as_json)
    invocation.writes()
    outcome = invocation.do(ResumeSession(session_id, here=True))
    run = outcome.unwrap()
    if run.status.is_over:
        note(f"opstui: session {run.id} is over ({run.status.value}); opstui run starts another one")
    return run_here(invocation, run, events=events, as_json=as_json)


@session.command("interrupt")
@click.argument("session_id", metavar="ID")
@json_option
@with_invocation
def interrupt_session(invocation: Invocation, session_id: str, as_json: bool) -> int:
    """Ask whoever runs a session to stop it."""
    return _done(invocation, InterruptSession(session_id), as_json)


@session.command("message")
@click.argument("session_id", metavar="ID")
@click.argument("text")
@json_option
@with_invocation
def message_session(invocation: Invocation, session_id: str, text: str, as_json: bool) -> int:
    """Say something to the agent of a session.

    It is delivered once, with the same things hidden as in a ticket; what comes of it is in the session.

    \b
    opstui session message 01J… "Look at the deploy of 02:10 as well"
    opstui session resume 01J…        follows what it answers
    """
    return _done(invocation, MessageSession(session_id, text), as_json)


@session.command("raise")
@click.argument("session_id", metavar="ID")
@click.option("--budget", metavar="USD", required=True, help="Dollars that it may cost in all, whole cents.")
@click.option("--reason", metavar="R", required=True, help="Why; it is kept in the audit log.")
@json_option
@with_invocation
def raise_session(invocation: Invocation, session_id: str, budget: str, reason: str, as_json: bool) -> int:
    """Let a session cost more.

    One that stands at its budget goes on where it stopped; not beyond what the shift has left.

    \b
    opstui session raise 01J… --budget 1.50 --reason "sev 1, customer waits"
    """
    command = RaiseBudget(id=session_id, budget_micros=whole_cents(budget), reason=reason)
    return _done(invocation, command, as_json)


@session.command("fallback")
@click.argument("session_id", metavar="ID")
@click.option("--events", is_flag=True, help="Print a JSON object a line for everything that happens.")
@json_option
@with_invocation
def fall_back(invocation: Invocation, session_id: str, events: bool, as_json: bool) -> int:
    """Do the same with the fallback runtime.

    A new session, streamed as run does. Unless the config names another, the runtime is offline: no model, no network,
    no cost.
    """
    _one_form(events, as_json)
    invocation.writes()
    run = invocation.do(FallBack(session_id, here=True)).unwrap()
    note(f"opstui: session {run.id} with {run.runtime}")
    return run_here(invocation, run, events=events, as_json=as_json)


def _one_form(events: bool, as_json: bool) -> None:
    if events and as_json:
        raise UsageError("--events and --json exclude each other")


def _done(invocation: Invocation, command: Command[Session], as_json: bool) -> int:
    """Do something to a session and say what came of it."""
    invocation.writes()
    outcome = invocation.do(command)
    run = outcome.unwrap()
    if as_json:
        emit(shapes.session(run, now()))
    else:
        note(f"session {run.id}: {outcome.notice or run.status.value}")
    return 0


@session.command("export")
@click.argument("session_id", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "markdown", "md", "html", "txt")),
    default="json",
    help="json (the default), markdown or md, html, txt; the last two are always the document alone.",
)
@click.option("--document", is_flag=True, help="The document alone, without what happened in the session.")
@with_invocation
def export_session(invocation: Invocation, session_id: str, form: str, document: bool) -> int:
    """A session with everything that happened in it, or its document.

    An html page holds everything that it needs: no script, nothing from elsewhere.

    \b
    opstui session export 01J… --format html > escalation.html
    """
    run = invocation.desk.ask(SessionDetail(session_id))
    if document or form in ("html", "txt"):
        if run.document is None:
            note(f"opstui: session {run.id} has no document")
            return 1
        write(_document_file(run, form))
        return 0
    events = all_events(invocation, run)
    if form == "json":
        write(json_text(transcript(run, events)))
    else:
        write(str(printable(transcript_markdown(run, events, _document(run)))).encode())
    return 0


def _document_file(run: Session, form: str) -> bytes:
    """The session's document in one of the formats. Raises Refused for one that this version can't lay out."""
    if form == "json":
        return json_text(run.document)
    from opstui.core.codec import decode
    from opstui.core.documents import DOCUMENTS
    from opstui.core.render.registry import as_markdown, as_plain, sheet_of

    content = run.document or {}
    kind = str(content.get("head", {}).get("document", ""))
    try:
        document = decode(DOCUMENTS[kind], content)
    except (KeyError, TypeError, ValueError):
        raise Refused(
            f"session {run.id}: its document was written by another version; --format json prints it"
        ) from None
    if form == "html":
        from opstui.exports.pages import page

        return page(sheet_of(document))
    text = as_plain(document) if form == "txt" else as_markdown(document)
    return str(printable(text)).encode()


def all_events(invocation: Invocation, run: Session) -> list[SessionEvent]:
    """Every event of a session, in order."""
    found: list[SessionEvent] = []
    while fresh := invocation.desk.ask(SessionEvents(id=run.id, after=found[-1].seq if found else 0)):
        found += fresh
    return found


def _document(run: Session) -> str | None:
    """The session's document for people: as Markdown where its kind has a file, as its comment, or as JSON."""
    if run.document is None:
        return None
    from opstui.core.codec import decode
    from opstui.core.documents import DOCUMENTS
    from opstui.core.render.registry import as_markdown

    kind = run.document.get("head", {}).get("document")
    try:
        if kind in DOCUMENTS:
            return str(as_markdown(decode(DOCUMENTS[kind], run.document)))
    except (KeyError, TypeError, ValueError):
        pass  # written by another version: shown as it is kept
    return "\n".join(fenced(json.dumps(printable(run.document), ensure_ascii=False, indent=2)))
