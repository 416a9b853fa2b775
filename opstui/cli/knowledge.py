"""``opstui knowledge``: the runbooks."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import age, emit, emit_line, note, say, table, waiting
from opstui.cli.proposals import list_proposals, proposal
from opstui.cli.run import index
from opstui.core.desk import IndexKnowledge, KnowledgeFaults, KnowledgeSearch, KnowledgeSources, SourceStanding
from opstui.core.errors import UsageError
from opstui.core.text import clean_line
from opstui.exports import shapes

limit_option = click.option(
    "--limit", type=click.IntRange(1, 100), default=8, metavar="N", help="At most so many hits; 8 by default."
)


@click.group()
def knowledge() -> None:
    """Runbooks: the approved pages that sessions may cite.

    \b
    opstui knowledge search "CoreDNS forward errors"
    """


@knowledge.command("index")
@json_option
@with_invocation
def index_knowledge(invocation: Invocation, as_json: bool) -> int:
    """Bring the index up to date: with the folders, and with wikis whenever they were asked last."""
    with waiting(lambda: "wikis to answer"):
        changed = invocation.do(IndexKnowledge()).unwrap()
    standings = invocation.desk.ask(KnowledgeSources())
    faults = {one.entry.name: one.fault for one in standings if one.fault is not None}
    if as_json:
        emit({"changed": changed, "errors": faults})
    else:
        say(f"{changed} pages changed")
    for fault in faults.values():
        note(f"opstui: {fault}")
    codes = {one.fault_code for one in standings}
    return next((code for code in (4, 3, 1) if code in codes), 0)


@knowledge.command("sources")
@json_option
@with_invocation
def list_sources(invocation: Invocation, as_json: bool) -> int:
    """The registry of approved sources: owner, review date, pages, and how each stands."""
    index(invocation)
    standings = invocation.desk.ask(KnowledgeSources())
    if as_json:
        emit([shapes.knowledge_source(one) for one in standings])
        return 0
    if not standings:
        note("no source is configured: [knowledge.NAME] in the config names one")
    now = datetime.now(UTC)
    table(
        ("name", "kind", "where", "owner", "review by", "pages", "answered", "state"),
        [
            (
                one.entry.name, one.entry.kind, one.entry.where, one.entry.owner or "–",
                one.entry.review_by.isoformat() if one.entry.review_by else "–", str(one.pages),
                age(one.answered_at, now) if one.answered_at else "–", _state(one),
            )
            for one in standings
        ],
        right="pages", wide="where",
    )  # fmt: skip
    for one in standings:
        if one.fault is not None:
            note(f"opstui: {one.fault}")
    return 0


def _state(one: SourceStanding) -> str:
    words = ["not answering"] if one.fault is not None else []
    words += ["review overdue"] if one.is_overdue else []
    many = "page" if one.overdue_pages == 1 else "pages"
    words += [f"{one.overdue_pages} {many} overdue"] if one.overdue_pages else []
    return ", ".join(words) or "fine"


@knowledge.command("search")
@click.argument("query", required=False)
@limit_option
@click.option("--stdin", "from_stdin", is_flag=True, help="A query a line in, a JSON array a line out.")
@json_option
@with_invocation
def search_knowledge(invocation: Invocation, query: str | None, limit: int, from_stdin: bool, as_json: bool) -> int:
    """Pages that may answer QUERY, the best first; any text is a query."""
    if (query is None) != from_stdin:
        raise UsageError("give a query, or --stdin and a query a line")
    index(invocation)
    for fault in invocation.desk.ask(KnowledgeFaults()).values():
        note(f"opstui: {fault}")
    if query is not None:
        hits = invocation.desk.ask(KnowledgeSearch(query=query, limit=limit))
        if as_json:
            emit([shapes.hit(hit) for hit in hits])
        elif not hits:
            note("no page answers this")
        for hit in hits if not as_json else ():
            say(f"{hit.strength.value}  {hit.doc}  {hit.line_start}-{hit.line_end}  {hit.title}")
            for number, line in enumerate(hit.text.split("\n"), start=hit.line_start):
                say(f"  {number:>5}  {clean_line(line, limit=160)}")
        return 0
    for raw in sys.stdin.buffer:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        hits = invocation.desk.ask(KnowledgeSearch(query=text, limit=limit)) if text.strip() else ()
        if not emit_line([shapes.hit(hit) for hit in hits]):
            break
    return 0


knowledge.add_command(list_proposals)
knowledge.add_command(proposal)
