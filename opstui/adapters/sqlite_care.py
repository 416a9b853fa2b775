"""Looking after database files: who may read them, copies of them, and what is done with a damaged one."""

from __future__ import annotations

import contextlib
import errno
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


def _refusal(error: OSError, what: str) -> OpstuiError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{what}: the disk is full. Make room and try again.")
    return ReadOnly(f"{what} ({error.strerror}): nothing can be kept there")


def make_private_folder(folder: Path) -> None:
    """The folder, 0700 where it is made here. Raises StoreFull, or ReadOnly with what stands in the way."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(error, f"{folder} can't be made") from error


def make_private_file(path: Path) -> bool:
    """An empty file that only its owner can read, unless there is one; whether it was made.

    SQLite gives ``-wal`` and ``-shm`` the mode of the main file, so this is all it takes. An existing file is never
    opened here: closing it would drop the locks that SQLite holds on it in this process (POSIX locks).
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        try:
            state = path.stat()
        except OSError as error:
            raise _refusal(error, f"{path} can't be reached") from error
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            path.chmod(0o600)
        return False
    except OSError as error:
        raise _refusal(error, f"{path} can't be made") from error
    return True


def shows_damage(error: BaseException | None) -> bool:
    """Whether SQLite says by this error that a file's content is wrong.

    Every other error (no room for ``-shm``, no permission, another's lock, a disk that fails) says nothing about the
    content: a file must never be set aside for it.
    """
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError))


def is_empty(path: Path) -> bool:
    """Whether there is no file, or nothing in it. Raises ReadOnly where nobody may look."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise ReadOnly(f"{path} can't be reached ({error.strerror}): look at the permissions of its folder") from error


def is_sound(path: Path) -> bool:
    """Whether SQLite's ``quick_check`` finds nothing wrong. Raises apsw.Error where it can't look."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(BUSY_MS)
        return all(row == ("ok",) for row in connection.execute("PRAGMA quick_check(1)"))
    except apsw.Error as error:
        # The check itself fails on some damage.
        if shows_damage(error):
            return False
        raise
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
        return True
    wal = path.with_name(path.name + "-wal")
    return unclean and wal.exists() and wal.stat().st_size > 0


def checked(path: Path) -> None:
    """Take the note away: the file was looked at."""
    with contextlib.suppress(OSError):
        _note(path).unlink(missing_ok=True)


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


def _copy_of_newest(path: Path, part: Path) -> Path | None:
    """Copy the newest sound backup of ``path`` to ``part``; which one, or None if there is none. Raises OSError."""
    for backup in backups(path):
        try:
            if not is_sound(backup):
                continue
        except apsw.Error:
            continue
        part.unlink(missing_ok=True)
        make_private_file(part)
        try:
            part.write_bytes(backup.read_bytes())
            _sync(part)
        except OSError:
            part.unlink(missing_ok=True)
            raise
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
        raise _refusal(error, f"{path.parent} can't be written") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle, alone


def replace(path: Path, what: str, *, restore: bool, now: datetime) -> tuple[Path, Path | None, str]:
    """Set a damaged file aside and put its newest backup, or an empty file, in its place.

    Where it went, the backup, and the sentence that says so; ``what`` is the matter with the file. The copy is made
    first: where there is no room for it, nothing is moved. Raises StoreFull.
    """
    part = path.with_name(path.name + ".restoring")
    try:
        backup = _copy_of_newest(path, part) if restore else None
        moved_to = set_aside(path, now)
        if backup is not None:
            part.rename(path)
            _sync(path.parent)
    except OSError as error:
        raise StoreFull(
            f"{path.name} {what}, and its backup can't be put in its place ({error.strerror}): nothing was moved. "
            "Make room and start again."
        ) from error
    checked(path)
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


_ROOM = frozenset({
    apsw.SQLITE_IOERR_SHMOPEN, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP, apsw.SQLITE_IOERR_WRITE,
    apsw.SQLITE_IOERR_TRUNCATE, apsw.SQLITE_IOERR_FSYNC,
})  # fmt: skip


def is_for_want_of_room(error: apsw.Error) -> bool:
    """Whether a full disk makes this error, also while reading: a log's index (``-shm``) is written by its readers."""
    return isinstance(error, (apsw.FullError, apsw.NoMemError)) or getattr(error, "extendedresult", 0) in _ROOM


def translated(path: Path, error: apsw.Error, *, writing: bool) -> OpstuiError:
    """The error of the tree that says what SQLite's means for a person."""
    name = path.name
    if is_for_want_of_room(error) or (writing and isinstance(error, apsw.IOError)):
        return StoreFull(f"the disk is full: {name} is as it was before. Make room and try again.")
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return Busy(f"{name} is being written by another process for more than {BUSY_MS // 1000} s: try again")
    if isinstance(error, apsw.IOError):
        return StoreDamaged(
            f"the disk did not give {name} ({error}); the file was left as it is. Look at the disk, then start again.",
            file=str(path),
        )
    if shows_damage(error):
        return StoreDamaged(
            f"{name} can't be read ({error}). Close every opstui and start again: it is then set aside.",
            file=str(path),
        )
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError, apsw.AuthError)):
        return ReadOnly(f"{path} can't be used ({error}): look at the permissions of the file and its folder")
    return StoreDamaged(f"{name}: {error}", file=str(path))
