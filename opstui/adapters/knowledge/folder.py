"""A folder of Markdown files as a source of approved pages, with what git knows of them where it is a repository."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from pathlib import Path

from opstui.adapters.knowledge.facts import EDITION, page_facts, with_source
from opstui.adapters.knowledge.frontmatter import page_title as page_title
from opstui.adapters.knowledge.git import Git, GitFailed
from opstui.adapters.knowledge.history import Change, Past, blobs, changes, is_committed, past_of
from opstui.adapters.knowledge.writing import Target, as_written, branch_with, commit_page, new_path, replace_page
from opstui.core.errors import Conflict, Refused, Unreachable
from opstui.core.frozen import dataclass, replace
from opstui.core.knowledge import Page, PageFacts, SourceEntry
from opstui.core.ports import Probe
from opstui.core.text import SafeText, clean, clean_line

SIZE_LIMIT = 1_000_000
"""Bytes read of one file; a runbook is a hundredth of it."""
WHOLE_LIMIT = 64 * 1024 * 1024
"""Bytes of a file that are compared with what git has."""
FILE_LIMIT = 50_000
"""Files looked at in one folder, so that a source set to ``/`` by mistake ends."""
_SETTLED_NS = 2_000_000_000
"""A file changed this recently may change again without its times showing it: file systems count in steps."""

UNCOMMITTED = SafeText("not committed")
"""The revision of a page whose file is not as git has it."""

log = logging.getLogger("opstui.knowledge")


@dataclass(frozen=True, slots=True)
class _Found:
    doc: str
    path: str
    stamp: str
    """Changes whenever the file does: times, size, inode."""
    mtime_ns: int
    changed_ns: int


@dataclass(slots=True)
class _Walk:
    found: list[_Found] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Doc prefix or doc, and why. What was indexed under it before is kept."""
    notes: list[str] = field(default_factory=list)
    """What was left out, for doctor."""
    root_error: str | None = None
    folders: dict[str, str] = field(default_factory=dict)
    """Doc prefix → path below the folder, of the folders that pages can lie in."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What git says of the folder at one moment."""

    past: Past
    blobs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)


