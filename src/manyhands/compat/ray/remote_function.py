"""`ray.remote`: functions that run on our engine as plain calls, and as steps of workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from manyhands.codecs.code import Body, Named, find
from manyhands.codecs.kit import Kit
from manyhands.compat.errors import NotCovered
from manyhands.compat.ray.bodies import Alone, Referring, TaskReference
from manyhands.engine.handle import Reference
from manyhands.model.errors import CallError, EncodingError, OptionError
from manyhands.workflow.dag import Bound, nodes_in
from manyhands.workflow.graph import NotSerializable
from manyhands.workflow.options import RAY_OPTIONS, WORKFLOW_OPTIONS, RetryTypes, StepOptions
from manyhands.workflow.step import StepFunction, lookup

ENDLESS = 1_000_000_000
"""Attempts that nobody comes to the end of; here -1 retries are said by it."""

RETRIES = 3
"""Retries of a remote function whose worker was lost."""

IGNORED = frozenset({"enable_task_events", "label_selector", "lifetime", "namespace", "_metadata"})
"""Options that mean nothing here, and are taken without a word."""

REMOTE = StepOptions(max_retries=1, retry_lost=RETRIES + 1)


class Plain(StepFunction):
    """A remote function as it is called outside of graphs. It does not run as it is, but inside a body of ours."""

    BODY: type[Referring] = Alone

    def _keep(self, kit: Kit) -> str:
        function, predicate, what = self._function, self.settings.predicate(), f"the remote function {self.label}"
        try:
            return kit.code.save(Body(self.BODY(function), predicate), what)
        except EncodingError:
            module, name = getattr(self, "__module__", "__main__"), getattr(self, "__qualname__", "")
            if getattr(lookup(module, name), "__wrapped_step__", None) is not function:
                raise
            # It refers to something that no pickle can hold, and can be had by its name.
            return kit.code.save(Body(self.BODY(Named(function)), predicate), what)


class RemoteFunction(Plain):
    """A function as `@ray.remote` makes it: `f.remote(…)` calls it, `f.bind(…)` makes a node of a graph of it."""

    BODY = Referring

    def __init__(self, function: Callable[..., Any], settings: StepOptions) -> None:
        super().__init__(function, settings)
        self._plain = Plain(function, settings)

    def __repr__(self) -> str:
        return f"<remote function {self.label}>"

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        name = getattr(self.__wrapped_step__, "__name__", self.label)
        raise CallError(
            f"Remote functions cannot be called directly. Instead of running '{name}()', try '{name}.remote()'."
        )

    def __reduce__(self) -> Any:
        how = super().__reduce__()
        if how[0] is StepFunction:
            return RemoteFunction, how[1]
        return restore, (getattr(self, "__module__", "__main__"), getattr(self, "__qualname__", ""))

    def remote(self, *args: Any, **kwargs: Any) -> Reference:
        """Call it in a worker; a reference to what it returns. Errors: `CallError`, `EncodingError`; `ValueError` for
        arguments that are workflows."""
        self._signature.check(args, kwargs)
        if any(nodes_in([args, kwargs])):
            raise NotSerializable()
        return RemoteNode(self._plain, args, kwargs).execute()

    def bind(self, *args: Any, **kwargs: Any) -> RemoteNode:
        """A node of a graph, for `workflow.run`, `workflow.create` and `.execute()`. Errors: `CallError`."""
        self._signature.check(args, kwargs)
        return RemoteNode(self, args, kwargs)

    def options(self, **given: Any) -> RemoteFunction:
        """The same function with other options. Errors: `OptionError`, `MetadataError`, `NotCovered`."""
        variant = RemoteFunction(self.__wrapped_step__, merged(self.settings, given))
        variant._signature = self._signature
        return variant


class RemoteNode(Bound):
    """A call of a remote function in a graph."""

    __slots__ = ()

    def execute(self, *args: Any, **kwargs: Any) -> Reference:
        """Run the graph, and not as a workflow; a reference to the result."""
        return TaskReference(super().execute(*args, **kwargs))


def restore(module: str, name: str) -> Any:
    """The remote function of that name, as its module has it."""
    function = find(module, name)
    found = lookup(module, name)
    return found if isinstance(found, RemoteFunction) else RemoteFunction(function, REMOTE)


class RemoteClass:
    """A class under `@ray.remote`: it may be defined, and says at its first use that there is no such thing here."""

    def __init__(self, cls: type) -> None:
        self.__wrapped__ = cls
        self.__doc__ = cls.__doc__

    def _refuse(self, *_args: Any, **_kwargs: Any) -> Any:
        raise NotCovered(
            f"@ray.remote on a class ({self.__wrapped__.__qualname__})",
            "Its objects live in memory only; `@workflow.virtual_actor` gives objects that survive. ",
        )

    remote = options = bind = __call__ = _refuse


def remote(*positional: Any, **options: Any) -> Any:
    """`@ray.remote` or `@ray.remote(num_cpus=1, max_retries=3, retry_exceptions=True, ...)` on a function.

    `max_retries` counts retries after a lost worker, and with `retry_exceptions` (True, or a list of types) those after
    exceptions too; -1 is without end. Errors: `OptionError` (a `ValueError`), `TypeError`.
    """
    if len(positional) == 1 and not options:
        return _made(positional[0], REMOTE)
    if positional:
        raise CallError("The remote decorator is applied bare, or with options by name: `@ray.remote(num_cpus=1)`.")
    settings = merged(REMOTE, options)
    return lambda function: _made(function, settings)


def _made(target: Any, settings: StepOptions) -> Any:
    if isinstance(target, type):
        return RemoteClass(target)
    if not callable(target):
        raise CallError("The @ray.remote decorator must be applied to either a function or a class.")
    return RemoteFunction(target, settings)


def merged(settings: StepOptions, given: dict[str, Any]) -> StepOptions:
    """A remote function's options with these over them, in the words of remote functions.

    Errors: `OptionError`, `MetadataError`, `NotCovered`.
    """
    ours = {name: value for name, value in given.items() if name in RAY_OPTIONS or name in ("name", WORKFLOW_OPTIONS)}
    unknown = sorted(set(given) - set(ours) - IGNORED - {"max_retries", "retry_exceptions", "num_returns"})
    if unknown:
        raise OptionError(f"Invalid option keyword {unknown[0]} for remote functions.")
    if given.get("num_returns") not in (None, 1):
        raise NotCovered("num_returns other than 1", "Return a tuple, and take it apart in a step. ")
    made = settings.merged(ours)
    lost, errors = made.retry_lost, made.max_retries
    if given.get("max_retries") is not None:
        lost = _attempts(given["max_retries"])
        errors = lost if errors > 1 else 1
    kinds = given.get("retry_exceptions")
    if kinds is not None:
        errors = lost if kinds else 1
    chosen = given.get(WORKFLOW_OPTIONS) or {}
    if chosen.get("max_retries") is not None:
        errors = chosen["max_retries"]
    retry_on = made.retry_on if kinds is None or isinstance(kinds, bool) else RetryTypes(tuple(kinds))
    return msgspec.structs.replace(made, retry_lost=lost, max_retries=errors, retry_on=retry_on)


def _attempts(retries: Any) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < -1:
        raise OptionError("The keyword 'max_retries' only accepts 0, -1 or a positive integer.")
    return ENDLESS if retries == -1 else retries + 1
