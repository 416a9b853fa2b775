"""Shift handovers: the paper that an accepted document becomes, the walk through it, and the read-back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opstui.core.audit import AuditEntry
from opstui.core.boards import shift_ref
from opstui.core.canonical import canonical, fingerprint
from opstui.core.codec import decode, encode
from opstui.core.desk import Outcome
from opstui.core.desk.handovers import (
    HandoverDetail,
    HandoverItem,
    HandoverRow,
    Handovers,
    HandoverSection,
    HandoverView,
    ReadBackHandover,
    SettleSection,
)
from opstui.core.document_kinds.handover import SECTIONS
from opstui.core.errors import NotFound, StaleRevision, UsageError
from opstui.core.handovers import KIND, Handover, close, mark, settle
from opstui.core.render.markdown import markdown
from opstui.core.render.plaintext import plain_text
from opstui.core.render.sheet_handover import EMPTY, TITLES, section_items, walked_sheet
from opstui.core.render.sheets import Marks, words_of
from opstui.core.stores import Paper
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from opstui.core.documents import ShiftHandover
    from opstui.core.ports import RecordWriter
    from opstui.core.sessions import Session
    from opstui.core.workflows import Workflow
    from opstui.services.setup import Setup


def paper(session: Session, workflow: Workflow, document: ShiftHandover, setup: Setup) -> Paper:
    """The paper of a session's handover: nothing settled yet."""
    from opstui.services.board import given_to

    board = given_to(setup, session)
    made = Handover(document=document, board=board.version if board is not None else "")
    return Paper(
        kind=KIND,
        id=session.id,
        subject=document.shift.id,
        state=made.state,
        created_at=setup.clock.now(),
        content={**encode(made), "ticket": str(session.ticket)},
    )


def handovers(setup: Setup, question: Handovers) -> tuple[HandoverRow, ...]:
    """See ``Handovers``."""
    found = setup.record.papers(KIND, subject=question.shift, limit=question.limit)
    return tuple(_row(one, _read(one)) for one in found)


def detail(setup: Setup, question: HandoverDetail) -> HandoverView:
    """See ``HandoverDetail``."""
    return _view(_paper(setup, question.id))


def settle_section(setup: Setup, command: SettleSection) -> Outcome[HandoverView]:
    """See ``SettleSection``."""
    before = _at(_paper(setup, command.id), command.rev)
    handover = _read(before)
    items = section_items(handover.document).get(command.section, ())
    after = mark(handover, command.section, command.marks, items=len(items))
    said = [f"{item} {state}" for item, state in command.marks.items()]
    if command.settles:
        now = setup.clock.now()
        after = settle(after, command.section, command.text, by=setup.operator, at=now, note=command.note)
        said.insert(0, "approved" if command.text is None else "revised")
    if not said:
        raise UsageError("nothing is to be settled or marked; nothing was changed")
    left = len(after.left)
    stored = _save(setup, before, after, "handover.settle", f"{command.section}: {', '.join(said)}"[:400])
    more = f"{left} to go" if left else "all sections are settled"
    return Outcome(_view(stored), notice=f"{TITLES[command.section]}: {', '.join(said)}; {more}")


def read_back(setup: Setup, command: ReadBackHandover) -> Outcome[HandoverView]:
    """See ``ReadBackHandover``."""
    before = _at(_paper(setup, command.id), command.rev)
    after = close(
        _read(before), by=command.by, at=setup.clock.now(), text=command.text, corrections=command.corrections
    )
    count = after.misunderstandings
    words = f"{count} correction{'' if count == 1 else 's'}"
    back = after.read_back
    assert back is not None
    stored = _save(setup, before, after, "handover.read_back", f"by {back.by}, {words}")
    return Outcome(_view(stored), notice=f"read back by {back.by}, {words}; the handover is closed")


def _save(setup: Setup, before: Paper, after: Handover, action: str, detail_text: str) -> Paper:
    content = {**encode(after), "ticket": before.content.get("ticket")}

    def save(record: RecordWriter) -> Paper:
        stored = record.put_paper(replace(before, state=after.state, content=content), expected_rev=before.rev)
        record.add_audit(
            AuditEntry(
                at=setup.clock.now(),
                operator=setup.operator,
                actor="operator",
                action=action,
                ticket=str(before.content.get("ticket")),
                session=before.id,
                workflow_version=after.document.head.workflow_version or None,
                content_hash=fingerprint(canonical(str(markdown(walked_sheet(after))))),
                detail=detail_text,
            )
        )
        return stored

    return setup.record.write(save)


def _paper(setup: Setup, paper_id: str) -> Paper:
    found = setup.record.paper(KIND, paper_id)
    if found is None:
        name = clean_line(paper_id, limit=60)
        raise NotFound(f"{name}: no such handover; `opstui handover list` shows those there are")
    return found


def _at(found: Paper, rev: int) -> Paper:
    if found.rev != rev:
        said = "the handover was changed elsewhere meanwhile; look at it again, nothing was changed"
        raise StaleRevision(said, current=found.rev)
    return found


def _read(found: Paper) -> Handover:
    return decode(Handover, found.content)


def _row(found: Paper, handover: Handover) -> HandoverRow:
    from opstui.core.tickets import TicketRef

    ticket = found.content.get("ticket")
    return HandoverRow(
        id=found.id,
        shift=found.subject,
        ticket=TicketRef.parse(str(ticket)) if ticket else shift_ref(found.subject),
        state=found.state,
        rev=found.rev,
        created_at=found.created_at,
        outgoing=handover.document.shift.outgoing,
        incoming=handover.document.shift.incoming,
        settled=len(handover.settled),
        sections=len(SECTIONS),
        misunderstandings=handover.misunderstandings,
        contact_until=handover.contact_until,
    )


def _view(found: Paper) -> HandoverView:
    handover = _read(found)
    document, items = handover.document, section_items(handover.document)
    sections = []
    for name in SECTIONS:
        settled = handover.settled.get(name)
        made = []
        for number, item in enumerate(items[name], start=1):
            sources = tuple(cite for part in item if isinstance(part, Marks) for cite in part.citations)
            item_id = f"{name}-{number}"
            text = " ".join(words_of(item).split())
            made.append(HandoverItem(id=item_id, text=text, citations=sources, mark=handover.marks.get(item_id, "")))
        sections.append(
            HandoverSection(name=name, title=TITLES[name], items=tuple(made), empty=EMPTY[name], settled=settled)
        )
    sheet = walked_sheet(handover)
    return HandoverView(
        row=_row(found, handover),
        title=sheet.title,
        headline=document.headline.text,
        sections=tuple(sections),
        read_back=handover.read_back,
        document=document,
        engine=document.head.engine.value,
        markdown=str(markdown(sheet)),
        plain=str(plain_text(sheet)),
    )
