"""Labelled cases: what a person answered to a check, kept with what the claim was held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opstui.core.documents import Claim, Document, claims_of
from opstui.core.errors import NotRedacted
from opstui.core.evaluation import Expectations, Label
from opstui.core.ids import new_id
from opstui.core.ports import Paper
from opstui.core.redaction import PLACEHOLDER, Placeholders
from opstui.core.tickets import BOARD_SYSTEM
from opstui.services.evaluation_cases import Case, ticket_json, ticket_of, write_case

if TYPE_CHECKING:
    from opstui.core.documents import Finding
    from opstui.core.drafts import Draft
    from opstui.core.pages.proposal import Proposal
    from opstui.core.sources import SourceSet
    from opstui.core.tickets import Ticket
    from opstui.services.setup import Setup

KIND = "case"
TEXT_LIMIT = 64 * 1024
"""Code points of a text of the ticket that is kept."""
LINE_LIMIT = 4_000

Hide = Callable[[str], str]


def hiding(setup: Setup) -> Hide:
    """Takes out of texts what must not leave this machine; the same value gets the same name all through a case."""
    from opstui.services.hiding import line_by_line
    from opstui.services.hiding_key import KEY_BYTES

    made = Placeholders(setup.randomness.bytes(KEY_BYTES))

    def hide(text: str) -> str:
        hidden = made.hide(text, line_by_line(text, setup.redactor.spans(text)))
        # A word of its own: a placeholder would be taken for one of the session that replays the case.
        return PLACEHOLDER.sub(lambda match: f"{match[1]}-{match[2]}", hidden)

    return hide


def hidden_ticket(ticket: Ticket, hide: Hide) -> Ticket:
    """The ticket without secrets and personal data. Raises NotRedacted."""
    return ticket_of(_each_text(ticket_json(ticket), hide))


def _each_text(value: Any, hide: Hide, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _each_text(item, hide, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, hide, key) for item in value]
    if isinstance(value, str) and key not in _AS_IT_IS:
        return hide(value[:TEXT_LIMIT])
    return value


_AS_IT_IS = frozenset("ref id at kind visibility category created_at updated_at due_at version".split())


def labels(
    setup: Setup,
    draft: Draft | Proposal,
    ticket: Ticket,
    document: Document | None,
    sources: SourceSet,
    findings: Sequence[Finding],
) -> list[Paper]:
    """A paper for each check of a draft, or of a proposal for a page, that a person answered; empty where nothing was.

    Everything in it went through the redactor. What can't be redacted is left out, and the label is kept without it.
    """
    answered = [finding for finding in findings if finding.overridden]
    if not answered:
        return []
    hide = hiding(setup)
    try:
        whole: Mapping[str, Any] | None = ticket_json(hidden_ticket(ticket, hide))
    except (NotRedacted, ValueError, KeyError):
        whole = None
    claims = {claim.id: claim for claim in claims_of(document)} if document is not None else {}
    return [
        Paper(
            kind=KIND,
            id=new_id(setup.clock, setup.randomness),
            subject=str(draft.ticket),
            state="open",
            created_at=setup.clock.now(),
            content={
                "workflow": draft.workflow,
                "version": draft.workflow_version,
                "draft": draft.id,
                "session": draft.session,
                "by": setup.operator,
                "document": type(document).__name__ if document is not None else None,
                "check": finding.id,
                "level": finding.level,
                "text": _or_nothing(finding.text, hide),
                "reason": finding.overridden,
                **_claim(claims.get(finding.claim or ""), finding, sources, hide),
                "ticket": whole,
            },
        )
        for finding in answered
    ]


def _claim(claim: Claim | None, finding: Finding, sources: SourceSet, hide: Hide) -> dict[str, Any]:
    citations = claim.citations if claim is not None else (finding.citation,) if finding.citation is not None else ()
    return {
        "claim": _or_nothing(claim.text, hide) if claim is not None else "",
        "status": claim.status.value if claim is not None else "",
        "sources": [
            {
                "ref": citation.ref,
                "lines": [citation.line_start, citation.line_end],
                "text": _or_nothing("\n".join(line[:LINE_LIMIT] for line in sources.span_lines(citation)), hide),
            }
            for citation in citations
        ],
    }


def _or_nothing(text: str, hide: Hide) -> str:
    try:
        return hide(text)
    except NotRedacted:
        return ""


# --- as case folders --------------------------------------------------------------------------------------------------


def label_of(content: Mapping[str, Any]) -> Label:
    """What a paper holds, as a case's label."""
    return Label(
        check=str(content["check"]),
        reason=str(content["reason"]),
        text=str(content["text"]),
        claim=str(content["claim"]),
        quotes=tuple(str(source["text"])[:400] for source in content["sources"]),
    )


