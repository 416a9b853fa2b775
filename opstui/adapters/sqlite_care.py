"""Looking after database files: who may read them, copies of them, and what is done with a damaged one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from opstui.core.errors import Busy, OpstuiError, ReadOnly, StoreDamaged, StoreFull

BUSY_MS = 5_000
BACKUPS_KEPT = 7
BACKUP_EVERY = timedelta(days=1)
_STAMP = "%Y%m%dT%H%M%S%fZ"


def make_private_folder(folder: Path) -> None:
    """The folder, 0700 where it is made here. Raises ReadOnly with what stands in the way."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ReadOnly(f"{folder} can't be made ({error.strerror}): nothing can be kept there") from error


def make_private_file(path: Path) -> bool:
    """An empty file that only its owner can read, unless there is one; whether it was made.

    SQLite gives ``-wal`` and ``-shm`` the mode of the main file, so this is all it takes. An existing file is never
    opened here: closing it would drop the locks that SQLite holds on it in this process (POSIX locks).
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        state = path.stat()
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            path.chmod(0o600)
        return False
    except OSError as error:
        raise ReadOnly(f"{path} can't be made ({error.strerror}): nothing can be kept there") from error
    return True


def is_sound(path: Path) -> bool:
    """Whether SQLite's ``quick_check`` finds nothing wrong. The check itself raises on some damage."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error:
        return False
    try:
        connection.set_busy_timeout(BUSY_MS)
        return all(row == ("ok",) for row in connection.execute("PRAGMA quick_check(1)"))
    except apsw.Error:
        return False
    finally:
        connection.close()


def ask_for_check(path: Path) -> None:
    """Leave a note that the file was found damaged: whoever opens it next, alone, looks at all of it."""
    with contextlib.suppress(OSError):
        os.close(os.open(_note(path), os.O_CREAT | os.O_WRONLY, 0o600))


def needs_check(path: Path, *, unclean: bool) -> bool:
    """Whether somebody asked for a check, or (with ``unclean``) the last one to have the file open did not close it.

    Only then is a log left behind, so the cost of a full check (1 ms a megabyte) is not paid at every start.
    """
    if _note(path).exists():
        _note(path).unlink(missing_ok=True)
        return True
    wal = path.with_name(path.name + "-wal")
    return unclean and wal.exists() and wal.stat().st_size > 0


def _note(path: Path) -> Path:
    return path.with_name(path.name + "-check")


def backups(path: Path) -> list[Path]:
    """Backups of ``path``, newest first."""
    folder = path.parent / "backups"
    return sorted(folder.glob(f"{path.stem}-*Z.db"), reverse=True)


def backup_is_due(path: Path, now: datetime) -> bool:
    """Whether the newest backup is more than a day old, by the time in its name."""
    # Stamps sort as they are; reading them with strptime cost every start 5 ms.
    yesterday = f"{path.stem}-{(now - BACKUP_EVERY).astimezone(UTC).strftime(_STAMP)}.db"
    with contextlib.suppress(OSError):
        names = os.listdir(path.parent / "backups")
        return not any(name > yesterday for name in names if name.startswith(f"{path.stem}-") and name.endswith("Z.db"))
    return True


def make_backup(path: Path, now: datetime) -> Path:
    """A compact copy in ``backups/`` beside ``path``, consistent while others write; the seven newest stay.

    Raises apsw.Error or OSError; a half-made copy never has a backup's name.
    """
    folder = path.parent / "backups"
    make_private_folder(folder)
    target = folder / f"{path.stem}-{now.astimezone(UTC).strftime(_STAMP)}.db"
    part = folder / f"{path.stem}-{os.getpid()}-{threading.get_ident()}.part"
    _clear_left_overs(folder)
    make_private_file(part)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("VACUUM INTO ?", (str(part),))
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        connection.close()
    _sync(part)
    part.rename(target)
    _sync(folder)
    for old in backups(path)[BACKUPS_KEPT:]:
        old.unlink(missing_ok=True)
    return target


def _clear_left_overs(folder: Path) -> None:
    """Drop half-made copies of processes that are no more."""
    for part in folder.glob("*.part"):
        owner = part.stem.split("-")[-2]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            part.unlink(missing_ok=True)


def set_aside(path: Path, now: datetime) -> Path:
    """Move a damaged file and its companions out of the way, under a name with the time; the new name."""
    stamp = now.astimezone(UTC).strftime(_STAMP)
    moved = path.with_name(f"{path.name}.damaged-{stamp}")
    path.rename(moved)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(moved.with_name(moved.name + suffix))
    _sync(path.parent)
    return moved


def restore_newest(path: Path) -> Path | None:
    """Put the newest sound backup where ``path`` was; which one, or None if there is none."""
    for backup in backups(path):
        if not is_sound(backup):
            continue
        part = path.with_name(path.name + ".restoring")
        part.unlink(missing_ok=True)
        make_private_file(part)
        part.write_bytes(backup.read_bytes())
        _sync(part)
        part.rename(path)
        _sync(path.parent)
        return backup
    return None


def hold(path: Path) -> tuple[int, bool]:
    """Hold ``path`` together with everybody else who has it open; the handle, and whether nobody else had.

    The kernel frees it (``flock`` on a file beside), so that an unclean end can be told from a process at work.
    Raises ReadOnly.
    """
    try:
        handle = os.open(path.with_name(path.name + "-open"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ReadOnly(f"{path.parent} can't be written ({error.strerror}): nothing can be kept there") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle, alone


def replace(path: Path, what: str, *, restore: bool, now: datetime) -> tuple[Path, Path | None, str]:
    """Set a damaged file aside and put its newest backup, or an empty file, in its place.

    Where it went, the backup, and the sentence that says so; ``what`` is the matter with the file.
    """
    moved_to = set_aside(path, now)
    _note(path).unlink(missing_ok=True)
    backup = restore_newest(path) if restore else None
    make_private_file(path)
    if backup is not None:
        became = f"its backup {backup.name} was restored"
    else:
        became = "there was no backup, a new one was made" if restore else "a new one was made and fills again"
    return moved_to, backup, f"{path.name} {what}: it was moved to {moved_to.name}, {became}."


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def translated(path: Path, error: apsw.Error, *, writing: bool) -> OpstuiError:
    """The error of the tree that says what SQLite's means for a person."""
    name = path.name
    if isinstance(error, (apsw.FullError, apsw.NoMemError)) or (writing and isinstance(error, apsw.IOError)):
        return StoreFull(f"the disk is full: {name} is as it was before. Make room and try again.")
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return Busy(f"{name} is being written by another process for more than {BUSY_MS // 1000} s: try again")
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError, apsw.IOError)):
        return StoreDamaged(
            f"{name} can't be read ({error}). Close every opstui and start again: it is then set aside.",
            file=str(path),
        )
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError, apsw.AuthError)):
        return ReadOnly(f"{path} can't be used ({error}): look at the permissions of the file and its folder")
    return StoreDamaged(f"{name}: {error}", file=str(path))
