"""What was hidden from a runtime, brought back or hidden again: in documents, drafts and on the operator's screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from opstui.core.desk.sessions import Redacted
from opstui.core.documents import DOCUMENTS, CitationKind, citations_of
from opstui.core.redaction import PLACEHOLDER, Placeholders
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM, TicketRef, Visibility
from opstui.services.hidden_documents import hidden_words, mapped, quote_without
from opstui.services.hiding import Hiding, line_by_line
from opstui.services.hiding_key import KEY_BYTES
from opstui.services.ticket_words import texts_behind, ticket_text, ticket_texts
from opstui.services.tool_inputs import SEARCH_LIMIT

if TYPE_CHECKING:
    from opstui.core.drafts import Draft
    from opstui.core.sessions import Session
    from opstui.core.tickets import Ticket
    from opstui.services.setup import Setup

D = TypeVar("D")
EVENTS = 10_000
"""Events of a session that are looked through for what it read."""


def redacted(setup: Setup, text: str) -> Redacted:
    """What a model would be shown of ``text``, under a key that is thrown away. Raises NotRedacted."""
    spans = setup.redactor.spans(text)
    made = Placeholders(setup.randomness.bytes(KEY_BYTES))
    return Redacted(made.hide(text, line_by_line(text, spans)), spans)


def plain_document(setup: Setup, session: Session, document: D, ticket: Ticket) -> D:
    """A stored document as its draft for ``ticket`` may hold it: see ``true_words``. Raises NotRedacted."""
    return true_words(setup, session, document, ticket)[1]


def true_words(setup: Setup, session: Session, document: D, ticket: Ticket) -> tuple[D, D]:
    """A stored document with its true words, found by hiding the session's sources once more under its key.

    Twice: with every value, to check its claims against their sources; and as its draft may hold it, where a value
    from elsewhere than ``ticket`` is only named. Raises NotRedacted.
    """
    if "⟦" not in "".join(hidden_words(document)):
        return document, document
    hiding = rehidden(setup, session, ticket, document)
    workflow = setup.workflows.get(session.workflow)
    public = workflow is not None and workflow.public_comment
    text = "\n".join(ticket_text(one) for one in (ticket, *_boards(setup, session)))
    drafted = for_ticket(document, hiding, text, public=public)
    return mapped(document, hiding.restore), drafted


def as_sent(setup: Setup, draft: Draft, ticket: Ticket) -> Draft:
    """A session's draft with the secrets of its own ticket where its words have placeholders. Raises NotRedacted."""
    session = setup.record.session(draft.session) if draft.session is not None else None
    comment = draft.comment()
    text = str(comment.to or "") if comment is not None else ""
    if session is None or comment is None or PLACEHOLDER.search(text) is None:
        return draft
    hiding = rehidden(setup, session, ticket, None)
    public = comment.visibility is not Visibility.INTERNAL
    whole = hiding.restore_for(text, ticket_text(ticket), public=public, sent=True)
    return replace(draft, ops=tuple(replace(op, to=whole) if op is comment else op for op in draft.ops))


def for_ticket(document: D, hiding: Hiding, ticket: str, *, public: bool) -> D:
    """A hidden document as a draft for the ticket with this text may hold it: see ``Hiding.restore_for``."""

    def quote(text: str) -> str:
        return quote_without(hiding.restore_for(text, ticket, public=public, named=False))

    return mapped(document, lambda words: hiding.restore_for(words, ticket, public=public), quote)


def named_in(handed_in: object, hiding: Hiding) -> dict[str, str]:
    """Value → kind, of the placeholders that an agent wrote and that are this session's."""
    values = hiding.values
    marks = [mark for words in hidden_words(handed_in) for mark in PLACEHOLDER.finditer(words)]
    return {values[mark.group()]: mark[1] for mark in marks if mark.group() in values}


def hidden_as(whole: D, hiding: Hiding, handed_in: object) -> D:
    """A document with its true words as it is stored: everything that was hidden from its agent hidden again.

    ``handed_in``: what the agent wrote; a value that it named by its placeholder is hidden however short it is.
    """
    named = named_in(handed_in, hiding)

    def quote(text: str) -> str:
        # Code quotes too, the line that set the severity for one; there a rule sees what stands around a value.
        return quote_without(hiding.hide_words(text, named, scan=True))

    return mapped(whole, lambda words: hiding.hide_words(words, named), quote)


def hidden_values(setup: Setup, session: Session) -> Mapping[str, str]:
    """What was kept from a session's runtime, placeholder → value, for the operator's own screen.

    Empty for a ticket that is not known any more. Raises NotRedacted.
    """
    if session.ticket.system == BOARD_SYSTEM:
        from opstui.services.board import given_to

        board = given_to(setup, session)
        return rehidden(setup, session, board, None).values if board is not None else {}
    known = setup.cache.ticket(session.ticket)
    if known is None:
        return {}
    return rehidden(setup, session, known[0], None).values


def _boards(setup: Setup, session: Session) -> tuple[Ticket, ...]:
    """The shift's board, where the session was given it beside its own ticket."""
    workflow = setup.workflows.get(session.workflow)
    if workflow is None or not workflow.is_about_the_shift or session.ticket.system == BOARD_SYSTEM:
        return ()
    from opstui.services.board import given_to

    board = given_to(setup, session)
    return (board,) if board is not None else ()


def rehidden(setup: Setup, session: Session, ticket: Ticket, document: object) -> Hiding:
    """The session's placeholders, made again from what it read: its ticket, and what its calls and document name."""
    hiding = Hiding(setup.redactor, setup.hiding_key(session.id))
    about = (ticket, *_boards(setup, session))
    hiding.learn(texts_behind(setup.cache, about))
    for one in about:
        hiding.learn(ticket_texts(one))
        ticket_text(one, hiding.text)
    citations = citations_of(document) if type(document) in DOCUMENTS.values() else []
    docs = dict.fromkeys(citation.ref for citation in citations if citation.kind is CitationKind.DOC)
    tickets = dict.fromkeys(citation.ref.rpartition("#")[0] for citation in citations if ":" in citation.ref)
    for event in setup.record.events(session.id, after=0, limit=EVENTS):
        name, given = event.data.get("name"), event.data.get("input")
        if event.type != "tool.call" or not isinstance(given, Mapping):
            continue
        if name == "read_document":
            docs.setdefault(str(given.get("doc", "")))
        elif name == "search_knowledge" and str(given.get("query", "")).strip():
            query = clean_line(hiding.restore(str(given["query"])))
            docs.update(dict.fromkeys(hit.doc for hit in setup.knowledge.search(query, SEARCH_LIMIT)))
    for doc in docs:
        page = setup.knowledge.page(doc)
        if page is not None:
            hiding.text(page.title)
            hiding.text(page.text)
    for ref in tickets:
        if not ref.partition(":")[2]:
            continue
        other = setup.cache.ticket(TicketRef.parse(ref))
        for text in ticket_texts(other[0]) if other is not None else ():
            hiding.text(text)
    return hiding
