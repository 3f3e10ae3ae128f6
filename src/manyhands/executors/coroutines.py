"""The executor that runs attempts as coroutines, so that any number of them can wait at once at no worker's cost."""

from __future__ import annotations

import heapq
import importlib
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import count
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from manyhands.executors.cores import COROUTINES
from manyhands.executors.far import Attempts, WorkerContext
from manyhands.model.errors import BackendError
from manyhands.model.outcomes import AttemptKey, Failure, Launch, Report, key_of
from manyhands.model.states import Cause

if TYPE_CHECKING:
    from manyhands.executors.eventloop import Attempt, LoopThread

log = logging.getLogger("manyhands")

LOOP = "manyhands.executors.eventloop"
"""Loaded by name at the first launch: a driver that launches no coroutine does not load asyncio."""

LEAST_GRACE = 0.1
"""Seconds that a canceled coroutine has in any case, as it must be its turn before it can end."""


class CoroutineExecutor:
    """Runs each launch in one event loop, in a thread that is started when it is needed: the coroutine form of the
    entry (`run_async` for `run`) where there is one, else the entry itself, which then keeps the others waiting.

    `settings`: plain values, handed to every entry in its context. `grace`: seconds that what still runs is given to
    end when the executor is closed. Code that blocks the loop for more than a second is named in a warning.
    """

    name = "async"

    def __init__(self, slots: int = COROUTINES, settings: dict[str, Any] | None = None, grace: float = 1.0) -> None:
        self.slots = slots
        self._grace = grace
        self._pid = os.getpid()
        self._attempts = Attempts(WorkerContext(dict(settings or {}), f"async:{self._pid}"))
        self._loop: LoopThread | None = None
        self._under_way: dict[AttemptKey, Attempt] = {}
        self._overdue: list[tuple[float, int, Attempt]] = []
        self._numbers = count()
        self._done: deque[tuple[Attempt, Report]] = deque()
        self._ear, self._rope = os.pipe()
        os.set_blocking(self._ear, False)
        self._rung = False
        self._lock = threading.Lock()
        self._closed = False
        os.register_at_fork(after_in_child=partial(_forget, weakref.ref(self)))

    @property
    def context(self) -> WorkerContext:
        """What entries are called with; a driver keeps there what it has made already."""
        return self._attempts.context

    def start(self, launches: Sequence[Launch]) -> None:
        if self._closed:
            raise BackendError("The async executor is closed, or belongs to the process this one was forked from.")
        if not launches:
            return
        if self._loop is None:
            self._loop = importlib.import_module(LOOP).LoopThread(self._attempts, self._ended)
        for attempt in self._loop.begin(launches):
            self._under_way[key_of(attempt.launch)] = attempt

    def backlog(self) -> int:
        return 0

    def poll(self) -> list[Report]:
        if self._rung:
            # First the bell, then the flag, then the reports: one that comes between is taken now or rings again.
            os.read(self._ear, 16)
            self._rung = False
        reports = []
        worker = self.context.worker
        while self._done:
            attempt, report = self._done.popleft()
            if self._drop(attempt):
                report.worker = worker
                reports.append(report)
        if self._overdue:
            self._abandon(reports)
        if self._loop is not None:
            self._loop.tell_if_blocked()
        return reports

    def fileno(self) -> int | None:
        return self._ear

    def deadline(self) -> float | None:
        overdue = self._overdue
        while overdue and not self._is_under_way(overdue[0][2]):
            heapq.heappop(overdue)
        return overdue[0][0] if overdue else None

    def began(self, attempt: AttemptKey) -> float | None:
        found = self._under_way.get(attempt)
        return None if found is None else found.began

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        """Cancel their asyncio tasks. One that has not ended after `grace` seconds is reported as canceled all the
        same, and left behind with a warning: nothing can stop a coroutine that does not want to."""
        found = [self._under_way[key] for key in attempts if key in self._under_way]
        if not found or self._loop is None:
            return
        due = monotonic() + max(grace, LEAST_GRACE)
        for attempt in found:
            attempt.canceled = True
            heapq.heappush(self._overdue, (due, next(self._numbers), attempt))
        self._loop.cancel(found)

    def close(self) -> None:
        if self._closed or os.getpid() != self._pid:
            return
        with self._lock:
            self._closed = True
        left = [attempt.name for attempt in self._under_way.values()]
        if self._loop is not None and not self._loop.close(self._grace):
            log.warning("The event loop did not end and is left behind; of these one blocks it: %s", ", ".join(left))
        os.close(self._ear)
        os.close(self._rope)
        self._under_way.clear()
        self._overdue.clear()
        self._done.clear()

    def _ended(self, attempt: Attempt, report: Report) -> None:
        """Called in the loop's thread."""
        with self._lock:
            if self._closed:
                return
            self._done.append((attempt, report))
            if not self._rung:
                os.write(self._rope, b"!")
                self._rung = True

    def _is_under_way(self, attempt: Attempt) -> bool:
        return self._under_way.get(key_of(attempt.launch)) is attempt

    def _drop(self, attempt: Attempt) -> bool:
        """It is to be reported now; False when it has been."""
        if not self._is_under_way(attempt):
            return False
        del self._under_way[key_of(attempt.launch)]
        return True

    def _abandon(self, reports: list[Report]) -> None:
        """Report what was canceled and has used up its grace period."""
        now = monotonic()
        while self._overdue and self._overdue[0][0] <= now:
            attempt = heapq.heappop(self._overdue)[2]
            if not self._drop(attempt):
                continue
            log.warning("%s was canceled but does not end; it is left behind in the event loop.", attempt.name)
            launch, ended = attempt.launch, time()
            outcome = Failure(Cause.CANCELED, "was canceled, but did not end in time", retryable=False)
            began = ended if attempt.began is None else attempt.began
            worker = self.context.worker
            reports.append(Report(launch.run, launch.task, launch.attempt, outcome, began, ended, worker))


def _forget(reference: weakref.ref[CoroutineExecutor]) -> None:
    """In a forked child: the loop's thread is the parent's alone, and what the loop holds is left as it is."""
    executor = reference()
    if executor is not None and not executor._closed:
        executor._closed = True
        os.close(executor._ear)
        os.close(executor._rope)
