"""Putting a page that a person accepted into a folder: as a file, or as a commit on a branch of its own.

The commit is made of git's parts (blob, tree, commit, ref) with an index of its own, so that neither the files, the
index nor the branch of whoever works in the repository is touched, and no hook runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from opstui.adapters.knowledge.git import Git, GitFailed
from opstui.adapters.knowledge.history import SHORT, Past, is_committed
from opstui.core.errors import Conflict, Refused
from opstui.core.frozen import dataclass
from opstui.core.pages.shape import slug
from opstui.core.text import clean, clean_line

BRANCHES = 100
"""Names tried for a branch, one after the other."""
_SEGMENT = re.compile(r"[^\W_][\w .,()+@=-]{0,119}\Z")
_AUTHOR = re.compile(r"\s*([^<>]*?)\s*<([^<>\s]{1,200})>\s*\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a page goes."""

    doc: str
    root: str
    """The source's folder, without links."""
    path: str
    """Of the file, below ``root``."""
    before: bytes | None
    """What it holds now; None for a new page."""


def new_path(source: str, doc: str, folders: Mapping[str, str]) -> str:
    """Path of a page that is not there yet. Raises Refused for a name that is no plain one."""
    named, slash, name = doc.partition("/")
    parts = name.split("/")
    plain = all(_SEGMENT.match(part) and clean_line(part) == part and not part.endswith((".", " ")) for part in parts)
    if named != source or not slash or not plain or len(parts) > 10:
        raise Refused(
            f"{clean_line(doc, limit=200)}: no name for a page of {source} (letters, digits, blanks and . - _ , ( ) "
            "between slashes). Nothing was written"
        )
    there = folders.get("/".join((source, *parts[:-1])), "/".join(parts[:-1]))
    return os.path.join(there, f"{parts[-1]}.md")


def as_written(target: Target, text: str) -> bytes:
    """The bytes of ``text`` in the manner of the file: its line ends, its byte order mark, and its own bytes in each
    line that is shown cleaned and was not changed. Raises Refused for a file that is not UTF-8."""
    text = str(clean(text)).rstrip("\n") + "\n"
    before = target.before
    if before is None:
        return text.encode()
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    try:
        old = before[len(mark) :].decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(
            f"{target.doc}: the file is not UTF-8, so it can't be changed without loss. Nothing was written"
        ) from None
    unix = old.replace("\r\n", "\n")
    if clean(unix) != unix:
        originals = {str(clean(line)): line for line in unix.split("\n") if clean(line) != line}
        text = "\n".join(originals.get(line, line) for line in text.split("\n"))
    if "\r\n" in old and old.count("\r\n") * 2 > old.count("\n"):
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return mark + text.encode()


# --- a file -----------------------------------------------------------------------------------------------------------


def replace_page(target: Target, content: bytes) -> str:
    """Write the file at once or not at all; where it is. Raises Conflict, Refused."""
    shown = clean_line(os.path.join(target.root, target.path), limit=300)
    *folders, name = target.path.split("/")
    try:
        with _folder(target, folders) as folder:
            made = _written_beside(folder, name, content, target)
            try:
                _put(folder, made, name, target)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(made, dir_fd=folder)
            os.fsync(folder)
    except OSError as error:
        raise Refused(f"{target.doc}: {shown} can't be written ({error.strerror}). Nothing was written") from None
    return f"written to {shown}"


