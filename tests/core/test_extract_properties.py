"""Whatever a ticket holds: documents of it hold, are quotations, and keep their limits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given as forall, settings, strategies as st

from opstui.core.checks.document import check_document
from opstui.core.checks.spans import Cited, verbatim
from opstui.core.codec import decode, encode
from opstui.core.documents import EscalationPackage, IncidentSummary, KBProposal, ProposalKind, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.knowledge import kb_proposal
from opstui.core.extract.summary import incident_summary
from opstui.core.pages.general import general, particulars
from opstui.core.pages.shape import front_end, sections
from opstui.core.pages.writing import Wording, page_text
from opstui.core.render.plain import FIRST_SCREEN_WORDS, SUMMARY_WORDS, word_count
from opstui.core.render.registry import as_comment as render, as_markdown
from opstui.core.sources import SourceSet
from opstui.core.text import clean
from opstui.core.tickets import EntryKind, StatusCategory
from tests.core.real_input import NOW, build, first_screen, given

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


@settings(max_examples=60, deadline=None)
@forall(TEXT, TEXT, st.lists(ENTRY, max_size=4))
def test_a_page_of_any_ticket_is_a_page_and_says_nothing_of_its_people(
    title: str, body: str, entries: list[tuple[str, str, str]]
) -> None:
    ticket = build(title, body, tuple(entries))
    made = kb_proposal(given(ticket))
    assert check_document(made, SourceSet(ticket), ticket) == []
    assert decode(KBProposal, encode(made)) == made
    given_by = particulars([ticket])
    wording = Wording(general=lambda text: general(text, given_by), today=NOW.date())
    page = page_text(made, None, wording)
    lines = page.split("\n")
    end = front_end(lines)
    assert [line.split(":")[0] for line in lines[1 : end - 1]] == ["title", "state", "evidence", "review_by"]
    headings = [section.title for section in sections(lines) if section.level == 2]
    assert headings == [name for name in ("Issue", "Environment", "Cause", "Resolution") if name in headings]
    assert not any(line.startswith(("<", "    ", "```", "|")) for line in lines[end:])
    base = "# T\n\n## Steps\n\n1. a\n\n## End\n"
    amended = page_text(replace(made, kind=ProposalKind.AMEND, target="kb/x"), base, wording).split("\n")
    kept = iter(amended)
    assert all(any(line == other for other in kept) for line in base.split("\n"))


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
