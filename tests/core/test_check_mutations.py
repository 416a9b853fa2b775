"""Checks notice small false edits of true sentences, and leave true ones alone."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from opstui.core.checks.document import check_document
from opstui.core.documents import Claim, ClaimStatus
from opstui.core.extract.summary import incident_summary
from opstui.core.extract.units import all_units
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.mutations import EDITS
from tests.core.real_input import build, duplicates, given

PROSE = build(
    "Checkout returns 5xx in eu-west",
    "The 5xx share of checkout-api is 11.8 % since 2026-11-20 02:26 UTC.\nPods are ready, 12 of 12.",
    (
        ("priya", "comment", "checkout-api 4.18.0 was rolled out to eu-west between 02:22 and 02:28 UTC."),
        ("priya", "comment", "us-east still runs 4.17.3 and does not show errors, 5xx 0.03 %."),
        ("miguel", "comment", "Load balancer lb-eu-2 is healthy, 12 backends, 0 connection resets since 2026-11-19."),
        ("alex", "comment", "Restarted checkout-api-7c9f6b-2xk4p at 02:49. It did not help, errors are back at 11 %."),
        ("priya", "comment", "payments.pool.size is 8 in 4.18.0, it was 64. Ticket INC-1038 was closed on 19 Nov."),
        ("ines", "comment", "Support counts 64 tickets and 3 calls. Nobody has reported a charge without an order."),
    ),
)


def edited(ticket: Ticket, seed: int) -> tuple[Counter[str], Counter[str]]:
    """How many edits of each kind were made, and how many of them were noticed."""
    chance = random.Random(seed)
    sources = SourceSet(ticket)
    document = incident_summary(given(ticket))
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for unit in all_units(ticket)[:30]:
        if unit.dump or len(unit.text) > 250:
            continue
        cited = (sources.cite(unit.ref, unit.line_start, unit.line_end, unit.quote),)
        for kind, edit in EDITS.items():
            text = edit(unit.text, chance)
            if text is None or text == unit.text:
                continue
            claim = Claim("x1", text, ClaimStatus.REPORTED, citations=cited)
            found = check_document(replace(document, what_happened=(claim,)), sources, ticket)
            made[kind] += 1
            noticed[kind] += any(item.claim == "x1" for item in found)
    return made, noticed


def share(made: Counter[str], noticed: Counter[str], kind: str) -> float:
    assert made[kind] > 0
    return noticed[kind] / made[kind]


@pytest.mark.parametrize("kind", ["number", "time", "identifier", "negation", "end"])
def test_edits_of_a_timeline_in_prose_are_noticed(kind: str) -> None:
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for seed in range(15):
        one, other = edited(PROSE, seed)
        made += one
        noticed += other
    assert share(made, noticed, kind) >= 0.95


def test_edits_of_real_tickets_are_noticed(shared_data: Path) -> None:
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for seed, ticket in enumerate(islice(duplicates(shared_data), 0, None, 25)):
        one, other = edited(ticket, seed)
        made += one
        noticed += other
    for kind in ("time", "identifier", "end"):
        assert share(made, noticed, kind) >= 0.95, kind
    assert share(made, noticed, "number") >= 0.9
    assert share(made, noticed, "negation") >= 0.8


def test_true_sentences_of_real_tickets_are_never_blocked(shared_data: Path) -> None:
    for ticket in islice(duplicates(shared_data), 0, None, 25):
        document = incident_summary(given(ticket))
        assert check_document(document, SourceSet(ticket), ticket) == []
