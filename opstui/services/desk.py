"""The desk itself: a table from question and command to the function that answers it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from opstui.core import desk as words
from opstui.core.audit import AuditRecord
from opstui.core.desk import Command, Event, Mark, Outcome, Question
from opstui.core.errors import OpstuiError, ReadOnly, StoreFull, UsageError
from opstui.core.knowledge import Hit
from opstui.core.ports import Probe, Ring
from opstui.core.sessions import Session, SessionEvent
from opstui.core.text import SafeText, clean_line
from opstui.core.tickets import Ticket, TicketRef
from opstui.services.drafting import Drafting
from opstui.services.firstlook import first_look
from opstui.services.ledger import Ledger
from opstui.services.loop import LoopThread
from opstui.services.publisher import Publisher
from opstui.services.refresh import Refresher, feeds
from opstui.services.reviewing import Reviewing
from opstui.services.sessions import SessionService
from opstui.services.setup import Setup
from opstui.services.tickets import TicketQuestions

A = TypeVar("A")

log = logging.getLogger("opstui.desk")

WORKER_TRIES = 4
TEND_SECONDS = 30.0
"""How often runbooks are looked at for changes; 585 unchanged files cost a few milliseconds."""


class DeskService:
    """Implements ``core.desk.Desk`` over ports."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._loop = LoopThread()
        self._refresher = Refresher(setup, self._loop)
        self._tickets = TicketQuestions(setup, self._refresher)
        self._ledger = Ledger(setup)
        self._drafting = Drafting(setup, self._refresher)
        self._reviewing = Reviewing(setup, self._refresher, self._drafting)
        self._sessions = SessionService(setup, self._ledger, self._refresher, self._drafting)
        self._publisher = Publisher(setup, self._loop, self._refresher)
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None
        self._worker_note = ""
        self._questions: Mapping[type, Callable[[Any], Any]] = {
            words.DeskFacts: self._facts,
            words.Queues: self._tickets.queues,
            words.TicketsWindow: self._tickets.window,
            words.TicketPosition: self._tickets.position,
            words.SortedTickets: self._tickets.rows,
            words.TicketDetail: self._tickets.detail,
            words.FirstLook: lambda question: first_look(setup, question.ref),
            words.Transitions: self._transitions,
            words.Source: self._tickets.source,
            words.Sessions: lambda question: tuple(
                setup.record.sessions(
                    ticket=question.ticket, statuses=question.statuses, shift=question.shift, limit=question.limit
                )
            ),
            words.SessionDetail: lambda question: self._sessions.session(question.id),
            words.SessionEvents: self._events,
            words.Drafts: lambda question: tuple(
                setup.record.drafts(ticket=question.ticket, states=question.states, limit=question.limit)
            ),
            words.DraftReview: self._reviewing.review,
            words.Confirm: self._reviewing.confirm,
            words.PushOf: lambda question: next(reversed(setup.record.pushes(draft=question.draft)), None),
            words.WaitingForYou: self._tickets.waiting,
            words.StatusLine: self._status,
            words.ShiftTotals: self._ledger.totals,
            words.AuditWindow: self._audit_window,
            words.VerifyAudit: self._verify_audit,
            words.KnowledgeSearch: self._search,
            words.ViewState: lambda question: setup.cache.view_state(question.name),
            words.LogTail: self._log_tail,
            words.Doctor: self._doctor,
        }
        self._commands: Mapping[type, Callable[[Any], Outcome[Any]]] = {
            words.StartSession: self._sessions.start,
            words.InterruptSession: self._sessions.interrupt,
            words.MessageSession: self._sessions.message,
            words.StopAllSessions: self._sessions.stop_all,
            words.RunSession: self._run_session,
            words.NewDraft: self._drafting.new,
            words.EditDraft: self._drafting.edit,
            words.ApproveDraft: self._approve,
            words.SettleDraft: self._drafting.settle,
            words.DiscardDraft: self._drafting.discard,
            words.RestoreDraft: self._drafting.restore,
            words.NoteDraft: self._drafting.note,
            words.OpenDraft: self._drafting.open,
            words.CloseDraft: self._drafting.close,
            words.PushApproved: lambda command: Outcome(tuple(self._publisher.run_all(draft=command.draft))),
            words.RefreshTickets: self._refresh,
            words.RefreshTicket: self._refresh_ticket,
            words.MarkSeen: self._mark_seen,
            words.KeepViewState: self._keep_view_state,
            words.ImportTickets: self._import,
            words.IndexKnowledge: lambda command: Outcome(setup.knowledge.refresh()),
        }

    # --- the three verbs

    def ask(self, question: Question[A]) -> A:
        """See ``Desk.ask``."""
        answer = self._questions.get(type(question))
        if answer is None:
            raise UsageError(f"{type(question).__name__} is not a question of this desk")
        return answer(question)  # type: ignore[no-any-return]

    def do(self, command: Command[A]) -> Outcome[A]:
        """See ``Desk.do``."""
        carry_out = self._commands.get(type(command))
        try:
            if carry_out is None:
                raise UsageError(f"{type(command).__name__} is not a command of this desk")
            if self._setup.read_only and not isinstance(command, _ALLOWED_READ_ONLY):
                raise ReadOnly("opened read-only: nothing was changed. Start without --read-only to do this")
            return carry_out(command)
        except OpstuiError as error:
            if isinstance(error, StoreFull):
                log.error("the disk is full")
            return Outcome(error=error)

    def changes(self, after: Mark | None) -> tuple[tuple[Event, ...], Mark]:
        """See ``Desk.changes``."""
        record, cache = self._setup.record.bell, self._setup.cache.bell
        if after is None:
            return (), Mark(record.last(), cache.last())
        record_rings = record.rings(after.record) if record.changed() or record.last() > after.record else ()
        cache_rings = cache.rings(after.cache) if cache.changed() or cache.last() > after.cache else ()
        if not record_rings and not cache_rings:
            return (), after
        mark = Mark(
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
        for close in self._setup.closers:
            close()

    # --- what needs no service of its own

    def _facts(self, question: words.DeskFacts) -> words.Facts:
        setup = self._setup
        notice = setup.notice or setup.store_notice()
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
            workflows=tuple(setup.workflows.values()),
            runtimes=tuple(setup.runtimes),
            theme=setup.theme,
            mouse=setup.mouse,
            keys=setup.keys,
            log_file=str(setup.log_file),
            crash_folder=str(setup.crash_folder),
            notice=notice,
        )

    def _transitions(self, question: words.Transitions) -> tuple[str, ...]:
        self._system(question.ref)
        return self._refresher.transitions(question.ref)

    def _events(self, question: words.SessionEvents) -> tuple[SessionEvent, ...]:
        return tuple(self._setup.record.events(question.id, question.after, question.limit))

    def _status(self, question: words.StatusLine) -> words.Status:
        setup = self._setup
        shift = self._ledger.shift()
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
            estimate=self._ledger.spent(shift),
            limit=setup.shift_budget,
            health=max((state.value for state in states), key=order.index, default="live"),
            read_only=setup.read_only,
            sev_one=worst,
            sev_one_note=note,
            worker=self._worker_note,
            store=setup.store_notice(),
        )

    def _audit_window(self, question: words.AuditWindow) -> tuple[AuditRecord, ...]:
        if question.before:
            first = max(0, question.before - 1 - question.count)
            return tuple(reversed(self._setup.record.audit(after=first, limit=question.before - 1 - first)))
        return tuple(self._setup.record.audit(limit=question.count, newest_first=True))

    def _verify_audit(self, question: words.VerifyAudit) -> words.AuditHealth:
        from opstui.services.auditing import verify_chain

        return verify_chain(self._setup.record)

    def _search(self, question: words.KnowledgeSearch) -> tuple[Hit, ...]:
        return tuple(self._setup.knowledge.search(question.query, question.limit))

    def _log_tail(self, question: words.LogTail) -> tuple[SafeText, ...]:
        from opstui.services.auditing import tail_of

        return tail_of(self._setup.log_file, question.count)

    def _doctor(self, question: words.Doctor) -> tuple[Probe, ...]:
        from opstui.services.doctor import examine

        return tuple(examine(self._setup, offline=question.offline))

    def _run_session(self, command: words.RunSession) -> Outcome[Session]:
        return Outcome(self._loop.run(self._sessions.run(command.id)))

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
        return Outcome(error=errors[0]) if errors else Outcome(changed)

    def _refresh_ticket(self, command: words.RefreshTicket) -> Outcome[Ticket]:
        self._system(command.ref)
        return Outcome(self._refresher.ticket(command.ref))

    def _mark_seen(self, command: words.MarkSeen) -> Outcome[None]:
        self._setup.cache.mark_seen(command.ref, now=self._setup.clock.now())
        return Outcome()

    def _keep_view_state(self, command: words.KeepViewState) -> Outcome[None]:
        self._setup.cache.keep_view_state(command.name, command.state)
        return Outcome()

    def _import(self, command: words.ImportTickets) -> Outcome[words.ImportReport]:
        if self._setup.import_tickets is None:
            raise UsageError("there is no local system to import into")
        report = self._setup.import_tickets(command.file, command.update)
        assert isinstance(report, words.ImportReport)
        self._refresher.refresh(feeds(self._setup, "local"))
        return Outcome(report)

    def _system(self, ref: TicketRef) -> Any:
        system = self._setup.systems.get(ref.system)
        if system is None:
            raise UsageError(f"{ref.system}: no such ticket system; there are: {', '.join(self._setup.systems)}")
        return system

    # --- while a face stays

    def _keep_going(self) -> None:
        """Index runbooks, prune, and see to it that unfinished work has a worker."""
        setup = self._setup
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
                if self._sessions.unowned() or self._publisher.has_work():
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

    def _tend(self, *, prune: bool) -> None:
        setup = self._setup
        try:
            setup.knowledge.refresh()
            if prune and not setup.read_only:
                setup.record.prune(setup.clock.now() - timedelta(days=setup.keep_days))
        except OpstuiError as error:
            log.warning("tending: %s", error.__class__.__name__)


_ALLOWED_READ_ONLY = (
    words.RefreshTickets,
    words.RefreshTicket,
    words.MarkSeen,
    words.KeepViewState,
    words.IndexKnowledge,
    words.CloseDraft,
)


def _event(ring: Ring) -> Event:
    return Event(kind=ring.kind, subject=ring.subject, rev=ring.rev)
