"""A call with small arguments whose result is already in a durable cache."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable
from time import perf_counter
from typing import Any

from common import FILES_UNSYNCED, NORMAL_COMMITS, Against, Job, Measured, Subject, System

DISTINCT = 100


def _asked_again(call: Callable[[int, str], Any], size: int) -> Measured:
    """Fills the cache with `DISTINCT` calls, then asks for them in turn."""
    for i in range(DISTINCT):
        call(i, "a")
    started = perf_counter()
    for i in range(size):
        found = call(i % DISTINCT, "a")
    seconds = perf_counter() - started
    if found != [(size - 1) % DISTINCT, "a"]:
        raise AssertionError(f"the cache gave {found!r}")
    return Measured(size, seconds)


def manyhands_normal(job: Job) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    @workflow.step(cache=True, allow_inplace=True)
    def pair(x: int, y: str) -> list[Any]:
        return [x, y]

    open_store(job.folder, "NORMAL")
    return _asked_again(pair.cached, job.size)


def joblib_memory(job: Job) -> Measured:
    from joblib import Memory

    @Memory(job.folder, verbose=0).cache
    def pair(x: int, y: str) -> list[Any]:
        return [x, y]

    return _asked_again(pair, job.size)


def bare_select(job: Job) -> Measured:
    with contextlib.closing(sqlite3.connect(job.folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE cache (key BLOB PRIMARY KEY, x INTEGER, y TEXT) WITHOUT ROWID")

        def pair(x: int, y: str) -> list[Any]:
            key = hashlib.sha256(repr((x, y)).encode()).digest()
            row = connection.execute("SELECT x, y FROM cache WHERE key = ?", (key,)).fetchone()
            if row is None:
                row = (x, y)
                connection.execute("INSERT INTO cache VALUES (?, ?, ?)", (key, x, y))
            return list(row)

        return _asked_again(pair, job.size)


SUBJECT = Subject(
    name="cached_call",
    title=f"call found in a durable cache, small arguments ({DISTINCT} different calls in turn)",
    unit="/s",
    size=10_000,
    quick_size=2000,
    systems=(
        System(
            "manyhands_normal",
            "manyhands .cached(), WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_normal,
            scale=4,
            against=(Against("joblib", 5.0), Against("bare_select")),
        ),
        System("joblib", "joblib.Memory", "peers", FILES_UNSYNCED, joblib_memory),
        System("bare_select", "bare key + SELECT, WAL/NORMAL", "ours", NORMAL_COMMITS, bare_select, scale=10),
    ),
)
