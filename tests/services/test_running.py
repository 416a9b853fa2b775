"""What the session service does with a runtime whose sessions live elsewhere: resume, budgets, messages, ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from opstui.core import stops
from opstui.core.codec import encode
from opstui.core.desk import (
    ApproveDraft,
    Confirm,
    DiscardDraft,
    DraftReview,
    FallBack,
    InterruptSession,
    MessageSession,
    PushApproved,
    RaiseBudget,
    ResumeSession,
    RunSession,
    SessionChoices,
    SessionDetail,
    SessionEvents,
    ShiftTotals,
    StartSession,
    WaitingForYou,
)
from opstui.core.errors import BudgetReached, CredentialsRefused, RateLimited, Refused, Unreachable, UsageError
from opstui.core.sessions import (
    RuntimeNotice,
    RuntimeStatus,
    RuntimeText,
    RuntimeToolCall,
    RuntimeUsage,
    Session,
    SessionStatus,
    Usage,
)
from opstui.core.tickets import TicketRef
from opstui.services import running
from tests.services.building import Place
from tests.services.scripted_runtime import ScriptedRuntime, ScriptedSession

RUNNING = RuntimeStatus("e1", SessionStatus.RUNNING)
DONE = RuntimeStatus("e9", SessionStatus.IDLE, stops.END_TURN)
TOKENS = RuntimeUsage("e3", Usage(input_tokens=5000, output_tokens=600))
"""2 cents and a bit at Sonnet 5.5's prices: 0.010 + 0.006."""


@pytest.fixture
def runtime() -> ScriptedRuntime:
    return ScriptedRuntime()


@pytest.fixture
def place(tmp_path: Path, runtime: ScriptedRuntime) -> Iterator[Place]:
    made = Place(tmp_path)
    object.__setattr__(made.setup, "runtimes", {**made.setup.runtimes, "managed": runtime})
    object.__setattr__(made.setup, "after_shift", {"managed": "archive"})
    yield made
    made.close()


def start(place: Place, ref: TicketRef | None = None, **options: Any) -> Session:
    ref = ref or place.ticket(body="Since 03:02 UTC checkout answers 502 in eu-west.")
    command = StartSession(ticket=ref, workflow="incident-summary", runtime="managed", **options)
    return place.desk.do(command).unwrap()


def run(place: Place, session: Session) -> Session:
    return place.desk.do(RunSession(session.id)).unwrap()


def kinds(place: Place, session: Session) -> list[str]:
    return [event.type for event in place.desk.ask(SessionEvents(id=session.id))]


def submits(place: Place, ref: TicketRef) -> RuntimeToolCall:
    """A call that hands in what the rules would write: a document that passes the checks."""
    started = place.desk.do(
        StartSession(ticket=ref, workflow="incident-summary", runtime="offline", again=True, here=True)
    )
    document = place.desk.do(RunSession(started.unwrap().id)).unwrap().document
    assert document is not None
    from opstui.services.document_schemas import BY_CODE

    bare = {key: value for key, value in document.items() if key not in BY_CODE["IncidentSummary"]}
    return RuntimeToolCall("call-1", "submit_document", {"document": _stripped(bare)})


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _stripped(item)
            for key, item in value.items()
            if key not in ("confidence", "confidence_reason", "sha256_12")
        }
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def test_a_session_stands_idle_with_its_document_and_draft(place: Place, runtime: ScriptedRuntime) -> None:
    ref = place.ticket(body="Since 03:02 UTC checkout answers 502 in eu-west.")
    call = submits(place, ref)
    runtime.scripts = [[RUNNING, TOKENS, call, RuntimeText("e4", "Handed in."), DONE]]
    session = run(place, start(place, ref, again=True))
    assert (session.status, session.stop_reason) == (SessionStatus.IDLE, stops.END_TURN)
    assert session.document is not None
    assert session.draft is not None
    assert session.ended_at is None
    assert session.remote_id == f"sesn_{session.id}"
    assert runtime.sessions[0].closed
    assert kinds(place, session)[-1] == "session.ended"


def test_the_first_message_holds_the_ticket_and_no_personal_data(place: Place, runtime: ScriptedRuntime) -> None:
    ref = place.ticket(body="Reported by mia.keller@example.com: checkout answers 502.")
    runtime.scripts = [[RUNNING, DONE]]
    run(place, start(place, ref))
    message = runtime.briefs[0].message
    assert "checkout answers 502" in message
    assert "mia.keller@example.com" not in message
    assert "⟦S:EMAIL:" in message
    assert [tool.name for tool in runtime.briefs[0].tools][-1] == "submit_document"


