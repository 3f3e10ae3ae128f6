"""What is asked for: the options and the specification of a task, before it has any state."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.values import Encoded

DEFAULT_ATTEMPTS = 3
"""Attempts of a task in total, unless told otherwise; the durable-steps face promises 3."""


ACTOR_INIT, ACTOR_METHOD, ACTOR_MIGRATE = "actor_init", "actor_method", "actor_migrate"
"""Kinds of tasks that are calls of an actor: the first makes its state, the others are given the state and give it back
as it is after. A method is that of the class which the state is of; the first and the last bring a class."""

ACTOR_CALLS = frozenset({ACTOR_METHOD, ACTOR_MIGRATE})
"""Kinds that are given a state. A call from outside comes after the one before it: that is the last of its upstreams,
and not read."""

WORK = "work"
"""Kind of a task that is a call of a work of an app; its metadata says of which work, and by which key."""

TIMER, SIGNAL, WAIT = "timer", "signal", "wait"
"""Kinds of tasks that have no body: they are over when a time has come, a signal is there, or other tasks are done."""

WAITING = frozenset({TIMER, SIGNAL, WAIT})
"""Kinds that occupy no worker: the driver itself waits for them."""

LISTENER, REFERENCE = "listener", "reference"
"""Kinds of tasks whose bodies wait in an event loop: for an event from outside, for a result from elsewhere."""

ONLY_WAIT = WAITING | {LISTENER, REFERENCE}
"""Kinds that do nothing but wait: a run that has failed does not let them end first."""

WAITING_ROOM = "wait"
"""The executor of these kinds."""

PRESENCE = "presence"
"""Kind and executor of the task that keeps a run open: it lasts until the face that made the run ends it."""


class TaskOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a task is to be run. Only values that differ from these defaults are stored.

    `attempts`: tries in total for errors of the user's code, -1 for no bound. `lost_attempts`: for lost workers.
    `delay`, `max_delay`, `timeout`, `cache_ttl`: seconds. `slots`: how many slots of its executor it takes.
    `checkpoint`: save its result; None inherits from the task that returned it. `resources`: as the user wrote them.
    `callers`: the runs that wait for it, outermost first.
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
    callers: tuple[str, ...] = ()


class TaskSpec(msgspec.Struct, array_like=True):
    """One task as a face or a running task asks for it, ready to be stored.

    `base`: its name before the `_n` suffix. `label`: the name people see. `code`: content hash of the pickled
    callable. `upstreams`: indices into the list of specs this one is part of, in argument order without repeats;
    the inputs refer to them by position; `~ordinal` is a task that the run has already. `function_key`: the function's
    fingerprint, for a task that may be cached; with the fingerprint of its resolved inputs it is its cache key.
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


class Waiting(msgspec.Struct, array_like=True):
    """What a task that waits in the driver waits for. `kind`: one of `WAITING`. `until`: epoch seconds, for a timer the
    time it is for, else when it gives up. `key`: of a signal. `tasks`, `count`: so many of these are to be done."""

    kind: str
    until: float | None
    key: str = ""
    tasks: list[int] = []
    count: int = 0


class Call(msgspec.Struct, array_like=True):
    """What a worker needs for one attempt: where the callable is, its inputs, and the results they refer to. `state`:
    for a call of an actor, what the object is now; None before it is made. `callers`: runs that wait for it."""

    code: str
    inputs: Encoded
    results: list[Encoded]
    run_id: str
    name: str
    attempt: int
    label: str
    checkpoint: bool = True
    state: Encoded | None = None
    callers: tuple[str, ...] = ()
