"""What is asked for: the options and the specification of a task, before it has any state."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.values import Encoded

DEFAULT_ATTEMPTS = 3
"""Attempts of a task in total, unless told otherwise; the durable-steps face promises 3."""


class TaskOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a task is to be run. Only values that differ from these defaults are stored.

    `attempts`: tries in total for errors of the user's code, -1 for no bound. `lost_attempts`: for lost workers.
    `delay`, `max_delay`, `timeout`, `cache_ttl`: seconds. `slots`: how many slots of its executor it takes.
    `checkpoint`: save its result; None inherits from the task that returned it. `resources`: as the user wrote them.
    """

    attempts: int = DEFAULT_ATTEMPTS
    lost_attempts: int = 3
    delay: float = 0.0
    backoff: float = 2.0
    max_delay: float = 3600.0
    jitter: float = 0.1
    catch: bool = False
    executor: str = "process"
    checkpoint: bool | None = None
    cache: bool = False
    cache_ttl: float | None = None
    timeout: float | None = None
    slots: int = 1
    group: str | None = None
    resources: dict[str, Any] = {}


class TaskSpec(msgspec.Struct, array_like=True):
    """One task as a face or a running task asks for it, ready to be stored.

    `base`: its name before the `_n` suffix. `label`: the name people see. `code`: content hash of the pickled
    callable. `upstreams`: indices into the list of specs this one is part of, in argument order without repeats;
    the inputs refer to them by position. `function_key`: the function's fingerprint, for a task that may be cached;
    together with the fingerprint of its resolved inputs it is the task's cache key.
    """

    base: str
    label: str
    code: str
    inputs: Encoded
    upstreams: list[int] = []
    options: TaskOptions = TaskOptions()
    metadata: dict[str, Any] = {}
    kind: str = "function"
    function_key: bytes | None = None


class Call(msgspec.Struct, array_like=True):
    """What a worker needs for one attempt: where the callable is, its inputs, and the results they refer to."""

    code: str
    inputs: Encoded
    results: list[Encoded]
    run_id: str
    name: str
    attempt: int
    label: str
    checkpoint: bool = True
