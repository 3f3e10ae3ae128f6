"""The options of a step as users write them, checked, merged, and turned into the engine's."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import msgspec

from manyhands.model.errors import MetadataError, OptionError
from manyhands.model.specs import DEFAULT_ATTEMPTS, TaskOptions

RetryOn = Callable[[BaseException], bool]

WORKFLOW_OPTIONS = "workflow_options"
"""Under this name come the options that replace what was, as `workflow.options` gives them."""

RAY_OPTIONS = frozenset(
    {
        "accelerator_type",
        "concurrency_groups",
        "max_calls",
        "memory",
        "num_cpus",
        "num_gpus",
        "object_store_memory",
        "placement_group",
        "resources",
        "runtime_env",
        "scheduling_strategy",
    }
)
"""Resource options; they are kept with the step and shown in its metadata. `num_cpus` counts against the pool."""


class StepOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a step, all checked.

    `max_retries`: attempts in total, at least 1. `retry_delay`, `retry_max_delay`, `timeout`, `cache_ttl`: seconds.
    `retry_on`: exception types, or a predicate on the exception, worth another attempt; None: all are.
    `retry_lost`: attempts in total that may end with the loss of their worker. `executor`: where steps of our
    own run that do not run where those of users do; users have no such option.
    """

    max_retries: int = DEFAULT_ATTEMPTS
    catch_exceptions: bool = False
    name: str | None = None
    metadata: dict[str, Any] = {}
    allow_inplace: bool = False
    checkpoint: bool | None = None
    retry_delay: float = 0.0
    retry_backoff: float = 2.0
    retry_max_delay: float = 3600.0
    retry_jitter: float = 0.1
    retry_on: Any = None
    retry_lost: int = 3
    timeout: float | None = None
    cache: bool = False
    cache_ttl: float | None = None
    ray_options: dict[str, Any] = {}
    executor: str | None = None

    def merged(self, given: dict[str, Any]) -> StepOptions:
        """These options with others over them: None keeps what was, metadata and resources are merged.

        Errors: `OptionError`, `MetadataError`.
        """
        if WORKFLOW_OPTIONS in given:
            given = dict(given)
            chosen = given.pop(WORKFLOW_OPTIONS)
            kept = self if chosen.get("metadata") is None else msgspec.structs.replace(self, metadata={})
            return kept.merged({**given, **chosen})
        changes = {name: value for name, value in given.items() if value is not None and name not in RAY_OPTIONS}
        resources = {name: value for name, value in given.items() if name in RAY_OPTIONS and value is not None}
        check(given)
        if "metadata" in changes:
            changes["metadata"] = {**self.metadata, **check_metadata(changes["metadata"])}
        if resources:
            changes["ray_options"] = {**self.ray_options, **resources}
        made = msgspec.structs.replace(self, **changes)
        if made.timeout is not None and made.allow_inplace:
            raise OptionError(
                "A step with `allow_inplace` runs in the driver's own process, where it cannot be stopped, so it can "
                "have no `timeout`. Drop one of the two."
            )
        return made

    def for_engine(self) -> TaskOptions:
        """What the engine is told."""
        cpus = self.ray_options.get("num_cpus", 1)
        return TaskOptions(
            attempts=self.max_retries,
            lost_attempts=self.retry_lost,
            delay=self.retry_delay,
            backoff=self.retry_backoff,
            max_delay=self.retry_max_delay,
            jitter=self.retry_jitter,
            catch=self.catch_exceptions,
            executor=self.executor or ("inline" if self.allow_inplace else "process"),
            checkpoint=self.checkpoint,
            cache=self.cache,
            cache_ttl=self.cache_ttl,
            timeout=self.timeout,
            slots=1 if self.allow_inplace else max(1, int(cpus)),
            resources=self.ray_options,
        )

    def predicate(self) -> RetryOn | None:
        """`retry_on` as a predicate."""
        if self.retry_on is None or not isinstance(self.retry_on, (type, tuple)):
            return self.retry_on
        return RetryTypes(self.retry_on)


