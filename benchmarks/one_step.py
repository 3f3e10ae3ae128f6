"""Workflows of a single step, one after the other: what it costs to begin and end a run."""

from __future__ import annotations

from time import perf_counter

from common import EVERY_COMMIT, NORMAL_COMMITS, Against, Job, Measured, Subject, System


def manyhands_normal(job: Job) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    @workflow.step(allow_inplace=True)
    def noop(x: int) -> int:
        return x

    open_store(job.folder, "NORMAL")
    noop.step(-1).run()
    started = perf_counter()
    for i in range(job.size):
        noop.step(i).run()
    return Measured(job.size, perf_counter() - started)


def _dbos(job: Job, *, wal_normal: bool) -> Measured:
    from dbos import DBOS

    from with_dbos import launched

    @DBOS.step()
    def noop(x: int) -> int:
        return x

    @DBOS.workflow()
    def single(x: int) -> int:
        return noop(x)

    with launched(job.folder, wal_normal=wal_normal):
        single(-1)
        started = perf_counter()
        for i in range(job.size):
            single(i)
        seconds = perf_counter() - started
    return Measured(job.size, seconds)


def dbos(job: Job) -> Measured:
    return _dbos(job, wal_normal=False)


def dbos_wal_normal(job: Job) -> Measured:
    return _dbos(job, wal_normal=True)


SUBJECT = Subject(
    name="one_step",
    title="workflows of one no-op step, one after the other",
    unit="/s",
    size=500,
    quick_size=100,
    systems=(
        System(
            "manyhands_normal",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_normal,
            scale=4,
            against=(Against("dbos", 15.0), Against("dbos_wal_normal")),
        ),
        System("dbos", "DBOS, SQLite as it comes (rollback journal, FULL)", "peers", EVERY_COMMIT, dbos),
        System(
            "dbos_wal_normal",
            "DBOS, its SQLite set to WAL/NORMAL by hand",
            "peers",
            NORMAL_COMMITS,
            dbos_wal_normal,
        ),
    ),
)
