"""Loading: a run whose session was opened, from the store into a drive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from manyhands.engine.drive import Drive, Job
from manyhands.engine.running import wait_for
from manyhands.model.kinds import ACTOR, CALLED
from manyhands.model.records import RunRecord, TaskCall, TaskMove, TaskRecord
from manyhands.model.specs import ACTOR_CALLS, WAIT, WAITING, WORK, TaskOptions, TaskSpec
from manyhands.model.states import TASK_TERMINAL, Reason, TaskStatus
from manyhands.ports.store import Store


def load(
    store: Store,
    record: RunRecord,
    now: float,
    *,
    skip: int | None = None,
    callers: tuple[str, ...] | None = None,
) -> Drive:
    """The drive of a run under this session. Tasks whose unsaved results are needed again are reopened first.

    `skip`: a call of an actor that is to be passed over, with all that it has returned. `callers`: the runs that wait
    for it now; None: those that did before.
    """
    tasks = store.tasks(record.key)
    lacking = [] if record.kind in CALLED else unsaved(record.entry, tasks)
    if lacking:
        store.reopen_tasks(record.key, record.epoch, lacking, now)
        tasks = store.tasks(record.key)
    passed_over = with_returned(tasks, superseded(tasks) if skip is None else {skip})
    moves = _pass_over(tasks, passed_over, now)
    drive = Drive.adopt(record, tasks, jobs(tasks, store.calls(record.key)))
    if callers is not None:
        wait_for((job.spec for job in drive.jobs), callers)
    drive.changes.moves += moves
    give_state(store, drive)
    if skip is not None:
        _undo(store, drive, skip, passed_over, now)
    return drive


def load_at_rest(store: Store, record: RunRecord) -> Drive:
    """The drive of a run that takes calls, and all of whose tasks are over."""
    key = record.key
    drive = Drive.at_rest(record, store.newest_task(key) + 1, lambda name: store.named(key, name))
    give_state(store, drive)
    return drive


def give_state(store: Store, drive: Drive) -> None:
    if drive.kind == ACTOR:
        for latest in store.states(drive.key or 0, latest=True):
            drive.state, drive.version, drive.code = latest.value, latest.version, latest.code


def superseded(tasks: Sequence[TaskRecord]) -> set[int]:
    """Calls of works that were made again, as others, after they had failed: what those came to counts."""
    newest: dict[tuple[object, object], int] = {}
    calls = [(task, (task.metadata.get("work"), task.metadata.get("key"))) for task in tasks if task.kind == WORK]
    for task, call in calls:
        newest[call] = task.ordinal
    return {task.ordinal for task, call in calls if newest[call] != task.ordinal}


def with_returned(tasks: Sequence[TaskRecord], calls: set[int]) -> set[int]:
    """Calls and all that they have returned."""
    found = set(calls)
    for task in tasks if found else ():
        if task.parent in found:
            found.add(task.ordinal)
    return found


def _pass_over(tasks: Sequence[TaskRecord], skipped: set[int], now: float) -> list[TaskMove]:
    """Skip tasks that are not over; they are changed as if they had been read so."""
    moves = []
    for ordinal in sorted(skipped):
        task = tasks[ordinal]
        if task.status not in TASK_TERMINAL:
            task.status = TaskStatus.SKIPPED
            moves.append(TaskMove(ordinal, TaskStatus.SKIPPED, task.attempt, now, Reason.SKIPPED))
    return moves


def _undo(store: Store, drive: Drive, call: int, skipped: set[int], now: float) -> None:
    """What a call has saved of the actor's state before it failed is passed over with it: the actor is again what it
    was before."""
    for version in range(drive.version, 0, -1):
        (before,) = store.states(drive.key or 0, version=version)
        if before.task in skipped:
            continue
        if version < drive.version:
            drive.code = before.code
            drive.now_is(call, before.value, now)
        return


def unsaved(entry: int, tasks: Sequence[TaskRecord]) -> list[int]:
    """Succeeded tasks whose results were not saved (`checkpoint=False`) and are read by what is still to be done."""
    needed = [entry]
    for task in tasks:
        if task.status not in TASK_TERMINAL and task.forward_to is None:  # else its body has read what it needed
            needed.extend(task.upstreams)
    lacking: set[int] = set()
    seen: set[int] = set()
    while needed:
        ordinal = needed.pop()
        if ordinal in seen:
            continue
        seen.add(ordinal)
        task = tasks[ordinal]
        if task.status is TaskStatus.SUCCEEDED and not is_readable(tasks, task):
            lacking.add(ordinal)
            needed.extend(task.upstreams)
    return sorted(lacking)


def is_readable(tasks: Sequence[TaskRecord], task: TaskRecord) -> bool:
    """Whether the output of a succeeded task can be had without running anything."""
    return has_output(task if task.caught or task.source is None else tasks[task.source])


def has_output(end: TaskRecord) -> bool:
    """Whether the task at the end of a chain of forwards has its value saved, or a failure that was caught; one that
    catches and came through has a value like any other."""
    return end.saved or (end.caught and end.reason == Reason.CAUGHT)


def jobs(tasks: Sequence[TaskRecord], calls: Iterable[TaskCall]) -> list[Job]:
    """What it takes to run each task, with `checkpoint` inherited from the task that returned it. Of a task that waits
    in the driver, what is no affair of the machine is taken off the record."""
    made: list[Job] = []
    for task, call in zip(tasks, calls, strict=True):
        options = msgspec.convert(task.options, TaskOptions)
        spec = TaskSpec(
            base=task.base,
            label=task.label,
            code=call.code,
            inputs=call.inputs,
            upstreams=task.upstreams,
            options=options,
            metadata=task.metadata,
            kind=task.kind,
            function_key=call.function_key,
        )
        inherited = True if task.parent is None else made[task.parent].checkpoint
        checkpoint = inherited if options.checkpoint is None else options.checkpoint
        reads = task.upstreams[:-1] if task.kind in ACTOR_CALLS and task.parent is None else task.upstreams
        due_at = None
        if task.kind in WAITING:
            due_at, task.due_at = task.due_at, None
        if task.kind == WAIT:
            task.upstreams = []
        made.append(Job(task.name, spec, reads, checkpoint, due_at=due_at))
    return made


def spec_of(store: Store, record: RunRecord, task: TaskRecord) -> TaskSpec:
    """What one task of a run was asked for as; its upstreams are not among it."""
    call = next(call for call in store.calls(record.key) if call.ordinal == task.ordinal)
    options = msgspec.convert(task.options, TaskOptions)
    return TaskSpec(
        task.base, task.label, call.code, call.inputs, options=options, metadata=task.metadata, kind=task.kind
    )
