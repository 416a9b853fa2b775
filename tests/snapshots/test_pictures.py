"""Pictures of the main screens for the README, which fail when a screen no longer looks like its picture.

``OPSTUI_WRITE_PICTURES=1`` writes them anew: look at them before you keep them. A picture that differs is left beside
the old one as ``NAME.new.svg``.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import escape, unescape
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from opstui.core.boards import shift_ref
from opstui.core.desk import RefreshTickets, StatusLine
from opstui.core.tickets import TicketRef
from opstui.tui.app import OpstuiApp
from opstui.tui.screens.confirm import ConfirmScreen
from tests.snapshots.world import KnownChance, Still, demo_desk, pushed, summarised

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
CHECKOUT = TicketRef("local", "INC-1042")
DNS = TicketRef("local", "INC-1048")
DISK = TicketRef("local", "INC-1045")
CERTIFICATE = TicketRef("local", "INC-1043")

Look = Callable[[OpstuiApp, Pilot[int], Still], Awaitable[None]]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Still]:
    made = demo_desk(tmp_path)
    yield made
    made.close()


async def settle(app: OpstuiApp, pilot: Pilot[int]) -> None:
    """Until every answer that was asked for in a thread is drawn."""
    for _ in range(6):
        await app.workers.wait_for_complete()
        await pilot.pause(0.05)


async def queues(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    """Home, the cursor on a ticket that has something to read."""
    summarised(desk, CHECKOUT)
    summarised(desk, DISK, "escalation-package")
    await pilot.press("j", "j", "j", "j")


async def ticket(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    app.open("ticket", ref=str(CHECKOUT))


async def session(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    app.open("session", id=summarised(desk, DNS).id)


async def review(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    app.open("review", draft=summarised(desk, DISK, "escalation-package").draft)


async def confirm(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    app.open("review", draft=summarised(desk, DNS).draft)
    await settle(app, pilot)
    await pilot.press("p")
    # Armed after half a second: the letters are bright then.
    await pilot.pause(0.7)


async def shift(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    some_work(desk)
    app.open("shift")


async def handover(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    """Fresh, the cursor on the second ticket."""
    board = shift_ref(desk.ask(StatusLine()).shift.id)
    app.open("handover", id=summarised(desk, board, "shift-handover").id)
    await settle(app, pilot)
    await pilot.press("j", "j")


async def audit(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    some_work(desk)
    app.open("audit")


async def knowledge(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    """A search, while a proposal waits."""
    summarised(desk, CERTIFICATE, "knowledge-update")
    app.open("knowledge", query="dns timeouts resolver")


async def help_(app: OpstuiApp, pilot: Pilot[int], desk: Still) -> None:
    await pilot.press("?")


def some_work(desk: Still) -> None:
    """A few sessions, two of them pushed."""
    for number, ref in enumerate((DNS, DISK, CHECKOUT)):
        done = summarised(desk, ref)
        desk.clock.pass_by(minutes=2, seconds=11 * number + 7)
        if number < 2 and done.draft:
            pushed(desk, done.draft)
            desk.clock.pass_by(minutes=1, seconds=20)
    summarised(desk, DISK, "escalation-package")
    desk.do(RefreshTickets()).unwrap()


SCREENS: dict[str, tuple[tuple[int, int], Look]] = {
    "queues": ((120, 36), queues),
    "queues-wide": ((160, 45), queues),
    "queues-narrow": ((80, 24), queues),
    "queues-phone": ((40, 20), queues),
    "ticket": ((120, 36), ticket),
    "session": ((120, 36), session),
    "review": ((120, 36), review),
    "confirm": ((80, 24), confirm),
    "shift": ((120, 30), shift),
    "handover": ((80, 24), handover),
    "audit": ((120, 30), audit),
    "knowledge": ((120, 30), knowledge),
    "help": ((120, 36), help_),
}


CELL = 12.2
"""Units that rich's pictures give a column."""
_TEXT = re.compile(r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>([^<]*)</text>')


def picture_of(app: OpstuiApp) -> str:
    """The screen as an SVG that looks the same in every viewer and is the same at every run.

    Rich names ids after a hash of the whole text and asks a third party for a font; and some viewers drop the spaces
    at the start of a text, so each text starts at its first letter.
    """
    svg = re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title="opstui"))
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace")
    return _TEXT.sub(_from_its_first_letter, svg)


def as_seen(svg: str) -> str:
    """Without hashes: they change with every word of a document that the picture doesn't show."""
    return re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "a hash", svg)


def _from_its_first_letter(found: re.Match[str]) -> str:
    kind, x, y, rest, escaped = found.groups()
    text = unescape(escaped)
    letters = text.strip("\u00a0 ")
    if not letters:
        return ""
    start = float(x) + CELL * (len(text) - len(text.lstrip("\u00a0 ")))
    width = CELL * cell_len(letters)
    shown = escape(letters).replace("\u00a0", "&#160;")
    return f'<text class="{kind}" x="{start:.1f}" y="{y}" textLength="{width:.1f}"{rest}>{shown}</text>'


@pytest.mark.parametrize("name", SCREENS)
async def test_the_pictures_are_what_the_screens_look_like(
    name: str, desk: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConfirmScreen, "choice", staticmethod(KnownChance().choice))
    size, look = SCREENS[name]
    app = OpstuiApp(desk, now=desk.clock.now, environ={})
    async with app.run_test(size=size) as pilot:
        await settle(app, pilot)
        await look(app, pilot, desk)
        await settle(app, pilot)
        svg = picture_of(app)
    picture = PICTURES / f"{name}.svg"
    if os.environ.get("OPSTUI_WRITE_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture.write_text(svg, encoding="utf-8")
        picture.with_suffix(".new.svg").unlink(missing_ok=True)
        return
    if not picture.is_file() or as_seen(picture.read_text(encoding="utf-8")) != as_seen(svg):
        picture.with_suffix(".new.svg").write_text(svg, encoding="utf-8")
        pytest.fail(f"{name}: compare docs/pictures/{name}.svg with {name}.new.svg; OPSTUI_WRITE_PICTURES=1 keeps it")