def test_taken_up_again_nothing_is_counted_or_told_twice(place: Place, runtime: ScriptedRuntime) -> None:
    text = RuntimeText("e2", "Reading the ticket.")
    runtime.scripts = [
        [RUNNING, text, TOKENS, Unreachable("the line is cut", was_anything_sent=True)],
        [RUNNING, text, TOKENS, RuntimeUsage("e5", Usage(output_tokens=100)), DONE],
    ]
    session = start(place)
    assert isinstance(place.desk.do(RunSession(session.id)).error, Unreachable)
    left = place.desk.ask(SessionDetail(session.id))
    assert left.status.is_live
    assert left.remote_id == f"sesn_{session.id}"
    ended = run(place, session)
    assert runtime.briefs[1].remote_id == left.remote_id
    told = place.desk.ask(SessionEvents(id=session.id))
    assert [event.type for event in told].count("text") == 1
    assert ended.cost.usage.output_tokens == 700
    assert ended.cost.estimate == 17_000
    assert place.desk.ask(ShiftTotals()).total.estimate == 17_000


def test_a_start_that_was_cut_off_is_looked_for(place: Place, runtime: ScriptedRuntime) -> None:
    session = start(place)
    cut_off = replace(session, status=SessionStatus.STARTING)
    place.setup.record.write(lambda record: record.put_session(cut_off))
    runtime.scripts = [[RUNNING, DONE]]
    run(place, session)
    assert runtime.briefs[0].maybe_started
    assert runtime.briefs[0].remote_id is None


def test_a_start_for_the_first_time_is_not(place: Place, runtime: ScriptedRuntime) -> None:
    runtime.scripts = [[RUNNING, DONE]]
    run(place, start(place))
    assert not runtime.briefs[0].maybe_started


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (Unreachable("no answer"), stops.UNREACHABLE, 3),
        (RateLimited("wait an hour", retry_after=3600), stops.RATE_LIMITED, 3),
        (CredentialsRefused("the key was refused"), stops.CREDENTIALS, 4),
        (Refused("the model can't have a budget"), stops.REJECTED, 1),
    ],
)
def test_what_keeps_it_from_starting_is_its_stop_reason(
    place: Place, runtime: ScriptedRuntime, error: Any, reason: str, code: int
) -> None:
    runtime.scripts = [error]
    session = start(place)
    outcome = place.desk.do(RunSession(session.id))
    assert type(outcome.error) is type(error)
    failed = place.desk.ask(SessionDetail(session.id))
    assert (failed.status, failed.stop_reason) == (SessionStatus.FAILED, reason)
    assert stops.stop(reason).exit_code == code
    choices = place.desk.ask(SessionChoices(session.id))
    assert choices.fallback == "offline"
    assert "fallback" in choices.choices


def test_the_fallback_does_the_same_without_a_model(place: Place, runtime: ScriptedRuntime) -> None:
    runtime.scripts = [Unreachable("no answer")]
    session = start(place)
    place.desk.do(RunSession(session.id))
    instead = place.desk.do(FallBack(session.id, here=True)).unwrap()
    assert (instead.runtime, instead.workflow, instead.ticket) == ("offline", session.workflow, session.ticket)
    assert run(place, instead).draft is not None


def test_a_session_at_its_budget_waits_for_a_person_and_goes_on_when_it_is_raised(
    place: Place, runtime: ScriptedRuntime
) -> None:
    at_budget = RuntimeStatus("e5", SessionStatus.IDLE, stops.BUDGET_REACHED)
    runtime.scripts = [
        [RUNNING, TOKENS, at_budget],
        [RUNNING, TOKENS, at_budget, RuntimeStatus("e6", SessionStatus.RUNNING), DONE],
    ]
    session = run(place, start(place, budget_micros=10_000))
    assert (session.status, session.stop_reason) == (SessionStatus.IDLE, stops.BUDGET_REACHED)
    assert [(item.kind, item.subject) for item in place.desk.ask(WaitingForYou())] == [("budget", session.id)]
    assert place.desk.ask(SessionChoices(session.id)).least_budget == 20_000
    too_little = place.desk.do(RaiseBudget(id=session.id, budget_micros=10_000, reason="more"))
    assert isinstance(too_little.error, UsageError)
    place.desk.do(RaiseBudget(id=session.id, budget_micros=500_000, reason="sev 1")).unwrap()
    assert place.spawned == 2
    after = run(place, session)
    assert runtime.sessions[1].budgets == [500_000]
    assert (after.status, after.stop_reason, after.cost.budget) == (SessionStatus.IDLE, stops.END_TURN, 500_000)
    rows = place.setup.record.audit(limit=20)
    assert any(row.action == "session.raise" and "sev 1" in (row.detail or "") for row in rows)


