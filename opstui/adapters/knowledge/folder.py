"""A folder of Markdown files as a source of approved pages."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from opstui.core.frozen import dataclass
from opstui.core.knowledge import Page
from opstui.core.ports import Probe
from opstui.core.text import SafeText, clean, clean_line

SIZE_LIMIT = 1_000_000
"""Bytes read of one file; a runbook is a hundredth of it."""
FILE_LIMIT = 50_000
"""Files looked at in one folder, so that a source set to ``/`` by mistake ends."""
_SETTLED_NS = 2_000_000_000
"""A file changed this recently may change again without its times showing it: file systems count in steps."""

_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*\Z")
_FRONT_TITLE = re.compile(r"title\s*[:=]\s*(.+?)\s*\Z", re.IGNORECASE)

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


class FolderSource:
    """``*.md`` below a folder. Hidden folders and files, and links that lead out, are left alone.

    A page's id is ``<name>/<path without .md>``. ``stamps`` (doc → stamp, content hash) may be given back by whoever
    keeps the pages, so that a file whose times and size are unchanged is not read again: 585 unchanged pages then cost
    about 10 ms.
    """

    def __init__(self, name: str, path: Path | str, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self.path = Path(path).expanduser()
        self.stamps: dict[str, tuple[str, str]] = {}
        self._now_ns = now_ns

    def pages(self, known: Mapping[str, str]) -> tuple[list[Page], list[str]]:
        """Changed pages, and docs that are gone. A folder that can't be read changes nothing."""
        walk = self._walk()
        if walk.root_error is not None:
            log.warning("knowledge %s: %s", self.name, walk.root_error)
            return [], []
        pages: list[Page] = []
        seen: set[str] = set()
        kept = [prefix for prefix, _ in walk.unreadable]
        for found in walk.found:
            seen.add(found.doc)
            before = self.stamps.get(found.doc)
            if before is not None and before[0] == found.stamp and known.get(found.doc) == before[1]:
                continue
            try:
                page = read_page(found.doc, found.path, found.mtime_ns)
            except OSError as error:
                kept.append(found.doc)
                log.warning("knowledge %s: %s: %s", self.name, found.doc, error.strerror)
                continue
            if self._now_ns() - found.changed_ns > _SETTLED_NS:
                self.stamps[found.doc] = (found.stamp, page.content_hash)
            else:
                self.stamps.pop(found.doc, None)
            if known.get(found.doc) != page.content_hash:
                pages.append(page)
        for _, reason in walk.unreadable:
            log.warning("knowledge %s: %s", self.name, reason)
        prefixes = tuple(f"{prefix}/" for prefix in kept)
        gone = [doc for doc in known if doc not in seen and doc not in kept and not doc.startswith(prefixes)]
        for doc in gone:
            self.stamps.pop(doc, None)
        return pages, gone

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
        return [Probe(check, "pass", f"{len(walk.found)} pages in {where}", "")] * bool(walk.found) + probes

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
    # A pipe or a link that took the file's place since it was looked at must neither stop the refresh nor be followed.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file")
        raw = file.read(SIZE_LIMIT + 1)
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


def _moment(mtime_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def page_title(text: str) -> SafeText | None:
    """``title`` of the front matter, else the first heading outside of code, else None."""
    lines = iter(text.split("\n"))
    first = next(lines, "")
    if first.rstrip() in ("---", "+++"):
        body = text.split("\n")
        end = front_matter_end(body)
        for line in body[1 : max(end - 1, 1)]:
            if match := _FRONT_TITLE.match(line):
                title = clean_line(match.group(1).strip("\"'"))
                if title:
                    return title
        lines = iter(body[end:])
    else:
        lines = iter(text.split("\n"))
    return _first_heading(lines)


def front_matter_end(lines: list[str]) -> int:
    """How many lines the front matter takes, its fences included; 0 without one."""
    if not lines or lines[0].rstrip() not in ("---", "+++"):
        return 0
    fence = lines[0].rstrip()
    for number, line in enumerate(lines[1:200], start=2):
        if line.rstrip() == fence:
            return number
    return 0


def _first_heading(lines: Iterator[str]) -> SafeText | None:
    fence = ""
    for line in lines:
        stripped = line.lstrip()
        if fence:
            if stripped.startswith(fence):
                fence = ""
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
        elif (match := _HEADING.match(line)) and match.group(1):
            return clean_line(match.group(1).strip("*`_ ")) or None
    return None
