"""Calls of runs that take them: handed to the driver here, left as messages for one elsewhere, or driven here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from manyhands.engine.drive import Drive
from manyhands.engine.handle import Reference, elsewhere
from manyhands.engine.mailbox import pack
from manyhands.engine.running import refuse_circle, wait_for, waiting_here
from manyhands.engine.service import Engine, OnTurn
from manyhands.engine.tickets import Ticket
from manyhands.model.errors import (
    LeaseLost,
    ManyhandsError,
    OptionError,
    RunActive,
    RunCanceled,
    RunNotFound,
    RunNotResumable,
)
from manyhands.model.messages import CALL
from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.specs import TaskSpec
from manyhands.model.states import RUN_TERMINAL, TASK_TERMINAL, RunStatus, TaskStatus

log = logging.getLogger("manyhands")

CALLABLE = tuple(status for status in RunStatus if status is not RunStatus.CANCELED)
"""Statuses in which a run may be called: a failed one tries again what failed before it comes to the new call."""

TAKEN_AWAY = (LeaseLost, RunCanceled, RunActive, RunNotResumable, RunNotFound)
"""Errors of a run that is driven here no more, but may be elsewhere."""

LEFT = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.RESUMABLE)
"""Statuses in which a run that nobody drives is not over."""

Open = Callable[[RunRecord, Sequence[RunStatus], "Ticket | None"], "Drive | None"]
"""Take a run's lease and drive it, with the call as its first work."""

TakeUp = Callable[[RunRecord], "Drive | None"]
"""Drive a run whose driver is gone; None when somebody else was faster, or it is over."""


class Caller:
    """Brings calls to wherever their run is driven. `open_run` drives one here that nobody drives."""

    def __init__(self, engine: Engine, open_run: Open) -> None:
        self._engine = engine
        self._open = open_run
        self._errands: set[CallReference] = set()
        """Calls that were left as messages for runs that other processes drive."""

    def call(self, run_id: str, specs: list[TaskSpec], *, attended: bool = False) -> Reference:
        """Add a call; it is durable when this returns. Errors: `RunNotFound`, `RunCanceled`;
        `WaitForItself` for one that is waited for (`attended`) by what the run itself waits for."""
        engine = self._engine
        engine.refuse_in_place()
        if attended:
            refuse_circle(run_id, specs[0].label.rpartition(".")[2])
            wait_for(specs, waiting_here())
        while True:
            record = engine.store.run(run_id)
            if record is None:
                raise RunNotFound(run_id)
            if record.status is RunStatus.CANCELED:
                raise RunCanceled(run_id)
            if engine.drives(record):
                reference = self._hand_over(record, specs, attended)
            elif engine.is_driven(record):
                reference = self._leave_message(record, specs)
            else:
                reference = self._drive(record, specs, attended)
            if reference is not None:
                return reference

    def _hand_over(self, record: RunRecord, specs: list[TaskSpec], attended: bool) -> Reference | None:
        ticket = Ticket(specs)
        driver = self._engine.driver
        driver.ask(lambda: driver.enter(record.key, ticket))
        reference = self._entered(record, ticket, attended)
        if reference is None:
            self._engine.run_until(lambda: not self._engine.drives(record))
        return reference

    def _drive(self, record: RunRecord, specs: list[TaskSpec], attended: bool) -> Reference | None:
        ticket = Ticket(specs)
        try:
            self._open(record, CALLABLE, ticket)
        except (RunActive, RunNotResumable):
            return None  # somebody was faster
        return self._entered(record, ticket, attended)

    def _entered(self, record: RunRecord, ticket: Ticket, attended: bool) -> Reference | None:
        self._engine.run_until(lambda: ticket.done or (ticket.entered and not attended))
        if ticket.refused:
            if ticket.error is not None and not isinstance(ticket.error, TAKEN_AWAY):
                raise ticket.error
            return None
        if not attended:
            self._engine.in_background()
        return CallReference(self._engine, record, self._take_up, ticket=ticket)

    def _leave_message(self, record: RunRecord, specs: list[TaskSpec]) -> Reference | None:
        engine = self._engine
        posted = engine.store.post(record.run_id, CALL, specs[0].label, pack(engine.kit, specs), engine.clock.now())
        if posted is None:
            return None
        message, driver = posted
        engine.tell(driver, record.run_id)
        reference = CallReference(engine, record, self._take_up, message=message)
        self._errands.add(reference)
        return reference

    def see_to(self) -> None:
        """See that calls which were left for other processes are done though nobody waits for them."""
        for errand in list(self._errands):
            try:
                open_still = errand.see_to()
            except (RunNotFound, OptionError):
                open_still = False  # it is gone, or it needs what there is not here
            except (ManyhandsError, OSError) as error:
                log.warning("A call of %s cannot be seen to now: %s", errand.run_id, error)
                open_still = True
            if not open_still:
                self._errands.discard(errand)

    def _take_up(self, record: RunRecord) -> Drive | None:
        try:
            return self._open(record, LEFT, None)
        except (RunActive, RunNotResumable, RunNotFound, LeaseLost):
            return None


