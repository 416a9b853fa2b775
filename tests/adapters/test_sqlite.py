"""Database files: who may read them, migrations, damage, the bell."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from opstui.adapters import sqlite_bell
from opstui.adapters.sqlite import Database
from opstui.adapters.sqlite_care import backups
from opstui.core.errors import ReadOnly, StoreDamaged, StoreFull

TABLE = ("CREATE TABLE notes(number INTEGER PRIMARY KEY, text TEXT)",)
MORE = (*TABLE, "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'ana'")

Open = Callable[..., Database]


@pytest.fixture
def open_it(tmp_path: Path) -> Iterator[Open]:
    opened: list[Database] = []

    def open_database(name: str = "record.db", steps: tuple[str, ...] = TABLE, **more: object) -> Database:
        database = Database(tmp_path / name, **{"full_sync": True} | more)  # type: ignore[arg-type]
        opened.append(database)
        database.migrate("notes", steps, backup=True)
        return database

    yield open_database
    for database in opened:
        database.close()


def put(database: Database, text: str = "hello") -> None:
    def work(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES (?)", (text,))
        database.ring(connection, "note", text, 1)

    database.write(work)


def texts(database: Database) -> list[str]:
    return [text for (text,) in database.read("SELECT text FROM notes ORDER BY number")]


def smash(path: Path) -> None:
    """Overwrite everything but the first page's first hundred bytes with something else."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 100))


# --- using it


