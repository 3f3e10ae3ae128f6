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
    `kit`: None at first; an entry keeps there what is dear to make (loaded code, an open blob store).
    """

    __slots__ = ("kit", "settings", "worker")

    def __init__(self, settings: dict[str, Any], worker: str) -> None:
        self.settings = settings
        self.worker = worker
        self.kit: Any = None


Entry = Callable[[bytes, WorkerContext], Outcome]


def find_entry(dotted: str) -> Entry:
    """The function behind `module:function`; raises what the import raises."""
    module, _, name = dotted.partition(":")
    found: Entry = getattr(importlib.import_module(module), name)
    return found


class Attempts:
    """Runs launches one by one in one context; an entry is looked up once. `interruptible`: a Ctrl-C belongs to who
    calls, not to the attempt."""

    def __init__(self, context: WorkerContext, interruptible: bool = False) -> None:
        self.context = context
        self._interruptible = interruptible
        self._entries: dict[str, Entry] = {}

    def run(self, launch: Launch) -> Report:
        """Run it to its end; whatever the entry raises is the outcome."""
        started = time()
        try:
            entry = self._entries.get(launch.entry)
            if entry is None:
                entry = self._entries[launch.entry] = find_entry(launch.entry)
            outcome = entry(launch.payload, self.context)
            if type(outcome) not in OUTCOMES:
                outcome = Failure(Cause.ERROR, f"The entry {launch.entry} returned {outcome!r:.200}, not an outcome.")
        except BaseException as error:
            if self._interruptible and isinstance(error, KeyboardInterrupt):
                raise
            outcome = failure_of(error)
        return Report(launch.run, launch.task, launch.attempt, outcome, started, time())


def failure_of(error: BaseException) -> Failure:
    cause = Cause.MEMORY if isinstance(error, MemoryError) else Cause.ERROR
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__ may be what is broken
        text = ""
    return Failure(cause, f"{name}: {text}" if text else name, traceback="".join(traceback.format_exception(error)))
