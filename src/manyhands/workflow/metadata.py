"""The shapes that `get_metadata` returns."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.specs import TaskOptions
from manyhands.model.states import RunStatus
from manyhands.workflow.status import SHOWN

STEP_TYPES = {"function": "FUNCTION"}
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
    `workflows` are the steps whose results it takes; `end_time` is when its own body ended."""
    options = msgspec.convert(task.options, TaskOptions)
    return {
        "name": task.label,
        "workflows": [names[upstream] for upstream in task.upstreams],
        "workflow_refs": [],
        "step_options": {
            "step_type": STEP_TYPES.get(task.kind, task.kind.upper()),
            "max_retries": options.attempts,
            "catch_exceptions": options.catch,
            "allow_inplace": options.executor == "inline",
            "checkpoint": options.checkpoint is not False,
            "ray_options": options.resources,
        },
        "user_metadata": task.metadata,
        "stats": _stats(task.started_at, task.ended_at),
    }


def _stats(started: float | None, ended: float | None) -> dict[str, float]:
    stats = {}
    if started is not None:
        stats["start_time"] = started
    if ended is not None:
        stats["end_time"] = ended
    return stats
