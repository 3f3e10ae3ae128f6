"""Loading: a run whose session was opened, from the store into a drive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from manyhands.engine.drive import Drive, Job
from manyhands.model.records import RunRecord, TaskCall, TaskRecord
from manyhands.model.specs import TaskOptions, TaskSpec
from manyhands.model.states import TASK_TERMINAL, Reason, TaskStatus
from manyhands.ports.store import Store


def load(store: Store, record: RunRecord, now: float) -> Drive:
    """The drive of a run under this session. Tasks whose unsaved results are needed again are reopened first."""
    tasks = store.tasks(record.key)
    lacking = unsaved(record.entry, tasks)
    if lacking:
        store.reopen_tasks(record.key, record.epoch, lacking, now)
        tasks = store.tasks(record.key)
    return Drive.adopt(record, tasks, jobs(tasks, store.calls(record.key)))


def unsaved(entry: int, tasks: Sequence[TaskRecord]) -> list[int]:
    """Succeeded tasks whose results were not saved (`checkpoint=False`) and are read by what is still to be done."""
    needed = [entry]
    for task in tasks:
        if task.status not in TASK_TERMINAL:
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
    """What it takes to run each task, with `checkpoint` inherited from the task that returned it."""
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
        made.append(Job(task.name, spec, task.upstreams, checkpoint))
    return made
