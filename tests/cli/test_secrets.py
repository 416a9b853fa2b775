"""``config secret set`` and what becomes of the secrets in the environment."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import keyring
import pytest

from opstui.cli.globals import Globals
from opstui.cli.invocation import Invocation
from opstui.cli.root import run_commands
from opstui.core.errors import CredentialsRefused, OpstuiError, ReadOnly, UsageError
from tests.adapters.secrets.keeping import MemoryKeyring
from tests.cli.conftest import PROJECT, Done

CANARY = "sk-canary-0f6b31d2"
CONFIG = """
[runtimes.managed]
kind = "managed-agents"
model = "claude-sonnet-5-5"
api_key = { keyring = "opstui/anthropic" }
[tickets.rt]
kind = "rt"
url = "https://rt.example.com"
token = { keyring = "opstui/rt" }
[store]
password = { env = "DB_PASSWORD" }
"""


class Desktop(MemoryKeyring):
    """What a desktop's keyring is to the program: safe by the module it comes from."""


Desktop.__module__ = "keyring.backends.SecretService"


@pytest.fixture
def ring() -> Iterator[Desktop]:
    before, mine = keyring.get_keyring(), Desktop()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def give(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(text)))


def call(home: Path, *words: str, **options: bool) -> int:
    return run_commands(list(words), Invocation(Globals(**options), {"OPSTUI_HOME": str(home)}))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("runtimes.managed.api_key", ("opstui", "anthropic")),
        ("tickets.rt.token", ("opstui", "rt")),
        ("opstui/rm", ("opstui", "rm")),
        ("a/b/c", ("a/b", "c")),
    ],
)
def test_a_secret_from_a_pipe_is_kept_where_the_config_looks_for_it(
    home: Path, ring: Desktop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, place: tuple[str, str],
) -> None:  # fmt: skip
    give(monkeypatch, CANARY.encode() + b"\nsecond line\n")
    assert call(home, "config", "secret", "set", name) == 0
    assert ring.kept == {place: CANARY}
    said = "".join(capsys.readouterr())
    assert f"kept in the keyring (memory) as {'/'.join(place)}" in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("name", "given", "error", "words"),
    [
        ("store.password", b"x\n", UsageError, "is found in env DB_PASSWORD, not in the keyring"),
        ("runtimes.other.api_key", b"x\n", UsageError, "there are: tickets.rt.token, runtimes.managed.api_key"),
        ("opstui/", b"x\n", UsageError, "no service/name"),
        ("opstui/rt", b"\n", UsageError, "nothing was given"),
        ("opstui/rt", b"", UsageError, "nothing was given"),
        ("opstui/rt", b"se\x1bcret\n", CredentialsRefused, "control characters"),
        ("opstui/rt", "schlüssel\n".encode(), CredentialsRefused, "not ASCII"),
    ],
)
@pytest.mark.usefixtures("ring")
def test_what_can_not_be_kept_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: bytes, error: type[OpstuiError], words: str
) -> None:
    give(monkeypatch, given)
    with pytest.raises(error, match=words):
        call(home, "config", "secret", "set", name)


def test_read_only_keeps_nothing(home: Path, ring: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"secret\n")
    with pytest.raises(ReadOnly):
        call(home, "config", "secret", "set", "opstui/rt", read_only=True)
    assert ring.kept == {}


@pytest.mark.parametrize("backend", ["keyring.backends.fail.Keyring", "keyring.backends.null.Keyring"])
def test_without_a_safe_keyring_it_is_exit_4_before_anything_is_read(opstui: Callable[..., Done], backend: str) -> None:
    done = opstui("config", "secret", "set", "opstui/rt", given=CANARY.encode() + b"\n", PYTHON_KEYRING_BACKEND=backend)
    assert done.code == 4
    assert "keyring" in done.err
    assert "{ env = … }" in done.err
    assert CANARY not in done.out + done.err


def test_a_secret_that_is_typed_is_not_shown(environ: dict[str, str], tmp_path: Path) -> None:
    """In a terminal of its own, with a keyring that writes what it is given to a file."""
    kept = tmp_path / "kept"
    script = textwrap.dedent(f"""
        import sys, keyring
        from keyring.backend import KeyringBackend
        class Desktop(KeyringBackend):
            priority = 1
            name = "file"
            def get_password(self, service, name): return open({str(kept)!r}).read()
            def set_password(self, service, name, password): open({str(kept)!r}, "w").write(password)
            def delete_password(self, service, name): pass
        Desktop.__module__ = "keyring.backends.SecretService"
        keyring.set_keyring(Desktop())
        from opstui.cli.main import main
        sys.exit(main(["config", "secret", "set", "opstui/rt"]))
    """)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=PROJECT,
        start_new_session=True, close_fds=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(theirs, __import__("termios").TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 30
    while b"not shown" not in shown and time.monotonic() < deadline:
        shown += _read(ours)
    os.write(ours, CANARY.encode() + b"\n")
    while (piece := _read(ours)) and time.monotonic() < deadline:
        shown += piece
    assert child.wait(10) == 0, shown
    os.close(ours)
    assert kept.read_text() == CANARY
    assert CANARY.encode() not in shown
    assert b"kept in the keyring (file) as opstui/rt" in shown


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], 10)[0]:
        return b""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_no_child_of_the_app_inherits_a_secret(home: Path) -> None:
    environ = {
        "OPSTUI_HOME": str(home), "DB_PASSWORD": CANARY, "ANTHROPIC_API_KEY": CANARY, "ANTHROPIC_AUTH_TOKEN": CANARY,
        "EDITOR": "vi",
    }  # fmt: skip
    invocation = Invocation(Globals(), environ)
    assert set(invocation.secrets) == {"DB_PASSWORD", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"}
    assert environ == {"OPSTUI_HOME": str(home), "EDITOR": "vi"}


def test_the_demo_hides_the_secrets_of_the_own_config_from_its_children_too(home: Path) -> None:
    environ = {"OPSTUI_HOME": str(home), "DB_PASSWORD": CANARY}
    invocation = Invocation(Globals(demo=True), environ)
    assert invocation.secrets == {"DB_PASSWORD": CANARY}
    assert "DB_PASSWORD" not in environ
    assert invocation.settings.store.password is None
