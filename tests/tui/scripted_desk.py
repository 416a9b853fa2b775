"""A desk that says what it is told to say: tickets, sessions and drafts in memory, a clock that stands still.

It is no mock of the real one: it answers the questions of ``core.desk`` about what was put into it, so that a screen
can be shown in any state that the real desk reaches only after work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opstui.core import desk as d
from opstui.core.documents import Citation, CitationKind, Claim, ClaimStatus, Confidence
from opstui.core.drafts import Draft, DraftState
from opstui.core.errors import FilterError, NotFound, OpstuiError
from opstui.core.ports import Capabilities, Probe
from opstui.core.queues import Health, Queue, QueueState, SortBy, TableRow, TicketWindow, View
from opstui.core.sessions import Cost, Session, SessionEvent, SessionStatus, Usage
from opstui.core.shifts import Shift
from opstui.core.stops import stop
from opstui.core.text import SafeText, clean, clean_line
from opstui.core.tickets import (
    EntryKind,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
    TimelineEntry,
    Visibility,
)
from opstui.core.workflows import Workflow
from tests.tui.shelf import Shelf

NOW = datetime(2026, 11, 20, 3, 14, 9, tzinfo=UTC)

TITLES = (
    ("PAY-1042", "1", "investigating", "alex", 41, 4, "Checkout returns 5xx in eu-west"),
    ("DB-311", "2", "open", "", 22, 38, "orders-db-2 disk 91 % and growing"),
    ("NET-87", "2", "open", "dana", 9, 51, "DNS timeouts from build agents"),
    ("K8S-540", "3", "waiting", "alex", 190, None, "Rollout of search-api stuck at 3 of 8"),
    ("SEC-12", "3", "open", "miguel", 260, 220, "Login from an unusual country, token still valid"),
    ("DESK-2231", "4", "new", "", 2, None, "VPN does not connect after the update"),
    ("DESK-2230", "4", "new", "", 17, None, "プリンタが紙詰まりを報告する 🖨️ 3階"),
)


def build_ticket(
    key: str,
    title: str,
    *,
    severity: str | None = "3",
    status: str = "open",
    owner: str = "",
    minutes: int = 30,
    due: int | None = None,
    body: str = "",
    entries: tuple[tuple[str, str, str], ...] = (),
    system: str = "local",
) -> Ticket:
    """A ticket; ``entries`` are kind, author, text."""
    category = {"new": StatusCategory.NEW, "waiting": StatusCategory.WAITING, "resolved": StatusCategory.RESOLVED}
    created = NOW - timedelta(minutes=minutes)
    return Ticket(
        ref=TicketRef(system, key),
        title=clean_line(title),
        severity=severity,
        status=Status(SafeText(status), category.get(status, StatusCategory.OPEN)),
        assignees=(SafeText(owner),) if owner else (),
        team=SafeText("net-core"),
        services=(SafeText("dns"),),
        tags=(SafeText("ci"), SafeText("dns")),
        created_at=created,
        updated_at=created + timedelta(minutes=1),
        due_at=None if due is None else NOW + timedelta(minutes=due),
        version="1183",
        body=clean(body),
        timeline=tuple(
            TimelineEntry(
                id=f"{key}#{number}",
                at=created + timedelta(minutes=2 * number),
                author=clean_line(author),
                kind=EntryKind(kind),
                visibility=Visibility.INTERNAL,
                text=clean(text),
            )
            for number, (kind, author, text) in enumerate(entries, 1)
        ),
    )


NET_87_ENTRIES = (
    (
        "alert",
        "CoreDNS",
        "CoreDNS forward errors 12 % (threshold 3 %)\nzone: build.internal\nresolvers: 10.0.3.2, 10.0.3.3",
    ),
    ("comment", "dana", "restarted node-local-dns on agents-3, no change"),
    (
        "comment",
        "miguel",
        "agents-1 and agents-5 show it too since 03:08. Upstream 10.0.3.3 answers in 900 ms, the other in 4 ms.",
    ),
)


BODY = """Lookups from the build agents fail now and then.

