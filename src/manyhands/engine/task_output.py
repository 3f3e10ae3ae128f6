"""A task of the same run as a value: what stands in for a result that is not at hand."""

from __future__ import annotations

from typing import Any


class TaskOutput:
    """Stands for a task of the run, done or not; as an argument of a step of the same run it is replaced by the task's
    result."""

    __slots__ = ("ordinal", "run_id")

    def __init__(self, run_id: str, ordinal: int) -> None:
        self.run_id = run_id
        self.ordinal = ordinal

    def __reduce__(self) -> tuple[Any, ...]:
        return TaskOutput, (self.run_id, self.ordinal)

    def __repr__(self) -> str:
        return f"<result of step number {self.ordinal} of run {self.run_id!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskOutput) and (self.run_id, self.ordinal) == (other.run_id, other.ordinal)

    def __hash__(self) -> int:
        return hash((self.run_id, self.ordinal))
