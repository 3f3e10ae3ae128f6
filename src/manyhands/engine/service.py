"""The engine of one process: its parts, who turns its driver, and its start and end."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import NamedTuple

from manyhands.codecs.kit import Kit
from manyhands.engine.drive import Drive
from manyhands.engine.driver import IDLE, Driver
from manyhands.engine.liveness import Liveness
from manyhands.engine.loop import Loops
from manyhands.engine.outputs import Outputs
from manyhands.model.errors import LeaseLost, ManyhandsError, RunActive, WaitInPlace
from manyhands.model.records import EngineRecord, RunRecord
from manyhands.model.states import RUN_TERMINAL, RunStatus
from manyhands.ports.clock import Clock
from manyhands.ports.executor import Executor
from manyhands.ports.store import Store, Wakeable

log = logging.getLogger("manyhands")

NUDGE = 0.1
"""Seconds between looks of a thread that waits for something which another process does and may not tell."""

PARTING = 5.0
"""Seconds that a closing engine waits for the thread that turns its driver."""

OnTurn = Callable[[], None]


class Parts(NamedTuple):
    """What an engine is put together from."""

    store: Store
    kit: Kit
    outputs: Outputs
    executors: Mapping[str, Executor]
    driver: Driver
    loops: Loops
    clock: Clock
    liveness: Liveness
    record: EngineRecord
    max_takeovers: int


class Engine:
    """Drives runs. Whoever waits for a run turns the driver; a thread of its own does so when nobody waits."""

    def __init__(self, parts: Parts, open_wake: Callable[[], Wakeable]) -> None:
        self.record = parts.record
        self.store = parts.store
        self.kit = parts.kit
        self.outputs = parts.outputs
        self.executors = parts.executors
        self.driver = parts.driver
        self.clock = parts.clock
        self.liveness = parts.liveness
        self.max_takeovers = parts.max_takeovers
        self._loops = parts.loops
        self._open_wake = open_wake
        self._wake: Wakeable | None = None
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting = 0
        self._latest = object()
        """Another one whenever something may have changed for those who wait."""
        self._turning: int | None = None
        self._background: threading.Thread | None = None
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._started = False
        self._closed = False
        self._taken: weakref.WeakValueDictionary[str, Drive] = weakref.WeakValueDictionary()
        """The drives of this engine by run; one that was submitted is here before the driver knows of it."""

    # --- start and end ---------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self._closed

    def start(self) -> None:
        """Enroll in the store and begin to heartbeat; done once, before the first session."""
        if self._started:
            return
        with self._starting:
            self._enroll()

    def _enroll(self) -> None:
        if self._started:
            return  # another thread was faster
        self.store.enroll(self.record)
        self._wake = self._open_wake()
        self.driver.bell.listen(self._wake)
        self._loops.start()
        self._started = True

    def wake(self, engines: list[str] | None = None) -> None:
        """Have other engines look at the store."""
        self.start()
        if self._wake is not None:
            self._wake.wake(engines)

    def tell(self, driver: str, run_id: str) -> None:
        """Have the engine that drives a run look into it, as it has a message or was canceled; `""`: none does."""
        if driver == self.record.id:
            drive = self._taken.get(run_id)
            if drive is not None:
                self.driver.ask(lambda: self.driver.look_into(drive))
        elif driver:
            self.wake([driver])

    def close(self) -> None:
        """End in good order: attempts are stopped, unfinished runs become resumable. Safe to call twice."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        self._loops.stop()
        self._stop_turning()
        unfinished = [drive for drive in self.driver.drives.values() if not drive.done]
        for drive in unfinished:
            self.driver.give_up(drive, LeaseLost(drive.key, drive.epoch))
        for executor in self.executors.values():
            executor.close()
        if unfinished:
            log.warning(
                "%d unfinished run(s) can be resumed: %s",
                len(unfinished),
                ", ".join(sorted(drive.run_id for drive in unfinished)),
            )
        if self._started:
            try:
                self.store.retire(self.record.id, self.clock.now())
            except ManyhandsError as error:
                log.warning("The end of this engine could not be written: %s", error)
        if self._wake is not None:
            self._wake.close()
        self.driver.bell.close()
        self.store.close()

    def _stop_turning(self) -> None:
        """Have the background leave the driver; a step that runs in its thread is waited for only so long."""
        self._wanted.set()
        if self._turning != threading.get_ident():
            self.driver.bell.ring()
            background = self._background
            if background is not None and self._turning in (None, background.ident):
                background.join(PARTING)  # it ends as soon as it has the role, which is not given back below
            self.driver.role.acquire(timeout=PARTING)

    # --- runs ------------------------------------------------------------------------------------------------------

    def refuse_in_place(self) -> None:
        """Errors: `WaitInPlace` for a step that runs in the driving thread and would have to wait for itself."""
        if self._turning == threading.get_ident():
            raise WaitInPlace()

    def submit(self, drive: Drive) -> None:
        """Drive this run from the next round on. Errors: `WaitInPlace`; `RunActive` for a new run that another thread
        of this process has just begun."""
        self.refuse_in_place()
        self.start()
        with self._starting:
            taken = self._taken.get(drive.run_id)
            if drive.key is None and taken is not None and not taken.done and taken.end is None:
                raise RunActive(drive.run_id)
            self._taken[drive.run_id] = drive
        self.driver.ask(lambda: self.driver.add(drive))

    def drives(self, record: RunRecord) -> bool:
        """Whether this very engine drives the run now, or is about to."""
        taken = self._taken.get(record.run_id)
        return taken is not None and not taken.done and taken.epoch in (record.epoch, record.epoch + 1)

    def dead(self, record: RunRecord, now: float) -> list[str]:
        """The id of the run's engine if it is dead, or is this one and has given the run up; else nothing."""
        engine = record.engine
        if engine is None:
            return []
        if engine.id == self.record.id:
            return [] if self.drives(record) else [engine.id]
        return self.liveness.dead([engine], now)

    def is_driven(self, record: RunRecord) -> bool:
        """Whether the run is not over and somebody alive drives it."""
        if record.status in RUN_TERMINAL or record.engine is None:
            return False
        return not self.dead(record, self.clock.now())

    def is_left(self, record: RunRecord) -> bool:
        """Whether nobody drives the run, though it is not over, and nobody is about to."""
        if record.status is RunStatus.RESUMABLE:
            return True
        if record.status is not RunStatus.RUNNING:
            return False
        if record.engine is not None and not self.dead(record, self.clock.now()):
            return False
        # Its driver may have come to the run's end, and be gone, since the record was read.
        now = self.store.run(record.run_id)
        return now is not None and now.status is RunStatus.RUNNING and now.epoch == record.epoch

    def is_given_up(self, record: RunRecord) -> bool:
        """Whether nobody drives the run, and no engine service will take it up: it has been too often."""
        return record.takeovers >= self.max_takeovers and self.is_left(record)

    # --- who turns the driver --------------------------------------------------------------------------------------

    def run_until(
        self,
        done: Callable[[], bool],
        *,
        deadline: float | None = None,
        nudge: float | None = None,
        on_turn: OnTurn | None = None,
    ) -> bool:
        """Wait until `done()`; this thread turns the driver if no other does. False when the deadline (monotonic
        seconds) came first. `nudge`: seconds after which to look again though nothing was heard."""
        while True:
            latest = self._latest
            if done():
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self.refuse_in_place()
            if self.driver.role.acquire(blocking=False):
                try:
                    self._turn_until(done, deadline, nudge, on_turn)
                finally:
                    self.driver.role.release()
                    self._hand_over()
            else:
                self._wait_for_change(latest, deadline, nudge)
                if on_turn is not None:
                    on_turn()

    def _turn_until(
        self, done: Callable[[], bool], deadline: float | None, nudge: float | None, on_turn: OnTurn | None
    ) -> None:
        longest = IDLE if nudge is None else nudge
        turn = self.driver.turn
        self._turning = threading.get_ident()
        try:
            while not done():
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return
                    longest = min(longest, left)
                turn(longest)
                if on_turn is not None:
                    on_turn()
                self._tell()
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            self._turning = None

    def _abandon(self, error: BaseException) -> None:
        """Something unforeseen came out of a round. Between rounds (Ctrl-C while waiting) all is well and the runs go
        on; in the middle of one the drives in memory may be half told, so they are given up; the store is right."""
        if self.driver.settled:
            return
        for drive in [*self.driver.drives.values(), *self.driver.fresh]:
            self.driver.hand_back(drive, error)
        self.driver.fresh.clear()

    def _wait_for_change(self, latest: object, deadline: float | None, nudge: float | None) -> None:
        """Until something changes that had not when `latest` was read."""
        seconds = NUDGE if nudge is None else nudge
        if deadline is not None:
            seconds = min(seconds, max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._waiting += 1
            try:
                if self._latest is latest:
                    self._changed.wait(seconds)
            finally:
                self._waiting -= 1

    def _tell(self) -> None:
        self._latest = object()
        if self._waiting:  # whoever begins to wait only now sees that it is another
            with self._changed:
                self._changed.notify_all()

    def _hand_over(self) -> None:
        """The thread that turned the driver leaves; another that waits, or the background, takes its place."""
        self._tell()
        if self.driver.drives or self.driver.fresh:
            self.in_background()

    def in_background(self) -> None:
        """See that unfinished runs go on though nobody waits for them."""
        if self.driver.idle or self._closed:
            return
        self._wanted.set()
        if self._background is None:
            self._background = threading.Thread(target=self._drive_on, name="manyhands-driver", daemon=True)
            self._background.start()

    def _drive_on(self) -> None:
        while not self._closed:
            self._wanted.wait()
            self._wanted.clear()
            with self.driver.role:
                try:
                    self._turn_until(self._nothing_to_do, None, None, None)
                except Exception:
                    log.exception("The driver failed; its runs were handed back and can be resumed.")
            self._tell()

    def _nothing_to_do(self) -> bool:
        return self.driver.idle or self._closed
