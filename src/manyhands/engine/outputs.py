"""What a task or a run came to, as a value or an exception, read from the store."""

from __future__ import annotations

from typing import Any

from manyhands.codecs.kit import Kit
from manyhands.engine.drive import Drive
from manyhands.model.errors import (
    AttemptTimedOut,
    ExecutionError,
    ManyhandsError,
    OutputNotReady,
    RunCanceled,
    StoreCorrupt,
    WorkerLost,
)
from manyhands.model.kinds import ACTOR
from manyhands.model.records import AttemptEnd, RunRecord, TaskRecord
from manyhands.model.specs import ACTOR_CALLS, ACTOR_INIT
from manyhands.model.states import Cause, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Reading


class Outputs:
    """Reads outputs by following forwards to the task that holds the value."""

    def __init__(self, store: Reading, kit: Kit) -> None:
        self._store = store
        self._kit = kit

    def of_run(self, record: RunRecord) -> Any:
        """The run's result. Errors: `ExecutionError` with the step's own exception as its cause, `RunCanceled`,
        `OutputNotReady`."""
        if record.status is RunStatus.CANCELED:
            raise RunCanceled(record.run_id)
        if record.kind == ACTOR and record.status is RunStatus.SUCCEEDED:
            return self.state_of(record)
        if record.source is not None and record.status is not RunStatus.SUCCEEDED:
            raise self.failure_of(record)
        return self.of_task(record, self.task(record, record.entry))

    def state_of(self, record: RunRecord) -> Any:
        """An actor's latest state, as its class gave it to be saved."""
        latest = self._store.states(record.key, latest=True)
        if not latest:
            raise OutputNotReady(record.run_id, "__init__", "the actor has no state yet")
        return self._kit.values.decode(latest[0].value, f"the state of {record.run_id}")

    def of_task(self, record: RunRecord, task: TaskRecord) -> Any:
        """The task's result as its readers see it; the same errors."""
        if task.status is TaskStatus.SUCCEEDED:
            value, error = self._follow(record, task)
            return (value, error) if task.caught or self._end(record, task).caught else value
        if task.status is TaskStatus.FAILED:
            raise self._execution_error(record, task)
        raise OutputNotReady(record.run_id, task.name, _why_not(record, task))

    def encoded(self, record_key: int, run_id: str, ordinal: int) -> Encoded:
        """A succeeded task's result as its readers get it."""
        task = self._by_ordinal(record_key, ordinal)
        end = task if task.caught or task.source is None else self._by_ordinal(record_key, task.source)
        if not end.caught:
            return self._own(record_key, run_id, end)
        value, error = self._view(record_key, run_id, end)
        return self._kit.values.encode((value, error), f"the result of {end.name}")

    def input(self, drive: Drive, ordinal: int) -> Encoded:
        """The same for a task of a run that is driven here: kept in memory for whoever else is to read it."""
        found = drive.results.get(ordinal)
        if found is None:
            found = self.encoded(drive.key or 0, drive.run_id, drive.ordinal(ordinal))
            drive.keep(ordinal, found)
        return found

    def failure_of(self, record: RunRecord) -> ExecutionError:
        """The error of a failed run, with its cause."""
        if record.source is None:
            return ExecutionError(record.run_id, "?", record.message)
        return self._execution_error(record, self.task(record, record.source))

    def failure_before(self, record: RunRecord, call: TaskRecord) -> ExecutionError:
        """The same for whoever waits for a call that comes after the one that failed."""
        error = self.failure_of(record)
        run_id, step, message = error.args
        cure = f"mend the cause and resume '{run_id}'"
        if record.kind == ACTOR and record.source is not None:
            failed = self.call_of(record, self.task(record, record.source))
            if failed.kind != ACTOR_INIT:
                cure += f", or pass that one over by `manyhands runs skip {run_id} {failed.name}`"
        what = f"The call '{call.name}' keeps its place behind that one and need not be made again: {cure}."
        told = ExecutionError(run_id, step, f"{message}\n{what}")
        told.__cause__ = error.__cause__
        return told

    def exception_of(self, end: AttemptEnd, what: str) -> BaseException:
        """The exception that an attempt ended with, made again as well as it can be."""
        if end.exception is not None:
            try:
                error = self._kit.values.decode(end.exception, f"the exception of {what}")
            except ManyhandsError as unreadable:
                error = RuntimeError(end.message)
                error.__cause__ = unreadable
        elif end.cause is Cause.LOST:
            error = WorkerLost(what, end.message)
        elif end.cause is Cause.TIMEOUT:
            error = AttemptTimedOut(what, end.message)
        else:
            error = RuntimeError(end.message)
        if end.traceback:
            error.add_note(f"In the worker:\n{end.traceback}")
        return error  # type: ignore[no-any-return]

    # --- steps of it -----------------------------------------------------------------------------------------------

    def task(self, record: RunRecord, ordinal: int) -> TaskRecord:
        return self._by_ordinal(record.key, ordinal)

    def call_of(self, record: RunRecord, task: TaskRecord) -> TaskRecord:
        """The call of an actor that a task is, was returned by, or is an argument of."""
        while task.parent is not None or task.kind not in ACTOR_CALLS | {ACTOR_INIT}:
            # A call stands right before its arguments.
            task = self.task(record, task.ordinal - 1 if task.parent is None else task.parent)
        return task

    def _by_ordinal(self, key: int, ordinal: int) -> TaskRecord:
        return self._store.tasks(key, after=ordinal - 1, limit=1)[0]

    def _end(self, record: RunRecord, task: TaskRecord) -> TaskRecord:
        return task if task.source is None else self.task(record, task.source)

    def _follow(self, record: RunRecord, task: TaskRecord) -> tuple[Any, BaseException | None]:
        end = task if task.caught else self._end(record, task)
        return self._view(record.key, record.run_id, end)

    def _view(self, key: int, run_id: str, end: TaskRecord) -> tuple[Any, BaseException | None]:
        """Value and caught error of the task at the end of a chain of forwards."""
        if end.caught and not end.saved:
            failed = end if end.source is None else self._by_ordinal(key, end.source)
            error = self._last_error(key, failed)
            if error is not None:
                return None, error
        return self._kit.values.decode(self._own(key, run_id, end), f"the result of {end.name}"), None

    def _own(self, key: int, run_id: str, task: TaskRecord) -> Encoded:
        own = self._store.result(key, task.ordinal)
        if own is None:
            raise OutputNotReady(run_id, task.name, "its result was not saved (checkpoint=False); resume computes it")
        return own

    def _last_error(self, key: int, task: TaskRecord) -> BaseException | None:
        attempts = self._store.attempts(key, task.ordinal)
        if not attempts or attempts[-1].end.cause is None:
            return None
        return self.exception_of(attempts[-1].end, task.name)

    def _execution_error(self, record: RunRecord, task: TaskRecord) -> ExecutionError:
        origin = self._end(record, task)
        cause = self._last_error(record.key, origin)
        if cause is None:
            raise StoreCorrupt(f"the failure of {origin.name}", "no attempt of it has failed")
        error = ExecutionError(record.run_id, origin.name, f"{type(cause).__name__}: {cause}")
        error.__cause__ = cause
        return error


def _why_not(record: RunRecord, task: TaskRecord) -> str:
    if task.status is TaskStatus.STOPPED:
        return "it was stopped. `resume` runs it again."
    if task.status is TaskStatus.RUNNING:
        return "it has not finished."
    if task.status is TaskStatus.SKIPPED:
        return "it was passed over by `skip`."
    if record.status is RunStatus.FAILED:
        return "it was not run, because a step before it failed."
    return "it has not been run yet."
