"""What programs with workflows use of `ray` 2.x: as `manyhands.compat.ray`, but for what 2.x changed."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.ray import (
    ObjectRef,
    dag,
    exceptions,
    init,
    is_initialized,
    put,
    remote,
    shutdown,
    wait,
)
from manyhands.compat.ray import get as get_values
from manyhands.compat.ray2 import workflow

__version__ = "2.47.0"

__all__ = [
    "ObjectRef",
    "__version__",
    "dag",
    "exceptions",
    "get",
    "init",
    "is_initialized",
    "put",
    "remote",
    "shutdown",
    "wait",
    "workflow",
]


def get(references: Any, *, timeout: float | None = None) -> Any:
    """As in 1.x; but a workflow that failed raises a `RayTaskError`, as all that ran was a task in 2.x."""
    with exceptions.as_task_errors():
        return get_values(references, timeout=timeout)


def __getattr__(name: str) -> Any:
    missing("ray", name, "Only what programs with workflows use of it is.")