- about one in eight
- only in eu-west

Builds fail with `EAI_AGAIN`."""


def world() -> dict[TicketRef, Ticket]:
    """The tickets of the wireframes and thirty dull ones."""
    found: dict[TicketRef, Ticket] = {}
    for key, severity, status, owner, minutes, due, title in TITLES:
        made = build_ticket(
            key,
            title,
            severity=severity,
            status=status,
            owner=owner,
            minutes=minutes,
            due=due,
            body=BODY,
            entries=NET_87_ENTRIES if key == "NET-87" else NET_87_ENTRIES[:1],
        )
        found[made.ref] = made
    for number in range(30):
        made = build_ticket(
            f"DESK-{2200 - number}",
            f"Request number {number}: access to a shared folder",
            severity="4",
            minutes=400 + number * 61,
            status="waiting" if number % 3 else "open",
            owner="dana" if number % 2 else "",
        )
        found[made.ref] = made
    return found


WORKFLOWS = tuple(
    Workflow(
        id=name,
        title=title,
        version="0123456789abcdef",
        note="",
        document="IncidentSummary",
        tools=("get_ticket",),
        fields=("/comment",),
        public_comment=False,
        second_person=False,
        budget_micros=500_000,
        review_by=None,
        system="",
        rubric=None,
    )
    for name, title in (("incident-summary", "Incident summary"), ("escalation-package", "Escalation package"))
)


class ScriptedDesk:
    """See the module. ``commands`` holds what it was told to do."""

    def __init__(self, tickets: Mapping[TicketRef, Ticket] | None = None) -> None:
        self.clock = NOW
        self.tickets = dict(world() if tickets is None else tickets)
        self.sessions: dict[str, Session] = {}
        self.events: dict[str, list[SessionEvent]] = {}
        self.drafts: dict[str, Draft] = {}
        self.unseen: set[TicketRef] = {TicketRef("local", "DESK-2231")}
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.commands: list[d.Command[Any]] = []
        self.questions: list[d.Question[Any]] = []
        self.fail: OpstuiError | None = None
        self._journal: list[d.Event] = []
        self.waiting_items: tuple[d.Waiting, ...] = ()
        self.previews: dict[str, dict[str, str]] = {}
        """Session → what it is just saying, by remote id."""
        self.hidden: dict[str, dict[str, str]] = {}
        """Session → placeholder → value."""
        self.choices: dict[str, d.Choices] = {}
        """Session → what can be done; else what its stop reason comes to."""
        self.probes: tuple[Probe, ...] = ()
        self.shift_view: d.ShiftView | None = None
        self.shelf = Shelf()
        self.facts = d.Facts(
            operator="alex",
            timezone="UTC",
            read_only=False,
            demo=False,
            configured=True,
            systems=("local",),
            capabilities={"local": Capabilities(native_filters=True)},
            queues=(Queue("Incidents", "local"), Queue("Pager", "local", "severity<=2")),
            views=(View("Incidents", "", "Incidents"), View("Pager", "", "Pager"), View("Mine", "assignee:me")),
            workflows=WORKFLOWS,
            runtimes=("offline",),
            theme="opstui-dark",
            mouse="auto",
            keys={},
            log_file="",
            crash_folder="/dev/null/crash",
        )
        self.waiting = 1
        self.estimate = 1_840_000

    # --- what tests do to it ------------------------------------------------------------------------------------------

    def ring(self, kind: str, subject: str, rev: int = 1) -> None:
        """Something changed."""
        self._journal.append(d.Event(kind, subject, rev))

    def change(self, key: str, **fields: Any) -> None:
        """Change a ticket, and ring."""
        ref = TicketRef("local", key)
        self.tickets[ref] = replace(self.tickets[ref], **fields)
        self.ring("ticket", str(ref))

    def remove(self, key: str) -> None:
        """The ticket leaves every list."""
        del self.tickets[TicketRef("local", key)]
        self.ring("ticket", f"local:{key}")

    def add_session(self, key: str, **fields: Any) -> Session:
        """A session of a ticket."""
        number = len(self.sessions) + 1
        values: dict[str, Any] = {
            "id": f"S{number}",
            "workflow": "incident-summary",
            "workflow_version": "0123456789abcdef",
            "ticket": TicketRef("local", key),
            "ticket_version": "1183",
            "runtime": "offline",
            "runtime_kind": "extractive",
            "status": SessionStatus.RUNNING,
            "operator": "alex",
            "shift": "2026-11-19T20:00:00Z",
            "created_at": self.clock,
            "started_at": self.clock,
            "cost": Cost(
                estimate=31200,
                budget=500_000,
                usage=Usage(input_tokens=8100, output_tokens=612, cache_read_tokens=5200, running_ms=42_000),
            ),
        } | fields
        session = Session(**values)
        self.sessions[session.id] = session
        self.events.setdefault(session.id, [])
        self.ring("session", session.id)
        return session

    def add_managed(self, key: str, **fields: Any) -> Session:
        """A session on the managed runtime."""
        given: dict[str, Any] = {"runtime": "managed", "runtime_kind": "managed-agents", "model": "claude-sonnet-5-5"}
        return self.add_session(key, **(given | {"remote_id": "r1"} | fields))

    def change_session(self, session: str, **fields: Any) -> None:
        """Change a session, and ring."""
        found = self.sessions[session]
        self.sessions[session] = replace(found, rev=found.rev + 1, **fields)
        self.ring("session", session)

    def add_event(self, session: str, kind: str, **data: Any) -> None:
        """An event of a session."""
        log = self.events[session]
        log.append(
            SessionEvent(
                session=session, seq=len(log) + 1, remote_id=f"r{len(log)}", at=self.clock, type=kind, data=data
            )
        )
        self.ring("events", session, len(log))

    # --- Desk ---------------------------------------------------------------------------------------------------------

    def ask(self, question: d.Question[Any]) -> Any:
        self.questions.append(question)
        match question:
            case d.DeskFacts():
                return self.facts
            case d.StatusLine():
                return self._status()
            case d.Queues():
                return tuple(
                    QueueState(
                        name=q.name,
                        system=q.system,
                        state=Health.LIVE,
                        open=len(self._select(View(q.name, "", q.name), "")),
                        unseen=len(self.unseen),
                        fetched_at=self.clock,
                    )
                    for q in self.facts.queues
                )
            case d.TicketsWindow():
                refs = self._order(question.view, question.search, question.sort)
                part = refs[question.first : question.first + question.count]
                return TicketWindow(
                    total=len(refs),
                    first=question.first,
                    rows=tuple(map(self._row, part)),
                    stamp=str(hash(tuple(refs))),
                )
            case d.TicketPosition():
                refs = self._order(question.view, question.search, question.sort)
                return refs.index(question.ref) if question.ref in refs else None
            case d.SortedTickets():
                return tuple(self._row(ref) for ref in question.refs if ref in self.tickets)
            case d.TicketDetail():
                return self._detail(question.ref)
            case d.FirstLook():
                return self._first_look(question.ref)
            case d.Transitions():
                return ("investigating", "waiting", "resolved")
            case d.Sessions():
                found = [s for s in reversed(self.sessions.values()) if question.ticket in (None, s.ticket)]
                return tuple(s for s in found if question.statuses is None or s.status in question.statuses)
            case d.SessionDetail():
                return self._get(self.sessions, question.id)
            case d.SessionEvents():
                return tuple(e for e in self.events[question.id] if e.seq > question.after)[: question.limit]
            case d.SessionPreview():
                return tuple(self.previews.get(question.id, {}).items())
            case d.SessionHidden():
                return self.hidden.get(question.id, {})
            case d.SessionChoices():
                return self._choices(self._get(self.sessions, question.id))
            case d.Doctor():
                return tuple(probe for probe in self.probes if not question.offline or "runtimes" not in probe.check)
            case d.ShiftTotals() if self.shift_view is not None:
                return self.shift_view
            case d.Drafts():
                return tuple(x for x in self.drafts.values() if question.ticket in (None, x.ticket))
            case d.WaitingForYou():
                return self.waiting_items
            case d.ViewState():
                return self.kept.get(question.name)
            case d.Source():
                entry = next(
                    (e for e in self._get(self.tickets, question.ticket).timeline if e.id == question.citation.ref),
                    None,
                )
                if entry is None:
                    raise NotFound(f"there is no source {question.citation.ref}")
                return d.SourceView(
                    ref=entry.id,
                    title=entry.author,
                    note="03:09",
                    lines=tuple(SafeText(x) for x in entry.text.split("\n")),
                    line_start=question.citation.line_start,
                    line_end=question.citation.line_end,
                )
            case d.LogTail():
                return ()
            case d.Draw(letters=letters):
                return letters[0]
        return self.shelf.answer(question)

    def do(self, command: d.Command[Any]) -> d.Outcome[Any]:
        self.commands.append(command)
        if self.fail is not None and not isinstance(command, d.KeepViewState):
            return d.Outcome(error=self.fail)
        match command:
            case d.KeepViewState():
                self.kept[command.name] = command.state
                return d.Outcome()
            case d.StartSession():
                runtime = command.runtime or self.facts.plans.get(command.workflow, d.Plan()).runtime
                return d.Outcome(self.add_session(command.ticket.key, workflow=command.workflow, runtime=runtime))
            case d.NewDraft():
                draft = self.add_draft(command.ticket)
                return d.Outcome(draft)
            case d.RefreshTickets():
                return d.Outcome(0)
            case d.RefreshTicket():
                return d.Outcome(self.tickets[command.ref])
            case d.StopAllSessions():
                return d.Outcome(len(self.sessions))
            case d.InterruptSession() | d.MessageSession() | d.RaiseBudget() | d.ResumeSession():
                return d.Outcome(self.sessions[command.id])
            case d.RaiseShiftBudget():
                return d.Outcome(command.limit_micros)
            case d.FallBack():
                session = self.sessions[command.id]
                return d.Outcome(self.add_session(session.ticket.key, workflow=session.workflow))
            case d.Watch():
                return d.Outcome()
            case d.JudgeSimilar():
                self.ring("similar", f"{command.ref} {command.other}")
                return self.shelf.judge(command, self.clock)
            case d.MarkSeen():
                self.unseen.discard(command.ref)
                return d.Outcome()
        raise NotImplementedError(type(command).__name__)

    def add_draft(self, ref: TicketRef, **fields: Any) -> Draft:
        """An open draft of a ticket."""
        values: dict[str, Any] = {
            "id": f"D{len(self.drafts) + 1}",
            "ticket": ref,
            "state": DraftState.PROPOSED,
            "rev": 1,
            "base_version": "1183",
            "base": {},
            "op_id": "01J",
            "operator": "alex",
            "created_at": self.clock,
            "updated_at": self.clock,
        } | fields
        draft = Draft(**values)
        self.drafts[draft.id] = draft
        self.ring("draft", draft.id)
        return draft

    def changes(self, after: d.Mark | None) -> tuple[tuple[d.Event, ...], d.Mark]:
        mark = d.Mark(len(self._journal), 0)
        return ((), mark) if after is None else (tuple(self._journal[after.record :]), mark)

    def live(self) -> None:
        pass

    def close(self) -> None:
        pass

    # --- inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _get(table: Mapping[Any, Any], key: Any) -> Any:
        if key not in table:
            raise NotFound(f"there is no {key}")
        return table[key]

    def _choices(self, session: Session) -> d.Choices:
        if session.id in self.choices:
            return self.choices[session.id]
        means = stop(session.stop_reason)
        least = (session.cost.budget or 0) + 10_000 if "raise" in means.choices else 0
        return d.Choices(text=means.text, choices=means.choices, fallback="offline", least_budget=least)

    def _select(self, view: View, search: str) -> list[TicketRef]:
        if search.startswith("age>"):
            raise FilterError("age wants a span such as 30m", text=search, position=4, length=max(1, len(search) - 4))
        wanted = search.lower()
        return [
            ref
            for ref, t in self.tickets.items()
            if (view.name != "Pager" or t.severity in ("1", "2"))
            and ("assignee:me" not in view.filter or "alex" in t.assignees)
            and wanted in t.title.lower()
        ]

    def _order(self, view: View, search: str, sort: SortBy) -> list[TicketRef]:
        far = NOW + timedelta(days=999)
        keys: dict[SortBy, Any] = {
            SortBy.URGENCY: lambda t: (t.severity or "9", t.due_at or far, t.created_at),
            SortBy.AGE: lambda t: t.created_at,
            SortBy.UPDATED: lambda t: t.updated_at,
            SortBy.DUE: lambda t: t.due_at or far,
            SortBy.STATUS: lambda t: t.status.raw,
            SortBy.OWNER: lambda t: t.assignees,
            SortBy.REF: lambda t: str(t.ref),
        }
        return sorted(self._select(view, search), key=lambda ref: keys[sort](self.tickets[ref]))

    def _row(self, ref: TicketRef) -> TableRow:
        mine = [s for s in self.sessions.values() if s.ticket == ref]
        drafts = [x for x in self.drafts.values() if x.ticket == ref and x.state.is_open]
        return TableRow(
            ticket=self.tickets[ref].row(),
            unseen=ref in self.unseen,
            sessions_running=sum(s.status.is_live for s in mine),
            drafts_open=len(drafts),
            needs_you=bool(drafts),
        )

    def _status(self) -> d.Status:
        worst = next((ref for ref, t in self.tickets.items() if t.severity == "1"), None)
        start = NOW.replace(hour=20, minute=0, second=0) - timedelta(days=1)
        return d.Status(
            shift=Shift(start, start + timedelta(hours=12), "Night"),
            running=sum(s.status.is_live for s in self.sessions.values()),
            waiting=self.waiting,
            estimate=self.estimate,
            limit=25_000_000,
            health="live",
            read_only=False,
            sev_one=self._row(worst) if worst else None,
            sev_one_note="summary ready" if worst else "",
        )

    def _detail(self, ref: TicketRef) -> d.TicketView:
        ticket = self._get(self.tickets, ref)
        return d.TicketView(
            ticket=ticket,
            state="live",
            error=None,
            fetched_at=self.clock,
            sessions=tuple(s for s in self.sessions.values() if s.ticket == ref),
            drafts=tuple(x for x in self.drafts.values() if x.ticket == ref),
            capabilities=self.facts.capabilities["local"],
        )

    def _first_look(self, ref: TicketRef) -> d.FirstLookView:
        self._get(self.tickets, ref)
        cite = lambda n, a, b: Citation(CitationKind.ENTRY, f"{ref.key}#{n}", a, b)  # noqa: E731
        return d.FirstLookView(
            version="1183",
            claims=(
                Claim(
                    "c1",
                    "Lookups from the build agents fail since 03:08.",
                    ClaimStatus.FACT,
                    Confidence.HIGH,
                    (cite(1, 1, 2),),
                ),
                Claim(
                    "c2",
                    "A restart of node-local-dns on agents-3 did not help.",
                    ClaimStatus.REPORTED,
                    Confidence.MEDIUM,
                    (cite(2, 1, 1),),
                ),
            ),
            hits=self.shelf.hits("dns"),
            related=(),
            took_ms=41,
        )
