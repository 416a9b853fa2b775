"""Secrets are found where the config says, are refused where others could have read them, and are nowhere else."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring as library
import pytest
from keyring.backend import KeyringBackend

from opstui.adapters.secrets import commands, files, keyrings
from opstui.adapters.secrets.store import SecretStore
from opstui.core.errors import CredentialsRefused, OpstuiError
from opstui.core.secrets import LONGEST, SecretRef, unfit
from tests.adapters.secrets.keeping import MemoryKeyring

CANARY = "canary-7f3a9c"


def env(name: str) -> SecretRef:
    return SecretRef("env", (name,))


def cmd(code: str) -> SecretRef:
    return SecretRef("cmd", (sys.executable, "-c", code))


def refused(store: SecretStore, ref: SecretRef) -> str:
    with pytest.raises(CredentialsRefused) as caught:
        store.get(ref)
    assert caught.value.exit_code == 4
    return str(caught.value)


# --- variables


def test_a_variable_gives_its_value_and_one_that_is_not_set_says_what_to_do() -> None:
    store = SecretStore({"RT_TOKEN": CANARY}, [env("RT_TOKEN")])
    assert store.get(env("RT_TOKEN")) == CANARY
    assert (
        refused(store, env("OTHER")) == "env OTHER: the variable is not set; export it in the shell that starts opstui"
    )


def test_what_was_taken_out_of_the_environment_is_still_there() -> None:
    store = SecretStore({"PATH": "/bin"}, [env("RT_TOKEN")])
    store.take_over({"RT_TOKEN": CANARY, "ANTHROPIC_AUTH_TOKEN": "token-1234"})
    assert store.get(env("RT_TOKEN")) == CANARY
    assert store.sdk_key() == "token-1234"


def test_the_key_comes_before_the_token_as_in_the_sdk() -> None:
    store = SecretStore({"ANTHROPIC_AUTH_TOKEN": "token-1234", "ANTHROPIC_API_KEY": "key-1234\n"}, [])
    assert store.sdk_key() == "key-1234"
    assert SecretStore({}, []).sdk_key() is None


@pytest.mark.parametrize(
    "bad", ["a\nb", "a\rb", "tab\there", "schlüssel", "\x1b[31mred", " padded-x", "x" * (LONGEST + 1), ""]
)
def test_what_would_break_a_header_is_no_secret_and_is_never_repeated(bad: str) -> None:
    message = refused(SecretStore({"TOKEN": bad}, []), env("TOKEN"))
    assert message.startswith("env TOKEN: ")
    assert not bad or bad not in message
    assert unfit(bad)


# --- commands


def test_a_command_runs_without_a_shell_and_its_last_newline_goes() -> None:
    assert SecretStore({}, []).get(cmd(f"print({CANARY!r})")) == CANARY


def test_a_command_gets_no_secret_and_nothing_to_read() -> None:
    environ = dict(os.environ) | {"RT_TOKEN": CANARY, "ANTHROPIC_API_KEY": "k", "ANTHROPIC_IDENTITY_TOKEN": "i"}
    store = SecretStore(environ, [env("RT_TOKEN")])
    shown = store.get(
        cmd(
            "import os, sys; print([name in os.environ for name in ('RT_TOKEN', 'ANTHROPIC_API_KEY', "
            "'ANTHROPIC_IDENTITY_TOKEN')], repr(sys.stdin.read()), 'PATH' in os.environ)"
        )
    )
    assert shown == "[False, False, False] '' True"


def test_what_a_failing_command_says_is_shown_to_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    ref = cmd(f"import sys; sys.stderr.write('bad {CANARY}'); print({CANARY!r}); sys.exit(3)")
    message = refused(SecretStore({}, []), ref)
    assert "failed (exit 3)" in message
    assert CANARY not in message
    assert CANARY not in "".join(capfd.readouterr())


def test_a_command_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "child"
    code = (
        "import subprocess, sys, time; "
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open({str(marker)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(CredentialsRefused, match=r"no answer within 1 s"):
        commands.run_for_secret((sys.executable, "-c", code), os.environ, patience=1.0)
    assert not _runs(int(marker.read_text()))


def _runs(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state in "ZX":
            return False
        threading.Event().wait(0.02)
    return True


def test_a_program_left_in_the_background_does_not_hold_the_secret_up() -> None:
    code = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)']); "
        f"print({CANARY!r}, flush=True)"
    )
    assert commands.run_for_secret((sys.executable, "-c", code), os.environ, patience=4.0) == CANARY


def test_a_command_that_never_stops_printing_is_stopped() -> None:
    with pytest.raises(CredentialsRefused, match="more than 65,536 bytes"):
        commands.run_for_secret((sys.executable, "-c", "while True: print('y' * 1000)"), os.environ, patience=10.0)


def test_a_command_that_is_not_there_is_named_without_its_arguments() -> None:
    message = refused(SecretStore({}, []), SecretRef("cmd", ("no-such-helper", "read", CANARY)))
    assert message == "cmd no-such-helper: there is no such program on the path"


# --- files


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "my token"
    file.write_text(f"  {CANARY}\n\n")
    file.chmod(0o600)
    return file


def test_a_file_is_read_without_the_white_space_around_it(kept: Path) -> None:
    ref = SecretRef("file", (str(kept),))
    assert SecretStore({}, [ref]).get(ref) == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_can_touch_is_refused_with_the_command_that_mends_it(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    message = refused(SecretStore({}, []), SecretRef("file", (str(kept),)))
    assert f"chmod 600 '{kept}'" in message
    assert CANARY not in message


def test_a_file_of_somebody_else_is_refused(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "getuid", lambda: os.stat(kept).st_uid + 1)
    assert "belongs to another user" in refused(SecretStore({}, []), SecretRef("file", (str(kept),)))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    big = tmp_path / "big"
    big.write_bytes(b"x" * (LONGEST + 1))
    big.chmod(0o600)
    store = SecretStore({}, [SecretRef("file", (str(pipe),))])
    assert "no ordinary file" in refused(store, SecretRef("file", (str(pipe),)))
    assert "no ordinary file" in refused(store, SecretRef("file", ("/dev/zero",)))
    assert "longer than" in refused(store, SecretRef("file", (str(big),)))
    assert "there is none" in refused(store, SecretRef("file", (str(tmp_path / "none"),)))
    assert store.known() == ()


# --- the keyring


def test_a_keyring_keeps_what_it_is_given_and_gives_it_back() -> None:
    ring = MemoryKeyring()
    store = SecretStore({}, [], backend=lambda: ring)
    ref = SecretRef("keyring", ("opstui/anthropic",))
    assert "opstui config secret set opstui/anthropic keeps one" in refused(store, ref)
    store.store(ref, CANARY)
    assert ring.kept == {("opstui", "anthropic"): CANARY}
    assert store.get(ref) == CANARY
    assert store.keyring() == "memory"


def test_a_keyring_that_forgets_is_not_believed() -> None:
    ring = MemoryKeyring()
    ring.set_password = lambda *_: None  # type: ignore[method-assign]
    store = SecretStore({}, [], backend=lambda: ring)
    with pytest.raises(CredentialsRefused, match="does not give it back"):
        store.store(SecretRef("keyring", ("opstui/x",)), CANARY)


def test_a_keyring_that_breaks_or_waits_for_ever_is_told_in_words() -> None:
    ring = MemoryKeyring()

    def broken(service: str, name: str) -> str:
        raise LookupError(CANARY)

    ring.get_password = broken  # type: ignore[method-assign]
    message = refused(SecretStore({}, [], backend=lambda: ring), SecretRef("keyring", ("opstui/x",)))
    assert "LookupError" in message
    assert CANARY not in message
    stuck = threading.Event()
    with pytest.raises(CredentialsRefused, match="did not answer within 0 s"):
        keyrings.patiently(stuck.wait, patience=0.05)
    stuck.set()


class _Plain(MemoryKeyring):
    priority = 5.0  # type: ignore[assignment]


_Plain.__module__ = "keyrings.alt.file"


@pytest.fixture
def chosen() -> Iterator[None]:
    before = library.get_keyring()
    yield
    library.set_keyring(before)


@pytest.mark.usefixtures("chosen")
def test_only_a_keyring_that_keeps_secrets_safe_is_used() -> None:
    from keyring.backends import fail, null

    for unsafe, words in ((_Plain(), "keyrings.alt.file"), (null.Keyring(), "keyring.backends.null")):
        library.set_keyring(unsafe)
        with pytest.raises(CredentialsRefused, match=words):
            keyrings.safe_backend()
    library.set_keyring(fail.Keyring())
    with pytest.raises(CredentialsRefused, match="there is no keyring here"):
        keyrings.safe_backend()


@pytest.mark.usefixtures("chosen")
def test_in_a_chain_the_safe_one_is_taken_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends import chainer

    class Desktop(MemoryKeyring):
        pass

    Desktop.__module__ = "keyring.backends.SecretService"
    links: list[KeyringBackend] = [_Plain(), Desktop()]
    monkeypatch.setattr(chainer.ChainerBackend, "backends", links)
    library.set_keyring(chainer.ChainerBackend())
    assert keyrings.safe_backend() is links[1]
    links.pop()
    with pytest.raises(CredentialsRefused):
        keyrings.safe_backend()


def test_only_a_keyring_can_be_written_to() -> None:
    store = SecretStore({}, [])
    for ref in (env("RT_TOKEN"), SecretRef("file", ("/x",))):
        with pytest.raises(CredentialsRefused, match="only a keyring"):
            store.store(ref, CANARY)


# --- what the redactor asks for


def test_known_is_all_that_this_process_knows_of(kept: Path) -> None:
    ring = MemoryKeyring()
    ring.set_password("opstui", "rt", "from-keyring")
    refs = [env("RT_TOKEN"), SecretRef("file", (str(kept),)), SecretRef("keyring", ("opstui/rt",))]
    environ = {"RT_TOKEN": "from-variable", "ANTHROPIC_API_KEY": "sk-ant-1234", "SHORT": "12345"}
    store = SecretStore(environ, [*refs, env("SHORT")], backend=lambda: ring)
    assert set(store.known()) == {"from-variable", CANARY, "sk-ant-1234"}
    store.get(refs[2])
    assert set(store.known()) == {"from-variable", CANARY, "sk-ant-1234", "from-keyring"}


def test_a_file_that_may_not_be_used_is_hidden_from_a_model_all_the_same(kept: Path) -> None:
    kept.chmod(0o644)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o644
    assert SecretStore({}, [SecretRef("file", (str(kept),))]).known() == (CANARY,)


def test_no_secret_is_in_what_the_store_looks_like() -> None:
    store = SecretStore({}, [env("RT_TOKEN")])
    store.take_over({"RT_TOKEN": CANARY})
    store.get(env("RT_TOKEN"))
    assert CANARY not in repr(store)
    assert not issubclass(SecretStore, OpstuiError)
