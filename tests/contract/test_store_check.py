"""Each rule that a store keeps is broken by hand, and `check` says so."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyhands.stores.sql
from manyhands.model.kinds import ACTOR
from manyhands.model.messages import CALL
from manyhands.model.records import Changes, NewState, TaskMove
from manyhands.model.states import Reason, RunStatus
from manyhands.model.values import Encoded
from manyhands.stores.sql.checks import RULES
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import (
    ENGINE,
    PENDING,
    RUNNING,
    SUCCEEDED,
    begin,
    done,
    end_run,
    engine,
    failed,
    new_run,
    new_task,
    start,
    value,
    write,
)

LARGE = b"large" * 20000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """Four runs in which everything that a store can hold is there: 1 is driven, 2 has succeeded, 3 is canceled,
    4 has a small value in the row of its task."""
    store = SqliteStore(f"sqlite:///{path}")
    store.open()
    large = Encoded("bytes", b"", store.blobs.put(LARGE), len(LARGE))
    driven = begin(store, 6, moves=[start(n) for n in range(5)])
    forward = TaskMove(3, RUNNING, 1, 13.0, Reason.FORWARDED, source=4, attempt_end=done(3).attempt_end)
    write(store, driven, done(0, result=value(b"zero"), cache_key=b"key"), failed(1, to=PENDING), forward, start(1, 2))
    assert store.claim(b"other", driven, 2, ENGINE, 20.0, ())
    store.commit([Changes(driven, 1, tasks=[new_task(6, upstreams=[0, 1], parent=2)])])
    ended = begin(store, 2, run_id="ended", moves=[start(0), done(0, result=large), start(1), done(1)])
    store.commit([Changes(ended, 1, move=end_run())])
    begin(store, 2, run_id="canceled", moves=[start(0)])
    store.cancel("canceled", 20.0, "enough")
    begin(store, 1, run_id="plain", moves=[start(0), done(0, result=value(b"small"))])
    assert store.check() == []
    yield store
    store.close()


def corrupt(path: Path, script: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.executescript(script)
    connection.close()


CORRUPTIONS = {
    "UPDATE runs SET status = 'failed' WHERE key = 2": r"run 'ended' is failed, but its last event says succeeded",
    "DELETE FROM events WHERE run = 2 AND task IS NULL": r"run 'ended' has no event",
    "UPDATE tasks SET status = 'failed' WHERE run = 2 AND ordinal = 1": r"step 'step_1' of run 'ended' is failed in "
    "attempt 1, but its last event says succeeded in attempt 1",
    "UPDATE tasks SET attempt = 3 WHERE run = 1 AND ordinal = 1": r"is running in attempt 3, but its last event says "
    "running in attempt 2",
    "DELETE FROM events WHERE run = 1 AND task = 5": r"step 'step_5' of run 'a run' has no event",
    "INSERT INTO events (at, run, state, reason) VALUES (1, 2, 'running', 'x'), (1, 2, 'pending', 'x'),"
    " (1, 2, 'succeeded', 'x')": r"run 'ended': event \d+ makes it pending after running",
    "INSERT INTO events (at, run, task, attempt, state, reason) VALUES (1, 2, 1, 1, 'skipped', 'x'),"
    " (1, 2, 1, 1, 'succeeded', 'x')": r"makes it succeeded after skipped",
    "DELETE FROM events WHERE run = 2 AND task = 1 AND state = 'pending'": r"though it was not called",
    "INSERT INTO events (at, run, task, attempt, state, reason) VALUES (1, 1, 1, 1, 'running', 'x'),"
    " (1, 1, 1, 2, 'running', 'x')": r"event \d+ makes it running in attempt 1 after attempt 2",
    "INSERT INTO events (at, run, state, reason) VALUES (1, 77, 'x', 'x')": r"event \d+ is of run number 77, which",
    "INSERT INTO events (at, run, task, state, reason) VALUES (1, 1, 77, 'x', 'x')": r"is of step number 77 of run",
    "INSERT INTO sessions VALUES (77, 1, 'e', 1, NULL)": r"session 1 is of run number 77, which does not exist",
    "UPDATE sessions SET ended_at = NULL WHERE run = 2": r"run 'ended' is succeeded, but its session 1 is open",
    "UPDATE runs SET epoch = 5 WHERE key = 1": r"run 'a run' is in epoch 5, but its open session is 1",
    "INSERT INTO sessions VALUES (2, 9, 'e', 1, 2)": r"run 'ended' is in epoch 1, but has a session 9",
    "DROP INDEX sessions_open; INSERT INTO sessions VALUES (1, 2, 'engine-1', 1, NULL)": r"'a run' has 2 open sessions",
    "UPDATE runs SET engine = 'who' WHERE key = 1": r"is driven by engine 'who', but its session is of 'engine-1'",
    "DELETE FROM engines": r"session 1 of run 'a run' is open, but its engine 'engine-1' is not known",
    "UPDATE sessions SET ended_at = 1 WHERE run = 1": r"run 'a run' is running, but has no open session",
    "UPDATE runs SET engine = 'who' WHERE key = 2": r"run 'ended' is succeeded, but engine 'who' is to drive it",
    "UPDATE runs SET ended_at = NULL WHERE key = 2": r"run 'ended' is succeeded, but has no end",
    "UPDATE runs SET ended_at = 1 WHERE key = 1": r"run 'a run' is running, but has an end",
    "UPDATE runs SET entry = 7 WHERE key = 2": r"run 'ended' starts at step number 7, which does not exist",
    "UPDATE tasks SET status = 'failed' WHERE run = 2 AND ordinal = 0": r"'ended' succeeded, but its step 'step_0' is",
    "UPDATE tasks SET status = 'running' WHERE run = 3": r"'canceled' is canceled, but its step 'step_0' is running",
    "DELETE FROM tasks WHERE run = 1 AND ordinal = 5": r"run 'a run' has 6 steps, but numbers up to 6",
    "DELETE FROM runs WHERE key = 2": r"step 'step_0' is of run number 2, which does not exist",
    "DELETE FROM calls WHERE run = 2 AND ordinal = 1": r"step 'step_1' of run 'ended' cannot be run: what was asked",
    "INSERT INTO calls SELECT 1, 9, base, label, kind, code, inputs_codec, inputs_data, inputs_blob, inputs_size,"
    " upstreams, parent, options, metadata, function_key FROM calls LIMIT 1": r"call number 9 of run number 1 has no",
    "UPDATE tasks SET attempt = 0 WHERE run = 1 AND ordinal = 2": r"'step_2' of run 'a run' is running in attempt 0",
    "UPDATE tasks SET forward_to = 70 WHERE run = 1 AND ordinal = 3": r"forwards to step number 70, which does not",
    "UPDATE tasks SET source = 70 WHERE run = 1 AND ordinal = 3": r"takes its outcome from step number 70, which",
    "UPDATE calls SET parent = 70 WHERE run = 1 AND ordinal = 6": r"was called by step number 70, which does not exist",
    "UPDATE runs SET source = 70 WHERE key = 1": r"run 'a run' takes its outcome from step number 70, which does not",
    "UPDATE calls SET upstreams = '[0, 70]' WHERE run = 1 AND ordinal = 6": r"step number 6 of run 'a run' needs step "
    "number 70, which does not exist",
    "UPDATE calls SET upstreams = '[6]' WHERE run = 1 AND ordinal = 6": r"needs step number 6, which is itself",
    "UPDATE attempts SET codec = NULL WHERE run = 1 AND ordinal = 0": r"is marked as saved, but has no value",
    "UPDATE tasks SET saved = 0 WHERE run = 1 AND ordinal = 0": r"is not marked as saved, but has a value",
    "UPDATE tasks SET status = 'running' WHERE run = 1 AND ordinal = 0": r"is running, but has a saved value",
    "UPDATE attempts SET data = NULL WHERE run = 1 AND ordinal = 0": r"attempt 1 of step number 0 of run number 1 has a"
    " value without its bytes",
    "UPDATE attempts SET data = x'00' WHERE run = 1 AND ordinal = 0": r"has a value of 4 bytes, but 1 of them",
    "UPDATE calls SET inputs_data = x'00' WHERE run = 1 AND ordinal = 0": r"inputs of step number 0 of run number 1 are"
    " of 11 bytes, but there are 1",
    "INSERT INTO attempts (run, ordinal, number, status, started_at, ended_at) VALUES (1, 70, 1, 'lost', 1, 1)": r""
    "attempt 1 is of step number 70 of run number 1, which does not exist",
    "INSERT INTO attempts (run, ordinal, number, status, started_at, ended_at) VALUES (2, 1, 2, 'lost', 1, 1)": r""
    "step 'step_1' of run 'ended' is in attempt 1, but attempt 2 has ended",
    "DELETE FROM attempts WHERE run = 2 AND ordinal = 1": r"attempt 1 of step 'step_1' of run 'ended' has no record",
    "UPDATE tasks SET codec = 'bytes', data = x'00' WHERE run = 1 AND ordinal = 1": r"'step_1' of run 'a run' has the"
    " value of its first attempt in its row, but is running in attempt 2",
    "INSERT INTO attempts (run, ordinal, number, status, started_at, ended_at) VALUES (4, 0, 1, 'lost', 1, 1)": r""
    "attempt 1 of step 'step_0' of run 'plain' is recorded twice",
    "UPDATE tasks SET data = NULL WHERE run = 4": r"attempt 1 of step number 0 of run number 4 has a value without its",
    "UPDATE tasks SET codec = NULL WHERE run = 4": r"step 'step_0' of run 'plain' is marked as saved, but has no value",
    "UPDATE cache SET data = x''": r"the cached value of step 'step_0' of run 'a run' is of 4 bytes, but there are 0",
    "UPDATE flights SET ordinal = 70": r"is being computed by step number 70 of run number 1, which does not exist",
    "UPDATE flights SET ordinal = 0": r"is being computed by step number 0 of run number 1, which is succeeded",
    "UPDATE runs SET metadata = '{' WHERE key = 2": r"the metadata of run 'ended' is no JSON",
    "UPDATE calls SET options = 'x' WHERE run = 2 AND ordinal = 0": r"the options of step number 0 of run number 2 is",
    "UPDATE calls SET upstreams = '[' WHERE run = 2 AND ordinal = 0": r"the upstreams of step number 0 of run number 2",
    "UPDATE runs SET status = 'odd' WHERE key = 2": r"database: CHECK constraint failed in runs",
    "UPDATE calls SET code = '0123456789abcdef0123456789abcdef' WHERE run = 2": r"blob 0123456789abcdef0123",
}


@pytest.mark.parametrize("script", CORRUPTIONS)
def test_what_is_broken_is_found(store: SqliteStore, path: Path, script: str) -> None:
    corrupt(path, script)
    found = store.check()
    assert any(matches(CORRUPTIONS[script], line) for line in found), found
    assert all(line.count("\n") == 0 for line in found)


OF_ACTORS = {
    "UPDATE messages SET run = 77 WHERE id = 1": r"message 1 is for run number 77, which does not exist",
    "UPDATE messages SET task = 70 WHERE id = 1": r"message 1 was taken by step number 70 of run 'act', which does not",
    "UPDATE messages SET task = NULL WHERE id = 1": r"run 'act' is succeeded, but call 1 of it waits",
    "UPDATE states SET ordinal = 70 WHERE version = 2": r"version 2 of actor number 5 is of a step that does not exist",
    "UPDATE states SET run = 77": r"version 1 of actor number 77 is of a step that does not exist",
    "DELETE FROM states WHERE version = 1": r"actor 'act' has 2 states, but versions up to 3",
    "UPDATE states SET version = version + 10": r"actor 'act' has 3 states, but versions up to 13",
    "UPDATE states SET code = '0123456789abcdef0123456789abcdef'": r"blob 0123456789abcdef0123",
    "UPDATE states SET blob = '0123456789abcdef0123456789abcdef' WHERE version = 1": r"blob 0123456789abcdef0123",
    "UPDATE messages SET blob = '0123456789abcdef0123456789abcdef'": r"blob 0123456789abcdef0123",
    "UPDATE runs SET entry = 70 WHERE key = 5": r"run 'act' starts at step number 70, which does not exist",
}


@pytest.mark.parametrize("script", OF_ACTORS)
def test_what_is_broken_of_an_actor_is_found(store: SqliteStore, path: Path, script: str) -> None:
    made = Changes(None, 0, new_run("act", kind=ACTOR), tasks=[new_task(0)])
    store.commit([made])
    store.post("act", CALL, "", value(b"call"), 12.0)
    states = [NewState(version, version % 2, "", 14.0, value(b"state")) for version in (1, 2, 3)]
    moves = [start(0), done(0), start(1), done(1)]
    last = Changes(made.key, 1, tasks=[new_task(1)], moves=moves, states=states, taken=[(1, 1)], entry=1, called=True)
    last.move = end_run()
    store.commit([last])
    assert store.check() == []
    corrupt(path, script)
    found = store.check()
    assert any(matches(OF_ACTORS[script], line) for line in found), found


def matches(pattern: str, line: str) -> bool:
    return re.search(pattern, line) is not None


def test_names_that_come_twice_are_found(store: SqliteStore, path: Path) -> None:
    """Only a schema that lost its rule can hold them."""
    corrupt(
        path,
        """
        CREATE TABLE copy AS SELECT * FROM tasks;
        UPDATE copy SET name = 'step_0' WHERE run = 1 AND ordinal = 5;
        PRAGMA legacy_alter_table = ON;  -- the view over the table is left alone
        DROP TABLE tasks;
        ALTER TABLE copy RENAME TO tasks;
        """,
    )
    assert "2 steps of run number 1 have the name 'step_0'" in store.check()


def test_a_blob_that_is_gone_or_changed_is_found(store: SqliteStore, path: Path) -> None:
    [blob] = [file for file in (path.parent / "blobs").rglob("*") if file.is_file()]
    blob.write_bytes(LARGE[:-1])
    assert store.check() == [f"blob {blob.name}: its content does not match its hash"]
    blob.unlink()
    assert store.check() == [f"blob {blob.name}: No such file or directory"]


def test_a_page_that_was_overwritten_is_found(store: SqliteStore, path: Path) -> None:
    store.close()
    connection = sqlite3.connect(path)
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchall()
    [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    connection.close()
    pages = bytearray(path.read_bytes())
    pages[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(pages)
    store.open()
    assert any(line.startswith("database: ") for line in store.check())


def test_many_findings_of_one_kind_are_counted(store: SqliteStore, path: Path) -> None:
    begin(store, 250, run_id="wide")
    corrupt(path, "DELETE FROM calls WHERE run = 5")
    found = store.check()
    assert "… and 150 more of this kind" in found
    assert len(found) < 120


def test_the_rules_are_the_files() -> None:
    folder = Path(manyhands.stores.sql.__file__).parent / "statements"
    assert sorted(RULES) == sorted(file.stem for file in folder.glob("check_*.sql"))


def test_a_store_that_was_resumed_canceled_and_forked_is_sound(store: SqliteStore) -> None:
    store.enroll(engine("next"))
    store.open_session("a run", "next", 30.0, dead=[ENGINE], statuses=[RunStatus.RUNNING])
    store.open_session("canceled", "next", 30.0, dead=(), statuses=[RunStatus.CANCELED])
    assert {t.status for t in store.tasks(3)} == {PENDING}
    write(store, 1, start(5), TaskMove(5, PENDING, 1, 31.0, Reason.WORKER), start(5, 2), done(5, 2), epoch=2)
    assert store.tasks(1)[5].status is SUCCEEDED
    assert store.check() == [], "an attempt that was taken back needs no record"
