"""Checks notice small false edits of true sentences, and leave true ones alone."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from opstui.core.checks.document import check_document
from opstui.core.documents import Claim, ClaimStatus, Communications, Impact
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.registry import RULES
from opstui.core.extract.summary import incident_summary
from opstui.core.extract.units import all_units
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.mutations import EDITS, mutants
from tests.core.paraphrases import paraphrased
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


def test_edits_of_a_timeline_in_prose_are_noticed() -> None:
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for seed in range(10):
        one, other = edited(PROSE, seed)
        made += one
        noticed += other
    for kind in EDITS:
        assert share(made, noticed, kind) >= 0.95, kind


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


def noticed_in(document: object, ticket: Ticket, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Edits of each kind, anywhere in a document, and how many of them the checks say something new about."""
    sources = SourceSet(ticket)
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    before = {(item.id, item.text) for item in check_document(document, sources, ticket)}  # type: ignore[arg-type]
    people = sorted({str(entry.author) for entry in ticket.timeline})
    for mutant in mutants(document, people, random.Random(seed)):
        made[mutant.kind] += 1
        found = check_document(mutant.document, sources, ticket)
        noticed[mutant.kind] += any((item.id, item.text) not in before for item in found)
    return made, noticed


@pytest.mark.parametrize("kind", [name for name in RULES if name != "ShiftHandover"])
def test_edits_anywhere_in_each_kind_of_document_are_noticed(kind: str) -> None:
    document = RULES[kind].extract(given(PROSE))
    assert check_document(document, SourceSet(PROSE), PROSE) == []
    made, noticed = noticed_in(document, PROSE, 1)
    for edit in ("number", "time", "identifier", "value time"):
        assert noticed[edit] >= 0.95 * made[edit], edit
    for edit in ("negation", "state", "value state", "value owner", "end"):
        assert noticed[edit] >= 0.9 * made[edit], edit


def test_a_paraphrase_is_not_held_against_its_author_and_edits_of_it_are_noticed() -> None:
    made: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    sources = SourceSet(PROSE)
    summary = incident_summary(given(PROSE))
    for seed in range(4):
        chance = random.Random(seed)
        for unit in all_units(PROSE):
            text = paraphrased(unit.text, chance)
            if text is None:
                continue
            cited = (sources.cite(unit.ref, unit.line_start, unit.line_end, unit.quote),)
            claim = Claim("x1", text, ClaimStatus.REPORTED, citations=cited)
            document = replace(
                summary, what_happened=(claim,), timeline=(), actions_taken=(), impact=Impact(), next_steps=()
            )
            made["untouched"] += 1
            noticed["untouched"] += bool(check_document(document, sources, PROSE))
            one, other = noticed_in(document, PROSE, seed)
            made += one
            noticed += other
    assert noticed["untouched"] <= 0.05 * made["untouched"]
    for edit in ("number", "time", "identifier"):
        assert noticed[edit] >= 0.95 * made[edit], edit
    for edit in ("negation", "state", "owner", "end"):
        assert noticed[edit] >= 0.85 * made[edit], edit


@pytest.mark.parametrize(
    ("text", "ref", "fault"),
    [
        ("Priya restarted checkout-api-7c9f6b-2xk4p at 02:49.", "INC-1042#4", "M2-who"),
        ("Marta restarted checkout-api-7c9f6b-2xk4p at 02:49.", "INC-1042#4", "M2-who"),
        ("us-east runs 4.17.3 with 5xx at 0.03 ms.", "INC-1042#2", "M2-number"),
        ("Load balancer lb-eu-2 is unhealthy.", "INC-1042#3", "M4"),
        ("us-east still runs 4.17.3 and shows errors.", "INC-1042#2", "M4"),
        ("has reported a charge without an order.", "INC-1042#6", "M4"),
        ("The share fell within ninety-one minutes, 91 in all.", "INC-1042#6", "M2-number"),
    ],
)
def test_what_a_claim_changes_is_named(text: str, ref: str, fault: str) -> None:
    sources = SourceSet(PROSE)
    claim = Claim("x1", text, ClaimStatus.REPORTED, citations=(sources.cite(ref, 1, 1),))
    document = replace(incident_summary(given(PROSE)), what_happened=(claim,))
    assert f"{fault}:x1" in [item.id for item in check_document(document, sources, PROSE)]


def test_what_is_marked_unknown_says_nothing_else() -> None:
    for text, holds in (
        ("The cause is unknown.", True),
        ("A restart fixed it.", False),
        ("Nobody knows; now fixed.", False),
    ):
        document = replace(incident_summary(given(PROSE)), what_happened=(Claim("x1", text, ClaimStatus.UNKNOWN),))
        assert (check_document(document, SourceSet(PROSE), PROSE) == []) is holds, text


def test_a_promised_time_may_be_worked_out_of_its_entry_and_is_never_blocked() -> None:
    said = ("We are on it. Next update at 09:35.", "More in 20 minutes.")
    ticket = build("Down", "", tuple(("ines", "reply", text) for text in said))
    sources = SourceSet(ticket)
    package = escalation_package(given(ticket))
    for ref, minute, holds in (("INC-1042#1", 35, True), ("INC-1042#1", 36, False), ("INC-1042#2", 35, True)):
        claim = Claim("x1", "More", ClaimStatus.REPORTED, citations=(sources.cite(ref, 1, 1),))
        comms = Communications(
            last_customer_message=replace(claim, text=sources.lines(ref)[0]),
            at=None,
            promised_next_update=datetime(2026, 11, 20, 9, minute, tzinfo=UTC),
        )
        found = check_document(replace(package, comms=comms), sources, ticket)
        assert [item.level for item in found] == ([] if holds else ["warn"]), (ref, minute)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("According to priya, Load balancer lb-eu-3 is healthy, 12 backends, 0 connection resets.", "block"),
        ("The log shows: Load balancer lb-eu-2 is healthy, 12 backends, 3 connection resets.", "warn"),
        ("Load balancer lb-eu-2 is healthy; no reset before 2026-11-19, and none after it.", None),
    ],
)
def test_a_sentence_that_nearly_quotes_is_laid_beside_what_it_quotes(text: str, level: str | None) -> None:
    sources = SourceSet(PROSE)
    claim = Claim("x1", text, ClaimStatus.REPORTED, citations=(sources.cite("INC-1042#3", 1, 1),))
    document = replace(incident_summary(given(PROSE)), what_happened=(claim,))
    found = {item.level for item in check_document(document, sources, PROSE) if item.claim == "x1"}
    assert (level in found) if level else ("block" not in found)
