"""What tests of screens share: an app over a scripted desk, and what stands on its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from opstui.tui.app import OpstuiApp
from tests.tui.draft_desk import DraftDesk


def text_of(app: OpstuiApp) -> str:
    """Every line of the screen, without styles and trailing blanks."""
    height = app.size.height
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines[:height])


def lines_of(app: OpstuiApp) -> list[str]:
    """The screen's lines."""
    return text_of(app).split("\n")


async def wait_for(pilot: Pilot[Any], claim: Callable[[], object], what: str = "") -> None:
    """Until ``claim`` holds; fails after half a minute with what stands on the screen."""
    for _ in range(1500):
        if claim():
            return
        await pilot.pause(0.02)
    app = pilot.app
    assert isinstance(app, OpstuiApp)
    raise AssertionError(f"still not so: {what}\n{text_of(app)}")


async def wait_text(pilot: Pilot[Any], text: str) -> None:
    """Until ``text`` stands on the screen."""
    app = pilot.app
    assert isinstance(app, OpstuiApp)
    await wait_for(pilot, lambda: text in text_of(app), text)


@asynccontextmanager
async def opened(
    desk: DraftDesk, *screens: Screen[Any], size: tuple[int, int] = (80, 24), environ: dict[str, str] | None = None
) -> AsyncIterator[Pilot[Any]]:
    """The app with these screens over home."""
    app = OpstuiApp(desk, now=lambda: desk.clock, environ=environ or {})
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await pilot.pause()
        for screen in screens:
            await app.push_screen(screen)
        await pilot.pause()
        yield pilot