@contextmanager
def _folder(target: Target, parts: list[str]) -> Iterator[int]:
    """The folder of the page, entered step by step so that no link leads out of it; made where a new page needs it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(target.root, flags)
    try:
        for part in parts:
            if target.before is None:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=at)
            inner = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def _written_beside(folder: int, name: str, content: bytes, target: Target) -> str:
    """A hidden file with the content; its name. What a killed process left there is overwritten."""
    hidden = f".{name[:80]}.opstui-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(hidden, dir_fd=folder)
    mode = 0o666
    if target.before is not None:
        mode = stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            if target.before is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(hidden, dir_fd=folder)
        raise
    return hidden


def _put(folder: int, made: str, name: str, target: Target) -> None:
    if target.before is None:
        try:
            os.link(made, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise Conflict(
                f"{target.doc}: there is such a page by now. Nothing was written", ticket=target.doc
            ) from None
        return
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        if file.read() != target.before:
            raise Conflict(f"{target.doc}: it was changed meanwhile. Nothing was written", ticket=target.doc)
    os.rename(made, name, src_dir_fd=folder, dst_dir_fd=folder)


# --- a commit ---------------------------------------------------------------------------------------------------------


def commit_page(
    git: Git,
    past: Past,
    target: Target,
    content: bytes,
    files: Mapping[str, tuple[str, str]],
    *,
    message: str,
    author: str,
    at: datetime,
) -> str:
    """A commit on a new branch beside ``past.head``; its name and the branch's, in words. Raises Refused."""
    mode, blob = files.get(target.path, ("100644", ""))
    if not mode.startswith("100"):
        raise Refused(f"{target.doc}: git keeps a link under this name. Nothing was written")
    try:
        commit = _committed(git, past, target, content, mode, _signed(author, at), message)
        branch = _branch(git, target, commit, at)
    except (GitFailed, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Refused(f"{target.doc}: git could not take it ({reason}). No branch was made") from None
    note = ""
    if target.before is not None and not (blob and is_committed(target.before, blob)):
        note = "; the page's changes that were not committed are part of it"
    return f"committed {commit[:SHORT]} on branch {branch}, merge it to publish{note}"


def branch_with(git: Git, target: Target, content: bytes) -> str | None:
    """The branch of ours on which the page has just this content, in words; None where there is none. Raises GitFailed.

    What was committed before somebody could write down that it was is found here, and not committed twice.
    """
    prefix = git.line("rev-parse", "--show-prefix")
    blob = git.line("hash-object", "--no-filters", "--stdin", stdin=content)
    refs = git.line("for-each-ref", f"--count={BRANCHES}", "--sort=-committerdate", "--format=%(refname)", "refs/heads")
    for ref in refs.split("\n"):
        name = ref.removeprefix("refs/heads/")
        if not name.startswith(("opstui/", "opstui-")):
            continue
        try:
            there = git.line("rev-parse", "--verify", "--quiet", f"{ref}:{prefix}{target.path}")
        except GitFailed:
            continue  # a branch without this page
        if there == blob:
            return f"committed {git.line('rev-parse', ref)[:SHORT]} on branch {name}, merge it to publish"
    return None


def _committed(
    git: Git, past: Past, target: Target, content: bytes, mode: str, env: Mapping[str, str], message: str
) -> str:
    prefix = git.run("rev-parse", "--show-prefix").rstrip(b"\n")
    blob = git.line("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
    with tempfile.TemporaryDirectory(prefix="opstui-index-") as folder:
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        if past.head:
            git.run("read-tree", past.head, env=index)
        row = f"{mode} {blob}\t".encode() + prefix + os.fsencode(target.path) + b"\0"
        git.run("update-index", "-z", "--index-info", stdin=row, env=index)
        tree = git.line("write-tree", env=index)
    if past.head and tree == git.line("rev-parse", f"{past.head}^{{tree}}"):
        raise GitFailed("it is as it was committed before")
    parents = ("-p", past.head) if past.head else ()
    said = str(clean(message)).strip() or f"Change {target.doc}"
    return git.line("commit-tree", tree, *parents, stdin=said.encode() + b"\n", env=env)


def _branch(git: Git, target: Target, commit: str, at: datetime) -> str:
    """Makes the branch, under the first name that is free."""
    title = slug(target.doc.partition("/")[2], 50)
    nothing = "0" * len(commit)
    last = GitFailed("no name for a branch is free")
    for number in range(1, BRANCHES + 1):
        more = f"-{number}" if number > 1 else ""
        for folder in ("opstui/", "opstui-"):  # where a branch is called opstui, nothing can be below it
            name = f"{folder}{title}-{at:%Y-%m-%d}{more}"
            try:
                git.run(
                    "update-ref", "--no-deref", "-m", "opstui: page accepted", f"refs/heads/{name}", commit, nothing
                )
            except GitFailed as failed:
                last = failed
                if "already exists" in str(failed) or "reference already" in str(failed):
                    break
            else:
                return name
    raise last


def _signed(author: str, at: datetime) -> dict[str, str]:
    """Who and when, for git: a name, with an address only where one is given."""
    line = str(clean_line(author, limit=200))
    match = _AUTHOR.match(line)
    name, address = (match[1], match[2]) if match else (line, "")
    name = re.sub(r"[<>]", "", name).strip(" .,:;\"'") or "opstui"
    when = f"{int(at.timestamp())} +0000"
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address), ("DATE", when))
    }
