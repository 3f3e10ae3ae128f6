"""References to what will come: a run's result, or one step's output."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from typing import Any

from manyhands.engine.drive import Drive
from manyhands.engine.service import NUDGE, Engine, OnTurn
from manyhands.model.errors import RunNotFound, TaskNotFound, WaitTimeout
from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.states import RUN_TERMINAL, TASK_TERMINAL, RunStatus

LOOK_AGAIN = 0.5
"""Seconds after which a thread that waits for another process' run looks whether that process still lives."""


class Reference:
    """Something that will have a result. `ref.result(timeout)` waits for it, and so does `await ref`."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine = engine
        self.run_id = run_id

    def result(self, timeout: float | None = None, *, on_turn: OnTurn | None = None) -> Any:
        """Wait, at most `timeout` seconds, and return the value.

        Errors: `WaitTimeout`; `ExecutionError` with the step's own exception as `__cause__`; `RunCanceled`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._wait(deadline, on_turn):
            raise WaitTimeout(self.run_id, timeout)
        return self._value()

    def done(self) -> bool:
        """Whether `result` would return, or raise, at once."""
        return self._wait(0.0, None)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        raise NotImplementedError

    def _value(self) -> Any:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Any]:
        # Whoever awaits runs an event loop, so its module is loaded; loading it here would slow every start.
        loop = sys.modules["asyncio"].get_running_loop()
        return loop.run_in_executor(None, self.result).__await__()  # type: ignore[no-any-return]

    def _wait_for_store(self, done: Callable[[], bool], deadline: float | None, on_turn: OnTurn | None) -> bool:
        """Wait for something that is seen in the store; looked at anew whenever the store has changed."""
        store = self._engine.store
        seen: int | None = None
        answer = False
        again = 0.0

        def look() -> bool:
            # A driver that dies writes nothing, so now and then it is asked though the store has not changed.
            nonlocal seen, answer, again
            changed, now = store.changed(), time.monotonic()
            if changed != seen or now >= again:
                seen, again, answer = changed, now + LOOK_AGAIN, done()
            return answer

        return self._engine.run_until(look, deadline=deadline, nudge=NUDGE, on_turn=on_turn)


class RunReference(Reference):
    """The result of a run; `drive` when this process drives it."""

    def __init__(self, engine: Engine, run_id: str, drive: Drive | None = None) -> None:
        super().__init__(engine, run_id)
        self.drive = drive

    def __repr__(self) -> str:
        return f"<result of run {self.run_id!r}>"

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        drive = self.drive
        if drive is not None:
            return self._engine.run_until(lambda: drive.done, deadline=deadline, on_turn=on_turn)
        return self._wait_for_store(self._is_over, deadline, on_turn)

    def _is_over(self) -> bool:
        return self._record().status in RUN_TERMINAL

    def _record(self) -> RunRecord:
        record = self._engine.store.run(self.run_id)
        if record is None:
            raise RunNotFound(self.run_id)
        return record

    def _value(self) -> Any:
        drive = self.drive
        if drive is not None:
            if drive.error is not None:
                raise drive.error
            value = drive.results.get(drive.entry)
            if value is not None and drive.end is not None and drive.end.to is RunStatus.SUCCEEDED:
                return self._engine.kit.values.decode(value, f"the result of run {self.run_id}")
        return self._engine.outputs.of_run(self._record())


class StepReference(Reference):
    """The output of one step of a run, by name; of the run's entry when the name is None."""

    def __init__(self, engine: Engine, run_id: str, name: str | None) -> None:
        super().__init__(engine, run_id)
        self._name = name

    def __repr__(self) -> str:
        return f"<output of {self._name or 'the entry step'} of run {self.run_id!r}>"

    def _find(self) -> tuple[RunRecord, TaskRecord | None]:
        store = self._engine.store
        record = store.run(self.run_id)
        if record is None:
            raise RunNotFound(self.run_id)
        if self._name is None:
            return record, store.tasks(record.key, after=record.entry - 1, limit=1)[0]
        return record, store.task(record.key, self._name)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        return self._wait_for_store(self._is_settled, deadline, on_turn)

    def _is_settled(self) -> bool:
        record, task = self._find()
        if record.status in RUN_TERMINAL:
            return True
        if task is not None and task.status in TASK_TERMINAL:
            return True
        return self._engine.is_left(record)

    def _value(self) -> Any:
        record, task = self._find()
        if task is None:
            raise TaskNotFound(self.run_id, self._name)
        if self._name is None and record.status in RUN_TERMINAL:
            return self._engine.outputs.of_run(record)
        return self._engine.outputs.of_task(record, task)
