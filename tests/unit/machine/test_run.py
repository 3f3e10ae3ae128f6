"""The rules of a run, one by one; the simulation has them all at once."""

from __future__ import annotations

import pytest

from manyhands.machine.invariants import validate
from manyhands.machine.run import FORWARDED, RunMachine
from manyhands.model.errors import CycleError, IllegalMove
from manyhands.model.outcomes import Failure, Returned, Value
from manyhands.model.records import NewTask, RunMove, TaskMove
from manyhands.model.specs import TaskOptions, TaskSpec
from manyhands.model.states import Cause, Reason, RunStatus, TaskStatus
from tests.unit.machine.play import CATCH, FORWARD, NOTHING, ONCE, VALUE, Play, error, said

# --- the plain course ----------------------------------------------------------------------------------------------


def test_a_single_task() -> None:
    play = Play([])
    assert play.over() is None
    start = play.machine.offer("process", 1, 5.0)
    assert start == [TaskMove(0, TaskStatus.RUNNING, 1, 5.0, Reason.STARTED, start=True)]
    assert play.over() is None
    assert play.machine.ended(0, 1, VALUE, 6.0, 0.0) == [TaskMove(0, TaskStatus.SUCCEEDED, 1, 6.0, Reason.DONE)]
    assert play.machine.over(7.0) == RunMove(RunStatus.SUCCEEDED, 7.0, Reason.DONE)


def test_a_diamond() -> None:
    play = Play([], [0], [0], [1, 2])
    assert play.offer() == [0]
    play.end(0)
    assert play.offer() == [1, 2]
    play.end(2)
    assert play.offer() == []
    play.end(1)
    assert play.offer() == [3]
    assert play.machine.running() == [(3, 1)]
    assert play.machine.counts() == {TaskStatus.SUCCEEDED: 3, TaskStatus.RUNNING: 1}
    play.end(3)
    assert play.over() is not None


def test_no_more_starts_than_there_is_room_for() -> None:
    play = Play([], [], [], options=TaskOptions(slots=2))
    assert play.offer(5) == [0, 1]
    assert play.offer(0) == []
    assert play.machine.has_ready()


def test_limits_may_change_while_the_run_goes_on() -> None:
    play = Play(*[[]] * 6, options=TaskOptions(group="g"), entry=None, limit=3, group_limits={"g": 1})
    assert play.offer() == [0]
    assert play.offer() == []
    play.machine.set_limit("g", 2)
    assert play.offer() == [1]
    play.machine.set_limit("g", None)
    assert play.offer() == [2]
    play.machine.set_limit(None, None)
    assert play.offer() == [3, 4, 5]


def test_an_executor_gets_its_own_tasks_only() -> None:
    play = Play([], [], options={0: TaskOptions(executor="inline")}, entry=None)
    assert play.machine.ready_for("inline", play.now)
    assert not play.machine.ready_for("ray", play.now)
    assert play.offer(executor="ray") == []
    assert play.offer(executor="inline") == [0]
    assert play.offer() == [1]


def test_a_cycle_adds_nothing() -> None:
    play = Play([])
    with pytest.raises(CycleError):
        play.add([2], [1])
    assert len(play.machine) == 1
    play.add([0])
    assert play.offer() == [0]


def test_tasks_added_later_do_not_wait_for_what_is_done() -> None:
    play = Play([], entry=None)
    play.offer()
    play.end(0)
    play.add([0])
    assert play.offer() == [1]


# --- reports that came late ----------------------------------------------------------------------------------------


def test_a_report_counts_once() -> None:
    play = Play([], [0])
    play.offer()
    play.end(0)
    assert play.end(0) == []
    assert play.end(0, error()) == []


def test_a_report_of_an_older_attempt_is_stale() -> None:
    play = Play([], options=TaskOptions(attempts=2))
    play.offer()
    play.end(0, error())
    assert play.machine.ended(0, 1, VALUE, play.now, 0.0) == []
    play.offer()
    assert not play.machine.is_running(0, 1)
    assert play.machine.ended(0, 1, VALUE, play.now, 0.0) == []
    assert said(play.end(0)) == [(0, "succeeded", "done")]


# --- failures ------------------------------------------------------------------------------------------------------


