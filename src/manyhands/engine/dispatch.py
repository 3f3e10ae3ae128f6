"""Dispatch: which ready tasks start now, and what is handed to the executors once that is committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from manyhands.engine.caching import Caching
from manyhands.engine.collect import Collector
from manyhands.engine.drive import Drive, Job
from manyhands.engine.outputs import Outputs
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.model.errors import ManyhandsError
from manyhands.model.outcomes import AttemptKey, Failure, Launch, Report, key_of
from manyhands.model.records import TaskMove
from manyhands.model.specs import ACTOR_CALLS, SIGNAL, TIMER, WAIT, WAITING, Call
from manyhands.model.states import Cause, Reason
from manyhands.ports.executor import Executor

log = logging.getLogger("manyhands")

ENTRY = "manyhands.worker.entry:run"
"""What the far side calls with the bytes of a `Call`."""

_encoder = msgspec.msgpack.Encoder()


class Dispatcher:
    """Offers the executors' free slots to the runs in turn, and launches what they start."""

    def __init__(
        self,
        executors: Mapping[str, Executor],
        outputs: Outputs,
        caching: Caching,
        collector: Collector,
        room: WaitingRoom,
    ) -> None:
        self._room = room
        self._executors = executors
        self._outputs = outputs
        self._caching = caching
        self._collector = collector
        self.taken = dict.fromkeys(executors, 0)
        """Slots of each executor that are under way, or are about to be."""
        self._flying: dict[str, dict[AttemptKey, int]] = {name: {} for name in executors}
        """What each executor has yet to report, with the slots that it takes."""
        self._started: list[tuple[Drive, TaskMove]] = []
        self._unstarted: dict[str, list[Report]] = {}
        """Reports of what an executor did not take."""

    def offer(self, drive: Drive, now: float) -> None:
        """Let a run start what it can; the starts are added to its changes."""
        machine = drive.machine
        for name in machine.executors:
            executor = self._executors[name]
            room = executor.slots + executor.backlog() - self.taken[name]
            while room > 0:
                moves = machine.offer(name, room, now)
                if not moves:
                    break
                taken = self._take(drive, moves, now)
                if taken == len(moves):
                    break
                room -= taken

    def _take(self, drive: Drive, moves: list[TaskMove], now: float) -> int:
        """Note the starts; returns the slots taken. A task whose result is cached, or is being computed by an equal
        call, is not started."""
        taken = 0
        for move in moves:
            job = drive.jobs[move.task]
            spec = job.spec
            if spec.function_key is not None and not self._is_to_be_computed(drive, move, now):
                continue
            if spec.kind in WAITING and not self._has_something_to_wait_for(drive, move, now):
                continue
            move.worker = spec.options.executor
            drive.changes.moves.append(move)
            drive.dirty = True
            self._started.append((drive, move))
            self.taken[spec.options.executor] += spec.options.slots
            taken += spec.options.slots
        return taken

    def _is_to_be_computed(self, drive: Drive, move: TaskMove, now: float) -> bool:
        """False when the task need not start: it has its result now, has failed, or waits for an equal call."""
        try:
            entry = self._caching.look(drive, move, now)
            if entry is None:
                return self._caching.claim(drive, move, now)
        except ManyhandsError as error:
            self._refuse(drive, move, error, now)
            return False
        self._collector.satisfied(drive, self._caching.satisfy(drive, move, entry, now), entry.value)
        return False

    def _has_something_to_wait_for(self, drive: Drive, move: TaskMove, now: float) -> bool:
        """Fix what the task waits for and until when, so that a resume waits for the rest only. False when its inputs
        say nothing that can be waited for: it has failed."""
        job = drive.jobs[move.task]
        try:
            results = [] if job.spec.kind == WAIT else [self._outputs.input(drive, place) for place in job.upstreams]
            job.waiting = waiting = self._room.waiting(job.spec, results, job.due_at, now)
        except ManyhandsError as error:
            self._refuse(drive, move, error, now)
            return False
        if waiting.kind == WAIT:
            waiting.tasks = job.upstreams
            drive.gatherings.add(move.task)
        move.due_at = waiting.until
        move.reason = (
            Reason.TIME if waiting.kind == TIMER else Reason.SIGNAL if waiting.kind == SIGNAL else Reason.UPSTREAM
        )
        move.message = waiting.key
        return True

    def _refuse(self, drive: Drive, move: TaskMove, error: ManyhandsError, now: float) -> None:
        """The task has failed before it began."""
        drive.changes.moves.append(move)
        failure = self._collector.refusal(error)
        self._collector.collect(drive, Report(drive.key or 0, move.task, move.attempt, failure, now, now), now)

    def launch(self, now: float) -> list[tuple[Drive, TaskMove]]:
        """Hand to the executors what has been started and committed; returns it. What cannot be handed over is lost."""
        started, self._started = self._started, []
        batches: dict[str, list[Launch]] = {}
        for drive, move in started:
            job = drive.jobs[move.task]
            executor = job.spec.options.executor
            attempt = (drive.key or 0, move.task, move.attempt)
            self._flying[executor][attempt] = job.spec.options.slots
            batch = batches.get(executor)
            if batch is None:
                batch = batches[executor] = []
            try:
                batch.append(self._launch_of(drive, move.task, move.attempt, job))
            except Exception as error:  # noqa: BLE001 - it is reported as the end of the attempt
                self._unstarted.setdefault(executor, []).extend(_lost([attempt], executor, error, now))
        for name, batch in batches.items():
            try:
                self._executors[name].start(batch)
            except Exception as error:  # noqa: BLE001 - as above
                attempts = [key_of(launch) for launch in batch]
                self._unstarted.setdefault(name, []).extend(self._lose(name, attempts, error, now))
        return started

    def poll(self, name: str, now: float) -> list[Report]:
        """All reports of an executor that are there now. One that fails has lost all that it had."""
        try:
            reports = self._executors[name].poll()
        except Exception as error:  # noqa: BLE001 - it is reported as the end of the attempts
            reports = self._lose(name, list(self._flying[name]), error, now)
        return self._unstarted.pop(name) + reports if name in self._unstarted else reports

    def _lose(self, name: str, attempts: Sequence[AttemptKey], error: Exception, now: float) -> list[Report]:
        """The executor has failed with these attempts, of which it may have begun some: they are stopped."""
        self._executors[name].cancel(attempts, 0.0)
        return _lost(attempts, name, error, now)

    def _launch_of(self, drive: Drive, task: int, attempt: int, job: Job) -> Launch:
        spec = job.spec
        slots = spec.options.slots
        key = drive.key or 0
        if job.waiting is not None:
            return Launch(key, task, attempt, ENTRY, _encoder.encode(job.waiting), slots, spec.label)
        results = [self._outputs.input(drive, upstream) for upstream in job.upstreams] if job.upstreams else []
        state = drive.state if spec.kind in ACTOR_CALLS else None
        code = drive.code_of(task)
        callers = spec.options.callers
        call = Call(
            code, spec.inputs, results, drive.run_id, job.name, attempt, spec.label, job.checkpoint, state, callers
        )
        return Launch(key, task, attempt, ENTRY, _encoder.encode(call), slots, spec.label)

    def forget(self, drive: Drive) -> None:
        """The drive was given up; what it had started and was not launched is not."""
        kept = []
        for started in self._started:
            if started[0] is drive:
                options = drive.jobs[started[1].task].spec.options
                self.taken[options.executor] -= options.slots
            else:
                kept.append(started)
        self._started = kept

    def landed(self, executor: str, report: Report) -> None:
        """A launch has been reported; its slots are free."""
        self.taken[executor] -= self._flying[executor].pop(key_of(report), 0)


def _lost(attempts: Sequence[AttemptKey], executor: str, error: Exception, now: float) -> list[Report]:
    log.error("Executor %s has lost %d attempt(s).", executor, len(attempts), exc_info=error)
    failure = Failure(Cause.LOST, f"was lost, as its executor '{executor}' failed: {error}")
    return [Report(*attempt, failure, now, now, executor) for attempt in attempts]
