"""The desk itself: a table from question and command to the function that answers it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

from opstui.core import desk as words
from opstui.core.errors import ConfigError, NotFound, OpstuiError, ReadOnly, StoreFull, UsageError
from opstui.core.text import clean_line
from opstui.core.tickets import BOARD_SYSTEM
from opstui.services.loop import LoopThread
from opstui.services.refresh import Refresher, feeds
from opstui.services.spending import running_shift, shift_limit, spent_in
from opstui.services.tickets import TicketQuestions

if TYPE_CHECKING:
    from types import ModuleType

    from opstui.core.audit import AuditRecord
    from opstui.core.desk import Command, Event, Mark, Outcome, Question
    from opstui.core.drafts import Draft, PushRecord
    from opstui.core.knowledge import Hit, Page
    from opstui.core.ports import Probe, Ring
    from opstui.core.sessions import Session, SessionEvent
    from opstui.core.text import SafeText
    from opstui.core.tickets import Ticket
    from opstui.core.workflows import Workflow
    from opstui.services.budgets import Budgets
    from opstui.services.drafting import Drafting
    from opstui.services.ledger import Ledger
    from opstui.services.previews import PreviewBoard
    from opstui.services.publisher import Publisher
    from opstui.services.reviewing import Reviewing
    from opstui.services.sessions import SessionService
    from opstui.services.setup import Setup

A = TypeVar("A")

log = logging.getLogger("opstui.desk")

PATIENCE = 60.0
"""Seconds without contact after which who runs a session in the foreground is told that it goes on without them."""
WORKER_TRIES = 4
TIDY_SECONDS = 300.0
"""How often it is looked whether a shift that is over left sessions behind that belong put away."""
TEND_SECONDS = 30.0
"""How often runbooks are looked at for changes; 585 unchanged files cost a few milliseconds."""


class DeskService:
    """Implements ``core.desk.Desk`` over ports."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._loop = LoopThread()
        self._refresher = Refresher(setup, self._loop)
        self._tickets = TicketQuestions(setup, self._refresher)
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None
        self._worker_note = ""
        self._workflow_note = ""
        self._tidy_again = 0.0

    # Services are made when they are first needed: with the documents, checks and rules behind them they cost 100 ms
    # of CPU, and the first screen needs none of them.

    @cached_property
    def _ledger(self) -> Ledger:
        from opstui.services.ledger import Ledger

        return Ledger(self._setup)

    @cached_property
    def _budgets(self) -> Budgets:
        from opstui.services.budgets import Budgets

        return Budgets(self._setup, self._ledger)

    @cached_property
    def _previews(self) -> PreviewBoard:
        from opstui.services.previews import PreviewBoard

        return PreviewBoard(self._setup.previews, self._setup.randomness.bytes(6).hex(), self._setup.clock.monotonic)

    @cached_property
    def _drafting(self) -> Drafting:
        from opstui.services.drafting import Drafting

        return Drafting(self._setup, self._refresher)

    @cached_property
    def _reviewing(self) -> Reviewing:
        from opstui.services.reviewing import Reviewing

        return Reviewing(self._setup, self._refresher, self._drafting)

    @cached_property
    def _sessions(self) -> SessionService:
        from opstui.services.sessions import SessionService

        return SessionService(self._setup, self._budgets, self._refresher, self._drafting)

    @cached_property
    def _publisher(self) -> Publisher:
        from opstui.services.publisher import Publisher

        return Publisher(self._setup, self._loop, self._refresher)

    # --- the three verbs

    def ask(self, question: Question[A]) -> A:
        """See ``Desk.ask``."""
        answer = _QUESTIONS.get(type(question).__name__)
        if answer is None:
            raise UsageError(f"{type(question).__name__} is not a question of this desk")
        return answer(self, question)  # type: ignore[no-any-return]

    def do(self, command: Command[A]) -> Outcome[A]:
        """See ``Desk.do``."""
        name = type(command).__name__
        carry_out = _COMMANDS.get(name)
        try:
            if carry_out is None:
                raise UsageError(f"{name} is not a command of this desk")
            if self._setup.read_only and name not in _ALLOWED_READ_ONLY and not getattr(command, "dry_run", False):
                raise ReadOnly("opened read-only: nothing was changed. Start without --read-only to do this")
            return carry_out(self, command)
        except OpstuiError as error:
            if isinstance(error, StoreFull):
                log.error("the disk is full")
            return words.Outcome(error=error)

    def changes(self, after: Mark | None) -> tuple[tuple[Event, ...], Mark]:
        """See ``Desk.changes``."""
        record, cache = self._setup.record.bell, self._setup.cache.bell
        if after is None:
            return (), words.Mark(record.last(), cache.last())
        record_rings = record.rings(after.record) if record.changed() or record.last() > after.record else ()
        cache_rings = cache.rings(after.cache) if cache.changed() or cache.last() > after.cache else ()
        if not record_rings and not cache_rings:
            return (), after
        mark = words.Mark(
            record_rings[-1].seq if record_rings else after.record, cache_rings[-1].seq if cache_rings else after.cache
        )
        return tuple(dict.fromkeys(_event(ring) for ring in (*record_rings, *cache_rings))), mark

    def live(self) -> None:
        """See ``Desk.live``."""
        self._refresher.start()
        for begin in self._setup.on_live:
            begin()
        if self._watch is None:
            self._watch = threading.Thread(target=self._keep_going, name="opstui-watch", daemon=True)
            self._watch.start()

    def close(self) -> None:
        """See ``Desk.close``."""
        self._stop.set()
        self._refresher.stop()
        if self._watch is not None:
            self._watch.join(timeout=2)
        self._loop.close()
        if "_previews" in self.__dict__:
            self._previews.close()
        for close in self._setup.closers:
            close()

    # --- what needs no service of its own

    def _facts(self, question: words.DeskFacts) -> words.Facts:
        setup = self._setup
        notice = setup.store_notice()
        if not notice and not setup.configured and not setup.demo:
            notice = "Nothing is configured yet: `opstui demo` shows it at work, `opstui config init` writes a config"
        from opstui.core.queues import View

        own = tuple(View(name=queue.name, queue=queue.name) for queue in setup.queues)
        return words.Facts(
            operator=setup.operator,
            timezone=setup.timezone,
            read_only=setup.read_only,
            demo=setup.demo,
            configured=setup.configured,
            systems=tuple(setup.systems),
            capabilities={name: system.capabilities for name, system in setup.systems.items()},
            queues=setup.queues,
            views=(*own, *setup.views),
            workflows=_LateWorkflows(setup),
            runtimes=tuple(setup.runtimes),
            plans={
                name: words.Plan(policy.runtime, policy.budget_micros, policy.fallback)
                for name, policy in setup.policies.items()
            },
            theme=setup.theme,
            mouse=setup.mouse,
            keys=setup.keys,
            log_file=str(setup.log_file),
            crash_folder=str(setup.crash_folder),
            rehearsal=setup.rehearsal,
            notice=notice,
            store=setup.store_notice(),
        )

    def _first_look(self, question: words.FirstLook) -> words.FirstLookView:
        from opstui.services.firstlook import first_look

        return first_look(self._setup, question.ref)

    def _session_list(self, question: words.Sessions) -> tuple[Session, ...]:
        return tuple(
            self._setup.record.sessions(
                ticket=question.ticket, statuses=question.statuses, shift=question.shift, limit=question.limit
            )
        )

    def _draft_list(self, question: words.Drafts) -> tuple[Draft, ...]:
        return tuple(self._setup.record.drafts(ticket=question.ticket, states=question.states, limit=question.limit))

    def _push_of(self, question: words.PushOf) -> PushRecord | None:
        return self._publisher.newest(question.draft)

    def _transitions(self, question: words.Transitions) -> tuple[str, ...]:
        return self._refresher.transitions(question.ref)

    def _events(self, question: words.SessionEvents) -> tuple[SessionEvent, ...]:
        return tuple(self._setup.record.events(question.id, question.after, question.limit))

    def _status(self, question: words.StatusLine) -> words.Status:
        setup = self._setup
        shift = running_shift(setup)
        waiting = [item for item in self._tickets.waiting(words.WaitingForYou()) if item.kind != "sev1"]
        worst = self._tickets.worst_row()
        note = ""
        if worst is not None:
            note = next((item.text for item in waiting if item.ticket == worst.ticket.ref), "")
        states = [self._tickets.health(name)[0] for name in setup.systems]
        order = ("live", "stale", "offline", "error")
        return words.Status(
            shift=shift,
            running=len(self._tickets.unfinished().sessions),
            waiting=len(waiting),
            estimate=spent_in(setup, shift),
            limit=shift_limit(setup, shift.id),
            health=max((state.value for state in states), key=order.index, default="live"),
            read_only=setup.read_only,
            sev_one=worst,
            sev_one_note=note,
            worker=self._worker_note or self._workflow_note,
            store=setup.store_notice(),
            accounts=self._tickets.accounts(),
        )

    def _audit_window(self, question: words.AuditWindow) -> tuple[AuditRecord, ...]:
        if question.before:
            first = max(0, question.before - 1 - question.count)
            return tuple(reversed(self._setup.record.audit(after=first, limit=question.before - 1 - first)))
        return tuple(self._setup.record.audit(limit=question.count, newest_first=True))

    def _verify_audit(self, question: words.VerifyAudit) -> words.AuditHealth:
        from opstui.services.auditing import verify_chain

        return verify_chain(self._setup.record)

    def _sources(self, question: words.KnowledgeSources) -> tuple[words.SourceStanding, ...]:
        from opstui.services.sources import standings

        return standings(self._setup)

    def _search(self, question: words.KnowledgeSearch) -> tuple[Hit, ...]:
        return tuple(self._setup.knowledge.search(question.query, question.limit))

    def _similar(self, question: words.SimilarTickets) -> tuple[words.SimilarTicket, ...]:
        from opstui.services.similar import similar_tickets

        return similar_tickets(self._setup, question)

    def _handovers(self, question: words.Handovers) -> tuple[words.HandoverRow, ...]:
        from opstui.services.handovers import handovers

        return handovers(self._setup, question)

    def _handover(self, question: words.HandoverDetail) -> words.HandoverView:
        from opstui.services.handovers import detail

        return detail(self._setup, question)

    def _settle_section(self, command: words.SettleSection) -> Outcome[words.HandoverView]:
        from opstui.services.handovers import settle_section

        return settle_section(self._setup, command)

    def _read_back(self, command: words.ReadBackHandover) -> Outcome[words.HandoverView]:
        from opstui.services.handovers import read_back

        return read_back(self._setup, command)

    def _judge_similar(self, command: words.JudgeSimilar) -> Outcome[None]:
        from opstui.services.similar import judge

        return judge(self._setup, command)

    def _page(self, question: words.KnowledgePage) -> Page:
        page = self._setup.knowledge.page(question.doc)
        if page is None:
            raise NotFound(f"there is no page {clean_line(question.doc, limit=80)} in the runbooks")
        return page

    def _log_tail(self, question: words.LogTail) -> tuple[SafeText, ...]:
        from opstui.services.auditing import tail_of

        return tail_of(self._setup.log_file, question.count)

    def _doctor(self, question: words.Doctor) -> tuple[Probe, ...]:
        from opstui.services.doctor import examine

        return tuple(examine(self._setup, offline=question.offline))

    def _drift(self, question: words.ConfigDrift) -> tuple[words.Drift, ...]:
        from opstui.services.drift import drift

        return drift(self._setup)

    def _run_session(self, command: words.RunSession) -> Outcome[Session]:
        return words.Outcome(self._loop.run(self._sessions.run(command.id, patience=PATIENCE)))

    def _preview(self, question: words.SessionPreview) -> tuple[tuple[str, str], ...]:
        return self._previews.texts(question.id)

    def _hidden(self, question: words.SessionHidden) -> Mapping[str, str]:
        from opstui.services.redaction import hidden_values

        return hidden_values(self._setup, self._sessions.session(question.id))

    def _redact(self, question: words.Redact) -> words.Redacted:
        from opstui.services.redaction import redacted

        return redacted(self._setup, question.text)

    @staticmethod
    def _evaluations() -> ModuleType:
        from opstui.services import evaluations

        return evaluations

    @staticmethod
    def _pages() -> ModuleType:
        from opstui.services import proposals

        return proposals

    def _agents(self, command: words.Agents) -> Outcome[Any]:
        if command.sync and self._setup.read_only:
            raise ReadOnly("opened read-only: no agent was made or changed")
        from opstui.services.agents import agent_states

        return words.Outcome(self._loop.run(agent_states(self._setup, command)))

    def _approve(self, command: words.ApproveDraft) -> Outcome[Any]:
        outcome = self._reviewing.approve(command)
        if not command.here:
            self._setup.spawn_worker()
        return outcome

    def _refresh(self, command: words.RefreshTickets) -> Outcome[int]:
        if command.system is not None and command.system not in self._setup.systems:
            raise UsageError(f"{clean_line(command.system)}: no such ticket system")
        wanted = feeds(self._setup, command.system)
        if command.older_than_poll:
            cache, now, me = self._setup.cache, self._setup.clock.now(), self._tickets.accounts()
            wanted = [
                feed
                for feed in wanted
                if self._refresher.is_older_than_poll(feed, cache.queue_state(feed, me=me, now=now).fetched_at)
            ]
        changed, errors = self._refresher.refresh(wanted)
        return words.Outcome(error=errors[0]) if errors else words.Outcome(changed)

    def _refresh_ticket(self, command: words.RefreshTicket) -> Outcome[Ticket]:
        if command.ref.system == BOARD_SYSTEM:
            return words.Outcome(self._tickets.detail(words.TicketDetail(command.ref)).ticket)
        return words.Outcome(self._refresher.ticket(command.ref))

    def _watch_or_not(self, command: words.Watch) -> Outcome[None]:
        self._refresher.watch(command.visible)
        return words.Outcome()

    def _mark_seen(self, command: words.MarkSeen) -> Outcome[None]:
        self._setup.cache.mark_seen(command.ref, now=self._setup.clock.now())
        return words.Outcome()

    def _keep_view_state(self, command: words.KeepViewState) -> Outcome[None]:
        self._setup.cache.keep_view_state(command.name, command.state)
        return words.Outcome()

    def _import(self, command: words.ImportTickets) -> Outcome[words.ImportReport]:
        if self._setup.import_tickets is None:
            raise UsageError("there is no local system to import into")
        report = self._setup.import_tickets(command.file, command.update)
        assert isinstance(report, words.ImportReport)
        self._refresher.refresh(feeds(self._setup, "local"))
        return words.Outcome(report)

    def _observe(self, command: words.ObserveTelemetry) -> Outcome[words.Observed]:
        from opstui.services.observing import observe_telemetry

        return observe_telemetry(self._setup, self._refresher, self._drafting, command)

    # --- while a face stays

    def _keep_going(self) -> None:
        """Index runbooks, prune, and see to it that unfinished work has a worker."""
        setup = self._setup
        try:
            len(setup.workflows)
        except ConfigError as error:
            self._workflow_note = f"no workflows: {error}"
        self._tend(prune=True)
        tended, tried = setup.clock.monotonic(), 0
        while True:
            if setup.clock.monotonic() - tended > TEND_SECONDS:
                tended = setup.clock.monotonic()
                self._tend(prune=False)
            if setup.read_only:
                if self._stop.wait(2.0):
                    return
                continue
            try:
                if self._is_anything_unfinished():
                    tried += setup.spawn_worker()
                else:
                    tried = 0
            except (OpstuiError, OSError) as error:
                self._worker_note = f"no worker: {clean_line(str(error))}"
            else:
                # Work that nobody takes after several starts: the worker dies before it can say so itself.
                self._worker_note = "no worker starts: see the log" if tried > WORKER_TRIES else ""
            if self._stop.wait(2.0):
                return

    def _is_anything_unfinished(self) -> bool:
        """Whether a worker is wanted. Looks at two short lists before it loads what could run them."""
        record = self._setup.record
        if record.pushes(unfinished=True, limit=1):
            return True
        if (self._tickets.unfinished().sessions or record.requests()) and self._sessions.unowned():
            return True
        now = self._setup.clock.monotonic()
        if not self._setup.after_shift or now < self._tidy_again:
            return False
        self._tidy_again = now + TIDY_SECONDS
        return bool(self._sessions.to_put_away())

    def _tend(self, *, prune: bool) -> None:
        setup = self._setup
        try:
            setup.knowledge.refresh(due=True)
            if prune and not setup.read_only:
                before = setup.clock.now() - timedelta(days=setup.keep_days)
                setup.record.prune(before)
                setup.cache.prune(before)
        except OpstuiError as error:
            log.warning("tending: %s", error.__class__.__name__)


