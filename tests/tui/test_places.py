"""Shift, Audit, Log, Doctor, Help, Knowledge and the palette."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from threading import Event

import pytest

from opstui.core import desk as d
from opstui.core.ports import Probe
from opstui.core.sessions import Cost
from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef
from opstui.tui.finding import best, rank
from opstui.tui.lines import rows_text, width_of
from opstui.tui.screens import registry
from opstui.tui.screens.audit import AuditScreen
from opstui.tui.screens.doctor import DoctorScreen
from opstui.tui.screens.help import HelpScreen
from opstui.tui.screens.knowledge import KnowledgeScreen
from opstui.tui.screens.log import LogScreen
from opstui.tui.screens.palette import PaletteScreen
from opstui.tui.screens.queues import QueuesScreen
from opstui.tui.screens.review import ReviewScreen
from opstui.tui.screens.shift import ShiftScreen
from opstui.tui.shift_rows import bar, share, shift_rows, spark
from tests.tui.draft_desk import DraftDesk, shift_view
from tests.tui.screen_test import lines_of, opened, text_of, wait_for, wait_text

HOSTILE = "\x1b]52;c;aGk=\x07[/] [@click=app.quit]x[/]\u202e\u200b プリンタ \x9b2J"
SIZES = [(40, 20), (80, 24), (120, 40), (160, 45)]
PLACES = ["shift", "audit", "log", "doctor", "help", "palette", "knowledge"]


@pytest.fixture
def desk() -> DraftDesk:
    made = DraftDesk()
    made.add_session("NET-87")
    made.add_session("DB-311", workflow="escalation-package")
    return made


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
async def test_each_place_fits_each_size_and_shows_its_name(desk: DraftDesk, place: str, size: tuple[int, int]) -> None:
    async with opened(desk, registry.screen(place, {}), size=size) as pilot:
        await pilot.pause()
        lines = lines_of(pilot.app)
        assert all(len(line) <= size[0] for line in lines)
        assert lines[0].rstrip().endswith(place.capitalize())


@pytest.mark.parametrize("place", PLACES)
async def test_hostile_text_is_only_text_everywhere(desk: DraftDesk, place: str) -> None:
    hostile = SafeText(HOSTILE)
    desk.change("NET-87", title=hostile)
    desk.log = (hostile,) * 3
    desk.probes = (Probe(HOSTILE, "fail", HOSTILE, HOSTILE), Probe(HOSTILE, HOSTILE, HOSTILE))
    desk.audit = tuple(replace(row, action=HOSTILE, detail=HOSTILE, ticket=HOSTILE) for row in desk.audit[:3])
    desk.health = d.AuditHealth(ok=False, rows=3, first_broken=2, reason=HOSTILE)
    desk.new(note=HOSTILE)
    session = desk.sessions["S1"]
    desk.sessions["S1"] = replace(session, workflow=HOSTILE, runtime=HOSTILE, stop_reason=HOSTILE)
    async with opened(desk, registry.screen(place, {})) as pilot:
        for key in ("n", "e", "t", "down", "backspace", "end", "j", "enter"):
            if pilot.app.screen.__class__.__name__.lower().startswith(place) and not (
                place == "palette" and key == "enter"
            ):
                await pilot.press(key)
            await pilot.pause()
            shown = text_of(pilot.app).replace("\n", "")
            assert not [char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200b"]


# --- Shift ------------------------------------------------------------------------------------------------------------


async def test_a_shift_shows_what_was_spent_and_what_came_of_it(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen(), size=(120, 40)) as pilot:
        shown = text_of(pilot.app)
        for word in (
            "NIGHT 19 Nov 20:00–08:00",
            "≈ $1.84 of $25.00",
            "reported $1.66",
            "forecast ≈ $2.90",
            "accepted, 2 edits",
        ):
            assert word in shown
        assert "accepted as is 61 %  edited 28 %  rejected 11 %  ≈ $0.12 per accepted one" in shown
        assert "▁▂▁▁▆█▄▂" in shown


async def test_brackets_go_to_other_shifts_and_enter_opens_a_session(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen()) as pilot:
        await pilot.press("left_square_bracket")
        await wait_text(pilot, "DAY 19 Nov 08:00–20:00")
        await wait_text(pilot, "no session in this shift")
        await pilot.press("right_square_bracket")
        await wait_text(pilot, "NIGHT")
        await pilot.press("right_square_bracket")
        await wait_text(pilot, "this is the shift that runs")
        await pilot.press("j", "enter")
        await wait_for(pilot, lambda: not isinstance(pilot.app.screen, ShiftScreen))


async def test_the_week_is_a_row_a_shift(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen()) as pilot:
        await pilot.press("W")
        await wait_text(pilot, "THE LAST 14 SHIFTS")
        await pilot.press("j", "enter")
        await wait_text(pilot, "DAY 19 Nov")


async def test_what_is_spent_shows_by_itself(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen()) as pilot:
        desk.add_session("SEC-12")
        desk.ring("ledger", "S3")
        await wait_text(pilot, "SEC-12")


async def test_the_limit_of_a_shift_is_raised_up_to_its_ceiling_for_a_reason(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen()) as pilot:
        await pilot.press("plus")
        await wait_text(pilot, "dollars; now $25.00, at most $40.00")
        await pilot.press("ctrl+u", *"41", "enter")
        await wait_text(pilot, "not raised: it wants more than $25.00, and $40.00 at most")
        await pilot.press("plus", "enter")
        await wait_text(pilot, "Why $37.50?")
        await pilot.press(*"sev1", "enter")
        wanted = d.RaiseShiftBudget(limit_micros=37_500_000, reason="sev1")
        await wait_for(pilot, lambda: wanted in desk.commands)


@pytest.mark.parametrize("width", [40, 64, 80, 120])
def test_a_shift_says_how_near_its_limit_is_and_what_has_no_price(desk: DraftDesk, width: int) -> None:
    view = replace(shift_view(desk, 0), spent=24_000_000, unknown_models=("claude-fable-5-2",))
    said = rows_text(shift_rows(view, UTC, width, "+"))
    assert "! 96%" in said
    assert "raises it, to" in said
    assert "no price known" in said
    assert all(width_of(drawn) <= width for row in shift_rows(view, UTC, width, "+") for drawn in row.lines)


def test_a_session_stands_beside_what_was_reported_and_how_far_off_it_was(desk: DraftDesk) -> None:
    desk.add_managed("SEC-12", cost=Cost(estimate=56_000, reported=50_000, at_report=56_000))
    said = rows_text(shift_rows(shift_view(desk, 0), UTC, 120))
    assert "0.056     0.05  +2%" in said
    assert "estimates    1.8 % too high" in said


def test_bars_and_sparks_never_lie_about_nothing() -> None:
    assert spark([]) == ""
    assert spark([0, 0]) == "  "
    assert spark([1, 1000]) == "▁█"
    assert bar(0, 10, 5) == ""
    assert bar(1, 1000, 5) == "▇"
    assert bar(10, 10, 5) == "▇" * 5
    assert share(0, 0) == "–"


def test_a_shift_reads_as_agreed_at_80_columns(desk: DraftDesk) -> None:
    assert rows_text(shift_rows(shift_view(desk, 0), UTC, 80)) == SHIFT


# --- Audit ------------------------------------------------------------------------------------------------------------


async def test_audit_says_that_the_chain_holds_and_shows_a_row_whole(desk: DraftDesk) -> None:
    async with opened(desk, AuditScreen()) as pilot:
        await wait_text(pilot, "✓ intact, 40 rows")
        assert "session.start" in text_of(pilot.app)
        await pilot.press("enter")
        await wait_text(pilot, "2 documents")
        assert f"{40:064x}"[:50] in text_of(pilot.app)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "2 documents" not in text_of(pilot.app))


async def test_audit_names_the_first_broken_row(desk: DraftDesk) -> None:
    desk.health = d.AuditHealth(ok=False, rows=40, first_broken=38, reason="its hash is not that of its content")
    async with opened(desk, AuditScreen()) as pilot:
        await wait_text(pilot, "✗ BROKEN at row 38")
        assert "its hash is not that of its content" in text_of(pilot.app)
        assert any(line.strip().startswith("✗ 38") for line in lines_of(pilot.app))


async def test_a_new_audit_row_comes_by_itself_and_leaves_the_cursor(desk: DraftDesk) -> None:
    async with opened(desk, AuditScreen()) as pilot:
        await pilot.press("j")
        before = AuditScreen.row_list.fget(pilot.app.screen).cursor  # type: ignore[attr-defined]
        desk.audit = (*desk.audit, replace(desk.audit[-1], seq=41, action="draft.discard"))
        desk.ring("audit", "41")
        await wait_text(pilot, "draft.discard")
        assert AuditScreen.row_list.fget(pilot.app.screen).cursor == before == "seq:39"  # type: ignore[attr-defined]


# --- Log, Doctor ------------------------------------------------------------------------------------------------------


async def test_log_stands_at_its_end_and_follows(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opstui.tui.screens.log.LOOK", 0.05)
    async with opened(desk, LogScreen()) as pilot:
        await wait_text(pilot, "03:14:29")
        desk.log = (*desk.log, SafeText("03:15:00 warn  the newest"))
        await wait_text(pilot, "the newest")
        await pilot.press("g")
        desk.log = (*desk.log, SafeText("03:15:01 info  one more"))
        await pilot.pause(0.2)
        assert "one more" not in text_of(pilot.app)
        await pilot.press("f")
        await wait_text(pilot, "one more")


async def test_doctor_shows_what_fails_first_and_how_to_mend_it(desk: DraftDesk) -> None:
    async with opened(desk, DoctorScreen()) as pilot:
        await wait_text(pilot, "2 pass  1 warn  1 fail")
        shown = text_of(pilot.app)
        assert shown.index("✗ FAIL") < shown.index("~ WARN") < shown.index("✓ PASS")
        assert "→ install the version that wrote it" in shown


async def test_doctor_shows_what_is_here_before_the_services_answer(desk: DraftDesk) -> None:
    desk.slow = Event()
    desk.slow_probes = (Probe("runtime managed", "pass", "answers and takes the key", ""),)
    async with opened(desk, DoctorScreen()) as pilot:
        await wait_text(pilot, "asking systems and runtimes")
        await wait_text(pilot, "2 pass  1 warn  1 fail")
        desk.slow.set()
        await wait_text(pilot, "3 pass  1 warn  1 fail")
        assert "asking systems" not in text_of(pilot.app)


# --- Help -------------------------------------------------------------------------------------------------------------


async def test_help_shows_the_keys_of_the_screen_below_with_the_operators_own(desk: DraftDesk) -> None:
    desk.facts = replace(desk.facts, keys={"review.confirm": "P"})
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("question_mark")
        await wait_text(pilot, "HELP  Review")
        await pilot.press(*"confirm")
        await wait_for(pilot, lambda: any("P " in line and "to Confirm" in line for line in lines_of(pilot.app)))


async def test_help_runs_a_key_on_the_screen_below(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("question_mark")
        await wait_text(pilot, "HELP  Review")
        await pilot.press(*"put the draft away", "enter")
        await wait_for(pilot, lambda: any(isinstance(command, d.DiscardDraft) for command in desk.commands))
        assert isinstance(pilot.app.screen, ReviewScreen)


async def test_help_offers_only_what_the_screen_can_do(desk: DraftDesk) -> None:
    async with opened(desk, DoctorScreen()) as pilot:
        await pilot.press("question_mark")
        await wait_text(pilot, "HELP  Doctor")
        screen = pilot.app.screen
        assert isinstance(screen, HelpScreen)
        assert {"list.refresh", "move.down", "app.quit"} <= {key.id for key in screen.keys}
        assert not {"list.filter", "ticket.summary", "review.confirm"} & {key.id for key in screen.keys}


# --- the palette ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), registry.PLACES)
async def test_typing_a_screens_name_and_enter_opens_it(desk: DraftDesk, kind: str, name: str) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("colon")
        await wait_text(pilot, "PALETTE")
        await pilot.press(*name.lower(), "enter")
        await wait_for(pilot, lambda: getattr(pilot.app.screen, "KIND", "") == kind)
        await wait_for(pilot, lambda: lines_of(pilot.app)[0].rstrip().endswith(name))


async def test_ctrl_p_opens_it_too_also_while_typing(desk: DraftDesk) -> None:
    async with opened(desk, KnowledgeScreen()) as pilot:
        await pilot.press("d", "ctrl+p")
        await wait_text(pilot, "PALETTE")


async def test_on_a_ticket_it_offers_its_draft_and_its_workflows(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, registry.screen("ticket", {"ref": "local:NET-87"})) as pilot:
        await pilot.press("colon", *"review")
        await wait_text(pilot, "Review NET-87")
        await pilot.press("enter")
        await wait_for(pilot, lambda: getattr(pilot.app.screen, "draft_id", "") == draft.id)
    async with opened(desk, registry.screen("ticket", {"ref": "local:NET-87"})) as pilot:
        await pilot.press("colon", *"incident summary of", "enter")
        await wait_for(pilot, lambda: any(isinstance(command, d.StartSession) for command in desk.commands))
        started = next(command for command in desk.commands if isinstance(command, d.StartSession))
        assert (started.ticket, started.workflow) == (TicketRef("local", "NET-87"), "incident-summary")


@pytest.mark.parametrize("typed", ["net-87", "local:NET-87", "DNS timeouts"])
async def test_it_finds_tickets_by_key_and_title(desk: DraftDesk, typed: str) -> None:
    async with opened(desk) as pilot:
        await pilot.press("colon", *typed)
        await wait_text(pilot, "NET-87  DNS timeouts from build agents")
        screen = pilot.app.screen
        assert isinstance(screen, PaletteScreen)
        screen.row_list.cursor = "ref:local:NET-87"
        await pilot.press("enter")
        await wait_for(pilot, lambda: getattr(pilot.app.screen, "KIND", "") == "ticket")


async def test_it_runs_a_command_of_the_screen_below(desk: DraftDesk) -> None:
    draft = desk.new()
    async with opened(desk, ReviewScreen(draft.id)) as pilot:
        await pilot.press("colon", *"put the draft away", "enter")
        await wait_for(pilot, lambda: any(isinstance(command, d.DiscardDraft) for command in desk.commands))


async def test_queues_from_the_palette_is_home(desk: DraftDesk) -> None:
    async with opened(desk, ShiftScreen(), AuditScreen()) as pilot:
        await pilot.press("colon", *"queues", "enter")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, QueuesScreen))
        assert len(pilot.app.screen_stack) == 1


def test_the_best_name_comes_first() -> None:
    names = ["Ask the systems now", "The shift before", "Shift", "Shift the blame"]
    assert best("shift", [(name, name) for name in names]) == ["Shift", "Shift the blame", "The shift before"]
    assert rank("is", "Incident summary") == 60
    assert rank("xyz", "Incident summary") is None
    assert rank("", "anything") is not None


def test_a_free_shift_shows_sessions_and_the_operators_own_hours(desk: DraftDesk) -> None:
    view = shift_view(desk, 0)
    free = {way: tuple(replace(item, estimate=0) for item in sums) for way, sums in view.by.items()}
    hours = tuple(
        replace(item, label=f"2026-11-20T{8 + at:02d}:00Z", sessions=at % 3) for at, item in enumerate(free["hour"])
    )
    view = replace(view, total=replace(view.total, estimate=0), by={**free, "hour": hours})
    shown = rows_text(shift_rows(view, timezone(timedelta(hours=2)), 120))
    assert "incident-summary ▇▇▇▇▇▇▇ 3 sessions" in shown
    assert "10:00  " in shown
    assert "  17:00" in shown
    assert "2026-11-20T" not in shown


SHIFT = """\
────────────────────────────────────────────────────────────────────────────────
   budget       ▓▒░░░░░░░░░░░░░░░░░░░░░░   7%   by the end ≈ 11%
   estimates    1.8 % too high   2 sessions compared   prices of 1 Nov 2026
────────────────────────────────────────────────────────────────────────────────
   ticket      workflow                 run   tokens      ≈ $  verdict
   NET-87      incident-summary        0:42    13.9k    0.031  accepted, 2 edits
   DB-311      escalation-package      0:42    13.9k    0.031  accepted, 2 edits
────────────────────────────────────────────────────────────────────────────────
   by workflow  incident-summary   ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 0.91
                escalation-package ▇▇▇▇▇▇▇▇▇▇▇ 0.52
                triage             ▇▇▇ 0.13
   by ticket    NET-87             ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 0.91
                DB-311             ▇▇▇▇▇ 0.21
   by operator  alex               ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 1.70
                dana               ▇▇ 0.14
   by runtime   offline            ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 1.84
   by hour      20:00  ▁▂▁▁▆█▄▂  03:00
   accepted as is 61 %  edited 28 %  rejected 11 %  ≈ $0.12 per accepted one"""
