"""An operator at a command line: a home with a config, and ``opstui`` as real processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.behaviours.program import Done, Running, Warm
from tests.pty.terminal import environment

PATIENCE = 60.0
"""Seconds that something may take to be seen; a server under load answers late."""
END = 180.0
"""Seconds that a command may take."""


class Operator:
    """Somebody with a token. No word of what the program says or keeps may hold the token."""

    def __init__(self, warm: Warm, home: Path, config: str, token: str) -> None:
        self.home = home
        self.token = token
        self._warm = warm
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.toml").write_text(config, encoding="utf-8")

    def start(self, *words: str) -> Running:
        """``opstui …``, not waited for."""
        env = environment(self.home, OPSTUI_TEST_TOKEN=self.token, OPSTUI_SETTLE_SECONDS="1")
        return self._warm.start(words, env, self.home, {})

    def __call__(self, *words: str) -> Done:
        """``opstui …`` to its end."""
        done = self.start(*words).end(END)
        said = done.out + done.err
        assert self.token not in said
        assert "Traceback" not in said
        assert not [char for char in said if (ord(char) < 0x20 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0]
        return done

    def ask(self, *words: str, code: int = 0) -> Any:
        """What a command prints with ``--json``, ending with ``code``."""
        done = self(*words, "--json")
        assert done.code == code, f"{words}: {done.code}\n{done.out}\n{done.err}"
        return done.json

    def until(self, holds: Callable[[Any], bool], *words: str) -> Any:
        """Ask until the answer is right: what is cached may be a moment old."""
        end = time.monotonic() + PATIENCE
        while not holds(found := self.ask(*words)):
            assert time.monotonic() < end, f"{words} still says {found}"
        return found

    def until_not_reached(self, *words: str) -> Any:
        """Ask until what is cached is old enough to be asked for again, of a server that is gone; what is printed."""
        end = time.monotonic() + PATIENCE
        while not (done := self(*words, "--json")).code:
            assert time.monotonic() < end, f"{words} still ends with 0"
        assert done.code == 3, done.err
        return done.json

    def draft(self, ref: str, *options: str, comment: str | None = None) -> dict[str, Any]:
        """A new draft on the ticket."""
        if comment is not None:
            file = self.home / "comment.md"
            file.write_text(comment + "\n", encoding="utf-8")
            options = (*options, "--comment-file", str(file))
        return dict(self.ask("draft", "new", ref, *options))

    def approved(self, ref: str, *options: str, comment: str | None = None) -> dict[str, Any]:
        """A draft of which every byte was consented to."""
        made = self.draft(ref, *options, comment=comment)
        assert made["fingerprint"], made["checks"]
        return dict(self.ask("draft", "approve", made["id"], "--fingerprint", made["fingerprint"]))

    def push(self, code: int = 0) -> dict[str, Any]:
        """Send the one approved draft."""
        [found] = self.ask("push", code=code)
        return dict(found)

    def update(self, ref: str, *options: str, comment: str | None = None) -> dict[str, Any]:
        """From the draft to the ticket."""
        self.approved(ref, *options, comment=comment)
        found = self.push()
        assert (found["state"], found["error"]) == ("pushed", None), found
        return found

    def kept(self) -> bytes:
        """Everything in the home but the config."""
        files = [path for path in self.home.rglob("*") if path.is_file() and not path.is_symlink()]
        return b"".join(path.read_bytes() for path in files)
