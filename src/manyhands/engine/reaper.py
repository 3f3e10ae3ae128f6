"""Reaper: finds runs whose driver is gone and says so in the journal."""

from __future__ import annotations

from manyhands.engine.liveness import Liveness
from manyhands.engine.loop import Loop
from manyhands.ports.clock import Clock
from manyhands.ports.store import Store


class Reaper(Loop):
    """Marks the runs of dead engines `resumable`, and retires these engines."""

    def __init__(self, store: Store, liveness: Liveness, clock: Clock, *, interval: float) -> None:
        super().__init__(interval, first=0.0)
        self._store = store
        self._liveness = liveness
        self._clock = clock

    def tick(self) -> None:
        now = self._clock.now()
        dead = self._liveness.dead(self._store.engines(), now)
        if not dead:
            return
        self._store.mark_resumable(dead, now)
        for engine in dead:
            self._store.retire(engine, now)
