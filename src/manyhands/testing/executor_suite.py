"""What every executor must do: subclass a suite and give it a fixture `executor`."""

# ruff: noqa: S101

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manyhands.model.outcomes import Failure, Launch, Returned, Value
from manyhands.model.states import Cause
from manyhands.ports.executor import Executor
from manyhands.testing.executor_kit import HUGE, PATIENCE, Gate, collect, data, failure, launch, launches, run, teach


class ExecutorSuite:
    """What holds for every executor."""

    @pytest.fixture
    def executor(self) -> Any:
        raise NotImplementedError("a subclass makes its executor here, yields it and closes it")

    def test_a_value_comes_back(self, executor: Executor) -> None:
        (report,) = run(executor, launch("give_back", b"12", task=7))
        assert (report.run, report.task, report.attempt) == (1, 7, 1)
        assert data(report) == b"12"
        assert 0 <= report.ended - report.started < PATIENCE
        assert report.worker

    def test_nothing_is_reported_when_nothing_was_started(self, executor: Executor) -> None:
        assert executor.poll() == []
        executor.start([])
        assert executor.poll() == []

    def test_backlog_is_nothing_at_first(self, executor: Executor) -> None:
        assert executor.backlog() == 0

    def test_every_launch_is_reported_once(self, executor: Executor) -> None:
        payloads = [str(number).encode() for number in range(500)]
        reports = run(executor, *launches("give_back", payloads))
        assert [report.task for report in reports] == list(range(500))
        assert [data(report) for report in reports] == payloads
        assert executor.poll() == []

    def test_launches_come_in_many_batches(self, executor: Executor) -> None:
        for first in range(0, 300, 3):
            executor.start(launches("give_back", [b"x"] * 3, first))
        assert sorted(report.task for report in collect(executor, 300)) == list(range(300))

    def test_what_the_entry_answers_is_carried_as_it_is(self, executor: Executor) -> None:
        (report,) = run(executor, launch("refuse", b"too big"))
        assert report.outcome == Failure(Cause.MEMORY, "too big", retryable=False)

    def test_an_error_of_the_entry_is_a_failure(self, executor: Executor) -> None:
        report, after = run(executor, launch("fail", b"no luck"), launch("give_back", b"x", task=1))
        assert (failure(report).cause, failure(report).message) == (Cause.ERROR, "ValueError: no luck")
        assert "in fail" in failure(report).traceback
        assert data(after) == b"x"

    def test_an_exit_of_the_entry_is_a_failure(self, executor: Executor) -> None:
        (report,) = run(executor, launch("leave", b"enough"))
        assert (failure(report).cause, failure(report).message) == (Cause.ERROR, "SystemExit: enough")

    @pytest.mark.parametrize("entry", ["nowhere", "return_nothing"])
    def test_an_entry_that_is_none_is_a_failure(self, executor: Executor, entry: str) -> None:
        (report,) = run(executor, launch(entry))
        assert failure(report).cause is Cause.ERROR
        assert entry in failure(report).message

    def test_a_module_that_is_not_there_is_a_failure(self, executor: Executor) -> None:
        (report,) = run(executor, Launch(1, 0, 1, "no_such_module:entry", b""))
        assert "no_such_module" in failure(report).message

    def test_huge_payloads_and_results_arrive(self, executor: Executor) -> None:
        reports = run(
            executor,
            launch("measure", b"x" * HUGE),
            launch("enlarge", str(HUGE).encode(), task=1),
            launch("give_back", b"y" * HUGE, task=2),
        )
        assert data(reports[0]) == str(HUGE).encode()
        assert data(reports[1]) == b"x" * HUGE
        assert data(reports[2]) == b"y" * HUGE

    def test_the_context_is_one_per_worker(self, executor: Executor) -> None:
        reports = [run(executor, launch("describe", task=task))[0] for task in range(10)]
        facts = [msgspec.msgpack.decode(data(report)) for report in reports]
        assert [each["worker"] for each in facts] == [report.worker for report in reports]
        for worker in {each["worker"] for each in facts}:
            counts = [each["kit"] for each in facts if each["worker"] == worker]
            assert counts == list(range(1, len(counts) + 1))

    def test_canceling_what_nobody_knows_does_nothing(self, executor: Executor) -> None:
        executor.cancel([(9, 9, 9)], 1.0)
        assert executor.poll() == []
        assert data(run(executor, launch("give_back", b"x"))[0]) == b"x"

    def test_canceling_what_has_been_reported_does_nothing(self, executor: Executor) -> None:
        run(executor, launch("give_back", b"x"))
        executor.cancel([(1, 0, 1)], 0.0)
        assert data(run(executor, launch("give_back", b"y", task=1))[0]) == b"y"
        assert executor.poll() == []

    def test_close_twice(self, executor: Executor) -> None:
        executor.start(launches("give_back", [b"x"] * 20))
        executor.close()
        executor.close()