def test_a_retry_rests_and_comes_back() -> None:
    play = Play([], options=TaskOptions(attempts=2, delay=10.0, jitter=0.5))
    play.offer()
    (move,) = play.end(0, error("no luck"), chance=0.5)
    assert (move.to, move.reason, move.due_at, move.message) == (TaskStatus.PENDING, Reason.RETRY, 107.5, "no luck")
    assert play.offer() == []
    assert play.over() is None
    assert play.machine.next_due() == 107.5
    play.now = 107.5
    assert play.machine.ready_for("process", play.now)
    assert play.machine.next_due() is None
    assert play.offer() == [0]
    assert play.machine.attempt(0) == 2
    assert said(play.end(0, error())) == [(0, "failed", "error")]


def test_each_cause_has_its_budget() -> None:
    play = Play([], options=TaskOptions(attempts=2, lost_attempts=3))
    causes = [Cause.LOST, Cause.ERROR, Cause.LOST, Cause.MEMORY, Cause.TIMEOUT, Cause.LOST]
    for cause in causes[:-1]:
        play.offer()
        assert said(play.end(0, error(cause=cause))) == [(0, "pending", "retry")]
    play.offer()
    assert said(play.end(0, error(cause=causes[-1]))) == [(0, "failed", "lost")]


@pytest.mark.parametrize("options", [TaskOptions(attempts=-1), TaskOptions(attempts=1, lost_attempts=-1)])
def test_no_bound_on_attempts(options: TaskOptions) -> None:
    play = Play([], options=options)
    cause = Cause.ERROR if options.attempts == -1 else Cause.LOST
    for _ in range(500):
        play.offer()
        assert said(play.end(0, error(cause=cause))) == [(0, "pending", "retry")]


def test_what_is_of_no_use_is_not_retried() -> None:
    play = Play([], options=TaskOptions(attempts=5))
    play.offer()
    assert said(play.end(0, error(retryable=False))) == [(0, "failed", "error")]


def test_a_returned_attempt_costs_nothing_and_keeps_its_place() -> None:
    play = Play([], [], [], entry=None)
    assert play.offer(2) == [0, 1]
    assert said(play.end(1, Returned())) == [(1, "pending", "worker")]
    assert said(play.end(0, Returned())) == [(0, "pending", "worker")]
    assert play.offer() == [0, 1, 2]
    assert play.machine.attempt(0) == 2
    assert said(play.end(0, error())) == [(0, "failed", "error")]


def test_the_first_uncaught_failure_closes_the_run() -> None:
    play = Play([], [], [], [0, 1, 2], options=TaskOptions(attempts=1, executor="process"))
    assert play.offer(2) == [0, 1]
    play.end(1, error("first"))
    assert play.offer() == []
    assert not play.machine.has_ready()
    assert play.over() is None
    play.end(0, error("second"))
    assert play.over() == RunMove(RunStatus.FAILED, play.now, Reason.ERROR, "first", 1)
    assert play.machine.status(2) is TaskStatus.PENDING
    assert play.machine.failure_behind(3) is not None
    assert play.machine.failure_behind(2) is None


def test_a_retry_does_not_keep_a_closed_run_open() -> None:
    play = Play([], [], [0, 1], options={0: TaskOptions(attempts=9, delay=60.0)})
    play.offer()
    play.end(1, error())
    play.end(0, error())
    assert play.machine.next_due() is None
    assert play.over() is not None


def test_without_fail_fast_all_that_can_run_runs() -> None:
    play = Play([], [], [0], [1], [2, 3], fail_fast=False)
    assert play.offer() == [0, 1]
    play.end(0, error("first"))
    play.end(1)
    assert play.over() is None
    assert play.offer() == [3]
    play.end(3)
    assert play.over() == RunMove(RunStatus.FAILED, play.now, Reason.ERROR, "first", 0)


def test_a_failure_that_the_entry_does_not_need_fails_nothing() -> None:
    play = Play([], [])
    play.offer()
    play.end(0, error())
    play.end(1)
    assert play.over() == RunMove(RunStatus.SUCCEEDED, play.now, Reason.DONE)


def test_without_an_entry_any_uncaught_failure_fails_the_run() -> None:
    play = Play([], [], entry=None, fail_fast=False)
    play.offer()
    play.end(0, error(cause=Cause.MEMORY))
    play.end(1)
    assert play.over() == RunMove(RunStatus.FAILED, play.now, Reason.MEMORY, "bad", 0)