class _LateWorkflows(Sequence["Workflow"]):
    """The workflows as a sequence that reads them when it is first looked into."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    @overload
    def __getitem__(self, index: int) -> Workflow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Workflow]: ...
    def __getitem__(self, index: int | slice) -> Workflow | Sequence[Workflow]:
        return self._readable()[index]

    def __len__(self) -> int:
        return len(self._readable())

    def _readable(self) -> tuple[Workflow, ...]:
        try:
            workflows = tuple(self._setup.workflows.values())
        except ConfigError:
            return ()  # the status line says what is wrong with them, and so does every try to start one
        if all(workflow.evaluated for workflow in workflows):
            return workflows
        from opstui.services.evaluated import is_evaluated

        return tuple(replace(workflow, evaluated=is_evaluated(self._setup, workflow)) for workflow in workflows)


_QUESTIONS: Mapping[str, Callable[[DeskService, Any], Any]] = {
    "DeskFacts": DeskService._facts,
    "Queues": lambda desk, question: desk._tickets.queues(question),
    "TicketsWindow": lambda desk, question: desk._tickets.window(question),
    "TicketPosition": lambda desk, question: desk._tickets.position(question),
    "SortedTickets": lambda desk, question: desk._tickets.rows(question),
    "TicketDetail": lambda desk, question: desk._tickets.detail(question),
    "FirstLook": DeskService._first_look,
    "Transitions": DeskService._transitions,
    "Source": lambda desk, question: desk._tickets.source(question),
    "Sessions": DeskService._session_list,
    "SessionDetail": lambda desk, question: desk._sessions.session(question.id),
    "SessionEvents": DeskService._events,
    "SessionPreview": DeskService._preview,
    "SessionHidden": DeskService._hidden,
    "SessionChoices": lambda desk, question: desk._sessions.choices(question),
    "Redact": DeskService._redact,
    "Drafts": DeskService._draft_list,
    "DraftReview": lambda desk, question: desk._reviewing.review(question),
    "Confirm": lambda desk, question: desk._reviewing.confirm(question),
    "Draw": lambda desk, question: desk._setup.randomness.choice(question.letters),
    "PushOf": DeskService._push_of,
    "WaitingForYou": lambda desk, question: desk._tickets.waiting(question),
    "StatusLine": DeskService._status,
    "ShiftTotals": lambda desk, question: desk._ledger.totals(question),
    "AuditWindow": DeskService._audit_window,
    "VerifyAudit": DeskService._verify_audit,
    "KnowledgeSearch": DeskService._search,
    "KnowledgePages": lambda desk, question: tuple(desk._setup.knowledge.pages(question.source)),
    "KnowledgePage": DeskService._page,
    "KnowledgeSources": DeskService._sources,
    "KnowledgeFaults": lambda desk, question: {
        source: str(fault) for source, fault in desk._setup.knowledge.faults().items()
    },
    "SimilarTickets": DeskService._similar,
    "Handovers": DeskService._handovers,
    "HandoverDetail": DeskService._handover,
    "Proposals": lambda desk, question: desk._pages().proposals(desk._setup, question),
    "ProposalDetail": lambda desk, question: desk._pages().detail(desk._setup, question),
    "Evaluations": lambda desk, question: desk._evaluations().evaluations(desk._setup, question),
    "Evaluated": lambda desk, question: desk._evaluations().evaluated(desk._setup),
    "LabelledCases": lambda desk, question: desk._evaluations().labelled_cases(desk._setup, question),
    "ViewState": lambda desk, question: desk._setup.cache.view_state(question.name),
    "LogTail": DeskService._log_tail,
    "Doctor": DeskService._doctor,
    "ConfigDrift": DeskService._drift,
}
"""By name: naming the classes here would make all of them."""
_COMMANDS: Mapping[str, Callable[[DeskService, Any], Outcome[Any]]] = {
    "StartSession": lambda desk, command: desk._sessions.start(command),
    "InterruptSession": lambda desk, command: desk._sessions.interrupt(command),
    "MessageSession": lambda desk, command: desk._sessions.message(command),
    "StopAllSessions": lambda desk, command: desk._sessions.stop_all(command),
    "RunSession": DeskService._run_session,
    "RaiseBudget": lambda desk, command: desk._sessions.raise_budget(command),
    "RaiseShiftBudget": lambda desk, command: desk._budgets.raise_shift(command),
    "FallBack": lambda desk, command: desk._sessions.fall_back(command),
    "ResumeSession": lambda desk, command: desk._sessions.resume(command),
    "Agents": DeskService._agents,
    "NewDraft": lambda desk, command: desk._drafting.new(command),
    "EditDraft": lambda desk, command: desk._drafting.edit(command),
    "ApproveDraft": DeskService._approve,
    "SettleDraft": lambda desk, command: desk._drafting.settle(command),
    "DiscardDraft": lambda desk, command: desk._drafting.discard(command),
    "RestoreDraft": lambda desk, command: desk._drafting.restore(command),
    "NoteDraft": lambda desk, command: desk._drafting.note(command),
    "OpenDraft": lambda desk, command: desk._drafting.open(command),
    "CloseDraft": lambda desk, command: desk._drafting.close(command),
    "PushApproved": lambda desk, command: words.Outcome(tuple(desk._publisher.run_all(draft=command.draft))),
    "RefreshTickets": DeskService._refresh,
    "RefreshTicket": DeskService._refresh_ticket,
    "Watch": DeskService._watch_or_not,
    "MarkSeen": DeskService._mark_seen,
    "KeepViewState": DeskService._keep_view_state,
    "ImportTickets": DeskService._import,
    "ObserveTelemetry": DeskService._observe,
    "JudgeSimilar": DeskService._judge_similar,
    "SettleSection": DeskService._settle_section,
    "ReadBackHandover": DeskService._read_back,
    "EditProposal": lambda desk, command: desk._pages().edit(desk._setup, command),
    "RebaseProposal": lambda desk, command: desk._pages().rebase(desk._setup, command),
    "AcceptProposal": lambda desk, command: desk._pages().accept(desk._setup, command),
    "RejectProposal": lambda desk, command: desk._pages().reject(desk._setup, command),
    "RecordCase": lambda desk, command: desk._evaluations().record_case(
        desk._setup, desk._refresher.cached_or_read, command
    ),
    "ExportCases": lambda desk, command: desk._evaluations().export_cases(desk._setup, command),
    "IndexKnowledge": lambda desk, command: words.Outcome(desk._setup.knowledge.refresh(due=command.due)),
}
_ALLOWED_READ_ONLY = frozenset(
    ("RefreshTickets", "RefreshTicket", "Watch", "MarkSeen", "KeepViewState", "IndexKnowledge", "CloseDraft", "Agents")
)


def _event(ring: Ring) -> Event:
    return words.Event(kind=ring.kind, subject=ring.subject, rev=ring.rev)
