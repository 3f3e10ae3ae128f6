"""Pruner: removes what retention no longer keeps."""

from __future__ import annotations

from manyhands.engine.loop import Loop
from manyhands.ports.clock import Clock
from manyhands.ports.store import Keeping

DAY = 86_400.0


class Pruner(Loop):
    """Removes runs that ended more than `days` days ago, with all that nothing else refers to."""

    def __init__(self, store: Keeping, clock: Clock, *, days: float, interval: float = DAY, first: float) -> None:
        super().__init__(interval, first=first)
        self._store = store
        self._clock = clock
        self._days = days

    def tick(self) -> None:
        now = self._clock.now()
        self._store.prune(now - self._days * DAY, now)
