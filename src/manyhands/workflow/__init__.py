"""Durable steps: functions whose results survive any crash, with metadata for the run and every step."""

from manyhands.workflow.errors import (
    WorkflowCancellationError,
    WorkflowExecutionError,
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowRunningError,
)
from manyhands.workflow.management import (
    cancel,
    delete,
    fork,
    get_metadata,
    get_output,
    get_status,
    init,
    list_all,
    resume,
    resume_all,
)
from manyhands.workflow.run import Workflow
from manyhands.workflow.status import WorkflowStatus
from manyhands.workflow.step import StepFunction, step

PENDING = WorkflowStatus.PENDING
RUNNING = WorkflowStatus.RUNNING
SUCCESSFUL = WorkflowStatus.SUCCESSFUL
FAILED = WorkflowStatus.FAILED
RESUMABLE = WorkflowStatus.RESUMABLE
CANCELED = WorkflowStatus.CANCELED

__all__ = [
    "CANCELED",
    "FAILED",
    "PENDING",
    "RESUMABLE",
    "RUNNING",
    "SUCCESSFUL",
    "StepFunction",
    "Workflow",
    "WorkflowCancellationError",
    "WorkflowExecutionError",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowRunningError",
    "WorkflowStatus",
    "cancel",
    "delete",
    "fork",
    "get_metadata",
    "get_output",
    "get_status",
    "init",
    "list_all",
    "resume",
    "resume_all",
    "step",
]
