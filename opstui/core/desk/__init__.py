"""The desk: what an operator can do, and the words for it.

Faces hold a :class:`Desk` and nothing else. A **question** reads a window, a row or a sum: bounded, no network, about
a millisecond (the two that may take longer say so). A **command** changes something and answers with an
:class:`Outcome`. Every change, also one's own, is learnt in one way: ``changes`` says which ids changed, and the
screen asks again.

Each word is loaded when it is first used: making sixty dataclasses takes 30 ms of CPU, and the first screen needs a
third of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opstui.core.desk.books import (
        AuditHealth as AuditHealth,
    )
    from opstui.core.desk.books import (
        AuditWindow as AuditWindow,
    )
    from opstui.core.desk.books import (
        Doctor as Doctor,
    )
    from opstui.core.desk.books import (
        ImportReport as ImportReport,
    )
    from opstui.core.desk.books import (
        ImportTickets as ImportTickets,
    )
    from opstui.core.desk.books import (
        LedgerLine as LedgerLine,
    )
    from opstui.core.desk.books import (
        LogTail as LogTail,
    )
    from opstui.core.desk.books import (
        ShiftTotals as ShiftTotals,
    )
    from opstui.core.desk.books import (
        ShiftView as ShiftView,
    )
    from opstui.core.desk.books import (
        VerifyAudit as VerifyAudit,
    )
    from opstui.core.desk.queues import (
        DeskFacts as DeskFacts,
    )
    from opstui.core.desk.queues import (
        Facts as Facts,
    )
    from opstui.core.desk.queues import (
        KeepViewState as KeepViewState,
    )
    from opstui.core.desk.queues import (
        MarkSeen as MarkSeen,
    )
    from opstui.core.desk.queues import (
        Queues as Queues,
    )
    from opstui.core.desk.queues import (
        RefreshTicket as RefreshTicket,
    )
    from opstui.core.desk.queues import (
        RefreshTickets as RefreshTickets,
    )
    from opstui.core.desk.queues import (
        SortedTickets as SortedTickets,
    )
    from opstui.core.desk.queues import (
        Status as Status,
    )
    from opstui.core.desk.queues import (
        StatusLine as StatusLine,
    )
    from opstui.core.desk.queues import (
        TicketDetail as TicketDetail,
    )
    from opstui.core.desk.queues import (
        TicketPosition as TicketPosition,
    )
    from opstui.core.desk.queues import (
        TicketsWindow as TicketsWindow,
    )
    from opstui.core.desk.queues import (
        TicketView as TicketView,
    )
    from opstui.core.desk.queues import (
        ViewState as ViewState,
    )
    from opstui.core.desk.queues import (
        Waiting as Waiting,
    )
    from opstui.core.desk.queues import (
        WaitingForYou as WaitingForYou,
    )
    from opstui.core.desk.sessions import (
        InterruptSession as InterruptSession,
    )
    from opstui.core.desk.sessions import (
        MessageSession as MessageSession,
    )
    from opstui.core.desk.sessions import (
        RunSession as RunSession,
    )
    from opstui.core.desk.sessions import (
        SessionDetail as SessionDetail,
    )
    from opstui.core.desk.sessions import (
        SessionEvents as SessionEvents,
    )
    from opstui.core.desk.sessions import (
        Sessions as Sessions,
    )
    from opstui.core.desk.sessions import (
        StartSession as StartSession,
    )
    from opstui.core.desk.sessions import (
        StopAllSessions as StopAllSessions,
    )
    from opstui.core.desk.sources import (
        FirstLook as FirstLook,
    )
    from opstui.core.desk.sources import (
        FirstLookView as FirstLookView,
    )
    from opstui.core.desk.sources import (
        IndexKnowledge as IndexKnowledge,
    )
    from opstui.core.desk.sources import (
        KnowledgeSearch as KnowledgeSearch,
    )
    from opstui.core.desk.sources import (
        Source as Source,
    )
    from opstui.core.desk.sources import (
        SourceView as SourceView,
    )
    from opstui.core.desk.sources import (
        Transitions as Transitions,
    )
    from opstui.core.desk.updates import (
        ApproveDraft as ApproveDraft,
    )
    from opstui.core.desk.updates import (
        CloseDraft as CloseDraft,
    )
    from opstui.core.desk.updates import (
        Confirm as Confirm,
    )
    from opstui.core.desk.updates import (
        Confirmation as Confirmation,
    )
    from opstui.core.desk.updates import (
        DiscardDraft as DiscardDraft,
    )
    from opstui.core.desk.updates import (
        DraftReview as DraftReview,
    )
    from opstui.core.desk.updates import (
        Drafts as Drafts,
    )
    from opstui.core.desk.updates import (
        EditDraft as EditDraft,
    )
    from opstui.core.desk.updates import (
        NewDraft as NewDraft,
    )
    from opstui.core.desk.updates import (
        NoteDraft as NoteDraft,
    )
    from opstui.core.desk.updates import (
        OpenDraft as OpenDraft,
    )
    from opstui.core.desk.updates import (
        PushApproved as PushApproved,
    )
    from opstui.core.desk.updates import (
        PushOf as PushOf,
    )
    from opstui.core.desk.updates import (
        RestoreDraft as RestoreDraft,
    )
    from opstui.core.desk.updates import (
        Review as Review,
    )
    from opstui.core.desk.updates import (
        ReviewRow as ReviewRow,
    )
    from opstui.core.desk.updates import (
        SettleDraft as SettleDraft,
    )
    from opstui.core.desk.verbs import (
        Command as Command,
    )
    from opstui.core.desk.verbs import (
        Desk as Desk,
    )
    from opstui.core.desk.verbs import (
        Event as Event,
    )
    from opstui.core.desk.verbs import (
        Mark as Mark,
    )
    from opstui.core.desk.verbs import (
        Outcome as Outcome,
    )
    from opstui.core.desk.verbs import (
        Question as Question,
    )

_HOME = {
    "verbs": """
        Question Command Outcome Mark Event Desk
    """,
    "queues": """
        Facts DeskFacts Queues TicketsWindow TicketPosition SortedTickets TicketView TicketDetail Waiting
        WaitingForYou Status StatusLine ViewState RefreshTickets RefreshTicket MarkSeen KeepViewState
    """,
    "sources": """
        FirstLookView FirstLook Transitions SourceView Source KnowledgeSearch IndexKnowledge
    """,
    "sessions": """
        Sessions SessionDetail SessionEvents StartSession InterruptSession MessageSession StopAllSessions
        RunSession
    """,
    "updates": """
        Drafts ReviewRow Review DraftReview Confirmation Confirm PushOf NewDraft EditDraft ApproveDraft
        SettleDraft DiscardDraft RestoreDraft NoteDraft OpenDraft CloseDraft PushApproved
    """,
    "books": """
        LedgerLine ShiftView ShiftTotals AuditWindow AuditHealth VerifyAudit LogTail Doctor ImportReport
        ImportTickets
    """,
}
"""Module → its words."""
_MODULE = {word: module for module, words in _HOME.items() for word in words.split()}


def __getattr__(name: str) -> Any:
    module = _MODULE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    word = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return word
