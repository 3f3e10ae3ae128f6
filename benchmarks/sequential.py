"""A chain of no-op steps, each taking the result of the one before, and what SQLite and a pipe allow at most."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from common import DOES_NOT_APPLY, EVERY_COMMIT, NORMAL_COMMITS, Against, Job, Measured, Subject, System


def _chain(step: Any, size: int) -> Measured:
    step.step(0).run()
    started = perf_counter()
    last = step.step(0)
    for _ in range(size - 1):
        last = step.step(last)
    result = last.run()
    seconds = perf_counter() - started
    if result != size:
        raise AssertionError(f"a chain of {size} steps gave {result!r}")
    return Measured(size, seconds)


def _manyhands(job: Job, synchronous: Any, *, inline: bool) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    def noop(x: int) -> int:
        return x + 1

    open_store(job.folder, synchronous)
    return _chain(workflow.step(allow_inplace=True)(noop) if inline else workflow.step(noop), job.size)


def manyhands_full(job: Job) -> Measured:
    return _manyhands(job, "FULL", inline=True)


def manyhands_normal(job: Job) -> Measured:
    return _manyhands(job, "NORMAL", inline=True)


def manyhands_pool(job: Job) -> Measured:
    return _manyhands(job, "NORMAL", inline=False)


def _dbos(job: Job, *, wal_normal: bool) -> Measured:
    from dbos import DBOS

    from with_dbos import launched

    @DBOS.step()
    def noop(x: int) -> int:
        return x + 1

    @DBOS.workflow()
    def chain(size: int) -> int:
        x = 0
        for _ in range(size):
            x = noop(x)
        return x

    with launched(job.folder, wal_normal=wal_normal):
        chain(1)
        started = perf_counter()
        result = chain(job.size)
        seconds = perf_counter() - started
    if result != job.size:
        raise AssertionError(f"a chain of {job.size} steps gave {result!r}")
    return Measured(job.size, seconds)


def dbos(job: Job) -> Measured:
    return _dbos(job, wal_normal=False)


def dbos_wal_normal(job: Job) -> Measured:
    return _dbos(job, wal_normal=True)


@contextlib.contextmanager
def _wal(folder: Path, synchronous: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        yield connection


def _bare_inserts(job: Job, synchronous: str) -> Measured:
    with _wal(job.folder, synchronous) as connection:
        connection.execute("CREATE TABLE done (id INTEGER PRIMARY KEY, result BLOB)")
        execute = connection.execute
        started = perf_counter()
        for i in range(job.size):
            execute("INSERT INTO done VALUES (?, ?)", (i, b"x" * 20))
        seconds = perf_counter() - started
    return Measured(job.size, seconds)


def bare_full(job: Job) -> Measured:
    return _bare_inserts(job, "FULL")


def bare_normal(job: Job) -> Measured:
    return _bare_inserts(job, "NORMAL")


def _by_hand(job: Job, synchronous: str) -> Measured:
    with _wal(job.folder, synchronous) as connection:
        execute = connection.execute
        execute("CREATE TABLE task (id INTEGER PRIMARY KEY, state TEXT NOT NULL, finished REAL)")
        execute("CREATE TABLE event (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, what TEXT NOT NULL, at REAL)")
        execute("CREATE TABLE result (task INTEGER PRIMARY KEY, codec TEXT NOT NULL, value BLOB)")
        execute("BEGIN")
        connection.executemany("INSERT INTO task VALUES (?, 'pending', NULL)", ((i,) for i in range(job.size)))
        execute("COMMIT")
        started = perf_counter()
        for i in range(job.size):
            execute("BEGIN IMMEDIATE")
            execute("UPDATE task SET state = 'succeeded', finished = ? WHERE id = ? AND state = 'pending'", (1.0, i))
            execute("INSERT INTO event (task, what, at) VALUES (?, 'running', ?)", (i, 1.0))
            execute("INSERT INTO event (task, what, at) VALUES (?, 'succeeded', ?)", (i, 1.0))
            execute("INSERT INTO result VALUES (?, 'json', ?)", (i, b"x" * 20))
            execute("COMMIT")
        seconds = perf_counter() - started
    return Measured(job.size, seconds)


def by_hand_full(job: Job) -> Measured:
    return _by_hand(job, "FULL")


def by_hand_normal(job: Job) -> Measured:
    return _by_hand(job, "NORMAL")


def pipe(job: Job) -> Measured:
    question_out, question_in = os.pipe()
    answer_out, answer_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(question_in)
        while message := os.read(question_out, 4096):
            os.write(answer_in, message)
        os._exit(0)
    message = b"x" * 100
    started = perf_counter()
    for _ in range(job.size):
        os.write(question_in, message)
        os.read(answer_out, 4096)
    seconds = perf_counter() - started
    os.close(question_in)
    os.waitpid(child, 0)
    return Measured(job.size, seconds)


SUBJECT = Subject(
    name="sequential",
    title="chain of no-op steps, each taking the result of the one before",
    unit="/s",
    size=2000,
    quick_size=300,
    systems=(
        System(
            "manyhands_full",
            "manyhands inline, WAL/FULL",
            "ours",
            EVERY_COMMIT,
            manyhands_full,
            against=(Against("dbos", 5.0), Against("bare_full", 0.5), Against("by_hand_full")),
        ),
        System(
            "manyhands_normal",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_normal,
            against=(
                Against("dbos", 20.0),
                Against("bare_normal", 0.15),
                Against("by_hand_normal"),
                Against("dbos_wal_normal"),
            ),
        ),
        System(
            "manyhands_pool",
            "manyhands process pool, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_pool,
            against=(Against("dbos", 8.0), Against("pipe"), Against("dbos_wal_normal")),
        ),
        System("dbos", "DBOS, SQLite as it comes (rollback journal, FULL)", "peers", EVERY_COMMIT, dbos),
        System(
            "dbos_wal_normal",
            "DBOS, its SQLite set to WAL/NORMAL by hand",
            "peers",
            NORMAL_COMMITS,
            dbos_wal_normal,
        ),
        System("bare_full", "bare SQLite WAL/FULL, one insert per commit", "ours", EVERY_COMMIT, bare_full, scale=2),
        System(
            "by_hand_full",
            "by hand WAL/FULL: 1 update, 2 events, 1 result",
            "ours",
            EVERY_COMMIT,
            by_hand_full,
            scale=2,
        ),
        System(
            "bare_normal",
            "bare SQLite WAL/NORMAL, one insert per commit",
            "ours",
            NORMAL_COMMITS,
            bare_normal,
            scale=20,
        ),
        System(
            "by_hand_normal",
            "by hand WAL/NORMAL: 1 update, 2 events, 1 result",
            "ours",
            NORMAL_COMMITS,
            by_hand_normal,
            scale=10,
        ),
        System("pipe", "bare pipe round trip between two processes", "ours", DOES_NOT_APPLY, pipe, scale=10),
    ),
)