class CallReference(Reference):
    """What one call of a run will come to: of a call that entered here by its ticket, else by its message."""

    def __init__(
        self,
        engine: Engine,
        record: RunRecord,
        take_up: TakeUp,
        *,
        ticket: Ticket | None = None,
        message: int | None = None,
    ) -> None:
        super().__init__(engine, record.run_id)
        self._key = record.key
        self._take_up = take_up
        self._drive: Drive | None = None
        self._ticket = ticket
        self.in_store = ticket is None
        self._message = message

    def __repr__(self) -> str:
        return f"<result of a call of {self.run_id!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        self._wait_for_store(lambda: self._find()[1] is not None, None, None)
        _, task = self._find()
        return elsewhere, (self.run_id, None if task is None else task.name)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        if deadline is None:
            refuse_circle(self.run_id)
        ticket = self._ticket
        if ticket is not None:
            if not self.engine.run_until(lambda: ticket.done, deadline=deadline, on_turn=on_turn):
                return False
            if ticket.value is not None:
                return True
        while True:
            if not self._wait_for_store(self._is_settled_or_left, deadline, on_turn):
                return False
            record, task = self._find()
            if self._is_settled(record, task):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self._go_on(record)

    def see_to(self) -> bool:
        """Have the run driven here if its driver is gone; False once the call is over."""
        record, task = self._find()
        if self._is_settled(record, task):
            return False
        if self.engine.is_left(record):
            self._go_on(record)
            self.engine.in_background()
        return True

    def _go_on(self, record: RunRecord) -> None:
        self._drive = self._take_up(record) or self._drive

    def _find(self) -> tuple[RunRecord, TaskRecord | None]:
        store = self.engine.store
        record = store.run(self.run_id)
        if record is None or record.key != self._key:
            raise RunNotFound(self.run_id)
        ordinal = self._ticket.ordinal if self._ticket is not None else None
        if self._message is not None:
            message = store.message(self._message)
            ordinal = None if message is None else message.task
        if ordinal is None:
            return record, None
        return record, self.engine.outputs.task(record, ordinal)

    def _is_settled_or_left(self) -> bool:
        record, task = self._find()
        return self._is_settled(record, task) or self.engine.is_left(record)

    def _is_settled(self, record: RunRecord, task: TaskRecord | None) -> bool:
        return _is_over(record, task) or self._given_up(record) is not None

    def _given_up(self, record: RunRecord) -> Exception | None:
        """Why the run could not be driven when it was taken up here; for this call that is not tried again."""
        error = None if self._drive is None else self._drive.error
        if not isinstance(error, Exception) or isinstance(error, TAKEN_AWAY):
            return None
        return error if self.engine.is_left(record) else None

    def _value(self) -> Any:
        ticket = self._ticket
        if ticket is not None and ticket.value is not None:
            return self.engine.kit.values.decode(ticket.value, f"the result of a call of {self.run_id}")
        record, task = self._find()
        outputs = self.engine.outputs
        given_up = self._given_up(record)
        if given_up is not None and not _is_over(record, task):
            raise given_up
        if task is None:
            raise RunCanceled(self.run_id)
        if record.status is RunStatus.CANCELED and task.status is not TaskStatus.SUCCEEDED:
            raise RunCanceled(self.run_id)
        if task.status not in TASK_TERMINAL and _is_over(record, task):
            raise outputs.failure_before(record, task)
        return outputs.of_task(record, task)


def _is_over(record: RunRecord, task: TaskRecord | None) -> bool:
    """Whether nothing will come of a call unless its run is called, or resumed, anew."""
    if record.status in RUN_TERMINAL:
        return True
    # A run that names what failed in it was left because of that, not because its driver is gone.
    return task is not None and (task.status in TASK_TERMINAL or record.source is not None)
