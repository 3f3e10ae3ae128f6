"""The decorator `step`, and what it makes of a function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, overload

import cloudpickle

from manyhands.codecs.code import Body, capture, find
from manyhands.codecs.kit import Kit
from manyhands.engine.caching import call_key
from manyhands.engine.context import client
from manyhands.machine.fingerprint import CallShape, fingerprint_function
from manyhands.machine.naming import default_name
from manyhands.model.errors import CallError, OptionError
from manyhands.workflow.dag import Bound
from manyhands.workflow.options import StepOptions
from manyhands.workflow.run import Workflow
from manyhands.workflow.signature import Signature


class StepFunction:
    """A function whose calls are durable steps. `f.step(*args)` is a call of it, `f.options(…)` a variant of it."""

    def __init__(self, function: Callable[..., Any], settings: StepOptions) -> None:
        if not callable(function):
            raise OptionError(f"step decorates a function, not a {type(function).__name__}.")
        self.settings = settings
        self.task_options = settings.for_engine()
        self._function = function
        self._signature = Signature(function)
        label, base = default_name(function)
        self.label = settings.name or label
        self.base = settings.name or base
        self.describe = f"an argument of {self.label}"
        self.kind = "function"
        self._shape: CallShape | None = None
        self._saved: tuple[Any, tuple[Any, ...], str] | None = None
        self._fingerprint: tuple[tuple[Any, ...], bytes] | None = None
        self.__wrapped__ = function
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            if hasattr(function, name):
                setattr(self, name, getattr(function, name))

    @property
    def __wrapped_step__(self) -> Callable[..., Any]:
        """The function itself, for those who ship or fingerprint it."""
        return self._function

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        name = getattr(self._function, "__name__", self.label)
        raise CallError(
            "Workflow steps cannot be called directly. "
            f"Instead of running '{name}()', try '{name}.step()', and '.run()' on that."
        )

    def __repr__(self) -> str:
        return f"<step {self.label}>"

    def __reduce__(self) -> Any:
        # A step of a module that can be imported travels by name, so that both sides have the same one.
        module, name = getattr(self, "__module__", "__main__"), getattr(self, "__qualname__", "")
        by_value = module == "__main__" or module in cloudpickle.list_registry_pickle_by_value()
        if not by_value and lookup(module, name) is self:
            return _restore, (module, name)
        return StepFunction, (self._function, self.settings)

    def step(self, *args: Any, **kwargs: Any) -> Workflow:
        """A call of this step, to be run or to be an argument of other steps. Nothing runs yet.

        Errors: `CallError` (a `TypeError`) when the arguments do not fit.
        """
        self._signature.check(args, kwargs)
        if self.settings.cache:
            args, kwargs = self._spelled(args, kwargs)
        return Workflow(self, args, kwargs)

    def bind(self, *args: Any, **kwargs: Any) -> Bound:
        """A call of this step as a node of a graph that `workflow.run` runs: arguments may be places of an `InputNode`,
        and nodes inside containers arrive as references. Nothing runs yet.

        Errors: `CallError` (a `TypeError`) when the arguments do not fit.
        """
        self._signature.check(args, kwargs)
        if self.settings.cache:
            args, kwargs = self._spelled(args, kwargs)
        return Bound(self, args, kwargs)

    def options(self, **given: Any) -> StepFunction:
        """This step with other options; those not named stay, `metadata` and resources are merged.

        Errors: `OptionError`, `MetadataError` (both `ValueError`s).

        Example: `add.options(name="sum", metadata={"kind": "sum"}).step(1, 2).run("a-run")`
        """
        variant = type(self)(self._function, self.settings.merged(given))
        variant._signature = self._signature
        return variant

    def cached(self, *args: Any, **kwargs: Any) -> Any:
        """The result of this call from the cache; if it is not there, run it now as a workflow of one step and keep it.

        A cached call writes nothing: no run is made for it. Errors: as `.run()`; `OptionError` without `cache=True`;
        `FingerprintError` for arguments without a stable identity.

        Example: `embed.cached("some text")`
        """
        if not self.settings.cache:
            raise OptionError(f"{self.label} is not cached: declare it with `@workflow.step(cache=True)`.")
        self._signature.check(args, kwargs)
        args, kwargs = self._spelled(args, kwargs)
        engine = client().engine
        entry = engine.store.cached(call_key(self.key(), args, kwargs), engine.clock.now())
        if entry is not None:
            return engine.kit.values.decode(entry.value, self.describe)
        return Workflow(self, args, kwargs).run()

    # --- for the engine --------------------------------------------------------------------------------------------

    def save(self, kit: Kit) -> str:
        """The content hash of the function as it is now, saved in this store."""
        captured = capture(self._function)
        saved = self._saved
        if saved is not None and captured is not None and saved[0] is kit.blobs and saved[1] == captured:
            return saved[2]
        content_hash = self._keep(kit)
        self._saved = None if captured is None else (kit.blobs, captured, content_hash)
        return content_hash

    def _keep(self, kit: Kit) -> str:
        return kit.code.save(Body(self._function, self.settings.predicate()), f"the step {self.label}")

    def key(self) -> bytes:
        """The function's part of the cache key."""
        captured = capture(self._function)
        known = self._fingerprint
        if known is not None and captured is not None and known[0] == captured:
            return known[1]
        made = fingerprint_function(self._function)
        self._fingerprint = None if captured is None else (captured, made)
        return made

    def _spelled(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call in its one spelling, so that `f(1, b=2)` and `f(1, 2)` are the same cached call."""
        if self._shape is None:
            self._shape = CallShape(self._function)
        return self._shape.bind(args, kwargs)


def lookup(module: str, name: str) -> Any:
    """What a loaded module has under a dotted name; None when there is none."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _restore(module: str, name: str) -> Any:
    function = find(module, name)
    found = lookup(module, name)
    return found if isinstance(found, StepFunction) else StepFunction(function, StepOptions())


@overload
def step(function: Callable[..., Any], /) -> StepFunction: ...
@overload
def step(**options: Any) -> Callable[[Callable[..., Any]], StepFunction]: ...
def step(*positional: Any, **options: Any) -> Any:
    """Make a step of a function: its calls are run in a worker, retried, and their results survive any crash.

    Used bare or with options: `max_retries` (attempts in total, 3), `catch_exceptions` (the result is then
    `(value, None)` or `(None, exception)`), `name`, `metadata` (a dictionary of JSON-serialisable values),
    `checkpoint` (save the result; True unless the step that returned this one says otherwise), `allow_inplace` (run in
    the process that drives the run), `retry_delay`, `retry_backoff`, `retry_max_delay`, `retry_jitter`, `retry_on`,
    `retry_lost`, `timeout` (seconds), `cache` and `cache_ttl` (keep the result across runs, by function and inputs),
    and resources such as `num_cpus`.

    Errors: `OptionError`, `MetadataError` (both `ValueError`s).
    """
    if len(positional) == 1 and callable(positional[0]) and not options:
        return StepFunction(positional[0], StepOptions())
    if positional:
        raise OptionError(f"Invalid arguments for step decorator {positional}: give options by name.")
    settings = StepOptions().merged(options)
    return lambda function: StepFunction(function, settings)