class IsolatedExecutorSuite(ExecutorSuite):
    """What holds for executors that run attempts in processes of their own on this machine: attempts can be killed.

    The executor of the fixture has `slots` slots. `holds_ahead`: it queues short attempts in busy workers.
    """

    slots = 2
    holds_ahead = True

    @pytest.fixture
    def gates(self, tmp_path: Path) -> Iterator[list[Gate]]:
        gates = [Gate(tmp_path / f"gate-{number}") for number in range(self.slots + 2)]
        yield gates
        for gate in gates:
            gate.close()

    def hold_all_slots(self, executor: Executor, gates: list[Gate], label: str = "hold") -> None:
        """Every slot gets an attempt that waits at its gate: tasks 0 and up."""
        for task, gate in enumerate(gates[: self.slots]):
            executor.start([launch("hold", gate.payload, task, label=label)])

    def test_a_worker_is_a_process_of_its_own(self, executor: Executor) -> None:
        (report,) = run(executor, launch("describe"))
        facts = msgspec.msgpack.decode(data(report))
        assert facts["pid"] != os.getpid()
        assert facts["leader"]
        assert facts["sigint"]
        assert facts["stdin"] == b""
        assert facts["cwd"] == os.getcwd()

    def test_an_interrupt_raised_by_an_attempt_is_its_own(self, executor: Executor) -> None:
        (report,) = run(executor, launch("interrupt"))
        assert failure(report).message == "KeyboardInterrupt"

    def test_an_exit_code_is_reported(self, executor: Executor) -> None:
        (report,) = run(executor, launch("exit_with", b"3"))
        outcome = failure(report)
        assert (outcome.cause, outcome.exit_code, outcome.signal) == (Cause.LOST, 3, None)
        assert outcome.message == "exited with code 3"

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
    def test_a_signal_is_reported(self, executor: Executor, number: signal.Signals) -> None:
        (report,) = run(executor, launch("die_by", str(int(number)).encode()))
        outcome = failure(report)
        assert (outcome.cause, outcome.exit_code, outcome.signal) == (Cause.LOST, None, number)
        assert outcome.message == f"was killed by signal {int(number)} ({number.name})"

    def test_a_worker_killed_from_outside_is_noticed_and_replaced(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold", gates[0].payload)])
        os.kill(gates[0].wait_begun(), signal.SIGKILL)
        (report,) = collect(executor, 1)
        assert (failure(report).cause, failure(report).signal) == (Cause.LOST, signal.SIGKILL)
        gates[0].wait_dead()
        assert data(run(executor, launch("give_back", b"on", task=1))[0]) == b"on"

    def test_what_was_queued_behind_a_killed_attempt_is_not_blamed(self, executor: Executor, gates: list[Gate]) -> None:
        teach(executor, "short", self.holds_ahead)
        self.hold_all_slots(executor, gates, "short")
        executor.start([launch("give_back", b"", task, label="short") for task in range(10, 30)])
        for pid in [gate.wait_begun() for gate in gates[: self.slots]]:
            os.kill(pid, signal.SIGKILL)
        reports = {report.task: report for report in collect(executor, self.slots + 20)}
        assert all(failure(reports[task]).cause is Cause.LOST for task in range(self.slots))
        assert all(isinstance(reports[task].outcome, Value | Returned) for task in range(10, 30))

    def test_the_attempt_that_kills_is_the_one_that_is_blamed(self, executor: Executor) -> None:
        teach(executor, "short", self.holds_ahead)
        started = [launch("give_back", b"", task, label="short") for task in range(60)]
        started[30] = launch("die_by", b"9", 30, label="short")
        reports = run(executor, *started)
        assert failure(reports[30]).signal == signal.SIGKILL
        for report in reports[31:]:
            assert isinstance(report.outcome, Value | Returned)

    def test_fork_in_an_attempt_reports_once(self, executor: Executor) -> None:
        reports = run(executor, *launches("come_back_twice", [b""] * 5))
        assert [data(report) for report in reports] == [b"parent"] * 5
        assert data(run(executor, launch("give_back", b"x", task=9))[0]) == b"x"

    def test_a_report_that_cannot_be_sent_is_a_failure(self, executor: Executor) -> None:
        (report,) = run(executor, launch("garble"))
        assert "cannot be sent" in failure(report).message

    def test_no_more_run_at_once_than_there_are_slots(self, executor: Executor, gates: list[Gate]) -> None:
        self.hold_all_slots(executor, gates)
        executor.start([launch("hold", gates[self.slots].payload, self.slots)])
        for gate in gates[: self.slots]:
            gate.wait_begun(executor)
        assert not gates[self.slots].begins(executor, within=0.3)
        for gate in gates:
            gate.open()
        assert [data(report) for report in collect(executor, self.slots + 1)] == [b"released"] * (self.slots + 1)

    def test_a_launch_of_all_slots_runs_alone(self, executor: Executor, gates: list[Gate]) -> None:
        wide = launch("hold", gates[0].payload, slots=self.slots)
        executor.start([wide, launch("hold", gates[1].payload, task=1)])
        gates[0].wait_begun(executor)
        gates[0].open()
        (report,) = collect(executor, 1)
        assert report.task == 0
        gates[1].wait_begun(executor)
        gates[1].open()
        assert collect(executor, 1)[0].task == 1

    def test_a_launch_of_more_slots_than_there_are_takes_them_all(self, executor: Executor) -> None:
        assert data(run(executor, launch("give_back", b"x", slots=1000))[0]) == b"x"

    def test_what_is_behind_a_long_attempt_is_run_elsewhere(self, executor: Executor, gates: list[Gate]) -> None:
        """The label promised short attempts; one of them is not."""
        teach(executor, "short", self.holds_ahead)
        started = [launch("give_back", b"", task, label="short") for task in range(100)]
        started[3] = launch("hold", gates[0].payload, 3, label="short")
        executor.start(started)
        reports = collect(executor, 99)
        assert sorted(report.task for report in reports) == [task for task in range(100) if task != 3]
        gates[0].open()
        assert data(collect(executor, 1)[0]) == b"released"
