"""What a work's calls go through, and the records that say so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from manyhands.model.errors import OptionError

AHEAD_SECONDS = 10
"""How far in the future a record may lie: clocks of two processes may differ a little."""


class WorkStageStatus:
    """The stages of a work."""

    NOT_STARTED = "not_started"
    STARTED = "started"
    STOPPED = "stopped"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WorkFailureReasons:
    """Why a call failed. `lost`: the work's process died while it ran."""

    TIMEOUT = "timeout"
    SPOT_RETRIVAL = "spot_retrival"
    USER_EXCEPTION = "user_exception"
    INVALID_RETURN_VALUE = "invalid_return_value"
    LOST = "lost"


class WorkStopReasons:
    """Who stopped a work: `pending` the flow, `sigterm_signal_handler` the work's own process when it was told to."""

    SIGTERM_SIGNAL_HANDLER = "sigterm_signal_handler"
    PENDING = "pending"


class WorkPendingReason(Enum):
    """Why a call waits, where machines are rented; here it never does."""

    IMAGE_BUILDING = "image_building"
    REQUESTING_RESOURCE = "requesting_ressource"


BEGUN = frozenset({WorkStageStatus.STARTED, WorkStageStatus.RUNNING})
"""Stages by which the process shows that it has a call in hand."""


@dataclass
class WorkStatus:
    """One record: `timestamp` in seconds of the epoch; `count` above 1 stands for that many time-outs in a row."""

    stage: str
    timestamp: float
    reason: str | None = None
    message: str | None = None
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.timestamp < int(time.time()) + AHEAD_SECONDS:
            raise OptionError(
                f"A status has the timestamp {self.timestamp!r}. Give the seconds since 1970, not in the future."
            )


def make_status(
    stage: str, message: str | None = None, reason: str | None = None, timestamp: float | None = None
) -> dict[str, Any]:
    """A record as plain data, with `message` and `reason` only where there are any; by default as of now."""
    status: dict[str, Any] = {"stage": stage, "timestamp": time.time() if timestamp is None else timestamp}
    if message:
        status["message"] = message
    if reason:
        status["reason"] = reason
    return status


def status_of(record: dict[str, Any]) -> WorkStatus:
    """The record as people see it. Not checked against the clock once more: it was when it was made."""
    status = WorkStatus.__new__(WorkStatus)
    status.stage = record["stage"]
    status.timestamp = record["timestamp"]
    status.reason = record.get("reason")
    status.message = record.get("message")
    status.count = record.get("count", 1)
    return status


def moment(record: dict[str, Any]) -> float:
    """The record's time, to sort by."""
    timestamp: float = record["timestamp"]
    return timestamp


def newest(records: Sequence[dict[str, Any]]) -> WorkStatus:
    """Where a call with this history stands. Time-outs in a row since the last success are one status, with the time
    at which the first of these tries began to wait.
    """
    ordered = sorted(records, key=moment)
    last = status_of(ordered[-1])
    if last.stage == WorkStageStatus.FAILED and last.reason == WorkFailureReasons.TIMEOUT:
        return _time_outs(ordered, last)
    return last


def _time_outs(ordered: list[dict[str, Any]], last: WorkStatus) -> WorkStatus:
    series: list[dict[str, Any]] = []
    for record in reversed(ordered):
        if record["stage"] == WorkStageStatus.SUCCEEDED:
            break
        series.append(record)
    last.count = sum(record.get("count", 1) for record in series if record.get("reason") == WorkFailureReasons.TIMEOUT)
    last.timestamp = series[-1]["timestamp"]
    return last
