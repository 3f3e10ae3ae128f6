"""References to what will come: a run's result, or one step's output."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Generator
from types import GenericAlias
from typing import Any, ClassVar

from manyhands.codecs.kit import Kit
from manyhands.engine import arrival
from manyhands.engine.beside import in_thread
from manyhands.engine.drive import Drive
from manyhands.engine.running import at_rest, refuse_circle
from manyhands.engine.service import NUDGE, Engine, OnTurn
from manyhands.model.errors import OutputNotReady, RunNotFound, TaskNotFound, WaitTimeout
from manyhands.model.outcomes import Forward
from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.states import RUN_TERMINAL, TASK_TERMINAL
from manyhands.ports.store import Store

LOOK_AGAIN = 0.5
"""Seconds after which a thread that waits for another process' run looks whether that process still lives."""

CONTEXT = "manyhands.engine.context"
"""Where the engine of this process is found; by name, as it stands above."""


class Looks:
    """When a thread that waits for what is in the store looks at it: whenever it has changed, and now and then though
    it has not, as a driver that dies writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: int | None = None
        self._again = 0.0

    def due(self) -> bool:
        """Whether to look now; who is told so does."""
        changed, now = self._store.changed(), time.monotonic()
        if changed == self._seen and now < self._again:
            return False
        self._seen, self._again = changed, now + LOOK_AGAIN
        return True


class Reference:
    """Something that will have a result. `ref.result(timeout)` waits for it, and so does `await ref`.

    It may be an argument of a step, which is then given the result, or be returned by one in place of the result;
    inside a container it stays a reference, also in another process.
    """

    __class_getitem__: ClassVar[Any] = classmethod(GenericAlias)

    in_store = False
    """Whether it is seen in the store, and nowhere else, that it is done."""

    def __init__(self, engine: Engine | None, run_id: str) -> None:
        self._given = engine
        self.run_id = run_id

    @property
    def engine(self) -> Engine:
        """Its engine; of a reference that has come from elsewhere, that of this process."""
        if self._given is None:
            self._given = importlib.import_module(CONTEXT).client().engine
        return self._given

    def __reduce__(self) -> tuple[Any, ...]:
        return elsewhere, (self.run_id, None)

    def __manyhands_forward__(self, kit: Kit) -> Forward:
        return Forward([arrival.spec_of(self, kit)], 0)

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
        return in_thread(lambda go_on: self.result(on_turn=go_on), "await").__await__()

    def _wait_for_store(self, done: Callable[[], bool], deadline: float | None, on_turn: OnTurn | None) -> bool:
        """Wait for something that is seen in the store."""
        looks = Looks(self.engine.store)
        answer = False

        def look() -> bool:
            nonlocal answer
            if looks.due():
                answer = done()
            return answer

        if look():
            return True
        if deadline is not None and time.monotonic() >= deadline:
            return False
        with at_rest():
            return self.engine.run_until(look, deadline=deadline, nudge=NUDGE, on_turn=on_turn)


class RunReference(Reference):
    """The result of a run; `drive` when this process drives it."""

    def __init__(self, engine: Engine, run_id: str, drive: Drive | None = None) -> None:
        super().__init__(engine, run_id)
        self.drive = drive
        self.in_store = drive is None

    def __repr__(self) -> str:
        return f"<result of run {self.run_id!r}>"

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        drive = self.drive
        if drive is not None:
            return self.engine.run_until(lambda: drive.done or drive.answered, deadline=deadline, on_turn=on_turn)
        return self._wait_for_store(self._is_over, deadline, on_turn)

    def _is_over(self) -> bool:
        record = self._record()
        return record.status in RUN_TERMINAL or self.engine.is_given_up(record)

    def _record(self) -> RunRecord:
        record = self.engine.store.run(self.run_id)
        if record is None:
            raise RunNotFound(self.run_id)
        return record

    def _value(self) -> Any:
        drive = self.drive
        if drive is not None:
            if drive.error is not None:
                raise drive.error
            value = drive.results.get(drive.entry) if drive.answered else None
            if value is not None:
                return self.engine.kit.values.decode(value, f"the result of run {self.run_id}")
        record, outputs = self._record(), self.engine.outputs
        if record.status not in RUN_TERMINAL and record.source is None:
            why = f"its run was taken up {record.takeovers} times, and is left alone now. `resume` goes on with it."
            raise OutputNotReady(self.run_id, outputs.task(record, record.entry).name, why)
        return outputs.of_run(record)


def elsewhere(run_id: str, name: str | None) -> Reference:
    """A reference that has come from another process."""
    return StepReference(None, run_id, name)


class StepReference(Reference):
    """The output of one step of a run, by name; of the run's entry when the name is None."""

    in_store = True

    def __init__(self, engine: Engine | None, run_id: str, name: str | None) -> None:
        super().__init__(engine, run_id)
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return elsewhere, (self.run_id, self._name)

    def __repr__(self) -> str:
        return f"<output of {self._name or 'the entry step'} of run {self.run_id!r}>"

    def _find(self) -> tuple[RunRecord, TaskRecord | None]:
        store = self.engine.store
        record = store.run(self.run_id)
        if record is None:
            raise RunNotFound(self.run_id)
        if self._name is None:
            return record, store.tasks(record.key, after=record.entry - 1, limit=1)[0]
        return record, store.task(record.key, self._name)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        if deadline is None and self._name is None:
            refuse_circle(self.run_id)
        return self._wait_for_store(self._is_settled, deadline, on_turn)

    def _is_settled(self) -> bool:
        record, task = self._find()
        if record.status in RUN_TERMINAL:
            return True
        if task is not None and task.status in TASK_TERMINAL:
            return True
        return self.engine.is_left(record)

    def _value(self) -> Any:
        record, task = self._find()
        if task is None:
            raise TaskNotFound(self.run_id, self._name)
        if self._name is None and record.status in RUN_TERMINAL:
            return self.engine.outputs.of_run(record)
        return self.engine.outputs.of_task(record, task)
