"""Actors, and the chain and the first step of durable workflows, beside Ray Workflow, which had all three."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from common import EVERY_COMMIT, FILES_UNSYNCED, NORMAL_COMMITS, Against, Job, Measured, Subject, System
from sequential import manyhands_normal as manyhands_chain
from sequential import manyhands_pool as manyhands_chain_pool

ASKED = 100.0
"""How many times as fast as Ray Workflow each of these is to be."""

RAY = "Ray Workflow 2.47.1, files"
QUOTED = "Ray Workflow 1.12.1, files, 2 cores; from elsewhere"
"""Virtual actors were gone in Ray 2.0; the last release that had them has no package for the Pythons that we run on.
These figures are of another day and another machine: they show the order of magnitude and nothing finer."""

WRITE_MS, READ_MS, STEP_MS, FIRST_STEP_MS = 79.0, 12.5, 14.7, 7000.0


def _counter(job: Job, synchronous: Any) -> Any:
    """A new actor whose constructor is done."""
    from manyhands import workflow
    from with_manyhands import open_store

    @workflow.virtual_actor
    class Counter:
        def __init__(self) -> None:
            self.n = 0

        def add(self, by: int) -> int:
            self.n += by
            return self.n

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.n

    open_store(job.folder, synchronous)
    made: Any = Counter
    counter = made.get_or_create("counter")
    counter.ready().result()
    return counter


def _call(size: int, call: Callable[[], int], expect: int) -> Measured:
    """Make the call so many times, one after the other; the last is to give `expect`."""
    started = perf_counter()
    for _ in range(size):
        result = call()
    seconds = perf_counter() - started
    if result != expect:
        raise AssertionError(f"after {size} calls the actor gave {result!r}")
    return Measured(size, seconds)


def _writes(job: Job, synchronous: Any, **options: Any) -> Measured:
    counter = _counter(job, synchronous)
    add = counter.add.options(**options)
    add.run(0)  # the first call starts what is started once
    return _call(job.size, lambda: add.run(1), job.size)


def writes_pool(job: Job) -> Measured:
    return _writes(job, "NORMAL")


def writes_pool_full(job: Job) -> Measured:
    return _writes(job, "FULL")


def writes_inline(job: Job) -> Measured:
    return _writes(job, "NORMAL", allow_inplace=True)


def writes_at_once(job: Job) -> Measured:
    """All calls are made before the first result is asked for."""
    counter = _counter(job, "NORMAL")
    counter.add.run(0)
    started = perf_counter()
    references = [counter.add.run_async(1) for _ in range(job.size)]
    results = [reference.result() for reference in references]
    seconds = perf_counter() - started
    if results != list(range(1, job.size + 1)):
        raise AssertionError("the calls were not applied one after the other")
    return Measured(job.size, seconds)


def reads(job: Job) -> Measured:
    counter = _counter(job, "NORMAL")
    counter.add.run(7)
    return _call(job.size, lambda: counter.get.run(), 7)


def ray_chain(job: Job) -> Measured:
    import ray

    from with_ray_workflow import started as ray_started

    @ray.remote
    def noop(x: int) -> int:
        return x + 1

    with ray_started(job.folder) as workflow:
        workflow.run(noop.bind(0))
        started = perf_counter()
        last = noop.bind(0)
        for _ in range(job.size - 1):
            last = noop.bind(last)
        result = workflow.run(last)
        seconds = perf_counter() - started
    if result != job.size:
        raise AssertionError(f"a chain of {job.size} steps gave {result!r}")
    return Measured(job.size, seconds)


def _quoted(key: str, value: float) -> System:
    return System(key, QUOTED, "ray_workflow", FILES_UNSYNCED, quoted=value)


WRITES = Subject(
    name="actor_writes",
    module="actors",
    title="calls that change an actor, by one caller who waits for each result",
    unit="/s",
    size=1000,
    quick_size=200,
    systems=(
        System(
            "manyhands_pool",
            "manyhands through a worker process, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            writes_pool,
            against=(Against("ray_1_12", ASKED),),
        ),
        System(
            "manyhands_pool_full",
            "manyhands through a worker process, WAL/FULL",
            "ours",
            EVERY_COMMIT,
            writes_pool_full,
            against=(Against("ray_1_12"),),
        ),
        System(
            "manyhands_inline",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            writes_inline,
            against=(Against("ray_1_12"),),
        ),
        System(
            "manyhands_at_once",
            "manyhands through a worker, all called at once",
            "ours",
            NORMAL_COMMITS,
            writes_at_once,
            against=(Against("ray_1_12"),),
        ),
        _quoted("ray_1_12", 1000.0 / WRITE_MS),
    ),
)

READS = Subject(
    name="actor_reads",
    module="actors",
    title="calls that read an actor, by one caller who waits for each result",
    unit="/s",
    size=10_000,
    quick_size=1000,
    systems=(
        System(
            "manyhands",
            "manyhands in the caller's process",
            "ours",
            NORMAL_COMMITS,
            reads,
            against=(Against("ray_1_12", ASKED),),
        ),
        _quoted("ray_1_12", 1000.0 / READ_MS),
    ),
)

CHAIN = Subject(
    name="ray_chain",
    module="actors",
    title="chain of no-op steps, each taking the result of the one before",
    unit="/s",
    size=2000,
    quick_size=300,
    systems=(
        System(
            "manyhands_inline",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_chain,
            against=(Against("ray", ASKED), Against("ray_1_12", ASKED)),
        ),
        System(
            "manyhands_pool",
            "manyhands through worker processes, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_chain_pool,
            against=(Against("ray"), Against("ray_1_12")),
        ),
        System("ray", RAY, "ray_workflow", FILES_UNSYNCED, ray_chain, scale=0.05),
        _quoted("ray_1_12", 1000.0 / STEP_MS),
    ),
)

FIRST_STEP = Subject(
    name="ray_first_step",
    module="actors",
    title="process start to first durable step done, seen from outside (files already in the page cache)",
    unit="ms",
    size=1,
    quick_size=1,
    repeats=5,
    warm_up=True,
    systems=(
        System(
            "manyhands_inline",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            script="cold/manyhands_inline.py",
            against=(Against("ray", ASKED), Against("ray_1_12", ASKED)),
        ),
        System(
            "manyhands_process",
            "manyhands through a worker process, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            script="cold/manyhands_process.py",
            against=(Against("ray"), Against("ray_1_12")),
        ),
        System("ray", RAY, "ray_workflow", FILES_UNSYNCED, script="cold/ray_workflow.py"),
        _quoted("ray_1_12", FIRST_STEP_MS),
    ),
)

SUBJECTS = (WRITES, READS, CHAIN, FIRST_STEP)
