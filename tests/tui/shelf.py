"""Runbooks and similar tickets of the scripted desk: a page of each state, a source that does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from opstui.core import desk as d
from opstui.core.document_kinds.knowledge import ProposalKind
from opstui.core.errors import NotFound
from opstui.core.knowledge import Hit, Page, PageFacts, PageRow, PageState, Strength
from opstui.core.pages.proposal import Proposal
from opstui.core.text import SafeText, clean
from opstui.core.tickets import Status, StatusCategory, TicketRef

NOW = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)
CORE_DNS = "\n".join(
    [
        "# CoreDNSErrorsHigh",
        "",
        "## Meaning",
        "CoreDNS answers more than 3 % of the queries with an error.",
        *("" for _ in range(6)),
        "## Diagnosis",
        "Check whether the upstream resolvers answer: `dig @10.0.3.3 build.internal`",
        "A resolver that needs more than 100 ms is a slow one; DNS clients give up after two of them.",
        *(f"Step {number}: look at resolver {number}, then go on to the next one." for number in range(14, 60)),
    ]
)


def page(doc: str, title: str, text: str, days: int, **facts: Any) -> Page:
    """A page that was changed ``days`` ago."""
    about = PageFacts(**{"owner": SafeText("net-core"), "author": SafeText("dana")} | facts)
    return Page(doc, SafeText(title), clean(text), f"hash-{doc}", NOW - timedelta(days=days), None, about)


PAGES = (
    page("runbooks/CoreDNSErrorsHigh", "CoreDNSErrorsHigh", CORE_DNS, 21, services=(SafeText("dns"),)),
    page("runbooks/DnsOld", "DNS: restart the cache", "Restart it.", 620, state=PageState.SUPERSEDED,
         superseded_by=SafeText("runbooks/CoreDNSErrorsHigh")),
    page("runbooks/Printer", "Label printer offline", "Not written yet.", 2, state=PageState.DRAFT),
    page("wiki/Certificates", "Certificates", "Renew it.", 377, review_by=date(2026, 11, 8), owner=SafeText("ops")),
)  # fmt: skip


class Shelf:
    """Answers the questions about runbooks and similar tickets."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {one.doc: one for one in PAGES}
        self.faults: Mapping[str, str] = {"wiki": "wiki.example: not reachable (connection refused)"}
        self.proposals: tuple[Proposal, ...] = (
            Proposal(
                id="S9",
                doc="runbooks/CoreDNSErrorsHigh",
                kind=ProposalKind.AMEND,
                title="CoreDNSErrorsHigh",
                created_at=NOW - timedelta(hours=3),
                text="new",
                drafted="new",
                base="old",
                evidence=("local:NET-87",),
                ticket="local:NET-87",
                workflow="knowledge-update",
                workflow_version="0123456789abcdef",
                engine="extractive",
                operator="alex",
            ),
        )
        self.similar: tuple[d.SimilarTicket, ...] = (
            d.SimilarTicket(
                ref=TicketRef("local", "DESK-2199"),
                title=SafeText("Request number 1: access to a shared folder"),
                status=Status(SafeText("waiting"), StatusCategory.WAITING),
                score=4.2,
                shared=("10.0.3.3", "node-local-dns"),
                strong=True,
                reason="both name 10.0.3.3, node-local-dns",
            ),
        )

    def hits(self, query: str) -> tuple[Hit, ...]:
        """What answers: anything with dns in it finds two pages, anything with a known title's word that one."""
        words = query.casefold().split()
        if any(word.startswith("zzz") for word in words):
            return ()
        found = []
        for one in self.pages.values():
            text = f"{one.title} {one.text}".casefold()
            if words and all(word in text for word in words):
                is_strong = one.facts.state.is_guidance and any(word in one.title.casefold() for word in words)
                found.append(_hit(one, Strength.STRONG if is_strong else Strength.WEAK))
        return tuple(sorted(found, key=lambda hit: hit.strength is not Strength.STRONG))

    def answer(self, question: d.Question[Any]) -> Any:
        """The answer to one of them."""
        match question:
            case d.KnowledgeSearch(query=query):
                return self.hits(query)
            case d.KnowledgePages(source=source):
                rows = [
                    PageRow(doc=one.doc, title=one.title, source=one.doc.partition("/")[0], facts=one.facts,
                            content_hash=one.content_hash, changed_at=one.changed_at)
                    for one in self.pages.values()
                ]  # fmt: skip
                return tuple(row for row in rows if source in (None, row.source))
            case d.KnowledgePage(doc=doc):
                if doc not in self.pages:
                    raise NotFound(f"there is no page {doc} in the runbooks")
                return self.pages[doc]
            case d.KnowledgeFaults():
                return self.faults
            case d.SimilarTickets():
                return self.similar
            case d.Proposals():
                return self.proposals
            case d.Handovers():
                return ()
        raise NotImplementedError(type(question).__name__)

    def judge(self, command: d.JudgeSimilar, now: datetime) -> d.Outcome[None]:
        """Keep the answer."""
        verdict = {True: "yes", False: "no", None: None}[command.same]
        by, at = ("alex", now) if verdict else (None, None)
        self.similar = tuple(
            replace(one, verdict=verdict, by=by, at=at) if one.ref == command.other else one for one in self.similar
        )
        return d.Outcome()


def _hit(one: Page, strength: Strength) -> Hit:
    start, end = (12, 13) if one.doc.endswith("CoreDNSErrorsHigh") else (1, 1)
    lines = one.text.split("\n")[start - 1 : end]
    section = SafeText("Diagnosis") if start > 1 else SafeText("")
    return Hit(one.doc, one.title, 1.0, start, end, SafeText("\n".join(lines)), strength, 0.8, one.changed_at,
               section, one.facts)  # fmt: skip