def export(setup: Setup, folder: Path, workflow: str | None = None) -> tuple[list[str], list[str]]:
    """Each labelled ticket of a workflow as a case folder: names of the new ones, and of those that are there already.

    Labels of one draft make one case. A label whose ticket could not be redacted has none, and neither has one of a
    draft that no workflow wrote. Raises OSError.
    """
    made: list[str] = []
    there: list[str] = []
    by_draft: dict[str, list[Paper]] = {}
    for paper in reversed(setup.record.papers(KIND, limit=5_000)):
        content = paper.content
        if content.get("ticket") and content.get("workflow") and workflow in (None, content["workflow"]):
            by_draft.setdefault(str(paper.content["draft"]), []).append(paper)
    for draft, papers in by_draft.items():
        first = papers[0].content
        ticket = ticket_of(first["ticket"])
        name = f"label-{_file_name(ticket.ref.key)}-{draft[-6:].lower()}"
        case = Case(
            name=name,
            workflow=str(first["workflow"]),
            at=papers[0].created_at,
            ticket=ticket,
            wanted=Expectations(labels=tuple(label_of(paper.content) for paper in papers)),
        )
        if (folder / name).exists():
            there.append(name)
            continue
        pages = _pages(setup, papers)
        write_case(folder / name, case, note="a person answered a check here", pages=pages)
        made.append(name)
    return made, there


def _pages(setup: Setup, papers: list[Paper]) -> dict[str, str]:
    """The pages that the labelled claims cite, as they are indexed now."""
    refs = {source["ref"] for paper in papers for source in paper.content["sources"]}
    found = {ref: setup.knowledge.page(ref) for ref in sorted(refs) if "#" not in ref}
    hide = hiding(setup)
    return {ref: _or_nothing(page.text, hide) for ref, page in found.items() if page is not None}


def record_case(setup: Setup, case: Case, folder: Path, *, note: str) -> Path:
    """A live ticket as a case folder, without secrets and personal data; with the pages that answer it, and tickets
    like it. Raises NotRedacted, OSError, also where the folder is there already."""
    from opstui.core.extract.query import knowledge_query

    hide = hiding(setup)
    pages: dict[str, str] = {}
    is_board = case.ticket.ref.system == BOARD_SYSTEM
    query = "" if is_board else knowledge_query(case.ticket)
    if query.strip():
        for hit in setup.knowledge.search(query, 8):
            page = setup.knowledge.page(hit.doc)
            if page is not None:
                pages[hit.doc] = hide(page.text)
    others = []
    for row, _score in [] if is_board else setup.cache.similar(case.ticket, 5):
        known = setup.cache.ticket(row.ref)
        if known is not None and row.ref != case.ticket.ref:
            others.append(hidden_ticket(known[0], hide))
    recorded = Case(
        name=case.name,
        workflow=case.workflow,
        at=case.at,
        ticket=hidden_ticket(case.ticket, hide),
        others=tuple(others),
        page=case.page,
        wanted=case.wanted,
    )
    write_case(folder, recorded, note=note, pages=pages)
    return folder


def _file_name(text: str) -> str:
    return "".join(char if char.isalnum() or char in "._-" else "-" for char in text)[:60]
