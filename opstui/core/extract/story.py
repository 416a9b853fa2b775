"""Headline, impact, what happened and the timeline: the telling sentences of a ticket, in the order of time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opstui.core.documents import Claim, Impact, TimelineKind, TimelineRow
from opstui.core.extract.claims import ClaimMaker
from opstui.core.extract.steps import states_cause
from opstui.core.extract.units import Unit, title_unit
from opstui.core.extract.words import (
    ASKING,
    HEDGE,
    IMPACT,
    IMPACT_STATE,
    NEXT,
    QUESTION,
    SMALL_TALK,
    salience,
    timeline_kind,
)
from opstui.core.tickets import EntryKind, Ticket

HEADLINE_LIMIT = 90
IMPACT_LIMIT = 4
HAPPENED_LIMIT = 5
TIMELINE_LIMIT = 20

_REGION = re.compile(
    r"\b(?:eu|us|ap|sa|ca|me|af|il)-(?:gov-)?(?:north|south|east|west|central|northeast|southeast|northwest"
    r"|southwest)(?:-\d[a-z]?)?\b",
    re.IGNORECASE,
)
_QUIET = frozenset((EntryKind.FIELD, EntryKind.ASSIGN, EntryKind.ATTACH, EntryKind.LINK))


def headline(ticket: Ticket, maker: ClaimMaker) -> Claim:
    """The title, cut to 90 characters; where there is none, that."""
    unit = title_unit(ticket)
    return maker.claim(unit, HEADLINE_LIMIT) if unit is not None else maker.unknown("The ticket has no title.")


def impact(units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker) -> Impact:
    """Who is hurt and how, as the ticket says it: at most four sentences, those that tell most."""
    chosen: list[Unit] = []
    for unit in sorted(units, key=impact_score, reverse=True):
        if impact_score(unit) <= 0 or len(chosen) == IMPACT_LIMIT:
            break
        if all(unit.text.casefold() != other.text.casefold() for other in chosen):
            chosen.append(unit)
    chosen.sort(key=lambda unit: (unit.at, units.index(unit)))
    texts = [*(unit.text for unit in chosen), ticket.title]
    regions = dict.fromkeys(match.group().casefold() for text in texts for match in _REGION.finditer(text))
    return Impact(claims=tuple(maker.claim(unit) for unit in chosen), regions=tuple(regions)[:5])


def what_happened(units: Sequence[Unit], maker: ClaimMaker) -> tuple[Claim, ...]:
    """Up to five telling sentences: what was seen, found and stated, in the order of time.

    Plans and requests are left to the next steps, suspicions to the hypotheses.
    """
    rated = [(salience(unit) + _place(unit), -index, unit) for index, unit in enumerate(units) if _tells(unit)]
    rated.sort(key=lambda item: (item[0], item[1]), reverse=True)
    chosen: list[Unit] = []
    per_source: dict[str, int] = {}
    most = 3 if len({unit.ref for unit in units}) > 1 else HAPPENED_LIMIT
    for score, _, unit in rated:
        if score < 0.5 or len(chosen) == HAPPENED_LIMIT:
            break
        if per_source.get(unit.ref, 0) >= most or any(_same(unit.text, other.text) for other in chosen):
            continue
        per_source[unit.ref] = per_source.get(unit.ref, 0) + 1
        chosen.append(unit)
    if not chosen:
        chosen = [unit for unit in units if unit.entry < 0 and not SMALL_TALK.match(unit.text)][:2]
    chosen.sort(key=lambda unit: (unit.at, units.index(unit)))
    return tuple(maker.claim(unit) for unit in chosen)


def timeline(
    units: Sequence[Unit], ticket: Ticket, maker: ClaimMaker, head: Claim, limit: int = TIMELINE_LIMIT
) -> tuple[TimelineRow, ...]:
    """What happened when: the ticket's beginning and the most telling sentences of each entry, ascending, UTC."""
    rows: list[tuple[float, TimelineRow]] = []
    title = title_unit(ticket)
    if title is not None:
        rows.append((9.0, TimelineRow(when=ticket.created_at, claim=head, kind=TimelineKind.DETECT)))
    by_entry: dict[int, list[Unit]] = {}
    for unit in units:
        if unit.entry >= 0:
            by_entry.setdefault(unit.entry, []).append(unit)
    for index, said in by_entry.items():
        entry = ticket.timeline[index]
        best = sorted(said, key=salience, reverse=True)
        keep = 3 if said[0].dump or len(said) > 6 else 2 if len(said) > 2 else 1
        telling = [unit for unit in best if salience(unit) > 0][:keep] or best[:1]
        for rank, unit in enumerate(sorted(telling, key=said.index)):
            weight = salience(unit) - 2.0 * rank
            if entry.kind in _QUIET:
                weight -= 3.0
            if entry.kind in (EntryKind.STATUS, EntryKind.ALERT):
                weight += 4.0
            rows.append((weight, TimelineRow(when=unit.at, claim=maker.claim(unit), kind=timeline_kind(unit))))
    if len(rows) > limit:
        # The beginning and the end of a long story are kept whole; of the middle, what tells most.
        ends = rows[:3] + rows[-3:]
        middle = sorted(rows[3:-3], key=lambda row: row[0], reverse=True)[: limit - len(ends)]
        rows = ends + middle
    return tuple(row for _, row in sorted(rows, key=lambda row: row[1].when))


def _tells(unit: Unit) -> bool:
    if unit.kind in _QUIET or unit.kind is EntryKind.STATUS or QUESTION.search(unit.text):
        return False
    if unit.by_person and not states_cause(unit) and HEDGE.search(unit.text):
        return unit.entry < 0
    return not (NEXT.search(unit.text) or ASKING.search(unit.text)) if unit.entry >= 0 else not ASKING.match(unit.text)


def _place(unit: Unit) -> float:
    """The first sentences of a body say what it is about."""
    if unit.entry < 0 and not unit.dump:
        return {2: 2.5, 3: 1.5, 4: 1.0}.get(unit.line_start, 0.3)
    return 0.0


def impact_score(unit: Unit) -> float:
    """How much a sentence says of who is hurt and how; 0 where it does not."""
    text = unit.text
    if unit.kind in _QUIET or unit.dump or QUESTION.search(text) or SMALL_TALK.match(text) or HEDGE.search(text):
        return 0.0
    if unit.label in ("impact", "customer impact", "user impact", "business impact"):
        return 9.0
    if unit.entry >= 0 and (NEXT.search(text) or ASKING.search(text)):
        return 0.0
    who = len(IMPACT.findall(text))
    how = len(IMPACT_STATE.findall(text))
    if not who or not how:
        return 0.0
    return (
        min(who, 2)
        + min(how, 2)
        + (1.0 if any(char.isdigit() for char in text) else 0.0)
        + (1.0 if len(text) <= 280 else 0.0)
    )


def _same(one: str, other: str) -> bool:
    one, other = one.casefold().rstrip("."), other.casefold().rstrip(".")
    return one in other or other in one
