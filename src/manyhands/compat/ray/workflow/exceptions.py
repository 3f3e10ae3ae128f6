"""The names of `ray.workflow.exceptions`."""

from manyhands.model.errors import ManyhandsError
from manyhands.workflow import (
    WorkflowCancellationError,
    WorkflowExecutionError,
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowRunningError,
)

WorkflowError = ManyhandsError
WorkflowStillActiveError = WorkflowRunningError

__all__ = [
    "WorkflowCancellationError",
    "WorkflowError",
    "WorkflowExecutionError",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowRunningError",
    "WorkflowStillActiveError",
]
