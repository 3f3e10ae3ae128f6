"""Collect: what the reports of executors mean for the runs, as changes to be committed."""

from __future__ import annotations

import random

from manyhands.codecs.kit import Kit
from manyhands.engine.drive import Drive
from manyhands.engine.outputs import Outputs
from manyhands.engine.placement import Placement
from manyhands.model.errors import ManyhandsError
from manyhands.model.outcomes import Failure, Forward, Outcome, Report, Returned, Value
from manyhands.model.records import AttemptEnd, TaskMove
from manyhands.model.states import TASK_TERMINAL, AttemptStatus, Cause, TaskStatus
from manyhands.model.values import Encoded

STATUS_OF_CAUSE = {Cause.LOST: AttemptStatus.LOST, Cause.CANCELED: AttemptStatus.STOPPED}
"""How an attempt ended by the cause of its failure; any other cause is a plain failure."""

# Reading a member of an enum costs more than making a whole move does.
_SUCCEEDED = AttemptStatus.SUCCEEDED
_TO_SUCCEEDED = TaskStatus.SUCCEEDED


class Collector:
    """Turns reports into changes. `chance` gives numbers in [0, 1) for the jitter of retries."""

    def __init__(self, kit: Kit, outputs: Outputs, placement: Placement, chance: random.Random) -> None:
        self._kit = kit
        self._placement = placement
        self._outputs = outputs
        self._chance = chance

    def collect(self, drive: Drive, report: Report, now: float, *, origin: int | None = None) -> None:
        """Add what follows from the report to the drive's changes. A report that came too late changes nothing.

        `origin`: the failed task whose failure this one is.
        """
        task, attempt, outcome = report.task, report.attempt, report.outcome
        if not drive.machine.is_running(task, attempt):
            return
        value: Encoded | None = None
        forward_to = None
        if type(outcome) is Value:
            value = outcome.value
        elif type(outcome) is Forward:
            try:
                self._placement.check(outcome.specs)
                forward_to = drive.forward(task, outcome, now)
            except ManyhandsError as error:
                outcome = self.refusal(error)
        chance = self._chance.random() if type(outcome) is Failure else 0.0
        moves = drive.machine.ended(task, attempt, outcome, now, chance, forward_to=forward_to)
        own = moves[0]
        self._describe(drive, own, report, outcome)
        if origin is not None and own.to is TaskStatus.FAILED:
            own.source = origin
        if value is not None and drive.jobs[task].checkpoint:
            own.result = value
        if isinstance(outcome, Value | Forward) and outcome.state is not None:
            drive.now_is(task, outcome.state, now)
        if drive.cache_keys:
            self._for_cache(drive, moves)
        self._settle(drive, moves, value, outcome)
        drive.changes.moves.extend(moves)
        drive.dirty = True

    def _for_cache(self, drive: Drive, moves: list[TaskMove]) -> None:
        """Name the cache key on every move that ends a computation for the cache, well or not."""
        for move in moves:
            known = drive.cache_keys.get(move.task)
            if known is not None:
                move.cache_key, move.cache_expires = known
                if move.to is not TaskStatus.RUNNING:
                    del drive.cache_keys[move.task]

    def refusal(self, error: ManyhandsError) -> Failure:
        """What becomes of a task that cannot go on as it is; trying again would be of no use."""
        saved = self._kit.values.encode(error, "the error") if self._kit.values.allow_pickle else None
        return Failure(Cause.ERROR, str(error), saved, retryable=False)

    def satisfied(self, drive: Drive, moves: list[TaskMove], value: Encoded) -> None:
        """A task was given a cached value instead of being run."""
        moves[0].result = value
        self._settle(drive, moves, value, None)
        drive.changes.moves.extend(moves)
        drive.dirty = True

    def _describe(self, drive: Drive, move: TaskMove, report: Report, outcome: Outcome) -> None:
        """Add to the task's own move how its attempt ended."""
        started, ended = report.started, report.ended
        end = move.attempt_end = AttemptEnd(_SUCCEEDED, started, ended, report.worker, log=report.log)
        if isinstance(outcome, Failure):
            _add_failure(end, outcome)
            move.message = outcome.message
            move.started_at = started
            move.ended_at = ended if move.to is _TO_SUCCEEDED else None
        elif type(outcome) is Returned:
            end.status = AttemptStatus.STOPPED
            waiting = drive.jobs[move.task].waiting
            end.message = "taken back before it began" if waiting is None else "the run has failed meanwhile"
            move.due_at = None if waiting is None else waiting.until
        else:
            move.started_at, move.ended_at = started, ended

    def _settle(
        self,
        drive: Drive,
        moves: list[TaskMove],
        value: Encoded | None,
        outcome: Outcome | None,
    ) -> None:
        """Keep the value for those who are to read it, and let go of what nobody reads any more."""
        wrapped: Encoded | None = None
        for move in moves:
            to = move.to
            if to not in TASK_TERMINAL:
                continue
            drive.has_read(move.task)
            kept: Encoded | None = None
            if to is _TO_SUCCEEDED:
                if move.caught and wrapped is None:
                    wrapped = self._wrap(drive, move, value, outcome)
                kept = wrapped or value
                if kept is not None:
                    drive.keep(move.task, kept)
            if drive.tickets:
                drive.tickets.answer(move.task, kept)
            if drive.gatherings:
                drive.gatherings.ended(move.task, failed=to is not _TO_SUCCEEDED)
                drive.stirred = True

    def _wrap(self, drive: Drive, move: TaskMove, value: Encoded | None, outcome: Outcome | None) -> Encoded:
        """The result of a task that catches: `(value, None)` or `(None, exception)`."""
        what = f"the result of {drive.jobs[move.task].name}"
        if value is not None:
            return self._kit.values.encode((self._kit.values.decode(value, what), None), what)
        if type(outcome) is not Failure:
            raise ManyhandsError(f"{what} was caught without a failure")
        end = AttemptEnd(
            AttemptStatus.FAILED, 0, 0, cause=outcome.cause, message=outcome.message, exception=outcome.exception
        )
        error = self._outputs.exception_of(end, drive.jobs[move.task].name)
        return self._kit.values.encode((None, error), what)


def _add_failure(end: AttemptEnd, failure: Failure) -> None:
    end.status = STATUS_OF_CAUSE.get(failure.cause, AttemptStatus.FAILED)
    end.cause = failure.cause
    end.message = failure.message
    end.exit_code, end.signal = failure.exit_code, failure.signal
    end.exception, end.traceback = failure.exception, failure.traceback
