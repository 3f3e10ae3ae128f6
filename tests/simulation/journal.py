"""What the simulated driver has committed: a plain store of one run, guarded by the table of moves."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from manyhands.model.records import EventRecord, NewTask, RunMove, TaskMove, TaskRecord
from manyhands.model.states import (
    RUN_MOVES,
    RUN_REOPENINGS,
    TASK_MOVES,
    TASK_REOPENINGS,
    Reason,
    RunStatus,
    TaskStatus,
)

PENDING, RUNNING = TaskStatus.PENDING, TaskStatus.RUNNING
REOPENED = frozenset({TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.STOPPED})


class Journal:
    """Tasks and events as a store would hold them."""

    def __init__(self, keep_events: bool) -> None:
        self.run = RunStatus.RUNNING
        self.tasks: list[TaskRecord] = []
        self.events: list[EventRecord] = []
        self._keep_events = keep_events
        self._note(None, 0.0, "running", Reason.STARTED)

    def commit(self, tasks: Sequence[NewTask], moves: Sequence[TaskMove], end: RunMove | None) -> None:
        for task in tasks:
            assert task.ordinal == len(self.tasks)
            self.tasks.append(_record(task))
            self._note(self.tasks[-1], task.created_at, "pending", Reason.CALLED)
        for move in moves:
            self._apply(self.tasks[move.task], move)
        if end is not None:
            assert end.to in RUN_MOVES[self.run], (self.run, end)
            self.run = end.to
            self._note(None, end.at, end.to, end.reason)

    def _apply(self, record: TaskRecord, move: TaskMove) -> None:
        expected = move.attempt - 1 if move.start else move.attempt
        assert record.attempt == expected, f"guard: {move} meets attempt {record.attempt}"
        assert move.to in TASK_MOVES[record.status], f"guard: {move} meets {record.status}"
        record.status, record.reason, record.attempt = move.to, move.reason, move.attempt
        if move.reason is Reason.FORWARDED:
            record.forward_to = move.source
        else:
            record.source = move.source
        record.caught = move.caught
        record.due_at = move.due_at
        self._note(record, move.at, move.to, move.reason)

    def reopen(self, now: float) -> None:
        """A new session: what was left running or has failed is to go on."""
        assert RunStatus.RUNNING in RUN_REOPENINGS[self.run]
        self.run = RunStatus.RUNNING
        self._note(None, now, "running", Reason.RESUMED)
        for record in self.tasks:
            if record.status not in REOPENED:
                continue
            forwarded = record.forward_to is not None
            to, reason = (RUNNING, Reason.FORWARDED) if forwarded else (PENDING, Reason.RESUMED)
            if record.status is to:
                continue
            assert to in TASK_REOPENINGS[record.status]
            record.status, record.reason = to, reason
            self._note(record, now, to, reason)

    def _note(self, record: TaskRecord | None, at: float, state: str, reason: Reason) -> None:
        if not self._keep_events:
            return
        number = len(self.events) + 1
        if record is None:
            self.events.append(EventRecord(number, at, 1, "sim", None, None, None, str(state), reason, ""))
        else:
            task, name, attempt = record.ordinal, record.name, record.attempt
            self.events.append(EventRecord(number, at, 1, "sim", task, name, attempt, str(state), reason, ""))


def _record(task: NewTask) -> TaskRecord:
    return TaskRecord(
        ordinal=task.ordinal,
        name=task.name,
        base=task.spec.base,
        label=task.spec.label,
        kind=task.spec.kind,
        status=PENDING,
        reason=Reason.CALLED,
        message="",
        attempt=0,
        parent=task.parent,
        source=None,
        forward_to=None,
        caught=False,
        worker="",
        created_at=task.created_at,
        started_at=None,
        ended_at=None,
        due_at=None,
        upstreams=task.upstreams,
        options=msgspec.to_builtins(task.spec.options),
        metadata={},
        saved=False,
    )
