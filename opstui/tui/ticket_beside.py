"""What stands beside a ticket, as paragraphs: runbooks that may answer it, and tickets that may be the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from opstui.core.claims import Citation, CitationKind
from opstui.core.desk import SimilarTicket
from opstui.core.knowledge import Hit, Strength
from opstui.tui.knowledge_rows import freshness, page_trouble, strength_mark
from opstui.tui.ticket_text import Page, section
from opstui.tui.widgets.textview import Para
from opstui.tui.words import called, clock

RUNBOOKS = 3
BESIDE = 1
"""Weak pages that are shown beside a strong one: what may be worth a look, and no more."""


def runbooks(hits: Sequence[Hit] | None, now: datetime) -> list[Para]:
    """The pages that answer, each with how well, whose it is and what speaks against it; or that none does."""
    if hits is None:
        return []
    strong = [hit for hit in hits if hit.strength is Strength.STRONG]
    weak = [hit for hit in hits if hit.strength is not Strength.STRONG]
    found = [section("runbooks", "" if strong else "no page answers this")]
    for hit in (*strong, *weak[: BESIDE if strong else RUNBOOKS])[:RUNBOOKS]:
        is_strong = hit.strength is Strength.STRONG
        cite = Citation(CitationKind.DOC, hit.doc, hit.line_start, hit.line_end)
        mark, role = strength_mark(hit.strength)
        found.append(
            Para(
                hit.title,
                "text" if is_strong else "dim",
                lead=((f"{mark} ", role),),
                tail=((hit.strength.value, role), (f"  {hit.line_start}-{hit.line_end}", "faint")),
                target=Page(cite),
                mark=f"page:{hit.doc}",
            )
        )
        about = " · ".join(filter(None, (hit.facts.owner, freshness(hit.changed_at, hit.facts, now))))
        found.append(Para(about, "faint", indent=2, target=Page(cite)))
        trouble = page_trouble(hit.facts, now.date())
        if trouble:
            found.append(Para(trouble, "warn", lead=(("! ", "warn"),), target=Page(cite)))
    return found


def similar(
    tickets: Sequence[SimilarTicket] | None,
    now: datetime,
    timezone: str,
    key: Callable[[str], str],
    *,
    me: str,
    with_system: bool,
) -> list[Para]:
    """Tickets that may be about the same, what they share, and what a person said to it; nothing where there are none.

    ``key`` gives the key of an id as it is shown.
    """
    if not tickets:
        return []
    found = [section("similar tickets", "an answer is kept, and changes neither ticket")]
    for one in tickets:
        mark, role = {"yes": ("✓", "good"), "no": ("✗", "faint")}.get(one.verdict or "", ("?", "accent"))
        said = f"{one.ref if with_system else called(one.ref)}  "
        found.append(
            Para(
                one.title,
                "faint" if one.verdict == "no" else "text",
                lead=((f"{mark} ", role), (said, "dim")),
                tail=((str(one.status.raw), "faint"),),
                target=one.ref,
                mark=similar_mark(one),
            )
        )
        found.append(
            Para(_why(one, now, timezone, me), "dim", indent=2, tail=((_keys(one, key), "faint"),), target=one.ref)
        )
    return found


def similar_mark(one: SimilarTicket) -> str:
    """The name of its line."""
    return f"similar:{one.ref}"


def _why(one: SimilarTicket, now: datetime, timezone: str, me: str) -> str:
    if one.verdict is None:
        return one.reason
    answer = "the same" if one.verdict == "yes" else "not the same"
    who = "you" if one.by == me else one.by or "somebody"
    when = f" {clock(one.at, timezone, now).strip()}" if one.at is not None else ""
    return f"{answer}, {who}{when} · {one.reason}"


def _keys(one: SimilarTicket, key: Callable[[str], str]) -> str:
    if one.verdict is None:
        return f"{key('similar.same')} same  {key('similar.other')} not"
    return f"{key('similar.undo')} takes it back"