class RetryTypes:
    """True for exceptions of some types."""

    def __init__(self, types: type[BaseException] | tuple[type[BaseException], ...]) -> None:
        self._types = types

    def __call__(self, error: BaseException) -> bool:
        return isinstance(error, self._types)


OPTION_NAMES = frozenset(StepOptions.__struct_fields__) - {"ray_options", "executor"}


def check(given: dict[str, Any]) -> None:
    """Errors: `OptionError`, `MetadataError`, naming the option and what it may be."""
    for name, value in given.items():
        if name == "num_returns":
            if value not in (None, 1):
                raise OptionError("Workflow steps can only have one return.")
        elif name in OPTION_NAMES:
            if value is not None:
                _CHECKS[name](name, value)
        elif name not in RAY_OPTIONS:
            raise OptionError(
                f"Unknown option '{name}' of a step. There are: {', '.join(sorted(OPTION_NAMES | RAY_OPTIONS))}."
            )
    cpus = given.get("num_cpus")
    if cpus is not None and (not isinstance(cpus, (int, float)) or cpus < 0):
        raise OptionError("num_cpus must be a number from 0.")


def check_metadata(metadata: Any) -> dict[str, Any]:
    """Metadata as it is stored: a copy, of plain JSON values. Errors: `MetadataError`."""
    if not isinstance(metadata, dict):
        raise MetadataError("metadata must be a dict.")
    if not metadata:
        return {}
    json = importlib.import_module("json")  # most scripts write none, and start without it
    copied = {}
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise MetadataError(f"metadata keys must be text, however {key!r} is a {type(key).__name__}.")
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            (key + text).encode()
        except (TypeError, ValueError) as error:
            raise MetadataError(
                "metadata values must be JSON serializable, "
                f"however {str(key)!r} has a value whose {error}. Pass plain text, numbers, lists or dictionaries."
            ) from error
        copied[str.__str__(key)] = json.loads(text)
    return copied


def check_id(workflow_id: Any) -> str:
    """The id. Errors: `TypeError` when it is no text."""
    if not isinstance(workflow_id, str):
        raise TypeError(f"A workflow id is text, not a {type(workflow_id).__name__}.")
    return workflow_id


def _at_least(lowest: float, what: str) -> Callable[[str, Any], None]:
    def verify(name: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= lowest:
            raise OptionError(f"{name} must be {what} of at least {lowest:g}, not {value!r}.")

    return verify


def _attempts(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} should be greater or equal to 1.")


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name} should be None, True or False, not {value!r}.")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise OptionError(f"{name} must be text, not {value!r}.")


def _positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise OptionError(f"{name} must be a number of seconds above 0, not {value!r}.")


def _share(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise OptionError(f"{name} must be a share from 0 to 1, not {value!r}.")


def _exceptions(name: str, value: Any) -> None:
    types = value if isinstance(value, tuple) else (value,)
    if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in types):
        return
    if isinstance(value, (tuple, type)) or not callable(value):
        raise OptionError(f"{name} must be an exception type, a tuple of them, or a predicate, not {value!r}.")


def _metadata(_name: str, value: Any) -> None:
    check_metadata(value)


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "max_retries": _attempts,
    "catch_exceptions": _flag,
    "name": _text,
    "metadata": _metadata,
    "allow_inplace": _flag,
    "checkpoint": _flag,
    "retry_delay": _at_least(0, "a number of seconds"),
    "retry_backoff": _at_least(1, "a factor"),
    "retry_max_delay": _at_least(0, "a number of seconds"),
    "retry_jitter": _share,
    "retry_on": _exceptions,
    "retry_lost": _attempts,
    "timeout": _positive,
    "cache": _flag,
    "cache_ttl": _positive,
}