def test_a_canceled_attempt_stops_its_task_for_good() -> None:
    play = Play([], [0], options=TaskOptions(attempts=5, catch=True))
    play.offer()
    assert said(play.end(0, error(cause=Cause.CANCELED))) == [(0, "stopped", "canceled")]
    assert play.over() == RunMove(RunStatus.FAILED, play.now, Reason.CANCELED, "bad", 0)


# --- catch ---------------------------------------------------------------------------------------------------------


def test_an_own_error_is_caught_after_the_retries() -> None:
    play = Play([], [0], options={0: TaskOptions(attempts=2, catch=True)})
    play.offer()
    assert said(play.end(0, error())) == [(0, "pending", "retry")]
    play.offer()
    (move,) = play.end(0, error("caught it"))
    assert (move.to, move.reason, move.caught, move.message) == (
        TaskStatus.SUCCEEDED,
        Reason.CAUGHT,
        True,
        "caught it",
    )
    assert play.offer() == [1]


def test_a_success_is_given_as_caught_too() -> None:
    play = Play([], options=CATCH)
    play.offer()
    assert play.end(0)[0].caught


def test_catch_does_not_cover_the_own_inputs() -> None:
    play = Play([], [0], options={1: CATCH})
    play.offer()
    assert said(play.end(0, error())) == [(0, "failed", "error")]
    end = play.over()
    assert end is not None
    assert end.source == 0


def test_a_catch_is_passed_on_by_a_forward_and_wraps_once() -> None:
    play = Play([], options=CATCH)
    play.offer()
    play.forward(0, [])
    play.offer()
    play.forward(1, [], options=CATCH)
    play.offer()
    moves = play.end(2)
    assert [(move.task, move.caught, move.source) for move in moves] == [(2, True, None), (1, False, 2), (0, False, 2)]


def test_a_failure_below_a_catch_is_caught_by_the_last_in_the_chain() -> None:
    play = Play([], options=CATCH)
    play.offer()
    play.forward(0, [])
    play.offer()
    moves = play.end(1, error())
    assert said(moves) == [(1, "succeeded", "caught"), (0, "succeeded", "done")]
    assert [move.caught for move in moves] == [True, False]


def test_an_inherited_catch_covers_the_inputs() -> None:
    play = Play([], options=CATCH)
    play.offer()
    play.forward(0, [], [1], [2])
    assert play.offer() == [1]
    moves = play.end(1, error("deep"))
    assert said(moves) == [(1, "failed", "error"), (3, "succeeded", "caught"), (0, "succeeded", "done")]
    assert (moves[1].source, moves[1].caught, moves[1].attempt, moves[2].source) == (1, True, 0, 3)
    assert play.machine.failure_behind(2) is not None
    assert play.over() == RunMove(RunStatus.SUCCEEDED, play.now, Reason.DONE)


def test_a_catch_covers_an_input_that_had_failed_before() -> None:
    play = Play([], [], [1], options={1: CATCH}, fail_fast=False)
    play.offer()
    play.end(0, error())
    moves = play.forward(1, [0], [3])
    assert said(moves) == [(1, "running", "forwarded"), (4, "succeeded", "caught"), (1, "succeeded", "done")]
    assert play.machine.failure_behind(3) is not None
    moves = play.forward(play.offer()[0], [0])
    assert said(moves) == [(2, "running", "forwarded"), (2, "failed", "error")]
    end = play.over()
    assert end is not None
    assert end.source == 0


def test_what_is_added_behind_a_failure_is_blocked() -> None:
    play = Play([], [0], entry=None, fail_fast=False)
    play.offer()
    play.end(0, error())
    play.add([1], [2])
    assert play.offer() == []
    assert play.machine.failure_behind(3) is not None
    assert play.over() is not None


# --- forwards ------------------------------------------------------------------------------------------------------


def test_a_forward_frees_its_slot_and_its_place_in_the_limits() -> None:
    play = Play([], [0], limit=1)
    play.offer()
    (move,) = play.forward(0, [])
    assert (move.to, move.reason, move.source, move.attempt) == (TaskStatus.RUNNING, Reason.FORWARDED, 2, 1)
    assert play.machine._status[0] == FORWARDED
    assert play.machine.running() == []
    assert play.offer() == [2]
    assert play.end(0) == []
    moves = play.end(2)
    assert said(moves) == [(2, "succeeded", "done"), (0, "succeeded", "done")]
    assert play.offer() == [1]


