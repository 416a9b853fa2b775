"""Real processes of the program that start with everything imported: ``python -m tests.behaviours.warm FD``.

A process of its own imports the program and the SDK once, then forks for every command line. What is forked is a real
process with its own streams, signals, threads and end; it only saves the second that the imports take.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any

LIBRARIES = ("anthropic", "httpx2", "pydantic", "re2")
LEFT_OUT = ("opstui.tui", "opstui.plain", "opstui.testing", "opstui.demo")
CLIENTS = ("beta.sessions.events", "beta.agents", "beta.environments", "beta.messages")
"""What the SDK imports late, so that it has to be touched."""


def main() -> int:
    """Serve until the other side closes; in a fork, the exit code of the command line it was given."""
    line = socket.socket(fileno=int(sys.argv[1]))
    for name in (*LIBRARIES, *_modules()):
        importlib.import_module(name)
    _touch_the_sdk()
    # Forks share what is not looked at, and the collection at their end would look at all of it.
    gc.freeze()
    wake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(line, selectors.EVENT_READ)
    waiting.register(wake, selectors.EVENT_READ)
    line.send(b'{"ready": true}')
    while True:
        for key, _ in waiting.select():
            if key.fileobj == wake:
                os.read(wake, 4096)
                _tell_the_dead(line)
                continue
            data, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 2)
            if not data:
                return 0
            given = json.loads(data)
            process = os.fork()
            if process == 0:
                for mine in (wake, wakes):
                    os.close(mine)
                waiting.close()
                line.close()
                return _become(given, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            line.send(json.dumps({"started": process}).encode())


def _modules() -> Iterator[str]:
    import opstui

    for found in pkgutil.walk_packages(opstui.__path__, "opstui."):
        if not found.name.startswith(LEFT_OUT) and not found.name.endswith("__main__"):
            yield found.name


def _touch_the_sdk() -> None:
    from anthropic import AsyncAnthropic

    client: Any = AsyncAnthropic(api_key="none", base_url="http://127.0.0.1:9")
    for path in CLIENTS:
        found = client
        for name in path.split("."):
            found = getattr(found, name)


def _tell_the_dead(line: socket.socket) -> None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        with contextlib.suppress(OSError):
            line.send(json.dumps({"ended": process, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become(given: Mapping[str, Any], descriptors: list[int]) -> int:
    """Be ``opstui …`` from here on."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.environ.clear()
    os.environ.update(given["env"])
    os.chdir(given["cwd"])
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((null, *descriptors)):
        os.dup2(source, target)
        os.close(source)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 (for the whole process)
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    for place, value in given["constants"].items():
        module, _, name = place.partition(":")
        found = importlib.import_module(module)
        there = getattr(found, name)
        setattr(found, name, functools.partial(there, **value) if isinstance(value, dict) else value)
    sys.argv = ["opstui", *given["arguments"]]
    from opstui.cli.main import main as opstui

    return opstui()


if __name__ == "__main__":
    sys.exit(main())
