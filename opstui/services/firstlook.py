"""The first look: the extractive summary at once, so that nobody waits a minute to know what is up."""

from __future__ import annotations

from opstui.core.checks.atoms import shared_identifiers
from opstui.core.desk import FirstLookView
from opstui.core.errors import NotFound
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import first_look as choice, incident_summary
from opstui.core.knowledge import Strength
from opstui.core.ports import ExtractInput
from opstui.core.tickets import TicketRef
from opstui.services.setup import Setup


def first_look(setup: Setup, ref: TicketRef) -> FirstLookView:
    """Free, from the cache alone. Raises NotFound."""
    started = setup.clock.monotonic()
    found = setup.cache.ticket(ref)
    if found is None:
        raise NotFound(f"{ref}: not cached")
    ticket = found[0]
    hits = tuple(setup.knowledge.search(knowledge_query(ticket), 4))
    pages = {
        hit.doc: page for hit in hits if hit.strength is Strength.STRONG and (page := setup.knowledge.page(hit.doc))
    }
    others = [
        (other[0], score)
        for row, score in setup.cache.similar(ticket, 3)
        if (other := setup.cache.ticket(row.ref)) is not None
    ]
    summary = incident_summary(
        ExtractInput(
            ticket=ticket,
            hits=hits,
            pages=pages,
            related=tuple(others),
            operator=setup.operator,
            operator_team=setup.team,
            now=setup.clock.now(),
            session_id="first-look",
            workflow_version="",
        )
    )
    claims = choice(summary)
    shared = [(other, tuple(shared_identifiers(ticket, other))[:4]) for other, _ in others]
    # Words in common are no relation; an identifier in common may be one.
    related = tuple((other.ref, other.title, atoms) for other, atoms in shared if atoms)
    return FirstLookView(
        version=ticket.version,
        claims=claims,
        hits=hits,
        related=related,
        took_ms=int((setup.clock.monotonic() - started) * 1000),
    )
