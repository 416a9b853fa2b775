"""A terminal in a test's hand: starts a program in a real pty, answers it, records it, reads its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from types import TracebackType
from typing import NamedTuple, Self

import pyte

import opstui

PACKAGE_HOME = str(Path(opstui.__file__).resolve().parent.parent)
OPSTUI = (sys.executable, "-c", "import sys; from opstui.cli.main import main; sys.exit(main())")
"""The program as this interpreter has it: installed, editable, or from the checkout."""

KEYS = {
    "up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D", "home": b"\x1b[H", "end": b"\x1b[F",
    "pageup": b"\x1b[5~", "pagedown": b"\x1b[6~", "f12": b"\x1b[24~", "enter": b"\r", "tab": b"\t", "escape": b"\x1b",
    "space": b" ", "backspace": b"\x7f", **{f"ctrl+{letter}": bytes([ord(letter) - 96]) for letter in ascii_lowercase},
}  # fmt: skip

# What a modern terminal is asked, and what it says: device attributes, modes, kitty keys, colours, cursor, version.
_ANSWERS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>41;354;0c"),
    (re.compile(rb"\x1b\[5n"), b"\x1b[0n"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"),
    (re.compile(rb"\x1b\[>0?q"), b"\x1bP>|test 1\x1b\\"),
)

# pyte takes these for text or fails on them; none of them draws anything.
_UNDRAWN = re.compile(
    rb"\x1b\[[<>=][0-9;:]*[ -/]*[@-~]|\x1b\[\??[0-9;]*\$[@-~]|\x1b\[\?u|\x1b\[[0-9;]* [@-~]"
    rb"|\x1b[P_^X].*?\x1b\\|\x1b\].*?(?:\x07|\x1b\\)",
    re.DOTALL,
)
_COUNT = re.compile(rb"K#(\d{5})")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[P_^X\]][^\x1b\x07]*\x1b?)?\Z")


class Chunk(NamedTuple):
    """What one read gave."""

    at: float
    """``time.monotonic()`` right after the read."""
    data: bytes


class ProgramEnded(AssertionError):
    """The program is gone while something was awaited from it."""


class Terminal:
    """A program in a pty of a given size.

    A thread reads, so that the program is never held up by a test that thinks; with ``read=False`` nobody reads, as
    behind a dead ssh link. The screen is emulated only when asked for, so that emulation does not slow the program.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        columns: int = 80,
        rows: int = 24,
        cwd: str | Path | None = None,
        read: bool = True,
    ) -> None:
        self.columns, self.rows = columns, rows
        self.chunks: list[Chunk] = []
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._carry = b""
        self._looked = 0
        self._look_from = b""
        self._count = (b"", 0.0)
        self._news = threading.Condition()
        self._over = False
        self._reading = threading.Event()
        if read:
            self._reading.set()
        self._stop_read, self._stop_write = os.pipe()
        self._master, slave = pty.openpty()
        self._resize_pty(columns, rows)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            list(argv), stdin=slave, stdout=slave, stderr=slave, env=dict(env), cwd=cwd, close_fds=True,
            start_new_session=True, preexec_fn=_own_the_terminal,
        )  # fmt: skip
        os.close(slave)
        self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- in and out -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        tail = b""
        while True:
            self._reading.wait()
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in ready:
                break
            if not self._reading.is_set():
                continue
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # Linux says EIO once the last writer is gone
                break
            if not data:
                break
            with self._news:
                self.chunks.append(Chunk(time.monotonic(), data))
                self._news.notify_all()
            # A question may be cut in two by a read, never answered twice.
            recent = tail + data
            for question, answer in _ANSWERS:
                for found in question.finditer(recent):
                    if found.end() > len(tail):
                        self.send(answer)
            tail = recent[-12:] if b"\x1b" in recent[-12:] else b""
        with self._news:
            self._over = True
            self._news.notify_all()

    def send(self, data: bytes) -> None:
        """Write to the program, as a terminal does. A program that is gone is not an error here."""
        with contextlib.suppress(OSError):
            os.write(self._master, data)

    def press(self, *keys: str) -> None:
        """Keys one after another: names of :data:`KEYS`, else text as typed."""
        for key in keys:
            self.send(KEYS.get(key, key.encode()))

    def resize(self, columns: int, rows: int) -> None:
        """A new size, as a dragged window gives it."""
        self.text()
        self.columns, self.rows = columns, rows
        self._screen.resize(rows, columns)
        self._resize_pty(columns, rows)

    def _resize_pty(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pause_reading(self) -> None:
        """From now on nobody reads."""
        self._reading.clear()

    def go_on_reading(self) -> None:
        """Somebody reads again."""
        self._reading.set()

    # --- what came ------------------------------------------------------------------------------------------------

    @property
    def raw(self) -> bytes:
        """Every byte so far."""
        return b"".join(chunk.data for chunk in list(self.chunks))

    def lines(self) -> list[str]:
        """The screen as it stands."""
        chunks = list(self.chunks)
        fresh = self._carry + b"".join(chunk.data for chunk in chunks[self._fed :])
        self._fed = len(chunks)
        unfinished = _UNFINISHED.search(fresh[-4096:])
        cut = len(fresh) - len(unfinished.group()) if unfinished else len(fresh)
        self._carry = fresh[cut:]
        self._stream.feed(_UNDRAWN.sub(b"", fresh[:cut]))
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """The screen as it stands, as one text."""
        return "\n".join(self.lines())

    def wait(self, holds: Callable[[str], object], *, seconds: float = 45, what: str = "") -> str:
        """The screen, once ``holds(screen)``. Fails with the screen after ``seconds`` or when the program ends."""
        deadline = time.monotonic() + seconds
        while True:
            seen = len(self.chunks)
            text = self.text()
            if holds(text):
                return text
            with self._news:
                if self._over and len(self.chunks) == seen:
                    raise ProgramEnded(f"ended with {self.wait_end()} while waiting for {what or holds}:\n{text}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not on screen within {seconds} s: {what or holds}\n{text}")
                if len(self.chunks) == seen:
                    self._news.wait(left)

    def wait_text(self, pattern: str, *, seconds: float = 45) -> re.Match[str]:
        """The match of a regular expression on the screen, once it is there."""
        rule = re.compile(pattern, re.MULTILINE)
        found = rule.search(self.wait(rule.search, seconds=seconds, what=repr(pattern)))
        assert found is not None
        return found

    def wait_gone(self, pattern: str, *, seconds: float = 45) -> str:
        """The screen, once a regular expression no longer matches."""
        rule = re.compile(pattern, re.MULTILINE)
        return self.wait(lambda text: not rule.search(text), seconds=seconds, what=f"no {pattern!r}")

    def wait_quiet(self, quiet: float = 0.3, *, seconds: float = 10) -> float:
        """Until nothing came for ``quiet`` seconds; when the last byte came (monotonic)."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not self._over and time.monotonic() < deadline:
                seen = len(self.chunks)
                if not self._news.wait_for(lambda seen=seen: self._over or len(self.chunks) > seen, quiet):  # type: ignore[misc]
                    break
        return self.chunks[-1].at if self.chunks else self.started

    def answer_time(self, key: str, *, seconds: float = 10) -> float:
        """Seconds from a key until the screen counts it. The program must run with ``OPSTUI_DEBUG_KEYS=1``.

        Infinite when it is not counted within ``seconds``. The count is looked for in the bytes: it is always written
        whole, and emulating the screen for each key would take longer than the key.
        """
        before, _ = self._keys_counted()
        pressed = time.monotonic()
        self.press(key)
        while True:
            seen = len(self.chunks)
            count, at = self._keys_counted()
            if count != before:
                return at - pressed
            left = pressed + seconds - time.monotonic()
            with self._news:
                if left <= 0 or (self._over and len(self.chunks) == seen):
                    return float("inf")
                if len(self.chunks) == seen:
                    self._news.wait(left)

    def _keys_counted(self) -> tuple[bytes, float]:
        """The newest count of keys, and when it came (monotonic)."""
        for chunk in self.chunks[self._looked :]:
            # A count may be cut in two by a read.
            recent = self._look_from + chunk.data
            found = _COUNT.findall(recent)
            if found and found[-1] != self._count[0]:
                self._count = found[-1], chunk.at
            self._look_from = recent[-6:]
            self._looked += 1
        return self._count

    # --- its end --------------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        """A signal for the program alone."""
        os.kill(self.process.pid, number)

    def wait_end(self, seconds: float = 45) -> int:
        """The exit status, once it ended; negative for a signal that killed it."""
        return self.process.wait(seconds)

    def hang_up(self) -> None:
        """The line drops: the master side closes, the kernel sends SIGHUP."""
        self._stop()
        os.close(self._master)
        self._master = -1

    def _stop(self) -> None:
        if self._thread.is_alive():
            os.write(self._stop_write, b"x")
            self._reading.set()
            self._thread.join(5)

    def close(self) -> None:
        """End the program if it still runs, and let go of everything."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._stop()
        for descriptor in (self._master, self._stop_read, self._stop_write):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._master = self._stop_read = self._stop_write = -1


def _own_the_terminal() -> None:
    """In the child: the pty becomes its controlling terminal, so that a hang-up reaches it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def environment(home: Path, **changes: str) -> dict[str, str]:
    """What a program gets: its own folders, a capable terminal, and nothing of the caller's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    return {
        **kept, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor",
        "PYTHONPATH": PACKAGE_HOME, "OPSTUI_HOME": str(home), "USER": "alex", "LOGNAME": "alex",
        **changes,
    }  # fmt: skip


def workers_of(home: Path) -> list[int]:
    """Process ids of the workers that serve a home."""
    found = []
    mine = f"OPSTUI_HOME={home}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, settings = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"opstui.worker" in command and mine in settings.split(b"\0"):
            found.append(int(entry.name))
    return found


def rehearsals_of(home: Path) -> list[int]:
    """Process ids of the stand-in services that serve a home."""
    found = []
    mine = f"{home}/".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"opstui.rehearsal" in words and any(word.startswith(mine) for word in words):
            found.append(int(entry.name))
    return found


@contextlib.contextmanager
def no_workers_left(home: Path) -> Iterator[None]:
    """Ends the workers and stand-in services of a home afterwards, by their ids."""
    try:
        yield
    finally:
        for process in (*workers_of(home), *rehearsals_of(home)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
