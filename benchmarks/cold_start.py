"""From the start of a fresh process to its first durable step done, on a fresh store."""

from __future__ import annotations

from common import (
    DOES_NOT_APPLY,
    EVERY_COMMIT,
    FILES_UNSYNCED,
    NORMAL_COMMITS,
    Against,
    Limit,
    Subject,
    System,
)

PEERS = (Against("joblib"), Against("luigi"), Against("dbos"))

SUBJECT = Subject(
    name="cold_start",
    title="process start to first durable step done, seen from outside (files already in the page cache)",
    unit="ms",
    size=1,
    quick_size=1,
    repeats=9,
    quick_repeats=3,
    warm_up=True,
    systems=(
        System(
            "manyhands_inline",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            script="cold/manyhands_inline.py",
            against=PEERS,
            limits=(Limit(150.0),),
        ),
        System(
            "manyhands_process",
            "manyhands through a worker process, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            script="cold/manyhands_process.py",
            against=PEERS,
        ),
        System("joblib", "joblib.Memory", "peers", FILES_UNSYNCED, script="cold/joblib_memory.py"),
        System("luigi", "Luigi, local scheduler", "peers", FILES_UNSYNCED, script="cold/luigi_task.py"),
        System("dbos", "DBOS on SQLite", "peers", EVERY_COMMIT, script="cold/dbos_sqlite.py"),
        System("python", "the interpreter alone", "ours", DOES_NOT_APPLY, script="cold/python_alone.py"),
    ),
)
