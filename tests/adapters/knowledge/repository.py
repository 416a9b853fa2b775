"""A real git repository with pages in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    """``kb`` below the top folder holds the pages; commits are made at given times."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.pages = top / "kb"
        self.pages.mkdir(parents=True)
        self.time = 1_700_000_000
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, author: str = "Ana <ana@acme.example>") -> str:
        name, _, mail = author.rstrip(">").partition(" <")
        env = {
            "PATH": os.environ["PATH"], "HOME": str(self.top.parent), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": f"{self.time} +0000",
            "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x", "GIT_COMMITTER_DATE": f"{self.time} +0000",
        }  # fmt: skip
        done = subprocess.run(["git", *words], cwd=self.top, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, name: str, text: str, *, author: str = "Ana <ana@acme.example>") -> str:
        """A page with this text, an hour after the last one; the commit's short name as it is shown."""
        self.time += 3600
        file = self.pages / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"change {name}", author=author)
        return self.git("rev-parse", "HEAD")[:10]
