"""Heartbeat: keeps this engine's leases, all by one row."""

from __future__ import annotations

from manyhands.engine.driver import Driver
from manyhands.engine.loop import Loop
from manyhands.model.records import EngineRecord
from manyhands.ports.clock import Clock
from manyhands.ports.store import Engines


class Heartbeat(Loop):
    """Puts off the engine's expiry by `lease` seconds every `interval` seconds, and looks whether leases are lost."""

    def __init__(
        self, store: Engines, driver: Driver, clock: Clock, engine: EngineRecord, *, interval: float, lease: float
    ) -> None:
        super().__init__(interval)
        self._store = store
        self._driver = driver
        self._clock = clock
        self._engine = engine
        self._lease = lease

    def tick(self) -> None:
        expires_at = self._clock.now() + self._lease
        if not self._store.heartbeat(self._engine.id, expires_at):
            self._engine.expires_at = expires_at
            self._store.enroll(self._engine)
        if self._driver.drives:
            self._driver.bell.announce()
