"""How a store is opened, by whom, and what stands in its way."""

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from manyhands.model.errors import (
    ManyhandsError,
    OptionError,
    RunActive,
    StoreCorrupt,
    StoreTooNew,
    StoreTooOld,
    StoreUnavailable,
)
from manyhands.model.records import Changes
from manyhands.model.states import RunStatus
from manyhands.stores import sqlite_database
from manyhands.stores.sql.migrations import Migration, all_migrations, latest
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import ENGINE, begin, done, engine, start, the_run, value, write

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def store_at(path: Path, **options: object) -> SqliteStore:
    store = SqliteStore(f"sqlite:///{path}", **options)  # type: ignore[arg-type]
    store.open()
    return store


def test_the_constructor_does_nothing(path: Path) -> None:
    SqliteStore(f"sqlite:///{path}/deep/er.db")
    assert list(path.parent.iterdir()) == []


def test_opening_makes_what_is_missing_and_what_is_written_stays(path: Path) -> None:
    deep = path.parent / "a" / "b" / "store.db"
    store = store_at(deep)
    assert Path(store.log_folder).is_dir()
    assert Path(store.log_folder) == deep.parent / "logs"
    key = begin(store, moves=[start(0), done(0, result=value(b"x"))])
    store.open()
    store.close()
    store.close()
    assert not deep.with_name("store.db-wal").exists(), "nothing is left outside of the file"
    store.open()
    assert store.result(key, 0) == value(b"x")
    store.close()


def test_stores_in_one_folder_do_not_share_what_they_prune(path: Path) -> None:
    one, other = store_at(path), store_at(path.with_name("other.db"))
    name = one.blobs.put(b"x")
    assert other.prune(1e12, 1e12)["blobs"] == 0
    assert one.blobs.get(name) == b"x"
    assert one.log_folder != other.log_folder
    one.close()
    other.close()


def test_a_relative_address_is_one_of_the_folder_it_was_made_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("sqlite:///here.db")
    monkeypatch.chdir("/")
    store.open()
    store.close()
    assert (tmp_path / "here.db").exists()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"it is a folder\. Name a file in it, such as sqlite:///.*/store\.db"):
        store_at(tmp_path)


def test_a_file_is_no_folder(path: Path) -> None:
    path.write_text("a file")
    with pytest.raises(StoreUnavailable, match=r"Not a directory|File exists"):
        store_at(path / "inside" / "store.db")


def test_any_file_is_no_database(path: Path) -> None:
    path.write_text("This is a letter, not a database. " * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        store_at(path)
    assert path.read_text().startswith("This is a letter")


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE letters (text)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="another program"):
        store_at(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]
    connection.close()


def test_a_damaged_store_is_an_error_of_ours(path: Path) -> None:
    store = store_at(path)
    begin(store, 300)
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises((StoreCorrupt, StoreUnavailable)):
        damaged = store_at(path)
        begin(damaged, 300, run_id="more")


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    store = store_at(path)
    assert store.runs() == []
    store.close()


def test_synchronous_is_one_of_two() -> None:
    with pytest.raises(OptionError, match="NORMAL or FULL"):
        SqliteStore("sqlite:///x.db", synchronous="OFF")  # type: ignore[arg-type]


def test_synchronous_is_what_the_connection_has(path: Path) -> None:
    for word, number in (("NORMAL", 1), ("FULL", 2)):
        store = store_at(path, synchronous=word)
        assert store._database._pragma("synchronous") == number
        assert store._database._pragma("journal_mode") == "wal"
        store.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(f"sqlite:///{path}")
    for action in (store.runs, store.changed, lambda: store.enroll(engine())):
        with pytest.raises(StoreUnavailable, match="closed"):
            action()


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    store_at(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreTooNew, match="has schema 999, this version knows"):
        store_at(path)


NEWEST = latest()

LATER = [
    *all_migrations(),
    Migration(
        NEWEST + 1,
        "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';\nCREATE INDEX colours ON runs (colour);",
    ),
]


