"""Driving the app over the scripted desk, and reading what stands on its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from opstui.tui import themes
from opstui.tui.app import OpstuiApp
from opstui.tui.terminal.environment import Terminal
from tests.tui.scripted_desk import ScriptedDesk

SIZES = [(40, 20), (60, 20), (80, 24), (120, 40), (160, 45)]


def lines(app: OpstuiApp) -> list[str]:
    """The screen's lines, without styles and trailing blanks."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def text(app: OpstuiApp) -> str:
    """The whole screen."""
    return "\n".join(lines(app))


@asynccontextmanager
async def shown(
    desk: ScriptedDesk,
    size: tuple[int, int] = (80, 24),
    *,
    environ: dict[str, str] | None = None,
    theme: str = themes.DEFAULT,
    **more: Any,
) -> AsyncIterator[tuple[OpstuiApp, Pilot[int]]]:
    """The app over ``desk``, after its first paint."""
    app = OpstuiApp(desk, look=themes.load(theme), now=lambda: desk.clock, environ=environ or {}, **more)
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        await pilot.pause()
        yield app, pilot


async def until(pilot: Pilot[int], claim: Callable[[], object], what: str = "") -> None:
    """Until ``claim`` holds; fails after half a minute with what stands on the screen."""
    for _ in range(1500):
        if claim():
            return
        await pilot.pause(0.02)
    app = pilot.app
    assert isinstance(app, OpstuiApp)
    raise AssertionError(f"still not so: {what}\n{text(app)}")


def colourless(columns: int = 0) -> Terminal:
    """A terminal without colours."""
    return Terminal(columns, mouse=False, ascii=False, tmux=False, ssh=False)