def test_only_the_owner_can_read_the_files(open_it: Open, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        database = open_it("deep/er/record.db")
        put(database)
    finally:
        os.umask(old)
    folder = tmp_path / "deep" / "er"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes) == {"record.db", "record.db-wal", "record.db-shm", "record.db-open"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(open_it: Open, tmp_path: Path) -> None:
    open_it().close()
    (tmp_path / "record.db").chmod(0o644)
    open_it()
    assert stat.S_IMODE((tmp_path / "record.db").stat().st_mode) == 0o600


def test_what_is_precious_is_synced_and_a_cache_is_not(open_it: Open) -> None:
    def synchronous(database: Database) -> object:
        return database.write(lambda connection: connection.execute("PRAGMA synchronous").fetchone())

    assert synchronous(open_it("record.db")) == (2,)
    assert synchronous(open_it("cache.db", full_sync=False)) == (1,)


def test_a_reading_connection_cannot_write(open_it: Open) -> None:
    with pytest.raises(ReadOnly):
        open_it().read("INSERT INTO notes(text) VALUES ('x')")


def test_a_write_inside_a_write_is_refused_and_not_waited_for(open_it: Open) -> None:
    database = open_it()
    with pytest.raises(RuntimeError):
        database.write(lambda _: put(database))
    put(database)
    assert texts(database) == ["hello"]


def test_a_statement_that_fails_undoes_its_write_alone(open_it: Open) -> None:
    database = open_it()

    def work(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES ('half')")
        connection.execute("INSERT INTO notes(number, text) VALUES (1, 'twice')")

    with pytest.raises(StoreDamaged):
        database.write(work)
    assert texts(database) == []


def test_writes_that_wait_share_a_commit(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    started, go = threading.Event(), threading.Event()

    def slow(connection: apsw.Connection) -> None:
        started.set()
        go.wait()

    first = threading.Thread(target=database.write, args=(slow,))
    first.start()
    started.wait()
    others = [threading.Thread(target=put, args=(database, str(number))) for number in range(30)]
    for thread in others:
        thread.start()
    while database._writer._jobs.qsize() < 30:
        time.sleep(0.001)
    watcher = apsw.Connection(str(tmp_path / "record.db"))
    before = watcher.execute("PRAGMA data_version").fetchone()
    go.set()
    for thread in (first, *others):
        thread.join()
    after = watcher.execute("PRAGMA data_version").fetchone()
    watcher.close()
    assert len(texts(database)) == 30
    assert before is not None
    assert after is not None
    assert after != before


def test_a_closed_database_says_so(open_it: Open) -> None:
    database = open_it()
    database.close()
    database.close()
    with pytest.raises(ReadOnly):
        put(database)


# --- the bell


def test_the_bell_hears_this_process_and_others(open_it: Open, tmp_path: Path) -> None:
    here = open_it()
    assert here.bell.changed()
    assert not here.bell.changed()
    put(here)
    assert here.bell.changed()
    there = open_it()
    put(there, "from elsewhere")
    assert here.bell.changed()
    assert not here.bell.changed()
    assert [ring.subject for ring in here.bell.rings(0)] == ["hello", "from elsewhere"]


def test_asking_the_bell_takes_well_under_a_millisecond(open_it: Open) -> None:
    bell = open_it().bell
    bell.changed()
    best = min(_timed(bell.changed) for _ in range(200))
    assert best < 500e-6


def _timed(work: Callable[[], object]) -> float:
    before = time.thread_time()
    work()
    return time.thread_time() - before


def test_pruned_rings_come_as_one_reset(open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_bell, "_PRUNE_EVERY", 2)
    now = [1_000_000.0]
    database = open_it(now=lambda: now[0])
    database.bell._until_prune = 3
    put(database, "old")
    put(database, "older")
    now[0] += 8 * 86_400
    put(database, "new")
    assert [(ring.seq, ring.kind) for ring in database.bell.rings(1)] == [(3, "reset")]
    assert [ring.subject for ring in database.bell.rings(2)] == ["new"]
    assert database.bell.last() == 3


def test_a_listener_that_is_ahead_of_a_new_file_is_told_to_look_again(open_it: Open) -> None:
    assert [(ring.seq, ring.kind) for ring in open_it().bell.rings(17)] == [(0, "reset")]


# --- migrations


def test_only_new_steps_are_applied_and_a_backup_is_made_before(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database)
    database.close()
    database = open_it(steps=MORE)
    assert database.read("SELECT text, author FROM notes") == [("hello", "ana")]
    (backup,) = backups(tmp_path / "record.db")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    old = apsw.Connection(str(backup))
    assert [row[1] for row in old.execute("PRAGMA table_info(notes)")] == ["number", "text"]
    old.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(open_it: Open) -> None:
    put(open_it())
    with pytest.raises(StoreDamaged):
        open_it(steps=(*MORE, "CREATE TABLE notes(again)"))
    database = open_it()
    assert [row[1] for row in database.read("PRAGMA table_info(notes)")] == ["number", "text"]


def test_two_processes_may_migrate_at_once(open_it: Open) -> None:
    first, second = open_it(steps=()), open_it(steps=())
    threads = [
        threading.Thread(target=database.migrate, args=("notes", MORE), kwargs={"backup": False})
        for database in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    put(second)
    assert texts(first) == ["hello"]


def test_a_file_newer_than_the_program_is_only_read_and_says_so(open_it: Open) -> None:
    put(open_it(steps=MORE))
    database = open_it()
    assert texts(database) == ["hello"]
    assert "newer than this program" in database.problem
    with pytest.raises(ReadOnly, match="newer"):
        put(database)


def test_components_of_one_file_migrate_apart(open_it: Open) -> None:
    database = open_it()
    database.migrate("other", ("CREATE TABLE other(a)",), backup=False)
    database.close()
    database = open_it()
    database.migrate("other", ("CREATE TABLE other(a)",), backup=False)
    assert database.read("SELECT component, version FROM migrations ORDER BY component") == [
        ("base", 1), ("notes", 1), ("other", 1),
    ]  # fmt: skip


# --- read-only


def test_a_reader_of_a_missing_file_finds_it_empty_and_makes_nothing(open_it: Open, tmp_path: Path) -> None:
    database = open_it(read_only=True)
    assert texts(database) == []
    assert database.bell.last() == 0
    with pytest.raises(ReadOnly):
        put(database)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_an_older_file_sees_the_new_shape_and_leaves_the_file_alone(open_it: Open) -> None:
    put(open_it())
    reader = open_it(read_only=True, steps=MORE)
    assert reader.read("SELECT text, author FROM notes") == [("hello", "ana")]
    assert [row[1] for row in open_it().read("PRAGMA table_info(notes)")] == ["number", "text"]


def test_a_reader_sees_what_others_write(open_it: Open) -> None:
    writer = open_it()
    reader = open_it(read_only=True)
    reader.bell.changed()
    put(writer)
    assert reader.bell.changed()
    assert texts(reader) == ["hello"]


# --- damage


def test_a_file_that_is_no_database_is_set_aside_and_its_backup_restored(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database)
    database.back_up()
    put(database, "after the backup")
    database.close()
    path = tmp_path / "record.db"
    path.write_bytes(b"this is not a database" * 500)
    database = open_it()
    assert texts(database) == ["hello"]
    assert database.restored_from in backups(path)
    assert database.moved_to is not None
    assert database.moved_to.read_bytes().startswith(b"this is not")
    assert "restored" in database.problem


def test_a_damaged_backup_is_passed_over(open_it: Open, tmp_path: Path) -> None:
    now = [1_000_000.0]
    database = open_it(now=lambda: now[0])
    put(database)
    good = database.back_up()
    now[0] += 60
    smash(database.back_up())
    database.close()
    smash(tmp_path / "record.db")
    assert open_it().restored_from == good


def test_a_damaged_cache_is_made_anew(open_it: Open, tmp_path: Path) -> None:
    put(open_it("cache.db", full_sync=False))
    open_it("cache.db", full_sync=False).close()
    for path in tmp_path.glob("cache.db-*"):
        path.unlink()
    (tmp_path / "cache.db").write_bytes(b"\x00" * 100)
    database = open_it("cache.db", full_sync=False)
    assert texts(database) == []
    assert "made" in database.problem


def test_an_emptied_file_is_damage_where_there_is_a_backup(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database)
    database.back_up()
    database.close()
    (tmp_path / "record.db").write_bytes(b"")
    assert texts(open_it()) == ["hello"]


def test_a_file_that_somebody_has_open_is_never_moved_away(open_it: Open, tmp_path: Path) -> None:
    put(open_it())
    other = tmp_path / "other.db"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        other.write_bytes(b"garbage" * 1000)
        with pytest.raises(StoreDamaged):
            open_it("other.db")
        assert other.read_bytes().startswith(b"garbage")
    assert open_it("other.db").moved_to is not None


_HOLD = """
import sys
from opstui.adapters.sqlite import Database
database = Database(sys.argv[1], full_sync=True)
database.write(lambda connection: None)
database.reader().execute("SELECT 1")
import apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
connection.close()
print("open", flush=True)
sys.stdin.read()
"""


def test_damage_found_while_reading_is_told_and_mended_at_the_next_start(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database, "kept")
    database.back_up()
    for number in range(200):
        put(database, f"{number}" * 100)
    database.close()
    path = tmp_path / "record.db"
    content = bytearray(path.read_bytes())
    leaf = content.index(b"199199199")
    content[leaf // 4096 * 4096 : leaf // 4096 * 4096 + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    database = open_it()
    with pytest.raises(StoreDamaged, match="start again"):
        texts(database)
    database.close()
    database = open_it()
    assert texts(database) == ["kept"]
    assert database.moved_to is not None
    database.close()
    assert not open_it().problem


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_never_crashes(open_it: Open, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    database = open_it()
    for number in range(50):
        put(database, f"{number}" * 50)
    database.back_up()
    database.close()
    path = tmp_path / "record.db"
    content = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(content))
        content[at : at + 64] = chance.randbytes(len(content[at : at + 64]))
    path.write_bytes(content)
    with contextlib.suppress(StoreDamaged):
        database = open_it()
        texts(database)
        put(database)


def test_the_seven_newest_backups_stay(open_it: Open, tmp_path: Path) -> None:
    now = [1_000_000.0]
    database = open_it(now=lambda: now[0])
    made = []
    for _ in range(9):
        now[0] += 1
        made.append(database.back_up())
    assert backups(tmp_path / "record.db") == made[:1:-1]


def test_a_backup_is_made_once_a_day_but_not_of_a_new_file(open_it: Open, tmp_path: Path) -> None:
    now = [1_000_000.0]
    for passed, count in ((0, 0), (60, 1), (3600, 1), (90_000, 2)):  # a file that was only just made needs none
        now[0] += passed
        database = open_it(now=lambda: now[0])
        database.back_up_daily()
        database.close()
        assert len(backups(tmp_path / "record.db")) == count


# --- a full disk


def test_a_full_disk_undoes_the_write_and_the_next_one_works(open_it: Open) -> None:
    database = open_it()
    put(database)
    database.write(lambda connection: connection.execute("PRAGMA max_page_count=20").fetchall())

    def fill(connection: apsw.Connection) -> None:
        for _ in range(1000):
            connection.execute("INSERT INTO notes(text) VALUES (?)", ("x" * 1000,))

    with pytest.raises(StoreFull):
        database.write(fill)
    assert texts(database) == ["hello"]
    put(database, "small")
    assert texts(database) == ["hello", "small"]
    assert database.is_sound()


def test_a_limit_of_the_system_is_a_full_disk_too(tmp_path: Path) -> None:
    """``RLIMIT_FSIZE`` makes SQLite's write fail with an I/O error, as some full file systems do."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path / "record.db")], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["full", "full", "True"], done.stderr
    database = Database(tmp_path / "record.db", full_sync=True)
    count = database.read("SELECT count(*) FROM notes")[0][0]
    database.close()
    assert count >= 1
    assert count % 10 == 1


_LIMITED = """
import resource, sys
from opstui.adapters.sqlite import Database
from opstui.core.errors import StoreFull
database = Database(sys.argv[1], full_sync=True)
database.migrate("notes", ("CREATE TABLE notes(text)",), backup=False)
database.write(lambda connection: connection.execute("INSERT INTO notes VALUES ('first')").fetchall())
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
def fill(connection):
    for _ in range(10):
        connection.execute("INSERT INTO notes VALUES (?)", ("x" * 3000,))
for _ in range(2):
    try:
        while True:
            database.write(fill)
    except StoreFull:
        print("full")
print(database.is_sound())
"""


_NO_ROOM = """
import resource, sys
from opstui.adapters.sqlite import Database
from opstui.core.errors import StoreFull
precious = sys.argv[2] == "precious"
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
database = Database(sys.argv[1], full_sync=precious)
database.migrate("notes", ("CREATE TABLE notes(number INTEGER PRIMARY KEY, text TEXT)",), backup=True)
print([text for (text,) in database.read("SELECT text FROM notes")])
print(database.problem)
try:
    database.write(lambda connection: connection.execute("INSERT INTO notes(text) VALUES ('x')").fetchall())
    print("written")
except StoreFull:
    print("full")
"""

_DIES = """
import os, sys
from opstui.adapters.sqlite import Database
database = Database(sys.argv[1], full_sync=True)
database.write(lambda connection: connection.execute("INSERT INTO notes(text) VALUES ('last')").fetchall())
os._exit(9)
"""


def _without_room(path: Path, kind: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _NO_ROOM, str(path), kind], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_disk_that_is_full_at_the_start_sets_nothing_aside_and_shows_what_was_kept(
    open_it: Open, tmp_path: Path
) -> None:
    database = open_it()
    put(database)
    database.back_up()
    database.close()
    path = tmp_path / "record.db"
    subprocess.run([sys.executable, "-c", _DIES, str(path)], check=False)
    path.with_name("record.db-shm").unlink()
    kept, problem, wrote = _without_room(path, "precious")
    assert kept == "['hello', 'last']"
    assert "full" in problem
    assert wrote == "full"
    database = open_it()
    assert texts(database) == ["hello", "last"]
    assert database.moved_to is None
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_cache_goes_on_in_memory_where_the_disk_is_full(open_it: Open, tmp_path: Path) -> None:
    database = open_it("cache.db", full_sync=False)
    put(database)
    database.close()
    kept, problem, wrote = _without_room(tmp_path / "cache.db", "cheap")
    assert kept == "['hello']"
    assert "memory only" in problem
    assert wrote == "written"
    assert _without_room(tmp_path / "none.db", "cheap")[::2] == ["[]", "written"]


def test_a_damaged_file_stays_where_it_is_while_there_is_no_room_for_its_backup(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database)
    database.back_up()
    database.close()
    path = tmp_path / "record.db"
    path.write_bytes(b"this is not a database" * 500)
    done = subprocess.run(
        [sys.executable, "-c", _NO_ROOM, str(path), "precious"], capture_output=True, text=True, check=False
    )
    assert "StoreFull" in done.stderr or "StoreDamaged" in done.stderr
    assert path.read_bytes().startswith(b"this is not")
    assert texts(open_it()) == ["hello"]


@pytest.mark.parametrize("name", ["record.db", "cache.db"])
def test_a_link_to_itself_in_place_of_a_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(name)
    with pytest.raises(ReadOnly, match=name):
        Database(tmp_path / name, full_sync=name == "record.db")


def test_a_missing_file_is_restored_from_its_backup(open_it: Open, tmp_path: Path) -> None:
    database = open_it()
    put(database)
    database.back_up()
    database.close()
    (tmp_path / "record.db").unlink()
    database = open_it()
    assert texts(database) == ["hello"]
    assert "missing" in database.problem


# --- permissions, as somebody who is not root

_NOBODY = """
import os, sys
from opstui.adapters.sqlite import Database
from opstui.core.errors import OpstuiError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    database = Database(sys.argv[1], full_sync=True, read_only=sys.argv[2] == "ro")
    database.migrate("notes", ("CREATE TABLE notes(number INTEGER PRIMARY KEY, text TEXT)",), backup=False)
    print("read", database.read("SELECT count(*) FROM notes")[0][0])
    database.write(lambda connection: connection.execute("INSERT INTO notes(text) VALUES ('x')").fetchall())
    print("written")
except OpstuiError as error:
    print(type(error).__name__, error.message)
"""


def _as_nobody(path: Path, mode: str) -> str:
    # Everything is imported before the change: the interpreter itself may lie where nobody but root can look.
    done = subprocess.run([sys.executable, "-c", _NOBODY, str(path), mode], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@needs_root
def test_a_folder_that_cannot_be_written_is_named(public_folder: Path) -> None:
    said = _as_nobody(public_folder / "record.db", "rw")
    assert said.startswith("ReadOnly")
    assert str(public_folder) in said


@needs_root
def test_a_folder_that_cannot_be_made_is_named(public_folder: Path) -> None:
    said = _as_nobody(public_folder / "sub" / "record.db", "rw")
    assert said.startswith("ReadOnly")
    assert str(public_folder / "sub") in said


@needs_root
def test_a_file_in_a_folder_that_cannot_be_written_can_still_be_read(public_folder: Path) -> None:
    database = Database(public_folder / "record.db", full_sync=True)
    database.migrate("notes", TABLE, backup=False)
    put(database)
    database.close()
    (public_folder / "record.db").chmod(0o644)
    said = _as_nobody(public_folder / "record.db", "ro")
    assert said.splitlines()[0] == "read 1", said
    assert said.splitlines()[1].startswith("ReadOnly")


@needs_root
def test_a_folder_that_may_not_be_entered_is_named(public_folder: Path) -> None:
    (public_folder / "data").mkdir(mode=0o700)
    said = _as_nobody(public_folder / "data" / "record.db", "rw")
    assert said.startswith("ReadOnly"), said
    assert str(public_folder / "data") in said


@needs_root
def test_somebody_elses_private_file_is_an_error_that_says_so(public_folder: Path) -> None:
    Database(public_folder / "record.db", full_sync=True).close()
    (public_folder / "record.db-open").chmod(0o666)
    public_folder.chmod(0o777)
    said = _as_nobody(public_folder / "record.db", "rw")
    assert said.startswith("ReadOnly"), said
    assert "permissions" in said


# --- starting at once

_STARTER = """
import sys
from opstui.adapters.sqlite import Database
from opstui.adapters.stores.cache import SqliteCache
from opstui.adapters.stores.record import SqliteRecord
from opstui.adapters.tickets.local import LocalTickets
from opstui.testing import builders as make
folder, name = sys.argv[1:]
sys.stdin.readline()
clock = make.OwnClock()
record = SqliteRecord(f"{folder}/record.db", clock=clock)
desk = LocalTickets(
    f"{folder}/desk.db", name="local", operator="ana", clock=clock, randomness=make.OwnRandomness(name))
database = Database(f"{folder}/cache.db", full_sync=False)
cache = SqliteCache(database)
record.write(lambda writer: writer.put_session(make.session(name)))
key = desk.create(title=name)
cache.keep(make.ticket(key), now=make.START)
print(desk.origin, key, record.problem, desk.problem, database.problem, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("attempt", range(4))
def test_several_processes_may_make_the_files_at_the_same_moment(tmp_path: Path, attempt: int) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", _STARTER, str(tmp_path), f"s{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    said = [starter.communicate("end\n") for starter in starters]
    assert [errors for _, errors in said] == [""] * 4
    words = [out.split() for out, _ in said]
    assert len({origin for origin, *_ in words}) == 1
    assert {key for _, key, *_ in words} == {f"INC-{number}" for number in range(1001, 1005)}
    assert all(len(line) == 2 for line in words)
