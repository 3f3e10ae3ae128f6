"""A machine with short words for its events, for the tests of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from manyhands.machine.invariants import validate
from manyhands.machine.run import RunMachine
from manyhands.model.outcomes import Failure, Forward, Value
from manyhands.model.records import NewTask, RunMove, TaskMove, TaskRecord
from manyhands.model.specs import TaskOptions, TaskSpec
from manyhands.model.states import Cause, TaskStatus
from manyhands.model.values import Encoded

NOTHING = Encoded("json")
VALUE = Value(NOTHING)
ONCE = TaskOptions(attempts=1)
CATCH = TaskOptions(attempts=1, catch=True)
FORWARD = Forward([], 0)


def error(message: str = "bad", cause: Cause = Cause.ERROR, retryable: bool = True) -> Failure:
    return Failure(cause, message, retryable=retryable)


class Play:
    """A machine with short words for its events; every move is checked for its invariants."""

    def __init__(self, *batch: Sequence[int], options: TaskOptions | dict[int, TaskOptions] = ONCE, **kwargs: Any):
        self.machine = RunMachine(**{"entry": len(batch) - 1 if batch else None, **kwargs})
        self.now = 100.0
        if batch:
            self.add(*batch, options=options)

    def add(
        self, *batch: Sequence[int], options: TaskOptions | dict[int, TaskOptions] = ONCE, parent: int | None = None
    ) -> int:
        first = len(self.machine)
        new = []
        for ordinal, upstreams in enumerate(batch, first):
            own = options.get(ordinal, ONCE) if isinstance(options, dict) else options
            spec = TaskSpec("step", "step", "", NOTHING, options=own)
            new.append(NewTask(ordinal, f"t{ordinal}", spec, list(upstreams), parent, self.now))
        self.machine.add(new)
        return first

    def offer(self, room: int = 99, executor: str = "process") -> list[int]:
        moves = self.machine.offer(executor, room, self.now)
        validate(self.machine)
        return [move.task for move in moves]

    def end(self, task: int, outcome: Any = VALUE, *, chance: float = 0.0, to: int | None = None) -> list[TaskMove]:
        attempt = self.machine.attempt(task)
        moves = self.machine.ended(task, attempt, outcome, self.now, chance, forward_to=to)
        validate(self.machine)
        return moves

    def forward(self, task: int, *batch: Sequence[int], **kwargs: Any) -> list[TaskMove]:
        """The task returns these tasks; the last of them goes on in its place."""
        self.add(*batch, parent=task, **kwargs)
        return self.end(task, FORWARD, to=len(self.machine) - 1)

    def over(self) -> RunMove | None:
        return self.machine.over(self.now)


def said(moves: Sequence[TaskMove]) -> list[tuple[int, str, str]]:
    return [(move.task, str(move.to), str(move.reason)) for move in moves]


def record(ordinal: int, status: str, upstreams: Sequence[int] = (), **changes: Any) -> TaskRecord:
    options = msgspec.to_builtins(changes.pop("options", ONCE))
    base = TaskRecord(
        ordinal=ordinal, name=f"t{ordinal}", base="step", label="step", kind="function", status=TaskStatus(status),
        reason="", message="", attempt=0, parent=None, source=None, forward_to=None, caught=False, worker="",
        created_at=0.0, started_at=None, ended_at=None, due_at=None, upstreams=list(upstreams), options=options,
        metadata={}, saved=False,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def restored(*records: TaskRecord, **kwargs: Any) -> Play:
    play = Play(**{"entry": len(records) - 1, **kwargs})
    play.machine.restore(records)
    validate(play.machine)
    return play
