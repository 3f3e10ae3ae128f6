"""The names of `lightning.app.utilities.enum`."""

from __future__ import annotations

from manyhands.app.history import LATEST
from manyhands.app.rooted import AppStage
from manyhands.app.status import (
    WorkFailureReasons,
    WorkPendingReason,
    WorkStageStatus,
    WorkStopReasons,
    make_status,
)

__all__ = [
    "AppStage",
    "CacheCallsKeys",
    "WorkFailureReasons",
    "WorkPendingReason",
    "WorkStageStatus",
    "WorkStopReasons",
    "make_status",
]


class CacheCallsKeys:
    """Keys of a work's calls that are no call."""

    LATEST_CALL_HASH = LATEST
