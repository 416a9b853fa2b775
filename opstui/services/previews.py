"""Previews of what an agent is just saying: pipes from the process that runs a session to those that show it.

A preview is worth nothing a second later, so it is never stored: each reader has a pipe of its own, and what a full
pipe does not take is dropped. Every frame holds all of the text so far, so the next one makes up for a lost one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from opstui.core.text import clean

FRAME_CHARACTERS = 32_000
"""Of a longer preview the end is shown; the whole text is stored when it is whole."""
EVERY = 0.08
"""Seconds between frames of one text at most."""
LOOK = 0.25
"""Seconds between looks for new readers."""
PIPE_BYTES = 1 << 20
BUFFER_BYTES = 4 << 20
FORGOTTEN = 5.0
"""Seconds after which a session that nobody asks about any more loses its reader."""


class PreviewSender:
    """The side of the process that runs the session. Never waits for anybody."""

    def __init__(self, folder: Path, session: str, monotonic: Callable[[], float]) -> None:
        self._folder = folder
        self._prefix = f"{session}."
        self._monotonic = monotonic
        self._pipes: dict[str, int] = {}
        self._rest: dict[str, bytes] = {}
        self._looked = float("-inf")
        self._sent: dict[str, float] = {}
        self._closed = False

    def show(self, remote_id: str, text: str) -> None:
        """All of a text so far; an empty one takes the preview away. Nothing once it is closed."""
        if self._closed:
            return
        now = self._monotonic()
        if text and now - self._sent.get(remote_id, float("-inf")) < EVERY:
            return
        if now - self._looked >= LOOK:
            self._looked = now
            self._find_readers()
        if not text:
            self._sent.pop(remote_id, None)
        if not self._pipes:
            return
        if text:
            self._sent[remote_id] = now
        shown = text if len(text) <= FRAME_CHARACTERS else "…" + text[-FRAME_CHARACTERS:]
        frame = json.dumps({"id": remote_id, "text": shown}).encode() + b"\n"
        for name in list(self._pipes):
            self._put(name, frame)

    def close(self) -> None:
        """Let go of every pipe. What was to be taken away later goes with the session."""
        self._closed = True
        for pipe in self._pipes.values():
            os.close(pipe)
        self._pipes.clear()
        self._rest.clear()

    def _find_readers(self) -> None:
        try:
            names = [name for name in os.listdir(self._folder) if name.startswith(self._prefix)]
        except OSError:
            return
        for name in names:
            if name in self._pipes:
                continue
            try:
                self._pipes[name] = os.open(self._folder / name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    # Its reader is gone without a good-bye: a pipe gets its name only once somebody reads it.
                    with contextlib.suppress(OSError):
                        os.unlink(self._folder / name)

    def _put(self, name: str, frame: bytes) -> None:
        """The frame, unless the one before it is still stuck half-way: then this one is dropped."""
        waiting = self._rest.pop(name, b"")
        data = waiting or frame
        try:
            written = os.write(self._pipes[name], data)
            if waiting and written == len(waiting):
                data = frame
                written = os.write(self._pipes[name], data)
        except BlockingIOError:
            written = 0
        except OSError:
            os.close(self._pipes.pop(name))
            return
        if written < len(data) and (written or data is waiting):
            self._rest[name] = data[written:]


class PreviewReader:
    """The side of a process that shows a session."""

    def __init__(self, folder: Path, session: str, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / f"{session}.{name}"
        making = folder / f".{session}.{name}"
        with contextlib.suppress(FileNotFoundError):
            making.unlink()
        os.mkfifo(making, 0o600)
        self._pipe = os.open(making, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # Only now by its name: a sender takes a pipe that nobody reads for a dead one.
        os.rename(making, self._file)
        self._rest = b""
        self._texts: dict[str, str] = {}

    def texts(self) -> Mapping[str, str]:
        """Remote id → text so far, of what is being said at this moment."""
        while True:
            try:
                data = os.read(self._pipe, PIPE_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            *frames, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > BUFFER_BYTES:
                self._rest = b""
            for frame in frames:
                self._take(frame)
        return self._texts

    def close(self) -> None:
        """Take the pipe away."""
        os.close(self._pipe)
        with contextlib.suppress(OSError):
            self._file.unlink()

    def _take(self, frame: bytes) -> None:
        try:
            said = json.loads(frame)
            remote_id, text = str(said["id"]), str(said["text"])
        except (ValueError, KeyError, TypeError):
            return  # the half of a frame that was lost
        if text:
            self._texts[remote_id] = str(clean(text))
        else:
            self._texts.pop(remote_id, None)


class PreviewBoard:
    """The previews that one process shows: a reader for each session that is asked about, while it is asked about."""

    def __init__(self, folder: Path, name: str, monotonic: Callable[[], float]) -> None:
        self._folder = folder
        self._name = name
        self._monotonic = monotonic
        self._readers: dict[str, tuple[PreviewReader, float]] = {}
        self._guard = threading.Lock()

    def texts(self, session: str) -> tuple[tuple[str, str], ...]:
        """Remote id and text of what is being said now; nothing where no pipe can be made."""
        now = self._monotonic()
        with self._guard:
            for other, (reader, asked) in list(self._readers.items()):
                if other != session and now - asked > FORGOTTEN:
                    reader.close()
                    del self._readers[other]
            known = self._readers.get(session)
            try:
                reader = known[0] if known is not None else PreviewReader(self._folder, session, self._name)
            except OSError:
                return ()
            self._readers[session] = (reader, now)
            return tuple(reader.texts().items())

    def close(self) -> None:
        """Take every pipe away."""
        with self._guard:
            for reader, _ in self._readers.values():
                reader.close()
            self._readers.clear()
