"""The executor that runs attempts in the thread that polls it, for tiny trusted steps."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from time import time
from typing import Any

from manyhands.executors.far import Attempts, WorkerContext
from manyhands.model.outcomes import AttemptKey, Failure, Launch, Report, key_of
from manyhands.model.states import Cause


class InlineExecutor:
    """Queues what is started; each `poll` runs the next attempt. Nothing runs while nobody polls, so an attempt that
    has begun cannot be canceled from outside."""

    name = "inline"

    def __init__(self, slots: int = 1, settings: dict[str, Any] | None = None) -> None:
        self.slots = slots
        self._attempts = Attempts(WorkerContext(dict(settings or {}), f"inline:{os.getpid()}"), interruptible=True)
        self._queue: deque[Launch] = deque()
        self._ready: list[Report] = []

    @property
    def context(self) -> WorkerContext:
        """What entries are called with; a driver keeps there what it has made already."""
        return self._attempts.context

    def start(self, launches: Sequence[Launch]) -> None:
        self._queue.extend(launches)

    def backlog(self) -> int:
        return 0

    def poll(self) -> list[Report]:
        """What was canceled since the last call, or else the report of one attempt, run now. An interrupt (Ctrl-C)
        in the middle of an attempt comes through, and the attempt is reported by the next call."""
        if self._ready:
            reports, self._ready = self._ready, []
            return reports
        if not self._queue:
            return []
        launch = self._queue.popleft()
        began = time()
        try:
            report = self._attempts.run(launch)
        except KeyboardInterrupt:
            self._ready.append(self._canceled(launch, "was interrupted", began))
            raise
        report.worker = self._attempts.context.worker
        return [report]

    def fileno(self) -> int | None:
        return None

    def deadline(self) -> float | None:
        return None

    def began(self, attempt: AttemptKey) -> float | None:
        return None

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        wanted = set(attempts)
        kept: deque[Launch] = deque()
        for launch in self._queue:
            if key_of(launch) in wanted:
                self._ready.append(self._canceled(launch, "was canceled before it began", time()))
            else:
                kept.append(launch)
        self._queue = kept

    def close(self) -> None:
        self._queue.clear()
        self._ready.clear()

    def _canceled(self, launch: Launch, message: str, began: float) -> Report:
        outcome = Failure(Cause.CANCELED, message, retryable=False)
        worker = self._attempts.context.worker
        return Report(launch.run, launch.task, launch.attempt, outcome, began, time(), worker)
