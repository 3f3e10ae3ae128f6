"""Records of the store made into what readers are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from manyhands.codecs import plain
from manyhands.engine.phrases import first_line
from manyhands.engine.views import AttemptView, EngineView, EventView, ProgressView, RunView, StateView, TaskView
from manyhands.model.records import (
    AttemptEnd,
    AttemptRecord,
    EngineRecord,
    EventRecord,
    RunRecord,
    StateRecord,
    TaskRecord,
)
from manyhands.model.specs import PRESENCE
from manyhands.model.states import RUN_TERMINAL, TASK_TERMINAL, AttemptStatus, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded

SUCCESSES = frozenset({TaskStatus.SUCCEEDED, TaskStatus.SKIPPED})
FAILURES = TASK_TERMINAL - SUCCESSES


class Names:
    """Names of a run's tasks by ordinal; those that no record has taught it are looked up, once each."""

    def __init__(self, look_up: Callable[[int], str | None]) -> None:
        self._look_up = look_up
        self._known: dict[int, str] = {}

    def learn(self, tasks: Iterable[TaskRecord]) -> None:
        self._known.update((task.ordinal, task.name) for task in tasks)

    def __call__(self, ordinal: int) -> str:
        name = self._known.get(ordinal)
        if name is None:
            name = self._known[ordinal] = self._look_up(ordinal) or f"#{ordinal}"
        return name

    def maybe(self, ordinal: int | None) -> str | None:
        return None if ordinal is None else self(ordinal)


def engine(record: EngineRecord, alive: bool, runs: list[str]) -> EngineView:
    return EngineView(
        id=record.id,
        kind=record.kind,
        host=record.host,
        pid=record.pid,
        alive=alive,
        started_at=record.started_at,
        expires_at=record.expires_at,
        runs=runs,
    )


def _duration(started: float | None, ended: float | None, going: bool, now: float) -> float | None:
    if started is None:
        return None
    if ended is not None:
        return max(ended - started, 0.0)
    return max(now - started, 0.0) if going else None


def run(record: RunRecord, status: RunStatus, now: float) -> RunView:
    lost = status is not record.status
    return RunView(
        id=record.run_id,
        key=record.key,
        kind=record.kind,
        status=status,
        stored=record.status,
        reason=Reason.DRIVER_LOST if lost else record.reason,
        message="" if lost else record.message,
        metadata=record.metadata,
        created_at=record.created_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        duration=_duration(record.started_at, record.ended_at, status is RunStatus.RUNNING, now),
        detached=record.detached,
        forked_from=record.forked_from,
        takeovers=record.takeovers,
    )


def task(record: TaskRecord, names: Names, run: RunStatus, now: float) -> TaskView:
    """`run`: the effective status of its run. Unless that is running nothing in it is, so what was running waits."""
    running = record.status is TaskStatus.RUNNING and run is RunStatus.RUNNING
    lost = record.status is TaskStatus.RUNNING and not running
    lost = lost or (run is RunStatus.RESUMABLE and is_let_go(record))
    return TaskView(
        name=record.name,
        ordinal=record.ordinal,
        label=record.label,
        kind=record.kind,
        status=TaskStatus.PENDING if lost else record.status,
        stored=record.status,
        reason=Reason.DRIVER_LOST if lost else record.reason,
        message=record.message,
        attempt=record.attempt,
        parent=names.maybe(record.parent),
        upstreams=[names(ordinal) for ordinal in record.upstreams],
        source=names.maybe(record.source),
        forward_to=names.maybe(record.forward_to),
        caught=record.caught,
        saved=record.saved,
        worker=record.worker,
        created_at=record.created_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        due_at=record.due_at,
        duration=_duration(record.started_at, record.ended_at, running, now),
        options=record.options,
        metadata=record.metadata,
    )


def is_let_go(record: TaskRecord) -> bool:
    """Whether it kept a run open, and its process has ended so that the run can be gone on with: no failure."""
    return record.kind == PRESENCE and record.reason == Reason.LOST


