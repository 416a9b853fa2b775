from __future__ import annotations

import pytest
from hypothesis import given as forall, strategies as st

from opstui.core.checks.m1 import citation_fault
from opstui.core.documents import CITATION_LINES, QUOTE_LIMIT, CitationKind
from opstui.core.errors import NotFound
from opstui.core.sources import SourceSet, sha12
from opstui.core.text import clean
from tests.core.real_input import build, page

TICKET = build(
    "DNS timeouts from build agents",
    "Lookups fail since 09:08.\n\nAbout 12 % of builds fail.",
    (("dana", "comment", "restarted node-local-dns on agents-3, no change"),),
)


def test_line_one_of_the_ticket_itself_is_its_title_and_the_body_starts_at_line_two() -> None:
    assert SourceSet(TICKET).lines("INC-1042#0") == [
        "DNS timeouts from build agents",
        "Lookups fail since 09:08.",
        "",
        "About 12 % of builds fail.",
    ]


def test_a_ticket_without_a_body_has_one_line() -> None:
    assert SourceSet(build("Disk full")).lines("INC-1042#0") == ["Disk full"]


def test_lines_of_an_entry_begin_with_its_text() -> None:
    assert SourceSet(TICKET).lines("INC-1042#1") == ["restarted node-local-dns on agents-3, no change"]


def test_another_ticket_is_cited_with_its_system_and_pages_by_their_id() -> None:
    other = build("Older trouble", key="INC-7")
    sources = SourceSet(TICKET, tickets=[other], pages=[page("runbooks/Dns", "# DNS\nCheck it.")])
    assert sources.lines("local:INC-7#0") == ["Older trouble"]
    assert sources.find("INC-7#0") is None
    assert sources.source("runbooks/Dns").kind is CitationKind.DOC


def test_a_ref_that_was_never_added_is_not_found() -> None:
    with pytest.raises(NotFound, match="not among this session's sources"):
        SourceSet(TICKET).lines("INC-9#0")


def test_the_hash_is_over_the_bytes_of_exactly_the_cited_lines() -> None:
    sources = SourceSet(TICKET)
    cited = sources.cite("INC-1042#0", 2, 4, "12 % of builds")
    assert cited.sha256_12 == sha12("Lookups fail since 09:08.\n\nAbout 12 % of builds fail.")
    assert cited.quote == "12 % of builds"


@forall(st.text(max_size=400), st.integers(-5, 400), st.integers(-5, 400), st.text(max_size=260))
def test_whatever_is_asked_for_a_citation_holds(body: str, start: int, end: int, quote: str) -> None:
    sources = SourceSet(build("Title", str(clean(body))))
    cited = sources.cite("INC-1042#0", start, end, quote)
    assert citation_fault(cited, sources) is None
    assert len(cited.quote) <= QUOTE_LIMIT
    assert cited.line_end - cited.line_start < CITATION_LINES


def test_a_quote_of_two_hundred_characters_inside_one_endless_line_holds() -> None:
    sources = SourceSet(build("Title", "x" * 500_000 + " needle " + "y" * 500_000))
    cited = sources.cite("INC-1042#0", 2, 2, "needle")
    assert citation_fault(cited, sources) is None
    assert cited.quote == "needle"