def test_what_a_task_was_forwarded_to_fails_it() -> None:
    play = Play([], [0], [])
    play.offer()
    play.forward(0, [], [3])
    play.offer()
    moves = play.end(3, error("origin", Cause.TIMEOUT))
    assert said(moves) == [(3, "failed", "timeout"), (0, "failed", "timeout")]
    assert moves[1].source == 3


def test_a_forward_must_be_to_what_was_just_added() -> None:
    play = Play([], [], entry=None)
    play.offer()
    for target in (None, 1):
        with pytest.raises(IllegalMove, match="cannot become forwarded"):
            play.end(0, FORWARD, to=target)
    assert play.machine.is_running(0, 1)


def test_tasks_that_wait_for_each_other_end_the_run() -> None:
    play = Play([])
    play.offer()
    play.forward(0, [0])
    end = play.over()
    assert end is not None
    assert (end.to, end.source) == (RunStatus.FAILED, None)
    assert "wait for one another" in end.message


@pytest.mark.parametrize("outcome", [VALUE, error()])
def test_a_chain_of_a_hundred_thousand_forwards(outcome: Value | Failure) -> None:
    links = 100_000
    machine = RunMachine(entry=0)
    spec = TaskSpec("step", "step", "", NOTHING, options=ONCE)
    machine.add([NewTask(0, "t", spec, [], None, 0.0)])
    for task in range(links):
        machine.offer("process", 1, 0.0)
        machine.add([NewTask(task + 1, "t", spec, [], task, 0.0)])
        machine.ended(task, 1, FORWARD, 0.0, 0.0, forward_to=task + 1)
    machine.offer("process", 1, 0.0)
    moves = machine.ended(links, 1, outcome, 0.0, 0.0)
    assert [move.task for move in moves] == list(range(links, -1, -1))
    assert {move.source for move in moves[1:]} == {links}
    end = machine.over(0.0)
    assert end is not None
    assert end.to is (RunStatus.SUCCEEDED if isinstance(outcome, Value) else RunStatus.FAILED)


# --- not launched --------------------------------------------------------------------------------------------------


def test_a_satisfied_task_was_never_started() -> None:
    play = Play([], [0], limit=1)
    play.offer()
    (move,) = play.machine.satisfy(0, play.now, Reason.CACHED)
    assert move == TaskMove(0, TaskStatus.SUCCEEDED, 0, play.now, Reason.CACHED)
    validate(play.machine)
    assert play.offer() == [1]


def test_a_deferred_task_comes_back_when_due() -> None:
    play = Play([], options=ONCE)
    play.offer()
    play.machine.defer(0, play.now, play.now + 5, Reason.FLIGHT)
    validate(play.machine)
    assert play.machine.status(0) is TaskStatus.PENDING
    assert play.machine.next_due() == play.now + 5
    assert play.over() is None
    assert play.offer() == []
    play.now += 5
    assert play.offer() == [0]
    assert play.machine.attempt(0) == 1


def test_only_what_was_offered_is_spared_its_start() -> None:
    play = Play([])
    with pytest.raises(IllegalMove):
        play.machine.satisfy(0, play.now, Reason.CACHED)
    with pytest.raises(IllegalMove):
        play.machine.defer(0, play.now, play.now, Reason.FLIGHT)


# --- stop ----------------------------------------------------------------------------------------------------------


def test_stop_stops_what_runs_and_what_was_forwarded() -> None:
    play = Play([], [], [], [], entry=None, limit=2)
    assert play.offer() == [0, 1]
    play.forward(0, [])
    moves = play.machine.stop(play.now)
    validate(play.machine)
    assert said(moves) == [(0, "stopped", "canceled"), (1, "stopped", "canceled")]
    assert play.offer() == []
    assert play.machine.next_due() is None
    assert play.end(1) == []
    assert play.over() == RunMove(RunStatus.CANCELED, play.now, Reason.CANCELED)


def test_what_is_broken_is_named() -> None:
    play = Play([], [0])
    play.machine._graph.waiting[1] = 0
    play.machine._limits.run.taken = 3
    with pytest.raises(AssertionError, match=r"task 1 waits for 0 upstreams, 1 are not done; .*the limit counts 3"):
        validate(play.machine)
