"""A run that is rebuilt from its store goes on where it stood."""

from __future__ import annotations

import pytest

from manyhands.machine.run import FORWARDED
from manyhands.model.errors import StoreCorrupt, UsageError
from manyhands.model.records import RunMove, TaskRecord
from manyhands.model.specs import TaskOptions
from manyhands.model.states import Reason, RunStatus
from tests.unit.machine.play import CATCH, error, record, restored, said


def test_a_run_goes_on_where_its_store_stands() -> None:
    play = restored(
        record(0, "succeeded", attempt=1),
        record(1, "skipped"),
        record(2, "pending", [0, 1], attempt=4, options=TaskOptions(attempts=2)),
        record(3, "pending", [2]),
    )
    assert play.offer() == [2]
    assert play.machine.attempt(2) == 5
    assert said(play.end(2, error())) == [(2, "pending", "retry")]
    play.offer()
    play.end(2)
    assert play.offer() == [3]
    play.end(3)
    assert play.over() is not None


def test_a_finished_run_is_over_at_once() -> None:
    assert restored(record(0, "succeeded")).over() == RunMove(RunStatus.SUCCEEDED, 100.0, Reason.DONE)


def test_a_forward_and_its_catch_are_restored() -> None:
    play = restored(
        record(0, "running", attempt=1, forward_to=1, options=CATCH),
        record(1, "running", attempt=2, forward_to=3),
        record(2, "pending"),
        record(3, "pending", [2]),
        entry=0,
    )
    assert play.machine._status[0] == FORWARDED
    assert play.offer() == [2]
    moves = play.end(2, error())
    assert said(moves) == [
        (2, "failed", "error"),
        (3, "succeeded", "caught"),
        (1, "succeeded", "done"),
        (0, "succeeded", "done"),
    ]
    assert [move.source for move in moves] == [None, 2, 3, 3]


def test_a_rest_goes_on_after_a_restart() -> None:
    play = restored(record(0, "pending", attempt=1, due_at=150.0))
    assert play.offer() == []
    assert play.machine.next_due() == 150.0


@pytest.mark.parametrize(
    "records",
    [
        [record(0, "running", attempt=1)],
        [record(0, "failed", attempt=1)],
        [record(0, "stopped")],
        [record(0, "running", attempt=1, forward_to=7)],
        [record(0, "running", attempt=1, forward_to=1), record(1, "succeeded", attempt=1)],
    ],
)
def test_what_no_open_session_can_hold_is_refused(records: list[TaskRecord]) -> None:
    with pytest.raises(StoreCorrupt, match="Task t0 cannot be read back"):
        restored(*records)


def test_a_run_is_restored_whole_and_once() -> None:
    play = restored(record(0, "pending"))
    with pytest.raises(UsageError):
        play.machine.restore([record(0, "pending")])
    with pytest.raises(UsageError):
        restored(record(1, "pending"))
