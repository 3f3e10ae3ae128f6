"""The client, which is what a face asks of the engine: submit, wait, resume, fork, cancel, delete."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from manyhands.codecs import plain
from manyhands.engine.drive import Drive
from manyhands.engine.forking import plan_fork
from manyhands.engine.handle import Reference, RunReference, StepReference
from manyhands.engine.loading import has_output, load
from manyhands.engine.placement import Placement
from manyhands.engine.service import Engine
from manyhands.model.errors import OptionError, RunActive, RunIdInUse, RunNotFound, TaskNotFound
from manyhands.model.records import NewRun, RunRecord
from manyhands.model.specs import TaskSpec
from manyhands.model.states import RUN_TERMINAL, RunStatus

RESUMABLE = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.RESUMABLE, RunStatus.FAILED, RunStatus.CANCELED)
"""Stored statuses from which a run can be taken up when nobody drives it."""


class Client:
    """The verbs of one engine. Any thread may call them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._store = engine.store
        self._placement = Placement(engine.executors)
        self._opening = threading.Lock()

    # --- start -----------------------------------------------------------------------------------------------------

    def start(
        self,
        run_id: str | None,
        specs: Sequence[TaskSpec],
        *,
        kind: str,
        metadata: dict[str, Any],
        entry: int = 0,
        detach: bool = False,
    ) -> Reference:
        """Start a run of these tasks and return at once; it is durable when its reference is first waited for, or
        `secure`d. An id that exists takes that run up, or refers to its result, if it was made from the same tasks.

        Errors: `RunActive`, `RunIdInUse`, `CycleError`, `OptionError` for an executor that there is not.
        """
        self._placement.check(specs)
        digest = definition(specs)
        if run_id is None:
            run_id = new_run_id()
        else:
            existing = self._store.run(run_id)
            if existing is not None:
                return self._again(existing, digest)
        now = self.engine.clock.now()
        new_run = NewRun(run_id, kind, digest, entry, metadata, now, detached=detach)
        drive = Drive.begin(new_run, specs, now)
        if detach:
            return self._detach(drive)
        self.engine.submit(drive)
        return RunReference(self.engine, run_id, drive)

    def secure(self, reference: Reference) -> None:
        """Have a started run committed, and driven though nobody waits for it. Errors: as its commit may raise."""
        drive = reference.drive if isinstance(reference, RunReference) else None
        if drive is None:
            return
        self.engine.run_until(lambda: drive.key is not None or drive.done)
        if drive.done and drive.key is None and drive.error is not None:
            raise drive.error
        self.engine.in_background()

    def _again(self, record: RunRecord, digest: bytes) -> Reference:
        if self._is_driven(record):
            raise RunActive(record.run_id)
        if record.definition != digest:
            raise RunIdInUse(record.run_id, record.status.value)
        return self._take_up(record)

    def _detach(self, drive: Drive) -> Reference:
        changes = drive.take_changes()
        self._store.commit([changes])
        self.engine.wake()
        return RunReference(self.engine, drive.run_id)

    # --- take up ---------------------------------------------------------------------------------------------------

    def resume(self, run_id: str) -> Reference:
        """Take up a run that nobody drives; one that has succeeded is not run again.

        Errors: `RunNotFound`, `RunActive`.
        """
        record = self.record(run_id)
        if self._is_driven(record):
            raise RunActive(run_id)
        return self._take_up(record)

    def _take_up(self, record: RunRecord) -> Reference:
        statuses: tuple[RunStatus, ...] = RESUMABLE
        if record.status is RunStatus.SUCCEEDED:
            if self._has_result(record):
                return RunReference(self.engine, record.run_id)
            statuses = (RunStatus.SUCCEEDED,)
        return self.open(record, statuses)

    def open(self, record: RunRecord, statuses: Sequence[RunStatus]) -> Reference:
        """Take the run's lease and drive it. Errors: `RunActive` when somebody else was faster,
        `OptionError` when a task asks for more than there is here."""
        engine = self.engine
        engine.refuse_in_place()
        engine.start()
        with self._opening:  # two threads may want the same run; the second then sees that the first has it
            now = engine.clock.now()
            dead = engine.dead(self.record(record.run_id), now)
            opened = self._store.open_session(record.run_id, engine.record.id, now, dead=dead, statuses=statuses)
            drive = load(self._store, opened, now)
            self._drive(drive, now)
        return RunReference(engine, record.run_id, drive)

    def _drive(self, drive: Drive, now: float) -> None:
        """Drive a run whose session is open. Errors: `OptionError`, and the run is left to be taken up elsewhere."""
        try:
            self._placement.check(job.spec for job in drive.jobs)
        except OptionError:
            self._store.forget_lease(drive.key or 0, drive.epoch, now)
            raise
        self.engine.submit(drive)

    def _has_result(self, record: RunRecord) -> bool:
        entry = self._store.tasks(record.key, after=record.entry - 1, limit=1)[0]
        if entry.caught or entry.source is None:
            return has_output(entry)
        return has_output(self._store.tasks(record.key, after=entry.source - 1, limit=1)[0])

    def fork(
        self, run_id: str, *, from_step: str, inputs: dict[str, Any] | None = None, new_id: str | None = None
    ) -> Reference:
        """Run again from a step on, as a new run; everything before it is taken over with its results.

        `inputs`: new values for arguments of that step, by name. Errors: `RunNotFound`, `TaskNotFound`, `RunActive`,
        `RunIdInUse`, `CallError` for an argument that the step does not have.
        """
        record = self.record(run_id)
        if self._is_driven(record):
            raise RunActive(run_id)
        tasks = self._store.tasks(record.key)
        start = next((task for task in tasks if task.name == from_step), None)
        if start is None:
            raise TaskNotFound(run_id, from_step)
        if new_id is not None and self._store.run(new_id) is not None:
            raise RunIdInUse(new_id, self.record(new_id).status.value)
        plan = plan_fork(self._store, self.engine.kit, record, tasks, start, inputs or {})
        self.engine.refuse_in_place()
        self.engine.start()
        with self._opening:
            now = self.engine.clock.now()
            if self.engine.dead(record, now):
                self._store.forget_lease(record.key, record.epoch, now)
            made = self._store.fork(run_id, new_id or new_run_id(), self.engine.record.id, now, plan)
            drive = load(self._store, made, now)
            self._drive(drive, now)
        return RunReference(self.engine, made.run_id, drive)

    # --- look, and end ---------------------------------------------------------------------------------------------

    def record(self, run_id: str) -> RunRecord:
        """Errors: `RunNotFound`."""
        record = self._store.run(run_id)
        if record is None:
            raise RunNotFound(run_id)
        return record

    def status(self, record: RunRecord) -> RunStatus:
        """The run's status as of now: `resumable` where its driver is gone, whatever is stored."""
        return RunStatus.RESUMABLE if self.engine.is_left(record) else record.status

    def output(self, run_id: str, name: str | None = None) -> Reference:
        """A reference to the output of a step of a run, or of the run. Errors: `RunNotFound`."""
        record = self.record(run_id)
        drive = self.engine.driver.drives.get(record.key)
        if name is None and drive is not None:
            return RunReference(self.engine, run_id, drive)
        return StepReference(self.engine, run_id, name)

    def cancel(self, run_id: str) -> None:
        """Cancel a run: it is `canceled` when this returns, and its running attempts are being stopped.

        Errors: `RunNotFound`, `RunFinished`.
        """
        before = self._store.cancel(run_id, self.engine.clock.now(), "")
        driver = self.engine.driver
        if before.key in driver.drives or driver.fresh:
            driver.ask(driver.recheck)
            drive = driver.drives.get(before.key)
            self.engine.run_until(lambda: drive is None or drive.done, deadline=time.monotonic() + 1.0)
        elif before.engine is not None:
            self.engine.wake([before.engine.id])

    def delete(self, run_id: str) -> None:
        """Remove a run that is not being driven. Errors: `RunNotFound`, `RunActive`."""
        record = self.record(run_id)
        if self._is_driven(record):
            raise RunActive(run_id)
        now = self.engine.clock.now()
        self._store.delete(run_id, now, dead=self.engine.dead(record, now))

    def _is_driven(self, record: RunRecord) -> bool:
        if record.status in RUN_TERMINAL or record.engine is None:
            return False
        return not self.engine.dead(record, self.engine.clock.now())


def new_run_id() -> str:
    """An id for a run that was given none: random, and sorted by time within its second part."""
    digits = os.urandom(16).hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"{'-'.join(parts)}.{time.time():.9f}"


def definition(specs: Sequence[TaskSpec]) -> bytes:
    """Digest of what a run is made from: its steps, how they depend on each other, and their plain inputs.

    Pickled inputs are left out, because the same object may be pickled to other bytes in another process.
    """
    digest = blake2b(digest_size=16)
    for spec in specs:
        inputs = spec.inputs
        stable = inputs.data or (inputs.blob or "").encode() if inputs.codec == plain.CODEC else b"?"
        digest.update(f"{spec.label}\0{spec.base}\0{spec.upstreams}\0{len(stable)}\0".encode())
        digest.update(stable)
    return digest.digest()
