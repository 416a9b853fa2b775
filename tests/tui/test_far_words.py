"""Words about systems that are elsewhere: health, refs, severities, what changed, steps of a push, what is offered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from opstui.core import desk as d
from opstui.core.drafts import Draft, DraftChanges, DraftState, PushRecord, PushStep, StepState
from opstui.core.ports import Capabilities
from opstui.core.queues import Health, QueueState, View
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from opstui.tui.lines import text_of
from opstui.tui.offers import acknowledging, needs_statuses, offers, silencing
from opstui.tui.push_words import push_lines
from opstui.tui.since import Since
from opstui.tui.terminal.links import own_host
from opstui.tui.themes import DEFAULT, load
from opstui.tui.ticket_text import severity_words, since_looked
from opstui.tui.widgets.table_rows import columns, fit_ref
from opstui.tui.widgets.tabs import empty_words, health_bits, tab_pieces, trouble
from opstui.tui.words import called
from tests.tui.draft_desk import NET, DraftDesk
from tests.tui.scripted_desk import NOW, ScriptedDesk, build_ticket

# --- queues


def state(**fields: Any) -> QueueState:
    values: dict[str, Any] = {
        "name": "Incidents", "system": "rt", "state": Health.LIVE, "open": 4, "fetched_at": NOW - timedelta(minutes=4),
    } | fields  # fmt: skip
    return QueueState(**values)


SOON = NOW + timedelta(minutes=6)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "● live"),
        ({"state": Health.STALE}, "stale 4m"),
        ({"state": Health.STALE, "fetched_at": NOW}, "stale"),
        ({"state": Health.OFFLINE, "error": SafeText("gone")}, "offline 4m"),
        ({"state": Health.OFFLINE, "error": SafeText("gone"), "again_at": SOON}, "offline 4m"),
        ({"state": Health.ERROR, "error": SafeText("no")}, "error 4m"),
        ({"state": Health.STALE, "error": SafeText("wait"), "again_at": SOON}, "paused till 03:20"),
        ({"state": Health.STALE, "again_at": NOW - timedelta(seconds=1)}, "stale 4m"),
        ({"state": Health.STALE, "fetched_at": None}, "asking"),
        ({"state": Health.ERROR, "fetched_at": None, "error": SafeText("no")}, "error"),
    ],
)
def test_the_health_of_a_queue_is_a_word_or_two(fields: dict[str, Any], said: str) -> None:
    assert health_bits(state(**fields), NOW, "UTC")[0] == said


def test_trouble_says_since_when_and_why_and_nothing_where_there_is_none() -> None:
    gone = state(state=Health.OFFLINE, error=SafeText("rt: not reachable"))
    assert trouble(gone, NOW, "UTC") == ("offline · as of 03:10 · rt: not reachable", "warn")
    never = replace(gone, state=Health.ERROR, fetched_at=None)
    assert trouble(never, NOW, "UTC") == ("error · nothing read yet · rt: not reachable", "bad")
    assert trouble(state(), NOW, "UTC") == trouble(None, NOW, "UTC") == ("", "")


def test_an_empty_table_says_why_it_is_empty() -> None:
    never = state(fetched_at=None, state=Health.STALE)
    assert empty_words(state(), None, NOW, "UTC") == empty_words(None, None, NOW, "UTC") == ("no ticket here",)
    assert empty_words(never, NOW - timedelta(seconds=3), NOW, "UTC") == ("asking rt … (3 s)",)
    assert empty_words(never, NOW, NOW, "UTC") == ("asking rt …",)
    assert "03:20" in empty_words(replace(never, again_at=SOON), None, NOW, "UTC")[0]
    failed = replace(never, state=Health.OFFLINE, error=SafeText("rt: not reachable"), again_at=SOON)
    words = empty_words(failed, None, NOW, "UTC")
    assert words[:2] == ("rt: not reachable", "asked again at 03:20")
    assert "r asks now" in words[2]


def test_a_tab_of_a_queue_that_never_answered_counts_nothing() -> None:
    views = (View("Incidents", queue="Incidents"), View("Pager", queue="Pager"))
    states = (state(fetched_at=None, state=Health.STALE, open=0), state(name="Pager", open=6))
    left, right = tab_pieces(views, states, 0, "due", load(DEFAULT).palette, 80, NOW, "UTC")
    assert "".join(text for text, _ in left) == " Incidents asking │ Pager 6"
    left, right = tab_pieces(views, states, 1, "due", load(DEFAULT).palette, 80, NOW, "UTC")
    assert "".join(text for text, _ in right) == " ● live · due "


@pytest.mark.parametrize(
    ("ref", "width", "said"),
    [
        ("rt:12", 8, "rt:12   "),
        ("gh:acme/ops#12", 12, "…acme/ops#12"),
        ("gh:プリンタ/ops#12", 12, "…ンタ/ops#12"),
        ("x" * 40, 6, "…xxxxx"),
    ],
)
def test_a_long_ref_keeps_its_end_where_the_number_is(ref: str, width: int, said: str) -> None:
    assert fit_ref(ref, width) == said


def test_a_row_has_its_status_wherever_there_is_room() -> None:
    assert [columns(width, 8).status > 0 for width in (40, 80, 84, 88, 120)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("ref", "said"),
    [(("rt", "12"), "rt:12"), (("gh", "acme/ops#12"), "acme/ops#12"), (("local", "INC-1042"), "INC-1042")],
)
def test_a_key_that_is_but_a_number_is_called_with_its_system(ref: tuple[str, str], said: str) -> None:
    assert called(TicketRef(*ref)) == said


# --- a ticket


@pytest.mark.parametrize(
    ("severity", "priority", "said"),
    [
        ("2", None, "sev 2"),
        ("2", "P2", "sev 2"),
        ("1", "sev1", "sev 1"),
        ("2", "Urgent", "sev 2 (Urgent)"),
        (None, "Normal", "priority Normal"),
        (None, None, "no severity"),
        ("3", "2 - High", "sev 3 (2 - High)"),
    ],
)
def test_a_severity_stands_with_the_systems_own_word_where_that_says_more(
    severity: str | None, priority: str | None, said: str
) -> None:
    ticket = replace(build_ticket("A-1", "x", severity=severity), priority=SafeText(priority) if priority else None)
    assert severity_words(ticket) == said


def view(**fields: Any) -> d.TicketView:
    return replace(ScriptedDesk().ask(d.TicketDetail(NET)), **fields)


def said(shown: d.TicketView) -> str:
    return "".join(para.text for para in since_looked(shown))


def test_what_changed_is_measured_from_when_the_ticket_was_opened() -> None:
    opened = view(changed_since_seen=("NET-87#3",), changed_fields={"/status": ("new", "open")})
    since = Since.of(opened).with_fields(opened)
    assert said(since.on(opened)) == "status new → open · 1 new entry"
    # Looked at by now, as far as the desk knows; on this screen it stays marked.
    later = view(changed_fields={"/assignee": (["dana"], ["bo"]), "/status": ("open", "new")})
    later = replace(later, ticket=replace(later.ticket, assignees=(SafeText("bo"),)))
    since = since.with_fields(later)
    assert said(since.on(later)) == "status new → open · owner dana → bo · 1 new entry"
    back = replace(later, ticket=replace(later.ticket, assignees=(SafeText("dana"),)))
    assert said(since.on(back)) == "status new → open · 1 new entry"


def test_of_a_ticket_that_nobody_looked_at_not_everything_is_called_new() -> None:
    fresh = view(changed_since_seen=("NET-87#1", "NET-87#2", "NET-87#3"))
    assert said(Since.of(fresh).on(fresh)) == ""


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://rt.example.com/12", "rt.example.com"),
        ("http://127.0.0.1:8081/Ticket/Display.html?id=12", "127.0.0.1:8081"),
        ("http://rt.example.com/12", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_a_systems_own_address_may_be_plain_http_on_this_machine_alone(link: str, host: str | None) -> None:
    assert own_host(link) == host


# --- what is offered

ALERT = Capabilities(public_comments=False, fields=("/status", "/fields/silence_for"), cant={"/assignee": "no owners"})


def test_acknowledging_an_alert_is_a_silence_and_nothing_else_can_be_done_to_it() -> None:
    alert = view(capabilities=ALERT)
    assert needs_statuses(alert)
    assert acknowledging(alert, ("silenced",), "alex") == (
        DraftChanges(
            set={"/status": "silenced", "/fields/silence_for": "2h"}, comment="alex looks into it", public=False
        ),
        "",
    )
    assert acknowledging(alert, (), "alex") == (None, "local:NET-87 can't be acknowledged on local: no owners")
    public = replace(ALERT, public_comments=True, internal_comments=False)
    assert silencing(view(capabilities=public), "silenced", "1h", "x").public is True


def test_statuses_are_not_asked_for_where_acknowledging_does_not_need_them() -> None:
    assert not needs_statuses(view())
    assert not needs_statuses(view(capabilities=Capabilities(fields=("/assignee",))))


def test_what_can_be_typed_where_a_system_lists_no_statuses() -> None:
    can = Capabilities(transitions_listed=False)
    assert ("type", "Status …", "local does not list them") in offers(view(capabilities=can), (), "", "me").choices
    listed = offers(view(), (), "", "me")
    assert ("Status", "open can go to no other") in listed.unable
    assert ("Take it", "it is yours") in offers(view(), None, "", "dana").unable


# --- a push


def pushed(*, state: DraftState = DraftState.PUSHING, **fields: Any) -> str:
    desk = DraftDesk()
    draft: Draft = desk.new(
        DraftChanges(comment="looking", set={"/status": "investigating"}, attach=(("a.log", b"x"),)), state=state
    )
    steps = tuple(PushStep(ops=ops, op_id=f"op{at}") for at, ops in enumerate(((1,), (0,), (2,))))
    values: dict[str, Any] = {
        "id": draft.op_id, "draft": draft.id, "system": "local", "ticket": NET, "payload": b"", "fingerprint": "",
        "step": StepState.SENDING, "steps": steps, "at": 1, "attempts": 2, "approved_at": NOW, "sent_at": NOW,
        "expires_at": NOW + timedelta(minutes=15),
    } | fields  # fmt: skip
    shown = push_lines(draft, PushRecord(**values), now=NOW + timedelta(seconds=8), tz=UTC)
    return "\n".join(text_of(line) for line in shown)


def test_each_step_of_a_push_says_where_it_stands() -> None:
    assert pushed() == " ✓ 1 of 3 (comment) · on the ticket\n … sending 2 of 3 (status) since 03:14:09"
    assert pushed(step=StepState.UNKNOWN, accepted=True).endswith("sent 2 of 3 (status) 03:14:09 · reading back")
    unknown = pushed(step=StepState.UNKNOWN, error="rt: the connection was cut")
    assert " ? unknown: looking, 52 s\n ~ rt: the connection was cut" in unknown
    assert pushed(step=StepState.PLANNED, sent_at=None).endswith("next: 2 of 3 (status)")
    paused = pushed(step=StepState.PLANNED, not_before=NOW + timedelta(minutes=1), error="rt: asked to wait")
    assert paused.endswith(" … waits until 03:15:09: 2 of 3 (status)\n ~ rt: asked to wait")


def test_what_needs_a_person_says_what_arrived_and_what_did_not() -> None:
    text = pushed(
        state=DraftState.NEEDS_HUMAN, step=StepState.UNKNOWN, done=True,
        error="the status is open instead of investigating; on the ticket: comment; not sent: a.log",
    )  # fmt: skip
    assert text == (
        " ✗ needs a person: the status is open instead of investigating\n"
        "   ✓ comment: on the ticket\n   ? status: not known\n   · a.log: not sent"
    )


def test_what_others_did_meanwhile_is_told_in_their_words() -> None:
    entry = {"author": "bob", "kind": "comment", "text": "I am on\nit too"}
    text = pushed(
        state=DraftState.PUSHED, step=StepState.VERIFIED, at=3, done=True, finished_at=NOW, remote_id="NET-87#4",
        overlaps=(entry,), notes=("status was set already",),
    )  # fmt: skip
    assert text == (
        " ✓ sent 03:14:09 in 3 steps\n ✓ on the ticket 03:14:09 · NET-87#4\n ~ status was set already\n"
        " ~ 1 other entry came meanwhile: bob\n   bob comment: I am on it too"
    )
