"""Forking: which tasks of a run are done again from a step on, and with which inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyhands.codecs.kit import Kit
from manyhands.machine.binding import rebind
from manyhands.model.errors import CallError
from manyhands.model.records import ForkPlan, RunRecord, TaskCall, TaskRecord
from manyhands.model.values import Encoded
from manyhands.ports.store import Store


class Place:
    """Stands in a decoded call for the result of an upstream."""

    def __init__(self, index: int) -> None:
        self.index = index


def plan_fork(
    store: Store,
    kit: Kit,
    record: RunRecord,
    tasks: Sequence[TaskRecord],
    start: TaskRecord,
    inputs: dict[str, Any],
) -> ForkPlan:
    """What a fork from `start` on does anew. Errors: `CallError` for an argument that the step does not have."""
    plan = affected(tasks, start.ordinal)
    if inputs:
        call = next(call for call in store.calls(record.key) if call.ordinal == start.ordinal)
        plan.inputs[start.ordinal] = _with(kit, start, call, inputs)
    return plan


def affected(tasks: Sequence[TaskRecord], start: int) -> ForkPlan:
    """The step and all that read its result, directly or not, run again; a task that had forwarded to one of these
    follows it; what the bodies that run again had returned is dropped."""
    readers: dict[int, list[int]] = {}
    for task in tasks:
        for upstream in task.upstreams:
            readers.setdefault(upstream, []).append(task.ordinal)
    rerun: set[int] = set()
    follow: set[int] = set()
    agenda = [(start, True)]
    while agenda:
        ordinal, body = agenda.pop()
        if ordinal in rerun or (not body and ordinal in follow):
            continue
        (rerun if body else follow).add(ordinal)
        agenda.extend((reader, True) for reader in readers.get(ordinal, ()))
        parent = tasks[ordinal].parent
        if parent is not None:
            agenda.append((parent, False))
    drop: set[int] = set()
    for task in tasks:
        if task.parent is not None and (task.parent in rerun or task.parent in drop):
            drop.add(task.ordinal)
    return ForkPlan(sorted(rerun - drop), sorted(follow - rerun - drop), sorted(drop), {})


def _with(kit: Kit, start: TaskRecord, call: TaskCall, inputs: dict[str, Any]) -> Encoded:
    what = f"the inputs of {start.name}"
    places = [Place(index) for index in range(len(start.upstreams))]
    args, kwargs = kit.calls.decode(call.inputs, places, what)
    function = kit.code.load(call.code, start.label).function
    try:
        args, kwargs = rebind(function, tuple(args), kwargs, inputs)
    except TypeError as error:
        raise CallError(f"{start.name} cannot be called with {', '.join(inputs)}: {error}") from error
    return kit.calls.encode(args, kwargs, lambda value: value.index if type(value) is Place else None, what)
