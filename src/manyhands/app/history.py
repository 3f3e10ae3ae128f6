"""What a work knows of its calls: how each went, and where the latest one stands."""

from __future__ import annotations

from bisect import insort
from typing import Any

from manyhands.app.calls import Entry, Status
from manyhands.app.component import Component
from manyhands.app.errors import UnfitDelta
from manyhands.app.status import (
    BEGUN,
    WorkFailureReasons,
    WorkStageStatus,
    WorkStatus,
    make_status,
    moment,
    newest,
    status_of,
)

LATEST = "latest_call_hash"

START_KEY = "c16d3fc"
"""The entry of `start()`, and of a `stop()` before any call."""

LONGEST = 400
"""The number of records of one call at which the older half is let go: a call without cache is made for ever."""

DROPPED = "dropped_successes"


class History(Component):
    """The part of a work that has to do with statuses. All flags are False on a new work."""

    _made_at_: float
    _newest_: tuple[Any, int, WorkStatus] | None

    @property
    def status(self) -> WorkStatus:
        """Where the latest call stands; `not_started` before the first.

        A call becomes the latest one when the work begins it, so one that waits behind another is not seen here.
        """
        statuses = self._latest_statuses_()
        if not statuses:
            return WorkStatus(WorkStageStatus.NOT_STARTED, self._made_at_)
        known = self._newest_
        if known is not None and known[0] is statuses[-1] and known[1] == len(statuses):
            return known[2]
        status = newest(statuses)
        self.__dict__["_newest_"] = (statuses[-1], len(statuses), status)
        return status

    @property
    def statuses(self) -> list[WorkStatus]:
        """All that the latest call went through, oldest first; empty before the first call."""
        return [status_of(record) for record in sorted(self._latest_statuses_(), key=moment)]

    def _latest_statuses_(self) -> list[Status]:
        entry = self._calls.get(self._calls.get(LATEST) or "")
        statuses: list[Status] = entry.get("statuses", []) if entry else []
        return statuses

    @property
    def has_started(self) -> bool:
        """Whether a call was made at all."""
        return self.status.stage != WorkStageStatus.NOT_STARTED

    @property
    def has_stopped(self) -> bool:
        """Whether the work was stopped."""
        return self.status.stage == WorkStageStatus.STOPPED

    @property
    def has_succeeded(self) -> bool:
        """Whether the latest call has succeeded."""
        return self.status.stage == WorkStageStatus.SUCCEEDED

    @property
    def has_failed(self) -> bool:
        """Whether the latest call has failed."""
        return self.status.stage == WorkStageStatus.FAILED

    @property
    def has_timeout(self) -> bool:
        """Whether the latest call has failed because it took too long."""
        status = self.status
        return status.stage == WorkStageStatus.FAILED and status.reason == WorkFailureReasons.TIMEOUT

    @property
    def is_running(self) -> bool:
        """Whether the latest call runs."""
        return self.status.stage == WorkStageStatus.RUNNING

    @property
    def is_pending(self) -> bool:
        """Whether the latest call waits for the work's process."""
        return self.status.stage == WorkStageStatus.PENDING

    @property
    def num_timeouts(self) -> int:
        """How many times in a row the latest call has taken too long."""
        return self.status.count if self.has_timeout else 0

    @property
    def num_successes(self) -> int:
        """How many runs have succeeded, of all calls."""
        return sum(_successes(entry) for key, entry in self._calls.items() if key != LATEST)

    # --- what is written down ---------------------------------------------------------------------------------------

    def _record_(self, key: str | None, status: Status) -> None:
        """A call's further status; with `key` None, the latest call's. The same record twice counts once.

        Errors: `UnfitDelta` for what is no status.
        """
        if not isinstance(status.get("stage"), str) or not isinstance(status.get("timestamp"), int | float):
            raise UnfitDelta(status, "a status has a stage and a timestamp")
        stage = status["stage"]
        latest = self._calls.get(LATEST)
        key = key or latest or START_KEY
        entry: Entry = self._calls.setdefault(key, {"statuses": []})
        records = entry.setdefault("statuses", [])
        if status in records[-4:]:
            return
        insort(records, status, key=moment)
        if len(records) > LONGEST:
            _shorten(entry)
        if stage == WorkStageStatus.SUCCEEDED:
            entry["ret"] = None
        if latest is None or stage in BEGUN:
            self._calls[LATEST] = key
            self._touch_call_(LATEST)
        self._touch_call_(key)

    def _now_(self, stage: str, reason: str | None = None) -> Status:
        return make_status(stage, reason=reason, timestamp=self._tree_.clock())


def _successes(entry: Entry) -> int:
    records = entry.get("statuses")
    if records is None:
        return int("ret" in entry)
    counted: int = sum(record["stage"] == WorkStageStatus.SUCCEEDED for record in records)
    return counted + int(entry.get(DROPPED, 0))


def _shorten(entry: Entry) -> None:
    records = entry["statuses"]
    half = LONGEST // 2
    entry[DROPPED] = _successes({"statuses": records[:half], DROPPED: entry.get(DROPPED, 0)})
    del records[:half]
