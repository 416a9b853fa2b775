"""When a page was last changed, by whom and in which commit: one ``git log`` for the whole folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from opstui.adapters.knowledge.git import Git, GitFailed, lies_in_a_repository
from opstui.core.frozen import dataclass
from opstui.core.text import SafeText, clean_line

_FORMAT = "%x01%H%x02%P%x02%ct%x02%aN"
SHORT = 10
"""Letters of a commit's name that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """The last commit that changed a page."""

    commit: SafeText
    author: SafeText
    at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """How a folder stands with git."""

    head: str = ""
    """The commit that is checked out; empty where there is none."""
    problem: str = ""
    """Why nothing is known though there is a repository."""
    distrusted: bool = False
    """git refuses the folder since it belongs to somebody else."""
    is_repository: bool = False


NO_PAST = Past()


def past_of(git: Git) -> Past:
    """Where the folder's repository stands. Costs a file look-up without a repository, about 3 ms with one."""
    if not lies_in_a_repository(git.folder):
        return NO_PAST
    try:
        return Past(head=git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), is_repository=True)
    except GitFailed:
        pass
    try:
        inside = git.line("rev-parse", "--is-inside-work-tree")
    except GitFailed as error:
        return Past(problem=str(error), distrusted=error.distrusts, is_repository=True)
    return Past(is_repository=True) if inside == "true" else NO_PAST  # nothing was committed yet


def blobs(git: Git, head: str) -> dict[str, tuple[str, str]]:
    """Path below the folder → mode and id of the file at ``head``. Raises GitFailed."""
    found: dict[str, tuple[str, str]] = {}
    if not head:
        return found
    for row in git.run("ls-tree", "-r", "-z", head).split(b"\0"):
        about, tab, path = row.partition(b"\t")
        parts = about.decode("ascii", "replace").split()
        if tab and len(parts) == 3 and parts[1] == "blob":
            found[os.fsdecode(path)] = parts[0], parts[2]
    return found


def is_committed(raw: bytes, blob: str) -> bool:
    """Whether a file is as it was committed, also where git writes its lines with CR LF into the folder."""
    kind = "sha256" if len(blob) == 64 else "sha1"
    return any(
        hashlib.new(kind, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == blob
        for content in {raw, raw.replace(b"\r\n", b"\n")}
    )


def changes(git: Git, head: str, wanted: Collection[str]) -> dict[str, Change]:
    """Path → last change, of those ``wanted`` that were found in time.

    A rename that changed nothing is no change. Where a shallow clone ends, all files seem to be added; nothing is
    said of those.
    """
    found: dict[str, Change] = {}
    left = {path: path for path in wanted}
    """Path at that moment of the history → path today."""
    if not head or not left:
        return found
    edge = _edge(git)
    words = ("log", "-z", "--name-status", "-M100%", "--relative", "--no-color", "--no-ext-diff", "--no-textconv",
             "--no-notes", "--no-show-signature", "--encoding=UTF-8", f"--format={_FORMAT}",
             head, "--", ".")  # fmt: skip
    change: Change | None = None
    fields = _fields(git, words)
    for field in fields:
        if field.startswith(b"\x01"):
            if not left:
                break
            change = _change(field, edge)
            continue
        status = field.lstrip(b"\n")[:1]
        path = os.fsdecode(next(fields, b""))
        if status in (b"R", b"C"):
            newer = os.fsdecode(next(fields, b""))
            today = left.pop(newer, None)
            if today is not None:
                left[path] = today  # -M100%: only moves of the very same content are told as such
        elif status and (today := left.pop(path, None)) is not None and change is not None:
            found[today] = change
    return found


def _fields(git: Git, words: tuple[str, ...]) -> Iterator[bytes]:
    rest = b""
    for part in git.pieces(*words):
        *whole, rest = (rest + part).split(b"\0")
        yield from whole


def _change(field: bytes, edge: Collection[str]) -> Change | None:
    parts = field[1:].decode("utf-8", "replace").split("\x02")
    commit, parents, at, author = (*parts, "", "", "", "")[:4]
    if not parents and commit in edge:
        return None
    try:
        moment = datetime.fromtimestamp(int(at), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return Change(clean_line(commit[:SHORT]), clean_line(author, limit=120), moment)


def _edge(git: Git) -> frozenset[str]:
    """The commits at which a shallow clone ends."""
    try:
        file = git.line("rev-parse", "--git-path", "shallow")
        with open(os.path.join(git.folder, file), encoding="ascii", errors="replace") as stream:
            return frozenset(stream.read(1_000_000).split())
    except (OSError, GitFailed):
        return frozenset()
