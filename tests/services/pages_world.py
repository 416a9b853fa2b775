"""A desk with a folder of runbooks and a ticket that was solved, for tests of proposals for pages."""

from __future__ import annotations

from pathlib import Path

from opstui.config.settings import KnowledgeSettings, OperatorSettings, Settings
from opstui.core import desk as d
from opstui.core.pages.proposal import Proposal
from opstui.core.tickets import TicketRef
from tests.services.building import Place

PAGE = """# DNS lookups time out (DnsTimeouts)

Owner: net-core

## Meaning

DNS lookups of the build agents time out (DnsTimeouts).

## Mitigation

1. Take the slow resolver out of the forward list.

## Escalation

net-core on-call.
"""
TITLE = "DnsTimeouts: DNS lookups of the build agents time out"
BODY = "DNS lookups of the build agents time out since 09:08.\nCustomer Acme Corp cannot deploy."
FIX = "Ran `kubectl rollout restart deploy/coredns` on agents-3.\nLookups work again."


def world(home: Path, pages: Path, **more: object) -> Place:
    """A desk whose only source is ``pages``; without any in it, one is put there."""
    pages.mkdir(parents=True, exist_ok=True)
    if not list(pages.glob("*.md")):
        (pages / "DnsTimeouts.md").write_text(PAGE)
    settings = Settings(
        operator=OperatorSettings(name="alex"),
        knowledge={"runbooks": KnowledgeSettings(kind="folder", path=pages, owner="sre", **more)},  # type: ignore[arg-type]
    )
    return Place(home, settings=settings)


def solved(place: Place, title: str = TITLE, body: str = BODY, *, fix: str = FIX) -> TicketRef:
    """A ticket on which something helped, and something else did not."""
    ref = place.ticket(title, body)
    place.local.comment(ref.key, "dana", "Restarted node-local-dns, no change.")
    place.local.comment(ref.key, "miguel", fix)
    place.desk.do(d.RefreshTicket(ref)).unwrap()
    return ref


def proposed(place: Place, ref: TicketRef, *, page: str = "") -> Proposal:
    """What a session on it proposes."""
    start = d.StartSession(ticket=ref, workflow="knowledge-update", runtime="offline", again=True, here=True, page=page)
    session = place.desk.do(start).unwrap()
    done = place.desk.do(d.RunSession(session.id)).unwrap()
    assert done.document is not None, place.desk.ask(d.SessionEvents(id=session.id))
    return place.desk.ask(d.ProposalDetail(session.id)).proposal
