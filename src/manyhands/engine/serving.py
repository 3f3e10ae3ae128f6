"""The engine service: a process that drives the runs of a store that nobody else drives."""

from __future__ import annotations

import logging
import threading
import time

from manyhands.engine.calling import LEFT
from manyhands.engine.client import Client
from manyhands.model.errors import ManyhandsError, StateError
from manyhands.model.kinds import APP, SERVICE
from manyhands.model.records import RunRecord
from manyhands.model.states import RunStatus

log = logging.getLogger("manyhands")


class Service:
    """Drives detached runs, and takes up those whose driver is gone, each at most so often as the engine may.

    `poll`: seconds between looks at the store when nobody tells.
    """

    KIND = SERVICE

    def __init__(self, client: Client, *, take_over: bool, poll: float) -> None:
        self._client = client
        self._take_over = take_over
        self._poll = poll
        self._stop = threading.Event()
        self._look_at = 0.0
        self._given_up: set[tuple[str, int]] = set()

    def stop(self) -> None:
        """Have `serve` return; from any thread or signal handler."""
        self._stop.set()
        self._client.engine.driver.bell.ring()

    def serve(self) -> None:
        """Drive until `stop`; then hand unfinished runs back and close the engine."""
        engine = self._client.engine
        engine.start()
        try:
            while not self._stop.is_set():
                engine.run_until(self._is_time_to_look, nudge=self._poll)
                if not self._stop.is_set():
                    self.look()
        finally:
            engine.close()

    def _is_time_to_look(self) -> bool:
        return self._stop.is_set() or self._client.engine.driver.bell.heard or time.monotonic() >= self._look_at

    def look(self) -> list[str]:
        """Take up every run that may be; returns their ids."""
        self._look_at = time.monotonic() + self._poll
        engine = self._client.engine
        bell = engine.driver.bell
        bell.heard = False
        bell.announce()
        now = engine.clock.now()
        dead = engine.liveness.dead(engine.store.engines(), now)
        taken = []
        for record in engine.store.unclaimed(now, dead):
            if self._may_take(record):
                try:
                    self._client.open(record, LEFT)
                except (StateError, ManyhandsError) as error:
                    log.info("Run %s was not taken up: %s", record.run_id, error)
                else:
                    taken.append(record.run_id)
        return taken

    def _may_take(self, record: RunRecord) -> bool:
        if record.kind == APP:
            return False
        if record.status is RunStatus.PENDING:
            return True
        if not self._take_over:
            return False
        if record.takeovers < self._client.engine.max_takeovers:
            return True
        known = (record.run_id, record.takeovers)
        if known not in self._given_up:
            self._given_up.add(known)
            log.warning(
                "Run %s has been taken up %d times and is left alone; `manyhands runs resume` takes it up again.",
                record.run_id,
                record.takeovers,
            )
        return False