def test_a_message_to_an_idle_session_is_delivered_before_it_is_followed(
    place: Place, runtime: ScriptedRuntime
) -> None:
    runtime.scripts = [
        [RUNNING, DONE],
        [
            RUNNING,
            DONE,
            RuntimeText("e11", "It was the resolver."),
            RuntimeStatus("e12", SessionStatus.IDLE, stops.END_TURN),
        ],
    ]
    session = run(place, start(place))
    place.desk.do(MessageSession(session.id, "which resolver?")).unwrap()
    run(place, session)
    assert runtime.sessions[1].messages == ["which resolver?"]
    texts = [event.data["text"] for event in place.desk.ask(SessionEvents(id=session.id)) if event.type == "text"]
    assert texts == ["It was the resolver."]


def test_what_an_operator_typed_is_kept_hidden_once_it_was_delivered(place: Place, runtime: ScriptedRuntime) -> None:
    runtime.scripts = [[RUNNING, DONE], [RUNNING, RuntimeStatus("e12", SessionStatus.IDLE, stops.END_TURN)]]
    session = run(place, start(place))
    place.desk.do(MessageSession(session.id, "ask dana@example.com")).unwrap()
    run(place, session)
    file = apsw.Connection(str(place.paths.data / "record.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        kept = [str(row) for table in ("requests", "events") for row in file.execute(f"SELECT * FROM {table}")]
    finally:
        file.close()
    assert any("you: ask" in row for row in kept)
    assert not any("dana@example.com" in row for row in kept)


def test_an_agent_that_stops_without_a_document_asks(place: Place, runtime: ScriptedRuntime) -> None:
    runtime.scripts = [[RUNNING, RuntimeText("e2", "Which cluster?"), DONE]]
    session = run(place, start(place))
    assert [(item.kind, item.subject) for item in place.desk.ask(WaitingForYou())] == [("question", session.id)]


def test_an_interrupt_reaches_a_running_session(place: Place, runtime: ScriptedRuntime) -> None:
    session = start(place)

    def ask(opened: ScriptedSession) -> Any:
        place.desk.do(InterruptSession(session.id)).unwrap()
        return opened.interrupted.wait()

    runtime.scripts = [[RUNNING, ask, RuntimeStatus("e8", SessionStatus.IDLE, stops.INTERRUPTED)]]
    ended = run(place, session)
    assert runtime.sessions[0].interrupts == ["interrupted"]
    assert ended.stop_reason == stops.INTERRUPTED


def test_a_session_elsewhere_that_nobody_follows_is_interrupted_over_there(
    place: Place, runtime: ScriptedRuntime
) -> None:
    runtime.scripts = [
        [RUNNING, Unreachable("cut")],
        [RUNNING, RuntimeStatus("e8", SessionStatus.IDLE, stops.INTERRUPTED)],
    ]
    session = start(place)
    place.desk.do(RunSession(session.id))
    spawned = place.spawned
    assert place.desk.do(InterruptSession(session.id)).unwrap().status.is_live
    assert place.spawned == spawned + 1
    run(place, session)
    assert runtime.sessions[1].interrupts == ["interrupted"]


def test_our_meter_stops_a_messages_session_at_its_budget(place: Place) -> None:
    local = ScriptedRuntime("local", kind="messages")
    local.engine = "local"
    object.__setattr__(place.setup, "runtimes", {**place.setup.runtimes, "local": local})

    def wait(opened: ScriptedSession) -> Any:
        return opened.interrupted.wait()

    local.scripts = [[RUNNING, TOKENS, wait, RuntimeStatus("e8", SessionStatus.IDLE, stops.BUDGET_REACHED)]]
    ref = place.ticket()
    command = StartSession(ticket=ref, workflow="incident-summary", runtime="local", budget_micros=10_000)
    session = run(place, place.desk.do(command).unwrap())
    assert local.sessions[0].interrupts == [stops.BUDGET_REACHED]
    assert session.stop_reason == stops.BUDGET_REACHED


def test_our_meter_stops_it_before_a_tool_that_is_quick_is_answered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LOOK_SECONDS", 30.0)
    local = ScriptedRuntime("local", kind="messages")
    local.engine = "local"
    object.__setattr__(place.setup, "runtimes", {**place.setup.runtimes, "local": local})
    heard: list[tuple[int, int]] = []

    def look(opened: ScriptedSession) -> Any:
        heard.append((len(opened.interrupts), len(opened.answers)))

    def wait(opened: ScriptedSession) -> Any:
        return asyncio.wait_for(opened.interrupted.wait(), 5)

    call = RuntimeToolCall("c1", "get_ticket", {})
    local.scripts = [[RUNNING, TOKENS, wait, look, call, RuntimeStatus("e8", SessionStatus.IDLE, stops.BUDGET_REACHED)]]
    command = StartSession(ticket=place.ticket(), workflow="incident-summary", runtime="local", budget_micros=10_000)
    run(place, place.desk.do(command).unwrap())
    assert heard == [(1, 0)]


def test_a_shift_without_room_starts_nothing(tmp_path: Path, runtime: ScriptedRuntime) -> None:
    from opstui.config.settings import Budget, Settings, ShiftSettings

    place = Place(tmp_path, settings=Settings(shift=ShiftSettings(budget=Budget(600_000))))
    object.__setattr__(place.setup, "runtimes", {**place.setup.runtimes, "managed": runtime})
    start(place, place.ticket(), budget_micros=500_000)
    refused = place.desk.do(
        StartSession(ticket=place.ticket("Another one"), workflow="incident-summary", runtime="managed")
    )
    assert isinstance(refused.error, BudgetReached)
    assert len(place.setup.record.sessions()) == 1
    place.close()


def test_a_failed_session_that_may_live_on_is_taken_up_again(place: Place, runtime: ScriptedRuntime) -> None:
    runtime.scripts = [[RUNNING, CredentialsRefused("the key was revoked")], [RUNNING, DONE]]
    session = start(place)
    place.desk.do(RunSession(session.id))
    assert place.desk.ask(SessionDetail(session.id)).stop_reason == stops.CREDENTIALS
    assert place.desk.ask(SessionChoices(session.id)).choices[0] == "resume"
    place.desk.do(ResumeSession(session.id, here=True)).unwrap()
    assert run(place, session).stop_reason == stops.END_TURN


def test_a_part_that_breaks_breaks_the_session_instead_of_letting_it_wait(
    place: Place, runtime: ScriptedRuntime
) -> None:
    class Broken(ScriptedSession):
        async def answer(self, call_id: str, result: Any) -> None:
            raise RuntimeError("a bug")

    async def start_broken(brief: Any) -> Broken:
        return Broken(runtime, brief, [RUNNING, RuntimeToolCall("c1", "get_ticket", {}), DONE])

    runtime.start = start_broken  # type: ignore[method-assign, assignment]
    session = start(place)
    with pytest.raises(RuntimeError, match="a bug"):
        place.desk.do(RunSession(session.id))


def test_several_tool_calls_are_answered_at_once(place: Place, runtime: ScriptedRuntime) -> None:
    class Parallel(ScriptedSession):
        async def events(self) -> Any:
            yield RUNNING
            for number in range(4):
                yield RuntimeToolCall(f"c{number}", "get_ticket", {})
            while len(self.answers) < 4:
                self.answered.clear()
                await self.answered.wait()
            yield DONE

    async def start_parallel(brief: Any) -> Parallel:
        return Parallel(runtime, brief, [])

    runtime.start = start_parallel  # type: ignore[method-assign, assignment]
    session = run(place, start(place))
    told = kinds(place, session)
    assert told.count("tool.call") == told.count("tool.result") == 4


def test_a_notice_with_an_end_can_be_counted_down(place: Place, runtime: ScriptedRuntime) -> None:
    until = place.clock.now() + timedelta(seconds=8)
    runtime.scripts = [[RUNNING, RuntimeNotice("n1", "overloaded: next try", until=until), DONE]]
    session = run(place, start(place))
    notice = next(event for event in place.desk.ask(SessionEvents(id=session.id)) if event.type == "notice")
    assert notice.data["until"].startswith("2026-11-20T")


def test_when_its_shift_is_over_a_session_is_put_away_after_its_log_was_kept(
    place: Place, runtime: ScriptedRuntime
) -> None:
    from opstui.services.working import Work

    runtime.scripts = [[RUNNING, DONE]]
    session = run(place, start(place))
    work = Work(place.setup)
    work.run_until_idle(linger=0.0)
    assert runtime.put_aside == []
    place.clock.move(hours=13)
    work.run_until_idle(linger=0.0)
    assert runtime.put_aside == [(session.remote_id, False)]
    kept = place.setup.logs_folder / f"{session.id}.jsonl"
    assert b"status_idle" in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    ended = place.desk.ask(SessionDetail(session.id))
    assert (ended.status, ended.stop_reason) == (SessionStatus.ENDED, stops.ARCHIVED)


def test_who_starts_a_session_to_run_it_has_it_before_a_worker_sees_it(place: Place, runtime: ScriptedRuntime) -> None:
    from opstui.services.working import Work

    runtime.scripts = [[RUNNING, DONE]]
    session = start(place, here=True)
    Work(place.setup).run_until_idle(linger=0.0)
    assert runtime.briefs == []
    assert run(place, session).stop_reason == stops.END_TURN


def test_a_failed_session_is_put_away_once_and_stays_failed(place: Place, runtime: ScriptedRuntime) -> None:
    from opstui.services.working import Work

    runtime.scripts = [[RUNNING, RuntimeStatus("e9", SessionStatus.FAILED, stops.TERMINATED)]]
    session = run(place, start(place))
    place.clock.move(hours=13)
    for _ in range(2):
        Work(place.setup).run_until_idle(linger=0.0)
    assert runtime.put_aside == [(session.remote_id, False)]
    assert place.desk.ask(SessionDetail(session.id)).stop_reason == stops.TERMINATED


def test_a_secret_waits_as_a_placeholder_and_comes_back_in_what_is_sent(place: Place, runtime: ScriptedRuntime) -> None:
    secret = "hunter2" + "-Q9xT7"
    ref = place.ticket(body=f"Checkout answers 502. The password is {secret} on pay-3.")
    runtime.scripts = [[RUNNING, DONE]]
    run(place, start(place, ref))
    [hidden] = re.findall(r"⟦S:PASSWORD:[0-9a-f]{8}⟧", runtime.briefs[0].message)
    call = submits(place, ref)
    document = json.loads(json.dumps(call.input["document"]).replace(secret, hidden))
    assert hidden in json.dumps(document, ensure_ascii=False)
    place.desk.do(DiscardDraft(place.setup.record.sessions(ticket=ref)[0].draft or ""))
    told = RuntimeToolCall("call-2", "submit_document", {"document": document})
    runtime.scripts = [
        [
            RUNNING,
            DONE,
            RuntimeStatus("e20", SessionStatus.RUNNING),
            told,
            RuntimeStatus("e21", SessionStatus.IDLE, stops.END_TURN),
        ]
    ]
    managed = next(one for one in place.setup.record.sessions(ticket=ref) if one.runtime == "managed")
    place.desk.do(MessageSession(managed.id, "again, please")).unwrap()
    session = run(place, managed)
    draft = place.setup.record.draft(session.draft or "")
    assert draft is not None
    comment = str(getattr(draft.comment(), "to", ""))
    assert hidden in comment
    assert secret not in comment
    assert secret not in json.dumps(encode(session.document), ensure_ascii=False)
    assert not [item for item in place.desk.ask(DraftReview(draft.id)).findings if hidden[1:-1] in item.text]
    shown = place.desk.ask(Confirm(draft.id))
    assert secret in (shown.comment or "")
    assert hidden not in (shown.comment or "")
    place.desk.do(ApproveDraft(id=draft.id, fingerprint=shown.fingerprint)).unwrap()
    place.desk.do(PushApproved()).unwrap()
    assert secret in place.entries(ref)[-1].text


def test_a_raise_that_the_service_did_not_take_is_taken_back_and_a_message_is_not_lost(
    place: Place, runtime: ScriptedRuntime
) -> None:
    class Deaf(ScriptedSession):
        async def raise_budget(self, budget_micros: int) -> None:
            raise Unreachable("no answer")

        async def send(self, text: str) -> None:
            raise Unreachable("no answer")

    at_budget = RuntimeStatus("e5", SessionStatus.IDLE, stops.END_TURN)
    runtime.scripts = [[RUNNING, at_budget]]
    session = run(place, start(place, budget_micros=10_000))

    async def start_deaf(brief: Any) -> Deaf:
        return Deaf(runtime, brief, [RUNNING, at_budget])

    runtime.start = start_deaf  # type: ignore[method-assign]
    place.desk.do(RaiseBudget(id=session.id, budget_micros=500_000, reason="sev 1")).unwrap()
    place.desk.do(MessageSession(session.id, "which resolver is it?")).unwrap()
    after = run(place, session)
    assert after.cost.budget == 10_000
    errors = [event.data["text"] for event in place.desk.ask(SessionEvents(id=session.id)) if event.type == "error"]
    assert any("the new budget was not delivered" in text for text in errors)
    assert any("You wrote: which resolver is it?" in text for text in errors)
