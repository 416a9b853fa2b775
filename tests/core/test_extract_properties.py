"""Whatever a ticket holds: documents of it hold, are quotations, and keep their limits."""

from __future__ import annotations

from hypothesis import given as forall, settings, strategies as st

from opstui.core.checks.document import check_document
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.codec import decode, encode
from opstui.core.documents import EscalationPackage, IncidentSummary, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.summary import incident_summary
from opstui.core.render.plain import FIRST_SCREEN_WORDS, SUMMARY_WORDS, word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.sources import SourceSet
from opstui.core.text import clean
from opstui.core.tickets import EntryKind, StatusCategory
from tests.core.real_input import build, first_screen, given

WORDS = (
    "restarted checked rolled out not no never found nothing ruled because of due to suspect maybe error fails 5xx 12 %"
    " at 09:14 2026-11-20 web-1 customers cannot pay next: please ask the db team If it fails, then stop. Root cause"
    ' recovered by itself data loss lost was the Correction: severity 2 → 1 \n \\n " { } : … 日本 👩‍🚒 `x` | ##'
    ' - {code} "message": "it failed now" "state": "ok" http://a.example/b ? ! . , ( ) é x\u0301'
).split(" ")
TEXT = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
AUTHORS = st.sampled_from(["dana", "alertmanager", "customer (order 7)", ""])
KINDS = st.sampled_from([kind.value for kind in EntryKind])
ENTRY = st.tuples(AUTHORS, KINDS, TEXT)


@settings(max_examples=100, deadline=None)
@forall(TEXT, TEXT, st.lists(ENTRY, max_size=6), st.sampled_from(list(StatusCategory)))
def test_documents_of_any_ticket_hold(
    title: str, body: str, entries: list[tuple[str, str, str]], category: StatusCategory
) -> None:
    ticket = build(title, body, tuple(entries), category=category, status=category.value)
    sources = SourceSet(ticket)
    summary = incident_summary(given(ticket))
    package = escalation_package(given(ticket))
    for document in (summary, package):
        assert check_document(document, sources, ticket) == []
        for claim in claims_of(document):
            assert not claim.citations or verbatim(claim.text, Cited(sources, claim.citations))
        assert render(document) == clean(str(render(document)))
    assert decode(IncidentSummary, encode(summary)) == summary
    assert decode(EscalationPackage, encode(package)) == package
    assert word_count(render(summary)) <= SUMMARY_WORDS
    assert word_count(first_screen(render(summary))) <= FIRST_SCREEN_WORDS
    assert as_markdown(package).startswith("# Escalation local:INC-1042\n")
