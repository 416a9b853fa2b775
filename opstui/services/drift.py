"""What the config and the taxonomy name and that is no longer there: pages, teams, fields, workflows, values.

Only what is known on this machine is looked at: the index of pages, the tickets in the cache, and what each system says
that it can do. Nothing is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from opstui.core.desk import Drift
from opstui.core.draft_limits import can_set
from opstui.core.queues import SortBy
from opstui.core.taxonomy import KINDS, Taxonomy
from opstui.core.text import clean_line
from opstui.core.tickets import TicketRow
from opstui.services.setup import Setup

OPEN_TICKETS = 20_000
"""Open tickets whose values are looked at."""
WHOLE_TICKETS = 300
"""Of those, how many are read for their custom fields."""
ENOUGH = 5
"""Tickets of a system with a team, from which on a team that none of them has is worth a word."""
_PAGE = re.compile(r"(?<![\w/.:-])([a-z0-9][a-z0-9-]{0,40})/([A-Za-z0-9_][A-Za-z0-9_./-]{0,120}[A-Za-z0-9_])")


def drift(setup: Setup) -> tuple[Drift, ...]:
    """Every finding, the config's first. Raises ConfigError for a taxonomy or workflow that can't be read."""
    taxonomy = setup.taxonomy()
    return (
        *_workflows(setup),
        *_pages(setup, taxonomy),
        *_places(setup, taxonomy),
        *_fields(setup, taxonomy),
        *_values(setup, taxonomy),
    )


def _workflows(setup: Setup) -> Iterator[Drift]:
    for name in setup.policies:
        if name not in setup.workflows:
            near = get_close_matches(name, setup.workflows, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(setup.workflows)}"
            yield Drift(check="workflow", subject=name, text=f"[workflows.{name}]: there is no such workflow; {hint}")


def _pages(setup: Setup, taxonomy: Taxonomy) -> Iterator[Drift]:
    named = [(f"services.{term.id}.runbook", term.runbook) for term in taxonomy.services.values() if term.runbook]
    sources: set[str] | None = None
    for workflow in setup.workflows.values():
        for text in (workflow.system, workflow.rubric or ""):
            for match in _PAGE.finditer(text):
                if sources is None:
                    sources = {row.doc.partition("/")[0] for row in setup.knowledge.pages()}
                # What is no source's name is a path, or an and/or.
                if match[1] in sources:
                    named.append((f"workflow {workflow.id}", match.group()))
    for where, doc in dict.fromkeys(named):
        if setup.knowledge.page(doc) is None:
            known = [row.doc for row in setup.knowledge.pages(doc.partition("/")[0])]
            near = get_close_matches(doc, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "" if known else "; no such source has any page"
            yield Drift(check="page", subject=doc, text=f"{where}: the index has no page {doc}{hint}")


def _places(setup: Setup, taxonomy: Taxonomy) -> Iterator[Drift]:
    """Systems that the taxonomy has words for and the config does not have."""
    for kind, table in KINDS.items():
        for term in taxonomy.terms(kind).values():
            for system in term.names:
                if system not in setup.systems:
                    text = f"{table}.{term.id}.names: there is no ticket system {system}"
                    yield Drift(check="system", subject=system, text=text)


def _fields(setup: Setup, taxonomy: Taxonomy) -> Iterator[Drift]:
    for kind, name in taxonomy.fields.items():
        able = [system for system in setup.systems.values() if can_set(f"/fields/{name}", system.capabilities)]
        if not able:
            text = f"fields.{kind}: no ticket system here takes the field {name}"
            yield Drift(check="field", subject=name, text=text)
    wanted = set(taxonomy.fields.values())
    if not wanted:
        return
    whole = [found[0] for row in _open(setup)[:WHOLE_TICKETS] if (found := setup.cache.ticket(row.ref)) is not None]
    there = {name for ticket in whole for name in ticket.fields}
    if there:
        for name in sorted(wanted - there):
            text = f"none of {len(whole)} open tickets that are known has the field {name}"
            yield Drift(check="field", subject=name, text=text)
    for kind, name in taxonomy.fields.items():
        values = [(str(ticket.ref), str(ticket.fields[name])) for ticket in whole if ticket.fields.get(name)]
        yield from _unknown(taxonomy, kind, values)


def _values(setup: Setup, taxonomy: Taxonomy) -> Iterator[Drift]:
    rows = _open(setup)
    yield from _unknown(taxonomy, "service", [(str(row.ref), str(name)) for row in rows for name in row.services])
    yield from _unknown(taxonomy, "team", [(str(row.ref), str(row.team)) for row in rows if row.team])
    yield from _unknown(taxonomy, "severity", [(str(row.ref), row.severity) for row in rows if row.severity])
    for system in setup.systems:
        teams = [str(row.team) for row in rows if row.team and row.ref.system == system]
        known = {term.id for name in teams if (term := taxonomy.resolve("team", name)) is not None}
        for term in taxonomy.teams.values():
            is_its_own = system in term.names
            if is_its_own and len(teams) >= ENOUGH and term.id not in known:
                text = f"none of {len(teams)} open tickets of {system} has the team {term.names[system]}"
                yield Drift(check="team", subject=term.id, text=f"teams.{term.id}: {text}")


def _unknown(taxonomy: Taxonomy, kind: str, values: Sequence[tuple[str, str]]) -> Iterator[Drift]:
    """Values on open tickets that the taxonomy does not know, the most frequent first; none of a kind that it leaves
    out altogether."""
    if not taxonomy.terms(kind):
        return
    strange = [(ref, value) for ref, value in values if taxonomy.resolve(kind, value) is None]
    first = {value: ref for ref, value in reversed(strange)}
    for value, count in Counter(value for _, value in strange).most_common(50):
        tickets = "1 open ticket" if count == 1 else f"{count} open tickets"
        text = f"{kind.replace('_', ' ')} {value!r} is on {tickets} ({first[value]}) and not in the taxonomy"
        yield Drift(check="value", subject=str(clean_line(value, limit=120)), text=text, count=count)


def _open(setup: Setup) -> list[TicketRow]:
    cache = setup.cache
    me = {name: cache.account(name) for name in setup.systems}
    order = cache.order(queue=None, filter_text="-status:closed", sort=SortBy.URGENCY, me=me, now=setup.clock.now())
    return [row for row, _, _ in cache.window(order[:OPEN_TICKETS])]
