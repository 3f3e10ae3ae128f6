"""Canceling, output and disorder: what executors that subclass `IsolatedExecutorSuite` must stand, too."""

# ruff: noqa: S101, S311

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from time import monotonic

import pytest

from manyhands.model.outcomes import Failure, Launch, Report, Returned, Value
from manyhands.model.states import Cause
from manyhands.ports.executor import Executor
from manyhands.testing.executor_kit import (
    PATIENCE,
    Gate,
    collect,
    data,
    failure,
    launch,
    launches,
    run,
    teach,
    wait,
)


class OutputSuite:
    """What attempts print, for a subclass of `IsolatedExecutorSuite` whose fixture `log_folder` is where it is kept."""

    @pytest.fixture
    def log_folder(self) -> Path:
        raise NotImplementedError("a subclass says where its executor keeps output")

    def printed(self, folder: Path, report: Report) -> str:
        if report.log is None:
            return ""
        return (folder / report.log.file).read_bytes()[report.log.start : report.log.end].decode()

    def test_what_an_attempt_prints_is_kept_apart(self, executor: Executor, log_folder: Path) -> None:
        texts = [f"number {number}\n" * (number % 4) for number in range(100)]
        reports = run(executor, *launches("speak", [text.encode() for text in texts]))
        assert [self.printed(log_folder, report) for report in reports] == texts
        assert all((report.log is None) == (not text) for report, text in zip(reports, texts, strict=True))

    def test_a_line_without_an_end_is_kept(self, executor: Executor, log_folder: Path) -> None:
        reports = run(executor, launch("speak", b"no end"), launch("speak", "größer".encode(), task=1))
        assert [self.printed(log_folder, report) for report in reports] == ["no end", "größer"]

    def test_what_a_child_prints_is_kept(self, executor: Executor, log_folder: Path) -> None:
        (report,) = run(executor, launch("speak_through_child", b"from below"))
        assert self.printed(log_folder, report) == "from below\n"

    def test_what_a_lost_attempt_printed_is_kept(self, executor: Executor, log_folder: Path) -> None:
        run(executor, launch("speak", b"before\n"), launch("speak", b"before\n", task=1))
        (report,) = run(executor, launch("speak_and_die", b"last words", task=2))
        assert failure(report).cause is Cause.LOST
        assert self.printed(log_folder, report) == "last words\n"

    def test_what_a_canceled_attempt_printed_is_kept(
        self, executor: Executor, log_folder: Path, gates: list[Gate]
    ) -> None:
        executor.start([launch("speak_and_hold", gates[0].payload)])
        gates[0].wait_begun()
        executor.cancel([(1, 0, 1)], 0.0)
        (report,) = collect(executor, 1)
        assert failure(report).cause is Cause.CANCELED
        assert self.printed(log_folder, report) == "holding\n"


