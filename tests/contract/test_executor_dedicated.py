"""The executor `dedicated` keeps the contract, and its lanes keep their processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from manyhands.executors import wire
from manyhands.executors.dedicated import DedicatedExecutor
from manyhands.model.outcomes import Launch, Value
from manyhands.model.states import Cause
from manyhands.testing.executor_faults import CancelSuite, MixedSuite, OutputSuite
from manyhands.testing.executor_kit import PATIENCE, Gate, collect, data, failure, launch, run
from manyhands.testing.executor_suite import IsolatedExecutorSuite

RUN = 1
"""Of launches that are made without one."""


def by_number(launch: Launch) -> tuple[int, str]:
    return launch.run, str(launch.task % 2)


class TestDedicated(CancelSuite, OutputSuite, MixedSuite, IsolatedExecutorSuite):
    slots = 2
    holds_ahead = False

    @pytest.fixture
    def log_folder(self, tmp_path: Path) -> Path:
        return tmp_path / "logs"

    @pytest.fixture
    def executor(self, log_folder: Path) -> Iterator[DedicatedExecutor]:
        executor = DedicatedExecutor(2, log_folder=log_folder, echo=False, preload=(), lane=by_number)
        yield executor
        executor.close()

    def test_what_is_behind_a_long_attempt_is_run_elsewhere(
        self, executor: DedicatedExecutor, gates: list[Gate]
    ) -> None:
        """Here it is not: it waits for its lane, while the other lane goes on."""
        started = [launch("give_back", b"", task) for task in range(100)]
        started[3] = launch("hold", gates[0].payload, 3)
        executor.start(started)
        reports = collect(executor, 51)
        assert sorted(report.task for report in reports) == sorted([1, *range(0, 100, 2)])
        gates[0].open()
        assert [report.task for report in collect(executor, 49)] == list(range(3, 100, 2))

    def test_only_what_was_canceled_is_stopped(self, executor: DedicatedExecutor, gates: list[Gate]) -> None:
        """Behind the canceled attempt others wait in the same lane, and before it some have just ended."""
        started = [launch("give_back", b"", task) for task in range(100)]
        started[5] = launch("hold", gates[0].payload, 5)
        executor.start(started)
        before = collect(executor, 52)
        gates[0].wait_begun()
        executor.cancel([(1, 5, 1)], PATIENCE)
        reports = sorted(collect(executor, 48), key=lambda report: report.task)
        assert failure(reports.pop(0)).cause is Cause.CANCELED
        assert all(isinstance(report.outcome, Value) for report in [*before, *reports])


class TestLanes:
    @pytest.fixture
    def executor(self) -> Iterator[DedicatedExecutor]:
        executor = DedicatedExecutor(preload=())
        yield executor
        executor.close()

    @pytest.fixture
    def gate(self, tmp_path: Path) -> Iterator[Gate]:
        gate = Gate(tmp_path / "gate")
        yield gate
        gate.close()

    def pid(self, executor: DedicatedExecutor, lane: str, task: int = 0) -> int:
        (report,) = run(executor, launch("describe", task=task, label=lane))
        facts = msgspec.msgpack.decode(data(report))
        assert report.worker == f"process:{facts['pid']}"
        return int(facts["pid"])

    def test_a_lane_keeps_its_process_and_has_it_alone(self, executor: DedicatedExecutor) -> None:
        one, two = self.pid(executor, "one"), self.pid(executor, "two", 1)
        assert one != two
        assert [self.pid(executor, "one"), self.pid(executor, "two")] == [one, two]
        assert (executor.pid((RUN, "one")), executor.pid((RUN, "two")), executor.pid((RUN, "three"))) == (
            one,
            two,
            None,
        )

    def test_attempts_of_a_lane_run_in_their_order_and_one_at_a_time(
        self, executor: DedicatedExecutor, gate: Gate
    ) -> None:
        executor.start([launch("hold", gate.payload, label="a")])
        executor.start([launch("give_back", b"", task, label="a") for task in range(1, 30)])
        gate.wait_begun(executor)
        assert data(run(executor, launch("give_back", b"aside", 99, label="b"))[0]) == b"aside"
        assert executor.poll() == []
        gate.open()
        assert [report.task for report in collect(executor, 30)] == list(range(30))

    def test_a_lane_whose_process_is_killed_goes_on_in_a_new_one(self, executor: DedicatedExecutor, gate: Gate) -> None:
        executor.start([launch("hold", gate.payload, label="a"), launch("describe", task=1, label="a")])
        pid = gate.wait_begun()
        os.kill(pid, signal.SIGKILL)
        lost, after = sorted(collect(executor, 2), key=lambda report: report.task)
        assert (failure(lost).cause, failure(lost).signal) == (Cause.LOST, signal.SIGKILL)
        assert msgspec.msgpack.decode(data(after))["pid"] != pid

    def test_a_lane_whose_idle_process_is_killed_goes_on_in_a_new_one(self, executor: DedicatedExecutor) -> None:
        pid = self.pid(executor, "a")
        os.kill(pid, signal.SIGKILL)
        outcomes = []
        for task in range(2):
            # The executor may hear of the death only when the lane is used again; then that one try is lost.
            (report,) = run(executor, launch("describe", task=task, label="a"))
            outcomes.append(report.outcome)
            if isinstance(report.outcome, Value):
                break
        assert isinstance(outcomes[-1], Value)
        assert executor.pid((RUN, "a")) not in (pid, None)

    def test_ending_an_idle_lane_ends_its_process(self, executor: DedicatedExecutor, gate: Gate) -> None:
        executor.start([launch("leave_child", gate.payload, label="a")])
        gate.wait_begun()
        collect(executor, 1)
        before = executor.pid((RUN, "a"))
        assert executor.end((RUN, "a"), PATIENCE)
        gate.wait_dead()
        assert self.pid(executor, "a") != before

    def test_ending_a_busy_lane_cancels_what_it_runs_and_nothing_else(
        self, executor: DedicatedExecutor, gate: Gate
    ) -> None:
        executor.start([launch("hold", gate.payload, label="a"), launch("describe", task=1, label="a")])
        pid = gate.wait_begun()
        assert executor.end((RUN, "a"), PATIENCE)
        assert executor.end((RUN, "a"), PATIENCE)
        reports = sorted(collect(executor, 2), key=lambda report: report.task)
        assert failure(reports[0]).cause is Cause.CANCELED
        assert msgspec.msgpack.decode(data(reports[1]))["pid"] != pid

    def test_a_lane_that_there_is_not_cannot_be_ended(self, executor: DedicatedExecutor) -> None:
        assert not executor.end((RUN, "nobody"), 1.0)

    def test_runs_do_not_share_lanes_though_their_labels_are_equal(
        self, executor: DedicatedExecutor, gate: Gate
    ) -> None:
        one = self.pid(executor, "a")
        other = launch("hold", gate.payload, label="a")
        other.run = RUN + 1
        executor.start([other])
        assert gate.wait_begun(executor) != one
        executor.drop((RUN, "a"), PATIENCE)
        assert executor.pid((RUN + 1, "a")) not in (one, None)
        gate.open()
        (report,) = collect(executor, 1)
        assert (report.run, data(report)) == (RUN + 1, b"released")

    def test_one_process_too_many_is_lost_and_takes_no_other_along(
        self, executor: DedicatedExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = self.pid(executor, "a")
        monkeypatch.setattr(wire.Board, "PLACES", 1)
        executor.start([launch("describe", task=task, label="b") for task in (1, 2)])
        for report in collect(executor, 2):
            assert failure(report).cause is Cause.LOST
            assert "End some" in failure(report).message
        assert self.pid(executor, "a") == first

    def test_a_canceled_attempt_in_line_never_begins(self, executor: DedicatedExecutor, gate: Gate) -> None:
        executor.start([launch("hold", gate.payload, label="a")])
        executor.start([launch("hold", b"/nowhere", task, label="a") for task in (1, 2)])
        executor.start([launch("give_back", b"on", 3, label="a")])
        gate.wait_begun()
        executor.cancel([(1, 1, 1), (1, 2, 1)], 1.0)
        assert sorted(report.task for report in collect(executor, 2)) == [1, 2]
        gate.open()
        assert [report.task for report in collect(executor, 2)] == [0, 3]
