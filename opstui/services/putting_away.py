"""Sessions that lie elsewhere, when their shift is over: their log is kept here, and they are archived or deleted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from opstui.core import stops
from opstui.core.errors import NotFound
from opstui.core.ports import RemoteSessions
from opstui.core.sessions import Session, SessionStatus
from opstui.services.spending import running_shift

if TYPE_CHECKING:
    from pathlib import Path

    from opstui.services.locks import FileLock
    from opstui.services.setup import Setup

End = Callable[[Session, SessionStatus, str | None], Session]
MOST = 1000
"""Newest sessions that are looked through; older ones were put away before them."""


def to_put_away(setup: Setup) -> list[Session]:
    """Sessions elsewhere that stand still or failed, whose shift is over and whose runtime does not keep them."""
    if setup.read_only or not any(policy != "keep" for policy in setup.after_shift.values()):
        return []
    shift = running_shift(setup)
    return [
        session
        for session in setup.record.sessions(statuses=(SessionStatus.IDLE, SessionStatus.FAILED), limit=MOST)
        if session.shift != shift.id
        and session.created_at < shift.start
        and session.remote_id is not None
        and setup.after_shift.get(session.runtime, "keep") != "keep"
        # A failed session stays failed; that its log is here says that it was put away.
        and (session.status is SessionStatus.IDLE or not log_file(setup, session).exists())
        and isinstance(setup.runtimes.get(session.runtime), RemoteSessions)
    ]


async def put_away(setup: Setup, session: Session, lock: FileLock, end: End) -> None:
    """Keep a session's log, then archive or delete it over there, and end it. Raises as the runtime."""
    runtime: object = setup.runtimes.get(session.runtime)
    if not isinstance(runtime, RemoteSessions) or session.remote_id is None or not lock.take():
        return
    reason = stops.ARCHIVED
    file = log_file(setup, session)
    waiting = file.with_name(f".{file.name}.waiting")
    try:
        now = setup.record.session(session.id)
        if now is None or now.rev != session.rev or setup.record.requests(session.id):
            # Somebody wants something of it since it was listed.
            return
        try:
            content = await runtime.log(session.remote_id)
            await asyncio.to_thread(_keep, waiting, content)
            await runtime.put_away(session.remote_id, delete=setup.after_shift.get(session.runtime) == "delete")
        except NotFound:
            # Somebody else deleted it, or we did and were killed before we knew: then its log waits here already.
            reason = stops.DELETED
            if not waiting.exists() and not file.exists():
                await asyncio.to_thread(_keep, waiting, b"")
        if waiting.exists():
            # Only now by its name, which says that the session is put away.
            os.replace(waiting, file)
        if session.status is SessionStatus.IDLE:
            await asyncio.to_thread(end, session, SessionStatus.ENDED, reason)
    finally:
        lock.release()


def log_file(setup: Setup, session: Session) -> Path:
    """Where a session's log is kept: every event as the service told it, JSON Lines."""
    return setup.logs_folder / f"{session.id}.jsonl"


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, file)
