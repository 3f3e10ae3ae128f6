"""A chain of steps that each hash for about a millisecond, so that overhead is seen in proportion."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from time import perf_counter
from typing import Any

from common import DOES_NOT_APPLY, EVERY_COMMIT, NORMAL_COMMITS, Against, Job, Measured, Subject, System

BLOCK = bytes(1000)
BLOCKS = 250


def _digest(x: str) -> str:
    state = hashlib.sha256(x.encode())
    for _ in range(BLOCKS):
        state.update(BLOCK)
    return state.hexdigest()


def _plain(size: int) -> str:
    x = ""
    for _ in range(size):
        x = _digest(x)
    return x


def _beside_plain(chain: Callable[[], str], size: int) -> Measured:
    """Times the chain, and the same work without any engine in the same process just before."""
    started = perf_counter()
    expected = _plain(size)
    plain_seconds = perf_counter() - started
    started = perf_counter()
    result = chain()
    seconds = perf_counter() - started
    if result != expected:
        raise AssertionError("the chain gave another digest than the plain loop")
    return Measured(size, seconds, {"us overhead per step": (seconds - plain_seconds) / size * 1e6})


def _manyhands(job: Job, synchronous: Any, *, inline: bool) -> Measured:
    from manyhands import workflow
    from with_manyhands import open_store

    open_store(job.folder, synchronous)
    digest: Any = workflow.step(allow_inplace=True)(_digest) if inline else workflow.step(_digest)
    digest.step("").run()

    def chain() -> str:
        last: Any = ""
        for _ in range(job.size):
            last = digest.step(last)
        result: str = last.run()
        return result

    return _beside_plain(chain, job.size)


def manyhands_full(job: Job) -> Measured:
    return _manyhands(job, "FULL", inline=True)


def manyhands_normal(job: Job) -> Measured:
    return _manyhands(job, "NORMAL", inline=True)


def manyhands_pool(job: Job) -> Measured:
    return _manyhands(job, "NORMAL", inline=False)


def dbos(job: Job) -> Measured:
    from dbos import DBOS

    from with_dbos import launched

    digest = DBOS.step()(_digest)

    @DBOS.workflow()
    def chain(size: int) -> str:
        x = ""
        for _ in range(size):
            x = digest(x)
        return x

    with launched(job.folder):
        chain(1)
        return _beside_plain(lambda: chain(job.size), job.size)


def plain(job: Job) -> Measured:
    started = perf_counter()
    _plain(job.size)
    return Measured(job.size, perf_counter() - started)


SUBJECT = Subject(
    name="real_work",
    title=f"chain of steps that each hash {len(BLOCK) * BLOCKS // 1000} kB (about a millisecond), time per step",
    unit="ms",
    size=200,
    quick_size=100,
    systems=(
        System(
            "manyhands_full",
            "manyhands inline, WAL/FULL",
            "ours",
            EVERY_COMMIT,
            manyhands_full,
            against=(Against("dbos"), Against("plain")),
        ),
        System(
            "manyhands_normal",
            "manyhands inline, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_normal,
            against=(Against("dbos"), Against("plain")),
        ),
        System(
            "manyhands_pool",
            "manyhands process pool, WAL/NORMAL",
            "ours",
            NORMAL_COMMITS,
            manyhands_pool,
            against=(Against("dbos"), Against("plain")),
        ),
        System("dbos", "DBOS, SQLite as it comes (rollback journal, FULL)", "peers", EVERY_COMMIT, dbos),
        System("plain", "the same work in a plain loop", "ours", DOES_NOT_APPLY, plain),
    ),
)
