"""The first look: the extractive summary at once, so that nobody waits a minute to know what is up."""

from __future__ import annotations

from opstui.core.desk import FirstLookView
from opstui.core.errors import NotFound
from opstui.core.extract.query import knowledge_query
from opstui.core.extract.summary import first_look as choice, incident_summary
from opstui.core.knowledge import Strength
from opstui.core.ports import ExtractInput
from opstui.core.tickets import BOARD_SYSTEM, TicketRef
from opstui.services.setup import Setup
from opstui.services.similar import NO, alike


def first_look(setup: Setup, ref: TicketRef) -> FirstLookView:
    """Free, from the cache alone. Raises NotFound."""
    started = setup.clock.monotonic()
    if ref.system == BOARD_SYSTEM:
        return _of_board(setup, ref)
    found = setup.cache.ticket(ref)
    if found is None:
        raise NotFound(f"{ref}: not cached")
    ticket = found[0]
    hits = tuple(setup.knowledge.search(knowledge_query(ticket), 4))
    pages = {
        hit.doc: page for hit in hits if hit.strength is Strength.STRONG and (page := setup.knowledge.page(hit.doc))
    }
    others = [(other, told) for other, told in alike(setup, ticket, 3) if told.verdict != NO]
    summary = incident_summary(
        ExtractInput(
            ticket=ticket,
            hits=hits,
            pages=pages,
            related=tuple((other, told.score) for other, told in others),
            operator=setup.operator,
            operator_team=setup.team,
            now=setup.clock.now(),
            session_id="first-look",
            workflow_version="",
        )
    )
    claims = choice(summary)
    # Words in common are no relation; an identifier in common may be one.
    related = tuple((told.ref, told.title, told.shared[:4]) for _, told in others if told.shared)
    return FirstLookView(
        version=ticket.version,
        claims=claims,
        hits=hits,
        related=related,
        took_ms=int((setup.clock.monotonic() - started) * 1000),
    )


def _of_board(setup: Setup, ref: TicketRef) -> FirstLookView:
    """A board says itself what is up: its own first sentence, and what can't wait."""
    from opstui.core.extract.shift import shift_handover
    from opstui.services.board import board

    started, ticket = setup.clock.monotonic(), board(setup, ref)
    told = shift_handover(
        ExtractInput(
            ticket=ticket,
            hits=(),
            pages={},
            related=(),
            operator=setup.operator,
            operator_team=setup.team,
            now=setup.clock.now(),
            session_id="first-look",
            workflow_version="",
        )
    )
    claims = (told.headline, *(promise.claim for promise in told.promises[:2]), *told.watch[:1])
    took = int((setup.clock.monotonic() - started) * 1000)
    return FirstLookView(version=ticket.version, claims=claims, hits=(), related=(), took_ms=took)
