"""What can be done with workflows by their ids: look, resume, fork, cancel, delete."""

from __future__ import annotations

import logging
from typing import Any

from manyhands.engine.context import client, configure
from manyhands.engine.handle import Reference
from manyhands.model.errors import CallError, ManyhandsError, OptionError, RunActive, RunNotFound, TaskNotFound
from manyhands.model.kinds import ACTOR, WORKFLOW
from manyhands.workflow import metadata as shapes
from manyhands.workflow.errors import WorkflowNotFoundError, WorkflowRunningError
from manyhands.workflow.options import check_id
from manyhands.workflow.status import SHOWN, WorkflowStatus, wanted

KINDS = frozenset({WORKFLOW, ACTOR})
"""Kinds of runs that this face makes."""

log = logging.getLogger("manyhands")

UNBOUNDED = -1
"""As a limit: none."""

LOWEST = {"max_running_workflows": 1, "max_pending_workflows": 0}
"""What each limit is at least."""

ALL = "all"
"""Given as a name, `get_metadata` returns every step's."""


def init(
    storage: str | None = None,
    *,
    max_running_workflows: int | None = None,
    max_pending_workflows: int | None = None,
    **settings: Any,
) -> None:
    """Choose the store and the settings of this process' engine, before anything runs. Without it, the settings
    files, the environment and the defaults hold.

    `storage`: `sqlite:///path/to/store.db`, a folder, or `file:///folder`. `settings`: such as `processes`,
    `synchronous` (`"NORMAL"` or `"FULL"`), `allow_pickle`; see the reference of settings. `max_running_workflows`: how
    many workflows this process runs at once, -1 for any number; those beyond are `PENDING`, and start in the order they
    came. Of these there may be `max_pending_workflows`, 0 for none; the next is refused with `queue.Full`.

    Called again with the same storage it only warns. Errors: `RuntimeError` for another storage;
    `StoreLocationError` (a `ValueError`) for an address that is none; `TypeError` when `storage` is no text; of a limit
    that is no whole number; `ValueError` when it is too low, or differs from the one that holds.
    """
    limits = {"max_running_workflows": max_running_workflows, "max_pending_workflows": max_pending_workflows}
    for name, limit in limits.items():
        if limit is not None:
            settings[name] = _limit(name, limit, LOWEST[name])
    if storage is not None and not isinstance(storage, str):
        raise TypeError("'storage' should be None or a str, such as 'sqlite:///path/to/store.db' or a folder.")
    configure(storage=storage, **settings)


def resume(workflow_id: str) -> Reference:
    """Take a workflow up where it stands; what is done is not done again, and the stored code is used.

    Errors: `RunNotFound` (a `ValueError`), `RunActive` (a `RuntimeError`); `TypeError` when the id is no text.
    """
    ours = client()
    reference = ours.resume(check_id(workflow_id))
    ours.secure(reference)
    return reference


resume_async = resume


def resume_all(include_failed: bool = False) -> list[tuple[str, Reference]]:
    """Take up every resumable workflow, with `include_failed` the failed ones, and then those that are pending. One
    that cannot be resumed is logged and left out; canceled ones are never included."""
    statuses = {WorkflowStatus.RESUMABLE, WorkflowStatus.FAILED} if include_failed else {WorkflowStatus.RESUMABLE}
    resumed = []
    for workflow_id, _ in list_all(set(statuses)) + list_all(WorkflowStatus.PENDING):
        try:
            resumed.append((workflow_id, resume(workflow_id)))
        except ManyhandsError as error:
            log.error("Workflow %s cannot be resumed: %s", workflow_id, error)
    return resumed


def get_output(workflow_id: str, *, name: str | None = None, task_id: str | None = None) -> Reference:
    """A reference to the result of a workflow, or of one of its steps by name; `task_id` is another word for `name`.

    It runs nothing: while the workflow runs it waits, also for a step that is not there yet; afterwards it loads what
    was saved. Errors: `RunNotFound` (a `ValueError`).
    """
    return client().output(check_id(workflow_id), _one(name, task_id))


get_output_async = get_output


