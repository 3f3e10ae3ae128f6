"""Which task is running in this thread; light enough for every worker to load."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class TaskContext(NamedTuple):
    """The task that is running here. `attempt` counts from 1; `checkpoint`: its result will be saved."""

    run_id: str
    task: str
    attempt: int
    checkpoint: bool = True


current_task: ContextVar[TaskContext | None] = ContextVar("manyhands_current_task", default=None)
"""The task whose body is running in this thread; None outside of any."""
