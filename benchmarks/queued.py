"""From handing over one no-op to holding its result, with nothing else waiting."""

from __future__ import annotations

from time import perf_counter

from common import EVERY_COMMIT, NORMAL_COMMITS, Against, Job, Measured, Subject, System


def manyhands_pool(job: Job) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    @workflow.step
    def noop(x: int) -> int:
        return x

    open_store(job.folder, "NORMAL")
    noop.step(-1).run_async().result()
    started = perf_counter()
    for i in range(job.size):
        noop.step(i).run_async().result()
    return Measured(job.size, perf_counter() - started)


def _dbos(job: Job, polling_seconds: float) -> Measured:
    from dbos import DBOS

    from with_dbos import launched

    @DBOS.workflow()
    def noop(x: int) -> int:
        return x

    with launched(job.folder):
        queue = DBOS.register_queue("bench", polling_interval_sec=polling_seconds)
        queue.enqueue(noop, -1).get_result(polling_interval_sec=polling_seconds)
        started = perf_counter()
        for i in range(job.size):
            queue.enqueue(noop, i).get_result(polling_interval_sec=polling_seconds)
        seconds = perf_counter() - started
    return Measured(job.size, seconds)


def dbos(job: Job) -> Measured:
    return _dbos(job, 1.0)


def dbos_polling_fast(job: Job) -> Measured:
    return _dbos(job, 0.01)


SUBJECT = Subject(
    name="queued",
    title="one no-op handed to a queue or pool, until its result is there",
    unit="ms",
    size=5,
    quick_size=3,
    repeats=3,
    systems=(
        System(
            "manyhands_pool",
            "manyhands run_async on the process pool, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_pool,
            scale=60,
            against=(Against("dbos"), Against("dbos_polling_fast")),
        ),
        System("dbos", "DBOS queue as it comes (polls every 1 s)", "peers", EVERY_COMMIT, dbos),
        System(
            "dbos_polling_fast",
            "DBOS queue, set to poll every 10 ms",
            "peers",
            EVERY_COMMIT,
            dbos_polling_fast,
            scale=10,
        ),
    ),
)
