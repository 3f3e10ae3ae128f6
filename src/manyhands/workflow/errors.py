"""The errors of this face under their customary names."""

from __future__ import annotations

from manyhands.model.errors import ExecutionError, RunActive, RunCanceled, RunNotFound, RunNotResumable

WorkflowExecutionError = ExecutionError
WorkflowCancellationError = RunCanceled
WorkflowNotResumableError = RunNotResumable


class WorkflowNotFoundError(RunNotFound):
    """Nobody knows the workflow: `WorkflowNotFoundError(workflow_id)`."""

    text = "Workflow[id={0}] was referenced but doesn't exist. `manyhands runs list` shows those that do."


class WorkflowRunningError(RunActive):
    """The workflow is running, so this cannot be done: `WorkflowRunningError(workflow_id)`."""

    text = "Workflow[id={0}] is still running. Wait for it, or cancel it first."
