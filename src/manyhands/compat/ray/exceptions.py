"""The names of `ray.exceptions`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manyhands.compat.errors import missing
from manyhands.model.errors import ExecutionError, ManyhandsError, RunError, StateError, WaitTimeout, WorkerLost

RayError = ManyhandsError
RaySystemError = RunError
GetTimeoutError = WaitTimeout
WorkerCrashedError = WorkerLost


class RayTaskError(StateError):
    """A remote function raised: `RayTaskError(task, message)`.

    What it raised is the `__cause__`, and the type of that is a base of this error's, where it can be.
    """

    text = "The remote function {0} raised {1}"

    def __reduce__(self) -> Any:
        # The class may be one that was made for this error.
        return _again, (self.args, self.__cause__)


class FailedWorkflow(ExecutionError, RayTaskError):
    """What a workflow that failed raises in 2.x, where it was a task, too: `FailedWorkflow(run_id, step, message)`.

    What the user's function raised is the `__cause__`.
    """

    text = ExecutionError.text

    def __reduce__(self) -> Any:
        return _failed, (self.args, self.__cause__)


@contextmanager
def as_task_errors() -> Iterator[None]:
    """The failure of a workflow goes through as a `FailedWorkflow`."""
    try:
        yield
    except ExecutionError as error:
        if isinstance(error, RayTaskError):
            raise
        raise _failed(error.args, error.__cause__) from error.__cause__


def _failed(args: tuple[Any, ...], cause: BaseException | None) -> FailedWorkflow:
    error = FailedWorkflow(*args)
    error.__cause__ = cause
    return error


def of(task: str, message: str, cause: BaseException) -> RayTaskError:
    """The error for what a remote function raised."""
    error = _like(type(cause))(task, message)
    error.__cause__ = cause
    return error


def _again(args: tuple[str, str], cause: BaseException | None) -> RayTaskError:
    return RayTaskError(*args) if cause is None else of(*args, cause)


def _like(kind: type[BaseException]) -> type[RayTaskError]:
    """A class that is a `RayTaskError` and is caught as the other, too. It has nothing of the other but its name: what
    that type's constructor wants is not known here."""
    if not issubclass(kind, Exception) or issubclass(RayTaskError, kind):
        return RayTaskError
    try:
        return type(f"RayTaskError({kind.__name__})", (RayTaskError, kind), {"__init__": _keep, "__module__": __name__})
    except TypeError:
        return RayTaskError


def _keep(self: RayTaskError, *args: Any) -> None:
    self.args = args


def __getattr__(name: str) -> Any:
    missing("ray.exceptions", name)