class CancelSuite:
    """Canceling, for a subclass of `IsolatedExecutorSuite`."""

    slots = 2
    holds_ahead = True

    def test_a_running_attempt_is_stopped(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold", gates[0].payload)])
        gates[0].wait_begun()
        executor.cancel([(1, 0, 1)], PATIENCE)
        (report,) = collect(executor, 1)
        assert (failure(report).cause, failure(report).signal) == (Cause.CANCELED, signal.SIGTERM)
        gates[0].wait_dead()
        assert data(run(executor, launch("give_back", b"on", task=1))[0]) == b"on"

    def test_an_attempt_may_end_in_order(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold_orderly", gates[0].payload)])
        gates[0].wait_begun()
        executor.cancel([(1, 0, 1)], PATIENCE)
        (report,) = collect(executor, 1)
        assert (failure(report).cause, failure(report).exit_code) == (Cause.CANCELED, 7)
        assert gates[0].read_last_word() == 7

    def test_a_stubborn_attempt_is_killed(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold_stubbornly", gates[0].payload)])
        gates[0].wait_begun()
        before = monotonic()
        executor.cancel([(1, 0, 1)], 0.2)
        (report,) = collect(executor, 1)
        assert (failure(report).cause, failure(report).signal) == (Cause.CANCELED, signal.SIGKILL)
        assert monotonic() - before >= 0.2
        gates[0].wait_dead()

    def test_a_value_that_was_there_before_the_end_stands(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold_bravely", gates[0].payload)])
        gates[0].wait_begun()
        executor.cancel([(1, 0, 1)], PATIENCE)
        (report,) = collect(executor, 1)
        assert data(report) == b"finished"
        assert data(run(executor, launch("give_back", b"on", task=1))[0]) == b"on"

    @pytest.mark.parametrize("grace", [0.0, 0.3])
    def test_the_children_of_an_attempt_die_with_it(self, executor: Executor, gates: list[Gate], grace: float) -> None:
        executor.start([launch("hold_with_child", gates[0].payload)])
        gates[0].wait_begun()
        executor.cancel([(1, 0, 1)], grace)
        assert failure(collect(executor, 1)[0]).cause is Cause.CANCELED
        gates[0].wait_dead()

    def test_the_children_of_a_killed_worker_die_with_it(self, executor: Executor, gates: list[Gate]) -> None:
        executor.start([launch("hold_with_child", gates[0].payload)])
        os.kill(gates[0].wait_begun(), signal.SIGKILL)
        assert failure(collect(executor, 1)[0]).cause is Cause.LOST
        gates[0].wait_dead()

    def test_an_attempt_that_lets_no_thread_run_is_stopped(self, executor: Executor, gates: list[Gate]) -> None:
        teach(executor, "short", self.holds_ahead)
        executor.start([launch("hold_the_interpreter", gates[0].payload, label="short")])
        gates[0].wait_begun()
        executor.start([launch("give_back", b"", task, label="short") for task in range(1, 40)])
        executor.cancel([(1, 0, 1)], PATIENCE)
        reports = {report.task: report for report in collect(executor, 40)}
        assert failure(reports.pop(0)).cause is Cause.CANCELED
        assert all(isinstance(report.outcome, Value | Returned) for report in reports.values())

    def test_what_has_not_begun_never_begins(self, executor: Executor, gates: list[Gate]) -> None:
        teach(executor, "short", self.holds_ahead)
        for task, gate in enumerate(gates[: self.slots]):
            executor.start([launch("hold", gate.payload, task, label="short")])
        executor.start([launch("hold", gates[-1].payload, task, label="short") for task in range(10, 20)])
        for gate in gates[: self.slots]:
            gate.wait_begun(executor)
        executor.cancel([(1, task, 1) for task in range(10, 20)], 0.0)
        reports = collect(executor, 10)
        assert sorted(report.task for report in reports) == list(range(10, 20))
        assert all(failure(report).cause is Cause.CANCELED for report in reports)
        for gate in gates[: self.slots]:
            gate.open()
        assert [data(report) for report in collect(executor, self.slots)] == [b"released"] * self.slots
        assert not gates[-1].begins(executor, within=0.1)

    def test_only_what_was_canceled_is_stopped(self, executor: Executor, gates: list[Gate]) -> None:
        """Behind the canceled attempt others wait in the same worker, and before it some have just ended."""
        teach(executor, "short", self.holds_ahead)
        started = [launch("give_back", b"", task, label="short") for task in range(100)]
        started[5] = launch("hold", gates[0].payload, 5, label="short")
        executor.start(started)
        gates[0].wait_begun()
        executor.cancel([(1, 5, 1)], PATIENCE)
        reports = sorted(collect(executor, 100), key=lambda report: report.task)
        assert failure(reports.pop(5)).cause is Cause.CANCELED
        assert all(isinstance(report.outcome, Value | Returned) for report in reports)

    def test_all_at_once(self, executor: Executor) -> None:
        started = launches("take", [b"30"] * 30)
        executor.start(started)
        executor.cancel([(1, task, 1) for task in range(30)], 0.0)
        reports = collect(executor, 30)
        assert {failure(report).cause for report in reports} == {Cause.CANCELED}


class MixedSuite:
    """Everything at once, with kills, for a subclass of `IsolatedExecutorSuite`."""

    @pytest.mark.parametrize("seed", [1, 2])
    def test_every_launch_is_reported_once_whatever_happens(self, executor: Executor, seed: int) -> None:
        world = random.Random(seed)
        todo = [mixed(world, task) for task in range(5000)]
        unreported: dict[int, Launch] = {}
        seen: list[Report] = []
        until = monotonic() + PATIENCE
        while todo or unreported:
            assert monotonic() < until, f"{len(unreported)} launches were never reported"
            room = max(0, executor.slots + executor.backlog() - len(unreported))
            batch = [todo.pop() for _ in range(min(room, len(todo), world.randrange(1, 200)))]
            unreported |= {each.task: each for each in batch}
            executor.start(batch)
            reports = executor.poll()
            for report in reports:
                del unreported[report.task]
            seen += reports
            upset(world, executor, unreported, reports)
            if not reports:
                wait(executor, until)
        assert executor.poll() == []
        assert sorted(report.task for report in seen) == list(range(5000))
        assert sum(isinstance(report.outcome, Value) for report in seen) > 2500
        for report in seen:
            expected(report)


def mixed(world: random.Random, task: int) -> Launch:
    entry, payload = world.choices(
        [("give_back", b"x" * world.randrange(2000)), ("take", str(world.random() / 200).encode()), ("fail", b"no"),
         ("speak", b"line\n" * world.randrange(3)), ("exit_with", b"4"), ("die_by", b"9"), ("enlarge", b"300000")],
        [60, 15, 10, 10, 0.7, 0.7, 3],
    )[0]  # fmt: skip
    return launch(entry, payload, task, label=world.choice(["", "one", entry]))


def upset(world: random.Random, executor: Executor, unreported: dict[int, Launch], reports: list[Report]) -> None:
    """Now and then cancel something, or kill a worker."""
    if unreported and world.random() < 0.02:
        executor.cancel([(1, task, 1) for task in world.sample(sorted(unreported), 1)], world.choice([0.0, 0.05]))
    pid = reports[-1].worker.rpartition(":")[2] if reports else ""
    if pid and world.random() < 0.01:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


def expected(report: Report) -> None:
    if isinstance(report.outcome, Failure):
        assert report.outcome.cause in (Cause.ERROR, Cause.LOST, Cause.CANCELED), report
    else:
        assert isinstance(report.outcome, Value | Returned)
