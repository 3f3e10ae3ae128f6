"""Running one launch where it has arrived: the same code in a worker process and in the caller."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from time import time
from typing import Any

from manyhands.model.outcomes import Failure, Forward, Launch, Outcome, Report, Returned, Value
from manyhands.model.states import Cause

OUTCOMES = frozenset({Value, Failure, Forward, Returned})


class WorkerContext:
    """What an entry is called with beside its payload; one per worker, for as long as the worker lives.

    `settings`: handed over when the executor was made, unread by it. `worker`: the worker's name, `process:1234`.
    `rest`: tells the executor that the attempt waits for others (True) or goes on, where that is of use.
    `kit`: None at first; an entry keeps there what is dear to make (loaded code, an open blob store).
    """

    __slots__ = ("kit", "rest", "settings", "worker")

    def __init__(self, settings: dict[str, Any], worker: str) -> None:
        self.settings = settings
        self.worker = worker
        self.kit: Any = None
        self.rest: Callable[[bool], None] | None = None


Entry = Callable[[bytes, WorkerContext], Outcome]


AWAITED = "_async"
"""An entry `run` may have a coroutine form `run_async` beside it, for executors that await."""


def find_entry(dotted: str) -> Entry:
    """The function behind `module:function`; raises what the import raises."""
    module, _, name = dotted.partition(":")
    found: Entry = getattr(importlib.import_module(module), name)
    return found


def find_awaited(dotted: str) -> Callable[[bytes, WorkerContext], Any]:
    """The coroutine form of an entry, or the entry itself where there is none."""
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name + AWAITED, None) or find_entry(dotted)


class Attempts:
    """Runs launches one by one in one context; an entry is looked up once. `interruptible`: a Ctrl-C belongs to who
    calls, not to the attempt."""

    def __init__(self, context: WorkerContext, interruptible: bool = False) -> None:
        self.context = context
        self._interruptible = interruptible
        self._entries: dict[str, Entry] = {}

    async def run_async(self, launch: Launch) -> Report:
        """As `run`, for an event loop: the entry's coroutine form is called, and an outcome that can be awaited is.
        One set of attempts is run in one of the two ways."""
        started = time()
        try:
            entry: Any = self._entries.get(launch.entry)
            if entry is None:
                entry = self._entries[launch.entry] = find_awaited(launch.entry)
            outcome = entry(launch.payload, self.context)
            if hasattr(type(outcome), "__await__"):
                outcome = await outcome
            if type(outcome) not in OUTCOMES:
                outcome = no_outcome(launch, outcome)
        except BaseException as error:  # noqa: BLE001 - nothing of an attempt may end the loop
            outcome = failure_of(error)
        return Report(launch.run, launch.task, launch.attempt, outcome, started, time())

    def run(self, launch: Launch) -> Report:
        """Run it to its end; whatever the entry raises is the outcome."""
        started = time()
        try:
            entry = self._entries.get(launch.entry)
            if entry is None:
                entry = self._entries[launch.entry] = find_entry(launch.entry)
            outcome = entry(launch.payload, self.context)
            if type(outcome) not in OUTCOMES:
                outcome = no_outcome(launch, outcome)
        except BaseException as error:
            if self._interruptible and isinstance(error, KeyboardInterrupt):
                raise
            outcome = failure_of(error)
        return Report(launch.run, launch.task, launch.attempt, outcome, started, time())


def no_outcome(launch: Launch, returned: object) -> Failure:
    return Failure(Cause.ERROR, f"The entry {launch.entry} returned {returned!r:.200}, not an outcome.")


def failure_of(error: BaseException) -> Failure:
    cause = Cause.MEMORY if isinstance(error, MemoryError) else Cause.ERROR
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__ may be what is broken
        text = ""
    return Failure(cause, f"{name}: {text}" if text else name, traceback="".join(traceback.format_exception(error)))
