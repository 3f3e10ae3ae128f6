"""Which task is running in this thread; light enough for every worker to load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import msgspec

from manyhands.model.errors import WaitForItself
from manyhands.model.specs import TaskSpec


class TaskContext(NamedTuple):
    """The task that is running here. `attempt` counts from 1; `checkpoint`: its result will be saved. `code`:
    content hash of what it runs. `callers`: the runs that wait for it, outermost first."""

    run_id: str
    task: str
    attempt: int
    checkpoint: bool = True
    code: str | None = None
    callers: tuple[str, ...] = ()


current_task: ContextVar[TaskContext | None] = ContextVar("manyhands_current_task", default=None)
"""The task whose body is running in this thread; None outside of any."""

resting: ContextVar[Callable[[bool], None] | None] = ContextVar("manyhands_resting", default=None)
"""Tells the executor of the body that runs in this thread that it waits for another run, or goes on."""


def waiting_here() -> tuple[str, ...]:
    """The runs that go on only after what the body in this thread waits for, outermost first."""
    task = current_task.get()
    return () if task is None else (*task.callers, task.run_id)


def refuse_circle(run_id: str, method: str = "method") -> None:
    """Errors: `WaitForItself` when the body in this thread is part of what this run waits for."""
    waiting = waiting_here()
    if run_id in waiting:
        raise WaitForItself(run_id, " -> ".join((*waiting[waiting.index(run_id) :], run_id)), method)


def wait_for(specs: Iterable[TaskSpec], callers: tuple[str, ...]) -> None:
    """Note with tasks that these runs wait for them: a task that called one of them would wait for itself."""
    for spec in specs:
        if spec.options.callers != callers:
            spec.options = msgspec.structs.replace(spec.options, callers=callers)


@contextmanager
def at_rest() -> Iterator[None]:
    """While a body waits for another run, its worker's slot is free for others."""
    tell = resting.get()
    if tell is None:
        yield
        return
    tell(True)
    try:
        yield
    finally:
        tell(False)