def schema_of(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def test_an_older_store_is_brought_up_to_date_and_keeps_what_it_has(path: Path) -> None:
    old = store_at(path)
    begin(old, moves=[start(0)])
    old.close()
    with pytest.raises(StoreTooOld, match=f"has schema {NEWEST}, this version needs {NEWEST + 1}"):
        SqliteStore(f"sqlite:///{path}", migrations=LATER).open(migrate=False)
    store = store_at(path, migrations=LATER)
    assert store.counts().schema == NEWEST + 1
    assert store.migrate() == (NEWEST + 1, NEWEST + 1)
    write(store, the_run(store).key, done(0))
    assert store.check() == []
    store.close()
    fresh = path.with_name("fresh.db")
    store_at(fresh, migrations=LATER).close()
    assert schema_of(path) == schema_of(fresh)
    with pytest.raises(StoreTooNew):
        store_at(path)


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_every_older_version_is_brought_up_to_date(path: Path, version: int) -> None:
    """What a store of each version before this one holds is there, whole and usable, after the upgrade."""
    old = store_at(path, migrations=all_migrations()[:version])
    begin(old, moves=[start(0)])
    old.close()
    store = store_at(path)
    write(store, the_run(store).key, done(0))
    assert store.check() == []
    store.close()
    fresh = path.with_name("fresh.db")
    store_at(fresh).close()
    assert schema_of(path) == schema_of(fresh)


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    store_at(path).close()
    before = schema_of(path)
    broken = [*LATER, Migration(NEWEST + 2, "CREATE TABLE more (x);\nCREATE TABLE more (x);")]
    with pytest.raises(ManyhandsError):
        store_at(path, migrations=broken)
    assert schema_of(path) == before
    store = store_at(path)
    assert store.counts().schema == NEWEST
    store.close()


def test_processes_that_make_a_store_at_once_all_have_it(path: Path) -> None:
    script = (
        "import sys; from manyhands.stores.sqlite import SqliteStore; s = SqliteStore(sys.argv[1]); sys.stdin.read(1)"
    )
    script += "; s.open(); print(s.counts().schema, s.check()); s.close()"
    command = [sys.executable, "-c", script, f"sqlite:///{path}"]
    pipe = subprocess.PIPE
    openers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(6)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("x")
        opener.stdin.flush()
    assert [opener.communicate(timeout=60) for opener in openers] == [(f"{NEWEST} []\n", "")] * 6


def test_a_fork_is_told_to_open_its_own(path: Path) -> None:
    store = store_at(path)
    begin(store)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for action in (store.runs, lambda: store.enroll(engine("child"))):
            try:
                action()
            except StoreUnavailable as error:
                said.append(str(error))
        store.close()
        own = store_at(path)
        own.enroll(engine("own"))
        own.close()
        os.write(writing, "\n".join(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read().split("\n")
    os.waitpid(child, 0)
    assert len(said) == 2
    assert all("before this process was forked. Open it again" in line for line in said)
    write(store, the_run(store).key, start(0))
    assert {e.id for e in store.engines()} == {"engine-1", "own"}
    store.close()


def test_threads_share_a_store(path: Path) -> None:
    store = store_at(path)
    keys = [begin(store, 20, run_id=f"run {n}") for n in range(4)]
    failures: list[Exception] = []

    def drive(key: int) -> None:
        try:
            for n in range(20):
                write(store, key, start(n))
                write(store, key, done(n, result=value(b"%d" % key)))
                assert store.result(key, n) == value(b"%d" % key)
        except Exception as error:  # noqa: BLE001 - whatever a thread meets is for the test to see
            failures.append(error)

    threads = [threading.Thread(target=drive, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.check() == []
    store.close()


def test_a_reader_does_not_wait_for_a_writer(path: Path) -> None:
    store, other = store_at(path), store_at(path)
    key = begin(store)
    cursor = store._database.begin()
    cursor.execute("UPDATE runs SET message = 'in the making'")
    assert the_run(other).message == the_run(store).message == ""
    store._database.commit()
    assert the_run(other).message == the_run(store).message == "in the making"
    before = other.changed()
    write(store, key, start(0))
    assert other.changed() != before
    store.close()
    other.close()


def test_an_interrupt_in_a_commit_leaves_nothing(path: Path) -> None:
    class Interrupted(list):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt

    store = store_at(path)
    key = begin(store)
    with pytest.raises(KeyboardInterrupt):
        store.commit([Changes(key, 1, moves=[start(0)]), Changes(key, 1, moves=Interrupted([1]))])
    assert store.attempts(key) == []
    write(store, key, start(0))
    store.close()


@pytest.mark.parametrize("name", ["orphans", "unclaimed", "runs_of_engine", "driven", "events_of_run", "result"])
def test_what_is_asked_again_and_again_does_not_look_at_everything(path: Path, name: str) -> None:
    store = store_at(path)
    database = store._database
    given = {"now": 1.0, "dead": "[]", "engine": "e", "run": 1, "task": 1, "after": 0, "limit": 1}
    plan = [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {database.statements[name]}", given)]
    assert [step for step in plan if step.startswith("SCAN") and "INDEX" not in step] == []
    store.close()


def test_a_program_that_does_not_queue_is_waited_for(path: Path) -> None:
    store = store_at(path)
    key = begin(store)
    foreign = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    foreign.execute("BEGIN IMMEDIATE")
    waiting = threading.Event()
    store._database._connection.set_trace_callback(lambda _: waiting.set())  # type: ignore[union-attr]
    writer = threading.Thread(target=write, args=(store, key, start(0)))
    writer.start()
    assert waiting.wait(30)
    assert store.attempts(key) == []
    foreign.execute("COMMIT")
    writer.join()
    assert [event.state for event in store.events(key=key, ordinal=0)] == ["pending", "running"]
    foreign.close()
    store.close()


def test_patience_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_at(path)
    begin(store)
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sqlite_database, "PATIENCE", 0.05)
    with pytest.raises(StoreUnavailable, match="another program holds it"):
        store.heartbeat(ENGINE, 1.0)
    foreign.execute("ROLLBACK")
    store.heartbeat(ENGINE, 1.0)
    foreign.close()
    store.close()


def test_the_connection_of_a_thread_goes_with_it(path: Path) -> None:
    store = store_at(path)
    store.runs()
    thread = threading.Thread(target=store.runs)
    thread.start()
    thread.join()
    gc.collect()
    assert len(store._database._readers) == 1
    store.close()


def test_of_those_who_take_a_run_at_once_one_has_it(path: Path) -> None:
    stores = [store_at(path) for _ in range(4)]
    begin(stores[0])
    for number, store in enumerate(stores):
        store.enroll(engine(f"taker {number}"))
    together = threading.Barrier(len(stores))
    won: list[int] = []
    lost: list[RunActive] = []

    def take(number: int) -> None:
        together.wait()
        try:
            run = stores[number].open_session(
                "a run", f"taker {number}", 30.0, dead=[ENGINE], statuses=[RunStatus.RUNNING]
            )
            won.append(run.epoch)
        except RunActive as error:
            lost.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (won, len(lost)) == ([2], len(stores) - 1)
    assert stores[0].check() == []
    for store in stores:
        store.close()


def test_a_check_sees_one_moment_of_a_store_that_is_written(path: Path) -> None:
    store, other = store_at(path), store_at(path)
    keys = [begin(store, 30, run_id=f"run {n}") for n in range(3)]
    over = threading.Event()

    def drive() -> None:
        for n in range(30):
            for key in keys:
                write(store, key, start(n))
                write(store, key, done(n, result=value(b"x")))
        over.set()

    writer = threading.Thread(target=drive)
    writer.start()
    while not over.is_set():
        assert other.check() == []
    writer.join()
    assert other.check() == []
    store.close()
    other.close()


def test_what_is_no_text_is_refused(path: Path) -> None:
    store = store_at(path)
    for action in (lambda: begin(store, run_id="\ud800"), lambda: store.run("\ud800")):
        with pytest.raises(OptionError, match="cannot be stored"):
            action()
    assert store.runs() == []
    store.close()


def test_a_store_in_memory_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    store, other = SqliteStore("sqlite://:memory:"), SqliteStore("sqlite://:memory:")
    for one in (store, other):
        one.open()
        Path(one.log_folder, "1-1.log").write_text("output")
    begin(store)
    assert other.runs() == []
    for one in (store, other):
        one.close()
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
