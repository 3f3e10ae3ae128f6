"""What 2.x had otherwise: the metadata of a task, and what is said of unknown workflows."""

from __future__ import annotations

from typing import Any

from manyhands.compat.ray.remote_function import ENDLESS
from manyhands.engine.context import client
from manyhands.model.errors import RunNotFound, RunNotResumable, TaskNotFound
from manyhands.workflow import get_metadata


class NoSuchWorkflow(RunNotFound):
    """Nobody knows the workflow: `NoSuchWorkflow(workflow_id)`."""

    text = "No such workflow_id '{0}'. `manyhands runs list` shows those that there are."


class NothingToResume(RunNotFound, RunNotResumable):
    """A workflow that nobody knows was to be taken up: `NothingToResume(workflow_id)`."""

    text = "Workflow[id={0}] is not resumable: nobody knows it. `manyhands runs list` shows those that there are."


class NoSuchTask(TaskNotFound):
    """The workflow has no such task: `NoSuchTask(workflow_id, task_id)`."""

    text = "No such task_id '{1}' in workflow '{0}'. `manyhands tasks list {0}` shows its tasks."


def task_metadata(workflow_id: str, task_id: str) -> dict[str, Any]:
    """`{'task_id', 'task_options', 'user_metadata', 'workflow_refs', 'stats'}`. Errors: `RunNotFound`, `NoSuchTask`."""
    try:
        found = get_metadata(workflow_id, task_id)
    except TaskNotFound:
        raise NoSuchTask(workflow_id, task_id) from None
    ours = client()
    task = ours.engine.store.task(ours.record(workflow_id).key, task_id)
    lost = (task.options if task is not None else {}).get("lost_attempts", 3)
    told = found["step_options"]
    return {
        "task_id": task_id,
        "task_options": {
            "task_type": told["step_type"],
            "max_retries": -1 if lost == ENDLESS else lost - 1,
            "catch_exceptions": told["catch_exceptions"],
            "retry_exceptions": told["max_retries"] > 1,
            "checkpoint": told["checkpoint"],
            "ray_options": told["ray_options"],
        },
        "user_metadata": found["user_metadata"],
        "workflow_refs": found["workflows"] + found["workflow_refs"],
        "stats": found["stats"],
    }
