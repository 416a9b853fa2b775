"""Documents by rules on real tickets, real incidents and hostile texts; ``tests/bench/documents.py`` runs them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from opstui.core.checks.document import check_document
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.documents import ClaimStatus, Document, ResolutionCode, ResolutionNotes, claims_of
from opstui.core.extract.closure import resolution_notes
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.reply import reply
from opstui.core.extract.summary import incident_summary
from opstui.core.ports import ExtractInput
from opstui.core.render.plain import SUMMARY_WORDS, word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.sources import SourceSet
from opstui.core.tickets import Ticket
from tests.core.real_input import build, duplicates, given, hostile, incidents

BOTH = pytest.mark.parametrize("write", [incident_summary, escalation_package])
FOUR = pytest.mark.parametrize("write", [incident_summary, escalation_package, reply, resolution_notes])
CAUSE = re.compile(r"root cause|caused by|because of|due to|the cause is", re.IGNORECASE)
Write = Callable[[ExtractInput], Document]


def holds(document: Document, ticket: Ticket) -> None:
    sources = SourceSet(ticket)
    assert check_document(document, sources, ticket) == []
    for claim in claims_of(document):
        assert not claim.citations or verbatim(claim.text, Cited(sources, claim.citations)), claim.text


@BOTH
def test_documents_of_real_tickets_hold(shared_data: Path, write: Write) -> None:
    for ticket in islice(duplicates(shared_data), 0, None, 16):
        document = write(given(ticket))
        holds(document, ticket)
        assert word_count(render(document)) <= SUMMARY_WORDS


@BOTH
def test_real_tickets_with_no_body_or_a_very_long_title_invent_nothing(shared_data: Path, write: Write) -> None:
    odd = [ticket for ticket in duplicates(shared_data) if not ticket.body.strip() or len(ticket.title) > 90]
    assert len(odd) > 100
    for ticket in odd[::3]:
        document = write(given(ticket))
        holds(document, ticket)
        if not ticket.body.strip():
            assert len(claims_of(document)) <= 2


@FOUR
@pytest.mark.parametrize("compact", [False, True])
def test_no_cause_is_claimed_where_nothing_is_wrong_any_more(shared_data: Path, write: Write, compact: bool) -> None:
    for incident in incidents(shared_data, compact=compact):
        document = write(given(incident.ticket))
        holds(document, incident.ticket)
        said = " ".join(claim.text for claim in claims_of(document))
        for word in incident.gold["forbidden_keywords"] or ():
            assert word.casefold() not in said.casefold()
        if incident.healthy:
            assert not CAUSE.search(said), incident.name
        if isinstance(document, ResolutionNotes):
            assert document.cause.status is ClaimStatus.UNKNOWN or not incident.healthy
            assert (document.code_citation is None) is (document.code is ResolutionCode.UNKNOWN)


def test_summaries_of_real_incidents_hold_what_has_to_be_in_them(shared_data: Path) -> None:
    wanted = found = 0
    for incident in incidents(shared_data):
        said = " ".join(claim.text for claim in claims_of(incident_summary(given(incident.ticket)))).casefold()
        words = [word.casefold() for word in incident.gold["required_keywords"] or ()]
        wanted += len(words)
        found += sum(word in said for word in words)
    assert found / wanted >= 0.9


@BOTH
def test_hostile_texts_are_quoted_like_any_other(shared_data: Path, write: Write) -> None:
    for _, text in islice(hostile(shared_data), 0, None, 7):
        for ticket in (
            build(text, "Something fails."),
            build("Disk full", text),
            build("Disk full", "", (("alex", "comment", text), (text[:200], "alert", text))),
        ):
            document = write(given(ticket))
            holds(document, ticket)
            assert "\x1b" not in render(document)
            if write is escalation_package:
                assert "\x1b" not in as_markdown(document)  # type: ignore[arg-type]
