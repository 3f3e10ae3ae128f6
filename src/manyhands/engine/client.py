"""The client, which is what a face asks of the engine: submit, wait, resume, fork, cancel, delete."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from hashlib import blake2b
from typing import Any

from manyhands.codecs import plain
from manyhands.engine.calling import LEFT, Caller
from manyhands.engine.drive import Drive
from manyhands.engine.forking import plan_fork
from manyhands.engine.handle import Reference, RunReference, StepReference
from manyhands.engine.line import Line, Place
from manyhands.engine.loading import has_output, load, load_at_rest, spec_of
from manyhands.engine.placement import Placement
from manyhands.engine.service import NUDGE, Engine
from manyhands.engine.tickets import Ticket
from manyhands.model.errors import (
    RunActive,
    RunIdInUse,
    RunNotFound,
    RunNotResumable,
    TaskNotFound,
    UsageError,
    WaitInPlace,
)
from manyhands.model.kinds import ACTOR, APP, CALLED
from manyhands.model.messages import SIGNAL
from manyhands.model.records import NewRun, RunRecord
from manyhands.model.specs import ACTOR_INIT, WORK, TaskSpec
from manyhands.model.states import RUN_TERMINAL, TASK_REOPENINGS, TASK_TERMINAL, Reason, RunStatus, TaskStatus, sources

RESUMABLE = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.RESUMABLE, RunStatus.FAILED, RunStatus.CANCELED)
"""Stored statuses from which a run can be taken up when nobody drives it."""

RESTED_MOST = 256
"""How many runs that were called are kept in mind; of others, what is needed is read from the store."""


class Client:
    """The verbs of one engine. Any thread may call them."""

    def __init__(self, engine: Engine, *, running: int | None = None, waiting: int | None = None) -> None:
        """`running`, `waiting`: how many workflows may go on at once, and how many may wait for that; None: any."""
        self.engine = engine
        self._line = Line(engine, self._begin, running, waiting)
        self._store = engine.store
        self._placement = Placement(engine.executors)
        self._opening = threading.Lock()
        self._rested: dict[int, Drive] = {}
        """The last drives of runs that were called here."""
        self._caller = Caller(engine, self._open_for)

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
        definition: bytes | None = None,
    ) -> Reference:
        """Start a run of these tasks and return at once; it is durable when its reference is first waited for, or
        `secure`d. An id that exists takes that run up, or refers to its result, if it was made from the same tasks.
        `definition`: tells what it is made from, when that is not to be told by its tasks.

        Errors: `RunActive`, `RunIdInUse`, `CycleError`, `LineFull`, `OptionError` for an executor that there is not.
        """
        self._placement.check(specs)
        digest = definition_of(specs) if definition is None else definition
        if run_id is None:
            run_id = new_run_id()
        else:
            existing = self._store.run(run_id)
            if existing is not None:
                return self._again(existing, digest)
        now = self.engine.clock.now()
        with self._line.place(kind, elsewhere=detach) as place:
            new_run = NewRun(run_id, kind, digest, entry, metadata, now, detached=detach or place.waits)
            drive = Drive.begin(new_run, specs, now)
            if detach:
                return self._detach(drive)
            if place.waits:
                return self._wait(drive, place)
            self.engine.submit(drive)
            place.began(drive)
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
        if self.engine.is_driven(record):
            raise RunActive(record.run_id)
        if record.definition != digest:
            raise RunIdInUse(record.run_id, record.status.value)
        return self._take_up(record)

    def _detach(self, drive: Drive) -> Reference:
        changes = drive.take_changes()
        self._store.commit([changes])
        self.engine.wake()
        return RunReference(self.engine, drive.run_id)

    def _wait(self, drive: Drive, place: Place) -> Reference:
        """Have a new run wait in the line; it is in the store, pending."""
        self.engine.refuse_in_place()
        self.engine.start()
        self._store.commit([drive.take_changes()])
        place.enter(drive.run_id)
        return RunReference(self.engine, drive.run_id)

    def _begin(self, run_id: str) -> None:
        """The run's turn has come."""
        self.secure(self.open(self.record(run_id), LEFT))

    # --- take up ---------------------------------------------------------------------------------------------------

    def resume(self, run_id: str) -> Reference:
        """Take up a run that nobody drives; one that has succeeded is not run again.

        Errors: `RunNotFound`, `RunActive`; `UsageError` for an app.
        """
        record = self.record(run_id)
        if self.engine.is_driven(record):
            raise RunActive(run_id)
        if record.kind == APP:
            raise UsageError(
                f"Run '{run_id}' is an app, and only its own program can go on with it: "
                f"`manyhands run app FILE --id {run_id}`."
            )
        return self._take_up(record)

    def _take_up(self, record: RunRecord) -> Reference:
        statuses: tuple[RunStatus, ...] = RESUMABLE
        if record.status is RunStatus.SUCCEEDED:
            if self._has_result(record):
                return RunReference(self.engine, record.run_id)
            statuses = (RunStatus.SUCCEEDED,)
        elif record.run_id in self._line and record.status in LEFT:
            return RunReference(self.engine, record.run_id)
        self._line.leave(record.run_id)  # it was canceled elsewhere while it waited
        with self._line.place(record.kind) as place:
            if not place.waits:
                return self.open(record, statuses, place=place)
            if record.status not in LEFT:
                self._reopen(record, statuses)
            place.enter(record.run_id)
            return RunReference(self.engine, record.run_id)

    def _reopen(self, record: RunRecord, statuses: Sequence[RunStatus]) -> None:
        """A run that was over is to go on, once somebody drives it."""
        now = self.engine.clock.now()
        opened = self._open_session(record, statuses, now, Reason.RESUMED)
        self._store.forget_lease(opened.key, opened.epoch, now)

    def open(
        self,
        record: RunRecord,
        statuses: Sequence[RunStatus],
        *,
        ticket: Ticket | None = None,
        skip: int | None = None,
        place: Place | None = None,
    ) -> RunReference:
        """Take the run's lease and drive it. `ticket`: a call to begin with. `skip`: a task to pass over. `place`: the
        one that is kept for it in the line.

        Errors: `RunActive` when somebody else was faster, `RunNotResumable` for a run of another status, `OptionError`
        when a task asks for more than there is here.
        """
        engine = self.engine
        engine.refuse_in_place()
        engine.start()
        with self._opening:  # two threads may want the same run; the second then sees that the first has it
            now = engine.clock.now()
            if ticket is None:
                drive = self._opened(record, statuses, now, skip=skip)
            else:
                drive = self._called_again(record, now) or self._opened(record, statuses, now, ticket=ticket)
            self._drive(drive, now, ticket)
        self._line.began(drive, place)
        return RunReference(engine, record.run_id, drive)

    def _opened(
        self,
        record: RunRecord,
        statuses: Sequence[RunStatus],
        now: float,
        *,
        ticket: Ticket | None = None,
        skip: int | None = None,
    ) -> Drive:
        """The drive of a run whose session is opened now."""
        reason = Reason.RESUMED if ticket is None else Reason.CALLED
        opened = self._open_session(record, statuses, now, reason)
        with self._or_left(opened.key, opened.epoch, now):
            callers = None
            if opened.epoch == record.epoch + 1:  # nobody had it in between, so it is as it was read before
                if ticket is not None and record.status is RunStatus.SUCCEEDED:
                    return load_at_rest(self._store, opened)
                if record.status in RUN_TERMINAL or record.source is not None:
                    # Whoever waited for what has failed was told so; the new call is what waits for it now.
                    callers = () if ticket is None else ticket.specs[0].options.callers
            return load(self._store, opened, now, skip=skip, callers=callers)

    def _open_session(self, record: RunRecord, statuses: Sequence[RunStatus], now: float, reason: Reason) -> RunRecord:
        me = self.engine.record.id
        dead = [] if record.engine is None else self.engine.dead(self.record(record.run_id), now)
        return self._store.open_session(record.run_id, me, now, dead=dead, statuses=statuses, reason=reason)

    def _called_again(self, record: RunRecord, now: float) -> Drive | None:
        """The drive of a run that was driven here when it came to its end: there is nothing to read, and its first
        commit opens the session."""
        last = self._rested.get(record.key)
        if last is None or not last.done or last.error is not None:
            return None
        if record.status is not RunStatus.SUCCEEDED or last.epoch != record.epoch:
            return None
        return last.again(record, self.engine.record.id, now)

    def _remember(self, drive: Drive) -> None:
        """Keep what is known of a run that is likely to be called again."""
        self._rested.pop(drive.key or 0, None)
        self._rested[drive.key or 0] = drive
        if len(self._rested) > RESTED_MOST:
            del self._rested[next(iter(self._rested))]

    def _open_for(self, record: RunRecord, statuses: Sequence[RunStatus], ticket: Ticket | None) -> Drive | None:
        return self.open(record, statuses, ticket=ticket).drive

    def call(self, run_id: str, specs: list[TaskSpec], *, attended: bool = False) -> Reference:
        """Add a call to a run that takes calls, the first of `specs`; it is durable when this returns.

        Errors: `RunNotFound`, `RunCanceled`, `OptionError` for an executor that there is not.
        """
        self._placement.check(specs)
        return self._caller.call(run_id, specs, attended=attended)

    def see_to_calls(self) -> None:
        """Take up runs that were called from here and are driven by nobody any more."""
        self._caller.see_to()

    def send(self, run_id: str, key: str, payload: Any) -> None:
        """Leave a signal for a run; it is durable when this returns. Errors: `RunNotFound`, `SignalTooLate`,
        `EncodingError`."""
        engine = self.engine
        value = engine.kit.values.encode(payload, f"the payload of the signal '{key}'")
        posted = self._store.post(run_id, SIGNAL, key, value, engine.clock.now())
        if posted is not None:
            engine.tell(posted[1], run_id)

    def skip(self, run_id: str, name: str) -> Reference:
        """Pass over a call of an actor that has failed, and go on with those after it.

        Errors: `RunNotFound`, `TaskNotFound`, `RunActive`, `RunNotResumable`; `UsageError` for the constructor, and
        for a step of a run that is no actor.
        """
        record = self.record(run_id)
        if self.engine.is_driven(record):
            raise RunActive(run_id)
        if record.kind != ACTOR:
            raise UsageError(
                f"Run '{run_id}' is no actor: only calls of actors can be skipped. Fork it, or mend the step."
            )
        task = self._store.task(record.key, name)
        if task is None:
            raise TaskNotFound(run_id, name)
        task = self.engine.outputs.call_of(record, task)
        if task.kind == ACTOR_INIT:
            raise UsageError(f"The constructor of '{run_id}' cannot be skipped: mend its cause, or delete the actor.")
        if task.status in TASK_TERMINAL and task.status not in sources(TASK_REOPENINGS, TaskStatus.RUNNING):
            raise RunNotResumable(run_id, f"its step {task.name} is {task.status.value}; there is nothing to skip.")
        return self.open(record, RESUMABLE, skip=task.ordinal)

    def until_called_out(self, reference: Reference) -> bool:
        """Wait until all calls of a run are over; returns whether the run is too. What a call has left waiting, a
        signal for instance, keeps it open."""
        self.secure(reference)

        def called_out() -> bool:
            record = self.record(reference.run_id)
            return self.engine.outputs.task(record, record.entry).status in TASK_TERMINAL

        self.engine.run_until(lambda: reference.done() or called_out(), nudge=NUDGE)
        return reference.done()

    def retry(self, run_id: str, name: str) -> Reference:
        """Have an app that runs make a call of it once more that has failed; it is asked for when this returns.

        Errors: `RunNotFound`, `TaskNotFound`; `UsageError` for a step of a run of another kind; `RunNotResumable` when
        the app does not run, or the call has not failed.
        """
        record = self.record(run_id)
        if record.kind != APP:
            raise UsageError(f"Run '{run_id}' is no app. `manyhands runs resume {run_id}` tries again what has failed.")
        task = self._store.task(record.key, name)
        if task is None:
            raise TaskNotFound(run_id, name)
        if not self.engine.is_driven(record):
            why = "its app does not run. Run it again under this id: it makes calls again that have failed."
            raise RunNotResumable(run_id, why)
        later = self._store.tasks(record.key, after=task.ordinal)
        newest = [task, *(each for each in later if each.kind == WORK and each.metadata == task.metadata)][-1]
        if task.kind != WORK or newest.status not in sources(TASK_REOPENINGS, TaskStatus.RUNNING):
            why = f"its step {newest.name} is {newest.status.value}; there is nothing to try again."
            raise RunNotResumable(run_id, why)
        return self._caller.call(run_id, [spec_of(self._store, record, task)])

    def _drive(self, drive: Drive, now: float, ticket: Ticket | None = None) -> None:
        """Drive a run whose session is open, with a call to begin with. Errors: `OptionError`, and the run is left to
        be taken up elsewhere."""
        is_open = drive.changes.opening is None  # else its first commit opens the session
        with self._or_left(drive.key or 0, drive.epoch, now) if is_open else nullcontext():
            if ticket is not None:
                self.engine.driver.begin_with(drive, ticket, now)
                self._remember(drive)
            self._placement.check(job.spec for job in drive.jobs)
            self.engine.submit(drive)

    @contextmanager
    def _or_left(self, key: int, epoch: int, now: float) -> Iterator[None]:
        """A session that comes to nothing here is given back at once."""
        try:
            yield
        except BaseException:
            self._store.forget_lease(key, epoch, now)
            raise

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
        if self.engine.is_driven(record):
            raise RunActive(run_id)
        if record.kind in CALLED:
            raise UsageError(f"Run '{run_id}' is of kind {record.kind}: only workflows can be forked.")
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
            with self._or_left(made.key, made.epoch, now):
                drive = load(self._store, made, now, callers=())
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
        self._line.leave(run_id)
        driver = self.engine.driver
        if before.key in driver.drives or driver.fresh:
            self.engine.tell(self.engine.record.id, run_id)
            drive = driver.drives.get(before.key)
            with suppress(WaitInPlace):  # the thread that drives sees to it when this step is over
                self.engine.run_until(lambda: drive is None or drive.done, deadline=time.monotonic() + 1.0)
        elif before.engine is not None:
            self.engine.wake([before.engine.id])

    def delete(self, run_id: str) -> None:
        """Remove a run that is not being driven, and does not wait for that. Errors: `RunNotFound`, `RunActive`."""
        record = self.record(run_id)
        if self.engine.is_driven(record) or (run_id in self._line and record.status in LEFT):
            raise RunActive(run_id)
        self._line.leave(run_id)
        now = self.engine.clock.now()
        self._store.delete(run_id, now, dead=self.engine.dead(record, now))


def new_run_id() -> str:
    """An id for a run that was given none: random, and sorted by time within its second part."""
    digits = os.urandom(16).hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"{'-'.join(parts)}.{time.time():.9f}"


def definition_of(specs: Sequence[TaskSpec]) -> bytes:
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
