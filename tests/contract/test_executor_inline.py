"""The executor `inline` keeps the contract."""

from collections.abc import Iterator

import pytest

from manyhands.executors.inline import InlineExecutor
from manyhands.model.outcomes import Failure
from manyhands.model.states import Cause
from manyhands.testing.executor_suite import ExecutorSuite, data, failure, launch, launches


class TestInline(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Iterator[InlineExecutor]:
        executor = InlineExecutor(settings={"a": 1})
        yield executor
        executor.close()

    def test_each_poll_runs_one_in_order(self, executor: InlineExecutor) -> None:
        executor.start(launches("give_back", [b"0", b"1", b"2"]))
        assert [[data(report) for report in executor.poll()] for _ in range(4)] == [[b"0"], [b"1"], [b"2"], []]

    def test_it_has_no_descriptor(self, executor: InlineExecutor) -> None:
        assert executor.fileno() is None

    def test_what_is_queued_can_be_canceled(self, executor: InlineExecutor) -> None:
        executor.start(launches("give_back", [b"0", b"1", b"2"]))
        executor.cancel([(1, 1, 1)], 0.0)
        (report,) = executor.poll()
        assert (report.task, failure(report).cause) == (1, Cause.CANCELED)
        assert [report.task for _ in range(3) for report in executor.poll()] == [0, 2]

    def test_an_interrupt_comes_through_and_the_attempt_is_reported_all_the_same(
        self, executor: InlineExecutor
    ) -> None:
        executor.start([launch("interrupt"), launch("give_back", b"x", task=1)])
        with pytest.raises(KeyboardInterrupt):
            executor.poll()
        (report,) = executor.poll()
        assert report.task == 0
        assert isinstance(report.outcome, Failure)
        assert report.outcome.cause is Cause.CANCELED
        assert data(executor.poll()[0]) == b"x"
