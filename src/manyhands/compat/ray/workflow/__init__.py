"""The names of `ray.workflow` as they were from 1.9 to 1.13, and those of 2.x that mean nothing else there."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.ray.session import session
from manyhands.compat.ray.workflow import common, event_listener, exceptions, virtual_actor_class
from manyhands.compat.ray.workflow.common import Workflow
from manyhands.compat.ray.workflow.shapes import NoSuchWorkflow, task_metadata
from manyhands.model.errors import RunNotFound
from manyhands.workflow import (
    CANCELED,
    FAILED,
    PENDING,
    RESUMABLE,
    RUNNING,
    SUCCESSFUL,
    EventListener,
    InputNode,
    VirtualActor,
    VirtualActorClass,
    VirtualActorNotInitializedError,
    WorkflowCancellationError,
    WorkflowExecutionError,
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowRunningError,
    WorkflowStatus,
    cancel,
    continuation,
    create,
    delete,
    get_actor,
    get_output,
    get_output_async,
    get_status,
    list_all,
    options,
    resume,
    resume_all,
    resume_async,
    run,
    run_async,
    sleep,
    step,
    virtual_actor,
    wait,
    wait_for_event,
)
from manyhands.workflow import get_metadata as metadata_of

__all__ = [
    "CANCELED",
    "FAILED",
    "PENDING",
    "RESUMABLE",
    "RUNNING",
    "SUCCESSFUL",
    "EventListener",
    "InputNode",
    "VirtualActor",
    "VirtualActorClass",
    "VirtualActorNotInitializedError",
    "Workflow",
    "WorkflowCancellationError",
    "WorkflowExecutionError",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowRunningError",
    "WorkflowStatus",
    "cancel",
    "common",
    "continuation",
    "create",
    "delete",
    "event_listener",
    "exceptions",
    "get_actor",
    "get_metadata",
    "get_output",
    "get_output_async",
    "get_status",
    "init",
    "list_all",
    "options",
    "resume",
    "resume_all",
    "resume_async",
    "run",
    "run_async",
    "sleep",
    "step",
    "virtual_actor",
    "virtual_actor_class",
    "wait",
    "wait_for_event",
]


def init(
    storage: str | None = None,
    *,
    max_running_workflows: int | None = None,
    max_pending_workflows: int | None = None,
) -> None:
    """Choose the store, as `manyhands.workflow.init` does; a path is a folder. Without it, `RAY_WORKFLOW_STORAGE`, and
    else the nearest `.manyhands` folder. Errors: `RuntimeError` for another storage than before; `TypeError`,
    `ValueError`."""
    session.configure(storage, max_running_workflows=max_running_workflows, max_pending_workflows=max_pending_workflows)


def get_metadata(workflow_id: str, name: str | None = None, *, task_id: str | None = None) -> dict[str, Any]:
    """What is known now of a workflow, or of a step by name; by `task_id`, in the shape of 2.x.

    Errors: `ValueError` for an unknown workflow or step.
    """
    if task_id is None:
        return metadata_of(workflow_id, name)
    try:
        return task_metadata(workflow_id, task_id)
    except RunNotFound:
        raise NoSuchWorkflow(workflow_id) from None


def __getattr__(name: str) -> Any:
    missing("ray.workflow", name)
