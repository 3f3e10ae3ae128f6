"""What an attempt came to, as its worker reports it."""

from __future__ import annotations

from typing import Union

import msgspec

from manyhands.model.specs import TaskSpec
from manyhands.model.states import Cause
from manyhands.model.values import Encoded


class Value(msgspec.Struct, frozen=True, tag="value"):
    """The body returned a value. `state`: what the actor is after this call of it."""

    value: Encoded
    state: Encoded | None = None


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The body raised, or the attempt ended without an answer.

    `exception`: the saved exception, None when there is none or it cannot be saved. `retryable`: False when the
    user's predicate said that trying again is of no use. `exit_code`, `signal`: how the worker process ended.
    """

    cause: Cause
    message: str
    exception: Encoded | None = None
    traceback: str = ""
    retryable: bool = True
    exit_code: int | None = None
    signal: int | None = None


class Forward(msgspec.Struct, frozen=True, tag="forward"):
    """The body returned tasks: the one at index `output` of `specs` goes on in its place."""

    specs: list[TaskSpec]
    output: int
    state: Encoded | None = None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The attempt was taken back before its body began; it does not count as a try."""


Outcome = Union[Value, Failure, Forward, Returned]  # noqa: UP007 - msgspec reads the union at run time


class LogRange(msgspec.Struct, frozen=True, array_like=True):
    """Where an attempt's output stands: bytes `start` to `end` of a file in the store's log folder."""

    file: str
    start: int
    end: int


AttemptKey = tuple[int, int, int]
"""Which attempt: the number of its run, of its task in that run, and of the attempt, which counts from 1."""


class Report(msgspec.Struct, array_like=True):
    """One attempt's end. `run`, `task`, `attempt` as launched; times are seconds since the epoch, of the body alone."""

    run: int
    task: int
    attempt: int
    outcome: Outcome
    started: float
    ended: float
    worker: str = ""
    log: LogRange | None = None


class Launch(msgspec.Struct, array_like=True):
    """One attempt handed to an executor. `entry`: dotted name (`module:function`) of the far side's entry, which is
    called with the bytes of `payload` and a context, and returns an `Outcome`."""

    run: int
    task: int
    attempt: int
    entry: str
    payload: bytes
    slots: int = 1
    label: str = ""


def key_of(attempt: Launch | Report) -> AttemptKey:
    return attempt.run, attempt.task, attempt.attempt
