"""The names of `ray.workflow.common`."""

from __future__ import annotations

from typing import Any

from manyhands import workflow
from manyhands.engine.task_output import TaskOutput
from manyhands.workflow import (
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowRunningError,
    WorkflowStatus,
)

__all__ = [
    "Workflow",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowRunningError",
    "WorkflowStatus",
]


class Known(type):
    """Says what a workflow was: a call of a step, or what stands for one that is not done."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, (workflow.Workflow, TaskOutput))


class Workflow(metaclass=Known):
    """For `isinstance` and for annotations, such as `Workflow[int]`. `step` makes workflows, this does not."""

    def __class_getitem__(cls, _: Any) -> type[Workflow]:
        return cls
