"""Many independent no-op tasks on two worker processes that are already up."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from common import NORMAL_COMMITS, NOTHING_KEPT, Against, Job, Measured, Subject, System

WARM_UP_TASKS = 200
PROCESSES = 2


def _checked(results: list[int], size: int, seconds: float) -> Measured:
    if len(results) != size or sum(results) != size * (size - 1) // 2:
        raise AssertionError(f"{size} tasks gave {len(results)} results")
    return Measured(size, seconds)


def manyhands_pool(job: Job) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    @workflow.step
    def noop(x: int) -> int:
        return x

    @workflow.step
    def gather(xs: list[int]) -> list[int]:
        return xs

    open_store(job.folder, "NORMAL")
    gather.step([noop.step(i) for i in range(WARM_UP_TASKS)]).run()
    started = perf_counter()
    results: Any = gather.step([noop.step(i) for i in range(job.size)]).run()
    return _checked(results, job.size, perf_counter() - started)


def dask(job: Job) -> Measured:
    import dask as dask_config
    from distributed import Client, LocalCluster

    def noop(x: int) -> int:
        return x

    dask_config.config.set({"temporary-directory": str(job.folder)})
    with (
        LocalCluster(
            n_workers=PROCESSES,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(noop, range(WARM_UP_TASKS), pure=False))
        started = perf_counter()
        results = client.gather(client.map(noop, range(job.size), pure=False))
        seconds = perf_counter() - started
    return _checked(results, job.size, seconds)


def ray_core(job: Job) -> Measured:
    import ray

    ray.init(
        num_cpus=PROCESSES,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        object_store_memory=200_000_000,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(job.folder),
    )

    @ray.remote
    def noop(x: int) -> int:
        return x

    ray.get([noop.remote(i) for i in range(WARM_UP_TASKS)])
    started = perf_counter()
    results = ray.get([noop.remote(i) for i in range(job.size)])
    seconds = perf_counter() - started
    ray.shutdown()
    return _checked(results, job.size, seconds)


SUBJECT = Subject(
    name="fan_out",
    title=f"independent no-op tasks on {PROCESSES} processes, each pool warmed up with {WARM_UP_TASKS} tasks first",
    unit="/s",
    size=10_000,
    quick_size=1000,
    repeats=3,
    quick_repeats=1,
    systems=(
        System(
            "manyhands_pool",
            "manyhands process pool, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_pool,
            against=(Against("dask", 15.0), Against("ray", 4.0)),
        ),
        System("dask", "Dask distributed, local cluster", "peers", NOTHING_KEPT, dask),
        System("ray", "Ray core, local", "peers", NOTHING_KEPT, ray_core),
    ),
)
