"""What code adds to a proposal for a page, whoever wrote its parts: where it goes, the page itself, the difference,
what it would publish, and which page says nearly the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from opstui.core.checks.m1 import stems
from opstui.core.document_kinds.knowledge import KBProposal, NearestPage, PrivateSpan, ProposalKind
from opstui.core.errors import Refused, UsageError
from opstui.core.extract.query import alert_names
from opstui.core.frozen import dataclass
from opstui.core.pages.changes import unified
from opstui.core.pages.general import general, particulars
from opstui.core.pages.proposal import is_title
from opstui.core.pages.shape import slug
from opstui.core.pages.writing import Wording, page_text, review_date, title_of
from opstui.core.ports import WritableSource
from opstui.core.redaction import PLACEHOLDER, merged
from opstui.core.text import clean, clean_line

if TYPE_CHECKING:
    from opstui.core.knowledge import Page
    from opstui.core.ports import KnowledgeIndex, Redactor
    from opstui.core.tickets import Ticket

NAMES = 99
"""Numbers tried after a new page's name until one is free."""
QUERY_LIMIT = 600
"""Characters of what is looked for to find a page that says the same."""
_INSTEAD = {"PERSON": "[name]", "EMAIL": "[address]", "IP": "[address]", "MAC": "[address]"}
_DOC = re.compile(r"[a-z0-9][a-z0-9_-]*/[^\x00-\x1f]{1,200}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What a proposal is completed with."""

    knowledge: KnowledgeIndex
    redactor: Redactor | None
    """None: nothing is looked for; only where the page is never written."""
    tickets: tuple[Ticket, ...]
    """The session's own first, then the others that it read."""
    today: date
    wanted: str = ""
    """The page that the operator named."""
    seen: Collection[str] | None = None
    """The pages that the session may change; None: any."""


def wanted_page(knowledge: KnowledgeIndex, doc: str) -> str:
    """The id of a page that an operator named, there or new. Raises UsageError, Refused."""
    doc = str(clean_line(doc, limit=300)).strip().removesuffix(".md")
    source = knowledge.source_of(doc) if _DOC.match(doc) else None
    if source is None:
        names = ", ".join(one.name for one in knowledge.sources()) or "none is configured"
        raise UsageError(f"{doc or 'nothing'}: a page is named SOURCE/PATH; sources: {names}")
    if knowledge.page(doc) is None and not takes_pages(source):
        raise Refused(f"{doc}: there is no such page, and none can be written to {source.name}")
    return doc


def takes_pages(source: object) -> bool:
    """Whether a page that a person accepted can be written to this source."""
    return isinstance(source, WritableSource) and source.writable


def completed(proposal: KBProposal, shelf: Shelf) -> tuple[KBProposal, tuple[str, ...]]:
    """The proposal with every field that code sets, and what is wrong with the rest of it, as ``path: problem``.

    Raises NotRedacted.
    """
    proposal = replace(proposal, evidence=tuple(dict.fromkeys(_ref(ref, shelf) for ref in proposal.evidence)))
    problems = tuple(_problems(proposal, shelf))
    if problems:
        return proposal, problems
    done = composed(proposal, shelf)
    if not done.diff and not done.open_questions:
        mend = "say what worked that it does not say, or in open_questions what is missing"
        return proposal, (f"resolution: nothing would change on {done.target or 'the page'}; {mend}",)
    return done, ()


def composed(proposal: KBProposal, shelf: Shelf) -> KBProposal:
    """The proposal with every field that code sets. Raises NotRedacted."""
    words = _words(shelf)
    if proposal.kind is ProposalKind.NEW:
        proposal = replace(proposal, target=_place(proposal, shelf, words))
    page = shelf.knowledge.page(proposal.target) if proposal.target else None
    source: object = shelf.knowledge.source_of(proposal.target) if proposal.target else None
    owner = page.facts.owner if page is not None else None
    if owner is None and isinstance(source, WritableSource):
        owner = clean_line(source.owner) or None
    own = shelf.tickets[0] if shelf.tickets else None
    wording = Wording(
        general=words,
        today=shelf.today,
        owner=str(owner) if owner else None,
        services=tuple(str(name) for name in own.services[:5]) if own is not None else (),
        codes=tuple(alert_names(own)[:3]) if own is not None else (),
    )
    base = str(page.text) if page is not None else None
    text = str(clean(page_text(proposal, base, wording)))
    return replace(
        proposal,
        title=title_of(proposal, words) if page is None else proposal.title,
        base_hash=page.content_hash if page is not None else None,
        page=text,
        diff="\n".join(unified(base, text, proposal.target or slug(proposal.title))),
        private=private_in(text, base, shelf.redactor),
        nearest=nearest(proposal, shelf.knowledge, words),
        reviewer=wording.owner,
        review_by=review_date(shelf.today),
    )


def private_in(text: str, base: str | None, redactor: Redactor | None) -> tuple[PrivateSpan, ...]:
    """Personal data and secrets in a page, by line; those in lines of ``base`` are marked. Raises NotRedacted."""
    if redactor is None:
        return ()
    lines = text.split("\n")
    there = frozenset(base.split("\n")) if base is not None else frozenset()
    found: dict[PrivateSpan, None] = {}
    for span in redactor.spans(text):
        first = text.count("\n", 0, span.start)
        found.setdefault(PrivateSpan(kind=span.kind, line=first + 1, published=lines[first] in there))
    return tuple(found)


def nearest(proposal: KBProposal, knowledge: KnowledgeIndex, words: Callable[[str], str]) -> NearestPage | None:
    """The other page with the proposal's title, else the one with most of its words; None where none has any."""
    said = [proposal.title, *(claim.text for claim in proposal.issue), *(step.text for step in proposal.resolution)]
    text = words(" ".join([*said, proposal.cause.text if proposal.cause is not None else ""]))
    own = stems(text)
    best: tuple[tuple[bool, float], Page] | None = None
    for hit in knowledge.search(text[:QUERY_LIMIT], 8) if own else ():
        page = knowledge.page(hit.doc) if hit.doc != proposal.target else None
        if page is None:
            continue
        score = len(own & stems(f"{page.title} {page.text}")) / len(own)
        rank = is_title(page.title, proposal.title), score
        if best is None or rank > best[0]:
            best = rank, page
    if best is None or best[0] <= (False, 0.0):
        return None
    return NearestPage(doc=best[1].doc, title=str(best[1].title), score=round(best[0][1], 3))


def _ref(ref: str, shelf: Shelf) -> str:
    """A ticket as it is named, ``local:OPS-2``, where it was written as a search tells it or as people call it."""
    plain = ref.partition("#")[0].strip()
    for ticket in shelf.tickets:
        if plain in (str(ticket.ref), ticket.ref.called):
            return str(ticket.ref)
    return plain or ref


def _problems(proposal: KBProposal, shelf: Shelf) -> Iterable[str]:
    target, wanted = proposal.target, shelf.wanted
    page = shelf.knowledge.page(target) if target else None
    known = {str(ticket.ref) for ticket in shelf.tickets}
    for ref in proposal.evidence:
        if ref not in known:
            yield f"evidence: {clean_line(ref, limit=80)} is none of this session's tickets (SYSTEM:KEY)"
    if shelf.tickets and str(shelf.tickets[0].ref) not in proposal.evidence:
        yield f"evidence: {shelf.tickets[0].ref}, which all of this is about, is missing"
    if wanted and shelf.knowledge.page(wanted) is not None and (target != wanted or proposal.kind is ProposalKind.NEW):
        yield f"target: the operator wants {wanted} changed; amend or deprecate that page"
    elif proposal.kind is not ProposalKind.NEW and page is None:
        yield f"target: there is no page {clean_line(target or '', limit=120)}"
    elif proposal.kind is not ProposalKind.NEW and shelf.seen is not None and target not in shelf.seen:
        yield "target: that page was not among this session's search results"


def _words(shelf: Shelf) -> Callable[[str], str]:
    """What takes out of a text what nobody may read on a page, and what belongs to one case."""
    given = particulars(shelf.tickets)

    def words(text: str) -> str:
        text = PLACEHOLDER.sub(lambda match: _instead(match[1]), text)
        if shelf.redactor is not None:
            for span in reversed(merged(shelf.redactor.spans(text))):
                text = text[: span.start] + _instead(span.kind) + text[span.end :]
        return general(text, given)

    return words


def _instead(kind: str) -> str:
    return _INSTEAD.get(kind, f"[{kind.lower().replace('_', ' ')}]")


def _place(proposal: KBProposal, shelf: Shelf, words: Callable[[str], str]) -> str | None:
    """Where a new page goes: where the operator said, else into the first source that takes one; None: nowhere."""
    if shelf.wanted:
        return shelf.wanted
    source = next((one for one in shelf.knowledge.sources() if takes_pages(one)), None)
    if source is None:
        return None
    name = f"{source.name}/{slug(title_of(proposal, words))}"
    tried = [name, *(f"{name}-{number}" for number in range(2, NAMES))]
    return next((doc for doc in tried if shelf.knowledge.page(doc) is None), None)
