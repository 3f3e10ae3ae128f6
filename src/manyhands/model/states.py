"""The one table of moves for runs, tasks and attempts; everything else about states is derived from it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class RunStatus(StrEnum):
    """Where a run stands. `resumable`: its driver is gone and somebody may take it up."""

    PENDING = "pending"
    RUNNING = "running"
    RESUMABLE = "resumable"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class TaskStatus(StrEnum):
    """Where a task stands. `not_started` is a task that nobody has called yet; it is never stored."""

    NOT_STARTED = "not_started"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


class AttemptStatus(StrEnum):
    """How one try of a task stands. `lost`: its worker or driver vanished. `stopped`: it was canceled."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    STOPPED = "stopped"


class Cause(StrEnum):
    """Why an attempt did not succeed; each cause has a retry budget of its own."""

    ERROR = "error"
    LOST = "lost"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    CANCELED = "canceled"


class Reason(StrEnum):
    """Why a run or task is in its state, as written in its events."""

    CALLED = "called"
    UPSTREAM = "upstream"
    LIMIT = "limit"
    WORKER = "worker"
    RETRY = "retry"
    RESOURCES = "resources"
    TIME = "time"
    FLIGHT = "flight"
    STARTED = "started"
    DONE = "done"
    FORWARDED = "forwarded"
    CACHED = "cached"
    CAUGHT = "caught"
    ERROR = "error"
    LOST = "lost"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    RESUMED = "resumed"
    UNSAVED = "unsaved"
    FORKED = "forked"
    DRIVER_LOST = "driver_lost"
    DETACHED = "detached"
    SIGNAL = "signal"
    SKIPPED = "skipped"


RUN_MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.CANCELED}),
    RunStatus.RUNNING: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED, RunStatus.RESUMABLE}),
    RunStatus.RESUMABLE: frozenset({RunStatus.RUNNING, RunStatus.CANCELED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELED: frozenset(),
}
"""Moves of a run within one session."""

RUN_REOPENINGS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.RUNNING: frozenset({RunStatus.RUNNING}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING}),
    RunStatus.CANCELED: frozenset({RunStatus.RUNNING}),
    RunStatus.SUCCEEDED: frozenset({RunStatus.RUNNING}),
}
"""Moves that only the opening of a new session makes: a resume, or a call of an actor. `running` is a run whose driver
is gone; `succeeded` is reopened for a call, and when its result was not saved (`checkpoint=False`)."""

TASK_MOVES: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.NOT_STARTED: frozenset({TaskStatus.PENDING}),
    TaskStatus.PENDING: frozenset(
        {TaskStatus.RUNNING, TaskStatus.SUCCEEDED, TaskStatus.SKIPPED, TaskStatus.STOPPED, TaskStatus.FAILED}
    ),
    TaskStatus.RUNNING: frozenset(
        {
            TaskStatus.SUCCEEDED,
            TaskStatus.FAILED,
            TaskStatus.STOPPED,
            TaskStatus.SKIPPED,
            TaskStatus.PENDING,
            TaskStatus.RUNNING,
        }
    ),
    TaskStatus.SUCCEEDED: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.STOPPED: frozenset(),
    TaskStatus.SKIPPED: frozenset(),
}
"""Moves of a task within one session. `running → running` is a forward: the body is done, the tasks it returned
go on in its place. `running → skipped` is a call of an actor that is passed over after what it returned has failed."""

TASK_REOPENINGS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.RUNNING: frozenset({TaskStatus.PENDING}),
    TaskStatus.FAILED: frozenset({TaskStatus.PENDING, TaskStatus.RUNNING}),
    TaskStatus.STOPPED: frozenset({TaskStatus.PENDING, TaskStatus.RUNNING}),
    TaskStatus.SUCCEEDED: frozenset({TaskStatus.PENDING}),
}
"""Moves that only the opening of a new session makes. A task that had forwarded becomes `running` again (what it
forwarded to goes on); any other becomes `pending`. `succeeded` is reopened only when its result was not saved."""

ATTEMPT_MOVES: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.RUNNING: frozenset(
        {AttemptStatus.SUCCEEDED, AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.STOPPED}
    ),
    AttemptStatus.SUCCEEDED: frozenset(),
    AttemptStatus.FAILED: frozenset(),
    AttemptStatus.LOST: frozenset(),
    AttemptStatus.STOPPED: frozenset(),
}

RUN_TERMINAL = frozenset(status for status, moves in RUN_MOVES.items() if not moves)
TASK_TERMINAL = frozenset(status for status, moves in TASK_MOVES.items() if not moves)
ATTEMPT_TERMINAL = frozenset(status for status, moves in ATTEMPT_MOVES.items() if not moves)


def sources(moves: dict[S, frozenset[S]], target: S) -> tuple[S, ...]:
    """The states that something may be in just before it becomes `target`, in table order."""
    return tuple(status for status, targets in moves.items() if target in targets)
