"""Runs, tasks and moves as the store's suite makes them."""

# ruff: noqa: S101 - a suite of tests is made of assertions

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyhands.model.outcomes import LogRange
from manyhands.model.records import (
    AttemptEnd,
    Changes,
    EngineRecord,
    NewRun,
    NewTask,
    RunMove,
    RunRecord,
    TaskMove,
    TaskRecord,
)
from manyhands.model.specs import TaskOptions, TaskSpec
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Store

PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED, SKIPPED = (
    TaskStatus.PENDING,
    TaskStatus.RUNNING,
    TaskStatus.SUCCEEDED,
    TaskStatus.FAILED,
    TaskStatus.STOPPED,
    TaskStatus.SKIPPED,
)
ENGINE = "engine-1"
OTHER = "engine-2"
FAR = 1e9
"""When the suite's engines expire, unless told otherwise; its own times are small numbers."""


def value(text: bytes) -> Encoded:
    return Encoded("bytes", text, None, len(text))


def engine(name: str = ENGINE, *, expires_at: float = FAR, started_at: float = 1.0) -> EngineRecord:
    return EngineRecord(name, "embedded", "host", 42, "born", started_at, expires_at)


def new_run(
    run_id: str = "a run", *, detached: bool = False, entry: int = 0, at: float = 10.0, kind: str = "workflow"
) -> NewRun:
    return NewRun(run_id, kind, b"definition", entry, {"who": ["me", 1]}, at, detached)


def new_task(ordinal: int, *, upstreams: Sequence[int] = (), name: str = "", parent: int | None = None) -> NewTask:
    spec = TaskSpec(
        base="step",
        label="mod.step",
        code="",
        inputs=value(b"inputs of %d" % ordinal),
        options=TaskOptions(executor="inline", attempts=5),
        metadata={"number": ordinal},
    )
    return NewTask(ordinal, name or f"step_{ordinal}", spec, list(upstreams), parent, 10.0)


def start(task: int, attempt: int = 1, *, at: float = 11.0, key: bytes | None = None) -> TaskMove:
    return TaskMove(task, RUNNING, attempt, at, Reason.STARTED, start=True, worker="worker-1", cache_key=key)


def end_of_attempt(status: AttemptStatus, **fields: Any) -> AttemptEnd:
    return AttemptEnd(status, 11.5, 12.5, "worker-1", **fields)


def done(task: int, attempt: int = 1, result: Encoded | None = None, **fields: Any) -> TaskMove:
    given: dict[str, Any] = {
        "attempt_end": end_of_attempt(AttemptStatus.SUCCEEDED),
        "started_at": 11.5,
        "ended_at": 12.5,
        **fields,
    }
    return TaskMove(task, SUCCEEDED, attempt, 13.0, Reason.DONE, result=result, **given)


def failed(task: int, attempt: int = 1, to: TaskStatus = FAILED, **fields: Any) -> TaskMove:
    end = end_of_attempt(
        AttemptStatus.FAILED,
        cause=Cause.ERROR,
        message="it broke",
        exit_code=3,
        exception=value(b"exception"),
        traceback="Traceback",
        log=LogRange("1-2.log", 5, 9),
    )
    return TaskMove(task, to, attempt, 13.0, Reason.ERROR, message="it broke", attempt_end=end, **fields)


def begin(store: Store, tasks: int = 2, run_id: str = "a run", moves: Sequence[TaskMove] = (), entry: int = 0) -> int:
    """A run with its tasks, driven by `ENGINE`; returns its key."""
    store.enroll(engine())
    changes = Changes(
        None, 0, new_run(run_id, entry=entry), tasks=[new_task(n) for n in range(tasks)], moves=list(moves)
    )
    store.commit([changes])
    assert changes.key is not None
    return changes.key


def write(store: Store, key: int, *moves: TaskMove, epoch: int = 1) -> None:
    store.commit([Changes(key, epoch, moves=list(moves))])


def the_run(store: Store, run_id: str = "a run") -> RunRecord:
    found = store.run(run_id)
    assert found is not None
    return found


def the_task(store: Store, key: int, ordinal: int) -> TaskRecord:
    return store.tasks(key)[ordinal]


def history(store: Store, key: int, ordinal: int | None) -> list[tuple[str, str]]:
    return [(e.state, e.reason) for e in store.events(key=key) if e.task == ordinal]


def everything(store: Store) -> tuple[Any, ...]:
    """All that can be read, to see that something has written nothing."""
    runs = store.runs()
    return (
        runs,
        [store.tasks(r.key) for r in runs],
        [store.attempts(r.key) for r in runs],
        [store.messages(r.key) for r in runs],
        [store.states(r.key) for r in runs],
        store.events(),
        store.engines(),
    )


def end_run(to: RunStatus = RunStatus.SUCCEEDED, at: float = 20.0) -> RunMove:
    return RunMove(to, at, Reason.DONE)
