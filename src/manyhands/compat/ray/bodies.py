"""What remote functions run as, and the references that they give: to a result, which may be a reference itself."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from manyhands.compat.ray import exceptions
from manyhands.engine.handle import Reference
from manyhands.engine.service import OnTurn
from manyhands.model.errors import ExecutionError
from manyhands.workflow.dag import Bound
from manyhands.workflow.graph import AT_HAND, Node, NotSerializable
from manyhands.workflow.step import lookup


class Referring:
    """The body of a remote function. A reference that it returns is the result itself, where one that a step returns is
    replaced by what it refers to."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._function(*args, **kwargs)
        return Boxed(result) if isinstance(result, Reference) else result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (by_value(self._function),)


class Alone(Referring):
    """The body of a plain call, which is no workflow and so cannot go on with one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = super().__call__(*args, **kwargs)
        if isinstance(result, Node) and not isinstance(result, Bound):
            raise NotSerializable()
        return result


def by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it is to be pickled: with its code, so that a resume uses that which the run was made with. One
    that a module has would be pickled by its name; a copy of it is not."""
    if not isinstance(function, FunctionType) or lookup(function.__module__, function.__qualname__) is not function:
        return function
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    for name in ("__module__", "__qualname__", "__doc__", "__kwdefaults__", "__annotations__"):
        setattr(copy, name, getattr(function, name))
    return copy


class Boxed:
    """Stands for a reference on its way into the store, so that nobody waits for it; a reference comes out again, and
    none that is replaced by its value where it is an argument."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def __reduce__(self) -> tuple[Any, ...]:
        kept = hasattr(self.reference, AT_HAND)
        return TaskReference if kept else unboxed, (self.reference,)


def unboxed(reference: Reference) -> Reference:
    """The reference itself."""
    return reference


class Reworded(Reference):
    """A reference that raises what another does, in the words of `ray`."""

    def __init__(self, inner: Reference) -> None:
        super().__init__(None, inner.run_id)
        self._inner = inner
        self.in_store = inner.in_store

    def __repr__(self) -> str:
        return f"ObjectRef({self.run_id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._inner,)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        return self._inner._wait(deadline, on_turn)


class TaskReference(Reworded):
    """What a remote function returns; it raises what that raised, as a `RayTaskError` of that type."""

    def _value(self) -> Any:
        try:
            return self._inner._value()
        except ExecutionError as error:
            cause = error.__cause__
            if cause is None:
                raise
            if isinstance(cause, exceptions.WorkerCrashedError):
                raise cause from None
            raise exceptions.of(error.args[1], error.args[2], cause) from cause


class WorkflowReference(Reworded):
    """The result of a workflow as 2.x has it; its failure is a `FailedWorkflow`."""

    def _value(self) -> Any:
        with exceptions.as_task_errors():
            return self._inner._value()
