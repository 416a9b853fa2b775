"""Brings up the real servers that the tests of ``tests/servers`` ask, on a Debian 12 machine, as root::

    python3 tests/servers/up.py install         the packages; quick where they are there
    python3 tests/servers/up.py start FOLDER    fresh instances on free loopback ports; writes FOLDER/rt.env, …
    python3 tests/servers/up.py stop FOLDER     ends what was started there, and removes it

Tests find them by ``OPSTUI_SERVERS=FOLDER``. ``OPSTUI_RT_PORT``, ``OPSTUI_REDMINE_PORT``, ``OPSTUI_ALERTMANAGER_PORT``
and ``OPSTUI_MEDIAWIKI_PORT`` choose the ports. Several runs can stand side by side.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from serving import Running, Trouble, is_alive, keep, kept, run, stop
from systems import ANSWERS, PACKAGES, PLAIN, SYSTEMS, bring_up

NO_DAEMONS = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask whether they may start a daemon; 101 is no."""


def install() -> None:
    """Install what is missing, without starting anything. Raises Trouble."""
    begun = time.monotonic()
    wanted = [package for packages in PACKAGES.values() for package in packages]
    missing = [package for package in wanted if not _is_installed(package)]
    if not missing:
        print("ticket servers: the packages are there")
        return
    if not shutil.which("apt-get"):
        raise Trouble(f"{', '.join(missing)} are not installed, and this machine has no apt-get")
    if os.geteuid():
        raise Trouble(f"{', '.join(missing)} are not installed, and that takes root")
    env = PLAIN | {"DEBIAN_FRONTEND": "noninteractive"}
    # Somebody else may be installing, and a mirror may hiccup.
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=5"]
    forbids = not NO_DAEMONS.exists()
    if forbids:
        NO_DAEMONS.write_text("#!/bin/sh\nexit 101\n")
        NO_DAEMONS.chmod(0o755)
    try:
        _twice([*apt, "update"], env)
        subprocess.run(
            ["debconf-set-selections"], input=ANSWERS.format(password=secrets.token_hex(12)), text=True, env=env,
            check=True,
        )  # fmt: skip
        _twice([*apt, "install", "--no-install-recommends", *missing], env)
    finally:
        if forbids:
            NO_DAEMONS.unlink(missing_ok=True)
    print(f"ticket servers: installed {', '.join(missing)} in {time.monotonic() - begun:.0f} s")


def _twice(words: list[str], env: dict[str, str]) -> None:
    try:
        run(words, env=env)
    except Trouble as trouble:
        print(f"ticket servers: once more: {trouble}")
        run(words, env=env)


def start(folder: Path) -> None:
    """Start those that do not run yet, side by side. Raises Trouble; what runs by then is kept for ``stop``."""
    if os.geteuid():
        raise Trouble("starting the servers takes root: each runs as www-data")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    running = [one for one in kept(folder) if is_alive(one)]
    wanted = [name for name in SYSTEMS if name not in {one.name for one in running}]
    begun, problems = time.monotonic(), []
    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        starting = {pool.submit(_brought_up, name, folder): name for name in wanted}
        for one in as_completed(starting):
            try:
                running.append(one.result())
                print(f"{starting[one]}: up after {time.monotonic() - begun:.1f} s")
            except Trouble as trouble:
                problems.append(f"{starting[one]}: {trouble}")
            keep(folder, running)
    if problems:
        raise Trouble("\n".join(problems))


def _brought_up(name: str, folder: Path) -> Running:
    """A port that was free may be taken by somebody's connection before the server listens, so it is tried twice."""
    try:
        return bring_up(name, folder)
    except Trouble as trouble:
        print(f"{name}: once more: {trouble}")
        return bring_up(name, folder)


def end(folder: Path) -> None:
    """End what was started there."""
    for one in kept(folder):
        stop(one)
        (folder / f"{one.name}.env").unlink(missing_ok=True)
        print(f"{one.name}: stopped")
    (folder / "running.json").unlink(missing_ok=True)


def _is_installed(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return done.stdout == "installed"


def main(words: list[str]) -> int:
    """The exit status."""
    try:
        match words:
            case ["install"]:
                install()
            case ["start", folder]:
                start(Path(folder).absolute())
            case ["stop", folder]:
                end(Path(folder).absolute())
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except Trouble as trouble:
        print(f"ticket servers: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
