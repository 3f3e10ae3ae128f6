"""The shapes that `get_metadata` returns."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.specs import ACTOR_CALLS, ACTOR_INIT, ACTOR_MIGRATE, WAIT, TaskOptions
from manyhands.model.states import RunStatus, TaskStatus
from manyhands.workflow.status import SHOWN

STEP_TYPES = {ACTOR_INIT: "ACTOR_METHOD", ACTOR_MIGRATE: "ACTOR_METHOD"}
"""The face's word for each kind of task."""

ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED})
"""Statuses in which a workflow has an end time; a canceled one has none."""


def of_workflow(record: RunRecord, status: RunStatus) -> dict[str, Any]:
    """`{'status', 'user_metadata', 'stats'}`; `stats` has `start_time` and `end_time` in epoch seconds, as known."""
    ended = record.ended_at if status in ENDED else None
    return {
        "status": SHOWN[status].value,
        "user_metadata": record.metadata,
        "stats": _stats(record.started_at, ended),
    }


def of_step(task: TaskRecord, names: dict[int, str]) -> dict[str, Any]:
    """`{'name', 'workflows', 'workflow_refs', 'step_options', 'user_metadata', 'stats'}`. `name` has no `_n` suffix;
    `workflows` are the steps whose results it takes,
    `workflow_refs` the step whose state a call of an actor was given; `end_time` is when its own body returned, and is
    not there when it did not."""
    options = msgspec.convert(task.options, TaskOptions)
    upstreams, after = task.upstreams, before(task)
    returned = task.forward_to is not None or task.status is TaskStatus.SUCCEEDED
    if task.parent is None:
        upstreams = [upstream for upstream in upstreams if upstream not in after]
    return {
        "name": task.label,
        "workflows": [names[upstream] for upstream in upstreams],
        "workflow_refs": [names[before] for before in after],
        "step_options": {
            "step_type": STEP_TYPES.get(task.kind, task.kind.upper()),
            "max_retries": options.attempts,
            "catch_exceptions": options.catch,
            "allow_inplace": options.executor == "inline",
            "checkpoint": options.checkpoint is not False,
            "ray_options": options.resources,
        },
        "user_metadata": task.metadata,
        "stats": {} if task.kind == WAIT else _stats(task.started_at, task.ended_at if returned else None),
    }


def before(task: TaskRecord) -> list[int]:
    """The step whose state a call of an actor was given: the call before it, or the one that returned it."""
    if task.kind not in ACTOR_CALLS:
        return []
    return task.upstreams[-1:] if task.parent is None else [task.parent]


def _stats(started: float | None, ended: float | None) -> dict[str, float]:
    stats = {}
    if started is not None:
        stats["start_time"] = started
    if ended is not None:
        stats["end_time"] = ended
    return stats
