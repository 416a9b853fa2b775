"""The whole program in a test's hand: a home of its own, command lines as real processes, and what they said when."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from opstui.adapters.machine import SystemClock
from opstui.adapters.stores.record import SqliteRecord
from opstui.config.paths import Paths
from opstui.core.sessions import SessionEvent
from tests.pty.terminal import OPSTUI, environment

KEY = "sk-ant-api03-QmVoYXZpb3Vycy1hcmUtbm90LXNlY3JldHM"
"""The key that the stand-in takes here. It must not be found anywhere but in a request's header."""
CONFIG = """\
[operator]
name = "alex"

[runtimes.managed]
kind = "managed-agents"
base_url = "{url}"
api_key = {{ env = "OPSTUI_TEST_KEY" }}
model = "{model}"

[runtimes.desk]
kind = "messages"
base_url = "{url}"
api_key = {{ env = "OPSTUI_TEST_KEY" }}
model = "{model}"

{more}
"""
CLIENT = "opstui.adapters.runtimes.anthropic_client"
PACE = "opstui.adapters.runtimes.managed_wire:Pace"
END = 60.0
"""Seconds that a command line may take in a test."""


@dataclass(slots=True)
class Line:
    """A line of output."""

    at: float
    """``time.monotonic()`` when it was read."""
    stream: str
    text: str


@dataclass
class Done:
    """A command line that came to its end."""

    arguments: tuple[str, ...]
    code: int
    lines: list[Line]
    started: float
    ended: float

    @property
    def out(self) -> str:
        """Standard output."""
        return "\n".join(line.text for line in self.lines if line.stream == "out")

    @property
    def err(self) -> str:
        """Standard error."""
        return "\n".join(line.text for line in self.lines if line.stream == "err")

    @property
    def took(self) -> float:
        """Seconds."""
        return self.ended - self.started

    @property
    def silence(self) -> float:
        """The longest time, in seconds, in which nothing was said at all."""
        moments = [self.started, *(line.at for line in self.lines), self.ended]
        return max(late - early for early, late in pairwise(moments))

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """What ``--events`` printed."""
        return [json.loads(line.text) for line in self.lines if line.stream == "out"]

    @property
    def json(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Events of a type."""
        return [event for event in self.events if event["type"] == kind]

    @property
    def texts(self) -> list[str]:
        """What the agent said, whole."""
        return [event["text"] for event in self.of("text") if not event.get("partial")]

    @property
    def said(self) -> str:
        """Every notice and error, and all of standard error."""
        return "\n".join([*(event["text"] for event in (*self.of("notice"), *self.of("error"))), self.err])

    @property
    def session(self) -> dict[str, Any]:
        """The session as the last line tells it."""
        last = self.events[-1]
        assert last["type"] == "session.ended", self.out
        return dict(last["session"])


class Running:
    """A command line that runs."""

    def __init__(
        self, arguments: Sequence[str], process: int, streams: Mapping[str, int], wait: Callable[[float], int]
    ) -> None:
        self.arguments = tuple(arguments)
        self.process = process
        self.started = time.monotonic()
        self.lines: list[Line] = []
        self._wait = wait
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(name, descriptor), daemon=True)
            for name, descriptor in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="surrogateescape") as stream:
            for text in stream:
                with self._news:
                    self.lines.append(Line(time.monotonic(), name, text.rstrip("\n")))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_line(self, holds: str | Callable[[Line], object], seconds: float = 40.0) -> Line:
        """The first line that ``holds`` (text: a regular expression). Fails when the program ends without it."""
        rule = holds
        if isinstance(rule, str):
            pattern = re.compile(rule)
            holds = lambda line: pattern.search(line.text)  # noqa: E731
        assert callable(holds)
        seen, end = 0, time.monotonic() + seconds
        while True:
            for line in self.lines[seen:]:
                seen += 1
                if holds(line):
                    return line
            with self._news:
                alive = any(reader.is_alive() for reader in self._readers)
                if len(self.lines) == seen and (not alive or time.monotonic() > end):
                    raise AssertionError(f"{rule}: not said\n" + "\n".join(line.text[:300] for line in self.lines))
                if len(self.lines) == seen:
                    self._news.wait(0.2)

    def wait_event(self, kind: str, seconds: float = 40.0, **data: Any) -> dict[str, Any]:
        """The first event of a type with these values."""

        def holds(line: Line) -> bool:
            if line.stream != "out":
                return False
            event = json.loads(line.text)
            return bool(event["type"] == kind and all(event.get(name) == value for name, value in data.items()))

        return dict(json.loads(self.wait_line(holds, seconds).text))

    def signal(self, number: int = signal.SIGINT) -> None:
        """To this process alone."""
        os.kill(self.process, number)

    def end(self, seconds: float = END) -> Done:
        """Wait for its end."""
        try:
            code = self._wait(seconds)
        except TimeoutError:
            self.signal(signal.SIGABRT)
            self._wait(10)
            shown = "\n".join(f"{line.at - self.started:6.2f} {line.text[:300]}" for line in self.lines)
            raise AssertionError(f"{' '.join(self.arguments)} did not end in {seconds} s\n{shown}") from None
        ended = time.monotonic()
        for reader in self._readers:
            reader.join(10)
        return Done(self.arguments, code, self.lines, self.started, ended)


class Warm:
    """Starts command lines as forks of a process that has imported everything."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line = ours
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.behaviours.warm", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._codes: dict[int, int] = {}
        self._news = threading.Condition()
        self._started: list[int] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._line.recv(1 << 16):
            told = json.loads(data)
            with self._news:
                if "started" in told:
                    self._started.append(told["started"])
                elif "ended" in told:
                    self._codes[told["ended"]] = told["code"]
                self._news.notify_all()
            self._ready.set()
        self._ready.set()

    def start(
        self, arguments: Sequence[str], env: Mapping[str, str], cwd: Path, constants: Mapping[str, Any]
    ) -> Running:
        """``opstui …`` in ``env``. ``constants`` (``module:NAME``) are changed in it first: waits made short."""
        self._ready.wait(30)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        given = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd), "constants": dict(constants)}
        socket.send_fds(self._line, [json.dumps(given).encode()], [out_end, err_end])
        for mine in (out_end, err_end):
            os.close(mine)
        with self._news:
            assert self._news.wait_for(lambda: self._started or self._server.poll() is not None, 20), "no fork"
            process = self._started.pop()
        return Running(arguments, process, {"out": out, "err": err}, lambda seconds: self._code(process, seconds))

    def _code(self, process: int, seconds: float) -> int:
        with self._news:
            if not self._news.wait_for(lambda: process in self._codes, seconds):
                raise TimeoutError
            return self._codes[process]

    def close(self) -> None:
        """End."""
        self._line.shutdown(socket.SHUT_RDWR)
        self._server.wait(10)
        self._thread.join(10)
        self._line.close()


