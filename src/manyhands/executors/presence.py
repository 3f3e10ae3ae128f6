"""The executor of tasks that last for as long as something else does: whoever that is says when they end."""

from __future__ import annotations

from collections.abc import Sequence
from time import time

from manyhands.model.outcomes import AttemptKey, Failure, Launch, Outcome, Report, key_of
from manyhands.model.specs import PRESENCE
from manyhands.model.states import Cause

ENDLESS = 1 << 40
"""Slots: such a task costs a few bytes."""


class PresenceExecutor:
    """Runs nothing: an attempt is under way until `end` is called for its run."""

    name = PRESENCE
    slots = ENDLESS

    def __init__(self) -> None:
        self._present: dict[AttemptKey, float] = {}
        self._reports: list[Report] = []

    def start(self, launches: Sequence[Launch]) -> None:
        now = time()
        self._present.update((key_of(launch), now) for launch in launches)

    def holds(self, run: int) -> bool:
        """Whether an attempt of the run is under way; from any thread."""
        return any(attempt[0] == run for attempt in tuple(self._present))

    def end(self, run: int, outcome: Outcome) -> None:
        """Every attempt of the run that is under way has come to this; called by the thread that drives."""
        self._leave([attempt for attempt in self._present if attempt[0] == run], outcome)

    def _leave(self, attempts: Sequence[AttemptKey], outcome: Outcome) -> None:
        now = time()
        for attempt in attempts:
            self._reports.append(Report(*attempt, outcome, self._present.pop(attempt), now, self.name))

    def backlog(self) -> int:
        return 0

    def poll(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    def fileno(self) -> int | None:
        return None

    def deadline(self) -> float | None:
        return None

    def began(self, attempt: AttemptKey) -> float | None:
        return self._present.get(attempt)

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        known = [attempt for attempt in attempts if attempt in self._present]
        self._leave(known, Failure(Cause.CANCELED, "was canceled", retryable=False))

    def close(self) -> None:
        self._present.clear()
        self._reports.clear()
