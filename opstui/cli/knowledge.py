"""``opstui knowledge``: the runbooks."""

from __future__ import annotations

import sys

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import json_option, with_invocation
from opstui.cli.output import emit, emit_line, note, say
from opstui.cli.run import index
from opstui.core.desk import IndexKnowledge, KnowledgeSearch
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
    """Bring the index up to date with the folders."""
    changed = invocation.do(IndexKnowledge()).unwrap()
    if as_json:
        emit({"changed": changed})
    else:
        say(f"{changed} pages changed")
    return 0


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