@dataclass
class Program:
    """The program with one home."""

    home: Path
    warm: Warm
    url: str = ""
    constants: dict[str, Any] = field(
        default_factory=lambda: {f"{CLIENT}:LONGEST_BACKOFF": 0.3, PACE: {"looks": (0.1, 0.2, 0.3)}}
    )
    """``module:NAME`` → value (of a function or class: other defaults), in every process that is started warm."""
    started: list[Running] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)

    def configure(self, url: str, more: str = "", model: str = "claude-sonnet-5-5") -> None:
        """Write the config: the two runtimes at ``url``."""
        self.url = url
        (self.home / "config.toml").write_text(CONFIG.format(url=url, more=more, model=model), encoding="utf-8")

    @property
    def env(self) -> dict[str, str]:
        """What its processes get."""
        return environment(self.home, OPSTUI_TEST_KEY=KEY, OPSTUI_SETTLE_SECONDS="0.2")

    def start(self, *arguments: str) -> Running:
        """``opstui …``, not waited for."""
        running = self.warm.start(arguments, self.env, self.home, self.constants)
        self.started.append(running)
        return running

    def start_cold(self, *arguments: str) -> Running:
        """The same as an ordinary process, imports and all."""
        process = subprocess.Popen(
            [*OPSTUI, *arguments], env=self.env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

        def wait(seconds: float) -> int:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise TimeoutError from None

        assert process.stdout is not None
        assert process.stderr is not None
        running = Running(
            arguments, process.pid, {"out": _take(process.stdout), "err": _take(process.stderr)}, wait
        )  # fmt: skip
        self.started.append(running)
        return running

    def end(self, running: Running, seconds: float = END) -> Done:
        """Wait for the end of what was started."""
        done = running.end(seconds)
        self.done.append(done)
        return done

    def do(self, *arguments: str, seconds: float = END) -> Done:
        """``opstui …`` to its end."""
        return self.end(self.start(*arguments), seconds)

    def ask(self, *arguments: str) -> Any:
        """What a command prints with ``--json``; it must succeed."""
        done = self.do(*arguments, "--json")
        assert done.code == 0, done.err + done.out
        return done.json

    def run(
        self, ref: str = "local:INC-1", workflow: str = "incident-summary", runtime: str = "managed", *more: str
    ) -> Done:
        """``opstui run … --events`` to its end."""
        return self.do("run", workflow, ref, "--runtime", runtime, "--events", *more)

    def start_run(
        self, ref: str = "local:INC-1", workflow: str = "incident-summary", runtime: str = "managed", *more: str
    ) -> Running:
        """``opstui run … --events``."""
        return self.start("run", workflow, ref, "--runtime", runtime, "--events", *more)

    def transcript(self, session_id: str) -> list[dict[str, Any]]:
        """Every event that is on disk of a session."""
        file = Paths.find({"OPSTUI_HOME": str(self.home)}).record_db
        with contextlib.closing(SqliteRecord(file, clock=SystemClock(), read_only=True)) as record:
            found: list[SessionEvent] = []
            while fresh := record.events(session_id, found[-1].seq if found else 0):
                found += fresh
        return [{"type": event.type, **event.data} for event in found]

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Everything in the home."""
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    yield path, path.read_bytes()

    def close(self) -> None:
        """End what still runs."""
        for running in self.started:
            with contextlib.suppress(ProcessLookupError):
                if not any(one.arguments is running.arguments for one in self.done):
                    os.kill(running.process, signal.SIGKILL)
                    running.end(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _take(stream: IO[bytes]) -> int:
    """A descriptor of one's own for what a pipe object reads."""
    mine = os.dup(stream.fileno())
    stream.close()
    return mine
