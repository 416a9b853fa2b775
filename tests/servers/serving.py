"""One server of a test run: where it lies, how it is started, awaited and stopped. Loopback only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 180
"""Seconds that a server may take to answer; two to five are usual."""
TAIL = 20
"""Lines of a log that are shown when one does not."""


class Trouble(Exception):
    """What went wrong, for a person; the log's end is in it."""


@dataclass(frozen=True)
class Running:
    """A server that was started: what ``stop`` needs."""

    name: str
    group: int
    """Process group."""
    place: str
    """Its folder of configuration, data and log."""
    link: str = ""
    """A link that was made outside of it."""


@contextmanager
def place_of(name: str) -> Iterator[Path]:
    """A new folder for a server, gone again if it does not start. Not below the caller's own, which others may not
    enter."""
    place = Path(tempfile.mkdtemp(prefix=f"opstui-{name}-", dir="/var/tmp"))
    place.chmod(0o750)
    try:
        yield place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def free_port(variable: str) -> int:
    """The port that ``variable`` names, else one that nobody listens on."""
    given = os.environ.get(variable)
    if given:
        return int(given)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(words: Sequence[str | Path], *, user: str | None = None, env: Mapping[str, str], cwd: Path | str = "/") -> str:
    """Run a command to its end; what it printed. Raises Trouble with the end of what it said."""
    done = subprocess.run(
        [str(word) for word in words], env=dict(env), cwd=cwd, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, **_as(user),
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-TAIL:])
        raise Trouble(f"{Path(str(words[0])).name} ended with {done.returncode}:\n{said}")
    return done.stdout


def start(
    name: str,
    words: Sequence[str | Path],
    *,
    url: str,
    answer: int,
    place: Path,
    env: Mapping[str, str],
    user: str | None = None,
    cwd: Path | str = "/",
    link: str = "",
) -> Running:
    """Start a server and wait until ``url`` answers with the status ``answer``. Raises Trouble."""
    log = place / "server.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [str(word) for word in words], env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=stream,
            stderr=stream, start_new_session=True, **_as(user),
        )  # fmt: skip
    running = Running(name, process.pid, str(place), link)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if _status(url) == answer:
            return running
        if process.poll() is not None:
            break
        time.sleep(0.1)
    stop(running, keep=True)
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-TAIL:])
    raise Trouble(f"{name} did not answer at {url}; {log} ends:\n{tail}")


def stop(running: Running, *, keep: bool = False) -> None:
    """End a server and everything it started, and remove its folder."""
    for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(running.group, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while is_alive(running) and time.monotonic() < deadline:
            time.sleep(0.05)
    if running.link and Path(running.link).is_symlink():
        Path(running.link).unlink()
    if not keep:
        shutil.rmtree(running.place, ignore_errors=True)


def is_alive(running: Running) -> bool:
    """Whether anything of it still runs; who was started here and ended is collected."""
    try:
        os.waitpid(running.group, os.WNOHANG)
    except ChildProcessError:
        pass  # started by another process
    try:
        os.killpg(running.group, 0)
    except ProcessLookupError:
        return False
    return True


def keep(folder: Path, started: Sequence[Running]) -> None:
    """Remember in ``folder`` what was started there."""
    (folder / "running.json").write_text(json.dumps([vars(one) for one in started], indent=1))


def kept(folder: Path) -> list[Running]:
    """What was started there."""
    file = folder / "running.json"
    return [Running(**one) for one in json.loads(file.read_text())] if file.is_file() else []


def write_env(folder: Path, name: str, values: Mapping[str, str]) -> None:
    """``NAME.env``, readable by its owner: a line KEY=value each."""
    file = folder / f"{name}.env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def _status(url: str) -> int:
    # No proxy of the environment: it is this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def _as(user: str | None) -> dict[str, object]:
    return {"user": user, "group": user, "extra_groups": []} if user else {}