class FolderSource:
    """``*.md`` below a folder. Hidden folders and files, and links that lead out, are left alone.

    A page's id is ``<name>/<path without .md>``. ``stamps`` (doc → stamp, content hash) may be given back by whoever
    keeps the pages, so that a file whose times and size are unchanged is not read again: 585 unchanged pages then cost
    about 10 ms. In a git repository the time and author of a page are those of the last commit that changed it; git is
    asked for them once for each commit that is checked out.
    """

    def __init__(
        self,
        name: str,
        path: Path | str,
        *,
        owner: str = "",
        review_by: date | None = None,
        writable: bool = True,
        git: str = "git",
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.path = Path(path).expanduser()
        self.stamps: dict[str, tuple[str, str]] = {}
        self.entry = SourceEntry(
            name=name,
            kind="folder",
            where=clean_line(str(self.path)),
            owner=clean_line(owner) or None,
            review_by=review_by,
            writable=writable,
        )
        self.owner = owner
        self.writable = writable
        self._review_by = review_by
        self._git_program = git
        self._git_problem = ""
        self._now_ns = now_ns
        self._registered = f"{EDITION}\0{owner}\0{review_by or ''}"

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        """Changed pages, and docs that are gone. Raises Unreachable for a folder that can't be read."""
        walk = self._walk()
        if walk.root_error is not None:
            raise Unreachable(f"{self.name}: {walk.root_error}. What was indexed stays", system=self.name)
        pages: list[Page] = []
        kept = [prefix for prefix, _ in walk.unreadable]
        git = self._git()
        past = past_of(git)
        if past.problem != self._git_problem:
            self._git_problem = past.problem
            log.warning("knowledge %s: git: %s", self.name, past.problem or "answers again")
        salt = hashlib.sha256(f"{self._registered}\0{past.head}".encode()).hexdigest()[:16]
        stale = [found for found in walk.found if not self._is_unchanged(found, salt, known)]
        seen_by_git = self._ask_git(git, past, stale)
        for found in stale:
            try:
                page = read_page(found.doc, found.path, found.mtime_ns)
                page = self._with_facts(page, found, seen_by_git)
            except OSError as error:
                kept.append(found.doc)
                log.warning("knowledge %s: %s: %s", self.name, found.doc, error.strerror)
                continue
            if self._now_ns() - found.changed_ns > _SETTLED_NS:
                self.stamps[found.doc] = (f"{found.stamp}.{salt}", page.content_hash)
            else:
                self.stamps.pop(found.doc, None)
            if known.get(found.doc) != page.content_hash:
                pages.append(page)
        for _, reason in walk.unreadable:
            log.warning("knowledge %s: %s", self.name, reason)
        seen = {found.doc for found in walk.found}
        prefixes = tuple(f"{prefix}/" for prefix in kept)
        gone = [doc for doc in known if doc not in seen and doc not in kept and not doc.startswith(prefixes)]
        for doc in gone:
            self.stamps.pop(doc, None)
        return pages, gone

    def write(self, doc: str, text: str, *, expected_hash: str | None, message: str, author: str) -> str:
        """See ``WritableSource``: the file, or a commit on a branch of its own where git keeps the folder's pages.

        What a person did not change keeps its bytes: line ends, a byte order mark, letters that are shown spelled out.
        """
        if not self.writable:
            raise Refused(f"{self.name}: pages are not written from here (writable = false). Nothing was written")
        walk = self._walk()
        if walk.root_error is not None:
            raise Refused(f"{self.name}: {walk.root_error}. Nothing was written")
        git = self._git()
        past = past_of(git)
        if past.problem:
            raise Refused(f"{self.name}: git: {past.problem}. Nothing was written")
        found = next((one for one in walk.found if one.doc == doc), None)
        if (found is None) != (expected_hash is None):
            what = "there is such a page by now" if found else "the page is gone"
            raise Conflict(f"{clean_line(doc, limit=200)}: {what}. Nothing was written", ticket=doc)
        try:
            before = _bytes_of(found.path) if found is not None else None
            files = blobs(git, past.head) if past.is_repository else {}
            if found is not None:
                # As it was indexed, from the same rules: what git says of it is part of that, too.
                seen = _Seen(past, files, changes(git, past.head, [self._below(found)]) if past.head else {})
                now = self._with_facts(read_page(doc, found.path, found.mtime_ns), found, seen)
                if now.content_hash != expected_hash:
                    raise Conflict(f"{doc}: it was changed meanwhile. Nothing was written", ticket=doc)
        except (OSError, GitFailed) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Refused(f"{clean_line(doc, limit=200)}: can't be read ({reason}). Nothing was written") from None
        below = self._below(found) if found is not None else new_path(self.name, doc, walk.folders)
        target = Target(doc=doc, root=os.path.realpath(self.path), path=below, before=before)
        content = as_written(target, text)
        if before is not None and len(before) > SIZE_LIMIT:
            raise Refused(f"{doc}: it is too long to be changed from here. Nothing was written")
        if _keeps_pages(past, files):
            today = datetime.fromtimestamp(self._now_ns() // 1_000_000_000, UTC)
            return commit_page(git, past, target, content, files, message=message, author=author, at=today)
        return replace_page(target, content)

    def place(self, doc: str) -> str:
        """See ``WritableSource``."""
        git = self._git()
        past = past_of(git)
        shown = clean_line(str(self.path), limit=200)
        try:
            committed = not past.problem and _keeps_pages(past, blobs(git, past.head) if past.is_repository else {})
        except GitFailed:
            committed = False  # whatever is the matter, ``write`` says it
        if committed:
            return f"a commit on a branch of its own in {shown}"
        return f"the file {shown}/{clean_line(doc.partition('/')[2], limit=200)}.md"

    def written(self, doc: str, text: str) -> str | None:
        """See ``WritableSource``."""
        found = next((one for one in self._walk().found if one.doc == doc), None)
        try:
            before = _bytes_of(found.path) if found is not None else None
            below = self._below(found) if found is not None else new_path(self.name, doc, self._walk().folders)
            target = Target(doc=doc, root=os.path.realpath(self.path), path=below, before=before)
            content = as_written(target, text)
            if before == content:
                return f"it stands in {clean_line(os.path.join(target.root, target.path), limit=300)}"
            git = self._git()
            return branch_with(git, target, content) if past_of(git).head else None
        except (OSError, GitFailed) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Refused(f"{clean_line(doc, limit=200)}: can't be read ({reason}). Nothing was written") from None

    def _git(self) -> Git:
        return Git(os.path.realpath(self.path), program=self._git_program)

    def _below(self, found: _Found) -> str:
        return os.path.relpath(found.path, os.path.realpath(self.path))

    def _is_unchanged(self, found: _Found, salt: str, known: Mapping[str, str]) -> bool:
        before = self.stamps.get(found.doc)
        return before is not None and before[0] == f"{found.stamp}.{salt}" and known.get(found.doc) == before[1]

    def _ask_git(self, git: Git, past: Past, stale: Sequence[_Found]) -> _Seen:
        if not past.head or not stale:
            return _Seen(past)
        try:
            files = blobs(git, past.head)
            wanted = [below for found in stale if (below := self._below(found)) in files]
            return _Seen(past, files, changes(git, past.head, wanted))
        except GitFailed as error:
            log.warning("knowledge %s: git: %s", self.name, error)
            return _Seen(past)

    def _with_facts(self, page: Page, found: _Found, seen: _Seen) -> Page:
        """The page with what it, its source and git say of it, all of which its content hash covers. Raises OSError."""
        facts = with_source(page_facts(page.text, title=page.title), owner=self.owner, review_by=self._review_by)
        changed_at = page.changed_at
        below = self._below(found)
        if seen.blobs:
            blob, change = seen.blobs.get(below), seen.changes.get(below)
            if blob is None or not is_committed(_bytes_of(found.path), blob[1]):
                facts = replace(facts, revision=UNCOMMITTED)
            elif change is not None:
                changed_at = change.at
                facts = replace(facts, revision=change.commit, author=facts.author or change.author or None)
            else:
                changed_at = None  # older than what is at hand; the time of a checkout says nothing
        return replace(
            page,
            facts=facts,
            changed_at=changed_at,
            content_hash=_sealed(page.content_hash, self._registered, facts),
        )

    def probe(self) -> list[Probe]:
        """How many files there are, and what could not be read."""
        check = f"knowledge {self.name}"
        walk = self._walk()
        where = clean_line(str(self.path))
        if walk.root_error is not None:
            return [
                Probe(check, "fail", f"{walk.root_error}; pages indexed before are kept", f"look at the folder {where}")
            ]
        for found in walk.found:
            if not os.access(found.path, os.R_OK):
                walk.unreadable.append((found.doc, f"{found.doc} can't be read: permission denied"))
        probes = [
            Probe(check, "warn", clean_line(reason), "make it readable for you") for _, reason in walk.unreadable[:5]
        ]
        if len(walk.unreadable) > 5:
            probes.append(Probe(check, "warn", f"{len(walk.unreadable) - 5} more can't be read", ""))
        probes += [Probe(check, "warn", clean_line(note), "") for note in walk.notes[:5]]
        if not walk.found:
            probes.append(
                Probe(check, "warn", f"no *.md file in {where}", "put runbooks there, or name another folder")
            )
        past = past_of(self._git())
        if past.problem:
            fix = "git config --global --add safe.directory FOLDER, if it is yours" if past.distrusted else ""
            probes.append(Probe(check, "warn", f"no dates and authors from git: {past.problem}", fix))
        kept = f", in git at {past.head[:10]}" if past.head else ""
        return [Probe(check, "pass", f"{len(walk.found)} pages in {where}{kept}", "")] * bool(walk.found) + probes

    def _walk(self) -> _Walk:
        walk = _Walk()
        root = os.path.realpath(self.path)
        shown = clean_line(str(self.path))
        try:
            entries = _sorted_entries(root)
        except OSError as error:
            walk.root_error = f"{shown} can't be read: {error.strerror or error}"
            return walk
        seen: set[str] = set()
        stack = [(entries, self.name)]
        while stack:
            entries, prefix = stack.pop()
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                doc = f"{prefix}/{clean_line(entry.name)}"
                try:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append((_sorted_entries(entry.path), doc))
                        walk.folders.setdefault(doc, os.path.relpath(entry.path, root))
                        continue
                    if not entry.name.lower().endswith(".md"):
                        continue
                    doc = f"{prefix}/{clean_line(entry.name[:-3])}"
                    path = entry.path
                    if entry.is_symlink():
                        path = os.path.realpath(path)
                        if not path.startswith(root.rstrip("/") + "/"):
                            walk.notes.append(f"{doc} is a link that leads out of the folder: left out")
                            continue
                    status = entry.stat()
                except OSError as error:
                    walk.unreadable.append((doc, f"{doc} can't be read: {error.strerror or error}"))
                    continue
                if not stat.S_ISREG(status.st_mode):
                    continue
                if doc in seen:
                    walk.notes.append(f"two files are called {doc}: the second is left out")
                    continue
                if len(seen) >= FILE_LIMIT:
                    walk.notes.append(f"more than {FILE_LIMIT} files in {shown}: the rest is left out")
                    return walk
                seen.add(doc)
                stamp = f"{status.st_mtime_ns}.{status.st_ctime_ns}.{status.st_size}.{status.st_ino}"
                changed_ns = max(status.st_mtime_ns, status.st_ctime_ns)
                walk.found.append(_Found(doc, path, stamp, status.st_mtime_ns, changed_ns))
        return walk


def _sorted_entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def read_page(doc: str, path: str, mtime_ns: int) -> Page:
    """The file as a page; whatever is wrong with its content is in ``problem``. Raises OSError."""
    raw = _bytes_of(path, SIZE_LIMIT + 1)
    problems = []
    if len(raw) > SIZE_LIMIT:
        raw = raw[:SIZE_LIMIT]
        raw = raw[: raw.rfind(b"\n") + 1] or raw
        count = raw.count(b"\n")
        problems.append(f"longer than {SIZE_LIMIT // 1_000_000} MB: cut after {count} lines")
    content = raw[3:] if raw.startswith(b"\xef\xbb\xbf") else raw
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        text = content.decode("utf-8", "replace")
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(f"not UTF-8 in line {line}: unreadable bytes are shown as �")
    cleaned = clean(text)
    return Page(
        doc=doc,
        title=page_title(cleaned) or clean_line(doc.rpartition("/")[2]),
        text=cleaned,
        content_hash=hashlib.sha256(raw).hexdigest(),
        changed_at=_moment(mtime_ns),
        problem=clean_line("; ".join(problems)) if problems else None,
    )


def _keeps_pages(past: Past, files: Mapping[str, object]) -> bool:
    """Whether git keeps the folder's pages, or will keep its first ones."""
    return past.is_repository and (not past.head or any(path.lower().endswith(".md") for path in files))


def _bytes_of(path: str, limit: int = WHOLE_LIMIT) -> bytes:
    """The file's first bytes, by default as many as a page can have that git keeps. Raises OSError."""
    # A pipe or a link that took the file's place since it was looked at must neither stop the refresh nor be followed.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file")
        return file.read(limit)


def _sealed(content_hash: str, registered: str, facts: PageFacts) -> str:
    """The hash of a page's bytes together with all that makes its facts and does not stand in it."""
    beside = f"{content_hash}\0{registered}\0{facts.revision or ''}\0{facts.author or ''}"
    return hashlib.sha256(beside.encode("utf-8", "surrogatepass")).hexdigest()


def _moment(mtime_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