def error_line(end: AttemptEnd) -> str:
    """The error in one line, with the name of its class where the traceback tells it: `ValueError: no such file`."""
    told = first_line(end.message)
    for line in reversed(end.traceback.splitlines()):
        name, separator, text = line.partition(":")
        if name.replace(".", "").isidentifier() and (text.strip() == told if separator else not told):
            return first_line(line)
    return told


def message(stored: str, end: AttemptEnd) -> str:
    """A stored message with the name of the error's class before it, when it is that attempt's."""
    return error_line(end) if stored == end.message else stored


def add_end(view: TaskView, end: AttemptEnd) -> None:
    """Add to a task what its last attempt tells."""
    view.message = message(view.message, end)
    if view.duration is None:
        view.duration = max(end.ended_at - end.started_at, 0.0)


def attempt(record: AttemptRecord, names: Names) -> AttemptView:
    end = record.end
    return AttemptView(
        task=names(record.task),
        number=record.number,
        status=end.status,
        cause=end.cause,
        message=end.message,
        error=error_line(end) if end.status is not AttemptStatus.SUCCEEDED else "",
        traceback=end.traceback,
        worker=end.worker,
        started_at=end.started_at,
        ended_at=end.ended_at,
        duration=max(end.ended_at - end.started_at, 0.0),
        exit_code=end.exit_code,
        signal=end.signal,
        logged=end.log.end - end.log.start if end.log else 0,
    )


def readable(saved: Encoded, blob: Callable[[str], bytes]) -> Any:
    """A saved value that takes nobody's code to read; None for any other."""
    if saved.codec != plain.CODEC:
        return None
    try:
        return plain.decode(saved.data if saved.blob is None else blob(saved.blob))
    except (msgspec.DecodeError, ValueError):
        return None


def state(record: StateRecord, names: Names, blob: Callable[[str], bytes]) -> StateView:
    return StateView(
        version=record.version,
        step=names(record.task),
        at=record.at,
        codec=record.value.codec,
        size=record.value.size,
        value=readable(record.value, blob),
    )


def event(record: EventRecord) -> EventView:
    return EventView(
        id=record.id,
        at=record.at,
        run=record.run_id,
        task=None if record.task is None else record.name or f"#{record.task}",
        attempt=record.attempt,
        state=record.state,
        reason=record.reason,
        message=record.message,
    )


def counts(stored: Mapping[TaskStatus, int], run: RunStatus, let_go: int = 0) -> dict[TaskStatus, int]:
    """Counts by effective status, as of `task`. `let_go`: how many are so."""
    found = Counter({TaskStatus(status): number for status, number in stored.items()})
    if run is not RunStatus.RUNNING:
        found[TaskStatus.PENDING] += found.pop(TaskStatus.RUNNING, 0) + let_go
        found[TaskStatus.FAILED] -= let_go
    return {status: found[status] for status in TaskStatus if found[status]}


def progress(
    record: RunRecord,
    status: RunStatus,
    numbers: Mapping[TaskStatus, int],
    rate: float | None,
    names: list[str],
    now: float,
) -> ProgressView:
    total = sum(numbers.values())
    done = sum(numbers.get(one, 0) for one in SUCCESSES)
    failed = sum(numbers.get(one, 0) for one in FAILURES)
    to_go = total - done - failed
    return ProgressView(
        run=record.run_id,
        status=status,
        total=total,
        done=done,
        running=numbers.get(TaskStatus.RUNNING, 0),
        failed=failed,
        waiting=numbers.get(TaskStatus.PENDING, 0),
        elapsed=_duration(record.started_at, record.ended_at, status not in RUN_TERMINAL, now),
        rate=rate,
        left=to_go / rate if rate and status is RunStatus.RUNNING else None,
        now_running=names,
    )


def no_attempt(record: TaskRecord, number: int) -> str:
    if record.status is TaskStatus.RUNNING and number == record.attempt:
        return "it runs now; its output can be read when it has ended"
    return f"there is no attempt {number}; it has been tried {record.attempt} times"