def get_status(workflow_id: str) -> WorkflowStatus:
    """Where the workflow stands now. Errors: `WorkflowNotFoundError`; `TypeError` when the id is no text."""
    ours = client()
    record = ours.engine.store.run(check_id(workflow_id))
    if record is None:
        raise WorkflowNotFoundError(workflow_id)
    return SHOWN[ours.status(record)]


def get_metadata(workflow_id: str, name: str | None = None, *, task_id: str | None = None) -> dict[str, Any]:
    """What is known now of a workflow, or of one of its steps by name; with `name="all"` of every step, by name.
    `task_id` is another word for `name`.

    Of a workflow: `status`, `user_metadata`, `stats`. Of a step: `name`, `workflows` (the steps whose results it
    takes), `workflow_refs`, `step_options`, `user_metadata`, `stats`. `stats` holds `start_time` and `end_time`
    (epoch seconds) as far as they are known. It never waits.

    Errors: `RunNotFound`, `TaskNotFound` (both `ValueError`s).
    """
    ours = client()
    name = _one(name, task_id)
    record = ours.record(check_id(workflow_id))
    store = ours.engine.store
    if name is None:
        return shapes.of_workflow(record, ours.status(record))
    if name == ALL:
        tasks = store.tasks(record.key)
        names = {task.ordinal: task.name for task in tasks}
        return {task.name: shapes.of_step(task, names) for task in tasks}
    task = store.task(record.key, name)
    if task is None:
        raise TaskNotFound(workflow_id, name)
    needed = {*task.upstreams, *shapes.before(task)}
    upstreams = {ordinal: store.tasks(record.key, after=ordinal - 1, limit=1)[0].name for ordinal in needed}
    return shapes.of_step(task, upstreams)


def list_all(status_filter: Any = None) -> list[tuple[str, WorkflowStatus]]:
    """Every workflow of the store with its status, in the order they were started; only those of the statuses given
    (a status, its text, or a set of them). Errors: `ValueError` for an unknown status, `TypeError` for a list."""
    among = wanted(status_filter)
    ours = client()
    found = []
    for record in ours.engine.store.runs():
        status = SHOWN[ours.status(record)]
        if record.kind in KINDS and status in among:
            found.append((record.run_id, status))
    return found


def cancel(workflow_id: str) -> None:
    """Cancel a workflow: its running steps are stopped, nothing more is started; `resume` takes it up again.

    Errors: `RunNotFound`, `RunFinished`; `TypeError` when the id is no text.
    """
    client().cancel(check_id(workflow_id))


def delete(workflow_id: str) -> None:
    """Remove a workflow and all its results; the id can be used again.

    Errors: `WorkflowNotFoundError`, `WorkflowRunningError`.
    """
    try:
        client().delete(check_id(workflow_id))
    except RunNotFound as error:
        raise WorkflowNotFoundError(workflow_id) from error
    except RunActive as error:
        raise WorkflowRunningError(workflow_id) from error


def fork(
    workflow_id: str, *, from_step: str, inputs: dict[str, Any] | None = None, new_id: str | None = None
) -> Reference:
    """Run again from a step on, as a new workflow; all that does not depend on that step is taken over with its
    results. `inputs`: new values for arguments of that step, by name.

    Errors: `RunNotFound`, `TaskNotFound`, `RunActive`, `RunIdInUse`, `CallError` for an argument it does not have.

    Example: `workflow.fork("report", from_step="train", inputs={"depth": 8}).result()`
    """
    if new_id is not None:
        check_id(new_id)
    ours = client()
    reference = ours.fork(check_id(workflow_id), from_step=from_step, inputs=inputs, new_id=new_id)
    ours.secure(reference)
    return reference


def _limit(name: str, limit: Any, lowest: int) -> int | None:
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"{name} must be a whole number, not {limit!r}.")
    if limit < lowest and limit != UNBOUNDED:
        raise OptionError(f"{name} must be at least {lowest}, or -1 for no bound, not {limit}.")
    return None if limit == UNBOUNDED else limit


def _one(name: str | None, task_id: str | None) -> str | None:
    if name is not None and task_id is not None:
        raise CallError("`name` and `task_id` are one argument under two names: give one of them.")
    return task_id if name is None else name
