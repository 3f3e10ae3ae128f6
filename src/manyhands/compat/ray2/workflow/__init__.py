"""The names of `ray.workflow` as they were in 2.x: some calls give values where they gave references before."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.ray.bodies import WorkflowReference
from manyhands.compat.ray.exceptions import as_task_errors
from manyhands.compat.ray.workflow import (
    CANCELED,
    FAILED,
    PENDING,
    RESUMABLE,
    RUNNING,
    SUCCESSFUL,
    EventListener,
    WorkflowCancellationError,
    WorkflowExecutionError,
    WorkflowNotFoundError,
    WorkflowNotResumableError,
    WorkflowStatus,
    common,
    continuation,
    delete,
    event_listener,
    exceptions,
    get_status,
    init,
    list_all,
    options,
    sleep,
    wait_for_event,
)
from manyhands.compat.ray.workflow import cancel as cancel_running
from manyhands.compat.ray.workflow import get_output_async as output_of
from manyhands.compat.ray.workflow import resume_all as take_up_all
from manyhands.compat.ray.workflow import resume_async as take_up
from manyhands.compat.ray.workflow import run as run_at_once
from manyhands.compat.ray.workflow import run_async as start
from manyhands.compat.ray.workflow.exceptions import WorkflowError, WorkflowStillActiveError
from manyhands.compat.ray.workflow.shapes import NoSuchWorkflow, NothingToResume, task_metadata
from manyhands.engine.handle import Reference
from manyhands.model.errors import RunFinished, RunNotFound
from manyhands.workflow import get_metadata as metadata_of

__all__ = [
    "CANCELED",
    "FAILED",
    "PENDING",
    "RESUMABLE",
    "RUNNING",
    "SUCCESSFUL",
    "EventListener",
    "WorkflowCancellationError",
    "WorkflowError",
    "WorkflowExecutionError",
    "WorkflowNotFoundError",
    "WorkflowNotResumableError",
    "WorkflowStatus",
    "WorkflowStillActiveError",
    "cancel",
    "common",
    "continuation",
    "delete",
    "event_listener",
    "exceptions",
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
    "wait_for_event",
]


def run(*args: Any, **kwargs: Any) -> Any:
    """As `manyhands.workflow.run`. Errors: a step's as `WorkflowExecutionError`, which is a `RayTaskError` too."""
    with as_task_errors():
        return run_at_once(*args, **kwargs)


def run_async(*args: Any, **kwargs: Any) -> Reference:
    """As `manyhands.workflow.run_async`. The reference raises what `run` does."""
    return WorkflowReference(start(*args, **kwargs))


def get_output(workflow_id: str, *, task_id: str | None = None, name: str | None = None) -> Any:
    """The result of a workflow, or of one of its tasks, which 2.0 called `name`; waits while the workflow runs.
    Errors: as `ray.get`."""
    return get_output_async(workflow_id, task_id=task_id or name).result()


def get_output_async(workflow_id: str, *, task_id: str | None = None, name: str | None = None) -> Reference:
    """A reference to the result of a workflow, or of one of its tasks. Errors: `ValueError` for an unknown one."""
    return WorkflowReference(output_of(workflow_id, task_id=task_id or name))


def resume(workflow_id: str) -> Any:
    """Take a workflow up, and return its result. Errors: as `ray.get`; as `resume_async`."""
    return resume_async(workflow_id).result()


def resume_async(workflow_id: str) -> Reference:
    """Take a workflow up; a reference to its result. Errors: `WorkflowNotResumableError`, which for an unknown one is a
    `ValueError` too; `RuntimeError` for one that runs."""
    try:
        return WorkflowReference(take_up(workflow_id))
    except RunNotFound:
        raise NothingToResume(workflow_id) from None


def resume_all(include_failed: bool = False) -> list[tuple[str, Reference]]:
    """As `manyhands.workflow.resume_all`. The references raise what `run` does."""
    return [(workflow_id, WorkflowReference(taken)) for workflow_id, taken in take_up_all(include_failed)]


def cancel(workflow_id: str) -> None:
    """Stop a workflow. One that is done stays as it is. Errors: `ValueError` for an unknown one."""
    with suppress(RunFinished):
        cancel_running(workflow_id)


def get_metadata(workflow_id: str, task_id: str | None = None, *, name: str | None = None) -> dict[str, Any]:
    """What is known now of a workflow, or of one of its tasks, which 2.0 called `name`.

    Errors: `ValueError` for an unknown one."""
    task = task_id or name
    try:
        return metadata_of(workflow_id) if task is None else task_metadata(workflow_id, task)
    except RunNotFound:
        raise NoSuchWorkflow(workflow_id) from None


def __getattr__(name: str) -> Any:
    missing("ray.workflow", name, "2.x had it no more; `manyhands run script --as ray` has what 1.x had.")
