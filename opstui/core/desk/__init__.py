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
        AuditWindow as AuditWindow,
        ConfigDrift as ConfigDrift,
        Doctor as Doctor,
        Drift as Drift,
        ImportReport as ImportReport,
        ImportTickets as ImportTickets,
        LedgerLine as LedgerLine,
        LogTail as LogTail,
        ShiftTotals as ShiftTotals,
        ShiftView as ShiftView,
        VerifyAudit as VerifyAudit,
    )
    from opstui.core.desk.evaluations import (
        Evaluated as Evaluated,
        EvaluationRow as EvaluationRow,
        Evaluations as Evaluations,
        ExportCases as ExportCases,
        LabelledCase as LabelledCase,
        LabelledCases as LabelledCases,
        RecordCase as RecordCase,
    )
    from opstui.core.desk.handovers import (
        HandoverDetail as HandoverDetail,
        HandoverItem as HandoverItem,
        HandoverRow as HandoverRow,
        Handovers as Handovers,
        HandoverSection as HandoverSection,
        HandoverView as HandoverView,
        ReadBackHandover as ReadBackHandover,
        SettleSection as SettleSection,
    )
    from opstui.core.desk.pages import (
        AcceptProposal as AcceptProposal,
        EditProposal as EditProposal,
        ProposalDetail as ProposalDetail,
        Proposals as Proposals,
        ProposalView as ProposalView,
        RebaseProposal as RebaseProposal,
        RejectProposal as RejectProposal,
    )
    from opstui.core.desk.queues import (
        DeskFacts as DeskFacts,
        Facts as Facts,
        KeepViewState as KeepViewState,
        MarkSeen as MarkSeen,
        Plan as Plan,
        Queues as Queues,
        RefreshTicket as RefreshTicket,
        RefreshTickets as RefreshTickets,
        SortedTickets as SortedTickets,
        Status as Status,
        StatusLine as StatusLine,
        TicketDetail as TicketDetail,
        TicketPosition as TicketPosition,
        TicketsWindow as TicketsWindow,
        TicketView as TicketView,
        ViewState as ViewState,
        Waiting as Waiting,
        WaitingForYou as WaitingForYou,
        Watch as Watch,
    )
    from opstui.core.desk.sessions import (
        Agents as Agents,
        Choices as Choices,
        FallBack as FallBack,
        InterruptSession as InterruptSession,
        MessageSession as MessageSession,
        RaiseBudget as RaiseBudget,
        RaiseShiftBudget as RaiseShiftBudget,
        Redact as Redact,
        Redacted as Redacted,
        ResumeSession as ResumeSession,
        RunSession as RunSession,
        SessionChoices as SessionChoices,
        SessionDetail as SessionDetail,
        SessionEvents as SessionEvents,
        SessionHidden as SessionHidden,
        SessionPreview as SessionPreview,
        Sessions as Sessions,
        StartSession as StartSession,
        StopAllSessions as StopAllSessions,
    )
    from opstui.core.desk.sources import (
        FirstLook as FirstLook,
        FirstLookView as FirstLookView,
        IndexKnowledge as IndexKnowledge,
        JudgeSimilar as JudgeSimilar,
        KnowledgeFaults as KnowledgeFaults,
        KnowledgePage as KnowledgePage,
        KnowledgePages as KnowledgePages,
        KnowledgeSearch as KnowledgeSearch,
        KnowledgeSources as KnowledgeSources,
        SimilarTicket as SimilarTicket,
        SimilarTickets as SimilarTickets,
        Source as Source,
        SourceStanding as SourceStanding,
        SourceView as SourceView,
        Transitions as Transitions,
    )
    from opstui.core.desk.telemetry import Observed as Observed, ObserveTelemetry as ObserveTelemetry
    from opstui.core.desk.updates import (
        ApproveDraft as ApproveDraft,
        CloseDraft as CloseDraft,
        Confirm as Confirm,
        Confirmation as Confirmation,
        DiscardDraft as DiscardDraft,
        DraftReview as DraftReview,
        Drafts as Drafts,
        Draw as Draw,
        EditDraft as EditDraft,
        NewDraft as NewDraft,
        NoteDraft as NoteDraft,
        OpenDraft as OpenDraft,
        PushApproved as PushApproved,
        PushOf as PushOf,
        RestoreDraft as RestoreDraft,
        Review as Review,
        ReviewRow as ReviewRow,
        SettleDraft as SettleDraft,
    )
    from opstui.core.desk.verbs import (
        Command as Command,
        Desk as Desk,
        Event as Event,
        Mark as Mark,
        Outcome as Outcome,
        Question as Question,
    )

_HOME = {
    "verbs": """
        Question Command Outcome Mark Event Desk
    """,
    "queues": """
        Plan Facts DeskFacts Queues TicketsWindow TicketPosition SortedTickets TicketView TicketDetail Waiting
        WaitingForYou Status StatusLine ViewState RefreshTickets RefreshTicket Watch MarkSeen KeepViewState
    """,
    "sources": """
        FirstLookView FirstLook Transitions SourceView Source KnowledgeSearch KnowledgePages KnowledgePage
        SourceStanding KnowledgeSources
        KnowledgeFaults IndexKnowledge SimilarTicket SimilarTickets JudgeSimilar
    """,
    "sessions": """
        Sessions SessionDetail SessionEvents SessionPreview SessionHidden Choices SessionChoices StartSession
        InterruptSession MessageSession StopAllSessions RunSession RaiseBudget RaiseShiftBudget FallBack
        ResumeSession Agents Redacted Redact
    """,
    "updates": """
        Drafts ReviewRow Review DraftReview Confirmation Confirm Draw PushOf NewDraft EditDraft ApproveDraft
        SettleDraft DiscardDraft RestoreDraft NoteDraft OpenDraft CloseDraft PushApproved
    """,
    "telemetry": "Observed ObserveTelemetry",
    "handovers": """
        HandoverRow HandoverItem HandoverSection HandoverView Handovers HandoverDetail SettleSection ReadBackHandover
    """,
    "pages": """
        Proposals ProposalView ProposalDetail EditProposal RebaseProposal AcceptProposal RejectProposal
    """,
    "evaluations": """
        EvaluationRow Evaluations Evaluated LabelledCase LabelledCases RecordCase ExportCases
    """,
    "books": """
        LedgerLine ShiftView ShiftTotals AuditWindow AuditHealth VerifyAudit LogTail Doctor Drift ConfigDrift
        ImportReport ImportTickets
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
